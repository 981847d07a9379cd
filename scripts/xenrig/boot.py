# SPDX-License-Identifier: BSD-2-Clause
"""Boots Xen and domain 0 in QEMU and runs commands there.

Rig.start() returns when domain 0's agent answers; Rig.run() runs one shell command; Rig.spawn() one that goes on, whose lines
come through a queue. The console goes to a file, of which failures show the end.

QEMU is started by Children, so it dies with us however we end. Nothing of a run lies in the file system but the console:
the RAM disk is an anonymous file and the agent's line a pair of sockets, both inherited by QEMU.
"""

import os
import queue
import shutil
import socket
import subprocess
import threading
import time
from pathlib import Path

from .packages import RigError

QEMU = "qemu-system-x86_64"
MEMORY_MB, DOM0_MB = 768, 512
START_SECONDS = 150
CONSOLE_LINES_SHOWN = 30


class Command:
    """One command running in domain 0: its lines, and its status once it ended."""

    def __init__(self, number):
        self.number, self.lines, self.status = number, queue.Queue(), None
        self.ended = threading.Event()

    def wait(self, seconds):
        """All its output; RigError when it takes longer."""
        if not self.ended.wait(seconds):
            raise RigError(f"a command in domain 0 took longer than {seconds} seconds", 1)
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


class Rig:
    def __init__(self, hypervisor, kernel, initrd, console, say, processors=2):
        """`initrd` is the RAM disk's bytes; `console` the file that keeps what Xen and domain 0 say."""
        self.hypervisor, self.kernel, self.initrd, self.console_path, self.say = hypervisor, kernel, initrd, Path(console), say
        self.processors, self.process, self.channel, self._children = processors, None, None, None
        self.commands, self.next_number, self.lock = {}, 1, threading.Lock()

    def _arguments(self, line, disk):
        xen = f"dom0_mem={DOM0_MB}M,max:{DOM0_MB}M dom0_max_vcpus={self.processors} console=com1 com1=115200,8n1 loglvl=warning noreboot=1"
        linux = "console=hvc0 quiet net.ifnames=0 mitigations=off"
        return [QEMU, "-accel", "tcg,thread=multi", "-cpu", "qemu64,+rdtscp", "-smp", str(self.processors),
                "-m", str(MEMORY_MB), "-nographic", "-nodefaults", "-monitor", "none", "-no-reboot", "-net", "none",
                "-serial", f"file:{self.console_path}", "-chardev", f"socket,id=agent,fd={line}", "-serial", "chardev:agent",
                "-kernel", str(self.hypervisor), "-append", xen, "-initrd", f"{self.kernel} {linux},/proc/self/fd/{disk}"]

    def start(self, children, seconds=START_SECONDS):
        if shutil.which(QEMU) is None:
            raise RigError(f"{QEMU} is missing: install Debian's qemu-system-x86")
        self._children = children
        self.console_path.parent.mkdir(parents=True, exist_ok=True)
        self.console_path.write_text("")
        self.channel, theirs = socket.socketpair()
        disk = os.memfd_create("initrd", 0)
        try:
            with open(disk, "wb", closefd=False) as out:
                out.write(self.initrd)
            self.process = children.start(self._arguments(theirs.fileno(), disk), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                          pass_fds=(theirs.fileno(), disk))
        finally:
            theirs.close()
            os.close(disk)
        ready = self._command(0)
        threading.Thread(target=self._read, daemon=True).start()
        self._follow(ready, seconds)

    def _follow(self, ready, seconds):
        """Tell what is booting until the agent answers."""
        began, told = time.monotonic(), set()
        stages = (("Xen version", "Xen is up"), ("rig: user space", "domain 0's kernel is up"), ("rig: xenstore", "xenstore is up"))
        while not (ready.ended.wait(0.5) and ready.status == 0):
            if self.process.poll() is not None:
                told_last = self.process.stderr.read().decode(errors="replace").strip()
                raise RigError(f"QEMU ended before domain 0 was up: {told_last or 'it said nothing'}{self.console_tail()}", 1)
            if time.monotonic() - began > seconds:
                raise RigError(f"domain 0 did not come up within {seconds} seconds{self.console_tail()}", 1)
            text = self.console_path.read_text(errors="replace")
            for mark, saying in stages:
                if mark in text and mark not in told:
                    told.add(mark)
                    self.say(f"{saying} ({time.monotonic() - began:.0f} s)")

    def alive(self):
        return self.process.poll() is None

    def console_tail(self):
        """The end of the console, to be put behind a sentence."""
        lines = self.console_path.read_text(errors="replace").splitlines()[-CONSOLE_LINES_SHOWN:]
        return f"; the console ({self.console_path}) ends with:\n" + "\n".join(lines) if lines else ""

    def _command(self, number):
        command = self.commands[number] = Command(number)
        return command

    def _read(self):
        data = b""
        while True:
            try:
                more = self.channel.recv(65536)
            except OSError:
                more = b""
            if not more:
                break
            *lines, data = (data + more).split(b"\n")
            for line in lines:
                self._line(line.decode(errors="replace").rstrip("\r"))
        for command in list(self.commands.values()):
            if not command.ended.is_set():
                command.end(-1)

    def _line(self, line):
        number, _, text = line.partition(" ")
        command = self.commands.get(int(number)) if number.isdigit() else None
        if command is None:
            return
        if text == "@ready" or text.startswith("@exit "):
            command.end(0 if text == "@ready" else int(text.split()[1]))
        else:
            command.lines.put(text)

    def spawn(self, text):
        if "\n" in text:
            raise ValueError("a command is one line")
        with self.lock:
            command = self._command(self.next_number)
            self.next_number += 1
            try:
                self.channel.sendall(f"{command.number} {text}\n".encode())
            except OSError:
                raise RigError(f"QEMU has ended{self.console_tail()}", 1) from None
        return command

    def run(self, text, seconds=60):
        """(status, output) of a shell command in domain 0."""
        command = self.spawn(text)
        output = command.wait(seconds)
        return command.status, output

    def stop(self):
        if self.process is not None:
            self._children.end(self.process)
        if self.channel is not None:
            self.channel.close()
            self.channel = None
