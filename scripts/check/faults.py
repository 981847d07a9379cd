#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Plants faults in the driver, one at a time, and sees that the testbed reports each so that one can act.

usage: scripts/check/faults.py [--match TEXT] [--quick]

For each fault of scripts/check/faults_table.py a copy of the driver is built with it and run by run.py (or by the test
that the fault names, where only simulation can find it). The report must name the rule, the function and the line, and
come within ten seconds of the happening. Prints a table; fails when one is not caught. The package and src are left
alone.

  scripts/check/faults.py --quick
  scripts/check/faults.py --match halt --verbose
"""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts import cli, steps
from scripts.build import made
from scripts.check import mutations
from scripts.check.faults_table import FAULTS, MARK
from scripts.cli import ROOT, Stop
from scripts.test import sanitize

# Traffic that comes and goes for as long as a standstill needs to be noticed; a run that breaks a rule ends at once.
TRAFFIC = ("ping", "-n", "-c", "40", "-i", "0.05", "-w", "12", "198.18.0.1")
PATIENCE = 240      # seconds for a whole run, a build in this folder that it waits for included
ALLOWED_SECONDS = 10  # from the happening to the report; a run that does not hang has no more in all


def plant(fault):
    """The driver with the fault in it, and where the marked line is: (path, "file.c:120" or None)."""
    path, start, end = mutations.find(mutations.SOURCES, fault.place, fault.old)
    text = path.read_text()
    changed = text[:start] + fault.new + text[end:]
    if fault.head:
        at = head_of(changed, fault.place)
        changed = changed[:at] + fault.head + "\n" + changed[at:]
    try:
        path.write_text(changed)
        driver = mutations.build(fault.races)
    finally:
        path.write_text(text)
    if MARK not in changed:
        return driver, None
    return driver, f"{path.name}:{changed[:changed.index(MARK)].count(chr(10)) + 1}"


def head_of(text, function):
    """Where the definition of a function begins: behind the empty line before it."""
    at = re.search(rf"^{function}\(", text, re.MULTILINE).start()
    return text.rindex("\n\n", 0, at) + 2


def run(fault, driver):
    """(seconds, what it said) of run.py, or of the fault's test."""
    environment = dict(os.environ)
    if fault.test:
        name, case = fault.test.split(":")
        argv = [str(ROOT / "build" / "tests" / name), case, "--seeds", "20"]
        environment.update(XENNET_DRIVER=str(driver), **sanitize.ENVIRONMENT)
    else:
        argv = [sys.executable, "-B", str(ROOT / "run.py"), "--driver", str(driver), "--inf", str(made.INF),
                *fault.options, "--", *(fault.traffic or TRAFFIC)]
    started = time.monotonic()
    try:
        done = subprocess.run(argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as late:
        return PATIENCE, late.stdout.decode(errors="replace") if late.stdout else ""
    if done.returncode == 0:
        return time.monotonic() - started, "it ended well\n" + done.stdout
    return time.monotonic() - started, done.stdout


def missing(fault, line, said, seconds):
    """What the report lacks, or None. `seconds`: of the whole run, or None where the machine may be busy."""
    report = re.search(rf"rule {fault.rule}[: ].*", said, re.DOTALL) if fault.rule else re.search(".*", said, re.DOTALL)
    if report is None:
        return f"no rule {fault.rule}"
    for what in (fault.function, line, fault.says):
        if what and what not in report.group():
            return f"the report does not name {what}"
    stood = re.search(r" for (\d+) s\b", report.group().partition("\n")[0])
    if stood and int(stood.group(1)) > ALLOWED_SECONDS:
        return f"it was reported after {stood.group(1)} s"
    if not stood and not fault.test and seconds is not None and seconds > ALLOWED_SECONDS:
        return f"it took {seconds:.0f} s"
    return None


def first_words(said):
    found = re.search(r"rule [\w-]+: .*", said)
    return found.group() if found else " ".join(said.split())[-200:]


def attempt(fault, timed=True):
    """(None or what is missing, the report's first line, everything said)."""
    driver, line = plant(fault)
    seconds, said = run(fault, driver)
    return missing(fault, line, said, seconds if timed else None), f"{first_words(said)} ({seconds:.1f} s)", said


def prepare():
    mutations.copy_sources()
    made.x64_package()
    made.testbed(lambda text: None)


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("--match", metavar="TEXT", default="", help="only those whose name has TEXT")
    parser.add_argument("--quick", action="store_true", help="only those that the tests run")
    parser.add_argument("--verbose", action="store_true", help="print whole reports")
    options = parser.parse_args(arguments)
    chosen = [fault for fault in FAULTS if options.match in fault.name and (fault.quick or not options.quick)]
    if not chosen:
        raise Stop("no fault is called that")
    prepare()
    if any(fault.test for fault in chosen):
        mutations.Tree().build("tests")
    print("| Fault | Report |\n|---|---|", flush=True)
    escaped = 0
    with steps.Steps(chosen, lambda fault: fault.name) as rows:
        for fault in rows:
            try:
                lacks, words, said = attempt(fault)
            except Stop as stop:
                lacks, words, said = f"not tried: {' '.join(stop.text.split())[:300]}", "", ""
            escaped += lacks is not None
            steps.line(f"| {fault.name} | {f'**{lacks}** ' if lacks else ''}{words.replace('|', chr(92) + '|')} |")
            if options.verbose:
                steps.line(said)
    return 1 if escaped else 0


if __name__ == "__main__":
    sys.exit(cli.main(steps.in_a_folder(command)))
