# SPDX-License-Identifier: BSD-2-Clause
"""docs/walkthrough.md, as a newcomer goes through it: each fault is put into a copy of the driver in the words of the
page, each command is run, and what it prints is held against what the page shows.

Its first session, a whole run, is held against the one of test_looking.
"""

import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from scripts.build import made
from scripts.build.tree import program
from scripts.check import mutations
from scripts.cli import ROOT, Screen
from scripts.test.runner import Runner
from scripts.test.suite import TestFile
from tests.support.sessions import code, sessions
from tests.support.traffic_bed import needs_traffic

PAGE = ROOT / "docs" / "walkthrough.md"
SEND = "TransmitSend(Adapter->Transmit, Chain, Flags);"
PAUSE = "WatchdogStop(Adapter->Watchdog);"
TAG = "Tag.TagHeader.UserPriority = ETHERNET_TCI_PRIORITY(Tci);"
SECONDS = 180


def session(words):
    """The one whose command has these words."""
    return next(one for one in sessions(PAGE) if words in one.command)


def broken(function, old, new):
    """xennet.sys with `old` replaced in a copy of the source; the package and src are left alone."""
    with made.one_at_a_time(lambda text: None):
        made.driver(lambda text: None, ["x64"])
        made.testbed(lambda text: None)
        mutations.copy_sources()
        return mutations.build_with(function, old, new)


class Walkthrough(unittest.TestCase):
    def run_session(self, one, driver):
        """A command of run.py, on the driver that the reader would have built."""
        argv = shlex.split(one.command)
        self.assertEqual(argv[0], "./run.py")
        done = subprocess.run([sys.executable, "-B", str(ROOT / "run.py"), "--driver", str(driver), "--inf",
                               str(made.INF), *argv[1:]], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace", timeout=SECONDS, check=False)
        left = re.search(r"--open (build/failures/\S+)", done.stdout)
        if left:
            shutil.rmtree(ROOT / left.group(1), ignore_errors=True)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIsNone(one.missing(done.stdout), done.stdout)

    def run_case(self, one, argv, case, environment):
        """A command of test.py that names one case; its result is printed as test.py prints it."""
        name = Path(argv[0]).name
        out = io.StringIO()
        before = dict(os.environ)
        os.environ.update(environment)
        try:
            runner = Runner(Screen(out))
            runner.run([TestFile(name, argv, [], True, [case])])
        finally:
            os.environ.clear()
            os.environ.update(before)
        said = f"{out.getvalue()}\n{runner.score.text()}\n"
        self.assertIsNone(one.missing(said), said)

    @needs_traffic
    def test_a_lock_that_is_taken_twice_is_reported_as_the_page_shows(self):
        self.assertIn(SEND, code(PAGE, SEND))
        driver = broken("MiniportSend", SEND, code(PAGE, "static KSPIN_LOCK Lock") + "\n    " + SEND)
        self.run_session(session("./run.py -- ping"), driver)

    @needs_traffic
    def test_memory_used_after_it_was_freed_is_reported_as_the_page_shows(self):
        text = code(PAGE, "PUCHAR Block")
        driver = broken("MiniportPause", PAUSE, text + "\n    " + PAUSE)
        self.run_session(session("--guard-pages"), driver)

    def test_a_packet_that_loses_its_priority_is_reported_as_the_page_shows(self):
        self.assertIn(TAG, code(PAGE, TAG))
        driver = broken("VlanReceiveTag", TAG, code(PAGE, "UserPriority = 0;"))
        case = "priority_is_kept_for_directed_broadcast_and_multicast_frames"
        self.run_case(session(f"test_receive:{case}"), [str(ROOT / "build" / "tests" / "test_receive")], case,
                      {"XENNET_DRIVER": str(driver)})

    def test_the_story_of_the_page_is_a_test_that_passes(self):
        """Compiled as the build would, without a file in tests/."""
        with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
            source, built = Path(folder, "test_first_story.c"), Path(folder, "test_first_story")
            source.write_text(code(PAGE, "TEST(some_frames_go_each_way)") + "\n", encoding="utf-8")
            done = subprocess.run([program("ninja"), "-C", str(ROOT / "build"), "-t", "commands", "tests/test_life"],
                                  capture_output=True, text=True, check=True)
            lines = done.stdout.splitlines()
            compiled = next(line for line in lines if line.endswith("driver/life/test_life.c"))
            link = next(line for line in lines if "-o tests/test_life " in line)
            of_life = "tests/CMakeFiles/test_life.dir/driver/life/test_life.c.o"
            for line in (re.sub(r"\S+/test_life\.c$", str(source), compiled), link):
                line = line.replace(of_life, f"{built}.o").replace("-o tests/test_life ", f"-o {built} ")
                line = re.sub(r" -M[DTF] \S+\.d| -MT \S+| -MD", "", line)
                made_it = subprocess.run(["sh", "-c", line], cwd=ROOT / "build", capture_output=True, text=True,
                                         check=False)
                self.assertEqual(made_it.returncode, 0, made_it.stderr)
            # Where the tests are: the harness looks for the repository above itself.
            place = ROOT / "build" / "tests" / "test_first_story"
            shutil.copyfile(built, place)
            self.addCleanup(place.unlink)
            place.chmod(0o755)
            self.run_case(session("test_first_story"), [str(place)], "some_frames_go_each_way", {})


if __name__ == "__main__":
    unittest.main()
