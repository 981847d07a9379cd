#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write a security catalog: the signed list of a driver package's files by which Windows knows them.

usage: catalog.py --output FILE --date MM/DD/YYYY --arch x64|x86 --edition windows7|windows10 [--hardware-ids FILE]
                  MEMBER...
       catalog.py --list CATALOG

Needs asn1crypto (Debian package python3-asn1crypto). The catalog comes out unsigned; scripts/sign/signer.py signs it.

A catalog is a PKCS #7 message around a certificate trust list whose subjects are files. Nothing in it depends on the
clock or on chance: the date is the driver's, the list's identifier is a hash over its members. There are two layouts:

  windows7    version 1, which Windows 7 reads: a subject's identifier is its hash in hexadecimal, and each file is
              there twice, by SHA-1, as Windows 7 looks it up, and by SHA-256
  windows10   version 2, since Windows 8: the identifier is the SHA-256 hash itself, and there is no other
"""

import datetime
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from asn1crypto import algos, core

from scripts import cli
from scripts.cli import Stop
from scripts.sign import authenticode

ATTRIBUTE_FLAGS = 0x10010001     # authenticated, value is text, name is text
CERTIFICATE_VERSION = 0x200
PE_SUBJECT = "{C689AAB8-8E78-11D0-8C47-00C04FC295EE}"      # hashed as an image
FLAT_SUBJECT = "{DE351A42-8E59-11D0-8C47-00C04FC295EE}"    # hashed as it is


@dataclass(frozen=True)
class Layout:
    """What differs. Systems as Inf2Cat spells them; 2 is the NT platform."""
    version: int
    algorithms: tuple
    member: str       # the list's algorithm: how members are identified
    attribute: str    # OSAttr of each file
    systems: tuple    # OS of the list
    clients: tuple    # of these the ones with a 32-bit edition: Windows Server has none since 2008 R2


LAYOUTS = {
    "windows7": Layout(1, ("sha1", "sha256"), "1.3.6.1.4.1.311.12.1.2", "2:6.1,2:6.2,2:6.3,2:10.0",
                       ("7{0}", "Server2008R2{0}", "8{0}", "Server8{0}", "_v63_{0}", "Server_v63_{0}", "_v100_{0}",
                        "Server_v100_{0}"), ("7{0}", "8{0}", "_v63_{0}", "_v100_{0}")),
    "windows10": Layout(2, ("sha256",), "1.3.6.1.4.1.311.12.1.3", "2:10.0", ("_v100_{0}", "Server_v100_{0}"),
                        ("_v100_{0}",)),
}

CATALOG_LIST = "1.3.6.1.4.1.311.12.1.1"


class ObjectIdentifiers(core.SequenceOf):
    _child_spec = core.ObjectIdentifier


class NameValue(core.Sequence):
    _fields = [("tag", core.BMPString), ("flags", core.Integer), ("value", core.OctetString)]


class MemberInfo(core.Sequence):
    _fields = [("subject_guid", core.BMPString), ("certificate_version", core.Integer)]


class MemberKind(core.Choice):
    """In version 2 the kind of a member is an empty element with its number."""
    _alternatives = [("pe_image", core.Null, {"implicit": 0}), ("flat", core.Null, {"implicit": 2})]


class MemberKinds(core.SetOf):
    _child_spec = MemberKind


class SpcString(core.Choice):
    _alternatives = [("unicode", core.BMPString, {"implicit": 0}), ("ascii", core.IA5String, {"implicit": 1})]


class SpcLink(core.Choice):
    _alternatives = [("url", core.IA5String, {"implicit": 0}), ("file", SpcString, {"explicit": 2})]


class SpcPeImageData(core.Sequence):
    _fields = [("flags", core.BitString), ("file", SpcLink, {"explicit": 0})]


class SubjectKind(core.ObjectIdentifier):
    _map = {"1.3.6.1.4.1.311.2.1.15": "pe_image", "1.3.6.1.4.1.311.2.1.25": "flat"}


class SubjectType(core.Sequence):
    _fields = [("type", SubjectKind), ("value", core.Any)]
    _oid_pair = ("type", "value")
    _oid_specs = {"pe_image": SpcPeImageData, "flat": SpcLink}


class IndirectData(core.Sequence):
    _fields = [("data", SubjectType), ("message_digest", algos.DigestInfo)]


class NameValues(core.SetOf):
    _child_spec = NameValue


class MemberInfos(core.SetOf):
    _child_spec = MemberInfo


class IndirectDatas(core.SetOf):
    _child_spec = IndirectData


class AttributeType(core.ObjectIdentifier):
    _map = {
        "1.3.6.1.4.1.311.12.2.1": "name_value",
        "1.3.6.1.4.1.311.12.2.2": "member_info",
        "1.3.6.1.4.1.311.12.2.3": "member_kind",
        "1.3.6.1.4.1.311.2.1.4": "indirect_data",
    }


class Attribute(core.Sequence):
    _fields = [("type", AttributeType), ("values", core.Any)]
    _oid_pair = ("type", "values")
    _oid_specs = {"name_value": NameValues, "member_info": MemberInfos, "member_kind": MemberKinds,
                  "indirect_data": IndirectDatas}


class Attributes(core.SetOf):
    _child_spec = Attribute


class Subject(core.Sequence):
    _fields = [("identifier", core.OctetString), ("attributes", Attributes)]


class Subjects(core.SequenceOf):
    _child_spec = Subject


class Extension(core.Sequence):
    _fields = [("type", core.ObjectIdentifier), ("critical", core.Boolean, {"default": False}),
               ("value", core.OctetString)]


class Extensions(core.SequenceOf):
    _child_spec = Extension


class Algorithm(core.Sequence):
    _fields = [("algorithm", core.ObjectIdentifier), ("parameters", core.Null)]


class TrustList(core.Sequence):
    _fields = [
        ("usage", ObjectIdentifiers), ("identifier", core.OctetString), ("this_update", core.UTCTime),
        ("subject_algorithm", Algorithm), ("subjects", Subjects), ("extensions", Extensions, {"explicit": 0}),
    ]


class ContentType(core.ObjectIdentifier):
    _map = {"1.2.840.113549.1.7.2": "signed_data", "1.3.6.1.4.1.311.10.1": "ctl"}


class Content(core.Sequence):
    _fields = [("type", ContentType), ("content", core.Any, {"explicit": 0})]
    _oid_pair = ("type", "content")
    _oid_specs = {"ctl": TrustList}


class Parts(core.SetOf):
    _child_spec = core.Any


class SignedData(core.Sequence):
    """The outer message; who signed with what is left as it is."""
    _fields = [
        ("version", core.Integer), ("digest_algorithms", Parts), ("content", Content),
        ("certificates", Parts, {"implicit": 0, "optional": True}),
        ("revocations", Parts, {"implicit": 1, "optional": True}),
        ("signers", Parts),
    ]


Content._oid_specs["signed_data"] = SignedData    # each holds the other, so this one is entered late


def wide(text):
    return text.encode("utf-16-le") + b"\0\0"


def name_value(name, value):
    return NameValue({"tag": name, "flags": ATTRIBUTE_FLAGS, "value": wide(value)})


def attribute(kind, value):
    return Attribute({"type": kind, "values": [value]})


def subject(name, data, algorithm, layout):
    """One file under one of its hashes."""
    found = authenticode.digest(data, algorithm, name)
    link = SpcLink("file", SpcString("unicode", ""))
    if authenticode.is_image(data):
        guid, kind, value = PE_SUBJECT, "pe_image", SpcPeImageData({"flags": (), "file": link})
    else:
        guid, kind, value = FLAT_SUBJECT, "flat", link
    indirect = IndirectData({
        "data": {"type": kind, "value": value},
        "message_digest": {"digest_algorithm": {"algorithm": algorithm, "parameters": core.Null()}, "digest": found},
    })
    if layout.version == 1:
        identifier = wide(found.hex().upper())
        member = attribute("member_info", MemberInfo({"subject_guid": guid,
                                                      "certificate_version": CERTIFICATE_VERSION}))
    else:
        identifier, member = found, attribute("member_kind", MemberKind(kind, core.Null()))
    return Subject({"identifier": identifier, "attributes": [
        attribute("name_value", name_value("File", name)),
        attribute("name_value", name_value("OSAttr", layout.attribute)),
        member,
        attribute("indirect_data", indirect),
    ]})


def extension(name, value):
    return Extension({"type": AttributeType("name_value").dotted, "value": name_value(name, value).dump()})


def make(members, arch, edition, date, hardware_ids=()):
    """The catalog's bytes. `members` is {file name: content}, `date` the INF's DriverVer date."""
    layout = LAYOUTS[edition]
    systems = layout.clients if arch == "x86" else layout.systems
    listed = [extension("OS", ",".join(name.format(arch.upper()) for name in systems))]
    listed += [extension(f"HWID{index}", text.lower()) for index, text in enumerate(hardware_ids, 1)]
    subjects = [subject(name, data, algorithm, layout) for name, data in members.items()
                for algorithm in layout.algorithms]
    # CryptoAPI searches the list, so it is in the order of the identifiers.
    subjects.sort(key=lambda item: item["identifier"].native)
    month, day, year = map(int, date.split("/"))
    body = Subjects(subjects)
    trust_list = TrustList({
        "usage": [CATALOG_LIST],
        "identifier": hashlib.sha256(body.dump()).digest()[:16],
        "this_update": datetime.datetime(year, month, day, tzinfo=datetime.timezone.utc),
        "subject_algorithm": {"algorithm": layout.member, "parameters": core.Null()},
        "subjects": body,
        "extensions": listed,
    })
    signed = SignedData({"version": 1, "digest_algorithms": [], "signers": [],
                         "content": {"type": "ctl", "content": trust_list}})
    return Content({"type": "signed_data", "content": signed}).dump()


def read(data):
    """The trust list of a catalog, signed or not."""
    try:
        message = Content.load(data, strict=True)
        if message["type"].native != "signed_data":
            raise Stop("this is not a catalog: it is no PKCS #7 signed message")
        inner = message["content"]["content"]
        if inner["type"].native != "ctl":
            raise Stop("this is not a catalog: the message holds no certificate trust list")
        trust_list = inner["content"]
        trust_list.native    # parses all of it
        return trust_list
    except (ValueError, KeyError, TypeError) as error:
        raise Stop(f"this is not a catalog: {error}") from None


def members(data):
    """[(file name, algorithm, hash in hexadecimal)] in the order of the list."""
    found = []
    for item in read(data)["subjects"]:
        name = digest = None
        for part in item["attributes"]:
            value = part["values"][0]
            if part["type"].native == "name_value" and value["tag"].native == "File":
                name = value["value"].native.decode("utf-16-le").rstrip("\0")
            elif part["type"].native == "indirect_data":
                digest = value["message_digest"]
        if name is None or digest is None:
            raise Stop("a member of this catalog has no file name or no hash")
        found.append((name, digest["digest_algorithm"]["algorithm"].native, digest["digest"].native.hex()))
    return found


def command(arguments):
    parser = cli.Parser(__doc__)
    parser.add_argument("--list", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--date")
    parser.add_argument("--arch", choices=("x64", "x86"))
    parser.add_argument("--edition", choices=LAYOUTS)
    parser.add_argument("--hardware-ids", type=Path)
    parser.add_argument("members", nargs="*", type=Path)
    options = parser.parse_args(arguments)
    if options.list:
        for name, algorithm, digest in members(options.list.read_bytes()):
            print(f"{algorithm} {digest} {name}")
        return
    if not (options.output and options.date and options.arch and options.edition and options.members):
        parser.error("--output, --date, --arch, --edition and at least one member are needed")
    ids = options.hardware_ids.read_text(encoding="ascii").split("\n") if options.hardware_ids else []
    content = {path.name: path.read_bytes() for path in options.members}
    options.output.write_bytes(make(content, options.arch, options.edition, options.date,
                                    [text for text in ids if text]))


if __name__ == "__main__":
    sys.exit(cli.main(command, __doc__))
