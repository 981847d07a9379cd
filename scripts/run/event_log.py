# SPDX-License-Identifier: BSD-2-Clause
"""XenNet's own entries in the event log, in the sentences of its message table (src/xennet/events.ini), as Windows'
Event Viewer shows them."""

import functools
import re

from scripts.build import events

ENTRY = re.compile(r"\bevent 0x[0-9a-f]{8} \((\d+)\)(?:: (.*))?$")


@functools.lru_cache(None)
def texts():
    return {event.number: event.text for event in events.read()}


def in_words(line):
    """The entry with its sentence, the values in their places; any other line as it is."""
    found = ENTRY.search(line)
    if not found or int(found.group(1)) not in texts():
        return line
    values = (found.group(2) or "").split(", ")
    sentence = re.sub(r"%(\d+)", lambda place: values[int(place[1]) - 2] if int(place[1]) - 2 < len(values) else "?",
                      texts()[int(found.group(1))])
    return f"{line}: {sentence}"
