# SPDX-License-Identifier: BSD-2-Clause
"""What a failed run leaves behind, as a crash dump does: enough to look at it without running it again.

  README.txt       what failed, the command line, what each file is
  console.txt      what run.py showed, and what the testbed and the driver printed
  findings.json    every sample and figure; report.html is made of it when somebody looks
  packets.pcapng   the newest frames at both edges, cut to 128 bytes
  timeline.json    of a run with --timeline
  images/          driver and XenVif, their INFs and PDBs
"""

import json
import os
import shlex
import shutil
import tempfile
import time
from pathlib import Path

from scripts import packages
from scripts.cli import ROOT, Stop
from scripts.report import maker

FOLDER = ROOT / "build" / "failures"
KEPT = 10          # folders; the oldest goes first
FILES = (("console.txt", "what was shown and printed"),
         ("report.html", "the run in plots: open it in a browser"),
         ("packets.pcapng", "the newest frames at both edges: wireshark or tshark -r"),
         ("timeline.json", "what happened when: ui.perfetto.dev"),
         ("images", "driver, INF and symbols: ./run.py --debug --driver loads them"))


def place_for_packets():
    """A path for --last-packets, which need not be kept."""
    number, path = tempfile.mkstemp(prefix="xennet-packets-", suffix=".pcapng")
    os.close(number)
    return Path(path)


def leave(options, show, findings, shown):
    """The new folder of a run that failed. `shown`: lines of the screen."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = fresh_folder()
    printed = show.bed.console() if show.bed else []
    (folder / "console.txt").write_text("\n".join([*shown, "", "--- the testbed and the driver ---", *printed, ""]),
                                        encoding="utf-8")
    (folder / "findings.json").write_text(json.dumps(findings), encoding="utf-8")
    for name, path in (("packets.pcapng", options.last_packets or options.pcap), ("timeline.json", options.timeline)):
        if path and path.exists() and path.stat().st_size:
            shutil.copyfile(path, folder / name)
    images = [path for path in (options.driver, options.inf, options.xenvif, options.xenvif_inf) if path]
    (folder / "images").mkdir()
    for path in [*images, *(Path(path).with_suffix(".pdb") for path in images)]:
        if Path(path).is_file():
            shutil.copyfile(path, folder / "images" / Path(path).name)
    (folder / "README.txt").write_text(readme(findings), encoding="utf-8")
    drop_oldest()
    return folder.relative_to(ROOT)


def fresh_folder():
    stem = time.strftime("run-%Y%m%d-%H%M%S")
    for number in range(1000):
        folder = FOLDER / (f"{stem}-{number}" if number else stem)
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            continue
    raise Stop(f"there are a thousand folders {FOLDER / stem}: remove some", 1)


def drop_oldest():
    folders = sorted(path for path in FOLDER.iterdir() if path.name.startswith("run-"))
    for folder in folders[:-KEPT]:
        shutil.rmtree(folder, ignore_errors=True)


def readme(findings):
    figures, argv = findings["figures"], findings["argv"]
    what = f"{figures['driver']} on {figures['windows']}, NDIS {figures['ndis']}, VIF {figures['vif']}"
    return "\n".join([f"A run of {what} failed.", "", *(f"  {line}" for failure in figures["failures"]
                                                        for line in failure.splitlines()), "",
                      f"again:          ./run.py {shlex.join(argv)}",
                      f"step by step:   ./run.py {shlex.join(argv)} --debug",
                      f"with a picture: ./run.py {shlex.join(argv)} --timeline timeline.json", ""])


def show(path, say):
    """--open: what there is; the page is made now."""
    folder = Path(path)
    if not (folder / "findings.json").is_file():
        raise Stop(f"--open {path}: this is no folder of a failed run: they are in {FOLDER.relative_to(ROOT)}")
    if not (folder / "report.html").exists():
        packages.ensure(packages.PLOT, say)
        maker.write("run", folder / "report.html",
                    json.loads((folder / "findings.json").read_text(encoding="utf-8")))
    say((folder / "README.txt").read_text(encoding="utf-8"))
    for name, what in FILES:
        if (folder / name).exists():
            say(f"{folder / name}: {what}")
    return 0
