# SPDX-License-Identifier: BSD-2-Clause
"""The testbed and the C tests with clang's address and undefined-behaviour sanitizers, in a build folder of their own.

The driver is the one that ships, which has no sanitizer in it: what it does to the testbed's memory is not seen, but
what the testbed does is.
"""

from scripts.build.tree import Tree
from scripts.cli import ROOT

TREE = Tree(ROOT / "build" / "sanitize", XENNET_SANITIZE="ON", XENNET_FUZZ="ON")    # scripts/check/fuzz.py has it, too
PROGRAMS = TREE.folder / "tests"
# The testbed handles faults itself, tasks have stacks of their own, and what is left behind is the leak list's affair.
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=0:detect_stack_use_after_return=0:handle_abort=0:"
                    + ":".join(f"handle_{name}=0" for name in ("segv", "sigbus", "sigfpe", "sigill")),
    "UBSAN_OPTIONS": "print_stacktrace=1",
}
