#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Build the driver package: xennet/x64 and xennet/x86, each with driver, co-installer, their PDBs, INF, signed catalog
and install scripts; xennet/source.tgz with the sources; xennet.tar with all of it.

usage: build.py free|checked [--arch x64|x86]... [signing options]

  free       optimized, as it ships
  checked    with assertions and debug output (DBG=1)

On Linux with clang, lld and the mingw-w64 headers; on Windows with Visual Studio and the WDK, which VS and KIT name,
and SYMBOL_SERVER, the symbol store (on Linux it is build/symbols unless given). Objects go to build/.

Version and names come from the environment: MAJOR_VERSION, MINOR_VERSION, MICRO_VERSION, BUILD_NUMBER, COMPANY_NAME,
PRODUCT_NAME, VENDOR_PREFIX, VENDOR_DEVICE_ID, INF_DATE. Without BUILD_NUMBER, .build_number counts up when the sources
differ from those built last. Two builds with the same values are identical up to the signature, wherever the
repository lies.
"""

import argparse
import sys

sys.dont_write_bytecode = True
if sys.version_info < (3, 8):
    sys.exit("build.py: this Python is older than 3.8: use a newer one")

from scripts.cli import Stop

ARCHITECTURES = ("x64", "x86")
FLAVOURS = ("free", "checked")


def read(arguments):
    from scripts.sign import signer as sign  # after the check of the Python version
    parser = argparse.ArgumentParser(prog="build.py", allow_abbrev=False, usage=__doc__.split("\n\n")[1][7:],
                                     formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    parser.add_argument("flavour", choices=FLAVOURS)
    parser.add_argument("--arch", action="append", choices=ARCHITECTURES,
                        help="build only this architecture; may be repeated")
    sign.add_options(parser)
    options = parser.parse_args(arguments)
    options.arch_asked = options.arch is not None
    options.arch = list(dict.fromkeys(options.arch or ARCHITECTURES))
    return options


def main(arguments):
    if not arguments:
        print(__doc__.strip())
        return 2
    options = read(arguments)
    try:
        if sys.platform == "win32":
            from scripts.build import windows as build_windows
            build_windows.build(options, print)
        else:
            from scripts.build import package
            from scripts.sign import signer as sign
            package.build(options.flavour, options.arch, sign.Signer(options), print)
    except Stop as stop:
        print(f"build.py: {stop.text}", file=sys.stderr)
        return stop.status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
