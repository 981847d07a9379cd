# SPDX-License-Identifier: BSD-2-Clause
"""The build refuses what Visual C++ or a lock discipline would not take, and makes the same bytes twice."""

import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from scripts.build import tools
from scripts.sign.authenticode import Image, is_image

ROOT = Path(__file__).resolve().parents[2]
BUILT_FROM = ("build.py", "CMakeLists.txt", "scripts", "toolchain", "include", "src", "testbed", "tests")

DRIVERS = ROOT / "tests" / "support" / "drivers"


def complaint(text, arch="x64"):
    """What the compiler of the driver says about a source; empty when it takes it."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source.c"
        source.write_text(text)
        done = subprocess.run(tools.compiler(arch, "free") + ["-c", str(source), "-o", os.devnull], cwd=ROOT,
                              capture_output=True, text=True, check=False)
        return done.stderr


def locks_complaint(inside, after, arch="x64"):
    """What it says about drivers/locks.c with these statements in it."""
    return complaint(f'#define INSIDE {inside}\n#define AFTER {after}\n#include "{DRIVERS / "locks.c"}"\n', arch)


def function(body):
    return f"#include <ndis.h>\nint Test(int Value);\nint Test(int Value)\n{{\n{body}\n}}\n"


class Turns(unittest.TestCase):
    def test_a_build_within_a_build_does_not_wait_for_itself(self):
        nested = ("from scripts.build import made\n"
                  "with made.one_at_a_time(print):\n"
                  "    with made.one_at_a_time(print):\n"
                  "        pass\n"
                  "    print('inside')\n"
                  "print('done')")
        done = subprocess.run([sys.executable, "-B", "-c", nested], cwd=ROOT, capture_output=True, text=True,
                              timeout=120, check=False)
        self.assertEqual(done.stdout.split()[-2:], ["inside", "done"], done.stderr)


class Language(unittest.TestCase):
    def refused(self, text, why):
        for arch in tools.ARCHITECTURES:
            self.assertIn(why, complaint(text, arch))

    def test_plain_c90_with_line_comments_is_taken(self):
        text = function("    // a comment, and a 64-bit type\n    long long Wide = Value;\n    return (int)(Wide "
                        ">> 3);")
        for arch in tools.ARCHITECTURES:
            self.assertEqual(complaint(text, arch), "")

    def test_a_declaration_after_a_statement_is_refused(self):
        self.refused(function("    Value++;\n    int Late = Value;\n    return Late;"), "-Wdeclaration-after-statement")

    def test_a_declaration_in_a_for_is_refused(self):
        self.refused(function("    for (int I = 0; I < 3; I++) Value++;\n    return Value;"), "error")

    def test_a_designated_initializer_is_refused(self):
        self.refused(function("    struct { int A; int B; } X = { .B = 1 };\n    return X.A + Value;"),
                     "-Wc99-designator")

    def test_a_designated_array_element_is_refused(self):
        self.refused(function("    int X[3] = { [1] = 1 };\n    return X[1] + Value;"), "error")

    def test_a_compound_literal_is_refused(self):
        self.refused(function("    LARGE_INTEGER X;\n    X = (LARGE_INTEGER){{0}};\n    return X.LowPart + Value;"),
                     "-Wc99-extensions")

    def test_an_array_of_variable_length_is_refused(self):
        self.refused(function("    int X[Value];\n    X[0] = 1;\n    return X[0];"), "-Wvla")

    def test_a_flexible_array_member_is_refused(self):
        self.refused("#include <ndis.h>\nstruct X { int Count; int Data[]; };\n", "error")

    def test_a_statement_expression_is_refused(self):
        self.refused(function("    return ({ int X = Value; X; });"), "-Wgnu-statement-expression")

    def test_a_function_without_a_prototype_is_refused(self):
        self.refused("#include <ndis.h>\nint Test(void) { return 1; }\n", "-Wmissing-prototypes")

    def test_a_large_stack_frame_is_refused(self):
        self.refused("void Use(char *);\nvoid Test(void);\nvoid Test(void) { char X[4000]; Use(X); }\n",
                     "-Wframe-larger-than")

    def test_a_warning_is_an_error(self):
        self.refused(function("    int Unused;\n    return Value;"), "-Werror")


class Annotations(unittest.TestCase):
    def test_locks_used_as_annotated_are_taken(self):
        for arch in tools.ARCHITECTURES:
            self.assertEqual(locks_complaint("ThingCount(Thing); Thing->Count++", "", arch), "")

    def test_a_call_without_the_lock_is_refused(self):
        self.assertIn("requires holding lock 'TEST_LOCK'", locks_complaint("", "ThingCount(Thing)"))

    def test_a_guarded_field_without_the_lock_is_refused(self):
        self.assertIn("requires holding lock 'TEST_LOCK'", locks_complaint("", "Thing->Count = 1"))

    def test_a_lock_kept_on_one_path_is_refused(self):
        self.assertIn("not held on every path", locks_complaint("if (Thing->Count) return", ""))

    def test_a_lock_taken_twice_is_refused(self):
        self.assertIn("already held", locks_complaint("(void)ThingAcquire(Thing)", ""))

    def test_a_passive_function_at_dispatch_is_refused(self):
        self.assertIn("cannot call function 'NdisMSleep'", locks_complaint("NdisMSleep(1)", ""))

    def test_a_dispatch_function_at_an_unknown_level_is_refused(self):
        text = ("_IRQL_requires_(DISPATCH_LEVEL) VOID Deliver(VOID);\nVOID Test(VOID);\nVOID Test(VOID) { "
                "Deliver(); }\n")
        self.assertIn("requires holding IRQL", complaint("#include <ndis.h>\n" + text))


class Output(unittest.TestCase):
    def copy(self, folder, origin=ROOT):
        for name in BUILT_FROM:
            source = Path(origin) / name
            if source.is_dir():
                shutil.copytree(source, Path(folder) / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, Path(folder) / name)

    def build(self, folder, *arguments, **environment):
        return subprocess.run([sys.executable, "-B", "build.py", *arguments], cwd=folder, capture_output=True,
                              text=True, check=False, env=dict(os.environ, **environment))

    def package(self, folder):
        """The package's files, up to their signatures: the catalog as it was before it was signed."""
        found = {}
        for path in sorted((Path(folder) / "xennet").rglob("*")):
            if path.suffix == ".cat":
                edition = "windows7" if path.parent.parent.name == "windows7" else "windows10"
                path = Path(folder) / "build" / "free" / path.parent.name / edition / "xennet.cat.unsigned"
            if path.is_file() and path.suffix != ".cer":
                data = path.read_bytes()
                found[str(path.relative_to(folder))] = Image(data).unsigned() if is_image(data) else data
        return found

    @staticmethod
    def objects(folder):
        return {path: path.stat().st_mtime_ns for path in (Path(folder) / "build" / "src").rglob("*.o")}

    def test_two_builds_in_different_folders_are_identical(self):
        with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory(suffix="-another name") as second:
            made = []
            self.copy(first)
            self.copy(second, first)
            for folder in (first, second):
                done = self.build(folder, "free", TZ="UTC" if folder == first else "Asia/Tokyo")
                self.assertEqual(done.returncode, 0, done.stderr)
                made.append(self.package(folder))
            self.assertEqual(len(made[0]), 36)
            self.assertEqual([name for name in made[0] if made[0][name] != made[1].get(name)], [])

            # Built again after only the version changed: other bytes, and only what depends on it.
            done = self.build(second, "free", "--arch", "x64", BUILD_NUMBER="7")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(b"10.0.0.7", self.package(second)["xennet/x64/xennet.inf"])
            self.assertNotEqual(self.package(second)["xennet/x64/xennet.sys"], made[0]["xennet/x64/xennet.sys"])

            # And once more with nothing changed: no object is compiled again.
            objects = self.objects(first)
            self.assertGreater(len(objects), 80)
            self.assertEqual(self.build(first, "free").returncode, 0)
            self.assertEqual(objects, self.objects(first))

            # One source that changed is one object for each architecture.
            source = Path(first) / "src" / "xennet" / "driver.c"
            source.write_text(source.read_text() + "\n// More.\n")
            self.assertEqual(self.build(first, "free", BUILD_NUMBER="0").returncode, 0)
            fresh = [path for path, time in self.objects(first).items() if objects.get(path) != time]
            self.assertEqual([path.name for path in fresh], ["driver.c.o"] * 2)

    def test_the_checked_driver_builds_too(self):
        with tempfile.TemporaryDirectory() as folder:
            self.copy(folder)
            done = self.build(folder, "checked")
            self.assertEqual(done.returncode, 0, done.stderr)
            for arch in tools.ARCHITECTURES:
                self.assertTrue((Path(folder) / "xennet" / arch / "xennet.sys").is_file())

    def test_without_arguments_it_prints_its_usage(self):
        done = self.build(ROOT)
        self.assertEqual(done.returncode, 2)
        self.assertIn("free|checked", done.stdout)

    def test_a_wrong_flavour_is_named(self):
        done = self.build(ROOT, "release")
        self.assertEqual(done.returncode, 2)
        self.assertIn("release", done.stderr)

    def test_a_wrong_version_number_is_named(self):
        done = self.build(ROOT, "free", BUILD_NUMBER="x7")
        self.assertEqual(done.returncode, 2)
        self.assertIn("BUILD_NUMBER", done.stderr)

    def test_a_missing_tool_is_named_with_its_package(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.build(ROOT, "free", PATH=folder)
        self.assertEqual(done.returncode, 2)
        self.assertIn("clang-16 is missing: install the Debian package clang-16", done.stderr)


class Division(unittest.TestCase):
    """64-bit division for x86, run as a 32-bit Linux program against Python's."""

    def test_quotients_and_remainders_are_right(self):
        draw = random.Random(1)
        special = [1, 2, 3, 10, 0xffffffff, 0x100000000, 0x100000001, 0x7fffffffffffffff, 0x8000000000000000,
                   0xffffffffffffffff]
        pairs = [(a, b) for a in [0] + special for b in special]
        pairs += [(draw.getrandbits(draw.randint(1, 64)), draw.getrandbits(draw.randint(1, 64)) or 1)
                  for _ in range(2000)]

        def signed(value):
            return value - (1 << 64) if value >> 63 else value

        def truncated(a, b):
            quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)
            return quotient & (2 ** 64 - 1), (a - quotient * b) & (2 ** 64 - 1)

        rows = []
        for a, b in pairs:
            quotient, rest = truncated(signed(a), signed(b))
            rows.append("{" + ", ".join(f"{n:#x}ULL" for n in (a, b, a // b, a % b, quotient, rest)) + "}")
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "ntddk.h").write_text(
                "typedef unsigned ULONG; typedef unsigned long long ULONGLONG; typedef long long LONGLONG;\n")
            (Path(folder) / "rows.h").write_text(",\n".join(rows) + "\n")
            program = Path(folder) / "divide"
            done = subprocess.run(
                [tools.tool("clang-16"), "-m32", "-march=i686", "-O2", "-w", "-D_X86_", "-ffreestanding", "-nostdlib",
                 "-static", "-fuse-ld=lld-16", f"-I{folder}", f"-I{ROOT}/toolchain/runtime", "-o", str(program),
                 str(DRIVERS / "division.c")], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            try:
                done = subprocess.run([str(program)], check=False)
            except OSError as error:
                self.skipTest(f"this kernel runs no 32-bit programs: {error}")
            self.assertEqual(done.returncode, 0)


class ImportLists(unittest.TestCase):
    def test_every_list_is_sorted_and_names_each_function_once(self):
        for library in tools.LIBRARIES:
            names = [line.strip().split()[0].lstrip("@").split("@")[0]
                     for line in (ROOT / "toolchain" / "imports" / f"{library}.def").read_text().splitlines()
                     if line.startswith(" ")]
            self.assertEqual(names, sorted(set(names), key=str.lower), library)


if __name__ == "__main__":
    unittest.main()
