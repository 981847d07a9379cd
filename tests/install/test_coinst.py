# SPDX-License-Identifier: BSD-2-Clause
"""The package installed, upgraded and removed by Wine's setupapi, and what the co-installer makes of it.

Each case starts from a Wine without us. The registry is compared key by key and value by value.
"""

import unittest

from tests.support.windows import wine_bed
from tests.support.windows.wine_bed import (DEVICES, DWORD, NET_CLASS, OWN, PROVIDER, SERVICES, SUBSCRIPTION, SZ, dword,
                                            text)

OK, ACCESS_DENIED, AGAIN = 0, 5, 0xe0000226         # ERROR_DI_POSTPROCESSING_REQUIRED
OUTVOTED, FORBIDDEN, WRONG_TYPE = 1306, 1625, 1629
ERROR, WARNING, CHANGE = 1, 2, 3
INSTALLDEVICE, REMOVE = 2, 5
VERSIONS = ("VIF", "STORE", "SUSPEND")
FIRST, SECOND = "ROOT\\XENVIF\\0000", "ROOT\\XENVIF\\0001"


def device_id(revision):
    return f"XENVIF\\VEN_XP0001&DEV_NET&REV_{revision}"


NEWEST, NINE, EIGHT, ANCIENT = map(device_id, ("09000005", "09000002", "0800000D", "07000000"))
ALL = " ".join(map(device_id, ("09000005", "09000004", "09000003", "09000002", "09000001", "09000000",
                               "0800000D"))) + " XENDEVICE"


def subscription(vif=10, store=2, suspend=1):
    return dict(zip(VERSIONS, map(dword, (vif, store, suspend))))


class Story(unittest.TestCase):
    maxDiff = None
    arch = "x64"

    def setUp(self):
        self.bed = wine_bed.bed(self.arch)

    def start(self, *devices, provider=True):
        """Devices with these IDs, and a provider's service."""
        commands = [("key", PROVIDER)] * provider + [("create", ids) for ids in devices]
        for result in self.bed.run(*commands):
            self.assertEqual(result.values("error"), [])

    def install(self, inf, device=FIRST, *more):
        result = self.bed.one("install", device, inf, *more)
        self.assertEqual(result.values("error"), [])
        return result

    def installed(self, inf, device=FIRST):
        result = self.install(inf, device)
        self.assertEqual((result.number("before"), result.number("windows"), result.number("after")), (AGAIN, OK, OK),
                         result.answers)
        self.assertEqual(result.number("reboot"), 0)
        return result

    def vetoed(self, result, error, *parts):
        """Refused before Windows did anything, with one error line per reason that has all these parts."""
        self.assertEqual(result.number("before"), error, result.answers)
        self.assertIsNone(result.number("windows"))
        self.assertNotIn("XENNET", str(self.bed.registry(PROVIDER)))
        for part in parts:
            self.assertTrue(any(part in line for line in result.log(ERROR)), (part, result.log()))

    def provider(self):
        """The provider's key as {subkey: values}, "" being the key itself."""
        return {key[len(PROVIDER):].lstrip("\\"): values for key, values in self.bed.registry(PROVIDER).items()}

    def check_subscribed(self, **versions):
        self.assertEqual(self.provider(), {"": {}, "INTERFACES": {}, "INTERFACES\\XENNET": subscription(**versions)})

    def remove(self, device=FIRST):
        result = self.bed.one("remove", device)
        self.assertEqual((result.number("before"), result.number("windows"), result.number("after")), (AGAIN, OK, OK),
                         result.answers)
        return result


class Installation(Story):
    def test_installation_writes_the_subscription_and_what_the_inf_lists(self):
        inf = self.bed.package(1)
        self.start(ALL)
        before = self.bed.registry(PROVIDER, OWN, NET_CLASS, DEVICES)
        result = self.installed(inf)
        after = self.bed.registry(PROVIDER, OWN, NET_CLASS, DEVICES)
        self.check_subscribed()
        self.assertEqual(result.log(), ["xennet_coinst: SubscriptionWrite: subscribed to XENVIF: VIF 10 STORE 2 "
                                        "SUSPEND 1"])
        self.assertEqual(result.values("debug"), [result.log()])

        driver_key = (NET_CLASS + r"\0000").upper()
        expected = wine_bed.inf_registry(self.bed.inf(1), "XenNet_AddReg", "XenNet_Params")
        expected.setdefault("", {}).update({
            "INFPATH": text("xennet.inf"), "INFSECTION": text("XenNet_Inst"),
            "COINSTALLERS32": (7, text("xennet_coinst_10_0_0_1.dll,CoDeviceInstall")[1] + b"\0\0")})
        found = {key[len(driver_key):].lstrip("\\"): values for key, values in after.items()
                 if key.startswith(driver_key)}
        parents = {"NDI", "NDI\\PARAMS"}
        self.assertEqual({key: values for key, values in found.items() if key not in parents or values},
                         {key: values for key, values in expected.items() if key not in parents or values})

        service = after[OWN.upper()]
        self.assertEqual(service["BOOTFLAGS"], dword(0x81))
        self.assertEqual(service["START"], dword(3))
        self.assertEqual(service["IMAGEPATH"], text(r"C:\windows\system32\drivers\xennet.sys"))
        self.assertNotIn("ALLOWUPDATE", service)
        self.assertEqual(after[(DEVICES + r"\0000").upper()]["SERVICE"], text("xennet"))
        self.assertNotIn(driver_key, before)
        self.assertTrue(self.bed.file("xennet_coinst_10_0_0_1.dll").is_file())
        self.assertEqual(self.bed.file("drivers/xennet.sys").read_text(), "driver of build 1\n")

    def test_the_newest_version_that_the_provider_has_is_subscribed_to(self):
        inf = self.bed.package(1)
        self.start(EIGHT)
        for ids, vif in ((EIGHT, 8), (ALL, 10), (f"{NINE} {EIGHT}", 9)):
            with self.subTest(vif=vif):
                self.bed.one("ids", FIRST, ids)
                self.installed(inf)
                self.check_subscribed(vif=vif)

    def test_an_upgrade_follows_the_provider_and_replaces_the_coinstaller(self):
        self.start(EIGHT)
        self.installed(self.bed.package(1))
        self.check_subscribed(vif=8)
        self.bed.one("set", SUBSCRIPTION, "Later", DWORD, "05000000")
        self.bed.one("ids", FIRST, ALL)
        self.installed(self.bed.package(2))
        self.assertEqual(self.provider()["INTERFACES\\XENNET"], dict(subscription(), LATER=dword(5)))
        registry = self.bed.registry(NET_CLASS)
        self.assertEqual([key for key in registry if key.endswith("}\\0001")], [])
        installers = registry[(NET_CLASS + r"\0000").upper()]["COINSTALLERS32"][1].decode("utf-16-le")
        self.assertIn("xennet_coinst_10_0_0_2", installers)
        self.assertEqual(self.bed.file("drivers/xennet.sys").read_text(), "driver of build 2\n")

    def test_a_downgrade_is_installed_while_nobody_loses_anything(self):
        self.start(ALL)
        self.installed(self.bed.package(2))
        result = self.installed(self.bed.package(1))
        self.assertEqual(result.values("coinstaller"), [["xennet_coinst_10_0_0_1.dll"]])
        self.check_subscribed()

    def test_a_downgrade_that_a_subscriber_would_suffer_from_is_vetoed(self):
        self.start(ALL)
        self.installed(self.bed.package(2))
        before = self.bed.registry(PROVIDER)
        self.bed.run(("key", SERVICES + r"\XENTOOL"), ("set", OWN + r"\Interfaces\XENTOOL", "NET", DWORD, "01000000"))
        result = self.install(self.bed.package(1))
        self.assertEqual(result.number("before"), OUTVOTED)
        self.assertIsNone(result.number("windows"))
        self.assertEqual(result.log(ERROR), ["xennet_coinst: VetoCheck: not installed: XENTOOL uses NET 1, of which "
                                             "this XENNET has none: "
                                             "install another XENTOOL or remove it first"])
        self.assertEqual(self.bed.registry(PROVIDER), before)

    def test_others_subscriptions_are_left_alone(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.bed.run(("set", PROVIDER, "Start", DWORD, "00000000"),
                     ("set", PROVIDER + r"\Interfaces\OTHER", "VIF", DWORD, "07000000"))
        self.installed(inf)
        self.remove()
        self.assertEqual(self.provider(), {"": {"START": dword(0)}, "INTERFACES": {},
                                           "INTERFACES\\OTHER": {"VIF": dword(7)}})

    def test_what_windows_could_not_install_is_not_subscribed(self):
        inf = self.bed.package(1)
        self.start(ALL)
        result = self.install(inf, FIRST, "0x5")
        self.assertEqual((result.number("before"), result.number("after")), (AGAIN, ACCESS_DENIED))
        self.assertEqual(self.provider(), {"": {}})
        self.assertIn("Windows did not install the device", result.log(ERROR)[0])

    def test_it_works_where_setupapi_has_no_text_log(self):
        inf = self.bed.package(1)
        self.start(ALL)
        _, result = self.bed.run(("textlog", 0), ("install", FIRST, inf))
        self.assertEqual((result.number("after"), result.log()), (OK, []))
        self.assertEqual(len(result.values("debug")), 1)
        self.check_subscribed()


    def test_a_reboot_is_asked_for_only_when_the_device_cannot_be_started_without(self):
        started, has_problem, need_restart = 0x8, 0x400, 0x100      # DN_STARTED, DN_HAS_PROBLEM, DN_NEED_RESTART
        failed, restart = 10, 14                                    # CM_PROB_FAILED_START, CM_PROB_NEED_RESTART
        inf = self.bed.package(1)
        self.start(ALL)
        for status, problem, reboot in ((started, 0, 0), (has_problem, failed, 0), (has_problem, restart, 1),
                                        (started | need_restart, 0, 1),
                                        (started, restart, 0)):
            with self.subTest(status=status, problem=problem):
                _, result = self.bed.run(("status", status, problem), ("install", FIRST, inf))
                self.assertEqual((result.number("after"), result.number("reboot")), (OK, reboot))


class Removal(Story):
    def test_the_last_device_takes_the_subscription_with_it(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.installed(inf)
        result = self.remove()
        self.assertEqual(self.provider(), {"": {}, "INTERFACES": {}})
        self.assertEqual(result.log(), ["xennet_coinst: SubscriptionDelete: no longer subscribed to XENVIF"])

    def test_of_two_adapters_the_last_one_counts(self):
        inf = self.bed.package(1)
        self.start(ALL, ALL)
        self.installed(inf, FIRST)
        self.installed(inf, SECOND)
        self.remove(FIRST)
        self.check_subscribed()
        self.remove(SECOND)
        self.assertEqual(self.provider(), {"": {}, "INTERFACES": {}})

    def test_a_removal_that_failed_keeps_the_subscription(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.installed(inf)
        result = self.bed.one("remove", FIRST, "0x5")
        self.assertEqual(result.number("after"), ACCESS_DENIED)
        self.check_subscribed()

    def test_a_removal_without_a_subscription_is_fine(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.installed(inf)
        self.bed.one("delete", PROVIDER)
        self.assertEqual(self.remove().log(), [])

    def test_a_subscription_that_cannot_be_deleted_is_logged_and_the_device_removed(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.installed(inf)
        _, result = self.bed.run(("deny", "XENVIF"), ("remove", FIRST))
        self.assertEqual(result.number("after"), OK)
        self.assertIn(f"SubscriptionDelete: cannot delete the subscription HKLM {SUBSCRIPTION}: Access denied (5)",
                      result.log(ERROR)[0])
        self.check_subscribed()


class Veto(Story):
    def test_without_a_provider_nothing_is_installed(self):
        inf = self.bed.package(1)
        self.start(ALL, provider=False)
        self.vetoed(self.install(inf), OUTVOTED, "XENNET needs XENVIF, which is not installed")
        self.assertEqual(self.bed.registry(PROVIDER), {})

    def test_a_provider_without_our_versions_vetoes(self):
        inf = self.bed.package(3, more_ids=(ANCIENT,))
        self.start(ANCIENT)
        self.vetoed(self.install(inf), OUTVOTED, "XENNET needs VIF 8 to 10, of which the installed XENVIF has none: "
                    "install a XENVIF that fits first")

    def test_a_veto_stops_setupapi_itself(self):
        # As a class co-installer, because Wine does not heed what a device's own says.
        inf = self.bed.package(1)
        dll = "xennet_coinst_10_0_0_1.dll,CoDeviceInstall\0\0".encode("utf-16-le").hex()
        self.start(ALL)
        self.bed.one("setupapi", FIRST, inf)
        self.bed.run(("set", r"SYSTEM\CurrentControlSet\Control\CoDeviceInstallers",
                      "{4d36e972-e325-11ce-bfc1-08002be10318}", 7, dll),
                     ("delete", PROVIDER), ("create", ALL))
        result = self.bed.one("setupapi", SECOND, inf)
        self.assertEqual([fields for fields in result.values("step") if fields[0] == str(INSTALLDEVICE)],
                         [[str(INSTALLDEVICE), str(OUTVOTED)]])
        self.assertNotIn("SERVICE", self.bed.registry(DEVICES)[(DEVICES + r"\0001").upper()])

    def test_a_subscriber_that_is_gone_does_not_count(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.bed.one("set", OWN + r"\Interfaces\XENTOOL", "NET", DWORD, "01000000")
        self.assertIn("not installed any more", self.installed(inf).log(WARNING)[0])

    def test_a_subscriber_without_values_loses_nothing(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.bed.run(("key", SERVICES + r"\XENTOOL"), ("key", OWN + r"\Interfaces\XENTOOL"))
        self.installed(inf)


class Override(Story):
    def setting(self, number):
        self.bed.one("set", OWN, "AllowUpdate", DWORD, number.to_bytes(4, "little").hex())

    def test_zero_forbids(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.setting(0)
        self.vetoed(self.install(inf), FORBIDDEN, "an administrator's setting forbids it")

    def test_one_leaves_it_to_the_rules(self):
        inf = self.bed.package(1)
        self.start(ALL, provider=False)
        self.setting(1)
        self.vetoed(self.install(inf), OUTVOTED)

    def test_two_forces_against_a_missing_provider_and_makes_no_key_up(self):
        inf = self.bed.package(1)
        self.start(ALL, provider=False)
        self.setting(2)
        result = self.installed(inf)
        self.assertEqual(self.bed.registry(PROVIDER), {})
        self.assertEqual([line.split(": ", 2)[1] for line in result.log(WARNING)],
                         ["VetoCheck", "VetoCheck", "SubscriptionWrite"])

    def test_two_forces_against_a_provider_without_our_versions(self):
        inf = self.bed.package(3, more_ids=(ANCIENT,))
        self.start(ANCIENT)
        self.setting(2)
        self.installed(inf)
        self.assertEqual(self.provider(), {"": {}, "INTERFACES": {}, "INTERFACES\\XENNET": {}})

    def test_two_forces_against_a_subscriber_and_against_what_cannot_be_read(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.setting(2)
        for kind, data in ((DWORD, "01000000"), (SZ, "31000000")):
            with self.subTest(kind=kind):
                self.bed.run(("key", SERVICES + r"\XENTOOL"), ("set", OWN + r"\Interfaces\XENTOOL", "NET", kind, data))
                self.installed(inf)
                self.check_subscribed()

    def test_an_unknown_number_is_reported_and_left_to_the_rules(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.setting(7)
        self.assertIn("none of 0 (forbid), 1 (by the rules) and 2 (force)", self.installed(inf).log(WARNING)[0])


class WrongTypes(Story):
    def test_an_override_that_is_no_number_refuses(self):
        inf = self.bed.package(1)
        self.start(ALL)
        for kind, data in ((SZ, "32000000"), (DWORD, "0200"), (11, "0200000000000000")):
            with self.subTest(kind=kind):
                self.bed.one("set", OWN, "AllowUpdate", kind, data)
                result = self.install(inf)
                self.vetoed(result, WRONG_TYPE, OWN[:-6], "value AllowUpdate", "(1629)")
                self.assertIn("RegistryReadNumber", result.log(ERROR)[0])

    def test_a_subscription_to_us_that_is_no_number_refuses(self):
        inf = self.bed.package(1)
        self.start(ALL)
        for name, kind, data in (("NET", SZ, "31000000"), ("", SZ, "31000000"), ("NET", 11, "0200000000000000"),
                                 ("N" * 300, DWORD, "01000000")):
            with self.subTest(name=name[:5], kind=kind):
                self.bed.run(("delete", OWN + r"\Interfaces"), ("key", SERVICES + r"\XENTOOL"),
                             ("set", OWN + r"\Interfaces\XENTOOL", name, kind, data))
                self.vetoed(self.install(inf), WRONG_TYPE, r"\Interfaces\XENTOOL", "not a REG_DWORD")

    def test_an_old_subscription_of_another_type_is_replaced(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.bed.run(("set", SUBSCRIPTION, "VIF", SZ, "38000000"), ("set", SUBSCRIPTION, "STORE", 3, "00" * 1000))
        self.installed(inf)
        self.check_subscribed()


class Failures(Story):
    def test_access_denied_to_the_provider_changes_nothing_and_names_the_key(self):
        inf = self.bed.package(1)
        self.start(ALL)
        _, result = self.bed.run(("deny", "XENVIF\\Interfaces\\XENNET"), ("install", FIRST, inf))
        self.assertEqual((result.number("before"), result.number("after")), (AGAIN, ACCESS_DENIED))
        self.assertEqual(result.log(ERROR)[0], f"xennet_coinst: JournalCreateKey: cannot create HKLM {SUBSCRIPTION}: "
                         f"Access denied (5)")
        self.assertEqual(self.provider(), {"": {}})

    def test_access_denied_to_our_own_key_refuses_before_anything_is_done(self):
        inf = self.bed.package(1)
        self.start(ALL)
        _, result = self.bed.run(("deny", "Services\\XENNET"), ("install", FIRST, inf))
        self.vetoed(result, ACCESS_DENIED, f"RegistryOpen: cannot open HKLM {OWN}: Access denied (5)",
                    "the rules cannot be checked")

    def sweep(self, inf, restore):
        """Let each call of an installation fail, one after the other. All or nothing must be the result."""
        self.bed.run(*restore)
        initial = self.provider()
        calls = self.install(inf).number("calls")
        complete = self.provider()
        self.assertGreater(calls, 15)
        self.assertNotEqual(initial, complete)
        outcomes = set()
        for number in range(1, calls + 1):
            results = self.bed.run(*restore, ("fail", number, 5), ("install", FIRST, inf), ("fail", 0, 0),
                                   ("dump", PROVIDER))
            result = results[-3]
            before, after = result.number("before"), result.number("after")
            outcome = OK if (before, after) == (AGAIN, OK) else before if after is None else after
            outcomes.add(outcome)
            with self.subTest(call=number, outcome=outcome):
                self.assertEqual(self.provider(), complete if outcome == OK else initial)
                if outcome != OK:
                    self.assertNotEqual(result.log(ERROR), [])
        self.assertIn(ACCESS_DENIED, outcomes)

    def test_whichever_call_fails_a_first_installation_is_whole_or_undone(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.sweep(inf, [("delete", PROVIDER), ("key", PROVIDER)])

    def test_whichever_call_fails_an_upgrade_is_whole_or_undone(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.sweep(inf, [("delete", PROVIDER), ("set", SUBSCRIPTION, "VIF", DWORD, "08000000"),
                         ("set", SUBSCRIPTION, "STORE", SZ, "31000000"),
                         ("set", PROVIDER + r"\Interfaces\OTHER", "VIF", DWORD, "08000000")])


class OtherRequests(Story):
    def test_every_other_request_passes(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.installed(inf)
        codes = [code for code in range(1, 0x30) if code not in (INSTALLDEVICE, REMOVE)]
        before = self.bed.registry(PROVIDER, OWN, DEVICES)
        for code, result in zip(codes, self.bed.run(*(("dif", FIRST, code) for code in codes))):
            self.assertEqual((code, result.number("before"), result.log()), (code, OK, []))
        self.assertEqual(self.bed.registry(PROVIDER, OWN, DEVICES), before)

    def test_a_device_that_gets_no_driver_is_none_of_our_business(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.installed(inf)
        result = self.bed.one("dif", FIRST, INSTALLDEVICE)
        self.assertEqual((result.number("before"), result.number("calls")), (OK, 0))


class Names(Story):
    FRIENDLY, LOCATION = 12, 13     # SPDRP_FRIENDLYNAME, SPDRP_LOCATION_INFORMATION

    def name(self, number=0):
        return self.bed.registry(DEVICES)[(DEVICES + rf"\000{number}").upper()].get("FRIENDLYNAME")

    def test_a_new_device_is_named_after_its_virtual_interface(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.bed.one("property", FIRST, self.LOCATION, "3")
        self.installed(inf)
        self.assertEqual(self.name(), text("Xen PV Network Device #3"))

    def test_a_name_that_a_device_has_stays(self):
        inf = self.bed.package(1)
        self.start(ALL)
        self.bed.run(("property", FIRST, self.LOCATION, "3"), ("property", FIRST, self.FRIENDLY, "Storage LAN"))
        self.installed(inf)
        self.assertEqual(self.name(), text("Storage LAN"))

    def test_a_place_that_is_no_number_gives_no_name(self):
        inf = self.bed.package(1)
        self.start(ALL, ALL, ALL)
        for number, place in enumerate((None, "PCI bus 0, device 3", "1234567890")):
            with self.subTest(place=place):
                device = f"ROOT\\XENVIF\\000{number}"
                if place:
                    self.bed.one("property", device, self.LOCATION, place)
                self.installed(inf, device)
                self.assertIsNone(self.name(number))


class NewWindows(Story):
    """Windows 10 1607 and later: no co-installer, and no key of another driver."""

    def test_both_models_sections_install_and_write_nothing_elsewhere(self):
        for since in (wine_bed.TEN, wine_bed.ISOLATED):
            self.setUp()
            inf = self.bed.package(1, since)
            self.start(EIGHT)
            for ids in (EIGHT, ALL, f"{NINE} {EIGHT}"):
                with self.subTest(since=since, ids=ids):
                    self.bed.one("ids", FIRST, ids)
                    result = self.install(inf)
                    self.assertEqual((result.values("coinstaller"), result.number("windows")), ([["none"]], OK))
                    self.assertEqual(self.provider(), {"": {}})
                    self.assertFalse(self.bed.file("xennet_coinst_10_0_0_1.dll").exists())
                    self.assertEqual(self.bed.file("drivers/xennet.sys").read_text(), "driver of build 1\n")
                    service = self.bed.registry(OWN)[OWN.upper()]
                    # Wine does not know the directive of later Windows; the testbed's installer does.
                    self.assertEqual(service.get("BOOTFLAGS"), dword(0x81) if since == wine_bed.TEN else None)


class X86(Story):
    arch = "x86"

    def test_on_x86_it_is_installed_upgraded_vetoed_and_removed_too(self):
        first = self.bed.package(1)
        self.start(EIGHT)
        self.installed(first)
        self.check_subscribed(vif=8)
        self.bed.one("ids", FIRST, ALL)
        self.installed(self.bed.package(2))
        self.check_subscribed()
        self.bed.run(("key", SERVICES + r"\XENTOOL"), ("set", OWN + r"\Interfaces\XENTOOL", "NET", DWORD, "01000000"))
        self.assertEqual(self.install(first).number("before"), OUTVOTED)
        self.bed.one("delete", OWN + r"\Interfaces")
        _, result, _ = self.bed.run(("deny", "XENVIF\\Interfaces"), ("install", FIRST, first), ("fail", 0, 0))
        self.assertEqual(result.number("after"), ACCESS_DENIED)
        self.check_subscribed()
        self.remove()
        self.assertEqual(self.provider(), {"": {}, "INTERFACES": {}})


if __name__ == "__main__":
    unittest.main()
