# SPDX-License-Identifier: BSD-2-Clause
"""The show: every kind of traffic once, in order, over one testbed; and the figures that come of it.

A piece that fails is written down and the next one runs, so that one summary tells everything; a testbed that
ends by itself ends the show.
"""

import re

from scripts.cli import ROOT
from scripts.run.bed import COUNTERS, BedEnded, check_ending
from scripts.run.event_log import in_words
from scripts.run.report import FIGURES
from scripts.run.traffic import TrafficFailed

DOWNLOAD_BYTES = 100_000_000
SMALL_DOWNLOAD_BYTES = 10_000_000
USUAL_PINGS, REPORT_PINGS = 5, 40
REQUEST_SECONDS = 2
BLOCK_SECONDS = 2
LIFE_ROUNDS, LIFE_SECONDS = 2, 60   # through everything that happens to a driver without a wire
# Packets that meet an adapter which is pausing or has not been started, and frames of another VLAN.
EXPLAINED_DROPS = ("SendDropState", "ReceiveDropState", "ReceiveDropVlan")


def named_counters(values):
    """The driver's own counters by name: the testbed reports their values, the driver's header has their order."""
    if values is None:
        return None
    names = re.findall(r"^ +X\((\w+), ", (ROOT / "include" / "counters.h").read_text(), re.MULTILINE)
    return dict(zip(names, values))


class Show:
    def __init__(self, options):
        self.options = options
        self.series = None     # samples of the run
        self.bed = None        # once it was ready
        self.latency = {}      # {what: round trips in microseconds}, for --report
        self.figures = dict.fromkeys(FIGURES)
        self.figures.update(bypass=options.bypass, queues=options.queues, mtu=options.mtu, failures=[], ok=False,
                            download_bytes=SMALL_DOWNLOAD_BYTES if options.small else DOWNLOAD_BYTES)

    def started(self, bed):
        for name in ("driver", "xenvif", "root_device", "windows", "ndis", "vif", "queues", "mtu", "mac", "offloads"):
            if name in bed.ready:
                self.figures[name] = bed.ready[name]

    def fail(self, text):
        self.figures["failures"].append(text)

    def stopped(self, text):
        """The run ended before its summary: that is what its figures say."""
        self.fail(text)
        self.figures["ok"] = False

    def pieces(self, traffic):
        """(name, what it does): each returns the figures it found."""
        if self.figures["root_device"]:
            yield "life", lambda: self._life(traffic)
            return
        seconds, size = self.options.seconds, self.figures["download_bytes"]
        for family in (4, 6):
            yield f"ping, IPv{family}", lambda f=family: self._ping(traffic, f)
        for family in (4, 6):
            for way in ("out", "in"):
                yield (f"TCP {way}, IPv{family}",
                       lambda f=family, w=way: {f"tcp{f}_{w}_gbps": traffic.tcp(f, w, seconds)})
        for family in (4, 6):
            for way in ("out", "in"):
                yield f"UDP {way}, IPv{family}", lambda f=family, w=way: self._udp(traffic, f, w, seconds)
        for family in (4, 6) if self._cuts_datagrams(traffic) else ():
            yield f"UDP blocks, IPv{family}", lambda f=family: self._blocks(traffic, f, min(seconds, BLOCK_SECONDS))
        for family in (4, 6) if self._joins_datagrams(traffic) else ():
            yield (f"UDP blocks in, IPv{family}",
                   lambda f=family: self._blocks_in(traffic, f, min(seconds, BLOCK_SECONDS)))
        for family in (4, 6):
            yield f"download, IPv{family}", lambda f=family: self._transfer(traffic, "download", f, size)
        for family in (4, 6) if traffic.has_tools else ():
            yield f"upload, IPv{family}", lambda f=family: self._transfer(traffic, "upload", f, size)
        for family in (4, 6) if traffic.has_tools else ():
            yield f"UDP contents, IPv{family}", lambda f=family: self._datagrams(traffic, f)
        if self.options.report and traffic.has_tools:
            for name, load in (("requests, idle", None), ("requests, TCP out", "out"), ("requests, TCP in", "in")):
                yield name, lambda n=name, l=load: self._requests(traffic, n, l)

    def run(self, traffic, status_line, screen):
        try:
            for name, piece in self.pieces(traffic):
                status_line.begin(name)
                try:
                    self.figures.update(piece())
                except TrafficFailed as failed:
                    check_ending(self.bed)     # a testbed that just ended is why, and says itself of what
                    screen.line(f"failed: {failed}")
                    self.fail(str(failed))
        except BedEnded as ended:
            self.fail(str(ended))

    def ended(self, bed):
        """After the testbed stopped: its last counters, what it left behind, and whether all was well."""
        last = bed.end or bed.status
        for name in (*COUNTERS, "queues_used", "tx_failed"):
            self.figures[name] = last.get(name)
        self.figures["driver_counters"] = named_counters(last.get("driver_counters"))
        self.figures["driver_queues"] = last.get("driver_queues")
        self.figures["life"] = last.get("life")
        self.figures["remarks"] = last.get("remarks")
        if self.figures["remarks"] is not None:
            self.figures["remarks"] += last.get("known_faults", [])
        if self.options.pcap and self.options.pcap.exists():
            self.figures["capture_bytes"] = self.options.pcap.stat().st_size
            self.figures["capture_left_out"] = last.get("pcap_left_out")
        self._judge_drops(last)
        self.figures["leaks"] = (bed.end or {}).get("leaks")
        entries = (bed.end or {}).get("event_log")
        self.figures["event_log"] = entries and [in_words(entry) for entry in entries]
        self.figures["max_resident_kb"] = max(bed.resident_kb, default=None)
        failure = bed.failure()
        if failure and failure not in self.figures["failures"]:
            self.fail(failure)
        if self.figures["leaks"]:
            self.fail(f"left behind: {', '.join(self.figures['leaks'])}")
        self.figures["ok"] = not self.figures["failures"]

    def _life(self, traffic):
        """The testbed moves the driver on, once a second, while the guest's stack sends to everybody."""
        traffic.broadcast_until(lambda: self.bed.status.get("life", {}).get("rounds", 0) >= LIFE_ROUNDS, LIFE_SECONDS)
        if not self.bed.status.get("tx_packets"):
            raise TrafficFailed("the driver was given no packet to send: it reports no link")
        return {}

    def _ping(self, traffic, family):
        mean = traffic.ping(family, REPORT_PINGS if self.options.report else USUAL_PINGS)
        self.latency[f"ping, IPv{family}"] = traffic.ping_us.get(family, [])
        return {f"ping{family}_ms": mean}

    def _requests(self, traffic, name, load):
        self.latency[name] = traffic.requests(REQUEST_SECONDS, load)
        return {}

    def _udp(self, traffic, family, way, seconds):
        figures = traffic.udp(family, way, seconds)
        return {f"udp_{way}_{name}": (self.figures[f"udp_{way}_{name}"] or 0) + figures[name]
                for name in ("packets", "lost", "overflows")}

    def _cuts_datagrams(self, traffic):
        return traffic.has_tools and not self.options.races and {"uso4", "uso6"} <= set(self.figures["offloads"] or ())

    def _joins_datagrams(self, traffic):
        return traffic.has_tools and not self.options.races and "uro" in (self.figures["offloads"] or ())

    def _blocks_in(self, traffic, family, seconds):
        return dict(zip((f"udp{family}_blocks_joined", f"udp{family}_blocks_in"),
                        traffic.udp_blocks_in(family, seconds)))

    def _blocks(self, traffic, family, seconds):
        rates = traffic.udp_blocks(family, seconds)
        return dict(zip((f"udp{family}_blocks_offloaded", f"udp{family}_blocks"), rates)) if rates else {}

    def _transfer(self, traffic, what, family, size):
        self.figures[f"{what}{family}_ok"] = False
        rate = getattr(traffic, what)(family, size)
        return {f"{what}{family}_ok": True, f"{what}{family}_gbps": rate}

    def _datagrams(self, traffic, family):
        headers = 28 if family == 4 else 48
        return {f"datagrams{family}_equal": traffic.datagrams(family, self.figures["mtu"] - headers)}

    def _judge_drops(self, last):
        """Packets that the driver dropped, by its own reasons: those that no piece of the show explains are a fault."""
        counters = self.figures["driver_counters"] or {}
        drops = {name: count for name, count in counters.items() if "Drop" in name and count}
        self.figures["drops"] = drops
        wrong = {name: count for name, count in drops.items() if name not in EXPLAINED_DROPS}
        if wrong:
            reasons = ", ".join(f"{count:,} by {name}" for name, count in wrong.items())
            self.fail(f"the driver dropped packets: {reasons}")
        failed, sent = last.get("tx_failed") or 0, last.get("tx_packets") or 0
        if failed and failed >= sent // 2:
            reasons = ", ".join(f"{name} {count:,}" for name, count in drops.items() if name.startswith("Send"))
            # One sentence instead of what each tool made of it.
            self.figures["failures"] = [
                f"the driver refused {failed:,} of {sent:,} sends: "
                f"{reasons or last.get('tx_failure', 'no reason given')}",
                *(text for text in self.figures["failures"] if text.startswith("the testbed"))]
