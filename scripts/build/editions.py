# SPDX-License-Identifier: BSD-2-Clause
"""The two packages that one build makes of the same driver.

Since 2023 Microsoft signs no package with a co-installer, and Windows 7 to 8.1 cannot read what later rules demand of
an INF. So there is one package for each side of the line, which is Windows 10 1607: the first Windows that reads build
numbers in an INF, that demands Microsoft's signature, and whose pnputil installs.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Edition:
    name: str
    windows: str         # for people
    template: str        # of the INF
    folder: str          # below xennet/, or empty: the package folder is called after the architecture
    coinstaller: bool
    systems: tuple       # Inf2Cat's names without the architecture: (clients, servers)

    def path(self, arch):
        """The package's folder, relative to xennet/."""
        return f"{self.folder}/{arch}" if self.folder else arch


WINDOWS10 = Edition("windows10", "Windows 10 1607 and later", "src/package/windows10.inf", "", False,
                    (("10",), ("Server10",)))
WINDOWS7 = Edition("windows7", "Windows 7 to 8.1 and 10 before 1607", "src/package/windows7.inf", "windows7", True,
                   (("7", "8", "6_3", "10"), ("Server2008R2", "Server8", "Server6_3", "Server10")))
EDITIONS = (WINDOWS10, WINDOWS7)
