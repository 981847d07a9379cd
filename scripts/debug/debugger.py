# SPDX-License-Identifier: BSD-2-Clause
"""lldb on the testbed: the command lines that run.py and test.py start it with."""

from scripts.cli import ROOT

LLDB = "lldb-16"
SETTINGS = (
    "settings set target.load-cwd-lldbinit false",
    "settings set symbols.enable-external-lookup false",
    "settings set stop-line-count-before 2",
    "settings set stop-line-count-after 2",
    # Where the testbed's sources are: it was compiled with paths relative to the repository.
    f"settings set target.source-map /testbed {ROOT}/testbed /tests {ROOT}/tests",
)


def script(path):
    return f'command script import "{path}"'


def arguments(commands, before=()):
    """lldb's options. `commands`: a file with commands to carry out and then end; None: a terminal."""
    line = [LLDB, "--no-lldbinit"]
    if commands:
        line.append("--batch")
    for text in SETTINGS:
        line += ["-O", text]
    for text in (*before, script(ROOT / "scripts" / "debug" / "xennet_lldb.py")):
        line += ["-o", text]
    if commands:
        line += ["-s", str(commands)]
    return line


def of_test(program, case, seed, commands):
    """One case of a test program. The environment of it is lldb's: it has XENNET_DEBUGGED."""
    seeds = ["--seed", str(seed)] if seed is not None else []
    return [*arguments(commands), "--", str(program), *seeds, case]


def of_process(number, program, commands):
    """A testbed that waits for a debugger."""
    return arguments(commands, (f"target create {program}", f"process attach --pid {number}"))
