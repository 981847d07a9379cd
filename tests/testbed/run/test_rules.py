# SPDX-License-Identifier: BSD-2-Clause
"""The rules that the testbed enforces, the table of them in docs/testbed.md, and the tests that break them: each
rule in one is in the others. The sources are read as text: a rule's name is a literal at each place that may break
it."""

import re
import unittest

from scripts.cli import ROOT

SOURCES = sorted((ROOT / "testbed").rglob("*.[ch]"))
ROW = re.compile(r"^\| `([\w-]+)` \| .+ \| `(\w+)` \|$", re.MULTILINE)
CALL = re.compile(r"\b(RULE|RULE_DOCUMENTED|rule_break|image_hooks_given->broken)\((?!const |condition|\(rule\))")


def arguments(text, start):
    """The arguments of a call, as they are written; `start` is behind its opening bracket."""
    found, depth, begin, at = [], 0, start, start
    while depth >= 0:
        if text[at] in "\"'":
            quote, at = text[at], at + 1
            while text[at] != quote:
                at += 2 if text[at] == "\\" else 1
        depth += (text[at] in "([{") - (text[at] in ")]}")
        if depth < 0 or depth == 0 and text[at] == ",":
            found.append(text[begin:at].strip())
            begin = at + 1
        at += 1
    return found


def enforced():
    """{rule: where it may be broken}."""
    found = {}
    for path in SOURCES:
        text = path.read_text()
        for call in CALL.finditer(text):
            name = arguments(text, call.end())[1 if call.group(1).startswith("RULE") else 0]
            found.setdefault(name.strip('"'), set()).add(path.name)
    return found


class Rules(unittest.TestCase):
    def setUp(self):
        self.documented = dict(ROW.findall((ROOT / "docs" / "testbed.md").read_text()))
        self.enforced = enforced()

    def test_every_rule_that_is_enforced_is_documented(self):
        self.assertGreater(len(self.enforced), 50)
        self.assertEqual({name: where for name, where in self.enforced.items() if name not in self.documented}, {})

    def test_every_rule_that_is_documented_is_enforced(self):
        self.assertEqual(sorted(set(self.documented) - set(self.enforced)), [])

    def test_every_rule_is_broken_by_the_test_that_is_named(self):
        for name, test in self.documented.items():
            with self.subTest(rule=name):
                self.assertTrue(test.endswith("_rules"))
                text = next((ROOT / "tests").rglob(f"{test}.c")).read_text()
                expected = re.search(rf'\w\((?:[^"\n]*, )?"{name}"[,)]|"rule {name}: ?', text)
                self.assertIsNotNone(expected, f"{test}.c breaks no rule '{name}'")
