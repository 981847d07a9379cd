/* SPDX-License-Identifier: BSD-2-Clause */
/* Each rule about locks is broken on purpose; and the other synchronization objects do what they should. */
#include <stdlib.h>

#include "nt_run.h"

static uint64_t lock;

static uint8_t acquire(uint64_t *word)
{
    return CALL(uint8_t, KeAcquireSpinLockRaiseToDpc, (uint64_t *), word);
}
static void release(uint64_t *word, uint8_t irql)
{
    CALL(void, KeReleaseSpinLock, (uint64_t *, uint8_t), word, irql);
}
static void acquire_at_dpc(uint64_t *word)
{
    CALL(void, KeAcquireSpinLockAtDpcLevel, (uint64_t *), word);
}
static void release_from_dpc(uint64_t *word)
{
    CALL(void, KeReleaseSpinLockFromDpcLevel, (uint64_t *), word);
}

static void twice(void)
{
    acquire(&lock);
    acquire_at_dpc(&lock);
}
TEST(lock_acquired_twice_is_reported)
{
    EXPECT_NT_RULE("lock", twice);
}

static void never_acquired(void)
{
    irql_raise(DISPATCH_LEVEL);
    release_from_dpc(&lock);
}
TEST(lock_released_that_nobody_holds_is_reported)
{
    EXPECT_NT_RULE("lock", never_acquired);
}

static uint32_t held;
static void hold(void *argument)
{
    (void)argument;
    acquire(&lock);
    held = 1;
    sched_wake(&held, 1);
    sched_sleep(SCHED_FOREVER);
}
static void of_another(void)
{
    task_spawn("holds", 1, hold, NULL);
    while (held == 0) {
        sched_wait(&held, 0, SCHED_FOREVER);
    }
    irql_raise(DISPATCH_LEVEL);
    release_from_dpc(&lock);
}
TEST(lock_released_by_who_does_not_hold_it_is_reported)
{
    EXPECT_NT_RULE("lock", of_another);
}

static void lower_holding(void)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    acquire_at_dpc(&lock);
    irql_lower(old);
}
TEST(irql_lowered_with_a_lock_held_is_reported)
{
    EXPECT_NT_RULE("lock", lower_holding);
}

static void release_outer_first(void)
{
    static uint64_t inner;
    uint8_t old = acquire(&lock);
    acquire_at_dpc(&inner);
    release(&lock, old);
}
TEST(lock_released_to_passive_with_another_held_is_reported)
{
    EXPECT_NT_RULE("lock", release_outer_first);
}

static void hand_over_hand(void)
{
    static uint64_t inner;
    uint8_t old = acquire(&lock);
    acquire_at_dpc(&inner);
    release_from_dpc(&lock);
    release(&inner, old);
    CHECK_EQ(irql_current(), PASSIVE_LEVEL);
}
TEST(locks_may_be_released_in_the_order_they_were_taken)
{
    CHECK_EQ(nt_run(hand_over_hand, NULL), 0);
}

static void wild_irql(void)
{
    acquire(&lock);
    release(&lock, 7);
}
TEST(lock_released_to_an_irql_no_acquire_returned_is_reported)
{
    EXPECT_NT_RULE("lock", wild_irql);
}

static uint32_t counter;
static void count_up(void *argument)
{
    (void)argument;
    for (int i = 0; i < 100; i++) {
        uint8_t old = acquire(&lock);
        uint32_t seen = counter;
        sched_point("inside");
        counter = seen + 1;
        release(&lock, old);
    }
}
static void four_count(void)
{
    struct task *tasks[4];
    counter = 0;
    for (uint32_t i = 0; i < 4; i++) {
        tasks[i] = task_spawn("counts", i % 2, count_up, NULL);
    }
    for (uint32_t i = 0; i < 4; i++) {
        task_join(tasks[i]);
    }
    CHECK_EQ(counter, 400);
}
static void live_count(void *argument)
{
    (void)argument;
    nt_start(2);
    four_count();
    nt_stop();
}
TEST(spin_lock_excludes)
{
    struct sched_options live = { .kind = SCHED_LIVE };
    CHECK_EQ(nt_run(four_count, NULL), 0);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(sched_run(&live, live_count, NULL), 0);
    }
}

static uint64_t order[2];
static void other_way_round(void *argument)
{
    (void)argument;
    for (int i = 0; i < 1000; i++) {
        uint8_t old = acquire(&order[1]);
        acquire_at_dpc(&order[0]);
        release_from_dpc(&order[0]);
        release(&order[1], old);
    }
}
static void lock_order(void *argument)
{
    (void)argument;
    nt_start(2);
    struct task *task = task_spawn("other", 1, other_way_round, NULL);
    for (int i = 0; i < 1000; i++) {
        uint8_t old = acquire(&order[0]);
        acquire_at_dpc(&order[1]);
        release_from_dpc(&order[1]);
        release(&order[0], old);
    }
    task_join(task);
    nt_stop();
}
static void lock_order_child(void *argument)
{
    struct sched_options options = { .kind = SCHED_SIMULATED, .seed = test_seed() };
    (void)argument;
    sched_run(&options, lock_order, NULL);
}
TEST(two_tasks_that_take_locks_in_both_orders_are_reported_with_both_places)
{
    char text[8192];
    CHECK_EQ(test_child(lock_order_child, NULL, text, sizeof(text)), RULE_EXIT_STATUS << 8);
    CHECK_CONTAINS(text, "rule lock-order: a lock is taken in ");
    CHECK_CONTAINS(text, "the other order was seen in");
    CHECK_CONTAINS(text, "1 lock held");
}

/* --- mutexes, fast mutexes, semaphores --- */

struct objects {
    _Alignas(16) uint8_t mutex[56], fast[56], semaphore[32];
    struct KEVENT events[2];
};
static struct objects objects;

static int32_t wait_for(void *object, int64_t timeout)
{
    struct LARGE_INTEGER value = { .QuadPart = timeout };
    return CALL(int32_t, KeWaitForSingleObject, (void *, uint32_t, int8_t, uint8_t, struct LARGE_INTEGER *), object, 0,
                0, 0, &value);
}

static void foreign_mutex(void)
{
    CALL(void, KeInitializeMutex, (void *, uint32_t), objects.mutex, 0);
    CALL(int32_t, KeReleaseMutex, (void *, uint8_t), objects.mutex, 0);
}
TEST(mutex_released_by_who_does_not_hold_it_is_reported)
{
    EXPECT_NT_RULE("lock", foreign_mutex);
}

static void own_mutex(void)
{
    CALL(void, KeInitializeMutex, (void *, uint32_t), objects.mutex, 0);
    CHECK_EQ(wait_for(objects.mutex, 0), 0);
    CHECK_EQ(wait_for(objects.mutex, 0), 0);
    CHECK((CALL(int32_t, KeReleaseMutex, (void *, uint8_t), objects.mutex, 0)) != 0);
    CHECK_EQ((CALL(int32_t, KeReleaseMutex, (void *, uint8_t), objects.mutex, 0)), 0);
    CHECK_EQ((CALL(int32_t, KeReadStateMutex, (void *), objects.mutex)), 1);
}
TEST(mutex_may_be_taken_again_by_its_owner)
{
    CHECK_EQ(nt_run(own_mutex, NULL), 0);
}

static void fast_twice(void)
{
    objects.fast[0] = 1; /* what the WDK's inline ExInitializeFastMutex writes, beside a clear auto-reset event */
    CALL(void, KeInitializeEvent, (void *, uint32_t, uint8_t), objects.fast + 24, 1, 0);
    CALL(void, ExAcquireFastMutex, (void *), objects.fast);
    CHECK_EQ(irql_current(), APC_LEVEL);
    CALL(void, ExReleaseFastMutex, (void *), objects.fast);
    CHECK_EQ(irql_current(), PASSIVE_LEVEL);
    CALL(void, ExAcquireFastMutex, (void *), objects.fast);
    CALL(void, ExAcquireFastMutex, (void *), objects.fast);
}
TEST(fast_mutex_taken_twice_is_reported)
{
    EXPECT_NT_RULE("lock", fast_twice);
}

static void semaphore_overflow(void)
{
    CALL(void, KeInitializeSemaphore, (void *, int32_t, int32_t), objects.semaphore, 1, 2);
    CHECK_EQ((CALL(int32_t, KeReleaseSemaphore, (void *, int32_t, int32_t, uint8_t), objects.semaphore, 0, 1, 0)), 1);
    CHECK_EQ(wait_for(objects.semaphore, 0), 0);
    CHECK_EQ(wait_for(objects.semaphore, 0), 0);
    CHECK_EQ(wait_for(objects.semaphore, 0), 0x102);
    CHECK_EQ(wait_for(objects.semaphore, -1000), 0x102);
    CALL(int32_t, KeReleaseSemaphore, (void *, int32_t, int32_t, uint8_t), objects.semaphore, 0, 3, 0);
}
TEST(semaphore_released_beyond_its_limit_is_reported)
{
    EXPECT_NT_RULE("semaphore", semaphore_overflow);
}

static void set_second(void *argument)
{
    (void)argument;
    CALL(int32_t, KeSetEvent, (void *, int32_t, uint8_t), &objects.events[1], 0, 0);
}
static void several(void)
{
    void *both[2] = { &objects.events[0], &objects.events[1] };
    CALL(void, KeInitializeEvent, (void *, uint32_t, uint8_t), both[0], 0, 0);
    CALL(void, KeInitializeEvent, (void *, uint32_t, uint8_t), both[1], 1, 0);
    struct task *task = task_spawn("sets", 1, set_second, NULL);
    CHECK_EQ((CALL(int32_t, KeWaitForMultipleObjects,
                   (uint32_t, void **, uint32_t, uint32_t, int8_t, uint8_t, void *, void *), 2, both, 1, 0, 0, 0, NULL,
                   NULL)),
             1);
    task_join(task);
    CHECK_EQ((CALL(int32_t, KeReadStateEvent, (void *), both[1])), 0);
    struct LARGE_INTEGER soon = { .QuadPart = -10 };
    CALL(int32_t, KeSetEvent, (void *, int32_t, uint8_t), both[1], 0, 0);
    CHECK_EQ((CALL(int32_t, KeWaitForMultipleObjects,
                   (uint32_t, void **, uint32_t, uint32_t, int8_t, uint8_t, void *, void *), 2, both, 0, 0, 0, 0, &soon,
                   NULL)),
             0x102);
    CHECK_EQ((CALL(int32_t, KeReadStateEvent, (void *), both[1])),
             1); /* a wait for all takes nothing when one is missing */
}
TEST(wait_for_any_and_for_all_of_several_objects)
{
    CHECK_EQ(nt_run(several, NULL), 0);
}

static void wild_wait(void)
{
    uint64_t nothing[4] = { 0xee };
    wait_for(nothing, 0);
}
TEST(wait_for_what_is_no_object_is_reported)
{
    EXPECT_NT_RULE("wait", wild_wait);
}

static _Alignas(16) struct SLIST_HEADER list;
static void slist(void)
{
    static _Alignas(16) uint64_t entries[3][2];
    CALL(void, InitializeSListHead, (void *), &list);
    for (int i = 0; i < 3; i++) {
        CALL(void *, ExpInterlockedPushEntrySList, (void *, void *), &list, entries[i]);
    }
    CHECK_EQ((CALL(uint16_t, ExQueryDepthSList, (void *), &list)), 3);
    CHECK((CALL(void *, ExpInterlockedPopEntrySList, (void *), &list)) == entries[2]);
    CHECK((CALL(void *, ExpInterlockedFlushSList, (void *), &list)) == entries[1]);
    CHECK((CALL(void *, ExpInterlockedPopEntrySList, (void *), &list)) == NULL);
    CHECK_EQ((CALL(uint16_t, ExQueryDepthSList, (void *), &list)), 0);
}
TEST(slist_is_last_in_first_out)
{
    CHECK_EQ(nt_run(slist, NULL), 0);
}

static void crooked_slist(void)
{
    CALL(void *, ExpInterlockedPushEntrySList, (void *, void *), &list, (char *)&objects + 8);
}
TEST(slist_entry_that_is_not_aligned_is_reported)
{
    EXPECT_NT_RULE("slist", crooked_slist);
}

static uint64_t three[3];

static void take_both(uint64_t *first, uint64_t *second)
{
    uint8_t irql = acquire(first);

    acquire_at_dpc(second);
    release_from_dpc(second);
    release(first, irql);
}

static void both_orders(void)
{
    take_both(&three[0], &three[1]);
    take_both(&three[0], &three[1]);
    take_both(&three[1], &three[0]);
}
TEST(locks_taken_in_both_orders_are_reported_although_nobody_waits)
{
    EXPECT_NT_RULE("lock-order", both_orders);
}

static void circle(void)
{
    take_both(&three[0], &three[1]);
    take_both(&three[1], &three[2]);
    take_both(&three[2], &three[0]);
}
TEST(locks_taken_in_a_circle_are_reported)
{
    EXPECT_NT_RULE("lock-order", circle);
}

/* A lock that is made anew is another one, and so is one in memory that was freed meanwhile. */
static void others_at_the_same_place(void)
{
    uint64_t *block = CALL(void *, ExAllocatePoolWithTag, (uint32_t, size_t, uint32_t), 512, 64, 'x');

    take_both(&three[0], &three[1]);
    CALL(void, KeInitializeSpinLock, (uint64_t *), &three[0]);
    take_both(&three[1], &three[0]);
    memset(block, 0, 64);
    take_both(&block[0], &three[2]);
    CALL(void, ExFreePoolWithTag, (void *, uint32_t), block, 'x');
    memset(three, 0, sizeof(three));
}
TEST(locks_that_are_new_have_no_order_yet)
{
    CHECK_EQ(nt_run(others_at_the_same_place, NULL), 0);
}
