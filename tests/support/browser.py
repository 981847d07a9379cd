# SPDX-License-Identifier: BSD-2-Clause
"""A headless Chromium that renders a page and reports what it found there.

The page stands in a frame as wide as a phone or a desk's screen; a script beside the frame, which is the test's and not
the page's, measures it once it is drawn.
"""

import html
import json
import re
import subprocess
import tempfile
import unittest
import zlib
from pathlib import Path

from scripts import packages
from scripts.cli import Stop

SECONDS = 60
MEASURE = """
const frame = document.querySelector("iframe"), errors = [];
window.addEventListener("error", event => errors.push(String(event.message)));
frame.addEventListener("load", () => {
  const page = frame.contentDocument, plots = {};
  for (const figure of page.querySelectorAll("figure[data-plot]")) {
    const boxes = [...figure.querySelectorAll('[id^="data-"]')].map(shape => shape.getBBox());
    plots[figure.dataset.plot] = boxes.map(box => [Math.round(box.width), Math.round(box.height)]);
  }
  const found = { plots, errors, wide: page.documentElement.scrollWidth - frame.clientWidth,
    paper: frame.contentWindow.getComputedStyle(page.body).backgroundColor,
    ink: frame.contentWindow.getComputedStyle(page.body).color,
    scripts: page.scripts.length, title: page.title,
    outside: [...page.querySelectorAll("[src], link, image")].length };
  const out = document.createElement("pre");
  out.id = "found";
  out.textContent = JSON.stringify(found);
  document.body.append(out);
});
"""


def ensure():
    """Skips the test where Chromium cannot be installed."""
    try:
        packages.ensure(packages.BROWSER + packages.PLOT, lambda text: None)
    except Stop as stop:
        raise unittest.SkipTest(stop.text) from None


def look_at(page, width, dark=False):
    """What the browser found on the page (a path): plots with the sizes of what they draw, errors, colours."""
    with tempfile.TemporaryDirectory(prefix="xennet-browser-") as folder:
        frame = Path(folder, "frame.html")
        frame.write_text('<!doctype html><meta charset="utf-8"><body>'
                         f'<iframe style="width:{width}px;height:900px;border:0" '
                         f'srcdoc="{html.escape(Path(page).read_text(encoding="utf-8"))}"></iframe>'
                         f"<script>{MEASURE}</script></body>", encoding="utf-8")
        done = subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile",
             "--enable-logging=stderr", "--window-size=1300,1000", *(["--force-dark-mode", DARK] if dark else []),
             "--dump-dom", f"file://{frame}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
            timeout=SECONDS, check=False)
    found = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.S)
    if not found:
        raise AssertionError(f"the browser drew nothing: {done.stderr[-2000:]}")
    result = json.loads(html.unescape(found.group(1)))
    result["errors"] += re.findall(r"CONSOLE.*", done.stderr)
    return result


def printed(page, dark=False):
    """(number of pages, everything that is drawn, as PDF operators) of the page, printed."""
    with tempfile.TemporaryDirectory(prefix="xennet-browser-") as folder:
        out = Path(folder, "out.pdf")
        done = subprocess.run(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile",
             *(["--force-dark-mode", DARK] if dark else []), "--no-pdf-header-footer", f"--print-to-pdf={out}",
             f"file://{Path(page).resolve()}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace",
            timeout=SECONDS, check=False)
        if not out.is_file():
            raise AssertionError(f"the browser printed nothing: {done.stderr[-2000:]}")
        content = out.read_bytes()
    drawn = []
    for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", content, re.S):
        try:
            drawn.append(zlib.decompress(stream).decode("latin-1"))
        except zlib.error:      # a font or the like
            continue
    return len(re.findall(rb"/Type /Page\b", content)), "\n".join(drawn)


DARK = "--blink-settings=preferredColorScheme=0"
