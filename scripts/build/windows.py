# SPDX-License-Identifier: BSD-2-Clause
"""build.py on Windows: which programs of Visual Studio and the kit run, in which order, with which command lines.

commands() tells the command lines without running any of them. They are texts, not lists, since cmd.exe and msbuild
read quotes in ways of their own. The package is then delivered, stored and archived by package.py as on Linux.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from scripts.build import driver, package, templates, version, windows_kit
from scripts.build.editions import WINDOWS10
from scripts.cli import ROOT, Stop

PLATFORMS = {"x64": "x64", "x86": "Win32"}
ENVIRONMENTS = {"x64": "x86_amd64", "x86": "x86"}
CODE_SIGNING = "1.3.6.1.5.5.7.3.3"
THUMBPRINT = re.compile("[0-9A-Fa-f]{40}")


def quoted(path):
    return f'"{path}"'


def output(flavour, arch):
    return ROOT / "build" / flavour / arch


def msbuild(compiler, headers, flavour, arch, target="Build", project="xennet.sln", more=()):
    """Compile and link with the projects of proj/."""
    settings = {
        "Configuration": flavour, "Platform": PLATFORMS[arch],
        "XenNetDriverToolset": "WindowsKernelModeDriver" + headers.row.toolset,
        "XenNetUserToolset": "WindowsApplicationForDrivers" + headers.row.toolset,
        "XenNetTarget": headers.row.target, "XenNetCoinstaller": driver.coinstaller(),
    }
    if headers.version:
        settings["WindowsTargetPlatformVersion"] = headers.version
    # A property's value ends in a slash, which must not stand before the quote that closes it.
    parts = ([f"/p:{name}={value}"
              for name, value in settings.items()] + [f'/p:XenNetOut="{output(flavour, arch)}{os.sep}{os.sep}"', *more])
    inner = (f"call {quoted(compiler.environment)} {ENVIRONMENTS[arch]} && msbuild.exe "
             f"{quoted(ROOT / 'proj' / project)} "
             f"/nologo /v:minimal /t:{target} {' '.join(parts)}")
    return f'cmd.exe /d /s /c "{inner}"'


class Signer:
    """Signs with signtool: a PKCS #12 file, a certificate of the user's store (where tokens show theirs), or a test
    one.
    """

    def __init__(self, headers, options):
        self.headers = headers
        self.timestamp = options.timestamp
        self.is_test = False
        if options.pkcs11_module or options.key:
            raise Stop("on Windows a key lies in the certificate store, where a token's driver shows it too: "
                       "give the certificate's thumbprint with --certificate, or --pkcs12")
        if options.pkcs12:
            self.who = f"/f {quoted(Path(options.pkcs12).resolve())}"
            if options.password_file:
                self.who += f" /p {quoted(Path(options.password_file).read_text(encoding='utf-8').strip())}"
        elif options.certificate:
            if not THUMBPRINT.fullmatch(options.certificate):
                raise Stop(f"--certificate {options.certificate}: on Windows give the SHA-1 thumbprint, 40 hexadecimal "
                           "digits, of a "
                           "certificate in the user's store, or --pkcs12 with a file")
            self.who = f"/sha1 {options.certificate}"
        else:
            self.is_test = True
            self.name = version.values()["COMPANY_NAME"] + " XenNet test certificate"
            self.who = f"/s My /n {quoted(self.name)}"

    @property
    def certificate(self):
        return ROOT / "build" / "certificate" / "xennet.cer"

    def make(self):
        """The command that makes the test certificate in the user's store and writes it to a file."""
        old = self.headers.tool("makecert.exe", "x64", "x86")
        if old:
            return (f'{quoted(old)} -r -pe -a sha256 -len 2048 -ss My -sr CurrentUser -n "CN={self.name}" -eku '
                    f'{CODE_SIGNING} '
                    f"{quoted(self.certificate)}")
        return ("powershell.exe -NoProfile -NonInteractive -Command \"$c = New-SelfSignedCertificate -Type "
                "CodeSigningCert "
                f"-HashAlgorithm SHA256 -CertStoreLocation Cert:\\CurrentUser\\My -Subject "
                f"'CN={self.name.replace(chr(39), chr(39) * 2)}'; "
                f"Export-Certificate -Cert $c -FilePath '{self.certificate}'\"")

    def command(self, path):
        time = f" /tr {self.timestamp} /td sha256" if self.timestamp else ""
        return (f"{quoted(self.headers.need('signtool.exe', 'x64', 'x86'))} sign /q /fd sha256 {self.who}{time} "
                f"{quoted(path)}")


def catalog(headers, stage, arch, edition):
    return (f"{quoted(headers.need('inf2cat.exe', 'x86', 'x64'))} /driver:{quoted(stage)} "
            f"/os:{headers.systems(arch, edition)}")


def images(edition):
    return ["xennet.sys", *([f"{driver.coinstaller()}.dll"] if edition.coinstaller else [])]


def commands(compiler, headers, signer, flavour, arch):
    """The command lines of one architecture: what compiles, and for each edition what signs and what makes its catalog.
    """
    found = {"compile": [msbuild(compiler, headers, flavour, arch)]}
    for edition in headers.editions():
        stage = output(flavour, arch) / edition.name / "package"
        found[edition] = {
            "sign": [signer.command(stage / name) for name in images(edition)],
            "catalog": [catalog(headers, stage, arch, edition), signer.command(stage / "xennet.cat")],
        }
    return found


def run(command, keep=False):
    """Run a command line; its output is the user's to see, and the caller's too with `keep`."""
    said = ""
    try:
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE if keep else None, stderr=subprocess.STDOUT
                              if keep else None,
                              text=True, errors="replace") as process:
            for line in process.stdout or ():
                print(line, end="")
                said += line
    except OSError as error:
        raise Stop(f"{command.split()[0]} could not be started: {error.strerror}", 1) from None
    if process.returncode != 0:
        raise Stop(f"this command ended with status {process.returncode}:\n{command}", 1)
    return said


def store_folder():
    value = os.environ.get("SYMBOL_SERVER")
    if not value:
        raise Stop("SYMBOL_SERVER is not set: point it to the folder of the symbol store, as C:\\Symbols; it is made "
                   "if it is missing")
    if Path(value).is_file():
        raise Stop(f"SYMBOL_SERVER is '{value}', which is a file: point it to the folder of the symbol store, as "
                   f"C:\\Symbols")
    return Path(value)


def assemble(arch, flavour, steps, signer):
    """Run one architecture's steps and put its packages together; return {edition: {name: path}}."""
    folder = output(flavour, arch)
    folder.mkdir(parents=True, exist_ok=True)
    templates.headers(folder)
    for command in steps["compile"]:
        run(command)
    return {edition: assemble_edition(arch, edition, folder, commands_, signer)
            for edition, commands_ in steps.items() if edition != "compile"}


def assemble_edition(arch, edition, folder, steps, signer):
    stage = folder / edition.name / "package"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    for name in ("xennet.sys", "xennet.pdb"):
        shutil.copyfile(folder / name, stage / name)
    if edition.coinstaller:
        for suffix in (".dll", ".pdb"):
            shutil.copyfile(folder / "coinst" / (driver.coinstaller() + suffix),
                            stage / (driver.coinstaller() + suffix))
    (stage / "xennet.inf").write_bytes(templates.inf(arch, edition))
    package.check_inf(stage / "xennet.inf", arch)
    for command in steps["sign"] + steps["catalog"]:
        run(command)
    package.add_scripts(stage, arch, edition)
    if signer.is_test:
        shutil.copyfile(signer.certificate, stage / "xennet.cer")
    return {path.name: path for path in sorted(stage.iterdir())}


def submission(arch, parts, signer, say):
    """As package.submission, signed with signtool in place."""
    if WINDOWS10 not in parts:
        raise Stop("--submission: this kit makes no package for Windows 10, which is what Partner Center takes")

    class InPlace:
        is_test = signer.is_test

        @staticmethod
        def sign(source, target):
            shutil.copyfile(source, target)
            run(signer.command(target))

    package.submission(arch, parts[WINDOWS10], InPlace, say)


def build(options, say):
    compiler, headers = windows_kit.pair()
    store_folder()
    package.symbol_store()
    wanted = windows_kit.architectures(headers, options.arch, options.arch_asked)
    for arch in options.arch:
        if arch not in wanted:
            say(f"{arch}: not built, because {headers.row.name} {headers.version} has no {arch} drivers")
    signer = Signer(headers, options)
    with driver.one_at_a_time():
        version.count()
        plans = {arch: commands(compiler, headers, signer, options.flavour, arch) for arch in wanted}
        if signer.is_test and not signer.certificate.is_file():
            signer.certificate.parent.mkdir(parents=True, exist_ok=True)
            run(signer.make())
        packages = {arch: assemble(arch, options.flavour, steps, signer) for arch, steps in plans.items()}
        package.finish(options.flavour, packages, signer, say)
        for arch in wanted if options.submission else ():
            submission(arch, packages[arch], signer, say)
