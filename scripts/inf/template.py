# SPDX-License-Identifier: BSD-2-Clause
"""The parts of the INF that follow from tables: the keywords, and the models, one line for each device of XenVif's.

src/xennet/keywords.h has the keywords, for the driver as for the INF.

A device ID is XENVIF\\VEN_<prefix><id>&DEV_NET&REV_<revision>: prefix and id of the PCI device that XenBus binds to,
and a revision of include/revision.h, which also says which VIF version the provider has. Newest revisions come first.
"""

import re

from scripts.build import version
from scripts.cli import ROOT, Stop

REVISIONS = "include/revision.h"
KEYWORDS = "src/xennet/keywords.h"
KEYWORD = re.compile(r'KEYWORD\("([^"]+)", \w+, (\d+), (\d+), (\d+), (\d+), (\w+)\)')
NUMBER = "Number"
# What Device Manager lists for the values from the smallest on: names of the INF's [Strings].
CHOICES = {
    "Switch": ("Disabled", "Enabled"),
    "Directions": ("Disabled", "EnabledTx", "EnabledRx", "EnabledBoth"),
    "Profiles": ("RssClosest", "RssClosestStatic", "RssNuma", "RssNumaStatic", "RssConservative"),
    "Tags": ("PriorityVlanOff", "PriorityOnly", "VlanOnly", "PriorityVlanOn"),
}
PREFIXES = ("XP", "XS", "XN")
DEVICES = ("0001", "0002", "C000")
ENTRY = re.compile(r"Entry\((0x[0-9A-F]{8}), (\d+), (\d+), (\d+)\)")


def revisions():
    """(revision, VIF, STORE, SUSPEND), oldest first, as the C table has them."""
    path = ROOT / REVISIONS
    rows = ENTRY.findall(path.read_text()) if path.is_file() else []
    if not rows:
        raise Stop(f"{REVISIONS} has no revisions: the INF's models come from there")
    return [(row[0][2:], *map(int, row[1:])) for row in rows]


def vendors():
    """The VEN_ part of every device: the Xen Project's, XenServer's and XCP-ng's, and this build's own prefix and device id."""
    found = version.values()
    names = [prefix + device for prefix in PREFIXES for device in DEVICES]
    own = [found["VENDOR_PREFIX"] + device for device in ("0001", "0002", found["VENDOR_DEVICE_ID"]) if device]
    return list(dict.fromkeys(names + own))


def keywords():
    """(name, default, minimum, maximum, step, what is shown) of each keyword, as the C table has them."""
    path = ROOT / KEYWORDS
    rows = KEYWORD.findall(path.read_text()) if path.is_file() else []
    if not rows:
        raise Stop(f"{KEYWORDS} has no keywords: the INF's parameters come from there")
    return [(row[0], *map(int, row[1:5]), row[5]) for row in rows]


def parameter(name, default, minimum, maximum, step, shown):
    """The INF's lines for one keyword."""
    key = f"HKR, Ndi\\params\\{name}"
    lines = [f"{key}, ParamDesc, 0, %{name.lstrip('*')}%", f'{key}, Type, 0, "{"int" if shown == NUMBER else "enum"}"',
             f'{key}, Default, 0, "{default}"', f'{key}, Optional, 0, "0"']
    if shown == NUMBER:
        return lines + [f'{key}, {word}, 0, "{value}"' for word, value in (("Min", minimum), ("Max", maximum), ("Step", step))]
    texts = CHOICES.get(shown)
    if texts is None or len(texts) != maximum - minimum + 1:
        raise Stop(f"{KEYWORDS}: {name} has the values {minimum} to {maximum} and is shown as {shown}, which does not have as many "
                   f"choices: CHOICES in scripts/inf/template.py has those there are")
    return lines + [f'{key}\\enum, "{value}", 0, %{text}%' for value, text in enumerate(texts, minimum)]


def models(section):
    """Model lines; `section` names the install section for a VIF version."""
    return "\n".join(f"%XenNetName% = {section(vif)}, XENVIF\\VEN_{vendor}&DEV_NET&REV_{revision}"
                     for revision, vif, _, _ in reversed(revisions()) for vendor in vendors())


def places():
    """What the template's @NAME@ places of this module become."""
    return {
        "KEYWORDS": "\n\n".join("\n".join(parameter(*keyword)) for keyword in keywords()),
        "MODELS_WITH_COINSTALLER": models(lambda vif: "XenNet_Inst"),
        "MODELS": models(lambda vif: f"XenNet_Inst_Vif{vif}"),
        "COINSTALLER": "xennet_coinst_" + version.text().replace(".", "_") + ".dll",
    }
