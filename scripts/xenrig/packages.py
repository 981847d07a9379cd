# SPDX-License-Identifier: BSD-2-Clause
"""Debian packages for the Xen rig, downloaded and unpacked beside the build, never installed.

Only QEMU itself is installed (scripts/packages.py). Unpacked packages are kept in build/xen/root and taken again when
the archive has other versions of them.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from scripts.cli import Stop

PACKAGES = [
    "xen-hypervisor-4.17-amd64", "xen-utils-4.17", "xen-utils-common", "xenstore-utils", "libxenstore4",
    "libxenmisc4.17",
    "libxengnttab1", "libxenevtchn1", "libxentoolcore1", "libxentoollog1", "libxencall1", "libxenforeignmemory1",
    "libxendevicemodel1", "libxenhypfs1", "busybox-static", "iperf3", "libiperf0",
    "libsctp1", "libssl3", "iproute2", "libbpf1", "libelf1", "libmnl0", "libtirpc3", "libcap2", "libdb5.3",
    "iputils-ping",
    "libidn2-0", "libunistring2", "libc6", "libgcc-s1", "zlib1g", "liblzma5", "libuuid1", "libyajl2", "libnl-3-200",
    "libnl-route-3-200", "libfdt1", "liblzo2-2", "libzstd1", "libbz2-1.0", "libselinux1", "libpcre2-8-0",
    "libgssapi-krb5-2",
    "libkrb5-3", "libk5crypto3", "libcom-err2", "libkrb5support0", "libkeyutils1", "libxtables12", "libjson-c5",
    "tcpdump",
    "libpcap0.8", "libdbus-1-3", "libsystemd0", "libgcrypt20", "libgpg-error0", "liblz4-1", "ethtool", "bash",
    "libtinfo6", "libbsd0", "libmd0",
]
KERNEL_META = "linux-image-amd64"


class RigError(Stop):
    """One sentence for the user: what is missing and what to do."""


def _run(command, **more):
    try:
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True, **more).stdout
    except FileNotFoundError:
        raise RigError(f"{command[0]} is missing: the Xen rig needs Debian's package tools")
    except subprocess.CalledProcessError as failure:
        raise RigError(f"'{' '.join(command[:3])} ...' failed: "
                       f"{failure.stdout.strip().splitlines()[-1] if failure.stdout.strip() else failure}")


def kernel_package():
    """The kernel that Debian's meta package stands for now, e.g. linux-image-6.1.0-56-amd64."""
    text = _run(["apt-cache", "depends", KERNEL_META])
    found = re.search(r"Depends: (linux-image-\S+)", text)
    if found is None:
        raise RigError(f"the package list does not know {KERNEL_META}: run 'apt-get update'")
    return found.group(1)


def _versions(names):
    """What apt would download: lines 'name version', the cache's key."""
    text = _run(["apt-cache", "policy", *names])
    candidates, name = {}, None
    for line in text.splitlines():
        if line and not line.startswith(" "):
            name = line.rstrip(":").split(":")[0]
        elif "Candidate:" in line:
            candidates[name] = line.split(":", 1)[1].strip()
    missing = [n for n in names if candidates.get(n, "(none)") == "(none)"]
    if missing:
        raise RigError(f"the package archive has no {', '.join(missing)}: run 'apt-get update', or use Debian 12")
    return "".join(f"{n} {candidates[n]}\n" for n in names)


def unpacked(cache, say):
    """The folder with all packages unpacked; downloads what is not there. `say` is told what takes time."""
    root, stamp, debs = cache / "root", cache / "packages.txt", cache / "debs"
    names = PACKAGES + [kernel_package()]
    versions = _versions(names)
    if root.is_dir() and stamp.is_file() and stamp.read_text() == versions:
        return root
    say("downloading Xen and a kernel (about 90 MB)")
    for folder in (root, debs):
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
    _run(["apt-get", "-o", "APT::Sandbox::User=root", "download", *names], cwd=str(debs))
    say("unpacking them")
    for package in sorted(debs.glob("*.deb")):
        _run(["dpkg-deb", "-x", str(package), str(root)])
    shutil.rmtree(debs)
    _merge_usr(root)
    stamp.write_text(versions)
    return root


def _merge_usr(root):
    """Debian's merged /usr: /lib, /bin, /sbin and /lib64 live below /usr, whichever way a package names them."""
    for name in ("bin", "sbin", "lib", "lib64"):
        old, new = root / name, root / "usr" / name
        if old.is_dir() and not old.is_symlink():
            new.mkdir(parents=True, exist_ok=True)
            for folder, _, files in os.walk(old):
                target = new / Path(folder).relative_to(old)
                target.mkdir(parents=True, exist_ok=True)
                for file in files:
                    os.replace(os.path.join(folder, file), target / file)
            shutil.rmtree(old)
        if not old.exists():
            old.symlink_to(f"usr/{name}")
