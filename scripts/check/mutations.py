#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Breaks the driver in one place at a time and sees the test fail that guards the place.

usage: scripts/check/mutations.py [--match TEXT] [TEST...]
       scripts/check/mutations.py --generated [FILE.c...] [--sample N] [--seed S] [--patience SECONDS]

Builds a copy of the driver with one mistake at a time (scripts/check/mutations_table.py), runs its test on it, and
prints a table of what each test said. TEST, such as test_rss, chooses the mistakes that this test guards against. Fails
when a test does not notice. The package and src are left alone.

With --generated the mistakes are made by rule (scripts/check/mutants.py), all of them or a sample, each for the cases
that execute its line; printed are those that none notices, and the share by file. Fails when it is below 90 %.

  scripts/check/mutations.py test_rss
  scripts/check/mutations.py --match priority
  scripts/check/mutations.py --generated filter.c
  scripts/check/mutations.py --generated --sample 300 --seed 1
"""

import os
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts import cli, steps
from scripts.build import made
from scripts.build.tree import Tree
from scripts.check import generated, places
from scripts.check.mutations_table import MUTATIONS
from scripts.cli import ROOT, Stop

DRIVER = ROOT / "src" / "xennet"
FOLDER = ROOT / "build" / "mutations"
SOURCES = FOLDER / "src"
ASKED = 0.9     # share of generated mistakes that some test notices
PATIENCE = 120  # seconds; a test that has not ended by then counts as failed
NOT_THE_REASON = ("# ended with", "# story.c", "# counted")


def copy_sources():
    """src/xennet as it is now; times are kept, so that only what changed is compiled."""
    for path in (DRIVER).iterdir():
        copy = SOURCES / path.name
        if not copy.is_file() or copy.read_bytes() != path.read_bytes():
            SOURCES.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    for copy in SOURCES.iterdir():
        if not (DRIVER / copy.name).exists():
            copy.unlink()


def build(races=False):
    """The copy; `races`: so that the testbed sees each access to memory."""
    Tree().build("mutation-races-x64" if races else "mutation-x64")
    return (FOLDER.with_name("mutations-races") if races else FOLDER) / "x64" / "xennet.sys"


def build_x86():
    """The copy for x86."""
    Tree().build("mutation-x86")
    return FOLDER / "x86" / "xennet.sys"


def build_sanitized():
    """The copy with the checks of scripts/check/sanitized.py."""
    Tree().build("mutation-sanitized-x64")
    return FOLDER.with_name("mutations-sanitized") / "x64" / "xennet.sys"


def run_test(driver, test):
    """(whether it noticed, what it said) of one FILE:CASE; FILE may be a pattern."""
    name, case = test.split(":")
    programs = [path for path in sorted((ROOT / "build" / "tests").glob(name))
                if path.is_file() and path.suffix == "" and os.access(path, os.X_OK)]
    if not programs:
        raise Stop(f"build/tests/{name} is not built", 1)
    ran = 0
    for program in programs:
        listed = subprocess.run([str(program), "--list"], stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        if not any(fnmatch(one, case) for one in listed):
            continue
        ran += 1
        try:
            done = subprocess.run([str(program), case, "--seeds", "2"],
                                  env=dict(os.environ, XENNET_DRIVER=str(driver), **generated.AS_SHIPPED),
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace",
                                  timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired:
            return True, "it never ended"
        lines = done.stdout.splitlines()
        failed = [index for index, line in enumerate(lines) if line.startswith("not ok")]
        if failed:
            said = [line.lstrip("# ").split(" (seed")[0] for line in lines[failed[0] + 1:]
                    if line and not line.startswith(NOT_THE_REASON) and "wait status" not in line]
            return True, f"{lines[failed[0]].split(' - ', 1)[1].split(' #')[0]}: {said[0] if said else 'it died'}"
    if ran == 0:
        raise Stop(f"{test}: no such case", 1)
    return False, "nothing"


def find(folder, where, old):
    """(file, start, end) of the one place in a folder's sources."""
    found = [(path, *span) for path in sorted(folder.glob("*.[ch]"))
             for span in places.find(path.read_text(), where, old)]
    if len(found) != 1:
        raise Stop(f"{where} has {len(found)} places with {old}", 1)
    return found[0]


def build_with(where, old, new, how=build):
    """The driver built with `new` in place of `old`; the copied source is put right again."""
    path, start, end = find(SOURCES, where, old)
    text = path.read_text()
    try:
        path.write_text(text[:start] + new + text[end:])
        return how()
    finally:
        path.write_text(text)


def mutate(row):
    _, where, old, new, test = row
    return run_test(build_with(where, old, new), test)


def generate(options):
    chosen = generated.choose(options.tests, options.sample, options.seed)
    copy_sources()
    made.x64_package()
    Tree().build("tests")
    noticed, tried = generated.search(chosen, SOURCES, build, options.patience,
                                      steps.line)
    return 1 if noticed < ASKED * tried else 0


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("--match", metavar="TEXT", default="", help="only those whose description has TEXT")
    parser.add_argument("--generated", action="store_true", help="mistakes made by rule; then FILE.c in place of TEST")
    parser.add_argument("--sample", type=int, metavar="N", help="so many of them, drawn")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="of the sample (1)")
    parser.add_argument("--patience", type=int, default=generated.PATIENCE, metavar="N",
                        help=f"seconds of tests for each of them ({generated.PATIENCE})")
    parser.add_argument("tests", metavar="TEST", nargs="*", help="only those that these tests guard against")
    options = parser.parse_args(arguments)
    if options.generated:
        return generate(options)
    chosen = [row for row in MUTATIONS
              if options.match in row[0] and (not options.tests or row[4].split(":")[0] in options.tests)]
    if not chosen:
        raise Stop("no mistake is called that, or guarded against by that test")
    copy_sources()
    made.x64_package()
    Tree().build("tests")
    print("| Broken | What the test said |\n|---|---|", flush=True)
    unnoticed = 0
    with steps.Steps(chosen, lambda row: row[0]) as rows:
        for row in rows:
            try:
                noticed, said = mutate(row)
            except Stop as stop:
                noticed, said = False, f"not tried: {' '.join(stop.text.split())[:200]}"
            unnoticed += not noticed
            said = said.replace("|", "\\|")
            steps.line(f"| {row[0]} | {'' if noticed else '**not noticed** '}`{row[4].split(':')[0]}`: {said} |")
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(cli.main(steps.in_a_folder(command)))
