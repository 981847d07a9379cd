# SPDX-License-Identifier: BSD-2-Clause
"""What one build is called: version, vendor and date, each from an environment variable or its default.

Everything that ends up in the package and is not source comes from here, so two builds with the same values are
the same to the byte.
"""

import os

from scripts.cli import Stop

DEFAULTS = {
    "MAJOR_VERSION": "10",
    "MINOR_VERSION": "0",
    "MICRO_VERSION": "0",
    "BUILD_NUMBER": "0",
    "VENDOR_NAME": "Xen Project",
    "VENDOR_PREFIX": "XP",
    "VENDOR_DEVICE_ID": "",
    "PRODUCT_NAME": "Xen",
    "INF_DATE": "01/01/2026",  # the date Windows compares between packages: month/day/year
}
NUMBERS = ("MAJOR_VERSION", "MINOR_VERSION", "MICRO_VERSION", "BUILD_NUMBER")


def values():
    """The names above with their values as text; a number out of range stops the command."""
    found = {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}
    for name in NUMBERS:
        if not found[name].isdigit() or int(found[name]) > 65535:
            raise Stop(f"{name} is '{found[name]}': a version has four numbers from 0 to 65535.")
    return found


def text():
    """The version as users see it: 10.0.0.0."""
    found = values()
    return ".".join(found[name] for name in NUMBERS)
