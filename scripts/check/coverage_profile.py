# SPDX-License-Identifier: BSD-2-Clause
"""From an instrumented PE and the sums of its counters to a raw profile that llvm-profdata-16 reads.

The raw profile (version 8) is a header, the PE's .lprfd records, the counters, and .lprfn, as clang's runtime would
write them.
"""

import struct

MAGIC = 0xFF6C70726F667281
VERSION = 8
RECORD = 48  # bytes of one function's record


def sections(image):
    """Name to (address, bytes) of each section of a PE, as it would be mapped."""
    new = struct.unpack_from("<I", image, 0x3C)[0]
    count, optional = struct.unpack_from("<H", image, new + 6)[0], struct.unpack_from("<H", image, new + 20)[0]
    found = {}
    for index in range(count):
        name, size, address, raw_size, raw = struct.unpack_from("<8sIIII", image, new + 24 + optional + 40 * index)
        data = image[raw:raw + min(size, raw_size)]
        found[name.rstrip(b"\0").decode()] = (address, data + b"\0" * (size - len(data)))
    return found


def trim(address, data):
    """Without the marker in front: an 8-byte word of zeros that keeps the section there when nothing else is."""
    return address + 8, data[8:]


def raw_profile(image, sums):
    """The bytes of the profile; `sums` are the bytes of the counter section added up over all processes."""
    found = sections(image)
    data_address, data = trim(*found[".lprfd"])
    counters_address, _ = trim(*found[".lprfc"])
    counters = sums[8:]
    names = found[".lprfn"][1][1:]  # a byte is in front, which llvm-cov wants
    names_address = found[".lprfn"][0] + 1
    records = []
    for at in range(0, len(data) - RECORD + 1, RECORD):
        record = bytearray(data[at:at + RECORD])
        if record == bytes(RECORD):
            break
        # COFF has only a 32-bit relative relocation: the upper half is made of the sign.
        pointer = struct.unpack_from("<i", record, 16)[0]
        struct.pack_into("<q", record, 16, pointer)
        struct.pack_into("<QQ", record, 24, 0, 0)  # function and values: of no use here
        records.append(bytes(record))
    counter_count = len(counters) // 8
    header = struct.pack("<11Q", MAGIC, VERSION, 0, len(records), 0, counter_count, 0, len(names),
                         (counters_address - data_address) & (2**64 - 1), names_address, 1)
    padding = b"\0" * (-len(names) % 8)
    return header + b"".join(records) + counters[:counter_count * 8] + names + padding
