# SPDX-License-Identifier: BSD-2-Clause
"""The rules for any driver's INF: header, strings, sections, files, models, services.

A rule takes an Inf and the architecture as INFs call it (amd64, x86) and yields (line, text) for each finding; its
function's name is the rule's. RULES has a row for each: the page of Microsoft's driver documentation that demands it,
and the rule. check.py runs all of them.
"""

import re

from scripts.inf.file import STRING

NET_CLASS = ("net", "{4d36e972-e325-11ce-bfc1-08002be10318}")
DATE = re.compile(r"(0[1-9]|1[0-2])/(0[1-9]|[12][0-9]|3[01])/20[0-9]{2}")
FIRST_DATE = ("2009", "04/21")    # Inf2Cat refuses older ones for Windows 7 and later
VERSION = re.compile(r"\d{1,5}(\.\d{1,5}){3}")
HEADER = ("version", "strings", "manufacturer", "destinationdirs", "sourcedisksnames", "sourcedisksfiles",
          "controlflags")
FOLDERS = {"11": "System32", "12": "System32\\drivers", "13": "the driver's folder in the driver store"}
REFERENCES = ("addreg", "delreg", "copyfiles", "delfiles")
ROOTS = ("HKR", "HKLM")
# What the flags of an AddReg line may be: type and how it is written.
REG_TYPES = {0x0: "REG_SZ", 0x1: "REG_BINARY", 0x10000: "REG_MULTI_SZ", 0x10001: "REG_DWORD", 0x20000: "REG_EXPAND_SZ",
             0x20001: "REG_NONE"}
NO_OVERWRITE = 0x2
NEWEST = 1 << 30    # the last build that a section serves which no later one replaces


def number(text):
    try:
        return int(text, 0)
    except ValueError:
        return None


def models_sections(inf):
    """[(line, decoration, Section or None, section's name)] for each TargetOS decoration of the manufacturers."""
    found = []
    for line in (inf.section("manufacturer").lines if inf.section("manufacturer") else []):
        for decoration in line.values[1:] or [""]:
            name = line.values[0] + ("." + decoration if decoration else "")
            found.append((line, decoration, inf.section(name), name))
    return found


def first_build(decoration):
    """The first Windows 10 build that a decoration is for; 0 for everything before."""
    parts = decoration.split(".")
    return number(parts[5]) or 0 if len(parts) > 5 else 0


def last_build(decoration, decorations):
    """The last build that takes a models section: InfVerif /h judges it by the rules of that one."""
    later = [first_build(other) for other in decorations if first_build(other) > first_build(decoration)]
    return min(later) - 1 if later else NEWEST


def install_sections(inf):
    """{install section's name in lower case: [(first, last build) of the models that lead there]}"""
    found = {}
    sections = models_sections(inf)
    decorations = [decoration for _, decoration, _, _ in sections]
    for _, decoration, section, _ in sections:
        for line in (section.lines if section else []):
            found.setdefault(line.values[0].lower(), []).append((first_build(decoration),
                                                                 last_build(decoration, decorations)))
    return found


def version_header(inf, _arch):
    section = inf.section("version")
    if section is None:
        yield 1, "there is no [Version] section"
        return
    if (section.value("Signature") or "").upper() not in ("$WINDOWS NT$", "$CHICAGO$"):
        yield section.number, 'Signature must be "$Windows NT$"'
    if ((section.value("Class") or "").lower(), (section.value("ClassGuid") or "").lower()) != NET_CLASS:
        yield section.number, f"Class and ClassGuid must be Net and {NET_CLASS[1]}"
    provider = inf.text(section.value("Provider") or "")
    if not provider or "microsoft" in provider.lower():
        yield section.number, f"Provider '{provider}' must be the company that made the driver"
    line = section.get("DriverVer")
    if line is None or len(
        line.values) != 2 or not DATE.fullmatch(line.values[0]) or not VERSION.fullmatch(line.values[1]):
        yield line.number if line else section.number, "DriverVer must be month/day/year, four numbers"
    elif any(int(part) > 65535 for part in line.values[1].split(".")):
        yield line.number, "a number of DriverVer's version is above 65535"
    elif (line.values[0][6:], line.values[0][:5]) < FIRST_DATE:
        yield line.number, f"DriverVer's date {line.values[0]} is older than Windows 7, so Windows' own drivers win"


def catalog_file(inf, _arch):
    section = inf.section("version")
    line = section.get("CatalogFile") if section else None
    if line is None or not line.values[0].lower().endswith(".cat") or "\\" in line.values[0]:
        yield (line.number if line else 1, "CatalogFile in [Version] must name the package's .cat: without it the "
               "package counts as unsigned")


def pnp_lockdown(inf, _arch):
    section = inf.section("version")
    line = section.get("PnpLockdown") if section else None
    if line is None or line.values[0] != "1":
        yield (line.number if line else 1, "PnpLockdown in [Version] must be 1, so that nothing else replaces the "
               "driver's files")


def string_defined(inf, _arch):
    for section in inf.sections.values():
        if section.name.lower() == "strings":
            continue
        for line in section.lines:
            for text in [line.key, *line.values]:
                for name in STRING.findall(text):
                    # %11% and the like are folders; %% is a percent sign, as around SystemRoot.
                    if name and not name.isdigit() and name.lower() not in inf.strings and "%%" not in text:
                        yield line.number, f"%{name}% is not in [Strings]"


def string_used(inf, _arch):
    used = {name.lower() for section in inf.sections.values() if section.name.lower() != "strings"
            for line in section.lines for text in [line.key, *line.values] for name in STRING.findall(text)}
    seen = set()
    for line in (inf.section("strings").lines if inf.section("strings") else []):
        if line.key.lower() in seen:
            yield line.number, f"{line.key} is in [Strings] twice"
        elif line.key.lower() not in used:
            yield line.number, f"nothing uses the string {line.key}: remove it"
        seen.add(line.key.lower())


def text_in_strings(inf, _arch):
    """What people read must come from [Strings], where it can be translated."""
    def is_text(value):
        return bool(value) and not STRING.fullmatch(value)

    for line in (inf.section("manufacturer").lines if inf.section("manufacturer") else []):
        if is_text(line.key):
            yield line.number, f"the manufacturer's name '{line.key}' must be a %string%"
    for _, _, section, _ in models_sections(inf):
        for line in (section.lines if section else []):
            if is_text(line.key):
                yield line.number, f"the device's name '{line.key}' must be a %string%"
    for line in (inf.section("sourcedisksnames").lines if inf.section("sourcedisksnames") else []):
        if is_text(line.values[0]):
            yield line.number, f"the disk's name '{line.values[0]}' must be a %string%"
    for section in inf.sections.values():
        for key in ("DisplayName", "Description", "Provider"):
            for line in section.all(key) if section.name.lower() != "strings" else []:
                if is_text(line.values[0]):
                    yield line.number, f"{key} '{line.values[0]}' must be a %string%"
        for line in section.lines:
            if len(line.values) >= 5 and line.values[0].upper() in ROOTS:
                read = line.values[2].lower() == "paramdesc" or line.values[1].lower().endswith("\\enum")
                if read and is_text(line.values[4]):
                    yield line.number, f"the text '{line.values[4]}' must be a %string%"


def references(inf):
    """(line, section's name) wherever a section is named by another."""
    for line, _, _, name in models_sections(inf):
        yield line, name
    for section in inf.sections.values():
        for line in section.lines:
            if line.key.lower() in REFERENCES:
                for value in line.values:
                    if value and not value.startswith("@"):
                        yield line, value
            elif line.key.lower() == "addservice":
                for value in line.values[2:4]:
                    if value:
                        yield line, value
    for _, _, section, _ in models_sections(inf):
        for line in (section.lines if section else []):
            yield line, line.values[0]


def section_exists(inf, _arch):
    for name in HEADER:
        if inf.section(name) is None:
            yield 1, f"the section [{name}] is missing"
    for line, name in references(inf):
        if inf.section(name) is None:
            yield line.number, f"the section [{name}] is named here and missing"


def section_used(inf, _arch):
    named = {name.lower() for _, name in references(inf)}
    installs = install_sections(inf)
    for name, section in inf.sections.items():
        base = name.rsplit(".", 1)[0]
        belongs = base in installs and name.rsplit(".", 1)[-1] in ("services", "coinstallers", "hw", "interfaces",
                                                                   "wdf")
        if name not in named and name not in HEADER and not belongs:
            yield section.number, f"nothing names the section [{section.name}]: remove it"


def copied_files(inf):
    """{file in lower case: (line, section)} of all CopyFiles."""
    found = {}
    for section in list(inf.sections.values()):
        for line in section.all("CopyFiles"):
            for value in line.values:
                target = inf.section(value)
                for copied in (target.lines if target else []):
                    found[copied.values[0].lower()] = (copied, target)
                if value.startswith("@"):
                    found[value[1:].lower()] = (line, None)
    return found


def files_listed(inf, _arch):
    listed = ({line.key.lower(): line for line in (inf.section("sourcedisksfiles").lines
                                                   if inf.section("sourcedisksfiles") else [])})
    disks = {line.key for line in (inf.section("sourcedisksnames").lines if inf.section("sourcedisksnames") else [])}
    copied = copied_files(inf)
    for name, (line, _) in copied.items():
        if name not in listed:
            yield line.number, f"{name} is copied and not in [SourceDisksFiles]"
    for name, line in listed.items():
        if name not in copied:
            yield line.number, f"{name} is in [SourceDisksFiles] and nothing copies it"
        if line.values[0] not in disks:
            yield line.number, f"{name} lies on disk {line.values[0]}, which is not in [SourceDisksNames]"


def destinations(inf, _arch):
    section = inf.section("destinationdirs")
    for line in (section.lines if section else []):
        if line.values[0] not in FOLDERS:
            yield (line.number, f"folder {line.values[0]} is none of "
                   f"{', '.join(f'{key} ({text})' for key, text in FOLDERS.items())}")
        elif len(line.values) > 1 and line.values[1]:
            yield line.number, "files go to the folder itself, not to one below it"
    if section and section.get("DefaultDestDir") is None:
        for name, (line, target) in copied_files(inf).items():
            if target is None or section.get(target.name) is None:
                yield (line.number, f"{name} has no folder to go to: add its section or DefaultDestDir to "
                       "[DestinationDirs]")


def architecture(inf, arch):
    for line, decoration, _, _ in models_sections(inf):
        parts = decoration.lower().split(".")
        if parts[0] != "nt" + arch:
            yield line.number, f"the decoration '{decoration}' is not for NT{arch}, which this package is for"
        elif len(parts) > 1 and not (all(part == "" or part.isdigit() for part in parts[1:]) and len(parts) <= 7):
            yield line.number, f"the decoration '{decoration}' is not NT{arch}.major.minor.type.suite.build"


def models(inf, _arch):
    sections = models_sections(inf)
    if not sections:
        yield 1, "[Manufacturer] names no models"
    if all(section is None or not section.lines for _, _, section, _ in sections):
        yield 1, "no models section has a device"
    for _, _, section, name in sections:
        seen = set()
        for model in (section.lines if section else []):
            if len(model.values) < 2:
                yield model.number, "a model needs an install section and a hardware ID"
                continue
            for device in model.values[1:]:
                if not re.fullmatch(r"[A-Za-z0-9]+\\[!-~]{1,198}", device) or "," in device:
                    yield model.number, f"'{device}' is not a hardware ID"
                if device.upper() in seen:
                    yield model.number, f"{device} is in [{name}] twice"
                seen.add(device.upper())


def services(inf, _arch):
    copied = copied_files(inf)
    for install in install_sections(inf):
        section = inf.section(install + ".services")
        lines = section.all("AddService") if section else []
        if len([line for line in lines if len(line.values) > 1 and (number(line.values[1]) or 0) & 2]) != 1:
            yield (section.number if section else 1, f"[{install}.Services] must have one AddService with flag 2, the "
                   "device's function driver")
        for line in lines:
            service = inf.section(line.values[2]) if len(line.values) > 2 else None
            if service is None:
                continue
            if number(service.value("ServiceType") or "") != 1:
                yield service.number, "ServiceType of a driver is 1"
            if number(service.value("StartType") or "") not in (0, 3):
                yield service.number, "StartType of a Plug and Play driver is 3, or 0 for one that Windows boots from"
            if number(service.value("ErrorControl") or "") not in (0, 1, 2, 3):
                yield service.number, "ErrorControl must be 0 to 3"
            binary = re.fullmatch(r"%(12|13)%\\([^\\]+\.sys)", service.value("ServiceBinary") or "", re.IGNORECASE)
            if not binary:
                yield service.number, "ServiceBinary must be %12%\\name.sys or %13%\\name.sys"
            elif binary.group(2).lower() not in copied:
                yield (service.get("ServiceBinary").number, f"ServiceBinary {binary.group(2)} is a file that nothing "
                       "copies")


def registry(inf, _arch):
    """Roots, flags and numbers of AddReg lines."""
    for section in inf.sections.values():
        for line in section.lines:
            if line.key or not line.values or not re.fullmatch("HK[A-Z]+", line.values[0].upper()):
                continue
            if line.values[0].upper() not in ROOTS:
                yield line.number, f"{line.values[0]} is not for drivers: use HKR"
            flags = number(line.values[3]) if len(line.values) > 3 and line.values[3] else 0
            if flags is None or (flags & ~NO_OVERWRITE) not in REG_TYPES:
                yield line.number, f"the flags '{line.values[3]}' name no type of value"
            elif REG_TYPES[flags & ~NO_OVERWRITE] == "REG_DWORD" and (len(line.values) < 5
                                                                      or number(line.values[4]) is None):
                yield line.number, "a REG_DWORD needs a number"


RULES = (
    ("install/inf-version-section, devtest/inf-validation-errors-and-warnings (1204)", version_header),
    ("install/inf-version-section, devtest/inf-validation-errors-and-warnings (1233)", catalog_file),
    ("install/inf-version-section", pnp_lockdown),
    ("devtest/inf-validation-errors-and-warnings (1235)", string_defined),
    ("install/inf-strings-section", string_used),
    ("install/inf-strings-section", text_in_strings),
    ("devtest/inf-validation-errors-and-warnings (1203)", section_exists),
    ("devtest/inf-validation-errors-and-warnings (2083)", section_used),
    ("devtest/inf-validation-errors-and-warnings (1230)", files_listed),
    ("install/inf-destinationdirs-section", destinations),
    ("install/inf-manufacturer-section", architecture),
    ("install/inf-models-section", models),
    ("install/inf-addservice-directive, devtest/inf-validation-errors-and-warnings (1296)", services),
    ("install/inf-addreg-directive", registry),
)
