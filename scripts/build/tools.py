# SPDX-License-Identifier: BSD-2-Clause
"""The driver's compiler for those who compile one file more than the build: analysis, and tests of the flags
themselves.

The flags stand in toolchain/windows.cmake alone; this reads back how the build compiles.
"""

import os
from pathlib import Path

from scripts.build.tree import Tree, program
from scripts.cli import Stop

ARCHITECTURES = ("x64", "x86")
FLAVOURS = ("free", "checked")
TARGETS = {"x64": "x86_64-w64-windows-gnu", "x86": "i686-w64-windows-gnu"}
LIBRARIES = ("ntoskrnl", "hal", "ndis")
MINGW = Path("/usr/share/mingw-w64/include")


def tool(name):
    return program(name)


def clang_headers():
    """clang's own header folder, which -nostdinc takes away."""
    base = Path(os.path.realpath(program("clang-16"))).parent.parent / "lib" / "clang"
    found = sorted(base.glob("16*/include"))
    if not found:
        raise Stop(f"clang-16 has no headers in {base}: install the Debian package libclang-common-16-dev")
    return found[0]


def compiler(arch, flavour, kind="driver"):
    """The command that compiles one source of the driver or the co-installer; -c, -o and the file are the caller's."""
    source = {"driver": "src/xennet/driver.c", "coinst": "src/coinst/entry.c"}[kind]
    return Tree().command(f"{kind}-{flavour}-{arch}-objects", source)
