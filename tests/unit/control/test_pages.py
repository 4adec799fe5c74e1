#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The manual pages are without a fault and say all there is; the shell completes words.

    test_pages.py POSTERNCTL POSTERN PAGE...
"""

import json
import os
import re
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
POSTERNCTL, POSTERN, *PAGES = sys.argv[1:]
COMPLETION = os.path.join(ROOT, "app", "ctl", "completion", "posternctl")


def run(*argv):
    env = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "200", "MANROFFSEQ": "",
           "ASAN_OPTIONS": "detect_leaks=0"}
    return subprocess.run(argv, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, env=env)


def page(name):
    return [path for path in PAGES if os.path.basename(path) == name][0]


def text_of(name):
    return run("mandoc", "-T", "utf8", "-O", "width=200", page(name)).stdout.replace("_\b", "")


def plain(text):
    return re.sub(".\b", "", text)


def options_of(program, *words):
    return re.findall(r"^ {2,6}(?:-\w, )?(--[a-z-]+)", run(program, *words, "--help").stdout, re.M)


class Pages(unittest.TestCase):
    def test_mandoc_finds_no_fault(self):
        for path in PAGES:
            done = run("mandoc", "-T", "lint", "-W", "warning", path)
            self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_man_finds_no_fault(self):
        for path in PAGES:
            done = run("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertGreater(len(done.stdout), 1000)

    def test_all_three_are_there(self):
        self.assertEqual(sorted(map(os.path.basename, PAGES)),
                         ["postern.8", "postern.json.5", "posternctl.8"])

    def test_commands_and_options_are_told_of(self):
        text = plain(text_of("posternctl.8"))
        commands = re.findall(r"^  ([a-z]+)", run(POSTERNCTL, "--help").stdout, re.M)
        self.assertGreaterEqual(len(commands), 4)
        for command in commands:
            self.assertRegex(text, rf"(?m)^   {command}\b")
            for option in options_of(POSTERNCTL, command):
                self.assertRegex(text, rf"(?m)^ +(-\w, )?{option}\b")
        for option in options_of(POSTERN):
            self.assertIn(option, plain(text_of("postern.8")))

    def test_keys_are_told_of(self):
        text = plain(text_of("postern.json.5"))
        with open(os.path.join(ROOT, "config", "schema.json")) as f:
            schema = json.load(f)

        def check(key, path):
            for name, one in key.get("properties", {}).items():
                below = f"{path}.{name}" if path else name
                self.assertRegex(text, rf"(?m)^ +{re.escape(below)}\b")
                check(one, below)
            for kind, suffix in (("additionalProperties", ".NAME"), ("items", "[]")):
                if isinstance(key.get(kind), dict):
                    check(key[kind], path + suffix)

        check(schema, "")
        self.assertIn("a number from 64 to 1048576; by default 1024", text)


class Completion(unittest.TestCase):
    def complete(self, *words):
        script = f"source '{COMPLETION}'; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); " \
                 "_posternctl; printf '%s\\n' \"${COMPREPLY[@]}\""
        done = run("bash", "--norc", "-c", script, "bash", POSTERNCTL, *words)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_bash_completes(self):
        self.assertEqual(self.complete("st"), ["status"])
        self.assertIn("connections", self.complete("show", ""))
        self.assertEqual(self.complete("show", "connections", "--st"), ["--state"])
        self.assertEqual(self.complete("show", "connections", "path", "f"), ["fast"])
        self.assertEqual(self.complete("nothing", ""), [])

    def test_bash_knows_the_name(self):
        done = run("bash", "--norc", "-c", f"source '{COMPLETION}'; complete -p posternctl")
        self.assertEqual(done.stdout.strip(), "complete -F _posternctl posternctl")


if __name__ == "__main__":
    result = unittest.main(argv=sys.argv[:1], exit=False).result
    wrong = len(result.failures) + len(result.errors)
    print(f"[  PASSED  ] {result.testsRun - wrong} test(s).")  # as cmocka says it
    if wrong:
        print(f"[  FAILED  ] {wrong} test(s).")
    sys.exit(1 if wrong else 0)
