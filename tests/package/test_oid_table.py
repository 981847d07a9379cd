# SPDX-License-Identifier: BSD-2-Clause
"""docs/oids.md shows the requests of tests/driver/settings/oid_pages.h, which test_oid_pages makes."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "tests" / "driver" / "settings" / "oid_pages.h"
CASE = re.compile(r'CASE\((\w+), (\w+), "([^"]*)", (\w+),\s*\\\s*"([^"]*)", \w+, [^\\]*, (\d+)\) ?\\?$', re.M)


def rows():
    for oid, kind, case, status, page, since in CASE.findall(TABLE.read_text()):
        page = f"`{page}`" if page.startswith(("OID_", "Miniport")) else page
        yield f"| `{oid}` | {kind} | {case} | `{status}` | {page} | 6.{since} |"


class OidTable(unittest.TestCase):
    maxDiff = None

    def test_the_page_shows_the_cases_that_are_tried(self):
        cases = list(rows())
        self.assertEqual(len(cases), TABLE.read_text().count("    CASE(OID_"))
        shown = [line for line in (ROOT / "docs" / "oids.md").read_text().splitlines() if line.startswith("| `OID_")]
        self.assertEqual(shown, cases)


if __name__ == "__main__":
    unittest.main()
