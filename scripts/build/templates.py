# SPDX-License-Identifier: BSD-2-Clause
"""The package's text files made of templates: version.h, keywords.h, the INF, the scripts for administrators."""

from scripts.build import editions, events, mof, version
from scripts.inf import keywords, template

INF_ARCHITECTURES = {"x64": "amd64", "x86": "x86"}


def places():
    """All that the templates of the package may ask for."""
    return dict(version.places(), **template.places())


def headers(folder):
    """What sources and resources compiled with `folder` include; written on a change only."""
    folder.mkdir(parents=True, exist_ok=True)
    made = {
        "version.h": version.fill("src/version.h.in", places()).encode(),
        "keywords.h": keywords.header().encode(),
        "events.h": events.header().encode(),
        "messages.bin": events.table(),
        "counters.bmf": mof.compiled(),
    }
    for name, content in made.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != content:
            path.write_bytes(content)


def inf(arch, edition=editions.WINDOWS10):
    """The bytes of an INF. Windows tools expect CR LF."""
    return windows_lines(version.fill(edition.template, dict(places(), INF_ARCH=INF_ARCHITECTURES[arch])))


def windows_lines(text):
    return "\r\n".join(text.splitlines()).encode("ascii") + b"\r\n"
