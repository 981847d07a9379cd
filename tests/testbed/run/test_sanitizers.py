# SPDX-License-Identifier: BSD-2-Clause
"""A short set of the C tests with clang's sanitizers in the testbed; ./test.py --sanitize runs any of them so.

The set reads what others wrote (images, INFs, packets, rings) and switches stacks, where a slip would be.
"""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

from scripts.build import made
from scripts.cli import ROOT
from scripts.test import sanitize

PROGRAMS = ("test_image_loader", "test_inf", "test_netback_wrong", "test_parse", "test_pcap", "test_pump", "test_rtl",
            "test_sanitizer_rules", "test_scheduler",
            "test_store")
OVERFLOW = ("void *malloc(unsigned long);\n"
            "int main(int count, char **words) { char *text = malloc(4); text[count + 3] = 1; return *text; }\n")
SHIFT = "int main(int count, char **words) { (void)words; return 1 << (count + 31); }\n"


class Sanitizers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with made.one_at_a_time(print):
            sanitize.TREE.build(*PROGRAMS)
        cls.environment = dict(os.environ, **sanitize.ENVIRONMENT)

    def passes(self, name):
        done = subprocess.run([str(sanitize.PROGRAMS / name), "--seeds", "2"], cwd=ROOT, env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               errors="replace", check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-4000:])
        self.assertNotIn("Sanitizer", done.stdout)

    def complaint(self, source):
        """What a program says that is compiled with the testbed's own flags."""
        command = sanitize.TREE.command("bed", "testbed/wire/parse.c")
        flags = [word for word in command if word.startswith(("-fsanitize", "-fno-sanitize"))]
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder, "program")
            subprocess.run(["clang-16", "-w", *flags, "-x", "c", "-", "-o", str(program)], input=source,
                           text=True, check=True)
            return subprocess.run([str(program)], env=self.environment, capture_output=True, text=True,
                                  check=False).stderr

    def test_an_overflow_is_noticed(self):
        self.assertIn("heap-buffer-overflow", self.complaint(OVERFLOW))

    def test_undefined_behaviour_is_noticed(self):
        self.assertIn("shift exponent", self.complaint(SHIFT))


def _add(name):
    setattr(Sanitizers, f"test_{name[5:]}_is_clean", lambda self: self.passes(name))


for _name in PROGRAMS:
    _add(_name)


if __name__ == "__main__":
    unittest.main()
