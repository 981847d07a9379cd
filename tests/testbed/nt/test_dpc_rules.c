/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver's DPCs, timers, threads and work items: what they do, and each of their rules broken on purpose. */
#include "nt_run.h"

static struct KDPC dpc, second;
static struct KTIMER timer;
static uint32_t ran, ran_on[8];
static void *arguments[3];

static MS_ABI void routine(struct KDPC *self, void *context, void *a, void *b)
{
    CHECK(self == &dpc || self == &second);
    arguments[0] = context;
    arguments[1] = a;
    arguments[2] = b;
    ran_on[ran++ % 8] = processor_current();
}

static void init_dpc(struct KDPC *which, void *context)
{
    CALL(void, KeInitializeDpc, (void *, void *, void *), which, (void *)routine, context);
}
static bool queue(struct KDPC *which, void *a, void *b)
{
    return CALL(uint8_t, KeInsertQueueDpc, (void *, void *, void *), which, a, b);
}

static void target_and_arguments(void)
{
    ran = 0;
    init_dpc(&dpc, (void *)1);
    struct PROCESSOR_NUMBER number = { .Number = 1 };
    CHECK_EQ((CALL(int32_t, KeSetTargetProcessorDpcEx, (void *, void *), &dpc, &number)), 0);
    CHECK(queue(&dpc, (void *)2, (void *)3));
    CALL(void, KeFlushQueuedDpcs, (void));
    CHECK_EQ(ran, 1);
    CHECK_EQ(ran_on[0], 1);
    CHECK(arguments[0] == (void *)1 && arguments[1] == (void *)2 && arguments[2] == (void *)3);
    number.Number = 2;
    CHECK_EQ((CALL(int32_t, KeSetTargetProcessorDpcEx, (void *, void *), &dpc, &number)), STATUS_INVALID_PARAMETER);
}
TEST(dpc_runs_on_its_processor_with_its_arguments)
{
    CHECK_EQ(nt_run(target_and_arguments, NULL), 0);
}

static void queued_once(void)
{
    ran = 0;
    init_dpc(&dpc, NULL);
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    CHECK(queue(&dpc, NULL, NULL));
    CHECK(!queue(&dpc, NULL, NULL));
    CHECK((CALL(uint8_t, KeRemoveQueueDpc, (void *), &dpc)));
    CHECK(!(CALL(uint8_t, KeRemoveQueueDpc, (void *), &dpc)));
    irql_lower(old);
    CHECK_EQ(ran, 0);
}
TEST(dpc_is_queued_once_and_can_be_removed)
{
    CHECK_EQ(nt_run(queued_once, NULL), 0);
}

static void important_first(void)
{
    ran = 0;
    init_dpc(&dpc, (void *)1);
    init_dpc(&second, (void *)2);
    CALL(void, KeSetImportanceDpc, (void *, uint32_t), &second, 2);
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    queue(&dpc, NULL, NULL);
    queue(&second, NULL, NULL);
    irql_lower(old);
    CHECK_EQ(ran, 2);
    CHECK(arguments[0] == (void *)1); /* the medium one came last */
}
TEST(dpc_of_high_importance_goes_first)
{
    CHECK_EQ(nt_run(important_first, NULL), 0);
}

static void not_initialized(void)
{
    static struct KDPC blank;
    queue(&blank, NULL, NULL);
}
TEST(dpc_that_was_not_initialized_is_reported)
{
    EXPECT_NT_RULE("dpc", not_initialized);
}

static void initialized_while_queued(void)
{
    init_dpc(&dpc, NULL);
    irql_raise(DISPATCH_LEVEL);
    queue(&dpc, NULL, NULL);
    init_dpc(&dpc, NULL);
}
TEST(dpc_initialized_while_queued_is_reported)
{
    EXPECT_NT_RULE("dpc", initialized_while_queued);
}

static MS_ABI void raises(struct KDPC *self, void *context, void *a, void *b)
{
    (void)self, (void)context, (void)a, (void)b;
    CALL(uint8_t, KfRaiseIrql, (uint8_t), DIRQL);
}
static void dpc_raises(void)
{
    CALL(void, KeInitializeDpc, (void *, void *, void *), &dpc, (void *)raises, NULL);
    queue(&dpc, NULL, NULL);
    CALL(void, KeFlushQueuedDpcs, (void));
}
TEST(dpc_that_returns_at_another_irql_is_reported)
{
    EXPECT_NT_RULE("irql", dpc_raises);
}

/* --- timers --- */

static int32_t wait_object(void *object)
{
    return CALL(int32_t, KeWaitForSingleObject, (void *, uint32_t, int8_t, uint8_t, void *), object, 0, 0, 0, NULL);
}
static void periodic(void)
{
    ran = 0;
    init_dpc(&dpc, NULL);
    CALL(void, KeInitializeTimerEx, (void *, uint32_t), &timer, 1);
    CHECK(!(CALL(uint8_t, KeSetTimerEx, (void *, int64_t, int32_t, void *), &timer, -10000, 5, &dpc)));
    uint64_t start = sched_now();
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(wait_object(&timer), 0);
    }
    CHECK(sched_now() - start >= 11000000 - 100000);
    CHECK((CALL(uint8_t, KeCancelTimer, (void *), &timer)));
    CALL(void, KeFlushQueuedDpcs, (void));
    CHECK_EQ(ran, 3);
}
TEST(periodic_timer_signals_and_queues_its_dpc_each_time)
{
    CHECK_EQ(nt_run(periodic, NULL), 0);
}

static void left_set(void)
{
    CALL(void, KeInitializeTimer, (void *), &timer);
    CALL(uint8_t, KeSetTimer, (void *, int64_t, void *), &timer, -10000000, NULL);
}
TEST(timer_left_set_is_a_leak)
{
    struct leaks leaks;
    CHECK_EQ(nt_run(left_set, &leaks), 1);
    CHECK_CONTAINS(leaks.lines[0], "timer: one is still set");
}

static void wild_timer(void)
{
    static struct KTIMER blank;
    CALL(uint8_t, KeSetTimer, (void *, int64_t, void *), &blank, -1, NULL);
}
TEST(timer_that_was_not_initialized_is_reported)
{
    EXPECT_NT_RULE("timer", wild_timer);
}

/* --- system threads --- */

static uint32_t thread_ran;
static MS_ABI void thread_routine(void *context)
{
    thread_ran = (uint32_t)(uintptr_t)context;
    CALL(int32_t, PsTerminateSystemThread, (int32_t), 0);
    thread_ran = 0;
}
static void *start_thread(void *routine_of, void *context)
{
    void *handle = NULL;
    CHECK_EQ((CALL(int32_t, PsCreateSystemThread, (void **, uint32_t, void *, void *, void *, void *, void *), &handle,
                   0, NULL, NULL, NULL, routine_of, context)),
             0);
    return handle;
}
static void run_thread(void)
{
    void *object = NULL, *handle = start_thread((void *)thread_routine, (void *)7);
    CHECK_EQ((CALL(int32_t, ObReferenceObjectByHandle, (void *, uint32_t, void *, int8_t, void **, void *), handle, 0,
                   NULL, 0, &object, NULL)),
             0);
    CALL(int32_t, ZwClose, (void *), handle);
    CHECK_EQ(wait_object(object), 0);
    CALL(int64_t, ObfDereferenceObject, (void *), object);
    CHECK_EQ(thread_ran, 7);
}
TEST(system_thread_ends_itself_and_can_be_waited_for)
{
    struct leaks leaks;
    size_t count = nt_run(run_thread, &leaks);
    for (size_t i = 0; i < count; i++) {
        fprintf(stderr, "# %s\n", leaks.lines[i]);
    }
    CHECK_EQ(count, 0);
}

static void unclosed(void)
{
    start_thread((void *)thread_routine, (void *)1);
}
TEST(thread_handle_left_open_is_a_leak)
{
    CHECK(nt_run(unclosed, NULL) != 0);
}

static MS_ABI void locked_thread(void *context)
{
    (void)context;
    CALL(uint8_t, KeRaiseIrqlToDpcLevel, (void));
}
static void ends_raised(void)
{
    start_thread((void *)locked_thread, NULL);
    CALL(void, KeFlushQueuedDpcs, (void));
    sched_sleep(1000000);
}
TEST(thread_that_ends_above_passive_level_is_reported)
{
    EXPECT_NT_RULE("irql", ends_raised);
}

static void terminate_outside(void)
{
    CALL(int32_t, PsTerminateSystemThread, (int32_t), 0);
}
TEST(terminating_a_thread_that_is_not_the_drivers_is_reported)
{
    EXPECT_NT_RULE("thread", terminate_outside);
}

/* --- work items --- */

static struct nt_event worked;
static MS_ABI void work_routine(void *object, void *context)
{
    CHECK_EQ(irql_current(), PASSIVE_LEVEL);
    CHECK(object == (void *)5 && context == (void *)6);
    event_set(&worked);
}
static void work(void)
{
    event_init(&worked, true, false);
    void *item = CALL(void *, IoAllocateWorkItem, (void *), (void *)5);
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    CALL(void, IoQueueWorkItem, (void *, void *, uint32_t, void *), item, (void *)work_routine, 1, (void *)6);
    irql_lower(old);
    CHECK(event_wait(&worked, SCHED_FOREVER));
    CALL(void, IoFreeWorkItem, (void *), item);
}
TEST(work_item_runs_at_passive_level)
{
    CHECK_EQ(nt_run(work, NULL), 0);
}

static void unfreed_work(void)
{
    CALL(void *, IoAllocateWorkItem, (void *), NULL);
}
TEST(work_item_left_behind_is_a_leak)
{
    CHECK_EQ(nt_run(unfreed_work, NULL), 1);
}

static void free_twice(void)
{
    void *item = CALL(void *, IoAllocateWorkItem, (void *), NULL);
    CALL(void, IoFreeWorkItem, (void *), item);
    CALL(void, IoFreeWorkItem, (void *), item);
}
TEST(work_item_freed_twice_is_reported)
{
    EXPECT_NT_RULE("work", free_twice);
}

static void clocks(void)
{
    struct LARGE_INTEGER frequency, delay = { .QuadPart = -50000 };
    int64_t before = CALL(int64_t, KeQueryPerformanceCounter, (void *), &frequency);
    CALL(int32_t, KeDelayExecutionThread, (int8_t, uint8_t, void *), 0, 0, &delay);
    int64_t after = CALL(int64_t, KeQueryPerformanceCounter, (void *), NULL);
    CHECK_EQ(frequency.QuadPart, 10000000);
    CHECK(after - before >= 50000 && after - before < 50100);
    CALL(void, KeStallExecutionProcessor, (uint32_t), 10);
    CHECK((CALL(int64_t, KeQueryPerformanceCounter, (void *), NULL)) - after >= 100);
}
TEST(clocks_follow_virtual_time)
{
    CHECK_EQ(nt_run(clocks, NULL), 0);
}
