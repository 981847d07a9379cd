# SPDX-License-Identifier: BSD-2-Clause
"""bench.py's page, and flame graphs of the driver that was built: what is drawn is what was counted.

A whole run of bench.py takes minutes and is not among the tests.
"""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

from scripts.build import made
from scripts.check import instructions
from scripts.cli import ROOT
from scripts.report import flame, maker
from tests.support import browser

SVG = "{http://www.w3.org/2000/svg}"
SENDS = "send, one packet a call"


def names_of(node):
    found = set(node.children)
    for child in node.children.values():
        found |= names_of(child)
    return found


class Flame(unittest.TestCase):
    def test_a_flame_graph_has_every_instruction_once_by_its_path(self):
        with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
            paths, steps = Path(folder, "paths"), Path(folder, "steps")
            figures = instructions.count(made.DRIVER, steps, instructions.CASES[:1], paths=paths)
            trees = flame.trees(made.DRIVER, paths)
            counted = steps.read_text(encoding="utf-8")
        for block in counted.split("# ")[1:]:
            title, *rows = block.splitlines()
            total = sum(int(row.split()[1]) for row in rows if row.startswith("0x"))
            self.assertEqual(trees[title].total, total, title)
            self.assertEqual(sum(child.total for child in trees[title].children.values()), total, title)
        sent = trees[SENDS]
        self.assertIn("MiniportSend", sent.children)
        self.assertIn("TransmitSendOne", names_of(sent.children["TransmitSend"]))    # by a jump, not a call
        self.assert_drawn_twice_the_same(trees, figures)

    def assert_drawn_twice_the_same(self, trees, figures):
        """A driver against itself."""
        drawn = flame.draw({"one": trees, "two": trees}, {"one": figures, "two": figures})
        widths = {}
        for box in ElementTree.fromstring(drawn).iter(f"{SVG}g"):
            rect, title = box.find(f"{SVG}rect"), box.find(f"{SVG}title").text
            side = float(rect.get("x")) >= flame.PANEL
            widths.setdefault(side, []).append((title, rect.get("width")))
        self.assertGreater(len(widths[False]), 100)
        self.assertEqual(sorted(widths[False]), sorted(widths[True]))
        self.assertIn(f"{SENDS}: {figures[SENDS]:.1f} instructions a packet", drawn)


class Bench(unittest.TestCase):
    def test_its_page_has_a_plot_for_each_figure_that_was_measured(self):
        browser.ensure()
        with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
            page = Path(folder, "bench.html")
            maker.write("bench", page, {
                "figures": {"TCP out": ["Gb/s", True], "request": ["µs", False], "not measured": ["", True]},
                "found": {"this driver": {"TCP out": [5.0, 6.0, 7.0], "request": [40.0]},
                          "no driver": {"TCP out": [8.0, 9.0], "request": [20.0]}}, "argv": ["--turns", "3"]})
            found = browser.look_at(page, 390)
        self.assertEqual((found["errors"], set(found["plots"])), ([], {"figure-0", "figure-1"}))
        for boxes in found["plots"].values():
            self.assertEqual(len(boxes), 2)

    def test_wrong_use_says_what_to_do(self):
        for arguments, words in ((["--flame", "/tmp/x.svg", "--json", "/tmp/x"], "leave --xenvif, --json and"),
                                 (["--turns", "0"], "--turns takes a whole number from 1"),
                                 (["--against", "/nowhere"], "--against /nowhere does not exist")):
            done = subprocess.run([sys.executable, "-B", str(ROOT / "bench.py"), *arguments], capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, f"^bench.py: .*{re.escape(words)}")


if __name__ == "__main__":
    unittest.main()
