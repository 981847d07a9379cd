# SPDX-License-Identifier: BSD-2-Clause
"""What a run of run.py leaves to look at: one short run with everything switched on, and each file that it wrote."""

import json
import tempfile
import unittest
from pathlib import Path

from tests.support import browser
from tests.support.traffic_bed import needs_traffic, run_py

MAX_BYTES = 10_000_000


@needs_traffic
class Looking(unittest.TestCase):
    def test_a_run_leaves_a_page_with_data_in_every_plot(self):
        browser.ensure()
        with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
            page, summary = Path(folder, "run.html"), Path(folder, "run.json")
            done = run_py("--seconds", "1", "--report", page, "--json", summary)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn(f"report              {page}", done.stdout)
            self.assertTrue(json.loads(summary.read_text())["ok"])
            self.assertLess(page.stat().st_size, MAX_BYTES)
            found = browser.look_at(page, 390)
            text = page.read_text(encoding="utf-8")
        self.assertEqual((found["errors"], found["scripts"]), ([], 0))
        plots = {"throughput", "packets", "calls", "doorbells", "queues", "processors", "latency"}
        self.assertEqual(set(found["plots"]) - {"drops"}, plots)
        for name in plots:
            self.assertTrue(all(width + height > 5 for width, height in found["plots"][name]), found["plots"])
        for words in ("ping, IPv6", "requests, TCP in", "xennet.sys", "NDIS", "matplotlib"):
            self.assertIn(words, text)


if __name__ == "__main__":
    unittest.main()
