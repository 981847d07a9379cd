# SPDX-License-Identifier: BSD-2-Clause
"""Boots Xen and domain 0 in QEMU and runs commands there.

Rig.start() returns when domain 0's agent answers; Rig.run() runs one shell command; Rig.spawn() one that goes on, whose
lines come through a queue. The console goes to a file, of which failures show the end.

QEMU is started by Children, so it dies with us however we end. Nothing of a run lies in the file system but the
console: the RAM disk is an anonymous file and the agent's line a pair of sockets, both inherited by QEMU.
"""

import os
import shutil
import socket
import subprocess
import threading
import time
from collections import namedtuple
from pathlib import Path

from .agent import Agent
from .packages import RigError

QEMU = "qemu-system-x86_64"
START_SECONDS = 400    # it takes 10 on an idle machine
CONSOLE_LINES_SHOWN = 30

# The emulated machine: its memory, domain 0's share of it, its processor.
Shape = namedtuple("Shape", "memory_mb dom0_mb cpu")
ALONE = Shape(768, 512, "qemu64,+rdtscp")


class Rig(Agent):
    def __init__(self, hypervisor, kernel, initrd, console, say, shape=ALONE, processors=2):
        """`initrd` is the RAM disk's bytes; `console` the file that keeps what Xen and domain 0 say."""
        self.hypervisor, self.kernel, self.initrd, self.console_path, self.say = hypervisor, kernel, initrd, Path(
            console), say
        super().__init__()
        self.shape, self.processors, self.process, self.channel, self._children = shape, processors, None, None, None

    def _arguments(self, line, disk):
        xen = (f"dom0_mem={self.shape.dom0_mb}M,max:{self.shape.dom0_mb}M dom0_max_vcpus={self.processors} "
               "console=com1 com1=115200,8n1 loglvl=warning noreboot=1")
        linux = "console=hvc0 quiet net.ifnames=0 mitigations=off"
        return [QEMU, "-accel", "tcg,thread=multi", "-cpu", self.shape.cpu, "-smp", str(self.processors),
                "-m", str(self.shape.memory_mb), "-nographic", "-nodefaults", "-monitor", "none", "-no-reboot", "-net",
                "none",
                "-serial", f"file:{self.console_path}", "-chardev", f"socket,id=agent,fd={line}", "-serial",
                "chardev:agent",
                "-kernel", str(self.hypervisor), "-append", xen, "-initrd",
                f"{self.kernel} {linux},/proc/self/fd/{disk}"]

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
            self.process = children.start(self._arguments(theirs.fileno(), disk), stdout=subprocess.DEVNULL,
                                          stderr=subprocess.PIPE,
                                          pass_fds=(theirs.fileno(), disk))
        finally:
            theirs.close()
            os.close(disk)
        threading.Thread(target=self._read, daemon=True).start()
        self._follow(seconds)

    def _follow(self, seconds):
        """Tell what is booting until the agent answers."""
        began, told = time.monotonic(), set()
        stages = (("Xen version", "Xen is up"), ("rig: user space", "domain 0's kernel is up"),
                  ("rig: xenstore", "xenstore is up"))
        while not (self.ready.ended.wait(0.5) and self.ready.status == 0):
            if self.process.poll() is not None:
                told_last = self.process.stderr.read().decode(errors="replace").strip()
                raise RigError(f"QEMU ended before domain 0 was up: "
                               f"{told_last or 'it said nothing'}{self.console_tail()}", 1)
            if time.monotonic() - began > seconds:
                raise RigError(f"domain 0 did not come up within {seconds} seconds{self.console_tail()}", 1)
            text = self.console_path.read_text(errors="replace")
            for mark, saying in stages:
                if mark in text and mark not in told:
                    told.add(mark)
                    self.say(f"{saying} ({time.monotonic() - began:.0f} s)")

    def alive(self):
        return self.process.poll() is None

    def ended_text(self):
        return f"QEMU has ended{self.console_tail()}"

    def console_tail(self):
        """The end of the console, to be put behind a sentence."""
        lines = self.console_path.read_text(errors="replace").splitlines()[-CONSOLE_LINES_SHOWN:]
        return f"; the console ({self.console_path}) ends with:\n" + "\n".join(lines) if lines else ""

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
                self.heard(line.decode(errors="replace").rstrip("\r"))
        self.silent()

    def send(self, line):
        try:
            self.channel.sendall(f"{line}\n".encode())
        except OSError:
            return False
        return True

    def stop(self):
        if self.process is not None:
            self._children.end(self.process)
        if self.channel is not None:
            self.channel.close()
            self.channel = None
