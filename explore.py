#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
''':'
# A bare Debian has no Python yet. The shell reads this far: it installs one and hands over; to Python this is a string.
if ! command -v python3 > /dev/null; then
    echo "installing python3"
    { apt-get update &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3; } > /dev/null 2>&1 ||
        { echo "explore.py: python3 is missing and cannot be installed: run as root with a package archive in reach" >&2
          exit 2; }
fi
exec python3 "$0" "$@"
'''
"""Explore the driver with lists of operations made at random. See ./explore.py --help."""

import dataclasses
import os
import sys

sys.dont_write_bytecode = True
if sys.version_info < (3, 8):
    sys.exit("explore.py: this Python is older than 3.8: use Debian 12's python3")

from pathlib import Path

from scripts import cli, packages, steps
from scripts.build import made
from scripts.explore import differ, search, shrink, systematic
from scripts.report import maker
from scripts.run.options import RELEASE_VARIABLE, RELEASES, inf_beside
from scripts.test import x86

DESCRIPTION = """\
Runs the driver in simulated testbeds through lists of operations made at random: traffic, OIDs, RSS, offloads, pause,
power, migration, removal, a backend that is slow, refuses or goes away. Each list runs on a Windows, a release of
XenVif and a schedule of its own; every rule is checked, and every frame is accounted for."""
EPILOG = """\
It stops at the first list that fails, shortens it to the fewest operations that still fail, writes it to a file and
prints it. The file is for --replay.

  ./explore.py --operations 1000000
  ./explore.py --replay explore-failure.txt
  ./explore.py --xenvif xenvif.sys --xenvif-like main --against main --against live
  ./explore.py --systematic                     # every schedule of small scenes, up to 3 delays
  ./explore.py --systematic send-pause --preemptions 2

On a xenvif.sys, and with --against, these operations are left out: lie, failing-call, shortage (the stand-in's own),
stall, backend-leaves, backend-comes (no release connects to a backend that comes back), control (a silent control ring,
at which releases wait for ever or crash).

Exit status: 0 no failure; 1 a failure; 2 something to put right first."""


def read(arguments):
    parser = cli.Parser(prog="explore.py", usage="explore.py [options]", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--operations", metavar="N", type=cli.number("--operations", 1, 10**12), default=100_000,
                        help="how many operations in all (default 100000)")
    parser.add_argument("--length", metavar="N", type=cli.number("--length", 1, 16384), default=1000,
                        help="operations in a list (default 1000)")
    parser.add_argument("--seed", metavar="S", type=cli.number("--seed", 0, 2**64 - 1), default=1,
                        help="of the first list; the others follow it (default 1)")
    parser.add_argument("--jobs", metavar="N", type=cli.number("--jobs", 1, 256), default=os.cpu_count() or 1,
                        help="lists at a time (default: one for each processor)")
    parser.add_argument("--replay", metavar="FILE", help="run this list instead")
    parser.add_argument("--pct", metavar="D", type=cli.number("--pct", 1, 64),
                        help="schedules by priorities drawn at random, for mistakes that take D orders of tasks")
    parser.add_argument("--keep-going", action="store_true", help="count failures and go on, shortening none")
    parser.add_argument("--driver", metavar="FILE", help="another build of xennet.sys")
    parser.add_argument("--x86", action="store_true", help="explore the x86 driver, in a testbed of 32 bits")
    parser.add_argument("--xenvif", metavar="FILE", type=cli.existing_file("--xenvif"),
                        help="a xenvif.sys to run beneath the driver, instead of the stand-in")
    parser.add_argument("--xenvif-inf", metavar="FILE", type=cli.existing_file("--xenvif-inf"),
                        help="its INF (default: the .inf beside it)")
    parser.add_argument("--xenvif-like", metavar="RELEASE", type=cli.one_of("--xenvif-like", tuple(RELEASES)),
                        help=f"the release of every list: {', '.join(RELEASES)} (default: each list its own)")
    parser.add_argument("--against", metavar="WORLD", action="append", type=cli.one_of("--against", differ.WORLDS),
                        help="compare with a run of each list there: live, schedule (another one), or a release of the "
                             "stand-in; may be repeated")
    parser.add_argument("--output", metavar="FILE", default="explore-failure.txt",
                        help="where a failing list goes (default explore-failure.txt)")
    parser.add_argument("--systematic", metavar="SCENE", nargs="?", const="all", action="append",
                        help="every schedule of this small scene, or of all of them")
    parser.add_argument("--delays", metavar="N", type=cli.number("--delays", 0, 9), default=3,
                        help="with --systematic: how often another task than the first one goes on (default 3)")
    parser.add_argument("--preemptions", metavar="N", type=cli.number("--preemptions", 0, 9),
                        help="with --systematic: how often a task stops that could go on; the rest is free")
    parser.add_argument("--report", metavar="FILE", type=cli.new_file("--report"),
                        help="write a page with plots to look at (HTML)")
    options = parser.parse_args(arguments)
    if options.xenvif_inf and not options.xenvif:
        raise cli.Stop("--xenvif-inf belongs to a xenvif.sys: give that with --xenvif")
    if options.systematic and (options.xenvif or options.xenvif_like):
        raise cli.Stop("--systematic names the release of each scene: leave --xenvif and --xenvif-like out")
    if options.against:
        refuse_with_against(options)
    for name in ("systematic", "xenvif", "against"):
        if options.x86 and getattr(options, name):
            raise cli.Stop(f"--x86 explores on the stand-in alone, at random: leave --{name} out")
    return options


def refuse_with_against(options):
    for name in ("systematic", "pct", "report"):
        if getattr(options, name):
            raise cli.Stop(f"--against runs lists on schedules drawn as usual: leave --{name} out")
    if not options.xenvif and options.xenvif_like in options.against:
        raise cli.Stop(f"--against {options.xenvif_like} is what --xenvif-like names already: name another one")


def pass_on(options):
    """What the explorer reads from its environment."""
    if options.driver:
        os.environ["XENNET_DRIVER"] = str(Path(options.driver).resolve())
    if options.pct is not None:
        os.environ["XENNET_PCT"] = str(options.pct)
    if options.xenvif:
        os.environ["XENVIF"] = str(options.xenvif)
        os.environ["XENVIF_INF"] = str(options.xenvif_inf or inf_beside(options.xenvif, "--xenvif-inf"))
    if options.xenvif_like:
        os.environ[RELEASE_VARIABLE] = options.xenvif_like


def every_schedule(options, screen):
    known = systematic.scenes()
    names = list(known) if "all" in options.systematic else options.systematic
    for name in names:
        if name not in known:
            raise cli.Stop(f"--systematic: no scene is called {name}; there are {', '.join(known)}")
    bound = ("--delays", options.delays) if options.preemptions is None else ("--preemptions", options.preemptions)
    driver = Path(options.driver).resolve() if options.driver else systematic.DRIVER
    results = systematic.explore(names, bound, options.jobs, screen, driver)
    schedules = sum(result.counts["schedules"] + result.counts["met"] for result in results if result.counts)
    failed = [result for result in results if not result.counts]
    screen.line(f"{schedules:,} schedules of {len(results)} scenes, all up to {bound[1]} {bound[0].strip('-')}; "
                f"{len(failed)} scenes failed")
    for result in failed:
        screen.line(result.text.strip())
        screen.line(f"again: build/tests/systematic --scene {result.scene} --script \"{result.script() or ''}\"")
    return 1 if failed else 0


def show(found, options, arguments, screen):
    screen.line(found.summary())
    for failure in found.failures[:20]:
        screen.line(f"seed {failure.seed}: {failure.reason()}")
    if options.report:
        maker.write("explore", options.report, {
            **dataclasses.asdict(found), "done": dict(found.done), "argv": arguments,
            "reasons": [failure.reason() for failure in found.failures]})
        screen.line(f"report {options.report}")


def against(options, screen):
    comparison = differ.Comparison(*differ.worlds_of(options))
    if options.replay:
        failure = comparison.replay(options.replay)
        screen.line(failure.text if failure else f"{options.replay}: no difference")
        return 1 if failure else 0
    found = differ.Compared(counts=comparison.counts)
    try:
        differ.explore(options, screen, found, comparison)
    finally:
        screen.clear()
        screen.line(found.summary(comparison))
    for failure in found.failures[:20]:
        screen.line(f"seed {failure.seed}: {failure.reason()}")
    if found.failures and not options.keep_going:
        shrink.shorten(found.failures[0], options, screen, differ.write, comparison.replay)
    return 1 if found.failures else 0


def command(arguments):
    options = read(arguments)
    screen = cli.Screen()
    packages.ensure(packages.TEST + (packages.PLOT if options.report else ()), screen.line)
    with made.one_at_a_time(screen.line):
        made.driver(screen.line)
        if options.x86:
            made.targets("the explorer of 32 bits", screen.line, "explore", tree=x86.TREE)
            search.explore_with(x86.PROGRAMS / "explore")
        else:
            made.targets("the explorer", screen.line, "explore",
                         *(("races-x64", "systematic") if options.systematic else ()))
    for name, path in (("--replay", options.replay), ("--driver", options.driver)):
        if path and not Path(path).is_file():
            raise cli.Stop(f"{name}: there is no file {path}")
    if options.systematic:
        return every_schedule(options, screen)
    pass_on(options)
    if options.against:
        return against(options, screen)
    if options.replay:
        failure = search.replay(options.replay)
        screen.line(failure.text if failure else f"{options.replay}: no failure")
        return 1 if failure else 0
    found = search.Found()
    try:
        search.explore(options, screen, found)
    finally:
        screen.clear()
        show(found, options, arguments, screen)     # of what was done, too, where it is stopped
    if not found.failures:
        return 0
    if not options.keep_going:
        shrink.shorten(found.failures[0], options, screen)
    return 1


if __name__ == "__main__":
    sys.exit(cli.main(steps.in_a_folder(command)))
