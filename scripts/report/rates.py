# SPDX-License-Identifier: BSD-2-Clause
"""Rates and shares between the samples of a run: counters that only rise, read several times a second."""


class Rates:
    """`x` is the middle of each interval, in seconds; every list has one value for each interval."""

    def __init__(self, samples):
        self.pairs = [(before, after) for before, after in zip(samples, samples[1:])
                      if after["seconds"] > before["seconds"]]
        self.x = [(before["seconds"] + after["seconds"]) / 2 for before, after in self.pairs]

    def delta(self, name):
        return [max(0, after.get(name, 0) - before.get(name, 0)) for before, after in self.pairs]

    def a_second(self, name, scale=1.0):
        return [delta * scale / (after["seconds"] - before["seconds"])
                for delta, (before, after) in zip(self.delta(name), self.pairs)]

    def ratio(self, above, below):
        """One counter for each of another; not a number where the other stood still."""
        return [one / other if other else float("nan") for one, other in zip(self.delta(above), self.delta(below))]

    def lists(self, name):
        """{index: increments} of a counter that is a list."""
        count = max((len(after.get(name, ())) for _, after in self.pairs), default=0)
        found = {index: [] for index in range(count)}
        for before, after in self.pairs:
            for index in range(count):
                values = [sample.get(name, ()) for sample in (before, after)]
                there = all(index < len(value) for value in values)
                found[index].append(max(0, values[1][index] - values[0][index]) if there else 0)
        return found

    def busy(self):
        """{processor: percent of the time that its tasks ran}."""
        seconds = [after["seconds"] - before["seconds"] for before, after in self.pairs]
        return {index: [used / 1e4 / span for used, span in zip(values, seconds)]
                for index, values in self.lists("processor_us").items()}


def percentile(values, share):
    """The value that `share` percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -(-len(ordered) * share // 100) - 1))]
