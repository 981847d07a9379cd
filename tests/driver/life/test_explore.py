# SPDX-License-Identifier: BSD-2-Clause
"""A short piece of what explore.py does, and the shortening of a list that fails."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

from scripts import cli
from scripts.cli import ROOT
from scripts.explore import search, shrink

FIRST_SEED, DONE, LENGTH = 1, 1_000_000, 1000
OPERATIONS = DONE * 118 // 100                  # of a hundred some 85 can be done where they stand
QUIET = cli.Screen(open("/dev/null", "w", encoding="utf-8"))
# A length that no operation has, an operation that nobody knows, and a release that never was.
BAD_LISTS = {"send 0 99999 1": "line 8", "fly 1": "line 8"}
SETTINGS = "seed 1\nwindows 10-22h2\nxenvif-like strict\nvif 10\nqueues 1\nprocessors 1\nmtu 1500\n"


@unittest.skipIf("XENVIF" in os.environ or "XENNET_XENVIF_LIKE" in os.environ,
                 "the explorer asks the stand-in itself, and goes over its releases")
class Explore(unittest.TestCase):
    def test_no_list_breaks_a_rule(self):
        options = SimpleNamespace(seed=FIRST_SEED, operations=OPERATIONS, length=LENGTH, jobs=2, keep_going=False)
        found = search.explore(options, QUIET)
        self.assertEqual([(failure.seed, failure.text) for failure in found.failures], [])
        self.assertGreater(found.operations, DONE)
        self.assertGreater(found.frames, DONE)
        print(f"# counted: {found.summary()}")

    def test_lists_that_failed_once_pass(self):
        lists = sorted((ROOT / "tests" / "explore" / "lists").glob("*.txt"))
        self.assertGreater(len(lists), 0)
        for path in lists:
            with self.subTest(path.stem):
                failure = search.replay(path)
                self.assertIsNone(failure, failure and failure.text)

    def test_the_same_seed_is_the_same_run(self):
        _, first = search.run("--seed", "5", "--operations", "60")
        _, second = search.run("--seed", "5", "--operations", "60")
        self.assertEqual(first, second)
        self.assertIn("operations", json.loads(search.RESULT.search(first).group()))

    def test_a_list_keeps_how_its_schedule_was_made(self):
        os.environ["XENNET_PCT"] = "3"
        try:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "list.txt"
                passed, first = search.run("--seed", "5", "--operations", "60", "--write", str(path))
                self.assertTrue(passed, first)
                self.assertIn("\npct 3\n", path.read_text())
                del os.environ["XENNET_PCT"]
                passed, again = search.run("--replay", str(path))
                self.assertTrue(passed, again)
                self.assertEqual(search.RESULT.search(first).group(), search.RESULT.search(again).group())
        finally:
            os.environ.pop("XENNET_PCT", None)

    def test_a_list_that_fails_is_shortened_to_what_fails(self):
        """The failure is a made one: a list is said to fail while it has a migration behind a pause."""
        def replay(path):
            kinds = [line.split()[1] for line in Path(path).read_text().splitlines() if line.startswith("- ")]
            fails = "pause" in kinds and "migrate" in kinds[kinds.index("pause"):]
            return search.Failure(0, "the made failure") if fails else None

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "whole.txt"
            search.run("--seed", "3", "--operations", "80", "--write", str(path))
            text = path.read_text() + "- pause 7\n- migrate 3 9\n"
            before, search.replay = search.replay, replay
            try:
                shrinker = shrink.Shrinker(shrink.List(text), "the made failure", folder, QUIET)
                shrinker.leave_out()
                shrinker.plain()
                shrinker.smaller()
            finally:
                search.replay = before
        self.assertEqual(shrinker.list.operations, ["- pause 0", "- migrate 0 0"])
        self.assertIn("windows 10-22h2", shrinker.list.settings)

    def test_a_list_that_cannot_be_read_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "list.txt"
            for operation, where in BAD_LISTS.items():
                path.write_text(f"{SETTINGS}- {operation}\n")
                self.assertIn(where, search.replay(path).text)
            path.write_text(SETTINGS.replace("strict", "9.9") + "- settle\n")
            self.assertIn("have to exist", search.replay(path).text)
            path.write_text(SETTINGS)
            self.assertIn("no operations", search.replay(path).text)

    def test_the_command_names_what_is_wrong(self):
        for arguments, part in ((["--operations", "0"], "--operations"), (["--replay", "/nowhere"], "/nowhere")):
            done = subprocess.run([ROOT / "explore.py", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  universal_newlines=True, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(part, done.stderr)


if __name__ == "__main__":
    unittest.main()
