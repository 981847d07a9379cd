#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Check a network driver's INF for what Microsoft's InfVerif and the driver's own needs ask for.

usage: scripts/inf/check.py [--arch x64|x86] [INF...]

Without a name, the INFs of the package (xennet/x64, xennet/x86) are checked; the build checks each INF before it is
signed. One line for each finding: file, line, rule and what to do. Exit status 1 if there is a finding.
"""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from scripts import cli
from scripts.cli import ROOT
from scripts.inf import network as inf_network, rules as inf_rules
from scripts.inf.file import Inf

ARCHITECTURES = {"x64": "amd64", "x86": "x86"}


def check(data, arch):
    """[(line, rule, text)] of an INF for one architecture, in the order of the file."""
    inf = Inf(data)
    if b"\n" in data.replace(b"\r\n", b"") and not data.startswith(b"\xff\xfe"):
        inf.problems.append((1, "has lines that do not end with CR LF"))
    if inf.problems:
        return [(line, "file", text) for line, text in inf.problems]
    found = []
    for rule in inf_rules.RULES + inf_network.RULES:
        found += [(line, rule.__name__.replace("_", "-"), text) for line, text in rule(inf, ARCHITECTURES[arch])]
    return sorted(found)


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("--arch", choices=ARCHITECTURES,
                        help="default: the one that the INF's folder is called after, or x64")
    parser.add_argument("names", metavar="INF", nargs="*", type=Path)
    options = parser.parse_intermixed_args(arguments)
    names = options.names or [ROOT / "xennet" / arch / "xennet.inf" for arch in ARCHITECTURES]
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
