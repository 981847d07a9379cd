# SPDX-License-Identifier: BSD-2-Clause
"""Bad input: every sentence that run.py and test.py can say. One line, that names the thing, and exit status 2.

The files are made from the driver that was built: cut off, of another kind, with an import that nobody has.
"""

import os
import re
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from scripts import packages
from scripts.build import made
from scripts.run import machine, options as cli_run
from scripts.cli import ROOT
from tests.support.traffic_bed import ensure_built, needs_traffic, run_py

OPTIONS = ("--shell", "--pcap", "--queues", "--mtu", "--seconds", "--driver", "--inf", "--set", "--windows", "--vif",
           "--xenvif", "--xenvif-inf",
           "--backend-no",
           "--bypass", "--spread", "--xen", "--xen-guest", "--quick", "--json", "--debug", "--report", "--timeline",
           "--verbose")
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--")
needs_root = unittest.skipIf(os.geteuid() != 0, "needs root to run as other users and machines")


def run_test_py(*arguments, before=(), **options):
    argv = [*before, sys.executable, "-B", str(ROOT / "test.py"), *arguments]
    return subprocess.run(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, timeout=300, check=False, **options)


def readable_by_all():
    """Can another user read this copy of the repository, and the Python that runs it?"""
    return os.geteuid() == 0 and subprocess.run([*NOBODY, sys.executable, "-B", "-c",
                                                 f"open({str(ROOT / 'run.py')!r})"],
                                                stderr=subprocess.DEVNULL, check=False).returncode == 0


class SentenceCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="xennet-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def refused(self, done, *parts, status=2):
        """It ended with one sentence on standard error that holds all `parts`."""
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        lines = done.stderr.strip().split("\n")
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], r"^(run|test)\.py: ")
        self.assertGreater(len(lines[0]), 30, "a sentence says more")
        for part in parts:
            self.assertIn(str(part), lines[0])


class Options(SentenceCase):
    def bad(self, *arguments):
        return lambda *parts: self.refused(run_py(*arguments), *parts)

    def test_help_explains_every_option_in_a_line(self):
        done = run_py("--help-all")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for option in OPTIONS:
            self.assertRegex(done.stdout, rf"(?m)^  {option}( [A-Z=]+)? {{2,}}\S.*\n(?! {{4}})",
                             f"{option}: more or less than a line")
        self.assertIn("-- COMMAND", done.stdout)
        for word in cli_run.BACKEND_FEATURES + cli_run.WINDOWS:
            self.assertRegex(done.stdout, rf"[ ,]{word}[,. ]")

    def test_an_unknown_option_is_named(self):
        self.bad("--frobnicate")("--frobnicate", "--help")

    def test_an_abbreviated_option_is_not_guessed(self):
        self.bad("--qu")("--qu", "--help")

    def test_a_word_too_many_is_named(self):
        self.bad("now")("now", "--help")

    def test_an_option_without_its_value_is_named(self):
        self.bad("--mtu")("--mtu", "--help")

    def test_numbers_out_of_range_are_named_with_their_range(self):
        for option, least, most in (("--queues", 1, cli_run.MAX_QUEUES),
                                    ("--mtu", cli_run.MIN_MTU, cli_run.MAX_MTU), ("--seconds", 1, 3600),
                                    ("--processors", 1, cli_run.MAX_PROCESSORS), ("--group-size", 1,
                                                                                   cli_run.MAX_GROUP)):
            for value in (least - 1, most + 1, "many", "1.5", "-1", ""):
                with self.subTest(option=option, value=value):
                    self.bad(f"{option}={value}")(option, f"from {least} to {most}", f"'{value}'")

    def test_an_unknown_windows_is_named_with_those_known(self):
        self.bad("--windows", "98")("--windows '98'", "8.1", "10-1809", "2025")

    def test_an_unknown_vif_version_is_named_with_those_known(self):
        self.bad("--vif", "7")("--vif '7'", "8, 9, 10")

    def test_processors_that_do_not_fit_into_the_groups_are_reported(self):
        self.bad("--processors", "130", "--group-size", "4")("--processors 130", "32 groups of 4")

    def test_processors_of_the_xen_machine_cannot_be_chosen(self):
        self.bad("--xen", "--processors", "8")("--processors", "--xen")

    def test_threads_of_the_xen_machine_are_not_placed_from_here(self):
        self.bad("--xen", "--spread")("--spread", "--xen", "processors")

    def test_a_guest_that_xen_does_not_have_is_named_with_those_it_has(self):
        self.bad("--xen", "--xen-guest", "hvm")("--xen-guest 'hvm'", "pv, pvh")

    def test_a_guest_without_xen_is_reported(self):
        self.bad("--xen-guest", "pv")("--xen-guest", "--xen")

    def test_an_unknown_backend_feature_is_named_with_those_known(self):
        self.bad("--backend-no", "csum,turbo")("--backend-no 'turbo'", "gso-tcpv4", "multi-queue")

    def test_a_setting_without_a_value_is_named(self):
        for setting in ("*RSS", "=1"):
            self.bad("--set", setting)("KEYWORD=VALUE", f"'{setting}'")

    def test_a_debugger_does_not_share_the_terminal(self):
        for others in (["--bypass"], ["--shell"], ["--", "true"]):
            self.bad("--debug", *others)("--debug", "terminal")
        self.bad("--debug-commands", __file__)("--debug-commands", "give --debug")

    def test_a_timeline_of_nothing_is_refused(self):
        self.bad("--bypass", "--timeline", str(self.folder / "file"))("--timeline", "--bypass")
        self.refused(run_test_py("--timeline", str(self.folder / "file"), "test_life"), "--timeline", "--seed")

    def test_an_empty_command_is_reported(self):
        self.bad("--")("no command after --", "--shell")

    def test_a_command_and_a_shell_exclude_each_other(self):
        self.bad("--shell", "--", "true")("--shell", "exclude each other")

    def test_a_bypass_takes_nothing_that_is_about_a_driver(self):
        for argument in (("--set", "*RSS=0"), ("--windows", "7"), ("--vif", "8"), ("--backend-no", "csum")):
            self.bad("--bypass", *argument)("--bypass", argument[0])

    def test_a_xenvif_takes_nothing_of_the_stand_in(self):
        image = self.folder / "xenvif.sys"
        image.write_bytes(b"MZ")
        self.bad("--xenvif", str(image))("no xenvif.inf beside", "--xenvif-inf")
        (self.folder / "XenVif.INF").write_text("[Version]")
        for argument in (("--vif", "8"), ("--xenvif-like", "main")):
            self.bad("--xenvif", str(image), *argument)(argument[0], "stand-in")
        self.bad("--xenvif-inf", str(self.folder / "XenVif.INF"))("--xenvif-inf", "--xenvif")
        self.bad("--bypass", "--xenvif", str(image))("--bypass", "--xenvif")

    def test_an_inf_without_its_driver_is_reported(self):
        path = self.folder / "a.inf"
        path.write_text("")
        self.bad("--inf", path)("--inf", "--driver")


class Files(SentenceCase):
    def test_a_missing_driver_is_named(self):
        self.refused(run_py("--driver", self.folder / "none.sys"), self.folder / "none.sys", "does not exist")

    def test_a_missing_inf_is_named(self):
        self.refused(run_py("--driver", __file__, "--inf", self.folder / "none.inf"), self.folder / "none.inf",
                     "does not exist")

    def test_a_folder_is_no_driver(self):
        self.refused(run_py("--driver", self.folder), self.folder, "is a folder")

    def test_a_driver_without_an_inf_beside_it_is_reported(self):
        driver = self.folder / "lonely.sys"
        driver.write_bytes(b"MZ")
        self.refused(run_py("--driver", driver), "lonely.inf", driver, "--inf")

    def test_a_summary_that_cannot_be_written_is_named_before_anything_runs(self):
        for option in ("--json", "--pcap"):
            self.refused(run_py(option, self.folder / "none" / "file"), option, self.folder / "none", "does not exist")
            self.refused(run_py(option, self.folder), option, "is a folder")

    @unittest.skipUnless(readable_by_all(), "needs root, and a repository that other users can read")
    def test_a_driver_that_may_not_be_read_is_named(self):
        self.folder.chmod(0o755)
        driver = self.folder / "secret.sys"
        driver.write_bytes(b"MZ")
        driver.chmod(0o600)
        self.refused(run_py("--driver", driver, before=NOBODY), driver, "cannot be read")
        self.refused(run_py("--json", driver, before=NOBODY), driver, "cannot be written")


@needs_traffic
class Images(SentenceCase):
    """What the testbed finds wrong with a driver or its INF."""

    @classmethod
    def setUpClass(cls):
        ensure_built()

    def other_driver(self, data, inf=None):
        path = self.folder / "other.sys"
        path.write_bytes(data)
        (self.folder / "other.inf").write_bytes(made.INF.read_bytes() if inf is None else inf)
        return run_py("--driver", path, "--", "true"), path

    def headers(self, data):
        """Offset of the PE optional header in an image."""
        return struct.unpack_from("<I", data, 0x3c)[0] + 24

    def test_the_driver_itself_runs_from_another_folder(self):
        done, _path = self.other_driver(made.DRIVER.read_bytes())
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_an_empty_driver_is_named(self):
        done, path = self.other_driver(b"")
        self.refused(done, path.name)

    def test_a_text_file_is_no_driver(self):
        done, path = self.other_driver(b"just words\n" * 1000)
        self.refused(done, path.name)

    def test_an_elf_program_is_no_driver(self):
        done, path = self.other_driver(Path("/bin/true").read_bytes())
        self.refused(done, path.name)

    def test_a_truncated_driver_is_reported_wherever_it_is_cut(self):
        data = made.DRIVER.read_bytes()
        for size in (2, 0x3f, self.headers(data) - 10, self.headers(data) + 100, 0x400, len(data) // 2):
            with self.subTest(size=size):
                done, path = self.other_driver(data[:size])
                self.refused(done, path.name)

    def test_a_32_bit_driver_is_reported(self):
        done, path = self.other_driver((ROOT / "xennet" / "x86" / "xennet.sys").read_bytes())
        self.refused(done, path.name, "x64")

    def test_a_program_that_is_no_driver_is_reported(self):
        data = bytearray(made.DRIVER.read_bytes())
        struct.pack_into("<H", data, self.headers(data) + 68, 3)  # subsystem: console
        done, path = self.other_driver(bytes(data))
        self.refused(done, path.name)

    def test_an_import_that_nobody_exports_is_named(self):
        data = made.DRIVER.read_bytes()
        name = b"NdisMRegisterMiniportDriver\0"
        self.assertIn(name, data)
        done, path = self.other_driver(data.replace(name, b"NdisMRegisterMiniportDrivex\0"))
        self.refused(done, path.name, "NdisMRegisterMiniportDrivex")

    def test_an_inf_that_is_none_is_named(self):
        for text in (b"", b"just words\n" * 100, b"\0\1\2\3" * 100):
            with self.subTest(text=text[:8]):
                done, _path = self.other_driver(made.DRIVER.read_bytes(), text)
                self.refused(done, "other.inf")

    def test_an_inf_for_another_device_is_reported_with_the_device(self):
        text = made.INF.read_bytes().replace(b"XENVIF\\VEN_", b"OTHER\\VEN_")
        self.assertNotEqual(text, made.INF.read_bytes())
        done, _path = self.other_driver(made.DRIVER.read_bytes(), text)
        self.refused(done, "other.inf", "XENVIF\\VEN_")

    def test_a_keyword_that_the_inf_does_not_have_is_named(self):
        self.refused(run_py("--set", "*Frobnicate=1", "--", "true"), "*Frobnicate", "*RSS")

    def test_a_value_that_the_keyword_does_not_take_is_named(self):
        self.refused(run_py("--set", "*RSS=7", "--", "true"), "*RSS", "7")

    def test_a_command_that_is_not_there_is_named(self):
        self.refused(run_py("--", "no-such-command"), "no-such-command")

    def test_every_windows_and_feature_named_here_is_known_to_the_testbed(self):
        text = (ROOT / "testbed" / "netback" / "netback.h").read_text()
        self.assertEqual(tuple(re.findall(r'X\(\w+, "([\w-]+)"\)', text)), cli_run.BACKEND_FEATURES)
        for windows in cli_run.WINDOWS:
            done = run_py("--windows", windows, "--", "true")
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


@needs_root
class Machines(SentenceCase):
    """Machines that lack something, simulated with namespaces, capabilities and another PATH."""

    def tool(self, name, text):
        """A tool of another machine, found before the real one."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return dict(os.environ, PATH=f"{self.folder}:{os.environ['PATH']}")

    def without(self, package):
        """What dpkg-query says on a machine that lacks one package."""
        real = subprocess.run(["which", "dpkg-query"], stdout=subprocess.PIPE, universal_newlines=True,
                              check=True).stdout.strip()
        return self.tool("dpkg-query", f"{real} \"$@\" | grep -v ' {package}$'")

    def test_a_missing_capability_is_named(self):
        done = run_py(before=["setpriv", "--bounding-set=-sys_admin,-net_admin", "--"])
        self.refused(done, "CAP_SYS_ADMIN", "CAP_NET_ADMIN", "container")

    @unittest.skipIf(machine.why_not() is not None, "needs network namespaces")
    def test_a_missing_tun_device_is_named(self):
        done = run_py(before=["unshare", "--mount", "sh", "-c", "mount -t tmpfs none /dev/net && exec \"$@\"", "sh"])
        self.refused(done, "/dev/net/tun", "modprobe tun")

    @unittest.skipIf(machine.why_not() is not None, "needs network namespaces")
    def test_a_tun_device_that_is_none_is_named(self):
        done = run_py(before=["unshare", "--mount", "sh", "-c",
                              "mount -t tmpfs none /dev/net && mkdir /dev/net/tun && exec \"$@\"", "sh"])
        self.refused(done, "/dev/net/tun", "cannot be opened")

    @unittest.skipUnless(readable_by_all(), "needs a repository that other users can read")
    def test_a_user_without_rights_is_reported(self):
        self.refused(run_py(before=NOBODY), "root", "sudo")

    @unittest.skipUnless(readable_by_all(), "needs a repository that other users can read")
    def test_a_missing_package_is_named_to_a_user_who_cannot_install_it(self):
        self.folder.chmod(0o755)
        done = run_test_py("--list", before=NOBODY, env=self.without("tshark"))
        self.refused(done, "tshark", "root")

    def test_packages_that_cannot_be_installed_are_named(self):
        self.tool("apt-get", "echo 'E: Unable to locate package'; exit 100")
        done = run_test_py("--list", env=self.without("tshark"))
        self.assertIn("installing tshark", done.stderr)
        done.stderr = done.stderr.replace("installing tshark\n", "")
        self.refused(done, "tshark", "E: Unable to locate package", "apt sources")

    def test_packages_that_an_install_did_not_bring_are_named(self):
        self.tool("apt-get", "exit 0")
        done = run_test_py("--list", env=self.without("tshark"))
        done.stderr = done.stderr.replace("installing tshark\n", "")
        self.refused(done, "tshark", "still missing")

    def test_missing_packages_are_installed_by_name(self):
        calls = self.folder / "calls"
        installed = self.folder / "installed"
        real = subprocess.run(["which", "dpkg-query"], stdout=subprocess.PIPE, universal_newlines=True,
                              check=True).stdout.strip()
        self.tool("apt-get", f"echo \"$@\" >> {calls}; [ \"$1\" = update ] || touch {installed}")
        environment = self.tool("dpkg-query", f"if [ -e {installed} ]; then exec {real} \"$@\"; fi; {real} \"$@\" | "
                                f"grep -v -e ' tshark$' -e ' cmake$'")
        done = run_test_py("--list", "test_cli", env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(calls.read_text().splitlines(), [
            "update", "install -y -o DPkg::Lock::Timeout=300 --no-install-recommends cmake tshark"])

    def test_a_system_without_dpkg_is_reported(self):
        bare = self.folder / "bin"
        bare.mkdir()
        done = run_test_py("--list", env={"PATH": str(bare)})
        self.refused(done, "dpkg-query", "Debian 12")

    def test_the_package_list_names_what_is_installed_here(self):
        self.assertEqual(packages.missing(packages.TEST), [])


class TestCommand(SentenceCase):
    def test_a_test_that_is_not_there_is_named(self):
        done = run_test_py("no_such_test")
        self.refused(done, "no_such_test", "--list")

    def test_a_seed_that_is_no_number_is_named(self):
        self.refused(run_test_py("--seed", "x"), "--seed", "'x'")

    def test_no_seeds_at_all_are_refused(self):
        self.refused(run_test_py("--seeds", "0"), "--seeds", "'0'")

    def test_seed_and_seeds_exclude_each_other(self):
        self.refused(run_test_py("--seeds", "3", "--seed", "4"), "--seeds", "--seed", "exclude")

    def test_list_prints_file_and_case_names_only(self):
        done = run_test_py("--list")
        self.assertEqual(done.returncode, 0, done.stderr)
        names = done.stdout.split("\n")[:-1]
        self.assertIn("test_cli:test_list_prints_file_and_case_names_only", names)
        for name in names:
            self.assertRegex(name, r"^[a-z0-9_]+:[A-Za-z0-9_.]+$")
        self.assertEqual(len(names), len(set(names)))
