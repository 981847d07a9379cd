# SPDX-License-Identifier: BSD-2-Clause
"""The rules for a network adapter's INF and for XenNet's: keywords, NDIS values, boot, event log, co-installer, subscription.

As in rules.py: a rule yields (line, text) for each finding, and its function's name is the rule's.
"""

import re

from scripts.inf import template
from scripts.cli import ROOT
from scripts.inf.rules import LAST_WITH_COINSTALLER, copied_files, install_sections, models_sections, number

# NCF_PHYSICAL and the values NDIS reads from the install section; IF_TYPE 6 is Ethernet, medium 0 802.3, 14 its connector.
INSTALL_VALUES = {"BusType": (5, 15), "*IfType": (6,), "*MediaType": (0,), "*PhysicalMediaType": (0, 14)}
NCF_PHYSICAL = 0x4
NETWORK_BOOT = 0x1
ENUM_KEYWORDS = re.compile(r"\*(IP|TCP|UDP)ChecksumOffloadIPv[46]|\*LsoV[12]IPv[46]|\*UsoIPv[46]|\*RscIPv[46]|\*RSS|\*PriorityVLANTag", re.IGNORECASE)
STANDARD_ENUMS = ((re.compile(r".*ChecksumOffloadIPv[46]|.*PriorityVLANTag", re.IGNORECASE), {"0", "1", "2", "3"}),
                  (re.compile(r".*", re.IGNORECASE), {"0", "1"}))
CONFIG = "src/xennet/config.c"
ADDRESS_READER = "NdisReadNetworkAddress("  # NDIS has a function for this one keyword
SUBSCRIPTION = r"system\currentcontrolset\services\xenvif\interfaces\xennet"
PROVIDED = ("VIF", "STORE", "SUSPEND")


def added(inf, section):
    """The AddReg lines that an install or service section leads to."""
    for reference in (section.all("AddReg") if section else []):
        for name in reference.values:
            yield from (inf.section(name).lines if inf.section(name) else [])


def installs(inf):
    """(Section, first builds) of each install section that exists."""
    for name, builds in install_sections(inf).items():
        if inf.section(name) is not None:
            yield inf.section(name), builds


def keywords(inf, section):
    """{keyword: {value's name in lower case: (line, text)}}; the texts of an enum stand under 'enum'."""
    found = {}
    for line in added(inf, section):
        match = re.fullmatch(r"ndi\\params\\([^\\]+)(\\enum)?", line.values[1] if len(line.values) > 4 else "", re.IGNORECASE)
        if match:
            entry = found.setdefault(match.group(1), {"enum": {}, "line": line.number})
            if match.group(2):
                entry["enum"][line.values[2]] = line.values[4]
            else:
                entry[line.values[2].lower()] = (line, line.values[4])
    return found


def adapter_values(inf, _arch):
    for section, _ in installs(inf):
        flags = number(section.value("Characteristics") or "")
        if flags is None or not flags & NCF_PHYSICAL:
            yield section.number, f"[{section.name}] needs Characteristics with NCF_PHYSICAL (4)"
        for name, allowed in INSTALL_VALUES.items():
            if number(section.value(name) or "") not in allowed:
                yield section.number, f"[{section.name}] needs {name} = {' or '.join(map(str, allowed))}"


def ndi_values(inf, _arch):
    for section, _ in installs(inf):
        values = {(line.values[1].lower(), line.values[2].lower()): line for line in added(inf, section) if len(line.values) > 4}
        for key, name, wanted in (("ndi", "service", None), ("ndi\\interfaces", "upperrange", "ndis5"), ("ndi\\interfaces", "lowerrange", "ethernet")):
            line = values.get((key, name))
            if line is None or wanted and line.values[4].lower() != wanted:
                yield line.number if line else section.number, f"[{section.name}] must add {key}, {name}" + (f" = {wanted}" if wanted else "")
        services = inf.section(section.name + ".services")
        service = services.get("AddService") if services else None
        line = values.get(("ndi", "service"))
        if line and service and line.values[4].lower() != service.values[0].lower():
            yield line.number, f"Ndi\\Service is {line.values[4]}, but the service is {service.values[0]}"


def keyword_complete(inf, _arch):
    """Type, default, range and text: what Device Manager and NDIS's own checks read."""
    for section, _ in installs(inf):
        for name, values in keywords(inf, section).items():
            def problem(text, of=None):
                return (values[of][0].number if of in values else values["line"]), f"keyword {name}: {text}"  # pylint: disable=cell-var-from-loop

            kind = values.get("type", (None, ""))[1].lower()
            needed = ("paramdesc", "type", "default") + (("min", "max", "step") if kind == "int" else ())
            missing = [word for word in needed if word not in values]
            if missing:
                yield problem(f"{', '.join(missing)} missing")
                continue
            default = values["default"][1]
            if kind == "enum":
                if len(values["enum"]) < 2:
                    yield problem("an enum needs a text for each value")
                elif default not in values["enum"]:
                    yield problem(f"the default {default} is none of its values", "default")
                if ENUM_KEYWORDS.fullmatch(name):
                    wanted = next(allowed for form, allowed in STANDARD_ENUMS if form.fullmatch(name))
                    if set(values["enum"]) != wanted:
                        yield problem(f"Windows defines its values as {', '.join(sorted(wanted))}")
            elif kind == "int":
                low, high, step, chosen = (number(values[word][1]) for word in ("min", "max", "step", "default"))
                if None in (low, high, step, chosen) or step <= 0 or low > high:
                    yield problem("Min, Max, Step and Default must be numbers that make a range")
                elif not low <= chosen <= high or (chosen - low) % step:
                    yield problem(f"the default {chosen} is not {low} to {high} in steps of {step}", "default")
                if values["enum"]:
                    yield problem("an int has no values to name")
            elif kind not in ("dword", "long", "word", "edit"):
                yield problem(f"the type '{kind}' is not known", "type")


def keyword_of_driver(inf, _arch):
    """The INF and the driver's table agree on every keyword."""
    table = {row[0].lower(): row[1:5] for row in template.keywords()}
    reads_address = ADDRESS_READER in (ROOT / CONFIG).read_text()
    for section, _ in installs(inf):
        found = keywords(inf, section)
        for name in table.keys() - {name.lower() for name in found}:
            yield section.number, f"[{section.name}] lacks the keyword {name}, which {template.KEYWORDS} has"
        for name, values in found.items():
            row = table.get(name.lower())
            if name.lower() == "networkaddress" and reads_address:
                continue
            if row is None:
                yield values["line"], f"{template.KEYWORDS} lacks the keyword {name}"
                continue
            stated = [number(values[word][1]) for word in ("default", "min", "max", "step") if word in values]
            if values["enum"]:
                choices = sorted(number(value) for value in values["enum"])
                stated = stated[:1] + [choices[0], choices[-1], 1]
            if len(stated) == 4 and tuple(stated) != row:
                yield values["line"], f"keyword {name}: default, min, max, step are {stated} here and {list(row)} in {template.KEYWORDS}"


def service_sections(inf):
    """(line, service's Section, event log's Section) of each AddService."""
    for section, _ in installs(inf):
        services = inf.section(section.name + ".services")
        for line in (services.all("AddService") if services else []):
            yield line, *(inf.section(name) if name else None for name in (line.values[2:4] + ["", ""])[:2])


def network_boot(inf, _arch):
    for line, service, _ in service_sections(inf):
        flags = [number(entry.values[4]) for entry in added(inf, service) if len(entry.values) > 4 and entry.values[2].lower() == "bootflags"]
        if not any(flag is not None and flag & NETWORK_BOOT for flag in flags):
            yield line.number, "the service needs BootFlags with 1 (network boot), or Windows cannot boot over the network"
        if service and (service.value("LoadOrderGroup") or "").lower() != "ndis":
            yield service.number, "LoadOrderGroup must be NDIS, so that a boot start comes at its turn"


def event_log(inf, _arch):
    for line, _, log in service_sections(inf):
        names = {entry.values[2].lower() for entry in added(inf, log) if len(entry.values) > 4}
        if not {"eventmessagefile", "typessupported"} <= names:
            yield line.number, "AddService needs an event log section with EventMessageFile and TypesSupported"


def coinstaller(inf, _arch):
    copied = copied_files(inf)
    for section, builds in installs(inf):
        own = inf.section(section.name + ".coinstallers")
        if own is None:
            if any(build < LAST_WITH_COINSTALLER for build in builds):
                yield section.number, f"[{section.name}] serves Windows before build {LAST_WITH_COINSTALLER} and has no co-installer"
            continue
        if any(build >= LAST_WITH_COINSTALLER for build in builds):
            yield own.number, f"[{own.name}]: a co-installer is not allowed from build {LAST_WITH_COINSTALLER} on"
        entries = [line for line in added(inf, own) if len(line.values) > 4 and line.values[2].lower() == "coinstallers32"]
        if len(entries) != 1 or number(entries[0].values[3]) != 0x10000:
            yield own.number, "CoInstallers32 must be added once, as REG_MULTI_SZ (0x00010000)"
            continue
        name, _, entry = entries[0].values[4].partition(",")
        if not re.fullmatch(r"\w+_\d+_\d+_\d+_\d+\.dll", name) or not entry.strip():
            yield entries[0].number, f"CoInstallers32 '{entries[0].values[4]}' must be a DLL with a version in its name, and a function"
        _, target = copied.get(name.lower(), (None, None))
        folders = inf.section("destinationdirs")
        if target is None or folders is None or folders.value(target.name) != "11":
            yield entries[0].number, f"{name} must be copied to System32 (11)"


def subscription(inf, _arch):
    """From build 16299 on the INF subscribes, with the VIF version that the device's revision stands for."""
    versions = {row[0]: row[1:] for row in template.revisions()}
    for section in inf.sections.values():
        for line in section.lines:
            if not line.key and line.values and line.values[0].upper() == "HKLM" and line.values[1].lower() != SUBSCRIPTION:
                yield line.number, f"HKLM\\{line.values[1]} is not this driver's to write"
    for _, decoration, models, _ in models_sections(inf):
        checked = set()
        for model in (models.lines if models else []):
            match = re.search("REV_([0-9A-F]{8})$", model.values[-1], re.IGNORECASE)
            wanted = versions.get(match.group(1).upper()) if match else None
            if wanted is None:
                yield model.number, f"{model.values[-1]}: this revision is not in {template.REVISIONS}"
                continue
            if decoration.count(".") < 5 or (model.values[0].lower(), wanted) in checked:
                continue
            checked.add((model.values[0].lower(), wanted))
            section = inf.section(model.values[0])
            found = {line.values[2].upper(): line for line in added(inf, section) if len(line.values) > 4 and line.values[1].lower() == SUBSCRIPTION}
            for name, value in zip(PROVIDED, wanted):
                line = found.get(name)
                if line is None or number(line.values[3]) != 0x10001 or number(line.values[4]) != value:
                    yield line.number if line else model.number, f"[{model.values[0]}] must subscribe to {name} {value} as REG_DWORD"


def devices(inf, _arch):
    """Each models section has every device that XenVif creates."""
    wanted = {f"XENVIF\\VEN_{vendor}&DEV_NET&REV_{row[0]}" for row in template.revisions() for vendor in template.vendors()}
    for line, _, section, name in models_sections(inf):
        found = {device.upper() for model in (section.lines if section else []) for device in model.values[1:]}
        for device in sorted(wanted - found):
            yield line.number, f"[{name}] lacks {device}"


RULES = [adapter_values, ndi_values, keyword_complete, keyword_of_driver, network_boot, event_log, coinstaller, subscription, devices]
