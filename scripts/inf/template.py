# SPDX-License-Identifier: BSD-2-Clause
"""The parts of the INF that follow from tables: the keywords, and the models, one line for each device of XenVif.

A device ID is XENVIF\\VEN_<prefix><id>&DEV_NET&REV_<revision>: prefix and id of the PCI device that XenBus binds to,
and a revision of include/revision.h, which also says which VIF version the provider has. Newest revisions come first.
"""

import re

from scripts.build import version
from scripts.cli import ROOT, Stop
from scripts.inf import keywords

REVISIONS = "include/revision.h"
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
    """The VEN_ part of every device: the Xen Project's, XenServer's and XCP-ng's, and this build's own prefix and
    device id.
    """
    found = version.values()
    names = [prefix + device for prefix in PREFIXES for device in DEVICES]
    own = [found["VENDOR_PREFIX"] + device for device in ("0001", "0002", found["VENDOR_DEVICE_ID"]) if device]
    return list(dict.fromkeys(names + own))


def models(section):
    """Model lines; `section` names the install section for a VIF version."""
    return "\n".join(f"%XenNetName% = {section(vif)}, XENVIF\\VEN_{vendor}&DEV_NET&REV_{revision}"
                     for revision, vif, _, _ in reversed(revisions()) for vendor in vendors())


def places():
    """What the template's @NAME@ places of this module become."""
    return {
        "MODELS_WITH_COINSTALLER": models(lambda vif: "XenNet_Inst"),
        "MODELS": models(lambda vif: f"XenNet_Inst_Vif{vif}"),
        "KEYWORDS": keywords.inf_lines(),
        "KEYWORD_TEXTS": keywords.inf_texts(),
        "COINSTALLER": "xennet_coinst_" + version.text().replace(".", "_") + ".dll",
    }
