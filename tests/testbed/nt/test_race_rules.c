/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Accesses that nothing orders are reported as races, and those that something orders are not. The test reports its
 * accesses as an instrumented driver does. A task on another processor does one half of each case; a switch between the
 * halves cannot matter, since it is the order that counts.
 */
#include "nt/race/race.h"
#include "nt_run.h"
#include "run/order.h"

#define ACCESS(result, name, parameters, ...)                                                                          \
    (((result MS_ABI(*) parameters)export_bind(RACE_MODULE, #name))(__VA_ARGS__))

static uint64_t word[8] __attribute__((aligned(64)));
static uint64_t lock;
static uint32_t flag;
static struct KEVENT event;
static struct KDPC dpc;

static void write_word(void)
{
    ACCESS(void, __tsan_write8, (void *), word);
}
static void read_word(void)
{
    ACCESS(void, __tsan_read8, (void *), word);
}
static void watch(void)
{
    order_reset();
    order_keep();
    race_watching = true;
    race_watched(word, sizeof(word), "the test's memory", NULL);
}

/* Runs the other half to its end; its end orders nothing here, as it is only looked at. */
static void beside(void (*half)(void *))
{
    uint32_t seen = __atomic_load_n(&flag, __ATOMIC_SEQ_CST);
    task_spawn("other half", 1, half, NULL);
    while (__atomic_load_n(&flag, __ATOMIC_SEQ_CST) == seen) {
        sched_sleep(1000);
    }
}
static void over(void)
{
    __atomic_add_fetch(&flag, 1, __ATOMIC_SEQ_CST);
    sched_sleep(SCHED_FOREVER);
}

static void write_half(void *argument)
{
    (void)argument;
    write_word();
    over();
}

static void write_then_read(void)
{
    watch();
    beside(write_half);
    read_word();
}
TEST(a_read_beside_a_write_is_a_race)
{
    EXPECT_NT_RULE("race", write_then_read);
}

static void read_half(void *argument)
{
    (void)argument;
    read_word();
    over();
}
static void read_then_write(void)
{
    watch();
    beside(read_half);
    write_word();
}
TEST(a_write_beside_a_read_is_a_race)
{
    EXPECT_NT_RULE("race", read_then_write);
}

static void write_neighbour_half(void *argument)
{
    (void)argument;
    ACCESS(void, __tsan_write4, (void *), (char *)word + 4);
    over();
}
static void overlapping(void)
{
    watch();
    beside(write_neighbour_half);
    ACCESS(void, __tsan_unaligned_write4, (void *), (char *)word + 2);
}
TEST(bytes_that_overlap_are_a_race)
{
    EXPECT_NT_RULE("race", overlapping);
}

static void volatile_half(void *argument)
{
    (void)argument;
    ACCESS(void, __tsan_volatile_write8, (void *), word);
    over();
}
static void plain_beside_volatile(void)
{
    watch();
    beside(volatile_half);
    read_word();
}
TEST(a_plain_read_beside_a_volatile_write_is_a_race)
{
    EXPECT_NT_RULE("race", plain_beside_volatile);
}

static void freed(void)
{
    void *memory = CALL(void *, ExAllocatePoolWithTag, (uint32_t, size_t, uint32_t), 512, 100, 'x');
    watch();
    race_watched(memory, 100, "a block", NULL);
    ACCESS(void, __tsan_memset, (void *, int, size_t), memory, 0, 100);
    CALL(void, ExFreePoolWithTag, (void *, uint32_t), memory, 'x');
    memory = CALL(void *, ExAllocatePoolWithTag, (uint32_t, size_t, uint32_t), 512, 100, 'x');
    ACCESS(void, __tsan_read8, (void *), memory);
    CALL(void, ExFreePoolWithTag, (void *, uint32_t), memory, 'x');
}
TEST(memory_that_was_freed_and_taken_again_begins_anew)
{
    CHECK_EQ(nt_run(freed, NULL), 0);
}

/* A DPC interrupts what runs on its processor below DISPATCH_LEVEL, between any two instructions. */
static MS_ABI void dpc_routine(void *self, void *context, void *a, void *b)
{
    (void)self;
    (void)context;
    (void)a;
    (void)b;
    write_word();
}
static void interrupted(void)
{
    watch();
    CALL(void, KeInitializeDpc, (void *, void *, void *), &dpc, (void *)dpc_routine, NULL);
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    CALL(uint8_t, KeInsertQueueDpc, (void *, void *, void *), &dpc, NULL, NULL);
    irql_lower(old);
    write_word();
}
TEST(a_write_below_dispatch_beside_a_dpc_is_a_race)
{
    EXPECT_NT_RULE("race", interrupted);
}

/* --- what orders --- */

static void locked_half(void *argument)
{
    (void)argument;
    uint8_t old = CALL(uint8_t, KeAcquireSpinLockRaiseToDpc, (uint64_t *), &lock);
    write_word();
    CALL(void, KeReleaseSpinLock, (uint64_t *, uint8_t), &lock, old);
    __atomic_add_fetch(&flag, 1, __ATOMIC_SEQ_CST);
}
static void event_half(void *argument)
{
    (void)argument;
    write_word();
    CALL(int32_t, KeSetEvent, (void *, int32_t, uint8_t), &event, 0, 0);
    __atomic_add_fetch(&flag, 1, __ATOMIC_SEQ_CST);
}
static void interlocked_half(void *argument)
{
    static uint32_t done;
    (void)argument;
    write_word();
    ACCESS(uint32_t, __tsan_atomic32_exchange, (void *, uint32_t, int), &done, 1, 5);
    __atomic_add_fetch(&flag, 1, __ATOMIC_SEQ_CST);
}

static struct task *start(void (*half)(void *))
{
    uint32_t seen = flag;
    struct task *task = task_spawn("other half", 1, half, NULL);
    while (__atomic_load_n(&flag, __ATOMIC_SEQ_CST) == seen) {
        sched_sleep(1000);
    }
    return task;
}

static void by_lock(void)
{
    lock = 0;
    watch();
    struct task *task = start(locked_half);
    uint8_t old = CALL(uint8_t, KeAcquireSpinLockRaiseToDpc, (uint64_t *), &lock);
    write_word();
    CALL(void, KeReleaseSpinLock, (uint64_t *, uint8_t), &lock, old);
    task_join(task);
}
static void by_event(void)
{
    watch();
    CALL(void, KeInitializeEvent, (void *, uint32_t, uint8_t), &event, 0, 0);
    struct task *task = start(event_half);
    CALL(int32_t, KeWaitForSingleObject, (void *, uint32_t, int8_t, uint8_t, void *), &event, 0, 0, 0, NULL);
    write_word();
    task_join(task);
}
static void by_its_end(void)
{
    watch();
    task_join(start(interlocked_half));
    write_word();
}
static void by_dispatch(void)
{
    uint8_t old;
    watch();
    old = irql_raise(DISPATCH_LEVEL);
    write_word();
    CALL(void, KeInitializeDpc, (void *, void *, void *), &dpc, (void *)dpc_routine, NULL);
    CALL(uint8_t, KeInsertQueueDpc, (void *, void *, void *), &dpc, NULL, NULL);
    irql_lower(old);
    CALL(void, KeFlushQueuedDpcs, (void));
    write_word();
}
TEST(locks_events_ends_and_dpcs_order_what_is_done)
{
    CHECK_EQ(nt_run(by_lock, NULL), 0);
    CHECK_EQ(nt_run(by_event, NULL), 0);
    CHECK_EQ(nt_run(by_its_end, NULL), 0);
    CHECK_EQ(nt_run(by_dispatch, NULL), 0);
}
