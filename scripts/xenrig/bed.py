# SPDX-License-Identifier: BSD-2-Clause
"""The testbed in domain 0 of a booted rig, as a frontend to the real netback: what scripts/run/bed.py is on this
machine.

Its wire side is netback's own device, moved into the namespace that the testbed made for it. The events of the testbed
come through the rig's agent.
"""

import json
import shlex
import threading
import time
from collections import deque

from scripts.run.bed import xenvif, BedEnded, STATUS_BAD_INPUT, STATUS_FAILED, STATUS_RULE
from scripts.cli import ROOT, Stop
from scripts.run.namespaces import ADDRESSES, PREFIX
from scripts.xenrig import image, packages
from scripts.xenrig.boot import ALONE, Rig

CACHE = ROOT / "build" / "xen"
PROGRAM = ROOT / "build" / "testbed" / "testbed"
WIRE_DEVICE = "vif0.0"
START_SECONDS = 300    # limits are for what is stuck: an emulated machine on a busy one may be very slow
STOP_SECONDS = 200
LINK_SECONDS = 200
EDGE_BUFFERS = 32      # frames on their way per queue: domain 0 is small
ERROR_LINES = 200

# What netback's features are called in xenstore, and what takes them away.
SWITCHED_OFF = {
    "sg": ("feature-sg=0",), "gso-tcpv4": ("feature-gso-tcpv4=0",), "gso-tcpv6": ("feature-gso-tcpv6=0",),
    "csum": ("feature-no-csum-offload=1",), "ipv6-csum": ("feature-ipv6-csum-offload=0",),
    "multi-queue": ("multi-queue-max-queues=1",), "split-event-channels": ("feature-split-event-channels=0",),
    "ctrl-ring": ("feature-ctrl-ring=0",),
    "multicast-control": ("feature-multicast-control=0", "feature-dynamic-multicast-control=0"),
    "rx-notify": ("feature-rx-notify=0",), "mtu": (), "speed": (),
}
# The same towards the guest: what netback's network device must no longer ask of the guest.
DEVICE_OFF = {"sg": "sg off tso off gso off", "gso-tcpv4": "tx-tcp-segmentation off",
              "gso-tcpv6": "tx-tcp6-segmentation off",
              "csum": "tx-checksum-ipv4 off", "ipv6-csum": "tx-checksum-ipv6 off"}


def prepare(say):
    """Packages unpacked, image and kernel made: (hypervisor, kernel, base image, root of the packages)."""
    try:
        CACHE.mkdir(parents=True, exist_ok=True)
        root = packages.unpacked(CACHE, say)
        return image.hypervisor(root, CACHE), image.kernel_elf(root, CACHE), image.base_image(root, CACHE, say), root
    except OSError as error:
        raise Stop(f"the Xen rig cannot be made ready in {CACHE} ({error.strerror}: {error.filename})") from None


def boot(children, parts, files, say, console="console.log", shape=ALONE):
    """A booted rig with `files` ((path here, path there) pairs) in domain 0."""
    hypervisor, kernel, base, root = parts
    rig = Rig(hypervisor, kernel, image.initrd(base, image.overlay(root, files)), CACHE / console, say, shape)
    rig.start(children)
    return rig


def bed_files(*files):
    """The testbed's program and what it loads: drivers and their INFs."""
    return [(PROGRAM, "rig/testbed"), *((file, f"rig/{file.name}") for file in files if file)]


def arguments(options):
    """The testbed's command line in a domain for run.py's options."""
    line = ["/rig/testbed", "--provider", "xen", "--driver", f"/rig/{options.driver.name}", "--inf",
            f"/rig/{options.inf.name}",
            "--queues", str(options.queues), "--processors", str(options.queues), "--mtu", str(options.mtu),
            "--windows", options.windows,
            *xenvif(options, options.xenvif and f"/rig/{options.xenvif.name}",
                    options.xenvif_inf and f"/rig/{options.xenvif_inf.name}"),
            "--edge-buffers", str(EDGE_BUFFERS)]
    for setting in options.set:
        line += ["--set", setting]
    if options.lenient or options.xenvif:
        line.append("--lenient")
    if options.verbose:
        line.append("--verbose")
    return line


class XenBed:
    """Use as a context manager, like scripts.bed.Bed. guest_bed.py has the one whose testbed runs in a domain of its
    own.
    """

    where = "domain 0"     # the testbed's domain, in messages
    wire_device = WIRE_DEVICE

    def __init__(self, rig, options, on_status=None, on_text=None, device=True):
        """`device` False: a frontend before us left its device behind, and we take it over."""
        self.ready, self.end, self.status, self.resident_kb = None, None, {}, []
        self.said = {}         # the newest event of each other kind
        self.options, self.rig, self._device = options, rig, device
        self._on_status, self._on_text = on_status, on_text
        self._error, self._command, self._reader = None, None, None
        self._stderr = deque(maxlen=ERROR_LINES)
        self.debugger = None
        self._changed = threading.Condition()

    def __enter__(self):
        if self._device:
            self.add_device([key for name in self.options.backend_no or ()
                             for key in SWITCHED_OFF[name]] + self._rate())
        # A pipe that we hold open for writing ourselves never ends: the testbed is stopped by a signal.
        self._command = self.machine("guest").spawn(f"rm -f /run/in; mkfifo /run/in; exec "
                                                    f"{shlex.join(arguments(self.options))} <> /run/in")
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._wait_ready()
        return self

    def __exit__(self, *_exception):
        self.stop()

    def _rate(self):
        """netback's key for --backend-rate: the bytes that each queue may take in each 50 ms."""
        return [f"rate={self.options.backend_rate * 1000 // 8 // 20},50000"] if self.options.backend_rate else []

    def machine(self, _side):
        """Where one side lives: it runs and spawns commands there."""
        return self.rig

    def add_device(self, features):
        """Both halves of the device, with netback's features written over by `features`."""
        self.rig_run(f"sh /vif add {self.options.queues} {self.options.mtu} {' '.join(features)}")

    def remove_device(self):
        """(status, output)"""
        return self.rig.run("sh /vif remove")

    def rig_run(self, text, seconds=300):
        """Output of a command in domain 0 that must work."""
        return self.side_run("wire", text, seconds)

    def side_run(self, side, text, seconds=300):
        """Output of a command in the domain of one side that must work."""
        status, output = self.machine(side).run(text, seconds)
        if status != 0:
            where = self.where if side == "guest" else "domain 0"
            raise Stop(f"{where}: '{text.split(';')[0]}' failed: {output.strip() or status}{self._lost()}", 1)
        return output

    def namespace(self, side):
        return self.ready[f"{side}_netns"]

    def tap(self, side):
        return self.ready[f"{side}_tap"]

    def alive(self):
        return self.machine("guest").alive() and not self._command.ended.is_set()

    def check(self):
        if not self.alive():
            self._reader.join(STOP_SECONDS)
            raise BedEnded(self._report())

    def configure(self):
        """Give both sides their addresses and wait for the link."""
        self.configure_wire()
        self._addresses("guest")
        deadline = time.monotonic() + LINK_SECONDS
        for side in ("wire", "guest"):
            while "LOWER_UP" not in self.side_run(side, f"nsenter --net={self.namespace(side)} ip -o link show dev "
                                                  f"{self.tap(side)}"):
                self.check()
                if time.monotonic() > deadline:
                    raise Stop(f"the {side} side's link did not come up within {LINK_SECONDS} s: "
                               "run with --verbose to see what the driver says", 1)

    def configure_wire(self):
        """Move netback's device to its side and give it its addresses."""
        off = [f"ethtool -K {self.wire_device} {DEVICE_OFF[name]} > /dev/null" for name in self.options.backend_no
               or () if name in DEVICE_OFF]
        self.rig_run("; ".join([*off, f"ip link set {self.wire_device} netns {self.namespace('wire')}"]))
        self._addresses("wire")

    def _addresses(self, side):
        tap = self.tap(side)
        steps = ["ip link set lo up", f"ip link set {tap} mtu {self.options.mtu}", f"ip link set {tap} up"]
        for family, address in ADDRESSES[side].items():
            steps.append(f"ip addr add {address}/{PREFIX[family]} dev {tap}" + (" nodad" if family == 6 else ""))
        self.side_run(side, f"nsenter --net={self.namespace(side)} bash -c '{' && '.join(steps)}'")

    def wait_ended(self):
        """For a testbed that somebody else has ended."""
        self._command.ended.wait(STOP_SECONDS)
        self._reader.join(2)

    def stop(self):
        """Have the testbed take everything down, then the device; True if both ended well."""
        if self.alive():
            self.machine("guest").spawn("kill $(pidof testbed)")
        if not self._command.ended.wait(STOP_SECONDS):
            self._stderr.append(f"the testbed did not stop within {STOP_SECONDS} s")
        self._reader.join(2)
        if self.rig.alive() and self._command.ended.is_set():
            status, text = self.remove_device()
            if status != 0:
                self._stderr.append(text)
        return self.end is not None and self._command.status == 0

    def console(self):
        return list(self._stderr)

    def failure(self):
        status = self._command.status
        if self.end is not None and (status == 0 or status == STATUS_FAILED and self.end["leaks"]):
            return None
        return self._report()

    def _lost(self):
        return "" if self.machine("guest").alive() else f"; {self.machine('guest').ended_text()}"

    def _report(self):
        text = self._error or "\n".join(self._stderr).strip()
        if not self.machine("guest").alive():
            return f"the rig failed{self._lost()}"
        text = text or f"it ended with status {self._command.status} and said nothing"
        return (f"the testbed broke a rule:\n{text}" if self._command.status == STATUS_RULE
                else f"the testbed failed: {text}")

    def wait_said(self, kind, seconds):
        """Wait for an event of another kind than those of every run."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while kind not in self.said:
                if not self.alive():
                    raise BedEnded(self._report())
                if time.monotonic() > deadline:
                    raise Stop(f"the testbed in {self.where} has not {kind} within {seconds} s", 1)
                self._changed.wait(0.5)
        return self.said.pop(kind)

    def _wait_ready(self):
        deadline = time.monotonic() + START_SECONDS
        with self._changed:
            while self.ready is None and self.alive():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Stop(f"the testbed in {self.where} was not ready after {START_SECONDS} s: {self._report()}",
                               1)
                self._changed.wait(min(left, 0.5))
        if self.ready is None:
            self._reader.join(5)
            if self._error and self._command.status == STATUS_BAD_INPUT:
                raise Stop(self._error, STATUS_BAD_INPUT)
            raise Stop(self._report(), 1)

    def _read(self):
        for line in self._command.follow():
            event = event_of(line)
            if event is None:
                self._stderr.append(line)
                if self._on_text and self.options.verbose:
                    self._on_text(line)
                continue
            with self._changed:
                kind = event["event"]
                if kind == "ready":
                    self.ready = event
                elif kind == "status":
                    self.status = event
                    self.resident_kb.append(event.get("resident_kb", 0))
                elif kind == "end":
                    self.end = event
                elif kind == "error":
                    self._error = event["text"]
                else:
                    self.said[kind] = event
                self._changed.notify_all()
            if kind == "status" and self._on_status:
                self._on_status(event)


def event_of(line):
    """The testbed's event in a line, or None: the agent mixes its two outputs."""
    try:
        event = json.loads(line)
        return event if "event" in event else None
    except (ValueError, TypeError):
        return None
