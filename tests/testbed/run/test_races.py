# SPDX-License-Identifier: BSD-2-Clause
"""No race in the driver but those that src/xennet/xennet.races explains; scripts/check/races.py has more seeds."""

import unittest

from scripts.build import made
from scripts.check import races

SHORT = tuple(test for test in races.TESTS if test != "test_queues")  # a thousand reconnects take as long as the rest


class Races(unittest.TestCase):
    def test_the_list_names_functions_that_are_there(self):
        self.assertEqual(races.gone(), [])
        self.assertGreater(len(races.NAME.findall(races.KNOWN.read_text())), 0)

    def test_nothing_races_but_what_is_explained(self):
        with made.one_at_a_time(print):
            races.build(SHORT)
        found, known, failures = races.find(SHORT, ["--seeds", "2"])
        self.assertEqual(sorted(found), [])
        self.assertEqual(failures, [])
        self.assertIn("PerProcessorSum / *", known, "the driver reports no accesses, or nobody looks at them")


if __name__ == "__main__":
    unittest.main()
