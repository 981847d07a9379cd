# SPDX-License-Identifier: BSD-2-Clause
"""The parts of the INFs that follow from tables: the keywords, and the models, one line for each toolstack's device.

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
# By this comment the scripts know a package as ours, whatever its version: others of the same company and file name are
# not touched.
MARK = "Package of XenNet {0B0E3D6C-6C0B-4E53-8A9E-58454E4E4500}"
# Windows compares signatures first, then this score, the lowest first, and only then IDs, dates and versions.
# Upstream's package has 0xFE, and every other has 0xFF, which is no score: ours, once installed, is chosen until it is
# removed.
FEATURE_SCORE = "0xFD"
ENTRY = re.compile(r"Entry\((0x[0-9A-F]{8}), (\d+), (\d+), (\d+)\)")


def revisions():
    """(revision, VIF, STORE, SUSPEND), oldest first, as the C table has them."""
    path = ROOT / REVISIONS
    rows = ENTRY.findall(path.read_text()) if path.is_file() else []
    if not rows:
        raise Stop(f"{REVISIONS} has no revisions: the INF's models come from there")
    return [(row[0][2:], *map(int, row[1:])) for row in rows]


def vendors():
    """{prefix: device ids}: the Xen Project's, XenServer's and XCP-ng's, and this build's own prefix and device id.

    A host shows a virtual interface as one of a prefix's devices, and as another when it is configured anew.
    """
    values = version.values()
    found = {prefix: list(DEVICES) for prefix in PREFIXES}
    own = found.setdefault(values["VENDOR_PREFIX"], list(DEVICES[:2]))
    if values["VENDOR_DEVICE_ID"] and values["VENDOR_DEVICE_ID"] not in own:
        own.append(values["VENDOR_DEVICE_ID"])
    return found


def hardware_ids(prefix):
    """All IDs of a prefix's devices, in the order in which Windows is to prefer them."""
    return [f"XENVIF\\VEN_{prefix}{device}&DEV_NET&REV_{row[0]}"
            for row in reversed(revisions()) for device in vendors()[prefix]]


def all_hardware_ids():
    """Every device that the INF has a model for."""
    return [each for prefix in vendors() for each in hardware_ids(prefix)]


def models(section):
    """Model lines, one for each prefix with all its IDs."""
    return "\n".join(f"%XenNetName% = {section}, \\\n    " + ", \\\n    ".join(hardware_ids(prefix))
                     for prefix in vendors())


def places():
    """What the templates' @NAME@ places of this module become."""
    return {
        "MARK": MARK,
        "FEATURE_SCORE": FEATURE_SCORE,
        "MODELS": models("XenNet_Inst"),
        "MODELS_19041": models("XenNet_Inst_19041"),
        "MODELS_22000": models("XenNet_Inst_22000"),
        "MODELS_ISOLATED": models("XenNet_Inst_Isolated"),
        "MODELS_26100": models("XenNet_Inst_26100"),
        "KEYWORDS": keywords.inf_lines(),
        "KEYWORDS_19041": keywords.inf_lines(19041),
        "KEYWORDS_22000": keywords.inf_lines(22000),
        "KEYWORDS_26100": keywords.inf_lines(26100),
        "KEYWORD_TEXTS": keywords.inf_texts(),
        "KEYWORD_TEXTS_ALL_WINDOWS": keywords.inf_texts(0),
        "COINSTALLER": "xennet_coinst_" + version.text().replace(".", "_") + ".dll",
    }
