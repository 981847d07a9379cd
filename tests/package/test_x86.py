#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The x86 xennet.sys runs, too: a short set of the driver's tests in a testbed of 32 bits, with one seed, and the
co-installer's decisions. `./test.py --x86` runs all of them that there are for x86.
"""

import os
import subprocess
import unittest

from scripts.build import made
from scripts.check import mutations
from scripts.cli import ROOT
from scripts.test import x86

# Program, and its cases that are wanted; none: all of them.
LIFE = ("test_life", "connect_send_receive_pause_restart_halt_over_many_seeds",
        "a_life_with_guard_pages_touches_nothing_beyond_its_memory")
STAMPS = ("test_timestamps", "packets_have_the_timestamps_that_the_keyword_names")
SET = (
    LIFE, STAMPS, ("test_policy",), ("test_windows",), ("test_backend_state",), ("test_cancel",), ("test_mtu",),
    ("test_keywords",), ("test_oids",), ("test_oid_pages",), ("test_oid_values",), ("test_statistics",),
    ("test_revisions",), ("test_store_line",), ("test_trace",), ("test_provider",), ("test_send",), ("test_vlan",),
    ("test_receive_checksums",), ("test_lso_v1",), ("test_rsc",), ("test_uso_hostile",), ("test_offload_switches",),
    ("test_rss",), ("test_rss_records",), ("test_rss_v2",), ("test_nbl_pool",), ("test_private_counters",),
    ("test_poll", "nobody_polls_after_a_shutdown"),
)
# A mistake that x64 does not have: where, what, and what stands there instead.
HALF = ("TimestampSet", "Now.HighPart", "Now.LowPart")


def run(program, *cases, driver=None):
    environment = dict(os.environ)
    environment.pop("XENNET_DRIVER", None)
    if driver is not None:
        environment["XENNET_DRIVER"] = str(driver)
    done = subprocess.run([str(x86.PROGRAMS / program), "--seeds", "1", *cases], cwd=ROOT, env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", check=False)
    return done.returncode, done.stdout


@unittest.skipIf("XENVIF" in os.environ, "a xenvif.sys is an x64 image")
class X86(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with made.one_at_a_time(print):
            x86.TREE.build("tests")

    def passes(self, program, *cases):
        status, text = run(program, *cases)
        self.assertEqual(status, 0, text[-4000:])

    def test_no_other_image_is_run(self):
        status, text = run(*LIFE, driver=made.DRIVER)
        self.assertEqual(status, 1)
        self.assertIn("is a 64-bit (x64) driver; the testbed runs x86", text)
        program = (x86.PROGRAMS / "test_life").read_bytes()
        self.assertEqual(program[:5], b"\x7fELF\x01")

    def test_a_mistake_of_x86_alone_is_noticed(self):
        mutations.copy_sources()
        status, text = run(*STAMPS, driver=mutations.build_with(*HALF, how=mutations.build_x86))
        self.assertEqual(status, 1, text)
        self.assertIn("seen.wrong", text)


def _add(program, *cases):
    setattr(X86, f"{program}_passes", lambda self: self.passes(program, *cases))


for _each in SET:
    _add(*_each)


if __name__ == "__main__":
    unittest.main()
