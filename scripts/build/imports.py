# SPDX-License-Identifier: BSD-2-Clause
"""One module definition of toolchain/imports as an architecture's import library is made of it.

usage: scripts/build/imports.py x64|x86 INPUT.def OUTPUT.def

In INPUT a comment of x64 or x86 after a function keeps it to that architecture; names have the decoration of 32-bit
calls, which 64-bit ones do not have.
"""

import re
import sys
from pathlib import Path

ARCHITECTURES = ("x64", "x86")
DECORATED = re.compile(r"^( +)@?([^@]+).*")


def reduced(text, arch):
    lines = []
    for line in text.splitlines():
        body, _, note = line.partition(";")
        body = body.rstrip()
        if not body or note.strip() in ARCHITECTURES and note.strip() != arch:
            continue
        lines.append(DECORATED.sub(r"\1\2", body) if arch == "x64" else body)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ARCHITECTURES:
        raise SystemExit(__doc__.split("\n\n")[1])
    Path(sys.argv[3]).write_text(reduced(Path(sys.argv[2]).read_text(encoding="ascii"), sys.argv[1]), encoding="ascii")
