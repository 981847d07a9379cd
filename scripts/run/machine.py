# SPDX-License-Identifier: BSD-2-Clause
"""Can this machine carry traffic at all? Checked before anything is built, one sentence for what is missing."""

import errno
import os
from pathlib import Path

from scripts.cli import Stop

CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13, "CAP_SYS_ADMIN": 21}
TUN = "/dev/net/tun"


def held_capabilities():
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def check_processor():
    machine = os.uname().machine
    if machine != "x86_64":
        raise Stop(f"this machine is {machine}, and the driver under test is x64 code: use an x86-64 machine")


def check_rights():
    if os.geteuid() != 0:
        raise Stop("network namespaces and TAP devices need root: run it with sudo")
    held = held_capabilities()
    absent = [name for name, bit in CAPABILITIES.items() if not held >> bit & 1]
    if absent:
        raise Stop(f"root lacks {' and '.join(absent)} here: run it outside the container, or give the container these "
                   "capabilities")


def check_kernel():
    if not os.path.exists("/proc/self/ns/net"):
        raise Stop("this kernel has no network namespaces (/proc/self/ns/net): use one built with CONFIG_NET_NS")
    try:
        os.close(os.open(TUN, os.O_RDWR))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
            raise Stop(f"{TUN} is missing: load the kernel's module with 'modprobe tun', "
                       "or pass the device into the container") from None
        raise Stop(f"{TUN} cannot be opened ({error.strerror}): let this user read and write it") from None


def check():
    check_processor()
    check_rights()
    check_kernel()


def why_not():
    """None, or the sentence that says why there can be no traffic here (for tests that are then skipped)."""
    try:
        check()
    except Stop as stop:
        return stop.text
    return None
