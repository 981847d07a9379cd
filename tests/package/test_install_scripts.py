# SPDX-License-Identifier: BSD-2-Clause
"""The PowerShell scripts as text: there is no PowerShell here, so what can be read is checked, not what they do."""

import re
import unittest

from scripts.build import editions, package, version
from scripts.build.tools import ARCHITECTURES
from scripts.cli import ROOT

PAIRS = {")": "(", "]": "[", "}": "{"}
# What PowerShell 2 of Windows 7 does not have.
LATE = ("Get-CimInstance", "Get-WindowsDriver", "Import-Certificate", "Get-ComputerInfo", "-notin ", "[ordered]", "??")


def code(text):
    """The script without comments and with empty strings: what is left is structure."""
    text = re.sub(r"<#.*?#>", "", text, flags=re.DOTALL)
    return re.sub(r"'(?:[^']|'')*'|\"(?:[^\"`]|`.|\"\")*\"|#[^\n]*",
                  lambda match: "" if match.group(0)[0] == "#" else "''", text)


def unbalanced(text):
    """The first bracket that does not fit, with its line, or None."""
    opened = []
    for number, line in enumerate(text.split("\n"), 1):
        for character in line:
            if character in PAIRS.values():
                opened.append((character, number))
            elif character in PAIRS and (not opened or opened.pop()[0] != PAIRS[character]):
                return character, number
    return opened[-1] if opened else None


class Scripts(unittest.TestCase):
    def texts(self):
        for arch in ARCHITECTURES:
            for name in package.SCRIPTS:
                yield name, version.fill(f"src/package/{name}", package.script_places(arch, editions.WINDOWS7))

    def test_brackets_and_quotes_fit(self):
        for name, text in self.texts():
            self.assertIsNone(unbalanced(code(text)), name)
            self.assertNotIn('"', code(text), name)
        self.assertEqual(unbalanced("if (x) {\n y )\n"), (")", 2))
        self.assertEqual(unbalanced("{"), ("{", 1))

    def test_every_function_that_is_called_is_there(self):
        for name, text in self.texts():
            defined = set(re.findall(r"^function ([A-Z]\w*-\w+)", text, re.MULTILINE))
            known = {"Write-Host", "Add-Content", "Get-Date", "Join-Path", "Split-Path", "Test-Path", "New-Object",
                     "Get-ItemProperty",
                     "Get-AuthenticodeSignature", "ForEach-Object", "Get-ChildItem", "Remove-Item"}
            called = set(re.findall(r"(?<![\w$-])([A-Z][a-z]+-[A-Z]\w+)", code(text)))
            self.assertEqual(called - defined - known, set(), name)
            self.assertEqual(defined - set(re.findall(r"(?<!function )\b([A-Z]\w*-\w+)", code(text))), set(), name)

    def test_nothing_newer_than_powershell_2_is_used(self):
        for name, text in self.texts():
            for late in LATE:
                self.assertNotIn(late, code(text), name)

    def test_both_ways_of_pnputil_are_there(self):
        install, uninstall = ((ROOT / "src" / "package" / name).read_text() for name in package.SCRIPTS)
        for words in ("'/add-driver', $inf, '/install'", "'-i', '-a', $inf", "testsigning on", "SystemStartOptions",
                      "Add-Content"):
            self.assertIn(words, install)
        for words in ("'/delete-driver', $name, '/uninstall'", "'-f', '-d', $name", "Add-Content",
                      "    Remove-Subscription\n",
                      r"Services\XENVIF\Interfaces\XENNET"):
            self.assertIn(words, uninstall)

    def test_every_class_of_the_counters_is_added_and_removed(self):
        install, uninstall = ((ROOT / "src" / "package" / name).read_text() for name in package.SCRIPTS)
        for words in (package.COUNTER_CLASSES, r"'-N:root\wmi'", "{ Add-CounterClass }"):
            self.assertIn(words, install)
        classes = re.findall(r"(?m)^class (\w+)", (ROOT / "src" / "xennet" / package.COUNTER_CLASSES).read_text())
        removed = re.search(r"foreach \(\$name in ('XenNet.*?)\) \{", uninstall).group(1)
        self.assertEqual(sorted(re.findall(r"\w+", removed)), sorted(classes))
        self.assertIn("    Remove-CounterClass\n", uninstall)

    def test_help_names_the_exit_codes(self):
        for name, text in self.texts():
            for word in (".SYNOPSIS", ".PARAMETER LogPath", "Exit codes: 0"):
                self.assertIn(word, text, name)


if __name__ == "__main__":
    unittest.main()
