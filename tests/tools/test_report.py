# SPDX-License-Identifier: BSD-2-Clause
"""The pages of --report, made from findings that are written here and looked at by a real browser."""

import tempfile
import unittest
from pathlib import Path

from scripts import packages
from scripts.cli import Stop
from scripts.report import maker
from scripts.report.rates import Rates, percentile
from scripts.run.report import FIGURES
from tests.support import browser

PHONE, DESK = 390, 1200
DARK_PAPER = ".0784 .0941 .1098 rg"     # of the page on a dark screen, as a PDF fills with it


def sample(second, **more):
    return {"seconds": float(second), "tx_packets": 1000 * second, "tx_bytes": 1_000_000 * second,
            "rx_packets": 500 * second, "rx_bytes": 700_000 * second, "tx_ndis_calls": 100 * second,
            "rx_ndis_calls": 60 * second, "doorbells": 40 * second, "guest_refused": 3 * second,
            "queue_tx": [600 * second, 400 * second], "queue_rx": [100 * second, 400 * second],
            "processor_us": [300_000 * second, 200_000 * second], **more}


def run_data():
    figures = dict.fromkeys(FIGURES)
    figures.update(ok=False, failures=["ping over IPv4 lost <packets>"], queues=2, mtu=1500, driver="xennet.sys 1.2",
                   windows="Windows 10", drops={"SendDropState": 17}, offloads=["lso4", "rss"], tx_packets=5000,
                   event_log=["event 5"], driver_counters={"SendDropState": 17, "ReceiveCoalescedPackets": 4})
    return {"figures": figures, "samples": [sample(second) for second in range(12)],
            "pieces": [[0, 5, "ping, IPv4"], [5, 11, "TCP out, IPv4"]],
            "latency": {"ping, IPv4": [100.0, 200.0, 400.0], "requests, TCP out": [300.0, 900.0, 5000.0]},
            "argv": ["--quick", "--report", "a b.html"]}


class Arithmetic(unittest.TestCase):
    def test_rates_are_what_was_counted_in_the_time_between(self):
        rates = Rates([sample(0), sample(2), sample(3)])
        self.assertEqual(rates.x, [1.0, 2.5])
        self.assertEqual(rates.a_second("tx_packets"), [1000, 1000])
        self.assertEqual(rates.ratio("tx_packets", "tx_ndis_calls"), [10, 10])
        self.assertEqual(rates.lists("queue_tx"), {0: [1200, 600], 1: [800, 400]})
        self.assertEqual(rates.busy(), {0: [30, 30], 1: [20, 20]})

    def test_a_counter_that_begins_anew_gives_no_negative_rate(self):
        self.assertEqual(Rates([sample(5), sample(6, tx_packets=10)]).delta("tx_packets"), [0])

    def test_a_percentile_is_a_value_that_was_measured(self):
        values = [5.0, 1.0, 4.0, 2.0, 3.0]
        self.assertEqual([percentile(values, share) for share in (1, 20, 50, 90, 100)], [1, 1, 3, 5, 5])


class Pages(unittest.TestCase):
    """Both pages in a browser."""

    @classmethod
    def setUpClass(cls):
        browser.ensure()
        folder = tempfile.TemporaryDirectory(prefix="xennet-")
        cls.addClassCleanup(folder.cleanup)
        cls.run_page, cls.explore_page = Path(folder.name, "run.html"), Path(folder.name, "explore.html")
        maker.write("run", cls.run_page, run_data())
        maker.write("explore", cls.explore_page, {
            "operations": 900, "skipped": 9, "lists": 5, "calls": 20000, "frames": 77, "seconds": 3.5,
            "done": {"send": 5, "oid": 9}, "failures": [{"seed": 7, "text": "rule <lock>"}], "reasons": ["rule <lock>"],
            "history": [[1.0, 200], [2.0, 500], [3.0, 900]], "argv": []})

    def assert_drawn(self, found, plots):
        self.assertEqual((found["errors"], found["scripts"], found["outside"]), ([], 0, 0))
        self.assertEqual(set(found["plots"]), plots)
        for name, boxes in found["plots"].items():
            self.assertTrue(boxes, f"{name}: no data")
            for width, height in boxes:
                self.assertGreater(width + height, 5, f"{name}: a curve that is a point")

    def test_the_page_of_a_run_draws_every_plot_on_a_desk(self):
        self.assert_drawn(browser.look_at(self.run_page, DESK), {
            "throughput", "packets", "calls", "doorbells", "queues", "processors", "latency", "drops"})

    def test_the_page_of_a_run_fits_a_phone_and_is_dark_where_the_reader_wants_that(self):
        light, dark = browser.look_at(self.run_page, PHONE), browser.look_at(self.run_page, PHONE, dark=True)
        self.assertLessEqual((light["wide"], dark["wide"]), (0, 0))
        self.assertEqual((light["paper"], dark["paper"]), ("rgb(255, 255, 255)", "rgb(20, 24, 28)"))
        self.assertNotEqual(light["ink"], dark["ink"])

    def test_each_page_prints_black_on_white(self):
        for page, fewest in ((self.run_page, 2), (self.explore_page, 1)):
            for dark in (False, True):
                with self.subTest(page.name, dark=dark):
                    pages, drawn = browser.printed(page, dark)
                    self.assertIn(pages, range(fewest, 12))
                    self.assertGreater(drawn.count(" l\n"), 20, "no curves")
                    self.assertNotIn(DARK_PAPER, drawn)

    def test_the_page_of_exploring_draws_every_plot(self):
        self.assert_drawn(browser.look_at(self.explore_page, DESK), {"progress", "operations"})

    def test_what_came_from_elsewhere_is_text_and_no_markup(self):
        text = self.run_page.read_text(encoding="utf-8")
        self.assertIn("lost &lt;packets&gt;", text)
        self.assertIn("--report &#x27;a b.html&#x27;", text)
        self.assertNotIn("<script", text)


class Maker(unittest.TestCase):
    def test_a_page_that_cannot_be_written_is_named(self):
        packages.ensure(packages.PLOT, lambda text: None)
        with self.assertRaisesRegex(Stop, "/nowhere/page.html could not be"):
            maker.write("run", Path("/nowhere/page.html"), run_data())


if __name__ == "__main__":
    unittest.main()
