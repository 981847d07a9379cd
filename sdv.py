#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Analyze the driver and the co-installer without running them.

usage: sdv.py

On Linux: clang's static analyzer, clang's warnings with the lock and IRQL annotations, cppcheck. On Windows, with VS
and KIT as for build.py: Static Driver Verifier, or CodeQL (in PATH, or in the folder CODEQL) where the kit has none.

One line for each finding, whatever tool it is from:  file:line: tool: rule: text
Exit status: 0 no finding, 1 findings, 2 something to put right first.

  ./sdv.py
  ./sdv.py > findings.txt
"""

import sys

sys.dont_write_bytecode = True
if sys.version_info < (3, 8):
    sys.exit("sdv.py: this Python is older than 3.8: use a newer one")

from scripts import cli, steps


def show(findings, out=None):
    """Print findings and their number; return the exit status."""
    for name, line, tool, rule, text in findings:
        print(f"{name}:{line}: {tool}: {rule}: {text}", file=out)
    print(f"{len(findings)} finding{'' if len(findings) == 1 else 's'}", file=out)
    return 1 if findings else 0


def command(arguments):
    cli.Parser(__doc__).parse_args(arguments)
    if sys.platform == "win32":
        from scripts.check import analysis_windows
        return show(analysis_windows.run(steps.note))
    from scripts import packages
    from scripts.check import analysis
    packages.ensure(packages.DRIVER + packages.ANALYSIS, print)
    found = []
    try:
        return show(analysis.run(steps.note, found=found))
    except KeyboardInterrupt:
        show(sorted(set(found)))
        raise


if __name__ == "__main__":
    sys.exit(cli.main(command))
