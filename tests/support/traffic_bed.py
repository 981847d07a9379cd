# SPDX-License-Identifier: BSD-2-Clause
"""What the traffic tests share: a testbed started with run.py's own options, from inside a test."""

import shutil
import subprocess
import sys
import tempfile
import unittest
from contextlib import contextmanager
from pathlib import Path

from scripts.build import made
from scripts.run import machine, namespaces, options as cli_run
from scripts.run.bed import PROGRAM, Bed
from scripts.run.children import Children
from scripts.cli import ROOT
from scripts.run.traffic import Traffic

GENERATED = {"build", "xennet", ".git"}
WHY_NOT = machine.why_not()
needs_traffic = unittest.skipIf(WHY_NOT is not None, WHY_NOT)


def ensure_built():
    """test.py has built everything; a test file that is run by itself builds what it needs."""
    with made.one_at_a_time(print):
        if not made.DRIVER.exists():
            made.driver(print)
        if not PROGRAM.exists():
            made.testbed(print)


@contextmanager
def running(*arguments, spread=True):
    """A testbed with addresses, torn down and found clean at the end: (bed, traffic).

    Unlike run.py's, its threads are spread: where two of one queue really run at the same time, races between them
    show. Those of what run.py itself does, which its own tests run (run_py), wait for each other on one processor, so
    that one is interrupted by the other in the middle. What is about throughput or about run.py's own way is not
    spread here either.
    """
    ensure_built()
    options = cli_run.read([*arguments, *(["--spread"] if spread else [])])
    if not options.bypass:
        options.driver, options.inf = made.package(options.windows)
    with Children() as children:
        with Bed(children, options) as bed:
            namespaces.configure(bed)
            yield bed, Traffic(bed, children)
        failure = bed.failure()
        if failure:
            raise AssertionError(failure)
        if bed.end["leaks"]:
            raise AssertionError(f"left behind: {bed.end['leaks']}")


@contextmanager
def capture():
    """The path of a capture, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
        yield Path(folder, "capture.pcapng")


@contextmanager
def fresh_copy():
    """The repository as a clone has it: nothing built."""
    with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
        copy = Path(folder, "xen net")  # a path with a space, as users have it
        shutil.copytree(ROOT, copy, symlinks=True,
                        ignore=lambda where, names: GENERATED & set(names) if Path(where) == ROOT else set())
        yield copy


def run_py(*arguments, before=(), timeout=300, **options):
    """Run the command as a user does. `before`: a command line in front of it."""
    argv = [*before, sys.executable, "-B", str(ROOT / "run.py"), *map(str, arguments)]
    return subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, errors="replace", timeout=timeout, check=False, **options)
