# SPDX-License-Identifier: BSD-2-Clause
"""A command or a shell of the user's on the guest side. It has our terminal, and Ctrl-C is for it, not for us."""

import os
import shutil
import signal
import subprocess

from scripts.cli import Stop
from scripts.run.bed import check_ending
from scripts.run.namespaces import environment
from scripts.run.show import SMALL_DOWNLOAD_BYTES
from scripts.run.traffic import POLL_SECONDS, TrafficFailed


def argv_of(options):
    """What to run on the guest side, or None: the show."""
    if not options.shell and not options.command:
        return None
    if options.shell:
        return [os.environ.get("SHELL") or "/bin/sh"]
    if shutil.which(options.command[0]) is None:
        raise Stop(f"the command {options.command[0]} was not found: give the path of a program that can be run")
    return options.command


def run_command(argv, bed, traffic, children):
    """Its exit status; 128 and the signal's number when a signal ended it, as shells tell it."""
    try:
        traffic.serve(SMALL_DOWNLOAD_BYTES)
    except TrafficFailed:
        check_ending(bed)      # a testbed that just ended is why, and says itself of what
        raise
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # The child starts with Ctrl-C as usual again, although we ignore it until the child has ended.
        child = children.start(["env", "--default-signal=INT", *argv], bed.namespace("guest"), foreground=True,
                               env=environment(bed, os.environ))
        while True:
            try:
                status = child.wait(POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                bed.check()
    finally:
        signal.signal(signal.SIGINT, before)
    return status if status >= 0 else 128 - status
