# SPDX-License-Identifier: BSD-2-Clause
"""Plots for a report, by matplotlib, as SVG that takes its colours from the page that it stands in.

matplotlib draws in stand-in colours; each becomes a CSS variable afterwards, so that one page is readable in dark and
light and on paper. Text stays text, and every id is the plot's own, because several SVGs share a page.
"""

import io
import re

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # pylint: disable=wrong-import-position

INK, GRID = "#010203", "#040506"
SERIES = ("#0a0101", "#0a0202", "#0a0303", "#0a0404", "#0a0505", "#0a0606", "#0a0707", "#0a0808")
VARIABLES = {INK: "var(--ink)", GRID: "var(--grid)",
             **{colour: f"var(--series-{number})" for number, colour in enumerate(SERIES, 1)}}
INCHES = (7.2, 2.7)
STYLE = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10, "text.color": INK, "axes.labelcolor": INK,
    "axes.edgecolor": INK, "xtick.color": INK, "ytick.color": INK, "axes.grid": True, "grid.color": GRID,
    "grid.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False, "axes.facecolor": "none",
    "figure.facecolor": "none", "legend.frameon": False, "lines.linewidth": 1.4, "savefig.facecolor": "none",
}


def colour(number):
    return SERIES[number % len(SERIES)]


def lines(name, x, series, x_label, y_label, pieces=(), stacked=False, scale="linear"):
    """A plot over x; `series`: {what: values}. `pieces`: (first, last, name) drawn as bands."""
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        figure, axes = pyplot.subplots(figsize=INCHES, layout="constrained")
        if stacked:
            drawn = axes.stackplot(x, list(series.values()), labels=list(series),
                                   colors=[colour(number) for number in range(len(series))], alpha=0.75)
        else:
            drawn = [axes.plot(x, values, label=what, color=colour(number))[0]
                     for number, (what, values) in enumerate(series.items())]
        for number, shape in enumerate(drawn):
            shape.set_gid(f"data-{name}-{number}")
        axes.set_yscale(scale)
        if scale == "linear":
            top = axes.get_ylim()[1]
            axes.set_ylim(0, top if top > 0 else 1)
        _bands(axes, pieces)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        _legend(axes)
        return _svg(figure, name)


def _legend(axes):
    """Above the plot, where no data is."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, fontsize=9, borderaxespad=0.2)


def _bands(axes, pieces):
    for number, (first, last, _) in enumerate(pieces):
        if number % 2 == 0:
            axes.axvspan(first, last, color=GRID, alpha=0.35, linewidth=0)


def distribution(name, samples, x_label):
    """Cumulative shares of {what: values}, on a logarithmic scale: how many of them were at most so large."""
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        figure, axes = pyplot.subplots(figsize=INCHES, layout="constrained")
        for number, (what, values) in enumerate(samples.items()):
            ordered = _thinned(sorted(values))
            shares = [100 * (at + 1) / len(ordered) for at in range(len(ordered))]
            line, = axes.plot(ordered, shares, label=f"{what} ({len(values):,})", color=colour(number),
                              drawstyle="steps-post")
            line.set_gid(f"data-{name}-{number}")
        axes.set_xscale("log")
        axes.set_ylim(0, 101)
        axes.set_xlabel(x_label)
        axes.set_ylabel("% at most")
        _legend(axes)
        return _svg(figure, name)


def _thinned(values, most=400):
    """At most so many of an ordered list, the first and the last among them."""
    if len(values) <= most:
        return values
    return [values[round(at * (len(values) - 1) / (most - 1))] for at in range(most)]


def bars(name, values, x_label, spread=None):
    """One bar for each of {what: value}, the first on top; `spread`: {what: (lowest, highest)}."""
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        figure, axes = pyplot.subplots(figsize=(INCHES[0], 0.8 + 0.34 * len(values)), layout="constrained")
        names = list(values)[::-1]
        error = None
        if spread:
            error = [[max(0, values[what] - spread[what][0]) for what in names],
                     [max(0, spread[what][1] - values[what]) for what in names]]
        drawn = axes.barh(names, [values[what] for what in names], color=colour(0), height=0.6, xerr=error,
                          error_kw={"ecolor": INK})
        for number, shape in enumerate(drawn):
            shape.set_gid(f"data-{name}-{number}")
        axes.grid(axis="y", visible=False)
        axes.set_xlabel(x_label)
        return _svg(figure, name)


def _svg(figure, name):
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    text = out.getvalue()
    text = text[text.index("<svg"):]
    for stand_in, variable in VARIABLES.items():
        text = text.replace(stand_in, variable)
    text = re.sub(r'id="(?!data-)([^"]+)"', rf'id="{name}-\1"', text)
    text = re.sub(r'(xlink:href="|url\()#(?!data-)', rf"\1#{name}-", text)
    return re.sub(r'<svg [^>]*viewBox="([^"]+)"[^>]*>',
                  r'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
                  rf'viewBox="\1" role="img" aria-labelledby="{name}">', text, count=1)
