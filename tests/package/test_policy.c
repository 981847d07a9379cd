/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of who may be installed beside whom, in all their corners: src/coinst/policy.c, natively. */
#include "harness.h"

#include <stdio.h>
#include <wchar.h>

#include "../src/coinst/text.c"

#include "../src/coinst/policy.c"

#include "../include/revision.h"

static const POLICY_API offered[] = {
    { L"VIF", 8, 8 },
    { L"VIF", 10, 12 },
    { L"STORE", 2, 2 },
};
static const POLICY_PROVIDER provider = { L"XENVIF", offered, 3 };

static const char *narrow(const wchar_t *text)
{
    static char bytes[4][600];
    static unsigned turn;
    char *to = bytes[turn++ % 4];

    snprintf(to, sizeof(bytes[0]), "%ls", text);
    return to;
}

static unsigned newest(const wchar_t *interface, unsigned lowest, unsigned highest)
{
    POLICY_API wanted = { interface, lowest, highest };

    return PolicyNewest(&provider, &wanted);
}

TEST(the_newest_version_that_both_have_is_taken)
{
    CHECK_EQ(newest(L"VIF", 8, 8), 8);
    CHECK_EQ(newest(L"VIF", 8, 9), 8);
    CHECK_EQ(newest(L"VIF", 8, 10), 10);
    CHECK_EQ(newest(L"VIF", 1, 99), 12);
    CHECK_EQ(newest(L"VIF", 11, 11), 11);
}

TEST(a_hole_among_the_versions_is_a_hole)
{
    CHECK_EQ(newest(L"VIF", 9, 9), 0);
}

TEST(versions_outside_what_the_provider_has_are_none)
{
    CHECK_EQ(newest(L"VIF", 1, 7), 0);
    CHECK_EQ(newest(L"VIF", 13, 20), 0);
    CHECK_EQ(newest(L"STORE", 3, 9), 0);
    CHECK_EQ(newest(L"SUSPEND", 1, 1), 0);
    CHECK_EQ(newest(L"VI", 8, 8), 0);
    CHECK_EQ(newest(L"VIFX", 8, 8), 0);
}

TEST(version_zero_is_never_there)
{
    CHECK_EQ(newest(L"VIF", 0, 0), 0);
}

TEST(interface_names_compare_without_case)
{
    CHECK_EQ(newest(L"vif", 8, 8), 8);
    CHECK_EQ(newest(L"Store", 2, 2), 2);
}

TEST(a_driver_whose_needs_are_met_is_allowed)
{
    static const POLICY_API need[] = { { L"VIF", 8, 10 }, { L"STORE", 2, 2 } };
    POLICY_VERDICT verdict;

    CHECK(PolicyCheckNeeds(&provider, L"XENNET", need, 2, &verdict));
    CHECK_EQ(verdict.Reason, POLICY_ALLOWED);
    CHECK(PolicyCheckNeeds(&provider, L"XENNET", need, 0, &verdict));
}

TEST(a_driver_is_refused_for_the_first_need_that_is_not_met)
{
    static const POLICY_API need[] = { { L"VIF", 8, 10 }, { L"SUSPEND", 1, 1 }, { L"STORE", 9, 9 } };
    POLICY_VERDICT verdict;

    CHECK(!PolicyCheckNeeds(&provider, L"XENNET", need, 3, &verdict));
    CHECK_EQ(verdict.Reason, POLICY_PROVIDER_LACKS);
    CHECK_STR(narrow(verdict.Wanted.Interface), "SUSPEND");
    CHECK(!PolicyAllows(verdict.Reason));
}

TEST(a_provider_that_keeps_every_version_in_use_is_allowed)
{
    static const POLICY_SUBSCRIPTION used[] = { { L"XENNET", L"VIF", 8 },
                                                { L"OTHER", L"VIF", 12 },
                                                { L"XENNET", L"STORE", 2 } };
    POLICY_VERDICT verdict;

    CHECK(PolicyCheckSubscribers(&provider, used, 3, &verdict));
    CHECK_EQ(verdict.Reason, POLICY_ALLOWED);
    CHECK(PolicyCheckSubscribers(&provider, NULL, 0, &verdict));
}

TEST(a_provider_that_drops_a_version_in_use_is_refused_by_name)
{
    static const POLICY_SUBSCRIPTION used[] = { { L"XENNET", L"VIF", 8 }, { L"OTHER", L"VIF", 9 } };
    POLICY_VERDICT verdict;
    wchar_t text[300];

    CHECK(!PolicyCheckSubscribers(&provider, used, 2, &verdict));
    CHECK_EQ(verdict.Reason, POLICY_SUBSCRIBER_LOSES);
    CHECK_STR(narrow(verdict.Subscriber), "OTHER");
    PolicyDescribe(&verdict, text, 300);
    CHECK_STR(narrow(text), "not installed: OTHER uses VIF 9, of which this XENVIF has only 8, 10 to 12: install "
                            "another OTHER or remove it first");
}

TEST(an_older_provider_is_refused_for_what_it_has_not_yet)
{
    static const POLICY_API old[] = { { L"VIF", 8, 8 } };
    static const POLICY_PROVIDER downgrade = { L"XENVIF", old, 1 };
    static const POLICY_SUBSCRIPTION used = { L"XENNET", L"VIF", 10 };
    POLICY_VERDICT verdict;

    CHECK(!PolicyCheckSubscribers(&downgrade, &used, 1, &verdict));
    CHECK_EQ(verdict.Wanted.Lowest, 10);
    CHECK_EQ(verdict.Wanted.Highest, 10);
}

TEST(a_provider_without_any_interface_disappoints_every_subscriber)
{
    static const POLICY_PROVIDER nothing = { L"XENNET", NULL, 0 };
    static const POLICY_SUBSCRIPTION used = { L"XENTOOL", L"NET", 1 };
    POLICY_VERDICT verdict;
    wchar_t text[300];

    CHECK(!PolicyCheckSubscribers(&nothing, &used, 1, &verdict));
    PolicyDescribe(&verdict, text, 300);
    CHECK_CONTAINS(narrow(text), "XENTOOL uses NET 1, of which this XENNET has none");
}

TEST(an_administrator_can_forbid_and_force)
{
    CHECK_EQ(PolicyOverride(POLICY_ALLOWED, POLICY_OVERRIDE_FORBID), POLICY_FORBIDDEN);
    CHECK_EQ(PolicyOverride(POLICY_PROVIDER_LACKS, POLICY_OVERRIDE_FORBID), POLICY_FORBIDDEN);
    CHECK_EQ(PolicyOverride(POLICY_ALLOWED, POLICY_OVERRIDE_RULES), POLICY_ALLOWED);
    CHECK_EQ(PolicyOverride(POLICY_SUBSCRIBER_LOSES, POLICY_OVERRIDE_RULES), POLICY_SUBSCRIBER_LOSES);
    CHECK_EQ(PolicyOverride(POLICY_ALLOWED, POLICY_OVERRIDE_FORCE), POLICY_ALLOWED);
    CHECK_EQ(PolicyOverride(POLICY_NO_PROVIDER, POLICY_OVERRIDE_FORCE), POLICY_FORCED);
    CHECK_EQ(PolicyOverride(POLICY_SUBSCRIBER_LOSES, 77), POLICY_SUBSCRIBER_LOSES);
    CHECK(PolicyAllows(POLICY_FORCED) && !PolicyAllows(POLICY_FORBIDDEN) && !PolicyAllows(POLICY_NO_PROVIDER));
}

TEST(a_revision_is_read_from_a_device_id)
{
    unsigned number = 0;

    CHECK(PolicyRevision(L"XENVIF\\VEN_XP0001&DEV_NET&REV_09000005", &number));
    CHECK_EQ(number, 0x09000005);
    CHECK(PolicyRevision(L"xenvif\\ven_xp0001&dev_net&rev_0800000d", &number));
    CHECK_EQ(number, 0x0800000d);
    CHECK(PolicyRevision(L"A&REV_1&REV_ffffFFFF", &number));
    CHECK_EQ(number, 0xffffffff);
}

TEST(an_id_without_a_revision_has_none)
{
    static const wchar_t *const ids[] = { L"",
                                          L"XENDEVICE",
                                          L"XENVIF\\VEN_XP0001&DEV_NET",
                                          L"A&REV_",
                                          L"A&REV_12345678&X",
                                          L"A&REV_123456789",
                                          L"A&REV_xyz",
                                          L"REV_1",
                                          L"A&RE" };
    unsigned number = 7;

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        CHECK(!PolicyRevision(ids[i], &number));
    }
    CHECK_EQ(number, 7);
}

#define ROW(revision, vif, store, suspend) { revision, { vif, store, suspend, 0 } },
static const POLICY_REVISION revisions[] = { XENVIF_REVISION_TABLE(ROW) };
static const wchar_t *const names[] = { L"VIF", L"STORE", L"SUSPEND" };
enum { REVISIONS = sizeof(revisions) / sizeof(revisions[0]) };

TEST(the_revisions_of_a_device_add_up_to_what_its_provider_has)
{
    static const wchar_t ids[] = L"X&REV_0A000000\0X&REV_09000005\0X&REV_09000003\0X&REV_0800000D\0XENDEVICE\0";
    static const POLICY_API need[] = { { L"VIF", 8, 10 }, { L"STORE", 2, 2 }, { L"SUSPEND", 1, 1 } };
    POLICY_API found[8];
    POLICY_PROVIDER is = { L"XENVIF", found, 0 };
    POLICY_VERDICT verdict;

    CHECK(PolicyFromRevisions(ids, revisions, REVISIONS, names, 3, found, 8, &is.Count));
    CHECK_EQ(is.Count, 4); /* VIF 10 and 8, STORE 2, SUSPEND 1, each once */
    CHECK(PolicyCheckNeeds(&is, L"XENNET", need, 3, &verdict));
    CHECK_EQ(PolicyNewest(&is, &need[0]), 10);
    CHECK_EQ(PolicyNewest(&is, &(POLICY_API){ L"VIF", 9, 9 }), 0);
}

TEST(a_device_of_unknown_revisions_has_nothing)
{
    static const POLICY_API need = { L"VIF", 8, 10 };
    POLICY_API found[8];
    POLICY_PROVIDER is = { L"XENVIF", found, 0 };
    POLICY_VERDICT verdict;
    wchar_t text[300];

    CHECK(PolicyFromRevisions(L"X&REV_07000000\0", revisions, REVISIONS, names, 3, found, 8, &is.Count));
    CHECK_EQ(is.Count, 0);
    CHECK(!PolicyCheckNeeds(&is, L"XENNET", &need, 1, &verdict));
    PolicyDescribe(&verdict, text, 300);
    CHECK_STR(narrow(text), "not installed: XENNET needs VIF 8 to 10, of which the installed XENVIF has none: install "
                            "a XENVIF that fits first");
}

TEST(a_table_of_versions_that_is_too_small_is_reported)
{
    POLICY_API found[2];
    size_t count = 0;

    CHECK(!PolicyFromRevisions(L"X&REV_09000005\0", revisions, REVISIONS, names, 3, found, 2, &count));
    CHECK_EQ(count, 2);
}

TEST(every_verdict_is_a_sentence_that_names_the_drivers)
{
    POLICY_VERDICT verdict = { POLICY_ALLOWED, provider, L"XENNET", { L"VIF", 13, 14 } };
    wchar_t text[300];
    int reason;

    for (reason = POLICY_ALLOWED; reason <= POLICY_SUBSCRIBER_LOSES; reason++) {
        verdict.Reason = (POLICY_REASON)reason;
        PolicyDescribe(&verdict, text, 300);
        CHECK(wcslen(text) > 5);
        if (reason >= POLICY_NO_PROVIDER) {
            CHECK_CONTAINS(narrow(text), "XENNET");
            CHECK_CONTAINS(narrow(text), "XENVIF");
        }
        if (reason >= POLICY_FORBIDDEN) {
            CHECK_CONTAINS(narrow(text), "not installed: ");
        }
    }
}

TEST(a_sentence_is_cut_where_the_buffer_ends)
{
    POLICY_VERDICT verdict = { POLICY_NO_PROVIDER, provider, L"XENNET", { L"VIF", 8, 10 } };
    wchar_t text[64];

    for (size_t size = 1; size < 64; size++) {
        for (size_t i = 0; i < 64; i++) {
            text[i] = L'#';
        }
        PolicyDescribe(&verdict, text, size);
        CHECK_EQ(wcslen(text), size - 1);
        CHECK(text[size] == L'#');
    }
}

TEST(numbers_are_written_in_full)
{
    wchar_t buffer[40];
    TEXT text;

    TextStart(&text, buffer, 40);
    TextAddNumber(&text, 0);
    TextAdd(&text, L" ");
    TextAddNumber(&text, 4294967295u);
    CHECK_STR(narrow(buffer), "0 4294967295");
    CHECK(!text.Cut);
}

TEST(texts_are_the_same_only_in_full)
{
    CHECK(TextIsSame(L"XenVif", L"XENVIF"));
    CHECK(!TextIsSame(L"XENVI", L"XENVIF"));
    CHECK(!TextIsSame(L"XENVIF", L"XENVI"));
    CHECK(TextIsSame(L"", L""));
    CHECK(!TextIsSame(L"[", L"{"));
}
