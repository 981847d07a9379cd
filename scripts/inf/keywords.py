# SPDX-License-Identifier: BSD-2-Clause
"""The keywords of Device Manager's Advanced page: src/xennet/keywords.ini, read once, written as INF and keywords.h."""

import configparser
import re
from dataclasses import dataclass

from scripts.cli import ROOT, Stop

SOURCE = "src/xennet/keywords.ini"
CHOICE = "choice "
BUILDS = (19041, 22000, 26100)  # of which windows10.inf has sections for keywords that older Windows has no use for
NAME = re.compile(r"\*?[A-Za-z][A-Za-z0-9]*")
TEXT = re.compile(r"[ !#-~]+")  # no quotation mark: the INF has the text between two


@dataclass(frozen=True)
class Keyword:
    name: str
    member: str    # of XENNET_CONFIG
    text: str      # as Device Manager shows it
    default: int
    lowest: int
    highest: int
    step: int
    optional: bool  # may be absent: an installation does not write the default
    since: int      # the first build of Windows that has a use for it; 0: all
    deviation: str  # why it is not as Microsoft's tables have it, or empty
    choices: tuple  # (value, text's token, text) of each, or nothing for a number

    @property
    def token(self):
        return self.name.lstrip("*")


def number(text, of):
    if not re.fullmatch("[0-9]+", text.strip()):
        raise Stop(f"{SOURCE}: {of}: '{text.strip()}' is no number")
    return int(text)


def choices(text, prefix, of):
    """((value, token, text), ...) of lines "value = text", which must count up by ones."""
    found = []
    for line in text.strip().splitlines():
        value, mark, shown = (part.strip() for part in line.partition("="))
        if not mark or not TEXT.fullmatch(shown):
            raise Stop(f"{SOURCE}: {of}: '{line.strip()}' is not \"number = text\"")
        found.append((number(value, of), f"{prefix}{value}", shown))
    if len(found) < 2 or [value for value, _, _ in found] != list(range(found[0][0], found[0][0] + len(found))):
        raise Stop(f"{SOURCE}: {of}: a choice has two values or more, which count up by ones")
    return tuple(found)


def keyword(name, section, shared):
    missing = [word for word in ("member", "text", "default") if word not in section]
    if missing or ("values" in section) == ("range" in section):
        raise Stop(f"{SOURCE}: {name}: {', '.join(missing) or 'either values or range'} missing")
    if not NAME.fullmatch(name) or not NAME.fullmatch(section["member"]) or not TEXT.fullmatch(section["text"]):
        raise Stop(f"{SOURCE}: {name}: name, member or text cannot be written into the INF")
    listed = ()
    if "values" in section:
        listed = shared.get(section["values"]) or choices(section["values"], name.lstrip("*"), name)
        lowest, highest, step = listed[0][0], listed[-1][0], 1
    else:
        limits = section["range"].split()
        if len(limits) != 3:
            raise Stop(f"{SOURCE}: {name}: range is \"lowest highest step\"")
        lowest, highest, step = (number(limit, name) for limit in limits)
    default = number(section["default"], name)
    if (step == 0 or not lowest <= default <= highest or (default - lowest) % step or (highest - lowest) % step
            or highest > 0xffffffff):
        raise Stop(f"{SOURCE}: {name}: the default {default} is not {lowest} to {highest} in steps of {step}")
    if section.get("optional", "no") not in ("yes", "no"):
        raise Stop(f"{SOURCE}: {name}: optional is yes or no")
    since = number(section.get("since", "0"), name)
    if since not in (0, *BUILDS):
        raise Stop(f"{SOURCE}: {name}: since is one of {', '.join(map(str, BUILDS))}, for which the INF has a section")
    return Keyword(name, section["member"], section["text"], default, lowest, highest, step,
                   section.get("optional") == "yes", since, " ".join(section.get("deviation", "").split()), listed)


def read():
    """Every keyword, in the order of the file."""
    parser = configparser.ConfigParser(delimiters=("=",), comment_prefixes=("#",), interpolation=None,
                                       default_section="")
    try:
        if not parser.read(ROOT / SOURCE, encoding="ascii"):
            raise Stop(f"{SOURCE} is missing: the INF's keywords and the driver's table come from there")
    except configparser.Error as error:
        raise Stop(f"{SOURCE}: {error}") from error
    shared = {name.removeprefix(CHOICE):
              choices(parser[name].get("values", ""),
                      "".join(part.title() for part in name.removeprefix(CHOICE).split("-")), name)
              for name in parser.sections() if name.startswith(CHOICE)}
    return [keyword(name, parser[name], shared) for name in parser.sections() if not name.startswith(CHOICE)]


def table():
    """{keyword in lower case: (default, lowest, highest, step)}, as the driver has it."""
    return {each.name.lower(): (each.default, each.lowest, each.highest, each.step) for each in read()}


def inf_lines(since=0):
    """The lines of [XenNet_Params], or of the section for Windows from this build on."""
    def lines(each):
        yield f"ParamDesc, 0, %{each.token}%"
        yield f"Type, 0, \"{'enum' if each.choices else 'int'}\""
        yield f'Default, 0, "{each.default}"'
        yield f'Optional, 0, "{int(each.optional)}"'
        if not each.choices:
            yield from (f'{name}, 0, "{value}"' for name, value in
                        (("Min", each.lowest), ("Max", each.highest), ("Step", each.step)))

    return "\n\n".join("\n".join([*(f"HKR, Ndi\\params\\{each.name}, {line}" for line in lines(each)),
                                  *(f'HKR, Ndi\\params\\{each.name}\\enum, "{value}", 0, %{token}%'
                                    for value, token, _ in each.choices)])
                       for each in read() if each.since == since)


def inf_texts(newest=BUILDS[-1]):
    """Their part of [Strings], of an INF for Windows up to this build's sections."""
    found = [each for each in read() if each.since <= newest]
    texts = {each.token: each.text for each in found}
    texts.update((token, text) for each in found for _, token, text in each.choices)
    return "\n".join(f'{token} = "{text}"' for token, text in texts.items())


def header():
    """keywords.h, which config.c includes."""
    rows = " \\\n".join(f'    _Row("{each.name}", {each.member}, {each.default}, {each.lowest}, {each.highest}, '
                         f'{each.step})' for each in read())
    return (f"// Made of {SOURCE} by the build.\n#ifndef XENNET_KEYWORDS_H\n#define XENNET_KEYWORDS_H\n\n"
            "// Name, member of XENNET_CONFIG, default, minimum, maximum, step.\n"
            f"#define XENNET_KEYWORDS(_Row) \\\n{rows}\n\n#endif\n")
