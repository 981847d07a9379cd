# SPDX-License-Identifier: BSD-2-Clause
"""Boots Xen and domain 0 in QEMU and runs commands there.

Rig.start() returns when domain 0's agent answers; Rig.run() runs one shell command; Rig.spawn() one that goes on, whose lines
come through a queue. The console goes to a file, of which failures show the end.
"""

import os
import queue
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from .packages import RigError

MEMORY_MB, DOM0_MB = 768, 512
CONSOLE_LINES_SHOWN = 30


class Command:
    """One command running in domain 0: its lines, and its status once it ended."""

    def __init__(self, number):
        self.number, self.lines, self.status = number, queue.Queue(), None
        self.ended = threading.Event()

    def wait(self, seconds):
        """All its output; RigError when it takes longer."""
        if not self.ended.wait(seconds):
            raise RigError(f"a command in domain 0 took longer than {seconds} seconds")
        text = []
        while not self.lines.empty():
            text.append(self.lines.get())
        return "\n".join(text)


class Rig:
    def __init__(self, hypervisor, kernel, initrd, console, say, processors=2):
        self.hypervisor, self.kernel, self.initrd, self.console_path, self.say = hypervisor, kernel, initrd, Path(console), say
        self.processors, self.process, self.channel = processors, None, None
        self.commands, self.next_number, self.lock = {}, 1, threading.Lock()
        self.folder = None

    def _arguments(self, listener):
        xen = f"dom0_mem={DOM0_MB}M,max:{DOM0_MB}M dom0_max_vcpus={self.processors} console=com1 com1=115200,8n1 loglvl=warning noreboot=1"
        linux = "console=hvc0 quiet net.ifnames=0 mitigations=off"
        return ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "qemu64,+rdtscp", "-smp", str(self.processors),
                "-m", str(MEMORY_MB), "-nographic", "-nodefaults", "-monitor", "none", "-no-reboot", "-net", "none",
                "-serial", f"file:{self.console_path}", "-serial", f"unix:{listener}",
                "-kernel", str(self.hypervisor), "-append", xen, "-initrd", f"{self.kernel} {linux},{self.initrd}"]

    def start(self, seconds=120):
        if shutil.which("qemu-system-x86_64") is None:
            raise RigError("qemu-system-x86_64 is missing: install Debian's qemu-system-x86")
        self.folder = tempfile.mkdtemp(prefix="xennet-rig-")
        listener = os.path.join(self.folder, "agent")
        server = socket.socket(socket.AF_UNIX)
        server.bind(listener)
        server.listen(1)
        server.settimeout(10)
        self.process = subprocess.Popen(self._arguments(listener), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            self.channel, _ = server.accept()
        except socket.timeout:
            self.stop()
            raise RigError("QEMU did not start: " + self.process.stderr.read().decode(errors="replace").strip())
        finally:
            server.close()
        ready = self._command(0)
        threading.Thread(target=self._read, daemon=True).start()
        self._follow(ready, seconds)

    def _follow(self, ready, seconds):
        """Tell what is booting until the agent answers."""
        began, told = time.monotonic(), set()
        stages = (("Xen version", "Xen is up"), ("rig: user space", "domain 0's kernel is up"), ("rig: xenstore", "xenstore is up"))
        while not ready.ended.wait(0.5):
            if self.process.poll() is not None or time.monotonic() - began > seconds:
                tail = self.console_tail()
                self.stop()
                raise RigError(f"domain 0 did not come up within {seconds} seconds; its console ends with:\n{tail}")
            text = self.console_path.read_text(errors="replace") if self.console_path.exists() else ""
            for mark, saying in stages:
                if mark in text and mark not in told:
                    told.add(mark)
                    self.say(f"{saying} ({time.monotonic() - began:.0f} s)")

    def console_tail(self):
        text = self.console_path.read_text(errors="replace") if self.console_path.exists() else ""
        return "\n".join(text.splitlines()[-CONSOLE_LINES_SHOWN:])

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
                command.status = -1
                command.ended.set()

    def _line(self, line):
        number, _, text = line.partition(" ")
        command = self.commands.get(int(number)) if number.isdigit() else None
        if command is None:
            return
        if text == "@ready" or text.startswith("@exit "):
            command.status = 0 if text == "@ready" else int(text.split()[1])
            command.ended.set()
        else:
            command.lines.put(text)

    def spawn(self, text):
        if "\n" in text:
            raise ValueError("a command is one line")
        with self.lock:
            command = self._command(self.next_number)
            self.next_number += 1
            self.channel.sendall(f"{command.number} {text}\n".encode())
        return command

    def run(self, text, seconds=60):
        """(status, output) of a shell command in domain 0."""
        command = self.spawn(text)
        output = command.wait(seconds)
        return command.status, output

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.channel is not None:
            self.channel.close()
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None
