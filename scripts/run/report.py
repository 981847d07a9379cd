# SPDX-License-Identifier: BSD-2-Clause
"""What the user sees: the status line a second, the summary table, and the same for programs."""

import json

# The figures that --json always has, in this order; null where a piece was not run or did not work.
FIGURES = (
    "driver", "xenvif", "windows", "ndis", "vif", "queues", "queues_used", "mtu", "mac", "offloads", "bypass",
    "ping4_ms", "ping6_ms", "tcp4_out_gbps", "tcp4_in_gbps", "tcp6_out_gbps", "tcp6_in_gbps",
    "udp_packets", "udp_lost", "udp_overflows", "download_bytes", "download4_ok", "download6_ok", "download4_gbps",
    "download6_gbps",
    "tx_packets", "tx_bytes", "rx_packets", "rx_bytes", "tx_ndis_calls", "rx_ndis_calls", "doorbells",
    "max_resident_kb", "leaks", "event_log", "command_status", "failures", "ok",
)


def per_call(packets, calls):
    return f"{packets / calls:.1f}" if calls else "-"


class StatusLine:
    """Turns the testbed's cumulative counters into rates. Called once a second by the thread that reads them."""

    def __init__(self, screen, queues):
        self._screen = screen
        self._queues = queues
        self._before = None
        self.doing = ""

    def __call__(self, now):
        before, self._before = self._before, now
        if before is None:
            return
        seconds = now["seconds"] - before["seconds"]
        if seconds <= 0:
            return
        delta = {name: now[name] - before[name] for name in now if isinstance(now[name], int) and name in before}
        self._screen.status(
            f"{self.doing:<16} out {delta['tx_packets'] / seconds:>9,.0f} packets/s "
            f"{delta['tx_bytes'] * 8e-9 / seconds:6.2f} Gb/s"
            f" | in {delta['rx_packets'] / seconds:>9,.0f} packets/s {delta['rx_bytes'] * 8e-9 / seconds:6.2f} Gb/s"
            f" | packets/NDIS call {per_call(delta['tx_packets'], delta['tx_ndis_calls'])} out"
            f" {per_call(delta['rx_packets'], delta['rx_ndis_calls'])} in"
            f" | {now['queues_used']} of {self._queues} queues")


def describe(figures):
    """One line: what ran."""
    if figures["bypass"]:
        return (f"two TAP devices joined without a driver, {figures['queues']} queue{plural(figures['queues'])}, MTU "
                f"{figures['mtu']}")
    beneath = f"{figures['xenvif']}, " if figures["xenvif"] else ""
    return (f"{figures['driver']} on {figures['windows']} (NDIS {figures['ndis']}), {beneath}VIF {figures['vif']}, "
            f"{figures['queues']} queue{plural(figures['queues'])}, MTU {figures['mtu']}")


def plural(count):
    return "" if count == 1 else "s"


def summary(figures, shown):
    """The table at the end, as lines. `shown`: the show ran, not a command of the user's."""
    lines = [""]
    if shown:
        lines += [f"{'':<20}{'IPv4':>16}{'IPv6':>16}",
                  row("ping", pair(figures, "ping{}_ms", "{:.3f} ms")),
                  row("TCP out, one flow", pair(figures, "tcp{}_out_gbps", "{:.2f} Gb/s")),
                  row("TCP in, one flow", pair(figures, "tcp{}_in_gbps", "{:.2f} Gb/s")),
                  row(f"download {figures['download_bytes'] // 1000000} MB",
                      pair(figures, "download{}_gbps", "{:.2f} Gb/s")),
                  row("SHA-256", pair(figures, "download{}_ok", None)), ""]
        if figures["udp_packets"]:
            late = (f", {figures['udp_overflows']:,} dropped by a full receiving socket" if figures["udp_overflows"]
                    else "")
            lines.append(f"UDP out             {figures['udp_lost']:,} of {figures['udp_packets']:,} datagrams "
                         f"lost{late}")
    if figures["tx_packets"] is not None:
        for way, name in (("out", "tx"), ("in", "rx")):
            packets, calls = figures[f"{name}_packets"], figures[f"{name}_ndis_calls"]
            through = "" if figures["bypass"] else f" in {calls:,} NDIS calls, {per_call(packets, calls)} a call"
            lines.append(f"{'packets ' + way:<20}{packets:,}{through}")
        lines.append(f"queues used         {figures['queues_used']} of {figures['queues']}")
    if figures["leaks"] is not None:
        lines.append("left behind         " + ("nothing" if not figures["leaks"] else ""))
        lines += [f"  {leak}" for leak in figures["leaks"]]
    if figures["event_log"]:
        lines.append("event log")
        lines += [f"  {entry}" for entry in figures["event_log"]]
    if figures["failures"]:
        lines.append("failed")
        lines += ["  " + failure.replace("\n", "\n  ") for failure in figures["failures"]]
    return lines


def row(name, values):
    return f"{name:<20}{values[0]:>16}{values[1]:>16}"


def pair(figures, name, form):
    texts = []
    for family in (4, 6):
        value = figures[name.format(family)]
        if form is None:
            texts.append({True: "equal", False: "differs", None: "-"}[value])
        else:
            texts.append("-" if value is None else form.format(value))
    return texts


def write_json(path, figures):
    text = json.dumps({name: figures[name] for name in FIGURES}, indent=2)
    path.write_text(text + "\n")
