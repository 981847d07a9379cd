#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The driver with clang's checks of addresses and of undefined behaviour, run by tests.

usage: scripts/check/sanitized.py [--seeds N] [TEST...]

Builds the driver so that it checks each address before it uses it, each index, shift, division and alignment, and runs
the tests given (default: all of tests/driver) on it, in a testbed with sanitizers. What it finds is reported by rule
"address" or "undefined", with the driver's stack.

  scripts/check/sanitized.py
  scripts/check/sanitized.py --seeds 20 test_rss test_uso
"""

import os
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts import cli, steps
from scripts.build import made
from scripts.build.tree import Tree
from scripts.cli import ROOT, Stop
from scripts.test import sanitize

DRIVER = ROOT / "build" / "sanitized" / "x64" / "xennet.sys"
PATIENCE = {"TESTBED_PATIENCE": "10"}   # all of it is slower


def build(tests):
    made.x64_package()
    Tree().build("sanitized-x64")
    sanitize.TREE.build(*tests)


def run(test, arguments, driver=DRIVER):
    """Why the test failed, or None."""
    done = subprocess.run([str(sanitize.PROGRAMS / test), *arguments], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False,
                          env=dict(os.environ, **sanitize.ENVIRONMENT, **PATIENCE, XENNET_DRIVER=str(driver)))
    return f"{test}:\n{done.stdout[-6000:]}" if done.returncode != 0 else None


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("tests", nargs="*", metavar="TEST", help="test files, such as test_rss")
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="seeds per simulated case (2)")
    options = parser.parse_args(arguments)
    known = sorted(path.stem for path in (ROOT / "tests" / "driver").rglob("test_*.c"))
    unknown = [name for name in options.tests if name not in known]
    if unknown:
        raise Stop(f"no such test of the driver: {', '.join(unknown)}")
    tests = options.tests or known
    build(tests)
    failed = 0
    with steps.Steps(tests, str) as each:
        for test in each:
            why = run(test, ["--seeds", str(options.seeds)])
            failed += why is not None
            steps.line(why or f"{test}: nothing found")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(cli.main(steps.in_a_folder(command)))
