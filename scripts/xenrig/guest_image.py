# SPDX-License-Identifier: BSD-2-Clause
"""What a guest is made of, and what domain 0 needs to make one.

The guest's kernel is domain 0's, its RAM disk holds the tools of the guest side. Both lie in domain 0's RAM disk, in
the archive that is appended for each run, and are not packed: unpacking is slow under emulation, memory is not. The
module xen-netfront is left out, so that the device is free for the testbed.
"""

from pathlib import Path

from . import image

PROGRAMS = ["usr/bin/busybox", "usr/bin/bash", "usr/bin/iperf3", "usr/bin/ping", "usr/bin/ip"]
LIBRARIES = ["libgcc_s.so.1", "libxenstore.so.4", "libxengnttab.so.1", "libxenevtchn.so.1"]
MODULES = ["xen-evtchn", "xen-gntalloc", "tun", "af_packet"]

# xl looks for its helper where Debian has it.
TOOLSTACK = [(f"{image.XEN_BIN}/xl", "usr/bin/xl"), (f"{image.XEN_BIN}/xenconsoled", "usr/bin/xenconsoled"),
             (f"{image.XEN_BIN}/libxl-save-helper", f"{image.XEN_BIN}/libxl-save-helper"),
             ("usr/lib/x86_64-linux-gnu/libgcc_s.so.1", "usr/lib/x86_64-linux-gnu/libgcc_s.so.1")]
SCRIPTS = [("guest.sh", "guest.sh"), ("guest-vif.sh", "etc/xen/scripts/guest-vif")]


def base(root, cache, say):
    """The guest's initial RAM disk but for the testbed and the driver."""
    scripts = [("init", "guest-init.sh"), ("agent", "agent.sh")]
    return image.kept(cache, "guest", lambda: image.system(root, PROGRAMS, LIBRARIES, MODULES, scripts), say)


def files(root, kernel, guest_base, testbed_files, scratch):
    """(path here, path there) pairs for domain 0; `scratch` is a folder of this run, which takes the guest's RAM
    disk.
    """
    disk = Path(scratch) / "guest-initrd"
    disk.write_bytes(image.unpacked(guest_base) + image.overlay(root, testbed_files))
    return ([(root / here, there) for here, there in TOOLSTACK] + [(image.HERE / here, there)
                                                                   for here, there in SCRIPTS]
            + [(kernel, "guest/kernel"), (disk, "guest/initrd")])
