# SPDX-License-Identifier: BSD-2-Clause
"""What Windows requires of the co-installer DLL, read back for both architectures; it is placed in memory as a loader
does.

Also the INF's models: each against the table of revisions.
"""

import re
import shutil
import struct
import unittest
from unittest import mock

from scripts.build import driver, editions, made, templates, version
from scripts.build.tools import ARCHITECTURES
from scripts.build.tree import Tree
from scripts.cli import ROOT
from scripts.inf import template as build_inf
from scripts.inf.file import Inf
from tests.support.pe_file import Image, pdb_identity
from tests.package.test_image import MACHINES, windows_7_exports

ELSEWHERE = 0x20000000     # where a loader might put it


def exports(image):
    """{name: address} of the export table."""
    at = image.offset(image.directory["export"][0])
    count, functions, names, ordinals = struct.unpack_from("<IIII", image.data, at + 24)
    found = {}
    for index in range(count):
        ordinal = image.u16(image.offset(ordinals) + 2 * index)
        name = image.string(image.u32(image.offset(names) + 4 * index))
        found[name] = image.u32(image.offset(functions) + 4 * ordinal)
    return found


class CoinstallerImage:
    arch = None

    @classmethod
    def setUpClass(cls):
        with made.one_at_a_time(print), driver.one_at_a_time():
            cls.path, cls.pdb = driver.make_coinstaller(cls.arch, "free", Tree())
        cls.image = Image(cls.path)

    def test_it_is_a_dll_for_windows_7_and_later_and_carries_its_version_in_its_name(self):
        self.assertEqual(self.image.machine, MACHINES[self.arch])
        self.assertTrue(self.image.characteristics & 0x2000, "a DLL")
        self.assertFalse(self.image.characteristics & 0x0001, "relocations stripped")
        self.assertEqual((self.image.subsystem, self.image.subsystem_version, self.image.os_version),
                         (2, (6, 1), (6, 1)))
        self.assertEqual(self.path.name, f"xennet_coinst_{version.text().replace('.', '_')}.dll")
        self.assertIn(self.path.name, templates.inf(self.arch, editions.WINDOWS7).decode())

    def test_the_inf_names_what_it_exports(self):
        self.assertEqual(list(exports(self.image)), ["CoDeviceInstall"])
        self.assertIn(f'"{self.path.name},CoDeviceInstall"', templates.inf(self.arch, editions.WINDOWS7).decode())

    def test_it_needs_nothing_but_windows_own_dlls_of_windows_7(self):
        imports = self.image.imports()
        self.assertLessEqual(set(imports), {f"{name}.dll" for name in driver.COINSTALLER_LIBRARIES})
        for library, names in imports.items():
            self.assertEqual(sorted(set(names) - windows_7_exports(library.rsplit(".", 1)[0], self.arch)), [], library)

    def test_it_is_hardened_like_the_driver(self):
        flags = self.image.dll_characteristics
        self.assertEqual((flags & 0x0040, flags & 0x0100, flags & 0x4000), (0x0040, 0x0100, 0x4000), "ASLR, NX, guard")
        self.assertEqual(bool(flags & 0x0020), self.arch == "x64", "high entropy")
        self.assertEqual([section.name for section in self.image.sections if section.writable and section.executable],
                         [])
        config = self.image.load_config()
        self.assertEqual(config["guard_flags"] & 0x500, 0x500)
        guarded = self.image.guard_functions()
        self.assertIn(exports(self.image)["CoDeviceInstall"], guarded)
        cookie = config["cookie"] - self.image.base
        self.assertTrue(self.image.section_at(cookie).writable)
        if self.arch == "x86":
            self.assertEqual(flags & 0x0400, 0x0400, "no exception handler is a valid one")

    def test_a_loader_can_put_it_anywhere(self):
        image, size = self.image, 8 if self.arch == "x64" else 4
        memory = bytearray(image.size)
        for section in image.sections:
            raw = image.data[section.offset:section.offset + min(section.raw_size, section.virtual_size)]
            memory[section.address:section.address + len(raw)] = raw
        relocations = image.relocations()
        self.assertGreater(len(relocations), 4)
        for kind, rva in relocations:
            self.assertEqual(kind, 10 if self.arch == "x64" else 3)
            pointer = int.from_bytes(memory[rva:rva + size], "little") - image.base + ELSEWHERE
            self.assertTrue(ELSEWHERE <= pointer <= ELSEWHERE + image.size, hex(rva))
            memory[rva:rva + size] = pointer.to_bytes(size, "little")
        for rva in (image.entry, exports(image)["CoDeviceInstall"]):
            self.assertTrue(image.section_at(rva).executable)
        self.assertFalse(image.directory["tls"][0] or image.directory["delay_import"][0] or image.directory["clr"][0])

    def test_checksum_resource_and_pdb_are_right(self):
        self.assertEqual(self.image.checksum, self.image.computed_checksum())
        rva, size = self.image.directory["resource"]
        resource = self.image.data[self.image.offset(rva):self.image.offset(rva) + size]
        self.assertIn(self.path.name.encode("utf-16-le"), resource)
        guid, age, name = self.image.codeview()
        self.assertEqual((guid, age, name), (*pdb_identity(self.pdb), self.pdb.name))
        self.assertNotIn(str(ROOT).encode(), self.path.read_bytes())

    def test_the_same_sources_give_the_same_bytes(self):
        first = self.path.read_bytes(), self.pdb.read_bytes()
        shutil.rmtree(self.path.parent)
        self.setUpClass()
        self.assertEqual((self.path.read_bytes(), self.pdb.read_bytes()), first)


class X64(CoinstallerImage, unittest.TestCase):
    arch = "x64"


class X86(CoinstallerImage, unittest.TestCase):
    arch = "x86"


class Models(unittest.TestCase):
    def sections(self, edition, arch="x64"):
        return Inf(templates.inf(arch, edition)).sections

    def test_each_windows_gets_every_device_of_every_revision_once(self):
        rows = build_inf.revisions()
        self.assertEqual([row[0] for row in rows], ["0800000D"] + [f"0900000{i}" for i in range(6)])
        expected = [[f"XENVIF\\VEN_{prefix}{device}&DEV_NET&REV_{row[0]}" for row in reversed(rows)
                     for device in ("0001", "0002", "C000")] for prefix in ("XP", "XS", "XN")]
        for arch, decoration in zip(ARCHITECTURES, ("NTamd64", "NTx86")):
            for edition, ends in ((editions.WINDOWS10, (".10.0...14393", ".10.0...19041", ".10.0...22000",
                                                      ".10.0...25398", ".10.0...26100")),
                                  (editions.WINDOWS7, (".6.1", ".10.0...14393"))):
                sections = self.sections(edition, arch)
                self.assertEqual(sections["manufacturer"].lines[0].values, ["XenNet", *(decoration + end
                                                                                        for end in ends)])
                for end in ends:
                    lines = [line.values[1:] for line in sections[f"xennet.{decoration}{end}".lower()].lines]
                    empty = edition is editions.WINDOWS7 and end != ".6.1"
                    self.assertEqual(lines, [] if empty else expected)

    def test_only_the_package_for_old_windows_has_a_coinstaller(self):
        self.assertIn("xennet_inst.coinstallers", self.sections(editions.WINDOWS7))
        self.assertNotIn(b"coinst", templates.inf("x64").lower())

    def test_the_coinstaller_asks_for_the_versions_that_the_driver_negotiates(self):
        asked = {name: (low, high) for name, low, high in
                 re.findall(r'\{L"(\w+)", (\d+), (\d+)\}', (ROOT / "src" / "coinst" / "api.c").read_text())}
        for name, header, prefix in (("VIF", "vif", "XENVIF"), ("STORE", "store", "XENBUS"),
                                     ("SUSPEND", "suspend", "XENBUS")):
            text = (ROOT / "include" / f"{header}_interface.h").read_text()
            limits = tuple(re.search(rf"#define {prefix}_{name}_INTERFACE_VERSION_{end}\s+(\d+)", text).group(1)
                           for end in ("MIN", "MAX"))
            self.assertEqual(asked.pop(name), limits)
        self.assertEqual(asked, {})

    def test_a_prefix_and_device_id_of_ones_own_are_added(self):
        with mock.patch.dict("os.environ", {"VENDOR_PREFIX": "AC", "VENDOR_DEVICE_ID": "1234"}):
            self.assertEqual(build_inf.vendors()["AC"], ["0001", "0002", "1234"])
            self.assertIn("XENVIF\\VEN_AC1234&DEV_NET&REV_09000005", templates.inf("x64").decode())


if __name__ == "__main__":
    unittest.main()
