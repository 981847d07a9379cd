#!/usr/bin/env python3
"""Write the testbed's C view of the Windows and XenVif records from the measured layouts.

The testbed simulates Windows to a driver that was compiled from other headers, so it must not share those
headers: its records come from toolchain/abi/*.json (offsets measured with the Microsoft ABI), every field
placed at its measured offset and every offset asserted by the compiler.

usage: scripts/build/abi.py x64|x86 OUTPUT.h
"""

import json
import re
import sys
from pathlib import Path

ABI = Path(__file__).resolve().parents[2] / "toolchain" / "abi"

SCALARS = {
    "BOOLEAN": "uint8_t", "UCHAR": "uint8_t", "CHAR": "int8_t", "CCHAR": "int8_t", "KIRQL": "uint8_t",
    "KPROCESSOR_MODE": "int8_t", "unsigned char": "uint8_t", "SHORT": "int16_t", "CSHORT": "int16_t",
    "USHORT": "uint16_t", "WCHAR": "uint16_t", "unsigned short": "uint16_t", "NET_IFTYPE": "uint16_t",
    "LONG": "int32_t", "ULONG": "uint32_t", "UINT": "uint32_t", "UINT32": "uint32_t", "unsigned long": "uint32_t",
    "NTSTATUS": "int32_t", "NDIS_STATUS": "int32_t", "NDIS_OID": "uint32_t", "LCID": "uint32_t",
    "NDIS_PORT_NUMBER": "uint32_t", "NET_IFINDEX": "uint32_t", "NDIS_RSS_CAPS_FLAGS": "uint32_t",
    "NDIS_NIC_SWITCH_ID": "uint32_t", "NDIS_NIC_SWITCH_VPORT_ID": "uint32_t", "SECURITY_INFORMATION": "uint32_t",
    "LONG64": "int64_t", "LONGLONG": "int64_t", "ULONG64": "uint64_t", "ULONGLONG": "uint64_t",
    "SIZE_T": "uintptr_t", "ULONG_PTR": "uintptr_t", "KAFFINITY": "uintptr_t", "KSPIN_LOCK": "uintptr_t",
}
POINTERS = {"HANDLE", "NDIS_HANDLE", "NDIS_PROC", "LPCGUID", "SET_OPTIONS_HANDLER"}
ENUM_PREFIXES = (
    "BUS_QUERY_", "DEVICE_", "DIRECTORY_", "DMA_", "FILE_INFORMATION", "FS_INFORMATION", "NDIS_", "NET_IF_",
    "NET_PNP_EVENT_CODE", "POWER_ACTION", "POWER_STATE_TYPE", "SYSTEM_POWER_STATE", "XENBUS_STORE_PERMISSION_MASK",
    "XENVIF_PACKET_HASH_")
CONSTANT_NAME = re.compile(
    r"^(NDIS|OID|NET|NBL|RSS|TCP|MDL|XENVIF|XENBUS|SUSPEND|ETHERNET|NdisHash|Ndis|Media|IfOper|Tcp|Ieee|NetBuffer|"
    r"MaxNetBuffer|Cached)")


def c_type(name, records):
    """C type of one scalar, enumerator or pointer type named as the headers name it."""
    name = re.sub(r"^volatile ", "", name)
    if name in SCALARS:
        return SCALARS[name]
    if name.endswith("*"):
        inner = re.sub(r"^(const )?(struct _)?", "", name.rstrip("* "))
        stars = name.count("*")
        return f"struct {inner} {'*' * stars}" if stars == 1 and inner in records else "void *"
    if name in records:
        return f"struct {name}"
    if name.startswith("P") and name[1:] in records:
        return f"struct {name[1:]} *"
    if name.startswith("XENVIF_PACKET_HASH_") or name == "XENBUS_STORE_PERMISSION_MASK":
        return "uint32_t"
    if name in POINTERS or name.endswith("_HANDLER") or name == "MINIPORT_DRIVER_UNLOAD":
        return "void *"
    if name.startswith(("XENVIF_VIF_", "XENBUS_STORE_", "XENBUS_SUSPEND_")):
        return "void *"
    if name.startswith("P") and not name.startswith("POWER"):
        return "void *"
    if name.startswith(ENUM_PREFIXES):
        return "uint32_t"
    raise SystemExit(f"abigen: no C type for '{name}': add it to SCALARS")


def size_of(ctype):
    """Of what bit fields are declared as."""
    return {"uint8_t": 1, "int8_t": 1, "uint16_t": 2, "int16_t": 2, "uint32_t": 4, "int32_t": 4, "uint64_t": 8,
            "int64_t": 8}[ctype]


def pad(n, name):
    return f"uint8_t before_{name}[{n}]; " if n else ""


def emit_fields(arch, fields, prefix, base, records, out, indent):
    """Emit the direct children of one record, each in its own anonymous, padded struct of a union."""
    for field in fields:
        path = field["name"]
        if field[arch] is None or not path.startswith(prefix) or "." in path[len(prefix):]:
            continue
        name, where, kind = path[len(prefix):], field[arch], field.get(f"{arch} type", field["type"])
        if kind == "record":
            offset = int(where) - base
            out.append(f"{indent}struct {{ {pad(offset, name)}union {{")
            emit_fields(arch, fields, path + ".", int(where), records, out, indent + "    ")
            out.append(f"{indent}}} {name}; }};")
            continue
        array = ""
        if kind.endswith("]"):
            kind, count = kind[:-1].split("[")
            array = f"[{count or 0}]"
        ctype = c_type(kind, records)
        if ":" in where:
            byte, bits = where.split(":")
            low, high = map(int, bits.split("-"))
            unit = size_of(ctype)
            bit = (int(byte) - base) * 8 + low
            start = bit // (8 * unit) * unit
            skip = bit - start * 8
            hole = f"{ctype} :{skip}; " if skip else ""
            out.append(f"{indent}struct {{ {pad(start, name)}{hole}{ctype} {name}:{high - low + 1}; }};")
        else:
            out.append(f"{indent}struct {{ {pad(int(where) - base, name)}{ctype} {name}{array}; }};")


def emit_record(arch, name, record, records, out):
    size, align = record["size"][arch], record["align"][arch]
    out.append(f"struct {name} {{\n    union {{")
    out.append(f"        uint8_t size_[{size}] __attribute__((aligned({align})));")
    emit_fields(arch, record["fields"], "", 0, records, out, "        ")
    out.append("    };\n};")
    out.append(f"_Static_assert(sizeof(struct {name}) == {size}, \"{name}\");")
    for field in record["fields"]:
        if field[arch] and ":" not in field[arch]:
            out.append(f"_Static_assert(offsetof(struct {name}, {field['name']}) == {field[arch]}, "
                       f"\"{name}.{field['name']}\");")


def in_order(records):
    """Records by name, those embedded by value (arrays of records) first."""
    done, order = set(), []

    def visit(name):
        if name in done:
            return
        done.add(name)
        for field in records[name]["fields"]:
            inner = field["type"].split("[")[0]
            if inner in records:
                visit(inner)
        order.append(name)

    for name in sorted(records):
        visit(name)
    return order


def revisions(arch, values):
    """(record, revision, first NDIS version, bytes) of each revision that has a size, as ndis-revisions.json
    names them.
    """
    for name in sorted(values):
        match = re.match(r"(?:NDIS_)?(?!SIZEOF_)(\w+)_REVISION_(\d+)$", name)
        if match is None:
            continue
        record, revision = match.groups()
        for prefix in ("NDIS_SIZEOF_", "NDIS_SIZEOF_NDIS_"):
            size = values.get(f"{prefix}{record}_REVISION_{revision}")
            if size is not None:
                yield name.rpartition("_REVISION_")[0], int(revision), values[name]["first"], size[arch]
                break


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in ("x64", "x86"):
        raise SystemExit("usage: scripts/build/abi.py x64|x86 OUTPUT.h")
    arch, output = sys.argv[1], Path(sys.argv[2])
    records, values, guids = {}, {}, {}
    for part in ("ndis", "xen"):
        records.update(json.loads((ABI / f"{part}-layout.json").read_text())["records"])
        constants = json.loads((ABI / f"{part}-constants.json").read_text())
        values.update(constants["values"])
        values.update(constants.get(arch, {}))
        guids.update(constants.get("guids", {}))
    versions = json.loads((ABI / "ndis-revisions.json").read_text())["values"]
    values.update({name: value[arch] for name, value in versions.items() if name in values})
    values = {name: value for name, value in values.items() if value is not None}

    out = ["/* Generated by scripts/build/abi.py from toolchain/abi. */", "#ifndef TESTBED_ABI_H",
           "#define TESTBED_ABI_H",
           "#include <stddef.h>", "#include <stdint.h>", ""]
    out += [f"struct {name};" for name in sorted(records)]
    for name in in_order(records):
        emit_record(arch, name, records[name], records, out)
    for name in sorted(values):
        if CONSTANT_NAME.match(name):
            value = values[name]
            if value < 0:
                value &= 0xffffffff
            suffix = "u" if value > 0x7fffffff else ""
            out.append(f"#define {name} {value:#x}{suffix}")
    for name, guid in sorted(guids.items()):
        a, b, c, d, e = guid.split("-")
        tail = ", ".join(f"0x{(d + e)[i:i + 2]}" for i in range(0, 16, 2))
        out.append(f"#define {name} {{ 0x{a}, 0x{b}, 0x{c}, {{ {tail} }} }}")
    out.append("/* X(record, revision, the first NDIS version that has it: 620 is 6.20, bytes) */")
    rows = revisions(arch, versions)
    out.append("#define ABI_REVISIONS(X)" + "".join(f" \\\n    X({', '.join(map(str, row))})" for row in rows))
    out.append("/* X(name, value): constants whose numbers mean something to a person */")
    for prefix in ("OID_", "EVENT_NDIS_", "NDIS_STATUS_"):
        names = [name for name in sorted(values) if name.startswith(prefix)]
        rows = [f" \\\n    X({name}, {values[name] & 0xffffffff:#x}u)" for name in names]
        out.append(f"#define ABI_NAMES_{prefix.strip('_')}(X)" + "".join(rows))
    out.append("#endif")
    output.write_text("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
