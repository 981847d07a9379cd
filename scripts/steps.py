# SPDX-License-Identifier: BSD-2-Clause
"""What takes long: how far it is, and that it can be stopped.

How far it is stands in a line on standard error that is rewritten, and only where a terminal reads it: what a command
prints on standard output is left to programs. A command that another one starts and whose outputs that one takes shows
the line where the other would (`handed_on`).
"""

import os
import shutil
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from scripts.run import children

DESCRIPTOR = "XENNET_PROGRESS"      # an open one, in the environment of a command that another one starts
_parts = []                         # what is under way, the whole first
_shown = False


def _descriptor():
    """Where the line goes, or None."""
    if os.environ.get("TERM", "dumb") in ("dumb", ""):
        return None
    where = int(os.environ.get(DESCRIPTOR, 2))
    try:
        return where if os.isatty(where) else None
    except OSError:
        return None


@contextmanager
def handed_on():
    """Options for subprocess: a command that is started with them shows how far it is, whatever its outputs are."""
    where = _descriptor()
    if where is None:
        yield {}
        return
    copy = os.dup(where)
    try:
        yield {"pass_fds": (copy,), "env": dict(os.environ, **{DESCRIPTOR: str(copy)})}
    finally:
        os.close(copy)


def environment():
    """For a program that is none of ours."""
    return {name: value for name, value in os.environ.items() if name != DESCRIPTOR}


def _draw():
    global _shown  # pylint: disable=global-statement
    where = _descriptor()
    text = ": ".join(part for part in _parts if part)
    if where is None or not (text or _shown):
        return
    columns = shutil.get_terminal_size().columns - 1
    _shown = bool(text)
    os.write(where, f"\r\x1b[K{text[:columns]}".encode(errors="replace"))


def line(text, stream=None):
    """A line on standard output or `stream`, where the line of progress may stand."""
    global _shown  # pylint: disable=global-statement
    if _shown:
        os.write(_descriptor(), b"\r\x1b[K")
        _shown = False
    print(text, file=stream, flush=True)
    _draw()


@contextmanager
def temporary_folder():
    """Temporary files of everything that runs go with the run, even where a program was killed."""
    before = tempfile.tempdir, os.environ.get("TMPDIR")
    with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
        os.chmod(folder, 0o755)     # some tests are other users
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        try:
            yield
        finally:
            tempfile.tempdir = before[0]
            if before[1] is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = before[1]


def in_a_folder(command):
    """A command, for cli.main, whose temporary files go with it."""
    def run(arguments):
        with temporary_folder():
            return command(arguments)
    return run


class Step:
    """Something under way, within whatever is under way already; use as a context manager."""

    def __init__(self, text=""):
        self._text = text

    def __enter__(self):
        self._at = len(_parts)
        _parts.append(self._text)
        _draw()
        return self

    def show(self, text):
        _parts[self._at] = text
        _draw()

    def __exit__(self, *_exception):
        del _parts[self._at:]
        _draw()


class Steps:
    """One thing after the other: shows which of how many, and says how many were done where it is stopped.

    Use as a context manager, and go through it. `name` makes the text of an item.
    """

    def __init__(self, items, name=str):
        self._items = list(items)
        self._name = name
        self._done = 0
        self._step = Step()

    def __enter__(self):
        self._step.__enter__()
        return self

    def __iter__(self):
        for number, item in enumerate(self._items, 1):
            self._step.show(f"{number} of {len(self._items)}: {self._name(item)}")
            yield item
            self._done = number

    def __exit__(self, kind, *_exception):
        self._step.__exit__()
        if kind is KeyboardInterrupt:
            line(f"stopped: {self._done} of {len(self._items)} done")


class Workers(ThreadPoolExecutor):
    """Threads that wait for programs. Where the command is stopped, or one of them fails, what waits is dropped and
    what runs is ended, instead of waited for.
    """

    def __exit__(self, kind, value, trace):
        if kind is not None:
            self.shutdown(wait=False, cancel_futures=True)
            children.end_descendants()
        return super().__exit__(kind, value, trace)


def as_they_come(process, step):
    """All lines that a process prints, as one text; those that say "[number/number] what" are shown as they come."""
    kept = []
    for text in process.stdout:
        if text.startswith("[") and "/" in text.partition("]")[0]:
            step.show(text.rstrip("\n"))
        else:
            kept.append(text)
    return "".join(kept)


def note(text):
    """A line on standard error."""
    line(text, sys.stderr)
