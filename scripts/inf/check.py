#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check a network driver's INF for what InfVerif /h, Inf2Cat, the HLK's keyword test and the driver itself demand.

usage: scripts/inf/check.py [--arch x64|x86] [INF...]
       scripts/inf/check.py --rules

Without a name, the INFs of the package folders below xennet/ are checked; the build checks each INF before it is
signed. One line for each finding: file, line, rule and what to do. Exit status 1 if there is a finding. --rules lists
the rules with the pages of Microsoft's driver documentation that they come from.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from scripts import cli
from scripts.cli import ROOT
from scripts.build import editions
from scripts.inf import network, rules, signing
from scripts.inf.file import Inf

ARCHITECTURES = {"x64": "amd64", "x86": "x86"}
RULES = rules.RULES + network.RULES + signing.RULES


def name_of(rule):
    return rule.__name__.replace("_", "-")


def check(data, arch):
    """[(line, rule, text)] of an INF for one architecture, in the order of the file."""
    inf = Inf(data)
    if b"\n" in data.replace(b"\r\n", b"") and not data.startswith(b"\xff\xfe"):
        inf.problems.append((1, "has lines that do not end with CR LF"))
    if inf.problems:
        return [(line, "file", text) for line, text in inf.problems]
    found = []
    for _, rule in RULES:
        found += [(line, name_of(rule), text) for line, text in rule(inf, ARCHITECTURES[arch])]
    return sorted(found)


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("--arch", choices=ARCHITECTURES,
                        help="default: the one that the INF's folder is called after, or x64")
    parser.add_argument("names", metavar="INF", nargs="*", type=Path)
    parser.add_argument("--rules", action="store_true", help="list the rules and their pages")
    options = parser.parse_intermixed_args(arguments)
    if options.rules:
        print("\n".join(f"{name_of(rule):20} {page}" for page, rule in RULES))
        return 0
    names = options.names or [ROOT / "xennet" / edition.path(arch) / "xennet.inf" for edition in editions.EDITIONS
                              for arch in ARCHITECTURES]
    count = 0
    for name in names:
        arch = options.arch or (name.resolve().parent.name if name.resolve().parent.name in ARCHITECTURES else "x64")
        found = check(name.read_bytes(), arch)
        for line, rule, text in found:
            print(f"{name}:{line}: {rule}: {text}")
        count += len(found)
    print(f"{len(names)} INF{'s' if len(names) != 1 else ''}, {count} finding{'s' if count != 1 else ''}")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(cli.main(command))
