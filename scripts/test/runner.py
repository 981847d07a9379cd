# SPDX-License-Identifier: BSD-2-Clause
"""Runs test files, two at a time except for those that need the machine for themselves, and keeps the score.

Each file is one process with its own session; its TAP is read as it comes, so a long file shows its progress. A
file that dies or falls silent fails the case that was running, and the cases after it run in a new process.
"""

import itertools
import os
import re
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field

from scripts.cli import ROOT

JOBS = 2
CASE_SECONDS = 900    # without a word from a file, its case hangs; with the seeds of an ordinary run
USUAL_SEEDS = 200     # as in tests/support/harness.c, whose cases end themselves before that
RESULT = re.compile(r"^(not ok|ok) \d+ - (\S+)(?: # SKIP ?(.*))?$")
SEED = re.compile(r"\bseed (\d+)(?:\)| at )")    # of a failure
GIST_LINES, GIST_WIDTH = 3, 200    # what the end of a run repeats of each failure, so that a cut report has it, too
NOTE = "# note: "     # a figure that is worth showing although the case passed


def case_seconds(seeds):
    """How long a case may be silent that tries so many seeds; None: its usual number."""
    return CASE_SECONDS * max(1, -(-(seeds or 0) // USUAL_SEEDS))


def gist(said):
    """The lines that say why: from the exception at the end of a traceback on, or the last ones."""
    lines = [line[:GIST_WIDTH] for line in said if line.strip("# ")]
    traces = [number for number, line in enumerate(lines) if line.startswith("# Traceback")]
    if traces:
        rest = lines[traces[-1] + 1:]
        return list(itertools.dropwhile(lambda line: line.startswith("#   "), rest))[:GIST_LINES]
    return lines[-GIST_LINES:]


@dataclass
class Score:
    passed: int = 0
    failed: list = field(default_factory=list)    # (name, the gist of what it said)
    skipped: list = field(default_factory=list)   # (name, reason)

    def text(self):
        text = f"{self.passed} passed, {len(self.failed)} failed"
        return f"{text}, {len(self.skipped)} skipped" if self.skipped else text


class Runner:
    def __init__(self, screen, seed=None, seeds=None, label="", options=""):
        """`label` stands in front of each result: what the tests run on this time. `options`: of a command that repeats
        a failure.
        """
        self.score = Score()
        self._label = f"{label}  " if label else ""
        self._options = options
        self._screen = screen
        self._seed_argv = (["--seed", str(seed)] if seed is not None else ["--seeds", str(seeds)] if seeds is not None
                           else [])
        self._seconds = case_seconds(seeds)
        self._lock = threading.Lock()
        self._processes = set()
        self._stopping = False
        self._cases = 0     # to run in all

    def run(self, files):
        self._cases = sum(len(file.cases) for file in files)
        together = [file for file in files if not file.alone]
        try:
            with ThreadPoolExecutor(JOBS) as pool:
                jobs = [pool.submit(self._file, file) for file in together]
                try:
                    for job in as_completed(jobs):
                        job.result()
                except BaseException:
                    self._stop()
                    raise
            for file in files:
                if file.alone:
                    self._file(file)
        except BaseException:
            self._stop()
            raise
        finally:
            self._screen.clear()

    def _file(self, file):
        if file.absent:
            self.result(file.name, True, file.absent, 0, [])
            return
        if file.trouble:
            self._failed(f"{file.name}:list", 0, [file.trouble])
            return
        waiting = list(file.cases)
        while waiting and not self._stopping:
            done, ending = self._process(file, waiting)
            waiting = [case for case in waiting if case not in done]
            if waiting and not self._stopping:
                # The first one without a result is what it died in.
                self._failed(f"{file.name}:{waiting[0]}", 0, ending)
                waiting = waiting[1:]
            elif not waiting and ending and not self._stopping:
                self._failed(f"{file.name}:end", 0, ending)

    def _process(self, file, cases):
        """Run some cases of a file. The cases that have a result, and what to say if it did not end well."""
        argv = [*file.argv, *(self._seed_argv if file.seeded else []), *cases]
        reader = Reader(self, file, cases)
        with self._lock:
            if self._stopping:
                return set(), []
            process = subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT,
                                       universal_newlines=True, errors="replace", start_new_session=True)
            self._processes.add(process)
        watch = Watch(process, self._seconds)
        try:
            for line in process.stdout:
                watch.heard()
                reader.line(line.rstrip("\n"))
            status = process.wait()
        finally:
            watch.cancel()
            if process.poll() is None:  # interrupted: nobody else knows of it any more
                end_session(process)
            process.stdout.close()
            with self._lock:
                self._processes.discard(process)
        reader.flush()
        ending = []
        if watch.hung:
            ending = [f"no word for {self._seconds} s, so it was killed"]
        elif status < 0:
            ending = [f"{file.name} was ended by signal {-status} ({signal.Signals(-status).name})"]
        elif status != 0 and not reader.any_failed:
            ending = [f"{file.name} ended with status {status}"]
        elif len(reader.done) < len(cases):
            ending = [f"{file.name} ended with status {status} and without a result for it"]
        return reader.done, reader.rest + ending if ending else []

    def _stop(self):
        with self._lock:
            self._stopping = True
            processes = list(self._processes)
        for process in processes:
            end_session(process)

    def result(self, name, good, reason, seconds, said):
        if not good:
            self._failed(name, seconds, said)
        elif reason is not None:
            with self._lock:
                self.score.skipped.append((name, reason))
            self._screen.line(f"{self._label}skip          {name}: {reason}")
        else:
            with self._lock:
                self.score.passed += 1
            self._screen.line(f"{self._label}ok   {seconds:6.1f} s {name}")
            for line in said:
                if line.startswith(NOTE):
                    self._screen.line(f"                {line[len(NOTE):]}")
        self._progress()

    def _progress(self):
        """How far it is, where a terminal shows it; elsewhere the lines do."""
        if self._screen.terminal:
            with self._lock:
                score = self.score.text()
                done = self.score.passed + len(self.score.failed) + len(self.score.skipped)
            self._screen.status(f"{done} of {self._cases}: {score}")

    def _failed(self, name, seconds, said):
        seeds = [seed for line in said for seed in SEED.findall(line)]
        why = gist(said)
        if seeds:
            said = [*said, f"# to look at it: ./test.py {self._options}--seed {seeds[-1]} {name} "
                           "--timeline timeline.json"]
        with self._lock:
            self.score.failed.append((name, why))
        self._screen.line("\n".join([f"{self._label}FAIL {seconds:6.1f} s {name}", *(f"     {line}" for line in said)]))
        self._progress()


class Reader:
    """Takes TAP lines; a result is complete when the next one comes, because comments follow it."""

    def __init__(self, runner, file, cases):
        self.done = set()
        self.rest = []          # comments that belong to no result
        self.any_failed = False
        self._runner = runner
        self._file = file
        self._cases = set(cases)
        self._open = None
        self._said = []
        self._since = time.monotonic()

    def line(self, text):
        match = RESULT.match(text)
        if match and match.group(2) in self._cases:
            self.flush()
            now = time.monotonic()
            self._open = (match.group(2), match.group(1) == "ok", match.group(3), now - self._since)
            self._since = now
        elif self._open:
            self._said.append(text)
        elif not re.match(r"^1\.\.\d+$", text):
            self.rest.append(text)

    def flush(self):
        if self._open is None:
            return
        case, good, reason, seconds = self._open
        self.done.add(case)
        self.any_failed = self.any_failed or not good
        self._runner.result(f"{self._file.name}:{case}", good, reason, seconds, self._said)
        self._open, self._said = None, []


class Watch:
    """Kills a process that says nothing for too long."""

    def __init__(self, process, seconds):
        self.hung = False
        self._seconds = seconds
        self._process = process
        self._timer = None
        self.heard()

    def heard(self):
        self.cancel()
        self._timer = threading.Timer(self._seconds, self._kill)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self):
        if self._timer is not None:
            self._timer.cancel()

    def _kill(self):
        self.hung = True
        end_session(self._process)


def end_session(process):
    """Kill a test file and what it started: it is the leader of a session of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
