# SPDX-License-Identifier: BSD-2-Clause
"""A miniport for a software device, which has no XenVif beneath it and so no wire to the testbed: its life is shown.
The driver is tests/support/drivers/medium.c, compiled here; run.py is run as a user does."""

import json
import subprocess
import tempfile
import unittest
from pathlib import Path

from scripts.cli import ROOT
from tests.support.traffic_bed import ensure_built, needs_traffic, run_py

SOURCE = ROOT / "tests" / "support" / "drivers" / "medium.c"
IMPORTS = ("NdisMDeregisterMiniportDriver", "NdisMRegisterMiniportDriver", "NdisMSendNetBufferListsComplete",
           "NdisMSetMiniportAttributes")
MINGW = "/usr/share/mingw-w64/include"
INF = r"""[Version]
Signature = "$Windows NT$"
Class = Net
ClassGUID = {4d36e972-e325-11ce-bfc1-08002be10318}
Provider = "Test"
DriverVer = 01/01/2026,1.0.0.0
[Manufacturer]
"Test" = Models,NTamd64
[Models.NTamd64]
"Medium" = Install,ID
[Install]
Characteristics = 0x1
CopyFiles = Files
[Files]
medium.sys
[Install.Services]
AddService = medium,2,Service
[Service]
ServiceType = 1
StartType = 3
ErrorControl = 1
ServiceBinary = %12%\medium.sys
"""


@needs_traffic
class NoWire(unittest.TestCase):
    def setUp(self):
        ensure_built()
        folder = tempfile.TemporaryDirectory(prefix="xennet-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def built(self, *definitions, device=r"root\medium"):
        """The driver with its INF beside it."""
        def run(*argv):
            done = subprocess.run(argv, cwd=self.folder, capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            return done.stdout.strip()

        resources = run("clang-16", "-print-resource-dir")
        headers = [f"-isystem{folder}" for folder in (ROOT / "toolchain" / "include", f"{resources}/include", MINGW,
                                                      f"{MINGW}/ddk")]
        run("clang-16", "--target=x86_64-w64-windows-gnu", "-O1", "-g", "-gcodeview", "-ffreestanding", "-nostdinc",
            "-fms-extensions", "-fshort-wchar", "-mno-red-zone", "-mno-stack-arg-probe", "-fno-autolink",
            "-fasynchronous-unwind-tables", "-D_WIN32_WINNT=0x0601", "-DNTDDI_VERSION=0x06010000",
            "-DNDIS_MINIPORT_DRIVER=1", "-include", "annotations.h", *(f"-D{name}" for name in definitions), *headers,
            "-c", str(SOURCE), "-o", "medium.o")
        Path(self.folder, "ndis.def").write_text("LIBRARY ndis.sys\nEXPORTS\n" + "\n".join(IMPORTS) + "\n")
        run("llvm-dlltool-16", "-m", "i386:x86-64", "-d", "ndis.def", "-l", "ndis.lib")
        run("lld-link-16", "/driver", "/subsystem:native", "/entry:DriverEntry", "/nodefaultlib", "/debug",
            "/out:medium.sys", "medium.o", "ndis.lib")
        Path(self.folder, "medium.inf").write_text(INF.replace("Install,ID", f"Install,{device}"))
        return self.folder / "medium.sys"

    def test_its_life_and_its_sends_are_shown(self):
        figures = self.folder / "figures.json"
        done = run_py("--quick", "--guard-pages", "--driver", self.built(), "--json", figures)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("no wire to this testbed", done.stdout)
        self.assertIn(r"none: root\medium is a device without a XenVif", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^left behind +nothing$")
        for words in ("TCP out", "queues used", "SHA-256"):
            self.assertNotIn(words, done.stdout)
        found = json.loads(figures.read_text())
        self.assertEqual((found["root_device"], found["ok"]), (r"root\medium", True))
        self.assertGreater(found["tx_packets"], 100)
        self.assertGreaterEqual(found["life"]["rounds"], 2)
        self.assertGreaterEqual(found["life"]["pauses"], 2)
        self.assertGreaterEqual(found["life"]["sleeps"], 2)
        self.assertEqual(found["life"]["oids_answered"] * 6, found["life"]["oids"] * 5)  # it lists one for sets alone

    def test_a_send_that_never_comes_back_is_reported(self):
        done = run_py("--driver", self.built("MEDIUM_LOSES"))
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("rule ndis-pause: MiniportPause while 1 sends were outstanding", done.stdout)

    def test_an_adapter_that_does_not_wake_up_is_reported(self):
        done = run_py("--driver", self.built("MEDIUM_STAYS_DOWN"))
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertIn("the driver did not come back from D3", done.stdout)

    def test_a_command_has_the_guests_side(self):
        done = run_py("--driver", self.built(device="medium_alone"), "--", "ip", "-o", "link", "show", "xen0")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("xen0", done.stdout)

    def test_the_device_of_another_bus_is_refused(self):
        done = run_py("--driver", self.built(device=r"PCI\VEN_8086&DEV_100E"))
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn(r"PCI\VEN_8086&DEV_100E", done.stderr)

    def test_a_xenvif_beneath_it_is_refused(self):
        driver = self.built()
        Path(self.folder, "xenvif.inf").write_text("[Version]")
        Path(self.folder, "xenvif.sys").write_bytes(b"MZ")
        done = run_py("--driver", driver, "--xenvif", self.folder / "xenvif.sys")
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        self.assertIn("leave --xenvif out", done.stderr)


if __name__ == "__main__":
    unittest.main()
