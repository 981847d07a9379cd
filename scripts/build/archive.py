# SPDX-License-Identifier: BSD-2-Clause
"""Archives with nothing in them but names, contents and permissions: the same files give the same bytes.

source.tgz holds exactly the files that git tracks, as they are in the folder; xennet.tar holds the package.
"""

import gzip
import io
import subprocess
import tarfile

from scripts.cli import ROOT


def tracked(root=ROOT):
    """{path: is executable} of the files that git tracks and that are there, or None without git or a repository. One
    around this folder counts only if it tracks something here: sources unpacked inside another project are not its.
    """
    try:
        done = subprocess.run(["git", "ls-files", "--stage", "-z"], cwd=root, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    if done.returncode != 0:
        return None
    found = {}
    for entry in done.stdout.decode().split("\0"):
        if entry:
            mode, name = entry.split(" ", 1)[0], entry.split("\t", 1)[1]
            if (root / name).is_file():
                found[name] = mode == "100755"
    return found if found or (root / ".git").exists() else None


def tar(members, epoch):
    """A tar archive of {name: (content, is executable)} in the order of the names."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(members):
            content, executable = members[name]
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime, entry.mode = len(content), epoch, 0o755 if executable else 0o644
            archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def source_archive(epoch, root=ROOT):
    """The bytes of source.tgz, or None where there is no repository."""
    names = tracked(root)
    if names is None:
        return None
    members = {f"xennet/{name}": ((root / name).read_bytes(), executable) for name, executable in names.items()}
    return gzip.compress(tar(members, epoch), 6, mtime=epoch)
