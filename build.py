#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Build the driver packages: xennet/x64 and xennet/x86 for Windows 10 1607 and later, xennet/windows7/x64 and x86 for
what came before, each with driver, PDB, INF, signed catalog and install scripts, the latter with a co-installer too;
xennet/source.tgz with the sources; xennet.tar with all of it.

usage: build.py free|checked [--arch x64|x86]... [--submission] [signing options]

  free       optimized, as it ships
  checked    with assertions and debug output (DBG=1)

On Linux with clang, lld and the mingw-w64 headers; on Windows with Visual Studio and the WDK, which VS and KIT name,
and SYMBOL_SERVER, the symbol store (on Linux it is build/symbols unless given). Objects go to build/.

Version and names come from the environment: MAJOR_VERSION, MINOR_VERSION, MICRO_VERSION, BUILD_NUMBER, COMPANY_NAME,
PRODUCT_NAME, VENDOR_PREFIX, VENDOR_DEVICE_ID, INF_DATE. Without BUILD_NUMBER, .build_number counts up when the sources
differ from those built last. Two builds with the same values are identical up to the signature, wherever the
repository lies.

  ./build.py free
  BUILD_NUMBER=7 ./build.py checked --arch x64
"""

import sys

sys.dont_write_bytecode = True
if sys.version_info < (3, 8):
    sys.exit("build.py: this Python is older than 3.8: use a newer one")

from scripts import cli

ARCHITECTURES = ("x64", "x86")
FLAVOURS = ("free", "checked")


def read(arguments):
    from scripts.sign import signer  # after the check of the Python version
    parser = cli.Parser(__doc__)
    parser.add_argument("flavour", choices=FLAVOURS)
    parser.add_argument("--arch", action="append", choices=ARCHITECTURES,
                        help="build only this architecture; may be repeated")
    parser.add_argument("--submission", action="store_true",
                        help="also write the CAB for Partner Center, build/submission/xennet-VERSION-ARCH.cab")
    signer.add_options(parser)
    options = parser.parse_args(arguments)
    options.arch_asked = options.arch is not None
    options.arch = list(dict.fromkeys(options.arch or ARCHITECTURES))
    return options


def command(arguments):
    options = read(arguments)
    if sys.platform == "win32":
        from scripts.build import windows
        windows.build(options, print)
    else:
        from scripts.build import package
        from scripts.sign.signer import Signer
        package.build(options.flavour, options.arch, Signer(options), print, options.submission)


if __name__ == "__main__":
    sys.exit(cli.main(command, __doc__))
