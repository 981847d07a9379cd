/* SPDX-License-Identifier: BSD-2-Clause */
/* Each rule about pool, handles, strings and printing is broken on purpose. */
#include "nt/memory/guard.h"
#include "nt/memory/paged.h"
#include "nt_run.h"

#define TAG 0x74736554 /* "Test" */

static void *take(uint32_t type, size_t bytes)
{
    return CALL(void *, ExAllocatePoolWithTag, (uint32_t, size_t, uint32_t), type, bytes, TAG);
}

static void give(void *block, uint32_t tag)
{
    CALL(void, ExFreePoolWithTag, (void *, uint32_t), block, tag);
}

static void twice(void)
{
    void *block = take(512, 32);

    give(block, TAG);
    give(block, TAG);
}
TEST(a_block_freed_twice_is_found)
{
    EXPECT_NT_RULE("pool", twice);
}

static void overrun(void)
{
    uint8_t *block = take(512, 33);

    block[33] = 0;
    give(block, TAG);
}
TEST(a_write_past_the_end_is_found)
{
    EXPECT_NT_RULE("pool", overrun);
}

static void overrun_page(void)
{
    uint8_t *block = take(512, 8192);

    block[8192] = 0;
    give(block, TAG);
}
TEST(a_write_past_the_end_of_pages_is_found)
{
    EXPECT_NT_RULE("pool", overrun_page);
}

static void after_free(void)
{
    uint8_t *block = take(512, 64);
    struct leaks leaks = { 0 };

    give(block, TAG);
    block[10] = 1;
    nt_leaks(&leaks);
}
TEST(a_write_after_free_is_found)
{
    EXPECT_NT_RULE("pool", after_free);
}

static void wrong_tag(void)
{
    give(take(512, 64), TAG + 1);
}
TEST(a_free_with_another_tag_is_found)
{
    EXPECT_NT_RULE("pool", wrong_tag);
}

static void inside(void)
{
    give((uint8_t *)take(512, 64) + 16, TAG);
}
TEST(a_free_of_an_address_inside_a_block_is_found)
{
    EXPECT_NT_RULE("pool", inside);
}

static void no_tag(void)
{
    CALL(void *, ExAllocatePoolWithTag, (uint32_t, size_t, uint32_t), 0, 16, 0);
}
TEST(a_tag_of_zero_is_found)
{
    EXPECT_NT_RULE("pool", no_tag);
}

static void two_kinds(void)
{
    CALL(void *, ExAllocatePool2, (uint64_t, size_t, uint32_t), 0x140, 16, TAG);
}
TEST(pool_flags_that_name_two_kinds_are_found)
{
    EXPECT_NT_RULE("pool", two_kinds);
}

static void paged_high(void)
{
    irql_raise(DISPATCH_LEVEL);
    take(1, 16);
}
TEST(paged_pool_at_dispatch_level_is_found)
{
    EXPECT_NT_RULE("irql", paged_high);
}

static void too_high(void)
{
    irql_raise(DIRQL);
    take(512, 16);
}
TEST(pool_above_dispatch_level_is_found)
{
    EXPECT_NT_RULE("irql", too_high);
}

static void bad_handle(void)
{
    CALL(int32_t, ZwClose, (void *), (void *)0x1234);
}
TEST(a_close_of_no_handle_is_found)
{
    EXPECT_NT_RULE("handle", bad_handle);
}

static void bad_object(void)
{
    CALL(int64_t, ObfDereferenceObject, (void *), (void *)(uintptr_t) "x");
}
TEST(a_dereference_of_no_object_is_found)
{
    EXPECT_NT_RULE("object", bad_object);
}

static void wide_print(void)
{
    irql_raise(DISPATCH_LEVEL);
    CALL(uint32_t, DbgPrint, (const char *, ...), "%ws\n", u"text");
}
TEST(wide_text_printed_at_dispatch_level_is_found)
{
    EXPECT_NT_RULE("irql", wide_print);
}

static void bugcheck(void)
{
    CALL(void, KeBugCheckEx, (uint32_t, uint64_t, uint64_t, uint64_t, uint64_t), 0xd1, 1, 2, 3, 4);
}
TEST(a_bug_check_is_reported)
{
    EXPECT_NT_RULE("bugcheck", bugcheck);
}

static void assertion(void)
{
    CALL(void, RtlAssert, (const char *, const char *, uint32_t, const char *), "a == b", "x.c", 1, NULL);
}
TEST(a_failed_assertion_is_reported)
{
    EXPECT_NT_RULE("assert", assertion);
}

static void no_room(void)
{
    char text[4];

    CALL(int, sprintf_s, (char *, size_t, const char *, ...), text, sizeof(text), "%d", 12345);
}
TEST(a_text_that_does_not_fit_sprintf_s_is_found)
{
    EXPECT_NT_RULE("buffer", no_room);
}

static void floating(void)
{
    char text[40];

    CALL(int, _snprintf, (char *, size_t, const char *, ...), text, sizeof(text), "%f", 1.0);
}
TEST(floating_point_in_a_format_is_refused)
{
    EXPECT_NT_RULE("unsupported", floating);
}

static void rundown(void)
{
    uint64_t count;

    CALL(void, ExInitializeRundownProtection, (uint64_t *), &count);
    CALL(void, ExReleaseRundownProtection, (uint64_t *), &count);
}
TEST(rundown_protection_released_too_often_is_found)
{
    EXPECT_NT_RULE("rundown", rundown);
}

/* --- guard pages --- */

static uint8_t *guarded_block(size_t bytes)
{
    guard_pages = true;
    return CALL(void *, ExAllocatePoolWithTag, (uint32_t, size_t, uint32_t), 512, bytes, 'x');
}

static void touch_behind(void)
{
    *(volatile uint8_t *)(guarded_block(96) + 96);
}
TEST(the_first_byte_behind_a_guarded_block_cannot_be_read)
{
    EXPECT_NT_RULE("access", touch_behind);
}

static void touch_behind_a_page(void)
{
    uint8_t *block = guarded_block(4096);

    CHECK_EQ((uintptr_t)block % 4096, 0);
    *(volatile uint8_t *)(block + 4096) = 1;
}
TEST(the_first_byte_behind_a_guarded_page_cannot_be_written)
{
    EXPECT_NT_RULE("access", touch_behind_a_page);
}

static void touch_freed(void)
{
    uint8_t *block = guarded_block(50);

    CALL(void, ExFreePoolWithTag, (void *, uint32_t), block, 'x');
    *(volatile uint8_t *)block;
}
TEST(a_guarded_block_that_was_freed_cannot_be_read_and_is_named)
{
    static char text[65536];

    CHECK_EQ(test_child(nt_run_body, (void *)touch_freed, text, sizeof(text)), RULE_EXIT_STATUS << 8);
    CHECK_CONTAINS(text, "rule access: read of ");
    CHECK_CONTAINS(text, "(offset 0 of pool block of 50 bytes, allocated in ");
}

static void guarded_twice(void)
{
    uint8_t *block = guarded_block(50);

    CALL(void, ExFreePoolWithTag, (void *, uint32_t), block, 'x');
    CALL(void, ExFreePoolWithTag, (void *, uint32_t), block, 'x');
}
TEST(a_guarded_block_freed_twice_is_found)
{
    EXPECT_NT_RULE("pool", guarded_twice);
}

static void use_guarded(void)
{
    for (size_t bytes = 1; bytes < 9000; bytes += 37) {
        uint8_t *block = guarded_block(bytes);

        memset(block, 1, bytes);
        CALL(void, ExFreePoolWithTag, (void *, uint32_t), block, 'x');
    }
}
TEST(guarded_blocks_of_all_sizes_can_be_used)
{
    CHECK_EQ(nt_run(use_guarded, NULL), 0);
}

static void free_with_a_timer(void)
{
    struct KTIMER *timer = CALL(void *, ExAllocatePoolWithTag, (uint32_t, size_t, uint32_t), 512, sizeof(*timer), 'x');
    struct LARGE_INTEGER soon = { .QuadPart = -100000 };

    CALL(void, KeInitializeTimer, (struct KTIMER *), timer);
    CALL(uint8_t, KeSetTimer, (struct KTIMER *, struct LARGE_INTEGER, void *), timer, soon, NULL);
    CALL(void, ExFreePoolWithTag, (void *, uint32_t), timer, 'x');
}
TEST(a_block_freed_with_a_timer_that_is_set_is_found)
{
    EXPECT_NT_RULE("timer", free_with_a_timer);
}

/* --- memory that somebody still uses, or that is not there --- */

static void paged_at_dispatch(void)
{
    volatile uint8_t *paged = take(1, 100);
    paged[99] = 1;
    irql_raise(DISPATCH_LEVEL);
    paged[99] = 2;
}
TEST(paged_pool_at_dispatch_level_is_reported)
{
    EXPECT_NT_RULE("access", paged_at_dispatch);
}

static void live_main(void *body)
{
    nt_start(2);
    ((void (*)(void))body)();
    nt_stop();
}
static void run_live(void *body)
{
    struct sched_options live = { .kind = SCHED_LIVE };
    CHECK_EQ(sched_run(&live, live_main, body), 0);
}
TEST(paged_pool_at_dispatch_level_is_reported_in_a_live_run)
{
    if (!paged_has_keys()) {
        test_skip("this processor has no protection keys");
    }
    EXPECT_RULE("access", run_live, (void *)paged_at_dispatch);
}

static void paged_below_dispatch(void)
{
    volatile uint8_t *paged = take(1, 100);
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    irql_lower(old);
    paged[99] = 2;
    give((void *)paged, TAG);
}
TEST(paged_pool_is_there_again_below_dispatch_level)
{
    CHECK_EQ(nt_run(paged_below_dispatch, NULL), 0);
}

/* A thread that is made at DISPATCH_LEVEL begins with rights of its own, and one processor's IRQL is nobody else's. */
static volatile uint8_t *everybodys;
static uint32_t written;
static void write_it(void *unused)
{
    (void)unused;
    everybodys[99] = 3;
    __atomic_store_n(&written, 1, __ATOMIC_RELEASE);
}
static void paged_elsewhere(void)
{
    everybodys = take(1, 100);
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    struct task *other = task_spawn("writer", 1, write_it, NULL);
    while (!sched_is_simulated && __atomic_load_n(&written, __ATOMIC_ACQUIRE) == 0) {
        (void)sched_wait(&written, 0, sched_now() + 1000000);
    }
    irql_lower(old);
    task_join(other);
    give((void *)everybodys, TAG);
}
TEST(paged_pool_is_there_for_a_task_below_dispatch_level_beside_one_at_it)
{
    run_live((void *)paged_elsewhere);
}

static void wait_in_block(void *event)
{
    CALL(int32_t, KeWaitForSingleObject, (void *, uint32_t, int8_t, uint8_t, void *), event, 0, 0, 0, NULL);
}
static void freed_event(void)
{
    void *event = take(512, sizeof(struct KEVENT));
    CALL(void, KeInitializeEvent, (void *, uint32_t, uint8_t), event, 0, 0);
    task_spawn("waits", 1, wait_in_block, event);
    sched_sleep(1000000);
    give(event, TAG);
}
TEST(memory_freed_with_an_event_that_is_waited_for_is_reported)
{
    EXPECT_NT_RULE("event", freed_event);
}

static void freed_lock(void)
{
    uint64_t *lock = take(512, sizeof(*lock));
    *lock = 0;
    (void)CALL(uint8_t, KeAcquireSpinLockRaiseToDpc, (uint64_t *), lock);
    give(lock, TAG);
}
TEST(memory_freed_with_a_lock_that_is_held_is_reported)
{
    EXPECT_NT_RULE("lock", freed_lock);
}
