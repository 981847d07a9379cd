# SPDX-License-Identifier: BSD-2-Clause
"""The cross compiler for the driver: where the tools are, and the exact command lines they get.

Nothing else in the repository knows a flag of the driver build; tests that compile a driver source ask here.
Paths in commands are relative to the folder the commands run in (the repository), so no output depends on where
the repository lies.
"""

import os
import shutil
from pathlib import Path

from scripts.cli import ROOT, Stop

ARCHITECTURES = ("x64", "x86")
FLAVOURS = ("free", "checked")
TARGETS = {"x64": "x86_64-w64-windows-gnu", "x86": "i686-w64-windows-gnu"}
MACHINES = {"x64": "i386:x86-64", "x86": "i386"}
LIBRARIES = ("ntoskrnl", "hal", "ndis")
MINGW = Path("/usr/share/mingw-w64/include")

PACKAGES = {
    "clang-16": "clang-16",
    "lld-link-16": "lld-16",
    "llvm-dlltool-16": "llvm-16",
    "llvm-rc-16": "llvm-16",
}

# What a Windows 7 driver of either architecture sees. The build speaks to Windows 7 and looks newer functions up.
DEFINES = (
    "_WIN32_WINNT=0x0601", "NTDDI_VERSION=0x06010000", "NDIS_MINIPORT_DRIVER=1",
    # wdm.h of mingw-w64 defines these two; its intrinsics must not, or each object exports them.
    "__INTRINSIC_DEFINED_InterlockedBitTestAndSet", "__INTRINSIC_DEFINED_InterlockedBitTestAndReset",
)

WARNINGS = (
    "-Wall", "-Wextra", "-Werror", "-Wshadow", "-Wundef", "-Wpointer-arith", "-Wstrict-prototypes",
    "-Wmissing-prototypes", "-Wformat=2", "-Wunreachable-code",
    # C90 as Visual C++ 2012 takes it: // comments, long long and anonymous members are fine, these are not.
    "-Wdeclaration-after-statement", "-Wc99-extensions", "-Wc99-designator", "-Wvla",
    "-Wgnu-empty-initializer", "-Wgnu-designator", "-Wgnu-statement-expression", "-Wgnu-conditional-omitted-operand",
    "-Wgnu-case-range", "-Wgnu-zero-variadic-macro-arguments", "-Wno-c11-extensions",
    # Kernel stacks are small, and there is no stack probe to call.
    "-Wframe-larger-than=2048",
    "-Wthread-safety", "-Wthread-safety-beta",
)

# GUIDs are defined in braces, and zeroed records start with {0}: both are C90.
QUIET = ("-Wno-missing-field-initializers", "-Wno-missing-braces")

CODE = (
    "-std=gnu89", "-fms-extensions", "-nostdinc", "-fno-ident", "-fshort-wchar", "-fno-common", "-fno-autolink",
    "-fno-delete-null-pointer-checks", "-fno-strict-aliasing", "-fwrapv", "-mno-stack-arg-probe",
    "-g", "-gcodeview", "-gno-codeview-command-line", "-fasynchronous-unwind-tables",
    "-fstack-protector-strong", "-Xclang", "-cfguard",
    "-fdebug-compilation-dir=.", "-ffile-prefix-map=" + str(ROOT) + "=.",
)
ARCH_CODE = {
    "x64": ("-mno-red-zone",),
    # The 32-bit kernel does not save vector registers for drivers.
    "x86": ("-march=i686", "-mno-sse", "-mno-mmx", "-fno-omit-frame-pointer"),
}
FLAVOUR_CODE = {
    "free": ("-O2", "-DDBG=0", "-DNDEBUG"),
    "checked": ("-O1", "-DDBG=1"),
}


def tool(name):
    """The path of a tool, or a sentence that names the Debian package it comes from."""
    path = shutil.which(name)
    if path is None:
        raise Stop(f"{name} is missing: install the Debian package {PACKAGES[name]}")
    return path


def clang_headers():
    """clang's own header folder, which -nostdinc takes away."""
    base = Path(os.path.realpath(tool("clang-16"))).parent.parent / "lib" / "clang"
    found = sorted(base.glob("16*/include"))
    if not found:
        raise Stop(f"clang-16 has no headers in {base}: install the Debian package libclang-common-16-dev")
    return found[0]


def system_headers():
    if not (MINGW / "ddk" / "ntddk.h").is_file():
        raise Stop(f"{MINGW}/ddk/ntddk.h is missing: install the Debian package mingw-w64-common")
    flags = []
    for folder in ("toolchain/include", clang_headers(), MINGW, MINGW / "ddk"):
        flags += ["-isystem", str(folder)]
    return flags


def compiler(arch, flavour):
    """The command that compiles one driver source for an architecture; -c, -o and the file are the caller's."""
    return ([tool("clang-16"), "--target=" + TARGETS[arch]] + system_headers() + ["-Iinclude"]
            + ["-D" + define for define in DEFINES] + ["-include", "annotations.h"]
            + list(CODE + ARCH_CODE[arch] + FLAVOUR_CODE[flavour] + WARNINGS + QUIET))


def linker(arch, output, pdb, inputs, version):
    """The command that links a driver: a native, relocatable, discardable-INIT image with its PDB beside it."""
    entry = "GsDriverEntry" if arch == "x64" else "GsDriverEntry@8"
    command = [
        tool("lld-link-16"), "/nologo", "/machine:" + arch, "/driver:wdm", "/tsaware:no", "/subsystem:native,6.01", "/nodefaultlib",
        "/entry:" + entry, "/out:" + output, "/base:0x10000000", "/dynamicbase", "/nxcompat", "/guard:cf",
        "/section:INIT,ERD", "/opt:ref", "/opt:noicf", "/release", "/Brepro", "/incremental:no", "/WX",
        "/osversion:6.01", "/version:" + version, "/debug", "/pdb:" + pdb, "/pdbaltpath:%_PDB%", "/pdbsourcepath:.",
    ]
    if arch == "x64":
        command.append("/highentropyva")
    return command + list(inputs)


def importer(arch, definition, output):
    command = [tool("llvm-dlltool-16"), "-m", MACHINES[arch], "-d", definition, "-l", output]
    return command + ["-k"] if arch == "x86" else command
