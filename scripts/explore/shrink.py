# SPDX-License-Identifier: BSD-2-Clause
"""The shortest list that still fails in the same way.

Delta debugging (Zeller, Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002): parts of the list are
left out, from halves down to single operations. Another list is another schedule, so each candidate is tried on a few
seeds before it counts as one that passes. At the end the numbers of each operation are made smaller.
"""

import os
import tempfile
import time
from pathlib import Path

from scripts.explore import search
from scripts.explore.search import STATUS_EVERY

SEEDS = 6               # schedules that a candidate is tried on
ATTEMPTS = 4000         # candidates in all


class List:
    """A list as the explorer writes it: settings, then operations."""

    def __init__(self, text):
        lines = text.splitlines()
        self.settings = [line for line in lines if line and not line.startswith("-")]
        self.operations = [line for line in lines if line.startswith("-")]

    def text(self, operations=None, seed=None):
        settings = [f"seed {seed}" if seed is not None and line.startswith("seed ") else line
                    for line in self.settings]
        return "\n".join([*settings, *(self.operations if operations is None else operations)]) + "\n"

    def seed(self):
        return next(int(line.split()[1]) for line in self.settings if line.startswith("seed "))


class Shrinker:
    def __init__(self, whole, kind, folder, screen, replay=None):
        self.list = whole
        self.replay = replay or search.replay
        self.kind = kind
        self.path = Path(folder) / "candidate.txt"
        self.seed = whole.seed()
        self.attempts = 0
        self.failure = None
        self.screen, self.said = screen, time.monotonic()
        self.fixed = ("xenvif-like", "vif") if "XENVIF" in os.environ else ()   # an image is what it is

    def fails(self, operations, settings=None):
        """Whether the candidate fails in the same way on one of a few schedules; that one is kept."""
        for seed in [self.seed, *(self.seed + n for n in range(1, SEEDS))]:
            if self.attempts >= ATTEMPTS:
                return False
            self.attempts += 1
            if time.monotonic() - self.said > STATUS_EVERY:
                self.said = time.monotonic()
                self.screen.status(f"shortening: {len(self.list.operations)} operations, {self.attempts} runs")
            candidate = self.list if settings is None else List("\n".join(settings))
            self.path.write_text(candidate.text(operations, seed))
            failure = self.replay(self.path)
            if failure is not None and failure.kind() == self.kind:
                self.seed, self.failure = seed, failure
                return True
        return False

    def leave_out(self):
        operations, parts = self.list.operations, 2
        while len(operations) >= 2:
            size = max(1, len(operations) // parts)
            for start in range(0, len(operations), size):
                rest = operations[:start] + operations[start + size:]
                if rest and self.fails(rest):
                    self.list.operations = operations = rest
                    parts = max(2, parts - 1)
                    break
            else:
                if size == 1:
                    break
                parts = min(len(operations), parts * 2)

    def plain(self):
        """Settings that do not matter become the usual ones."""
        usual = {"windows": "10-22h2", "xenvif-like": "strict", "queues": "1", "processors": "1", "mtu": "1500",
                 "without": "0"}
        for line in list(self.list.settings):
            name = line.split()[0]
            if name == "keyword":
                other = [each for each in self.list.settings if each != line]
            elif name in usual and name not in self.fixed and line != f"{name} {usual[name]}":
                other = [f"{name} {usual[name]}" if each == line else each for each in self.list.settings]
            else:
                continue
            if self.fails(self.list.operations, other):
                self.list.settings = other

    def smaller(self):
        for at, line in enumerate(self.list.operations):
            words = line.split()
            for place in range(2, len(words)):
                for value in ("0", "1", str(int(words[place]) // 2)):
                    if int(value) < int(words[place]):
                        other = [*words[:place], value, *words[place + 1:]]
                        operations = [*self.list.operations[:at], " ".join(other), *self.list.operations[at + 1:]]
                        if self.fails(operations):
                            self.list.operations, words = operations, other
                            break


def write(seed, length, path):
    search.run("--seed", str(seed), "--operations", str(length), "--write", str(path))


def shorten(failure, options, screen, make=write, replay=None):
    """Writes the shortened list to options.output and shows it with what goes wrong."""
    with tempfile.TemporaryDirectory(prefix="xennet-explore-") as folder:
        whole = Path(folder) / "whole.txt"
        make(failure.seed, options.length, whole)
        shrinker = Shrinker(List(whole.read_text()), failure.kind(), folder, screen, replay)
        shrinker.failure = failure
        screen.status(f"shortening {len(shrinker.list.operations)} operations")
        try:
            shrinker.leave_out()
            shrinker.plain()
            shrinker.smaller()
        finally:    # stopped: the list is as short as it has become
            screen.clear()
            show(shrinker, options, screen)


def show(shrinker, options, screen):
    text = shrinker.list.text(seed=shrinker.seed)
    Path(options.output).write_text(f"# {shrinker.failure.reason()}\n{text}")
    screen.line(f"{len(shrinker.list.operations)} operations, {options.output} ({shrinker.attempts} runs):")
    screen.line(text.rstrip())
    screen.line(shrinker.failure.text.strip())
