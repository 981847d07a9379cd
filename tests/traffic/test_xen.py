# SPDX-License-Identifier: BSD-2-Clause
"""The driver on the real Xen with the real Linux netback, in QEMU's software emulation: traffic in every arrangement,
offloads as a capture in domain 0 shows them, closing and reconnecting, taking over after a crash.

One machine is booted for the file; each case starts its own testbed in it and ends with nothing left behind, or fails.
"""

import json
import re
import unittest
from itertools import product

from scripts.run.namespaces import ADDRESSES
from scripts.run.traffic import IPERF_PORT
from scripts.xenrig import bed as xenbed
from scripts.xenrig.traffic import XenTraffic
from scripts.xenrig.record import RECORDING, observe
from tests.conformance.test_conformance import FLOWS, compare
from tests.support.xen_rig import BACK, FRONT, SCENARIOS, captured, dom0, needs_rig, options, rig, running

DOWNLOAD = 10_000_000
SECONDS = 1
TCP_BYTES = "1M"
ROUNDS = 100
MAX_QUEUES = 8
QUEUE_COUNTS = (1, 2, 3, 4, 5, 6, 7, 8, 1, 8, 2, 7, 3, 6, 4, 5, 8, 4, 2, 1)
FLOWS_AT_ONCE = 8
FLOW_BYTES = "256K"
LONG_SECONDS = 880     # for what takes one on an idle machine
PLAIN = ("--backend-no", "sg,gso-tcpv4,gso-tcpv6,csum,ipv6-csum")


# Pages that the testbed shares now, each with its grant.
GRANTED_PAGES = ("total=0; for range in $(sed -n 's/ .*xen.gntalloc.*//p' /proc/$(pidof testbed)/maps); do "
                 "total=$((total + (0x${range#*-} - 0x${range%-*}) / 4096)); done; echo $total")
SPARE_PAGES = 600      # buffers that the traffic may ask for in the meantime


def until(states):
    """Shell text that waits until the states of frontend and backend are (or are not) those."""
    return (f"""t=0; until [ "$(xenstore-read {FRONT}/state {BACK}/state | tr -d '\\n')" {states} ]; do t=$((t+1)); """
            f"[ $t -gt 6000 ] && {{ xenstore-ls {FRONT}; xenstore-ls {BACK}; exit 1; }}; usleep 5000; done")


@needs_rig
class Traffic(unittest.TestCase):
    def check(self, queues, mtu):
        with running("--queues", str(queues), "--mtu", str(mtu)) as (bed, traffic):
            self.assertEqual((bed.ready["queues"], bed.ready["mtu"]), (queues, mtu))
            rates = []
            for family in (4, 6):
                traffic.ping(family)
                traffic.ping(family, count=2, size=mtu - 48)
                rates += [traffic.tcp(family, way, SECONDS) for way in ("out", "in")]
                traffic.udp(family, "out", SECONDS)
                rates.append(traffic.download(family, DOWNLOAD))
        print("note: TCP out, in, download, Gb/s: " + ", ".join(f"{rate:.2f}"
                                                                for rate in rates) + " (software emulation)")


def add_traffic(queues, mtu):
    name = f"test_all_traffic_passes_at_mtu_{mtu}_with_{queues}_queue{'s' if queues > 1 else ''}"
    setattr(Traffic, name, lambda self: self.check(queues, mtu))


for case in product((1, 4), (1500, 9000)):
    add_traffic(*case)


RATE_KBITS, RATE_SECONDS = 1000, 60


@needs_rig
class Rate(unittest.TestCase):
    """netback with Xen's rate option: it answers slowly, and always."""

    def test_a_minute_at_1_mbit_a_second_aborts_nothing_and_tcp_keeps_the_rate(self):
        with running("--queues", "1", "--backend-rate", str(RATE_KBITS)) as (bed, traffic):
            self.assertIn(f"rate = \"{RATE_KBITS * 1000 // 8 // 20},50000\"", dom0(f"xenstore-ls {BACK}"))
            rate = traffic.tcp(4, "out", RATE_SECONDS) * 1e6
        print(f"note: TCP at a rate of {RATE_KBITS} kbit/s for {RATE_SECONDS} s: {rate:.0f} kbit/s "
                  "(software emulation)")
        self.assertGreater(rate, RATE_KBITS * 0.7)
        self.assertLess(rate, RATE_KBITS * 1.3)  # netback lets a burst of 128 KiB through first
        self.assertEqual([line for line in bed.end["event_log"] if "timeout (" in line], [])
        self.assertEqual(bed.end["tx_failed"], 0)


@needs_rig
class Offloads(unittest.TestCase):
    def exchange(self, *arguments):
        """{(side, IP version): (frames, larger than the MTU, checksum left open)}"""
        with running("--queues", "1", *arguments) as (bed, traffic):
            traffic.serve(1000)
            with captured(bed, 1500) as seen:
                for family, direction in product((4, 6), ([], ["-R"])):
                    traffic.guest(["iperf3", f"-{family}", "-c", ADDRESSES["wire"][family], "-p", str(IPERF_PORT), "-n",
                                   TCP_BYTES, *direction],
                                  f"TCP over IPv{family}", 0)
            capture = seen[0]
            return {(side, family): tuple(table.get(ADDRESSES[side][family], 0)
                                          for table in (capture.frames, capture.large, capture.open))
                    for side, family in product(("guest", "wire"), (4, 6))}

    def test_segments_and_open_checksums_pass_netback_both_ways(self):
        for (side, family), (frames, large, left_open) in self.exchange().items():
            with self.subTest(side=side, family=family):
                self.assertGreater(frames, 10)
                self.assertGreater(large, 0, "no frame was larger than the MTU")
                self.assertGreater(left_open, 0, "no checksum was left open")

    def test_without_netbacks_features_every_frame_is_whole(self):
        for (side, family), (frames, large, left_open) in self.exchange(*PLAIN).items():
            with self.subTest(side=side, family=family):
                self.assertGreater(frames, 10)
                self.assertEqual((large, left_open), (0, 0))


@needs_rig
class Conformance(unittest.TestCase):
    def test_netback_does_what_was_recorded(self):
        compare(self, json.loads(RECORDING.read_text()), observe(rig()))

    def test_queue_and_hash_of_1000_flows_are_as_predicted(self):
        flows = json.loads(dom0(f"/rig/conformance_netif --provider xen --flows {FLOWS}", LONG_SECONDS))
        self.assertEqual((flows["flows"], flows["lost"], flows["other_queue"], flows["other_hash"]), (FLOWS, 0, 0, 0))
        self.assertTrue(all(flows["queues"]), "not every queue was used")


@needs_rig
class Programs(unittest.TestCase):
    """The very programs that run on the embedded backend in every ./test.py."""

    def passes(self, program):
        _status, output = rig().run(f"/rig/build/tests/{program} --provider xen 2>&1", LONG_SECONDS)
        results = re.findall(r"(?m)^(not ok|ok) \d+ - (\S+)", output)
        self.assertEqual(f"1..{len(results)}", output.split("\n", 1)[0], output)
        for result, name in results:
            with self.subTest(program=name):
                self.assertEqual(result, "ok", output)
        print(f"note: {len(results)} tests")


for path in SCENARIOS:
    setattr(Programs, f"{path.name}_on_netback", lambda self, name=path.name: self.passes(name))


@needs_rig
class Life(unittest.TestCase):
    def test_100_reconnects_under_traffic_leave_nothing(self):
        with running("--queues", "2") as (bed, traffic):
            traffic.ping(4, count=1)
            ports, pages = dom0("lsevtchn 0 | wc -l"), int(dom0(GRANTED_PAGES))
            self.assertGreater(pages, 1000, "two queues have 512 buffers to send from and as many to receive into")
            # The kernel refuses to grant more at a time: pages that a connection left granted would soon be too many.
            dom0(f"echo {pages + SPARE_PAGES} > /sys/module/xen_gntalloc/parameters/limit")
            flood = rig().spawn(f"nsenter --net={bed.namespace('guest')} ping -q -f -s 1400 {ADDRESSES['wire'][4]}")
            # Netback's own key says Closing, as when it goes away; the frontend closes, and both come back.
            once = f"xenstore-write {BACK}/state 5; {until('!= 44')}; {until('= 44')}"
            out = dom0(f"n=0; while [ $n -lt {ROUNDS} ]; do {once}; n=$((n+1)); done; echo $n", LONG_SECONDS)
            self.assertEqual(out, str(ROUNDS))
            dom0("kill -INT $(pidof ping); true")
            flood.wait(300)
            self.assertEqual(dom0("lsevtchn 0 | wc -l"), ports)
            self.assertLess(int(dom0(GRANTED_PAGES)), pages + SPARE_PAGES)
            traffic.ping(4)
            traffic.ping(6)

    def test_20_reconnects_with_one_to_eight_queues_lose_no_flow(self):
        with running("--queues", str(MAX_QUEUES)) as (bed, traffic):
            traffic.ping(4, count=1)
            traffic.serve(1000)
            for queues in QUEUE_COUNTS:
                # What a migration finds at another host; netback itself takes as many as before.
                dom0(f"xenstore-write {BACK}/multi-queue-max-queues {queues}; xenstore-write {BACK}/state 5; "
                     f"{until('!= 44')}; {until('= 44')}")
                self.assertEqual(dom0(f"xenstore-read {FRONT}/multi-queue-num-queues"), str(queues))
                for direction in ([], ["-R"]):
                    traffic.guest(["iperf3", "-4", "-c", ADDRESSES["wire"][4], "-p", str(IPERF_PORT),
                                   "-P", str(FLOWS_AT_ONCE), "-n", FLOW_BYTES, *direction],
                                  f"{FLOWS_AT_ONCE} flows with {queues} queues", 0)
        print(f"note: {len(QUEUE_COUNTS)} reconnects, {FLOWS_AT_ONCE} flows each way after each")

    def test_a_new_frontend_takes_over_after_a_crash(self):
        chosen = options("--queues", "1")
        first = xenbed.XenBed(rig(), chosen)
        first.__enter__()
        first.configure()
        dom0("kill -KILL $(pidof testbed)")
        first.wait_ended()
        with xenbed.XenBed(rig(), chosen, device=False) as bed:
            bed.configure()
            traffic = XenTraffic(bed)
            traffic.ping(4)
            traffic.tcp(4, "out", SECONDS)
        self.assertIsNone(bed.failure())

    def test_the_backend_goes_away_and_comes_back(self):
        with running("--queues", "1") as (bed, traffic):
            traffic.ping(4, count=1)
            dom0("sh /vif remove-backend && sh /vif add-backend 1500")
            dom0(until("= 44"))
            bed.configure_wire()
            traffic.ping(4)
            traffic.tcp(6, "in", SECONDS)
