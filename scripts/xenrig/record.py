#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Records what the real netback does for each case of tests/conformance/*.c, in the file that the embedded backend is
held to.

usage: python3 -m scripts.xenrig.record [--show] [CASE...]    --show: print it and leave the file alone
"""

import json
import sys

from scripts import cli, packages
from scripts.build import made
from scripts.run.children import Children
from scripts.cli import ROOT
from scripts.xenrig import bed as xenbed

PROGRAM = ROOT / "build" / "tests" / "conformance_netif"
RECORDING = ROOT / "tests" / "conformance" / "netback-6.1.json"
SECONDS = 880    # it takes two minutes


def observe(rig, *cases):
    """{case: what netback did}, from a booted rig that has the program."""
    words = " ".join(f"'{case}'" for case in cases)
    status, output = rig.run(f"/rig/conformance_netif --provider xen {words} 2> /run/conformance.err; s=$?; cat "
                             "/run/conformance.err; exit $s", SECONDS)
    if status != 0:
        raise cli.Stop(f"the conformance program failed in domain 0: {output}{rig.console_tail()}", 1)
    return json.loads(output)


def command(arguments):
    show = "--show" in arguments
    cases = [a for a in arguments if a != "--show"]
    screen = cli.Screen()
    packages.ensure(packages.XEN, screen.line)
    with made.one_at_a_time(screen.line):
        made.targets("the conformance program", screen.line, PROGRAM.name)
        parts = xenbed.prepare(screen.line)
    with Children() as children:
        rig = xenbed.boot(children, parts, [(PROGRAM, "rig/conformance_netif")], screen.line, "console-record.log")
        seen = observe(rig, *cases)
        rig.stop()
    if show or cases:
        for name, what in seen.items():
            screen.line(f"{name}: {what}")
    else:
        RECORDING.write_text(json.dumps(seen, indent=1) + "\n")
        screen.line(f"{len(seen)} cases are in {RECORDING}")
    return 0


if __name__ == "__main__":
    sys.exit(cli.main(command))
