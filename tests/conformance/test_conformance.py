# SPDX-License-Identifier: BSD-2-Clause
"""The embedded backend does in every case what Linux's netback was recorded doing (tests/conformance/netback-6.1.json).
test_xen.py compares the recording with the real one; python3 -m scripts.xenrig.record makes it anew."""

import json
import subprocess
import unittest

from scripts.build import made
from scripts.xenrig.record import PROGRAM, RECORDING

SECONDS = 600  # of a busy machine: by itself it takes a few
FLOWS = 1000


def program(*arguments):
    if not PROGRAM.exists():
        with made.one_at_a_time(print):
            made.tests(print)
    done = subprocess.run([str(PROGRAM), "--provider", "embedded", *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, timeout=SECONDS, check=False)
    if done.returncode != 0:
        raise AssertionError(f"it ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout)


def compare(test, recorded, seen):
    """One failure for each case that differs."""
    for name in recorded.keys() | seen.keys():
        with test.subTest(case=name):
            test.assertEqual(seen.get(name), recorded.get(name))


class Embedded(unittest.TestCase):
    def test_every_recorded_behaviour_is_the_embedded_backends_too(self):
        compare(self, json.loads(RECORDING.read_text()), program())

    def test_queue_and_hash_of_1000_flows_are_as_predicted(self):
        flows = program("--flows", str(FLOWS))
        self.assertEqual((flows["flows"], flows["lost"], flows["other_queue"], flows["other_hash"]), (FLOWS, 0, 0, 0))
        self.assertTrue(all(flows["queues"]), "not every queue was used")


if __name__ == "__main__":
    unittest.main()
