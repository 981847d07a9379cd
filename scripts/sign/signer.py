# SPDX-License-Identifier: BSD-2-Clause
"""Who signs the package and how: Authenticode with SHA-256 by osslsigncode, on images and catalogs alike.

A Signer comes from build.py's options: a certificate with its key, a PKCS #12 file, or a PKCS #11 token. Without one
of them the build signs with a test certificate that it makes once per folder (build/certificate); such a package
installs where test signing is on and the certificate, which the package then carries as xennet.cer, is trusted.
"""

import os
import shutil
import subprocess
from pathlib import Path

from scripts.build import version
from scripts.cli import ROOT, Stop

FOLDER = ROOT / "build" / "certificate"
PACKAGES = {"osslsigncode": "osslsigncode", "openssl": "openssl"}
TEST_DAYS = 3650
# Where Debian puts what makes OpenSSL speak PKCS #11 (package libengine-pkcs11-openssl).
ENGINES = ("/usr/lib/x86_64-linux-gnu/engines-3/pkcs11.so", "/usr/lib/aarch64-linux-gnu/engines-3/pkcs11.so")


def tool(name):
    path = shutil.which(name)
    if path is None:
        raise Stop(f"{name} is missing: install the Debian package {PACKAGES[name]}")
    return path


def add_options(parser):
    """The options that name a signer; all of them are optional."""
    group = parser.add_argument_group("signing (default: a test certificate that the build makes)")
    group.add_argument("--certificate", metavar="FILE", help="certificate with its chain, PEM or DER")
    group.add_argument("--key", metavar="FILE", help="private key of --certificate")
    group.add_argument("--pkcs12", metavar="FILE", help="certificate and key in one PKCS #12 file")
    group.add_argument("--pkcs11-module", metavar="FILE",
                       help="library of a token; with --key ID or URI, and --certificate "
                                                                "or --pkcs11-certificate")
    group.add_argument("--pkcs11-certificate", metavar="ID", help="certificate on the token")
    group.add_argument("--pkcs11-engine", metavar="FILE", help="OpenSSL's PKCS #11 engine (default: Debian's)")
    group.add_argument("--password-file", metavar="FILE", help="file with the password of the key or the token's PIN")
    group.add_argument("--timestamp", metavar="URL", help="RFC 3161 server that confirms the time of signing")


def _file(option, text):
    if not os.access(text, os.R_OK) or Path(text).is_dir():
        raise Stop(f"{option} {text} is not a file that can be read")
    return str(Path(text).resolve())


class Signer:
    """Holds the part of osslsigncode's command line that says who signs."""

    def __init__(self, options):
        self.is_test = False
        self.certificate = None
        self.timestamp = options.timestamp
        if options.timestamp and not options.timestamp.startswith(("http://", "https://")):
            raise Stop(f"--timestamp {options.timestamp} is not an http address")
        if options.pkcs12:
            if options.certificate or options.key or options.pkcs11_module:
                raise Stop("--pkcs12 holds both certificate and key: give it without --certificate, --key and "
                           "--pkcs11-module")
            self.who = ["-pkcs12", _file("--pkcs12", options.pkcs12)]
        elif options.pkcs11_module:
            self.who = self._token(options)
        elif options.certificate or options.key:
            if not (options.certificate and options.key):
                raise Stop("--certificate and --key belong together: give both")
            self.who = ["-certs", _file("--certificate", options.certificate), "-key", _file("--key", options.key)]
        else:
            if options.password_file or options.pkcs11_certificate:
                raise Stop("--password-file and --pkcs11-certificate say nothing without the key they belong to: give "
                           "that too")
            self.is_test = True
            self.certificate, key = test_certificate()
            self.who = ["-certs", str(self.certificate), "-key", str(key)]
        if options.password_file:
            self.who += ["-readpass", _file("--password-file", options.password_file)]

    @staticmethod
    def _token(options):
        if not options.key or not (options.certificate or options.pkcs11_certificate):
            raise Stop("--pkcs11-module needs --key with the key's ID, and --certificate or --pkcs11-certificate")
        engine = options.pkcs11_engine or next((path for path in ENGINES if Path(path).is_file()), None)
        if engine is None:
            raise Stop("OpenSSL's PKCS #11 engine is missing: install the Debian package libengine-pkcs11-openssl, "
                       "or name it with --pkcs11-engine")
        who = ["-pkcs11engine", _file("--pkcs11-engine", engine), "-pkcs11module",
               _file("--pkcs11-module", options.pkcs11_module)]
        if options.pkcs11_certificate:
            who += ["-pkcs11cert", options.pkcs11_certificate]
        else:
            who += ["-certs", _file("--certificate", options.certificate)]
        return who + ["-key", options.key]

    def command(self, source, target):
        command = [tool("osslsigncode"), "sign", *self.who, "-h", "sha256", "-n",
                   version.values()["PRODUCT_NAME"] + " PV network driver"]
        if self.timestamp:
            command += ["-ts", self.timestamp]
        return command + ["-in", str(source), "-out", str(target)]

    def sign(self, source, target):
        target.unlink(missing_ok=True)
        done = subprocess.run(self.command(source, target), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace",
                              check=False)
        if done.returncode != 0 or not target.is_file():
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            raise Stop(f"signing {target.name} failed:\n" + "\n".join(said), 1)


def test_certificate():
    """(certificate, key) in PEM, made on first use; the key never leaves build/, which git ignores."""
    certificate, key = FOLDER / "test.pem", FOLDER / "test.key"
    if certificate.is_file() and key.is_file():
        return certificate, key
    FOLDER.mkdir(parents=True, exist_ok=True)
    settings = FOLDER / "test.conf"
    settings.write_text("[req]\ndistinguished_name = name\nx509_extensions = use\nprompt = no\n"
                        f"[name]\nCN = {version.values()['COMPANY_NAME']} XenNet test certificate\n"
                        "[use]\nbasicConstraints = critical, CA:false\nkeyUsage = critical, digitalSignature\n"
                        "extendedKeyUsage = codeSigning\nsubjectKeyIdentifier = hash\n", encoding="ascii")
    fresh = [FOLDER / "test.key.new", FOLDER / "test.pem.new"]
    # Created private before openssl writes into it (subprocess' umask argument is newer than Python 3.8).
    os.close(os.open(fresh[0], os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600))
    done = subprocess.run([tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-sha256", "-nodes", "-days",
                           str(TEST_DAYS),
                           "-config", str(settings), "-keyout", str(fresh[0]), "-out", str(fresh[1])],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Stop("openssl could not make the test certificate:\n" + done.stderr.rstrip(), 1)
    fresh[0].replace(key)
    fresh[1].replace(certificate)
    return certificate, key


def der(certificate):
    """The certificate's DER bytes, as Windows' certificate tools take them."""
    done = subprocess.run([tool("openssl"), "x509", "-in", str(certificate), "-outform", "DER"], capture_output=True,
                          check=False)
    if done.returncode != 0:
        raise Stop(f"openssl cannot read {certificate}: {done.stderr.decode(errors='replace').rstrip()}", 1)
    return done.stdout
