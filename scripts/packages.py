# SPDX-License-Identifier: BSD-2-Clause
"""The Debian packages that the commands need, and how they come onto a bare Debian 12 machine.

This is the only list. A package that a command needs is looked up with dpkg-query; what is missing is installed
by name when we are root, and named in one sentence when we are not.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.cli import Stop

BUILD = ("cmake", "ninja-build", "git")    # git: which sources go into the archive
SIGN = ("osslsigncode", "openssl", "python3-asn1crypto")
DRIVER = ("clang-16", "libclang-common-16-dev", "lld-16", "llvm-16", "mingw-w64-common") + BUILD + SIGN
TESTBED = ("clang-16", "llvm-16", "libc6-dev", "libxen-dev", "nettle-dev") + BUILD
TRAFFIC = ("iperf3", "iproute2", "iputils-ping", "util-linux")
CAPTURE = ("tshark",)
ANALYSIS = ("cppcheck",)
FORMAT = ("clang-format-16",)
PLOT = ("python3-matplotlib",)                  # --report, bench.py
DEBUGGER = ("lldb-16", "python3-lldb-16")       # --debug
BROWSER = ("chromium",)                         # the test that looks at a report

# installing the package, and what the program that does it is linked with
WINE = ("wine", "wine64", "mingw-w64-x86-64-dev")
SCRIPTS = ("mono-mcs",)                         # compiles the C# of the install scripts

RIG = ("qemu-system-x86",)     # --xen only: Xen itself and what runs on it are unpacked, not installed

SANITIZE = ("libclang-rt-16-dev",)
X86 = ("libc6-dev-i386", "lib32gcc-12-dev")     # programs of 32 bits

SYSTEM_PYTHON = "/usr/bin/python3"
LOCK_PATIENCE = "DPkg::Lock::Timeout=300"       # seconds; two tests may install at a time

RUN = DRIVER + TESTBED + TRAFFIC
XEN = RUN + RIG
TEST = RUN + CAPTURE + WINE + SCRIPTS + RIG + ANALYSIS + SANITIZE + X86 + FORMAT


def python_with(module):
    """A Python that has a module of Debian's: this one, or Debian's own when this is another."""
    if importlib.util.find_spec(module):
        return sys.executable
    if sys.executable != SYSTEM_PYTHON and Path(SYSTEM_PYTHON).is_file():
        done = subprocess.run([SYSTEM_PYTHON, "-B", "-c", f"import {module}"], stderr=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            return SYSTEM_PYTHON
    raise Stop(f"the Python module {module} is missing: install the Debian package python3-{module}")


def missing(names):
    """Those of `names` that are not installed, each once, in order."""
    names = list(dict.fromkeys(names))
    if shutil.which("dpkg-query") is None:
        raise Stop("dpkg-query is not here, so this is not a Debian system: use Debian 12")
    answer = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n", *names],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True, check=False)
    installed = {line.split()[1] for line in answer.stdout.splitlines() if line.startswith("installed ")}
    return [name for name in names if name not in installed]


def ensure(names, say):
    """Install what is missing. `say` takes a line for the user."""
    absent = missing(names)
    if not absent:
        return
    if os.geteuid() != 0:
        raise Stop(f"these Debian packages are missing: {' '.join(absent)}: install them, or run this as root")
    say(f"installing {' '.join(absent)}")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C")
    install = ["apt-get", "install", "-y", "-o", LOCK_PATIENCE, "--no-install-recommends", *absent]
    for command in (["apt-get", "update"], install):
        try:
            done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, universal_newlines=True, check=False)
        except FileNotFoundError:
            raise Stop(f"apt-get is not here: install these Debian 12 packages: {' '.join(absent)}") from None
        # A failed update matters only when the install then fails too: the lists at hand may be enough.
        if done.returncode != 0 and command[1] == "install":
            reason = [line for line in done.stdout.splitlines()
                      if line.startswith("E:")] or done.stdout.splitlines()[-1:]
            raise Stop(f"these Debian packages could not be installed: {' '.join(absent)} ({' '.join(reason)}): "
                       "check the apt sources and the network, and run this again")
    still = missing(absent)
    if still:
        raise Stop(f"apt-get installed without an error but these are still missing: {' '.join(still)}: install them "
                   "by hand")
