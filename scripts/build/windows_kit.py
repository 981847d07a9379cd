# SPDX-License-Identifier: BSD-2-Clause
"""Which Visual Studio and which Windows Driver Kit the variables VS and KIT name, and what follows from the pair.

VS is the folder that holds VC and Common7, KIT the one that holds bin and Include. A kit builds only with the Visual
Studio it was made for, because its toolset is installed into that. Nothing here starts a program, so all of it is
tested with folders that look like the real ones.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from scripts.build import editions
from scripts.cli import Stop

YEARS = {11: "2012", 12: "2013", 14: "2015", 15: "2017", 16: "2019", 17: "2022"}
# By the first digits of the compiler's version, from 2017 on.
COMPILERS = {"14.1": 15, "14.2": 16, "14.3": 17, "14.4": 17}
KIT_EXAMPLE = r"C:\Program Files (x86)\Windows Kits\10"
VS_EXAMPLE = r"C:\Program Files\Microsoft Visual Studio\2022\Community"


@dataclass(frozen=True)
class Row:
    """Kits from a build on: the name people use, the Visual Studio they belong to, what they build for."""
    first: int
    name: str
    studios: tuple
    toolset: str      # what the names of the toolsets end in
    target: str       # the oldest Windows that the kit builds drivers for
    x86: bool
    systems: tuple    # Inf2Cat's names, without the architecture, of clients and of servers


OLD = (("7", "8"), ("Server2008R2", "Server8"))
BLUE = (("7", "8", "6_3"), ("Server2008R2", "Server8", "Server6_3"))
TEN = (("7", "8", "6_3", "10"), ("Server2008R2", "Server8", "Server6_3", "Server10"))
ELEVEN = (("10",), ("Server10",))
ROWS = (
    Row(0, "WDK 8", ("2012",), "8.0", "Windows7", True, OLD),
    Row(9600, "WDK 8.1", ("2013",), "8.1", "Windows7", True, BLUE),
    Row(10240, "WDK 10", ("2015",), "10.0", "Windows7", True, TEN),
    Row(16299, "WDK 10", ("2017",), "10.0", "Windows7", True, TEN),
    Row(18362, "WDK 10", ("2019",), "10.0", "Windows7", True, TEN),
    # From here on the kit has no 32-bit kernel and nothing older than Windows 10.
    Row(22000, "WDK 11", ("2019", "2022"), "10.0", "Windows10", False, ELEVEN),
    Row(22621, "WDK 11", ("2022",), "10.0", "Windows10", False, ELEVEN),
)


def folder(name, what, example):
    value = os.environ.get(name)
    if not value:
        raise Stop(f"{name} is not set: point it to {what}, as {example}")
    path = Path(value.strip().strip('"'))
    if not path.is_dir():
        raise Stop(f"{name} is '{value}', which is not a folder: point it to {what}, as {example}")
    return path


@dataclass(frozen=True)
class Studio:
    path: Path
    major: int
    environment: Path    # the batch file that sets up a command prompt

    @property
    def year(self):
        return YEARS[self.major]


def studio():
    path = folder("VS", "the Visual Studio folder", VS_EXAMPLE)
    new, old = path / "VC" / "Auxiliary" / "Build" / "vcvarsall.bat", path / "VC" / "vcvarsall.bat"
    if new.is_file():
        listing = new.parent / "Microsoft.VCToolsVersion.default.txt"
        compiler = listing.read_text(encoding="ascii", errors="replace").strip() if listing.is_file() else ""
        major = COMPILERS.get(compiler[:4])
        if major is None:
            raise Stop(f"VS is '{path}', whose compiler is '{compiler or 'missing'}': install the C++ workload of "
                       "Visual Studio 2017, 2019 or 2022")
        return Studio(path, major, new)
    if old.is_file():
        listing = path / "Common7" / "Tools" / "VsDevCmd.bat"
        text = listing.read_text(encoding="latin-1") if listing.is_file() else ""
        found = re.search(r"VisualStudioVersion=(\d+)\.0", text) or re.search(r"Visual Studio (\d+)\.0$", path.name)
        major = int(found.group(1)) if found else None
        if major not in (11, 12, 14):
            raise Stop(f"VS is '{path}', which is no Visual Studio from 2012 on: this driver needs 2012 or later")
        return Studio(path, major, old)
    raise Stop(f"VS is '{path}', which has no vcvarsall.bat: point it to the Visual Studio folder with its C++ tools, "
               f"as {VS_EXAMPLE}")


@dataclass(frozen=True)
class Kit:
    path: Path
    build: int           # of the Windows it came with: 9200 is Windows 8
    version: str         # 10.0.22621.0, or empty before Windows 10
    row: Row

    def tool(self, name, *processors):
        """A program of the kit, for the first of the given processors that has it."""
        for processor in processors:
            for base in ([self.path / "bin" / self.version] if self.version else []) + [self.path / "bin"]:
                if (base / processor / name).is_file():
                    return base / processor / name
        return None

    def need(self, name, *processors):
        path = self.tool(name, *processors)
        if path is None:
            raise Stop(f"KIT is '{self.path}', which has no {name}: install the whole Windows Driver Kit "
                       f"({self.row.name}) there")
        return path

    @property
    def has_sdv(self):
        return (self.path / "Tools" / "sdv").is_dir()

    def systems(self, arch, edition):
        """Inf2Cat's names of the systems that a package is for and that this kit knows."""
        clients, servers = self.row.systems
        names = clients if arch == "x86" else clients + servers
        return ",".join(f"{name}_{arch.upper()}" for name in names if name in edition.systems[0] + edition.systems[1])

    def editions(self):
        """The packages that this kit can make: its programs know the systems, and its images run there."""
        return [edition for edition in editions.EDITIONS if edition.systems[0][0] in self.row.systems[0]]


def kit():
    path = folder("KIT", "the Windows Kits folder", KIT_EXAMPLE)
    if (path / "Include" / "km").is_dir():
        build, version = (9600 if (path / "Lib" / "winv6.3").is_dir() else 9200), ""
    else:
        found = [(tuple(map(int, entry.parent.name.split("."))), entry.parent.name)
                 for entry in path.glob("Include/10.0.*.*/km")
                 if re.fullmatch(r"10\.0\.\d+\.\d+", entry.parent.name)]
        if not found:
            raise Stop(f"KIT is '{path}', which has no kernel headers (Include\\...\\km): install the Windows Driver "
                       "Kit there, or point KIT "
                       f"to it, as {KIT_EXAMPLE}")
        numbers, version = max(found)
        build = numbers[2]
    return Kit(path, build, version, [row for row in ROWS if row.first <= build][-1])


def pair():
    """(Studio, Kit) that belong together."""
    compiler, headers = studio(), kit()
    if compiler.year not in headers.row.studios:
        raise Stop(f"VS is Visual Studio {compiler.year} and KIT is "
                   f"{headers.row.name}{' ' + headers.version if headers.version else ''}: "
                   f"this kit builds with Visual Studio {' or '.join(headers.row.studios)}")
    return compiler, headers


def architectures(headers, wanted, asked):
    """Those of the wanted architectures that a kit builds; asking for one that it does not stops."""
    if headers.row.x86 or "x86" not in wanted:
        return wanted
    if asked:
        raise Stop(f"KIT is {headers.row.name} {headers.version}, which builds no x86 drivers: use WDK 10 with Visual "
                   "Studio 2019, or --arch x64")
    return [arch for arch in wanted if arch != "x86"]
