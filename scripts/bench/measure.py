# SPDX-License-Identifier: BSD-2-Clause
"""One turn of one variant: a testbed of its own, every kind of traffic for a moment, and what each cost."""

from scripts.report.rates import percentile
from scripts.run import namespaces
from scripts.run.bed import Bed
from scripts.run.children import Children
from scripts.run.traffic import Traffic

# Name of a figure, its unit, and whether more is better.
FIGURES = {
    "TCP out": ("Gb/s", True), "TCP in": ("Gb/s", True), "small UDP out": ("packets/s", True),
    "small UDP in": ("packets/s", True), "request": ("µs, median", False),
    "request under TCP out": ("µs, median", False), "request under TCP out, 99 %": ("µs", False),
    "processor time, TCP out": ("s/GB", False), "processor time, TCP in": ("s/GB", False),
    "packets an NDIS call, TCP out": ("", True), "packets a doorbell, TCP out": ("", True),
    "instructions, send": ("a packet", False), "instructions, receive": ("a packet", False),
    "calls, send": ("a packet", False), "interlocked operations, send": ("a packet", False),
    "TCP out, 4 flows": ("Gb/s", True), "TCP in, 4 flows": ("Gb/s", True),
    "processor time, TCP out, 4 flows": ("s/GB", False),
}
FLOWS = 4
SMALL_BYTES = 64


class Counted:
    """Counters before and after, from the newest status of the testbed."""

    def __init__(self, bed):
        self._bed = bed
        self._before = dict(bed.status)

    def delta(self, name):
        now = self._bed.status.get(name, 0)
        before = self._before.get(name, 0 if not isinstance(now, list) else [0] * len(now))
        if isinstance(now, list):
            return sum(max(0, one - other) for one, other in zip(now, before))
        return now - before


def ratio(above, below):
    return above / below if below else None


def tcp(bed, traffic, direction, seconds, found):
    counted = Counted(bed)
    found[f"TCP {direction}"] = traffic.tcp(4, direction, seconds)
    bed.wait_status()
    way = "tx" if direction == "out" else "rx"
    found[f"processor time, TCP {direction}"] = ratio(counted.delta("processor_us") / 1e6,
                                                      counted.delta(f"{way}_bytes") / 1e9)
    if direction == "out":
        found["packets an NDIS call, TCP out"] = ratio(counted.delta("tx_packets"), counted.delta("tx_ndis_calls"))
        found["packets a doorbell, TCP out"] = ratio(counted.delta("tx_packets") + counted.delta("rx_packets"),
                                                     counted.delta("doorbells"))


def scaled(bed, traffic, seconds, found):
    """What should grow with queues and processors."""
    counted = Counted(bed)
    found["TCP out, 4 flows"] = traffic.tcp(4, "out", seconds, FLOWS)
    bed.wait_status()
    found["processor time, TCP out, 4 flows"] = ratio(counted.delta("processor_us") / 1e6,
                                                      counted.delta("tx_bytes") / 1e9)
    found["TCP in, 4 flows"] = traffic.tcp(4, "in", seconds, FLOWS)


def turn(options, seconds, scale=False):
    """{name of a figure: value} of one testbed; `scale`: those alone that are about queues and processors."""
    found = {}
    with Children() as children, Bed(children, options) as bed:
        namespaces.configure(bed)
        traffic = Traffic(bed, children)
        traffic.ping(4)
        scaled(bed, traffic, seconds, found)
        if scale:
            return found
        for direction in ("out", "in"):
            tcp(bed, traffic, direction, seconds, found)
        for direction in ("out", "in"):
            found[f"small UDP {direction}"] = traffic.small_datagrams(direction, seconds, SMALL_BYTES)
        found["request"] = percentile(traffic.requests(seconds), 50)
        loaded = traffic.requests(seconds, "out")
        found["request under TCP out"], found["request under TCP out, 99 %"] = (percentile(loaded, share)
                                                                              for share in (50, 99))
    return found
