# SPDX-License-Identifier: BSD-2-Clause
"""A short piece of scripts/check/sanitized.py: nothing is found in the driver, and what is planted is."""

import unittest

from scripts.build import made
from scripts.build.tree import Tree
from scripts.check import mutations, sanitized

TESTS = ("test_filters", "test_oids", "test_receive", "test_rss", "test_send", "test_statistics")
PLACE = ("FilterSetMulticast", "Length % ETHERNET_ADDRESS_LENGTH != 0")
# what takes its place, and what is reported
PLANTED = (
    ("(Length != 0 && ((const volatile UCHAR *)Buffer)[Length] == 1) || Length % ETHERNET_ADDRESS_LENGTH != 0",
     "rule address: a read of 1 bytes"),
    ("(1u << (Length + 40)) == 3 || Length % ETHERNET_ADDRESS_LENGTH != 0", "rule undefined: "),
)


class Sanitized(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with made.one_at_a_time(print):
            sanitized.build(TESTS)

    def passes(self, test):
        self.assertIsNone(sanitized.run(test, ["--seeds", "1"]))

    def test_what_is_planted_is_found(self):
        for new, report in PLANTED:
            with self.subTest(report):
                with made.one_at_a_time(print):
                    mutations.copy_sources()
                    driver = mutations.build_with(*PLACE, new, mutations.build_sanitized)
                self.assertIn(report, sanitized.run("test_filters", ["--seeds", "1"], driver) or "nothing")


def _add(test):
    setattr(Sanitized, f"test_nothing_is_found_by_{test[5:]}", lambda self: self.passes(test))


for _test in TESTS[1:]:      # filters take as long as the others together; they serve what is planted
    _add(_test)


if __name__ == "__main__":
    unittest.main()
