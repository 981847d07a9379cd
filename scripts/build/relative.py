# SPDX-License-Identifier: BSD-2-Clause
"""Runs a program with the files below the current folder named from there: what it writes does not say where that is.

usage: scripts/build/relative.py PROGRAM ARGUMENT...

CMake names a target's objects in full, and the linker writes their names into the PDB.
"""

import os
import sys

if __name__ == "__main__":
    here = os.getcwd() + os.sep
    os.execvp(sys.argv[1], [word[len(here):] if word.startswith(here) else word for word in sys.argv[1:]])
