#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write kdfiles32.txt and kdfiles64.txt: with one of them, a kernel debugger hands the target the driver just built.

usage: kdfiles.py [--package FOLDER] [--output FOLDER]

  --package FOLDER   where the debugger finds x86 and x64 with xennet.sys: as the debugger's Windows sees it, for
  example
                     \\\\server\\share\\xennet or Z:\\xennet (default: the folder xennet of this repository)
  --output FOLDER    where to write the two files (default: the current folder)

In WinDbg: .kdfiles C:\\path\\kdfiles64.txt; at its next start the target loads xennet.sys from there.

  ./kdfiles.py --output /tmp
  ./kdfiles.py --package 'Z:\\xennet'
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True

from scripts import cli

TARGET = r"\SystemRoot\System32\drivers\xennet.sys"
FILES = {"kdfiles32.txt": "x86", "kdfiles64.txt": "x64"}


def content(package, arch):
    """One mapping: the driver's path on the target as the service names it, and the file on the debugger's side."""
    separator = "\\" if "\\" in package or package[1:2] == ":" else "/"
    return f"map\r\n{TARGET}\r\n{package.rstrip(separator)}{separator}{arch}{separator}xennet.sys\r\n\r\n"


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("--package", metavar="FOLDER", default=str(cli.ROOT / "xennet"))
    parser.add_argument("--output", metavar="FOLDER", type=Path, default=Path("."))
    options = parser.parse_args(arguments)
    if not options.package.isprintable() or not options.package:
        parser.error("--package is not the name of a folder")
    try:
        for name, arch in FILES.items():
            (options.output / name).write_bytes(content(options.package, arch).encode("utf-8"))
            print(options.output / name)
    except OSError as error:
        raise cli.Stop(f"{error.filename} cannot be written ({error.strerror}): give another folder with "
                       f"--output") from None


if __name__ == "__main__":
    sys.exit(cli.main(command))
