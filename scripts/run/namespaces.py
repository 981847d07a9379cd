# SPDX-License-Identifier: BSD-2-Clause
"""The addresses on the two sides of the driver, in the namespaces that the testbed made.

198.18.0.0/15 and the fd00:: prefix are set aside for benchmarks and private use, so nothing real is shadowed.
IPv6 addresses skip duplicate address detection: they work at once, without waiting.
"""

import subprocess
import time

from scripts.run.bed import check_ending
from scripts.run.children import in_namespace
from scripts.cli import Stop

ADDRESSES = {
    "guest": {4: "198.18.0.2", 6: "fd00:18::2"},
    "wire": {4: "198.18.0.1", 6: "fd00:18::1"},
}
PREFIX = {4: 24, 6: 64}
QUEUE_PACKETS = 8192   # waiting in a TAP device: a busy machine may leave the testbed without a processor for a while
LINK_SECONDS = 15


def configure(bed):
    """Give both TAP devices their addresses and wait until the driver has reported link up."""
    for side in ("guest", "wire"):
        tap = bed.tap(side)
        batch = ["link set lo up", f"link set {tap} txqueuelen {QUEUE_PACKETS}", f"link set {tap} up"]
        for family, address in ADDRESSES[side].items():
            batch.append(f"addr add {address}/{PREFIX[family]} dev {tap}" + (" nodad" if family == 6 else ""))
        done = subprocess.run(in_namespace(bed.namespace(side), ["ip", "-batch", "-"]), input="\n".join(batch) + "\n",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True, check=False)
        if done.returncode != 0:
            check_ending(bed)
            raise Stop(f"the {side} side could not be given its addresses: {done.stdout.strip()}", 1)
    if not bed.ready.get("root_device"):    # with no wire the driver says whether it has a link, and may well have none
        wait_carrier(bed)


def wait_carrier(bed):
    """The guest's TAP has a carrier once the driver says that its link is up."""
    deadline = time.monotonic() + LINK_SECONDS
    for side in ("guest", "wire"):
        while "LOWER_UP" not in subprocess.run(
                in_namespace(bed.namespace(side), ["ip", "-o", "link", "show", "dev", bed.tap(side)]),
                stdout=subprocess.PIPE, universal_newlines=True, check=False).stdout:
            bed.check()
            if time.monotonic() > deadline:
                raise Stop(f"the {side} side's link did not come up within {LINK_SECONDS} s: "
                           "run with --verbose to see what the driver says", 1)
            time.sleep(0.05)


def environment(bed, variables):
    """What a command in the guest namespace is told about its surroundings."""
    told = dict(variables)
    told.update(XENNET_GUEST_TAP=bed.tap("guest"), XENNET_WIRE_TAP=bed.tap("wire"),
                XENNET_WIRE_NETNS=bed.namespace("wire"))
    for side, addresses in ADDRESSES.items():
        for family, address in addresses.items():
            told[f"XENNET_{side.upper()}_IPV{family}"] = address
    return told
