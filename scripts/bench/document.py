# SPDX-License-Identifier: BSD-2-Clause
"""docs/measurements.md, as far as bench.py makes it: what it recorded lies in docs/measurements, one file for each
section, and stands in the page between two marks, as a table.
"""

import json
import re
import textwrap

from scripts.bench import compare
from scripts.cli import ROOT, Stop

PAGE = ROOT / "docs" / "measurements.md"
FOLDER = ROOT / "docs" / "measurements"
SECTION = re.compile(r"(<!-- bench\.py --record (\w+) -->\n)(.*?)(<!-- end -->\n)", re.DOTALL)


def sections():
    return [name for _, name, _, _ in SECTION.findall(PAGE.read_text(encoding="utf-8"))]


def record(name, command, found, note):
    """Keeps the figures of every turn, and the command that gave them."""
    if name not in sections():
        raise Stop(f"--record {name}: docs/measurements.md has no such section: use one of {', '.join(sections())}")
    FOLDER.mkdir(exist_ok=True)
    kept = {variant: {figure: [float(f"{value:.4g}") for value in values] for figure, values in figures.items()}
            for variant, figures in found.items()}
    document = {"command": command, "note": note, "found": kept}
    (FOLDER / f"{name}.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def rendered(name):
    """The section's text."""
    path = FOLDER / f"{name}.json"
    if not path.is_file():      # nothing was recorded yet
        return ""
    kept = json.loads(path.read_text(encoding="utf-8"))
    heads, rows = compare.table(kept["found"])
    turns = max(len(values) for figures in kept["found"].values() for values in figures.values())
    lines = ["", f"    {kept['command']}", "",
             *textwrap.wrap(f"Medians of {turns} turns, in brackets the lowest and highest. {kept['note']}", 120), "",
             f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|",
             *(f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()), ""]
    return "\n".join(lines) + "\n"


def page():
    """The whole page as it is to be."""
    return SECTION.sub(lambda match: match[1] + rendered(match[2]) + match[4], PAGE.read_text(encoding="utf-8"))


def write():
    PAGE.write_text(page(), encoding="utf-8")
