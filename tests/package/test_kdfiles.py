# SPDX-License-Identifier: BSD-2-Clause
"""The two files for WinDbg's .kdfiles: three lines to a mapping, as the debugger reads them."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from scripts.cli import ROOT


class KdFiles(unittest.TestCase):
    def write(self, folder, *arguments):
        return subprocess.run([sys.executable, "-B", str(ROOT / "kdfiles.py"), *arguments], cwd=folder,
                              capture_output=True, text=True, check=False)

    def test_each_file_maps_the_driver_of_its_architecture(self):
        with tempfile.TemporaryDirectory() as folder:
            for package, line in ((r"Z:\xennet", r"Z:\xennet\{}\xennet.sys"),
                                  ("\\\\host\\share\\", r"\\host\share\{}\xennet.sys"),
                                  ("C:", r"C:\{}\xennet.sys"), ("/srv/xennet", "/srv/xennet/{}/xennet.sys")):
                done = self.write(folder, "--package", package)
                self.assertEqual(done.returncode, 0, done.stderr)
                for name, arch in (("kdfiles32.txt", "x86"), ("kdfiles64.txt", "x64")):
                    lines = (Path(folder) / name).read_bytes().decode().split("\r\n")
                    self.assertEqual(lines[:3], ["map", r"\SystemRoot\System32\drivers\xennet.sys", line.format(arch)])
                    self.assertEqual(lines[3:], ["", ""])

    def test_without_options_the_built_package_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            self.assertEqual(self.write(folder).returncode, 0)
            path = Path((Path(folder) / "kdfiles64.txt").read_text().splitlines()[2])
            self.assertEqual(path, ROOT / "xennet" / "x64" / "xennet.sys")
            self.assertTrue(path.is_file())

    def test_the_name_on_the_target_is_the_services(self):
        inf = (ROOT / "xennet" / "x64" / "xennet.inf").read_text()
        self.assertIn("%12%\\xennet.sys", inf)    # 12 is System32\drivers

    def test_a_folder_that_cannot_be_written_is_named(self):
        done = self.write(ROOT, "--output", "/nowhere/at/all")
        self.assertEqual(done.returncode, 2)
        self.assertIn("--output", done.stderr)

    def test_help_is_given(self):
        done = self.write(ROOT, "--help")
        self.assertEqual(done.returncode, 0)
        self.assertIn(".kdfiles", done.stdout)


if __name__ == "__main__":
    unittest.main()
