# SPDX-License-Identifier: BSD-2-Clause
"""Documents against what they are about: troubleshooting has a row for each event and each reason to drop, each command
is one that its program takes, and each link leads somewhere.
"""

import functools
import re
import subprocess
import sys
import unittest

from scripts import packages
from scripts.build import events
from scripts.cli import ROOT
from scripts.test import suite
from tests.support.sessions import DOCUMENTS

TROUBLESHOOTING = ROOT / "docs" / "troubleshooting.md"
COMMAND = re.compile(r"(?<![\w/])(?:\./)?((?:run|test|build|explore|bench|clean|sdv|kdfiles)\.py|"
                     r"scripts/[\w/]+\.py)((?: +[^\s`|#;)]+)*)")
NO_HELP = ("scripts/run/", "scripts/build/", "scripts/report/", "scripts/timeline/", "scripts/debug/")
MAX_LINES = 42
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors(text):
    """As GitHub makes them of headings."""
    headings = re.findall(r"(?m)^#+ +(.*)$", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands():
    """[(document, program, its arguments)] in code, indented or quoted, of all documents."""
    found = []
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        pieces = [line for line in text.splitlines() if line.startswith("    ")] + re.findall(r"`([^`\n]+)`", text)
        for piece in pieces:
            for program, arguments in COMMAND.findall(piece):
                found.append((path.name, program, arguments.split()))
    return found


@functools.lru_cache(None)
def help_of(program):
    asked = "--help-all" if program == "run.py" else "--help"
    done = subprocess.run([packages.python_with("asn1crypto"), "-B", str(ROOT / program), asked], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def takes(program, option):
    return re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", help_of(program)) is not None


class Troubleshooting(unittest.TestCase):
    def setUp(self):
        self.text = TROUBLESHOOTING.read_text(encoding="utf-8")

    def test_every_event_leads_to_a_row_and_each_that_is_named_is_one(self):
        named = {int(number) for line in self.text.splitlines() if line.startswith("|")
                 for number in re.findall(r"\*event (\d+)\*", line)}
        self.assertEqual(named, {event.number for event in events.read()})
        for number in map(int, re.findall(r"event (\d+)", self.text)):
            self.assertIn(number, named)

    def test_every_reason_to_drop_leads_to_a_row_and_each_that_is_named_is_one(self):
        counters = set(re.findall(r"^ +X\((\w+), ", (ROOT / "include" / "counters.h").read_text(), re.MULTILINE))
        rows = set(re.findall(r"(?m)^\| `(\w+Drop\w+)` \|", self.text))
        self.assertEqual(rows, {name for name in counters if "Drop" in name})
        for name in re.findall(r"`((?:Send|Receive)\w+)`", self.text):
            self.assertIn(name, counters)

    def test_each_row_says_what_to_do(self):
        rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in self.text.splitlines() if line.startswith("| ")]
        self.assertGreater(len(rows), 35)
        for row in rows:
            self.assertEqual(len(row), 3, row)
            self.assertTrue(all(cell.strip() for cell in row), row)

    def test_the_class_of_the_counters_is_the_drivers(self):
        self.assertIn("class XenNet_Counters", (ROOT / "src" / "xennet" / "xennet.mof").read_text())


class Commands(unittest.TestCase):
    def test_every_command_is_one_that_its_program_takes(self):
        found = commands()
        self.assertGreater(len(found), 60)
        wrong = []
        for document, program, arguments in found:
            if not (ROOT / program).is_file():
                wrong.append(f"{document}: there is no {program}")
                continue
            before = arguments[:arguments.index("--")] if "--" in arguments else arguments
            for option in (word.partition("=")[0].rstrip(",.:") for word in before if word.startswith("--")):
                if not program.startswith(NO_HELP) and not takes(program, option):
                    wrong.append(f"{document}: {program} has no {option}")
        self.assertEqual(wrong, [])

    def test_every_test_that_a_command_names_is_there(self):
        stems = {path.stem for ending in ("c", "py") for path in (ROOT / "tests").rglob(f"test_*.{ending}")}
        stems |= {"test_first_story"}    # the reader makes it
        names = [name for _, program, arguments in commands() if program == "test.py"
                 for name in arguments if re.fullmatch(r"'?test_[a-z_0-9]+(:\S+)?'?", name)]
        self.assertGreater(len(names), 10)
        self.assertEqual([name for name in names if suite.pattern_stem(name.strip("'").partition(":")[0]) not in stems],
                         [])


class Help(unittest.TestCase):
    """A screen of each command's help: what it does, its options, two examples."""

    def test_help_fits_a_screen_and_has_two_examples(self):
        programs = ("run.py", "test.py", "explore.py", "bench.py", "build.py", "clean.py", "sdv.py", "kdfiles.py",
                    *(f"scripts/check/{name}.py"
                      for name in ("instructions", "mutations", "coverage", "faults", "races", "explored", "probe")))
        for name in programs:
            done = subprocess.run([sys.executable, "-B", str(ROOT / name), "--help"], cwd=ROOT, capture_output=True,
                                  text=True, check=False)
            with self.subTest(name):
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                self.assertLessEqual(len(done.stdout.splitlines()), MAX_LINES)
                examples = re.findall(rf"(?m)^  (?:[A-Z_]+=\S+ )?(?:\./)?{re.escape(name)}\b(.*)$", done.stdout)
                self.assertGreaterEqual(len(examples), 2)
                for option in re.findall(r"(?<!\S)--[a-z-]+", " ".join(examples).partition(" -- ")[0]):
                    self.assertTrue(takes(name, option), option)

    def test_wrong_use_points_at_the_help(self):
        for name in ("run.py", "test.py", "explore.py", "bench.py", "build.py", "clean.py"):
            done = subprocess.run([sys.executable, "-B", str(ROOT / name), "--frobnicate"], cwd=ROOT,
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 2, name)
            self.assertRegex(done.stderr, rf"^{name}: .*(--help|--frobnicate)")


class Links(unittest.TestCase):
    def test_every_link_leads_to_a_file_and_a_heading(self):
        wrong, count = [], 0
        for path in DOCUMENTS:
            for target in LINK.findall(path.read_text(encoding="utf-8")):
                if re.match(r"[a-z]+:", target):
                    continue
                count += 1
                name, _, anchor = target.partition("#")
                file = (path.parent / name).resolve() if name else path
                if not file.exists():
                    wrong.append(f"{path.name}: {target}")
                elif anchor and anchor not in anchors(file.read_text(encoding="utf-8")):
                    wrong.append(f"{path.name}: {target} (no such heading)")
        self.assertGreater(count, 30)
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
