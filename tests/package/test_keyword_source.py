# SPDX-License-Identifier: BSD-2-Clause
"""One source makes the INF's keywords and the driver's: both have what it says; a source without sense is refused."""

import re
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from scripts.build import templates
from scripts.cli import Stop
from scripts.inf import keywords

GOOD = """
[choice on-off]
values =
    0 = Disabled
    1 = Enabled

[*Switch]
member = Switch
text = A Switch
default = 1
values = on-off

[Count]
member = Count
text = A Count
default = 16
range = 8 64 8
optional = yes
"""

# (text in GOOD, what stands there instead, what the refusal names)
REFUSED = (
    ("default = 16", "default = 17", "Count: the default 17 is not 8 to 64 in steps of 8"),
    ("default = 16", "default = many", "Count: 'many' is no number"),
    ("default = 16\n", "", "Count: default missing"),
    ("range = 8 64 8", "range = 8 64", "Count: range is"),
    ("range = 8 64 8\n", "", "Count: either values or range missing"),
    ("default = 1\n", "default = 2\n", "the default 2 is not 0 to 1"),
    ("    1 = Enabled\n", "    2 = Enabled\n", "which count up by ones"),
    ("text = A Count", "text = A \"Count\"", "cannot be written into the INF"),
    ("optional = yes", "optional = perhaps", "Count: optional is yes or no"),
    ("[Count]", "[*Switch]", "already exists"),
)


def from_text(text):
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(keywords, "ROOT", Path(folder)):
        path = Path(folder) / keywords.SOURCE
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="ascii")
        return keywords.read(), keywords.inf_lines(), keywords.inf_texts(), keywords.header()


class Keywords(unittest.TestCase):
    def test_one_source_makes_inf_and_header(self):
        found, lines, texts, header = from_text(GOOD)
        self.assertEqual([(each.name, each.default, each.lowest, each.highest, each.step) for each in found],
                         [("*Switch", 1, 0, 1, 1), ("Count", 16, 8, 64, 8)])
        for line in ('*Switch, Type, 0, "enum"', '*Switch, Default, 0, "1"', '*Switch, Optional, 0, "0"',
                     'Count, Optional, 0, "1"', '*Switch\\enum, "0", 0, %OnOff0%', '*Switch\\enum, "1", 0, %OnOff1%',
                     'Count, Type, 0, "int"', 'Count, Min, 0, "8"', 'Count, Max, 0, "64"', 'Count, Step, 0, "8"'):
            self.assertIn(f"HKR, Ndi\\params\\{line}\n", lines + "\n")
        self.assertEqual(texts.splitlines(), ['Switch = "A Switch"', 'Count = "A Count"', 'OnOff0 = "Disabled"',
                                              'OnOff1 = "Enabled"'])
        self.assertIn('_Row("*Switch", Switch, 1, 0, 1, 1)', header)
        self.assertIn('_Row("Count", Count, 16, 8, 64, 8)', header)

    def test_every_keyword_of_the_driver_is_in_the_inf_of_the_package(self):
        inf = templates.inf("x64").decode()
        shown = dict(re.findall(r"HKR, Ndi\\params\\([^\\,]+), Default, 0, \"(\d+)\"", inf))
        self.assertEqual(shown, {each.name: str(each.default) for each in keywords.read()})
        self.assertGreater(len(shown), 20)

    def test_a_source_that_makes_no_sense_is_refused(self):
        for old, new, says in REFUSED:
            with self.subTest(new=new):
                self.assertEqual(GOOD.count(old), 1)
                with self.assertRaises(Stop) as caught:
                    from_text(GOOD.replace(old, new))
                self.assertIn(says, str(caught.exception))


if __name__ == "__main__":
    unittest.main()
