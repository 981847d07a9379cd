/* SPDX-License-Identifier: BSD-2-Clause */
/* Each rule about IRQL, processors, imports and waiting is broken on purpose. */
#include "nt_run.h"

static uint8_t acquire(uint64_t *lock)
{
    return CALL(uint8_t, KeAcquireSpinLockRaiseToDpc, (uint64_t *), lock);
}

static void raise_downwards(void)
{
    irql_raise(DISPATCH_LEVEL);
    irql_raise(PASSIVE_LEVEL);
}
TEST(raising_to_a_lower_irql_is_reported)
{
    EXPECT_NT_RULE("irql", raise_downwards);
}

static void lower_upwards(void)
{
    CALL(void, KeLowerIrql, (uint8_t), DISPATCH_LEVEL);
}
TEST(lowering_to_a_higher_irql_is_reported)
{
    EXPECT_NT_RULE("irql", lower_upwards);
}

static void flush_at_dispatch(void)
{
    irql_raise(DISPATCH_LEVEL);
    CALL(void, KeFlushQueuedDpcs, (void));
}
TEST(export_called_above_its_irql_is_reported_with_its_name_and_range)
{
    char text[8192];
    test_child(nt_run_body, (void *)flush_at_dispatch, text, sizeof(text));
    CHECK_CONTAINS(text, "rule irql: KeFlushQueuedDpcs called at IRQL 2 (DISPATCH_LEVEL), allowed is 0 (PASSIVE_LEVEL) "
                         "to 0 (PASSIVE_LEVEL)");
    CHECK_CONTAINS(text, "in task main#1 on processor 0 at IRQL 2");
    CHECK_CONTAINS(text, "seed ");
}

static void release_at_passive(void)
{
    uint64_t lock = 0;
    CALL(void, KeReleaseSpinLock, (uint64_t *, uint8_t), &lock, 0);
}
TEST(export_called_below_its_irql_is_reported)
{
    EXPECT_NT_RULE("irql", release_at_passive);
}

static void live_release(void *argument)
{
    struct sched_options live = { .kind = SCHED_LIVE };
    (void)argument;
    sched_run(&live, nt_run_task, &(struct nt_run){ .body = release_at_passive });
}
TEST(live_runs_check_the_irql_on_their_short_way_too)
{
    EXPECT_RULE("irql", live_release, NULL);
}

static struct KEVENT event;
static void wait_at_dispatch(void)
{
    CALL(void, KeInitializeEvent, (struct KEVENT *, uint32_t, uint8_t), &event, 0, 0);
    irql_raise(DISPATCH_LEVEL);
    CALL(int32_t, KeWaitForSingleObject, (void *, uint32_t, int8_t, uint8_t, struct LARGE_INTEGER *), &event, 0, 0, 0,
         NULL);
}
TEST(blocking_wait_at_dispatch_level_is_reported)
{
    EXPECT_NT_RULE("irql", wait_at_dispatch);
}

static void poll_at_dispatch(void)
{
    struct LARGE_INTEGER zero = { .QuadPart = 0 };
    CALL(void, KeInitializeEvent, (struct KEVENT *, uint32_t, uint8_t), &event, 1, 1);
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    CHECK_EQ((CALL(int32_t, KeWaitForSingleObject, (void *, uint32_t, int8_t, uint8_t, struct LARGE_INTEGER *), &event,
                   0, 0, 0, &zero)),
             0);
    CHECK_EQ((CALL(int32_t, KeWaitForSingleObject, (void *, uint32_t, int8_t, uint8_t, struct LARGE_INTEGER *), &event,
                   0, 0, 0, &zero)),
             0x102);
    irql_lower(old);
}
TEST(poll_at_dispatch_level_is_allowed)
{
    CHECK_EQ(nt_run(poll_at_dispatch, NULL), 0);
}

static void native_wait_at_dispatch(void)
{
    struct nt_event native;
    event_init(&native, false, false);
    irql_raise(DISPATCH_LEVEL);
    event_wait(&native, SCHED_FOREVER);
}
TEST(native_wait_at_dispatch_level_is_reported)
{
    EXPECT_NT_RULE("irql", native_wait_at_dispatch);
}

static void come_back_raised(void)
{
    DRIVER_CALL_VOID("MiniportTest", irql_raise(DISPATCH_LEVEL));
}
TEST(callback_that_returns_at_another_irql_is_reported)
{
    char text[8192];
    test_child(nt_run_body, (void *)come_back_raised, text, sizeof(text));
    CHECK_CONTAINS(text, "rule irql: MiniportTest was called at IRQL 0 and returned at IRQL 2");
}

static void come_back_locked(void)
{
    static uint64_t lock;
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    DRIVER_CALL_VOID("MiniportTest", acquire(&lock));
    irql_lower(old);
}
TEST(callback_that_returns_with_a_lock_is_reported)
{
    EXPECT_NT_RULE("lock", come_back_locked);
}

static void pin_at_dispatch(void)
{
    irql_raise(DISPATCH_LEVEL);
    processor_pin(1);
}
TEST(moving_to_another_processor_at_dispatch_level_is_reported)
{
    EXPECT_NT_RULE("irql", pin_at_dispatch);
}

static void pin_far(void)
{
    processor_pin(2);
}
TEST(processor_that_is_not_there_is_reported)
{
    EXPECT_NT_RULE("processor", pin_far);
}

static void call_unknown(void)
{
    CALL(void, NtNoSuchFunction, (void));
}
TEST(import_that_nobody_exports_is_reported_by_name_when_called)
{
    char text[8192];
    test_child(nt_run_body, (void *)call_unknown, text, sizeof(text));
    CHECK_CONTAINS(text, "rule import: ntoskrnl.exe!NtNoSuchFunction");
}

static MS_ABI uint64_t twelve(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g,
                              uint64_t h, uint64_t i, uint64_t j, uint64_t k, uint64_t l)
{
    return a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i + 10 * j + 11 * k + 12 * l;
}
static void call_twelve(void)
{
    static const struct export entry = { "test.sys", "Twelve", (void *)twelve, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7 };
    MS_ABI uint64_t (*call)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                            uint64_t, uint64_t, uint64_t) = export_wrap(&entry);
    CHECK_EQ(call(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), 650);
    CHECK(export_is_trampoline((void *)call));
    CHECK(!export_is_trampoline((void *)twelve));
}
static void call_twelve_live(void *argument)
{
    (void)argument;
    call_twelve();
}
TEST(trampoline_hands_on_every_argument)
{
    struct sched_options live = { .kind = SCHED_LIVE };
    CHECK_EQ(nt_run(call_twelve, NULL), 0);
    CHECK_EQ(sched_run(&live, call_twelve_live, NULL), 0);
}

static void affinity(void)
{
    struct GROUP_AFFINITY second = { .Mask = 2 }, before;
    struct PROCESSOR_NUMBER number;
    CALL(void, KeSetSystemGroupAffinityThread, (struct GROUP_AFFINITY *, struct GROUP_AFFINITY *), &second, &before);
    CHECK_EQ((CALL(uint32_t, KeGetCurrentProcessorNumberEx, (struct PROCESSOR_NUMBER *), &number)), 1);
    CHECK_EQ(number.Number, 1);
    uint32_t seen;
    __asm__ volatile("movl %%gs:0x1a4, %0" : "=r"(seen));
    CHECK_EQ(seen, 1);
    CALL(void, KeRevertToUserGroupAffinityThread, (struct GROUP_AFFINITY *), &before);
    CHECK_EQ((CALL(uint32_t, KeQueryActiveProcessorCountEx, (uint16_t), 0)), 2);
    CHECK_EQ((CALL(uint32_t, KeQueryActiveProcessorCountEx, (uint16_t), 1)), 0);
    CHECK_EQ(
        (uint32_t)(CALL(int32_t, KeGetProcessorNumberFromIndex, (uint32_t, struct PROCESSOR_NUMBER *), 2, &number)),
        0xC000000Du);
}
static void affine(void)
{
    DRIVER_CALL_VOID("test", affinity());
}
TEST(affinity_moves_the_thread_and_gs_has_the_processor)
{
    CHECK_EQ(nt_run(affine, NULL), 0);
}
