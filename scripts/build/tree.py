# SPDX-License-Identifier: BSD-2-Clause
"""A build folder: CMake writes what is to be compiled and how (CMakeLists.txt), ninja compiles what has changed.

The repository's own is build/. A test that wants another version, or the testbed with sanitizers, has one of its own.
"""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

from scripts import steps
from scripts.build import templates, version
from scripts.cli import ROOT, Stop

# Each program with its Debian package, in the order in which a missing one is named.
PROGRAMS = {"clang-16": "clang-16", "lld-link-16": "lld-16", "llvm-dlltool-16": "llvm-16", "llvm-rc-16": "llvm-16",
            "llvm-ar-16": "llvm-16", "cmake": "cmake", "ninja": "ninja-build"}
FAILED = "FAILED: "


def program(name):
    """The path of a program, or a sentence that names the Debian package it comes from."""
    path = shutil.which(name)
    if path is None:
        raise Stop(f"{name} is missing: install the Debian package {PROGRAMS[name]}")
    return path


class Tree:
    def __init__(self, folder=ROOT / "build", **settings):
        self.folder = Path(folder)
        self.settings = settings

    def configure(self):
        """Version and settings as they are now. CMake runs first, and when they differ; ninja runs it when its files
        changed.
        """
        for name in PROGRAMS:
            program(name)
        templates.headers(self.folder / "generated")
        settings = dict(self.settings, XENNET_VERSION=version.text())
        command = ["cmake", "-G", "Ninja", "-S", str(ROOT), "-B", str(self.folder),
                   *(f"-D{name}={value}" for name, value in settings.items())]
        note, text = self.folder / "configured", shlex.join(command) + "\n"
        if note.is_file() and note.read_text() == text and (self.folder / "build.ninja").is_file():
            return
        if not (note.is_file() and shlex.quote(str(ROOT)) in note.read_text()):
            self.forget()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True,
                              check=False)
        if done.returncode != 0:
            raise Stop(f"configuring the build in {self.folder} failed:\n{done.stdout.rstrip()}", 1)
        note.write_text(text)

    def forget(self):
        """What CMake remembers of another place: a repository that was moved or copied is configured anew."""
        (self.folder / "CMakeCache.txt").unlink(missing_ok=True)
        shutil.rmtree(self.folder / "CMakeFiles", ignore_errors=True)

    def build(self, *targets):
        """Bring targets up to date; a compiler's complaint is the user's to read."""
        self.configure()
        with steps.Step() as step, subprocess.Popen(
                ["ninja", "-C", str(self.folder), *targets], env=dict(steps.environment(), NINJA_STATUS="[%f/%t] "),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                errors="replace") as ninja:
            printed = steps.as_they_come(ninja, step)
        if ninja.returncode != 0:
            _, mark, said = printed.partition(FAILED)
            raise Stop(f"building {' '.join(targets)} failed:\n{(said if mark else printed).rstrip()}", 1)

    def command(self, target, source):
        """How a source is compiled for a target: the command line up to its output, run in the build folder."""
        self.configure()
        if not (self.folder / "compile_commands.json").is_file():
            raise Stop(f"{self.folder} has no compile_commands.json: remove the folder, and build again", 1)
        for entry in json.loads((self.folder / "compile_commands.json").read_text()):
            words = shlex.split(entry["command"])
            if f"/{target}.dir/" in entry["command"] and Path(entry["file"]) == ROOT / source:
                return words[:words.index("-o")]
        raise Stop(f"{source} is no part of {target}", 1)
