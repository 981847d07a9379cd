/* SPDX-License-Identifier: BSD-2-Clause */
/* Rules about what a call is given, what a driver imports and what it leaves when it unloads, each broken on purpose.
 */
#include "image_fixture.h"
#include "nt/io/pnp.h"
#include "nt_run.h"

#include <stdio.h>

static uint64_t zeroed[32] __attribute__((aligned(16)));

static void set_no_event(void)
{
    memset(zeroed, 0xff, sizeof(zeroed));
    CALL(int32_t, KeSetEvent, (void *, int32_t, uint8_t), zeroed, 0, 0);
}
TEST(setting_what_is_no_event_is_reported)
{
    EXPECT_NT_RULE("event", set_no_event);
}

static void event_of_no_type(void)
{
    CALL(void, KeInitializeEvent, (void *, uint32_t, uint8_t), zeroed, 7, 0);
}
TEST(event_of_an_unknown_type_is_reported)
{
    EXPECT_NT_RULE("event", event_of_no_type);
}

static void version_of_odd_size(void)
{
    uint32_t *version = (uint32_t *)zeroed;

    version[0] = 12;
    CALL(int32_t, RtlGetVersion, (void *), version);
}
TEST(version_record_of_the_wrong_size_is_reported)
{
    EXPECT_NT_RULE("parameter", version_of_odd_size);
}

static void key_of_odd_attributes(void)
{
    struct OBJECT_ATTRIBUTES attributes = { .Length = 8 };
    void *key;

    CALL(int32_t, ZwOpenKey, (void **, uint32_t, void *), &key, 1, &attributes);
}
TEST(object_attributes_of_the_wrong_size_are_reported)
{
    EXPECT_NT_RULE("parameter", key_of_odd_attributes);
}

static void crooked_list(void)
{
    CALL(void, ExInitializeNPagedLookasideList, (void *, void *, void *, uint32_t, size_t, uint32_t, uint16_t),
         (uint8_t *)zeroed + 8, NULL, NULL, 0, 64, 0x74736574, 0);
}
TEST(lookaside_list_out_of_alignment_is_reported)
{
    EXPECT_NT_RULE("alignment", crooked_list);
}

static void callback_not_there(void)
{
    CALL(uint8_t, KeDeregisterBugCheckReasonCallback, (void *), zeroed);
}
TEST(bug_check_callback_that_was_not_registered_is_reported)
{
    EXPECT_NT_RULE("callback", callback_not_there);
}

static void import_not_there(void)
{
    CALL(void, NoSuchExport, (void));
}
TEST(call_of_what_nobody_exports_is_reported_by_name)
{
    char text[16384];

    CHECK_EQ(test_child(nt_run_body, (void *)import_not_there, text, sizeof(text)), RULE_EXIT_STATUS << 8);
    CHECK_CONTAINS(text, "rule import: ntoskrnl.exe!NoSuchExport was called");
}

/* --- unloading --- */

static const struct package package = { "test", "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\test",
                                        "",     "",
                                        "",     "test.sys" };

/* Loads a driver of tests/support/drivers and unloads it. */
static void load_and_unload(const char *name)
{
    char error[4096] = "";
    const char *path = fixture_driver(name, "IoCreateDevice", "", "");
    struct driver *driver = driver_load(path, &package, error, sizeof(error));

    if (driver == NULL) {
        test_fail(__FILE__, __LINE__, "%s", error);
    }
    driver_unload(driver);
}

static void no_unload(void)
{
    load_and_unload("stays");
}
TEST(driver_that_cannot_be_unloaded_is_reported)
{
    EXPECT_NT_RULE("unload", no_unload);
}

static void device_left(void)
{
    load_and_unload("forgets");
}
TEST(device_left_at_unload_is_reported)
{
    EXPECT_NT_RULE("unload", device_left);
}

/* --- names that are bound while another driver runs: an image that is loaded later --- */

static bool bound_all;

static void call_meanwhile(void *calls)
{
    while (!__atomic_load_n(&bound_all, __ATOMIC_ACQUIRE)) {
        (void)CALL(uint8_t, KeGetCurrentIrql, (void));
        ++*(uint64_t *)calls;
    }
}

static void bind_while_another_calls(void *argument)
{
    uint64_t calls = 0;
    char name[32];

    (void)argument;
    nt_start(2);
    (void)CALL(uint8_t, KeGetCurrentIrql, (void));

    struct task *task = task_spawn("caller", 1, call_meanwhile, &calls);

    for (unsigned i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "NameNumber%u", i);
        (void)export_bind("ntoskrnl.exe", name);
    }
    __atomic_store_n(&bound_all, true, __ATOMIC_RELEASE);
    task_join(task);
    nt_stop();
}
TEST(names_are_bound_while_another_driver_calls)
{
    struct sched_options live = { .kind = SCHED_LIVE };

    CHECK_EQ(sched_run(&live, bind_while_another_calls, NULL), 0);
}
