#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The symbol store: PDBs and images where WinDbg looks for them, and addresses turned into functions and lines.

usage: symbols.py add --store FOLDER --product NAME --version TEXT FILE...
       symbols.py retire --store FOLDER [--days N]
       symbols.py resolve --store FOLDER IMAGE ADDRESS...

  add      store the files in one transaction; those that are there and fresh stay as they are
  retire   remove the transactions older than N days (30)
  resolve  function, file and line of addresses in IMAGE, given as offsets from its base (hexadecimal)

The layout is that of Microsoft's symstore, so both may work on one store: name.pdb/<GUID><age>/name.pdb and
name.sys/<time stamp><size>/name.sys, each folder with a refs.ptr that lists the transactions which need it; the
transactions themselves, server.txt (live), history.txt (all) and lastid.txt stand in 000Admin.
"""

import datetime
import os
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from scripts import cli
from scripts.cli import Stop
from scripts.sign.authenticode import Image

ADMIN = "000Admin"
RETIRE_DAYS = 30
# A file that is stored again within this time needs no new transaction; retirement keeps its distance from it.
FRESH_DAYS = 7


def pdb_key(image):
    """'<GUID><age>' of the PDB an image asks for."""
    found = image.codeview()
    if found is None:
        raise Stop("the image names no PDB: link it with debug information")
    guid, age, _ = found
    return f"{uuid.UUID(bytes_le=guid).hex.upper()}{age:X}"


def image_key(image):
    return f"{image.timestamp:08X}{image.size_of_image:x}"


def keys(paths):
    """{path: (name, key)}; a PDB takes its key from the image of the same stem, which must be among the files."""
    found, images = {}, {}
    for path in paths:
        if path.suffix.lower() != ".pdb":
            images[path.stem] = image = Image(path.read_bytes(), str(path))
            found[path] = (path.name, image_key(image))
    for path in paths:
        if path.suffix.lower() == ".pdb":
            if path.stem not in images:
                raise Stop(f"{path} comes without its image: give the .sys or .dll too, which says what the PDB is "
                           f"stored as")
            key = pdb_key(images[path.stem])
            if uuid.UUID(hex=key[:32]).bytes_le not in path.read_bytes():
                raise Stop(f"{path} does not belong to the image beside it: their GUIDs differ; build both again")
            found[path] = (path.name, key)
    return found


def read_lines(path):
    """A store's text file; Windows writes CR LF, and so do we."""
    return path.read_text(encoding="ascii", errors="replace").splitlines() if path.is_file() else []


def write_lines(path, lines):
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes("".join(line + "\r\n" for line in lines).encode("ascii", errors="replace"))
    fresh.replace(path)


class Store:
    def __init__(self, folder, now=None):
        self.folder = Path(folder)
        self.admin = self.folder / ADMIN
        self.now = now or datetime.datetime.now()

    def prepare(self):
        """Make the store's folders; one that cannot be written is named."""
        try:
            self.admin.mkdir(parents=True, exist_ok=True)
            (self.admin / "lastid.new").write_bytes(b"")
            (self.admin / "lastid.new").unlink()
            if not (self.folder / "pingme.txt").is_file():
                (self.folder / "pingme.txt").write_bytes(b"")
        except OSError as error:
            raise Stop(f"the symbol store {self.folder} cannot be written ({error.strerror}): point SYMBOL_SERVER to a "
                       "folder that this user may write") from None

    def _next(self):
        held = "".join(read_lines(self.admin / "lastid.txt")).strip()
        if held and not held.isdigit():
            raise Stop(f"{self.admin / 'lastid.txt'} holds '{held}' instead of a number: this is not a symbol store")
        number = f"{int(held or 0) + 1:010d}"
        (self.admin / "lastid.txt").write_text(number, encoding="ascii")
        return number

    def transactions(self):
        """{number: date} of the live additions; lines of a kind we do not write are left alone."""
        found = {}
        for line in read_lines(self.admin / "server.txt"):
            parts = line.split(",")
            try:
                found[parts[0]] = datetime.datetime.strptime(f"{parts[3]} {parts[4]}", "%m/%d/%Y %H:%M:%S")
            except (IndexError, ValueError):
                continue
        return found

    def _is_fresh(self, name, key, live):
        folder = self.folder / name / key
        newest = [live[line.split(",")[0]] for line in read_lines(folder / "refs.ptr") if line.split(",")[0] in live]
        return (
            folder / name).is_file() and bool(newest) and self.now - max(newest) < datetime.timedelta(days=FRESH_DAYS)

    def add(self, paths, product, version, comment=""):
        """Store files; return the transaction's number, or None if all are there and fresh."""
        self.prepare()
        live = self.transactions()
        wanted = {path: entry for path, entry in keys(paths).items() if not self._is_fresh(*entry, live)}
        if not wanted:
            return None
        number = self._next()
        lines = []
        for path, (name, key) in wanted.items():
            folder = self.folder / name / key
            folder.mkdir(parents=True, exist_ok=True)
            fresh = folder / (name + ".new")
            shutil.copyfile(path, fresh)
            fresh.replace(folder / name)
            write_lines(folder / "refs.ptr", read_lines(folder / "refs.ptr") + [f"{number},file,{path}"])
            lines.append(f'"{name}\\{key}","{path}"')
        write_lines(self.admin / number, lines)
        entry = ",".join([number, "add", "file", self.now.strftime("%m/%d/%Y,%H:%M:%S"), f'"{product}"', f'"{version}"',
                          f'"{comment}"', ""])
        for name in ("server.txt", "history.txt"):
            write_lines(self.admin / name, read_lines(self.admin / name) + [entry])
        return number

    def retire(self, days=RETIRE_DAYS):
        """Remove the transactions older than `days` and the files that nothing else refers to; return their numbers."""
        limit = self.now - datetime.timedelta(days=days)
        old = [number for number, date in self.transactions().items() if date < limit]
        for number in old:
            self._remove(number)
        return old

    def _remove(self, number):
        path = self.admin / number
        for line in read_lines(path):
            place = line.split('","')[0].strip('"')
            parts = place.split("\\")
            if len(parts) != 2 or ".." in parts or any("/" in part for part in parts):
                raise Stop(f"{path} names '{place}', which is no place in a symbol store: nothing was removed for it")
            folder = self.folder / parts[0] / parts[1]
            rest = [line for line in read_lines(folder / "refs.ptr") if line.split(",")[0] != number]
            if rest:
                write_lines(folder / "refs.ptr", rest)
            elif folder.is_dir():
                shutil.rmtree(folder)
                if not any(folder.parent.iterdir()):
                    folder.parent.rmdir()
        kept = [line for line in read_lines(self.admin / "server.txt") if line.split(",")[0] != number]
        write_lines(self.admin / "server.txt", kept)
        write_lines(self.admin / "history.txt",
                    read_lines(self.admin / "history.txt") + [f"{self._next()},del,{number}"])
        if path.is_file():
            path.rename(path.with_name(number + ".deleted"))

    def pdb(self, image):
        """The PDB that belongs to an image."""
        name = image.codeview()
        key = pdb_key(image)
        path = self.folder / name[2] / key / name[2]
        if not path.is_file():
            raise Stop(f"{self.folder} has no {name[2]} with the key {key}: build.py stores it, and keeps it "
                       f"{RETIRE_DAYS} days")
        return path


def resolve(store, path, addresses):
    """['Function at file:line' with what was inlined] for offsets from the image's base."""
    symbolizer = shutil.which("llvm-symbolizer-16") or shutil.which("llvm-symbolizer")
    if symbolizer is None:
        raise Stop("llvm-symbolizer-16 is missing: install the Debian package llvm-16")
    pdb = store.pdb(Image(Path(path).read_bytes(), str(path)))
    # The image names its PDB without a folder, so the symbolizer takes the one in the folder it is started in.
    done = subprocess.run([symbolizer, "--pretty-print", "--relative-address", f"--obj={Path(path).resolve()}",
                           *(hex(address) for address in addresses)], cwd=pdb.parent, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Stop(f"llvm-symbolizer failed: {done.stderr.rstrip()}", 1)
    return [text.strip() for text in done.stdout.strip().split("\n\n")]


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("command", choices=("add", "retire", "resolve"))
    parser.add_argument("--store", default=os.environ.get("SYMBOL_SERVER"))
    parser.add_argument("--product", default="XenNet")
    parser.add_argument("--version", default="")
    parser.add_argument("--days", type=int, default=RETIRE_DAYS)
    parser.add_argument("names", nargs="*")
    options = parser.parse_intermixed_args(arguments)
    if not options.store:
        raise Stop("name the symbol store with --store or in SYMBOL_SERVER")
    store = Store(options.store)
    if options.command == "add":
        print(store.add([Path(name).resolve() for name in options.names], options.product, options.version)
              or "nothing new")
    elif options.command == "retire":
        print("\n".join(store.retire(options.days)) or "nothing old")
    else:
        try:
            addresses = [int(name, 16) for name in options.names[1:]]
        except ValueError as error:
            raise Stop(f"an address is a hexadecimal number: {error}") from None
        if not addresses:
            raise Stop("resolve takes an image and at least one address")
        print("\n".join(resolve(store, options.names[0], addresses)))


if __name__ == "__main__":
    sys.exit(cli.main(command, __doc__))
