#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Asks a XenVif some 1,000 questions, as the driver would, and prints where its answers differ from another's.

usage: scripts/check/probe.py ONE [OTHER] [--xenvif-inf FILE] [--vif N] [--record NAME]

ONE and OTHER are each a xenvif.sys, a release that the stand-in behaves like (8.2, 9.1, 9.1-r3, main, strict), or the
name of a record (tests/probe/answers: answers that a real image gave). Without OTHER all answers are printed. --record
writes ONE's answers there. Exit status: 0 the same, 1 they differ.

  scripts/check/probe.py 9.1-r3 main
  scripts/check/probe.py /tmp/xenvif.sys main --vif 9
"""

import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts import cli, steps
from scripts.build import made
from scripts.build.tree import Tree
from scripts.cli import ROOT, Stop
from scripts.run.options import RELEASES, inf_beside

PROGRAM = ROOT / "build" / "tests" / "probe"
ANSWERS = ROOT / "tests" / "probe" / "answers"
DRIVER_INF = ROOT / "xennet" / "x64" / "xennet.inf"
FEATURES = ("sg", "gso-tcpv4", "gso-tcpv6", "csum", "ipv6-csum", "multi-queue", "split-event-channels", "ctrl-ring",
            "multicast-control", "rx-notify", "mtu", "speed")
WHOLE = "xenvif-main"
ANSWER = re.compile(r"answer: (.*?): (.*)")
PATIENCE = 300


def ask(*arguments):
    """{question: answer}, in order."""
    done = subprocess.run([str(PROGRAM), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=PATIENCE, check=False)
    answers = dict(found.groups() for found in map(ANSWER.fullmatch, done.stdout.splitlines()) if found)
    if done.returncode != 0:
        raise Stop(f"the probe ended after {len(answers)} answers:\n{done.stdout[-1500:]}", 1)
    return answers


def ask_all(*arguments):
    """The same with what is asked at backends that lack a feature each."""
    answers = {}
    with steps.Steps([None, *FEATURES], lambda feature: f"without {feature}" if feature else "with all") as features:
        for feature in features:
            if feature is None:
                answers.update(ask(*arguments))
                continue
            lacking = ask(*arguments, "--without", FEATURES.index(feature))
            answers.update((f"without {feature}, {question}", answer) for question, answer in lacking.items())
    return answers


def of_release(release):
    return ask_all("--like", release)


def of_image(image, inf, version):
    return ask_all("--xenvif", image, "--xenvif-inf", inf, "--inf", DRIVER_INF, "--vif", version)


def recorded(name):
    """A record holds what is not as in WHOLE, which holds everything."""
    answers = {} if name == WHOLE else recorded(WHOLE)
    lines = (ANSWERS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    answers.update(line.split(": ", 1) for line in lines)
    return answers


def record(name, answers):
    base = {} if name == WHOLE else recorded(WHOLE)
    lines = [f"{question}: {answer}\n" for question, answer in answers.items() if base.get(question) != answer]
    (ANSWERS / f"{name}.txt").write_text("".join(lines), encoding="utf-8")


def compare(one, other):
    """[(question, one's answer, the other's)]; None where there is none."""
    return [(question, one.get(question), other.get(question)) for question in dict.fromkeys([*one, *other])
            if one.get(question) != other.get(question)]


def answers_of(name, options):
    if name in RELEASES:
        return of_release(name)
    if (ANSWERS / f"{name}.txt").exists():
        return recorded(name)
    path = Path(name)
    if not path.exists():
        raise Stop(f"{name} is no file, no release ({', '.join(RELEASES)}) and no record: name one of them")
    return of_image(path, options.xenvif_inf or inf_beside(path, "--xenvif-inf"), options.vif)


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("one", metavar="ONE", help="who is asked")
    parser.add_argument("other", metavar="OTHER", nargs="?", help="whose answers are held against them")
    parser.add_argument("--xenvif-inf", metavar="FILE", type=cli.existing_file("--xenvif-inf"))
    parser.add_argument("--vif", metavar="N", default="10", choices=("8", "9", "10"))
    parser.add_argument("--record", metavar="NAME")
    options = parser.parse_args(arguments)
    made.x64_package()
    Tree().build("probe")
    one = answers_of(options.one, options)
    if options.record:
        record(options.record, one)
    if options.other is None:
        for question, answer in one.items():
            print(f"{question}: {answer}")
        return 0
    differences = compare(one, answers_of(options.other, options))
    for question, first, second in differences:
        print(f"{question}:\n  {options.one}: {first}\n  {options.other}: {second}")
    print(f"{len(one)} questions, {len(differences)} answers differ")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(cli.main(steps.in_a_folder(command)))
