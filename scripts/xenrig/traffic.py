# SPDX-License-Identifier: BSD-2-Clause
"""The same pieces of traffic as scripts/run/traffic.py, run in the namespaces of domain 0 and of a guest by their
tools.

An emulated machine on a busy one may be a hundred times slower than usual: a tool that takes long is waited for as long
as the driver moves anything.
"""

import shlex
import time

from scripts.run.namespaces import ADDRESSES
from scripts.run.traffic import (IPERF_PORT, MIN_RECEIVE_BUFFER, SERVER_SECONDS, WEB_PORT, Traffic, TrafficFailed,
                                 explain)

UDP_RATE = 10_000_000  # bits/s: what a software-emulated machine carries without losing any,
UDP_SHARE = 0.25       # or, on a busy one, of what TCP reached
STALL_SECONDS = 60     # without a packet either way
TOOL_SECONDS = 600     # the most for one tool: a stall that moves packets still


class XenTraffic(Traffic):
    has_tools = False
    patience = 12

    def __init__(self, bed):
        super().__init__(bed, None)
        self._sum = {}         # size: SHA-256 of the file served
        self._iperf_up = set()  # ports
        self._tcp_rate = 1.0    # Gb/s: the lowest

    def tcp(self, family, direction, seconds, streams=1):
        rate = super().tcp(family, direction, seconds, streams)
        self._tcp_rate = min(self._tcp_rate, rate)
        return rate

    def udp(self, family, direction, seconds, rate=None):
        return super().udp(family, direction, seconds,
                           rate or str(int(min(UDP_RATE, UDP_SHARE * self._tcp_rate * 1e9))))

    def receive_buffer(self):
        return MIN_RECEIVE_BUFFER

    def download(self, family, size):
        what = f"download over IPv{family}"
        expected = self._serve(size)
        address = ADDRESSES["wire"][family]
        url = f"http://[{address}]/{size}" if family == 6 else f"http://{address}/{size}"
        script = (f"a=$EPOCHREALTIME; wget -q -O /run/got {url} || exit 1; b=$EPOCHREALTIME; wc -c < /run/got; "
                  "sha256sum < /run/got; echo $a $b; rm /run/got")
        lines = self.guest(["bash", "-c", script], what, 60).split("\n")
        if int(lines[0]) != size or lines[1].split()[0] != expected:
            raise TrafficFailed(f"{what}: {lines[0]} of {size} bytes arrived, SHA-256 {lines[1].split()[0]}, not "
                                f"{expected}")
        began, ended = map(float, lines[2].split())
        return size * 8 / 1e9 / max(ended - began, 1e-9)

    def start(self, side, argv, **_options):
        """A server in the background; it ends with the rig."""
        return self.bed.machine(side).spawn(self._line(side, argv))

    def run(self, side, argv, what, seconds):
        command = self.bed.machine(side).spawn(f"{self._line(side, argv)} 2> /run/stderr.$$ || "
                                               f"{{ s=$?; cat /run/stderr.$$; exit $s; }}")
        began = moved_at = time.monotonic()
        moved = self._moved()
        while not command.ended.wait(0.1):
            self.bed.check()
            now = time.monotonic()
            if self._moved() != moved:
                moved, moved_at = self._moved(), now
            if now - moved_at > seconds + STALL_SECONDS or now - began > seconds + TOOL_SECONDS:
                raise TrafficFailed(f"{what}: did not end within {now - began:.0f} s; the driver moved nothing for "
                                    f"{now - moved_at:.0f} s")
        out = command.wait(1)
        if command.status != 0:
            self.bed.check()
            raise TrafficFailed(f"{what}: {explain(out, '', command.status)}")
        return out

    def _moved(self):
        """Packets that the driver has moved so far, by the testbed's last word."""
        return self.bed.status.get("tx_packets", 0) + self.bed.status.get("rx_packets", 0)

    def _line(self, side, argv):
        return f"nsenter --net={self.bed.namespace(side)} {shlex.join(map(str, argv))}"

    def _serve_iperf3(self, port=IPERF_PORT, *before):
        if port not in self._iperf_up:
            self.run("wire", [*before, "iperf3", "-s", "-D", "-p", port], "starting iperf3", 10)
            self._await_listening(port, "iperf3")
            self._iperf_up.add(port)

    def _serve(self, size):
        if not self._sum:
            self.run("wire", ["sh", "-c", f"mkdir -p /run/www && httpd -p [::]:{WEB_PORT} -h /run/www"],
                     "starting the web server", 10)
            self._await_listening(WEB_PORT, "the web server")
        if size not in self._sum:
            out = self.run("wire", ["sh", "-c", f"head -c {size} /dev/urandom > /run/www/{size}; sha256sum < "
                                    f"/run/www/{size}"], "making the file", 60)
            self._sum[size] = out.split()[0]
        return self._sum[size]

    def _await_listening(self, port, what):
        deadline = time.monotonic() + SERVER_SECONDS * self.patience
        while f":{port:04X} " not in "".join(l for l in self._tables().splitlines(True) if " 0A " in l):
            self.bed.check()
            if time.monotonic() > deadline:
                raise TrafficFailed(f"{what} on the wire side did not start listening on port {port}")

    def _tables(self):
        return self.run("wire", ["cat", "/proc/net/tcp", "/proc/net/tcp6"], "looking for listening sockets", 10)

