# SPDX-License-Identifier: BSD-2-Clause
"""Reads the testbed's captures: pcapng with the interfaces "guest" and "wire", flags telling the direction as the
driver sees it, and a comment with what a frame carries beside its bytes.

Only what traffic tests ask is taken from a frame: IP version, protocol, ports, length, and whether its transport
checksum is right. Nothing is believed that the comment does not say or the bytes do not show.
"""

import struct
from dataclasses import dataclass

SECTION, INTERFACE, PACKET = 0x0a0d0d0a, 1, 6
OPTION_COMMENT, OPTION_NAME, OPTION_FLAGS = 1, 2, 2
TOWARDS, FROM = "towards", "from"   # the driver
TCP, UDP, FRAGMENT = 6, 17, 44


@dataclass
class Frame:
    edge: str            # "guest" or "wire"
    way: str             # TOWARDS or FROM the driver
    comment: str
    data: bytes
    family: int = 0      # 4, 6, or 0: not IP
    protocol: int = 0
    transport: int = 0   # where its header starts
    fragment: bool = False

    @property
    def payload(self):
        """Bytes after the transport header."""
        if self.protocol == TCP:
            return self.end - self.transport - (self.data[self.transport + 12] >> 4) * 4
        return self.end - self.transport - 8

    @property
    def end(self):
        """End of the IP packet: a short frame is padded."""
        if self.family == 4:
            return 14 + struct.unpack_from("!H", self.data, 16)[0]
        return 54 + struct.unpack_from("!H", self.data, 18)[0]

    def checksum_right(self):
        """Does the transport checksum in the frame hold for its bytes?"""
        addresses = self.data[26:34] if self.family == 4 else self.data[22:54]
        length = self.end - self.transport
        pseudo = addresses + struct.pack("!II", length, self.protocol)
        return ones_sum(pseudo + self.data[self.transport:self.end]) == 0xffff


def ones_sum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def options_of(block):
    """{code: value} of a block's options; a code that is there twice keeps the last."""
    found, at = {}, 0
    while at + 4 <= len(block):
        code, size = struct.unpack_from("<HH", block, at)
        if code == 0:
            break
        found[code] = block[at + 4:at + 4 + size]
        at += 4 + (size + 3) // 4 * 4
    return found


def parse(frame):
    """Find the IP and transport headers."""
    kind = struct.unpack_from("!H", frame.data, 12)[0]
    if kind == 0x0800:
        frame.family, frame.protocol = 4, frame.data[23]
        frame.transport = 14 + (frame.data[14] & 15) * 4
        frame.fragment = struct.unpack_from("!H", frame.data, 20)[0] & 0x3fff != 0
    elif kind == 0x86dd:
        frame.family, frame.protocol, frame.transport = 6, frame.data[20], 54
        if frame.protocol == FRAGMENT:
            frame.fragment, frame.protocol, frame.transport = True, frame.data[54], 62
    return frame


def frames(path):
    """All frames of a capture, in order."""
    names = []
    with open(path, "rb") as capture:
        while True:
            head = capture.read(8)
            if not head:
                return
            kind, size = struct.unpack("<II", head)
            body = capture.read(size - 8)
            if len(body) != size - 8 or struct.unpack("<I", body[-4:])[0] != size:
                raise ValueError(f"{path}: a block of {size} bytes is cut off or does not end as it began")
            body = body[:-4]
            if kind == SECTION:
                names = []
            elif kind == INTERFACE:
                names.append(options_of(body[8:])[OPTION_NAME].decode())
            elif kind == PACKET:
                interface, _high, _low, captured, _length = struct.unpack_from("<IIIII", body)
                options = options_of(body[20 + (captured + 3) // 4 * 4:])
                inbound = struct.unpack("<I", options[OPTION_FLAGS])[0] & 3 == 1
                yield parse(Frame(names[interface], TOWARDS if inbound else FROM,
                                  options.get(OPTION_COMMENT, b"").decode(),
                                  body[20:20 + captured]))


@dataclass
class Seen:
    """What passed one edge in one direction, of one protocol over one IP version, of frames with payload."""

    frames: int = 0
    gso: int = 0         # larger than the MTU, to be cut or put together
    partial: int = 0     # checksum left to whoever comes next
    valid: int = 0       # checksum vouched for
    right: int = 0       # checksum in the frame is right
    wrong: int = 0       # neither right nor left to anyone

    def add(self, frame):
        self.frames += 1
        gso = frame.comment.startswith("gso")
        partial = "checksum partial" in frame.comment
        valid = "checksum valid" in frame.comment
        self.gso += gso
        self.partial += partial
        self.valid += valid
        if not gso:
            right = frame.checksum_right()
            self.right += right
            self.wrong += not right and not partial and not valid


def summarize(path, sample=4000):
    """{(edge, way, family, protocol): Seen} of whole datagrams and segments with payload; of each at most `sample`.

    Empty TCP segments are left out: a stack answers for a closed connection with a checksum of its own making."""
    seen = {}
    for frame in frames(path):
        if frame.protocol in (TCP, UDP) and frame.family and not frame.fragment and frame.payload > 0:
            entry = seen.setdefault((frame.edge, frame.way, frame.family, frame.protocol), Seen())
            if entry.frames < sample:
                entry.add(frame)
    return seen
