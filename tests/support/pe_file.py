# SPDX-License-Identifier: BSD-2-Clause
"""Reads a PE image and the identity of a PDB, for tests that must not believe the linker.

Layouts are those of Microsoft's PE format specification and of the MSF container that holds a PDB.
"""

import struct
import uuid
from pathlib import Path

DIRECTORIES = ("export", "import", "resource", "exception", "certificate", "relocation", "debug", "architecture",
               "global", "tls", "load_config", "bound_import", "iat", "delay_import", "clr", "reserved")


class Section:
    def __init__(self, name, virtual_size, address, raw_size, offset, flags):
        self.name, self.virtual_size, self.address = name, virtual_size, address
        self.raw_size, self.offset, self.flags = raw_size, offset, flags

    executable = property(lambda self: bool(self.flags & 0x20000000))
    writable = property(lambda self: bool(self.flags & 0x80000000))
    discardable = property(lambda self: bool(self.flags & 0x02000000))


class Image:
    def __init__(self, path):
        self.data = Path(path).read_bytes()
        self.pe = self.u32(0x3c)
        assert self.data[:2] == b"MZ" and self.data[self.pe:self.pe + 4] == b"PE\0\0", f"{path} is no PE image"
        self.machine, count, _, _, _, optional_size, self.characteristics = struct.unpack_from(
            "<HHIIIHH", self.data, self.pe + 4)
        self.optional = self.pe + 24
        self.is_64 = self.u16(self.optional) == 0x20b
        self.pointer = 8 if self.is_64 else 4
        self.entry = self.u32(self.optional + 16)
        self.base = self.word(self.optional + (24 if self.is_64 else 28))
        self.os_version = self.u16(self.optional + 40), self.u16(self.optional + 42)
        self.subsystem_version = self.u16(self.optional + 48), self.u16(self.optional + 50)
        self.size = self.u32(self.optional + 56)
        self.checksum = self.u32(self.optional + 64)
        self.subsystem, self.dll_characteristics = self.u16(self.optional + 68), self.u16(self.optional + 70)
        tables = self.optional + (112 if self.is_64 else 96)
        self.directory = {n: struct.unpack_from("<II", self.data, tables + 8 * i) for i, n in enumerate(DIRECTORIES)}
        self.sections = []
        for index in range(count):
            name, vsize, address, raw, offset, _, _, _, _, flags = struct.unpack_from(
                "<8sIIIIIIHHI", self.data, self.optional + optional_size + 40 * index)
            self.sections.append(Section(name.rstrip(b"\0").decode(), vsize, address, raw, offset, flags))

    def u16(self, at):
        return struct.unpack_from("<H", self.data, at)[0]

    def u32(self, at):
        return struct.unpack_from("<I", self.data, at)[0]

    def word(self, at):
        return struct.unpack_from("<Q" if self.is_64 else "<I", self.data, at)[0]

    def section(self, name):
        return next((s for s in self.sections if s.name == name), None)

    def section_at(self, rva):
        return next(s for s in self.sections if s.address <= rva < s.address + max(s.virtual_size, s.raw_size))

    def offset(self, rva):
        section = self.section_at(rva)
        assert rva - section.address < section.raw_size, f"{rva:#x} has no bytes in the file"
        return section.offset + rva - section.address

    def string(self, rva):
        at = self.offset(rva)
        return self.data[at:self.data.index(b"\0", at)].decode()

    def computed_checksum(self):
        """The sum of 16-bit words with end-around carry, the checksum field taken as zero, plus the length."""
        field = self.optional + 64
        data = self.data[:field] + b"\0\0\0\0" + self.data[field + 4:]
        data += b"\0" * (len(data) % 2)
        total = sum(struct.unpack(f"<{len(data) // 2}H", data))
        while total >> 16:
            total = (total & 0xffff) + (total >> 16)
        return total + len(self.data)

    def imports(self):
        """{library: [names]}; an import by ordinal is an error here."""
        found, at = {}, self.offset(self.directory["import"][0])
        while True:
            lookup, _, _, name, _ = struct.unpack_from("<IIIII", self.data, at)
            if name == 0:
                return found
            names, entry = [], self.offset(lookup)
            while self.word(entry):
                value = self.word(entry)
                assert not value >> (8 * self.pointer - 1), "import by ordinal"
                names.append(self.string(value + 2))
                entry += self.pointer
            found.setdefault(self.string(name).lower(), []).extend(names)
            at += 20

    def relocations(self):
        rva, size = self.directory["relocation"]
        at, end, found = self.offset(rva), self.offset(rva) + size, []
        while at < end:
            page, length = self.u32(at), self.u32(at + 4)
            entries = [self.u16(at + 8 + 2 * i) for i in range((length - 8) // 2)]
            found += [(entry >> 12, page + (entry & 0xfff)) for entry in entries if entry >> 12]
            at += length
        return found

    def codeview(self):
        """(GUID, age, file name) of the PDB that belongs to this image."""
        rva, size = self.directory["debug"]
        for index in range(size // 28):
            at = self.offset(rva) + 28 * index
            if self.u32(at + 12) == 2:
                start, length = self.u32(at + 24), self.u32(at + 16)
                record = self.data[start:start + length]
                assert record[:4] == b"RSDS"
                return (uuid.UUID(bytes_le=record[4:20]), struct.unpack_from("<I", record, 20)[0],
                        record[24:].rstrip(b"\0").decode())
        return None

    def load_config(self):
        """The fields that matter, as values; pointers are virtual addresses."""
        at, p = self.offset(self.directory["load_config"][0]), self.pointer
        cookie = at + (0x58 if self.is_64 else 0x3c)
        names = ("cookie", "seh_table", "seh_count", "guard_check", "guard_dispatch", "guard_table", "guard_count")
        found = {name: self.word(cookie + p * i) for i, name in enumerate(names)}
        found["guard_flags"] = self.u32(cookie + p * len(names))
        found["size"] = self.u32(at)
        return found

    def guard_functions(self):
        config = self.load_config()
        stride = 4 + (config["guard_flags"] >> 28)
        at = self.offset(config["guard_table"] - self.base)
        return [self.u32(at + stride * i) for i in range(config["guard_count"])]

    def references(self, target):
        """How many instructions may name an address (an RVA): displacements on x64, absolute addresses on x86."""
        found = 0
        for section in self.sections:
            if not section.executable:
                continue
            length = min(section.virtual_size, section.raw_size)
            for at in range(length - 3):
                value = struct.unpack_from("<i", self.data, section.offset + at)[0]
                if self.is_64:
                    found += section.address + at + 4 + value == target
                else:
                    found += value == self.base + target
        return found

    def pointers_to(self, target):
        """RVAs of relocated words that hold the address of an RVA."""
        return [rva for _, rva in self.relocations()
                if not self.section_at(rva).executable and self.word(self.offset(rva)) == self.base + target]

    def resource_types(self):
        """Numbers of the resource types at the root of the resource tree."""
        at = self.offset(self.directory["resource"][0])
        named, numbered = self.u16(at + 12), self.u16(at + 14)
        return [self.u32(at + 16 + 8 * (named + i)) for i in range(numbered)]

    def debug_entries(self):
        """[(type, size, offset in the file)] of the debug directory."""
        at, size = self.directory["debug"]
        at = self.offset(at)
        return [(self.u32(at + 28 * i + 12), self.u32(at + 28 * i + 16), self.u32(at + 28 * i + 24))
                for i in range(size // 28)]

    def resource(self, *path):
        """The bytes of a resource: its type and name, each a number or a text; of the first language."""
        root = self.offset(self.directory["resource"][0])
        at = root
        for step in (*path, None):
            named, numbered = self.u16(at + 12), self.u16(at + 14)
            for index in range(named + numbered):
                key, target = self.u32(at + 16 + 8 * index), self.u32(at + 20 + 8 * index)
                if key & 0x80000000:
                    place = root + (key & 0x7fffffff)
                    key = self.data[place + 2:place + 2 + 2 * self.u16(place)].decode("utf-16-le")
                if step is None or key == (step.upper() if isinstance(step, str) else step):
                    break
            else:
                return None
            at = root + (target & 0x7fffffff)
        return self.data[self.offset(self.u32(at)):][:self.u32(at + 4)]


def pdb_streams(path):
    """The streams of a PDB by number."""
    data = Path(path).read_bytes()
    assert data.startswith(b"Microsoft C/C++ MSF 7.00\r\n"), f"{path} is no PDB"
    block, _, _, directory_size, _, map_block = struct.unpack_from("<IIIIII", data, 32)

    def blocks(size):
        return (size + block - 1) // block

    numbers = struct.unpack_from(f"<{blocks(directory_size)}I", data, map_block * block)
    directory = b"".join(data[n * block:(n + 1) * block] for n in numbers)[:directory_size]
    count = struct.unpack_from("<I", directory)[0]
    sizes = [0 if s == 0xffffffff else s for s in struct.unpack_from(f"<{count}I", directory, 4)]
    streams, at = [], 4 + 4 * count
    for size in sizes:
        numbers = struct.unpack_from(f"<{blocks(size)}I", directory, at)
        streams.append(b"".join(data[n * block:(n + 1) * block] for n in numbers)[:size])
        at += 4 * blocks(size)
    return streams


def pdb_identity(path):
    """(GUID, age) of a PDB: the GUID stands in stream 1, the age that an image must match in stream 3."""
    streams = pdb_streams(path)
    return uuid.UUID(bytes_le=streams[1][12:28]), struct.unpack_from("<I", streams[3], 8)[0]
