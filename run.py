#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
''':'
# A bare Debian has no Python yet. The shell reads this far: it installs one and hands over; to Python this is a string.
if ! command -v python3 > /dev/null; then
    echo "installing python3"
    { apt-get update &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3; } > /dev/null 2>&1 ||
        { echo "run.py: python3 is missing and cannot be installed: run as root with a package archive in reach" >&2
          exit 2; }
fi
exec python3 "$0" "$@"
'''
"""Show xennet.sys carrying real traffic on this machine. See ./run.py --help."""

import os
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
if sys.version_info < (3, 8):
    sys.exit("run.py: this Python is older than 3.8: use Debian 12's python3")

from scripts import cli, packages
from scripts.build import made
from scripts.report import failure_folder, maker as report_page
from scripts.run import machine, namespaces, options as cli_run, report
from scripts.run.bed import Bed, BedEnded
from scripts.run.children import Children
from scripts.run.series import Series
from scripts.run.show import Show
from scripts.run.traffic import Traffic, TrafficFailed
from scripts.run.command import argv_of, run_command
from scripts.xenrig import bed as xenbed, guest_bed
from scripts.xenrig.traffic import XenTraffic


DEBUGGER_SECONDS = 30    # to end, when nothing is left to look at
DEBUG_PATIENCE = 1000   # times as long as usual: somebody looks at what stands still


def prepare(options, screen):
    """Everything that must be there before traffic can flow. With --xen: what to boot."""
    if not options.xen:
        machine.check()
    packages.ensure((packages.XEN if options.xen else packages.RUN) + (packages.PLOT if options.report else ()) +
                    (packages.DEBUGGER if options.debug else ()), screen.line)
    with made.one_at_a_time(screen.line):
        if options.own_driver and not options.bypass:
            if options.checked:
                options.driver, options.inf = made.checked_driver(screen.line, options.windows)
            elif options.races:
                options.driver, options.inf = made.races_driver(screen.line, options.windows)
            else:
                made.driver(screen.line, ["x64"])
                options.driver, options.inf = made.package(options.windows)
        made.testbed(screen.line)
        if options.xen_guest:
            return guest_bed.prepare(screen.line)
        return xenbed.prepare(screen.line) if options.xen else None


def open_bed(children, options, on_status, screen, parts):
    """The testbed on this machine, or in a Xen machine that is booted for it."""
    if not options.xen:
        return Bed(children, options, on_status, screen.line)
    files = xenbed.bed_files(options.driver, options.inf, options.xenvif, options.xenvif_inf)
    if options.xen_guest:
        return guest_bed.GuestBed(guest_bed.boot(children, parts, files, screen.line, options.xen_guest), options,
                                  on_status, screen.line)
    rig = xenbed.boot(children, parts, files, screen.line)
    return xenbed.XenBed(rig, options, on_status, screen.line)


def connect(options, bed, children):
    """Addresses on both sides; the traffic that can flow between them."""
    if options.xen:
        bed.configure()
        return XenTraffic(bed)
    namespaces.configure(bed)
    traffic = Traffic(bed, children)
    if options.debug:
        traffic.patience = DEBUG_PATIENCE
    return traffic


def carry(options, argv, screen, show, parts):
    """One testbed, from start to stop; the exit status of the user's command, or None."""
    if options.debug:
        screen = cli.Screen(open(os.devnull, "w", encoding="utf-8"))  # the terminal is the debugger's
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    status_line = report.StatusLine(screen, options.queues)
    status_line = show.series = Series(status_line if argv is None else None)
    command_status = None
    with Children() as children:
        with open_bed(children, options, status_line, screen, parts) as bed:
            show.bed = bed
            show.started(bed)
            screen.line(report.describe(show.figures))
            try:
                traffic = connect(options, bed, children)
                if argv:
                    command_status = run_command(argv, bed, traffic, children)
                else:
                    show.run(traffic, status_line, screen)
                if bed.debugger and not options.debug_commands:
                    bed.debugger.wait()     # somebody is at it; a file of commands may well wait for the testbed's end
            except (BedEnded, TrafficFailed) as failed:
                show.fail(str(failed))
            finally:
                screen.clear()
        if bed.debugger:
            end_debugger(bed.debugger)
        show.ended(bed)
    return command_status


def end_debugger(debugger):
    """Its last words, once the testbed has ended."""
    try:
        debugger.wait(DEBUGGER_SECONDS)
    except subprocess.TimeoutExpired:
        pass    # it ends with the other children


def attempt(options, screen, show):
    """Everything from the build to the summary; the exit status."""
    argv = argv_of(options)
    parts = prepare(options, screen)
    if not (options.xen or options.bypass or options.pcap):
        options.last_packets = failure_folder.place_for_packets()
    status = carry(options, argv, screen, show, parts)
    show.figures["command_status"] = status
    for line in report.summary(show.figures, shown=argv is None):
        screen.line(line)
    if not show.figures["ok"]:
        return status or 1
    return status or 0


def findings(show, arguments):
    """What a report is made of."""
    return {"figures": {name: show.figures.get(name) for name in report.FIGURES}, "samples": show.series.samples,
            "pieces": show.series.pieces(), "latency": show.latency, "argv": arguments}


def command(arguments):
    options = cli_run.read(arguments)
    screen = cli.Screen()
    if options.open:
        return failure_folder.show(options.open, screen.line)
    show = Show(options)
    if options.json and options.json.is_file():
        options.json.unlink()  # what is there at the end is of this run
    try:
        return attempt(options, screen, show)
    except cli.Stop as stop:
        show.stopped(stop.text)
        raise
    except KeyboardInterrupt:
        show.stopped("stopped by a signal")
        raise
    finally:
        if options.json:
            report.write_json(options.json, show.figures)
        if options.report and show.series:
            report_page.write("run", options.report, findings(show, arguments))
            screen.line(f"report              {options.report}")
        if show.series and show.figures["failures"]:
            left = failure_folder.leave(options, show, findings(show, arguments), screen.kept)
            screen.line(f"left for you        ./run.py --open {left}")
        if options.last_packets:
            options.last_packets.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(cli.main(command))
