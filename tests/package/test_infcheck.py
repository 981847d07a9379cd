# SPDX-License-Identifier: BSD-2-Clause
"""The INF of the build has no findings, and each rule broken once gives its finding and, mostly, no other."""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from scripts.build import templates
from scripts.inf import check as infcheck, network as inf_network, rules as inf_rules
from scripts.cli import ROOT
from scripts.inf.file import Inf

# (rule, pattern, replacement, words of the finding): the first match in the INF is replaced.
BROKEN = (
    ("version-header", r'"\$Windows NT\$"', '"$Windows 95$"', "Signature"),
    ("version-header", r"Class *= *Net\r", "Class = System\r", "Class and ClassGuid"),
    ("version-header", r"(DriverVer *= *)(\d\d)/(\d\d)/(\d{4})", r"\1\4-\2-\3", "DriverVer"),
    ("version-header", r"(DriverVer *=.*,)[\d.]+", r"\g<1>10.0.0", "DriverVer"),
    ("version-header", r"(DriverVer *=.*,)[\d.]+", r"\g<1>10.0.0.70000", "above 65535"),
    ("catalog-file", r"CatalogFile.*\r\n", "", "CatalogFile"),
    ("pnp-lockdown", r"PnpLockdown *= *1", "PnpLockdown = 0", "PnpLockdown"),
    ("string-defined", r"%DiskDesc%", "%NoSuchText%", "%NoSuchText%"),
    ("string-used", r"(\[Strings\]\r\n)", r'\1Spare = "spare"' + "\r\n", "nothing uses the string Spare"),
    ("string-used", r"(\[Strings\]\r\n)", r'\1Vendor = "x"' + "\r\n", "twice"),
    ("text-in-strings", r"%DiskDesc%", '"A disk"', "A disk"),
    ("text-in-strings", r"DisplayName *= *%XenNetName%", 'DisplayName = "Adapter"', "Adapter"),
    ("text-in-strings", r"(ParamDesc, *0, *)%RSS%", r'\1"Scaling"', "Scaling"),
    ("text-in-strings", r'(enum, "0", 0, )%\w+%', r'\1"Off"', "Off"),
    ("text-in-strings", r"%XenNetName%( *= *XenNet_Inst,)", r"Adapter\1", "device's name"),
    ("text-in-strings", r"%Vendor%( *= *XenNet)", r"Maker\1", "manufacturer's name"),
    ("section-exists", r"\[XenNet_CopyFiles\]", "[XenNet_Copy]", "[XenNet_CopyFiles]"),
    ("section-used", r"(\[Strings\])", "[Left_Over]\r\nx = 1\r\n" + r"\1", "[Left_Over]"),
    ("files-listed", r"(\[SourceDisksFiles\]\r\n)xennet\.sys *= *1\r\n", r"\1", "not in [SourceDisksFiles]"),
    ("files-listed", r"(\[SourceDisksFiles\]\r\n)", r"\1spare.dll = 1" + "\r\n", "nothing copies it"),
    ("files-listed", r"xennet\.sys *= *1", "xennet.sys = 2", "disk 2"),
    ("destinations", r"DefaultDestDir *= *12", "DefaultDestDir = 10", "folder 10"),
    ("destinations", r"DefaultDestDir *= *12\r\n", "", "no folder to go to"),
    ("architecture", r"(%Vendor% *= *XenNet, *)NTamd64,", r"\1NTarm64,", "NTarm64"),
    ("architecture", r"(%Vendor% *= *XenNet, *NTamd64,).*\r", r"\1 NTamd64.ten" + "\r", "NTamd64.ten"),
    ("models", r"(%XenNetName% *= *XenNet_Inst, *)XENVIF\\(\S+)", r"\1XENVIF/\2", "is not a hardware ID"),
    ("models", r"(%XenNetName% *= *XenNet_Inst, *\S+\r\n)", r"\1\1", "twice"),
    ("services", r"AddService *= *xennet, *0x00000002", "AddService = xennet, 0x00000000", "flag 2"),
    ("services", r"ServiceType *= *1", "ServiceType = 2", "ServiceType"),
    ("services", r"StartType *= *3", "StartType = 2", "StartType"),
    ("services", r"ErrorControl *= *1", "ErrorControl = 9", "ErrorControl"),
    ("services", r"%12%\\xennet\.sys", r"%12%\\other.sys", "nothing copies"),
    ("services", r"%12%\\xennet\.sys", r"C:\\xennet.sys", "ServiceBinary"),
    ("registry", r"HKR, Ndi, Service", "HKCU, Ndi, Service", "HKCU"),
    ("registry", r"HKR,, BootFlags, 0x00010003", "HKR,, BootFlags, 0x00090003", "no type"),
    ("registry", r"(TypesSupported, 0x00010001,) 7", r'\1 "seven"', "needs a number"),
    ("adapter-values", r"Characteristics *= *0x84", "Characteristics = 0x80", "NCF_PHYSICAL"),
    ("adapter-values", r"\*IfType *= *6", "*IfType = 71", "*IfType"),
    ("ndi-values", r'LowerRange, 0, "ethernet"', 'LowerRange, 0, "wlan"', "lowerrange"),
    ("ndi-values", r'HKR, Ndi, Service, 0, "xennet"', 'HKR, Ndi, Service, 0, "other"', "Ndi\\Service"),
    ("keyword-complete", r"HKR, Ndi\\params\\\*RSS, Default.*\r\n", "", "default missing"),
    ("keyword-complete", r"HKR, Ndi\\params\\\*NumRssQueues, Step.*\r\n", "", "step missing"),
    ("keyword-complete", r'(\*RSS, Default, 0, )"1"', r'\1"5"', "none of its values"),
    ("keyword-complete", r'(\*NumRssQueues, Default, 0, )"16"', r'\1"100"', "not 1 to 64"),
    ("keyword-complete", r'(\*ReceiveBuffers, Default, 0, )"4096"', r'\1"4100"', "steps of 64"),
    ("keyword-complete", r'(\*RSS, Type, 0, )"enum"', r'\1"list"', "not known"),
    ("keyword-complete", r'HKR, Ndi\\params\\\*UDPChecksumOffloadIPv4\\enum, "2".*\r\n', "", "Windows defines"),
    ("keyword-of-driver", r'(\*ReceiveBuffers, Max, 0, )"16384"', r'\1"8192"', "default, min, max, step"),
    ("keyword-of-driver", r"(HKR, Ndi\\params\\)NeedChecksumValue(, ParamDesc)", r"\1NeedNothing\2", "NeedNothing"),
    ("network-boot", r"(BootFlags, 0x00010003,) 0x81", r"\1 0x80", "BootFlags"),
    ("network-boot", r"LoadOrderGroup *= *NDIS", "LoadOrderGroup = Base", "LoadOrderGroup"),
    ("event-log", r"HKR,, EventMessageFile.*\r\n", "", "EventMessageFile"),
    ("coinstaller", r"\[XenNet_Inst\.CoInstallers\]", "[XenNet_Inst_Vif8.CoInstallers]", "not allowed"),
    ("coinstaller", r'CoInstallers32, 0x00010000, "xennet_coinst_\w+\.dll',
     'CoInstallers32, 0x00010000, "xennet_coinst.dll', "version in its name"),
    ("coinstaller", r"CoInstallers32, 0x00010000", "CoInstallers32, 0x00000000", "REG_MULTI_SZ"),
    ("coinstaller", r"XenNet_CoInstaller_CopyFiles *= *11", "XenNet_CoInstaller_CopyFiles = 12", "System32"),
    ("subscription", r"XENNET, VIF, 0x00010001, 9", "XENNET, VIF, 0x00010001, 8", "VIF 9"),
    ("subscription", r"HKLM, (\S+), STORE, .*\r\n", "", "STORE 2"),
    ("subscription", r"HKLM, SYSTEM\\CurrentControlSet\\Services\\XENVIF\\Interfaces\\XENNET, SUSPEND",
     r"HKLM, SOFTWARE\\Other, SUSPEND", "not this driver's"),
    ("devices", r"%XenNetName% *= *XenNet_Inst, *XENVIF\\VEN_XS0002&DEV_NET&REV_09000001\r\n", "",
     "lacks XENVIF\\VEN_XS0002"),
    ("file", r"\r\n", "\n", "CR LF"),
    ("file", r'"\$Windows NT\$"', '"$Windows NT$', "not closed"),
    ("file", r"\[Version\]", "[Version", "section name"),
    ("file", r"Tx Enabled", "Tx \xe4", "ASCII"),
)


class Rules(unittest.TestCase):
    def setUp(self):
        self.inf = templates.inf("x64")

    def test_the_build_has_no_findings(self):
        for arch in infcheck.ARCHITECTURES:
            self.assertEqual(infcheck.check(templates.inf(arch), arch), [])

    def test_each_rule_broken_is_found(self):
        for rule, pattern, replacement, words in BROKEN:
            with self.subTest(rule, change=replacement):
                text, count = re.subn(pattern, replacement, self.inf.decode(), count=1)
                self.assertEqual(count, 1, f"the INF has no {pattern}")
                found = infcheck.check(text.encode("latin-1"), "x64")
                self.assertTrue([line for line in found if line[1] == rule and words in line[2]], found)

    def test_every_rule_is_broken_once(self):
        rules = {rule.__name__.replace("_", "-") for rule in inf_rules.RULES + inf_network.RULES} | {"file"}
        self.assertEqual(rules - {entry[0] for entry in BROKEN}, set())

    def test_the_wrong_architecture_is_found(self):
        self.assertTrue([line for line in infcheck.check(self.inf, "x86") if line[1] == "architecture"])

    def test_a_finding_names_its_line(self):
        text = self.inf.decode().replace("ServiceType = 1", "ServiceType = 2")
        line = next(number for number, line in enumerate(text.splitlines(), 1) if line.startswith("[XenNet_Service]"))
        self.assertIn(line, [entry[0] for entry in infcheck.check(text.encode(), "x64")])


class Reader(unittest.TestCase):
    def read(self, text):
        return Inf(text.replace("\n", "\r\n").encode())

    def test_comments_quotes_and_continuations(self):
        inf = self.read('[A]\nKey = "a;b", c ; comment\nLong = one, \\\n  two\nlone, "x,y", "q""q"\n')
        lines = inf.section("a").lines
        self.assertEqual(lines[0].values, ["a;b", "c"])
        self.assertEqual(lines[1].values, ["one", "two"])
        self.assertEqual((lines[2].key, lines[2].values), ("", ["lone", "x,y", 'q"q']))

    def test_sections_of_one_name_are_one(self):
        self.assertEqual(len(self.read("[A]\nx = 1\n[B]\n[a]\ny = 2\n").section("A").lines), 2)

    def test_utf_16_is_read(self):
        inf = Inf(b"\xff\xfe" + '[Strings]\r\nName = "\xc4"\r\n'.encode("utf-16-le"))
        self.assertEqual((inf.text("%name%"), inf.problems), ("\xc4", []))


class Command(unittest.TestCase):
    def run_it(self, *arguments):
        return subprocess.run([sys.executable, "-B", str(ROOT / "scripts" / "inf" / "check.py"), *map(str, arguments)],
                              capture_output=True,
                              text=True, check=False)

    def test_a_finding_is_a_line_and_a_status(self):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "broken.inf"
            path.write_bytes(templates.inf("x64").replace(b"PnpLockdown = 1", b"PnpLockdown = 0"))
            done = self.run_it(path)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stdout, r"broken\.inf:\d+: pnp-lockdown: ")
            self.assertIn("1 finding\n", done.stdout)
            self.assertEqual(self.run_it(Path(folder) / "none.inf").returncode, 2)

    def test_the_package_passes(self):
        done = self.run_it()
        self.assertEqual((done.returncode, done.stdout), (0, "2 INFs, 0 findings\n"))

    def test_help_is_given(self):
        self.assertIn("--arch", self.run_it("--help").stdout)


if __name__ == "__main__":
    unittest.main()
