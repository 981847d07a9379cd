# SPDX-License-Identifier: BSD-2-Clause
"""Each offload is used when it is there, as the capture at the driver's edges shows, and traffic flows without it.

The same exchange runs in every arrangement: TCP both ways and UDP both ways, over IPv4 and IPv6. What a capture
shows of an offload: a frame larger than the MTU is a segment for LSO or a large receive; a checksum that is left
open ("partial") is one for somebody further on; one that is vouched for ("valid") was checked by the driver.
"""

import functools
import subprocess
import sys
import unittest

from scripts.cli import ROOT
from scripts.run.namespaces import ADDRESSES
from tests.support.traffic_bed import capture, needs_traffic, running
from tests.support.traffic_capture import FROM, TCP, TOWARDS, UDP, Seen, summarize

TCP_BYTES = "6M"
UDP_LENGTHS = ("1", "1400")
UDP_PORT = 7
NAMES = {TCP: "TCP", UDP: "UDP"}
PLAIN_FEATURES = ("multi-queue", "split-event-channels", "ctrl-ring", "multicast-control", "rx-notify", "mtu", "speed")


class Exchange:
    """One exchange: what the driver offered, the testbed's counters, and what the capture shows."""

    def __init__(self, ready, end, seen):
        self.offloads = ready["offloads"]
        self.end = end
        self._seen = seen

    def seen(self, edge, way, family, protocol):
        return self._seen.get((edge, way, family, protocol), Seen())


@functools.lru_cache(maxsize=None)
def exchange(*arguments):
    with capture() as path:
        with running("--queues", "1", "--pcap", str(path), *arguments) as (bed, traffic):
            traffic.serve(1000)
            for family in (4, 6):
                tcp(traffic, family)
                udp(traffic, family)
            ready = bed.ready
        return Exchange(ready, bed.end, summarize(path))


def tcp(traffic, family):
    for way in ("out", "in"):
        traffic.iperf3(family, way, 20, ["-n", TCP_BYTES], f"TCP {way} over IPv{family}")


def udp(traffic, family):
    address = ADDRESSES["wire"][family]
    tool = [sys.executable, "-B", str(ROOT / "scripts" / "run" / "datagrams.py")]
    echo = traffic.start("wire", [*tool, "echo", address, str(UDP_PORT)], stdout=subprocess.PIPE)
    echo.stdout.readline()
    wrong = traffic.guest([*tool, "send", address, str(UDP_PORT), *UDP_LENGTHS], f"UDP over IPv{family}", 30)
    if wrong:
        raise AssertionError(f"UDP over IPv{family}: {wrong}")


def switch_off(*keywords):
    arguments = []
    for keyword in keywords:
        arguments += ["--set", f"{keyword}=0"]
    return arguments


class OffloadCase(unittest.TestCase):
    def nothing_wrong(self, run):
        """Whatever the offloads: no frame leaves with a checksum that is neither right nor spoken for."""
        for edge, way in (("guest", FROM), ("wire", FROM)):
            for family in (4, 6):
                for protocol in (TCP, UDP):
                    seen = run.seen(edge, way, family, protocol)
                    self.assertGreater(seen.frames, 0, f"no {NAMES[protocol]} over IPv{family} at the {edge} edge")
                    self.assertEqual(seen.wrong, 0, f"{NAMES[protocol]} over IPv{family} at the {edge} edge: {seen}")


@needs_traffic
class Used(OffloadCase):
    def transmit_checksum(self, family, protocol):
        seen = exchange().seen("guest", TOWARDS, family, protocol)
        self.assertGreater(seen.frames, 0)
        self.assertEqual(seen.partial, seen.frames, "the guest's stack computed checksums itself")

    def receive_checksum(self, family, protocol):
        run = exchange()
        self.assertGreater(run.seen("wire", TOWARDS, family, protocol).partial, 0)
        seen = run.seen("guest", FROM, family, protocol)
        self.assertGreater(seen.frames, 0)
        self.assertEqual(seen.partial + seen.valid, seen.frames, "the driver did not speak for every checksum")

    def test_tcp_checksum_over_ipv4_is_left_to_the_driver(self):
        self.transmit_checksum(4, TCP)

    def test_tcp_checksum_over_ipv6_is_left_to_the_driver(self):
        self.transmit_checksum(6, TCP)

    def test_udp_checksum_over_ipv4_is_left_to_the_driver(self):
        self.transmit_checksum(4, UDP)

    def test_udp_checksum_over_ipv6_is_left_to_the_driver(self):
        self.transmit_checksum(6, UDP)

    def test_tcp_checksum_over_ipv4_is_vouched_for_by_the_driver(self):
        self.receive_checksum(4, TCP)

    def test_tcp_checksum_over_ipv6_is_vouched_for_by_the_driver(self):
        self.receive_checksum(6, TCP)

    def test_udp_checksum_over_ipv4_is_vouched_for_by_the_driver(self):
        self.receive_checksum(4, UDP)

    def test_udp_checksum_over_ipv6_is_vouched_for_by_the_driver(self):
        self.receive_checksum(6, UDP)

    def large_send(self, family):
        for edge, way in (("guest", TOWARDS), ("wire", FROM)):
            self.assertGreater(exchange().seen(edge, way, family, TCP).gso, 0, f"no large segment at the {edge} edge")

    def large_receive(self, family):
        for edge, way in (("wire", TOWARDS), ("guest", FROM)):
            self.assertGreater(exchange().seen(edge, way, family, TCP).gso, 0, f"no large segment at the {edge} edge")

    def test_lso_over_ipv4_carries_large_segments_from_edge_to_edge(self):
        self.large_send(4)

    def test_lso_over_ipv6_carries_large_segments_from_edge_to_edge(self):
        self.large_send(6)

    def test_large_receives_over_ipv4_go_from_edge_to_edge(self):
        self.large_receive(4)

    def test_large_receives_over_ipv6_go_from_edge_to_edge(self):
        self.large_receive(6)

    def test_no_checksum_is_wrong_with_all_offloads(self):
        self.nothing_wrong(exchange())

    def test_the_driver_offers_every_offload(self):
        expected = {f"{way}-{what}" for way in ("tx", "rx") for what in ("ip4", "tcp4", "tcp6", "udp4", "udp6")}
        expected |= {"lso4", "lso6", "rsc4", "rsc6", "rss"}
        # XenVif has no use for hashes with one queue.
        self.assertEqual(expected - set(exchange("--queues", "2").offloads), set())


@needs_traffic
class TakenFromTheDriver(OffloadCase):
    """Keywords set as a person would in Device Manager."""

    def checksum(self, keyword, family, protocol):
        run = exchange(*switch_off(keyword))
        for way in (TOWARDS, FROM):
            seen = run.seen("guest", way, family, protocol)
            self.assertGreater(seen.frames, 0)
            self.assertEqual((seen.partial, seen.valid, seen.wrong), (0, 0, 0), f"{way} the driver: {seen}")
        self.assertGreater(run.seen("guest", TOWARDS, 10 - family, protocol).partial, 0,
                           "the other IP version lost its offload too")
        self.nothing_wrong(run)

    def test_tcp_over_ipv4_flows_without_checksum_offload(self):
        self.checksum("*TCPChecksumOffloadIPv4", 4, TCP)

    def test_tcp_over_ipv6_flows_without_checksum_offload(self):
        self.checksum("*TCPChecksumOffloadIPv6", 6, TCP)

    def test_udp_over_ipv4_flows_without_checksum_offload(self):
        self.checksum("*UDPChecksumOffloadIPv4", 4, UDP)

    def test_udp_over_ipv6_flows_without_checksum_offload(self):
        self.checksum("*UDPChecksumOffloadIPv6", 6, UDP)

    def test_ip_over_ipv4_flows_without_header_checksum_offload(self):
        run = exchange(*switch_off("*IPChecksumOffloadIPv4"))
        self.assertNotIn("tx-ip4", run.offloads)
        self.assertNotIn("rx-ip4", run.offloads)
        self.nothing_wrong(run)

    def lso(self, family):
        run = exchange(*switch_off(f"*LsoV2IPv{family}"))
        for edge, way in (("guest", TOWARDS), ("wire", FROM)):
            self.assertEqual(run.seen(edge, way, family, TCP).gso, 0, f"large segments at the {edge} edge")
            self.assertGreater(run.seen(edge, way, 10 - family, TCP).gso, 0,
                               "the other IP version lost its offload too")
        self.nothing_wrong(run)

    def test_tcp_over_ipv4_flows_without_lso(self):
        self.lso(4)

    def test_tcp_over_ipv6_flows_without_lso(self):
        self.lso(6)

    def large_receive(self, family):
        run = exchange(*switch_off(f"*RscIPv{family}"))
        self.assertEqual(run.seen("guest", FROM, family, TCP).gso, 0, "large receives at the guest edge")
        self.assertGreater(run.seen("guest", FROM, 10 - family, TCP).gso, 0,
                           "the other IP version lost its offload too")
        self.nothing_wrong(run)

    def test_tcp_over_ipv4_flows_without_large_receives(self):
        self.large_receive(4)

    def test_tcp_over_ipv6_flows_without_large_receives(self):
        self.large_receive(6)

    def test_traffic_flows_without_rss(self):
        run = exchange("--queues", "2", *switch_off("*RSS"))
        self.assertNotIn("rss", run.offloads)
        self.nothing_wrong(run)


@needs_traffic
class TakenFromTheBackend(OffloadCase):
    def lso(self, family):
        run = exchange("--backend-no", f"gso-tcpv{family}")
        for edge, way in (("guest", TOWARDS), ("wire", FROM)):
            self.assertEqual(run.seen(edge, way, family, TCP).gso, 0, f"large segments at the {edge} edge")
            self.assertGreater(run.seen(edge, way, 10 - family, TCP).gso, 0,
                               "the other IP version lost its offload too")
        self.nothing_wrong(run)

    def test_tcp_over_ipv4_flows_where_the_backend_has_no_gso_for_it(self):
        self.lso(4)

    def test_tcp_over_ipv6_flows_where_the_backend_has_no_gso_for_it(self):
        self.lso(6)

    def checksum(self, feature, family):
        run = exchange("--backend-no", feature)
        for protocol in (TCP, UDP):
            seen = run.seen("wire", FROM, family, protocol)
            self.assertGreater(seen.frames, 0)
            self.assertEqual(seen.partial, 0, f"the backend got a checksum to fill in: {seen}")
        self.nothing_wrong(run)

    def test_traffic_flows_where_the_backend_has_no_ipv4_checksum_offload(self):
        self.checksum("csum", 4)

    def test_traffic_flows_where_the_backend_has_no_ipv6_checksum_offload(self):
        self.checksum("ipv6-csum", 6)

    def test_traffic_flows_where_the_backend_takes_one_piece_a_packet(self):
        run = exchange("--backend-no", "sg")
        for family in (4, 6):
            self.assertEqual(run.seen("wire", FROM, family, TCP).gso, 0)
        self.nothing_wrong(run)

    def test_traffic_flows_without_each_other_feature_of_the_backend(self):
        for feature in PLAIN_FEATURES:
            with self.subTest(feature=feature):
                self.nothing_wrong(exchange("--backend-no", feature))

    def test_traffic_flows_without_any_feature_of_the_backend(self):
        everything = "sg,gso-tcpv4,gso-tcpv6,csum,ipv6-csum," + ",".join(PLAIN_FEATURES)
        self.nothing_wrong(exchange("--backend-no", everything))
