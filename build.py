#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Build the driver package on Linux: xennet/x64 and xennet/x86, each with driver, co-installer, their PDBs and
the INF.

usage: build.py free|checked [--arch x64|x86]...

  free       optimized, as it ships
  checked    with assertions and debug output (DBG=1)

Objects go to build/. Version, vendor and product come from the environment: MAJOR_VERSION, MINOR_VERSION,
MICRO_VERSION, BUILD_NUMBER, VENDOR_NAME, VENDOR_PREFIX, VENDOR_DEVICE_ID, PRODUCT_NAME, INF_DATE.
Two builds with the same values are identical to the byte, wherever the repository lies.
"""

import argparse
import sys

from scripts import build_coinst, build_driver, version
from scripts.build_tools import ARCHITECTURES, FLAVOURS, ROOT
from scripts.cli import Stop


def main(arguments):
    if not arguments:
        print(__doc__.strip())
        return 2
    parser = argparse.ArgumentParser(prog="build.py", allow_abbrev=False, usage=__doc__.split("\n\n")[1],
                                     description="Build the driver package on Linux.")
    parser.add_argument("flavour", choices=FLAVOURS)
    parser.add_argument("--arch", action="append", choices=ARCHITECTURES)
    options = parser.parse_args(arguments)
    try:
        for arch in dict.fromkeys(options.arch or ARCHITECTURES):
            package = build_driver.build(arch, options.flavour)
            build_coinst.build(arch, options.flavour)
            print(f"{package.relative_to(ROOT)}: xennet.sys {version.text()} {options.flavour}, "
                  f"{(package / 'xennet.sys').stat().st_size} bytes")
    except Stop as stop:
        print(f"build.py: {stop.text}", file=sys.stderr)
        return stop.status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
