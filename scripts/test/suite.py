# SPDX-License-Identifier: BSD-2-Clause
"""Which tests there are, and which of them were asked for.

A test file is a C program under build/tests (from tests/**/test_*.c) or a Python module tests/**/test_*.py. Both list
their cases with --list and answer in TAP, so the rest of test.py does not tell them apart. A case is called FILE:CASE.
"""

import fnmatch
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from scripts.cli import ROOT, Stop

PROGRAMS = ROOT / "build" / "tests"
LIST_SECONDS = 60

# The folder of those that measure traffic on the whole machine, or build and run as a user does in this very folder:
# nothing else runs beside them.
ALONE = "traffic"

# These boot guests on Xen in software emulation and take many minutes: they run when they are named.
WHEN_NAMED = ("test_xen_guests",)


@dataclass
class TestFile:
    name: str
    argv: list          # runs all its cases; with names of cases after it, those
    list_argv: list
    seeded: bool        # takes --seed and --seeds
    cases: list = field(default_factory=list)
    trouble: str = None # why its cases cannot be listed
    folder: str = ""    # where it is below tests/
    absent: str = None  # why it has no program in this build, and no cases

    @property
    def alone(self):
        return self.folder == ALONE


def find(programs=PROGRAMS, modules=True, absent=lambda file: None):
    """All test files, each with its cases: the C programs of a build, and the Python modules. `absent`: why a program
    is not of that build.
    """
    files = []
    for source in sorted((ROOT / "tests").rglob("test_*.c"), key=lambda path: path.stem):
        program = str(programs / source.stem)
        files.append(TestFile(source.stem, [program], [program, "--list"], True, folder=folder_of(source)))
        files[-1].absent = absent(files[-1])
    runner = [sys.executable, "-B", str(ROOT / "scripts" / "test" / "tap_unittest.py")]
    for source in sorted((ROOT / "tests").rglob("test_*.py"), key=lambda path: path.stem) if modules else ():
        module = ".".join(source.relative_to(ROOT).with_suffix("").parts)
        files.append(TestFile(source.stem, [*runner, module], [*runner, "--list", module], False,
                              folder=folder_of(source)))
    for file in files:
        if not file.absent:
            list_cases(file)
    return files


def folder_of(source):
    return source.parent.relative_to(ROOT / "tests").as_posix()


def list_cases(file):
    try:
        done = subprocess.run(file.list_argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE,
                              universal_newlines=True, errors="replace", timeout=LIST_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        file.trouble = str(error)
        return
    if done.returncode != 0:
        file.trouble = done.stderr.strip() or f"--list ended with status {done.returncode}"
        return
    file.cases = done.stdout.split()


def choose(files, patterns):
    """The files with only the cases asked for. A pattern is FILE, FILE:CASE, CASE or FOLDER/, with shell wildcards."""
    if not patterns:
        return [file for file in files if file.name not in WHEN_NAMED]
    chosen, used = [], set()
    for file in files:
        whole = False
        cases = []
        for pattern in patterns:
            stem = pattern_stem(pattern)
            if fnmatch.fnmatchcase(file.name, stem) or in_folder(file, pattern):
                used.add(pattern)
                whole = True
        for case in file.cases:
            for pattern in patterns:
                if fnmatch.fnmatchcase(f"{file.name}:{case}", pattern) or fnmatch.fnmatchcase(case, pattern):
                    used.add(pattern)
                    cases.append(case)
                    break
        if whole:
            chosen.append(file)
        elif cases:
            file.cases = cases
            chosen.append(file)
    for pattern in patterns:
        if pattern not in used:
            raise Stop(f"no test is called {pattern}: ./test.py --list shows their names")
    return chosen


def refuse_unknown(patterns):
    """Before anything is built: a pattern that no test file, folder or case can be called. What is written in the test
    files decides; a case that a macro or a loop makes up has its words in there, too."""
    sources = [path for ending in ("c", "py") for path in (ROOT / "tests").rglob(f"test_*.{ending}")]
    files = [TestFile(path.stem, [], [], False, folder=folder_of(path)) for path in sources]
    for pattern in patterns:
        name = pattern.partition(":")[0] if ":" in pattern else pattern
        if any(fnmatch.fnmatchcase(file.name, pattern_stem(name)) or in_folder(file, name) for file in files):
            continue
        if ":" in pattern or not any(_has_word(path, pattern) for path in sources):
            raise Stop(f"no test is called {pattern}: ./test.py --list shows their names")


def _has_word(path, pattern):
    """A case may be made of words that stand apart: then the longest of them is looked for."""
    text = path.read_text(errors="replace")
    pieces = [piece for piece in re.split(r"[*?\[\]]+", pattern) if piece]
    longest = max(pieces, key=len, default="")
    words = longest.split("_")
    return longest in text or (words[0] == "test" and len(words) > 5 and " ".join(words[1:5]) in text)


def in_folder(file, pattern):
    """A folder chooses what is in it and below: driver/, tests/driver/life, testbed/*."""
    if "/" not in pattern:
        return False
    wanted = pattern.rstrip("/")
    wanted = wanted[len("tests/"):] if wanted.startswith("tests/") else wanted
    return fnmatch.fnmatchcase(file.folder, wanted) or fnmatch.fnmatchcase(file.folder, f"{wanted}/*")


def pattern_stem(pattern):
    """A file may be named by its path, too."""
    path = Path(pattern)
    return path.stem if path.suffix in (".py", ".c") else pattern
