# SPDX-License-Identifier: BSD-2-Clause
"""Beside an upstream-like driver: which package Windows chooses, and what Wine's setupapi makes of it.

The other package is an INF of this test's own with the traits of upstream's: the same service, file and class, feature
score 0xFE, all devices of a prefix on one line, C000 first. Windows' choice is computed by its documented rules
(tests/support/windows/ranking.py), because Wine has none; the installing is Wine's.
"""

import unittest
from unittest import mock

from scripts.build import editions, templates
from tests.support.windows import ranking, wine_bed
from tests.support.windows.wine_bed import DEVICES, ISOLATED, NET_CLASS, OWN, SEVEN, TEN, text

WINDOWS = {SEVEN: ((6, 1), 7601), TEN: ((10, 0), 17763), ISOLATED: ((10, 0), 26100)}
REVISIONS = ("09000005", "09000004", "09000003", "09000002", "09000001", "09000000", "0800000D")
FIRST, SECOND = "ROOT\\XENVIF\\0000", "ROOT\\XENVIF\\0001"

OTHER = r"""
[Version]
Signature = "$Windows NT$"
Class = Net
ClassGUID = {{4d36e972-e325-11ce-bfc1-08002be10318}}
Provider = %Vendor%
CatalogFile = xennet.cat
DriverVer = {date},{version}

[DestinationDirs]
DefaultDestDir = 12

[SourceDisksNames]
0 = %DiskDesc%

[SourceDisksFiles]
xennet.sys = 0

[Manufacturer]
%Vendor% = Inst, NTamd64.6.1, NTamd64.10.0...14393, NTamd64.10.0...25398

{models}

[Other_Inst]
Characteristics = 0x84
BusType = 1
{score}
CopyFiles = Other_Files
AddReg = Other_AddReg

[Other_Files]
xennet.sys

[Other_AddReg]
HKR, Ndi, Service, 0, "xennet"
HKR, , OtherSetting, 0, "of the other driver"

[Other_Inst.Services]
AddService = xennet, 2, Other_Service

[Other_Service]
DisplayName = "Other Network Device"
ServiceType = 1
StartType = 3
ErrorControl = 1
ServiceBinary = %12%\xennet.sys

[Strings]
Vendor = "Other Company"
DiskDesc = "Other Package"
Name = "Other Network Device"
"""


def device(vendor="XP0001", newest=0):
    """The IDs of a device as XenVif lists them, from one of its revisions on."""
    return [f"XENVIF\\VEN_{vendor}&DEV_NET&REV_{revision}" for revision in REVISIONS[newest:]] + ["XENDEVICE"]


def other(date="12/31/2029", version="99.0.0.0", score="FeatureScore = 0xFE", prefix="XP", revision="09000005"):
    """An INF like upstream's; by default newer by date and version than anything."""
    ids = ", ".join(f"XENVIF\\VEN_{prefix}{end}&DEV_NET&REV_{revision}" for end in ("C000", "0001", "0002"))
    models = "\n\n".join(f"[Inst.NTamd64{since}]\n%Name% = Other_Inst, {ids}" for since in WINDOWS)
    return OTHER.format(date=date, version=version, score=score, models=models).replace("\n", "\r\n")


def ours(since, **names):
    with mock.patch.dict("os.environ", names):
        return templates.inf("x64", editions.WINDOWS7 if since == SEVEN else editions.WINDOWS10).decode()


class Choice(unittest.TestCase):
    def chosen(self, since, ids, **packages):
        return ranking.choose(packages, "x64", *WINDOWS[since], ids)

    def test_ours_is_chosen_over_a_newer_upstream_for_every_device_and_revision(self):
        for since in WINDOWS:
            for vendor in ("XP0001", "XP0002", "XPC000"):
                for newest in range(len(REVISIONS)):
                    with self.subTest(since=since, vendor=vendor, newest=newest):
                        self.assertEqual(self.chosen(since, device(vendor, newest), ours=ours(since),
                                                     other=other(revision=REVISIONS[newest])), "ours")

    def test_one_without_a_score_or_of_an_exact_id_does_not_outrank_ours(self):
        self.assertEqual(self.chosen(TEN, device(), ours=ours(TEN), other=other(score="")), "ours")

    def test_what_outranks_ours_is_a_better_score_only(self):
        self.assertEqual(self.chosen(TEN, device(), ours=ours(TEN), other=other(score="FeatureScore = 0xFC")), "other")

    def test_with_upstreams_score_ours_would_not_be_chosen(self):
        for score in ("0xFE", "0xFF"):
            worse = ours(TEN).replace("FeatureScore = 0xFD", f"FeatureScore = {score}")
            self.assertEqual(self.chosen(TEN, device("XPC000"), ours=worse, other=other()), "other")

    def test_of_ours_the_newer_date_and_then_the_higher_version_is_chosen(self):
        packages = {"old": ours(TEN, BUILD_NUMBER="9", INF_DATE="01/01/2026"),
                    "new": ours(TEN, BUILD_NUMBER="1", INF_DATE="02/01/2026"),
                    "newest": ours(TEN, BUILD_NUMBER="2", INF_DATE="02/01/2026")}
        self.assertEqual(self.chosen(TEN, device(), **packages), "newest")
        packages.pop("newest")
        self.assertEqual(self.chosen(TEN, device(), **packages), "new")

    def test_each_windows_takes_one_of_the_two_packages(self):
        for since, found in ((SEVEN, "seven"), (TEN, "ten"), (ISOLATED, "ten")):
            self.assertEqual(self.chosen(since, device(), seven=ours(SEVEN), ten=ours(TEN)), found)
        # Windows 10 before 1607 does not know build numbers in decorations.
        self.assertEqual(ranking.choose({"seven": ours(SEVEN), "ten": ours(TEN)}, "x64", (10, 0), 10586, device()),
                         "seven")

    def test_when_ours_is_gone_upstreams_is_chosen_again(self):
        self.assertEqual(self.chosen(TEN, device(), other=other()), "other")

    def test_a_prefix_that_a_package_has_not_is_no_match(self):
        self.assertIsNone(self.chosen(TEN, device("XN0001"), other=other()))
        self.assertEqual(self.chosen(TEN, device("XN0001"), ours=ours(TEN), other=other()), "ours")


class Installed(unittest.TestCase):
    """The choice carried out: driver key, service and file are those of the package that is in use."""

    def setUp(self):
        self.bed = wine_bed.bed("x64")

    def start(self, *devices):
        for result in self.bed.run(("key", wine_bed.PROVIDER), *(("create", " ".join(ids)) for ids in devices)):
            self.assertEqual(result.values("error"), [])

    def install(self, inf, instance=FIRST):
        result = self.bed.one("install", instance, inf)
        self.assertEqual((result.values("error"), result.number("windows")), ([], 0), result.answers)

    def used(self, number=0):
        """(section of the INF, the other driver's value) of a device's driver key."""
        key = self.bed.registry(NET_CLASS)[(NET_CLASS + rf"\000{number}").upper()]
        return key["INFSECTION"], key.get("OTHERSETTING")

    def file(self):
        return self.bed.file("drivers/xennet.sys").read_text()

    def test_ours_goes_over_upstreams_and_back(self):
        for since in WINDOWS:
            with self.subTest(since=since):
                self.setUp()
                theirs = self.bed.foreign("upstream", other(), since)
                mine = self.bed.package(1, since)
                self.start(device())
                self.install(theirs)
                self.assertEqual((self.used()[0], self.file()), (text("Other_Inst"), "driver of upstream\n"))
                self.install(mine)
                self.assertTrue(self.used()[0][1].decode("utf-16-le").startswith("XenNet_Inst"))
                self.assertEqual(self.file(), "driver of build 1\n")
                self.install(theirs)
                self.assertEqual((self.used()[0], self.file()), (text("Other_Inst"), "driver of upstream\n"))
                self.assertEqual(self.bed.registry(OWN)[OWN.upper()]["START"], wine_bed.dword(3))

    def test_beside_upstreams_each_device_has_its_own_driver(self):
        theirs = self.bed.foreign("upstream", other(), TEN)
        mine = self.bed.package(1, TEN)
        self.start(device(), device("XN0001"))
        self.install(theirs, FIRST)
        self.install(mine, SECOND)
        self.assertEqual(self.used(0)[0], text("Other_Inst"))
        self.assertEqual(self.used(1), (text("XenNet_Inst"), None))

    def test_an_upgrade_of_ours_replaces_the_older(self):
        self.start(device())
        for build in (1, 2):
            self.install(self.bed.package(build, ISOLATED))
            self.assertEqual(self.file(), f"driver of build {build}\n")
        self.assertEqual([key for key in self.bed.registry(NET_CLASS) if key.endswith("}\\0001")], [])

    def test_removed_ours_leaves_the_device_to_upstreams(self):
        theirs = self.bed.foreign("upstream", other(), TEN)
        self.start(device(), device())
        self.install(self.bed.package(1, TEN), FIRST)
        self.install(theirs, SECOND)
        self.assertEqual(self.bed.one("remove", FIRST).number("windows"), 0)
        left = self.bed.registry(DEVICES)
        self.assertNotIn((DEVICES + r"\0000").upper(), left)
        self.assertIn((DEVICES + r"\0001").upper(), left)
        self.assertEqual(self.used(1), (text("Other_Inst"), text("of the other driver")))


if __name__ == "__main__":
    unittest.main()
