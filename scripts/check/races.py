#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Races in src/xennet: accesses to the same memory, one of them a write, that nothing orders.

usage: scripts/check/races.py [--seeds N] [--seed N] [TEST...]

Builds the driver so that it reports each access to memory, runs the tests given (default: a set about sends, receives,
UDP segments, RSS, OIDs and pauses) on it in simulation, and lists the races that the testbed sees, each with both
places. Fails when there is one that src/xennet/xennet.races does not explain, when a test fails, or when that file
names a function that is gone.

  scripts/check/races.py
  scripts/check/races.py --seed 7 test_rss
"""

import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts import cli, steps
from scripts.build import made
from scripts.build.tree import Tree
from scripts.cli import ROOT, Stop

DRIVER = ROOT / "build" / "races" / "x64" / "xennet.sys"
KNOWN = ROOT / "src" / "xennet" / "xennet.races"
TESTS = ("test_send", "test_receive", "test_life", "test_rss", "test_rss_v2", "test_oids", "test_queues", "test_poll",
         "test_statistics", "test_cancel", "test_rsc", "test_more", "test_uso", "test_uso_limits", "test_uro",
         "test_uro_limits")
NAME = re.compile(r"^(\w+|\*) / (\w+|\*): .", re.MULTILINE)
NUMBERS = re.compile(r"xennet\.sys\+0x[0-9a-f]+ |offset 0x[0-9a-f]+ of | of \d+ bytes")


def build(tests):
    made.x64_package()
    Tree().build("races-x64", *tests)


def run(test, arguments, seen):
    """Why the test failed, or None."""
    done = subprocess.run([str(ROOT / "build" / "tests" / test), *arguments], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
                          env=dict(os.environ, XENNET_DRIVER=str(DRIVER), TESTBED_RACES=str(seen)))
    return f"{test}:\n{done.stdout[-3000:]}" if done.returncode != 0 else None


def find(tests, arguments):
    """(Counter of races, Counter of lines of the list that were needed, [failures])."""
    with tempfile.TemporaryDirectory() as folder:
        files, failures = [Path(folder, test) for test in tests], []
        try:
            with steps.Workers(os.cpu_count()) as pool, steps.Step() as step:
                running = [pool.submit(run, test, arguments, file) for test, file in zip(tests, files)]
                for number, future in enumerate(concurrent.futures.as_completed(running)):
                    step.show(f"{number + 1} of {len(tests)} tests are through")
                    failures.append(future.result())
        except KeyboardInterrupt:
            show(*count(files), f"stopped: {len(failures)} of {len(tests)} tests were through")
            raise
        return (*count(files), [why for why in failures if why])


def count(files):
    """(Counter of races, Counter of lines of the list that were needed) of what the tests wrote."""
    lines = [line for file in files if file.exists() for line in file.read_text().splitlines()]
    return (collections.Counter(NUMBERS.sub("", line[6:]) for line in lines if line.startswith("race: ")),
            collections.Counter(line[7:] for line in lines if line.startswith("known: ")))


def show(races, known, rest):
    for race, number in races.most_common():
        print(f"race, in {number} test{'s' if number > 1 else ''}: {race}")
    print(f"{len(races)} races beside {len(known)} of the {len(NAME.findall(KNOWN.read_text()))} that "
          f"{KNOWN.relative_to(ROOT)} explains, {rest}", flush=True)


def gone():
    """Functions that the list names and no source has."""
    sources = "\n".join(path.read_text() for path in sorted((ROOT / "src" / "xennet").glob("*.[ch]")))
    named = {name for pair in NAME.findall(KNOWN.read_text()) for name in pair if name != "*"}
    return sorted(name for name in named if not re.search(rf"^{name}\(", sources, re.MULTILINE))


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("tests", nargs="*", metavar="TEST", help="test files, such as test_rss")
    parser.add_argument("--seeds", type=int, default=4, metavar="N", help="seeds per simulated case (4)")
    parser.add_argument("--seed", type=int, metavar="N", help="one seed, exactly")
    options = parser.parse_args(arguments)
    tests = options.tests or list(TESTS)
    if gone():
        raise Stop(f"{KNOWN.relative_to(ROOT)} names what is not in the sources: {', '.join(gone())}", 1)
    build(tests)
    races, known, failures = find(tests, ["--seed", str(options.seed)] if options.seed is not None
                                  else ["--seeds", str(options.seeds)])
    for why in failures:
        print(why)
    show(races, known, f"{len(failures)} of {len(tests)} tests failed")
    return 1 if races or failures else 0


if __name__ == "__main__":
    sys.exit(cli.main(steps.in_a_folder(command)))
