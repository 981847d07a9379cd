# SPDX-License-Identifier: BSD-2-Clause
"""Reads an INF as SetupAPI does: sections of lines, values split at commas outside quotes, %strings% kept and resolved.

Section names, keys and string names are the same in any case. Sections of one name are one section.
"""

import re
from dataclasses import dataclass, field

STRING = re.compile(r"%([^%]*)%")


@dataclass
class Line:
    number: int      # in the file, from 1
    key: str         # before the first = outside quotes, or ""
    values: list     # the comma-separated values, quotes taken off
    quoted: list     # which of them stood in quotes


@dataclass
class Section:
    name: str
    number: int
    lines: list = field(default_factory=list)

    def get(self, key):
        """The first line with a key, or None."""
        return next((line for line in self.lines if line.key.lower() == key.lower()), None)

    def all(self, key):
        return [line for line in self.lines if line.key.lower() == key.lower()]

    def value(self, key):
        line = self.get(key)
        return line.values[0] if line and line.values else None


def uncommented(text):
    """A line up to the ; outside quotes."""
    inside = False
    for index, character in enumerate(text):
        if character == '"':
            inside = not inside
        elif character == ";" and not inside:
            return text[:index]
    return text


def split(text, separator):
    """Split at a separator outside quotes."""
    parts, start, inside = [], 0, False
    for index, character in enumerate(text):
        if character == '"':
            inside = not inside
        elif character == separator and not inside:
            parts.append(text[start:index])
            start = index + 1
    return parts + [text[start:]]


def unquoted(text):
    text = text.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        return text[1:-1].replace('""', '"'), True
    return text.replace('"', ""), False


class Inf:
    def __init__(self, data):
        self.problems = []    # (line, text): what is wrong with the file before any rule is asked
        self.sections = {}    # lower-case name: Section
        self.data = data
        if data.startswith(b"\xff\xfe"):
            text = data[2:].decode("utf-16-le")
        else:
            text = data.decode("latin-1")
            if not data.isascii():
                self.problems.append((1, "is neither ASCII nor UTF-16 with a byte order mark"))
        self._read(text)
        strings = self.sections.get("strings")
        self.strings = {line.key.lower(): line.values[0] for line in strings.lines if line.values} if strings else {}

    def _read(self, text):
        current, pending = None, ""
        for number, raw in enumerate(text.split("\n"), 1):
            body = pending + uncommented(raw).strip()
            pending = ""
            if body.endswith("\\") and not body.startswith("["):
                pending = body[:-1]
                continue
            if body.count('"') % 2:
                self.problems.append((number, "has a quote that is not closed"))
            if not body:
                continue
            if body.startswith("["):
                if not body.endswith("]"):
                    self.problems.append((number, f"'{body}' is not a section name in brackets"))
                name = body.strip("[]").strip()
                current = self.sections.setdefault(name.lower(), Section(name, number))
            elif current is None:
                self.problems.append((number, "stands before the first section"))
            else:
                current.lines.append(self._line(number, body))

    @staticmethod
    def _line(number, body):
        head, *rest = split(body, "=")
        key = unquoted(head)[0] if rest else ""
        values = [unquoted(value) for value in split("=".join(rest) if rest else body, ",")]
        return Line(number, key, [value for value, _ in values], [quoted for _, quoted in values])

    def section(self, name):
        return self.sections.get(name.lower())

    def text(self, value):
        """A value with its %strings% replaced; one that is not there stays as it is."""
        return (STRING.sub(lambda match: self.strings.get(match.group(1).lower(), match.group(0)) if match.group(1)
                           else "%", value))
