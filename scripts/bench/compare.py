# SPDX-License-Identifier: BSD-2-Clause
"""Variants against each other, turn and turn about, and the table of what they did."""

import statistics

from scripts import cli, steps
from scripts.bench import measure
from scripts.build import made
from scripts.check import instructions
from scripts.run import options as run_options
from scripts.run.traffic import TrafficFailed

SEND, RECEIVE = "send, one packet a call", "receive, one packet a batch"


def variants(options):
    """{name: run.py's options}."""
    chosen = {"this driver": [], "no driver": ["--bypass"]}
    if options.against:
        inf = options.inf or made.INF
        chosen["against"] = ["--driver", str(options.against), "--inf", str(inf),
                             *(["--lenient"] if options.lenient else [])]
    if options.xenvif:
        inf = ["--xenvif-inf", str(options.xenvif_inf)] if options.xenvif_inf else []
        chosen["on the XenVif"] = ["--xenvif", str(options.xenvif), *inf]
    found, spread = {}, ["--spread"] if options.spread else []
    for name, arguments in chosen.items():
        for queues, processors in options.scale or [(options.queues, None)]:
            found[name + named(queues, processors, options.scale)] = run_py([*arguments, *spread], queues, processors)
    return found


def named(queues, processors, scale):
    if not scale:
        return ""
    text = f", {queues} queue{'s' if queues > 1 else ''}"
    return text if processors is None else f"{text}, {processors} processors"


def run_py(arguments, queues, processors):
    given = ["--queues", str(queues)] if queues else []
    if processors and "--bypass" not in arguments:
        given += ["--processors", str(processors)]
    options = run_options.read([*arguments, *given])
    options.sampled = True
    if not options.driver and not options.bypass:
        options.driver, options.inf = made.package(options.windows)
    return options


def count(drivers, foreign):
    """{variant: {figure: a packet}}: the same in every turn."""
    instructions.build_floor()
    found = {}
    for name, driver in drivers.items():
        listed = instructions.FOLDER / "steps"
        # The first case has both figures, and is one that every driver for XenVif can run.
        figures = instructions.count(driver, listed, instructions.CASES[:1], foreign if name == "against" else None)
        called = instructions.called(listed, figures)[SEND]
        found[name] = {
            "instructions, send": figures[SEND], "instructions, receive": figures[RECEIVE],
            "calls, send": sum(number for what, number in called.items() if what != instructions.LOCKED),
            "interlocked operations, send": called.get(instructions.LOCKED, 0)}
    return found


def compare(options, screen, found):
    """Fills {variant: {figure: [a value for each turn]}}."""
    chosen, counted = variants(options), {}
    if not options.scale:
        foreign = instructions.variables(options)
        counted = count({name: chosen[name].driver for name in ("this driver", "against") if name in chosen}, foreign)
    found.update({name: {} for name in chosen})
    for turn in range(options.turns):
        for name, one in chosen.items():
            screen.status(f"turn {turn + 1} of {options.turns}: {name}")
            try:
                figures = measure.turn(one, options.seconds, bool(options.scale))
            except TrafficFailed as failed:
                raise cli.Stop(f"{name}: {failed}", 1) from None
            for figure, value in {**figures, **counted.get(name, {})}.items():
                if value is not None:
                    found[name].setdefault(figure, []).append(value)


def number(value, largest):
    return f"{value:,.0f}" if largest >= 1000 else f"{value:.2f}" if largest < 10 else f"{value:.1f}"


def text(values):
    """The median and, in brackets, the lowest and highest."""
    if not values:
        return "-"
    middle, low, high = (number(value, max(values)) for value in (statistics.median(values), min(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def title(figure):
    unit = measure.FIGURES[figure][0]
    return f"{figure}, {unit}" if unit else figure


def table(found):
    """Lines: a row for each figure, a column for each variant; the other way round where those are many."""
    figures = [figure for figure in measure.FIGURES if any(figure in one for one in found.values())]
    if len(found) > 4:
        heads, rows = [title(figure) for figure in figures], {
            name: [text(one.get(figure)) for figure in figures] for name, one in found.items()}
    else:
        heads, rows = list(found), {
            title(figure): [text(one.get(figure)) for one in found.values()] for figure in figures}
    return heads, rows


def lines(found):
    heads, rows = table(found)
    first = max(map(len, ["", *rows])) + 2
    widths = [max(map(len, column)) + 2 for column in zip(heads, *rows.values())]
    return [" " * first + "".join(f"{head:>{width}}" for head, width in zip(heads, widths)),
            *(f"{name:{first}}" + "".join(f"{cell:>{width}}" for cell, width in zip(cells, widths))
              for name, cells in rows.items())]


def flame_trees(options, read):
    """({driver: {kind of traffic: tree}}, {driver: {kind: instructions a packet}}) for a flame graph."""
    drivers = {"this driver": made.package("10-22h2")[0], **({"against": options.against} if options.against else {})}
    instructions.build_floor()
    trees, figures = {}, {}
    with steps.Steps(drivers, lambda name: f"counting {name}") as names:
        for name in names:
            paths = instructions.FOLDER / "paths"
            figures[name] = instructions.count(drivers[name], paths=paths)
            trees[name] = read(drivers[name], paths)
    return trees, figures
