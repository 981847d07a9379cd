# SPDX-License-Identifier: BSD-2-Clause
"""What build.py would run on Windows, with folders that look like Visual Studio's and the kit's; no program runs."""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

from scripts.build import driver, windows as build_windows, windows_kit
from scripts.build.editions import WINDOWS10, WINDOWS7
from scripts.sign import signer as sign
from scripts.cli import ROOT, Stop

MSBUILD = "{http://schemas.microsoft.com/developer/msbuild/2003}"
THUMBPRINT = "0123456789abcdef0123456789ABCDEF01234567"
OLD_STUDIOS = {"2012": 11, "2013": 12, "2015": 14}
NEW_STUDIOS = {"2017": "14.16.27023", "2019": "14.29.30133", "2022": "14.38.33130"}


class Fake(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(suffix=" with blanks")
        self.addCleanup(self.folder.cleanup)
        self.root = Path(self.folder.name)
        patch = mock.patch.dict(os.environ, {"BUILD_NUMBER": "5"})
        patch.start()
        self.addCleanup(patch.stop)

    def put(self, *names):
        for name in names:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
        return self.root / names[0]

    def studio(self, year):
        if year in OLD_STUDIOS:
            self.put("VS/VC/vcvarsall.bat", "VS/Common7/Tools/VsDevCmd.bat")
            text = f"@set VisualStudioVersion={OLD_STUDIOS[year]}.0\n"
            (self.root / "VS/Common7/Tools/VsDevCmd.bat").write_text(text)
        else:
            self.put("VS/VC/Auxiliary/Build/vcvarsall.bat")
            tools = self.root / "VS/VC/Auxiliary/Build/Microsoft.VCToolsVersion.default.txt"
            tools.write_text(NEW_STUDIOS[year] + "\n")
        os.environ["VS"] = str(self.root / "VS")

    def kit(self, version, makecert=True):
        if version.startswith("8"):
            self.put("KIT/Include/km/ntddk.h", "KIT/Lib/winv6.3/x" if version == "8.1" else "KIT/Lib/win8/x")
            bin_folder = "KIT/bin"
        else:
            self.put(f"KIT/Include/{version}/km/ntddk.h", "KIT/Include/10.0.10150.0/km/ntddk.h",
                     "KIT/Include/wdf/kmdf/x")
            bin_folder = f"KIT/bin/{version}"
        self.put(f"{bin_folder}/x86/inf2cat.exe", f"{bin_folder}/x64/signtool.exe")
        if makecert:
            self.put(f"{bin_folder}/x64/makecert.exe")
        os.environ["KIT"] = str(self.root / "KIT")
        return self.root / bin_folder

    @staticmethod
    def options(*arguments):
        parser = argparse.ArgumentParser()
        sign.add_options(parser)
        return parser.parse_args(arguments)

    def plan(self, arch, flavour="free", *arguments):
        compiler, headers = windows_kit.pair()
        signer = build_windows.Signer(headers, self.options(*arguments))
        return build_windows.commands(compiler, headers, signer, flavour, arch), signer

    def refused(self, *words):
        with self.assertRaises(Stop) as caught:
            windows_kit.pair()
        for word in words:
            self.assertIn(word, caught.exception.text)


class Commands(Fake):
    def expected(self, arch, vcvars, toolset, target, kit_version, flavour="free"):
        out = ROOT / "build" / flavour / arch
        sdk = f" /p:WindowsTargetPlatformVersion={kit_version}" if kit_version else ""
        return (f'cmd.exe /d /s /c "call "{self.root}/VS/{vcvars}" {"x86" if arch == "x86" else "x86_amd64"} && '
                f'msbuild.exe "{ROOT}/proj/xennet.sln" /nologo /v:minimal /t:Build /p:Configuration={flavour} '
                f'/p:Platform={"Win32" if arch == "x86" else "x64"} '
                f'/p:XenNetDriverToolset=WindowsKernelModeDriver{toolset} '
                f'/p:XenNetUserToolset=WindowsApplicationForDrivers{toolset} /p:XenNetTarget={target} '
                f'/p:XenNetCoinstaller=xennet_coinst_10_0_0_5{sdk} /p:XenNetOut="{out}{os.sep}{os.sep}""')

    def check(self, arch, tools, compile_line, systems, flavour="free"):
        """`systems` is {edition: Inf2Cat's names}."""
        steps, signer = self.plan(arch, flavour)
        who = f'"{tools}/x64/signtool.exe" sign /q /fd sha256 /s My /n "{signer.name}" '
        self.assertEqual(steps.pop("compile"), [compile_line])
        self.assertEqual(steps.keys(), systems.keys())
        for edition, found in steps.items():
            stage = ROOT / "build" / flavour / arch / edition.name / "package"
            self.assertEqual(found["sign"], [f'{who}"{stage}/xennet.sys"']
                             + [f'{who}"{stage}/xennet_coinst_10_0_0_5.dll"'] * (edition is WINDOWS7))
            self.assertEqual(found["catalog"], [f'"{tools}/x86/inf2cat.exe" /driver:"{stage}" /os:{systems[edition]}',
                                                f'{who}"{stage}/xennet.cat"'])

    def test_visual_studio_2012_with_wdk_8(self):
        self.studio("2012")
        tools = self.kit("8.0")
        for arch, systems in (("x64", "7_X64,8_X64,Server2008R2_X64,Server8_X64"), ("x86", "7_X86,8_X86")):
            self.check(arch, tools, self.expected(arch, "VC/vcvarsall.bat", "8.0", "Windows7", ""),
                       {WINDOWS7: systems})

    def test_visual_studio_2013_with_wdk_8_1(self):
        self.studio("2013")
        tools = self.kit("8.1")
        self.check("x86", tools, self.expected("x86", "VC/vcvarsall.bat", "8.1", "Windows7", ""),
                   {WINDOWS7: "7_X86,8_X86,6_3_X86"})

    def test_visual_studio_2015_with_wdk_10(self):
        self.studio("2015")
        tools = self.kit("10.0.14393.0")
        for arch, systems in (("x64",
                               "7_X64,8_X64,6_3_X64,10_X64,Server2008R2_X64,Server8_X64,Server6_3_X64,Server10_X64"),
                              ("x86", "7_X86,8_X86,6_3_X86,10_X86")):
            self.check(arch, tools, self.expected(arch, "VC/vcvarsall.bat", "10.0", "Windows7", "10.0.14393.0",
                                                  "checked"),
                       {WINDOWS10: f"10_{arch.upper()}" + ",Server10_X64" * (arch == "x64"), WINDOWS7: systems},
                       "checked")

    def test_visual_studio_2022_with_wdk_11(self):
        self.studio("2022")
        tools = self.kit("10.0.22621.0")
        self.check("x64", tools, self.expected("x64", "VC/Auxiliary/Build/vcvarsall.bat", "10.0", "Windows10",
                                               "10.0.22621.0"), {WINDOWS10: "10_X64,Server10_X64"})

    def test_every_pair_from_2012_to_2022_is_known(self):
        for year, version in (("2017", "10.0.17763.0"), ("2019", "10.0.19041.0"), ("2019", "10.0.22000.0"),
                              ("2022", "10.0.26100.0")):
            with self.subTest(f"{year} {version}"):
                self.setUp()
                self.studio(year)
                self.kit(version)
                self.assertEqual(windows_kit.pair()[0].year, year)

    def test_wdk_11_builds_no_x86(self):
        for version in ("10.0.22000.0", "10.0.22621.0"):
            self.setUp()
            self.kit(version)
            headers = windows_kit.kit()
            self.assertEqual(windows_kit.architectures(headers, ["x64", "x86"], False), ["x64"])
            with self.assertRaises(Stop) as caught:
                windows_kit.architectures(headers, ["x86"], True)
            self.assertIn("no x86 drivers", caught.exception.text)

    def test_kits_programs_in_the_old_place_are_found(self):
        self.kit("10.0.14393.0")
        headers = windows_kit.kit()
        old = self.put("KIT/bin/x86/stampinf.exe")
        self.assertEqual(headers.need("stampinf.exe", "x86"), old)
        with self.assertRaises(Stop) as caught:
            headers.need("nothing.exe", "x86")
        self.assertIn("nothing.exe", caught.exception.text)


class Signing(Fake):
    def setUp(self):
        super().setUp()
        self.studio("2022")

    def test_a_test_certificate_is_made_by_makecert_or_powershell(self):
        for makecert, words in ((True, ("makecert.exe", "-a sha256", "-eku 1.3.6.1.5.5.7.3.3")),
                                (False, ("New-SelfSignedCertificate", "Export-Certificate"))):
            self.setUp()
            self.kit("10.0.22621.0", makecert)
            _, signer = self.plan("x64")
            for word in (*words, "Xen Project XenNet test certificate"):
                self.assertIn(word, signer.make())

    def test_a_certificate_of_the_store_with_a_time(self):
        self.kit("10.0.22621.0")
        steps, signer = self.plan("x64", "free", "--certificate", THUMBPRINT, "--timestamp", "http://time.example")
        self.assertFalse(signer.is_test)
        self.assertIn(f"/fd sha256 /sha1 {THUMBPRINT} /tr http://time.example /td sha256 ", steps[WINDOWS10]["sign"][0])

    def test_pkcs12_with_a_password(self):
        self.kit("10.0.22621.0")
        (self.root / "password").write_text("se cret\n")
        steps, _ = self.plan("x64", "free", "--pkcs12", "my.p12", "--password-file", str(self.root / "password"))
        self.assertIn(f'/f "{Path("my.p12").resolve()}" /p "se cret" ', steps[WINDOWS10]["catalog"][1])

    def test_what_signtool_cannot_do_is_named(self):
        self.kit("10.0.22621.0")
        for arguments in (["--certificate", "file.pem"], ["--key", "key.pem"], ["--pkcs11-module", "x.dll"]):
            with self.subTest(arguments), self.assertRaises(Stop):
                self.plan("x64", "free", *arguments)


class Variables(Fake):
    def setUp(self):
        super().setUp()
        for name in ("VS", "KIT", "SYMBOL_SERVER"):
            os.environ.pop(name, None)

    def test_a_missing_or_wrong_vs_is_named(self):
        self.kit("8.0")
        self.refused("VS is not set", "Visual Studio folder")
        os.environ["VS"] = str(self.root / "nowhere")
        self.refused("VS is", "not a folder")
        (self.root / "empty").mkdir()
        os.environ["VS"] = str(self.root / "empty")
        self.refused("VS is", "vcvarsall.bat")

    def test_an_unknown_visual_studio_is_named(self):
        self.kit("8.0")
        self.studio("2012")
        (self.root / "VS/Common7/Tools/VsDevCmd.bat").write_text("set VisualStudioVersion=10.0")
        self.refused("no Visual Studio from 2012 on")
        self.studio("2022")
        (self.root / "VS/VC/Auxiliary/Build/Microsoft.VCToolsVersion.default.txt").write_text("13.0")
        self.refused("compiler is '13.0'")

    def test_an_old_visual_studio_is_recognized_by_its_folder_too(self):
        self.kit("8.0")
        batch = self.put("Microsoft Visual Studio 11.0/VC/vcvarsall.bat")
        os.environ["VS"] = f'"{batch.parent.parent}"'
        self.assertEqual(windows_kit.pair()[0].year, "2012")

    def test_a_missing_or_wrong_kit_is_named(self):
        self.studio("2022")
        self.refused("KIT is not set", "Windows Kits")
        (self.root / "KIT").mkdir()
        os.environ["KIT"] = str(self.root / "KIT")
        self.refused("KIT is", "no kernel headers")
        self.put("KIT/Include/10.0.22621.0/um/windows.h")
        self.refused("KIT is", "no kernel headers")

    def test_a_pair_that_does_not_fit_is_named(self):
        self.studio("2012")
        self.kit("10.0.22621.0")
        self.refused("Visual Studio 2012", "WDK 11 10.0.22621.0", "Visual Studio 2022")

    def test_the_symbol_store_is_asked_for(self):
        with self.assertRaises(Stop) as caught:
            build_windows.store_folder()
        self.assertIn("SYMBOL_SERVER is not set", caught.exception.text)
        os.environ["SYMBOL_SERVER"] = str(self.put("a file"))
        with self.assertRaises(Stop) as caught:
            build_windows.store_folder()
        self.assertIn("which is a file", caught.exception.text)


class Projects(unittest.TestCase):
    """The projects are read as msbuild does; it is not here."""

    def tree(self, name):
        return ElementTree.parse(ROOT / "proj" / name).getroot()

    def listed(self, folder):
        """The property functions of xennet.props, done by hand with the very patterns that stand there."""
        root = self.tree("xennet.props")
        names = root.find(f".//{MSBUILD}XenNetNames").text
        pattern, replacement = re.search(r"Regex\]::Replace\('\$\(XenNetListed\)', '(.+)', '(.+)'\)\)$", names).groups()
        text = (ROOT / folder / "sources.txt").read_bytes().decode().replace("\n", "\r\n")
        return [name for name in re.sub(pattern, replacement, text).split(";") if name]

    def test_the_sources_are_those_of_the_list(self):
        self.assertEqual([f"src/xennet/{name}" for name in self.listed("src/xennet")], driver.sources())
        self.assertEqual([f"src/coinst/{name}" for name in self.listed("src/coinst")],
                         driver.sources(driver.COINSTALLER))
        include = self.tree("xennet.props").find(f".//{MSBUILD}ClCompile[@Include]").get("Include")
        self.assertEqual(include, "@(XenNetSource->'$(XenNetSourceFolder)%(Identity)')")

    def test_no_project_lists_a_source_itself(self):
        for name in ("xennet.vcxproj", "xennet_coinst.vcxproj"):
            root = self.tree(name)
            self.assertEqual([item.get("Include") for item in root.iter(f"{MSBUILD}ClCompile") if item.get("Include")],
                             [])
            for item in root.iter(f"{MSBUILD}ResourceCompile"):
                self.assertTrue((ROOT / "proj" / item.get("Include").replace("\\", "/")).is_file())

    def test_solution_and_projects_agree(self):
        solution = (ROOT / "proj" / "xennet.sln").read_text()
        for name, guid in re.findall(r'= "\w+", "([^"]+)", "(\{[^}]+\})"', solution):
            root = self.tree(name)
            self.assertEqual(root.find(f".//{MSBUILD}ProjectGuid").text, guid)
            for item in root.iter(f"{MSBUILD}ProjectConfiguration"):
                self.assertIn(f"{guid}.{item.get('Include')}.Build.0", solution)
        self.assertEqual(solution.count(".Build.0"), 8)

    def test_every_property_that_the_build_gives_is_used(self):
        text = "".join(path.read_text() for path in (ROOT / "proj").iterdir())
        source = (ROOT / "scripts" / "build" / "windows.py").read_text()
        for name in set(re.findall(r"XenNet[A-Z]\w+", source)):
            self.assertIn(f"$({name})", text)

    def test_the_exported_function_is_there(self):
        self.assertIn("CoDeviceInstall", (ROOT / "proj" / "xennet_coinst.def").read_text())


class WindowsPython(unittest.TestCase):
    def test_the_scripts_load_without_what_only_linux_has(self):
        text = """
# Python's own modules see Linux.
import argparse, concurrent.futures, signal, shutil, subprocess, sys, tarfile, tempfile, types
sys.platform = "win32"
del signal.SIGHUP
sys.modules.update({name: None for name in ("fcntl", "pwd", "grp", "termios")})
sys.modules["msvcrt"] = types.ModuleType("msvcrt")
sys.path.insert(0, ".")
import build, kdfiles, clean, sdv
from scripts.build import package, symbols, windows as build_windows
from scripts.inf import check as infcheck
from scripts.sign import authenticode, signer as sign
"""
        done = subprocess.run([sys.executable, "-B", "-c", text], cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
