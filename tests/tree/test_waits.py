# SPDX-License-Identifier: BSD-2-Clause
"""A test never takes one return of sched_wait for what it waits for: it returns early now and then, and in simulated
runs the seed decides when. It stands in a loop, or it is sched_sleep.
"""

import re
import unittest

from scripts.cli import ROOT

LOOP = re.compile(r"\b(while|for) \(|\bdo \{")
CALL = re.compile(r"\bsched_wait\(")
OF_ITSELF = ("test_scheduler",)  # what it is about


def depth(line):
    return len(line) - len(line.lstrip())


def outside_of_loops(text):
    """Numbers of the lines that call sched_wait and have no loop around them; blocks are found by their indentation."""
    lines = text.split("\n")
    found = []
    for number, line in enumerate(lines):
        if not CALL.search(line):
            continue
        around, inside = [line], depth(line)
        for above in reversed(lines[:number]):
            if above.strip() and depth(above) < inside:
                around.append(above)
                inside = depth(above)
        if not any(LOOP.search(one) for one in around):
            found.append(number + 1)
    return found


class Waits(unittest.TestCase):
    def test_a_wait_of_a_test_is_in_a_loop(self):
        wrong = [f"{path.relative_to(ROOT)}:{number}" for path in sorted((ROOT / "tests").rglob("*.c"))
                 if path.stem not in OF_ITSELF for number in outside_of_loops(path.read_text(encoding="utf-8"))]
        self.assertEqual(wrong, [])

    def test_a_single_wait_is_found(self):
        self.assertEqual(outside_of_loops("f()\n{\n    g();\n    sched_wait(&word, 0, end);\n}\n"), [4])
        self.assertEqual(outside_of_loops("f()\n{\n    while (x) {\n        if (y)\n            sched_wait(w);\n"), [])
        self.assertEqual(outside_of_loops("f()\n{\n    while (sched_wait(&w, 0, e)) {\n"), [])


if __name__ == "__main__":
    unittest.main()
