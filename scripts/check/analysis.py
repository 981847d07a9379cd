# SPDX-License-Identifier: BSD-2-Clause
"""Static analysis on Linux: clang's analyzer, clang's thread-safety analysis of locks and IRQLs, and cppcheck.

Each check yields findings (file, line, tool, rule, text); sdv.py prints them in one form. All three see the driver as
it is built: same defines, same headers, and the checked flavour so that assertions tell the analyzers what holds.
"""

import re
import shutil
import subprocess

from scripts import steps
from scripts.build import driver, templates, tools
from scripts.build.tree import Tree
from scripts.cli import ROOT, Stop

FLAVOUR = "checked"
WORKERS = 2
CLANG = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+):\d+: (?P<kind>warning|error|fatal error): "
                   r"(?P<text>.*?)(?: \[(?P<rule>[\w.,=-]+)\])?$", re.MULTILINE)
ANNOTATION = re.compile(r"\b(_[A-Z][A-Za-z]*(?:_[A-Za-z]+)*_)\b(?! *##)(\(?)")
CPPCHECK = re.compile(r"^(?P<file>[^|\n]*)\|(?P<line>\d+)\|(?P<rule>\w+)\|(?P<text>.*)$", re.MULTILINE)
CHECKERS = ("core", "deadcode", "nullability", "security.insecureAPI.UncheckedReturn", "unix.Malloc",
            "unix.MismatchedDeallocator",
            "alpha.core.CastSize", "alpha.core.Conversion", "alpha.core.IdenticalExpr", "alpha.core.SizeofPtr",
            "alpha.core.TestAfterDivZero", "alpha.deadcode.UnreachableCode")
# What cppcheck says about its own limits, not about the code; and its check of unset values that sees no paths, which
# clang's analyzer does with them.
CPPCHECK_QUIET = ("legacyUninitvar", "missingInclude", "missingIncludeSystem", "unmatchedSuppression", "unusedFunction",
                  "toomanyconfigs",
                  "ConfigurationNotChecked", "preprocessorErrorDirective")


def sources():
    """(file, its own include folder) of everything that ships."""
    return [(name, folder) for folder in (driver.DRIVER, driver.COINSTALLER) for name in driver.sources(folder)]


def compiler(name, folder, arch):
    return [*tools.compiler(arch, FLAVOUR, "coinst" if folder == driver.COINSTALLER else "driver"), name]


def clang(command, tool):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    found = [(match["file"].replace(f"{ROOT}/", ""), int(match["line"]), tool, match["rule"] or match["kind"],
              match["text"]) for match in CLANG.finditer(done.stderr)]
    if done.returncode != 0 and not found:
        raise Stop(f"{tool} failed on {command[-1]}:\n{done.stderr.rstrip()}", 1)
    return found


def analyze(name, folder):
    return clang([*compiler(name, folder, "x64"), "--analyze", "--analyzer-output", "text", "-Xclang",
                  "-analyzer-checker=" + ",".join(CHECKERS),
                  "-Wno-error", "-o", "/dev/null"], "clang-analyzer")


def locks(name, folder):
    """The build's own warnings as findings, on the architecture whose lock functions have other names too."""
    found = []
    for arch in tools.ARCHITECTURES:
        found += clang([*compiler(name, folder, arch), "-fsyntax-only", "-Wno-error"], "clang-warnings")
    return found


def annotations(path):
    """A header that defines every annotation in the sources as nothing: cppcheck reads no system headers."""
    text = "\n".join(found.read_text(encoding="utf-8") for folder in ("include", driver.DRIVER, driver.COINSTALLER)
                     for found in sorted((ROOT / folder).glob("*.[ch]")))
    macros = dict(ANNOTATION.findall(text))
    path.write_text("".join(f"#define {name}{'(...)' if macros[name] else ''}\n" for name in sorted(macros)))


def cppcheck(folder, names):
    path = shutil.which("cppcheck")
    if path is None:
        raise Stop("cppcheck is missing: install the Debian package cppcheck")
    made = ROOT / "build" / "analysis" / "x64"
    made.mkdir(parents=True, exist_ok=True)
    templates.headers(made)
    annotations(made / "annotations.h")
    done = subprocess.run([path, "--quiet", "--enable=warning,portability,performance", "--inline-suppr", "--std=c99",
                           "--platform=win64",
                           "--template={file}|{line}|{id}|{message}", *(f"--suppress={rule}"
                                                                        for rule in CPPCHECK_QUIET),
                           "-DDBG=1", "-D_AMD64_=1", "-D_WIN64=1", "-DRtlCopyMemory=memcpy", "-DRtlMoveMemory=memmove",
                           "-DFORCEINLINE=static inline",
                           f"--include={(made / 'annotations.h').relative_to(ROOT)}", f"-I{folder}", "-Iinclude",
                           f"-I{made.relative_to(ROOT)}", *names],
                          cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise Stop(f"cppcheck failed:\n{(done.stdout + done.stderr).rstrip()}", 1)
    return [(match["file"], int(match["line"]), "cppcheck", match["rule"], match["text"])
            for match in CPPCHECK.finditer(done.stderr)]


def run(say, listed=None, found=None):
    """All findings, each once, sorted by file and line. A caller that wants them even where this is interrupted gives
    the list that is filled.
    """
    listed = sources() if listed is None else listed
    folders = list(dict.fromkeys(folder for _, folder in listed))
    Tree().configure()    # before two workers want it
    found = [] if found is None else found
    with steps.Workers(WORKERS) as pool, steps.Step() as step:
        for what, check in (("clang's static analyzer", analyze), ("clang's warnings with locks and IRQLs", locks)):
            say(f"{what}: {len(listed)} files")
            parts = pool.map(lambda job: check(*job), listed)  # pylint: disable=cell-var-from-loop
            for number, part in enumerate(parts, 1):
                found += part
                step.show(f"{number} of {len(listed)} files")
        step.show("")
        say(f"cppcheck: {len(listed)} files")
        for part in pool.map(lambda folder: cppcheck(folder, [name for name, own in listed if own == folder]), folders):
            found += part
    return sorted(set(found))
