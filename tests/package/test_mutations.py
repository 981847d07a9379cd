# SPDX-License-Identifier: BSD-2-Clause
"""The mistakes of scripts/check/mutations_table.py still have their places in the driver and their tests."""

import fnmatch
import re
import unittest

from scripts.check import generated, mutants, mutants_same, mutations, places
from scripts.check.mutations_table import MUTATIONS
from scripts.cli import ROOT, Stop

SAMPLE = """\
#define LIMIT 8
static const struct ROW Table[] = {{1, 2}, {3, 4}};
_IRQL_requires_max_(DISPATCH_LEVEL)
VOID First(ULONG Value);
_Use_decl_annotations_ VOID
First(ULONG Value)
{
    if (Value > LIMIT) {  // a comment with LIMIT
        Value = LIMIT;
    }
}
VOID Second(VOID) { First(LIMIT); }
"""


def cases():
    """{test file: its cases} of the C tests."""
    return {path.stem: re.findall(r"^[A-Z_]*TEST[A-Z_]*\((\w+)", path.read_text(), re.MULTILINE)
            for path in (ROOT / "tests").rglob("test_*.c")}


class Places(unittest.TestCase):
    def text(self, where, pattern):
        return [SAMPLE[start:end] for start, end in places.find(SAMPLE, where, pattern)]

    def test_words_are_found_in_what_they_stand_in_only(self):
        self.assertEqual(self.text("LIMIT", "8"), ["8"])
        self.assertEqual(self.text("Table", "{3,4}"), ["{3, 4}"])
        self.assertEqual(self.text("First", "LIMIT"), ["LIMIT", "LIMIT"])
        self.assertEqual(self.text("Second", "LIMIT"), ["LIMIT"])

    def test_line_breaks_and_comments_do_not_matter(self):
        self.assertEqual(len(self.text("First", "if(Value>LIMIT){Value=LIMIT;}")), 1)

    def test_any_words_end_where_what_they_stand_in_ends(self):
        self.assertEqual(self.text("First", "if (...)"), ["if (Value > LIMIT)"])
        self.assertEqual(self.text("First", "(... LIMIT;"), [])


class Mutations(unittest.TestCase):
    def test_each_has_one_place_in_the_driver(self):
        lost = []
        for what, where, old, _, _ in MUTATIONS:
            try:
                mutations.find(mutations.DRIVER, where, old)
            except Stop as stop:
                lost.append(f"{what}: {stop.text}")
        self.assertEqual(lost, [])

    def test_each_changes_something_and_has_a_test(self):
        known = cases()
        for what, _, old, new, test in MUTATIONS:
            self.assertNotEqual(old, new, what)
            file, pattern = test.split(":")
            self.assertTrue(fnmatch.filter(known.get(file, []), pattern), f"{what}: no test is called {test}")


class Generated(unittest.TestCase):
    def test_each_that_no_test_can_notice_is_one_that_is_made(self):
        made = [(mutant, (mutations.DRIVER / mutant.file).read_text())
                for path in sorted(mutations.DRIVER.glob("*.c")) for mutant in mutants.of_file(path)
                if mutant.function in {row[0] for row in mutants_same.SAME}]
        reasons = [generated.known_same(mutant, text) for mutant, text in made]
        self.assertEqual(sorted(filter(None, reasons)), sorted(row[3] for row in mutants_same.SAME))

    def test_images_that_differ_in_their_debug_information_are_one_program(self):
        def image(stamp, guid, code):
            start = bytes(0x3c) + (0x40).to_bytes(4, "little") + b"PE\0\0" + bytes(4) + stamp
            return start.ljust(0x40 + 0x58, b"\0") + stamp[::-1] + code + stamp + b"RSDS" + guid + b"xennet.pdb"

        one = generated.program_of(image(b"time", b"0123456789abcdef", b"code"))
        self.assertEqual(generated.program_of(image(b"late", b"fedcba9876543210", b"code")), one)
        self.assertNotEqual(generated.program_of(image(b"time", b"0123456789abcdef", b"cods")), one)

    def test_a_mistake_at_the_same_place_that_is_not_in_the_list_counts(self):
        text = (mutations.DRIVER / "config.c").read_text()
        verdicts = {generated.known_same(mutant, text) is not None
                    for mutant in mutants.of_file(mutations.DRIVER / "config.c") if mutant.function == "ConfigIsValid"}
        self.assertEqual(verdicts, {True, False})


if __name__ == "__main__":
    unittest.main()
