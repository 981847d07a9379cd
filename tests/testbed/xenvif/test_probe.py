# SPDX-License-Identifier: BSD-2-Clause
"""The stand-in answers as each XenVif whose answers are recorded, but for the differences that are listed."""

import unittest
from fnmatch import fnmatchcase

from scripts.check import probe
from scripts.cli import ROOT

FOLDER = ROOT / "tests" / "probe"
# Whom --xenvif-like takes for each record.
LIKE = {"xenvif-8.2.2": "8.2", "xenvif-9.1": "9.1", "xenvif-9.1-r2": "main", "xenvif-9.1-r3": "9.1-r3",
        "xenvif-main": "main"}
MIN_QUESTIONS = 900


def listed():
    """[(record, question, reason)]."""
    rows = [line.split(" | ") for line in (FOLDER / "differences.txt").read_text(encoding="utf-8").splitlines()
            if line and not line.startswith("#")]
    return [tuple(cell.strip() for cell in row) for row in rows]


class Probe(unittest.TestCase):
    def test_the_stand_in_answers_as_each_recorded_xenvif(self):
        self.assertEqual(sorted(path.stem for path in probe.ANSWERS.glob("*.txt")), sorted(LIKE))
        used, rows = set(), listed()
        for record, release in LIKE.items():
            with self.subTest(record):
                answers = probe.recorded(record)
                self.assertGreater(len(answers), MIN_QUESTIONS)
                found = probe.compare(probe.of_release(release), answers)
                for row in rows:
                    hits = [one for one in found if fnmatchcase(record, row[0]) and fnmatchcase(one[0], row[1])]
                    used |= {row} if hits else set()
                    found = [one for one in found if one not in hits]
                self.assertEqual(found, [])
        self.assertEqual([row for row in rows if row not in used], [], "rows without a difference")

    def test_the_same_question_has_the_same_answer_each_time(self):
        self.assertEqual(probe.of_release("strict"), probe.of_release("strict"))

    def test_a_backend_that_lacks_a_feature_changes_what_is_offered(self):
        answers = probe.of_release("main")
        self.assertEqual(answers["enabled, offered"], "0ff")
        self.assertEqual(answers["without gso-tcpv4, enabled, offered"], "0fd")
        self.assertEqual(answers["without gso-tcpv4, enabled, largest send, IPv4"], "0")


if __name__ == "__main__":
    unittest.main()
