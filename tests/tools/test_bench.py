# SPDX-License-Identifier: BSD-2-Clause
"""bench.py's page, and flame graphs of the driver that was built: what is drawn is what was counted.

A whole run of bench.py takes minutes and is not among the tests.
"""

import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

import bench
from scripts.bench import compare, document, measure
from scripts.build import made
from scripts.check import instructions
from scripts.cli import ROOT
from scripts.report import flame, maker
from scripts.run import bed
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

    def test_the_document_has_what_was_recorded(self):
        self.assertEqual(set(document.sections()), {path.stem for path in document.FOLDER.glob("*.json")})
        self.assertEqual(document.page(), document.PAGE.read_text(encoding="utf-8"), "./bench.py --document mends it")
        for name in document.sections():
            for figures in json.loads((document.FOLDER / f"{name}.json").read_text())["found"].values():
                self.assertLessEqual(set(figures), set(measure.FIGURES))

    def test_its_table_turns_where_variants_are_many(self):
        found = {f"driver {number}": {"TCP out": [1.0, 2.0, 4.0], "instructions, send": [150.0]} for number in range(3)}
        self.assertEqual(compare.table(found), (["driver 0", "driver 1", "driver 2"], {
            "TCP out, Gb/s": ["2.00 (1.00 to 4.00)"] * 3, "instructions, send, a packet": ["150.0"] * 3}))
        found |= {f"driver {number}": {"TCP out": [5.0]} for number in (3, 4)}
        heads, rows = compare.table(found)
        self.assertEqual((heads, rows["driver 4"]), (["TCP out, Gb/s", "instructions, send, a packet"], ["5.00", "-"]))
        self.assertEqual(len(set(map(len, compare.lines(found)))), 1)

    def test_it_measures_at_each_number_of_queues_and_processors(self):
        with mock.patch.object(made, "package", lambda windows: (made.DRIVER, made.INF)):
            chosen = compare.variants(bench.read(["--scale", "1,4/8"]))
        self.assertEqual({name: (one.queues, one.processors) for name, one in chosen.items()}, {
            "this driver, 1 queue": (1, 1), "this driver, 4 queues, 8 processors": (4, 8),
            "no driver, 1 queue": (1, 1), "no driver, 4 queues, 8 processors": (4, 4)})

    def test_somebody_elses_driver_has_its_inf_and_may_break_rules_that_windows_does_not_enforce(self):
        with mock.patch.object(made, "package", lambda windows: (made.DRIVER, made.INF)):
            chosen = compare.variants(bench.read(["--against", str(made.DRIVER), "--inf", str(made.INF), "--lenient"]))
        self.assertEqual({name: one.lenient for name, one in chosen.items()},
                         {"this driver": False, "no driver": False, "against": True})
        self.assertEqual(chosen["against"].inf, made.INF)

    def test_it_spreads_the_threads_of_each_variant_where_that_is_asked_for(self):
        with mock.patch.object(made, "package", lambda windows: (made.DRIVER, made.INF)):
            for arguments, spread in ([], False), (["--spread"], True):
                for name, one in compare.variants(bench.read(arguments)).items():
                    self.assertEqual((one.spread, "--gather" in bed.arguments(one)), (spread, not spread), name)

    def test_wrong_use_says_what_to_do(self):
        for arguments, words in ((["--flame", "/tmp/x.svg", "--json", "/tmp/x"], "leave --xenvif, --json and"),
                                 (["--scale", "1,two"], "--scale 'two' is no number of queues"),
                                 (["--scale", "2", "--queues", "2"], "leave --queues out"),
                                 (["--record", "none"], "use one of drivers, scale"),
                                 (["--turns", "0"], "--turns takes a whole number from 1"),
                                 (["--lenient"], "give that with --against"),
                                 (["--against", "/nowhere"], "--against /nowhere does not exist")):
            done = subprocess.run([sys.executable, "-B", str(ROOT / "bench.py"), *arguments], capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertRegex(done.stderr, f"^bench.py: .*{re.escape(words)}")


if __name__ == "__main__":
    unittest.main()
