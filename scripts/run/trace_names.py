# SPDX-License-Identifier: BSD-2-Clause
"""Names for the numbers in XenNet's own trace events, from the driver's headers: "State From=1 To=2" reads "State
From=Initializing To=Paused". The testbed decodes events as any viewer does and knows no driver."""

import functools
import re

from scripts.cli import ROOT

# Event, field: where the names are and what they begin with.
FIELDS = {
    ("State", "From"): ("context.h", "XennetState", 1),
    ("State", "To"): ("context.h", "XennetState", 1),
    ("SendDrop", "Reason"): ("transmit_counters.h", "XENNET_TRANSMIT_DROP_", 0),
    ("ReceiveDrop", "Reason"): ("receive_counters.h", "XENNET_RECEIVE_DROP_", 0),
}


@functools.lru_cache(None)
def names(header, prefix):
    """The enumerators that begin so, in order and without that beginning."""
    text = (ROOT / "src" / "xennet" / header).read_text()
    return re.findall(rf"^ +{prefix}(\w+)(?: = \d+)?,?(?: *//.*)?$", text, re.MULTILINE)


def name_fields(line):
    """A line of --trace with names where the driver has some."""
    found = re.match(r"trace: [\d.]+ XenNet (\w+) ", line)
    if not found:
        return line

    def named(match):
        known = FIELDS.get((found.group(1), match.group(1)))
        if known is None:
            return match.group()
        header, prefix, first = known
        index = int(match.group(2)) - first
        return f"{match.group(1)}={names(header, prefix)[index]}" if 0 <= index < len(names(header, prefix)) else (
            match.group())

    return re.sub(r"(\w+)=(\d+)\b", named, line)
