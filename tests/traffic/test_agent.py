# SPDX-License-Identifier: BSD-2-Clause
"""The lines between this machine and a domain's agent, without any machine: commands and what comes back of them, a
guest's console between them and the kernel's messages, a guest that ends and one that is saved and restored."""

import tempfile
import unittest
from pathlib import Path

from scripts.run.options import XEN_GUESTS
from scripts.xenrig.agent import Agent, Command
from scripts.xenrig.guest import PROCESSORS, SHAPES, Guest
from scripts.xenrig.packages import RigError


class Line(Agent):
    """Keeps what is sent."""

    def __init__(self):
        super().__init__()
        self.sent, self.up = [], True

    def send(self, line):
        self.sent.append(line)
        return self.up

    def alive(self):
        return self.up

    def ended_text(self):
        return "it has ended"


class Commands(unittest.TestCase):
    def setUp(self):
        self.line = Line()

    def test_lines_reach_the_command_whose_number_they_bear(self):
        first, second = self.line.spawn("one"), self.line.spawn("two")
        self.assertEqual(self.line.sent, ["1 one", "2 two"])
        for text in ("2 b", "1 a 1", "2 ", "1 @exit 0", "2 @exit 7"):
            self.assertTrue(self.line.heard(text))
        self.assertEqual((first.wait(0), first.status), ("a 1", 0))
        self.assertEqual((second.wait(0), second.status), ("b\n", 7))

    def test_what_no_command_asked_for_is_left_to_the_caller(self):
        self.line.spawn("one")
        for text in ("[    1.5] a kernel's word", "9 other", "", "1.5 x"):
            self.assertFalse(self.line.heard(text), text)

    def test_the_first_word_reports_that_it_is_ready(self):
        self.assertFalse(self.line.ready.ended.is_set())
        self.line.heard("0 @ready")
        self.assertEqual((self.line.ready.ended.is_set(), self.line.ready.status), (True, 0))

    def test_a_command_that_takes_too_long_is_reported_with_its_domain(self):
        self.line.where = "the guest"
        with self.assertRaisesRegex(RigError, "a command in the guest took longer than 0 seconds"):
            self.line.spawn("one").wait(0)

    def test_silence_ends_every_command(self):
        command = self.line.spawn("one")
        self.line.heard("1 begun")
        self.line.silent()
        self.assertEqual((command.wait(0), command.status), ("begun", -1))

    def test_a_command_for_a_domain_that_has_ended_is_reported(self):
        self.line.up = False
        with self.assertRaisesRegex(RigError, "it has ended"):
            self.line.spawn("one")

    def test_a_command_is_one_line(self):
        with self.assertRaises(ValueError):
            self.line.spawn("one\ntwo")


class Domain0:
    """Answers as domain 0's agent does: commands end at once unless they read a terminal."""

    def __init__(self):
        self.spawned, self.consoles, self.number, self.say = [], [], 1, lambda _text: None
        self.guest, self.alive_meanwhile = None, None

    def spawn(self, text):
        command = Command(0, "domain 0")
        self.spawned.append(text)
        if text.startswith("dd "):
            self.consoles.append(command)
        return command

    def run(self, text, _seconds=60):
        if text.endswith("save"):
            self.consoles[-1].end(0)      # the terminal of the domain that ends
        if text.endswith("restore"):
            self.alive_meanwhile = self.guest.alive()
            self.number += 1
        return (0, f"a word before\n{self.number} /dev/pts/{self.number}")

    def alive(self):
        return True

    def console_tail(self):
        return "; domain 0's console"


class Guests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="xennet-")
        self.addCleanup(folder.cleanup)
        self.domain0 = Domain0()
        self.guest = Guest(self.domain0, Path(folder.name) / "console")
        self.domain0.guest = self.guest
        self.guest.console_path.write_text("")
        self.guest._listen("/dev/pts/1")
        self.addCleanup(self.ends)     # before the folder goes

    def says(self, *lines):
        for line in lines:
            self.domain0.consoles[-1].lines.put(line)

    def ends(self):
        self.domain0.consoles[-1].end(0)
        self.guest._reader.join(10)

    def test_every_kind_has_a_machine(self):
        self.assertEqual((set(SHAPES), set(PROCESSORS)), (set(XEN_GUESTS), set(XEN_GUESTS)))

    def test_a_command_is_written_to_the_terminal_behind_the_console(self):
        self.guest.spawn("echo it's")
        self.assertEqual(self.domain0.spawned[-1], """printf '%s\\n' '1 echo it'"'"'s' > /dev/pts/1""")
        self.ends()

    def test_the_kernels_words_go_to_the_file_and_the_commands_to_their_callers(self):
        command = self.guest.spawn("one")
        self.says("[    1.0] booting\r", "0 @ready\r", "1 out", "1 @exit 3")
        self.assertEqual((command.wait(10), command.status), ("out", 3))
        self.ends()
        self.assertTrue(self.guest.ready.ended.is_set())
        self.assertEqual(self.guest.console_path.read_bytes(), b"[    1.0] booting\n")

    def test_a_guest_that_ends_fails_its_commands_and_shows_both_consoles(self):
        command = self.guest.spawn("one")
        self.says("Kernel panic")
        self.ends()
        self.assertEqual((command.status, self.guest.alive()), (-1, False))
        for part in ("the guest has ended", "Kernel panic", "domain 0's console"):
            self.assertIn(part, self.guest.ended_text())
        with self.assertRaises(RigError):
            self.guest.spawn("two")

    def test_a_guest_that_is_saved_and_restored_goes_on_with_its_commands(self):
        command = self.guest.spawn("one")
        self.says("1 before")
        self.guest.save_and_restore()
        self.assertEqual((self.guest.number, self.guest.alive(), self.domain0.alive_meanwhile), ("2", True, True))
        self.says("1 behind", "1 @exit 0")
        self.assertEqual((command.wait(10), command.status), ("before\nbehind", 0))
        self.guest.spawn("two")
        self.assertTrue(self.domain0.spawned[-1].endswith("> /dev/pts/2"))
        self.ends()
        self.assertFalse(self.guest.alive())
