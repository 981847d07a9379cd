# SPDX-License-Identifier: BSD-2-Clause
"""A guest of its own for the testbed, on a booted rig: made by xl in domain 0, spoken to through its console.

The guest runs the same agent as domain 0 does, on its console. Domain 0's agent passes the lines on: one of its
commands reads the terminal behind the console for as long as the guest lives, and each line for the guest is written
there by another. What comes and is no agent's line, the kernel's messages above all, goes to a file, of which failures
show the end.
"""

import shlex
import threading
import time
from pathlib import Path

from .agent import Agent
from .boot import CONSOLE_LINES_SHOWN, Shape
from .packages import RigError

MEMORY_MB = 192
# Interrupts between processors leave a PVH guest for the hypervisor, which is slow under emulation.
PROCESSORS = {"pv": 2, "pvh": 1}
# Domain 0 holds the guest's kernel and RAM disk twice while it makes the guest, and all of its memory while it is
# saved. A PVH guest needs hardware virtualization, which QEMU emulates as AMD's.
SHAPES = {"pv": Shape(1280, 768, "qemu64,+rdtscp"), "pvh": Shape(1280, 768, "qemu64,-rdtscp,+svm,+npt")}
CREATE_SECONDS = 600
SAVE_SECONDS = 900
START_SECONDS = 900    # 10 on an idle machine


class Guest(Agent):
    where = "the guest"

    def __init__(self, rig, console):
        super().__init__()
        self.rig, self.console_path, self.say = rig, Path(console), rig.say
        self.number = None       # the domain's
        self._console = self._terminal = self._reader = None
        self._away = False       # saved, and not restored yet

    def start(self, kind, seconds=START_SECONDS):
        """Make it and wait until its agent answers."""
        began = time.monotonic()
        self.console_path.write_text("")
        self.say(f"making the {kind.upper()} guest")
        status, out = self.rig.run(f"bash /guest.sh create {kind} {MEMORY_MB} {PROCESSORS[kind]}", CREATE_SECONDS)
        if status != 0:
            raise RigError(f"domain 0 could not make the guest: {out.strip() or status}{self.rig.console_tail()}", 1)
        self.say(f"the guest is made ({time.monotonic() - began:.0f} s)")
        self.number, terminal = out.split()[-2:]
        self._listen(terminal)
        while not self.ready.ended.wait(0.5):
            if time.monotonic() - began > seconds:
                raise RigError(f"the guest did not come up within {seconds} seconds{self.console_tail()}", 1)
        if self.ready.status != 0:
            raise RigError(f"the guest did not come up: {self.ended_text()}", 1)
        self.say(f"the guest is up ({time.monotonic() - began:.0f} s)")

    def send(self, line):
        try:
            self.rig.spawn(f"printf '%s\\n' {shlex.quote(line)} > {self._terminal}")
        except RigError:
            return False
        return self.alive()

    def alive(self):
        return self.rig.alive() and (self._away or not self._console.ended.is_set())

    def save_and_restore(self):
        """Suspend it and have it resumed as another domain, whose agent is the same process."""
        self._away = True
        for step in ("save", "restore"):
            began = time.monotonic()
            status, out = self.rig.run(f"bash /guest.sh {step}", SAVE_SECONDS)
            if status != 0:
                raise RigError(f"domain 0 could not {step} the guest: {out.strip() or status}{self.console_tail()}", 1)
            self.say(f"the guest is {step}d ({time.monotonic() - began:.0f} s)")
        self._reader.join()
        self.number, terminal = out.split()[-2:]
        self._listen(terminal)
        self._away = False

    def ended_text(self):
        if not self.rig.alive():
            return self.rig.ended_text()
        return f"the guest has ended{self.console_tail()}"

    def console_tail(self):
        """The end of both consoles, to be put behind a sentence."""
        lines = self.console_path.read_text(errors="replace").splitlines()[-CONSOLE_LINES_SHOWN:]
        own = (f"; the guest's console ({self.console_path}) ends with:\n" + "\n".join(lines) if lines
               else "; its console is empty")
        return own + self.rig.console_tail()

    def _listen(self, terminal):
        self._terminal = terminal
        # Not cat: busybox's would have the kernel copy, which locks the pipe to the agent for as long as the guest is
        # silent.
        self._console = self.rig.spawn(f"dd if={terminal} bs=4096 2> /dev/null")
        self._reader = threading.Thread(target=self._read, args=(self._console,), daemon=True)
        self._reader.start()

    def _read(self, lines):
        with open(self.console_path, "a", encoding="utf-8") as console:
            for line in lines.follow():
                line = line.rstrip("\r")
                if not self.heard(line):
                    print(line, file=console, flush=True)
        if not self._away:
            self.silent()
