# SPDX-License-Identifier: BSD-2-Clause
"""What one build is called: version, company and date, each from an environment variable or its default.

Everything that ends up in the package and is not source comes from here, so two builds with the same values are
the same to the byte. The build number, when it is not given, counts the different sources that were built in this
folder: .build_number holds it, count() raises it, and building the same sources again keeps it. A fresh clone
starts at 0.
"""

import datetime
import hashlib
import os
import re
from pathlib import Path

from scripts.cli import ROOT, Stop

DEFAULTS = {
    "MAJOR_VERSION": "10",
    "MINOR_VERSION": "0",
    "MICRO_VERSION": "0",
    "BUILD_NUMBER": "0",
    "COMPANY_NAME": "Xen Project",
    "PRODUCT_NAME": "Xen",
    "VENDOR_PREFIX": "XP",
    "VENDOR_DEVICE_ID": "",
    "INF_DATE": "01/01/2026",  # the date Windows compares between packages: month/day/year
}
NUMBERS = ("MAJOR_VERSION", "MINOR_VERSION", "MICRO_VERSION", "BUILD_NUMBER")
# A name stands in C strings, in INF strings and in a certificate's name: none of their special characters.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 .,()&'+-]{0,63}")
FORMS = {
    "COMPANY_NAME": (NAME, "up to 64 letters, digits, blanks and .,()&'+-"),
    "PRODUCT_NAME": (NAME, "up to 64 letters, digits, blanks and .,()&'+-"),
    "VENDOR_PREFIX": (re.compile("[A-Z]{2}"), "two capital letters, as XP"),
    "VENDOR_DEVICE_ID": (re.compile("|[0-9A-F]{4}"), "four hexadecimal digits in capitals, as C000"),
}
NUMBER_FILE = ROOT / ".build_number"
COUNTED_FILE = ROOT / "build" / ".counted"
SOURCES = ("src", "include", "toolchain")
PLACEHOLDER = re.compile(r"@([A-Z0-9_]+)@")


def values():
    """The names above with their values as text; one that the package cannot carry stops the command."""
    found = {name: os.environ.get(name) or default for name, default in DEFAULTS.items()}
    if not os.environ.get("BUILD_NUMBER"):
        found["BUILD_NUMBER"] = str(last_number() or 0)
    for name in NUMBERS:
        if not re.fullmatch("[0-9]{1,5}", found[name]) or int(found[name]) > 65535:
            raise Stop(f"{name} is '{found[name]}': a version has four numbers from 0 to 65535.")
        found[name] = str(int(found[name]))
    for name, (form, words) in FORMS.items():
        if not form.fullmatch(found[name]):
            raise Stop(f"{name} is '{found[name]}': give {words}")
    try:
        found["INF_DATE"] = datetime.datetime.strptime(found["INF_DATE"], "%m/%d/%Y").strftime("%m/%d/%Y")
    except ValueError:
        raise Stop(f"INF_DATE is '{found['INF_DATE']}': give month/day/year, as 01/31/2026") from None
    return found


def text():
    """The version as users see it: 10.0.0.0."""
    found = values()
    return ".".join(found[name] for name in NUMBERS)


def places():
    """What the templates' @NAME@ places of this module become."""
    found = values()
    # In drivers/ of xenstore a blank separates the words, so the vendor has none.
    vendor = re.sub("[^A-Za-z0-9]", "_", found["COMPANY_NAME"])
    return dict(found, VERSION=text(), VENDOR=vendor, YEAR=found["INF_DATE"].rsplit("/", 1)[-1])


def epoch():
    """INF_DATE in seconds: the one date that archives carry."""
    date = datetime.datetime.strptime(values()["INF_DATE"], "%m/%d/%Y")
    return int(date.replace(tzinfo=datetime.timezone.utc).timestamp())


def fill(template, known):
    """A template with its @NAME@ places filled from `known`; a place that nobody knows stops the command."""
    path = ROOT / template
    if not path.is_file():
        raise Stop(f"{template} is missing: it is a template of the package")

    def value(match):
        if match.group(1) not in known:
            raise Stop(f"{template} asks for @{match.group(1)}@, which the build does not know; it knows "
                       f"{', '.join(sorted(known))}")
        return known[match.group(1)]

    return PLACEHOLDER.sub(value, path.read_text(encoding="ascii"))


def last_number():
    """The number of the last build that was counted, or None before the first."""
    if not NUMBER_FILE.is_file():
        return None
    held = NUMBER_FILE.read_text(encoding="ascii").strip()
    if not re.fullmatch("[0-9]{1,5}", held):
        raise Stop(f"{NUMBER_FILE.name} holds '{held}' instead of a number: remove it, and counting starts at 0 again")
    return int(held)


def _fingerprint():
    found = hashlib.sha256(repr({name: value for name, value in values().items() if name != "BUILD_NUMBER"}).encode())
    for path in sorted(path for folder in SOURCES for path in (ROOT / folder).rglob("*") if path.is_file()):
        found.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def count():
    """Raise the build number if the sources are not those of the last build. A given BUILD_NUMBER counts nothing."""
    if os.environ.get("BUILD_NUMBER"):
        return
    number, fingerprint = last_number(), _fingerprint()
    if number is not None and COUNTED_FILE.is_file() and COUNTED_FILE.read_text(encoding="ascii") == fingerprint:
        return
    if number == 65535:
        raise Stop(f"{NUMBER_FILE.name} has reached 65535, the highest build number: raise MICRO_VERSION and remove "
                   "that file")
    COUNTED_FILE.parent.mkdir(exist_ok=True)
    _replace(NUMBER_FILE, f"{0 if number is None else number + 1}\n")
    _replace(COUNTED_FILE, fingerprint)


def _replace(path, content):
    fresh = Path(f"{path}.new")
    fresh.write_text(content, encoding="ascii")
    fresh.replace(path)
