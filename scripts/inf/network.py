# SPDX-License-Identifier: BSD-2-Clause
"""The rules for a network adapter's INF: NDIS values, keywords by Microsoft's tables and by the driver's, event log.

As in rules.py: a rule yields (line, text) for each finding, and its function's name is the rule's.
"""

import re

from scripts.inf import keywords as keyword_source
from scripts.cli import ROOT
from scripts.inf.rules import install_sections, number

# NCF_PHYSICAL and the values NDIS reads from the install section; IF_TYPE 6 is Ethernet, medium 0 802.3, 14 its
# connector.
INSTALL_VALUES = {"BusType": (5, 15), "*IfType": (6,), "*MediaType": (0,), "*PhysicalMediaType": (0, 14)}
NCF_PHYSICAL = 0x4
ENUM_KEYWORDS = (
    re.compile(
        r"\*(IP|TCP|UDP)ChecksumOffloadIPv[46]|\*LsoV[12]IPv[46]|\*UsoIPv[46]|\*RscIPv[46]|\*UdpRsc|\*RSS|"
        r"\*PriorityVLANTag",
        re.IGNORECASE))
STANDARD_ENUMS = ((re.compile(r".*ChecksumOffloadIPv[46]|.*PriorityVLANTag", re.IGNORECASE), {"0", "1", "2", "3"}),
                  (re.compile(r".*", re.IGNORECASE), {"0", "1"}))
CONFIG = "src/xennet/config.c"
ADDRESS_READER = "NdisReadNetworkAddress("  # NDIS has a function for this one keyword
# Microsoft's tables: name as Device Manager shows it, default, minimum, maximum; None where they leave it to the maker.
# The pages: enumeration-keywords, keywords-that-can-be-edited, standardized-inf-keywords-for-rss, -rsc,
# -ndis-poll-mode; udp-rsc-offload.
BOOK = {
    "*ipchecksumoffloadipv4": ("IPv4 Checksum Offload", 3, 0, 3),
    "*tcpchecksumoffloadipv4": ("TCP Checksum Offload (IPv4)", 3, 0, 3),
    "*tcpchecksumoffloadipv6": ("TCP Checksum Offload (IPv6)", 3, 0, 3),
    "*udpchecksumoffloadipv4": ("UDP Checksum Offload (IPv4)", 3, 0, 3),
    "*udpchecksumoffloadipv6": ("UDP Checksum Offload (IPv6)", 3, 0, 3),
    "*lsov2ipv4": ("Large Send Offload V2 (IPv4)", 1, 0, 1),
    "*lsov2ipv6": ("Large Send Offload V2 (IPv6)", 1, 0, 1),
    "*rscipv4": ("Recv Segment Coalescing (IPv4)", 1, 0, 1),
    "*rscipv6": ("Recv Segment Coalescing (IPv6)", 1, 0, 1),
    "*usoipv4": ("UDP Segmentation Offload (IPv4)", 1, 0, 1),
    "*usoipv6": ("UDP Segmentation Offload (IPv6)", 1, 0, 1),
    "*udprsc": ("URO", 1, 0, 1),
    "*softwaretimestamp": ("Software Timestamp", 0, 0, 5),
    "*rss": ("Receive Side Scaling", 1, 0, 1),
    "*rssprofile": ("RSS load balancing profile", 4, 1, 5),
    "*numrssqueues": ("Maximum Number of RSS Queues", None, 1, None),
    "*maxrssprocessors": ("Maximum number of RSS Processors", 16, 1, None),
    "*rssbaseprocnumber": ("RSS Base Processor Number", 0, 0, 63),
    "*rssbaseprocgroup": ("RSS Base Processor Group", 0, 0, 31),
    "*rssmaxprocnumber": ("Maximum RSS Processor Number", 63, 0, 63),
    "*rssmaxprocgroup": ("RSS Max Processor Group", 0, 0, 31),
    "*numanodeid": ("Preferred NUMA node", 65535, 0, 65534),
    "*receivebuffers": ("Receive Buffers", None, 1, None),
    "*jumbopacket": ("Jumbo Packet", 1514, 1514, None),
    "*priorityvlantag": ("Packet Priority & VLAN", 3, 0, 3),
    "*ndispoll": ("Ndis Poll Mode", 1, 0, 1),
}


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
        match = (re.fullmatch(r"ndi\\params\\([^\\]+)(\\enum)?", line.values[1] if len(line.values) > 4 else "",
                              re.IGNORECASE))
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
        values = {(line.values[1].lower(), line.values[2].lower()): line for line in added(inf, section)
                  if len(line.values) > 4}
        for key, name, wanted in (("ndi", "service", None), ("ndi\\interfaces", "upperrange", "ndis5"),
                                  ("ndi\\interfaces", "lowerrange", "ethernet")):
            line = values.get((key, name))
            if line is None or wanted and line.values[4].lower() != wanted:
                yield (line.number if line else section.number, f"[{section.name}] must add {key}, {name}"
                       + (f" = {wanted}" if wanted else ""))
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
                # pylint: disable-next=cell-var-from-loop
                return (values[of][0].number if of in values else values["line"]), f"keyword {name}: {text}"

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
    source = (ROOT / CONFIG).read_text()
    table = keyword_source.table()
    since = {each.name.lower(): each.since for each in keyword_source.read()}
    for section, builds in installs(inf):
        found = keywords(inf, section)
        oldest = min(first for first, _ in builds)
        for name in table.keys() - {name.lower() for name in found}:
            if since[name] > oldest:
                continue
            yield section.number, f"[{section.name}] lacks the keyword {name}, which {keyword_source.SOURCE} has"
        for name, values in found.items():
            row = table.get(name.lower())
            if name.lower() == "networkaddress" and ADDRESS_READER in source:
                continue
            if row is None:
                yield values["line"], f"{keyword_source.SOURCE} has no keyword {name}"
                continue
            if since[name.lower()] > oldest:
                yield values["line"], f"keyword {name} does nothing before build {since[name.lower()]}"
            stated = [number(values[word][1]) for word in ("default", "min", "max", "step") if word in values]
            if values["enum"]:
                choices = sorted(number(value) for value in values["enum"])
                stated = stated[:1] + [choices[0], choices[-1], 1]
            if len(stated) == 4 and tuple(stated) != row:
                yield (values["line"], f"keyword {name}: default, min, max, step are {stated} here and {list(row)} in "
                       f"{keyword_source.SOURCE}")


def stated(values):
    """(default, minimum, maximum) of a keyword in the INF."""
    numbers = [number(values[word][1]) if word in values else None for word in ("default", "min", "max")]
    if values["enum"]:
        choices = sorted(number(value) or 0 for value in values["enum"])
        numbers[1:] = choices[0], choices[-1]
    return tuple(numbers)


def keyword_by_the_book(inf, _arch):
    """Names of Microsoft's tables, and their defaults and ranges unless keywords.ini gives a reason."""
    reasons = {each.name.lower() for each in keyword_source.read() if each.deviation}
    for section, _ in installs(inf):
        found = keywords(inf, section)
        for name, values in found.items():
            if name.lower() not in BOOK:
                if name.startswith("*"):
                    yield values["line"], f"{name} is no keyword of Microsoft's that is known here: drop the *"
                continue
            shown = inf.text(values["paramdesc"][1]) if "paramdesc" in values else ""
            for word, here, book in zip(("text", "default", "minimum", "maximum"), (shown, *stated(values)),
                                        BOOK[name.lower()]):
                if book is not None and here != book and (word == "text" or name.lower() not in reasons):
                    yield values["line"], f"{name}: the {word} is '{here}' and must be '{book}'"
        names = {name.lower() for name in found}
        if {"*lsov1ipv4", "*lsov2ipv4"} <= names:
            yield section.number, "*LsoV1IPv4 must not stand beside *LsoV2IPv4, which switches both"
        if ("*rssmaxprocnumber" in names) != ("*rssmaxprocgroup" in names):
            yield section.number, "*RssMaxProcNumber and *RssMaxProcGroup belong together"


def service_sections(inf):
    """(line, service's Section, event log's Section, builds) of each AddService."""
    for section, builds in installs(inf):
        services = inf.section(section.name + ".services")
        for line in (services.all("AddService") if services else []):
            yield line, *(inf.section(name) if name else None for name in (line.values[2:4] + ["", ""])[:2]), builds


def event_log(inf, _arch):
    """The driver's own texts are in the driver itself, NDIS's in netevent.dll."""
    for line, service, log, _ in service_sections(inf):
        values = {entry.values[2].lower(): entry for entry in added(inf, log) if len(entry.values) > 4}
        if not {"eventmessagefile", "typessupported"} <= values.keys():
            yield line.number, "AddService needs an event log section with EventMessageFile and TypesSupported"
            continue
        files = values["eventmessagefile"].values[4].lower().split(";")
        binary = (service.value("ServiceBinary") or "").lower() if service else ""
        if binary not in files or not any(name.endswith("netevent.dll") for name in files):
            yield (values["eventmessagefile"].number, f"EventMessageFile must name {binary}, which has the driver's "
                   "texts, and netevent.dll")


RULES = (
    ("network/installation-requirements-for-network-adapters", adapter_values),
    ("network/installation-requirements-for-network-adapters", ndi_values),
    ("network/standardized-inf-keywords-for-network-devices", keyword_complete),
    ("network/enumeration-keywords, network/keywords-that-can-be-edited, network/standardized-inf-keywords-for-rss",
     keyword_by_the_book),
    ("network/standardized-inf-keywords-for-network-devices", keyword_of_driver),
    ("install/inf-addservice-directive", event_log),
)
