/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of a driver: each is reported by its rule, with the driver's stack. And what is carried out for it: CR8, GS,
 * shared clocks. */
#include <sys/mman.h>

#include "image_fixture.h"
#include "nt/memory/paged.h"
#include "nt_run.h"

/* The functions of tests/support/drivers/misbehaves.c, in their order. */
enum misdeed {
    NULL_WRITE,
    READ_GIVEN,
    FAST_FAIL,
    ASSERTION,
    BREAKPOINT,
    DIVIDE,
    UNDEFINED,
    HALT,
    CALL_GIVEN,
    OVERFLOW,
    STACK,
    CALL_INIT,
    WRITE_CONST,
    CR8,
    GS,
    CLOCKS,
    FLOAT_KEPT,
    INLINED,
    CR8_THROUGH_EACH,
    CR8_TOO_HIGH,
    PAGED_CALLS,
    PAGED_RAISES,
    MISDEEDS
};

static const char *driver_path;
static const char *compiler_options = "";
static enum misdeed chosen;
static void *given;
static uint64_t answer;
static uint32_t cr8_replaced, cr8_left;
static void *table[MISDEEDS];

static void misbehave(void)
{
    char error[4096] = "";
    struct image *image = image_load(driver_path, fixture_resolve, error, sizeof(error));
    if (image == NULL) {
        test_fail(__FILE__, __LINE__, "%s", error);
    }
    ((MS_ABI int32_t(*)(void **, void *))image_entry(image))(table, NULL);
    image_discard_init(image);
    paged_image(image, true);
    if (chosen == CALL_GIVEN && given == NULL) {
        given = (char *)table[STACK] + 1; /* the middle of a function */
    }
    answer = DRIVER_CALL("MisbehaveTest", ((MS_ABI uint64_t(*)(void *))table[chosen])(given));
    image_cr8_accesses(image, &cr8_replaced, &cr8_left);
    paged_image(image, false);
    image_unload(image);
}

static const char *linker_options = "";

static void build(void)
{
    static const char imports[] = "KeReleaseSpinLock\nKeGetCurrentIrql\nKeRaiseIrqlToDpcLevel";
    char linker[128];
    snprintf(linker, sizeof(linker), "/section:INIT,ERD %s %s", compiler_options[0] ? "/guard:cf" : "", linker_options);
    driver_path = fixture_driver("misbehaves", imports, compiler_options, linker);
}

static void live_body(void *argument)
{
    (void)argument;
    nt_start(2);
    misbehave();
    nt_stop();
}

static void live_child(void *argument)
{
    struct sched_options live = { .kind = SCHED_LIVE };
    (void)argument;
    sched_run(&live, live_body, NULL);
}

/* In both schedulers, with the text in the report. */
static void expect(enum misdeed misdeed, void *argument, const char *first, const char *second)
{
    char text[16384];
    if (driver_path == NULL) {
        build();
    }
    chosen = misdeed;
    given = argument;
    for (int live = 0; live < 2; live++) {
        int status = test_child(live ? live_child : nt_run_body, live ? NULL : (void *)misbehave, text, sizeof(text));
        CHECK_EQ(status, RULE_EXIT_STATUS << 8);
        CHECK_CONTAINS(text, first);
        CHECK_CONTAINS(text, second);
    }
}

TEST(write_through_a_null_pointer_is_reported_with_the_place)
{
    expect(NULL_WRITE, NULL, "rule access: write of 0x10 (a NULL pointer) in misbehaves.sys+",
           "null_write (misbehaves.c:39)");
}
TEST(read_of_an_address_that_cannot_be_is_reported)
{
    expect(READ_GIVEN, (void *)0x1234567812345678, "rule access: in misbehaves.sys+", "read_given");
}
TEST(read_of_a_kernel_address_is_reported)
{
    expect(READ_GIVEN, (void *)0xfffff78000000f00, "rule access: read of 0xfffff78000000f00 in", "read_given");
}
TEST(fast_fail_is_reported_by_name)
{
    expect(FAST_FAIL, NULL, "rule fast-fail: the driver failed fast with code 3: corrupt list entry", "fast_fail");
}
TEST(assertion_is_reported)
{
    expect(ASSERTION, NULL, "rule assert:", "assertion (misbehaves.c:58)");
}
TEST(breakpoint_is_reported)
{
    expect(BREAKPOINT, NULL, "rule breakpoint:", "breakpoint");
}
TEST(division_by_zero_is_reported)
{
    static uint32_t zero;
    expect(DIVIDE, &zero, "rule divide:", "divide");
}
TEST(undefined_instruction_is_reported)
{
    expect(UNDEFINED, NULL, "rule instruction: the driver ran into an undefined instruction (0f 0b)", "undefined");
}
TEST(privileged_instruction_is_reported)
{
    expect(HALT, NULL, "rule instruction: the driver used a privileged instruction", "halt");
}
TEST(call_to_nowhere_is_reported)
{
    expect(CALL_GIVEN, (void *)0x10, "rule access: jumped to 0x10 (a NULL pointer)", "call_given");
    expect(CALL_GIVEN, table, "where no code is", "call_given (misbehaves.c:");
}
TEST(stack_overflow_is_reported)
{
    expect(OVERFLOW, NULL, "(the end of the stack)", "deep");
}
TEST(discarded_code_is_reported)
{
    expect(CALL_INIT, NULL, "rule access: jumped to", "discarded after DriverEntry");
}
TEST(write_to_a_constant_is_reported)
{
    expect(WRITE_CONST, NULL, "read-only, or discarded", "write_const");
}

TEST(report_shows_the_driver_stack_through_its_frames)
{
    char text[16384], *third, *second, *stack;
    static uint64_t lock;
    build();
    chosen = STACK;
    given = &lock;
    CHECK_EQ(test_child(nt_run_body, (void *)misbehave, text, sizeof(text)), RULE_EXIT_STATUS << 8);
    CHECK_CONTAINS(text, "rule irql: KeReleaseSpinLock called at IRQL 0");
    third = strstr(text, " third (misbehaves.c:");
    second = strstr(text, " second (misbehaves.c:");
    stack = strstr(text, " stack (misbehaves.c:");
    CHECK(third != NULL && second != NULL && stack != NULL && third < second && second < stack);
}

TEST(every_function_that_is_inlined_into_another_is_named)
{
    static char text[65536];
    char *innermost, *between, *outer;
    build();
    chosen = INLINED;
    given = NULL;
    CHECK_EQ(test_child(nt_run_body, (void *)misbehave, text, sizeof(text)), RULE_EXIT_STATUS << 8);
    CHECK_CONTAINS(text, "rule access: read of 0");
    text[strcspn(text, "\n")] = ' '; /* the first line names the innermost only */
    innermost = strstr(text, " innermost (misbehaves.c:");
    between = strstr(text, "), inlined into between\n");
    outer = strstr(text, "), inlined into inlined\n");
    CHECK(innermost != NULL && between != NULL && outer != NULL && innermost < between && between < outer);
    CHECK_CONTAINS(outer, " inlined (misbehaves.c:");
    CHECK_CONTAINS(outer, "testbed: misbehave\n");
}

static void run_well(enum misdeed deed, void *argument)
{
    build();
    chosen = deed;
    given = argument;
    CHECK_EQ(nt_run(misbehave, NULL), 0);
}

TEST(cr8_reads_and_writes_are_the_irql)
{
    run_well(CR8, NULL);
    CHECK_EQ(answer, 0x020);
}
enum { CR8_ACCESSES = 4 + 2 + 14 * 4 + 1 + 2 };
TEST(cr8_accesses_become_jumps_that_keep_registers_and_flags)
{
    run_well(CR8_THROUGH_EACH, NULL);
    CHECK_EQ(answer, 0);
    CHECK_EQ(cr8_replaced, CR8_ACCESSES);
    CHECK_EQ(cr8_left, 0);
}
TEST(cr8_accesses_of_an_image_at_a_low_address_become_jumps_too)
{
    linker_options = "/base:0x10000000";
    run_well(CR8_THROUGH_EACH, NULL);
    CHECK_EQ(answer, 0);
    CHECK_EQ(cr8_left, 0);
}
TEST(cr8_accesses_without_memory_near_them_stay_and_are_carried_out)
{
    char *image = (char *)0x200000000000ull; /* as image_fixture.c links it */
    const size_t reach = (2ull << 30) + (16u << 20), room = 1u << 20;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE;
    CHECK(mmap(image - reach, reach, PROT_NONE, flags, -1, 0) == image - reach);
    CHECK(mmap(image + room, reach, PROT_NONE, flags, -1, 0) == image + room);
    run_well(CR8_THROUGH_EACH, NULL);
    CHECK_EQ(answer, 0);
    CHECK(cr8_left > 0 && cr8_replaced + cr8_left == CR8_ACCESSES);
    run_well(CR8, NULL);
    CHECK_EQ(answer, 0x020);
}
TEST(report_from_behind_a_cr8_write_shows_the_driver_stack)
{
    expect(CR8_TOO_HIGH, NULL, "rule irql: CR8 written with 0x63", "cr8_too_high (misbehaves.c:");
}

/* --- pageable code: in simulated runs its pages are away, in live ones its functions begin with a breakpoint --- */

TEST(pageable_code_that_runs_at_dispatch_level_is_reported)
{
    static uint64_t at_dispatch[] = { DISPATCH_LEVEL, 5 };
    expect(PAGED_CALLS, at_dispatch, "paged_frame (misbehaves.c:", "pageable section of the image, at DISPATCH_LEVEL");
}
TEST(pageable_code_that_raises_the_irql_is_reported)
{
    static uint64_t raise[2];
    expect(PAGED_RAISES, raise, "rule access: ", "paged_raises (misbehaves.c:");
}
TEST(pageable_code_below_dispatch_level_does_what_it_did)
{
    static uint64_t below[] = { 1, 5 };
    struct sched_options live = { .kind = SCHED_LIVE };
    run_well(PAGED_CALLS, below);
    CHECK_EQ(answer, 5 + 19 + 7 + 6);
    answer = 0;
    CHECK_EQ(sched_run(&live, live_body, NULL), 0);
    CHECK_EQ(answer, 5 + 19 + 7 + 6);
}

static struct nt_dpc scrub_dpc;
static void scrub(void *argument)
{
    (void)argument;
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0; movaps %%xmm0, %%xmm1; movaps %%xmm0, %%xmm6; movaps %%xmm0, %%xmm7; "
                     "movaps %%xmm0, %%xmm8" ::
                         : "xmm0", "xmm1", "xmm6", "xmm7", "xmm8");
}
static MS_ABI void queue_scrub(void)
{
    dpc_init(&scrub_dpc, processor_current(), scrub, NULL);
    dpc_queue(&scrub_dpc);
}
TEST(cr8_write_keeps_floating_point_registers_over_the_dpcs_it_runs)
{
    static uint64_t factors[3] = { 6, 7 };
    factors[2] = (uint64_t)queue_scrub;
    run_well(FLOAT_KEPT, factors);
    CHECK_EQ(answer, 42);
}
TEST(gs_has_processor_and_thread)
{
    static uint64_t seen[4];
    run_well(GS, seen);
    CHECK_EQ(seen[0], 0);
    CHECK_EQ(seen[1], 0);
    CHECK(seen[2] != 0 && seen[2] == seen[3]);
}
TEST(shared_page_has_clocks_and_version)
{
    static uint64_t seen[4];
    run_well(CLOCKS, seen);
    CHECK_EQ(answer, 0);
    CHECK_EQ(seen[0], 600000000 / 156250);
    CHECK(seen[1] >= 600000000 && seen[1] < 600100000);
    CHECK_EQ(seen[2], 10);
    CHECK_EQ(seen[3], seen[0]);
}

/* --- control flow guard --- */

static MS_ABI void harmless(void)
{
}

TEST(guarded_call_of_a_function_passes)
{
    compiler_options = "-Xclang -cfguard -DGUARDED";
    run_well(CALL_GIVEN, (void *)harmless);
    CHECK_EQ(answer, 1);
}
TEST(guarded_call_into_the_middle_of_a_function_is_reported)
{
    compiler_options = "-Xclang -cfguard -DGUARDED";
    expect(CALL_GIVEN, NULL, "which is not in the image's table", "call_given (misbehaves.c:");
}
TEST(guarded_call_of_data_is_reported)
{
    compiler_options = "-Xclang -cfguard -DGUARDED";
    expect(CALL_GIVEN, table, "rule cfg: indirect call to", "call_given");
}
