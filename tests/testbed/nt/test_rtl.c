/* SPDX-License-Identifier: BSD-2-Clause */
/* Strings, formats, versions, tracing and lookaside lists as a driver sees them. */
#include "nt/check/debug.h"
#include "nt/trace/etw.h"
#include "nt/export/version.h"
#include "nt_run.h"

#define PRINT(...) CALL(int, _snprintf, (char *, size_t, const char *, ...), text, sizeof(text), __VA_ARGS__)

static void formats(void)
{
    struct wide_string wide;
    char text[100];

    PRINT("%d %5d|%-5d|%05d %+d", -1, 42, 42, 42, 42);
    CHECK_STR(text, "-1    42|42   |00042 +42");
    PRINT("%u %x %#X %lx %I64u %llx %hx %hu", 4294967295u, 0xbeef, 0xbeef, 7u, 1ull << 40, 1ull << 36, 0x12345, 65537);
    CHECK_STR(text, "4294967295 beef 0XBEEF 7 1099511627776 1000000000 2345 1");
    PRINT("%s|%.2s|%5s|%-5s|%c%%", "abc", "abc", "abc", "abc", 'x');
    CHECK_STR(text, "abc|ab|  abc|abc  |x%");
    PRINT("%ws %S %wZ %.*ws", u"wide", u"caps", wide_of(&wide, "counted"), 2, u"cut");
    CHECK_STR(text, "wide caps counted cu");
    PRINT("%p %08lX %I32d %s", (void *)0x1234, 0xabcdu, -5, NULL);
    CHECK_STR(text, "0000000000001234 0000ABCD -5 (null)");
    PRINT("%*d|%.3d|%.0d|%o", -4, 7, 7, 0, 8);
    CHECK_STR(text, "7   |007||10");
}
TEST(formats_print_as_the_windows_kernel_prints_them)
{
    CHECK_EQ(nt_run(formats, NULL), 0);
}

static void nothing(void)
{
    char text[] = "kept";

    /* A driver may name no memory where there are no bytes. */
    CHECK(CALL(void *, memcpy, (void *, const void *, size_t), text, NULL, 0) == text);
    CHECK(CALL(void *, memmove, (void *, const void *, size_t), NULL, text, 0) == NULL);
    CHECK(CALL(void *, memset, (void *, int, size_t), NULL, 1, 0) == NULL);
    CHECK_EQ(CALL(int, memcmp, (const void *, const void *, size_t), NULL, text, 0), 0);
    CHECK(CALL(const void *, memchr, (const void *, int, size_t), NULL, 1, 0) == NULL);
    CHECK_STR(text, "kept");
}
TEST(no_bytes_may_be_nowhere)
{
    CHECK_EQ(nt_run(nothing, NULL), 0);
}

static void cut(void)
{
    char text[8] = "#######";
    uint16_t wide[8];

    CHECK_EQ(CALL(int, _snprintf, (char *, size_t, const char *, ...), text, 3, "%s", "abc"), 3);
    CHECK_STR(text, "abc####");
    CHECK_EQ(CALL(int, _snprintf, (char *, size_t, const char *, ...), text, 3, "%s", "abcd"), -1);
    CHECK_EQ(CALL(int, _snprintf, (char *, size_t, const char *, ...), text, 4, "%s", "xyz"), 3);
    CHECK_STR(text, "xyz");
    CHECK_EQ(CALL(int, _snwprintf, (uint16_t *, size_t, const uint16_t *, ...), wide, 8, u"%s-%hs", u"ab", "cd"), 5);
    CHECK_EQ(memcmp(wide, u"ab-cd", 12), 0);
    CHECK_EQ(CALL(int, _snprintf_s, (char *, size_t, size_t, const char *, ...), text, 4, SIZE_MAX, "%s", "abcdef"),
             -1);
    CHECK_STR(text, "abc");
}
TEST(a_text_that_does_not_fit_is_cut_as_on_windows)
{
    CHECK_EQ(nt_run(cut, NULL), 0);
}

static char kept[200];
static void keep_line(void *context, const char *line)
{
    (void)context;
    strcat(strcat(kept, line), ";");
}

static void prints(void)
{
    CALL(uint32_t, DbgPrint, (const char *, ...), "one %d", 1);
    CALL(uint32_t, DbgPrintEx, (uint32_t, uint32_t, const char *, ...), 77, 0, " more\ntwo\n");
    debug_each_line(keep_line, NULL);
    CHECK_STR(kept, "one 1 more;two;");
}
TEST(printed_lines_are_kept)
{
    CHECK_EQ(nt_run(prints, NULL), 0);
}

static void strings(void)
{
    struct wide_string a, b, room;
    struct UNICODE_STRING made = { 0 }, text;
    uint32_t number;
    uint8_t guid[16];

    CHECK(CALL(uint8_t, RtlEqualUnicodeString, (void *, void *, uint8_t), wide_of(&a, "Abc"), wide_of(&b, "aBC"), 1));
    CHECK(!CALL(uint8_t, RtlEqualUnicodeString, (void *, void *, uint8_t), &a, &b, 0));
    CHECK(CALL(int32_t, RtlCompareUnicodeString, (void *, void *, uint8_t), wide_of(&a, "abc"), wide_of(&b, "abd"), 0) <
          0);
    wide_of(&room, "");
    room.string.MaximumLength = 4;
    CALL(void, RtlCopyUnicodeString, (void *, void *), &room.string, &a.string);
    CHECK_EQ(room.string.Length, 4);
    CHECK_EQ(CALL(int32_t, RtlAppendUnicodeToString, (void *, const uint16_t *), &room.string, u"x"),
             STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(CALL(int32_t, RtlUnicodeStringToInteger, (void *, uint32_t, uint32_t *), wide_of(&a, " 0x1F"), 0, &number),
             0);
    CHECK_EQ(number, 31);
    CHECK_EQ(CALL(int32_t, RtlUnicodeStringToInteger, (void *, uint32_t, uint32_t *), wide_of(&a, "-12z"), 10, &number),
             0);
    CHECK_EQ((int32_t)number, -12);
    CHECK_EQ(CALL(int32_t, RtlIntegerToUnicodeString, (uint32_t, uint32_t, void *), 255, 16, wide_of(&b, "")), 0);
    CHECK_EQ(memcmp(b.text, u"FF", 6), 0);
    CHECK_EQ(CALL(int32_t, RtlGUIDFromString, (void *, uint8_t *),
                  wide_of(&a, "{4d36e972-E325-11ce-bfc1-08002be10318}"), guid),
             0);
    CHECK_EQ(guid[0], 0x72);
    CHECK_EQ(guid[15], 0x18);
    CHECK_EQ(CALL(int32_t, RtlStringFromGUID, (uint8_t *, void *), guid, &made), 0);
    CHECK_EQ(memcmp(made.Buffer, u"{4D36E972-E325-11CE-BFC1-08002BE10318}", 78), 0);
    CALL(void, RtlFreeUnicodeString, (void *), &made);
    text.Buffer = (void *)(uintptr_t) "ansi";
    text.Length = 4;
    CHECK_EQ(CALL(int32_t, RtlAnsiStringToUnicodeString, (void *, void *, uint8_t), &made, &text, 1), 0);
    CHECK_EQ(made.Length, 8);
    CALL(void, RtlFreeUnicodeString, (void *), &made);
}
TEST(counted_strings_compare_convert_and_end_where_they_must)
{
    CHECK_EQ(nt_run(strings, NULL), 0);
}

static void versions(void)
{
    struct OSVERSIONINFOEXW info = { 0 };
    struct wide_string name;
    uint64_t mask = CALL(uint64_t, VerSetConditionMask, (uint64_t, uint32_t, uint8_t), 0, 2 | 1, 3);

    info.dwOSVersionInfoSize = sizeof(info);
    CHECK_EQ(CALL(int32_t, RtlGetVersion, (void *), &info), 0);
    CHECK_EQ(info.dwMajorVersion, 6);
    CHECK_EQ(info.dwMinorVersion, 3);
    CHECK_EQ(info.dwBuildNumber, 9600);
    CHECK_EQ(CALL(int32_t, RtlVerifyVersionInfo, (void *, uint32_t, uint64_t), &info, 3, mask), 0);
    info.dwMajorVersion = 10;
    info.dwMinorVersion = 0;
    CHECK_EQ(CALL(int32_t, RtlVerifyVersionInfo, (void *, uint32_t, uint64_t), &info, 3, mask), (int32_t)0xC0000059);
    info.dwMajorVersion = 5;
    info.dwMinorVersion = 9;
    CHECK_EQ(CALL(int32_t, RtlVerifyVersionInfo, (void *, uint32_t, uint64_t), &info, 3, mask), 0);
    CHECK(CALL(void *, MmGetSystemRoutineAddress, (void *), wide_of(&name, "EtwWrite")) != NULL);
    CHECK(CALL(void *, MmGetSystemRoutineAddress, (void *), wide_of(&name, "ExAllocatePool2")) == NULL);
    CHECK(CALL(uint8_t, RtlIsNtDdiVersionAvailable, (uint32_t), 0x06030000));
    CHECK(!CALL(uint8_t, RtlIsNtDdiVersionAvailable, (uint32_t), 0x0A000000));
}
TEST(the_simulated_windows_is_what_a_driver_sees)
{
    windows_simulate(windows_version_find("8.1"));
    CHECK_EQ(nt_run(versions, NULL), 0);
}

struct descriptor {
    uint16_t id;
    uint8_t version, channel, level, opcode;
    uint16_t task;
    uint64_t keyword;
};
struct data {
    const void *pointer;
    uint32_t size, reserved;
};
static struct {
    int events;
    uint16_t id;
    size_t size;
    char payload[32];
} seen;

static void see(void *context, const struct etw_event *event)
{
    (void)context;
    seen.events++;
    seen.id = event->id;
    seen.size = event->size;
    memcpy(seen.payload, event->payload, event->size);
}

static void tracing(void)
{
    struct descriptor loud = { .id = 5, .level = 2 }, quiet = { .id = 6, .level = 5 };
    struct data parts[] = { { "abc", 3, 0 }, { "de", 3, 0 } };
    uint8_t guid[16] = { 1 };
    uint64_t handle;

    CHECK_EQ(CALL(int32_t, EtwRegister, (void *, void *, void *, uint64_t *), guid, NULL, NULL, &handle), 0);
    CHECK(CALL(uint8_t, EtwEventEnabled, (uint64_t, void *), handle, &loud));
    CHECK(!CALL(uint8_t, EtwEventEnabled, (uint64_t, void *), handle, &quiet));
    CHECK_EQ(CALL(int32_t, EtwWrite, (uint64_t, void *, void *, uint32_t, void *), handle, &loud, NULL, 2, parts), 0);
    CHECK_EQ(CALL(int32_t, EtwWrite, (uint64_t, void *, void *, uint32_t, void *), handle, &quiet, NULL, 0, NULL), 0);
    CHECK_EQ(etw_written(), 2);
    etw_each(see, NULL);
    CHECK_EQ(seen.events, 1);
    CHECK_EQ(seen.id, 5);
    CHECK_EQ(seen.size, 6);
    CHECK_STR(seen.payload, "abcde");
    CHECK_EQ(CALL(int32_t, EtwUnregister, (uint64_t), handle), 0);
    CHECK_EQ(CALL(int32_t, EtwUnregister, (uint64_t), handle), (int32_t)0xC0000008);
    CHECK_EQ(CALL(int32_t, EtwRegister, (void *, void *, void *, uint64_t *), guid, NULL, NULL, &handle), 0);
}
TEST(events_are_kept_at_the_level_enabled_and_a_provider_left_is_listed)
{
    struct leaks leaks = { 0 };

    etw_enable(true, 4, 0);
    CHECK_EQ(nt_run(tracing, &leaks), 1);
    CHECK_CONTAINS(leaks.lines[0], "event provider");
}

static void bits(void)
{
    CHECK_EQ(CALL(int8_t, RtlFindLeastSignificantBit, (uint64_t), 0), -1);
    CHECK_EQ(CALL(int8_t, RtlFindMostSignificantBit, (uint64_t), 0), -1);
    CHECK_EQ(CALL(int8_t, RtlFindLeastSignificantBit, (uint64_t), 0x8000000000000010), 4);
    CHECK_EQ(CALL(int8_t, RtlFindMostSignificantBit, (uint64_t), 0x8000000000000010), 63);
    CHECK_EQ(CALL(uint32_t, RtlNumberOfSetBitsUlongPtr, (uint64_t), 0x8000000000000011), 3);
}
TEST(bits_are_found_and_counted)
{
    CHECK_EQ(nt_run(bits, NULL), 0);
}

static void rundown_holder(void *count)
{
    sched_point("holder works");
    CALL(void, ExReleaseRundownProtection, (uint64_t *), count);
}

static void rundown(void)
{
    uint64_t count;
    struct task *holder;

    CALL(void, ExInitializeRundownProtection, (uint64_t *), &count);
    CHECK(CALL(uint8_t, ExAcquireRundownProtection, (uint64_t *), &count));
    holder = thread_start("holder", rundown_holder, &count);
    CALL(void, ExWaitForRundownProtectionRelease, (uint64_t *), &count);
    CHECK_EQ(count, 1);
    CHECK(!CALL(uint8_t, ExAcquireRundownProtection, (uint64_t *), &count));
    thread_join(holder);
}
TEST(rundown_waits_for_every_holder)
{
    CHECK_EQ(nt_run(rundown, NULL), 0);
}

static void lookaside(void)
{
    static uint8_t list[128] __attribute__((aligned(16)));
    void *block = CALL(void *, ExAllocatePoolWithTag, (uint32_t, size_t, uint32_t), 512, 64, 'x');

    CALL(void, ExInitializeNPagedLookasideList, (void *, void *, void *, uint32_t, size_t, uint32_t, uint16_t), list,
         NULL, NULL, 512, 64, 'x', 0);
    CALL(void *, ExpInterlockedPushEntrySList, (void *, void *), list, block);
    CALL(void, ExDeleteNPagedLookasideList, (void *), list);
}
TEST(a_lookaside_list_frees_what_it_holds)
{
    CHECK_EQ(nt_run(lookaside, NULL), 0);
}
