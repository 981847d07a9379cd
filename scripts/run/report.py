# SPDX-License-Identifier: BSD-2-Clause
"""What the user sees: the status line a second, the summary table, and the same for programs."""

import json
import time

from scripts.cli import Stop

# The figures that --json always has, in this order; null where a piece was not run or did not work.
FIGURES = (
    "driver", "xenvif", "root_device", "windows", "ndis", "vif", "queues", "queues_used", "mtu", "mac", "offloads",
    "bypass",
    "ping4_ms", "ping6_ms", "tcp4_out_gbps", "tcp4_in_gbps", "tcp6_out_gbps", "tcp6_in_gbps",
    "udp_out_packets", "udp_out_lost", "udp_out_overflows", "udp_in_packets", "udp_in_lost", "udp_in_overflows",
    "udp4_blocks_offloaded", "udp4_blocks", "udp6_blocks_offloaded", "udp6_blocks",
    "udp4_blocks_joined", "udp4_blocks_in", "udp6_blocks_joined", "udp6_blocks_in",
    "datagrams4_equal", "datagrams6_equal", "download_bytes", "download4_ok", "download6_ok", "download4_gbps",
    "download6_gbps", "upload4_ok", "upload6_ok", "upload4_gbps", "upload6_gbps",
    "life", "tx_packets", "tx_bytes", "rx_packets", "rx_bytes", "tx_ndis_calls", "rx_ndis_calls", "doorbells",
    "tx_failed", "drops", "remarks", "driver_counters", "driver_queues",
    "capture_bytes", "capture_left_out", "max_resident_kb", "leaks", "event_log", "command_status", "failures", "ok",
)


def per_call(packets, calls):
    return f"{packets / calls:.1f}" if calls else "-"


class StatusLine:
    """Turns the testbed's cumulative counters into rates. Called once a second by the thread that reads them."""

    def __init__(self, screen, queues):
        self._screen = screen
        self._queues = queues
        self._before = None
        self._phases = []   # (when it began, its name), the oldest first
        self._measured = time.monotonic()

    def begin(self, name):
        """A piece of the show begins."""
        self._phases.append((time.monotonic(), name))

    def _measured_phase(self):
        """The piece that took the most of the time since the last line."""
        now, best, longest = time.monotonic(), "", 0
        phases = self._phases[-32:]
        for (began, name), (ended, _) in zip(phases, [*phases[1:], (now, "")]):
            share = ended - max(began, self._measured)
            if share > longest:
                best, longest = name, share
        self._measured = now
        return best

    def __call__(self, now):
        before, self._before = self._before, now
        doing = self._measured_phase()
        if before is None:
            return
        seconds = now["seconds"] - before["seconds"]
        if seconds <= 0:
            return
        delta = {name: now[name] - before[name] for name in now if isinstance(now[name], int) and name in before}
        self._screen.status(
            f"{doing:<18} out {delta['tx_packets'] / seconds:>9,.0f} packets/s "
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
    if figures["root_device"]:
        return (f"{figures['driver']} on {figures['windows']} (NDIS {figures['ndis']}), MTU {figures['mtu']}, its "
                f"device {figures['root_device']}: no XenVif beneath it and no wire to this testbed; its life and its "
                "sends are shown")
    beneath = f"{figures['xenvif']}, " if figures["xenvif"] else ""
    return (f"{figures['driver']} on {figures['windows']} (NDIS {figures['ndis']}), {beneath}VIF {figures['vif']}, "
            f"{figures['queues']} queue{plural(figures['queues'])}, MTU {figures['mtu']}")


def plural(count):
    return "" if count == 1 else "s"


def summary(figures, shown):
    """The table at the end, as lines. `shown`: the show ran, not a command of the user's."""
    lines = [""]
    if figures["life"]:
        lines += life_lines(figures)
    elif shown and not figures["root_device"]:
        lines += [f"{'':<20}{'IPv4':>16}{'IPv6':>16}",
                  row("ping", pair(figures, "ping{}_ms", "{:.3f} ms")),
                  row("TCP out, one flow", pair(figures, "tcp{}_out_gbps", "{:.2f} Gb/s")),
                  row("TCP in, one flow", pair(figures, "tcp{}_in_gbps", "{:.2f} Gb/s")),
                  row(f"download {figures['download_bytes'] // 1000000} MB",
                      pair(figures, "download{}_gbps", "{:.2f} Gb/s")),
                  row("SHA-256", pair(figures, "download{}_ok", None)),
                  row("upload", pair(figures, "upload{}_gbps", "{:.2f} Gb/s")),
                  row("SHA-256", pair(figures, "upload{}_ok", None)),
                  row("UDP, both ways", pair(figures, "datagrams{}_equal", "{} equal")), ""]
        lines += [udp_line(figures, way) for way in ("out", "in") if figures[f"udp_{way}_packets"]]
        lines += [blocks_line(figures, family, *what) for what in BLOCKS for family in (4, 6)
                  if figures[f"udp{family}_{what[2]}"]]
    if figures["tx_packets"] is not None:
        for way, name in (("out", "tx"), ("in", "rx")):
            packets, calls = figures[f"{name}_packets"], figures[f"{name}_ndis_calls"]
            through = "" if figures["bypass"] else f" in {calls:,} NDIS calls, {per_call(packets, calls)} a call"
            lines.append(f"{'packets ' + way:<20}{packets:,}{through}")
        if not figures["root_device"]:
            lines.append(f"queues used         {figures['queues_used']} of {figures['queues']}")
    if figures["capture_bytes"] is not None:
        left = figures["capture_left_out"]
        lines.append(f"capture             {figures['capture_bytes'] / 1e6:,.1f} MB"
                     + (f", {left:,} frames left out: raise --pcap-limit, or lower --pcap-bytes" if left else ""))
    if figures["drops"]:
        drops = ", ".join(f"{name} {count:,}" for name, count in figures["drops"].items())
        lines.append(f"dropped by driver   {drops}")
    if figures["remarks"]:
        lines.append("remarks")
        lines += [f"  {remark}" for remark in figures["remarks"]]
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


def life_lines(figures):
    """What a driver without a wire was seen to do."""
    life, sent, failed = figures["life"], figures["tx_packets"] or 0, figures["tx_failed"] or 0
    return [f"{'wire':<20}none: {figures['root_device']} is a device without a XenVif",
            f"{'sends':<20}{sent:,}, each completed; {failed:,} refused by the driver or kept back by a pause",
            f"{'life':<20}{life['pauses']} pauses, {life['sleeps']} times D3, {life['resets']} resets",
            f"{'OIDs':<20}{life['oids_answered']:,} of {life['oids']:,} queries answered", ""]


def udp_line(figures, way):
    lost, packets, overflows = (figures[f"udp_{way}_{name}"] for name in ("lost", "packets", "overflows"))
    late = f", {overflows:,} dropped by a full receiving socket" if overflows else ""
    return f"{'UDP ' + way:<20}{lost:,} of {packets:,} datagrams lost{late}"


# Datagrams of 1,400 bytes that are sent in blocks of 64 KB: cut by the driver, or before it; joined by it, or not.
BLOCKS = (("out", "blocks_offloaded", "blocks", "USO"), ("in", "blocks_joined", "blocks_in", "URO"))


def blocks_line(figures, family, name, large, small, offload):
    offloaded, plain = figures[f"udp{family}_{large}"], figures[f"udp{family}_{small}"]
    return (f"{f'64 KB UDP {name}, IPv{family}':<20}{offloaded:,.0f} datagrams/s with {offload}, {plain:,.0f} without: "
            f"{offloaded / plain:.1f} times")


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
    """The whole file at once, so that a reader never meets half of it; a device or a pipe is written to as it is."""
    text = json.dumps({name: figures.get(name) for name in FIGURES}, indent=2) + "\n"
    try:
        if path.exists() and not path.is_file():
            path.write_text(text)
            return
        fresh = path.with_name(path.name + ".new")
        fresh.write_text(text)
        fresh.replace(path)
    except OSError as error:
        raise Stop(f"--json {path} could not be written: {error.strerror}", 1) from None
