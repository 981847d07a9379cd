# SPDX-License-Identifier: BSD-2-Clause
"""Kernel and initial RAM disks for domain 0, made from unpacked packages.

base_image() is made once and kept until a package, the file list or the init script changes; overlay() holds what
changes from run to run (the testbed, the driver) and is simply appended: the kernel unpacks archives one after the
other.
"""

import gzip
import hashlib
import lzma
import os
import re
import stat
import struct
import subprocess
import zlib
from pathlib import Path

from .packages import RigError

HERE = Path(__file__).resolve().parent
XEN_BIN = "usr/lib/xen-4.17/bin"
PROGRAMS = ["usr/bin/busybox", "usr/bin/bash", "usr/bin/iperf3", "usr/bin/ping", "usr/bin/ip", "usr/bin/tcpdump",
            "usr/sbin/ethtool",
            "usr/bin/xenstore-ls", "usr/bin/xenstore-read", "usr/bin/xenstore-write", "usr/bin/xenstore-rm",
            f"{XEN_BIN}/xenstored", f"{XEN_BIN}/xen-init-dom0", f"{XEN_BIN}/lsevtchn"]
EXTRA_LIBRARIES = ["libgcc_s.so.1", "libxenstore.so.4", "libxengnttab.so.1", "libxenevtchn.so.1"]
MODULES = ["xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-privcmd", "xenfs", "xen-netback", "tun", "veth",
           "af_packet"]
LIBRARY_FOLDERS = ["usr/lib/x86_64-linux-gnu", "usr/lib", "usr/lib64"]
DEVICES = [("dev/console", 5, 1), ("dev/null", 1, 3)]


class Cpio:
    """A newc archive (the kernel's Documentation/driver-api/early-userspace/buffer-format) built in memory."""

    def __init__(self):
        self.parts, self.folders, self.inode = [], {""}, 0

    def _entry(self, name, mode, data=b"", device=(0, 0)):
        self.inode += 1
        path = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
        head = b"070701" + b"".join(b"%08x" % f for f in fields) + path
        self.parts += [head, b"\0" * (-len(head) % 4), data, b"\0" * (-len(data) % 4)]

    def folder(self, name):
        if name not in self.folders:
            self.folder(os.path.dirname(name))
            self.folders.add(name)
            self._entry(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o755):
        self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor):
        self.folder(os.path.dirname(name))
        self._entry(name, stat.S_IFCHR | 0o600, b"", (major, minor))

    def bytes(self):
        self._entry("TRAILER!!!", 0)
        return b"".join(self.parts)


def needed(path):
    """Names of the shared libraries that an ELF file asks for."""
    listing = subprocess.run(["llvm-readelf-16", "--needed-libs", str(path)], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL,
                             universal_newlines=True, check=False).stdout
    return re.findall(r"^\s+(\S+\.so\S*)$", listing, re.M)


def libraries(root, files, more=()):
    """Files of all shared libraries that `files` need, by library name; those of this machine's unpacked packages
    only.
    """
    found, queue = {}, list(more)
    for file in files:
        queue += needed(file)
    while queue:
        name = queue.pop()
        if name in found or name.startswith("ld-linux"):
            continue
        path = next((root / folder / name for folder in LIBRARY_FOLDERS if (root / folder / name).exists()), None)
        if path is None:
            raise RigError(f"no package of the Xen rig holds {name}: add the one that does to "
                           "scripts/xenrig/packages.py")
        found[name] = path.resolve()
        queue += needed(path)
    return found


def module_closure(folder, names):
    """Module files in loading order, dependencies first; a built-in one is passed over."""
    index = {p.stem.replace("-", "_"): p for p in folder.rglob("*.ko")}
    order = []

    def visit(name):
        path = index.get(name.replace("-", "_"))
        if path is None or path in order:
            return
        listed = re.search(rb"\0depends=([^\0]*)\0", b"\0" + path.read_bytes())
        for other in (listed.group(1).decode().split(",") if listed and listed.group(1) else []):
            visit(other)
        order.append(path)

    for name in names:
        visit(name)
    return order


def kernel_elf(root, cache):
    """The kernel as a raw ELF file: saves Xen the slow decompression under emulation."""
    packed = next((root / "boot").glob("vmlinuz-*"))
    out = cache / f"vmlinux{packed.name[len('vmlinuz'):]}"
    if out.is_file():
        return out
    data = packed.read_bytes()
    setup = data[0x1F1] or 4
    start, length = struct.unpack_from("<II", data, 0x248)
    payload = data[(setup + 1) * 512 + start:][:length]
    if payload[:6] == b"\xfd7zXZ\0":
        image = lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(payload)
    elif payload[:2] == b"\x1f\x8b":
        image = zlib.decompressobj(31).decompress(payload)
    else:
        raise RigError(f"{packed.name} is compressed in a way that is not known here: use Debian 12's kernel")
    for old in cache.glob("vmlinux-*"):
        old.unlink()
    out.write_bytes(image)
    return out


def hypervisor(root, cache):
    out = cache / "xen"
    if not out.is_file():
        out.write_bytes(gzip.decompress((root / "boot/xen-4.17-amd64.gz").read_bytes()))
    return out


def _fingerprint(cache):
    digest = hashlib.sha256((cache / "packages.txt").read_bytes())
    for part in (*sorted(HERE.glob("*.sh")), *sorted(HERE.glob("*image.py"))):
        digest.update(part.read_bytes())
    return digest.hexdigest()


def kept(cache, name, make, say):
    """A packed archive in the cache, made anew when its inputs have changed. `make` returns a Cpio."""
    out, stamp, now = cache / f"{name}.cpio.gz", cache / f"{name}.stamp", _fingerprint(cache)
    if not out.is_file() or not stamp.is_file() or stamp.read_text() != now:
        say(f"making {name}'s image")
        out.write_bytes(gzip.compress(make().bytes(), 1, mtime=0))
        stamp.write_text(now)
    return out


def system(root, programs, extra_libraries, modules, scripts):
    """A root file system with busybox: `scripts` are (name there, file here) pairs, of which init is the first
    process.
    """
    cpio = Cpio()
    for name in ("proc", "sys", "run", "tmp", "etc", "var/lib/xenstored", "var/lib/xen", "var/log/xen", "root",
                 "usr/sbin"):
        cpio.folder(name)
    for name, target in (("bin", "usr/bin"), ("sbin", "usr/sbin"), ("lib", "usr/lib"), ("lib64", "usr/lib64"),
                         ("var/run", "../run"), ("usr/bin/sh", "bash")):
        cpio.link(name, target)
    cpio.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\n", 0o644)  # tcpdump looks for whom it may run as
    for device in DEVICES:
        cpio.device(*device)
    files = [root / program for program in programs]
    for program, path in zip(programs, files):
        cpio.file(f"usr/bin/{os.path.basename(program)}", path.read_bytes())
    for name, path in libraries(root, files, extra_libraries).items():
        cpio.file(f"usr/lib/x86_64-linux-gnu/{name}", path.read_bytes())
    loader = root / "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
    cpio.file("usr/lib64/ld-linux-x86-64.so.2", loader.read_bytes())
    order = module_closure(root / "usr/lib/modules", modules)
    for path in order:
        cpio.file(f"modules/{path.name}", path.read_bytes(), 0o644)
    cpio.file("modules/order", "".join(f"{p.name}\n" for p in order).encode(), 0o644)
    for name, here in scripts:
        cpio.file(name, (HERE / here).read_bytes())
    return cpio


def base_image(root, cache, say):
    """Domain 0's initial RAM disk: busybox, Xen's daemons, tools and modules."""
    return kept(cache, "dom0", lambda: system(root, PROGRAMS, EXTRA_LIBRARIES, MODULES,
                                              [(n, f"{n}.sh") for n in ("init", "agent", "vif")]), say)


def overlay(root, files):
    """An archive of `files` ((path here, path there) pairs) and of the libraries that those here need."""
    cpio = Cpio()
    for here, there in files:
        cpio.file(there, Path(here).read_bytes())
    for name, path in libraries(root, [here for here, _ in files]).items():
        cpio.file(f"usr/lib/x86_64-linux-gnu/{name}", path.read_bytes())
    return cpio.bytes()


def unpacked(base):
    """The bytes of a packed archive, to which another can be appended: the kernel looks for it at the next multiple of
    four.
    """
    data = gzip.decompress(base.read_bytes())
    return data + b"\0" * (-len(data) % 4)


def initrd(base, more):
    """Both archives as one: the kernel looks for the second one at the next multiple of four bytes."""
    first = base.read_bytes()
    return first + b"\0" * (-len(first) % 4) + more
