/* SPDX-License-Identifier: BSD-2-Clause */
/* Reader-writer spin locks: who gets in beside whom, and each rule broken once. */
#include "nt_run.h"

enum { READERS = 3, ROUNDS = 50, SEEDS = 30 };

static uint32_t word, inside, writers, most_inside;

static uint8_t acquire_shared(void)
{
    return CALL(uint8_t, ExAcquireSpinLockShared, (uint32_t *), &word);
}
static void release_shared(uint8_t old)
{
    CALL(void, ExReleaseSpinLockShared, (uint32_t *, uint8_t), &word, old);
}
static uint8_t acquire_exclusive(void)
{
    return CALL(uint8_t, ExAcquireSpinLockExclusive, (uint32_t *), &word);
}
static void release_exclusive(uint8_t old)
{
    CALL(void, ExReleaseSpinLockExclusive, (uint32_t *, uint8_t), &word, old);
}

static void read_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t old = acquire_shared();

        CHECK_EQ(writers, 0);
        inside++;
        most_inside = inside > most_inside ? inside : most_inside;
        sched_point("reads");
        CHECK_EQ(writers, 0);
        inside--;
        release_shared(old);
    }
}

static void write_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        uint8_t old = acquire_exclusive();

        CHECK_EQ(inside, 0);
        CHECK_EQ(writers++, 0);
        sched_point("writes");
        CHECK_EQ(inside, 0);
        writers--;
        release_exclusive(old);
    }
}

static void crowd(void *unused)
{
    struct task *tasks[READERS + 1];

    (void)unused;
    nt_start(READERS + 1);
    for (uint32_t i = 0; i < READERS; i++) {
        tasks[i] = task_spawn("reader", i, read_often, NULL);
    }
    tasks[READERS] = task_spawn("writer", READERS, write_often, NULL);
    for (uint32_t i = 0; i <= READERS; i++) {
        task_join(tasks[i]);
    }
    CHECK_EQ(word, 0);
    nt_stop();
}

TEST(readers_are_inside_together_and_a_writer_alone)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sched_options options = { .kind = SCHED_SIMULATED, .seed = seed };

        CHECK_EQ(sched_run(&options, crowd, NULL), 0);
    }
    CHECK(most_inside > 1);
}

TEST(the_same_in_a_live_run)
{
    struct sched_options options = { .kind = SCHED_LIVE, .seed = 1 };

    word = 0;
    inside = writers = 0;
    CHECK_EQ(sched_run(&options, crowd, NULL), 0);
}

static void at_dpc_level(void)
{
    irql_raise(DISPATCH_LEVEL);
    CALL(void, ExAcquireSpinLockSharedAtDpcLevel, (uint32_t *), &word);
    CALL(void, ExAcquireSpinLockSharedAtDpcLevel, (uint32_t *), &word);
    CHECK_EQ(word, 2);
    CALL(void, ExReleaseSpinLockSharedFromDpcLevel, (uint32_t *), &word);
    CALL(void, ExReleaseSpinLockSharedFromDpcLevel, (uint32_t *), &word);
    CALL(void, ExAcquireSpinLockExclusiveAtDpcLevel, (uint32_t *), &word);
    CHECK_EQ(word, 0x80000000u);
    CALL(void, ExReleaseSpinLockExclusiveFromDpcLevel, (uint32_t *), &word);
    CHECK_EQ(word, 0);
    irql_lower(PASSIVE_LEVEL);
}
TEST(the_word_is_the_one_that_windows_has)
{
    CHECK_EQ(nt_run(at_dpc_level, NULL), 0);
}

static void reader_that_is_none(void)
{
    irql_raise(DISPATCH_LEVEL);
    CALL(void, ExReleaseSpinLockSharedFromDpcLevel, (uint32_t *), &word);
}
TEST(shared_lock_released_that_nobody_holds_is_reported)
{
    EXPECT_NT_RULE("lock", reader_that_is_none);
}

static void writer_that_reads(void)
{
    acquire_shared();
    release_exclusive(PASSIVE_LEVEL);
}
TEST(shared_lock_released_as_a_writer_is_reported)
{
    EXPECT_NT_RULE("lock", writer_that_reads);
}

static void lowered_inside(void)
{
    acquire_shared();
    irql_lower(PASSIVE_LEVEL);
}
TEST(irql_lowered_with_a_shared_lock_held_is_reported)
{
    EXPECT_NT_RULE("lock", lowered_inside);
}
