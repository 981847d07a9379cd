# SPDX-License-Identifier: BSD-2-Clause
"""Some of the planted faults (scripts/check/faults.py has all), and the list itself: each place can be found."""

import re
import unittest

from scripts.check import faults, mutations
from scripts.check.faults_table import FAULTS, MARK
from scripts.run import machine
from tests.testbed.run.test_rules import enforced

WHY_NOT = machine.why_not()


class List(unittest.TestCase):
    def test_every_place_is_there_once_and_every_rule_is_enforced(self):
        rules = enforced()
        for fault in FAULTS:
            with self.subTest(fault=fault.name):
                mutations.find(mutations.DRIVER, fault.place, fault.old)
                self.assertTrue(not fault.rule or fault.rule in rules)
                self.assertLessEqual((fault.head + fault.new).count(MARK), 1)

    def test_names_are_their_own(self):
        self.assertEqual(len({fault.name for fault in FAULTS}), len(FAULTS))


@unittest.skipIf(WHY_NOT is not None, WHY_NOT)
class Planted(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        faults.prepare()

    def caught(self, fault):
        lacks, words, said = faults.attempt(fault, timed=False)
        self.assertIsNone(lacks, f"{words}\n{said[-4000:]}")


def _add(fault):
    setattr(Planted, f"test_{re.sub(r'[^A-Za-z0-9_.]+', '_', fault.name)}_is_reported", lambda self: self.caught(fault))


for _fault in FAULTS:
    if _fault.quick:
        _add(_fault)


if __name__ == "__main__":
    unittest.main()
