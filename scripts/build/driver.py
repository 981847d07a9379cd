# SPDX-License-Identifier: BSD-2-Clause
"""One architecture's driver and co-installer in build/, with their PDBs and the INF.

Sources are the lines of src/xennet/sources.txt and src/coinst/sources.txt, which the Visual Studio projects read too;
toolchain/runtime adds what the open toolchain lacks.
"""

import shutil
import sys
from contextlib import contextmanager

from scripts.build import editions, templates, version
from scripts.build.tree import Tree
from scripts.cli import ROOT, Stop

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

DRIVER = "src/xennet"
COINSTALLER = "src/coinst"
COINSTALLER_LIBRARIES = ("kernel32", "advapi32", "setupapi", "cfgmgr32", "ntdll")


def sources(folder=DRIVER):
    """The source files that a folder lists, relative to the repository, in the order of the list."""
    listing = ROOT / folder / "sources.txt"
    if not listing.is_file():
        raise Stop(f"{folder}/sources.txt is missing: it lists the source files, one a line")
    names = [line.strip() for line in listing.read_text().splitlines() if line.strip() and not line.startswith("#")]
    for name in names:
        if not (ROOT / folder / name).is_file():
            raise Stop(f"{folder}/sources.txt names {name}, which is not in {folder}")
    return [f"{folder}/{name}" for name in names if name.endswith(".c")]


def coinstaller():
    """The co-installer's name without its ending: xennet_coinst_10_0_0_0."""
    return "xennet_coinst_" + version.text().replace(".", "_")


@contextmanager
def one_at_a_time():
    """Two builds in one repository take turns: they share objects and the package folder."""
    (ROOT / "build").mkdir(exist_ok=True)
    with open(ROOT / "build" / ".driver.lock", "w", encoding="ascii") as lock:
        if sys.platform == "win32":
            msvcrt.locking(lock.fileno(), msvcrt.LK_LOCK, 1)
        else:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make(architectures, flavour, tree=None):
    """Compile and link; {architecture: {edition: [driver, its PDB, INF, and with a co-installer that and its PDB]}}."""
    tree = tree or Tree()
    for folder in (DRIVER, COINSTALLER):
        sources(folder)
    tree.build(*(f"{kind}-{flavour}-{arch}" for arch in architectures for kind in ("driver", "coinst")))
    found = {}
    for arch in architectures:
        folder = tree.folder / flavour / arch
        found[arch] = {}
        for edition in editions.EDITIONS:
            inf = folder / edition.name / "xennet.inf"
            inf.parent.mkdir(exist_ok=True)
            inf.write_bytes(templates.inf(arch, edition))
            found[arch][edition] = [folder / "xennet.sys", folder / "xennet.pdb", inf,
                                    *(coinstaller_files(folder) if edition.coinstaller else ())]
    return found


def coinstaller_files(folder):
    return [folder / "coinst" / f"{coinstaller()}.{ending}" for ending in ("dll", "pdb")]


def make_coinstaller(arch, flavour, tree):
    """The co-installer alone: [DLL, PDB]."""
    tree.build(f"coinst-{flavour}-{arch}")
    return coinstaller_files(tree.folder / flavour / arch)


def deliver(paths, package):
    """Put files into the package folder: each is replaced whole or not at all, so a reader never meets half."""
    for path in paths:
        fresh = package / (path.name + ".new")
        shutil.copyfile(path, fresh)
        fresh.replace(package / path.name)
