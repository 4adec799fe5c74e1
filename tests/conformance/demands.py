"""What tests say of each demand of the RFCs.

Two kinds of tests know them by name: C tests over virtual ports, and those of the lab,
which run through Postern and through the kernel's NAT.
"""
import re

from report import table

OTHERWISE_MOST = 5
IN_C = re.compile(r"\[ +(OK|FAILED) +\] (rfc\d+_\w+)")
IN_LAB = re.compile(r"^(postern|linux) (passed|failed|skipped|not applicable) (rfc\d+_\w+)(.*)",
                    re.MULTILINE)
BASE = ("rfc4787_", "rfc5382_", "rfc5508_")
THE_BASE_HOLDS = "rfc6888_req1"  # has no test of its own: those of three RFCs are it
WIDTH = 24


def demands():
    """[(tag, strength, claim)]"""
    return [(tag, *rest.split(" ", 1)) for tag, rest in table("demands.txt")]


def pending():
    """Tags of what is not done yet, which fails nothing."""
    return {row[0] for row in table("pending.txt")}


def tag_of(test, tags):
    """The demand that a test is named for: of tags that begin its name the longest."""
    fits = [tag for tag in tags if test.startswith(tag + "_")]
    return max(fits, key=len, default=None)


def add(found, tag, word):
    """One more test of a demand: one that failed counts most, one that did not run least."""
    order = ["not applicable", "skipped", "passed", "failed"]
    found[tag] = max(found.get(tag, word), word, key=order.index)


class Outcomes:
    """{tag: word} for each column; tests named for no demand; why the lab's failed, by tag."""

    def __init__(self, outputs, lab):
        tags = [tag for tag, _, _ in demands()]
        self.postern, self.linux, self.unknown, self.reasons = {}, {}, [], {}
        self.lab_passed = len(re.findall(r"^postern passed", lab, re.MULTILINE))
        words = {"OK": "passed", "FAILED": "failed"}
        rows = [("postern", words[word], test, "") for output in outputs
                for word, test in IN_C.findall(output)]
        for gate, word, test, reason in rows + IN_LAB.findall(lab):
            tag = tag_of(test, tags)
            if tag is None:
                self.unknown.append(test)
            elif gate == "linux" or word != "not applicable":
                add(self.postern if gate == "postern" else self.linux, tag, word)
            if (gate, word) == ("postern", "failed"):
                self.reasons.setdefault(tag, []).append(test + reason)
        add_base(self.postern, tags)


def add_base(words, tags):
    base = [words.get(tag) for tag in tags if tag.startswith(BASE)]
    if "failed" in base:
        words[THE_BASE_HOLDS] = "failed"
    elif base and None not in base:
        words[THE_BASE_HOLDS] = "skipped" if "skipped" in base else "passed"


def misuse(otherwise, waiting):
    """What the lists say that they may not."""
    strengths = {tag: strength for tag, strength, _ in demands()}
    found = [f"{tag} is no demand" for tag in [*otherwise, *waiting] if tag not in strengths]
    found += [f"{tag} may not be met otherwise" for tag in otherwise
              if strengths.get(tag) == "MUST"]
    if len(otherwise) > OTHERWISE_MOST:
        found.append(f"{len(otherwise)} demands are met otherwise")
    return found


def word_of(tag, strength, seen, otherwise, waiting):
    """(what is printed, what is wrong with it or None)"""
    if strength == "later":
        return "later", None
    done = seen == "passed"
    if tag in waiting:
        return "pending", f"{tag} passes: take it off pending.txt" if done else None
    if seen is None:
        return "missing", f"{tag} has no test"
    if done:
        return "otherwise" if tag in otherwise else "passed", None
    return seen, f"{tag} failed" if seen == "failed" else None


def lines(outcomes):
    """The table, and what is wrong, a line each."""
    otherwise, waiting = dict(table("demands-otherwise.txt")), pending()
    text = [f"  {'demand':{WIDTH}} {'Postern':9} {'Linux':14} claim"]
    wrong = misuse(otherwise, waiting)
    wrong += [f"{test} is named for no demand" for test in outcomes.unknown]
    for tag, strength, claim in demands():
        word, error = word_of(tag, strength, outcomes.postern.get(tag), otherwise, waiting)
        linux = outcomes.linux.get(tag, "not applicable")
        mark = "" if strength == "later" else f"{strength}: "
        text.append(f"  {tag:{WIDTH}} {word:9} {linux:14} {mark}{claim}")
        if word == "otherwise":
            text.append(f"  {'':{WIDTH}} {otherwise[tag]}")
        if error:
            wrong += [error, *outcomes.reasons.get(tag, [])]
    return text, wrong
