# SPDX-License-Identifier: BSD-2-Clause
"""What a run that failed leaves behind: a driver with a fault in it, its folder, and ./run.py --open."""

import json
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from scripts import packages
from scripts.build import made
from scripts.check import faults
from scripts.check.faults_table import FAULTS
from scripts.cli import ROOT, Stop
from scripts.report import failure_folder
from tests.support.traffic_bed import needs_traffic, run_py

FAULT = "a spin lock taken twice by two functions"


@needs_traffic
class FailureFolder(unittest.TestCase):
    def failed_run(self):
        """The folder of a run that a planted fault ended."""
        fault = next(fault for fault in FAULTS if fault.name == FAULT)
        faults.prepare()
        driver, line = faults.plant(fault)
        done = run_py("--driver", driver, "--inf", made.INF, "--", "ping", "-c", "3", "-w", "4", "198.18.0.1")
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        left = re.search(r"(?m)^left for you +\./run\.py --open (\S+)$", done.stdout)
        self.assertTrue(left, done.stdout)
        folder = ROOT / left.group(1)
        self.addCleanup(shutil.rmtree, folder, True)
        return folder, line

    def test_a_run_that_breaks_a_rule_leaves_all_that_is_needed_to_look_at_it(self):
        folder, line = self.failed_run()
        self.assertEqual({path.name for path in folder.iterdir()},
                         {"README.txt", "console.txt", "findings.json", "packets.pcapng", "images"})
        self.assertEqual({path.name for path in (folder / "images").iterdir()},
                         {"xennet.sys", "xennet.pdb", "xennet.inf"})
        console = (folder / "console.txt").read_text(encoding="utf-8")
        for words in ("rule lock:", "MiniportSend", line):
            self.assertIn(words, console)
        findings = json.loads((folder / "findings.json").read_text(encoding="utf-8"))
        self.assertIn("rule lock:", findings["figures"]["failures"][0])
        self.assertIn("--driver", findings["argv"])
        frames = subprocess.run(["tshark", "-r", str(folder / "packets.pcapng")], capture_output=True, text=True,
                                check=False)
        self.assertEqual(frames.returncode, 0, frames.stderr)
        self.assertGreaterEqual(len(frames.stdout.splitlines()), 1)

        done = run_py("--open", folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        for words in ("rule lock:", "step by step:", "--debug", f"{folder}/report.html", f"{folder}/packets.pcapng"):
            self.assertIn(words, done.stdout)
        self.assertIn("rule lock:", (folder / "report.html").read_text(encoding="utf-8"))


class Folders(unittest.TestCase):
    def test_only_the_newest_are_kept(self):
        with tempfile.TemporaryDirectory(prefix="xennet-") as place:
            before, failure_folder.FOLDER = failure_folder.FOLDER, Path(place)
            try:
                for number in range(failure_folder.KEPT + 2):
                    (Path(place) / f"run-2026010{number // 10}-{number:06}").mkdir()
                failure_folder.drop_oldest()
                names = sorted(path.name for path in Path(place).iterdir())
            finally:
                failure_folder.FOLDER = before
        self.assertEqual((len(names), names[0]), (failure_folder.KEPT, "run-20260100-000002"))

    def test_a_folder_that_is_none_is_named(self):
        packages.ensure(packages.RUN, lambda text: None)
        with self.assertRaisesRegex(Stop, "--open /tmp: this is no folder of a failed run"):
            failure_folder.show("/tmp", print)


if __name__ == "__main__":
    unittest.main()
