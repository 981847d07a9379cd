# SPDX-License-Identifier: BSD-2-Clause
"""The catalog: what stands in it, read back by OpenSSL and osslsigncode, which know nothing of how it was made."""

import hashlib
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from scripts import packages
from scripts.build import editions, package, templates, version
from scripts.sign.authenticode import Image, digest
from scripts.cli import ROOT, Stop

OS_ATTRIBUTE = "2:6.1,2:6.2,2:6.3,2:10.0"


def catalog(*arguments):
    return subprocess.run([packages.python_with("asn1crypto"), "-B", str(ROOT / "scripts" / "sign" / "catalog.py"),
                           *map(str, arguments)],
                          capture_output=True, text=True, check=False)


def wide(text):
    return (text.encode("utf-16-le") + b"\0\0").hex().upper()


class Catalog(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.path = Path(self.folder.name)
        (self.path / "plain.inf").write_bytes(b"some text\r\n")
        (self.path / "image.sys").write_bytes((ROOT / "xennet" / "x64" / "xennet.sys").read_bytes())
        (self.path / "ids").write_text("XENVIF\\VEN_XP0001&DEV_NET&REV_09000005\n")
        self.members = [self.path / "image.sys", self.path / "plain.inf"]

    def make(self, name="made.cat", date="02/03/2026", arch="x64", edition="windows7"):
        done = catalog("--output", self.path / name, "--date", date, "--arch", arch, "--edition", edition,
                       "--hardware-ids", self.path / "ids", *self.members)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.path / name

    def parsed(self, path):
        done = subprocess.run(["openssl", "asn1parse", "-inform", "DER", "-in", str(path)], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_each_file_is_there_by_both_hashes(self):
        text = self.parsed(self.make())
        plain = (self.path / "plain.inf").read_bytes()
        for algorithm in ("sha1", "sha256"):
            for found in (hashlib.new(algorithm, plain).hexdigest(),
                          digest((self.path / "image.sys").read_bytes(), algorithm).hex()):
                self.assertIn(f"[HEX DUMP]:{found.upper()}", text)
                self.assertIn(f"[HEX DUMP]:{wide(found.upper())}", text)

    def test_it_is_a_trust_list_of_catalog_members_in_a_signed_message(self):
        text = self.parsed(self.make())
        places = [text.index(oid) for oid in (":pkcs7-signedData", ":1.3.6.1.4.1.311.10.1", ":1.3.6.1.4.1.311.12.1.1",
                                              ":1.3.6.1.4.1.311.12.1.2")]
        self.assertEqual(places, sorted(places))
        self.assertIn("UTCTIME           :260203000000Z", text)
        # Four subjects: two files by two hashes. An image says so, the INF is hashed as it is.
        for oid, count in (("12.2.2", 4), ("2.1.4", 4), ("2.1.15", 2), ("2.1.25", 2)):
            self.assertEqual(len(re.findall(rf":1\.3\.6\.1\.4\.1\.311\.{re.escape(oid)}\n", text)), count, oid)
        self.assertEqual(text.count(wide(OS_ATTRIBUTE)), 4)
        self.assertEqual(text.count(wide("image.sys")), 2)

    def test_version_2_identifies_each_file_by_its_sha256_hash_alone(self):
        text = self.parsed(self.make(edition="windows10"))
        self.assertIn(":1.3.6.1.4.1.311.12.1.3\n", text)
        self.assertNotIn(":sha1\n", text)
        for path, kind in ((self.path / "plain.inf", 2), (self.path / "image.sys", 0)):
            found = digest(path.read_bytes(), "sha256").hex().upper()
            # Once as the identifier, once as the hash; the kind of file is an empty element with its number.
            self.assertEqual(text.count(f"[HEX DUMP]:{found}\n"), 2)
            marked = rf"311\.12\.2\.3\n.*l= +2 cons: SET.*\n.*l= +0 prim: cont \[ {kind} \]"
            self.assertEqual(len(re.findall(marked, text)), 1)
        self.assertEqual(text.count(wide("2:10.0")), 2)
        self.assertEqual(text.count(":1.3.6.1.4.1.311.2.1.4\n"), 2)
        data = self.make(edition="windows10").read_bytes()
        self.assertIn("_v100_X64,Server_v100_X64".encode("utf-16-le"), data)
        self.assertNotIn("_v63".encode("utf-16-le"), data)

    def test_no_page_hashes_are_in_it(self):
        self.assertNotIn("1.3.6.1.4.1.311.2.3", self.parsed(self.make()))

    def test_the_subjects_are_in_the_order_of_their_identifiers(self):
        found = re.findall(r"OCTET STRING      \[HEX DUMP\]:((?:3[0-9]00|4[1-6]00){40,64}0000)\n",
                           self.parsed(self.make()))
        self.assertEqual(len(found), 4)
        self.assertEqual(found, sorted(found))

    def test_it_names_systems_and_devices(self):
        data = self.make().read_bytes()
        self.assertIn("7X64,Server2008R2X64,8X64".encode("utf-16-le"), data)
        self.assertIn("_v100_X64".encode("utf-16-le"), data)
        self.assertIn("xenvif\\ven_xp0001&dev_net&rev_09000005".encode("utf-16-le"), data)
        data = self.make(arch="x86").read_bytes()
        self.assertIn("7X86,8X86,_v63_X86,_v100_X86".encode("utf-16-le"), data)
        self.assertNotIn("Server".encode("utf-16-le"), data)

    def test_the_same_files_give_the_same_bytes_and_others_do_not(self):
        first = self.make().read_bytes()
        self.assertEqual(first, self.make("again.cat").read_bytes())
        (self.path / "plain.inf").write_bytes(b"other text\r\n")
        self.assertNotEqual(first, self.make().read_bytes())

    def test_a_signature_does_not_change_an_images_hash(self):
        signed = Image((ROOT / "xennet" / "x64" / "xennet.sys").read_bytes())
        self.assertTrue(signed.is_signed)
        unsigned = Image((ROOT / "build" / "free" / "x64" / "xennet.sys").read_bytes())
        if unsigned.timestamp != signed.timestamp:
            self.skipTest("the package is of another flavour than free")
        self.assertFalse(unsigned.is_signed)
        for algorithm in ("sha1", "sha256"):
            self.assertEqual(signed.digest(algorithm), unsigned.digest(algorithm))

    def test_a_changed_byte_changes_an_images_hash(self):
        data = bytearray((ROOT / "xennet" / "x64" / "xennet.sys").read_bytes())
        before = Image(bytes(data)).digest("sha256")
        data[0x1000] ^= 1
        self.assertNotEqual(before, Image(bytes(data)).digest("sha256"))

    def test_what_is_no_image_is_named(self):
        for data in (b"MZ", b"MZ" + bytes(100), b"MZ" + bytes(58) + b"\x40\0\0\0PE\0\0" + bytes(300)):
            with self.assertRaises(Stop) as caught:
                Image(data, "broken.sys")
            self.assertIn("broken.sys", caught.exception.text)

    def test_what_is_no_catalog_is_named(self):
        (self.path / "bad.cat").write_bytes(b"0\x03\x02\x01\x01")
        done = catalog("--list", self.path / "bad.cat")
        self.assertEqual(done.returncode, 2)
        self.assertIn("not a catalog", done.stderr)
        self.assertEqual(catalog("--list", self.path / "no.cat").returncode, 2)

    def test_help_is_given(self):
        done = catalog("--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn("--hardware-ids", done.stdout)


class Built(unittest.TestCase):
    """The catalogs of the package."""

    def listed(self, folder):
        done = catalog("--list", folder / "xennet.cat")
        self.assertEqual(done.returncode, 0, done.stderr)
        return {(name, algorithm): found
                for algorithm, found, name in (line.split(" ", 2) for line in done.stdout.splitlines())}

    def test_they_hold_the_hash_of_every_file_that_is_installed(self):
        for edition, algorithms in ((editions.WINDOWS10, ("sha256",)), (editions.WINDOWS7, ("sha1", "sha256"))):
            for arch in ("x64", "x86"):
                folder = ROOT / "xennet" / edition.path(arch)
                listed = self.listed(folder)
                names = [path.name for path in folder.iterdir() if path.suffix in (".sys", ".dll", ".inf")]
                self.assertEqual(len(names), 3 if edition.coinstaller else 2)
                self.assertEqual(sorted(listed), sorted((name, algorithm) for name in names
                                                        for algorithm in algorithms))
                for (name, algorithm), found in listed.items():
                    self.assertEqual(found, digest((folder / name).read_bytes(), algorithm).hex(), name)

    def test_they_list_every_device_of_the_inf(self):
        data = (ROOT / "xennet" / "x64" / "xennet.cat").read_bytes()
        inf = templates.inf("x64").decode()
        ids = set(re.findall(r"XENVIF\\VEN_[^\s,]+", inf))
        self.assertEqual(len(ids), 63)
        for found in ids:
            self.assertIn(found.lower().encode("utf-16-le"), data)
        self.assertRegex(inf, rf"DriverVer *= *{re.escape(version.values()['INF_DATE'])}")


if __name__ == "__main__":
    unittest.main()
