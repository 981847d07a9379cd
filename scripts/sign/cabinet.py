# SPDX-License-Identifier: BSD-2-Clause
"""Writes a cabinet: the archive that Partner Center takes drivers in.

One folder of blocks in MSZIP: each 32768 bytes of all files one behind the other, deflated for themselves behind the
letters CK. Layout: Microsoft's Cabinet File Format. Dates are given, so the same files give the same bytes.
"""

import datetime
import struct
import zlib

BLOCK = 32768
MSZIP = 1
ARCHIVE = 0x20
VERSION = 0x0103


def checksum(data, seed=0):
    """The exclusive or of all 32-bit words; what is left over stands the other way round."""
    whole = len(data) // 4 * 4
    for (word,) in struct.iter_unpack("<I", data[:whole]):
        seed ^= word
    return seed ^ int.from_bytes(data[whole:], "big")


def block(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = b"CK" + packer.compress(data) + packer.flush()
    sizes = struct.pack("<HH", len(packed), len(data))
    return struct.pack("<I", checksum(sizes, checksum(packed))) + sizes + packed


def cabinet(files, epoch):
    """The bytes of a cabinet of {name with \\ between folders: content}."""
    date = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc)
    days = (date.year - 1980) << 9 | date.month << 5 | date.day
    content = b"".join(files.values())
    blocks = [block(content[at:at + BLOCK]) for at in range(0, len(content), BLOCK)]
    entries, at = b"", 0
    for name, data in files.items():
        entries += struct.pack("<IIHHHH", len(data), at, 0, days, 0, ARCHIVE) + name.encode("ascii") + b"\0"
        at += len(data)
    first_file = 36 + 8
    first_block = first_file + len(entries)
    size = first_block + sum(map(len, blocks))
    header = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, size, 0, first_file, 0, VERSION & 0xff, VERSION >> 8, 1,
                         len(files), 0, 0, 0)
    folder = struct.pack("<IHH", first_block, len(blocks), MSZIP)
    return header + folder + entries + b"".join(blocks)
