# SPDX-License-Identifier: BSD-2-Clause
"""The page of bench.py: a plot for each figure, variants below each other, medians with the spread of the turns."""

import shlex
import statistics

from scripts.report import page, plots


def write(path, data):
    out = page.Page("XenNet: bench.py")
    out.prose("./bench.py " + shlex.join(data["argv"]), "soft")
    out.prose("Bars are medians of the turns, lines their lowest and highest. Other work on the machine is in them.")
    for number, (figure, (unit, more)) in enumerate(data["figures"].items()):
        values = {name: figures[figure] for name, figures in data["found"].items() if figures.get(figure)}
        if not values:
            continue
        out.section(figure, "More is better." if more else "Less is better.")
        name = f"figure-{number}"
        out.plot(name, plots.bars(name, {what: statistics.median(turns) for what, turns in values.items()},
                                  unit or "number", {what: (min(turns), max(turns)) for what, turns in values.items()}),
                 figure)
        out.table([[what, float(statistics.median(turns)), float(min(turns)), float(max(turns)), len(turns)]
                   for what, turns in values.items()], ("", "median", "lowest", "highest", "turns"))
    out.write(path)
