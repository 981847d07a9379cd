# SPDX-License-Identifier: BSD-2-Clause
"""Marks .eh_frame in 32-bit objects as not to be linked: the compiler cannot leave it out, and no Windows reads it.

usage: scripts/build/drop_unwind.py OBJECT...
"""

import struct
import sys

NOT_LINKED = 0x800    # IMAGE_SCN_LNK_REMOVE


def marked(data):
    """The object with the flag in the section's header; a long name stands in the string table."""
    data = bytearray(data)
    _, count, _, symbols, symbol_count, optional, _ = struct.unpack_from("<HHIIIHH", data)
    strings = symbols + 18 * symbol_count
    for index in range(count):
        at = 20 + optional + 40 * index
        name = bytes(data[at:at + 8]).rstrip(b"\0")
        if name.startswith(b"/"):
            place = strings + int(name[1:])
            name = bytes(data[place:data.index(b"\0", place)])
        if name == b".eh_frame":
            flags = struct.unpack_from("<I", data, at + 36)[0]
            struct.pack_into("<I", data, at + 36, flags | NOT_LINKED)
    return bytes(data)


if __name__ == "__main__":
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            before = file.read()
        after = marked(before)
        if after != before:
            with open(path, "wb") as file:
                file.write(after)
