# SPDX-License-Identifier: BSD-2-Clause
"""The driver's own counters: the WMI classes name what include/counters.h lists, in its order and under its GUIDs."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
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


if __name__ == "__main__":
    unittest.main()
