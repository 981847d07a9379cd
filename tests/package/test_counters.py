# SPDX-License-Identifier: BSD-2-Clause
"""The driver's own counters: the WMI classes name what include/counters.h lists, in its order and under its GUIDs; and
the driver's resource holds them, compiled: it is unpacked and read back here by a reader of its own.
"""

import random
import re
import struct
import unittest

from scripts.build import mof
from scripts.cli import ROOT, Stop
from tests.support.pe_file import Image

HEADER = (ROOT / "include" / "counters.h").read_text()
CLASSES = (ROOT / "src" / "xennet" / "xennet.mof").read_text()


def spelled(initializer):
    parts = [int(number, 16) for number in re.findall(r"0x([0-9a-f]+)", initializer)]
    return f"{parts[0]:08X}-{parts[1]:04X}-{parts[2]:04X}-{parts[3]:02X}{parts[4]:02X}-" + "".join(f"{part:02X}"
                                                                                                   for part in parts[
                                                                                                       5:])


class Counters(unittest.TestCase):
    def test_the_class_has_the_counters_in_their_order(self):
        names = re.findall(r"X\((\w+), (?:Transmit|Receive),", HEADER)
        found = re.findall(r"WmiDataId\((\d+)\), read\] uint64 (\w+);", CLASSES)
        self.assertGreater(len(names), 20)
        self.assertEqual(found, [(str(place), name) for place, name in enumerate(names, 1)])

    def test_the_classes_have_the_guids_of_the_header(self):
        guids = [spelled(text) for text in re.findall(r"#define XENNET_GUID_\w+((?:.*\\\n)*.*)", HEADER)]
        self.assertEqual(re.findall(r"guid\(\"\{([0-9A-F-]+)\}\"\)", CLASSES), guids)


class Unpacker:
    """DoubleSpace's compression read back, a bit at a time."""

    def __init__(self, data):
        assert data[:4] == b"DS\0\1"
        self.value = int.from_bytes(data[4:], "little")

    def take(self, count):
        found = self.value & ((1 << count) - 1)
        self.value >>= count
        return found

    def length(self):
        zeros = 0
        while not self.take(1):
            zeros += 1
            assert zeros < 9
        return 1 + (1 << zeros) + self.take(zeros)

    def run(self, size):
        out = bytearray()
        while True:
            kind = self.take(2)
            if kind in (1, 2):
                out.append(self.take(7) | (0x80 if kind == 1 else 0))
                continue
            offset = self.take(6) if kind == 0 else self.take(12) + 320 if self.take(1) else self.take(8) + 64
            if offset == 0x113f:
                assert len(out) % 512 == 0 or len(out) == size
                if len(out) == size:
                    return bytes(out)
                continue
            assert 0 < offset <= len(out)
            for _ in range(self.length()):
                out.append(out[-offset])


def unpacked(data):
    magic, version, packed, size = struct.unpack_from("<4sIII", data)
    assert (magic, version, packed) == (b"FOMB", 1, len(data) - 16)
    return Unpacker(data[16:]).run(size)


def text_at(data, at):
    end = at
    while data[end:end + 2] != b"\0\0":
        end += 2
    return data[at:end].decode("utf-16-le")


def records(data, at):
    """The records of a list at a place."""
    _, count = struct.unpack_from("<II", data, at)
    at += 8
    for _ in range(count):
        yield at
        at += struct.unpack_from("<I", data, at)[0]


def qualifiers(data, at):
    found = {}
    for record in records(data, at):
        _, kind, name, value = struct.unpack_from("<IIII", data, record)
        place = record + 16 + value
        found[text_at(data, record + 16 + name)] = (text_at(data, place) if kind == 8 else
                                                    struct.unpack_from("<I", data, place)[0])
    return found


def classes(data):
    """{class: (parent, namespace, qualifiers, {member: (type, qualifiers)})}"""
    found = {}
    for at in records(data, 12):
        _, own, members, _, _ = struct.unpack_from("<IIIII", data, at)
        system, fields = {}, {}
        for record in records(data, at + 20 + members):
            _, kind, name, value, marks = struct.unpack_from("<IIIII", data, record)
            title = text_at(data, record + 20 + name)
            if marks == 0xffffffff:
                system[title] = text_at(data, record + 20 + value)
            else:
                fields[title] = (kind, qualifiers(data, record + 20 + marks))
        found[system["__CLASS"]] = (system.get("__SUPERCLASS"), system["__NAMESPACE"],
                                    qualifiers(data, at + 20 + own), fields)
    return found


class Resource(unittest.TestCase):
    def test_the_images_have_the_classes_for_wmi(self):
        for arch in ("x64", "x86"):
            data = unpacked(Image(ROOT / "xennet" / arch / "xennet.sys").resource("MOFDATA", "NdisMofResource"))
            self.assertEqual((data[:4], len(data)), (b"FOMB", struct.unpack_from("<I", data, 4)[0] + 20))
            self.assertEqual(data[-20:], b"BMOFQUALFLAVOR11" + bytes(4))
            found = classes(data)
            self.assertEqual(list(found), re.findall(r"(?m)^class (\w+)", CLASSES))
            parent, namespace, own, fields = found["XenNet_Counters"]
            self.assertEqual((parent, namespace), ("XenNet_Information", "\\\\.\\root\\wmi"))
            self.assertEqual(own["guid"], "{0B0E3D6C-6C0B-4E53-8A9E-58454E4E4501}")
            self.assertEqual(own["Provider"], "WMIProv")
            self.assertEqual(fields["InstanceName"], (8, {"CIMTYPE": "string", "key": 0xffff, "read": 0xffff}))
            self.assertEqual(fields["SendDropOffload"], (0x15, {"CIMTYPE": "uint64", "WmiDataId": 2, "read": 0xffff}))
            self.assertEqual(len(fields), 2 + len(re.findall(r"X\((\w+), (?:Transmit|Receive),", HEADER)))
            fields = found["XenNet_Queues"][3]
            self.assertEqual(fields["Values"][0], 0x2015)
            self.assertEqual(fields["Values"][1]["WmiSizeIs"], "NumberElements")

    def test_wide_values_are_where_wmi_looks_for_them(self):
        # WMI aligns a member to its size, so a count of 32 bits has 32 more behind it.
        at, places = 0, {}
        for kind, name in re.findall(r"WmiDataId\(\d+\), read.*?\] (uint\d+) (\w+)",
                                     CLASSES[CLASSES.index("class XenNet_Queues"):]):
            size = int(kind[4:]) // 8
            places[name] = at
            self.assertEqual(at % size, 0, name)
            at += size
        self.assertEqual(places, {"NumberElements": 0, "Reserved": 4, "Values": 8})

    def test_any_bytes_come_back(self):
        draw = random.Random(1)
        for size in (0, 1, 2, 3, 511, 512, 513, 1024, 5000, 9000):
            for data in (bytes(size), draw.randbytes(size), bytes(draw.choice(b"ab") for _ in range(size)),
                         (b"0123456789" * 1000)[:size]):
                if size:
                    self.assertEqual(Unpacker(mof.packed(data)).run(size), data)

    def test_what_the_compiler_does_not_know_stops_the_build(self):
        for text in ("instance of X { };", "class A { float x; };", "class A { void F(); };", "class A { string s; }",
                     "#pragma classflags(1)", "class A { @ };"):
            with self.subTest(text), self.assertRaises(Stop):
                mof.unpacked(text)


if __name__ == "__main__":
    unittest.main()
