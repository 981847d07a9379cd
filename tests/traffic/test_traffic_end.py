# SPDX-License-Identifier: BSD-2-Clause
"""run.py leaves nothing behind, however and whenever it ends: no process, no network namespace, no device."""

import itertools
import json
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from scripts.run import options as cli_run
from scripts.run.children import descendants
from scripts.cli import ROOT
from scripts.run.report import FIGURES
from tests.support import traffic_bed
from tests.support.traffic_bed import needs_traffic, run_py

PATIENCE = 90           # for run.py to get somewhere
GONE_SECONDS = 20
NEVER_SECONDS = "3600"
OF_THE_ISSUE = ("driver windows ndis vif queues_used mtu ping4_ms ping6_ms tcp4_out_gbps tcp4_in_gbps tcp6_out_gbps "
                "tcp6_in_gbps udp_out_lost udp_in_lost datagrams4_equal datagrams6_equal upload4_ok upload6_ok drops "
                "download4_ok download6_ok tx_packets rx_packets tx_ndis_calls rx_ndis_calls doorbells leaks").split()


def network_namespaces():
    found = set()
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found.add(os.readlink(f"/proc/{entry}/ns/net"))
            except OSError:
                pass
    return found


def devices():
    return set(os.listdir("/sys/class/net"))


def running(process):
    try:
        return Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Watched:
    """A run.py whose output is read as it comes and whose processes are known."""

    def __init__(self, *arguments):
        self.namespaces, self.devices = network_namespaces(), devices()
        self.seen = set()
        self.text = ""
        self.process = subprocess.Popen([sys.executable, "-B", "-u", str(ROOT / "run.py"), *arguments], cwd=ROOT,
                                        stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def until(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text):
            ready, _, _ = select.select([self.process.stdout], [], [], 0.1)
            self.seen.update(descendants(self.process.pid))
            if ready:
                piece = os.read(self.process.stdout.fileno(), 65536).decode(errors="replace")
                if not piece:
                    raise AssertionError(f"run.py ended before it printed '{pattern}':\n{self.text}")
                self.text += piece
            elif time.monotonic() > deadline:
                raise AssertionError(f"run.py did not print '{pattern}':\n{self.text}")
        self.seen.update(descendants(self.process.pid))

    def end(self, signum, group=False):
        """Signal it, or as a terminal does its whole group; its exit status."""
        (os.killpg if group else os.kill)(self.process.pid, signum)
        with self.process.stdout:
            self.text += self.process.stdout.read().decode(errors="replace")
        return self.process.wait(GONE_SECONDS)


@needs_traffic
class Ends(unittest.TestCase):
    def nothing_left(self, watched):
        deadline = time.monotonic() + GONE_SECONDS
        while time.monotonic() < deadline:
            left = [process for process in watched.seen if running(process)]
            spaces, found = network_namespaces() - watched.namespaces, devices() - watched.devices
            if not left and not spaces and not found:
                return
            time.sleep(0.05)
        self.fail(f"left behind: processes {left}, namespaces {spaces}, devices {found}")

    def interrupted(self, pattern, signum=signal.SIGINT, group=True):
        watched = Watched("--seconds", NEVER_SECONDS)
        watched.until(pattern)
        self.assertTrue(watched.seen)
        status = watched.end(signum, group)
        self.assertEqual(status, 130, watched.text)
        self.assertTrue(watched.text.rstrip().endswith("stopped"), watched.text)
        self.assertNotIn("Traceback", watched.text)
        self.nothing_left(watched)

    def test_ctrl_c_while_it_starts_leaves_nothing(self):
        self.interrupted("built the testbed")

    def test_ctrl_c_right_after_the_driver_started_leaves_nothing(self):
        self.interrupted("on Windows")

    def test_ctrl_c_under_traffic_leaves_nothing(self):
        self.interrupted(r"TCP out.*packets/s")

    def test_ctrl_c_that_reaches_only_run_py_leaves_nothing(self):
        self.interrupted(r"TCP out.*packets/s", group=False)

    def test_sigterm_under_traffic_leaves_nothing(self):
        self.interrupted(r"TCP out.*packets/s", signal.SIGTERM, group=False)

    def test_a_run_py_that_is_killed_outright_leaves_nothing(self):
        watched = Watched("--seconds", NEVER_SECONDS)
        watched.until(r"TCP out.*packets/s")
        watched.end(signal.SIGKILL)
        self.nothing_left(watched)

    def test_what_a_command_left_in_the_background_ends_with_it(self):
        watched = Watched("--", "sh", "-c", "sleep 3600 & setsid sleep 3600 & echo both started; sleep 1")
        watched.until("both started")
        watched.seen.update(descendants(watched.process.pid))
        with watched.process.stdout:
            watched.process.stdout.read()
        self.assertEqual(watched.process.wait(GONE_SECONDS), 0)
        self.nothing_left(watched)


@needs_traffic
class Commands(unittest.TestCase):
    def test_a_command_runs_on_the_guest_side_and_gives_its_exit_status(self):
        done = run_py("--", "sh", "-c", "ip -o addr show dev $XENNET_GUEST_TAP; ping -c 1 -W 5 $XENNET_WIRE_IPV6 && "
                      "exit 7")
        self.assertEqual(done.returncode, 7, done.stdout + done.stderr)
        self.assertIn("198.18.0.2/24", done.stdout)
        self.assertIn(" 0% packet loss", done.stdout)

    def test_a_command_finds_the_servers_of_the_wire_side(self):
        done = run_py("--", "sh", "-c", "iperf3 -c $XENNET_WIRE_IPV4 -t 1 && python3 scripts/run/webfile.py fetch "
                      "http://$XENNET_WIRE_IPV4/")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn('"bytes": 10000000', done.stdout)

    def test_a_command_that_a_signal_ends_gives_128_and_its_number(self):
        done = run_py("--", "sh", "-c", "kill -TERM $$")
        self.assertEqual(done.returncode, 143, done.stdout + done.stderr)

    def test_a_shell_opens_on_the_guest_side(self):
        done = subprocess.run([sys.executable, "-B", str(ROOT / "run.py"), "--shell"], input="hostname -I; exit 5\n",
                              cwd=ROOT,
                              env=dict(os.environ, SHELL="/bin/sh"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 5, done.stdout)
        self.assertIn("198.18.0.2", done.stdout)

    def test_the_quick_show_works_and_has_everything_for_programs(self):
        with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
            summary = Path(folder, "summary.json")
            done = run_py("--quick", "--json", summary)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            figures = json.loads(summary.read_text())
        self.assertEqual(list(figures), list(FIGURES))
        for name in OF_THE_ISSUE:
            self.assertIsNotNone(figures[name], name)
        self.assertEqual(figures["leaks"], [])
        self.assertIs(figures["download4_ok"], True)
        self.assertIs(figures["download6_ok"], True)
        self.assertIs(figures["ok"], True)
        self.assertRegex(done.stdout, r"packets/s +[\d.]+ Gb/s .* packets/NDIS call [\d.]+ out [\d.]+ in \| \d+ of \d+ "
                         r"queues")
        for way in ("tx", "rx"):
            self.assertGreater(figures[f"{way}_packets"], 1000)
            self.assertGreater(figures[f"{way}_ndis_calls"], 0)
        received = sum(queue["rx_packets"] for queue in figures["driver_queues"])
        self.assertAlmostEqual(received, figures["driver_counters"]["ReceivePackets"], delta=10)

    def test_the_bypass_shows_the_same_without_a_driver(self):
        with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
            summary = Path(folder, "summary.json")
            done = run_py("--bypass", "--seconds", "1", "--quick", "--json", summary)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            figures = json.loads(summary.read_text())
        self.assertIs(figures["bypass"], True)
        self.assertEqual(figures["tx_ndis_calls"], 0)
        self.assertGreater(figures["tcp4_out_gbps"], 0)

    def test_a_capture_of_a_command_opens_in_wireshark(self):
        with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
            path = Path(folder, "ping.pcapng")
            done = run_py("--pcap", path, "--", "ping", "-c", "3", "-i", "0.1", "198.18.0.1")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            fields = ["-e", "frame.interface_name", "-e", "frame.packet_flags_direction", "-e", "icmp.type"]
            shown = subprocess.run(["tshark", "-r", str(path), "-Y", "icmp", "-T", "fields", *fields],
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, universal_newlines=True, check=True).stdout.split("\n")
        # Three requests and three answers, each at both edges: inbound is towards the driver.
        for edge, kind in (("guest", "8"), ("wire", "8"), ("guest", "0"), ("wire", "0")):
            lines = [line.split("\t") for line in shown if line.startswith(edge)]
            found = [line for line in lines if line[2] == kind]
            self.assertEqual(len(found), 3, f"{edge} {kind}: {shown}")
            directions = {int(line[1], 0) for line in found}
            self.assertEqual(directions, {1 if (edge == "guest") == (kind == "8") else 2})

    def test_every_windows_version_and_xenvif_carries_traffic(self):
        for windows, vif in zip(cli_run.WINDOWS, itertools.cycle(cli_run.VIF)):
            with self.subTest(windows=windows, vif=vif), traffic_bed.running("--windows", windows, "--vif",
                                                                             vif) as (bed, traffic):
                self.assertEqual(bed.ready["vif"], int(vif))
                for family, way in itertools.product((4, 6), ("out", "in")):
                    traffic.iperf3(family, way, 20, ["-n", "20M"], f"TCP {way} over IPv{family}")
