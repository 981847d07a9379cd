# SPDX-License-Identifier: BSD-2-Clause
"""What the tests on the real Xen share: one booted machine for a whole file, testbeds in it, captures of its wire."""

import atexit
import functools
import shutil
import unittest
from contextlib import contextmanager

from scripts.build import made
from scripts.run import options as cli_run
from scripts.run.children import Children
from scripts.cli import ROOT
from scripts.xenrig import bed as xenbed
from scripts.xenrig.boot import QEMU
from scripts.xenrig.traffic import XenTraffic

PROGRAMS = ROOT / "build" / "tests"
SCENARIOS = [PROGRAMS / name for name in ("test_provider", "test_provider_life")]
BACK = "/local/domain/0/backend/vif/0/0"
FRONT = "/local/domain/0/device/vif/0"

needs_rig = unittest.skipIf(shutil.which(QEMU) is None, f"{QEMU} is missing: install Debian's qemu-system-x86")


@functools.lru_cache(maxsize=None)
def rig():
    """The machine, booted once; it ends with this process."""
    with made.one_at_a_time(print):
        if not made.DRIVER.exists():
            made.driver(print)
        if not all(path.exists() for path in (xenbed.PROGRAM, PROGRAMS / "conformance_netif", *SCENARIOS)):
            made.tests(print)
        parts = xenbed.prepare(print)
    children = Children().__enter__()
    atexit.register(children.end_all)
    files = xenbed.bed_files(made.DRIVER, made.INF) + [(PROGRAMS / "conformance_netif", "rig/conformance_netif")]
    # The tests look for the driver from their own place in the tree, whose top has test.py.
    files += [(ROOT / "test.py", "rig/test.py")]
    files += [(path, f"rig/build/tests/{path.name}") for path in SCENARIOS]
    files += [(path, f"rig/{path.relative_to(ROOT)}") for windows in ("7", "10-22h2") for path in made.package(windows)]
    return xenbed.boot(children, parts, files, print, "console-test.log")


def options(*arguments):
    chosen = cli_run.read(["--xen", *arguments])
    chosen.driver, chosen.inf = made.DRIVER, made.INF
    return chosen


@contextmanager
def clean(bed):
    """That testbed, connected and with addresses, found clean at the end: (bed, traffic)."""
    with bed:
        bed.configure()
        yield bed, XenTraffic(bed)
    failure = bed.failure()
    if failure:
        raise AssertionError(failure)
    if bed.end["leaks"]:
        raise AssertionError(f"left behind: {bed.end['leaks']}")


def running(*arguments):
    """A testbed in domain 0: clean()."""
    return clean(xenbed.XenBed(rig(), options(*arguments)))


def dom0(text, seconds=300):
    """Output of a shell command in domain 0 that must work."""
    status, output = rig().run(text, seconds)
    if status != 0:
        raise AssertionError(f"domain 0: {text}: {output}")
    return output


# Of each segment with payload: source, checksum, length.
CONDENSE = ("""awk '/ cksum / && $NF > 0 { for (i = 1; i < NF; i++) if ($i == ">") from = $(i - 1); """
            """print from, / \\(incorrect /, $NF }' /run/capture""")


class Capture:
    """What tcpdump saw of TCP on netback's device, per direction: large frames, and checksums left open."""

    def __init__(self, text, mtu):
        self.frames, self.large, self.open = {}, {}, {}
        for line in text.splitlines():
            source, incorrect, length = line.split()
            source = source.rpartition(".")[0]  # without the port
            for table, counts in ((self.frames, True), (self.large, int(length) > mtu), (self.open, incorrect == "1")):
                table[source] = table.get(source, 0) + counts


@contextmanager
def captured(bed, mtu, frames=4000):
    """Runs tcpdump on the wire; the Capture is in the list when the block ends."""
    result = []
    where = f"nsenter --net={bed.namespace('wire')}"
    tool = rig().spawn(f"{where} timeout 1000 tcpdump -Z root -i {bed.tap('wire')} -nn -vv -l -c {frames} tcp > "
                       f"/run/capture 2> /run/capture.err")
    dom0("for i in $(seq 2000); do grep -q listening /run/capture.err && break; usleep 50000; done; grep listening "
         "/run/capture.err")
    yield result
    dom0("kill -INT $(pidof tcpdump) 2> /dev/null; true")
    tool.wait(300)
    result.append(Capture(dom0(CONDENSE), mtu))
