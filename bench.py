#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Measure this driver against others, turn and turn about in one run.

usage: bench.py [--against FILE] [--xenvif FILE] [--turns N] [--seconds N] [--json FILE] [--report FILE]
       bench.py --flame FILE.svg [--against FILE]

Each turn gives each variant a testbed of its own, one after the other, so that other load on the machine meets all of
them; printed are medians, and in brackets the lowest and highest. Variants are this driver, two TAP devices joined
without a driver, and what is given. Instructions are counted, and do not depend on the machine.

  ./bench.py --turns 5 --against /tmp/old/xennet.sys --report bench.html
  ./bench.py --flame flame.svg --against /tmp/old/xennet.sys

--flame draws the driver's instructions a packet by call path instead, two drivers side by side, for a browser.
Exit status: 0 measured; 1 something did not work; 2 something to put right first.
"""

import json
import statistics
import sys

sys.dont_write_bytecode = True

from scripts import cli, packages, steps
from scripts.bench import measure
from scripts.build import made
from scripts.check import instructions
from scripts.report import flame, maker
from scripts.run import machine, options as run_options
from scripts.run.traffic import TrafficFailed

COUNTED = {"instructions, send": "send, one packet a call", "instructions, receive": "receive, one packet a batch"}


def read(arguments):
    parser = cli.Parser(__doc__)
    add = parser.add_argument
    add("--against", metavar="FILE", type=cli.existing_file("--against"), help="another build of the driver")
    add("--xenvif", metavar="FILE", type=cli.existing_file("--xenvif"), help="this driver on that xenvif.sys, too")
    add("--turns", metavar="N", type=cli.number("--turns", 1, 100), default=3, help="of each variant (default 3)")
    add("--seconds", metavar="N", type=cli.number("--seconds", 1, 600), default=2,
        help="how long each piece of traffic takes (default 2)")
    add("--queues", metavar="N", type=cli.number("--queues", 1, run_options.MAX_QUEUES),
        help="queues offered (default: this machine's processors, at most 4)")
    add("--json", metavar="FILE", type=cli.output_file("--json"), help="write every turn's figures for programs")
    add("--report", metavar="FILE", type=cli.new_file("--report"), help="write a page with plots (HTML)")
    add("--flame", metavar="FILE", type=cli.new_file("--flame"), help="draw a flame graph instead (SVG)")
    options = parser.parse_args(arguments)
    if options.flame and (options.xenvif or options.json or options.report):
        raise cli.Stop("--flame counts the driver's instructions alone: leave --xenvif, --json and --report out")
    return options


def variants(options):
    """{name: run.py's options}."""
    common = ["--queues", str(options.queues)] if options.queues else []
    chosen = {"this driver": [], "no driver": ["--bypass"]}
    if options.against:
        chosen["against"] = ["--driver", str(options.against), "--inf", str(made.INF)]
    if options.xenvif:
        chosen["on the XenVif"] = ["--xenvif", str(options.xenvif)]
    found = {}
    for name, arguments in chosen.items():
        found[name] = run_options.read([*common, *arguments])
        found[name].sampled = True
        if not found[name].driver and not found[name].bypass:
            found[name].driver, found[name].inf = made.package(found[name].windows)
    return found


def count(drivers):
    """{variant: {figure: instructions}}: the same in every turn."""
    instructions.build_floor()
    found = {}
    for name, driver in drivers.items():
        figures = instructions.count(driver)
        found[name] = {figure: figures[load] for figure, load in COUNTED.items()}
    return found


def compare(options, screen, found):
    """Fills {variant: {figure: [a value for each turn]}}."""
    chosen = variants(options)
    counted = count({name: one.driver for name, one in chosen.items() if name in ("this driver", "against")})
    found.update({name: {} for name in chosen})
    for turn in range(options.turns):
        for name, one in chosen.items():
            screen.status(f"turn {turn + 1} of {options.turns}: {name}")
            try:
                figures = {**measure.turn(one, options.seconds), **counted.get(name, {})}
            except TrafficFailed as failed:
                raise cli.Stop(f"{name}: {failed}", 1) from None
            for figure, value in figures.items():
                if value is not None:
                    found[name].setdefault(figure, []).append(value)


def text(values):
    if not values:
        return "-"
    form = "{:,.0f}" if max(values) >= 1000 else "{:.2f}" if max(values) < 10 else "{:.1f}"
    middle = form.format(statistics.median(values))
    if min(values) == max(values):
        return middle
    return f"{middle} ({form.format(min(values))} to {form.format(max(values))})"


def table(found):
    lines = [f"{'':36}" + "".join(f"{name:>30}" for name in found)]
    for figure, (unit, _) in measure.FIGURES.items():
        title = f"{figure}{f', {unit}' if unit else ''}"
        lines.append(f"{title:36}" + "".join(f"{text(figures.get(figure)):>30}" for figures in found.values()))
    return lines


def draw_flame(options, screen):
    drivers = {"this driver": made.package("10-22h2")[0], **({"against": options.against} if options.against else {})}
    instructions.build_floor()
    trees, figures = {}, {}
    for name, driver in drivers.items():
        screen.status(f"counting {name}")
        paths = instructions.FOLDER / "paths"
        figures[name] = instructions.count(driver, paths=paths)
        trees[name] = flame.trees(driver, paths)
    screen.clear()
    options.flame.write_text(flame.draw(trees, figures), encoding="utf-8")
    screen.line(f"flame graph {options.flame}")
    return 0


def command(arguments):
    options = read(arguments)
    screen = cli.Screen()
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
        compare(options, screen, found)
    finally:
        screen.clear()
        show(found, options, arguments, screen)     # of the turns that were done, too, where it is stopped
    return 0


def show(found, options, arguments, screen):
    if not any(found.values()):
        return
    for line in table(found):
        screen.line(line)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if options.report:
        maker.write("bench", options.report, {"figures": measure.FIGURES, "found": found, "argv": arguments})
        screen.line(f"report {options.report}")


if __name__ == "__main__":
    sys.exit(cli.main(steps.in_a_folder(command)))
