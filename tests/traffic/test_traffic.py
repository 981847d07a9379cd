# SPDX-License-Identifier: BSD-2-Clause
"""Real traffic through the driver that ships: downloads in every arrangement, UDP of every length, memory, speed.

Each case starts its own testbed and ends with nothing left behind, or fails. Figures that are aims of the project
are printed as notes, so that a change in them can be seen in the log before it becomes a failure.
"""

import os
import re
import statistics
import subprocess
import sys
import time
import unittest
from itertools import product
from pathlib import Path

from scripts.run import options as cli_run
from scripts.cli import ROOT
from scripts.run.children import in_namespace
from scripts.run.namespaces import ADDRESSES
from tests.support.traffic_bed import fresh_copy, needs_traffic, running

MB = 1_000_000
DOWNLOAD = 100 * MB
UDP_PORT = 7
MAX_UDP = 65507
UDP_SECONDS = 400
MAX_MEMORY_KB = 512 * 1024
MEMORY_SECONDS = 24
MEMORY_DRIFT = 0.03      # of the middle of the run, and
MEMORY_DRIFT_KB = 8192   # what a thread's stack, a grown table or a backlog may add: 4,306 were seen
BYPASS_SHARE = 0.9
OFFLOAD_GAIN = 3.0
RATE_SECONDS = 2
RATE_ROUNDS = 3
USABLE = os.sched_getaffinity(0)
ON_PATH = re.compile(r"(?:guest-send |netback-[rt]x |bypass-(?:out|in) |dpc)(\d+)\n")
QUEUES, DRIVER_THREADS, BYPASS_THREADS = 4, 4, 2
WITHOUT_LARGE = ("--set", "*LsoV2IPv4=0", "--set", "*LsoV2IPv6=0", "--set", "*RscIPv4=0", "--set", "*RscIPv6=0")


@needs_traffic
class Downloads(unittest.TestCase):
    def check(self, mtu, queues, vif):
        with running("--mtu", str(mtu), "--queues", str(queues), "--vif", str(vif)) as (bed, traffic):
            self.assertEqual(bed.ready["vif"], vif)
            self.assertEqual(bed.ready["mtu"], mtu)
            self.assertEqual(bed.ready["queues"], queues)
            rates = [traffic.download(family, DOWNLOAD) for family in (4, 6)]
        print(f"note: {rates[0]:.2f} Gb/s IPv4, {rates[1]:.2f} Gb/s IPv6")


def add_download(mtu, queues, vif):
    name = f"test_100_mb_arrive_equal_at_mtu_{mtu}_with_{queues}_queue{'s' if queues > 1 else ''}_on_vif_{vif}"
    setattr(Downloads, name, lambda self: self.check(mtu, queues, vif))


for case in product((1500, 9000), (1, 4), (8, 9, 10)):
    add_download(*case)


@needs_traffic
class Udp(unittest.TestCase):
    def every_length(self, family, *arguments):
        address = ADDRESSES["wire"][family]
        tool = [sys.executable, "-B", str(ROOT / "scripts" / "run" / "datagrams.py")]
        with running(*arguments) as (bed, traffic):
            traffic.ping(family, count=1)
            echo = traffic.start("wire", [*tool, "echo", address, str(UDP_PORT)], stdout=subprocess.PIPE)
            self.assertTrue(echo.stdout.readline(), "the echo on the wire side did not start")
            wrong = traffic.guest([*tool, "send", address, str(UDP_PORT), "1", str(MAX_UDP)], f"UDP over IPv{family}",
                                  UDP_SECONDS)
            self.assertEqual(wrong, "")
            self.assertTrue(bed.alive())

    def test_ipv4_datagrams_of_every_length_come_back_intact(self):
        self.every_length(4)

    def test_ipv6_datagrams_of_every_length_come_back_intact(self):
        self.every_length(6)

    def test_ipv4_datagrams_of_every_length_come_back_intact_in_jumbo_frames(self):
        self.every_length(4, "--mtu", "9000", "--queues", "4")


@needs_traffic
class Memory(unittest.TestCase):
    def test_memory_stays_flat_and_under_512_mb_with_4_queues_at_mtu_9000(self):
        with running("--queues", "4", "--mtu", "9000") as (bed, traffic):
            for way in ("out", "in"):
                traffic.tcp(4, way, MEMORY_SECONDS // 2, streams=8)
            memory = list(bed.resident_kb)
        self.assertGreaterEqual(len(memory), MEMORY_SECONDS // 2, "the testbed reported its memory too seldom")
        # A testbed warms up in each direction; after that it may not grow any more.
        half = len(memory) // 2
        for way in (memory[:half], memory[half:]):
            warm = statistics.median(way[len(way) // 3:2 * len(way) // 3])
            last = statistics.median(way[-3:])
            self.assertLess(last - warm, max(MEMORY_DRIFT * warm, MEMORY_DRIFT_KB),
                            f"resident KB, a second each: {memory}")
        self.assertLess(max(memory), MAX_MEMORY_KB)
        print(f"note: at most {max(memory) // 1024} MB resident")


@needs_traffic
class Speed(unittest.TestCase):
    """Rates are measured and reported as ratios of one run; how fast this machine is fails nothing."""

    def measure(self, *arrangements):
        """For each arrangement of options {(family, way): Gb/s}, and its testbed's last counters. They take turns, and
        the best of a few rounds counts: a machine that does other things too only takes away."""
        best, ends = [{} for _ in arrangements], []
        for _ in range(RATE_ROUNDS):
            ends = []
            for found, arguments in zip(best, arrangements):
                with running("--queues", "1", *arguments, spread=False) as (bed, traffic):
                    for family, way in product((4, 6), ("out", "in")):
                        rate = traffic.tcp(family, way, RATE_SECONDS)
                        found[family, way] = max(found.get((family, way), 0), rate)
                ends.append(bed.end)
        return best, ends

    def test_one_flow_is_compared_with_two_taps_joined_without_a_driver(self):
        (driver, bypass), _ends = self.measure((), ("--bypass",))
        for (family, way), rate in driver.items():
            print(f"note: IPv{family} {way} {rate:.2f} Gb/s, {rate / bypass[family, way]:.2f} of "
                  f"{bypass[family, way]:.2f} Gb/s "
                  f"without a driver (aim: {BYPASS_SHARE})")

    def test_lso_and_large_receives_are_used_and_compared_with_a_run_without(self):
        (large, small), (with_them, without) = self.measure((), WITHOUT_LARGE)
        for (family, way), rate in large.items():
            print(f"note: IPv{family} {way} {rate:.2f} Gb/s, {rate / small[family, way]:.1f} times "
                  f"{small[family, way]:.2f} Gb/s (aim: {OFFLOAD_GAIN})")
        for counter in ("tx_lso", "rx_coalesced"):
            self.assertGreater(with_them[counter], 0, counter)
            self.assertEqual(without[counter], 0, counter)


@needs_traffic
class Segments(unittest.TestCase):
    def test_large_udp_sends_are_cut_by_the_driver_and_compared_with_the_stack_s(self):
        for more in ((), ("--backend-no", "csum,ipv6-csum"), ("--set", "*UsoIPv4=0")):
            with running("--queues", "1", *more) as (bed, traffic):
                rates = None
                if "--set" not in more:
                    rates = traffic.udp_blocks(4, RATE_SECONDS), traffic.udp_blocks(6, RATE_SECONDS)
            if rates is None:
                self.assertEqual(bed.end["tx_uso"], 0)
            elif None in rates:
                self.skipTest("a TAP leaves no datagrams to be cut here: Linux 6.2 or later is needed")
            else:
                self.assertGreater(bed.end["tx_uso"], 100)
                for family, (offloaded, plain) in zip((4, 6), rates):
                    print(f"note: IPv{family} {' '.join(more)} {offloaded:,.0f} datagrams/s cut by the driver, "
                          f"{offloaded / plain:.1f} times {plain:,.0f}")

    def test_udp_in_is_joined_by_the_driver_and_compared_with_a_run_without(self):
        with running("--windows", "11-24h2", "--queues", "1") as (bed, traffic):
            rates = {family: traffic.udp_blocks_in(family, RATE_SECONDS) for family in (4, 6)}
            bed.switch_uro(False)
            bed.wait_status()
            before = dict(bed.status)
            traffic.udp(4, "in", 1)
        self.assertEqual(bed.end["rx_joined"], before["rx_joined"])  # off is off
        self.assertGreater(bed.end["rx_joined_datagrams"], 100)
        for family, (joined, plain) in rates.items():
            print(f"note: IPv{family} {joined:,.0f} datagrams/s joined by the driver, {joined / plain:.1f} times "
                  f"{plain:,.0f}")

    def test_joined_datagrams_take_few_indications(self):
        for more in ((), ("--set", "*UdpRsc=0")):
            with running("--windows", "11-24h2", "--queues", "1", *more) as (bed, traffic):
                traffic.udp_blocks_one_way("in", 4, RATE_SECONDS)
            end = bed.end
            if more:
                self.assertEqual(end["rx_joined"], 0)
                continue
            datagrams = end["rx_packets"] - end["rx_joined"] + end["rx_joined_datagrams"]
            self.assertLess(8 * end["rx_ndis_calls"], datagrams)
            print(f"note: {datagrams / end['rx_packets']:.1f} datagrams an NBL, "
                  f"{datagrams / end['rx_ndis_calls']:.1f} an NDIS call")


@needs_traffic
@unittest.skipIf(len(USABLE) < 2, "needs a second processor")
class Places(unittest.TestCase):
    """Which of this machine's processors the testbed's threads may run on, right behind some traffic."""

    def on_path(self, *arguments, small=False, **how):
        """{queue or simulated processor: [where each thread on its packets' way may run]} behind large frames, or
        behind small ones that came after them."""
        found = {}
        with running("--queues", str(QUEUES), *arguments, **how) as (bed, traffic):
            traffic.tcp(4, "out", 1)
            if small:
                traffic.small_datagrams("in", 1, 64)
            for thread in Path("/proc", str(bed.process_id), "task").iterdir():
                match = ON_PATH.fullmatch((thread / "comm").read_text())
                where = os.sched_getaffinity(int(thread.name))
                if match:
                    found.setdefault(int(match[1]), []).append(where)
                else:
                    self.assertEqual(where, USABLE, (thread / "comm").read_text())
        return found

    def check_gathered(self, found, per_queue):
        all_of_them = set()
        for number, places in found.items():
            self.assertEqual(len(places), per_queue if number < QUEUES else 1, found)
            self.assertEqual([len(one) for one in places], [1] * len(places), found)
            self.assertEqual(len(set(map(frozenset, places))), 1, found)
            all_of_them |= places[0]
        self.assertEqual(len(all_of_them), min(len(found), len(USABLE) // 2))
        self.assertLessEqual(all_of_them, USABLE)

    def check_spread(self, *arguments, per_queue=DRIVER_THREADS, **how):
        found = self.on_path(*arguments, **how)
        self.assertEqual(found, {queue: [USABLE] * per_queue for queue in range(QUEUES)})

    def test_behind_large_frames_threads_of_a_queue_share_a_processor_and_half_of_them_are_left_alone(self):
        for processors in ((), ("--processors", str(2 * QUEUES))):
            found = self.on_path(*processors, spread=False)
            self.assertEqual(set(found), set(range(2 * QUEUES if processors else QUEUES)))
            self.check_gathered(found, DRIVER_THREADS)

    def test_threads_that_share_a_processor_do_each_others_work(self):
        with running("--queues", "1", spread=False) as (bed, traffic):
            traffic.tcp(4, "out", 2)
            bed.wait_status()
            statuses = [path.read_text() for path in Path("/proc", str(bed.process_id), "task").glob("*/status")]
            backend = next(text for text in statuses if "netback-tx 0" in text)
            sent = bed.status["tx_packets"]
        self.assertGreater(sent, 1000)
        self.assertLess(int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", backend)[1]), sent / 4)

    def test_threads_without_a_driver_are_placed_likewise(self):
        self.check_gathered(self.on_path("--bypass", spread=False), BYPASS_THREADS)

    def test_behind_small_frames_threads_run_anywhere(self):
        self.check_spread(small=True, spread=False)

    def test_threads_run_anywhere_where_they_are_spread(self):
        self.check_spread()
        self.check_spread("--bypass", per_queue=BYPASS_THREADS)


@needs_traffic
class Queues(unittest.TestCase):
    def test_many_flows_use_all_four_queues(self):
        with running("--queues", "4") as (bed, traffic):
            for way in ("out", "in"):
                traffic.tcp(4, way, RATE_SECONDS, streams=16)
        self.assertEqual(bed.end["queues_used"], 4)

    def test_as_many_queues_as_can_be_asked_for_carry_traffic(self):
        with running("--queues", str(cli_run.MAX_QUEUES), "--mtu", str(cli_run.MIN_MTU)) as (bed, traffic):
            self.assertEqual(bed.ready["queues"], cli_run.MAX_QUEUES)
            for way in ("out", "in"):
                traffic.tcp(4, way, 1, streams=cli_run.MAX_QUEUES)
        self.assertGreater(bed.end["queues_used"], 4)

    def test_the_guest_obeys_the_mtu_that_the_driver_indicates(self):
        with running("--mtu", "9000", "--set", "*JumboPacket=2014") as (bed, traffic):
            shown = subprocess.run(in_namespace(bed.namespace("guest"),
                                                ["ip", "-o", "link", "show", "dev", bed.tap("guest")]),
                                   stdout=subprocess.PIPE, universal_newlines=True, check=True).stdout
            traffic.download(4, 10 * MB)
        self.assertIn(" mtu 2000 ", shown)

    def test_one_queue_is_used_where_the_backend_has_no_multi_queue(self):
        with running("--queues", "4", "--backend-no", "multi-queue") as (bed, traffic):
            traffic.tcp(4, "out", RATE_SECONDS, streams=4)
        self.assertEqual(bed.end["queues_used"], 1)

    def test_an_ndis_call_carries_more_than_one_packet_under_load(self):
        """Small packets, so that the driver and not the stack makes the batch."""
        with running("--queues", "1", *WITHOUT_LARGE) as (bed, traffic):
            traffic.tcp(4, "in", RATE_SECONDS)
        end = bed.end
        self.assertGreater(end["rx_packets"], 2 * end["rx_ndis_calls"])
        print(f"note: {end['rx_packets'] / end['rx_ndis_calls']:.1f} packets a receive call")


@needs_traffic
class FirstSight(unittest.TestCase):
    def test_a_fresh_copy_builds_and_reaches_its_quick_summary(self):
        with fresh_copy() as folder:
            started = time.monotonic()
            done = subprocess.run([sys.executable, "-B", "run.py", "--quick"], cwd=folder, stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                                  check=False)
            seconds = time.monotonic() - started
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("left behind         nothing", done.stdout)
        print(f"note: {seconds:.0f} s (aim: 120)")
