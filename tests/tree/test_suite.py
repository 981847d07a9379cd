# SPDX-License-Identifier: BSD-2-Clause
"""test.py's own judgement: what dies, hangs up early or lies in its results is a failure and never goes missing."""

import io
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

from scripts.cli import ROOT, Screen, Stop
from scripts.test import runner
from scripts.test.suite import TestFile, choose
from scripts.test.runner import Runner


def names(score):
    """Of what failed."""
    return [name for name, _why in score.failed]


class Judgement(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="xennet-")
        self.addCleanup(folder.cleanup)
        self.program = Path(folder.name, "program.py")
        self.out = io.StringIO()

    def judge(self, text, cases, **options):
        """The score of a test program: `text` is its Python, with `cases` the names it was asked for."""
        self.program.write_text("import os, sys\ncases = [a for a in sys.argv[1:] if not a.startswith('-')]\n"
                                + textwrap.dedent(text))
        file = TestFile("file", [sys.executable, "-B", "-u", str(self.program)], [], True, list(cases))
        judge = Runner(Screen(self.out), **options)
        judge.run([file])
        return judge.score

    def test_passed_failed_and_skipped_are_counted(self):
        score = self.judge("""
            print("1..3\\nok 1 - a\\nnot ok 2 - b\\n# why it failed\\nok 3 - c # SKIP not today")
            sys.exit(1)""", "abc")
        self.assertEqual((score.passed, score.failed, score.skipped),
                         (1, [("file:b", ["# why it failed"])], [("file:c", "not today")]))
        self.assertEqual(score.text(), "1 passed, 1 failed, 1 skipped")
        self.assertIn("why it failed", self.out.getvalue())

    def test_the_gist_of_a_failure_is_its_exception_or_its_last_lines(self):
        trace = ["# Traceback (most recent call last):", "#   File \"a.py\", line 1", "#     call()",
                 "# AssertionError: 2 != 0 : explore.py", "# what it said"]
        self.assertEqual(runner.gist(["# with [x]:", *trace, "# "]), trace[3:])
        self.assertEqual(runner.gist(["# 1", "# 2", "# 3", "#", "# test.c:4: check failed: is_up"]),
                         ["# 2", "# 3", "# test.c:4: check failed: is_up"])

    def test_a_case_in_which_the_program_dies_fails_and_the_rest_still_runs(self):
        score = self.judge("""
            for number, case in enumerate(cases, 1):
                if case == "b":
                    os.abort()
                print(f"ok {number} - {case}")""", "abc")
        self.assertEqual((score.passed, names(score)), (2, ["file:b"]))
        self.assertIn("SIGABRT", self.out.getvalue())

    def test_cases_without_a_result_fail(self):
        score = self.judge("print('1..2')", "ab")
        self.assertEqual((score.passed, names(score)), (0, ["file:a", "file:b"]))

    def test_an_exit_status_against_the_results_is_a_failure(self):
        score = self.judge("print('ok 1 - a'); sys.exit(1)", "a")
        self.assertEqual((score.passed, names(score)), (1, ["file:end"]))

    def test_a_result_for_a_case_that_was_not_asked_for_does_not_count(self):
        score = self.judge("print('ok 1 - z')", "a")
        self.assertEqual((score.passed, names(score)), (0, ["file:a"]))

    def test_a_seed_reaches_the_program(self):
        score = self.judge("""
            print("ok 1 - a" if sys.argv[1:3] == ["--seed", "42"] else "not ok 1 - a")""", "a", seed=42)
        self.assertEqual(score.failed, [])
        score = self.judge("""
            print("ok 1 - a" if sys.argv[1:3] == ["--seeds", "7"] else "not ok 1 - a")""", "a", seeds=7)
        self.assertEqual(score.failed, [])


    def test_a_case_has_the_time_that_its_seeds_need(self):
        for seeds, seconds in ((None, 900), (7, 900), (200, 900), (201, 1800), (2000, 9000)):
            self.assertEqual(runner.case_seconds(seeds), seconds, seeds)
        harness = (ROOT / "tests" / "support" / "harness.c").read_text()
        self.assertIn(f"USUAL_SEEDS = {runner.USUAL_SEEDS} ", harness)
        for seeds, times in ((200, 1), (2000, 10)):
            done = subprocess.run([str(ROOT / "build" / "tests" / "test_scheduler"), "--seeds", str(seeds),
                                   "a_case_has_its_time"], capture_output=True, text=True, check=False)
            self.assertIn(f"# note: {840 * times} s, {300 * times} s of the processor", done.stdout)


class Choice(unittest.TestCase):
    def chosen(self, *patterns):
        files = [TestFile("test_a", [], [], True, ["one", "two"]), TestFile("test_b", [], [], True, ["one", "three"])]
        return [f"{file.name}:{case}" for file in choose(files, list(patterns)) for case in file.cases]

    def test_everything_is_chosen_without_a_name(self):
        self.assertEqual(len(self.chosen()), 4)

    def test_a_file_a_case_and_a_pattern_choose(self):
        self.assertEqual(self.chosen("test_a"), ["test_a:one", "test_a:two"])
        self.assertEqual(self.chosen("tests/test_a.py"), ["test_a:one", "test_a:two"])
        self.assertEqual(self.chosen("test_b:three"), ["test_b:three"])
        self.assertEqual(self.chosen("one"), ["test_a:one", "test_b:one"])
        self.assertEqual(self.chosen("test_*:t*"), ["test_a:two", "test_b:three"])

    def test_a_folder_chooses_what_is_in_it_and_below(self):
        files = [TestFile(name, [], [], True, folder=folder) for name, folder in (
            ("test_send", "driver/packets"), ("test_life", "driver/life"), ("test_cli", "traffic"))]
        for pattern, names in (("driver/", ["test_send", "test_life"]), ("tests/driver/life", ["test_life"]),
                               ("tests/traffic/", ["test_cli"])):
            self.assertEqual([file.name for file in choose(files, [pattern])], names, pattern)
        with self.assertRaises(Stop):
            choose(files, ["driv/"])

    def test_a_name_that_chooses_nothing_stops_even_beside_one_that_does(self):
        with self.assertRaises(Stop):
            self.chosen("test_a", "test_c")
