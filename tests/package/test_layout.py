# SPDX-License-Identifier: BSD-2-Clause
"""The headers the driver is compiled with against the layouts and values measured on Windows.

For x64 and x86, one generated C file asserts the size of every record of toolchain/abi that our headers declare,
the offset of every field, the position of every bit field, and the value of every constant. A record or constant
that the headers do not declare is left out, except those in REQUIRED, which a miniport cannot do without.
"""

import json
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from scripts.build import abi as abigen
from scripts.build import tools

ROOT = Path(__file__).resolve().parents[2]
ABI = ROOT / "toolchain" / "abi"
HEADERS = ["ndis.h"]
NDIS_HEADERS = ROOT / "toolchain" / "include" / "ndis"

# Of other headers (oidrequest.h, encapsulationconfig.h, poll.h) than those whose revisions were measured.
NOT_IN_THE_DATA = {f"NDIS_{size}{record}" for size, record in (
    ("", "OFFLOAD_ENCAPSULATION_REVISION_1"), ("SIZEOF_", "OFFLOAD_ENCAPSULATION_REVISION_1"),
    ("", "OID_REQUEST_REVISION_1"), ("SIZEOF_", "OID_REQUEST_REVISION_1"),
    ("", "OID_REQUEST_REVISION_2"), ("SIZEOF_", "OID_REQUEST_REVISION_2"),
    ("", "POLL_CHARACTERISTICS_REVISION_1"), ("SIZEOF_", "NDIS_POLL_CHARACTERISTICS_REVISION_1"))}

REQUIRED = """
MDL NET_BUFFER NET_BUFFER_LIST NET_BUFFER_LIST_POOL_PARAMETERS NDIS_OBJECT_HEADER NDIS_OID_REQUEST
NDIS_MINIPORT_DRIVER_CHARACTERISTICS NDIS_MINIPORT_INIT_PARAMETERS NDIS_MINIPORT_PAUSE_PARAMETERS
NDIS_MINIPORT_RESTART_PARAMETERS NDIS_MINIPORT_ADAPTER_ATTRIBUTES NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES
NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES NDIS_OFFLOAD
NDIS_OFFLOAD_PARAMETERS NDIS_OFFLOAD_ENCAPSULATION NDIS_RECEIVE_SCALE_CAPABILITIES NDIS_RECEIVE_SCALE_PARAMETERS
NDIS_RECEIVE_SCALE_PARAMETERS_V2 NDIS_RSS_SET_INDIRECTION_ENTRIES NDIS_RECEIVE_HASH_PARAMETERS
NDIS_RSS_PROCESSOR_INFO NDIS_SYSTEM_PROCESSOR_INFO_EX NDIS_STATISTICS_INFO NDIS_RSC_STATISTICS_INFO
NDIS_LINK_STATE NDIS_LINK_PARAMETERS NDIS_STATUS_INDICATION NDIS_CONFIGURATION_OBJECT NDIS_CONFIGURATION_PARAMETER
NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO NDIS_RSC_NBL_INFO
NDIS_NET_BUFFER_LIST_8021Q_INFO NDIS_PM_CAPABILITIES NDIS_PM_PARAMETERS NDIS_PNP_CAPABILITIES NET_DEVICE_PNP_EVENT
NDIS_INTERRUPT_MODERATION_PARAMETERS IRP IO_STACK_LOCATION DEVICE_OBJECT INTERFACE KDPC KTIMER PROCESSOR_NUMBER
""".split()

# Records that later NDIS versions made longer: the measured part has to be their beginning.
GROWN = {"NDIS_OFFLOAD": "UdpSegmentation", "NDIS_OFFLOAD_PARAMETERS": "UdpSegmentation"}

# Four slots more on x86 from NDIS 6.82 on: bytes of the record then.
NBL_ON_X86 = 192

# The system allocates these, so only where their fields lie matters; mingw-w64 does not align them to 16 bytes.
NEVER_EMBEDDED = {"DEVICE_OBJECT"}

# Enumerators whose values differ on x86, where the slots of the virtual switch come last, and macros that
# expand to the size of a record with pointers. They are compared on x64.
X64_ONLY = re.compile(r"^(IMReserved|TcpRecvSegCoalesceInfo|RscTcpTimestampDelta|MaxNetBufferListInfo|"
                      r"TcpSendOffloadsSupplementalNetBufferListInfo|NetBufferListInfoReserved3|SwitchForwarding"
                      r"|VirtualSubnetInfo|"
                      r"NDIS_MAX_EVENT_LOG_DATA_SIZE|NDIS_SIZEOF_)")

# Fields that exist in the measured headers and that the mingw-w64 declaration of the same record spells otherwise
# or leaves out. A driver that needed one of them would fail to compile, so nothing is lost by skipping them.
SPELLED_OTHERWISE = {"DISPATCHER_HEADER", "SCATTER_GATHER_LIST"}
SPELLED_OTHERWISE_FIELD = re.compile(r"(^|\.)Header\.DpcActive$")


def load(part):
    records = json.loads((ABI / f"{part}-layout.json").read_text())["records"]
    values = json.loads((ABI / f"{part}-constants.json").read_text())["values"]
    return records, values


def compile_text(text, arch, syntax_only=True):
    """Compile text as a driver source would be; return what clang says, empty when it is content."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "layout.c"
        source.write_text(text)
        command = tools.compiler(arch, "free") + ["-Wno-error", "-w", "-ferror-limit=0"]
        if syntax_only:
            command.append("-fsyntax-only")
        done = subprocess.run(command + [str(source)], capture_output=True, text=True, check=False, cwd=ROOT)
        return done.stderr


def field_size(kind, arch):
    """Bytes of a field of a scalar, pointer or array type as the ABI names it; None for records and enumerations."""
    kind, _, count = kind.rstrip("]").partition("[")
    pointer = 8 if arch == "x64" else 4
    if kind.endswith("*") or kind in ("PVOID", "PMDL", "NDIS_HANDLE"):
        size = pointer
    elif kind in ("SIZE_T", "ULONG_PTR", "KAFFINITY", "KSPIN_LOCK"):
        size = pointer
    elif kind in abigen.SCALARS:
        size = abigen.size_of(abigen.SCALARS[kind])
    else:
        return None
    return size * int(count or 1)


def headers():
    return "".join(f"#include <{name}>\n" for name in HEADERS)


def undeclared(expressions, arch):
    """Which of {key: expression} do not compile: one line each, found by the line clang complains about."""
    keys = list(expressions)
    lines = headers() + "".join(f"enum {{ probe_{i} = (int)({expressions[k]}) }};\n" for i, k in enumerate(keys))
    first = headers().count("\n") + 1
    errors = compile_text(lines, arch)
    bad = {int(n) - first for n in re.findall(r"layout\.c:(\d+):\d+: error", errors)}
    return {keys[i] for i in bad if 0 <= i < len(keys)}


class RecordLayouts(unittest.TestCase):
    maxDiff = None

    def check_records(self, part, arch):
        records, _ = load(part)
        missing = undeclared({name: f"sizeof({name})" for name in records}, arch)
        declared = [name for name in records if name not in missing and name not in SPELLED_OTHERWISE]
        probes = {(n, f["name"]): f"sizeof(((({n} *)0)->{f['name']}))" for n in declared for f in records[n]["fields"]
                  if f[arch] is not None and ":" not in f[arch] and not f["type"].endswith("[]")}
        absent = undeclared(probes, arch)
        lines, checked = [headers()], 0
        for name in declared:
            record = records[name]
            if name in GROWN:
                lines.append(f"_Static_assert(FIELD_OFFSET({name}, {GROWN[name]}) >= {record['size'][arch]}, "
                             f"\"{name}\");")
            elif name == "NET_BUFFER_LIST" and arch == "x86":
                lines.append(f"_Static_assert(sizeof({name}) == {NBL_ON_X86}, \"sizeof {name}\");")
            elif name not in NEVER_EMBEDDED:
                lines.append(f"_Static_assert(sizeof({name}) == {record['size'][arch]}, \"sizeof {name}\");")
            for field in record["fields"]:
                where = field[arch]
                if (where is None or ":" in where or (name, field["name"]) in absent or field["type"].endswith("[]")
                        or SPELLED_OTHERWISE_FIELD.search(field["name"])):
                    continue
                lines.append(f"_Static_assert(FIELD_OFFSET({name}, {field['name']}) == {where}, "
                             f"\"{name}.{field['name']}\");")
                size = field_size(field["type"], arch)
                # The element counts of arrays are those of x64.
                if size is not None and name.startswith(("NDIS_", "NET_")) and (
                        arch == "x64" or "[" not in field["type"]):
                    lines.append(f"_Static_assert(sizeof((({name} *)0)->{field['name']}) == {size}, "
                                 f"\"sizeof {name}.{field['name']}\");")
                checked += 1
        self.assertEqual(compile_text("\n".join(lines) + "\n", arch), "")
        return declared, absent, checked

    def test_every_ndis_record_has_the_measured_layout_on_x64(self):
        declared, absent, checked = self.check_records("ndis", "x64")
        self.assertEqual(sorted(set(REQUIRED) - set(declared)), [])
        self.assertGreater(checked, 900)
        ours = {(n, f) for n, f in absent if n.startswith(("NDIS_", "NET_")) and n in REQUIRED}
        allowed = {(n, f) for n, f in ours if re.match(r"(Native_802|HardwareAssist|NDKAttr|PacketDirect)", f)
                   or "Link.Alignment" in f or "Link.Region" in f or "ParameterData" in f}
        self.assertEqual(ours - allowed, set())

    def test_every_ndis_record_has_the_measured_layout_on_x86(self):
        declared, _, checked = self.check_records("ndis", "x86")
        self.assertEqual(sorted(set(REQUIRED) - set(declared)), [])
        self.assertGreater(checked, 900)


class BitFields(unittest.TestCase):
    """Set one bit field of a zeroed record and look at the bytes: done by the optimizer, seen in the assembly."""

    def check_bits(self, part, arch):
        records, _ = load(part)
        missing = undeclared({name: f"sizeof({name})" for name in records}, arch)
        wanted = []
        for name, record in records.items():
            if name in missing or name in SPELLED_OTHERWISE or not name.startswith(("NDIS_", "NET_", "XENVIF_")):
                continue
            wanted += [(name, f["name"], f[arch]) for f in record["fields"] if f[arch] and ":" in f[arch]
                       and "Link.HeaderX64." not in f["name"]]  # opaque; mingw-w64 divides its words otherwise
        text = [headers()]
        for index, (name, path, where) in enumerate(wanted):
            byte, bits = where.split(":")
            low, high = map(int, bits.split("-"))
            word, shift = int(byte) // 4, int(byte) % 4 * 8
            mask = ((1 << (high - low + 1)) - 1) << (low + shift)
            # The two 32-bit words that hold the field, as they read when it is all ones and the rest is zero.
            text.append(
                f"int check_{index}(void) {{ union {{ {name} R; unsigned L[sizeof({name}) / 4 + 2]; }} U;"
                f" __builtin_memset(&U, 0, sizeof(U)); U.R.{path} = ~0ULL;"
                f" return U.L[{word}] == {mask & 0xffffffff}U && U.L[{word + 1}] == {mask >> 32}U; }}\n")
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "bits.c"
            source.write_text("".join(text))
            command = tools.compiler(arch, "free") + ["-w", "-g0", "-S", "-emit-llvm", "-ferror-limit=0", "-o", "-"]
            done = subprocess.run(command + [str(source)], capture_output=True, text=True, check=False, cwd=ROOT)
        self.assertEqual(done.stderr, "")
        returned = dict(re.findall(r"@check_(\d+)\(.*?\n(?:[^}]*?)ret i32 (\S+)", done.stdout))
        wrong = [wanted[i] for i in range(len(wanted)) if returned.get(str(i)) != "1"]
        self.assertEqual(wrong, [])
        self.assertGreater(len(wanted), 80)

    def test_every_bit_field_has_the_measured_bits_on_x64(self):
        self.check_bits("ndis", "x64")

    def test_every_bit_field_has_the_measured_bits_on_x86(self):
        self.check_bits("ndis", "x86")


class Constants(unittest.TestCase):
    def check_constants(self, part, arch):
        _, values = load(part)
        names = {n: v for n, v in values.items() if arch == "x64" or not X64_ONLY.match(n)}
        missing = undeclared({n: n for n in names}, arch)
        lines = [headers()]
        declared = [n for n in names if n not in missing]
        lines += [f"_Static_assert((unsigned)({n}) == (unsigned){names[n]}LL, \"{n}\");" for n in declared]
        self.assertEqual(compile_text("\n".join(lines) + "\n", arch), "")
        return declared

    def test_every_ndis_constant_has_the_measured_value_on_x64(self):
        declared = self.check_constants("ndis", "x64")
        self.assertGreater(len(declared), 600)

    def test_every_ndis_constant_has_the_measured_value_on_x86(self):
        declared = self.check_constants("ndis", "x86")
        self.assertGreater(len(declared), 500)

    def test_a_wrong_value_is_noticed(self):
        text = headers() + "_Static_assert(OID_GEN_STATISTICS == 1, \"planted\");\n"
        self.assertIn("planted", compile_text(text, "x64"))


class NewerThanMeasured(unittest.TestCase):
    """Records of NDIS 6.82 and later: sizes and offsets as their public documentation gives them."""

    EXPECTED = {
        "sizeof(NDIS_UDP_SEGMENTATION_OFFLOAD)": (28, 28),
        "FIELD_OFFSET(NDIS_OFFLOAD, UdpSegmentation)": (188, 188),
        "FIELD_OFFSET(NDIS_OFFLOAD_PARAMETERS, UdpSegmentation)": (32, 32),
        "sizeof(NDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO)": (8, 4),
        "sizeof(NDIS_UDP_RSC_OFFLOAD_NET_BUFFER_LIST_INFO)": (8, 4),
        "sizeof(NDIS_TIMESTAMP_CAPABILITIES)": (56, 56),
        "sizeof(NDIS_POLL_TRANSMIT_DATA)": (72, 52),
        "sizeof(NDIS_POLL_RECEIVE_DATA)": (72, 52),
        "sizeof(NDIS_POLL_DATA)": (152, 108),
        "NDIS_RUNTIME_VERSION_685": (0x60055, 0x60055),
        "MaxNetBufferListInfo": (27, 27),
        "TcpRecvSegCoalesceInfo": (22, 19),
        "NDIS_MAX_EVENT_LOG_DATA_SIZE": (196, 108),
    }

    def test_newer_records_have_the_documented_layout(self):
        for index, arch in enumerate(tools.ARCHITECTURES):
            lines = [f"_Static_assert(({text}) == {sizes[index]}, \"{text}\");"
                     for text, sizes in self.EXPECTED.items()]
            self.assertEqual(compile_text(headers() + "\n".join(lines) + "\n", arch), "")


class Revisions(unittest.TestCase):
    """Every revision that the headers declare: its number and its size on either architecture, as Windows' headers have
    them.
    """

    def check_revisions(self, arch):
        values = json.loads((ABI / "ndis-revisions.json").read_text())["values"]
        missing = undeclared({name: name for name in values}, arch)
        lines = [headers()]
        lines += [f"_Static_assert(({name}) == {value[arch]}, \"{name}\");" for name, value in values.items()
                  if name not in missing]
        self.assertEqual(compile_text("\n".join(lines) + "\n", arch), "")
        names = re.findall(r"#define (N(?:DIS|ET)_\w+_REVISION_\d+)\b",
                           "".join(p.read_text() for p in sorted(NDIS_HEADERS.glob("*.h"))))
        self.assertGreater(len(names), 60)
        self.assertEqual(sorted(set(names) - set(values) - NOT_IN_THE_DATA), [])

    def test_every_revision_is_one_of_windows_on_x64(self):
        self.check_revisions("x64")

    def test_every_revision_is_one_of_windows_on_x86(self):
        self.check_revisions("x86")


class ProviderInterfaces(unittest.TestCase):
    """The interfaces of the other Xen drivers in include/, against what was measured of theirs."""

    def setUp(self):
        self.present = [p.name for p in sorted((ROOT / "include").glob("*_interface.h"))]
        if not self.present:
            self.skipTest("include/ declares no provider interface")
        HEADERS[1:] = self.present

    def tearDown(self):
        del HEADERS[1:]

    def check(self, arch):
        records, values = load("xen")
        missing = undeclared({name: f"sizeof({name})" for name in records}, arch)
        self.assertEqual(missing & {"XENVIF_VIF_INTERFACE_V8", "XENVIF_VIF_INTERFACE_V9", "XENVIF_VIF_INTERFACE_V10",
                                    "XENBUS_STORE_INTERFACE_V2", "XENBUS_SUSPEND_INTERFACE_V1"}, set())
        lines = [headers()]
        for name in set(records) - missing:
            record = records[name]
            lines.append(f"_Static_assert(sizeof({name}) == {record['size'][arch]}, \"sizeof {name}\");")
            for field in record["fields"]:
                if field[arch] is not None and ":" not in field[arch]:
                    lines.append(f"_Static_assert(FIELD_OFFSET({name}, {field['name']}) == {field[arch]}, "
                                 f"\"{name}.{field['name']}\");")
        unknown = undeclared({n: n for n in values}, arch)
        lines += [f"_Static_assert((unsigned)({n}) == (unsigned){v}LL, \"{n}\");" for n, v in values.items()
                  if n not in unknown]
        self.assertEqual(compile_text("\n".join(lines) + "\n", arch), "")

    def test_provider_interfaces_have_the_measured_layout_on_x64(self):
        self.check("x64")

    def test_provider_interfaces_have_the_measured_layout_on_x86(self):
        self.check("x86")


if __name__ == "__main__":
    unittest.main()
