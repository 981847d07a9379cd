#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Breaks the driver in one place at a time and sees a named test fail. See scripts/check/mutations.py --help."""

import argparse
import os
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.build.tree import Tree
from scripts.check.mutations_table import MUTATIONS
from scripts.cli import ROOT, Stop

FOLDER = ROOT / "build" / "mutations"
SOURCES = FOLDER / "src"
PATIENCE = 120  # seconds; a test that has not ended by then counts as failed
DESCRIPTION = ("Builds a copy of the driver with one mistake at a time (scripts/check/mutations_table.py), runs the "
               "test that guards against it, and prints a "
               "table of what each said. Fails when a test does not notice. The package and src are left alone.")


def copy_sources():
    """src/xennet as it is now; times are kept, so that only what changed is compiled."""
    for path in (ROOT / "src" / "xennet").iterdir():
        copy = SOURCES / path.name
        if not copy.is_file() or copy.read_bytes() != path.read_bytes():
            SOURCES.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    for copy in SOURCES.iterdir():
        if not (ROOT / "src" / "xennet" / copy.name).exists():
            copy.unlink()


def build():
    Tree().build("mutation-x64")
    return FOLDER / "x64" / "xennet.sys"


def run_test(driver, test):
    """(whether it noticed, what it said) of one FILE:CASE; FILE may be a pattern."""
    name, case = test.split(":")
    programs = [path for path in sorted((ROOT / "build" / "tests").glob(name)) if path.suffix == ""
                and os.access(path, os.X_OK)]
    if not programs:
        raise Stop(f"build/tests/{name} is not built", 1)
    ran = 0
    for program in programs:
        listed = subprocess.run([str(program), "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        if not any(fnmatch(one, case) for one in listed):
            continue
        ran += 1
        try:
            done = subprocess.run([str(program), case, "--seeds", "2"], env=dict(os.environ, XENNET_DRIVER=str(driver)),
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.DEVNULL, text=True, errors="replace", timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            return True, "it never ended"
        lines = done.stdout.splitlines()
        failed = [index for index, line in enumerate(lines) if line.startswith("not ok")]
        if failed:
            said = [line for line in lines[failed[0] + 1:] if line
                    and not line.startswith(("# ended with", "# story.c", "# counted")) and "wait status" not in line]
            return (True, f"{lines[failed[0]].split(' - ', 1)[1].split(' #')[0]}: "
                    f"{said[0].lstrip('# ').split(' (seed')[0] if said else 'it died'}")
    if ran == 0:
        raise Stop(f"{test}: no such case", 1)
    return False, "nothing"


def mutate(row):
    feature, what, name, old, new, test = row
    path = SOURCES / name
    text = path.read_text()
    if text.count(old) != 1:
        raise Stop(f"feature {feature}, {what}: the text to replace stands {text.count(old)} times in {name}", 1)
    try:
        path.write_text(text.replace(old, new))
        return run_test(build(), test)
    finally:
        path.write_text(text)


def main(arguments):
    parser = argparse.ArgumentParser(prog="scripts/check/mutations.py", description=DESCRIPTION)
    parser.add_argument("--feature", type=int, metavar="N", help="only those of one feature")
    parser.add_argument("--match", metavar="TEXT", help="only those whose description has TEXT")
    options = parser.parse_args(arguments)
    unnoticed = 0
    try:
        copy_sources()
        Tree().build("tests")
        print("| Feature | Broken | What the test said |\n|---|---|---|", flush=True)
        for row in MUTATIONS:
            if options.feature not in (None, row[0]) or (options.match or "") not in row[1]:
                continue
            try:
                noticed, said = mutate(row)
            except Stop as stop:
                noticed, said = False, f"not tried: {' '.join(stop.text.split())[:200]}"
            unnoticed += not noticed
            said = said.replace("|", "\\|")
            print(f"| {row[0]} | {row[1]} | {'' if noticed else '**not noticed** '}`{row[5].split(':')[0]}`: {said} |",
                  flush=True)
    except Stop as stop:
        print(f"mutations.py: {stop.text}", file=sys.stderr)
        return stop.status
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
