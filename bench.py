#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Measure this driver against others, turn and turn about in one run.

usage: bench.py [--against FILE [--inf FILE] [--lenient]] [--xenvif FILE] [--scale LIST] [--turns N] [--seconds N]
                [--spread] [--json FILE] [--report FILE]
       bench.py --flame FILE.svg [--against FILE]

Each turn gives each variant a testbed of its own, one after the other, so that other load on the machine meets all of
them; printed are medians, and in brackets the lowest and highest. Variants are this driver, two TAP devices joined
without a driver, and what is given. Instructions are counted, and do not depend on the machine.

  ./bench.py --turns 5 --against /tmp/old/xennet.sys --report bench.html
  ./bench.py --scale 1,2,4,4/8 --json scale.json

--scale measures what should grow, for each variant at each number of queues; 4/8 are 4 queues on 8 processors. --flame
draws the driver's instructions a packet by call path instead, two drivers side by side, for a browser.
--record keeps the figures in docs/measurements and writes the section NAME of docs/measurements.md.
Exit status: 0 measured; 1 something did not work; 2 something to put right first.
"""

import json
import re
import shlex
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from scripts import cli, packages, steps
from scripts.bench import compare, document, measure
from scripts.build import made
from scripts.report import flame, maker
from scripts.run import machine, options as run_options


def read(arguments):
    parser = cli.Parser(__doc__)
    add = parser.add_argument
    add("--against", metavar="FILE", type=cli.existing_file("--against"), help="another build of the driver")
    add("--inf", metavar="FILE", type=cli.existing_file("--inf"), help="its INF, if it is not this driver's")
    add("--lenient", action="store_true", help="rules that Windows does not enforce are remarks for it")
    add("--xenvif", metavar="FILE", type=cli.existing_file("--xenvif"), help="this driver on that xenvif.sys, too")
    add("--xenvif-inf", metavar="FILE", type=cli.existing_file("--xenvif-inf"), help="its INF (default: beside it)")
    add("--turns", metavar="N", type=cli.number("--turns", 1, 100), default=3, help="of each variant (default 3)")
    add("--seconds", metavar="N", type=cli.number("--seconds", 1, 600), default=2,
        help="how long each piece of traffic takes (default 2)")
    add("--queues", metavar="N", type=cli.number("--queues", 1, run_options.MAX_QUEUES),
        help="queues offered (default: this machine's processors, at most 4)")
    add("--spread", action="store_true", help="with run.py's --spread, all of them")
    add("--scale", metavar="LIST", type=scale, help="numbers of queues to measure at, such as 1,2,4,4/8")
    add("--json", metavar="FILE", type=cli.output_file("--json"), help="write every turn's figures for programs")
    add("--report", metavar="FILE", type=cli.new_file("--report"), help="write a page with plots (HTML)")
    add("--flame", metavar="FILE", type=cli.new_file("--flame"), help="draw a flame graph instead (SVG)")
    add("--record", metavar="NAME", type=cli.one_of("--record", document.sections()),
        help=f"write a section of docs/measurements.md: {', '.join(document.sections())}")
    add("--document", action="store_true", help="write those sections anew from what was recorded, and measure nothing")
    add("--note", metavar="TEXT", default="", help="with --record: what else the reader should know")
    options = parser.parse_args(arguments)
    if options.flame and (options.xenvif or options.json or options.report or options.scale or options.record or
                          options.spread):
        raise cli.Stop("--flame counts the driver's instructions alone: leave --xenvif, --json and --report, --scale, "
                       "--spread and --record out")
    if options.scale and options.queues:
        raise cli.Stop("--scale has the numbers of queues: leave --queues out")
    if options.lenient and not options.against:
        raise cli.Stop("--lenient is for somebody else's driver: give that with --against")
    if (options.inf and not options.against) or (options.xenvif_inf and not options.xenvif):
        raise cli.Stop("an INF belongs to a driver: give that with --against, a XenVif's with --xenvif")
    return options


def scale(text):
    """[(queues, processors or None)]."""
    found = []
    for word in text.split(","):
        match = re.fullmatch(r"(\d+)(?:/(\d+))?", word)
        queues, processors = (int(match[1]), int(match[2]) if match[2] else None) if match else (0, None)
        if not (1 <= queues <= run_options.MAX_QUEUES and 1 <= (processors or queues) <= run_options.MAX_PROCESSORS):
            raise cli.Stop(f"--scale '{word}' is no number of queues: give some of 1 to {run_options.MAX_QUEUES}, "
                           "joined by commas, each with /PROCESSORS if those are more")
        found.append((queues, processors))
    return found


def draw_flame(options, screen):
    trees, figures = compare.flame_trees(options, flame.trees)
    options.flame.write_text(flame.draw(trees, figures), encoding="utf-8")
    screen.line(f"flame graph {options.flame}")
    return 0


def command(arguments):
    options = read(arguments)
    screen = cli.Screen()
    if options.document:
        document.write()
        return 0
    if not options.flame:
        machine.check()
    packages.ensure(packages.RUN + (packages.PLOT if options.report else ()), screen.line)
    with made.one_at_a_time(screen.line):
        made.driver(screen.line, ["x64"])
        made.testbed(screen.line)
    if options.flame:
        return draw_flame(options, screen)
    found = {}
    try:
        compare.compare(options, screen, found)
    finally:
        screen.clear()
        show(found, options, arguments, screen)     # of the turns that were done, too, where it is stopped
    return 0


def show(found, options, arguments, screen):
    if not any(found.values()):
        return
    for line in compare.lines(found):
        screen.line(line)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if options.report:
        maker.write("bench", options.report, {"figures": measure.FIGURES, "found": found, "argv": arguments})
        screen.line(f"report {options.report}")
    if options.record and all(len(values) == options.turns for one in found.values() for values in one.values()):
        words = [word for word in arguments if word not in ("--record", options.record, "--note", options.note)]
        document.record(options.record, f"./bench.py {shlex.join(hidden(words, options))}", found, options.note)
        document.write()
        screen.line(f"docs/measurements.md, {options.record}")


def hidden(words, options):
    """Without where this machine's files lie."""
    paths = {str(path) for path in (options.against, options.xenvif, options.inf, options.xenvif_inf) if path}
    return ["FILE" if str(Path(word).resolve()) in paths else word for word in words]


if __name__ == "__main__":
    sys.exit(cli.main(steps.in_a_folder(command)))
