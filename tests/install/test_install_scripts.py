# SPDX-License-Identifier: BSD-2-Clause
"""install.ps1 and uninstall.ps1, run: each path that an administrator can meet, on the simulated Windows of
tests/support/windows/windows_scene.py.

There is no PowerShell in Debian: powershell.py, which lies there too, interprets the scripts. Of the C# in common.ps1
the three functions are the scene's; it is compiled as the oldest PowerShell does it.
"""

import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from scripts.build import editions, package, version
from scripts.build.tools import ARCHITECTURES
from scripts.inf import template
from tests.support.windows import powershell
from tests.support.windows.windows_scene import CONTROL, FOLDER, SERVICES, Certificate, Package, Scene

# What PowerShell 2 of Windows 7 does not have.
LATE = ("Get-CimInstance", "Get-WindowsDriver", "Import-Certificate", "Get-ComputerInfo", "-notin ", "[ordered]", "??",
        "::new(", "-contains ", "ForEach-Object -", "Test-Path -LiteralPath")
SUBSCRIPTION = SERVICES + "\\XENVIF\\Interfaces\\XENNET"
ADDRESSES = "C:\\ProgramData\\xennet-addresses.txt"
WINDOWS_7, WINDOWS_10 = 7601, 19045


def texts(arch, edition):
    return {name: version.fill(f"src/package/{name}", package.script_places(arch, edition))
            for name in package.SCRIPTS}


class Story(unittest.TestCase):
    def setUp(self):
        self.scene = self.begin()

    def begin(self, build=WINDOWS_10, edition=None, arch="x64", **more):
        edition = edition or (editions.WINDOWS10 if build >= 14393 else editions.WINDOWS7)
        self.scene = Scene(texts(arch, edition), build, **more)
        for name in ("xennet.inf", "xennet.sys", "xennet.cat", *package.SCRIPTS):
            self.scene.files[f"{FOLDER}\\{name}"] = []
        self.scene.package = Package("Xen PV Network Device", 0xfd, f"; {template.MARK}\n[Version]", "10.0.0.0")
        self.upstream = Package("Upstream Network Device", 0xfe, "[Version]\n; upstream", "9.1.0.0")
        return self.scene

    def run_script(self, name, **given):
        self.scene.printed.clear()
        return powershell.Script(f"{FOLDER}\\{name}", self.scene).run(**given)

    def install(self, **given):
        return self.run_script("install.ps1", **given)

    def uninstall(self, **given):
        return self.run_script("uninstall.ps1", **given)

    def said(self, *words):
        for word in words:
            self.assertTrue(any(word in line for line in self.scene.printed), (word, self.scene.printed))

    def with_upstream(self, rank=0xfe):
        self.upstream.rank = rank
        device = self.scene.add_device()
        self.scene.give(device, self.scene.add_package(self.upstream))
        return device


class Install(Story):
    def test_on_windows_10_the_driver_is_added_and_in_use(self):
        device = self.scene.add_device()
        self.assertEqual(self.install(), 0)
        self.assertEqual(self.scene.log, ["pnputil.exe /add-driver C:\\package\\xennet.inf /install"])
        self.assertEqual(device.inf, "oem1.inf")
        self.said("In use on XENVIF\\", "version 10.0.0.0", "Installed")
        self.assertIn("2026-01-02 03:04:05 Installed", self.scene.files["C:\\Temp\\xennet-install.log"])

    def test_on_windows_7_pnputil_takes_its_old_words(self):
        self.begin(WINDOWS_7)
        self.scene.add_device()
        self.assertEqual(self.install(), 0)
        self.assertEqual(self.scene.log, ["pnputil.exe -i -a C:\\package\\xennet.inf"])

    def test_it_replaces_an_upstream_driver_that_ranks_behind(self):
        device = self.with_upstream()
        self.assertEqual(self.install(), 0)
        self.assertEqual(device.inf, "oem2.inf")

    def test_installed_again_nothing_changes_and_it_is_in_use(self):
        self.scene.add_device()
        self.install()
        self.assertEqual(self.install(), 0)       # pnputil's 259

    def test_what_outranks_it_is_named_and_has_a_status_of_its_own(self):
        device = self.with_upstream(rank=0xfc)
        self.assertEqual(self.install(), 2)
        self.said("NOT IN USE on XENVIF\\", "'Upstream Network Device' of Company, version 9.1.0.0",
                  "(oem1.inf)", "-Force")
        self.assertEqual(device.inf, "oem1.inf")

    def test_force_replaces_what_outranks_it(self):
        device = self.with_upstream(rank=0xfc)
        self.assertEqual(self.install(Force=True), 0)
        self.assertEqual(self.scene.log[1:], ["Add-Type", "replace XENVIF\\VEN_XP0001&DEV_NET&REV_09000005 "
                                              "C:\\package\\xennet.inf"])
        self.assertEqual(device.inf, "oem2.inf")
        self.said("Replacing on XENVIF\\", "In use on")

    def test_force_that_windows_refuses_leaves_it_not_in_use(self):
        self.with_upstream(rank=0xfc)
        real = self.scene.replace
        self.scene.replace = lambda *given: 0xe000020b if real else 0
        self.assertEqual(self.install(Force=True), 2)
        self.said("It was not replaced: Windows' status is 3758096907", "NOT IN USE")

    def test_force_may_need_a_restart(self):
        self.with_upstream(rank=0xfc)
        self.scene.restart = True
        self.assertEqual(self.install(Force=True), 3010)

    def test_a_device_without_a_driver_is_named(self):
        self.scene.add_device()
        self.scene.rank_all = lambda: False
        self.assertEqual(self.install(), 2)
        self.said("which uses no driver")

    def test_a_device_that_does_not_work_is_named_with_its_code(self):
        device = self.scene.add_device()
        self.install()
        device.problem = 52
        self.assertEqual(self.install(), 0)
        self.said("does not work: Device Manager shows code 52")

    def test_without_a_device_it_is_added_with_a_status_of_its_own(self):
        self.assertEqual(self.install(), 3)
        self.said("no device of XENVIF is here")

    def test_a_restart_is_asked_for(self):
        self.scene.add_device()
        self.scene.restart = True
        self.assertEqual(self.install(), 3010)
        self.said("restart Windows")

    def test_what_pnputil_refuses_is_no_installation(self):
        for status in (1, 5, 0x800b0109):
            self.scene.refuse = status
            self.assertEqual(self.install(), 1)
            self.said(f"NOT INSTALLED: pnputil ended with status {status}", "setupapi.dev.log")

    def test_an_administrator_is_needed(self):
        self.scene.administrator = False
        self.assertEqual(self.install(), 1)
        self.said("needs an administrator")
        self.assertEqual(self.scene.log, [])

    def test_the_wrong_architecture_and_edition_are_named(self):
        for build, edition, arch, words in ((WINDOWS_10, None, "x86", "for x86 and this Windows is x64"),
                                            (WINDOWS_7, editions.WINDOWS10, "x64", "the one in the folder windows7"),
                                            (WINDOWS_10, editions.WINDOWS7, "x64", "one beside the folder windows7"),
                                            (10586, editions.WINDOWS10, "x64", "the one in the folder windows7")):
            with self.subTest(words):
                self.begin(build, edition, arch)
                self.assertEqual(self.install(), 1)
                self.said(words)
                self.assertEqual(self.scene.log, [])

    def test_a_32_bit_powershell_sees_the_windows_around_it(self):
        self.begin(architecture="x86")
        self.scene.environment["PROCESSOR_ARCHITEW6432"] = "AMD64"
        self.scene.files["C:\\Windows\\Sysnative\\pnputil.exe"] = []
        self.scene.add_device()
        self.assertEqual(self.install(), 0)

    def test_an_incomplete_package_is_named(self):
        del self.scene.files[f"{FOLDER}\\xennet.cat"]
        self.assertEqual(self.install(), 1)
        self.said("xennet.cat is missing")

    def test_a_signature_that_does_not_verify_stops(self):
        self.scene.signature = "HashMismatch"
        self.assertEqual(self.install(), 1)
        self.said("does not verify: the reason")

    def test_an_error_of_powershell_is_no_installation(self):
        self.scene.run_get_authenticodesignature = self.raising
        self.assertEqual(self.install(), 1)
        self.said("NOT INSTALLED: broken")

    @staticmethod
    def raising(*_given):
        raise powershell.Thrown("broken")


class TestSigned(Story):
    def setUp(self):
        super().setUp()
        self.scene.files[f"{FOLDER}\\xennet.cer"] = []
        self.scene.add_device()

    def testsigning(self):
        self.scene.registry[CONTROL]["SystemStartOptions"] = " TESTSIGNING  NOEXECUTE=OPTIN"

    def test_without_test_signing_mode_it_stops_and_names_the_command(self):
        self.assertEqual(self.install(TrustTestCertificate=True), 1)
        self.said("bcdedit /set testsigning on")
        self.assertEqual(self.scene.certificates, {})

    def test_an_unknown_certificate_is_not_trusted_unasked(self):
        self.testsigning()
        self.assertEqual(self.install(), 1)
        self.said("not in this computer's Root store", "-TrustTestCertificate")
        self.assertEqual(self.scene.certificates, {"Root": []})

    def test_it_is_trusted_when_asked_and_removed_with_the_driver(self):
        self.testsigning()
        other = Certificate("CN=Somebody else")
        self.scene.certificates["Root"] = [other]
        self.assertEqual(self.install(TrustTestCertificate=True), 0)
        self.assertEqual([len(held) for held in self.scene.certificates.values()], [2, 1])
        self.assertEqual(self.install(), 0)
        self.assertEqual(self.uninstall(), 0)
        self.assertEqual(self.scene.certificates, {"Root": [other], "TrustedPublisher": []})


class Uninstall(Story):
    def test_the_device_is_given_back_to_what_was_there(self):
        device = self.with_upstream()
        self.install()
        self.assertEqual(self.uninstall(), 0)
        self.assertEqual((device.inf, sorted(self.scene.store)), ("oem1.inf", ["oem1.inf"]))
        self.said("uses 'Upstream Network Device' of Company")

    def test_only_this_drivers_packages_are_removed_whatever_their_version(self):
        self.with_upstream()
        self.install()
        self.scene.add_package(Package("Xen PV Network Device", 0xfd, f"; {template.MARK}", "9.9.9.9"))
        self.scene.add_package(Package("Another", 0xff, "CatalogFile = xennet.cat\nXENVIF\\VEN_XP0001"))
        self.assertEqual(self.uninstall(), 0)
        self.assertEqual(sorted(self.scene.store), ["oem1.inf", "oem4.inf"])
        self.assertIn("pnputil.exe /delete-driver oem2.inf /uninstall /force", self.scene.log)

    def test_without_another_driver_the_device_has_none(self):
        device = self.scene.add_device()
        self.install()
        self.assertEqual(self.uninstall(), 0)
        self.assertIsNone(device.inf)
        self.said("uses no driver")

    def test_on_windows_7_the_driver_is_taken_off_the_devices_too(self):
        self.begin(WINDOWS_7)
        device = self.with_upstream()
        self.install()
        self.scene.log.clear()
        self.assertEqual(self.uninstall(), 0)
        self.assertEqual(device.inf, "oem1.inf")
        self.assertEqual([line.split()[0] + (" -f" if "-f" in line else "") for line in self.scene.log if
                          line.split()[0] in ("remove", "pnputil.exe", "rescan", "Add-Type") and "HKLM" not in line],
                         ["Add-Type", "remove", "pnputil.exe -f", "rescan"])

    def test_on_windows_7_a_device_that_stays_stops_it(self):
        self.begin(WINDOWS_7)
        self.scene.add_device()
        self.install()
        self.scene.refuse = 5
        self.assertEqual(self.uninstall(), 1)
        self.said("NOT REMOVED: Windows' status is 5")

    def test_left_overs_go_when_no_package_is_left_too(self):
        self.scene.registry[SUBSCRIPTION] = {"VIF": 10}
        self.scene.registry[SERVICES + "\\XENVIF\\Interfaces\\OTHER"] = {"VIF": 8}
        self.scene.classes = {"XenNet_Counters", "XenNet_Queues", "XenNet_Information", "Others"}
        self.scene.certificates = {"Root": [Certificate("CN=A XenNet test certificate")],
                                   "TrustedPublisher": [Certificate("CN=A XenNet test certificate", "CN=An authority")]}
        self.assertEqual(self.uninstall(), 0)
        self.said("No package of this driver is in the driver store", "Removing the subscription", "Removed the class")
        self.assertNotIn(SUBSCRIPTION, self.scene.registry)
        self.assertIn(SERVICES + "\\XENVIF\\Interfaces\\OTHER", self.scene.registry)
        self.assertEqual(self.scene.classes, {"Others"})
        self.assertEqual([len(held) for held in self.scene.certificates.values()], [0, 1])

    def test_a_restart_is_asked_for(self):
        self.scene.add_device()
        self.install()
        self.scene.restart = True
        self.assertEqual(self.uninstall(), 3010)

    def test_what_pnputil_refuses_is_no_removal(self):
        self.scene.add_device()
        self.install()
        self.scene.refuse = 5
        self.assertEqual(self.uninstall(), 1)
        self.said("NOT REMOVED: pnputil ended with status 5 on oem1.inf")

    def test_an_administrator_is_needed(self):
        self.scene.administrator = False
        self.assertEqual(self.uninstall(), 1)
        self.said("needs an administrator")


class Addresses(Story):
    def setUp(self):
        super().setUp()
        self.device = self.with_upstream()
        self.install()
        self.scene.set_static(self.device, ["10.0.0.2", "10.0.0.3"], ["255.0.0.0", "255.255.0.0"], ["10.0.0.1"],
                              "10.0.0.8,10.0.0.9")
        self.scene.manual = {"Ethernet 0": [("2001:db8::2", 64)]}
        self.scene.log.clear()

    def netsh(self):
        return [line.removeprefix("netsh.exe interface ") for line in self.scene.log if line.startswith("netsh")]

    ALL = ["ipv4 add address name=Ethernet 0 address=10.0.0.2 mask=255.0.0.0",
           "ipv4 add address name=Ethernet 0 address=10.0.0.3 mask=255.255.0.0",
           "ipv4 add address name=Ethernet 0 gateway=10.0.0.1 gwmetric=1",
           "ipv4 add dnsservers name=Ethernet 0 address=10.0.0.8 validate=no",
           "ipv4 add dnsservers name=Ethernet 0 address=10.0.0.9 validate=no",
           "ipv6 add address interface=Ethernet 0 address=2001:db8::2/64"]

    def test_unasked_they_are_named_and_nothing_is_saved(self):
        self.assertEqual(self.uninstall(), 0)
        self.said("ipv4 10.0.0.2", "gateway 10.0.0.1", "dns 10.0.0.9", "ipv6 2001:db8::2", "run with -KeepAddresses")
        self.assertNotIn(ADDRESSES, self.scene.files)
        self.assertEqual(self.netsh(), [])

    def test_they_are_saved_and_set_on_the_driver_that_comes(self):
        self.assertEqual(self.uninstall(KeepAddresses=True), 0)
        self.assertEqual(self.netsh(), self.ALL)
        self.assertNotIn(ADDRESSES, self.scene.files)

    def test_on_windows_7_those_of_ipv4_are(self):
        self.begin(WINDOWS_7)
        self.device = self.with_upstream()
        self.install()
        self.scene.set_static(self.device, ["10.0.0.2"], ["255.0.0.0"])
        self.assertEqual(self.uninstall(KeepAddresses=True), 0)
        self.assertEqual(self.netsh(), self.ALL[:1])

    def test_after_a_restart_they_are_set_on_request(self):
        self.scene.restart = True
        self.assertEqual(self.uninstall(KeepAddresses=True), 3010)
        self.said("-RestoreAddresses")
        self.assertEqual((self.netsh(), len(self.scene.files[ADDRESSES])), ([], 6))
        self.assertEqual(self.uninstall(RestoreAddresses=True), 0)
        self.assertEqual(self.netsh(), self.ALL)
        self.assertEqual(self.uninstall(RestoreAddresses=True), 0)
        self.said("No addresses were saved")

    def test_a_device_without_a_driver_keeps_them_for_later(self):
        del self.scene.store["oem1.inf"]
        self.assertEqual(self.uninstall(KeepAddresses=True), 4)
        self.said("has no driver", "6 addresses are still in")
        self.scene.give(self.device, self.scene.add_package(self.upstream))
        self.assertEqual(self.uninstall(RestoreAddresses=True), 0)
        self.assertEqual(self.netsh(), self.ALL)

    def test_what_netsh_refuses_stays_in_the_file(self):
        self.scene.netsh_status = 1
        self.assertEqual(self.uninstall(KeepAddresses=True), 4)
        self.assertEqual(len(self.scene.files[ADDRESSES]), 6)
        self.scene.devices.clear()
        self.assertEqual(self.uninstall(RestoreAddresses=True), 4)
        self.said("is not here")

    def test_saved_ones_of_an_earlier_run_are_not_lost(self):
        self.scene.files[ADDRESSES] = ["XENVIF\\GONE\tdns\t1.2.3.4", f"{self.device.id}\tdns\t10.0.0.8"]
        self.assertEqual(self.uninstall(KeepAddresses=True), 4)
        self.assertEqual(self.scene.files[ADDRESSES], ["XENVIF\\GONE\tdns\t1.2.3.4"])
        self.assertEqual(self.netsh(), self.ALL)

    def test_a_device_on_dhcp_has_none(self):
        key = f"{SERVICES}\\Tcpip\\Parameters\\Interfaces\\{self.device.interface}"
        self.scene.registry[key] = {"EnableDHCP": 1, "IPAddress": ["0.0.0.0"], "NameServer": ""}
        self.scene.manual = {}
        self.assertEqual(self.uninstall(KeepAddresses=True), 0)
        self.assertEqual(self.netsh(), [])
        self.assertFalse([line for line in self.scene.printed if "Static" in line])


class Text(unittest.TestCase):
    def scripts(self):
        for arch in ARCHITECTURES:
            for edition in editions.EDITIONS:
                yield from texts(arch, edition).items()

    def test_every_function_that_is_there_is_called(self):
        found = dict(texts("x64", editions.WINDOWS10))
        for name in ("install.ps1", "uninstall.ps1"):
            text = found[name] + found["common.ps1"]
            for function in re.findall(r"^function ([A-Z]\w*-\w+)", found[name], re.MULTILINE):
                self.assertGreater(len(re.findall(rf"\b{function}\b", text)), 1, function)

    def test_nothing_newer_than_powershell_2_is_used(self):
        for name, text in self.scripts():
            for late in LATE:
                self.assertNotIn(late, text, name)

    def test_every_class_of_the_counters_is_removed(self):
        classes = re.findall(r"(?m)^class (\w+)", (package.ROOT / "src/xennet" / package.COUNTER_CLASSES).read_text())
        removed = re.search(r"foreach \(\$name in ('XenNet.*?)\) \{",
                            texts("x64", editions.WINDOWS10)["uninstall.ps1"]).group(1)
        self.assertEqual(sorted(re.findall(r"\w+", removed)), sorted(classes))

    def test_help_names_the_exit_codes(self):
        for name, text in self.scripts():
            if name != "common.ps1":
                for word in (".SYNOPSIS", ".PARAMETER LogPath", "Exit codes: 0"):
                    self.assertIn(word, text, name)


class Interpreter(unittest.TestCase):
    """The interpreter does what PowerShell does, and stops at what it does not know."""

    def value(self, text):
        scene = Scene({"x.ps1": text})
        script = powershell.Script("C:\\x.ps1", scene)
        out = script.source("C:\\x.ps1")
        return out

    def test_values(self):
        for text, found in (('"a $(1 + 2) ${x}b"', ["a 3 b"]), ("@(1, 2).Count", [2]), ("'it''s'", ["it's"]),
                            ("'AB' -eq 'ab'", [True]), ("@('a', 'b') -join ','", ["a,b"]),
                            ("'a,b' -split ','", ["a", "b"]),
                            ("$a = @(); $a += 'x'; $a += 'y'; $a", ["x", "y"]), ("-not $null", [True]),
                            ("function F($x) { return $x }\nF 3", [3]), ("@($null).Count", [0]),
                            ("if (1 -eq 2) { 'a' } elseif (1 -eq 1) { 'b' } else { 'c' }", ["b"]),
                            ("foreach ($x in 1, 2, 3) { if ($x -eq 2) { continue }; $x }", [1, 3]),
                            ("switch ('b') { 'a' { 1 } 'B' { 2 } default { 3 } }", [2]),
                            ("try { (New-Object Management.ManagementClass 'r:x').Delete() } catch { 'c' }", ["c"]),
                            ("1, 2, 3 | Where-Object { $_ -ge 2 } | ForEach-Object { $_ + 1 }", [3, 4])):
            with self.subTest(text):
                self.assertEqual(self.value(text), found)

    def test_the_unknown_stops(self):
        for text in ("Get-Thing", "while (1) { }", "$x -like 'a'", "1 | Sort-Object { 1 }", "[int] '1'", "@{ a"):
            with self.subTest(text), self.assertRaises((powershell.Unknown, KeyError)):
                self.value(text)



class Compiled(unittest.TestCase):
    """The C# that common.ps1 gives to Add-Type."""

    def setUp(self):
        text = texts("x64", editions.WINDOWS7)["common.ps1"]
        self.source = re.search(r"Add-Type -TypeDefinition @'\n(.*?)\n'@", text, re.DOTALL).group(1)

    def compile(self, source):
        """PowerShell 2 of Windows 7 has C# 3."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "setup.cs")
            path.write_text(source, encoding="ascii")
            return subprocess.run(["mcs", "-langversion:3", "-warnaserror", "-target:library",
                                   f"-out:{folder}/setup.dll", str(path)], capture_output=True, text=True, check=False)

    def test_it_compiles_as_c_sharp_3(self):
        done = self.compile(self.source)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))
        self.assertNotEqual(self.compile(self.source.replace("out restart", "restart", 1)).returncode, 0)


if __name__ == "__main__":
    unittest.main()
