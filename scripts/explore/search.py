# SPDX-License-Identifier: BSD-2-Clause
"""Many lists, over seeds and processors; the first that fails ends it."""

import collections
import json
import re
import subprocess
import time
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, field

from scripts import steps
from scripts.cli import ROOT, Stop

_program = [ROOT / "build" / "tests" / "explore"]
PATIENCE = 60           # seconds of one list, for the first of those that one process runs; the others take less
BATCH = 10_000          # operations that one process runs, in whole lists
STATUS_EVERY = 5        # seconds
RESULT = re.compile(r"^\{.*\}$", re.MULTILINE)
REMARK = "(Windows lets it pass)"      # what every image has some of, and is no failure
NOISE = ("{", "not ok", "ok ", "1..", "# ended", "# story.c", "# operation", "# the last", "# counted", "  ", " (seed")


@dataclass
class Failure:
    seed: int
    text: str

    def reason(self):
        """The line that says what is wrong, without what differs from run to run: numbers, addresses, seeds."""
        for line in self.text.splitlines():
            if line.strip() and not line.startswith(NOISE) and REMARK not in line:
                return line.strip()
        return self.text.strip().splitlines()[-1] if self.text.strip() else "it ended without a word"

    def kind(self):
        """Two failures of one kind are taken for the same one."""
        return re.sub(r"0x[0-9a-f]+|\d+", "#", self.reason())


@dataclass
class Found:
    operations: int = 0
    skipped: int = 0
    lists: int = 0
    calls: int = 0          # into the driver
    frames: int = 0
    seconds: float = 0.0
    done: collections.Counter = field(default_factory=collections.Counter)
    failures: list = field(default_factory=list)
    history: list = field(default_factory=list)     # (seconds, operations) after each list

    def summary(self):
        kinds = ", ".join(f"{name} {count}" for name, count in self.done.most_common())
        return (f"{self.operations} operations in {self.lists} lists ({self.skipped} could not be done), {self.calls} "
                f"calls into the driver, {self.frames} frames accounted for in calm, {self.seconds:.0f} s; "
                f"{len(self.failures)} failed\n"
                f"{kinds}")


def explore_with(program):
    """Another build of the explorer."""
    _program[0] = program


def run(*arguments, lists=1, patience=PATIENCE, environment=None):
    """(whether it passed, what it printed) of one list or some."""
    patience += 10 * (lists - 1)
    try:
        done = subprocess.run([str(_program[0]), *arguments], cwd=ROOT, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True,
                              errors="replace", timeout=patience, env=environment, check=False)
    except subprocess.TimeoutExpired as late:
        text = late.stdout or b""
        text = text.decode(errors="replace") if isinstance(text, bytes) else text
        return False, f"{text}\nno end after {patience} s"
    if done.returncode not in (0, 1):
        raise Stop(f"the explorer ended with status {done.returncode}: {done.stdout.strip()}", 1)
    return done.returncode == 0, done.stdout


def replay(path):
    passed, text = run("--replay", str(path))
    return None if passed else Failure(0, text)


def some(seed, length, lists):
    """The lists of as many seeds, each run; or up to one that fails."""
    return seed, lists, *run("--seed", str(seed), "--operations", str(length), "--lists", str(lists), lists=lists)


def explore(options, screen, found=None):
    """What was found. A caller that wants it even where this is interrupted gives the Found that is filled."""
    found, begun, said = found or Found(), time.monotonic(), time.monotonic()
    seed, planned, batch = options.seed, 0, max(1, BATCH // options.length)
    again = []      # (seed, lists) behind one that failed
    with steps.Workers(options.jobs) as pool:
        running = set()
        while True:
            while (len(running) < options.jobs and (again or planned < options.operations) and
                   (options.keep_going or not found.failures)):
                if again:
                    running.add(pool.submit(some, again[-1][0], options.length, again.pop()[1]))
                    continue
                lists = min(batch, -(-(options.operations - planned) // options.length))
                running.add(pool.submit(some, seed, options.length, lists))
                seed, planned = seed + lists, planned + lists * options.length
            if not running:
                break
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                failed = len(found.failures)
                again.extend(add(found, *future.result()))
                for failure in found.failures[failed:] if options.keep_going else ():
                    screen.line(f"seed {failure.seed}: {failure.reason()}")
                found.seconds = time.monotonic() - begun
                found.history.append((found.seconds, found.operations))
            if time.monotonic() - said > STATUS_EVERY:
                said = time.monotonic()
                screen.status(f"{found.operations} of {options.operations} operations, {found.lists} lists, "
                              f"{len(found.failures)} failed")
    screen.clear()
    return found


def add(found, seed, lists, passed, text):
    """Returns what is left to do of these lists: what stands behind one that failed."""
    results = RESULT.findall(text)
    for values in map(json.loads, results):
        found.lists += 1
        found.operations += values["operations"]
        found.skipped += values["skipped"]
        found.calls += values["calls"]
        found.frames += values["settled_frames"]
        found.done.update(values["done"])
    if passed:
        if len(results) != lists:
            raise Stop(f"the explorer gave {len(results)} results of {lists} from seed {seed}: {text.strip()[-500:]}",
                       1)
        return []
    found.lists += 1
    found.failures.append(Failure(seed + len(results), text[text.rfind(results[-1]) if results else 0:]))
    left = lists - len(results) - 1
    return [(seed + len(results) + 1, left)] if left else []
