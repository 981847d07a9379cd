# SPDX-License-Identifier: BSD-2-Clause
"""One self-contained HTML page: sections of prose, tables and plots. No script, nothing from elsewhere.

Dark or light as the reader's system has it, one column on a phone, black on white in print.
"""

import html
from pathlib import Path

from scripts.cli import Stop

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1c2126; --soft: #57606a; --grid: #d5dae0;
  --good: #1a7f37; --bad: #c62828; --series-1: #1565c0; --series-2: #d9480f; --series-3: #2b8a3e;
  --series-4: #862e9c; --series-5: #0b7285; --series-6: #a61e4d; --series-7: #5f3dc4; --series-8: #846a00; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181c; --ink: #e6e9ec; --soft: #9aa4ae; --grid: #39424b;
  --good: #56d364; --bad: #ff7b72; --series-1: #6cb6ff; --series-2: #ffa657; --series-3: #7ee787; --series-4: #d2a8ff;
  --series-5: #56d4dd; --series-6: #ff9bce; --series-7: #b4a7ff; --series-8: #e3c04b; } }
@media print { :root { color-scheme: light; --paper: #fff; --ink: #000; --soft: #444; --grid: #bbb; --good: #060;
  --bad: #900; --series-1: #0b4f9e; --series-2: #b03a06; --series-3: #1f6b30; --series-4: #6a217d; --series-5: #06535f;
  --series-6: #85133b; --series-7: #43279c; --series-8: #5f4c00; }
  section, figure, tr { break-inside: avoid; } body { font-size: 10pt; } nav { display: none; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; background: var(--paper); color: var(--ink);
  font: 16px/1.45 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; margin: .3rem 0; } h2 { font-size: 1.15rem; margin: 1.6rem 0 .3rem; }
p { margin: .3rem 0 .8rem; } .soft { color: var(--soft); }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
nav a { color: var(--ink); margin-right: .8rem; white-space: nowrap; display: inline-block; }
figure { margin: .4rem 0 1rem; } figure svg { width: 100%; height: auto; display: block; }
figcaption { color: var(--soft); font-size: .9rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .15rem .9rem .15rem 0; border-bottom: 1px solid var(--grid); vertical-align: top; }
td.number, th.number { text-align: right; }
pre { white-space: pre-wrap; border-left: 3px solid var(--grid); padding-left: .7rem; font-size: .85rem; }
"""


def text_of(value):
    """A table's cell: numbers with thousands apart, nothing as a dash."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.2f}" if value < 1000 else f"{value:,.0f}"
    return str(value)


class Page:
    def __init__(self, title):
        self._title = title
        self._parts = []
        self._headings = []

    def section(self, heading, prose=""):
        """What follows stands below this heading."""
        anchor = "".join(letter if letter.isalnum() else "-" for letter in heading.lower())
        self._headings.append((anchor, heading))
        self._parts.append(f'<h2 id="{anchor}">{html.escape(heading)}</h2>')
        if prose:
            self.prose(prose)

    def prose(self, text, kind=""):
        self._parts.append(f'<p class="{kind}">{html.escape(text)}</p>' if kind else f"<p>{html.escape(text)}</p>")

    def verdict(self, good, text):
        self.prose(text, "good" if good else "bad")

    def plot(self, name, svg, caption):
        self._parts.append(f'<figure data-plot="{name}">{svg}<figcaption id="{name}">{html.escape(caption)}'
                           "</figcaption></figure>")

    def table(self, rows, heads=()):
        """Rows of cells; numbers stand to the right."""
        out = ['<div class="wide"><table>']
        if heads:
            number = [bool(rows) and isinstance(rows[0][at], (int, float)) for at in range(len(heads))]
            out.append("<tr>" + "".join(f'<th{_class(right)}>{html.escape(head)}</th>'
                                        for head, right in zip(heads, number)) + "</tr>")
        for row in rows:
            out.append("<tr>" + "".join(f"<td{_class(isinstance(cell, (int, float)))}>{html.escape(text_of(cell))}</td>"
                                        for cell in row) + "</tr>")
        self._parts.append("".join([*out, "</table></div>"]))

    def text(self, text):
        """As it is, in the letters of a terminal."""
        self._parts.append(f"<pre>{html.escape(text)}</pre>")

    def render(self):
        links = "".join(f'<a href="#{anchor}">{html.escape(heading)}</a>' for anchor, heading in self._headings)
        title = html.escape(self._title)
        return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
                '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
                f"<style>{STYLE}</style></head>\n<body><h1>{title}</h1>\n<nav>{links}</nav>\n"
                + "\n".join(self._parts) + "\n</body></html>\n")

    def write(self, path):
        try:
            Path(path).write_text(self.render(), encoding="utf-8")
        except OSError as error:
            raise Stop(f"--report {path} could not be written: {error.strerror}", 1) from None


def _class(right):
    return ' class="number"' if right else ""
