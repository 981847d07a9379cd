#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
''':'
# A bare Debian has no Python yet. The shell reads this far: it installs one and hands over; to Python this is a string.
if ! command -v python3 > /dev/null; then
    echo "installing python3"
    { apt-get update &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3; } > /dev/null 2>&1 ||
        { echo "test.py: python3 is missing and cannot be installed: run as root with a package archive in reach" >&2
          exit 2; }
fi
exec python3 "$0" "$@"
'''
"""Run the tests. See ./test.py --help."""

import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
if sys.version_info < (3, 8):
    sys.exit("test.py: this Python is older than 3.8: use Debian 12's python3")

from scripts import cli, packages, steps
from scripts.build import made
from scripts.debug import debugger
from scripts.run.options import RELEASE_VARIABLE, RELEASES, inf_beside
from scripts.test import sanitize, suite, x86
from scripts.test.runner import Runner

TIMELINE_VARIABLE = "XENNET_TIMELINE"  # read by the scheduler

DESCRIPTION = "Installs what is missing, builds, and runs the tests: all of them, or those named."
EPILOG = """\
NAME is a file (test_store), a case (test_store:watch_fires_once), a folder of tests/ (driver/) or a pattern of any of
them in shell wildcards.
test_xen boots the real Xen in software emulation; test_xen_guests guests on it, which takes many minutes: it runs
only when it is named, or with --xen-guests.
--every-release runs the driver's tests (or those named) once for each release of XenVif. A case that a release cannot
have is skipped with the reason.

  ./test.py test_rss 'test_oids:bad_buffers*'
  ./test.py --seeds 2000 driver/life

Without root, the tests that need it are skipped by name. Exit status: 0 all passed; 1 a test failed; 2 something
to put right first."""


def read(arguments):
    parser = cli.Parser(prog="test.py", usage="test.py [options] [NAME...]", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("names", metavar="NAME", nargs="*",
                        help="what to run (default: everything but test_xen_guests)")
    parser.add_argument("--xen-guests", action="store_true",
                        help="run the tests that need guests on the real Xen: test_xen_guests")
    parser.add_argument("--sanitize", action="store_true",
                        help="run C tests in a testbed with clang's address and undefined-behaviour sanitizers")
    parser.add_argument("--x86", action="store_true",
                        help="run the x86 driver, in a testbed of 32 bits (alone: driver/ and test_policy)")
    parser.add_argument("--list", action="store_true", help="print the names of the tests and stop")
    parser.add_argument("--seeds", metavar="N", type=cli.number("--seeds", 1, 10**9),
                        help="how many seeds the simulated tests try")
    parser.add_argument("--seed", metavar="S", type=cli.number("--seed", 0, 2**64 - 1),
                        help="run the simulated tests with this seed only")
    parser.add_argument("--pct", metavar="D", type=cli.number("--pct", 1, 64),
                        help="simulated tests: the next task is the one with the highest of priorities drawn at "
                             "random, for mistakes that take D orders of tasks")
    parser.add_argument("--xenvif-like", metavar="RELEASE", type=cli.one_of("--xenvif-like", tuple(RELEASES)),
                        help=f"the release of XenVif that scenarios meet: {', '.join(RELEASES)} (default strict)")
    parser.add_argument("--xenvif", metavar="FILE", type=cli.existing_file("--xenvif"),
                        help="a xenvif.sys for scenarios, instead of the stand-in (alone: the tests of driver/)")
    parser.add_argument("--xenvif-inf", metavar="FILE", type=cli.existing_file("--xenvif-inf"),
                        help="its INF (default: the .inf beside it)")
    parser.add_argument("--driver", metavar="FILE", type=cli.existing_file("--driver"),
                        help="another build of the driver, or another driver, for scenarios (alone: the tests of "
                             "driver/)")
    parser.add_argument("--inf", metavar="FILE", type=cli.existing_file("--inf"),
                        help="its INF (default: the .inf beside it)")
    parser.add_argument("--lenient", action="store_true",
                        help="in scenarios, go on where a documented rule is broken that Windows does not enforce")
    parser.add_argument("--every-release", action="store_true",
                        help="run the tests of driver/, or those named, on each release of XenVif in turn")
    parser.add_argument("--timeline", metavar="FILE", type=cli.new_file("--timeline"),
                        help="with --seed and one case: write what happened when (JSON), for ui.perfetto.dev")
    parser.add_argument("--debug", action="store_true", help="with one case of a C program: run it under lldb")
    parser.add_argument("--debug-commands", metavar="FILE", type=cli.existing_file("--debug-commands"),
                        help="with --debug: carry out lldb's commands in FILE instead of asking for some")
    options = parser.parse_args(arguments)
    if options.every_release and options.xenvif_like:
        raise cli.Stop("--every-release and --xenvif-like exclude each other: give one of them")
    if options.xenvif_inf and not options.xenvif:
        raise cli.Stop("--xenvif-inf belongs to a xenvif.sys: give that with --xenvif")
    if options.every_release and options.xenvif:
        raise cli.Stop("--every-release is the stand-in's, and a xenvif.sys is one release: leave one of them out")
    if options.inf and not options.driver:
        raise cli.Stop("--inf belongs to another driver: give that driver with --driver")
    if (options.every_release or options.xenvif or options.driver) and not options.names:
        options.names = ["driver/"]
    if options.x86 and (options.xenvif or options.sanitize):
        raise cli.Stop("--x86 has the stand-in for XenVif and no sanitizers: leave "
                       f"{'--xenvif' if options.xenvif else '--sanitize'} out")
    if options.x86 and not options.names:
        options.names = list(x86.NAMES)
    if options.xenvif:
        os.environ["XENVIF"] = str(options.xenvif.resolve())
        os.environ["XENVIF_INF"] = str((options.xenvif_inf or inf_beside(options.xenvif, "--xenvif-inf")).resolve())
    if options.driver:
        os.environ["XENNET_DRIVER"] = str(options.driver.resolve())
        os.environ["XENNET_INF"] = str((options.inf or inf_beside(options.driver, "--inf")).resolve())
    if options.pct is not None:
        os.environ["XENNET_PCT"] = str(options.pct)     # read by the scheduler
    if options.lenient:
        os.environ["XENNET_LENIENT"] = "1"
    if options.seed is not None and options.seeds is not None:
        raise cli.Stop("--seed and --seeds exclude each other: give one of them")
    if options.debug_commands and not options.debug:
        raise cli.Stop("--debug-commands is about a debugger: give --debug too, or leave it out")
    if options.timeline:
        if options.seed is None:
            raise cli.Stop("--timeline is of one run: give its seed with --seed, and the name of the case")
        os.environ[TIMELINE_VARIABLE] = str(options.timeline)
        options.timeline.unlink(missing_ok=True)  # what is there at the end is of this run
    if options.xen_guests:
        options.names = [*options.names, "test_xen_guests"]
    return options


def command(arguments):
    options = read(arguments)
    screen = cli.Screen()
    # A list is for programs: only names on standard output.
    say = screen.line if not options.list else lambda text: print(text, file=sys.stderr)
    suite.refuse_unknown(options.names)
    packages.ensure(packages.TEST + (packages.DEBUGGER if options.debug else ()), say)
    with made.one_at_a_time(say):
        if not options.list:
            made.driver(say)
        if options.sanitize:
            made.targets("the testbed and its tests with sanitizers", say, "tests", tree=sanitize.TREE)
            os.environ.update(sanitize.ENVIRONMENT)
        elif options.x86:
            made.targets("the testbed of 32 bits and its tests", say, "tests", tree=x86.TREE)
        else:
            made.tests(say)
    if options.x86:
        files = suite.find(x86.PROGRAMS, modules=False, absent=x86.why_absent)
    else:
        files = suite.find(sanitize.PROGRAMS, modules=False) if options.sanitize else suite.find()
    if options.list and not options.names:
        return show_names(files, screen)
    files = suite.choose(files, options.names)
    if options.list:
        return show_names(files, screen)
    if options.timeline and sum(len(file.cases) for file in files) != 1:
        raise cli.Stop("--timeline is of one run: name one case, FILE:CASE")
    if options.debug:
        return debug(options, files)
    with steps.temporary_folder():
        status = run_files(options, files, screen)
    if options.timeline:
        screen.line(f"timeline {options.timeline}" if options.timeline.exists() else
                    "no timeline: nothing in this case is simulated")
    return status


def debug(options, files):
    """One case under a debugger, in a single process; the debugger has the terminal."""
    if len(files) != 1 or len(files[0].cases) != 1 or not files[0].seeded:
        raise cli.Stop("--debug is for one case of a C program: name it, FILE:CASE")
    program, case = files[0].argv[0], files[0].cases[0]
    environment = dict(os.environ, XENNET_DEBUGGED="1")
    with steps.temporary_folder():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return subprocess.run(["env", "--default-signal=INT",
                               *debugger.of_test(program, case, options.seed, options.debug_commands)],
                              cwd=cli.ROOT, env=environment, check=False).returncode


def run_files(options, files, screen):
    scores = []
    for release in RELEASES if options.every_release else (options.xenvif_like,):
        if release is not None:
            os.environ[RELEASE_VARIABLE] = release
        runner = Runner(screen, options.seed, options.seeds, release if options.every_release else "",
                        "--x86 " if options.x86 else "")
        scores.append((release, runner.score))
        try:
            runner.run(files)
        except KeyboardInterrupt:
            screen.line("\nstopped; until then:")
            show_scores(scores, screen)
            raise
    return show_scores(scores, screen)


def show_scores(scores, screen):
    """What failed and what was skipped, then the counts, a line for each release. The exit status."""
    many = len(scores) > 1
    for heading, lines in (("failed:", [(release, "\n      ".join([name, *why]))
                                        for release, score in scores for name, why in score.failed]),
                           ("skipped:", [(release, f"{name}: {reason}")
                                         for release, score in scores for name, reason in score.skipped])):
        if lines:
            screen.line("\n".join(["", heading,
                                   *(f"  {release}  {text}" if many else f"  {text}" for release, text in lines)]))
    screen.line()
    for release, score in scores:
        screen.line(f"XenVif like {release}: {score.text()}" if many else score.text())
    return 1 if any(score.failed for _, score in scores) else 0


def show_names(files, screen):
    for file in files:
        for case in file.cases:
            screen.line(f"{file.name}:{case}")
    broken = [file for file in files if file.trouble]
    if broken:
        raise cli.Stop("; ".join(f"the cases of {file.name} cannot be listed: {file.trouble}" for file in broken), 1)
    return 0


if __name__ == "__main__":
    sys.exit(cli.main(command))
