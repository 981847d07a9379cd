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

PROGRAM = ROOT / "build" / "tests" / "explore"
PATIENCE = 60          # seconds of one list
STATUS_EVERY = 5        # seconds
RESULT = re.compile(r"^\{.*\}$", re.MULTILINE)
NOISE = ("{", "not ok", "ok ", "1..", "# ended", "# story.c", "# operation", "# the last", "# counted", "  ", " (seed")


@dataclass
class Failure:
    seed: int
    text: str

    def reason(self):
        """The line that says what is wrong, without what differs from run to run: numbers, addresses, seeds."""
        for line in self.text.splitlines():
            if line.strip() and not line.startswith(NOISE):
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
    frames: int = 0
    seconds: float = 0.0
    done: collections.Counter = field(default_factory=collections.Counter)
    failures: list = field(default_factory=list)
    history: list = field(default_factory=list)     # (seconds, operations) after each list

    def summary(self):
        kinds = ", ".join(f"{name} {count}" for name, count in self.done.most_common())
        return (f"{self.operations} operations in {self.lists} lists ({self.skipped} could not be done), "
                f"{self.frames} frames accounted for in calm, {self.seconds:.0f} s; {len(self.failures)} failed\n"
                f"{kinds}")


def run(*arguments):
    """(whether it passed, what it printed) of one list."""
    try:
        done = subprocess.run([str(PROGRAM), *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True, errors="replace", timeout=PATIENCE,
                              check=False)
    except subprocess.TimeoutExpired as late:
        text = late.stdout or b""
        text = text.decode(errors="replace") if isinstance(text, bytes) else text
        return False, f"{text}\nno end after {PATIENCE} s"
    if done.returncode not in (0, 1):
        raise Stop(f"the explorer ended with status {done.returncode}: {done.stdout.strip()}", 1)
    return done.returncode == 0, done.stdout


def replay(path):
    passed, text = run("--replay", str(path))
    return None if passed else Failure(0, text)


def one(seed, length):
    passed, text = run("--seed", str(seed), "--operations", str(length))
    return seed, passed, text


def explore(options, screen, found=None):
    """What was found. A caller that wants it even where this is interrupted gives the Found that is filled."""
    found, begun, said = found or Found(), time.monotonic(), time.monotonic()
    seed, planned = options.seed, 0
    with steps.Workers(options.jobs) as pool:
        running = set()
        while running or planned < options.operations and (options.keep_going or not found.failures):
            while (len(running) < options.jobs and planned < options.operations and
                   (options.keep_going or not found.failures)):
                running.add(pool.submit(one, seed, options.length))
                seed, planned = seed + 1, planned + options.length
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                add(found, *future.result())
                found.seconds = time.monotonic() - begun
                found.history.append((found.seconds, found.operations))
            if time.monotonic() - said > STATUS_EVERY:
                said = time.monotonic()
                screen.status(f"{found.operations} of {options.operations} operations, {found.lists} lists, "
                              f"{len(found.failures)} failed")
    screen.clear()
    return found


def add(found, seed, passed, text):
    found.lists += 1
    if not passed:
        found.failures.append(Failure(seed, text))
        return
    result = RESULT.search(text)
    if result is None:
        raise Stop(f"the explorer gave no result for seed {seed}: {text.strip()[-500:]}", 1)
    values = json.loads(result.group())
    found.operations += values["operations"]
    found.skipped += values["skipped"]
    found.frames += values["settled_frames"]
    found.done.update(values["done"])
