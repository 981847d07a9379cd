# SPDX-License-Identifier: BSD-2-Clause
"""docs/debugging.md, replayed: the sessions of the page, each command of them given to the debugger, each line of
output found in order. Addresses differ from run to run; "..." stands for anything. Then what the page names without a
session: lines, locals, another driver.
"""

import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from scripts import packages
from scripts.build import made
from scripts.cli import ROOT, Stop
from scripts.debug import debugger

PAGE = ROOT / "docs" / "debugging.md"
SEND = ROOT / "src" / "xennet" / "transmit.c"
CASE = "test_life:connect_send_receive_pause_restart_halt_over_many_seeds"
PROMPT = "(lldb) "
SECONDS = 240


def sessions():
    """[(command line, [(lldb's command, [lines of output])])] of the page."""
    found = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("    $ ./test.py --debug "):
            found.append((line[len("    $ "):].split(), []))
        elif not line.startswith("    "):
            continue
        elif line[4:].startswith(PROMPT):
            found[-1][1].append((line[4 + len(PROMPT):], []))
        elif found and found[-1][1]:
            found[-1][1][-1][1].append(line.strip())
    return found


def pattern(line):
    """What the line of the page stands for."""
    text = re.escape(line).replace(r"\.\.\.", ".*")
    return re.sub(r"0x[0-9a-f]{8,}", "0x[0-9a-f]+", text)


def missing(answers, expected):
    """The first line of the page that the debugger did not print, or None."""
    at = 0
    for command, lines in expected:
        at = answers.find(PROMPT + command, at)
        if at < 0:
            return command
        end = answers.find("\n" + PROMPT, at + 1)
        for line in lines:
            match = re.compile(pattern(line)).search(answers, at, end if end > 0 else len(answers))
            if not match:
                return line
            at = match.end()
    return None


class Debugger(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        try:
            packages.ensure(packages.DEBUGGER, lambda text: None)
        except Stop as stop:
            raise unittest.SkipTest(stop.text) from None

    def answers(self, argv, typed, **environment):
        """What lldb prints, as `./test.py --debug` starts it, without building."""
        name, case = argv[-1].split(":")
        seed = argv[argv.index("--seed") + 1] if "--seed" in argv else None
        with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
            commands = Path(folder, "commands")
            commands.write_text("\n".join([*typed, "kill", ""]), encoding="utf-8")
            done = subprocess.run(debugger.of_test(ROOT / "build" / "tests" / name, case, seed, commands), cwd=ROOT,
                                  env=dict(os.environ, XENNET_DEBUGGED="1", **environment), stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                                  timeout=SECONDS, check=False)
        return done.stdout

    def replay(self, argv, expected):
        said = self.answers(argv, [command for command, _ in expected])
        self.assertIsNone(missing(said, expected), said)

    def stopped_at_the_line(self, image, **environment):
        """Stops where TransmitSend asks whether the adapter runs; what is printed."""
        lines = SEND.read_text(encoding="utf-8").splitlines()
        first = lines.index("TransmitSend(XENNET_TRANSMIT *Transmit, NET_BUFFER_LIST *Chain, ULONG SendFlags)") + 1
        line = next(number for number in range(first, len(lines)) if "ContextIsRunning(" in lines[number - 1])
        said = self.answers(["--seed", "7", CASE], [
            f"breakpoint set --file {SEND.relative_to(ROOT)} --line {line} --one-shot true", "run", "bt 2",
            "frame variable"], **environment)
        self.assertIn("1 location added to breakpoint 4", said)
        self.assertRegex(said, rf"#0: 0x[0-9a-f]+ {image}`TransmitSend\(Transmit=0x[0-9a-f]+, Chain=0x[0-9a-f]+, .*\) "
                         rf"at transmit\.c:{line}\b")
        self.assertRegex(said, r"#1: 0x[0-9a-f]+ test_life`adapter_send\(")
        return said

    def test_a_breakpoint_at_a_line_of_the_driver_stops_there(self):
        self.stopped_at_the_line("xennet.sys")

    def test_the_checked_build_has_its_locals(self):
        image, _ = made.checked_driver(lambda text: None, "10-22h2")
        said = self.stopped_at_the_line("xennet.sys", XENNET_DRIVER=str(image), XENNET_INF=str(made.INF))
        self.assertRegex(said, r"\(_XENNET_TRANSMIT_PROCESSOR \*\) Processor = 0x[0-9a-f]+")
        self.assertRegex(said, r"\(_NET_BUFFER_LIST \*\) Chain = 0x[0-9a-f]+")

    def test_another_driver_has_the_symbols_of_the_pdb_beside_it(self):
        with tempfile.TemporaryDirectory(prefix="xennet-") as folder:
            for name, source in (("other.sys", made.DRIVER), ("other.inf", made.INF),
                                 ("xennet.pdb", made.DRIVER.with_suffix(".pdb"))):
                shutil.copyfile(source, Path(folder, name))
            other = {"XENNET_DRIVER": f"{folder}/other.sys", "XENNET_INF": f"{folder}/other.inf"}
            self.stopped_at_the_line(r"other\.sys", **other)
            Path(folder, "xennet.pdb").unlink()
            said = self.answers(["--seed", "7", CASE], ["breakpoint set --name TransmitSend", "run"], **other)
        self.assertNotIn("other.sys`TransmitSend(", said)

    def test_the_sessions_of_the_page_go_as_it_shows(self):
        found = sessions()
        self.assertEqual(len(found), 2)
        for argv, expected in found:
            self.assertGreater(sum(len(lines) for _, lines in expected), 2)
            with self.subTest(" ".join(argv)):
                self.replay(argv, expected)

    def test_a_line_that_does_not_come_is_found(self):
        answers = "(lldb) bt\n frame #0: 0x00001234 a`b at c.c:3\n(lldb) up\n"
        self.assertIsNone(missing(answers, [("bt", ["frame #0: 0x00005678 a`b at ..."]), ("up", [])]))
        self.assertEqual(missing(answers, [("bt", ["frame #1: ..."])]), "frame #1: ...")
        self.assertEqual(missing(answers, [("up", ["frame #0"])]), "frame #0")


if __name__ == "__main__":
    unittest.main()
