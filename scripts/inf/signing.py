# SPDX-License-Identifier: BSD-2-Clause
"""The rules that decide whether Microsoft signs a package and whether Windows picks it: InfVerif /h, isolation,
ranking.

As in rules.py. A section is judged as InfVerif /h does: by the rules of the last build that takes it.
"""

import re

from scripts.inf import template as build_inf
from scripts.inf.network import added, installs, service_sections
from scripts.inf.rules import copied_files, first_build, models_sections, number

SIGNED_BY_MICROSOFT = 14393    # Windows 10 1607: the first that demands it; no package for it has a co-installer
BOOT_FLAGS_DIRECTIVE = 25398
NETWORK_BOOT = 0x1             # CM_SERVICE_NETWORK_BOOT_LOAD
OLDEST = (6, 1)                # the driver's imports are there since Windows 7
DRIVER_STORE = "13"
# What InfVerif /h lets pass today besides the driver store.
PASSING_FOLDERS = ("10", "11", "12", "23")
LEGACY = ("delreg", "delfiles", "renfiles", "delservice", "logconfig", "updateinis", "ini2reg", "registerdlls")
SCORE = re.compile("0x[0-9a-f]{1,2}", re.IGNORECASE)


def decorated(inf, _arch):
    """A models section for each Windows that the driver runs on, and for none before."""
    for line, decoration, _, _ in models_sections(inf):
        parts = [number(part) or 0 for part in decoration.split(".")[1:3]]
        if tuple(parts) < OLDEST:
            yield line.number, (f"the decoration '{decoration}' lets Windows before 7 in, where the driver's imports "
                                "are missing: begin with .6.1")


def one_side_of_1607(inf, _arch):
    """A co-installer and Windows 10 1607 exclude each other in a package."""
    coinstallers = [section for name, section in inf.sections.items() if name.endswith(".coinstallers")]
    for line, decoration, models, _ in models_sections(inf):
        if coinstallers and models is not None and models.lines and first_build(decoration) >= SIGNED_BY_MICROSOFT:
            yield line.number, "a package with a co-installer is not signed for Windows 10: make it two packages"
    for section, builds in installs(inf):
        own = inf.section(section.name + ".coinstallers")
        if own is not None and any(last >= SIGNED_BY_MICROSOFT for _, last in builds):
            yield own.number, f"[{own.name}]: no co-installer for build {SIGNED_BY_MICROSOFT} and later"
        if own is None and any(first == 0 for first, _ in builds):
            yield section.number, f"[{section.name}] serves Windows 7 to 8.1 without co-installer, which has the veto"


def coinstaller(inf, _arch):
    copied = copied_files(inf)
    for name, own in inf.sections.items():
        if not name.endswith(".coinstallers"):
            continue
        entries = [line for line in added(inf, own) if len(line.values) > 4
                   and line.values[2].lower() == "coinstallers32"]
        if len(entries) != 1 or number(entries[0].values[3]) != 0x10000:
            yield own.number, "CoInstallers32 must be added once, as REG_MULTI_SZ (0x00010000)"
            continue
        dll, _, entry = entries[0].values[4].partition(",")
        if not re.fullmatch(r"\w+_\d+_\d+_\d+_\d+\.dll", dll) or not entry.strip():
            yield (entries[0].number, f"CoInstallers32 '{entries[0].values[4]}' must be a DLL with a version in its "
                   "name, and a function")
        _, target = copied.get(dll.lower(), (None, None))
        folders = inf.section("destinationdirs")
        if target is None or folders is None or folders.value(target.name) != "11":
            yield entries[0].number, f"{dll} must be copied to System32 (11)"


def own_keys_only(inf, _arch):
    """Isolation: HKR and nothing else; other drivers' service keys are theirs."""
    for section in inf.sections.values():
        for line in section.lines:
            if not line.key and line.values and re.fullmatch("HK(LM|CU|CR|U)", line.values[0].upper()):
                yield line.number, f"{line.values[0]}\\{line.values[1]} is not this package's to write: use HKR"


def legacy_directives(inf, _arch):
    for section in inf.sections.values():
        for line in section.lines:
            if line.key.lower() in LEGACY:
                yield line.number, f"{line.key} touches what is not in the package"
        if section.name.lower().startswith("classinstall32"):
            yield section.number, "[ClassInstall32] of a class of Microsoft's"


def folders(inf, _arch):
    """From build 25398 on the driver stays in the driver store; before, /h lets some folders pass."""
    places = {line.key.lower(): line for line in (inf.section("destinationdirs").lines
                                                  if inf.section("destinationdirs") else [])}
    for section, builds in installs(inf):
        isolated = all(first >= BOOT_FLAGS_DIRECTIVE for first, _ in builds)
        for name in [name for line in section.all("CopyFiles") for name in line.values]:
            place = places.get(name.lower(), places.get("defaultdestdir"))
            if place is None:
                continue
            if isolated and place.values[0] != DRIVER_STORE:
                yield place.number, f"[{name}] goes to folder {place.values[0]}: from {BOOT_FLAGS_DIRECTIVE} on to 13"
            elif place.values[0] not in (*PASSING_FOLDERS, DRIVER_STORE):
                yield place.number, f"[{name}] goes to folder {place.values[0]}, which InfVerif /h does not let pass"
            copied = inf.section(name)
            for entry in (copied.lines if copied and place.values[0] == DRIVER_STORE else []):
                if len(entry.values) > 1 and entry.values[1] or len(place.values) > 1 and place.values[1]:
                    yield entry.number, f"{entry.values[0]} must keep its name and folder in the driver store"
        services = [(line, service) for line, service, _, served in service_sections(inf) if served == builds]
        for line, service in services:
            binary = (service.value("ServiceBinary") or "") if service else ""
            if isolated and not binary.startswith("%13%"):
                yield line.number, f"ServiceBinary {binary} must be in the driver store (%13%)"


def boot_flags(inf, _arch):
    """The driver may be needed to boot; how that is written changed with build 25398."""
    for line, service, _, builds in service_sections(inf):
        entries = [entry for entry in added(inf, service) if len(entry.values) > 4
                   and entry.values[2].lower() == "bootflags"]
        directive = service.get("BootFlags") if service else None
        if any(last >= BOOT_FLAGS_DIRECTIVE for _, last in builds):
            flags = [directive.values[0]] if directive else []
            if entries:
                yield (entries[0].number, f"BootFlags by AddReg is refused from build {BOOT_FLAGS_DIRECTIVE} on: use "
                       "the directive, in a models section of its own")
        else:
            flags = [entry.values[4] for entry in entries]
            if directive:
                yield directive.number, f"Windows before build {BOOT_FLAGS_DIRECTIVE} does not know this directive"
        if not any((number(flag) or 0) & NETWORK_BOOT for flag in flags):
            yield line.number, "the service needs BootFlags with 1, or Windows cannot boot over the network"
        if service and (service.value("LoadOrderGroup") or "").lower() != "ndis":
            yield service.number, "LoadOrderGroup must be NDIS, so that a boot start comes at its turn"


def not_by_hand(inf, _arch):
    section = inf.section("controlflags")
    line = section.get("ExcludeFromSelect") if section else None
    if line is None or line.values[0] != "*":
        yield (line.number if line else 1, "[ControlFlags] needs ExcludeFromSelect = *: a Plug and Play adapter is not "
               "chosen from a list")


def feature_score(inf, _arch):
    """It stands in each install section itself, and is better than that of upstream's package."""
    for section, _ in installs(inf):
        text = section.value("FeatureScore") or ""
        if not SCORE.fullmatch(text):
            yield section.number, f"[{section.name}] needs FeatureScore, a byte in hexadecimal"
        elif text.lower() != build_inf.FEATURE_SCORE.lower():
            yield section.get("FeatureScore").number, f"FeatureScore is {text} and not {build_inf.FEATURE_SCORE}"


def devices(inf, _arch):
    """A models section that is not empty has a line for each prefix with all IDs, newest revisions first."""
    for line, _, section, name in models_sections(inf):
        if section is None or not section.lines:
            continue
        found = [[device.upper() for device in model.values[1:]] for model in section.lines]
        for prefix in build_inf.vendors():
            wanted = build_inf.hardware_ids(prefix)
            for device in sorted(set(wanted) - {each for devices_ in found for each in devices_}):
                yield line.number, f"[{name}] lacks {device}"
            if wanted not in found:
                yield line.number, f"[{name}] needs one line with all devices of {prefix}, the newest revisions first"


RULES = (
    ("install/inf-manufacturer-section", decorated),
    ("develop/removing-coinstallers", one_side_of_1607),
    ("install/registering-a-device-specific-co-installer", coinstaller),
    ("develop/driver-isolation, devtest/infverif_h, devtest/inf-validation-errors-and-warnings (1221, 1304)",
     own_keys_only),
    ("devtest/inf-validation-errors-and-warnings (1285, 1301, 1302)", legacy_directives),
    ("develop/driver-isolation, devtest/infverif_h, devtest/inf-validation-errors-and-warnings (1100)", folders),
    ("install/inf-addservice-directive", boot_flags),
    ("network/installation-requirements-for-network-adapters", not_by_hand),
    ("install/inf-featurescore-directive", feature_score),
    ("install/inf-models-section", devices),
)
