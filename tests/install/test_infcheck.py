# SPDX-License-Identifier: BSD-2-Clause
"""The INFs of the build have no findings, and each rule broken once gives its finding."""

import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from scripts.build import editions, templates
from scripts.inf import check as infcheck, keywords, network
from scripts.cli import ROOT
from scripts.inf.file import Inf

TEN, SEVEN = editions.WINDOWS10, editions.WINDOWS7

# (rule, edition, pattern, replacement, words of the finding): the first match in the INF is replaced.
BROKEN = (
    ("version-header", TEN, r'"\$Windows NT\$"', '"$Windows 95$"', "Signature"),
    ("version-header", TEN, r"Class *= *Net\r", "Class = System\r", "Class and ClassGuid"),
    ("version-header", TEN, r"(DriverVer *= *)(\d\d)/(\d\d)/(\d{4})", r"\1\4-\2-\3", "DriverVer"),
    ("version-header", TEN, r"(DriverVer *= *)\d\d/\d\d/\d{4}", r"\g<1>04/20/2009", "older than Windows 7"),
    ("version-header", TEN, r"(DriverVer *=.*,)[\d.]+", r"\g<1>10.0.0", "DriverVer"),
    ("version-header", TEN, r"(DriverVer *=.*,)[\d.]+", r"\g<1>10.0.0.70000", "above 65535"),
    ("version-header", TEN, r'(Vendor = )"[^"]*"', r'\1"Microsoft"', "company that made"),
    ("catalog-file", TEN, r"CatalogFile.*\r\n", "", "CatalogFile"),
    ("pnp-lockdown", TEN, r"PnpLockdown *= *1", "PnpLockdown = 0", "PnpLockdown"),
    ("string-defined", TEN, r"%DiskDesc%", "%NoSuchText%", "%NoSuchText%"),
    ("string-used", TEN, r"(\[Strings\]\r\n)", r'\1Spare = "spare"' + "\r\n", "nothing uses the string Spare"),
    ("string-used", TEN, r"(\[Strings\]\r\n)", r'\1Vendor = "x"' + "\r\n", "twice"),
    ("text-in-strings", TEN, r"%DiskDesc%", '"A disk"', "A disk"),
    ("text-in-strings", TEN, r"DisplayName *= *%XenNetName%", 'DisplayName = "Adapter"', "Adapter"),
    ("text-in-strings", TEN, r"(ParamDesc, *0, *)%RSS%", r'\1"Scaling"', "Scaling"),
    ("text-in-strings", TEN, r'(enum, "0", 0, )%\w+%', r'\1"Off"', "Off"),
    ("text-in-strings", TEN, r"%XenNetName%( *= *XenNet_Inst,)", r"Adapter\1", "device's name"),
    ("text-in-strings", TEN, r"%Vendor%( *= *XenNet)", r"Maker\1", "manufacturer's name"),
    ("section-exists", TEN, r"\[XenNet_CopyFiles\]", "[XenNet_Copy]", "[XenNet_CopyFiles]"),
    ("section-used", TEN, r"(\[Strings\])", "[Left_Over]\r\nx = 1\r\n" + r"\1", "[Left_Over]"),
    ("files-listed", TEN, r"(\[SourceDisksFiles\]\r\n)xennet\.sys *= *1\r\n", r"\1", "not in [SourceDisksFiles]"),
    ("files-listed", TEN, r"(\[SourceDisksFiles\]\r\n)", r"\1spare.dll = 1" + "\r\n", "nothing copies it"),
    ("files-listed", TEN, r"xennet\.sys *= *1", "xennet.sys = 2", "disk 2"),
    ("destinations", SEVEN, r"DefaultDestDir *= *12", "DefaultDestDir = 10", "folder 10"),
    ("destinations", SEVEN, r"DefaultDestDir *= *12\r\n", "", "no folder to go to"),
    ("architecture", TEN, r"(%Vendor% *= *XenNet, *)NTamd64\.", r"\1NTarm64.", "NTarm64"),
    ("architecture", TEN, r"(%Vendor% *= *XenNet, *NTamd64\S+,).*\r", r"\1 NTamd64.ten" + "\r", "NTamd64.ten"),
    ("models", TEN, r"(XenNet_Inst, \\\r\n +)XENVIF\\(\S+)", r"\1XENVIF/\2", "is not a hardware ID"),
    ("models", TEN, r"(XenNet_Inst, \\\r\n)( +XENVIF\S+ \\\r\n)", r"\1\2\2", "twice"),
    ("services", TEN, r"AddService *= *xennet, *0x00000002", "AddService = xennet, 0x00000000", "flag 2"),
    ("services", TEN, r"ServiceType *= *1", "ServiceType = 2", "ServiceType"),
    ("services", TEN, r"StartType *= *3", "StartType = 2", "StartType"),
    ("services", TEN, r"ErrorControl *= *1", "ErrorControl = 9", "ErrorControl"),
    ("services", TEN, r"(ServiceBinary *= *)%12%\\xennet\.sys", r"\1%12%\\other.sys", "nothing copies"),
    ("services", TEN, r"(ServiceBinary *= *)%12%\\xennet\.sys", r"\1C:\\xennet.sys", "ServiceBinary"),
    ("registry", TEN, r"HKR, Ndi, Service", "HKCU, Ndi, Service", "HKCU"),
    ("registry", TEN, r"HKR,, BootFlags, 0x00010003", "HKR,, BootFlags, 0x00090003", "no type"),
    ("registry", TEN, r"(TypesSupported, 0x00010001,) 7", r'\1 "seven"', "needs a number"),
    ("adapter-values", TEN, r"Characteristics *= *0x84", "Characteristics = 0x80", "NCF_PHYSICAL"),
    ("adapter-values", TEN, r"\*IfType *= *6", "*IfType = 71", "*IfType"),
    ("ndi-values", TEN, r'LowerRange, 0, "ethernet"', 'LowerRange, 0, "wlan"', "lowerrange"),
    ("ndi-values", TEN, r'HKR, Ndi, Service, 0, "xennet"', 'HKR, Ndi, Service, 0, "other"', "Ndi\\Service"),
    ("keyword-complete", TEN, r"HKR, Ndi\\params\\\*RSS, Default.*\r\n", "", "default missing"),
    ("keyword-complete", TEN, r"HKR, Ndi\\params\\\*NumRssQueues, Step.*\r\n", "", "step missing"),
    ("keyword-complete", TEN, r'(\*RSS, Default, 0, )"1"', r'\1"5"', "none of its values"),
    ("keyword-complete", TEN, r'(\*NumRssQueues, Default, 0, )"16"', r'\1"100"', "not 1 to 64"),
    ("keyword-complete", TEN, r'(\*ReceiveBuffers, Default, 0, )"4096"', r'\1"4100"', "steps of 64"),
    ("keyword-complete", TEN, r'(\*RSS, Type, 0, )"enum"', r'\1"list"', "not known"),
    ("keyword-complete", TEN, r'HKR, Ndi\\params\\\*UDPChecksumOffloadIPv4\\enum, "2".*\r\n', "", "Windows defines"),
    ("keyword-by-the-book", TEN, r'RSSProfile = "[^"]*"', 'RSSProfile = "Profile"', "the text is 'Profile'"),
    ("keyword-by-the-book", TEN, r'(\*RSSProfile, Default, 0, )"4"', r'\1"3"', "the default is '3' and must be '4'"),
    ("keyword-by-the-book", TEN, r'(\*RssBaseProcNumber, Max, 0, )"63"', r'\1"31"', "the maximum is '31'"),
    ("keyword-by-the-book", TEN, r'(\*NumRssQueues, Min, 0, )"1"', r'\1"2"', "the minimum is '2'"),
    ("keyword-by-the-book", TEN, r"(HKR, Ndi\\params\\)\*LsoV2IPv6(, ParamDesc)", r"\1*LsoV1IPv4\2", "switches both"),
    ("keyword-by-the-book", TEN, r"(HKR, Ndi\\params\\)NeedChecksumValue(, ParamDesc)", r"\1*Own\2", "drop the *"),
    ("keyword-by-the-book", TEN, r"(?s)HKR, Ndi\\params\\\*RssMaxProcGroup, .*?\r\n\r\n", "", "belong together"),
    ("keyword-of-driver", TEN, r'(\*ReceiveBuffers, Max, 0, )"16384"', r'\1"8192"', "default, min, max, step"),
    ("keyword-of-driver", TEN, r"(XenNet_Params)(\r\n.*\r\n\[XenNet_Inst_19041\])", r"\1, XenNet_Params_19041\2",
     "does nothing before build 19041"),
    ("keyword-of-driver", TEN, r"(HKR, Ndi\\params\\)NeedChecksumValue(, ParamDesc)", r"\1NeedNothing\2",
     "NeedNothing"),
    ("event-log", TEN, r"HKR,, EventMessageFile.*\r\n", "", "EventMessageFile"),
    ("event-log", TEN, r"%12%\\xennet\.sys;", "", "must name %12%\\xennet.sys"),
    ("event-log", TEN, r";%%SystemRoot%%\\System32\\netevent\.dll", "", "netevent.dll"),
    ("decorated", SEVEN, r"NTamd64\.6\.1", "NTamd64", "Windows before 7"),
    ("decorated", SEVEN, r"NTamd64\.6\.1", "NTamd64.6.0", "Windows before 7"),
    ("one-side-of-1607", SEVEN, r"(?s)(NTamd64\.6\.1\]\r\n)(.*?)(\r\n;.*?14393\]\r\n)", r"\1\2\3\2",
     "make it two packages"),
    ("one-side-of-1607", SEVEN, r", NTamd64\.10\.0\.\.\.14393", "", "no co-installer for build 14393"),
    ("one-side-of-1607", SEVEN, r"\[XenNet_Inst\.CoInstallers\]", "[Other.CoInstallers]", "has the veto"),
    ("coinstaller", SEVEN, r'CoInstallers32, 0x00010000, "xennet_coinst_\w+\.dll',
     'CoInstallers32, 0x00010000, "xennet_coinst.dll', "version in its name"),
    ("coinstaller", SEVEN, r"CoInstallers32, 0x00010000", "CoInstallers32, 0x00000000", "REG_MULTI_SZ"),
    ("coinstaller", SEVEN, r"XenNet_CoInstaller_CopyFiles *= *11", "XenNet_CoInstaller_CopyFiles = 12", "System32"),
    ("own-keys-only", TEN, r"HKR,, BootFlags,", r"HKLM, SYSTEM\\CurrentControlSet\\Services\\XENVIF, BootFlags,",
     "HKLM"),
    ("own-keys-only", TEN, r"HKR, Ndi, Service", "HKCR, Ndi, Service", "HKCR"),
    ("legacy-directives", TEN, r"(\[XenNet_Inst\]\r\n)", r"\1DelReg = XenNet_AddReg" + "\r\n", "DelReg"),
    ("legacy-directives", TEN, r"(\[Strings\])", "[ClassInstall32]\r\nx = 1\r\n" + r"\1", "ClassInstall32"),
    ("folders", TEN, r"XenNet_CopyFiles_Isolated = 13", "XenNet_CopyFiles_Isolated = 12", "from 25398 on to 13"),
    ("folders", TEN, r"XenNet_CopyFiles = 12", "XenNet_CopyFiles = 24", "does not let pass"),
    ("folders", TEN, r"(Service_Isolated\][^%]*%XenNetName%[^%]*)%13%", r"\1%12%", "must be in the driver store"),
    ("folders", TEN, r"(\[XenNet_CopyFiles_Isolated\]\r\n)xennet\.sys", r"\1xennet.sys, x.sys", "keep its name"),
    ("boot-flags", TEN, r"(LoadOrderGroup = NDIS\r\n)BootFlags = 0x81", r"\1AddReg = XenNet_Boot",
     "refused from build"),
    ("boot-flags", TEN, r"(LoadOrderGroup = NDIS\r\n)AddReg = XenNet_Boot", r"\1BootFlags = 0x81",
     "does not know this"),
    ("boot-flags", TEN, r"(BootFlags, 0x00010003,) 0x81", r"\1 0x80", "boot over the network"),
    ("boot-flags", TEN, r"BootFlags = 0x81", "BootFlags = 0x80", "boot over the network"),
    ("boot-flags", TEN, r"LoadOrderGroup *= *NDIS", "LoadOrderGroup = Base", "LoadOrderGroup"),
    ("not-by-hand", TEN, r"ExcludeFromSelect = \*", "ExcludeFromSelect = XENVIF", "ExcludeFromSelect"),
    ("feature-score", TEN, r"FeatureScore = 0xFD\r\n", "", "needs FeatureScore"),
    ("feature-score", TEN, r"FeatureScore = 0xFD", "FeatureScore = 0xFE", "is 0xFE and not 0xFD"),
    ("devices", TEN, r"XENVIF\\VEN_XN0002&DEV_NET&REV_09000001, \\\r\n +", "", "lacks XENVIF\\VEN_XN0002"),
    ("devices", TEN, r"(XP0001&DEV_NET&REV_)09000005(.*?XP0001&DEV_NET&REV_)09000004", r"\g<1>09000004\g<2>09000005",
     "newest revisions first"),
    ("file", TEN, r"\r\n", "\n", "CR LF"),
    ("file", TEN, r'"\$Windows NT\$"', '"$Windows NT$', "not closed"),
    ("file", TEN, r"\[Version\]", "[Version", "section name"),
    ("file", TEN, r"Tx Enabled", "Tx \xe4", "ASCII"),
)

# What this driver's first public INF had, one fault a row: what became of it by the rules, and words of the finding.
OLD_FAULTS = (
    ("one-side-of-1607", "a package with a co-installer is not signed for Windows 10"),
    ("decorated", "the decoration 'NTamd64' lets Windows before 7 in"),
    ("own-keys-only",
     r"HKLM\SYSTEM\CurrentControlSet\Services\XENVIF\Interfaces\XENNET is not this package's to write"),
    ("boot-flags", "BootFlags by AddReg is refused from build 25398 on"),
    ("not-by-hand", "[ControlFlags] needs ExcludeFromSelect"),
    ("feature-score", "[XenNet_Inst] needs FeatureScore"),
    ("devices", "lacks XENVIF\\VEN_XN0001"),
    ("devices", "needs one line with all devices of XP"),
    ("keyword-by-the-book", "*MaxRssProcessors: the default is '64' and must be '16'"),
    ("keyword-by-the-book", "*RSSProfile: the default is '3' and must be '4'"),
    ("keyword-by-the-book", "*LsoV1IPv4 must not stand beside *LsoV2IPv4"),
    ("keyword-by-the-book", "*NumaNodeId: the text is 'NUMA' and must be 'Preferred NUMA node'"),
    ("event-log", "EventMessageFile must name %12%\\xennet.sys"),
)


class Rules(unittest.TestCase):
    maxDiff = None

    def test_the_build_has_no_findings(self):
        for edition in editions.EDITIONS:
            for arch in infcheck.ARCHITECTURES:
                self.assertEqual(infcheck.check(templates.inf(arch, edition), arch), [])

    def test_each_rule_broken_is_found(self):
        texts = {edition: templates.inf("x64", edition).decode() for edition in editions.EDITIONS}
        for rule, edition, pattern, replacement, words in BROKEN:
            with self.subTest(rule, change=replacement):
                flags = re.DOTALL if "REV_)09000005(" in pattern else 0
                text, count = re.subn(pattern, replacement, texts[edition], count=1, flags=flags)
                self.assertEqual(count, 1, f"the INF has no {pattern}")
                found = infcheck.check(text.encode("latin-1"), "x64")
                self.assertTrue([line for line in found if line[1] == rule and words in line[2]], found)

    def test_every_rule_is_broken_once_and_names_a_page(self):
        rules = {infcheck.name_of(rule) for _, rule in infcheck.RULES} | {"file"}
        self.assertEqual(rules, {entry[0] for entry in BROKEN})
        for page, _ in infcheck.RULES:
            self.assertRegex(page, r"^(install|develop|devtest|network)/[a-z-]+")

    def test_the_faults_of_the_first_public_inf_are_found(self):
        text = (ROOT / "tests" / "install" / "old_shape.inf").read_text(encoding="ascii").replace("\n", "\r\n")
        found = infcheck.check(text.encode(), "x64")
        for rule, words in OLD_FAULTS:
            with self.subTest(rule, words=words):
                self.assertTrue([line for line in found if line[1] == rule and words in line[2]], found)

    def test_each_deviation_from_the_book_is_a_row_of_the_documents(self):
        text = (ROOT / "docs" / "features.md").read_text()
        rows = re.findall(r"^\| `([^`]+)` \|[^|]+\|[^|]+\| ([^|]+) \|$",
                          text[text.index("## Where keywords differ"):], re.MULTILINE)
        self.assertEqual(sorted(rows), sorted((each.name, each.deviation) for each in keywords.read()
                                              if each.deviation))
        inf = Inf(templates.inf("x64"))
        section = inf.section("XenNet_Inst")
        values = {name.lower(): network.stated(value) for name, value in network.keywords(inf, section).items()}
        for name, _ in rows:
            self.assertTrue(any(book is not None and here != book for here, book in
                                zip(values[name.lower()], network.BOOK[name.lower()][1:])), f"{name} is by the book")

    def test_the_wrong_architecture_is_found(self):
        self.assertTrue([line for line in infcheck.check(templates.inf("x64"), "x86") if line[1] == "architecture"])

    def test_a_finding_names_its_line(self):
        text = templates.inf("x64").decode().replace("ServiceType = 1", "ServiceType = 2", 1)
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
        self.assertEqual((done.returncode, done.stdout), (0, "4 INFs, 0 findings\n"))

    def test_help_and_the_rules_are_given(self):
        self.assertIn("--arch", self.run_it("--help").stdout)
        self.assertRegex(self.run_it("--rules").stdout, r"(?m)^boot-flags +install/inf-addservice-directive$")


if __name__ == "__main__":
    unittest.main()
