# SPDX-License-Identifier: BSD-2-Clause
"""Which of several driver packages Windows chooses for a device, by the rules of Microsoft's pages.

install/how-windows-ranks-driver-packages: signature score, feature score and identifier score, the lowest rank first;
of equal ranks the newer date, then the higher version (overview-of-the-driver-selection-process). Packages here count
as signed alike: test, Authenticode and WHQL signatures share one score. Identifier scores are those of
install/identifier-score--windows-vista-and-later-.
"""

import re

from scripts.inf.file import Inf
from scripts.inf.rules import models_sections, number

WITH_COMPATIBLE_OF_INF, WITH_COMPATIBLE_OF_DEVICE = 0x1000, 0x2000


def fits(decoration, arch, version, build):
    """Whether a decoration is for a Windows, and how well: the highest version and build win."""
    parts = decoration.lower().split(".")
    major, minor, first = ((number(part) or 0) if part else 0
                           for part in (parts[1:] + [""] * 5)[0:2] + [(parts + [""] * 6)[5]])
    if parts[0] != {"x64": "ntamd64", "x86": "ntx86"}[arch] or (major, minor) > version:
        return None
    if first and (build < 14310 or (major, minor) == version and first > build):
        return None
    return major, minor, first


def models(inf, arch, version, build):
    """The model lines that a Windows takes: of the decorations that fit, the one that fits best."""
    found = [(fits(decoration, arch, version, build), section) for _, decoration, section, _ in models_sections(inf)]
    found = [entry for entry in found if entry[0] is not None]
    section = max(found, key=lambda entry: entry[0])[1] if found else None
    return section.lines if section else []


def identifier_score(listed, hardware, compatible):
    scores = [(0 if place == 0 else WITH_COMPATIBLE_OF_INF)
              + (index if device in hardware else WITH_COMPATIBLE_OF_DEVICE + index)
              for place, device in enumerate(listed) for ids in (hardware, compatible)
              for index, candidate in enumerate(ids) if candidate == device]
    return min(scores, default=None)


def rank(text, arch, version, build, hardware, compatible=()):
    """A key that sorts packages, the best first; None where the INF has nothing for the device."""
    inf = Inf(text.encode())
    found = []
    for line in models(inf, arch, version, build):
        score = identifier_score([each.upper() for each in line.values[1:]], [each.upper() for each in hardware],
                                 [each.upper() for each in compatible])
        if score is not None:
            feature = number(inf.section(line.values[0]).value("FeatureScore") or "0xFF")
            found.append(feature << 16 | score)
    if not found:
        return None
    driver = inf.section("version").get("DriverVer").values
    month, day, year = map(int, re.split("/", driver[0]))
    return (min(found), tuple(-part for part in (year, month, day)),
            tuple(-int(part) for part in driver[1].split(".")))


def choose(packages, *windows_and_device):
    """The best of {name: INF}, or None."""
    ranks = {name: rank(text, *windows_and_device) for name, text in packages.items()}
    fitting = [name for name, found in ranks.items() if found is not None]
    return min(fitting, key=lambda name: ranks[name], default=None)
