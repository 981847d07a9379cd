# SPDX-License-Identifier: BSD-2-Clause
"""The driver in a guest of its own on the real Xen: the testbed runs in a PV or a PVH guest that xl made, netback in
domain 0.

What test_xen has tried in domain 0 is not tried again in full: here are the ways that differ with a domain of its own,
which are grants and event channels between two domains and a toolstack that makes and takes away the device. A machine
is booted for each kind of guest and stays for its cases; each of them attaches a device of its own and ends with
nothing left behind, or fails.
"""

import atexit
import time
import unittest

from scripts.build import made
from scripts.run.children import Children
from scripts.run.traffic import TrafficFailed
from scripts.xenrig import bed as xenbed, guest_bed
from tests.support.xen_rig import clean, needs_rig, options

DOWNLOAD = 10_000_000
SECONDS = 1
SUSPENDS = 2
RECOVERY_SECONDS = 400
ROUNDS = 10
ROUNDS_SECONDS = 800


class Machine:
    """The machine that is booted now, and the guest in it."""

    kind = guest = children = None

    @classmethod
    def boot(cls, kind):
        if cls.kind != kind:
            cls.end()
            with made.one_at_a_time(print):
                if not made.DRIVER.exists():
                    made.driver(print)
                if not xenbed.PROGRAM.exists():
                    made.testbed(print)
                parts = guest_bed.prepare(print)
            cls.children = Children().__enter__()
            cls.guest = guest_bed.boot(cls.children, parts, xenbed.bed_files(made.DRIVER, made.INF), print, kind,
                                       f"console-test-{kind}.log")
            cls.kind = kind
        return cls.guest

    @classmethod
    def end(cls):
        if cls.children is not None:
            cls.children.end_all()
        cls.kind = cls.guest = cls.children = None


atexit.register(Machine.end)


def running(kind, *arguments):
    """A testbed in the guest: clean()."""
    return clean(guest_bed.GuestBed(Machine.boot(kind), options("--xen-guest", kind, *arguments)))


def until(number, states):
    """Shell text that waits until the states of frontend and backend are (or are not) those."""
    front, back = f"/local/domain/{number}/device/vif/0", f"/local/domain/0/backend/vif/{number}/0"
    return (f"""t=0; until [ "$(xenstore-read {front}/state {back}/state | tr -d '\\n')" {states} ]; do t=$((t+1)); """
            f"[ $t -gt 8000 ] && {{ xenstore-ls {front}; xenstore-ls {back}; exit 1; }}; usleep 5000; done")


class Guests:
    """The cases, for one kind of guest."""

    kind = None

    def check_traffic(self, queues):
        with running(self.kind, "--queues", str(queues)) as (bed, traffic):
            self.assertEqual(bed.ready["queues"], queues)
            rates = []
            for family in (4, 6):
                traffic.ping(family)
                rates += [traffic.tcp(family, way, SECONDS) for way in ("out", "in")]
                traffic.udp(family, "out", SECONDS)
                rates.append(traffic.download(family, DOWNLOAD))
        print("note: TCP out, in, download, Gb/s: " + ", ".join(f"{rate:.2f}"
                                                                for rate in rates) + " (software emulation)")

    def check_reconnects(self):
        with running(self.kind, "--queues", "2") as (bed, traffic):
            traffic.ping(4, count=1)
            number = bed.guest.number
            ports = bed.rig_run(f"lsevtchn {number} | wc -l")
            # Netback's own key says Closing, as when it goes away; the frontend closes, and both come back.
            once = (f"xenstore-write /local/domain/0/backend/vif/{number}/0/state 5; {until(number, '!= 44')}; "
                    f"{until(number, '= 44')}")
            out = bed.rig_run(f"n=0; while [ $n -lt {ROUNDS} ]; do {once}; n=$((n+1)); done; echo $n", ROUNDS_SECONDS)
            self.assertEqual(out, str(ROUNDS))
            self.assertEqual(bed.rig_run(f"lsevtchn {number} | wc -l"), ports)
            traffic.ping(4)
            traffic.tcp(6, "in", SECONDS)


    def check_suspend(self):
        with running(self.kind, "--queues", "2") as (bed, traffic):
            traffic.ping(4)
            for _ in range(SUSPENDS):
                number = bed.guest.number
                bed.suspend_and_resume()
                self.assertNotEqual(bed.guest.number, number, "the guest is the same domain")
                self.until_ping(bed, traffic)
                rates = [traffic.tcp(family, way, SECONDS) for family, way in ((4, "out"), (6, "in"))]
            rates.append(traffic.download(4, DOWNLOAD))
        print("note: after the last resume, TCP out, in, download, Gb/s: "
              + ", ".join(f"{rate:.2f}" for rate in rates) + " (software emulation)")

    def until_ping(self, bed, traffic):
        """The driver takes its time to try again when it has met a XenVif without a backend."""
        deadline = time.monotonic() + RECOVERY_SECONDS
        while True:
            try:
                return traffic.ping(4)
            except TrafficFailed:
                bed.check()
                if time.monotonic() > deadline:
                    raise


# The cases of one kind stand together: they run in the order of their lines, and a machine is booted at each change of
# kind.
@needs_rig
class Pv(Guests, unittest.TestCase):
    kind = "pv"

    def test_pv_all_traffic_passes_with_1_queue(self):
        self.check_traffic(1)

    def test_pv_all_traffic_passes_with_4_queues(self):
        self.check_traffic(4)

    def test_pv_reconnects_leave_nothing(self):
        self.check_reconnects()

    def test_pv_suspend_and_resume_go_on_in_another_domain(self):
        self.check_suspend()


@needs_rig
class Pvh(Guests, unittest.TestCase):
    kind = "pvh"

    def test_pvh_all_traffic_passes_with_1_queue(self):
        self.check_traffic(1)

    def test_pvh_all_traffic_passes_with_4_queues(self):
        self.check_traffic(4)

    def test_pvh_reconnects_leave_nothing(self):
        self.check_reconnects()

    def test_pvh_suspend_and_resume_go_on_in_another_domain(self):
        self.check_suspend()
