"""What the conformance tests say of each rule, and mutations that turn them red."""
import os
import re
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
OUTCOME = re.compile(r"\[ +(OK|FAILED) +\] (r(\d+)_\w+)")


def table(name):
    """Lines of a table: what is before the first blank, and the rest."""
    with open(os.path.join(HERE, name)) as f:
        rows = [line.strip() for line in f if line.strip() and not line.startswith("#")]
    return [tuple(row.split(" ", 1)) for row in rows]


def rules():
    """[(number, source, claim)]"""
    return [(int(tag[1:]), *rest.split(" ", 1)) for tag, rest in table("rules.txt")]


def outcomes(outputs):
    """{rule: False if any of its tests failed} of what programs printed."""
    found = {}
    for output in outputs:
        for what, _, number in OUTCOME.findall(output):
            found[int(number)] = found.get(int(number), True) and what == "OK"
    return found


def lines(found):
    """A line a rule, and how many have no test."""
    otherwise = dict(table("otherwise.txt"))
    text, missing = [], 0
    for number, source, claim in rules():
        tag = f"R{number}"
        if number not in found:
            word, missing = "missing", missing + 1
        elif not found[number]:
            word = "failed"
        else:
            word = "otherwise" if tag in otherwise else "passed"
        text.append(f"  {tag:4} {word:9} {claim}")
        if word == "otherwise":
            if source != "inferred" and number != 65:
                raise SystemExit(f"{tag} may not be decided otherwise")
            text.append(f"       {otherwise[tag]}")
    return text, missing


class Mutation:
    """One change of the product: the text to find, once, and what stands there instead."""

    def __init__(self, rule, path, old, new):
        self.rule, self.path, self.old, self.new = rule, path, old, new

    def error(self, root=ROOT):
        with open(os.path.join(root, self.path)) as f:
            n = f.read().count(self.old)
        return None if n == 1 else f"R{self.rule}: {self.path} has {n} of {self.old!r}"


def mutations():
    """Of mutations.txt: "R12 FILE", then the old text and the new one, indented by - and +."""
    found, rule, path, old, new = [], None, None, [], []

    def end():
        if rule is not None:
            found.append(Mutation(rule, path, "\n".join(old), "\n".join(new)))

    with open(os.path.join(HERE, "mutations.txt")) as f:
        for line in f.read().split("\n"):
            if line.startswith("R"):
                end()
                tag, path = line.split(" ")
                rule, old, new = int(tag[1:]), [], []
            elif line.startswith("-"):
                old.append(line[1:])
            elif line.startswith("+"):
                new.append(line[1:])
    end()
    return found


def run(argv, folder):
    return subprocess.run(argv, cwd=folder, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def copy_tree(folder):
    files = run(["git", "ls-files"], ROOT).stdout.split("\n")
    for name in filter(None, files):
        there = os.path.join(folder, name)
        os.makedirs(os.path.dirname(there), exist_ok=True)
        shutil.copy2(os.path.join(ROOT, name), there)


def programs(folder):
    tests = os.path.join(folder, "build", "tests")
    return sorted(os.path.join(tests, name) for name in os.listdir(tests)
                  if name.startswith("test-conformance-") and not name.endswith(".p"))


def is_red(folder, rule):
    """Does a test of the rule fail?"""
    red = False
    for program in programs(folder):
        try:
            done = subprocess.run([program, f"r{rule:02}_"], cwd=folder, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=120, errors="replace")
            red = red or done.returncode != 0
        except subprocess.TimeoutExpired:
            red = True
    return red


def try_mutation(folder, mutation, say):
    path = os.path.join(folder, mutation.path)
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(text.replace(mutation.old, mutation.new))
    built = run(["ninja", "-C", "build", *targets(folder)], folder)
    red = built.returncode == 0 and is_red(folder, mutation.rule)
    with open(path, "w") as f:
        f.write(text)
    if built.returncode != 0:
        say(f"not ok R{mutation.rule}: the mutation of {mutation.path} does not compile\n"
            + built.stdout[-2000:])
    else:
        say(f"{'ok' if red else 'not ok'} R{mutation.rule} {'turns red' if red else 'stays green'}"
            f" by {mutation.path}")
    return red


def targets(folder):
    return ["tests/" + os.path.basename(name) for name in programs_of(folder)]


def programs_of(folder):
    listed = run(["meson", "introspect", "--targets", "build"], folder).stdout
    return sorted(set(re.findall(r'"(test-conformance-[\w-]+)"', listed)))


def mutate(wanted, say):
    """Try mutations of these rules, all when there are none. True when all turn red."""
    chosen = [m for m in mutations() if not wanted or f"R{m.rule}" in wanted]
    errors = [e for e in (m.error() for m in chosen) if e]
    for error in errors:
        say(f"not ok {error}")
    if errors or not chosen:
        return False
    folder = tempfile.mkdtemp(prefix="postern-mutate-")
    try:
        copy_tree(folder)
        done = run(["meson", "setup", "build", "-Dbuildtype=debug", "-Dwerror=false"], folder)
        if done.returncode == 0:
            done = run(["ninja", "-C", "build", *targets(folder)], folder)
        if done.returncode != 0:
            say(done.stdout[-4000:])
            return False
        red = [m.rule for m in chosen if try_mutation(folder, m, say)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    turned = sorted(set(red))
    say(f"{len(turned)} of {len({m.rule for m in chosen})} rules turn red")
    return len(red) == len(chosen)
