# SPDX-License-Identifier: BSD-2-Clause
"""What Windows requires of a driver image, read back from both xennet.sys files by a reader of our own.

The files are those of the package folder; they are built first, as the free driver, if they are older than what
they are made of.
"""

import functools
import re
import unittest
from pathlib import Path

from scripts.build import made
from tests.support.pe_file import Image, pdb_identity, pdb_streams

ROOT = Path(__file__).resolve().parents[2]
MACHINES = {"x64": 0x8664, "x86": 0x14c}


def windows_7_exports(library, arch):
    """Names of toolchain/imports as they stand in an import table."""
    names = set()
    for line in (ROOT / "toolchain" / "imports" / f"{library}.def").read_text().splitlines():
        body, _, note = line.partition(";")
        if body.startswith(" ") and note.strip() in ("", arch):
            names.add(re.sub(r"^@?([^@]+).*", r"\1", body.strip()))
    return names


def allowed_imports():
    """Image to the names in tests/support/miniport_imports.txt."""
    names = {}
    for line in (ROOT / "tests" / "support" / "miniport_imports.txt").read_text().splitlines():
        if not line.startswith("#"):
            image, name, _ = line.split()
            names.setdefault(image, set()).add(name)
    return names


def forbidden(imports, allowed):
    """Imports that an NDIS miniport may not have."""
    return sorted(f"{image}!{name}" for image, names in imports.items() for name in names
                  if name not in allowed.get(image, ()))


def file_flags(image):
    """dwFileFlags of the version resource, as far as its mask says that they count."""
    data = image.resource(16, 1)
    at = data.index(b"\xbd\x04\xef\xfe")
    return int.from_bytes(data[at + 24:at + 28], "little") & int.from_bytes(data[at + 28:at + 32], "little")


@functools.lru_cache(maxsize=None)
def build():
    """Once for all cases: each of them is a run of this module's own."""
    with made.one_at_a_time(print):
        made.driver(print)


def setUpModule():
    build()


class DriverImage:
    """The tests, for one architecture; the classes below add which."""

    arch = None

    def setUp(self):
        self.folder = ROOT / "xennet" / self.arch
        self.image = Image(self.folder / "xennet.sys")

    def test_it_is_a_native_wdm_driver_for_windows_7_and_later(self):
        self.assertEqual(self.image.machine, MACHINES[self.arch])
        self.assertTrue(self.image.characteristics & 0x0002, "executable")
        self.assertFalse(self.image.characteristics & 0x0001, "relocations stripped")
        self.assertFalse(self.image.characteristics & 0x2000, "a DLL")
        self.assertEqual(self.image.subsystem, 1)
        self.assertEqual(self.image.subsystem_version, (6, 1))
        self.assertEqual(self.image.os_version, (6, 1))
        self.assertTrue(self.image.dll_characteristics & 0x2000, "WDM driver flag")

    def test_it_can_be_moved_and_its_data_cannot_run(self):
        self.assertTrue(self.image.dll_characteristics & 0x0040, "dynamic base")
        self.assertTrue(self.image.dll_characteristics & 0x0100, "NX compatible")
        self.assertEqual(bool(self.image.dll_characteristics & 0x0020), self.arch == "x64", "high entropy")
        relocations = self.image.relocations()
        self.assertGreater(len(relocations), 4)
        self.assertEqual({kind for kind, _ in relocations}, {10 if self.arch == "x64" else 3})

    def test_no_section_is_both_writable_and_executable(self):
        self.assertEqual([s.name for s in self.image.sections if s.writable and s.executable], [])
        self.assertTrue(any(s.executable for s in self.image.sections))
        self.assertEqual([s.name for s in self.image.sections if s.flags & 0x10000000], [], "shared sections")

    def test_initialization_code_is_discarded_after_use(self):
        init = self.image.section("INIT")
        self.assertIsNotNone(init)
        self.assertTrue(init.discardable and init.executable and not init.writable)
        self.assertIs(self.image.section_at(self.image.entry), init)
        self.assertFalse(self.image.section(".text").discardable)

    def test_the_checksum_is_right(self):
        self.assertEqual(self.image.checksum, self.image.computed_checksum())

    def test_the_loader_finds_the_security_cookie(self):
        config = self.image.load_config()
        rva = config["cookie"] - self.image.base
        section = self.image.section_at(rva)
        self.assertTrue(section.writable)
        default = 0x2b992ddfa232 if self.arch == "x64" else 0xbb40e64e
        self.assertEqual(self.image.word(self.image.offset(rva)), default)
        self.assertIn("KeBugCheckEx", self.image.imports()["ntoskrnl.exe"])

    def test_functions_with_buffers_check_the_security_cookie(self):
        cookie = self.image.load_config()["cookie"] - self.image.base
        uses = self.image.references(cookie) + sum(self.image.references(p) for p in self.image.pointers_to(cookie))
        # Two in the runtime itself; each protected function reads it on entry and before it returns.
        self.assertGreaterEqual(uses, 20)

    def test_indirect_calls_go_through_control_flow_guard(self):
        config = self.image.load_config()
        pointer = config["guard_dispatch" if self.arch == "x64" else "guard_check"] - self.image.base
        self.assertGreaterEqual(self.image.references(pointer), 10)

    def test_control_flow_guard_lists_the_functions_that_are_called_by_address(self):
        self.assertTrue(self.image.dll_characteristics & 0x4000, "guard flag")
        config = self.image.load_config()
        self.assertEqual(config["guard_flags"] & 0x500, 0x500, "instrumented, table present")
        functions = self.image.guard_functions()
        self.assertGreater(len(functions), 10)
        self.assertEqual(functions, sorted(set(functions)))
        for rva in functions:
            self.assertTrue(self.image.section_at(rva).executable, hex(rva))
        pointers = ["guard_check"] + (["guard_dispatch"] if self.arch == "x64" else [])
        for name in pointers:
            section = self.image.section_at(config[name] - self.image.base)
            self.assertFalse(section.writable, name)
            target = self.image.word(self.image.offset(config[name] - self.image.base)) - self.image.base
            self.assertTrue(self.image.section_at(target).executable, name)

    def test_it_carries_a_version_resource(self):
        self.assertIn(16, self.image.resource_types())
        rva, size = self.image.directory["resource"]
        resource = self.image.data[self.image.offset(rva):self.image.offset(rva) + size]
        self.assertIn("CompanyName".encode("utf-16-le"), resource)
        self.assertIn(b"\xbd\x04\xef\xfe", resource)

    def test_it_is_marked_for_hardware_shadow_stacks(self):
        entries = self.image.debug_entries()
        self.assertEqual([self.image.data[offset:offset + size] for kind, size, offset in entries if kind == 20],
                         [b"\1\0\0\0"])

    def test_it_has_no_section_that_windows_does_not_read(self):
        self.assertEqual([section.name for section in self.image.sections if section.name.startswith((".eh", "/"))], [])

    def test_a_free_image_is_not_marked_as_a_debug_build(self):
        self.assertEqual(file_flags(self.image), 0)

    def test_the_pdb_beside_it_is_its_own(self):
        guid, age, name = self.image.codeview()
        self.assertEqual(name, "xennet.pdb")
        self.assertEqual((guid, age), pdb_identity(self.folder / "xennet.pdb"))

    def test_the_pdb_has_source_lines_and_types_but_no_folder_of_the_builder(self):
        everything = b"".join(pdb_streams(self.folder / "xennet.pdb"))
        self.assertIn(b"src/xennet/driver.c", everything.replace(b"\\", b"/"))
        self.assertIn(b"_XENNET_ADAPTER", everything)
        self.assertNotIn(str(ROOT).encode(), everything)

    def test_it_imports_only_what_windows_7_exports(self):
        imports = self.image.imports()
        self.assertLessEqual(set(imports), {"ntoskrnl.exe", "hal.dll", "ndis.sys"})
        self.assertIn("ndis.sys", imports)
        for library, names in imports.items():
            known = windows_7_exports(library.rsplit(".", 1)[0], self.arch)
            self.assertEqual(sorted(set(names) - known), [], library)

    def test_it_imports_only_what_an_ndis_miniport_may_call(self):
        # 1c_KernelCalls
        self.assertEqual(forbidden(self.image.imports(), allowed_imports()), [])

    def test_it_has_nothing_that_a_driver_must_not_have(self):
        for name in ("export", "tls", "bound_import", "delay_import", "clr"):
            self.assertEqual(self.image.directory[name], (0, 0), name)

    def test_the_inf_beside_it_is_filled_in(self):
        text = (self.folder / "xennet.inf").read_bytes()
        self.assertNotRegex(text, rb"@[A-Z_]+@")
        self.assertIn(b"NTamd64" if self.arch == "x64" else b"NTx86", text)
        self.assertEqual(text.count(b"\n"), text.count(b"\r\n"))


class X64Image(DriverImage, unittest.TestCase):
    arch = "x64"

    def test_functions_can_be_unwound(self):
        rva, size = self.image.directory["exception"]
        self.assertGreater(size // 12, 20)
        at, last = self.image.offset(rva), 0
        for index in range(size // 12):
            begin, end, unwind = (self.image.u32(at + 12 * index + 4 * i) for i in range(3))
            self.assertLess(begin, end)
            self.assertGreaterEqual(begin, last)
            self.assertTrue(self.image.section_at(begin).executable)
            self.assertFalse(self.image.section_at(unwind).writable)
            last = end


class X86Image(DriverImage, unittest.TestCase):
    arch = "x86"

    def test_it_has_no_exception_handlers_to_list(self):
        config = self.image.load_config()
        self.assertTrue(self.image.dll_characteristics & 0x0400 or config["seh_table"], "no SEH, or a table of it")


class ReaderOfImages(unittest.TestCase):
    """The reader above has to notice what is wrong."""

    def setUp(self):
        self.path = ROOT / "xennet" / "x64" / "xennet.sys"

    def test_a_changed_byte_changes_the_checksum(self):
        image = Image(self.path)
        text = image.section(".text")
        image.data = image.data[:text.offset] + bytes([image.data[text.offset] ^ 1]) + image.data[text.offset + 1:]
        self.assertNotEqual(image.checksum, image.computed_checksum())

    def test_a_kernel_call_that_is_not_a_miniports_is_named(self):
        imports = Image(self.path).imports()
        imports["ntoskrnl.exe"] = imports["ntoskrnl.exe"] + ["KeSynchronizeExecution"]
        imports["ndis.sys"] = imports["ndis.sys"] + ["NdisFRegisterFilterDriver"]
        self.assertEqual(forbidden(imports, allowed_imports()),
                         ["ndis.sys!NdisFRegisterFilterDriver", "ntoskrnl.exe!KeSynchronizeExecution"])

    def test_the_list_of_a_miniports_calls_names_a_page_for_each(self):
        lines = [line for line in (ROOT / "tests" / "support" / "miniport_imports.txt").read_text().splitlines()
                 if not line.startswith("#")]
        self.assertGreater(len(lines), 40)
        for line in lines:
            self.assertRegex(line, r"^(ndis\.sys|ntoskrnl\.exe|hal\.dll) +\w+ +(\w+)/nf-\2-\w+$")

    def test_the_lists_of_exports_differ_by_architecture(self):
        self.assertIn("KfAcquireSpinLock", windows_7_exports("hal", "x86"))
        self.assertNotIn("KfAcquireSpinLock", windows_7_exports("hal", "x64"))


if __name__ == "__main__":
    unittest.main()
