# SPDX-License-Identifier: BSD-2-Clause
"""A short piece of what explore.py does, and the shortening of a list that fails."""

import collections
import hashlib
import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

from scripts import cli
from scripts.cli import ROOT
from scripts.explore import differ, search, shrink

FIRST_SEED, DONE, LENGTH = 1, 1_000_000, 1000
OPERATIONS = DONE * 118 // 100                  # of a hundred some 85 can be done where they stand
QUIET = cli.Screen(open("/dev/null", "w", encoding="utf-8"))
# A length that no operation has, an operation that nobody knows, and a release that never was.
BAD_LISTS = {"send 0 99999 1": "line 8", "fly 1": "line 8"}
STAND_IN_ONLY = {"lie", "failing-call", "shortage", "stall", "backend-leaves", "backend-comes", "control"}
LOSING = ("sleep", "migrate", "exchange", "surprise", "rebalance", "stall", "backend-leaves")   # the connection
# Of the lists that five seeds make; others would be another run of CI.
SEEDS = {1: "33695e4e8aad1229", 5: "ed277f3a566ec76d", 77: "a068408a6f9a5754", 4001: "493ac4c1ded90b4c",
         123456: "370ab6231d6c5958"}
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

    def test_the_lists_of_a_seed_stay_what_they_are(self):
        for seed, expected in SEEDS.items():
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "list.txt"
                search.run("--seed", str(seed), "--operations", "400", "--only-write", str(path))
                self.assertEqual(hashlib.sha256(path.read_bytes()).hexdigest()[:16], expected, f"seed {seed}")

    def test_lists_differ_in_how_often_they_lose_the_connection_and_settle(self):
        seen = collections.Counter()
        for seed in range(1, 61):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "list.txt"
                search.run("--seed", str(seed), "--operations", "4000", "--only-write", str(path))
                kinds = collections.Counter(line.split()[1] for line in path.read_text().splitlines()
                                            if line.startswith("- "))
            lost, settled = sum(kinds[kind] for kind in LOSING), kinds["settle"]
            seen[(settled > 40) + (settled > 150), (lost > 70) + (lost > 230)] += 1
        self.assertEqual(len(seen), 9, seen)    # as written, a quarter, a sixteenth, of both

    def test_a_list_for_an_image_has_nothing_that_only_the_stand_in_can_do(self):
        environment = dict(os.environ, XENVIF="/nowhere/xenvif.sys", XENNET_XENVIF_LIKE="9.1-r3")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "list.txt"
            search.run("--seed", "3", "--operations", "4000", "--only-write", str(path), environment=environment)
            lines = path.read_text().splitlines()
            self.assertIn("xenvif-like 9.1-r3", lines)
            self.assertIn("vif 10", lines)
            kinds = {line.split()[1] for line in lines if line.startswith("- ")}
            self.assertEqual(kinds & STAND_IN_ONLY, set())
            self.assertGreater(len(kinds), 20)
            search.run("--seed", "3", "--operations", "4000", "--only-write", str(path))
            kinds = {line.split()[1] for line in path.read_text().splitlines() if line.startswith("- ")}
            self.assertEqual(kinds & STAND_IN_ONLY, STAND_IN_ONLY)
        text = " ".join(subprocess.run([ROOT / "explore.py", "--help"], stdout=subprocess.PIPE,
                                       universal_newlines=True, check=True).stdout.split())
        for kind in STAND_IN_ONLY:      # and --help names them
            self.assertIn(kind, text)

    def compare(self, against, operations, release=None, length=100, seed=1):
        options = SimpleNamespace(xenvif=None, xenvif_like=release, against=against, seed=seed, operations=operations,
                                  length=length, jobs=2, keep_going=True)
        comparison = differ.Comparison(*differ.worlds_of(options))
        found = differ.Compared(counts=comparison.counts)
        if release:
            os.environ["XENNET_XENVIF_LIKE"] = release
        try:
            differ.explore(options, QUIET, found, comparison)
        finally:
            os.environ.pop("XENNET_XENVIF_LIKE", None)
        print(f"# counted: {found.summary(comparison).splitlines()[0]}")
        return found

    def test_another_schedule_shows_the_same(self):
        found = self.compare(["schedule"], 20_000)
        self.assertEqual([(failure.seed, failure.text) for failure in found.failures], [])
        self.assertGreater(found.counts["seen"], 10_000)

    def test_the_live_scheduler_shows_the_same(self):
        found = self.compare(["live"], 24, length=12)
        self.assertEqual([(failure.seed, failure.text) for failure in found.failures], [])
        self.assertGreater(found.counts["seen"], 100)

    def test_another_release_shows_the_same_but_for_what_has_a_reason(self):
        found = self.compare(["strict"], 10_000, release="main")
        self.assertEqual([(failure.seed, failure.text) for failure in found.failures], [])

    def test_a_difference_is_named_with_its_operation_and_a_row_covers_it(self):
        """9.1 has no RSS, and its packets no hash."""
        rows = [row for row in differ.known_differences() if row.worlds == "*"]
        options = SimpleNamespace(xenvif=None, xenvif_like="main", against=["9.1"])
        comparison = differ.Comparison(*differ.worlds_of(options), rows)
        text = SETTINGS.replace("queues 1", "queues 2").replace("processors 1", "processors 2") + "- settle\n"
        text = text.replace("strict", "main")
        found = comparison.of(text)
        self.assertIn("operation 0 settle, ", found.text)
        self.assertIn("\nlike main: ", found.text)
        self.assertIn("\nlike 9.1: ", found.text)
        self.assertTrue(found.what.startswith("settle "), found.what)
        comparison.rows.append(differ.Known("like 9.1", "settle *", "no RSS"))
        self.assertIsNone(comparison.of(text))
        self.assertGreater(comparison.counts["no RSS"], 0)

    def test_the_command_names_what_is_wrong(self):
        for arguments, part in ((["--operations", "0"], "--operations"), (["--replay", "/nowhere"], "/nowhere"),
                                (["--xenvif", "/nowhere"], "/nowhere"), (["--xenvif-inf", __file__], "--xenvif"),
                                (["--xenvif-like", "7"], "'7'"), (["--against", "dead"], "'dead'"),
                                (["--against", "main", "--xenvif-like", "main"], "names already"),
                                (["--against", "live", "--pct", "3"], "--pct"),
                                (["--systematic", "--xenvif-like", "main"], "--systematic")):
            done = subprocess.run([ROOT / "explore.py", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  universal_newlines=True, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(part, done.stderr)


if __name__ == "__main__":
    unittest.main()
