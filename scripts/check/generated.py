# SPDX-License-Identifier: BSD-2-Clause
"""Generated mutants of the driver (scripts/check/mutants.py), and the share of them that some test notices.

Which cases run on one is measured: those that execute its line in the driver with counters, with one seed each, until
one fails or there is no time left. First are those that guard the function by the mutations' table, or its file, or are
called like it; then those that noticed others there, that reach what few reach of the function, and the quickest. A
mutant whose image is the driver's own is the same program, and counts as nothing; neither does one that does not
compile, nor one of scripts/check/mutants_same.py.
"""

import collections
import hashlib
import json
import math
import os
import random
import re
import select
import subprocess
import time
from fnmatch import fnmatch
from pathlib import Path

from scripts import steps
from scripts.build.tree import Tree, program
from scripts.check import coverage, coverage_profile, mutants, mutants_same, places
from scripts.check.mutations_table import MUTATIONS
from scripts.cli import ROOT, Stop

DRIVER = ROOT / "src" / "xennet"
FOLDER = ROOT / "build" / "mutations"
REACH = FOLDER / "reach.json"
PATIENCE = 120      # seconds of cases for one mutant
SLOW = 90           # seconds; cases that take longer are left out
TIMES = 4           # as long as usual, and a case counts as one that never ends
CONFIDENCE = 1.96   # 95 %
AS_SHIPPED = {"XENNET_AS_SHIPPED": "1"}     # a mutant is compiled as the package is: limits of instructions hold
FEW = 4             # one in so many of those that reach a mutant's line reach the rarest other line of its function

Result = collections.namedtuple("Result", "mutant verdict test")     # verdict: noticed, survived, same, known, no C


def _sources():
    return sorted(DRIVER.glob("*.c"))


def _run(case, driver, seconds, environment):
    """What failed of FILE:CASE, "" if nothing did, or None if it has not ended in time."""
    file, name = case.split(":")
    process = subprocess.Popen([str(ROOT / "build" / "tests" / file), name, "--seeds", "1"], cwd=ROOT,
                               env=dict(os.environ, XENNET_DRIVER=str(driver), **environment),
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    end, said = time.monotonic() + seconds, b""
    try:
        while True:
            if not select.select([process.stdout], [], [], max(end - time.monotonic(), 0))[0]:
                return None
            more = os.read(process.stdout.fileno(), 65536)
            said += more
            failed = re.search(rb"^not ok \d+ - (.*)\n", said, re.MULTILINE)
            if failed:
                return failed[1].decode(errors="replace")
            if not more:
                return "" if process.wait() == 0 else "it died"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _lines(driver, sums):
    """{file: lines executed} from the counters of one test."""
    raw, profile = FOLDER / "reach.profraw", FOLDER / "reach.profdata"
    raw.write_bytes(coverage_profile.raw_profile(driver.read_bytes(), sums.read_bytes()))
    coverage.run([program("llvm-profdata-16"), "merge", "-o", str(profile), str(raw)])
    done = coverage.run([program("llvm-cov-16"), "export", "-format=lcov", str(driver), f"-instr-profile={profile}",
                         coverage.OTHERS], stdout=subprocess.PIPE, text=True)
    reached, name = collections.defaultdict(list), ""
    for line in done.stdout.splitlines():
        if line.startswith("SF:"):
            name = Path(line[3:]).name
        elif line.startswith("DA:"):
            number, count = line[3:].split(",")[:2]
            if int(count) > 0:
                reached[name].append(int(number))
    return reached


def _cases(path):
    return subprocess.run([str(path), "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()


def _measure(case, driver, say):
    """{seconds, lines} of one case; no lines if it fails or is slow."""
    sums = FOLDER / "reach.counters"
    sums.unlink(missing_ok=True)
    begun = time.monotonic()
    failed = _run(case, driver, SLOW, {"XENNET_COVERAGE": str(sums)})
    seconds = time.monotonic() - begun
    counts = failed == "" and sums.exists()
    say(f"{case}: {f'{seconds:.1f} s' if counts else 'left out'}")
    return {"seconds": round(seconds, 2), "lines": _lines(driver, sums) if counts else {}}


def reach(say):
    """{FILE:CASE: {seconds, lines}}, measured once for each state of the driver and of the test's program."""
    known = json.loads(REACH.read_text()) if REACH.is_file() else {}
    driver, tests = coverage.build(), {}
    sources = b"".join(path.read_bytes() for path in _sources())
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in coverage.programs([]):
        state = hashlib.sha256(sources + path.read_bytes()).hexdigest()
        if known.get(path.name, {}).get("state") != state:
            known[path.name] = {"state": state, "cases": {
                case: _measure(case, driver, say) for case in (f"{path.name}:{name}" for name in _cases(path))}}
            REACH.write_text(json.dumps(known))     # where it is stopped, too
        tests.update(known[path.name]["cases"])
    return tests


def guards():
    """{function: FILE:CASE, with wildcards, that a row of the mutations' table names for a place in it}"""
    found = collections.defaultdict(set)
    for _, where, _, _, test in MUTATIONS:
        found[where].add(test)
    return found


def program_of(image):
    """An image without what the linker makes of its debug information, which names lines and columns: times that are
    a sum over the file, the file's checksum and the PDB's GUID."""
    header = int.from_bytes(image[0x3c:0x40], "little")
    stamp = image[header + 8:header + 12]
    checksum = header + 0x58
    guid = image.index(b"RSDS") + 4
    image = image[:checksum] + bytes(4) + image[checksum + 4:guid] + bytes(16) + image[guid + 16:]
    return image.replace(stamp, bytes(4))


def known_same(mutant, text):
    """The reason why no test can notice this mutant of `text`, or None."""
    changed = [word for word, _, _ in places.tokens(text[:mutant.start] + mutant.new + text[mutant.end:])]
    for function, old, new, reason in mutants_same.SAME:
        for start, end in places.find(text, function, old) if function == mutant.function else ():
            if changed == [word for word, _, _ in places.tokens(text[:start] + new + text[end:])]:
                return reason
    return None


class Search:
    """The cases' verdict on one mutant after the other."""

    def __init__(self, tests, copies, build, patience):
        self.tests, self.copies, self.build, self.patience = tests, copies, build, patience
        self.program = program_of(build().read_bytes())
        self.noticed = collections.Counter()
        self.guards = guards()
        self.functions = collections.defaultdict(set)
        self.lines = collections.defaultdict(set)
        for path in _sources():
            for one in mutants.of_file(path):
                self.functions[one.file].add(one.function)
                self.lines[one.file, one.function].add(one.line)

    def _guards(self, name, functions):
        return any(fnmatch(name, one) for function in functions for one in self.guards[function])

    def _rare(self, mutant, names):
        """Of these cases those that reach a line of the function that few of them reach."""
        by_line = collections.defaultdict(set)
        for name in names:
            for line in self.lines[mutant.file, mutant.function].intersection(self.tests[name]["lines"][mutant.file]):
                by_line[line].add(name)
        return {name for reached in by_line.values() if FEW * len(reached) <= len(names) for name in reached}

    def candidates(self, mutant):
        names = [name for name, test in self.tests.items() if mutant.line in test["lines"].get(mutant.file, ())]
        rare, stem = self._rare(mutant, names), Path(mutant.file).stem
        return sorted(names, key=lambda name: (not self._guards(name, [mutant.function]),
                                               not (stem in name.split(":")[0]
                                                    or self._guards(name, self.functions[mutant.file])),
                                               -self.noticed[mutant.file, name], name not in rare,
                                               self.tests[name]["seconds"]))

    def verdict(self, mutant):
        path = self.copies / mutant.file
        text = path.read_text()
        if known_same(mutant, text) is not None:
            return Result(mutant, "known", "")
        try:
            path.write_text(text[:mutant.start] + mutant.new + text[mutant.end:])
            driver = self.build()
        except Stop:
            return Result(mutant, "no C", "")
        finally:
            path.write_text(text)
        if program_of(driver.read_bytes()) == self.program:
            return Result(mutant, "same", "")
        left = self.patience
        for name in self.candidates(mutant):
            seconds = self.tests[name]["seconds"]
            if seconds > left:
                continue
            left -= seconds
            failed = _run(name, driver, TIMES * seconds + 10, AS_SHIPPED)
            if failed != "":
                self.noticed[mutant.file, name] += 1
                return Result(mutant, "noticed", f"{name}: {failed or 'it never ended'}")
        return Result(mutant, "survived", "")


def interval(noticed, all_of_them):
    """Wilson's 95 % interval of a share."""
    if all_of_them == 0:
        return 0.0, 1.0
    share, square = noticed / all_of_them, CONFIDENCE * CONFIDENCE
    middle = (share + square / (2 * all_of_them)) / (1 + square / all_of_them)
    around = CONFIDENCE / (1 + square / all_of_them) * math.sqrt(
        share * (1 - share) / all_of_them + square / (4 * all_of_them * all_of_them))
    return middle - around, middle + around


def _share(results):
    counted = [one for one in results if one.verdict in ("noticed", "survived")]
    return sum(one.verdict == "noticed" for one in counted), len(counted)


def table(results):
    """The share by file, as lines."""
    files = collections.defaultdict(list)
    for one in results:
        files[one.mutant.file].append(one)
    yield "| File | Tried | Noticed | Share |"
    yield "|---|---|---|---|"
    for name in sorted(files):
        noticed, tried = _share(files[name])
        if tried:
            yield f"| `{name}` | {tried} | {noticed} | {noticed / tried:.0%} |"
    noticed, tried = _share(results)
    low, high = interval(noticed, tried)
    yield f"| all | {tried} | {noticed} | {noticed / max(tried, 1):.1%} (95 %: {low:.1%} to {high:.1%}) |"


def choose(files, sample, seed):
    """The mutants of these files (all: none named), or a sample of them."""
    every = [one for path in _sources() if not files or path.name in files for one in mutants.of_file(path)]
    if not every:
        raise Stop(f"no source of the driver is called {' or '.join(files)}")
    if sample is None or sample >= len(every):
        return every
    return random.Random(seed).sample(every, sample)


def search(chosen, copies, build, patience, say):
    """Tries each; (noticed, tried)."""
    tests = reach(say)
    looking, results = Search(tests, copies, build, patience), []
    try:
        with steps.Steps(chosen, lambda mutant: f"{mutant.file}:{mutant.line}") as each:
            for mutant in each:
                result = looking.verdict(mutant)
                results.append(result)
                if result.verdict == "survived":
                    say(f"not noticed: {mutant.file}:{mutant.line} {mutant.function}: {' '.join(mutant.old.split())} "
                        f"-> {' '.join(mutant.new.split())} ({len(looking.candidates(mutant))} cases reach it)")
    finally:    # where it is stopped, too: what was tried until then
        report(results, say)
    return _share(results)


def report(results, say):
    verdicts = collections.Counter(one.verdict for one in results)
    say(f"{len(results)} mutants: {verdicts['same']} are the same program, {verdicts['known']} are known not to be "
        f"noticeable, {verdicts['no C']} do not compile")
    for line in table(results):
        say(line)
