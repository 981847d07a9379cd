# SPDX-License-Identifier: BSD-2-Clause
"""Static analysis on Windows: Static Driver Verifier where the kit has it, else CodeQL with Microsoft's driver queries.

Both answer with findings in the form of analysis.py. commands() tells what would run; the readers of the results take
texts, so that they are tested without either program.
"""

import json
import os
import re
import shutil
from pathlib import Path

from scripts.build import templates, windows as build_windows, windows_kit
from scripts.cli import ROOT, Stop

FOLDER = ROOT / "build" / "analysis"
QUERIES = "microsoft/windows-drivers:windows-driver-suites/recommended.qls"
FLAVOUR = "free"
# 'Defects: 2' or '2 defect(s)' in what the sdv target prints, and the rules that it lists as broken.
SDV_COUNT = re.compile(r"\bdefects?(?:\(s\))?\s*[:=]\s*(\d+)|\b(\d+)\s+defects?(?:\(s\))?\b", re.IGNORECASE)
SDV_RULE = re.compile(r"^\s*(?:rule\s+)?([A-Za-z]\w+)\s*:?\s+(?:is\s+)?(?:defect|violated|fail(?:ed)?)\b",
                      re.IGNORECASE | re.MULTILINE)


def codeql():
    """The codeql program: CODEQL names its folder, or it is in PATH."""
    named = os.environ.get("CODEQL")
    if named:
        for name in ("codeql.exe", "codeql.cmd", "codeql"):
            if (Path(named) / name).is_file():
                return Path(named) / name
        raise Stop(f"CODEQL is '{named}', which has no codeql: point it to the folder of the CodeQL command line tools")
    found = shutil.which("codeql")
    if found is None:
        raise Stop("the kit has no Static Driver Verifier and codeql is not in PATH: install the CodeQL command line "
                   "tools, "
                   "or point CODEQL to their folder")
    return Path(found)


def commands(compiler, headers):
    """('sdv' or 'codeql', [command lines])"""
    if headers.has_sdv:
        return "sdv", [build_windows.msbuild(compiler, headers, FLAVOUR, "x64", "sdv", "xennet.vcxproj",
                                             (f'/p:Inputs="{step}"',))
                       for step in ("/clean", "/check:*")]
    program = build_windows.quoted(codeql())
    database, result, batch = FOLDER / "codeql", FOLDER / "codeql.sarif", FOLDER / "codeql.cmd"
    return "codeql", [
        f"{program} database create {build_windows.quoted(database)} --overwrite --language=cpp "
        f"--source-root={build_windows.quoted(ROOT)} "
        f"--command={build_windows.quoted(batch)}",
        f"{program} database analyze {build_windows.quoted(database)} {QUERIES} --download --format=sarifv2.1.0 "
        f"--output={build_windows.quoted(result)}",
    ]


def read_sdv(text):
    counts = [int(first or second) for first, second in SDV_COUNT.findall(text)]
    if not counts:
        raise Stop("Static Driver Verifier told no number of defects: look into its output above", 1)
    rules = SDV_RULE.findall(text)
    if max(counts) and not rules:
        rules = [f"defect-{number}" for number in range(1, max(counts) + 1)]
    return [("src/xennet", 0, "sdv", rule, "the driver breaks this rule of Static Driver Verifier") for rule in rules]


def read_sarif(text):
    found = []
    try:
        for run in json.loads(text)["runs"]:
            for result in run["results"]:
                place = result["locations"][0]["physicalLocation"]
                found.append((place["artifactLocation"]["uri"], place.get("region", {}).get("startLine", 0), "codeql",
                              result["ruleId"],
                              " ".join(result["message"]["text"].split())))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise Stop(f"CodeQL's result cannot be read ({error!r})", 1) from None
    return sorted(set(found))


def run(say):
    compiler, headers = windows_kit.pair()
    kind, lines = commands(compiler, headers)
    say("Static Driver Verifier" if kind == "sdv" else "CodeQL, as this kit has no Static Driver Verifier")
    folder = build_windows.output(FLAVOUR, "x64")
    for path in (FOLDER, folder):
        path.mkdir(parents=True, exist_ok=True)
    templates.headers(folder)
    if kind == "codeql":
        # cmd.exe's quotes do not survive codeql's own reading of a command, so the command is a file.
        build = build_windows.msbuild(compiler, headers, FLAVOUR, "x64", "Rebuild")
        (FOLDER / "codeql.cmd").write_bytes(f"@{build}\r\n".encode())
        for command in lines:
            build_windows.run(command)
        return read_sarif((FOLDER / "codeql.sarif").read_text(encoding="utf-8"))
    return read_sdv("".join(build_windows.run(command, keep=True) for command in lines))
