# SPDX-License-Identifier: BSD-2-Clause
"""A Wine to install packages in: a prefix under build/wine, reset to its first state before each test.

wine/wine_setup.c does the installing; this starts it, gives it commands and reads its answers. Wine never
looks at the Windows version in an INF, so a package's INF is reduced to the models that the Windows of the story would
take; nor does it know the driver store (13), whose files then go to System32\\drivers (12). Which of several packages
Windows chooses is ranking.py's to say.
"""

import atexit
import fcntl
import os
import re
import shutil
import signal
import subprocess
import unittest
from collections import namedtuple
from pathlib import Path
from unittest import mock

from scripts.build import driver, editions, templates, tools
from scripts.build.tree import Tree
from scripts.cli import ROOT

HOMES = {"x64": ROOT / "build" / "wine", "x86": ROOT / "build" / "wine-x86"}
LOADERS = {"x64": ("wine64", "/usr/lib/wine/wine64", "/usr/lib64/wine/wine64"),
           "x86": ("wine32", "/usr/lib/wine/wine", "/usr/lib/wine/wine32")}
SERVERS = ("wineserver", "/usr/lib/wine/wineserver64", "/usr/lib/wine/wineserver")
PACKAGES = {"x64": "wine, wine64 and mingw-w64-x86-64-dev", "x86": "wine, wine32:i386 and mingw-w64-i686-dev"}
LIBRARIES = {"x64": "/usr/x86_64-w64-mingw32/lib", "x86": "/usr/i686-w64-mingw32/lib"}
DECORATIONS = {"x64": "NTamd64", "x86": "NTx86"}
# The first Windows of each models section.
SEVEN, TEN, ISOLATED = ".6.1", ".10.0...14393", ".10.0...25398"
HIVES = ("system.reg", "user.reg", "userdef.reg")
FIRST_START_SECONDS = 180
SECONDS = 60
STARTS = 3
SERVICES = r"SYSTEM\CurrentControlSet\Services"
NET_CLASS = r"SYSTEM\CurrentControlSet\Control\Class\{4d36e972-e325-11ce-bfc1-08002be10318}"
DEVICES = r"SYSTEM\CurrentControlSet\Enum\ROOT\XENVIF"
PROVIDER, OWN = SERVICES + r"\XENVIF", SERVICES + r"\XENNET"
SUBSCRIPTION = PROVIDER + r"\Interfaces\XENNET"
SZ, DWORD = 1, 4

Answer = namedtuple("Answer", "kind fields")


def dword(number):
    return (DWORD, number.to_bytes(4, "little"))


def text(string):
    return (SZ, (string + "\0").encode("utf-16-le"))


def windows_path(path):
    return "Z:" + str(path).replace("/", "\\")


def reduced(inf, arch, since, more_ids=()):
    """The INF with the models of one Windows, under the decoration that Wine knows, and of more IDs."""
    plain, lines, section = DECORATIONS[arch], [], ""
    models = None
    for line in inf.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        if section == "Manufacturer" and "=" in line:
            models = line.split("=")[1].split(",")[0].strip()
            line = line.split(",")[0] + f", {plain}"
        if models and section.startswith(f"{models}.{plain}"):
            if section != f"{models}.{plain}{since}":
                continue
            if line.startswith("["):
                lines.append(f"[{models}.{plain}]")
                lines += [f"%XenNetName% = XenNet_Inst, {device_id}" for device_id in more_ids]
                continue
        lines.append(line.replace("= 13", "= 12").replace("%13%", "%12%"))
    return "\r\n".join(lines) + "\r\n"


def inf_registry(inf, *sections):
    """{subkey: {value: (type, bytes)}} that AddReg sections write below HKR; names in capitals."""
    lines, strings, found, section = inf.splitlines(), {}, {}, ""
    for line in lines:
        if line.startswith("["):
            section = line.strip("[]")
        elif section == "Strings" and "=" in line:
            name, value = line.split("=", 1)
            strings[name.strip()] = value.strip().strip('"')
    for line in lines:
        if line.startswith("["):
            section = line.strip("[]")
        elif section in sections and line.startswith("HKR"):
            _, key, name, _, value = (field.strip().strip('"') for field in line.split(",", 4))
            value = re.sub("^%(.*)%$", lambda match: strings[match.group(1)], value)
            found.setdefault(key.upper(), {})[name.upper()] = text(value)
    return found


class Result:
    """What one command answered."""

    def __init__(self, answers):
        self.answers = answers

    def values(self, kind):
        return [answer.fields for answer in self.answers if answer.kind == kind]

    def number(self, kind):
        """The number that the command said, or None."""
        found = self.values(kind)
        return int(found[0][0]) if found else None

    def log(self, level=None):
        """Lines of the setup log, of one level or of all."""
        return [fields[1] for fields in self.values("log") if level is None or int(fields[0]) == level]


class Bed:
    def __init__(self, arch):
        self.arch, self.home = arch, HOMES[arch]
        self.prefix, self.pristine = self.home / "prefix", self.home / "pristine"
        self.loader = next((path for path in map(shutil.which, LOADERS[arch]) if path), None)
        self.server = next((path for path in map(shutil.which, SERVERS) if path), None)
        if self.loader is None or self.server is None or not (Path(LIBRARIES[arch]) / "libsetupapi.a").is_file():
            bits = {"x64": 64, "x86": 32}[arch]
            raise unittest.SkipTest(f"no {bits}-bit Wine, or nothing to link a program for it with: install "
                                    f"{PACKAGES[arch]}")
        self.packages = set()
        self.home.mkdir(parents=True, exist_ok=True)
        self.lock = open(self.home / ".lock", "w", encoding="ascii")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        # No downloads, no desktop entries, no links into the user's folders.
        self.environment = dict(os.environ, WINEPREFIX=str(self.prefix),
                                WINEARCH={"x64": "win64", "x86": "win32"}[arch],
                                WINEDEBUG="-all", LC_ALL="C.UTF-8", HOME=str(self.home),
                                WINEDLLOVERRIDES="mscoree,mshtml=;winemenubuilder.exe=d")
        self.environment.pop("DISPLAY", None)
        atexit.register(self.stop)
        self.prepare()
        self.program = self.compile()

    def start(self, arguments, seconds, given=""):
        """Run a Windows program; it and what it started die when the time is over."""
        with subprocess.Popen([self.loader, *map(str, arguments)], cwd=self.home, env=self.environment,
                              stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True) as process:
            try:
                said, _ = process.communicate(given.encode(), timeout=seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                self.stop()
                raise AssertionError(f"Wine was not done with {arguments} within {seconds} s") from None
        return process.returncode, said.decode(errors="replace")

    def stop(self):
        for option in ("-k", "-w"):
            subprocess.run([self.server, option], env=self.environment, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL,
                           timeout=SECONDS, check=False)

    def prepare(self):
        version = subprocess.run([self.loader, "--version"], capture_output=True, text=True, check=False).stdout
        stamp = self.home / "version"
        if stamp.is_file() and stamp.read_text() == version:
            return
        for folder in (self.prefix, self.pristine):
            shutil.rmtree(folder, ignore_errors=True)
        try:
            status, _ = self.start(["wineboot", "-i"], FIRST_START_SECONDS)
        except AssertionError as error:
            raise unittest.SkipTest(f"Wine cannot be used here: {error}") from None
        self.stop()
        if status != 0 or not (self.prefix / "system.reg").is_file():
            raise unittest.SkipTest(f"Wine cannot be used here: wineboot ended with status {status}")
        self.pristine.mkdir()
        for name in HIVES:
            shutil.copy(self.prefix / name, self.pristine / name)
        stamp.write_text(version)

    def reset(self):
        """No device, no package, no service of ours: Wine as it was first."""
        self.stop()
        for name in HIVES:
            shutil.copy(self.pristine / name, self.prefix / name)
        windows = self.prefix / "drive_c" / "windows"
        for path in [*windows.glob("inf/oem*"), *windows.glob("inf/xennet*"), *windows.glob("system32/xennet_coinst*"),
                     *windows.glob("system32/drivers/xennet*")]:
            path.unlink()

    def file(self, name):
        return self.prefix / "drive_c" / "windows" / "system32" / name

    def compile(self):
        sources = [ROOT / "tests" / "support" / "windows" / "wine" / name
                   for name in ("wine_setup.c", "wine_faults.c", "wine_setup.h")]
        program = self.home / "wine_setup.exe"
        if not program.is_file() or program.stat().st_mtime_ns < max(path.stat().st_mtime_ns for path in sources):
            subprocess.run(
                [tools.tool("clang-16"), "--target=" + tools.TARGETS[self.arch], "-std=gnu11", "-O1", "-Wall",
                 "-Wextra", "-Werror",
                 "-D__USE_MINGW_ANSI_STDIO=0", "-mno-stack-arg-probe", "-fuse-ld=lld-16", "-nostdlib", "-nostdinc",
                 "-isystem", str(tools.clang_headers()), "-isystem", str(tools.MINGW), "-o", str(program),
                 *map(str, sources[:2]),
                 f"-L{LIBRARIES[self.arch]}", "-Wl,--entry=start", "-lmsvcrt", "-lkernel32", "-ladvapi32",
                 "-lsetupapi"], check=True)
        return program

    def inf(self, build, since=SEVEN):
        """The INF of version 10.0.0.<build> for a Windows, as the build makes it."""
        edition = editions.WINDOWS7 if since == SEVEN else editions.WINDOWS10
        with mock.patch.dict(os.environ, {"BUILD_NUMBER": str(build)}):
            return templates.inf(self.arch, edition).decode()

    def package(self, build, since=SEVEN, more_ids=()):
        """A package of version 10.0.0.<build> with the models of Windows since then; its INF's path in Windows."""
        folder = self.home / f"package-{build}{since}"
        inf = windows_path(folder / "xennet.inf")
        if (inf, more_ids) in self.packages:
            return inf
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        if since == SEVEN:
            with mock.patch.dict(os.environ, {"BUILD_NUMBER": str(build)}):
                for path in driver.make_coinstaller(self.arch, "free", Tree(self.home / "coinst")):
                    shutil.copy(path, folder)
        self.fill(folder, reduced(self.inf(build, since), self.arch, since, more_ids), f"driver of build {build}\n")
        self.packages.add((inf, more_ids))
        return inf

    def foreign(self, name, text, since):
        """A package of somebody else's from the text of its INF; the INF's path in Windows."""
        folder = self.home / f"foreign-{name}"
        folder.mkdir(exist_ok=True)
        self.fill(folder, reduced(text, self.arch, since), f"driver of {name}\n")
        return windows_path(folder / "xennet.inf")

    @staticmethod
    def fill(folder, inf, driver_text):
        (folder / "xennet.inf").write_text(inf, newline="")
        (folder / "xennet.cat").write_bytes(b"")
        # Wine would start the real driver and fail, as it has no NDIS 6; the file only has to be there.
        (folder / "xennet.sys").write_text(driver_text)

    def run(self, *commands):
        """Give commands, each a tuple of fields, to one program; a Result for each."""
        given = "".join("\t".join(map(str, command)) + "\n" for command in commands)
        for _ in range(STARTS):
            status, said = self.start([windows_path(self.program)], SECONDS, given)
            if said.startswith("ready"):
                break
            # Wine did not come up, so nothing has been done: on a busy machine an old server may still be going down.
            self.stop()
        results, answers = [], []
        for line in said.replace("\r", "").splitlines():
            kind, *fields = line.split("\t")
            if kind == "ready":
                continue
            if kind == "done":
                results.append(Result(answers))
                answers = []
            else:
                answers.append(Answer(kind, fields))
        if len(results) != len(commands) or status != 0:
            raise AssertionError(f"{commands[len(results):len(results) + 1]} ended with status {status}:\n{said}")
        return results

    def one(self, *fields):
        return self.run(fields)[0]

    def registry(self, *paths):
        """{key: {value: (type, bytes)}} of keys below HKEY_LOCAL_MACHINE; names in capitals: Windows ignores case."""
        found = {}
        for result in self.run(*(("dump", path) for path in paths)):
            for answer in result.answers:
                key = answer.fields[0].upper()
                if answer.kind == "key":
                    found.setdefault(key, {})
                else:
                    _, name, kind, data = answer.fields
                    found[key][name.upper()] = (int(kind), bytes.fromhex(data))
        return found


_BEDS = {}


def bed(arch="x64"):
    """The one Wine of this process for an architecture, in its first state; skips the test where there is none."""
    if arch not in _BEDS:
        try:
            _BEDS[arch] = Bed(arch)
        except unittest.SkipTest as reason:
            _BEDS[arch] = str(reason)
    if isinstance(_BEDS[arch], str):
        raise unittest.SkipTest(_BEDS[arch])
    _BEDS[arch].reset()
    return _BEDS[arch]
