# SPDX-License-Identifier: BSD-2-Clause
"""The symbol store: its layout, its transactions, what is retired and what stays, and addresses looked up in it."""

import datetime
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from scripts.sign.authenticode import Image
from scripts.cli import ROOT, Stop
from scripts.build.symbols import Store, resolve
from tests.support.pe_file import Image as Reader, pdb_identity

PACKAGE = ROOT / "xennet" / "x64"
START = datetime.datetime(2026, 1, 10, 12, 0, 0)
DAY = datetime.timedelta(days=1)


class Layout(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.store = Store(Path(self.folder.name) / "store", START)
        self.files = [PACKAGE / "xennet.sys", PACKAGE / "xennet.pdb"]
        guid, age = pdb_identity(PACKAGE / "xennet.pdb")
        self.key = f"{guid.hex.upper()}{age:X}"

    def at(self, days):
        return Store(self.store.folder, START + days * DAY)

    def admin(self, name):
        return (self.store.admin / name).read_bytes().decode()

    def test_files_lie_where_a_symbol_server_looks(self):
        self.store.add(self.files, "XenNet", "10.0.0.1")
        self.assertEqual((self.store.folder / "xennet.pdb" / self.key / "xennet.pdb").read_bytes(),
                         (PACKAGE / "xennet.pdb").read_bytes())
        image = Reader(PACKAGE / "xennet.sys")
        stamp = image.u32(image.pe + 8)
        self.assertTrue((self.store.folder / "xennet.sys" / f"{stamp:08X}{image.size:x}" / "xennet.sys").is_file())
        self.assertTrue((self.store.folder / "pingme.txt").is_file())

    def test_a_transaction_is_written_as_symstore_does(self):
        self.assertEqual(self.store.add(self.files, "XenNet", "10.0.0.1", "free x64"), "0000000001")
        entry = '0000000001,add,file,01/10/2026,12:00:00,"XenNet","10.0.0.1","free x64",\r\n'
        self.assertEqual(self.admin("server.txt"), entry)
        self.assertEqual(self.admin("history.txt"), entry)
        self.assertEqual(self.admin("lastid.txt"), "0000000001")
        lines = self.admin("0000000001").splitlines()
        self.assertEqual(len(lines), 2)
        self.assertIn(f'"xennet.pdb\\{self.key}","{PACKAGE / "xennet.pdb"}"', lines)
        refs = self.store.folder / "xennet.pdb" / self.key / "refs.ptr"
        self.assertEqual(refs.read_bytes().decode(), f"0000000001,file,{PACKAGE / 'xennet.pdb'}\r\n")

    def test_what_is_fresh_is_not_stored_again(self):
        self.store.add(self.files, "XenNet", "1")
        self.assertIsNone(self.at(1).add(self.files, "XenNet", "1"))
        self.assertEqual(self.at(8).add(self.files, "XenNet", "1"), "0000000002")

    def test_after_30_days_a_transaction_goes(self):
        self.store.add(self.files, "XenNet", "1")
        self.assertEqual(self.at(30).retire(), [])
        self.assertEqual(self.at(31).retire(), ["0000000001"])
        self.assertFalse((self.store.folder / "xennet.pdb").exists())
        self.assertFalse((self.store.folder / "xennet.sys").exists())
        self.assertEqual(self.admin("server.txt"), "")
        self.assertEqual(self.admin("history.txt").splitlines()[-1], "0000000002,del,0000000001")
        self.assertFalse((self.store.admin / "0000000001").exists())
        self.assertTrue((self.store.admin / "0000000001.deleted").exists())
        self.assertEqual(self.at(32).add(self.files, "XenNet", "1"), "0000000003")

    def test_what_a_younger_transaction_needs_stays(self):
        self.store.add(self.files, "XenNet", "1")
        self.at(20).add(self.files, "XenNet", "1")
        self.assertEqual(self.at(35).retire(), ["0000000001"])
        folder = self.store.folder / "xennet.pdb" / self.key
        self.assertTrue((folder / "xennet.pdb").is_file())
        self.assertTrue((folder / "refs.ptr").read_text().startswith("0000000002,"))

    def test_a_store_of_symstores_own_is_continued(self):
        self.store.admin.mkdir(parents=True)
        foreign = '0000000041,add,ptr,12/01/2025,08:00:00,"Other","1.0","",\r\n'
        (self.store.admin / "server.txt").write_bytes(foreign.encode())
        (self.store.admin / "lastid.txt").write_text("0000000041")
        (self.store.admin / "0000000041").write_text('"other.pdb\\ABC1","\\\\host\\other.pdb"\r\n')
        self.assertEqual(self.store.add(self.files, "XenNet", "1"), "0000000042")
        self.assertTrue(self.admin("server.txt").startswith(foreign))

    def test_a_transaction_that_points_outside_removes_nothing(self):
        self.store.add(self.files, "XenNet", "1")
        victim = self.store.folder.parent / "victim"
        victim.mkdir()
        (self.store.admin / "0000000001").write_text('"..\\victim","x"\r\n')
        with self.assertRaises(Stop):
            self.at(40).retire()
        self.assertTrue(victim.is_dir())

    def test_a_pdb_of_another_build_is_refused(self):
        other = Path(self.folder.name) / "xennet.pdb"
        other.write_bytes((ROOT / "xennet" / "x86" / "xennet.pdb").read_bytes())
        with self.assertRaises(Stop) as caught:
            self.store.add([PACKAGE / "xennet.sys", other], "XenNet", "1")
        self.assertIn("does not belong", caught.exception.text)

    def test_a_pdb_without_its_image_is_refused(self):
        with self.assertRaises(Stop):
            self.store.add([PACKAGE / "xennet.pdb"], "XenNet", "1")

    def test_a_store_that_cannot_be_written_is_named(self):
        blocked = Path(self.folder.name) / "file"
        blocked.write_text("")
        with self.assertRaises(Stop) as caught:
            Store(blocked / "store").add(self.files, "XenNet", "1")
        self.assertIn("SYMBOL_SERVER", caught.exception.text)

    def test_an_image_without_symbols_there_is_reported(self):
        with self.assertRaises(Stop) as caught:
            self.store.pdb(Image((PACKAGE / "xennet.sys").read_bytes()))
        self.assertIn(self.key, caught.exception.text)


class Addresses(unittest.TestCase):
    """From a program counter to a line, through a store and nothing else: the image lies apart from its PDB."""

    def test_every_kind_of_address_resolves(self):
        for arch in ("x64", "x86"):
            with tempfile.TemporaryDirectory() as folder:
                package, store = ROOT / "xennet" / arch, Store(Path(folder) / "store")
                store.add([package / "xennet.sys", package / "xennet.pdb"], "XenNet", "1")
                alone = Path(folder) / "xennet.sys"
                alone.write_bytes((package / "xennet.sys").read_bytes())
                image = Reader(alone)
                entry = resolve(store, alone, [image.entry])[0]
                self.assertRegex(entry, r"GsDriverEntry.* at .*toolchain.runtime.\w+\.c:\d+")
                text = image.section(".text")
                found = resolve(store, alone, [text.address + offset
                                               for offset in range(0x40, text.virtual_size, 0x200)])
                named = [line for line in found if re.search(r"src.xennet.\w+\.[ch]:[1-9]\d*", line)]
                self.assertGreater(len(named), len(found) * 3 // 4, "\n".join(found))

    def test_the_command_does_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-B", str(ROOT / "scripts" / "build" / "symbols.py")]
            for arguments, said in ((["add", "--store", folder, PACKAGE / "xennet.sys", PACKAGE / "xennet.pdb"],
                                     "0000000001"),
                                    (["resolve", "--store", folder, PACKAGE / "xennet.sys",
                                      hex(Reader(PACKAGE / "xennet.sys").entry)], "GsDriverEntry"),
                                    (["retire", "--store", folder], "nothing old"), (["--help"], "resolve")):
                done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(said, done.stdout)
            for arguments in (["resolve", "--store", folder, PACKAGE / "xennet.sys", "here"],
                              ["add", "--store", folder, "/nowhere.sys"]):
                done = subprocess.run([*command, *map(str, arguments)], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 2)
                self.assertNotIn("Traceback", done.stderr)

    def test_the_build_has_stored_the_package(self):
        store = Store(os.environ.get("SYMBOL_SERVER") or ROOT / "build" / "symbols")
        for path in (PACKAGE / "xennet.sys", *PACKAGE.glob("*.dll")):
            self.assertTrue(store.pdb(Image(path.read_bytes())).is_file())


if __name__ == "__main__":
    unittest.main()
