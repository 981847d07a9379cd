/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes of CR8 in live runs, as code that was changed at its load makes them: what has nothing to do but the
 * processor's token takes a short way, which must mean the same as the long one. */
#include "nt_run.h"

#include "nt/check/fault_emulate.h"
#include "nt/processor/irql.h"

enum { VECTORS = 16, WORDS = 2 * VECTORS };

/* push value; push where to go on; jump; with every vector register filled before and stored behind. */
static __attribute__((noinline)) void write_cr8(uint64_t value)
{
    uint64_t before[WORDS], after[WORDS];

    for (int i = 0; i < WORDS; i++) {
        before[i] = 0x1111111111111111ull * (uint64_t)(i % 15 + 1) + value;
        after[i] = 0;
    }
#define LOAD(n)  "movups " #n "*16(%[from]), %%xmm" #n "\n"
#define STORE(n) "movups %%xmm" #n ", " #n "*16(%[to])\n"
#define ALL(X)   X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
    __asm__ volatile("subq $128, %%rsp\n" /* this compiler has a red zone, a driver's has none */
                     ALL(LOAD) "leaq 1f(%%rip), %%rax\n"
                               "pushq %[value]\n"
                               "pushq %%rax\n"
                               "jmp fault_cr8_thunk\n"
                               "1:\n" ALL(STORE) "addq $128, %%rsp\n"
                     :
                     : [from] "r"(before), [to] "r"(after), [value] "r"(value)
                     : "rax", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
    CHECK(memcmp(before, after, sizeof(before)) == 0);
}

static void live(void (*body)(void))
{
    struct sched_options options = { .kind = SCHED_LIVE, .seed = 1 };

    CHECK_EQ(sched_run(&options, nt_run_task, &(struct nt_run){ .body = body }), 0);
}

static void up_and_down(void)
{
    uint64_t lock = 0;

    CHECK(irql_write_quick(DISPATCH_LEVEL));
    CHECK_EQ(irql_current(), DISPATCH_LEVEL);
    CHECK_EQ(processors[0].token, 1);
    CHECK(irql_write_quick(DISPATCH_LEVEL)); /* as it is */
    CHECK(!irql_write_quick(HIGH_LEVEL));    /* for the long way */
    CHECK_EQ(irql_current(), DISPATCH_LEVEL);
    CALL(void, KeAcquireSpinLockAtDpcLevel, (uint64_t *), &lock);
    CHECK(!irql_write_quick(PASSIVE_LEVEL)); /* a rule, with the lock held */
    CALL(void, KeReleaseSpinLockFromDpcLevel, (uint64_t *), &lock);
    CHECK(irql_write_quick(APC_LEVEL));
    CHECK_EQ(irql_current(), APC_LEVEL);
    CHECK_EQ(processors[0].token, 0);
    irql_lower(PASSIVE_LEVEL);
    CHECK(!irql_write_quick(PASSIVE_LEVEL) && !irql_write_quick(0x63));
}
TEST(the_short_way_takes_and_gives_the_token)
{
    live(up_and_down);
}

static void through_the_thunk(void)
{
    for (int i = 0; i < 1000; i++) {
        write_cr8(DISPATCH_LEVEL);
        CHECK_EQ(irql_current(), DISPATCH_LEVEL);
        write_cr8(i % 2 != 0 ? HIGH_LEVEL : DISPATCH_LEVEL);
        write_cr8(PASSIVE_LEVEL);
        CHECK_EQ(irql_current(), PASSIVE_LEVEL);
        CHECK_EQ(processors[0].token, 0);
    }
}
TEST(no_way_changes_a_register)
{
    live(through_the_thunk);
    CHECK_EQ(nt_run(through_the_thunk, NULL), 0);
}

static uint32_t ran;

static void note(void *unused)
{
    (void)unused;
    CHECK_EQ(irql_current(), DISPATCH_LEVEL);
    ran++;
}

static void with_a_dpc(void)
{
    struct nt_dpc dpc;

    dpc_init(&dpc, 0, note, NULL);
    write_cr8(DISPATCH_LEVEL);
    CHECK(dpc_queue(&dpc));
    CHECK_EQ(ran, 0);
    write_cr8(PASSIVE_LEVEL);
    CHECK_EQ(ran, 1); /* before the next instruction, as on a machine */
    dpc_flush(&dpc);
}
TEST(lowering_runs_the_dpcs_that_wait)
{
    live(with_a_dpc);
}

/* Two tasks on one processor: who waits for it is woken, and never two are there. */
static uint32_t there, rounds;

static void takes_turns(void *unused)
{
    (void)unused;
    for (int i = 0; i < 20000; i++) {
        write_cr8(DISPATCH_LEVEL);
        CHECK_EQ(__atomic_add_fetch(&there, 1, __ATOMIC_SEQ_CST), 1);
        rounds++;
        __atomic_sub_fetch(&there, 1, __ATOMIC_SEQ_CST);
        write_cr8(PASSIVE_LEVEL);
    }
}

static void contended(void)
{
    struct task *other = thread_start("other", takes_turns, NULL);

    takes_turns(NULL);
    thread_join(other);
    CHECK_EQ(rounds, 40000);
    CHECK_EQ(processors[0].token, 0);
}
TEST(who_waits_for_the_processor_gets_it)
{
    live(contended);
}

static void too_high(void)
{
    write_cr8(0x63);
}
TEST(a_value_that_is_no_irql_is_found)
{
    EXPECT_NT_RULE("irql", too_high);
}
