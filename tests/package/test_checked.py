# SPDX-License-Identifier: BSD-2-Clause
"""The checked driver: marked as such, its assertions hold in the scenarios, and the testbed shows one that does not."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from scripts.build import made
from scripts.build.tree import Tree
from scripts.cli import ROOT
from tests.package.test_image import file_flags
from tests.support.pe_file import Image

VS_FF_DEBUG = 1
PROGRAMS = ROOT / "build" / "tests"
# (file, pattern, what stands there instead, the assertion that notices it)
BROKEN = (
    ("state.c", r"   \{XennetStatePaused, XennetStateHalted\},", "", "a state that may become this one"),
    ("nbl_pool.c", r"IrqlRaise\(FALSE\);(\n    NblPoolLock\(Pool\);\n    Pool->Stopping)", r"IrqlRaise(TRUE);\1",
     "DEBUG_IRQL() == DISPATCH_LEVEL"),
    ("nbl_pool.c", r"Ke(Acquire|Release)SpinLock\w+\(&Pool->Lock\);", "(void)Pool;", "KeTestSpinLock(&Pool->Lock)"),
)


def scenario(name, driver, *cases):
    """A test program's run with another driver than the package's."""
    return subprocess.run([str(PROGRAMS / name), *cases], cwd=ROOT, capture_output=True, text=True, check=False,
                          env=dict(os.environ, XENNET_DRIVER=str(driver)))


class Checked(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with made.one_at_a_time(print):
            Tree().build("driver-checked-x64", "driver-checked-x86", "test_life", "test_send", "test_rss")

    def driver(self, arch="x64"):
        return ROOT / "build" / "checked" / arch / "xennet.sys"

    def test_it_is_marked_as_a_debug_build_and_asserts(self):
        for arch in ("x64", "x86"):
            image = Image(self.driver(arch))
            self.assertEqual(file_flags(image), VS_FF_DEBUG)
            self.assertIn("RtlAssert", image.imports()["ntoskrnl.exe"])

    def test_its_assertions_hold(self):
        for name in ("test_life", "test_send", "test_rss"):
            done = scenario(name, self.driver())
            self.assertEqual(done.returncode, 0, done.stdout[-3000:])
            self.assertNotIn("RtlAssert", done.stdout)

    def test_a_broken_one_is_shown_by_the_testbed(self):
        for file, pattern, new, words in BROKEN:
            with self.subTest(file), tempfile.TemporaryDirectory() as folder:
                tree = Tree(Path(folder) / "build")
                copy = tree.folder / "mutations" / "src"
                shutil.copytree(ROOT / "src" / "xennet", copy)
                text, count = re.subn(pattern, new, (copy / file).read_text())
                self.assertGreater(count, 0, file)
                (copy / file).write_text(text)
                tree.build("mutation-checked-x64")
                done = scenario("test_life", tree.folder / "mutations-checked" / "x64" / "xennet.sys")
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(words, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
