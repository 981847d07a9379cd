# SPDX-License-Identifier: BSD-2-Clause
"""What a run of run.py leaves to look at: one short run with everything switched on, and each file that it wrote."""

import json
import statistics
import tempfile
import unittest
from pathlib import Path

from scripts.cli import ROOT
from scripts.timeline import check
from tests.support import browser
from tests.support.sessions import sessions
from tests.support.traffic_bed import needs_traffic, run_py, running

MAX_BYTES = 10_000_000
SHARE, MIN_PAIRS, MAX_PAIRS = 0.8, 3, 9


@needs_traffic
class Looking(unittest.TestCase):
    def test_a_run_leaves_a_page_with_data_in_every_plot_and_a_timeline(self):
        browser.ensure()
        with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
            page, summary, timeline = (Path(folder, f"run.{ending}") for ending in ("html", "json", "timeline"))
            done = run_py("--seconds", "1", "--report", page, "--json", summary, "--timeline", timeline)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn(f"report              {page}", done.stdout)
            first = next(one for one in sessions(ROOT / "docs" / "walkthrough.md") if one.command == "./run.py --quick")
            self.assertIsNone(first.missing(done.stdout), done.stdout)
            self.assertTrue(json.loads(summary.read_text())["ok"])
            self.assertLess(page.stat().st_size, MAX_BYTES)
            found = browser.look_at(page, 390)
            self.assertLess(timeline.stat().st_size, MAX_BYTES)
            document, wrong = check.check(timeline)
            text = page.read_text(encoding="utf-8")
        self.assertEqual((found["errors"], found["scripts"]), ([], 0))
        plots = {"throughput", "packets", "calls", "doorbells", "queues", "processors", "latency"}
        self.assertEqual(set(found["plots"]) - {"drops"}, plots)
        for name in plots:
            self.assertTrue(all(width + height > 5 for width, height in found["plots"][name]), found["plots"])
        self.assertEqual(wrong, [])
        self.assert_shows_the_run(document["traceEvents"])
        for words in ("ping, IPv6", "requests, TCP in", "xennet.sys", "NDIS", "matplotlib"):
            self.assertIn(words, text)

    def assert_shows_the_run(self, events):
        names = {event["name"] for event in events}
        for name in ("MiniportSendNetBufferLists", "ReceiverQueuePacket", "VIF TransmitterQueuePacket", "IRQL",
                     "NdisMIndicateReceiveNetBufferLists", "adapter Running", "queue 0"):
            self.assertTrue(name in names or any(event.get("args", {}).get("name") == name for event in events), name)
        self.assertIn("kernel", {event.get("cat") for event in events})
        ways = list(check.journeys(events).values())
        for way in (["NBL sent", "queued", "to the wire", "response", "NBL completed"],
                    ["from the wire", "to the driver", "NBL indicated", "NBL returned"]):
            self.assertIn(way, ways)

    def test_a_timeline_leaves_most_of_the_throughput(self):
        """The median of pairs that ran one after the other, because other load on the machine comes and goes."""
        ratios = []
        with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
            while len(ratios) < MIN_PAIRS or len(ratios) < MAX_PAIRS and statistics.median(ratios) < SHARE:
                rates = []
                for arguments in ([], ["--timeline", f"{folder}/timeline.json"]):
                    with running(*arguments, spread=False) as (_, traffic):
                        rates.append(traffic.tcp(4, "out", 1))
                ratios.append(rates[1] / rates[0])
        self.assertGreaterEqual(statistics.median(ratios), SHARE, ratios)


if __name__ == "__main__":
    unittest.main()
