#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Fuzzing guided by coverage: of the driver's image, and of what in the testbed reads other people's bytes.

usage: scripts/check/fuzz.py [TARGET...] [--seconds N | --runs N] [--world N] [--fast] [--keep]
       scripts/check/fuzz.py TARGET --replay FILE [--world N]

Runs libFuzzer on each target (tests/fuzz; all if none is named), beginning with the inputs that the repository keeps
(tests/fuzz/corpus) and those found since (build/fuzz-found). An input fails where a rule is broken, an expectation is
not met, a sanitizer complains, or the process dies; it is written beside those found, with the newest 256 before it as
a history, and --replay runs either.

  scripts/check/fuzz.py oid send --seconds 60
  scripts/check/fuzz.py --fast --seconds 600      # without sanitizers: two to five times as many inputs
  scripts/check/fuzz.py inf --runs 0 --keep       # the smallest set of inputs with the same coverage becomes the corpus
"""

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts import cli, steps
from scripts.build import made
from scripts.build.tree import Tree
from scripts.cli import ROOT, Stop
from scripts.test import sanitize

TARGETS = ("oid", "send", "receive", "config", "connect", "store", "netback", "frontend", "inf", "image", "wire")
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
FOUND = ROOT / "build" / "fuzz-found"
FAST = Tree(ROOT / "build" / "fuzz", XENNET_FUZZ="ON")
LENGTHS = {"inf": 2048, "image": 4096}      # bytes of an input at most; others:
LENGTH = 512
# Of a corpus, about: large sends take milliseconds, a whole image is long.
KEPT_BYTES = {"send": 4000, "image": 24000}
MAX_KEPT_BYTES = 18000     # others
WORLDS = 9
# The testbed handles faults by itself where it has a kernel (nt/check/fault.c).
OPTIONS = ("-handle_segv=0", "-handle_bus=0", "-handle_ill=0", "-handle_fpe=0", "-rss_limit_mb=0", "-timeout=60",
           "-print_final_stats=1")
SAID = re.compile(r"^(rule [\w-]+: .*|fuzz: .*|ERROR: .*|.*Sanitizer: .*|.*runtime error: .*|testbed: deadlock.*)$",
                  re.MULTILINE)


def tree(fast):
    return FAST if fast else sanitize.TREE


def build(fast):
    """The program, in the tree with or without sanitizers, and the driver it loads."""
    made.x64_package()
    Tree().build("fuzzed-x64")
    tree(fast).build("fuzz")


def unpack(target):
    """The folder of a target's inputs: the repository's, and what was found."""
    folder = FOUND / target
    folder.mkdir(parents=True, exist_ok=True)
    kept = CORPUS / f"{target}.inputs"
    for line in kept.read_text().split() if kept.exists() else ():
        data = base64.b64decode(line)
        Path(folder, hashlib.sha1(data).hexdigest()).write_bytes(data)
    return folder


def pack(target, folder):
    """Writes the corpus: the shortest inputs first, as many as there is room for."""
    room, lines = KEPT_BYTES.get(target, MAX_KEPT_BYTES), []
    for path in sorted(folder.iterdir(), key=lambda path: (path.stat().st_size, path.name)):
        line = base64.b64encode(path.read_bytes()).decode()
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line + "\n")
    Path(CORPUS, f"{target}.inputs").write_text("".join(lines))
    return len(lines)


def run(target, world, fast, words):
    """What libFuzzer printed, and its status."""
    environment = dict(os.environ, **sanitize.ENVIRONMENT, FUZZ_ROOT=str(ROOT),
                       FUZZ_HISTORY=str(FOUND / f"{target}-history"))
    done = subprocess.run([str(tree(fast).folder / "tests" / "fuzz"), target, str(world), *words], cwd=ROOT,
                          env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    return done.returncode, done.stdout


def fuzz(target, world, fast, limits):
    """(status, inputs run, edges reached, what was printed) of one run."""
    folder = unpack(target)
    status, text = run(target, world, fast, [
        *OPTIONS, *limits, f"-max_len={LENGTHS.get(target, LENGTH)}", f"-artifact_prefix={FOUND}/{target}-",
        str(folder)])
    inputs = re.search(r"number_of_executed_units: (\d+)", text)
    edges = re.findall(r"cov: (\d+)", text)
    return status, int(inputs[1]) if inputs else 0, int(edges[-1]) if edges else 0, text


def keep(target, world, fast):
    """The smallest set with the same coverage becomes the corpus; how many inputs it has."""
    small = FOUND / f"{target}-small"
    shutil.rmtree(small, ignore_errors=True)
    small.mkdir(parents=True)
    folder = unpack(target)
    # libFuzzer runs itself again for this, and leaves out the words that are not its own.
    status, text = run(target, world, fast, [*OPTIONS, "-merge=1", str(small), str(folder)])
    if status != 0 or not any(small.iterdir()):
        raise Stop(f"{target}: the inputs could not be merged:\n{text[-2000:]}", 1)
    return pack(target, small)


def failure(target, world, text):
    """What a reader needs of a run that failed."""
    said = SAID.search(text)
    written = re.search(r"Test unit written to (\S+)", text)
    lines = [f"{target}, world {world}: {said[1] if said else text.strip().splitlines()[-1]}"]
    lines += [f"  {line.strip()}" for line in text.splitlines() if "xennet.sys+" in line][:8]
    for what in (written[1] if written else None, str(FOUND / f"{target}-history")):
        if what and Path(what).exists():
            lines.append(f"  scripts/check/fuzz.py {target} --world {world} --replay {os.path.relpath(what, ROOT)}")
    return "\n".join(lines)


def replay(target, world, fast, path):
    words = ["--history", str(path)] if path.name.endswith("-history") else [*OPTIONS, str(path)]
    status, text = run(target, world, fast, words)
    print(text.rstrip())
    return 1 if status != 0 else 0


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", type=cli.one_of("target", TARGETS),
                        help=", ".join(TARGETS))
    parser.add_argument("--seconds", type=int, default=60, metavar="N", help="for each target (60)")
    parser.add_argument("--runs", type=int, metavar="N", help="so many new inputs instead")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of libFuzzer; 0: another each time (0)")
    parser.add_argument("--world", type=cli.number("--world", 0, 10000), default=0, metavar="N",
                        help="Windows, VIF and queues around the target: 0 to 8 are all there are (0)")
    parser.add_argument("--fast", action="store_true", help="without sanitizers")
    parser.add_argument("--keep", action="store_true", help="afterwards the smallest set of inputs becomes the corpus")
    parser.add_argument("--replay", type=cli.existing_file("--replay"), metavar="FILE", help="an input, or a history")
    options = parser.parse_args(arguments)
    build(options.fast)
    if options.replay:
        if len(options.targets) != 1:
            raise Stop("--replay takes one target")
        return replay(options.targets[0], options.world, options.fast, options.replay)
    limits = [f"-runs={options.runs}"] if options.runs is not None else [f"-max_total_time={options.seconds}"]
    failed = 0
    with steps.Steps(options.targets or TARGETS, str) as targets:
        for target in targets:
            status, inputs, edges, text = fuzz(target, options.world, options.fast, [*limits, f"-seed={options.seed}"])
            steps.line(f"{target}: {inputs:,} inputs, {edges:,} edges")
            if status != 0:
                failed += 1
                steps.line(failure(target, options.world, text))
            elif options.keep:
                steps.line(f"{target}: {keep(target, options.world, options.fast)} inputs kept")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(cli.main(steps.in_a_folder(command)))
