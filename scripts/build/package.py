# SPDX-License-Identifier: BSD-2-Clause
"""From what the compilers made to xennet/x64 and xennet/x86: signed, catalogued, with symbols stored, in archives.

A package folder holds driver, co-installer, their PDBs, INF, catalog, install scripts and, when a test certificate
signed, that certificate. It is put together in build/ and then delivered: each file is replaced whole or not at all, so
a reader never meets half of one.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.build import archive as sources, driver, templates, version
from scripts.inf import check as infcheck, template as build_inf
from scripts.sign import signer as sign
from scripts.cli import ROOT, Stop
from scripts.build.symbols import Store

PACKAGE = ROOT / "xennet"
ARCHIVE = ROOT / "xennet.tar"
STORE = ROOT / "build" / "symbols"
SCRIPTS = ("install.ps1", "uninstall.ps1")
COUNTER_CLASSES = "xennet.mof"
SYSTEM_PYTHON = "/usr/bin/python3"


def hardware_ids():
    """Every device the INF has a model for."""
    return [f"XENVIF\\VEN_{vendor}&DEV_NET&REV_{row[0]}" for row in reversed(build_inf.revisions())
            for vendor in build_inf.vendors()]


def python_with_asn1():
    """A Python that has asn1crypto: this one, or Debian's when this is another."""
    if importlib.util.find_spec("asn1crypto"):
        return sys.executable
    if sys.executable != SYSTEM_PYTHON and Path(SYSTEM_PYTHON).is_file():
        done = subprocess.run([SYSTEM_PYTHON, "-B", "-c", "import asn1crypto"], stderr=subprocess.DEVNULL, check=False)
        if done.returncode == 0:
            return SYSTEM_PYTHON
    raise Stop("asn1crypto is missing, which writes the catalog: install the Debian package python3-asn1crypto")


def catalog(folder, arch, members):
    """Write xennet.cat, not yet signed, over files of `folder`."""
    listing = folder / "hardware-ids.txt"
    listing.write_text("\n".join(hardware_ids()) + "\n", encoding="ascii")
    output = folder / "xennet.cat.unsigned"
    done = subprocess.run([python_with_asn1(), "-B", str(ROOT / "scripts" / "sign" / "catalog.py"), "--output",
                           str(output), "--arch", arch,
                           "--date", version.values()["INF_DATE"], "--hardware-ids", str(listing), *map(str, members)],
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Stop(f"making the catalog for {arch} failed:\n{done.stderr.rstrip()}", 1)
    return output


def check_inf(path, arch):
    found = infcheck.check(path.read_bytes(), arch)
    if found:
        raise Stop("the INF breaks rules:\n" + "\n".join(f"{path}:{line}: {rule}: {text}"
                                                         for line, rule, text in found), 1)


def assemble(arch, flavour, made, signer):
    """Put one architecture's package together of what was compiled; return {name: path}. Of the same parts it stays as
    it is.
    """
    folder = ROOT / "build" / flavour / arch
    stage, note, mark = folder / "package", folder / "package.made", fingerprint(arch, made, signer)
    if not (note.is_file() and note.read_text(encoding="ascii") == mark):
        note.unlink(missing_ok=True)
        put_together(arch, stage, made, signer)
        note.write_text(mark, encoding="ascii")
    return {path.name: path for path in sorted(stage.iterdir())}


def fingerprint(arch, made, signer):
    """Of all that decides what is in a package: the parts, who signs, and the programs that put it together."""
    found = hashlib.sha256(repr((arch, hardware_ids(), version.values(), signer.who, signer.timestamp)).encode())
    paths = [*made, *(Path(word) for word in signer.who if Path(word).is_file()), *(ROOT / "src").glob("*.ps1"),
             ROOT / "src" / "xennet" / COUNTER_CLASSES]
    paths += [path for name in ("build", "sign", "inf") for path in sorted((ROOT / "scripts" / name).glob("*.py"))]
    for path in paths:
        found.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def put_together(arch, stage, made, signer):
    check_inf(next(path for path in made if path.suffix == ".inf"), arch)
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    for path in made:
        if path.suffix in (".sys", ".dll"):
            signer.sign(path, stage / path.name)
        else:
            shutil.copyfile(path, stage / path.name)
    members = [path for path in sorted(stage.iterdir()) if path.suffix in (".sys", ".dll", ".inf")]
    signer.sign(catalog(stage.parent, arch, members), stage / "xennet.cat")
    if signer.is_test:
        (stage / "xennet.cer").write_bytes(sign.der(signer.certificate))
    add_scripts(stage, arch)


def add_scripts(stage, arch):
    """The scripts for administrators, and the WMI classes that they add and remove."""
    for name in SCRIPTS:
        text = version.fill(f"src/{name}", dict(templates.places(), ARCHITECTURE=arch))
        (stage / name).write_bytes(templates.windows_lines(text))
    classes = (ROOT / "src" / "xennet" / COUNTER_CLASSES).read_text(encoding="ascii")
    (stage / COUNTER_CLASSES).write_bytes(templates.windows_lines(classes))


def deliver(arch, files):
    """Replace the package folder's files, and remove those that this package does not have."""
    package = PACKAGE / arch
    package.mkdir(parents=True, exist_ok=True)
    driver.deliver(files.values(), package)
    for path in package.iterdir():
        if path.name not in files and path.is_file():
            path.unlink()
    return package


def store_symbols(flavour, packages):
    """Store what was built and retire what is old. SYMBOL_SERVER names the store; by default it lies in build/."""
    store = Store(os.environ.get("SYMBOL_SERVER") or STORE)
    for arch, files in packages.items():
        paths = [path for path in files.values() if path.suffix in (".pdb", ".sys", ".dll")]
        store.add(paths, "XenNet", version.text(), f"{flavour} {arch}")
    store.retire()


def archive(packages):
    """source.tgz, and xennet.tar with it and the packages just built. Tells whether there was a repository."""
    source = sources.source_archive(version.epoch())
    members = {f"xennet/{arch}/{name}": (path.read_bytes(), False) for arch, files in packages.items()
               for name, path in files.items()}
    target = PACKAGE / "source.tgz"
    if source is None:
        target.unlink(missing_ok=True)
    else:
        members["xennet/source.tgz"] = (source, False)
        replace(target, source)
    replace(ARCHIVE, sources.tar(members, version.epoch()))
    return source is not None


def replace(path, content):
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(content)
    fresh.replace(path)


def finish(flavour, packages, signer, say):
    """Deliver, store and archive what was assembled: {architecture: {name: path}}."""
    for arch, files in packages.items():
        package = deliver(arch, files)
        say(f"{package.relative_to(ROOT)}: xennet.sys {version.text()} {flavour}, {files['xennet.sys'].stat().st_size} "
            "bytes, "
            f"signed with {'a test certificate' if signer.is_test else 'the given certificate'}")
    store_symbols(flavour, packages)
    if not archive(packages):
        say("xennet/source.tgz: not made, because git finds no repository here")


def build(flavour, architectures, signer, say):
    with driver.one_at_a_time():
        version.count()
        made = driver.make(architectures, flavour)
        finish(flavour, {arch: assemble(arch, flavour, made[arch], signer) for arch in architectures}, signer, say)
