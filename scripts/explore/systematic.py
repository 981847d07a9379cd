# SPDX-License-Identifier: BSD-2-Clause
"""Every schedule of small scenes, up to a bound (tests/systematic, testbed/run/systematic.h)."""

import json
import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from scripts.build.tree import Tree
from scripts.cli import ROOT, Stop
from scripts.explore.search import RESULT

PROGRAM = ROOT / "build" / "tests" / "systematic"
DRIVER = ROOT / "build" / "races" / "x64" / "xennet.sys"     # whose accesses are places to switch at
SCENE = re.compile(r"^# ([a-z-]+): (.*)$", re.MULTILINE)
SCRIPT = re.compile(r'--script "([0-9: ]*)"')
NOISE = ("1..", "ok ", "not ok", "# ended", "# after", "# story.c", " (seed", "{")


@dataclass
class Result:
    scene: str
    counts: dict        # empty where it failed
    seconds: float
    text: str

    def reason(self):
        return next((line.strip().lstrip("# ") for line in self.text.splitlines()
                     if line.strip() and not line.startswith(NOISE)), "it ended without a word")

    def script(self):
        found = SCRIPT.search(self.text)
        return found.group(1) if found else None


def build():
    Tree().build("races-x64", "systematic")


def run(*arguments, driver=DRIVER, patience=None):
    """(whether it passed, what it printed)."""
    try:
        done = subprocess.run([str(PROGRAM), *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True, errors="replace", timeout=patience,
                              env=dict(os.environ, XENNET_DRIVER=str(driver)), check=False)
    except subprocess.TimeoutExpired:
        return False, f"no end after {patience} s"
    if done.returncode not in (0, 1):
        raise Stop(f"{PROGRAM.name} ended with status {done.returncode}: {done.stdout.strip()}", 1)
    return done.returncode == 0, done.stdout


def scenes():
    """{name: what happens} of all of them."""
    return dict(SCENE.findall(run()[1]))


def one(scene, bound, driver=DRIVER, patience=None):
    """`bound`: such as ("--delays", 3)."""
    begun = time.monotonic()
    passed, text = run("--scene", scene, bound[0], str(bound[1]), driver=driver, patience=patience)
    found = RESULT.search(text) if passed else None
    return Result(scene, json.loads(found.group()) if found else {}, time.monotonic() - begun, text)


def explore(names, bound, jobs, screen, driver=DRIVER):
    """Results, each shown as it comes."""
    results = []
    screen.line(f"| Scene | {bound[0].strip('-')} | Schedules | States | Seconds |\n|---|---|---|---|---|")
    with ThreadPoolExecutor(jobs) as pool:
        for result in pool.map(lambda name: one(name, bound, driver), names):
            results.append(result)
            counts = result.counts
            said = (f"{counts['schedules'] + counts['met']:,} | {counts['states']:,}" if counts
                    else f"**{result.reason()}** |")
            screen.line(f"| {result.scene} | {bound[1]} | {said} | {result.seconds:.0f} |")
    return results
