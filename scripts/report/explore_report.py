# SPDX-License-Identifier: BSD-2-Clause
"""The page of one run of explore.py: how far it came, what it did, and what failed."""

import shlex

from scripts.report import page, plots

SHOWN_FAILURES = 20


def write(path, data):
    failures, done = data["failures"], data["done"]
    out = page.Page("XenNet: a run of explore.py")
    out.verdict(not failures, "No list failed." if not failures else
                f"{len(failures)} of {data['lists']} lists failed.")
    out.prose("./explore.py " + shlex.join(data["argv"]), "soft")
    out.table([["operations", data["operations"]], ["could not be done where they stood", data["skipped"]],
               ["lists", data["lists"]], ["calls into the driver", data["calls"]],
               ["frames accounted for in calm", data["frames"]],
               ["seconds", round(data["seconds"], 1)]])
    if data["history"]:
        out.section("Progress")
        out.plot("progress", plots.lines("progress", [at for at, _ in data["history"]],
                                         {"operations": [count for _, count in data["history"]]}, "seconds",
                                         "operations"), "Operations that have been done.")
    if done:
        out.section("What was done")
        out.plot("operations", plots.bars("operations", dict(sorted(done.items(), key=lambda item: -item[1])),
                                          "times"), "How often each operation was done.")
    if failures:
        out.section("Failures", "Each seed runs again with ./explore.py --operations 1 --seed SEED.")
        for failure, reason in list(zip(failures, data["reasons"]))[:SHOWN_FAILURES]:
            out.prose(f"seed {failure['seed']}: {reason}")
            out.text(failure["text"].strip()[-4000:])
    out.write(path)
