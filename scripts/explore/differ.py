# SPDX-License-Identifier: BSD-2-Clause
"""The same list run in two worlds: whether somebody outside sees the same (tests/explore/observe.c).

A world is what lies beneath the driver and how time passes: the release that the list names or an image of one, the
stand-in as another release, another schedule, the live scheduler. Differences with a reason stand in a table.
"""

import collections
import fnmatch
import os
import tempfile
import time
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, field
from pathlib import Path

from scripts import steps
from scripts.cli import ROOT
from scripts.explore import search
from scripts.explore.search import STATUS_EVERY, Failure
from scripts.run.options import RELEASE_VARIABLE, RELEASES

TABLE = ROOT / "tests" / "explore" / "differences.txt"
LIVE, SCHEDULE = "live", "schedule"
WORLDS = (LIVE, SCHEDULE, *RELEASES)
LIVE_PATIENCE = 600     # seconds of one list
LEAVES_OUT = 240        # characters of a value that are shown


@dataclass(frozen=True)
class World:
    name: str
    image: bool = False             # the image that this run is about
    release: str = None             # or None: as the list says
    live: bool = False
    reseeded: bool = False

    def run(self, text, folder):
        """(Failure or None, what was seen) of the list."""
        path, seen = Path(folder) / "list.txt", Path(folder) / "seen.txt"
        path.write_text(reseed(text) if self.reseeded else text)
        seen.write_text("")
        environment = dict(os.environ)
        if not self.image:
            environment.pop("XENVIF", None)
        if self.release:
            environment[RELEASE_VARIABLE] = self.release
        passed, output = search.run("--replay", str(path), "--observe", str(seen),
                                    *(("--scheduler", "live") if self.live else ()), environment=environment,
                                    patience=LIVE_PATIENCE if self.live else search.PATIENCE)
        return None if passed else Failure(0, output), read(seen)


def reseed(text):
    return "".join(f"seed {int(line.split()[1]) + 1}\n" if line.startswith("seed ") else line
                   for line in text.splitlines(keepends=True))


def read(path):
    """{operation: {what: [value, ...]}} in the order of the run; an operation is "NUMBER NAME"."""
    seen = {}
    for line in path.read_text(errors="replace").splitlines():
        operation, what, value = line.split("\t")
        seen.setdefault(operation, {}).setdefault(what, []).append(value)
    return seen


@dataclass(frozen=True)
class Known:
    worlds: str
    what: str
    reason: str

    def covers(self, worlds, what):
        return any(fnmatch.fnmatchcase(world, self.worlds) for world in worlds) and fnmatch.fnmatchcase(what, self.what)


def known_differences(path=TABLE):
    rows = (line.split(" | ") for line in path.read_text().splitlines() if line.strip() and not line.startswith("#"))
    return [Known(*(part.strip() for part in row)) for row in rows]


@dataclass
class Difference(Failure):
    """The first one that no row has; `what` is the operation's name and what was seen of it."""
    what: str = ""

    def kind(self):
        return self.what


def first_difference(worlds, seen, rows, counts):
    """Names of two worlds, what was seen in each; None where every difference has a row. Rows met are counted."""
    for operation in [*seen[0], *(other for other in seen[1] if other not in seen[0])]:
        here, there = (each.get(operation, {}) for each in seen)
        name = operation.split(" ", 1)[1]
        for what in [*here, *(other for other in there if other not in here)]:
            counts["seen"] += 1
            one, other = here.get(what, []), there.get(what, [])
            if one == other:
                continue
            label = f"{name} {what}"
            row = next((row for row in rows if row.covers(worlds, label)), None)
            if row is not None:
                counts[row.reason] += 1
                continue
            return Difference(0, f"operation {operation}, {what} differs\n"
                                 f"{worlds[0]}: {shown(one, other)}\n{worlds[1]}: {shown(other, one)}", label)
    return None


def shown(values, others):
    """The first value that the other has not at its place."""
    for place, value in enumerate(values):
        if place >= len(others) or others[place] != value:
            return f"number {place} of {len(values)}: {value[:LEAVES_OUT]}" if len(values) > 1 else value[:LEAVES_OUT]
    return f"{len(values)} of them" if values else "nothing"


@dataclass
class Compared:
    operations: int = 0
    lists: int = 0
    seconds: float = 0.0
    counts: collections.Counter = field(default_factory=collections.Counter)
    failures: list = field(default_factory=list)

    def summary(self, comparison):
        base, others = comparison.base, comparison.others
        lines = [f"{self.operations} operations in {self.lists} lists on {base.name}, against "
                 f"{', '.join(other.name for other in others)}: {self.counts['seen']} observations compared, "
                 f"{self.seconds:.0f} s; {len(self.failures)} failed or differed"]
        lines += [f"{count} differ: {reason}" for reason, count in self.counts.most_common() if reason != "seen"]
        return "\n".join(lines)


def worlds_of(options):
    """(what the lists are made for and run in first, the others)."""
    if options.xenvif:
        base = World(f"image {options.xenvif_like or 'unknown'}", image=True)
    else:
        base = World(f"like {options.xenvif_like}" if options.xenvif_like else "simulated")
    others = []
    for name in dict.fromkeys(options.against):
        if name in (LIVE, SCHEDULE):
            others.append(World(name, image=base.image, live=name == LIVE, reseeded=name == SCHEDULE))
        else:
            others.append(World(f"like {name}", release=name))
    return base, others


class Comparison:
    def __init__(self, base, others, rows=None):
        self.base, self.others = base, others
        self.rows = known_differences() if rows is None else rows
        self.counts = collections.Counter()

    def of(self, text):
        """The Failure of a list, or None."""
        with tempfile.TemporaryDirectory(prefix="xennet-differ-") as folder:
            failure, seen = self.base.run(text, folder)
            if failure is not None:
                return failure
            for other in self.others:
                failure, others = other.run(text, folder)
                if failure is not None:
                    return Failure(failure.seed, f"{failure.reason()}\non {other.name} alone\n{failure.text}")
                difference = first_difference((self.base.name, other.name), (seen, others), self.rows, self.counts)
                if difference is not None:
                    return difference
        return None

    def replay(self, path):
        return self.of(Path(path).read_text())


def one(comparison, seed, length):
    """(seed, operations, Failure or None) of the list that the seed makes."""
    with tempfile.TemporaryDirectory(prefix="xennet-differ-") as folder:
        path = Path(folder) / "whole.txt"
        write(seed, length, path)
        text = path.read_text()
    failure = comparison.of(text)
    if failure is not None:
        failure.seed = seed
    return seed, sum(line.startswith("- ") for line in text.splitlines()), failure


def write(seed, length, path):
    """The list of a seed, of operations that every world can do."""
    search.run("--seed", str(seed), "--operations", str(length), "--grammar", "portable", "--only-write", str(path))


def explore(options, screen, found, comparison):
    """Fills `found`, a Compared."""
    begun, said = time.monotonic(), time.monotonic()
    seeds = iter(range(options.seed, options.seed + -(-options.operations // options.length)))
    with steps.Workers(options.jobs) as pool:
        running = set()
        while True:
            while len(running) < options.jobs and (options.keep_going or not found.failures):
                seed = next(seeds, None)
                if seed is None:
                    break
                running.add(pool.submit(one, comparison, seed, options.length))
            if not running:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                _, operations, failure = future.result()
                found.lists, found.operations = found.lists + 1, found.operations + operations
                found.failures += [failure] if failure is not None else []
                found.seconds = time.monotonic() - begun
            if time.monotonic() - said > STATUS_EVERY:
                said = time.monotonic()
                screen.status(f"{found.operations} of {options.operations} operations, {found.lists} lists, "
                              f"{len(found.failures)} failed or differed")
