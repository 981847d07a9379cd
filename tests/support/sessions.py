# SPDX-License-Identifier: BSD-2-Clause
"""What a document shows of a terminal: blocks in which a line begins with "$ ", and what the command printed. "..."
stands for anything, and numbers of eight and more hexadecimal digits for any.
"""

import re
from dataclasses import dataclass, field

from scripts.cli import ROOT

DOCUMENTS = [*sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*.md"))]


@dataclass
class Session:
    command: str
    lines: list = field(default_factory=list)

    def missing(self, said):
        """The first line that was not printed, in this order, or None."""
        at = 0
        for line in self.lines:
            match = re.compile(pattern(line), re.MULTILINE).search(said, at)
            if not match:
                return line
            at = match.end()
        return None


def pattern(line):
    text = re.escape(line.strip()).replace(r"\.\.\.", ".*")
    text = re.sub(r"(\\ )+", r"\\s+", text)
    return re.sub(r"0x[0-9a-f]{8,}", "0x[0-9a-f]+", text)


def blocks(path):
    """The indented blocks of a document, each a list of lines."""
    found, block = [], []
    for line in [*path.read_text(encoding="utf-8").splitlines(), "end"]:
        if line.startswith("    ") or not line.strip() and block:
            block.append(line[4:])
        elif block:
            found.append(block)
            block = []
    return found


def sessions(path):
    found = []
    for block in blocks(path):
        session = None
        for line in block:
            if line.startswith("$ "):
                session = Session(line[2:])
                found.append(session)
            elif session and line.strip():
                session.lines.append(line)
    return found


def code(path, mark):
    """The text of the block that has `mark` in it."""
    texts = ["\n".join(block).strip("\n") for block in blocks(path)]
    chosen = [text for text in texts if mark in text]
    assert len(chosen) == 1, f"{path.name}: {mark} stands in {len(chosen)} blocks"
    return chosen[0]
