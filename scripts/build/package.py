# SPDX-License-Identifier: BSD-2-Clause
"""From what the compilers made to the package folders: signed, catalogued, with symbols stored, in archives.

xennet/x64 and xennet/x86 are for Windows 10 1607 and later, xennet/windows7/x64 and x86 for what came before. A package
folder holds the driver, for old Windows the co-installer, their PDBs, INF, catalog, install scripts and, when a test
certificate signed, that certificate. It is put together in build/ and then delivered: each file is replaced whole or
not at all, so a reader never meets half of one.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from scripts.build import archive as sources, driver, editions, templates, version
from scripts.inf import check as infcheck, template as build_inf
from scripts.sign import signer as sign
from scripts.sign.cabinet import cabinet
from scripts.cli import ROOT, Stop
from scripts.packages import python_with
from scripts.build.symbols import Store

PACKAGE = ROOT / "xennet"
ARCHIVE = ROOT / "xennet.tar"
STORE = ROOT / "build" / "symbols"
SCRIPTS = ("install.ps1", "uninstall.ps1", "common.ps1")
COUNTER_CLASSES = "xennet.mof"


def catalog(folder, arch, edition, members):
    """Write xennet.cat, not yet signed, over files of `folder`."""
    listing = folder / "hardware-ids.txt"
    listing.write_text("\n".join(build_inf.all_hardware_ids()) + "\n", encoding="ascii")
    output = folder / "xennet.cat.unsigned"
    done = subprocess.run([python_with("asn1crypto"), "-B", str(ROOT / "scripts" / "sign" / "catalog.py"), "--output",
                           str(output), "--arch", arch, "--edition", edition.name,
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


def assemble(arch, flavour, parts, signer):
    """Put one architecture's packages together of what was compiled, {edition: paths}; return {edition: {name: path}}.
    Of the same parts a package stays as it is.
    """
    return {edition: assemble_edition(arch, edition, flavour, made, signer) for edition, made in parts.items()}


def assemble_edition(arch, edition, flavour, made, signer):
    folder = ROOT / "build" / flavour / arch / edition.name
    stage, note, mark = folder / "package", folder / "package.made", fingerprint(arch, edition, made, signer)
    if not (note.is_file() and note.read_text(encoding="ascii") == mark):
        note.unlink(missing_ok=True)
        put_together(arch, edition, stage, made, signer)
        note.write_text(mark, encoding="ascii")
    return {path.name: path for path in sorted(stage.iterdir())}


def fingerprint(arch, edition, made, signer):
    """Of all that decides what is in a package: the parts, who signs, and the programs that put it together."""
    found = hashlib.sha256(repr((arch, edition, build_inf.all_hardware_ids(), version.values(), signer.who,
                                 signer.timestamp)).encode())
    paths = [*made, *(Path(word) for word in signer.who if Path(word).is_file()),
             *sorted((ROOT / "src" / "package").iterdir())]
    paths += [path for name in ("build", "sign", "inf") for path in sorted((ROOT / "scripts" / name).glob("*.py"))]
    for path in paths:
        found.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def put_together(arch, edition, stage, made, signer):
    check_inf(next(path for path in made if path.suffix == ".inf"), arch)
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    for path in made:
        if path.suffix in (".sys", ".dll"):
            signer.sign(path, stage / path.name)
        else:
            shutil.copyfile(path, stage / path.name)
    members = [path for path in sorted(stage.iterdir()) if path.suffix in (".sys", ".dll", ".inf")]
    signer.sign(catalog(stage.parent, arch, edition, members), stage / "xennet.cat")
    if signer.is_test:
        (stage / "xennet.cer").write_bytes(sign.der(signer.certificate))
    add_scripts(stage, arch, edition)


def script_places(arch, edition):
    """What the scripts for administrators are filled with."""
    return dict(templates.places(), ARCHITECTURE=arch, EDITION=edition.name, EDITION_WINDOWS=edition.windows)


def add_scripts(stage, arch, edition):
    """The scripts for administrators, and the WMI classes that they add and remove."""
    for name in SCRIPTS:
        text = version.fill(f"src/package/{name}", script_places(arch, edition))
        (stage / name).write_bytes(templates.windows_lines(text))
    classes = (ROOT / "src" / "xennet" / COUNTER_CLASSES).read_text(encoding="ascii")
    (stage / COUNTER_CLASSES).write_bytes(templates.windows_lines(classes))


def deliver(arch, edition, files):
    """Replace the package folder's files, and remove those that this package does not have."""
    package = PACKAGE / edition.path(arch)
    package.mkdir(parents=True, exist_ok=True)
    driver.deliver(files.values(), package)
    for path in package.iterdir():
        if path.name not in files and path.is_file():
            path.unlink()
    return package


def store_symbols(flavour, packages):
    """Store what was built and retire what is old. SYMBOL_SERVER names the store; by default it lies in build/."""
    store = symbol_store()
    for arch, parts in packages.items():
        # The driver is the same in both packages; the one with a co-installer has all there is.
        paths = {path.name: path for files in parts.values() for path in files.values()
                 if path.suffix in (".pdb", ".sys", ".dll")}
        store.add(list(paths.values()), "XenNet", version.text(), f"{flavour} {arch}")
    store.retire()


def delivered(flavour):
    """{path below the root: content} of the packages that lie in xennet/ and are of this version and flavour, also
    those of an architecture that this build leaves alone.
    """
    found = {}
    driver_version = re.compile(rf"^DriverVer *=.*,{re.escape(version.text())}\s*$", re.M)
    for stage in sorted((ROOT / "build" / flavour).glob("*/*/package")):
        arch, edition = stage.parts[-3], next(one for one in editions.EDITIONS if one.name == stage.parts[-2])
        files = {path.name: path.read_bytes() for path in sorted(stage.iterdir())}
        package = PACKAGE / edition.path(arch)
        if (driver_version.search(files.get("xennet.inf", b"").decode("latin-1"))
                and all((package / name).is_file() and (package / name).read_bytes() == content
                        for name, content in files.items())):
            found |= {f"xennet/{edition.path(arch)}/{name}": content for name, content in files.items()}
    return found


def archive(flavour):
    """source.tgz, and xennet.tar with it and what is delivered. Tells whether there was a repository."""
    source = sources.source_archive(version.epoch())
    members = {name: (content, False) for name, content in delivered(flavour).items()}
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
    """Deliver, store and archive what was assembled: {architecture: {edition: {name: path}}}."""
    for arch, parts in packages.items():
        for edition, files in parts.items():
            package = deliver(arch, edition, files)
            say(f"{package.relative_to(ROOT)}: xennet.sys {version.text()} {flavour} for {edition.windows}, "
                f"{files['xennet.sys'].stat().st_size} bytes, "
                f"signed with {'a test certificate' if signer.is_test else 'the given certificate'}")
    store_symbols(flavour, packages)
    if not archive(flavour):
        say("xennet/source.tgz: not made, because git finds no repository here")


def symbol_store():
    """The store that SYMBOL_SERVER names, or the one in build/; one that cannot be written stops the command."""
    store = Store(os.environ.get("SYMBOL_SERVER") or STORE)
    store.prepare()
    return store


def submission(arch, files, signer, say):
    """The cabinet for Partner Center: one architecture's package for Windows 10, in a folder of its own, signed."""
    folder = ROOT / "build" / "submission"
    folder.mkdir(parents=True, exist_ok=True)
    names = [name for name in ("xennet.inf", "xennet.sys", "xennet.pdb", "xennet.cat") if name in files]
    content = cabinet({f"XenNet_{arch}\\{name}": files[name].read_bytes() for name in names}, version.epoch())
    target = folder / f"xennet-{version.text()}-{arch}.cab"
    unsigned = target.with_suffix(".unsigned")
    unsigned.write_bytes(content)
    signer.sign(unsigned, target)
    unsigned.unlink()
    say(f"{target.relative_to(ROOT)}: for Partner Center, signed with "
        f"{'a test certificate, which Partner Center refuses' if signer.is_test else 'the given certificate'}")


def build(flavour, architectures, signer, say, with_submission=False):
    symbol_store()
    with driver.one_at_a_time():
        version.count()
        made = driver.make(architectures, flavour)
        packages = {arch: assemble(arch, flavour, made[arch], signer) for arch in architectures}
        finish(flavour, packages, signer, say)
        for arch in architectures if with_submission else ():
            submission(arch, packages[arch][editions.WINDOWS10], signer, say)
