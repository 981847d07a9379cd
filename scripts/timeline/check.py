#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Does a timeline keep to the trace-event format, so that Perfetto and chrome://tracing show all of it?

usage: check.py FILE

Held against the format's description: what each phase of an event must have, spans of one lane that lie in each other
or apart, arrows that begin once and bind to a slice that is there, and a name for each lane. Prints what is in the
file, or what is wrong.
"""

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

NEEDS = {
    "X": {"name": str, "ts": (int, float), "dur": (int, float), "pid": int, "tid": int, "cat": str},
    "B": {"name": str, "ts": (int, float), "pid": int, "tid": int, "cat": str},
    "i": {"name": str, "ts": (int, float), "pid": int, "tid": int, "s": str, "cat": str},
    "C": {"name": str, "ts": (int, float), "pid": int, "cat": str, "args": dict},
    "M": {"name": str, "pid": int, "args": dict},
    **{phase: {"name": str, "ts": (int, float), "pid": int, "tid": int, "id": int, "cat": str} for phase in "stf"},
}
SCOPES = ("g", "p", "t")
MAX_WRONG = 20
SLACK = 0.0005    # microseconds: times are written in thousandths of one


def wrong_events(events):
    """What does not keep to the format by itself."""
    for number, event in enumerate(events):
        phase = event.get("ph")
        if phase not in NEEDS:
            yield f"event {number}: the phase {phase!r} is not one that is written here"
            continue
        for member, kind in NEEDS[phase].items():
            if not isinstance(event.get(member), kind) or isinstance(event.get(member), bool):
                yield f"event {number} ({phase}): {member} is {event.get(member)!r}"
        if phase == "i" and event.get("s") not in SCOPES:
            yield f"event {number}: an instant of the scope {event.get('s')!r}"
        if phase == "C" and not all(isinstance(value, (int, float)) for value in event.get("args", {}).values()):
            yield f"event {number}: a counter that is no number"
        if event.get("ts", 0) < 0 or event.get("dur", 0) < 0:
            yield f"event {number}: a time before the beginning"


def wrong_spans(events):
    """Spans of one lane that overlap without one holding the other."""
    lanes = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            lanes[event["pid"], event["tid"]].append(event)
    for lane, spans in lanes.items():
        spans.sort(key=lambda span: (span["ts"], -span["dur"]))
        open_until = []
        for span in spans:
            end = span["ts"] + span["dur"]
            while open_until and open_until[-1][0] <= span["ts"] + SLACK:
                open_until.pop()
            if open_until and end > open_until[-1][0] + SLACK:
                yield (f"lane {lane}: {span['name']} from {span['ts']} to {end} begins in {open_until[-1][1]} and ends "
                       f"after it, at {open_until[-1][0]}")
            open_until.append((end, span["name"]))


def wrong_arrows(events):
    """Arrows without a beginning, and points of them that bind to no slice."""
    slices = {(event["pid"], event["tid"], event["ts"]) for event in events if event["ph"] == "X"}
    begun = Counter(event["id"] for event in events if event["ph"] == "s")
    for event in events:
        if event["ph"] in "stf":
            if (event["pid"], event["tid"], event["ts"]) not in slices:
                yield f"the arrow {event['id']} points at no slice at {event['ts']}"
    for flow, count in begun.items():
        if count != 1:
            yield f"the arrow {flow} begins {count} times"


def wrong_lanes(events):
    """Lanes that have no name."""
    named = {(event["pid"], event["tid"]) for event in events if event["ph"] == "M" and event["name"] == "thread_name"}
    for lane in sorted({(event["pid"], event["tid"]) for event in events if event["ph"] in "XB"} - named):
        yield f"the lane {lane} has no name"


def check(path):
    """(the document, what is wrong with it)."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        return None, [f"no JSON: {error}"]
    events = document.get("traceEvents") if isinstance(document, dict) else None
    if not isinstance(events, list):
        return document, ["there is no list traceEvents"]
    wrong = list(wrong_events(events))
    if not wrong:
        wrong = [*wrong_spans(events), *wrong_arrows(events), *wrong_lanes(events)]
    return document, wrong


def journeys(events):
    """{number of a packet: its points in order}, each the name of the slice that it binds to."""
    names = {(event["pid"], event["tid"], event["ts"]): event["name"] for event in events
             if event["ph"] == "X" and event["cat"] == "packet"}
    found = defaultdict(list)
    for event in sorted((event for event in events if event["ph"] in "stf"), key=lambda event: event["ts"]):
        found[event["id"]].append(names.get((event["pid"], event["tid"], event["ts"])))
    return found


def main(arguments):
    if len(arguments) != 1:
        return __doc__
    document, wrong = check(arguments[0])
    if wrong:
        return "\n".join(wrong[:MAX_WRONG])
    kinds = Counter(event.get("cat", event["name"]) for event in document["traceEvents"])
    print(", ".join(f"{name} {count}" for name, count in kinds.most_common()))
    print(f"{len(journeys(document['traceEvents']))} packets followed")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
