# SPDX-License-Identifier: BSD-2-Clause
"""The testbed and the tests of the driver as programs of 32 bits, in a build folder of their own: they load the x86
xennet.sys, and refuse every other.
"""

from scripts.build.tree import Tree
from scripts.cli import ROOT

TREE = Tree(ROOT / "build" / "x86", XENNET_X86="ON")
PROGRAMS = TREE.folder / "tests"
X64_FIGURES = "what it counts are instructions and cache lines of the x64 driver"
ABSENT = {"test_cost": X64_FIGURES, "test_cost_scale": X64_FIGURES}
TESTBED = "it is about the testbed, which its x64 build shows"
OTHERS = ("test_policy",)       # besides driver/: the co-installer's decisions
NAMES = ["driver/", *OTHERS]


def why_absent(file):
    """Why a C test file is not among the x86 programs; None: it is."""
    if file.name in ABSENT:
        return ABSENT[file.name]
    return None if file.folder.startswith("driver/") or file.name in OTHERS else TESTBED

