#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Line and branch coverage of src/xennet by the tests, measured on the PE.

usage: scripts/check/coverage.py [--seeds N] [--lines] [--branches] [--report] [TEST...]

Builds the driver with coverage counters, runs the tests given (default: all of tests/driver) on it, and reports lines
and branches: each condition of an if, a loop or an expression counts twice, as true and as false.

  scripts/check/coverage.py --lines
  scripts/check/coverage.py test_rss test_oids
"""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts import cli, steps
from scripts.build import made
from scripts.build.tree import Tree, program
from scripts.check import coverage_profile
from scripts.cli import ROOT, Stop

FOLDER = ROOT / "build" / "coverage" / "x64"
OTHERS = "--ignore-filename-regex=toolchain|mingw|include/"


def run(command, **options):
    done = subprocess.run(command, cwd=ROOT, **options)
    if done.returncode != 0:
        raise Stop(f"{command[0]} failed with status {done.returncode}", 1)
    return done


def build():
    """The instrumented driver: the same sources and flags, with counters; and the tests."""
    made.x64_package()
    Tree().build("coverage-x64", "tests")
    return FOLDER / "xennet.sys"


def programs(names):
    found = []
    for source in sorted((ROOT / "tests" / "driver").rglob("test_*.c")):
        wanted = source.stem in names if names else True
        if wanted:
            found.append(ROOT / "build" / "tests" / source.stem)
    missing = [path.name for path in found if not path.exists()]
    if missing or not found:
        raise Stop(f"not built: {', '.join(missing) or 'no such test'}: run ./test.py --list once, which builds them",
                   1)
    return found


def measure(driver, tests, seeds):
    sums = FOLDER / "counters"
    sums.unlink(missing_ok=True)
    environment = dict(os.environ, XENNET_DRIVER=str(driver), XENNET_COVERAGE=str(sums))
    with steps.Steps(tests, lambda test: test.name) as each:
        for test in each:
            done = subprocess.run([str(test), *seeds], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True,
                                  check=False)
            failed = sum(line.startswith("not ok") for line in done.stdout.splitlines())
            steps.line(f"{test.name}: {'all passed' if failed == 0 else f'{failed} failed'}")
            profile = merge(driver, sums)   # what was measured until then is there for --report
    return profile


def merge(driver, sums):
    raw, profile = FOLDER / "xennet.profraw", FOLDER / "xennet.profdata"
    raw.write_bytes(coverage_profile.raw_profile(driver.read_bytes(), sums.read_bytes()))
    run([program("llvm-profdata-16"), "merge", "-o", str(profile), str(raw)])
    return profile


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("tests", nargs="*", metavar="TEST", help="test files, such as test_rss")
    parser.add_argument("--seeds", type=int, metavar="N", help="seeds per simulated case")
    parser.add_argument("--lines", action="store_true", help="print the lines that no test reached, too")
    parser.add_argument("--branches", action="store_true",
                        help="print the conditions that were only true, only false, or not reached, too")
    parser.add_argument("--report", action="store_true", help="only report what was measured before")
    options = parser.parse_args(arguments)
    if options.report:
        driver, profile = FOLDER / "xennet.sys", FOLDER / "xennet.profdata"
    else:
        driver = build()
        profile = measure(driver, programs(options.tests), ["--seeds", str(options.seeds)] if options.seeds else [])
    cov = program("llvm-cov-16")
    run([cov, "report", str(driver), f"-instr-profile={profile}", "--show-region-summary=false", OTHERS])
    if options.lines:
        unreached(cov, driver, profile)
    if options.branches:
        one_sided(cov, driver, profile)


def one_sided(cov, driver, profile):
    """FILE:LINE:COLUMN, the text there and what it never was, of each condition that was not both."""
    done = run([cov, "export", str(driver), f"-instr-profile={profile}", OTHERS], stdout=subprocess.PIPE, text=True)
    for entry in json.loads(done.stdout)["data"][0]["files"]:
        source = ROOT / "src" / "xennet" / Path(entry["filename"]).name
        if not source.is_file():
            continue    # made by the build
        lines = source.read_text().splitlines()
        for line, column, end_line, end_column, true, false, *_ in entry["branches"]:
            if true == 0 or false == 0:
                text = lines[line - 1][column - 1:end_column - 1 if end_line == line else None]
                never = "never reached" if true == false else "never true" if true == 0 else "never false"
                print(f"{Path(entry['filename']).name}:{line}:{column}: {text}: {never}")


def unreached(cov, driver, profile):
    """FILE:LINE and the text of each line that was never executed."""
    done = run([cov, "show", str(driver), f"-instr-profile={profile}", OTHERS, f"-path-equivalence=build/,{ROOT}/"],
               stdout=subprocess.PIPE, text=True)     # compiled in build, the sources' names end there
    name = ""
    for line in done.stdout.splitlines():
        if line.endswith(".c:") or line.endswith(".h:"):
            name = Path(line[:-1]).name
            continue
        parts = line.split("|", 2)
        if len(parts) == 3 and parts[1].strip() == "0":
            print(f"{name}:{parts[0].strip()}: {parts[2].strip()}")
    if not name:
        raise Stop(f"llvm-cov shows none of the sources:\n{done.stdout.strip()[:500]}", 1)


if __name__ == "__main__":
    sys.exit(cli.main(steps.in_a_folder(command)))
