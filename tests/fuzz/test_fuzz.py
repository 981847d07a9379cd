# SPDX-License-Identifier: BSD-2-Clause
"""A short piece of scripts/check/fuzz.py: the kept inputs of each target and some new ones, with sanitizers."""

import unittest

from scripts.build import made
from scripts.check import fuzz

RUNS = 2000
SLOW = {"send": 150, "config": 300, "connect": 100, "frontend": 300, "netback": 1000}    # these take milliseconds each
DRIVER_EDGES = 500


class Fuzz(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with made.one_at_a_time(print):
            fuzz.build(False)

    def passes(self, target):
        runs = SLOW.get(target, RUNS)
        status, inputs, edges, text = fuzz.fuzz(target, 0, False, [f"-runs={runs}", "-seed=1"])
        self.assertEqual(status, 0, fuzz.failure(target, 0, text))
        self.assertGreaterEqual(inputs, runs)
        self.assertGreater(edges, 100)

    def test_a_planted_failure_is_found(self):
        status, _, _, text = fuzz.fuzz("planted", 0, False, ["-runs=300000", "-seed=1"])
        self.assertNotEqual(status, 0, "the fuzzer does not go by coverage")
        self.assertIn("fuzz: the planted failure", fuzz.failure("planted", 0, text))

    def test_the_image_itself_guides(self):
        _, _, edges, text = fuzz.fuzz("oid", 0, False, ["-runs=0"])
        self.assertIn("Loaded 2 modules", text)
        self.assertGreater(edges, DRIVER_EDGES)


def _add(target):
    setattr(Fuzz, f"test_{target}_breaks_nothing", lambda self: self.passes(target))


for _target in fuzz.TARGETS:
    _add(_target)


if __name__ == "__main__":
    unittest.main()
