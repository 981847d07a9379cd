# SPDX-License-Identifier: BSD-2-Clause
"""From sources to one architecture's driver in build/: compile what changed, link, write the INF.

An object is compiled again when its command line or any file it read has changed. The driver's sources are the
lines of src/xennet/sources.txt, which the Visual Studio projects read too; toolchain/runtime adds what the open
toolchain lacks.
"""

import re
import shlex
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from scripts.inf import template as build_inf
from scripts.build import tools
from scripts.build import version
from scripts.build.tools import ROOT
from scripts.cli import Stop

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

DRIVER = "src/xennet"
RUNTIME = "toolchain/runtime"
WORKERS = 2
INF_ARCHITECTURES = {"x64": "amd64", "x86": "x86"}


def run(command, what):
    """Run a tool in the repository; its complaint is the user's to read."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode != 0:
        raise Stop(f"{what} failed:\n{(done.stdout + done.stderr).rstrip()}", 1)


def sources():
    """The driver's source files, relative to the repository, in the order of the list."""
    listing = ROOT / DRIVER / "sources.txt"
    if not listing.is_file():
        raise Stop(f"{DRIVER}/sources.txt is missing: it lists the driver's source files, one a line")
    names = [line.strip() for line in listing.read_text().splitlines() if line.strip() and not line.startswith("#")]
    for name in names:
        if not (ROOT / DRIVER / name).is_file():
            raise Stop(f"{DRIVER}/sources.txt names {name}, which is not in {DRIVER}")
    return [f"{DRIVER}/{name}" for name in names if name.endswith(".c")]


def version_header(folder):
    """version.h for the sources compiled into `folder`; it is written only when it changes, as it makes them stale."""
    path, text = folder / "version.h", version.fill("src/version.h.in", places())
    if not path.is_file() or path.read_text() != text:
        path.write_text(text)


def places():
    """All that the templates of the package may ask for."""
    return dict(version.places(), **build_inf.places())


def is_current(output, command, depfile):
    """Whether an output exists, was made by this very command, and is newer than all it was made from."""
    note = output.with_suffix(output.suffix + ".cmd")
    if not output.is_file() or not depfile.is_file() or not note.is_file() or note.read_text() != command:
        return False
    made = output.stat().st_mtime_ns
    for name in shlex.split(depfile.read_text().split(":", 1)[1].replace("\\\n", " ")):
        path = ROOT / name
        if not path.is_file() or path.stat().st_mtime_ns >= made:
            return False
    return True


def remember(output, command):
    output.with_suffix(output.suffix + ".cmd").write_text(command)


def compile_one(job):
    source, output, command = job
    depfile = output.with_suffix(".d")
    command = command + ["-MD", "-MF", str(depfile.relative_to(ROOT)), "-c", source, "-o", str(output.relative_to(ROOT))]
    text = shlex.join(command)
    if is_current(output, text, depfile):
        return
    output.unlink(missing_ok=True)
    run(command, f"compiling {source}")
    remember(output, text)


def compile_all(arch, flavour, folder):
    """Compile the driver and the runtime; return the objects in link order."""
    version_header(folder)
    base = tools.compiler(arch, flavour)
    jobs = []
    for source in sources():
        jobs.append((source, folder / (Path(source).stem + ".obj"), base + [f"-I{DRIVER}", f"-I{folder.relative_to(ROOT)}"]))
    for path in sorted((ROOT / RUNTIME).glob("*.c")):
        # Guards in these files would guard themselves, and 'memcmp' must not be turned into a call of memcmp.
        plain = base + ["-fno-stack-protector", "-fno-builtin"]
        jobs.append((f"{RUNTIME}/{path.name}", folder / f"runtime_{path.stem}.obj", plain))
    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(compile_one, jobs))
    return [output for _, output, _ in jobs]


def imports(arch, folder, names=tools.LIBRARIES):
    """Import libraries from toolchain/imports, reduced to what the architecture has."""
    made = []
    for name in names:
        lines = []
        for line in (ROOT / "toolchain" / "imports" / f"{name}.def").read_text().splitlines():
            body, _, note = line.partition(";")
            if not body.strip() or note.strip() in tools.ARCHITECTURES and note.strip() != arch:
                continue
            body = body.rstrip()
            if arch == "x64" and body.startswith(" "):
                body = re.sub(r"^( +)@?([^@]+).*", r"\1\2", body)
            lines.append(body)
        definition, library = folder / f"{name}.def", folder / f"{name}.lib"
        text = "\n".join(lines) + "\n"
        if not library.is_file() or not definition.is_file() or definition.read_text() != text:
            definition.write_text(text)
            run(tools.importer(arch, str(definition.relative_to(ROOT)), str(library.relative_to(ROOT))),
                f"making the import library of {name}")
        made.append(library)
    return made


def resource(folder, source=f"{DRIVER}/xennet.rc"):
    """The version resource, preprocessed by clang so that nothing else is needed for it."""
    version_header(folder)
    stem = Path(source).stem
    text, output = folder / f"{stem}.i.rc", folder / f"{stem}.res"
    if not (ROOT / source).is_file():
        raise Stop(f"{source} is missing: it holds the version resource")
    done = subprocess.run(
        [tools.tool("clang-16"), "--target=" + tools.TARGETS["x64"], "-E", "-x", "c", "-DRC_INVOKED", "-nostdinc",
         f"-I{folder.relative_to(ROOT)}", *tools.system_headers(), source], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Stop(f"preprocessing {source} failed:\n{done.stderr.rstrip()}", 1)
    text.write_text(done.stdout)
    run([tools.tool("llvm-rc-16"), "/nologo", "/no-preprocess", "/FO", str(output.relative_to(ROOT)),
         str(text.relative_to(ROOT))], f"compiling {source}")
    return output


def inf(arch):
    """The bytes of the INF. Windows tools expect CR LF."""
    text = version.fill("src/xennet.inf", dict(places(), INF_ARCH=INF_ARCHITECTURES[arch]))
    return windows_lines(text)


def windows_lines(text):
    return "\r\n".join(text.splitlines()).encode("ascii") + b"\r\n"


@contextmanager
def one_at_a_time():
    """Two builds in one repository take turns: they share objects and the package folder."""
    (ROOT / "build").mkdir(exist_ok=True)
    with open(ROOT / "build" / ".driver.lock", "w", encoding="ascii") as lock:
        if sys.platform == "win32":
            msvcrt.locking(lock.fileno(), msvcrt.LK_LOCK, 1)
        else:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def make(arch, flavour):
    """Make one architecture's driver, PDB and INF in build/; return the three."""
    folder = ROOT / "build" / flavour / arch
    folder.mkdir(parents=True, exist_ok=True)
    inputs = compile_all(arch, flavour, folder) + [resource(folder)] + imports(arch, folder)
    found = version.values()
    names = [folder / "xennet.sys", folder / "xennet.pdb"]
    run(tools.linker(arch, *(str(path.relative_to(ROOT)) for path in names),
                     [str(path.relative_to(ROOT)) for path in inputs],
                     f"{found['MAJOR_VERSION']}.{found['MINOR_VERSION']}"), f"linking xennet.sys for {arch}")
    (folder / "xennet.inf").write_bytes(inf(arch))
    return names + [folder / "xennet.inf"]


def deliver(paths, package):
    """Put files into the package folder: each is replaced whole or not at all, so a reader never meets half."""
    for path in paths:
        fresh = package / (path.name + ".new")
        shutil.copyfile(path, fresh)
        fresh.replace(package / path.name)
