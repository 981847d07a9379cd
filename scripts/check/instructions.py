#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Instructions of a packet, counted on the PE alone, and beside them those of a floor.

usage: scripts/check/instructions.py [--driver FILE [--inf FILE] [--lenient]] [--against FILE] [--functions]
                                     [--calls] [--ticks [--turns N]]

Counts the driver's instructions per packet, exactly, by single steps in the testbed, and compares them with the floor:
the same driver whose data path does nothing but the calls that VIF and NDIS force on it (tests/floor). --against names
another build of the driver to stand beside both. --calls adds what the driver calls, and its interlocked operations.
--driver takes any NDIS 6 miniport for XenVif, with its INF; with --lenient it goes on where that breaks a documented
rule that Windows does not enforce.

--ticks measures time instead: each build runs at full speed with stubs for NDIS, kernel and VIF that cost the same for
all, turn and turn about; printed are medians of the turns and, in brackets, the lowest. The stubs and the loop are in
every figure. Other load on the machine is, too.

  scripts/check/instructions.py --functions
  scripts/check/instructions.py --against /tmp/old/xennet.sys
"""

import os
import re
import statistics
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts import cli, steps
from scripts.build import made
from scripts.build.tree import Tree, program
from scripts.cli import ROOT, Stop

FOLDER = ROOT / "build" / "floor" / "x64"
PROGRAM = ROOT / "build" / "tests" / "test_cost"
CASES = ("instructions_of_a_packet_are_counted", "instructions_of_a_polled_packet_are_counted",
         "instructions_of_joined_datagrams_are_counted")
COUNTED = re.compile(r"^# counted: (.*): ([\d.]+) (?:instructions|ticks) a packet", re.M)
LOCKED = "locked instructions"     # as the testbed calls them
TICKS = ("ticks_of_a_packet_are_measured", "ticks_of_a_polled_packet_are_measured")


def build_floor():
    """The floor, compiled and linked as the free driver is; and the tests."""
    made.x64_package()
    Tree().build("floor-x64", "test_cost")
    return FOLDER / "xennet.sys"


def variables(options):
    """The variables for somebody else's driver, of --inf and --lenient."""
    return {**({"XENNET_INF": str(options.inf.resolve())} if options.inf else {}),
            **({"XENNET_LENIENT": "1"} if options.lenient else {})}


def count(driver, listed=None, cases=CASES, foreign=None, paths=None):
    """What is counted, in order: {load: instructions, or ticks, a packet}. `foreign`: variables for such a driver."""
    environment = dict(os.environ, XENNET_DRIVER=str(driver), **(foreign or {}))
    if paths is not None:
        paths.unlink(missing_ok=True)
        environment["XENNET_PATHS"] = str(paths)    # instructions by call path, for flame graphs
    if listed is not None:
        listed.unlink(missing_ok=True)
        environment["XENNET_STEPS"] = str(listed)     # instructions by address
    done = subprocess.run([str(PROGRAM), *cases], env=environment, stdout=subprocess.PIPE, text=True, check=False)
    found = {what: float(figure) for what, figure in COUNTED.findall(done.stdout)}
    if done.returncode != 0 or not found:
        raise Stop(f"nothing counted on {driver}:\n{done.stdout}", 1)
    return found


def functions(driver, listed):
    """Prints where the instructions are, by function."""
    for block in listed.read_text().split("# ")[1:]:
        title, *rows = block.splitlines()
        rows = [row.split() for row in rows if not row.startswith("!")]
        done = subprocess.run([program("llvm-symbolizer-16"), f"--obj={driver}", "--relative-address", "--no-inlines"],
                              input="\n".join(row[0] for row in rows), stdout=subprocess.PIPE, text=True, check=True)
        sums = {}
        for row, answer in zip(rows, done.stdout.strip().split("\n\n")):
            name = answer.splitlines()[0]
            sums[name] = sums.get(name, 0) + int(row[1])
        print(f"\n{title}, instructions in all:")
        for name, total in sorted(sums.items(), key=lambda item: -item[1]):
            print(f"  {total:8} {name}")


def called(listed, figures):
    """{load: {what is called, or LOCKED: how often a packet}}."""
    found = {}
    for block in listed.read_text().split("# ")[1:]:
        title, *rows = block.splitlines()
        packets = sum(int(row.split()[1]) for row in rows if row.startswith("0x")) / figures[title]
        found[title] = {name: int(number) / packets
                        for _, number, name in (row.split(" ", 2) for row in rows if row.startswith("!"))}
    return found


def calls(listed, figures):
    """Prints the driver's calls and interlocked operations a packet."""
    for title, names in called(listed, figures).items():
        print(f"\n{title}, a packet:")
        for name, number in names.items():
            print(f"  {number:8.2f} {name}")


def ticks(drivers, turns, foreign):
    """Prints a table of {name: build of the driver}. Somebody else's INF has no *NdisPoll."""
    found = {name: [] for name in drivers}
    cases = TICKS[:1] if "XENNET_INF" in foreign else TICKS
    try:
        with steps.Steps(range(1, turns + 1), lambda turn: "a turn of each driver") as each:
            for _ in each:
                turn = [count(driver, cases=cases, foreign=foreign if name == "driver" else None)
                        for name, driver in drivers.items()]
                for name, figures in zip(drivers, turn):
                    found[name].append(figures)
    finally:
        show_ticks(drivers, found)


def show_ticks(drivers, found):
    turns = found["driver"]
    if not turns:
        return
    others = [name for name in drivers if name != "driver"]
    print(f"{'ticks a packet, medians of ' + str(len(turns)) + ' turns':45}" +
          "".join(f" {name:>15}" for name in [*drivers, *(f"driver/{name}" for name in others)]))
    for what in turns[0]:
        row = ""
        for name in drivers:
            values = [turn[what] for turn in found[name]]
            cell = f"{statistics.median(values):.0f} ({min(values):.0f})"
            row += f" {cell:>15}"
        for name in others:     # of what stood side by side: a machine's clock changes from turn to turn
            ratio = statistics.median(turn[what] / other[what] for turn, other in zip(turns, found[name]))
            row += f" {ratio:>15.2f}"
        print(f"{what:45}{row}")


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("--driver", type=Path, default=ROOT / "xennet" / "x64" / "xennet.sys", metavar="FILE",
                        help="default: the package's xennet.sys")
    parser.add_argument("--inf", type=Path, metavar="FILE", help="the INF of somebody else's driver")
    parser.add_argument("--lenient", action="store_true", help="rules that Windows does not enforce are remarks")
    parser.add_argument("--functions", action="store_true", help="show the figures of each function, too")
    parser.add_argument("--calls", action="store_true", help="show what is called, and interlocked operations, too")
    parser.add_argument("--against", type=Path, metavar="FILE", help="another build of the driver")
    parser.add_argument("--ticks", action="store_true", help="time at full speed instead of instructions")
    parser.add_argument("--turns", type=int, default=9, metavar="N", help="of --ticks (default: 9)")
    options = parser.parse_args(arguments)
    if not options.driver.exists():
        raise Stop(f"{options.driver} is not there: run ./build.py free", 1)
    others = variables(options)
    cases = CASES[:1] if options.inf else CASES     # the other cases are of keywords that this driver's INF has
    drivers = {"driver": options.driver.resolve(), "floor": build_floor()}
    if options.against is not None:
        drivers["against"] = options.against.resolve()
    if options.ticks:
        ticks(drivers, options.turns, others)
        return
    listed, figures = FOLDER / "steps", {}
    with steps.Steps(drivers, lambda name: f"counting the {name}") as names:
        for name in names:
            figures[name] = count(drivers[name], *((listed, cases, others) if name == "driver" else (None, cases)))
    print(f"{'instructions a packet':45}" + "".join(f" {name:>8}" for name in drivers) + f" {'ratio':>6}")
    for what, figure in figures["driver"].items():
        row = "".join(f" {figures[name][what]:8.1f}" for name in drivers)
        print(f"{what:45}{row} {figure / figures['floor'][what]:6.2f}")
    if options.calls:
        calls(listed, figures["driver"])
    if options.functions:
        functions(drivers["driver"], listed)


if __name__ == "__main__":
    sys.exit(cli.main(steps.in_a_folder(command)))
