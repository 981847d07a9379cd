# SPDX-License-Identifier: BSD-2-Clause
"""What run.py makes of the testbed's reports: words for numbers, the phase that was measured, drops, --json."""

import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from scripts.cli import ROOT, Screen, Stop
from scripts.run import options as cli_run, report
from scripts.run.bed import BedEnded
from scripts.run.command import run_command
from scripts.run.event_log import in_words
from scripts.run.show import Show
from scripts.run.trace_names import name_fields
from scripts.run.traffic import IPERF_AGAIN, TrafficFailed
from scripts.test import suite


class Words(unittest.TestCase):
    def test_states_and_reasons_of_trace_events_have_their_names(self):
        self.assertEqual(name_fields("trace: 0.1 XenNet State Adapter=2 From=1 To=4"),
                         "trace: 0.1 XenNet State Adapter=2 From=Initializing To=Running")
        self.assertEqual(name_fields("trace: 0.1 XenNet SendDrop Adapter=2 Reason=4 Packets=1"),
                         "trace: 0.1 XenNet SendDrop Adapter=2 Reason=BACKEND Packets=1")

    def test_numbers_that_mean_nothing_stay(self):
        for line in ("trace: 0.1 XenNet State Adapter=2 From=99 To=0", "trace: 0.1 Other State Adapter=2 From=1 To=4",
                     "driver: State From=1"):
            self.assertEqual(name_fields(line), line)

    def test_an_event_log_entry_says_what_it_is_about(self):
        entry = "event 0xe0000001 (1): VIF, 8, 10, 0xc00000bb"
        self.assertEqual(in_words(entry), f"{entry}: XenVif has no VIF interface of version 8 to 10 (status "
                                          "0xc00000bb), so the network adapter cannot start. Install a XenVif that "
                                          "has one.")
        self.assertIn("(status ?)", in_words("event 0xe0000001 (1): VIF, 8, 10"))
        for other in ("event 0xe0000fff (4095): 1", "other: timeout (0x8000000f): 0x5"):
            self.assertEqual(in_words(other), other)


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Screens(unittest.TestCase):
    def written(self, term):
        with mock.patch.dict(os.environ, {"TERM": term}):
            screen = Screen(Terminal())
        screen.status("one")
        screen.line("two")
        return screen.stream.getvalue()

    def test_a_dumb_terminal_gets_no_escape_codes(self):
        self.assertIn("\x1b", self.written("xterm"))
        self.assertNotIn("\x1b", self.written("dumb"))

    def test_a_status_line_names_the_phase_that_it_measured(self):
        lines = []
        status = report.StatusLine(SimpleNamespace(status=lines.append), 1)
        counters = dict.fromkeys(("tx_packets", "tx_bytes", "rx_packets", "rx_bytes", "tx_ndis_calls", "rx_ndis_calls"),
                                 0)
        with mock.patch.object(report.time, "monotonic") as clock:
            status._measured = clock.return_value = 100.0
            status.begin("first")
            status(dict(counters, seconds=0.0, queues_used=1))
            clock.return_value = 100.9
            status.begin("second")
            clock.return_value = 101.0
            status(dict(counters, seconds=1.0, queues_used=1))
            clock.return_value = 102.0
            status(dict(counters, seconds=2.0, queues_used=1))
        self.assertRegex(lines[0], "^first ")
        self.assertRegex(lines[1], "^second ")


class Endings(unittest.TestCase):
    class Bed:
        """A testbed that just fails: seen to be gone at the second look."""
        looks = 0

        def check(self):
            self.looks += 1
            if self.looks > 1:
                raise BedEnded("the testbed broke a rule")

    def no_server(self, *_arguments):
        raise TrafficFailed("the web server on the wire side did not start")

    def test_what_a_testbed_ended_of_comes_before_what_failed_by_its_end(self):
        show = Show(cli_run.read(["--quick"]))
        show.bed = self.Bed()
        screen, status_line = mock.Mock(), mock.Mock()
        with mock.patch.object(show, "pieces", lambda traffic: [("download", self.no_server)] * 2):
            show.run(None, status_line, screen)
        self.assertEqual(show.figures["failures"], ["the testbed broke a rule"])
        screen.line.assert_not_called()

    def test_so_it_does_before_a_command(self):
        with self.assertRaisesRegex(BedEnded, "broke a rule"):
            run_command(["true"], self.Bed(), SimpleNamespace(serve=self.no_server), None)


class Drops(unittest.TestCase):
    def judged(self, counters, **last):
        show = Show(cli_run.read(["--quick"]))
        show.figures["driver_counters"] = counters
        show._judge_drops(last)
        return show.figures

    def test_drops_are_listed_and_those_without_an_explanation_fail(self):
        figures = self.judged({"SendDropState": 2, "ReceiveDropLength": 3, "SendLists": 9, "SendDropQueue": 0})
        self.assertEqual(figures["drops"], {"SendDropState": 2, "ReceiveDropLength": 3})
        self.assertEqual(figures["failures"], ["the driver dropped packets: 3 by ReceiveDropLength"])

    def test_a_driver_that_refuses_its_sends_is_one_sentence(self):
        show = Show(cli_run.read(["--quick"]))
        show.figures["failures"] = ["ping over IPv4: no route to host", "TCP out over IPv4: no route to host"]
        show._judge_drops({"tx_failed": 9, "tx_packets": 10, "tx_failure": "NDIS_STATUS_RESOURCES"})
        self.assertEqual(show.figures["failures"], ["the driver refused 9 of 10 sends: NDIS_STATUS_RESOURCES"])


class Remarks(unittest.TestCase):
    def test_what_windows_lets_pass_is_in_the_summary_without_verbose(self):
        show = Show(cli_run.read(["--quick"]))
        remark = "rule ndis-status (Windows lets it pass): a status too late"
        last = {"tx_packets": 1, "tx_ndis_calls": 1, "rx_packets": 1, "rx_ndis_calls": 1, "remarks": [remark]}
        show.ended(SimpleNamespace(end=last, status=last, resident_kb=[], failure=lambda: None))
        self.assertEqual(show.figures["remarks"], [remark])
        lines = report.summary(show.figures, False)
        self.assertEqual(lines[lines.index("remarks") + 1], f"  {remark}")

    def test_what_a_release_of_xenvif_is_known_to_leave_is_a_remark_and_no_failure(self):
        show = Show(cli_run.read(["--quick"]))
        remark = "left behind by xenvif.sys: open handle: a key (known)"
        last = {"tx_packets": 1, "tx_ndis_calls": 1, "rx_packets": 1, "rx_ndis_calls": 1, "remarks": [], "leaks": [],
                "known_faults": [remark]}
        show.ended(SimpleNamespace(end=last, status=last, resident_kb=[], failure=lambda: None))
        self.assertEqual((show.figures["remarks"], show.figures["ok"]), ([remark], True))


class Json(unittest.TestCase):
    def run_py(self, *arguments):
        return subprocess.run([sys.executable, "-B", str(ROOT / "run.py"), *arguments], cwd=ROOT, text=True,
                              capture_output=True, timeout=120, check=False)

    def test_a_run_that_cannot_start_says_so_in_its_file(self):
        with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
            path = Path(folder, "summary.json")
            path.write_text('{"ok": true}')
            done = self.run_py("--json", str(path), "--", "/no/such/command")
            self.assertEqual(done.returncode, 2)
            figures = json.loads(path.read_text())
            self.assertEqual(os.listdir(folder), ["summary.json"])
        self.assertIs(figures["ok"], False)
        self.assertIn("/no/such/command was not found", figures["failures"][0])
        self.assertNotIn("built", done.stdout)

    def test_standard_output_and_devices_are_written_to(self):
        done = self.run_py("--json", "/dev/stdout", "--", "/no/such/command")
        self.assertIs(json.loads(done.stdout)["ok"], False)
        self.assertNotIn("Traceback", done.stderr)

    def test_a_full_disk_is_one_sentence(self):
        done = self.run_py("--json", "/dev/full", "--", "/no/such/command")
        self.assertNotIn("Traceback", done.stderr)
        self.assertIn("/dev/full could not be written: No space left on device", done.stderr)

    def test_a_file_in_proc_is_refused(self):
        done = self.run_py("--json", "/proc/summary.json")
        self.assertEqual(done.returncode, 2)
        self.assertNotIn("Traceback", done.stderr)


class Iperf3(unittest.TestCase):
    def test_a_control_connection_that_is_reset_is_tried_again_and_data_is_not(self):
        for text in ("TCP out: unable to receive control message: Connection reset by peer",
                     "TCP out: unable to send control message - port may not be available, the other side may have "
                     "stopped running, etc.: Connection reset by peer",
                     "TCP in: the server is busy running a test. try again later"):
            self.assertTrue(IPERF_AGAIN.search(text), text)
        for text in ("TCP in: unable to read from stream socket: Connection reset by peer",
                     "TCP in: unable to connect to server: No route to host"):
            self.assertFalse(IPERF_AGAIN.search(text), text)


class Refused(unittest.TestCase):
    def test_jumbo_frames_need_fragments(self):
        with self.assertRaisesRegex(Stop, "--mtu 9000 needs frames of several fragments"):
            cli_run.read(["--mtu", "9000", "--backend-no", "sg"])
        self.assertEqual(cli_run.read(["--mtu", "1500", "--backend-no", "sg"]).mtu, 1500)

    def test_a_checked_build_is_of_our_own_driver(self):
        with self.assertRaisesRegex(Stop, "leave it or --bypass out"):
            cli_run.read(["--checked", "--bypass"])

    def test_unknown_tests_are_refused_without_a_build(self):
        # Put together here: words that stand in a test file count as known.
        for name in ("test_" + "zebra", "no" + "folder/", "test_" + "none:*", "no_case_is_" + "called_so*"):
            with self.subTest(name=name), self.assertRaisesRegex(Stop, "no test is called"):
                suite.refuse_unknown([name])

    def test_known_tests_are_not(self):
        suite.refuse_unknown(["test_send", "driver/", "test_life:*", "test_a_fresh_copy*", "every_number_of_queues*",
                              "testbed/nt", "test_s*", "test_an_event_log_entry_says_what_it_is_about",
                              "test_a_send_that_never_returns_is_reported"])


if __name__ == "__main__":
    unittest.main()
