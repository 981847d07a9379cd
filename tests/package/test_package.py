# SPDX-License-Identifier: BSD-2-Clause
"""What the package consists of, what it is called, and the archives around it."""

import hashlib
import io
import os
import subprocess
import tarfile
import tempfile
import unittest
from pathlib import Path
from unittest import mock

from scripts.build import archive as sources, editions, package, version
from scripts.cli import ROOT, Stop
from scripts.sign.authenticode import Image

FILES = {"xennet.sys", "xennet.pdb", "xennet.inf", "xennet.cat", "install.ps1", "uninstall.ps1", "common.ps1",
         "xennet.mof"}


class Folders(unittest.TestCase):
    def folders(self):
        for edition in editions.EDITIONS:
            for arch in ("x64", "x86"):
                yield edition, ROOT / "xennet" / edition.path(arch)

    def test_each_architecture_has_the_whole_package_of_each_edition(self):
        for edition, folder in self.folders():
            names = {path.name for path in folder.iterdir()} - {"xennet.cer"}
            others = sorted(names - FILES)
            self.assertLessEqual(FILES, names)
            self.assertEqual([name.rsplit(".", 1)[1] for name in others], ["dll", "pdb"] if edition.coinstaller else [])
            if edition.coinstaller:
                self.assertRegex(others[0], r"^xennet_coinst_\d+_\d+_\d+_\d+\.dll$")

    def test_both_editions_have_the_same_driver(self):
        for arch in ("x64", "x86"):
            first, second = (Image((ROOT / "xennet" / edition.path(arch) / "xennet.sys").read_bytes())
                             for edition in editions.EDITIONS)
            self.assertEqual(first.unsigned(), second.unsigned())

    def test_the_scripts_are_filled_in_for_windows(self):
        for _, folder in self.folders():
            for name in package.SCRIPTS:
                text = (folder / name).read_bytes()
                self.assertNotRegex(text, rb"@[A-Z_]+@")
                self.assertEqual(text.count(b"\n"), text.count(b"\r\n"))
                text.decode("ascii")

    def test_what_an_earlier_version_left_is_removed(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(package, "PACKAGE", Path(folder)):
            old = Path(folder) / "x64" / "xennet_coinst_9_0_0_0.dll"
            old.parent.mkdir()
            old.write_text("")
            made = Path(folder) / "made.sys"
            made.write_text("new")
            package.deliver("x64", editions.WINDOWS10, {"made.sys": made})
            self.assertEqual([path.name for path in old.parent.iterdir()], ["made.sys"])


class Archives(unittest.TestCase):
    def test_the_tar_holds_the_package(self):
        with tarfile.open(package.ARCHIVE) as archive:
            names = set(archive.getnames())
            for _, folder in Folders().folders():
                for name in FILES:
                    self.assertIn(f"{folder.relative_to(ROOT)}/{name}", names)
            for entry in archive:
                self.assertEqual((entry.uid, entry.gid, entry.uname, entry.mtime), (0, 0, "", version.epoch()))

    def test_the_tar_keeps_what_one_architecture_s_build_leaves_alone_but_nothing_older(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(package, "ROOT", Path(folder)), \
                mock.patch.object(package, "PACKAGE", Path(folder) / "xennet"):
            inf = f"DriverVer = 01/02/2026,{version.text()}\r\n".encode()
            for arch, content in (("x64", inf), ("x86", inf), ("arm", b"DriverVer = 01/02/2026,1.2.3.4\r\n")):
                for place in (Path(folder, "build", "free", arch, "windows10", "package"),
                              Path(folder, "xennet", arch)):
                    place.mkdir(parents=True)
                    (place / "xennet.inf").write_bytes(content)
            self.assertEqual(set(package.delivered("free")), {"xennet/x64/xennet.inf", "xennet/x86/xennet.inf"})
            Path(folder, "xennet", "x86", "xennet.inf").write_bytes(inf + b"; of a checked build")
            self.assertEqual(set(package.delivered("free")), {"xennet/x64/xennet.inf"})
            self.assertEqual(package.delivered("checked"), {})

    def repository(self, folder):
        def git(*arguments):
            subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments], cwd=folder, check=True,
                           capture_output=True)
        git("init", "-q")
        (Path(folder) / "sub folder").mkdir()
        (Path(folder) / "sub folder" / "tracked.c").write_text("int x;\n")
        (Path(folder) / "run.py").write_text("#!\n")
        (Path(folder) / "run.py").chmod(0o755)
        (Path(folder) / ".gitignore").write_text("ignored\n")
        (Path(folder) / "ignored").write_text("")
        git("add", ".")
        (Path(folder) / "stray").write_text("")

    def test_the_sources_are_exactly_the_tracked_files(self):
        with tempfile.TemporaryDirectory() as folder:
            self.repository(folder)
            data = sources.source_archive(0, Path(folder))
            with tarfile.open(fileobj=io.BytesIO(data)) as archive:
                found = {entry.name: entry.mode for entry in archive}
            self.assertEqual(found, {"xennet/.gitignore": 0o644, "xennet/run.py": 0o755,
                                     "xennet/sub folder/tracked.c": 0o644})

    def test_the_same_sources_give_the_same_archive(self):
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
            for folder in (first, second):
                self.repository(folder)
            os.utime(Path(second) / "run.py", (1, 1))
            self.assertEqual(*(sources.source_archive(1, Path(folder)) for folder in (first, second)))

    def test_another_repository_around_the_sources_is_not_theirs(self):
        with tempfile.TemporaryDirectory() as folder:
            self.repository(folder)
            inner = Path(folder) / "xennet"
            inner.mkdir()
            (inner / "driver.c").write_text("")
            self.assertIsNone(sources.source_archive(0, inner))
            subprocess.run(["git", "add", "xennet"], cwd=folder, check=True, capture_output=True)
            self.assertEqual(list(sources.tracked(inner)), ["driver.c"])

    def test_without_a_repository_there_is_no_source_archive(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertIsNone(sources.source_archive(0, Path(folder)))


class Version(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        root = Path(self.folder.name)
        for name in version.SOURCES:
            (root / name).mkdir()
        (root / "src" / "a.c").write_text("1")
        environment = {name: value for name, value in os.environ.items() if name not in version.DEFAULTS}
        for patch in (mock.patch.object(version, "ROOT", root),
                      mock.patch.object(version, "NUMBER_FILE", root / ".build_number"),
                      mock.patch.object(version, "COUNTED_FILE", root / "build" / ".counted"),
                      mock.patch.dict(os.environ, environment, clear=True)):
            patch.start()
            self.addCleanup(patch.stop)
        self.root = root

    def counted(self):
        version.count()
        return version.values()["BUILD_NUMBER"]

    def test_a_fresh_clone_starts_at_0(self):
        self.assertEqual(version.text(), "10.0.0.0")
        self.assertEqual(self.counted(), "0")
        self.assertEqual((self.root / ".build_number").read_text(), "0\n")

    def test_changed_sources_count_and_the_same_do_not(self):
        self.assertEqual(self.counted(), "0")
        self.assertEqual(self.counted(), "0")
        (self.root / "src" / "a.c").write_text("2")
        self.assertEqual(self.counted(), "1")
        self.assertEqual(self.counted(), "1")
        (self.root / "include" / "b.h").write_text("")
        self.assertEqual(self.counted(), "2")

    def test_the_vendor_in_xenstore_is_one_word(self):
        with mock.patch.dict(os.environ, COMPANY_NAME="A & B's (1.2), C-D"):
            self.assertEqual(version.places()["VENDOR"], "A___B_s__1_2___C_D")

    def test_a_changed_name_counts_too(self):
        self.counted()
        with mock.patch.dict(os.environ, COMPANY_NAME="Other"):
            self.assertEqual(self.counted(), "1")

    def test_a_removed_counter_starts_again(self):
        self.counted()
        (self.root / "src" / "a.c").write_text("2")
        self.assertEqual(self.counted(), "1")
        (self.root / ".build_number").unlink()
        self.assertEqual(self.counted(), "0")
        self.assertTrue((self.root / ".build_number").exists())

    def test_a_given_number_counts_nothing(self):
        with mock.patch.dict(os.environ, BUILD_NUMBER="77"):
            self.assertEqual(self.counted(), "77")
        self.assertFalse((self.root / ".build_number").exists())

    def test_a_spoilt_or_exhausted_counter_is_named(self):
        for held in ("x", "65536000", ""):
            (self.root / ".build_number").write_text(held)
            with self.subTest(held), self.assertRaises(Stop):
                version.values()
        (self.root / ".build_number").write_text("65535\n")
        with self.assertRaises(Stop) as caught:
            version.count()
        self.assertIn("MICRO_VERSION", caught.exception.text)

    def test_values_that_the_package_cannot_carry_are_named(self):
        for name, value in (("COMPANY_NAME", 'A "B"'), ("COMPANY_NAME", "A%B%"), ("PRODUCT_NAME", "x" * 65),
                            ("VENDOR_PREFIX", "xp"),
                            ("VENDOR_DEVICE_ID", "123"), ("INF_DATE", "2026-01-01"), ("INF_DATE", "02/30/2026"),
                            ("MICRO_VERSION", "70000"),
                            ("MAJOR_VERSION", "-1")):
            with self.subTest(name), mock.patch.dict(os.environ, {name: value}), self.assertRaises(Stop) as caught:
                version.values()
            self.assertIn(name, caught.exception.text)

    def test_a_template_that_asks_for_the_unknown_is_named(self):
        (self.root / "src" / "t").write_text("@NOBODY@")
        with self.assertRaises(Stop) as caught:
            version.fill("src/t", version.places())
        self.assertIn("@NOBODY@", caught.exception.text)

    def test_names_reach_the_templates(self):
        (self.root / "src" / "t").write_text("@COMPANY_NAME@ @VERSION@ @YEAR@")
        with mock.patch.dict(os.environ, COMPANY_NAME="Some & Sons", BUILD_NUMBER="007", INF_DATE="3/4/2027"):
            self.assertEqual(version.fill("src/t", version.places()), "Some & Sons 10.0.0.7 2027")


class Repeatable(unittest.TestCase):
    def test_an_archive_has_no_clock_in_it(self):
        members = {"b": (b"2", False), "a": (b"1", True)}
        first = sources.tar(members, 5)
        self.assertEqual(hashlib.sha256(first).digest(),
                         hashlib.sha256(sources.tar(dict(reversed(list(members.items()))), 5)).digest())


if __name__ == "__main__":
    unittest.main()
