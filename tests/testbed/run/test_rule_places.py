# SPDX-License-Identifier: BSD-2-Clause
"""Every place of testbed/xenbus and testbed/busdriver where a rule may be broken is reached by a test that breaks it
there: the tests report what each rule said, and a place is known by the words of its own that are in that."""

import re
import subprocess
import unittest

from scripts.cli import ROOT
from tests.testbed.run.test_rules import CALL, arguments

FOLDERS = ("xenbus", "busdriver")
PROGRAMS = ("test_xenbus_rules", "test_xenbus_memory_rules", "test_xenbus_store_rules", "test_busdriver")
BROKEN = re.compile(r"^# broke rule ([\w-]+): (.*)$", re.MULTILINE)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
CONVERSION = re.compile(r"%(?:[-+ #0]*\d*(?:\.\d+)?(?:hh|h|ll|l|z)?[diouxXcspn])")


class Place:
    def __init__(self, path, text, call):
        found = arguments(text, call.end())
        rule, form = found[1:3] if call.group(1) == "RULE" else found[:2]
        self.name = f"{path.name}:{text.count(chr(10), 0, call.start()) + 1}"
        self.rule = rule.strip('"')
        words = CONVERSION.split("".join(STRING.findall(form)))
        self.own = sum(map(len, words))     # how much of what it says is its own
        self.says = re.compile(".*".join(map(re.escape, words)))

    def said(self, rule, text):
        return rule == self.rule and self.says.fullmatch(text) is not None


def places():
    found = []
    for path in sorted(path for folder in FOLDERS for path in (ROOT / "testbed" / folder).glob("*.[ch]")):
        text = path.read_text()
        found += [Place(path, text, call) for call in CALL.finditer(text)]
    return found


def missing(found, broken):
    """The places that no report is of; a report is of the place that has most words of its own in it."""
    left = set(place.name for place in found)
    for rule, text in broken:
        saying = [place for place in found if place.said(rule, text)]
        if saying:
            left.discard(max(saying, key=lambda place: place.own).name)
    return sorted(left)


class RulePlaces(unittest.TestCase):
    def test_every_place_is_reached(self):
        found = places()
        self.assertGreater(len(found), 25)
        broken = []
        for program in PROGRAMS:
            done = subprocess.run([str(ROOT / "build" / "tests" / program)], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 0, done.stdout[-2000:])
            broken += BROKEN.findall(done.stdout)
        self.assertEqual(missing(found, broken), [])

    def test_each_place_has_words_of_its_own(self):
        said = [(place.rule, place.says.pattern) for place in places()]
        self.assertEqual(sorted({one for one in said if said.count(one) > 1}), [])

    def test_a_report_counts_for_one_place_only(self):
        """Of two that may say the same, the one that says it in its own words."""
        found = places()
        general = next(place for place in found if place.name.startswith("service.c") and place.rule == "vif-acquire")
        special = next(place for place in found if place.name.startswith("store.c") and place.rule == "vif-acquire")
        text = "STORE Read called without Acquire"
        self.assertTrue(general.said("vif-acquire", text) and special.said("vif-acquire", text))
        self.assertEqual(missing([general, special], [("vif-acquire", text)]), [general.name])
        self.assertEqual(missing([general, special], []), sorted([general.name, special.name]))


if __name__ == "__main__":
    unittest.main()
