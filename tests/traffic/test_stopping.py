# SPDX-License-Identifier: BSD-2-Clause
"""Each command that takes long shows on a terminal how far it is, and ends when it is stopped: soon, with status 130
and what was done until then, and without a process, a network namespace or a temporary file left behind.

run.py has more ways to be stopped: test_traffic_end.
"""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from scripts.cli import INTERRUPTED, ROOT
from scripts.run.children import descendants
from tests.support.traffic_bed import fresh_copy, needs_traffic
from tests.traffic.test_traffic_end import devices, network_namespaces, running

PATIENCE = 240          # for a command to get somewhere
GONE_SECONDS = 20
BOTH = (True, False)
CASE = "test_life:connect_send_receive_pause_restart_halt_over_many_seeds"


class Command:
    """A command on a terminal of its own, which is stopped once it shows what is waited for."""

    def __init__(self, argv, folder, root=ROOT):
        self.text, self.seen = "", set()
        self.namespaces, self.devices = network_namespaces(), devices()
        self._terminal, theirs = pty.openpty()
        environment = dict(os.environ, TERM="xterm", COLUMNS="150", TMPDIR=folder)
        self.process = subprocess.Popen([sys.executable, "-B", *argv], cwd=root, stdin=subprocess.DEVNULL,
                                        stdout=theirs, stderr=theirs, env=environment, start_new_session=True)
        os.close(theirs)

    def until(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text):
            self._take(0.2)
            self.seen.update(descendants(self.process.pid))
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"never '{pattern}':\n{self.text[-3000:]}")

    def _take(self, seconds):
        ready, _, _ = select.select([self._terminal], [], [], seconds)
        try:
            piece = os.read(self._terminal, 65536) if ready else None
        except OSError:     # nobody has the other end open
            piece = b""
        self.text += (piece or b"").decode(errors="replace")
        return piece != b""

    def stop(self, group):
        """As Ctrl-C does (`group`), or as `kill`: the exit status."""
        self.seen.update(descendants(self.process.pid))
        (os.killpg if group else os.kill)(self.process.pid, signal.SIGINT)
        deadline = time.monotonic() + GONE_SECONDS
        while self._take(0.2) and time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
        while self._take(0.2) and select.select([self._terminal], [], [], 0)[0]:
            pass
        os.close(self._terminal)
        return self.process.wait(GONE_SECONDS)

    def left(self):
        """What is still there of it."""
        deadline = time.monotonic() + GONE_SECONDS
        while True:
            left = ([f"process {process}" for process in self.seen if running(process)] +
                    [f"namespace {name}" for name in network_namespaces() - self.namespaces] +
                    [f"device {name}" for name in devices() - self.devices])
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.05)


class Stopping(unittest.TestCase):
    def stopped(self, argv, shown, said, root=ROOT, ways=(True,)):
        """`shown` is its progress, `said` is in what it prints at the end; `ways`: as Ctrl-C or as `kill` does it."""
        for group in ways:
            with self.subTest(" ".join(argv), group=group), tempfile.TemporaryDirectory(prefix="xennet-") as folder:
                command = Command(argv, folder, root)
                command.until(shown)
                status = command.stop(group)
                self.assertEqual((status, command.left(), os.listdir(folder)), (INTERRUPTED, [], []), command.text)
                self.assertRegex(command.text, said)
                self.assertNotIn("Traceback", command.text)
                self.assertRegex(command.text.rstrip(), rf"\n{Path(argv[0]).name}: stopped$")

    def test_builds(self):
        with fresh_copy() as copy:
            for argv in (["build.py", "free"], ["test.py", "test_send"]):
                self.stopped(argv, r"\[\d+/\d+\] Building", r"\[\d+/\d+\]", copy)

    def test_tests(self):
        self.stopped(["test.py", "--seeds", "1000000", CASE, "test_checksum"], r"\d+ of \d+: \d+ passed",
                     r"stopped; until then:\s+\d+ passed, 0 failed", ways=BOTH)

    def test_exploring(self):
        self.stopped(["explore.py", "--operations", "100000000"], r"[1-9]\d* of 100000000 operations",
                     r"[1-9]\d* operations in [1-9]\d* lists .* 0 failed", ways=BOTH)

    def test_checks_that_print_as_they_go(self):
        for name, arguments, shown in (
                ("mutations", [], r"2 of \d+: .+"), ("faults", ["--quick"], r"1 of \d+: .+"),
                ("explored", [], r"1 of \d+: .+"),
                ("probe", ["strict", "main"], "2 of 13: without"),
                ("coverage", ["--seeds", "1"], r"2 of \d+: test_"),
                ("instructions", ["--ticks", "--turns", "50"], "2 of 50: ")):
            self.stopped([f"scripts/check/{name}.py", *arguments], shown, r"stopped: \d+ of \d+ done")

    def test_races(self):
        self.stopped(["scripts/check/races.py", "--seeds", "10", "test_cancel", "test_rss"],
                     r"\d+ of \d+ tests are through",
                     r"\d+ races beside \d+ of the \d+ that \S+ explains, stopped: \d+ of \d+ tests were through")

    def test_analysis(self):
        self.stopped(["sdv.py"], r"\d+ of \d+ files", r"\d+ findings?")

    @needs_traffic
    def test_measuring(self):
        self.stopped(["bench.py", "--turns", "50", "--seconds", "1"], "turn 1 of 50: no driver", r"TCP out, Gb/s +\d")


if __name__ == "__main__":
    unittest.main()
