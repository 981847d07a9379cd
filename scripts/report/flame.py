# SPDX-License-Identifier: BSD-2-Clause
"""A flame graph of the driver's instructions a packet, by call path, as an SVG without script: one row for each kind of
traffic, drivers side by side at one scale. Below each box are its callers; its width is what it and all it calls cost.

From the single steps of test_cost (support/story/step_path.h) and the PDB: a function that is inlined is a box of its
own.
"""

import html
import subprocess
from collections import defaultdict

from scripts.build.tree import program

ROW, GAP, LABEL = 17, 10, 20
PANEL = 560        # the widest panel, in the SVG's units
MIN_TEXT = 40      # a box as narrow has no text in it
COLOURS = ("#e8924a", "#e0b04a", "#d97b5b", "#cf9d6a", "#e3a267")


class Node:
    def __init__(self):
        self.total = 0
        self.children = defaultdict(Node)


def read(path):
    """{kind of traffic: [([offsets of calls], offset, count)]}."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            rows = found.setdefault(line[2:], [])
            continue
        calls, address, count = line.split()
        rows.append(([int(call, 16) for call in calls.split(",")], int(address, 16), int(count)))
    return found


def symbols(driver, offsets):
    """{offset: functions there, the outermost first}."""
    offsets = sorted(offsets)
    done = subprocess.run([program("llvm-symbolizer-16"), f"--obj={driver}", "--relative-address", "--inlines"],
                          input="\n".join(map(hex, offsets)), stdout=subprocess.PIPE, text=True, check=True)
    found = {}
    for offset, answer in zip(offsets, done.stdout.strip().split("\n\n")):
        found[offset] = [name if name != "??" else f"+{offset:#x}" for name in answer.splitlines()[0::2]][::-1]
    return found


def tree(rows, names):
    """A root whose children are the functions that the testbed called."""
    root = Node()
    for calls, address, count in rows:
        path = [name for call in calls if call for name in names[call]] + names[address]
        node = root
        node.total += count
        for name in path:
            node = node.children[name]
            node.total += count
    return root


def trees(driver, paths):
    """{kind of traffic: its tree} of one driver."""
    kinds = read(paths)
    offsets = {offset for rows in kinds.values() for calls, address, _ in rows for offset in (*calls, address)} - {0}
    names = symbols(driver, offsets)
    return {kind: tree(rows, names) for kind, rows in kinds.items()}


def depth(node):
    return 1 + max(map(depth, node.children.values()), default=0)


def boxes(node, name, left, bottom, scale, packets, out):
    width = node.total * scale
    each = node.total / packets
    if width < 0.3:
        return
    label = html.escape(f"{name}: {each:.1f} instructions a packet")
    shade = COLOURS[sum(map(ord, name)) % len(COLOURS)]
    out.append(f'<g><title>{label}</title><rect x="{left:.1f}" y="{bottom - ROW}" width="{max(width - 0.4, 0.3):.1f}" '
               f'height="{ROW - 1}" rx="1" fill="{shade}"/>')
    if width > MIN_TEXT:
        out.append(f'<text x="{left + 3:.1f}" y="{bottom - 5}" class="box">'
                   f"{html.escape(name[:int(width / 6.2)])}</text>")
    out.append("</g>")
    for child, below in sorted(node.children.items(), key=lambda item: -item[1].total):
        boxes(below, child, left, bottom - ROW, scale, packets, out)
        left += below.total * scale


def draw(drivers, figures):
    """The SVG. `drivers`: {name: {kind: tree}}, `figures`: {name: {kind: instructions a packet}}."""
    kinds = list(next(iter(drivers.values())))
    widest = max(figures[name][kind] for name in drivers for kind in kinds)
    out, top = [], LABEL
    for column, name in enumerate(drivers):
        out.append(f'<text x="{column * (PANEL + GAP) + 4}" y="14" class="head">{html.escape(name)}</text>')
    for kind in kinds:
        height = ROW * max(depth(trees_of[kind]) for trees_of in drivers.values() if kind in trees_of)
        top += LABEL + height
        for column, (name, trees_of) in enumerate(drivers.items()):
            root, left = trees_of[kind], column * (PANEL + GAP)
            each = figures[name][kind]
            packets = root.total / each
            out.append(f'<text x="{left + 4}" y="{top - height - 5}" class="kind">'
                       f"{html.escape(kind)}: {each:.1f} instructions a packet</text>")
            boxes(root, "the driver", left, top, PANEL / widest / packets, packets, out)
        top += GAP
    wide = len(drivers) * (PANEL + GAP)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {top}" font-family="sans-serif">'
            "<style>.box{font-size:10px;fill:#20160a}.kind{font-size:11px;fill:#333}.head{font-size:13px;fill:#333;"
            "font-weight:bold}@media(prefers-color-scheme:dark){.kind,.head{fill:#ddd}}</style>\n"
            + "\n".join(out) + "\n</svg>\n")
