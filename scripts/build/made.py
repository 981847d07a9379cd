# SPDX-License-Identifier: BSD-2-Clause
"""Building what a command needs, quietly: one line for each step, the compiler's output only when it fails.

Two commands started at once build one after the other; within one command whoever builds may call another who does.
"""

import fcntl
import subprocess
import sys
import time
from contextlib import contextmanager

from scripts import steps
from scripts.build import driver as build_driver
from scripts.build import editions
from scripts.build.tree import Tree
from scripts.cli import ROOT, Stop

PACKAGES = {edition: ROOT / "xennet" / edition.path("x64") for edition in editions.EDITIONS}
DRIVER = PACKAGES[editions.WINDOWS10] / "xennet.sys"
INF = PACKAGES[editions.WINDOWS10] / "xennet.inf"
WINDOWS_BEFORE_10 = ("7", "8.1")    # of the versions that --windows names


def edition_of(windows):
    return editions.WINDOWS7 if windows in WINDOWS_BEFORE_10 else editions.WINDOWS10


def package(windows):
    """(driver, INF) of the package that a Windows would be given."""
    folder = PACKAGES[edition_of(windows)]
    return folder / "xennet.sys", folder / "xennet.inf"


_building = []    # this process's locks on the build folder: one at most


@contextmanager
def one_at_a_time(say):
    if _building:
        yield
        return
    folder = ROOT / "build"
    try:
        folder.mkdir(exist_ok=True)
        lock = open(folder / ".lock", "w")  # pylint: disable=consider-using-with
    except OSError as error:
        raise Stop(f"{folder} cannot be written ({error.strerror}): make it writable, or run this from a copy of the "
                   "repository") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another build in this folder")
            fcntl.flock(lock, fcntl.LOCK_EX)
        _building.append(lock)
        try:
            yield
        finally:
            _building.clear()


def step(what, argv, say):
    started = time.monotonic()
    with steps.Step(f"building {what}"), steps.handed_on() as shown:
        done = subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True, errors="replace", check=False, **shown)
    if done.returncode != 0:
        raise Stop(f"building {what} failed ({' '.join(argv)}):\n{done.stdout.rstrip()}", 1)
    say(f"built {what} in {time.monotonic() - started:.1f} s")


def driver(say, architectures=("x64", "x86")):
    """The package: for traffic its x64 half is enough."""
    chosen = [word for arch in architectures for word in ("--arch", arch)]
    step("the driver", [sys.executable, "-B", str(ROOT / "build.py"), "free", *chosen], say)


def x64_package():
    """The package's x64 half, without a word: every program that runs on the testbed reads its INF."""
    with one_at_a_time(lambda text: None):
        driver(lambda text: None, ["x64"])


def checked_driver(say, windows):
    """The checked build's x64 driver and INF, in the build folder: the packages stay as they are."""
    started = time.monotonic()
    image, _pdb, inf, *_ = build_driver.make(["x64"], "checked")["x64"][edition_of(windows)]
    say(f"built the checked driver in {time.monotonic() - started:.1f} s")
    return image, inf


def races_driver(say, windows):
    """The x64 driver that reports its accesses to memory (scripts/check/races.py), and the package's INF."""
    driver(say, ["x64"])
    targets("the driver that reports its accesses", say, "races-x64")
    return ROOT / "build" / "races" / "x64" / "xennet.sys", package(windows)[1]


def targets(what, say, *names, tree=None):
    """Targets of a build folder: the repository's own unless another is given."""
    started = time.monotonic()
    with steps.Step(f"building {what}"):
        (tree or Tree()).build(*names)
    say(f"built {what} in {time.monotonic() - started:.1f} s")


def testbed(say):
    targets("the testbed", say, "testbed")


def tests(say):
    targets("the testbed and its tests", say, "tests")
