# SPDX-License-Identifier: BSD-2-Clause
"""The pieces of traffic: each function moves one kind of it between the two namespaces and returns its figures.

"out" is guest to wire, "in" is wire to guest. A piece that does not work raises TrafficFailed with one sentence;
a testbed that ended meanwhile raises BedEnded.
"""

import itertools
import json
import re
import subprocess
import sys
import time
from pathlib import Path

from scripts.cli import ROOT
from scripts.run.namespaces import ADDRESSES

IPERF_PORT = 5201
# In turn: a datagram of the run before, late on its way, would be taken for the first one of the next run, which then
# gets no answer and waits 30 s for it.
IPERF_UDP_PORTS = (5202, 5203)
IPERF_NICE_PORTS = (5204, 5205)
# Tried again: a server not yet done with the client before, one about to listen again, and one that was quicker to
# close the control connection than its client (esnet/iperf issue 499), on a busy machine at any of its messages. A
# connection for data that is reset is a fault of what carries it.
IPERF_AGAIN = re.compile("the server is busy running a test|unable to connect to server: Connection refused|"
                         "unable to (receive|send) (control message|parameters|cookie|results).*: "
                         "Connection reset by peer")
WEB_PORT = 80
ECHO_PORT = 7
BLOCK_PORT, BLOCK_DATAGRAM = 9, 1400
QUIET_SECONDS, FIRST_BLOCK_SECONDS = 0.3, 5
IP_COUNTERS = {4: ("/proc/net/snmp", "/proc/net/netstat"), 6: ("/proc/net/snmp6",)}
IP_UDP_HEADERS = {4: 28, 6: 48}
DATAGRAM_STEP = 7  # bytes between the lengths that are tried
UDP_RATE = "100M"
REQUEST_BYTES = 200
NICE = ["nice", "-n", "19"]
BROADCAST, ALL_NODES = "198.18.0.255", "ff02::1"
LONGEST_BROADCAST = 1232  # IPv6 on the smallest MTU
# of all datagrams, between the two stacks: a sender's device queue may overflow on a busy machine
MAX_UDP_LOST = 0.001
RECEIVE_BUFFER = Path("/proc/sys/net/core/rmem_max")
MIN_RECEIVE_BUFFER = 212992  # the kernel's own default, where another network namespace hides the limit
MAX_RECEIVE_BUFFER = 4 << 20
SPARE_SECONDS = 30     # what a tool may take beyond its own time
POLL_SECONDS = 0.1
SERVER_SECONDS = 20
FIRST_PING_SECONDS, PING_SECONDS, CONNECT_SECONDS = 10, 2, 5  # for an answer


class TrafficFailed(Exception):
    """One kind of traffic did not work; the text says which and how."""


class Traffic:
    """Traffic over one running testbed. Starts servers on the wire side when first needed."""

    has_tools = True       # our own programs run on both sides
    patience = 1           # how many times as long as here a tool is to wait for an answer

    def __init__(self, bed, children):
        self.bed = bed
        self._children = children
        self._web = None  # (process, bytes, sha256)
        self._iperf = {}      # servers by port
        self._udp_ports, self._nice_ports = itertools.cycle(IPERF_UDP_PORTS), itertools.cycle(IPERF_NICE_PORTS)
        self.ping_us = {}    # {family: round trips of the last ping}

    def ping(self, family, count=5, size=56):
        """Mean round trip in milliseconds; none may be lost once the neighbour is known."""
        address = ADDRESSES["wire"][family]
        # The first one also waits for ARP or neighbour discovery.
        self.guest(["ping", f"-{family}", "-n", "-c", "1", "-w", str(FIRST_PING_SECONDS * self.patience), address],
                   f"ping over IPv{family}", 10)
        out = self.guest(["ping", f"-{family}", "-n", "-c", str(count), "-i", "0.05", "-W",
                          str(PING_SECONDS * self.patience), "-s", str(size), address],
                         f"ping over IPv{family}", 10)
        loss = re.search(r"([\d.]+)% packet loss", out)
        times = re.search(r"= [\d.]+/([\d.]+)/", out)
        if not loss or not times or float(loss.group(1)) != 0:
            raise TrafficFailed(f"ping over IPv{family} lost packets: {last_line(out)}")
        self.ping_us[family] = [1e3 * float(text) for text in re.findall(r"time=([\d.]+) ms", out)]
        return float(times.group(1))

    def requests(self, seconds, load=None):
        """Microseconds of round trips, one at a time, over IPv4. `load`: beside TCP in this direction."""
        what = f"requests{f' under TCP {load}' if load else ''}"
        address = ADDRESSES["wire"][4]
        server = self.start("wire", script("datagrams.py", "echo", address, str(ECHO_PORT)), stdout=subprocess.PIPE)
        busy = None
        try:
            if not server.stdout.readline():
                raise TrafficFailed(f"{what}: the echo on the wire side did not start")
            if load:
                self._serve_iperf3()
                busy = self.start("guest", ["iperf3", "-4", "-c", address, "-p", str(IPERF_PORT), "-t",
                                            str(seconds + 1), *(["-R"] if load == "in" else [])],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            found = json.loads(self.guest(script("datagrams.py", "time", address, str(ECHO_PORT), str(seconds),
                                                 str(REQUEST_BYTES)), what, seconds + 10))
        finally:
            for child in filter(None, (busy, server)):
                self._children.end(child)
        if not found:
            raise TrafficFailed(f"{what}: none came back")
        return found

    def broadcast_until(self, enough, seconds):
        """The guest sends to everybody, who may not be there, until it is enough."""
        sender = self.start("guest", script("datagrams.py", "broadcast", self.bed.tap("guest"), BROADCAST, ALL_NODES,
                                            str(BLOCK_PORT), str(LONGEST_BROADCAST)))
        try:
            deadline = time.monotonic() + seconds * self.patience
            while not enough():
                self.bed.check()
                if time.monotonic() > deadline:
                    raise TrafficFailed(f"the driver's life: not through it within {seconds} s")
                time.sleep(POLL_SECONDS)
        finally:
            self._children.end(sender)

    def small_datagrams(self, direction, seconds, length):
        """How many datagrams of that length reach the other side's stack in a second, of a sender that makes no more
        than is carried. One that the socket there has no room for, because its reader is late, has come through.

        It has the lowest priority: what it made beyond that would be dropped, at the others' cost."""
        what = f"small UDP {direction}"
        end, overflows = self._datagrams(4, direction, seconds, ["-b", "0", "-l", str(length)], what, nice=True)
        arrived = end["packets"] - end["lost_packets"] + overflows
        if arrived <= 0:
            raise TrafficFailed(f"{what}: nothing arrived")
        return arrived / end["seconds"]

    def _datagrams(self, family, direction, seconds, options, what, nice=False):
        """(iperf3's sums, how many datagrams the receiving side's full sockets dropped meanwhile)"""
        receiver = "wire" if direction == "out" else "guest"
        before = self._overflows(receiver, family)
        total = self.iperf3(family, direction, seconds, ["-t", str(seconds), "-u", *options, "-w",
                                                         str(self.receive_buffer())], what, nice=nice)["end"]["sum"]
        return total, self._overflows(receiver, family) - before

    def tcp(self, family, direction, seconds, streams=1):
        """Gb/s that arrived."""
        what = f"TCP {direction} over IPv{family}"
        report = self.iperf3(family, direction, seconds, ["-t", str(seconds), "-P", str(streams)], what)
        rate = report["end"]["sum_received"]["bits_per_second"] / 1e9
        if rate <= 0:
            raise TrafficFailed(f"{what}: nothing arrived")
        return rate

    def udp(self, family, direction, seconds, rate=UDP_RATE):
        """Datagrams sent, lost on their way, and dropped by a receiving socket whose reader was late; Gb/s."""
        what = f"UDP {direction} over IPv{family}"
        total, overflows = self._datagrams(family, direction, seconds, ["-b", rate], what)
        if total["packets"] == 0:
            raise TrafficFailed(f"{what}: nothing was sent")
        # What the receiving stack counts as dropped by a full socket came through; iperf3 counts it as lost. It also
        # counts a late datagram as lost first and as found again later: never below none.
        lost = max(0, total["lost_packets"] - overflows)
        if lost > MAX_UDP_LOST * total["packets"]:
            raise TrafficFailed(f"{what}: {lost} of {total['packets']} datagrams lost")
        return {"packets": total["packets"], "lost": lost, "overflows": overflows,
                "gbps": total["bits_per_second"] / 1e9}

    def udp_blocks(self, family, seconds):
        """Datagrams a second that reach the wire side's stack, of 1,400 bytes in sends of 64 KB: (cut by the device,
        cut by the guest's stack). None: this kernel's TAP cannot leave them to the device."""
        what = f"UDP out, in blocks over IPv{family}"
        device = self.bed.tap("guest")
        if not json.loads(self.guest(script("udpblocks.py", "offload", device, "on"), what, 10)):
            return None
        def cut_by(setting):
            return lambda: self.guest(script("udpblocks.py", "offload", device, setting), what, 10)
        try:
            return self._block_rates(what, "guest", "wire", family, seconds, (cut_by("on"), cut_by("off")))
        finally:
            cut_by("on")()

    def udp_blocks_in(self, family, seconds):
        """Datagrams a second that reach the guest's stack, of 1,400 bytes in the wire side's sends of 64 KB: (joined by
        the driver, as they come)."""
        what = f"UDP in, in blocks over IPv{family}"
        def joined(setting):
            return lambda: self._switch_uro(what, setting)
        try:
            return self._block_rates(what, "wire", "guest", family, seconds, (joined(True), joined(False)))
        finally:
            self._switch_uro(what, True)

    def udp_blocks_one_way(self, direction, family, seconds):
        """The same, nothing switched."""
        sides = ("guest", "wire") if direction == "out" else ("wire", "guest")
        return self._block_rates(f"UDP {direction}, in blocks over IPv{family}", *sides, family, seconds,
                                 (lambda: None,))[0]

    def _switch_uro(self, what, on):
        if not self.bed.switch_uro(on):
            raise TrafficFailed(f"{what}: the driver did not switch URO {'on' if on else 'off'}")

    def _block_rates(self, what, sender, receiver, family, seconds, preparations):
        """Datagrams a second of blocks that reach the receiver's stack, once after each preparation."""
        address = ADDRESSES[receiver][family]
        sink = self.start(receiver, script("udpblocks.py", "sink", address, str(BLOCK_PORT)), stdout=subprocess.PIPE)
        rates = []
        try:
            if not sink.stdout.readline():
                raise TrafficFailed(f"{what}: the receiver on the {receiver}'s side did not start")
            for prepare in preparations:
                prepare()
                # Nobody reads: whatever comes through ends as what a full socket dropped, and costs little.
                before = self._payload(receiver, family)
                begun = json.loads(self.run(sender, script("udpblocks.py", "flood", address, str(BLOCK_PORT),
                                                           str(seconds), str(BLOCK_DATAGRAM)), what, seconds + 10))
                after, ended = self._drained(receiver, family, before)
                if after <= before:
                    raise TrafficFailed(f"{what}: nothing arrived")
                rates.append((after - before) / BLOCK_DATAGRAM / (ended - begun))
        finally:
            self._children.end(sink)
        return tuple(rates)

    def _drained(self, side, family, before):
        """The payload once no more comes, and when it had all come: a sender's device holds up to 64 MB of blocks when
        the sender ends, which belong to its own time and not to the next one's."""
        payload, changed = self._payload(side, family), time.monotonic()
        while time.monotonic() < changed + (QUIET_SECONDS if payload > before else FIRST_BLOCK_SECONDS):
            time.sleep(POLL_SECONDS / 5)
            now = self._payload(side, family)
            if now >= payload + BLOCK_DATAGRAM:
                payload, changed = now, time.monotonic()
        return payload, changed

    def receive_buffer(self):
        return receive_buffer()

    def _payload(self, side, family):
        """Bytes of UDP that one side's stack has received so far, whether datagrams came singly or as one."""
        return udp_payload(self.run(side, ["cat", *IP_COUNTERS[family]], "reading the IP counters", 10), family)

    def _overflows(self, side, family):
        """How many datagrams full sockets of one side have dropped so far."""
        text = (self.run(side, ["cat", "/proc/net/snmp" if family == 4 else "/proc/net/snmp6"],
                         "reading the UDP counters", 10))
        return udp_overflows(text, family)

    def download(self, family, size):
        """Gb/s of a download of `size` bytes whose SHA-256 is what the server sent."""
        what = f"download over IPv{family}"
        expected = self._serve(size)
        out = self.guest(script("webfile.py", "fetch", self._url(family)), what, 60 + size // 1000000)
        got = json.loads(out)
        if got["bytes"] != size or got["sha256"] != expected:
            raise TrafficFailed(f"{what}: {got['bytes']} of {size} bytes arrived, SHA-256 {got['sha256']}, not "
                                f"{expected}")
        return got["bytes"] * 8 / 1e9 / max(got["seconds"], 1e-9)

    def upload(self, family, size):
        """Gb/s of an upload of `size` bytes whose SHA-256, as the server found it, is that of what was sent."""
        what = f"upload over IPv{family}"
        expected = self._serve(size)
        out = self.guest(script("webfile.py", "send", self._url(family), str(size)), what, 60 + size // 1000000)
        got = json.loads(out)
        if got["bytes"] != size or got["sha256"] != expected:
            raise TrafficFailed(f"{what}: {got['bytes']} of {size} bytes arrived, SHA-256 {got['sha256']}, not "
                                f"{expected}")
        return got["bytes"] * 8 / 1e9 / max(got["seconds"], 1e-9)

    def datagrams(self, family, largest):
        """How many datagrams, of all lengths up to `largest` and one whose checksum sums up to zero, went to the wire
        side and came back as they were sent."""
        what = f"UDP both ways over IPv{family}, contents compared"
        address = ADDRESSES["wire"][family]
        server = self.start("wire", script("datagrams.py", "echo", address, str(ECHO_PORT)), stdout=subprocess.PIPE)
        try:
            if not server.stdout.readline():
                raise TrafficFailed(f"{what}: the echo on the wire side did not start")
            wrong = self.guest(script("datagrams.py", "send", address, str(ECHO_PORT), "1", str(largest),
                                      str(DATAGRAM_STEP)), what, 60)
        finally:
            self._children.end(server)
        if wrong:
            raise TrafficFailed(f"{what}: of length {'; '.join(wrong.strip().splitlines())}")
        return len(range(1, largest + 1, DATAGRAM_STEP)) + 1

    @staticmethod
    def _url(family):
        address = ADDRESSES["wire"][family]
        return f"http://[{address}]/file" if family == 6 else f"http://{address}/file"

    def serve(self, size):
        """Have both servers up for a user's own commands."""
        self._serve(size)
        self._serve_iperf3()

    def start(self, side, argv, **options):
        """Start a server or the like on one side; it ends with the testbed at the latest."""
        return self._children.start(argv, self.bed.namespace(side), universal_newlines=True, **options)

    def guest(self, argv, what, seconds):
        return self.run("guest", argv, what, seconds)

    def run(self, side, argv, what, seconds):
        """Run a tool on one side; its standard output."""
        child = self._children.start(argv, self.bed.namespace(side), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     universal_newlines=True, errors="replace")
        deadline = time.monotonic() + (seconds + SPARE_SECONDS) * self.patience
        try:
            while True:
                try:
                    out, errors = child.communicate(timeout=POLL_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    self.bed.check()
                    if time.monotonic() > deadline:
                        raise TrafficFailed(f"{what}: did not end within {seconds + SPARE_SECONDS} s") from None
            status = child.returncode
        finally:
            self._children.end(child)
        if status != 0:
            self.bed.check()
            raise TrafficFailed(f"{what}: {explain(out, errors, status)}")
        return out

    def iperf3(self, family, direction, seconds, extra, what, nice=False):
        """Run iperf3 in the guest; its report. `nice`: who sends has the lowest priority."""
        port = next(self._udp_ports) if "-u" in extra else IPERF_PORT
        client, server = (NICE if nice and direction == sender else [] for sender in ("out", "in"))
        if server:
            port = next(self._nice_ports)
        argv = [*client, "iperf3", f"-{family}", "-c", ADDRESSES["wire"][family], "-p", str(port), "-J",
                "--connect-timeout", str(1000 * CONNECT_SECONDS * self.patience), *extra]
        if direction == "in":
            argv.append("-R")
        deadline = time.monotonic() + SERVER_SECONDS * self.patience
        while True:
            self._serve_iperf3(port, *server)
            try:
                report = json.loads(self.guest(argv, what, seconds))
                if "error" in report:  # its exit status does not always tell
                    raise TrafficFailed(f"{what}: {report['error']}")
                return report
            except TrafficFailed as failed:
                if not IPERF_AGAIN.search(str(failed)) or time.monotonic() > deadline:
                    raise
            time.sleep(POLL_SECONDS)

    def _serve_iperf3(self, port=IPERF_PORT, *before):
        if port not in self._iperf or self._iperf[port].poll() is not None:
            self._iperf[port] = self._children.start([*before, "iperf3", "-s", "-p", str(port), "--forceflush"],
                                                     self.bed.namespace("wire"), stdout=subprocess.DEVNULL,
                                                     stderr=subprocess.DEVNULL)
            self._await_port(port, "iperf3", self._iperf[port])

    def _serve(self, size):
        """The SHA-256 of the file that the web server serves."""
        if self._web and self._web[1] == size and self._web[0].poll() is None:
            return self._web[2]
        if self._web:
            self._children.end(self._web[0])
        server = self.start("wire", script("webfile.py", "serve", "::", str(WEB_PORT), str(size)),
                            stdout=subprocess.PIPE)
        line = server.stdout.readline()
        if not line:
            self._children.end(server)
            raise TrafficFailed("the web server on the wire side did not start")
        self._web = (server, size, json.loads(line)["sha256"])
        return self._web[2]

    def _await_port(self, port, what, server):
        """A listening socket shows up in /proc; nothing is sent to find out."""
        deadline = time.monotonic() + SERVER_SECONDS
        while not listening(server.pid, port):
            self.bed.check()
            if server.poll() is not None or time.monotonic() > deadline:
                raise TrafficFailed(f"{what} on the wire side did not start listening on port {port}")
            time.sleep(0.02)


def receive_buffer():
    """The largest receive buffer that a program may ask for here, in bytes."""
    try:
        return min(int(RECEIVE_BUFFER.read_text()), MAX_RECEIVE_BUFFER)
    except (OSError, ValueError):
        return MIN_RECEIVE_BUFFER


def udp_overflows(text, family):
    """Datagrams dropped by full sockets, from /proc/net/snmp (IPv4) or snmp6 (IPv6)."""
    if family == 6:
        return int(re.search(r"(?m)^Udp6RcvbufErrors\s+(\d+)", text).group(1))
    return int(counter(text, "Udp", "RcvbufErrors"))


def udp_payload(text, family):
    """Bytes behind the IP and UDP headers, from the files of IP_COUNTERS, if all that came was UDP."""
    if family == 6:
        packets, octets = (int(re.search(rf"(?m)^Ip6In{name}\s+(\d+)", text).group(1))
                           for name in ("Receives", "Octets"))
    else:
        packets, octets = (int(counter(text, *name)) for name in (("Ip", "InReceives"), ("IpExt", "InOctets")))
    return octets - packets * IP_UDP_HEADERS[family]


def counter(text, group, name):
    """A value of /proc/net/snmp or netstat: a line of names, and one of values."""
    names, values = (line.split() for line in text.splitlines() if line.startswith(f"{group}:"))
    return values[names.index(name)]


def listening(process, port):
    """Does anyone in the process's network namespace listen on the TCP port?"""
    for table in ("tcp", "tcp6"):
        try:
            lines = Path("/proc", str(process), "net", table).read_text().splitlines()[1:]
        except OSError:
            return False
        for line in lines:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                return True
    return False


def script(name, *arguments):
    return [sys.executable, "-B", str(ROOT / "scripts" / "run" / name), *arguments]


def last_line(text):
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def explain(out, errors, status):
    """Why a tool failed, in its own words."""
    try:
        return json.loads(out)["error"]  # iperf3 -J
    except (ValueError, KeyError, TypeError):
        return last_line(errors) or last_line(out) or f"exit status {status}"
