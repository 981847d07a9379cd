# SPDX-License-Identifier: BSD-2-Clause
"""The tree meets its .clang-format, and no line is longer than 120 columns.

Not measured: a row of a table in a document, which cannot be broken; a link on a line of its own; what others wrote
(LICENSE) or a tool records (JSON).
"""

import re
import subprocess
import unittest

from scripts.cli import ROOT

COLUMNS = 120
FORMATTED = ("src", "testbed", "tests", "include", "toolchain")
MEASURED = (".c", ".h", ".py", ".md", ".ps1", ".sh", ".cmake")
ONE_WORD = re.compile(r"^\s*(?:[-*>#|]|//|\d+\.)?\s*\S+$")


def files(*folders):
    """Those of the source tree: what a command makes lies in build/ and xennet/."""
    roots = [ROOT / folder for folder in folders] or [path for path in ROOT.iterdir() if path.name not in
                                                      ("build", "xennet", ".git")]
    for root in sorted(roots):
        yield from sorted(root.rglob("*")) if root.is_dir() else [root]


def excepted(path, line):
    return (path.suffix == ".md" and line.startswith("|")) or ONE_WORD.match(line)


class Format(unittest.TestCase):
    def test_c_meets_clang_format(self):
        sources = [str(path) for path in files(*FORMATTED) if path.suffix in (".c", ".h")]
        self.assertGreater(len(sources), 400)
        done = subprocess.run(["clang-format-16", "--dry-run", "-Werror", *sources], cwd=ROOT, capture_output=True,
                              text=True, check=False)
        wrong = sorted({line.split(": error:")[0] for line in done.stderr.splitlines() if ": error:" in line})
        self.assertEqual((done.returncode, wrong[:20]), (0, []), "clang-format-16 -i mends it")

    def test_no_line_is_longer_than_120_columns(self):
        wrong = []
        for path in files():
            if (path.suffix in MEASURED or path.name == "CMakeLists.txt") and path.is_file():
                for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                    if len(line) > COLUMNS and not excepted(path, line):
                        wrong.append(f"{path.relative_to(ROOT)}:{number}: {len(line)}")
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
