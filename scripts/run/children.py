# SPDX-License-Identifier: BSD-2-Clause
"""The processes that a command starts, so that none outlives it.

Each child is told by the kernel to die with us (setpriv --pdeathsig), and we are the reaper of whatever our
children leave behind, so a server that a user's command put into the background is found at the end and ended
too. Only descendants of this process are ever signalled, by their number.

Children are started by the main thread only: the death signal follows the thread that started the child.
"""

import ctypes
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
PATIENCE = 2.0  # seconds between asking and killing


def in_namespace(netns, argv):
    """The command line that runs `argv` in a network namespace; the process stays the same through nsenter."""
    return ["nsenter", f"--net={netns}", "--", *argv] if netns else list(argv)


def _parents():
    """Parent of each process there is."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                text = Path("/proc", entry, "stat").read_text()
            except (OSError, UnicodeDecodeError):
                continue
            parents[int(entry)] = int(text.rpartition(")")[2].split()[1])
    return parents


def descendants(process):
    """Numbers of all processes below `process`, nearest first."""
    parents = _parents()
    found, level = [], [process]
    while level:
        level = [child for child, parent in parents.items() if parent in level]
        found += level
    return found


class Children:
    """All children of one command. Use as a context manager: leaving it ends them."""

    def __init__(self):
        self._running = []

    def __enter__(self):
        adopt()
        return self

    def __exit__(self, *_exception):
        self.end_all()

    def start(self, argv, netns=None, foreground=False, **options):
        """Start a child. A `foreground` one shares our terminal's process group, as a user's shell must;
        the others are out of reach of the terminal's Ctrl-C, so that we end them in the right order."""
        assert threading.current_thread() is threading.main_thread()
        options.setdefault("stdin", None if foreground else subprocess.DEVNULL)
        command = ["setpriv", "--pdeathsig", "KILL", "--", *in_namespace(netns, argv)]
        child = subprocess.Popen(command, start_new_session=not foreground, **options)
        self._running.append(child)
        return child

    def end(self, child):
        """Ask one child to end, insist after a moment."""
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        for stream in (child.stdin, child.stdout, child.stderr):
            if stream is not None:
                stream.close()
        if child in self._running:
            self._running.remove(child)

    def end_all(self):
        for child in reversed(list(self._running)):
            self.end(child)
        end_descendants(reap=True)


def adopt():
    """From now on this process is the parent of whatever its children leave behind."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants(reap=False):
    """Ask once, insist after a moment; what even then stays is stuck in the kernel and dies when it returns. `reap`:
    nobody else waits for one of them."""
    started = time.monotonic()
    asked = set()
    while time.monotonic() - started < 3 * PATIENCE:
        left = [process for process in descendants(os.getpid()) if reap or not _ended(process)]
        if not left:
            return
        insist = time.monotonic() - started > PATIENCE
        for process in left:
            if insist or process not in asked:
                asked.add(process)
                try:
                    os.kill(process, signal.SIGKILL if insist else signal.SIGTERM)
                except ProcessLookupError:
                    pass
        if reap:
            reap_orphans()
        time.sleep(0.02)


def _ended(process):
    """Whether only its exit status is left of it, which its parent waits for."""
    try:
        return Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def reap_orphans():
    """Take the exit status of children that nobody else waits for."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass
