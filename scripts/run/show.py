# SPDX-License-Identifier: BSD-2-Clause
"""The show: every kind of traffic once, in order, over one testbed; and the figures that come of it.

A piece that fails is written down and the next one runs, so that one summary tells everything; a testbed that
ends by itself ends the show.
"""

import re

from scripts.cli import ROOT
from scripts.run.bed import COUNTERS, BedEnded
from scripts.run.report import FIGURES
from scripts.run.traffic import TrafficFailed

DOWNLOAD_BYTES = 100_000_000
SMALL_DOWNLOAD_BYTES = 10_000_000



def named_counters(values):
    """The driver's own counters by name: the testbed reports their values, the driver's header has their order."""
    if values is None:
        return None
    names = re.findall(r"^ +X\((\w+), ", (ROOT / "include" / "counters.h").read_text(), re.MULTILINE)
    return dict(zip(names, values))


class Show:
    def __init__(self, options):
        self.options = options
        self.figures = dict.fromkeys(FIGURES)
        self.figures.update(bypass=options.bypass, queues=options.queues, mtu=options.mtu, failures=[], ok=False,
                            download_bytes=SMALL_DOWNLOAD_BYTES if options.small else DOWNLOAD_BYTES)

    def started(self, bed):
        for name in ("driver", "xenvif", "windows", "ndis", "vif", "queues", "mtu", "mac", "offloads"):
            if name in bed.ready:
                self.figures[name] = bed.ready[name]

    def fail(self, text):
        self.figures["failures"].append(text)

    def pieces(self, traffic):
        """(name, what it does): each returns the figures it found."""
        seconds, size = self.options.seconds, self.figures["download_bytes"]
        for family in (4, 6):
            yield f"ping, IPv{family}", lambda f=family: {f"ping{f}_ms": traffic.ping(f)}
        for family in (4, 6):
            for way in ("out", "in"):
                yield (f"TCP {way}, IPv{family}",
                       lambda f=family, w=way: {f"tcp{f}_{w}_gbps": traffic.tcp(f, w, seconds)})
        for family in (4, 6):
            yield f"UDP out, IPv{family}", lambda f=family: self._udp(traffic, f, seconds)
        for family in (4, 6):
            yield f"download, IPv{family}", lambda f=family: self._download(traffic, f, size)

    def run(self, traffic, status_line, screen):
        try:
            for name, piece in self.pieces(traffic):
                status_line.doing = name
                try:
                    self.figures.update(piece())
                except TrafficFailed as failed:
                    screen.line(f"failed: {failed}")
                    self.fail(str(failed))
        except BedEnded as ended:
            self.fail(str(ended))

    def ended(self, bed):
        """After the testbed stopped: its last counters, what it left behind, and whether all was well."""
        last = bed.end or bed.status
        for name in (*COUNTERS, "queues_used"):
            self.figures[name] = last.get(name)
        self.figures["driver_counters"] = named_counters(last.get("driver_counters"))
        self.figures["driver_queues"] = last.get("driver_queues")
        self.figures["leaks"] = (bed.end or {}).get("leaks")
        self.figures["event_log"] = (bed.end or {}).get("event_log")
        self.figures["max_resident_kb"] = max(bed.resident_kb, default=None)
        failure = bed.failure()
        if failure and failure not in self.figures["failures"]:
            self.fail(failure)
        if self.figures["leaks"]:
            self.fail(f"left behind: {', '.join(self.figures['leaks'])}")
        self.figures["ok"] = not self.figures["failures"]

    def _udp(self, traffic, family, seconds):
        figures = traffic.udp(family, "out", seconds)
        return {f"udp_{name}": (self.figures[f"udp_{name}"] or 0) + figures[name]
                for name in ("packets", "lost", "overflows")}

    def _download(self, traffic, family, size):
        self.figures[f"download{family}_ok"] = False
        rate = traffic.download(family, size)
        return {f"download{family}_ok": True, f"download{family}_gbps": rate}
