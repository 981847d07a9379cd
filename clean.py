#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Remove the files that git neither tracks nor ignores, after listing them and asking.

usage: clean.py [--yes] [--list]

  --yes     do not ask
  --list    list only

What git ignores (build/, xennet/ and the like) stays, and so does every repository that lies within this one.

  ./clean.py --list
  ./clean.py --yes
"""

import subprocess
import sys

sys.dont_write_bytecode = True

from scripts import cli


def strays(root):
    """Paths relative to `root`, sorted; a sentence instead where git cannot tell."""
    try:
        done = subprocess.run(["git", "ls-files", "--others", "--exclude-standard", "-z"], cwd=root,
                              capture_output=True, check=False)
    except FileNotFoundError:
        return "git is missing, which knows what is tracked: install it"
    if done.returncode != 0:
        return f"git cannot tell what is tracked in {root}: {done.stderr.decode(errors='replace').strip()}"
    if not (root / ".git").exists() and not subprocess.run(["git", "ls-files"], cwd=root, capture_output=True,
                                                           check=False).stdout:
        return (f"{root} lies in another repository, which tracks none of it, so every file would count as a stray: "
                "use a clone")
    names = sorted(name for name in done.stdout.decode(errors="surrogateescape").split("\0") if name)
    return [name for name in names if not name.endswith("/")]    # a name with a slash at its end is another repository


def remove(root, name):
    """Remove one file and the folders that it leaves empty."""
    path = root / name
    path.unlink()
    for folder in path.parents:
        if folder == root or any(folder.iterdir()):
            break
        folder.rmdir()


def shown(name):
    return name if name.isprintable() else repr(name)


def command(arguments, root=cli.ROOT):
    parser = cli.Parser(__doc__)
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--list", action="store_true", help="list only")
    options = parser.parse_args(arguments)
    names = strays(root)
    if isinstance(names, str):
        raise cli.Stop(names)
    if not names:
        print("nothing to remove")
        return 0
    print("\n".join(map(shown, names)))
    if options.list:
        return 0
    if not options.yes:
        try:
            answer = input(f"Remove {'this file' if len(names) == 1 else f'these {len(names)} files'}? [y/N] ")
        except EOFError:
            answer = ""
            print()
        if answer.strip().lower() not in ("y", "yes"):
            print("nothing was removed")
            return 1
    failed = 0
    for name in names:
        try:
            remove(root, name)
        except OSError as error:
            print(f"clean.py: {shown(name)} was not removed: {error.strerror}", file=sys.stderr)
            failed += 1
    return 2 if failed else 0


if __name__ == "__main__":
    sys.exit(cli.main(command))
