# SPDX-License-Identifier: BSD-2-Clause
"""Signatures, checked by osslsigncode against the certificate: of what is whole, and of what was changed."""

import argparse
import subprocess
import tempfile
import unittest
from pathlib import Path

from scripts.sign import signer as sign
from scripts.cli import ROOT, Stop

OPENSSL = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-sha256", "-days", "30", "-addext",
           "extendedKeyUsage=codeSigning"]


def options(*arguments):
    parser = argparse.ArgumentParser()
    sign.add_options(parser)
    return parser.parse_args(arguments)


def verify(certificate, *arguments):
    done = subprocess.run(["osslsigncode", "verify", "-CAfile", str(certificate), *map(str, arguments)],
                          capture_output=True, text=True,
                          errors="replace", check=False)
    return done.returncode == 0, done.stdout + done.stderr


class Package(unittest.TestCase):
    """What the build left in xennet/."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.certificate = Path(cls.folder.name) / "package.pem"
        cer = ROOT / "xennet" / "x64" / "xennet.cer"
        if not cer.is_file():
            raise unittest.SkipTest("the package is not signed with a test certificate")
        subprocess.run(["openssl", "x509", "-inform", "DER", "-in", str(cer), "-out", str(cls.certificate)], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_driver_dll_and_catalog_verify(self):
        for arch in ("x64", "x86"):
            for path in (ROOT / "xennet" / arch).iterdir():
                if path.suffix in (".sys", ".dll", ".cat"):
                    good, said = verify(self.certificate, "-in", path)
                    self.assertTrue(good, said)
                    self.assertIn("SHA256", said)

    def test_the_catalog_vouches_for_driver_and_dll(self):
        for arch in ("x64", "x86"):
            for path in (ROOT / "xennet" / arch).iterdir():
                if path.suffix in (".sys", ".dll"):
                    good, said = verify(self.certificate, "-catalog", path.with_name("xennet.cat"), "-in", path)
                    self.assertTrue(good and "File is signed in catalog" in said, said)

    def test_a_changed_driver_does_not_verify(self):
        data = bytearray((ROOT / "xennet" / "x64" / "xennet.sys").read_bytes())
        data[0x800] ^= 1
        path = Path(self.folder.name) / "changed.sys"
        path.write_bytes(data)
        self.assertFalse(verify(self.certificate, "-in", path)[0])
        good, said = verify(self.certificate, "-catalog", ROOT / "xennet" / "x64" / "xennet.cat", "-in", path)
        self.assertFalse(good and "File is signed in catalog" in said)

    def test_a_changed_catalog_does_not_verify(self):
        data = (ROOT / "xennet" / "x64" / "xennet.cat").read_bytes()
        path = Path(self.folder.name) / "changed.cat"
        path.write_bytes(data.replace("xennet.sys".encode("utf-16-le"), "xennet.syz".encode("utf-16-le"), 1))
        self.assertFalse(verify(self.certificate, "-in", path)[0])

    def test_the_test_key_is_private_and_outside_the_repository(self):
        key = sign.FOLDER / "test.key"
        if not key.is_file():
            self.skipTest("no test certificate was made here")
        self.assertEqual(key.stat().st_mode & 0o077, 0)
        done = subprocess.run(["git", "check-ignore", "-q", str(key)], cwd=ROOT, check=False)
        if done.returncode != 128:    # no repository
            self.assertEqual(done.returncode, 0)


class Given(unittest.TestCase):
    """A certificate of the user's."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = Path(cls.folder.name)
        for name, extra in (("plain", ["-nodes"]), ("locked", ["-passout", "pass:secret"])):
            subprocess.run([*OPENSSL, *extra, "-subj", f"/CN={name}", "-keyout", str(cls.path / f"{name}.key"),
                            "-out", str(cls.path / f"{name}.pem")], check=True, capture_output=True)
        subprocess.run(["openssl", "pkcs12", "-export", "-in", str(cls.path / "plain.pem"), "-inkey",
                        str(cls.path / "plain.key"),
                        "-passout", "pass:secret", "-out", str(cls.path / "both.p12")], check=True, capture_output=True)
        (cls.path / "password").write_text("secret")
        cls.source = ROOT / "build" / "free" / "x64" / "xennet.sys"
        if not cls.source.is_file():
            cls.source = ROOT / "build" / "checked" / "x64" / "xennet.sys"

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def signed(self, certificate, *arguments):
        signer = sign.Signer(options(*map(str, arguments)))
        self.assertFalse(signer.is_test)
        target = self.path / "signed.sys"
        signer.sign(self.source, target)
        good, said = verify(certificate, "-in", target)
        self.assertTrue(good, said)
        self.assertIn("SHA256", said)

    def test_certificate_and_key(self):
        self.signed(self.path / "plain.pem", "--certificate", self.path / "plain.pem", "--key", self.path / "plain.key")

    def test_a_key_with_a_password(self):
        self.signed(self.path / "locked.pem", "--certificate", self.path / "locked.pem", "--key",
                    self.path / "locked.key",
                    "--password-file", self.path / "password")

    def test_pkcs12(self):
        self.signed(self.path / "plain.pem", "--pkcs12", self.path / "both.p12", "--password-file",
                    self.path / "password")

    def test_a_wrong_password_is_reported(self):
        (self.path / "wrong").write_text("guess")
        signer = sign.Signer(options("--pkcs12", str(self.path / "both.p12"), "--password-file",
                                     str(self.path / "wrong")))
        with self.assertRaises(Stop) as caught:
            signer.sign(self.source, self.path / "not.sys")
        self.assertIn("signing not.sys failed", caught.exception.text)
        self.assertFalse((self.path / "not.sys").exists())

    def test_a_token_is_handed_to_osslsigncode(self):
        module, engine = self.path / "module.so", self.path / "engine.so"
        for path in (module, engine):
            path.write_text("")
        signer = sign.Signer(options("--pkcs11-module", str(module), "--pkcs11-engine", str(engine), "--key", "01",
                                     "--pkcs11-certificate", "02", "--timestamp", "http://time.example/"))
        command = " ".join(signer.command("in", "out"))
        self.assertIn(f"-pkcs11engine {engine} -pkcs11module {module} -pkcs11cert 02 -key 01 -h sha256", command)
        self.assertIn("-ts http://time.example/ -in in -out out", command)

    def test_what_does_not_fit_together_is_named(self):
        certificate, key = str(self.path / "plain.pem"), str(self.path / "plain.key")
        for arguments, word in ((["--certificate", certificate], "--certificate and --key belong together"),
                                (["--key", key], "--certificate and --key belong together"),
                                (["--certificate", certificate, "--key", "/nowhere"], "--key /nowhere"),
                                (["--pkcs12", key, "--key", key], "--pkcs12 holds both"),
                                (["--pkcs11-module", key], "--pkcs11-module needs --key"),
                                (["--password-file", key], "--password-file"),
                                (["--timestamp", "ftp://x"], "--timestamp ftp://x")):
            with self.subTest(arguments), self.assertRaises(Stop) as caught:
                sign.Signer(options(*arguments))
            self.assertIn(word, caught.exception.text)

    def test_an_unreachable_time_server_fails_the_build(self):
        signer = sign.Signer(options("--certificate", str(self.path / "plain.pem"), "--key",
                                     str(self.path / "plain.key"),
                                     "--timestamp", "http://127.0.0.1:9/"))
        with self.assertRaises(Stop):
            signer.sign(self.source, self.path / "not.sys")


if __name__ == "__main__":
    unittest.main()
