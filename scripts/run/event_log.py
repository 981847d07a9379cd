# SPDX-License-Identifier: BSD-2-Clause
"""XenNet's own entries in the event log, in the words of the driver's header: an entry is a code of NDIS's and a few
numbers, the first of which says what it is about."""

import functools
import re

from scripts.cli import ROOT

ENTRY = re.compile(r"^xennet: .* \(0x[0-9a-f]{8}\): (0x[0-9a-f]+|0)((?:, (?:0x[0-9a-f]+|0))*)$")


@functools.lru_cache(None)
def meanings():
    """{number: what the header says of it}"""
    text = (ROOT / "src" / "xennet" / "event_log.h").read_text()
    return {int(number): words for number, words in re.findall(r"^ +XENNET_LOG_\w+ = (\d+),? +// (.*)$", text,
                                                               re.MULTILINE)}


def in_words(line):
    """The entry with its meaning and its values; any other line as it is."""
    found = ENTRY.match(line)
    if not found or int(found.group(1), 16) not in meanings():
        return line
    what, _, then = meanings()[int(found.group(1), 16)].partition("then: ")
    values = [int(value, 16) for value in re.findall(r"0x[0-9a-f]+|0\b", found.group(2))]
    parts = [f"{name.strip()} {value:#x}" if value > 0xffff else f"{name.strip()} {value}"
             for name, value in zip(then.split(", "), values)]
    return f"{line}: {'; '.join(text for text in (what.strip('; '), ', '.join(parts)) if text)}"
