# SPDX-License-Identifier: BSD-2-Clause
"""Timelines of simulated runs: they keep to the format, follow packets, and change nothing. Live ones: test_looking."""

import json
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from scripts.cli import ROOT
from scripts.test.runner import Runner
from scripts.timeline import check

SENT = ["NBL sent", "queued", "to the wire", "response", "NBL completed"]
RECEIVED = ["from the wire", "to the driver", "NBL indicated", "NBL returned"]


def timeline_of(test, case, seed=7):
    """(the run, the document, its file's bytes) of one case and seed."""
    with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
        path = Path(folder, "timeline.json")
        done = subprocess.run([str(ROOT / "build" / "tests" / test), "--seed", str(seed), case], capture_output=True,
                              text=True, check=False, env=dict(os.environ, XENNET_TIMELINE=str(path)))
        document, wrong = check.check(path)
        if wrong:
            raise AssertionError("\n".join(wrong[:20]))
        return done, document, path.read_bytes()


class Simulated(unittest.TestCase):
    def test_a_sent_packet_is_followed_to_the_wire_and_back(self):
        done, document, _ = timeline_of("test_send", "every_shape*")
        self.assertEqual(done.returncode, 0, done.stdout)
        ways = list(check.journeys(document["traceEvents"]).values())
        self.assertGreater(sum(way == SENT for way in ways), 50)
        self.assertEqual([way for way in ways if not set(way) <= set(SENT)], [])

    def test_a_received_packet_is_followed_from_the_wire_to_its_return(self):
        done, document, _ = timeline_of("test_receive", "priority_is_kept*")
        self.assertEqual(done.returncode, 0, done.stdout)
        ways = list(check.journeys(document["traceEvents"]).values())
        self.assertGreater(sum(way == RECEIVED for way in ways), 5, ways[:5])

    def test_driver_ndis_xenvif_and_kernel_are_there_by_name(self):
        _, document, _ = timeline_of("test_send", "every_shape*")
        names = {event["name"] for event in document["traceEvents"]}
        for name in ("MiniportSendNetBufferLists", "NdisMSendNetBufferListsComplete", "VIF TransmitterQueuePacket",
                     "TransmitterReturnPacket", "DPC", "adapter Running", "IRQL"):
            self.assertIn(name, names)
        kinds = {event.get("cat") for event in document["traceEvents"]}
        self.assertGreaterEqual(kinds, {"call", "kernel", "packet", "state", "oid"})

    def test_the_same_seed_gives_the_same_timeline_and_another_one_another(self):
        first, again, other = (timeline_of("test_send", "every_shape*", seed)[2] for seed in (7, 7, 8))
        self.assertEqual(first, again)
        self.assertNotEqual(first, other)

    def test_a_timeline_does_not_change_the_run(self):
        case = ["--seed", "11", "connect*"]
        plain = subprocess.run([str(ROOT / "build" / "tests" / "test_life"), *case], capture_output=True, text=True,
                               check=False)
        done, _, _ = timeline_of("test_life", "connect*", 11)
        self.assertEqual((done.returncode, done.stdout), (plain.returncode, plain.stdout))

    def test_a_broken_rule_is_a_mark_and_what_it_was_in_stays_open(self):
        _, document, _ = timeline_of("test_vif_rules", "*cookie*")
        marks = [event["name"] for event in document["traceEvents"] if event.get("s") == "g"]
        self.assertIn("rule vif-cookie is broken", marks)
        self.assertTrue([event for event in document["traceEvents"] if event["ph"] == "B"])


class Checker(unittest.TestCase):
    """The checker itself: each thing that would not be shown."""

    LANE = {"ph": "M", "pid": 1, "tid": 1, "name": "thread_name", "args": {"name": "task"}}

    def wrong(self, *events):
        with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
            path = Path(folder, "timeline.json")
            path.write_text(json.dumps({"traceEvents": [self.LANE, *events]}), encoding="utf-8")
            return check.check(path)[1]

    @staticmethod
    def span(start, length, lane=1):
        return {"ph": "X", "pid": 1, "tid": lane, "ts": start, "dur": length, "name": f"at {start}", "cat": "call"}

    @staticmethod
    def arrow(phase, start, number=1):
        return {"ph": phase, "pid": 1, "tid": 1, "ts": start, "id": number, "name": "packet", "cat": "packet"}

    def test_spans_in_each_other_and_apart_are_right(self):
        self.assertEqual(self.wrong(self.span(0, 10), self.span(1, 3), self.span(4, 6), self.span(20, 1)), [])

    def test_each_thing_that_would_not_be_shown_is_found(self):
        for text, *events in (("ends after it", self.span(0, 10), self.span(5, 10)),
                              ("has no name", self.span(0, 1, lane=9)),
                              ("points at no slice", self.arrow("s", 4)),
                              ("begins 2 times", self.span(4, 1), self.arrow("s", 4), self.arrow("s", 4)),
                              ("is not one", {"ph": "Z"}),
                              ("dur is None", {key: value for key, value in self.span(1, 1).items() if key != "dur"}),
                              ("before the beginning", self.span(-1, 1))):
            with self.subTest(text):
                self.assertRegex("\n".join(self.wrong(*events)), text)


class Printer:
    terminal = False

    def __init__(self):
        self.text = ""

    def line(self, text=""):
        self.text += text + "\n"


class Failures(unittest.TestCase):
    def test_a_failing_seed_comes_with_the_command_that_shows_it(self):
        for said in ("# test_life.c:12: x is 1 (seed 41)", "  seed 41 at 1200 ns of virtual time"):
            screen = Printer()
            Runner(screen).result("test_life:connect", False, None, 1.0, [said])
            self.assertIn("./test.py --seed 41 test_life:connect --timeline timeline.json", screen.text)

    def test_a_failure_without_a_seed_has_no_such_command(self):
        screen = Printer()
        Runner(screen).result("test_build:x", False, None, 1.0, ["# AssertionError"])
        self.assertNotIn("--timeline", screen.text)


if __name__ == "__main__":
    unittest.main()
