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
    """One change of the product: (file, text to find once, what stands there instead) each."""

    def __init__(self, rule):
        self.rule, self.edits = rule, []

    def error(self, root=ROOT):
        for path, old, _ in self.edits:
            with open(os.path.join(root, path)) as f:
                n = f.read().count(old)
            if n != 1:
                return f"R{self.rule}: {path} has {n} of {old!r}"
        return None

    def apply(self, folder):
        """Returns what is needed to undo it: {path: text}."""
        before = {}
        for path, old, new in self.edits:
            full = os.path.join(folder, path)
            with open(full) as f:
                text = f.read()
            before.setdefault(full, text)
            with open(full, "w") as f:
                f.write(text.replace(old, new))
        return before

    def files(self):
        return ", ".join(dict.fromkeys(path for path, _, _ in self.edits))


def mutations():
    """Of mutations.txt: "R12 FILE" or "& FILE", then old lines behind "-", new ones behind "+"."""
    found, path, old, new = [], None, [], []

    def end():
        if path is not None:
            found[-1].edits.append((path, "\n".join(old), "\n".join(new)))

    with open(os.path.join(HERE, "mutations.txt")) as f:
        for line in f.read().split("\n"):
            if line.startswith(("R", "& ")):
                end()
                tag, path = line.split(" ")
                if tag != "&":
                    found.append(Mutation(int(tag[1:])))
                old, new = [], []
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


def tests_of(folder, rule):
    """The programs whose sources have a test of the rule."""
    found = []
    for program in programs(folder):
        name = os.path.basename(program)[len("test-conformance-"):]
        with open(os.path.join(folder, "tests", "conformance", f"test_{name}.c")) as f:
            if re.search(rf"^r{rule:02}_", f.read(), re.MULTILINE):
                found.append(program)
    return found


def is_red(folder, rule):
    """Does a test of the rule fail?"""
    red = False
    for program in tests_of(folder, rule):
        try:
            done = subprocess.run([program, f"r{rule:02}_"], cwd=folder, text=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=120, errors="replace")
            red = red or done.returncode != 0
        except subprocess.TimeoutExpired:
            red = True
    return red


def try_mutation(folder, mutation, say):
    before = mutation.apply(folder)
    wanted = ["tests/" + os.path.basename(p) for p in tests_of(folder, mutation.rule)]
    built = run(["ninja", "-C", "build", *wanted], folder)
    red = built.returncode == 0 and is_red(folder, mutation.rule)
    for path, text in before.items():
        with open(path, "w") as f:
            f.write(text)
    if built.returncode != 0:
        say(f"not ok R{mutation.rule}: the mutation of {mutation.files()} does not compile\n"
            + built.stdout[-2000:])
    else:
        say(f"{'ok' if red else 'not ok'} R{mutation.rule} {'turns red' if red else 'stays green'}"
            f" by {mutation.files()}")
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
    unknown = [tag for tag in wanted if tag not in {f"R{m.rule}" for m in chosen}]
    if unknown:
        say(f"not ok: no mutation of {', '.join(unknown)}; rules are named like R12")
    if errors or unknown or not chosen:
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
        weak = [m.rule for m in chosen if is_red(folder, m.rule)]
        if weak:
            say(f"not ok: red without a mutation: {', '.join(f'R{n}' for n in weak)}")
            return False
        red = [m.rule for m in chosen if try_mutation(folder, m, say)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    turned = sorted(set(red))
    say(f"{len(turned)} of {len({m.rule for m in chosen})} rules turn red")
    return len(red) == len(chosen)
