# SPDX-License-Identifier: BSD-2-Clause
"""Tests are found by their names: one word for a test, names of files that are their own over all folders, folders of
one subject, and what documents and the mutation table name exists.
"""

import re
import unittest
from collections import Counter
from fnmatch import fnmatchcase

from scripts.cli import ROOT
from scripts.test import suite

TESTS = ROOT / "tests"
MAX_FILES = 20
OF_THE_READER = ("test_first_story",)    # who follows docs/walkthrough.md makes it
NAMED = re.compile(r"\b(test_[a-z0-9_]+)\b(?::([\w*?\[\]]+))?")


def cases():
    """{file: the names of its cases}."""
    return {file.name: file.cases for file in suite.find()}


class Names(unittest.TestCase):
    def test_every_name_of_a_test_file_is_its_own(self):
        stems = Counter(path.stem for path in TESTS.rglob("test_*.*") if path.suffix in (".c", ".py"))
        self.assertEqual([stem for stem, count in stems.items() if count > 1], [])

    def test_there_is_one_word_for_a_test(self):
        self.assertEqual([str(path) for path in TESTS.rglob("*.c")
                          if re.match(r"(scenario|selftest|check)_", path.name)], [])

    def test_a_case_is_named_after_what_it_proves_not_by_a_number(self):
        wrong = [f"{stem}:{case}" for stem, names in cases().items() for case in names
                 if re.match(r"(test_)?(mistake|feature|case|row|issue)_?\d", case)]
        self.assertEqual(wrong, [])

    def test_a_folder_holds_one_subject(self):
        folders = Counter(path.parent for path in TESTS.rglob("*")
                          if path.is_file() and path.suffix in (".c", ".h", ".py") and path.name != "__init__.py")
        full = {str(folder.relative_to(ROOT)): count for folder, count in folders.items()
                if count > MAX_FILES}
        self.assertEqual(full, {})

    def test_what_documents_and_mutations_name_exists(self):
        known = cases()
        every = {case for names in known.values() for case in names}
        self.assertGreater(len(every), 800)
        wrong = []
        for path in [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "BUILD.md", ROOT / "CONTRIBUTING.md",
                     ROOT / "scripts" / "check" / "mutations_table.py"]:
            for name, case in NAMED.findall(path.read_text(encoding="utf-8")):
                if name in OF_THE_READER:
                    continue
                names = known.get(name)
                if names is None and not case:
                    names = [name] if any(known_case.startswith(name) for known_case in every) else None
                if names is None or case and not any(fnmatchcase(known_case, case) for known_case in names):
                    wrong.append(f"{path.relative_to(ROOT)}: {name}{':' + case if case else ''}")
        self.assertEqual(wrong, [])

    def test_scenarios_ask_the_stand_in_by_the_way_that_leaves_a_xenvifs_image_alone(self):
        wrong = [f"{path.name}: {line.strip()}" for path in (TESTS / "driver").rglob("*.c")
                 for line in path.read_text(encoding="utf-8").splitlines()
                 if re.search(r"(?<!provider->)story->bed\.vif\b", line)]
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
