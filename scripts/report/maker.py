#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes a page from what a command found.

usage: maker.py KIND FILE    KIND is run, explore or bench; the findings come on standard input, as JSON

A program of its own, because the Python that has matplotlib need not be the one that runs the command.
"""

import json
import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts import packages
from scripts.cli import ROOT, Stop


def write(kind, path, data):
    """Called by the commands, which know nothing of plots."""
    done = subprocess.run([packages.python_with("matplotlib"), "-B", str(ROOT / "scripts" / "report" / "maker.py"),
                           kind, str(path)], input=json.dumps(data), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Stop(f"the report {path} could not be made: {done.stderr.strip()}", 1)


def main(arguments):
    if len(arguments) != 2 or arguments[0] not in ("run", "explore", "bench"):
        return __doc__
    if arguments[0] == "run":
        from scripts.report import run_report as kind
    elif arguments[0] == "explore":
        from scripts.report import explore_report as kind
    else:
        from scripts.report import bench_report as kind
    try:
        kind.write(arguments[1], json.load(sys.stdin))
    except Stop as stop:
        return stop.text
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
