# SPDX-License-Identifier: BSD-2-Clause
"""clean.py in repositories of its own: what goes, what stays, and that it asks."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from scripts.cli import ROOT

# What the command consists of.
OWN = {name: (ROOT / name).read_text() for name in ("clean.py", "scripts/cli.py")}


class Clean(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)
        self.git("init", "-q")
        for name, text in {**OWN, "kept.c": "1", ".gitignore": "/build/\n", "build/object": "", "stray.txt": "",
                           "new folder/deep/er.c": "", "odd\nname": ""}.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", *OWN, "kept.c", ".gitignore")

    def git(self, *arguments, folder=None):
        subprocess.run(["git", *arguments], cwd=folder or self.root, check=True, capture_output=True)

    def run_it(self, *arguments, answer=""):
        return subprocess.run([sys.executable, "-B", "clean.py", *arguments], cwd=self.root, input=answer,
                              capture_output=True, text=True,
                              check=False)

    def left(self):
        return {path.relative_to(self.root).as_posix() for path in self.root.rglob("*")
                if ".git" not in path.relative_to(self.root).parts[:1]
                and path.is_file()}

    def test_only_strays_go_and_their_empty_folders(self):
        done = self.run_it("--yes")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.left(), {*OWN, "kept.c", ".gitignore", "build/object"})
        self.assertFalse((self.root / "new folder").exists())

    def test_sources_inside_another_repository_are_not_its_strays(self):
        inner = self.root / "vendor" / "xennet"
        for name, text in OWN.items():
            (inner / name).parent.mkdir(parents=True, exist_ok=True)
            (inner / name).write_text(text)
        done = subprocess.run([sys.executable, "-B", "clean.py", "--yes"], cwd=inner, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("lies in another repository, which tracks none of it", done.stderr)
        self.assertTrue((inner / "clean.py").is_file())
        # Taken into the other project they are its own, and strays are strays.
        self.git("add", "vendor")
        (inner / "stray").write_text("")
        done = subprocess.run([sys.executable, "-B", "clean.py", "--yes"], cwd=inner, capture_output=True, text=True,
                              check=False)
        self.assertEqual((done.returncode, (inner / "stray").exists()), (0, False), done.stderr)

    def test_it_lists_before_it_asks(self):
        done = self.run_it(answer="n\n")
        self.assertEqual(done.returncode, 1)
        for name in ("stray.txt", "new folder/deep/er.c", "'odd\\nname'"):
            self.assertIn(name, done.stdout)
        self.assertLess(done.stdout.index("stray.txt"), done.stdout.index("Remove these 3 files?"))
        self.assertEqual(len(self.left()), 8)

    def test_no_answer_is_a_no(self):
        self.assertEqual(self.run_it().returncode, 1)
        self.assertEqual(len(self.left()), 8)

    def test_yes_removes(self):
        self.assertEqual(self.run_it(answer="y\n").returncode, 0)
        self.assertEqual(len(self.left()), 5)
        self.assertEqual(self.run_it().stdout, "nothing to remove\n")

    def test_a_list_removes_nothing(self):
        self.assertEqual(self.run_it("--list").returncode, 0)
        self.assertEqual(len(self.left()), 8)

    def test_a_repository_within_stays(self):
        inner = self.root / "inner"
        inner.mkdir()
        self.git("init", "-q", folder=inner)
        (inner / "work").write_text("")
        self.assertEqual(self.run_it("--yes").returncode, 0)
        self.assertTrue((inner / "work").exists())

    def test_a_link_goes_and_not_what_it_points_to(self):
        with tempfile.TemporaryDirectory() as outside:
            (Path(outside) / "precious").write_text("")
            (self.root / "link").symlink_to(outside)
            self.assertEqual(self.run_it("--yes").returncode, 0)
            self.assertFalse((self.root / "link").is_symlink())
            self.assertTrue((Path(outside) / "precious").exists())

    def test_without_a_repository_it_touches_nothing(self):
        subprocess.run(["rm", "-rf", str(self.root / ".git")], check=True)
        done = self.run_it("--yes")
        self.assertEqual(done.returncode, 2)
        self.assertIn("git cannot tell", done.stderr)
        self.assertEqual(len(self.left()), 8)

    def test_help_is_given(self):
        self.assertIn("--yes", self.run_it("--help").stdout)


if __name__ == "__main__":
    unittest.main()
