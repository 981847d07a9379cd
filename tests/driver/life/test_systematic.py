#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every schedule of small scenes up to a few delays, and the mistakes of order that only some schedules show."""

import os
import subprocess
import unittest

from scripts import cli
from scripts.check import explored, mutations
from scripts.cli import ROOT
from scripts.explore import systematic

DELAYS = 2
LONG = ("removal-oid", "timer-halt", "migration-send", "migration-pause", "send-send-pause")   # these with 1
# These with 3 preemptions, every other choice free.
SMALL = ("cancel-complete", "cancel-send", "complete-complete", "complete-receive", "filter-receive", "filter-send",
         "link-return", "link-send", "offload-send", "poll-send", "receive-receive", "return-filter", "return-receive",
         "return-send", "rss-receive", "rss-send", "statistics-receive", "statistics-send")
# Scene, and a mistake of the mutations' table or (where, old, new) that it shows.
MISTAKES = {
    "send-pause": ("StateMove", "ContextSetRunning(&Adapter->Context);",
                   "if (To != XennetStatePausing) ContextSetRunning(&Adapter->Context);"),
    "poll-pause": "a pause leaves polled packets behind",
    "migration-timer": ("WatchdogSleep", "|| WatchdogHasToLook(Watchdog)", ""),
    "rss-timer": ("WatchdogHasToLook", "Adapter->Context.Detached ||", ""),
    "migration-push": ("TransmitContinue", "InterlockedCompareExchange(&Transmit->Context->Connecting, 0, 0) != 0",
                       "FALSE"),
}


@unittest.skipIf("XENVIF" in os.environ or "XENNET_XENVIF_LIKE" in os.environ, "the scenes name what they run on")
class Systematic(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        systematic.build()
        cls.screen = cli.Screen(open("/dev/null", "w", encoding="utf-8"))

    def test_no_schedule_breaks_a_rule(self):
        names = list(systematic.scenes())
        self.assertGreaterEqual(len(names), 12)
        results = [*systematic.explore([name for name in names if name not in LONG], ("--delays", DELAYS), 2,
                                       self.screen),
                   *systematic.explore(LONG, ("--delays", 1), 2, self.screen)]
        for result in results:
            with self.subTest(result.scene):
                self.assertTrue(result.counts, result.text)
                self.assertTrue(result.counts["complete"])
                self.assertGreater(result.counts["states"], 2)
        schedules = sum(result.counts["schedules"] + result.counts["met"] for result in results if result.counts)
        print(f"# counted: {schedules} schedules of {len(results)} scenes")

    def test_small_scenes_are_complete_with_three_preemptions(self):
        results = systematic.explore(SMALL, ("--preemptions", 3), 2, self.screen)
        self.assertGreaterEqual(len(results), 12)
        for result in results:
            with self.subTest(result.scene):
                self.assertTrue(result.counts, result.text)
                self.assertTrue(result.counts["complete"])
        schedules = sum(result.counts["schedules"] + result.counts["met"] for result in results if result.counts)
        print(f"# counted: {schedules} schedules of {len(results)} scenes")

    def test_mistakes_of_order_are_found_and_their_schedule_fails_again(self):
        mutations.copy_sources()
        for scene, mistake in MISTAKES.items():
            with self.subTest(scene):
                place = explored.row_of(mistake)[1:4] if isinstance(mistake, str) else mistake
                driver = mutations.build_with(*place, how=lambda: mutations.build(races=True))
                result = systematic.one(scene, ("--delays", 3), driver)
                self.assertFalse(result.counts, result.text)
                script = result.script()
                self.assertIsNotNone(script, result.text)
                passed, text = systematic.run("--scene", scene, "--script", script, driver=driver)
                self.assertFalse(passed)
                self.assertEqual(systematic.Result(scene, {}, 0, text).reason(), result.reason())
                passed, text = systematic.run("--scene", scene, "--script", script)
                self.assertTrue(passed, text)

    def test_another_bound_is_another_number_of_schedules(self):
        counts = [systematic.one("cancel-complete", bound).counts
                  for bound in (("--delays", 0), ("--delays", 1), ("--delays", 2), ("--preemptions", 2))]
        self.assertEqual(counts[0]["schedules"], 1)
        schedules = [each["schedules"] for each in counts]
        self.assertEqual(schedules, sorted(schedules))
        self.assertEqual(len(set(schedules)), len(schedules))
        again = systematic.one("cancel-complete", ("--delays", 2)).counts
        self.assertEqual({**again, "pages": counts[2]["pages"]}, counts[2])    # where the process lies is drawn anew

    def test_what_is_not_there_is_named(self):
        done = subprocess.run([ROOT / "explore.py", "--systematic", "nowhere"], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, universal_newlines=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("send-pause", done.stderr)
        self.assertIn("pairs", systematic.run("--scene", "send-pause", "--script", "here")[1])


if __name__ == "__main__":
    unittest.main()
