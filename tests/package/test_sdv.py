# SPDX-License-Identifier: BSD-2-Clause
"""Each analysis finds what was planted for it, all speak in one form, and the driver has no finding."""

import contextlib
import io
import json
import re
import subprocess
import sys
import unittest
from unittest import mock

import sdv
from scripts.check import analysis, analysis_windows
from scripts.build.driver import DRIVER
from scripts.cli import ROOT, Stop
from tests.package.test_windows_build import Fake

PLANTED = ROOT / "build" / "analysis" / "planted"
DRIVERS = ROOT / "tests" / "support" / "drivers"
FORM = re.compile(r"^[^:]+:\d+: [\w-]+: [\w.=,-]+: .+$")


class Linux(unittest.TestCase):
    def plant(self, name, text):
        PLANTED.mkdir(parents=True, exist_ok=True)
        path = PLANTED / f"{name}.c"
        path.write_text(text)
        self.addCleanup(path.unlink)
        return path.relative_to(ROOT).as_posix()

    def found(self, check, name, text=None):
        """What the check finds in a driver of tests/support/drivers, or in a text under this name."""
        source = self.plant(name, text or (DRIVERS / f"{name}.c").read_text())
        return [entry for entry in check(source, DRIVER) if entry[0].endswith(f"{name}.c")]

    def test_the_analyzer_finds_a_null_pointer(self):
        found = self.found(analysis.analyze, "null_pointer")
        self.assertEqual([(line, rule) for _, line, _, rule, _ in found], [(7, "core.NullDereference")])

    def test_the_analyzer_finds_an_unset_value(self):
        found = self.found(analysis.analyze, "unset_value")
        self.assertIn("core.uninitialized.UndefReturn", [entry[3] for entry in found])

    def test_a_missing_lock_is_found(self):
        found = self.found(analysis.locks, "call_without_lock")
        self.assertTrue(any("thread-safety" in entry[3] and "TEST_LOCK" in entry[4] for entry in found), found)

    def test_a_wait_at_dispatch_is_found(self):
        found = self.found(analysis.locks, "wait_at_dispatch")
        self.assertTrue(any("NdisMSleep" in entry[4] for entry in found), found)

    def test_cppcheck_finds_an_index_out_of_bounds(self):
        source = self.plant("out_of_bounds", (DRIVERS / "out_of_bounds.c").read_text())
        found = analysis.cppcheck(DRIVER, [source])
        self.assertIn((source, 7, "cppcheck", "arrayIndexOutOfBounds"), [entry[:4] for entry in found])

    def test_a_source_that_does_not_compile_is_a_finding(self):
        self.assertTrue(self.found(analysis.locks, "syntax", "int Test(\n"))

    def test_all_findings_have_one_form_and_fail_the_command(self):
        source = self.plant("all", (DRIVERS / "every_fault.c").read_text())
        found = analysis.run(lambda _: None, [(source, DRIVER)])
        self.assertGreaterEqual({entry[2] for entry in found}, {"clang-analyzer", "clang-warnings", "cppcheck"})
        out = io.StringIO()
        self.assertEqual(sdv.show(found, out), 1)
        lines = out.getvalue().splitlines()
        self.assertEqual(lines.pop(), f"{len(found)} findings")
        for line in lines:
            self.assertRegex(line, FORM)

    def test_the_tree_is_clean(self):
        done = subprocess.run([sys.executable, "-B", "sdv.py"], cwd=ROOT, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, "0 findings\n"), done.stderr)

    def test_help_is_given(self):
        done = subprocess.run([sys.executable, "-B", "sdv.py", "--help"], cwd=ROOT, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0)
        self.assertIn("Static Driver Verifier", done.stdout)


class Windows(Fake):
    def plan(self):
        from scripts.build import windows_kit
        return analysis_windows.commands(*windows_kit.pair())

    def test_a_kit_with_the_verifier_uses_it(self):
        self.studio("2015")
        self.kit("10.0.14393.0")
        self.put("KIT/Tools/sdv/bin/staticdv.exe")
        kind, lines = self.plan()
        self.assertEqual((kind, len(lines)), ("sdv", 2))
        for line, step in zip(lines, ("/clean", "/check:*")):
            self.assertIn("xennet.vcxproj", line)
            self.assertIn("/t:sdv ", line)
            self.assertTrue(line.endswith(f'/p:Inputs="{step}""'), line)

    def test_a_kit_without_it_uses_codeql(self):
        self.studio("2022")
        self.kit("10.0.26100.0")
        program = self.put("CQ/codeql.exe")
        with mock.patch.dict("os.environ", CODEQL=str(program.parent)):
            kind, lines = self.plan()
        self.assertEqual(kind, "codeql")
        folder = analysis_windows.FOLDER
        self.assertEqual(lines, [
            f'"{program}" database create "{folder}/codeql" --overwrite --language=cpp --source-root="{ROOT}" '
            f'--command="{folder}/codeql.cmd"',
            f'"{program}" database analyze "{folder}/codeql" '
            f'microsoft/windows-drivers:windows-driver-suites/recommended.qls --download '
            f'--format=sarifv2.1.0 --output="{folder}/codeql.sarif"'])

    def test_neither_is_named(self):
        self.studio("2022")
        self.kit("10.0.26100.0")
        with mock.patch.dict("os.environ", CODEQL=str(self.root)), self.assertRaises(Stop) as caught:
            self.plan()
        self.assertIn("CODEQL", caught.exception.text)
        with mock.patch.dict("os.environ", PATH=str(self.root)), self.assertRaises(Stop) as caught:
            self.plan()
        self.assertIn("codeql is not in PATH", caught.exception.text)

    def test_results_come_in_the_common_form(self):
        sarif = {"runs": [{"results": [{"ruleId": "cpp/drivers/irql", "message": {"text": "too\nhigh"}, "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": "src/xennet/vif.c"}, "region": {"startLine": 7}}}]}]}]}
        self.assertEqual(analysis_windows.read_sarif(json.dumps(sarif)),
                         [("src/xennet/vif.c", 7, "codeql", "cpp/drivers/irql", "too high")])
        self.assertEqual(analysis_windows.read_sdv("Running...\n Defects: 0\n"), [])
        self.assertEqual([entry[3] for entry in analysis_windows.read_sdv("SpinLock : Defect\nDefects: 1\n")],
                         ["SpinLock"])
        self.assertEqual(len(analysis_windows.read_sdv("3 defect(s)\n")), 3)

    def test_results_that_say_nothing_are_no_success(self):
        for read, text in ((analysis_windows.read_sdv, "Build succeeded."), (analysis_windows.read_sarif, "{}"),
                           (analysis_windows.read_sarif, "")):
            with self.subTest(text), self.assertRaises(Stop):
                read(text)


class Printed(unittest.TestCase):
    def test_no_findings_is_status_0(self):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            self.assertEqual(sdv.show([]), 0)
        self.assertEqual(out.getvalue(), "0 findings\n")


if __name__ == "__main__":
    unittest.main()
