# SPDX-License-Identifier: BSD-2-Clause
"""The testbed in a guest of its own: what bed.py is for domain 0. The wire side stays in domain 0, in a namespace made
with the guest.
"""

import tempfile

from scripts.xenrig import bed, guest_image
from scripts.xenrig.guest import SHAPES, Guest

WIRE_NAMESPACE = "/run/netns/wire"
DEVICE_SECONDS = 300
RESUME_SECONDS = 600


def prepare(say):
    """What bed.prepare() returns, and the guest's base image."""
    parts = bed.prepare(say)
    return parts + (guest_image.base(parts[-1], bed.CACHE, say),)


def boot(children, parts, files, say, kind, console="console.log"):
    """A booted guest of that kind with `files` ((path here, path there) pairs) in it."""
    *rig_parts, guest_base = parts
    _hypervisor, kernel, _base, root = rig_parts
    with tempfile.TemporaryDirectory(prefix="xennet-") as scratch:
        rig = bed.boot(children, rig_parts, guest_image.files(root, kernel, guest_base, files, scratch), say, console,
                       SHAPES[kind])
    guest = Guest(rig, bed.CACHE / console.replace(".log", "-guest.log"))
    guest.start(kind)
    return guest


class GuestBed(bed.XenBed):
    where = "the guest"

    def __init__(self, guest, options, on_status=None, on_text=None):
        super().__init__(guest.rig, options, on_status, on_text)
        self.guest, self.wire_device = guest, None

    def machine(self, side):
        return self.guest if side == "guest" else self.rig

    def namespace(self, side):
        return WIRE_NAMESPACE if side == "wire" else super().namespace(side)

    def tap(self, side):
        return self.wire_device if side == "wire" else super().tap(side)

    def add_device(self, features):
        text = f"bash /guest.sh attach {self.options.queues} {self.options.mtu} {' '.join(features)}"
        self.wire_device = self.rig_run(text, DEVICE_SECONDS).split()[-1]

    def suspend_and_resume(self):
        """The guest goes through a save and a restore, and the testbed with it; the wire side has its addresses
        again.
        """
        self.guest.spawn("kill -USR1 $(pidof testbed)")
        self.wait_said("suspended", DEVICE_SECONDS)
        self.guest.save_and_restore()
        self.guest.spawn("kill -USR2 $(pidof testbed)")
        self.wait_said("resumed", RESUME_SECONDS)
        self.wire_device = f"vif{self.guest.number}.0"
        self.configure_wire()

    def remove_device(self):
        return self.rig.run("bash /guest.sh detach", DEVICE_SECONDS)
