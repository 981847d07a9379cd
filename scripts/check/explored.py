#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Breaks the driver in one place at a time and lets explore.py find it, with nothing else to go by.

usage: scripts/check/explored.py [--match TEXT] [--operations N] [--pct D] [--jobs N]

The mistakes are rows of scripts/check/mutations_table.py, those that took networks away among them. For each the table
printed has the operations and the seconds until the first failure, what failed, and how many operations are left of
the list that shows it. Fails when one is not found, or when more than ten operations are left.

  scripts/check/explored.py
  scripts/check/explored.py --match pause --operations 20000
"""

import contextlib
import io
import os
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts import cli, steps
from scripts.build import made
from scripts.build.tree import Tree
from scripts.check import mutations
from scripts.check.mutations_table import MUTATIONS
from scripts.cli import Stop
from scripts.explore import search, shrink

LENGTH = 200                # operations in a list
MAX_SHRUNK = 10
SEED = 2

FOUND = (
    "a table that XenVif 8.2 refuses is not folded",
    "the table not mended before XenVif enables",
    "a host that was silent at a migration not looked after",
    "a packet refused behind others given up",
    "MAC_STATE_CHANGE taken for one at DISPATCH_LEVEL",
    "a pause that leaves XenVif enabled",
    "a pause that does not wait for sends",
    "a reset completed before its sends",
    "handlers for hangs and resets from NDIS 6.83 on",
    "queues of a new backend dropped",
    "contradicting checksums not checked",
    "a restart without a backend fails",
    "no BytesNeeded for a short buffer",
    "segments counted too low",
    "the priority of a received packet left out",
    "the sum of octets without multicast",
    "hash of TCP over IPv4 reported as that of IPv4",
    "a segment's UDP length that is the large datagram's",
    "large sends over IPv6 sent as IPv4",
    "segments one byte too long",
    "checksums of segments never computed here",
    "frames larger than the backend carries",
    "the tag left in the frame",
)


def look(driver, options, folder):
    """(Found, length of the shortened list or None) of explore.py on a build of the driver."""
    os.environ["XENNET_DRIVER"] = str(driver)   # read by the explorer
    wanted = SimpleNamespace(seed=SEED, operations=options.operations, length=LENGTH, jobs=options.jobs,
                             keep_going=False, output=str(Path(folder) / "list.txt"))
    try:
        with steps.Step() as step:
            seen = SimpleNamespace(line=lambda text: None, status=step.show, clear=lambda: None)
            found = search.explore(wanted, seen)
            if not found.failures:
                return found, None
            shrink.shorten(found.failures[0], wanted, seen)
        return found, Path(wanted.output).read_text().count("\n- ")
    finally:
        del os.environ["XENNET_DRIVER"]


def row_of(name):
    rows = [row for row in MUTATIONS if row[0] == name]
    if len(rows) != 1:
        raise Stop(f"scripts/check/mutations_table.py has {len(rows)} rows called {name}", 1)
    return rows[0]


def try_one(row, options):
    """Prints the mistake's line of the table; whether it was found, and by a short list."""
    with tempfile.TemporaryDirectory(prefix="xennet-explored-") as folder, contextlib.redirect_stdout(io.StringIO()):
        found, left = look(mutations.build_with(*row[1:4]), options, folder)
    reason = found.failures[0].reason().lstrip("# ")[:110].replace("|", "\\|") if found.failures else "**nothing**"
    steps.line(f"| {row[0]} | {found.operations:,} | {found.seconds:.0f} | {reason} | {left} |")
    return left is not None and left <= MAX_SHRUNK


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("--match", metavar="TEXT", default="", help="only those whose description has TEXT")
    parser.add_argument("--operations", type=int, default=100000, metavar="N", help="at most (default: 100000)")
    parser.add_argument("--pct", type=cli.number("--pct", 1, 64), metavar="D",
                        help="schedules by priorities drawn at random, as of explore.py")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="lists at a time")
    options = parser.parse_args(arguments)
    if options.pct is not None:
        os.environ["XENNET_PCT"] = str(options.pct)     # read by the scheduler
    chosen = [row_of(name) for name in FOUND if options.match in name]
    if not chosen:
        raise Stop("no mistake of those that explore.py is to find is called that")
    mutations.copy_sources()
    made.x64_package()
    Tree().build("explore")
    print("| Broken | Operations | Seconds | What failed | Left |\n|---|---|---|---|---|", flush=True)
    with steps.Steps(chosen, lambda row: row[0]) as rows:
        missed = sum([not try_one(row, options) for row in rows])
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(cli.main(steps.in_a_folder(command)))
