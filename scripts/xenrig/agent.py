# SPDX-License-Identifier: BSD-2-Clause
"""This machine's end of an agent's line (agent.sh): commands for a domain, and what comes back of them.

Whoever has the line derives from Agent: it sends text lines and hands over those that come.
"""

import queue
import threading

from .packages import RigError


class Command:
    """One command running in a domain: its lines, and its status once it ended."""

    def __init__(self, number, where):
        self.number, self.lines, self.status = number, queue.Queue(), None
        self.ended, self._where = threading.Event(), where

    def wait(self, seconds):
        """All its output; RigError when it takes longer."""
        if not self.ended.wait(seconds):
            raise RigError(f"a command in {self._where} took longer than {seconds} seconds", 1)
        return "\n".join(self.follow())

    def end(self, status):
        self.status = status
        self.ended.set()
        self.lines.put(None)

    def follow(self):
        """Its lines as they come, until it ends."""
        while True:
            line = self.lines.get()
            if line is None:
                return
            yield line


class Agent:
    where = "domain 0"     # whose commands these are, in messages

    def __init__(self):
        self._commands, self._next, self._numbers = {}, 1, threading.Lock()
        self.ready = self._expect(0)   # the agent's first word

    def send(self, line):
        """Send one line; False when the domain has ended."""
        raise NotImplementedError

    def alive(self):
        raise NotImplementedError

    def ended_text(self):
        """What happened to a domain that is no longer alive."""
        raise NotImplementedError

    def spawn(self, text):
        """A shell command that goes on; its lines come through a queue."""
        if "\n" in text:
            raise ValueError("a command is one line")
        with self._numbers:
            command = self._expect(self._next)
            self._next += 1
            if not self.send(f"{command.number} {text}"):
                raise RigError(self.ended_text(), 1)
        return command

    def run(self, text, seconds=300):
        """(status, output) of a shell command."""
        command = self.spawn(text)
        output = command.wait(seconds)
        return command.status, output

    def heard(self, line):
        """Takes a line that came; False if it is no command's."""
        number, _, text = line.partition(" ")
        command = self._commands.get(int(number)) if number.isdigit() else None
        if command is None:
            return False
        if text == "@ready" or text.startswith("@exit "):
            command.end(0 if text == "@ready" else int(text.split()[1]))
        else:
            command.lines.put(text)
        return True

    def silent(self):
        """Nothing more will come: every command that goes on has failed."""
        for command in list(self._commands.values()):
            if not command.ended.is_set():
                command.end(-1)

    def _expect(self, number):
        command = self._commands[number] = Command(number, self.where)
        return command
