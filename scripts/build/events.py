# SPDX-License-Identifier: BSD-2-Clause
"""The event log's texts: src/xennet/events.ini, written as events.h and as the message table of the driver's resources.

A code is a severity in the highest two bits, the bit of codes that are not Microsoft's, and the event ID. The table
(MESSAGE_RESOURCE_DATA of winnt.h) has blocks of consecutive codes; an entry is its length, a flag for UTF-16, the text
with CR LF and zeros up to a multiple of four bytes.
"""

import configparser
import re
import struct
from dataclasses import dataclass

from scripts.cli import ROOT, Stop

SOURCE = "src/xennet/events.ini"
SEVERITIES = {"information": 1, "warning": 2, "error": 3}
CUSTOMER = 0x20000000
UNICODE = 1


@dataclass(frozen=True)
class Event:
    name: str
    number: int
    severity: str
    text: str

    @property
    def code(self):
        return SEVERITIES[self.severity] << 30 | CUSTOMER | self.number


def read():
    parser = configparser.ConfigParser(delimiters=("=",), comment_prefixes=("#",), interpolation=None)
    try:
        if not parser.read(ROOT / SOURCE, encoding="ascii"):
            raise Stop(f"{SOURCE} is missing: the driver's message table is made of it")
        found = [Event(name, int(parser[name]["id"]), parser[name]["severity"], " ".join(parser[name]["text"].split()))
                 for name in parser.sections()]
    except (configparser.Error, KeyError, ValueError) as error:
        raise Stop(f"{SOURCE}: {error}: an event has a number id, a severity and a text") from error
    numbers = [event.number for event in found]
    for event in found:
        inserts = sorted({int(number) for number in re.findall(r"%(\d+)", event.text)})
        if event.severity not in SEVERITIES or not 0 < event.number < 0x10000 or numbers.count(event.number) > 1:
            raise Stop(f"{SOURCE}: {event.name}: id or severity cannot be used")
        if inserts != list(range(2, len(inserts) + 2)):
            raise Stop(f"{SOURCE}: {event.name}: the text must use %2 and up, each")
    return found


def header():
    lines = "\n".join(f"#define XENNET_EVENT_{event.name} ((NTSTATUS){event.code:#010x}L)" for event in read())
    return (f"// Made of {SOURCE} by the build.\n#ifndef XENNET_EVENTS_H\n#define XENNET_EVENTS_H\n\n{lines}\n\n"
            "#endif\n")


def table():
    """The bytes of the message table."""
    events = sorted(read(), key=lambda event: event.code)
    blocks, entries = [], b""
    at = 4 + 12 * len(events)
    for event in events:
        text = (event.text + "\r\n\0").encode("utf-16-le")
        text += bytes(-len(text) % 4)
        blocks.append(struct.pack("<III", event.code, event.code, at + len(entries)))
        entries += struct.pack("<HH", 4 + len(text), UNICODE) + text
    return struct.pack("<I", len(events)) + b"".join(blocks) + entries
