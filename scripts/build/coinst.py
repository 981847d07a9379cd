# SPDX-License-Identifier: BSD-2-Clause
"""The co-installer DLL of one architecture, from src/coinst/sources.txt.

Same compiler, warnings and reproducibility as the driver, but a user-mode DLL that needs nothing except Windows' own
DLLs. Its name carries the version, because Windows keeps the DLLs of all installed packages in one folder.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scripts.build import driver
from scripts.build import tools
from scripts.build import version
from scripts.build.tools import ROOT
from scripts.cli import Stop

SOURCES = "src/coinst"
USER_RUNTIME = "toolchain/runtime/user"
SHARED_RUNTIME = ("toolchain/runtime/load_config.c", "toolchain/runtime/memory.c")
LIBRARIES = ("kernel32", "advapi32", "setupapi", "cfgmgr32", "ntdll")
EXPORT = {"x64": "CoDeviceInstall", "x86": "CoDeviceInstall=_CoDeviceInstall@16"}
ENTRY = {"x64": "GsDllEntry", "x86": "GsDllEntry@12"}


def stem():
    """The DLL's name without its ending: xennet_coinst_10_0_0_0."""
    return "xennet_coinst_" + version.text().replace(".", "_")


def sources():
    listing = ROOT / SOURCES / "sources.txt"
    if not listing.is_file():
        raise Stop(f"{SOURCES}/sources.txt is missing: it lists the co-installer's source files, one a line")
    names = [line.strip() for line in listing.read_text().splitlines() if line.strip() and not line.startswith("#")]
    for name in names:
        if not (ROOT / SOURCES / name).is_file():
            raise Stop(f"{SOURCES}/sources.txt names {name}, which is not in {SOURCES}")
    return [f"{SOURCES}/{name}" for name in names]


def compiler(arch, flavour):
    """The driver's command line; user-mode headers find their own way."""
    return tools.compiler(arch, flavour) + ["-D_WIN32_IE=0x0800"]


def linker(arch, output, pdb, inputs, numbers):
    command = [
        tools.tool("lld-link-16"), "/nologo", "/dll", "/machine:" + arch, "/subsystem:windows,6.01", "/nodefaultlib",
        "/entry:" + ENTRY[arch], "/export:" + EXPORT[arch], "/noimplib", "/out:" + output, "/base:0x10000000", "/dynamicbase",
        "/nxcompat", "/guard:cf", "/opt:ref", "/opt:noicf", "/release", "/Brepro", "/incremental:no", "/WX", "/osversion:6.01",
        "/version:" + numbers, "/debug", "/pdb:" + pdb, "/pdbaltpath:%_PDB%", "/pdbsourcepath:.",
    ]
    command.append("/highentropyva" if arch == "x64" else "/safeseh")
    return command + inputs


def compile_all(arch, flavour, folder):
    base = compiler(arch, flavour)
    plain = base + ["-fno-stack-protector", "-fno-builtin"]
    jobs = [(source, folder / (Path(source).stem + ".obj"), base + [f"-I{SOURCES}"]) for source in sources()]
    runtime = [*SHARED_RUNTIME, *(f"{USER_RUNTIME}/{path.name}" for path in sorted((ROOT / USER_RUNTIME).glob("*.c")))]
    jobs += [(source, folder / f"runtime_{Path(source).stem}.obj", plain) for source in runtime]
    with ThreadPoolExecutor(driver.WORKERS) as pool:
        list(pool.map(driver.compile_one, jobs))
    return [output for _, output, _ in jobs]


def make(arch, flavour, folder):
    """Compile and link in `folder`, which lies in the repository; return the DLL and its PDB."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [folder / f"{stem()}.dll", folder / f"{stem()}.pdb"]
    inputs = compile_all(arch, flavour, folder)
    inputs.append(driver.resource(folder, f"{SOURCES}/xennet_coinst.rc"))
    inputs += driver.imports(arch, folder, LIBRARIES)
    found = version.values()
    driver.run(linker(arch, *(str(path.relative_to(ROOT)) for path in names), [str(path.relative_to(ROOT)) for path in inputs],
                      f"{found['MAJOR_VERSION']}.{found['MINOR_VERSION']}"), f"linking {names[0].name} for {arch}")
    return names
