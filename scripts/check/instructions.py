#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Instructions of a packet, counted on the PE alone, and beside them those of a floor.

usage: scripts/check/instructions.py [--driver FILE] [--functions]

Counts the driver's instructions per packet, exactly, by single steps in the testbed, and compares them with the floor:
the same driver whose data path does nothing but the calls that VIF and NDIS force on it (tests/floor).
"""

import os
import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts import cli
from scripts.build.tree import Tree, program
from scripts.cli import ROOT, Stop

FOLDER = ROOT / "build" / "floor" / "x64"
PROGRAM = ROOT / "build" / "tests" / "test_cost"
CASE = "instructions_of_a_packet_are_counted"
COUNTED = re.compile(r"^# counted: (.*): ([\d.]+) instructions a packet", re.M)


def build_floor():
    """The floor, compiled and linked as the free driver is; and the tests."""
    Tree().build("floor-x64", "test_cost")
    return FOLDER / "xennet.sys"


def count(driver, steps=None):
    """What is counted, in order: {load: instructions a packet}."""
    environment = dict(os.environ, XENNET_DRIVER=str(driver))
    if steps is not None:
        steps.unlink(missing_ok=True)
        environment["XENNET_STEPS"] = str(steps)
    done = subprocess.run([str(PROGRAM), CASE], env=environment, stdout=subprocess.PIPE, text=True, check=False)
    found = {what: float(figure) for what, figure in COUNTED.findall(done.stdout)}
    if done.returncode != 0 or not found:
        raise Stop(f"nothing counted on {driver}:\n{done.stdout}", 1)
    return found


def functions(driver, steps):
    """Prints where the instructions are, by function."""
    for block in steps.read_text().split("# ")[1:]:
        title, *rows = block.splitlines()
        rows = [row.split() for row in rows]
        done = subprocess.run([program("llvm-symbolizer-16"), f"--obj={driver}", "--relative-address", "--no-inlines"],
                              input="\n".join(row[0] for row in rows), stdout=subprocess.PIPE, text=True, check=True)
        sums = {}
        for row, answer in zip(rows, done.stdout.strip().split("\n\n")):
            name = answer.splitlines()[0]
            sums[name] = sums.get(name, 0) + int(row[1])
        print(f"\n{title}, instructions in all:")
        for name, total in sorted(sums.items(), key=lambda item: -item[1]):
            print(f"  {total:8} {name}")


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("--driver", type=Path, default=ROOT / "xennet" / "x64" / "xennet.sys", metavar="FILE",
                        help="default: the package's xennet.sys")
    parser.add_argument("--functions", action="store_true", help="show the figures of each function, too")
    options = parser.parse_args(arguments)
    if not options.driver.exists():
        raise Stop(f"{options.driver} is not there: run ./build.py free", 1)
    floor = count(build_floor())
    steps = FOLDER / "steps"
    driver = count(options.driver, steps)
    print(f"{'instructions a packet':45} {'driver':>8} {'floor':>8} {'ratio':>6}")
    for what, figure in driver.items():
        print(f"{what:45} {figure:8.1f} {floor[what]:8.1f} {figure / floor[what]:6.2f}")
    if options.functions:
        functions(options.driver, steps)


if __name__ == "__main__":
    sys.exit(cli.main(command))
