# SPDX-License-Identifier: BSD-2-Clause
"""The page of one run of run.py: what it carried, over time, and what it cost."""

import os
import platform
import shlex
import subprocess
import sys

from scripts.cli import ROOT
from scripts.report import page, plots
from scripts.report.rates import Rates, percentile

# Where the testbed counts what did not get through, beside the driver's own reasons.
ELSEWHERE = (("tx_failed", "sends that the driver completed with a failure"),
             ("backend_tx_errors", "requests that the backend refused"),
             ("backend_rx_dropped", "frames that the backend dropped, the driver being slow"),
             ("backend_tx_csum_wrong", "frames that left with a wrong checksum"),
             ("guest_refused", "frames that the guest's TCP/IP stack did not take"),
             ("wire_refused", "frames that the wire's TCP/IP stack did not take"))
SHARES = (50, 90, 99)


def write(path, data):
    """`figures` as --json has them, `samples` and `pieces` of scripts/run/series.py, `latency`: {what: round trips in
    microseconds}, `argv`: run.py's own arguments."""
    figures = data["figures"]
    out = page.Page("XenNet: a run of run.py")
    head(out, figures, data["argv"])
    over_time(out, data["samples"], data["pieces"])
    latencies(out, data["latency"])
    drops(out, figures, data["samples"])
    offloads(out, figures)
    table_of(out, figures)
    versions(out, figures)
    out.write(path)


def head(out, figures, argv):
    if figures["ok"]:
        out.verdict(True, "Everything worked.")
    else:
        out.verdict(False, "Something did not work.")
        for failure in figures["failures"]:
            out.text(failure)
    beneath = "two TAP devices joined without a driver" if figures["bypass"] else figures["driver"] or "no driver ran"
    out.prose(f"{beneath}; {figures['windows'] or 'no Windows'}; {figures['queues']} queues, MTU {figures['mtu']}. "
              "“Out” is from the guest to the wire, “in” the other way.")
    out.prose("./run.py " + shlex.join(argv), "soft")
    if figures["event_log"]:
        out.section("Event log", "What the driver wrote into the system log; docs/troubleshooting.md has a row for "
                    "each.")
        out.text("\n".join(figures["event_log"]))


def over_time(out, samples, pieces):
    rates = Rates(samples)
    if not rates.x:
        out.section("Over time", "The run ended before there were two samples.")
        return
    out.section("Throughput", "Grey bands are every second piece of the show; the pieces are listed below.")
    seconds = "seconds since the adapter was up"
    out.plot("throughput", plots.lines("throughput", rates.x, {
        "out": rates.a_second("tx_bytes", 8e-9), "in": rates.a_second("rx_bytes", 8e-9)}, seconds, "Gb/s", pieces),
             "Throughput at the driver's upper edge.")
    out.plot("packets", plots.lines("packets", rates.x, {
        "out": rates.a_second("tx_packets", 1e-3), "in": rates.a_second("rx_packets", 1e-3)}, seconds,
                                    "thousand packets/s", pieces),
             "Packets a second. A large send or a coalesced receive is one packet.")
    if pieces:
        out.table([[round(first, 1), round(last, 1), name] for first, last, name in pieces],
                  ("from (s)", "to (s)", "piece"))
    if any(rates.delta("tx_ndis_calls")):
        out.section("Batches", "More packets in a call cost less each.")
        out.plot("calls", plots.lines("calls", rates.x, {
            "sent, a send call": rates.ratio("tx_packets", "tx_ndis_calls"),
            "received, an indication": rates.ratio("rx_packets", "rx_ndis_calls")}, seconds, "packets/NDIS call",
                                      pieces), "Packets in one NDIS call.")
        both = [{"seconds": sample["seconds"], "doorbells": sample["doorbells"],
                 "packets": sample["tx_packets"] + sample["rx_packets"]} for sample in samples]
        if any(Rates(both).delta("doorbells")):
            out.plot("doorbells", plots.lines("doorbells", rates.x, {
                "both directions": Rates(both).ratio("packets", "doorbells")}, seconds, "packets/doorbell", pieces,
                                              scale="log"),
                     "Packets for each event that is sent to the backend.")
    queues_and_processors(out, rates, seconds, pieces)


def queues_and_processors(out, rates, seconds, pieces):
    sent, received = rates.lists("queue_tx"), rates.lists("queue_rx")
    busy = rates.busy()
    if not sent and not busy:
        return
    out.section("Queues and processors")
    if sent:
        spans = [after["seconds"] - before["seconds"] for before, after in rates.pairs]
        out.plot("queues", plots.lines("queues", rates.x, {
            f"queue {index}": [(one + other) / 1e3 / span
                               for one, other, span in zip(sent[index], received[index], spans)]
            for index in sent}, seconds, "thousand packets/s", pieces, stacked=True),
                 "Packets of each queue, both directions, one on the other.")
        total = sum(map(sum, sent.values())) + sum(map(sum, received.values())) or 1
        out.table([[f"queue {index}", sum(sent[index]), sum(received[index]),
                    f"{100 * (sum(sent[index]) + sum(received[index])) / total:.0f} %"] for index in sent],
                  ("", "sent", "received", "share"))
    if busy:
        out.plot("processors", plots.lines("processors", rates.x, {
            f"processor {index}": values for index, values in busy.items()}, seconds, "% of a host processor", pieces),
                 "Time that the tasks of each simulated processor used: the driver, and the testbed around it.")


def latencies(out, latency):
    samples = {what: values for what, values in latency.items() if values}
    if not samples:
        return
    out.section("Latency", "Round trips one at a time, each through the driver both ways.")
    out.plot("latency", plots.distribution("latency", samples, "microseconds"),
             "How many round trips took at most so long.")
    out.table([[what, len(values), *(float(percentile(values, share)) for share in SHARES), float(max(values))]
               for what, values in samples.items()],
              ("", "round trips", *(f"{share} % within (µs)" for share in SHARES), "longest (µs)"))


def drops(out, figures, samples):
    last = samples[-1] if samples else {}
    rows = [[name, count] for name, count in (figures["drops"] or {}).items()]
    rows += [[f"{name}: {what}", last[name]] for name, what in ELSEWHERE if last.get(name)]
    out.section("Drops", "By reason; docs/troubleshooting.md says what to do about each. Everything else is zero."
                if rows else "None, by any reason.")
    if rows:
        out.plot("drops", plots.bars("drops", {row[0].partition(":")[0]: row[1] for row in rows}, "packets"),
                 "Packets that did not get through.")
        out.table(rows, ("reason", "packets"))


def offloads(out, figures):
    out.section("Offloads")
    if not figures["offloads"]:
        out.prose("None are in use.")
        return
    out.prose("In use: " + ", ".join(figures["offloads"]) + ".")
    counters = figures["driver_counters"] or {}
    rows = [["packets received coalesced", counters.get("ReceiveCoalescedPackets")],
            ["segments in them", counters.get("ReceiveCoalescedSegments")]]
    out.table([row for row in rows if row[1] is not None])


def table_of(out, figures):
    out.section("Every figure", "As --json has them.")
    out.table([[name, value] for name, value in figures.items()
               if value is not None and not isinstance(value, (list, dict))])
    if figures["driver_counters"]:
        out.section("The driver's counters")
        out.table(list(map(list, figures["driver_counters"].items())))


def versions(out, figures):
    out.section("Versions")
    out.table([["driver", figures["driver"]], ["XenVif", figures["xenvif"] or "the testbed's stand-in"],
               ["VIF", figures["vif"]], ["Windows", figures["windows"]], ["NDIS", figures["ndis"]],
               ["source", revision()], ["host", f"{platform.system()} {platform.release()}, {os.cpu_count()} "
                                                "processors"],
               ["Python", sys.version.split()[0]], ["matplotlib", plots.matplotlib.__version__]])


def revision():
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True,
                          check=False)
    return done.stdout.strip() or "not a clone"
