# SPDX-License-Identifier: BSD-2-Clause
"""One running testbed: the process build/testbed/testbed and the events it prints, one JSON object a line.

It makes the two network namespaces itself and keeps them alive by its descriptors only, so they are gone when it
is. A reader thread takes in the events; the main thread asks for the newest state and calls check() wherever it
waits, so that a testbed that ended early ends the wait.
"""

import json
import subprocess
import threading
import time
from collections import deque

from scripts.cli import ROOT, Stop
from scripts.debug import debugger
from scripts.run.series import SAMPLE_MS
from scripts.run.trace_names import name_fields

PROGRAM = ROOT / "build" / "testbed" / "testbed"
START_SECONDS = 60
STOP_SECONDS = 30
DEBUG_SECONDS = 24 * 3600    # somebody looks at it
STATUS_FAILED = 1
STATUS_BAD_INPUT = 2
STATUS_RULE = 3
ERROR_LINES = 200
ENDING_SECONDS = 3

COUNTERS = ("tx_packets", "tx_bytes", "rx_packets", "rx_bytes", "tx_ndis_calls", "rx_ndis_calls", "doorbells")


class BedEnded(Exception):
    """The testbed ended while traffic was under way; the text is its own report."""


def check_ending(bed):
    """bed.check() for a moment in which it may just be ending: something of its own is gone, or did not answer."""
    deadline = time.monotonic() + ENDING_SECONDS
    while time.monotonic() < deadline:
        bed.check()
        time.sleep(0.05)


def xenvif(options, image, inf):
    """The arguments for which XenVif it is."""
    if options.xenvif:
        return ["--xenvif", str(image), "--xenvif-inf", str(inf)]
    return ["--xenvif-like", options.xenvif_like, "--vif", options.vif]


def arguments(options):
    """The testbed's command line for run.py's options."""
    sample = SAMPLE_MS if options.report or options.sampled else 1000
    line = [str(PROGRAM), "--queues", str(options.queues), "--mtu", str(options.mtu),
            "--processors", str(options.processors), "--sample", str(sample),
            "--group-size", str(options.group_size), "--windows", options.windows,
            *xenvif(options, options.xenvif, options.xenvif_inf)]
    if options.bypass:
        line.append("--bypass")
    else:
        line += ["--driver", str(options.driver), "--inf", str(options.inf)]
        if options.guard_pages:
            line.append("--guard-pages")
        if options.lenient or options.xenvif:
            line.append("--lenient")
        if not (options.command or options.shell):
            line.append("--life")
    if not options.spread:
        line.append("--gather")
    for setting in options.set:
        line += ["--set", setting]
    if options.backend_no:
        line += ["--backend-no", ",".join(options.backend_no)]
    if options.backend_rate:
        line += ["--backend-rate", str(options.backend_rate)]
    if options.pcap:
        line += ["--pcap", str(options.pcap), "--pcap-limit", str(options.pcap_limit)]
        if options.pcap_bytes:
            line += ["--pcap-bytes", str(options.pcap_bytes)]
    if options.verbose:
        line.append("--verbose")
    if options.trace:
        line.append("--trace")
    if options.debug:
        line.append("--wait-for-debugger")
    if options.last_packets:
        line += ["--last-packets", str(options.last_packets)]
    if options.timeline:
        line += ["--timeline", str(options.timeline)]
    return line


class Bed:
    """Use as a context manager: leaving it stops the testbed. `on_status` is called by the reader thread."""

    def __init__(self, children, options, on_status=None, on_text=None):
        self.ready = None     # the "ready" event
        self.end = None       # the "end" event
        self.status = {}      # the newest "status" event
        self.resident_kb = [] # of every status, in order
        self.options = options
        self._error = None
        self._switched = None # the newest "uro" event
        self._children = children
        self._on_status = on_status
        self._on_text = on_text
        self._changed = threading.Condition()
        self._stderr = deque(maxlen=ERROR_LINES)
        self._closed = False
        self._process = None
        self.debugger = None  # lldb, with --debug
        self._threads = []

    def __enter__(self):
        self._process = self._children.start(arguments(self.options), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                             stderr=subprocess.PIPE, universal_newlines=True, errors="replace")
        if self.options.debug:
            self.debugger = self._children.start(
                ["env", "--default-signal=INT", *debugger.of_process(self._process.pid, PROGRAM,
                                                                     self.options.debug_commands)],
                foreground=True, stdin=None if self.options.debug_commands is None else subprocess.DEVNULL)
        for run in (self._read_events, self._read_errors):
            thread = threading.Thread(target=run, daemon=True)
            thread.start()
            self._threads.append(thread)
        try:
            self._wait_ready()
        except BaseException:
            self._children.end(self._process)
            raise
        return self

    def __exit__(self, *_exception):
        self.stop()

    @property
    def process_id(self):
        return self._process.pid

    def namespace(self, side):
        """Path of a side's network namespace: "guest" or "wire"."""
        return self.ready[f"{side}_netns"]

    def tap(self, side):
        return self.ready[f"{side}_tap"]

    def alive(self):
        return self._process.poll() is None and not self._closed

    def check(self):
        if not self.alive():
            self._join()
            raise BedEnded(self._report())

    def stop(self):
        """Tell the testbed to take everything down and wait for its last word. True if it ended well."""
        process = self._process
        if not process.stdin.closed:
            try:
                process.stdin.close()
            except BrokenPipeError:
                pass
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._stderr.append(f"the testbed did not stop within {STOP_SECONDS} s and was killed")
            process.kill()
            process.wait()
        self._join()
        self._children.end(process)
        return process.returncode == 0 and self.end is not None

    def failure(self):
        """None, or what went wrong in a testbed that has been stopped, beside what it left behind."""
        status = self._process.returncode
        if self.end is not None and (status == 0 or status == STATUS_FAILED and self.end["leaks"]):
            return None
        return self._report()

    def switch_uro(self, on):
        """Whether the driver is to join received datagrams from now on. True: it does as asked."""
        self._switched = None
        try:
            self._process.stdin.write("+" if on else "-")
            self._process.stdin.flush()
        except BrokenPipeError:  # it is just ending
            check_ending(self)
            raise
        with self._changed:
            while self._switched is None and not self._closed:
                self._changed.wait(1)
        self.check()
        return self._switched["status"] == 0

    def wait_status(self):
        """Until a status has come that was not there before."""
        with self._changed:
            seen = self.status
            while self.status is seen and not self._closed:
                self._changed.wait(1)

    def console(self):
        """What the testbed and the driver printed, the newest of it."""
        return list(self._stderr)

    def _join(self):
        for thread in self._threads:
            thread.join(STOP_SECONDS)

    def _report(self):
        status = self._process.poll()
        text = self._error or "\n".join(self._stderr).strip()
        if status is not None and status < 0:
            text = f"{text}\nended by signal {-status}".strip()
        if not text:
            text = f"it ended with status {status} and said nothing"
        return f"the testbed broke a rule:\n{text}" if status == STATUS_RULE else f"the testbed failed: {text}"

    def _wait_ready(self):
        deadline = time.monotonic() + (START_SECONDS if self.debugger is None else DEBUG_SECONDS)
        with self._changed:
            while self.ready is None and not self._closed:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Stop(f"the testbed was not ready after {START_SECONDS} s: {self._report()}", 1)
                self._changed.wait(min(left, 0.5))
        if self.ready is None:
            self._process.wait()
            self._join()
            if self._error and self._process.returncode == STATUS_BAD_INPUT:
                raise Stop(self._error, STATUS_BAD_INPUT)
            raise Stop(self._report(), 1)

    def _read_events(self):
        for line in self._process.stdout:
            try:
                event = json.loads(line)
                kind = event["event"]
            except (ValueError, TypeError, KeyError):
                self._stderr.append(f"not an event: {line.strip()}")
                continue
            with self._changed:
                if kind == "ready":
                    self.ready = event
                elif kind == "status":
                    self.status = event
                    self.resident_kb.append(event.get("resident_kb", 0))
                elif kind == "end":
                    self.end = event
                elif kind == "uro":
                    self._switched = event
                elif kind == "error":
                    self._error = event["text"]
                self._changed.notify_all()
            if kind == "status" and self._on_status:
                self._on_status(event)
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _read_errors(self):
        for line in self._process.stderr:
            self._stderr.append(line.rstrip("\n"))
            if self._on_text and (self.options.verbose or self.options.trace and line.startswith("trace: ")):
                self._on_text(name_fields(line.rstrip("\n")))
