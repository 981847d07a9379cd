# SPDX-License-Identifier: BSD-2-Clause
"""What a run did over time: every status event of the testbed, and when each piece of the show began.

Stands between the testbed and the status line for --report: the testbed then reports several times a second, and the
status line still gets an event a second. Called by the thread that reads the events.
"""

import time

SAMPLE_MS = 200
STATUS_SECONDS = 0.95


class Series:
    def __init__(self, status_line):
        self.samples = []      # status events, the oldest first
        self.phases = []       # (seconds of the testbed's clock, name)
        self._status_line = status_line
        self._shown = None     # testbed's seconds of the event that the status line had last
        self._clock = None     # time.monotonic() less the testbed's seconds
        self._begun = []       # (time.monotonic(), name)

    def __call__(self, event):
        if self._clock is None:
            self._clock = time.monotonic() - event["seconds"]
        self.samples.append(event)
        if self._shown is None or event["seconds"] - self._shown >= STATUS_SECONDS:
            self._shown = event["seconds"]
            if self._status_line is not None:
                self._status_line(event)

    def begin(self, name):
        self._begun.append((time.monotonic(), name))
        if self._status_line is not None:
            self._status_line.begin(name)

    def pieces(self):
        """(first second, last second, name) of each piece of the show."""
        if self._clock is None or not self.samples:
            return []
        ends = [at for at, _ in self._begun[1:]] + [self._clock + self.samples[-1]["seconds"]]
        return [(at - self._clock, end - self._clock, name) for (at, name), end in zip(self._begun, ends)
                if end > at]
