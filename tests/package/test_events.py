# SPDX-License-Identifier: BSD-2-Clause
"""The event log's texts: what the image has is what events.ini says, IDs stay, and each is explained in the
documents."""

import re
import struct
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from scripts.build import events
from scripts.cli import ROOT, Stop
from tests.support.pe_file import Image

RT_MESSAGETABLE = 11
X86_BYTES = 108    # strings that NDIS takes on 32-bit Windows
# A published ID keeps its meaning and severity.
PUBLISHED = {1: ("INTERFACE_MISSING", "error"), 2: ("KEYWORD", "warning"), 3: ("START_FAILED", "error"),
             4: ("NETWORK_ADDRESS", "warning"), 5: ("BACKEND_SILENT", "warning"), 6: ("FRAME_SIZE", "information"),
             7: ("NO_RSS", "information"), 8: ("BACKEND_GONE", "warning"),
             9: ("NO_ANSWER", "warning")}


def messages(table):
    """{code: text} of a message table, read as Windows does."""
    found = {}
    for index in range(struct.unpack_from("<I", table)[0]):
        low, high, at = struct.unpack_from("<III", table, 4 + 12 * index)
        for code in range(low, high + 1):
            length, flags = struct.unpack_from("<HH", table, at)
            assert flags == 1 and length % 4 == 0
            found[code] = table[at + 4:at + length].decode("utf-16-le").rstrip("\0")
            at += length
    return found


class Events(unittest.TestCase):
    def test_the_images_have_the_texts(self):
        for arch in ("x64", "x86"):
            found = messages(Image(ROOT / "xennet" / arch / "xennet.sys").resource(RT_MESSAGETABLE, 1))
            self.assertEqual(found, {event.code: event.text + "\r\n" for event in events.read()})

    def test_published_ids_keep_their_meaning(self):
        found = {event.number: (event.name, event.severity) for event in events.read()}
        self.assertEqual({number: found.get(number) for number in PUBLISHED}, PUBLISHED)

    def test_codes_have_severity_customer_bit_and_id(self):
        codes = {event.name: event.code for event in events.read()}
        self.assertEqual((codes["START_FAILED"], codes["KEYWORD"], codes["FRAME_SIZE"]),
                         (0xe0000003, 0xa0000002, 0x60000006))
        self.assertIn("#define XENNET_EVENT_START_FAILED ((NTSTATUS)0xe0000003L)\n", events.header())

    def test_the_driver_gives_each_text_what_it_asks_for(self):
        source = (ROOT / "src" / "xennet" / "report.c").read_text()
        calls = dict(re.findall(r"EventLogWrite\(XENNET_EVENT_(\w+), (\w+)", source))
        self.assertEqual(calls.keys(), {event.name for event in events.read()})
        for event in events.read():
            body = source[:source.index(f"XENNET_EVENT_{event.name},")]
            body = body[body.rindex("_Use_decl_annotations_"):]
            numbers = len(set(re.findall(r"Numbers\[(\d)\] =", body)))
            strings = numbers + (calls[event.name] != "NULL")
            self.assertEqual(len(set(re.findall(r"%(\d+)", event.text))), strings, event.name)
            # A number has ten digits; the longest name of an interface is SUSPEND, of a keyword's text 53 characters.
            text = {"KEYWORD": 54, "INTERFACE_MISSING": 8}.get(event.name, 0)
            self.assertLessEqual(2 * (text + 11 * numbers), X86_BYTES + 2, event.name)

    def test_each_is_explained(self):
        text = (ROOT / "docs" / "events.md").read_text()
        rows = re.findall(r"^\| (\d+) \| (\w+) \|", text, re.MULTILINE)
        self.assertEqual(rows, [(str(event.number), event.severity) for event in events.read()])

    def test_a_source_without_sense_is_refused(self):
        good = "[A]\nid = 1\nseverity = error\ntext = one %2\n"
        for old, new in (("id = 1", "id = x"), ("id = 1", "id = 0"), ("error", "fatal"), ("%2", "%3"),
                         ("text", "words"),
                         ("one %2\n", "one %2\n[B]\nid = 1\nseverity = error\ntext = two\n")):
            with self.subTest(new), tempfile.TemporaryDirectory() as folder, \
                    mock.patch.object(events, "ROOT", Path(folder)):
                path = Path(folder) / events.SOURCE
                path.parent.mkdir(parents=True)
                path.write_text(good)
                self.assertEqual(len(events.read()), 1)
                path.write_text(good.replace(old, new))
                with self.assertRaises(Stop):
                    events.read()


if __name__ == "__main__":
    unittest.main()
