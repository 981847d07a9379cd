# SPDX-License-Identifier: BSD-2-Clause
"""Compiles src/xennet/xennet.mof, as mofcomp -B does, into what WMI reads from a driver's resource.

A compiled MOF file is a header, FOMB, version 1, both sizes, and then the classes in DoubleSpace's compression (DS
0.1). Unpacked: FOMB, the length, the list of classes, and a list of qualifiers with flavors, which ours have none of.
Every record begins with its length; names and values stand where offsets say, and everything is at a multiple of four.

  class       length, offsets of qualifiers, properties and methods from the end of this header, kind 0
  property    length, type, offsets of name, value (-1: none) and qualifiers (-1: none)
  qualifier   length, type, offsets of name and value

What a class is called, derives from and belongs to are properties too (__CLASS, __SUPERCLASS, __NAMESPACE). Known here:
classes without methods, the basic types, arrays; anything else in the text stops the build.
"""

import re
import struct

from scripts.cli import ROOT, Stop

SOURCE = "src/xennet/xennet.mof"
TYPES = {"string": 8, "boolean": 0xb, "sint32": 3, "uint32": 0x13, "uint64": 0x15}
SINT32, STRING, BOOLEAN, ARRAY = 3, 8, 0xb, 0x2000
NONE = 0xffffffff
TOKEN = re.compile(r'\s+|//[^\n]*|(?P<word>#?\w+)|(?P<text>"(?:[^"\\]|\\.)*")|(?P<mark>[\[\](){}:;,])')


def tokens(text):
    found, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        if match is None:
            raise Stop(f"{SOURCE}: {text[at:at + 30]!r} is not understood")
        at = match.end()
        if match.lastgroup == "text":
            found.append(("text", re.sub(r"\\(.)", r"\1", match.group("text")[1:-1])))
        elif match.lastgroup:
            found.append((match.lastgroup, match.group()))
    return found


class Reader:
    """[(name, parent or None, qualifiers, [(name, type, is array, qualifiers)])] and the namespace."""

    def __init__(self, text):
        self.tokens, self.at = tokens(text) + [("end", "")], 0
        self.namespace, self.classes = "root\\default", []
        while self.tokens[self.at][0] != "end":
            if self.tokens[self.at][1] == "#pragma":
                self.pragma()
            else:
                self.classes.append(self.class_())

    def take(self, *allowed):
        kind, text = self.tokens[self.at]
        if allowed and text not in allowed and kind not in allowed:
            raise Stop(f"{SOURCE}: {text!r} instead of {' or '.join(allowed)}")
        self.at += 1
        return text

    def next_is(self, text):
        return self.tokens[self.at] == ("mark", text)

    def pragma(self):
        self.take("#pragma")
        if self.take("namespace", "autorecover") == "namespace":
            self.take("(")
            self.namespace = self.take("text")
            self.take(")")

    def qualifiers(self):
        found = []
        if not self.next_is("["):
            return found
        self.take("[")
        while True:
            name, value = self.take("word"), True
            if self.next_is("("):
                self.take("(")
                kind = self.tokens[self.at][0]
                value = self.take("word", "text")
                value = int(value) if kind == "word" else value
                self.take(")")
            found.append((name, value))
            if self.take(",", "]") == "]":
                return found

    def class_(self):
        qualifiers = self.qualifiers()
        self.take("class")
        name, parent, members = self.take("word"), None, []
        if self.next_is(":"):
            self.take(":")
            parent = self.take("word")
        self.take("{")
        while not self.next_is("}"):
            own = self.qualifiers()
            kind, member, array = self.take(*TYPES), self.take("word"), False
            if self.next_is("["):
                self.take("[")
                self.take("]")
                array = True
            self.take(";")
            members.append((member, kind, array, own))
        self.take("}")
        self.take(";")
        return name, parent, qualifiers, members


def padded(data):
    return data + bytes(-len(data) % 4)


def wide(text):
    return padded(text.encode("utf-16-le") + b"\0\0")


def value_of(value):
    """(type, bytes) of a qualifier's value."""
    if value is True:
        return BOOLEAN, struct.pack("<I", 0xffff)
    if isinstance(value, int):
        return SINT32, struct.pack("<i", value)
    return STRING, wide(value)


def record(*parts):
    data = b"".join(parts)
    return struct.pack("<I", 4 + len(data)) + data


def listed(records):
    """A list: its length, how many, and they."""
    return record(struct.pack("<I", len(records)), *records)


def qualifier(name, value):
    kind, data = value_of(value)
    return record(struct.pack("<III", kind, 0, len(wide(name))), wide(name), data)


def system_property(name, value):
    return record(struct.pack("<IIII", STRING, 0, len(wide(name)), NONE), wide(name), wide(value))


def member_property(name, kind, array, qualifiers):
    own = listed([qualifier("CIMTYPE", kind), *(qualifier(*each) for each in qualifiers)])
    return record(struct.pack("<IIII", TYPES[kind] | ARRAY * array, 0, NONE, len(wide(name))), wide(name), own)


def class_record(namespace, name, parent, qualifiers, members):
    own = listed([qualifier(*each) for each in qualifiers])
    system = [("__NAMESPACE", namespace), ("__CLASS", name)] + ([("__SUPERCLASS", parent)] if parent else [])
    properties = listed([*(member_property(*each) for each in members), *(system_property(*each) for each in system)])
    return record(struct.pack("<IIII", 0, len(own), len(own) + len(properties), 0), own, properties, listed([]))


def unpacked(text):
    """The classes before compression."""
    read = Reader(text)
    body = struct.pack("<III", 1, 1, len(read.classes)) + b"".join(class_record(read.namespace, *each)
                                                                  for each in read.classes)
    return b"FOMB" + struct.pack("<I", 8 + len(body)) + body + b"BMOFQUALFLAVOR11" + struct.pack("<I", 0)


# --- DoubleSpace ---

WINDOW = 4096 + 320 - 2      # farthest a repetition reaches back; one more is the mark that ends 512 bytes
LONGEST = 513
BLOCK = 512
CANDIDATES = 64            # earlier places that are compared, the nearest first
END = 0x113f


class Bits:
    """A stream of bits, the lowest first."""

    def __init__(self):
        self.value, self.count = 0, 0

    def put(self, value, count):
        self.value |= value << self.count
        self.count += count

    def bytes(self):
        return self.value.to_bytes((self.count + 15) // 16 * 2, "little")


def put_offset(bits, offset):
    """How far back: 6 bits up to 63, 8 up to 319, 12 up to END."""
    if offset < 64:
        bits.put(offset << 2, 8)
    elif offset < 320:
        bits.put(offset - 64 << 3 | 3, 11)
    else:
        bits.put(offset - 320 << 3 | 7, 15)


def put_length(bits, length):
    """How much: a run of zeros and a one says how many bits follow; the shortest repetition is 2."""
    zeros = (length - 1).bit_length() - 1
    bits.put(1 << zeros, zeros + 1)
    bits.put(length - 1 - (1 << zeros), zeros)


def packed(data):
    bits = Bits()
    seen, at = {}, 0
    while at < len(data):
        # A repetition ends with its block of 512 bytes, after which a mark stands.
        limit = min(BLOCK - at % BLOCK, len(data) - at, LONGEST)
        best, offset = 0, 0
        for start in reversed(seen.get(data[at:at + 3], ())[-CANDIDATES:]):
            if at - start > WINDOW:
                break
            length = next((k for k in range(limit) if data[start + k] != data[at + k]), limit)
            if length > best:
                best, offset = length, at - start
        step = best if best >= 3 else 1
        if best >= 3:
            put_offset(bits, offset)
            put_length(bits, best)
        else:
            byte = data[at]
            bits.put((byte & 0x7f) << 2 | (1 if byte & 0x80 else 2), 9)
        for place in range(at, at + step):
            seen.setdefault(data[place:place + 3], []).append(place)
        at += step
        if at % BLOCK == 0 or at == len(data):
            put_offset(bits, END)
    return b"DS\0\1" + bits.bytes()


def compiled(text=None):
    """The bytes of the resource."""
    if text is None:
        text = (ROOT / SOURCE).read_text(encoding="ascii")
    data = unpacked(text)
    body = packed(data)
    return b"FOMB" + struct.pack("<III", 1, len(body), len(data)) + body
