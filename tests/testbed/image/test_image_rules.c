/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of a driver: each is told by its rule, with the driver's stack. And what is carried out for it: CR8, GS,
 * shared clocks. */
#include "image_fixture.h"
#include "nt_run.h"

/* Functions in the order of `enum misdeed`; each is called with a pointer that most ignore. */
static const char source[] =
    "typedef unsigned long long u64; typedef unsigned char u8; typedef unsigned u32;\n"
    "__declspec(dllimport) void KeReleaseSpinLock(u64 *, u8);\n"
    "__declspec(dllimport) u8 KeGetCurrentIrql(void);\n"
    "extern int _fltused; int _fltused;\n"
    "#ifdef GUARDED\n"
    "static void guard_nothing(void) { }\n"
    "__declspec(allocate(\".00cfg\")) void *__guard_dispatch_icall_fptr = guard_nothing; "
    "__declspec(allocate(\".00cfg\")) void *__guard_check_icall_fptr = guard_nothing;\n"
    "extern u8 __guard_fids_table[], __guard_fids_count[], __guard_flags[];\n"
    "const struct { u32 size; u8 pad[108]; void *check, *dispatch; u8 *table, *count, *flags; u8 rest[168]; } "
    "_load_config_used = { 320, {0},\n"
    "  &__guard_check_icall_fptr, &__guard_dispatch_icall_fptr, __guard_fids_table, __guard_fids_count, __guard_flags, "
    "{0} };\n"
    "#endif\n"
    "static u64 null_write(u64 *p) { (void)p; *(volatile u64 *)16 = 1; return 0; }\n"
    "static u64 read_given(u64 *p) { return *(volatile u64 *)p; }\n"
    "static u64 fast_fail(u64 *p) { (void)p; __asm__ volatile(\"movl $3, %ecx; int $0x29\"); return 0; }\n"
    "static u64 assertion(u64 *p) { (void)p; __asm__ volatile(\"int $0x2c\"); return 0; }\n"
    "static u64 breakpoint(u64 *p) { (void)p; __asm__ volatile(\"int3\"); return 0; }\n"
    "static u64 divide(u64 *p) { return 5 / (u64)(*(volatile u32 *)p); }\n"
    "static u64 undefined(u64 *p) { (void)p; __asm__ volatile(\"ud2\"); return 0; }\n"
    "static u64 halt(u64 *p) { (void)p; __asm__ volatile(\"hlt\"); return 0; }\n"
    "static u64 call_given(u64 *p) { ((void (*)(void))p)(); return 1; }\n"
    "__attribute__((noinline)) static u64 deep(u64 depth) { volatile u8 room[1000]; room[depth % 1000] = 1; return "
    "deep(depth + 1) + room[depth % 999]; }\n"
    "static u64 overflow(u64 *p) { (void)p; return deep(0); }\n"
    "__attribute__((noinline)) static u64 third(u64 *p) { volatile u64 one = 1; KeReleaseSpinLock(p, 0); return one; "
    "}\n"
    "__attribute__((noinline)) static u64 second(u64 *p) { volatile u8 room[300]; room[5] = (u8)third(p); return "
    "room[5]; }\n"
    "static u64 stack(u64 *p) { return second(p) + 1; }\n"
    "static u64 call_init(u64 *p);\n"
    "__declspec(code_seg(\"INIT\")) __attribute__((noinline)) u64 init(void) { volatile u64 answer = 99; return "
    "answer; }\n"
    "static u64 call_init(u64 *p) { (void)p; return init(); }\n"
    "static u64 write_const(u64 *p) { (void)p; static const u64 fixed[2] = { 1, 2 }; *(volatile u64 *)&fixed[1] = 3; "
    "return fixed[1]; }\n"
    "static u64 cr8(u64 *p) { u64 old, inside, after; (void)p; __asm__ volatile(\"mov %%cr8, %0\" : \"=r\"(old));\n"
    "  __asm__ volatile(\"mov %0, %%cr8\" :: \"r\"(2ull)); inside = KeGetCurrentIrql();\n"
    "  __asm__ volatile(\"mov $7, %%r12d; mov %1, %%r9; mov %%r9, %%cr8; cmp $7, %%r12d; jne 1f; mov %%cr8, %%r14; mov "
    "%%r14, %0; 1:\" : \"=r\"(after) : \"r\"(old) : \"r9\", \"r12\", \"r14\");\n"
    "  return old * 256 + inside * 16 + after; }\n"
    "static u64 gs(u64 *p) { u32 number; u8 legacy; u64 thread, self, via; __asm__ volatile(\"movl %%gs:0x1a4, %0\" : "
    "\"=r\"(number));\n"
    "  __asm__ volatile(\"movb %%gs:0x184, %0\" : \"=r\"(legacy)); __asm__ volatile(\"movq %%gs:0x188, %0\" : "
    "\"=r\"(thread));\n"
    "  __asm__ volatile(\"movq %%gs:0x18, %0\" : \"=r\"(self)); via = *(u64 *)(self + 0x188); p[0] = number; p[1] = "
    "legacy; p[2] = thread; p[3] = via; return 0; }\n"
    "static u64 clocks(u64 *p) { u64 *shared = (u64 *)0xfffff78000000000ull; p[0] = *(volatile u64 *)((u8 *)shared + "
    "0x320); p[1] = *(volatile u64 *)((u8 *)shared + 8);\n"
    "  p[2] = *(volatile u32 *)((u8 *)shared + 0x26c); __asm__ volatile(\"movabsq 0xfffff78000000320, %%rax\" : "
    "\"=a\"(p[3])); return *(volatile u8 *)((u8 *)shared + 0x2d4); }\n"
    "static u64 float_kept(u64 *p) { double a = (double)p[0], b = (double)p[1]; __asm__ volatile(\"mov %0, %%cr8\" :: "
    "\"r\"(2ull)); ((void (*)(void))p[2])(); __asm__ volatile(\"mov %0, %%cr8\" :: \"r\"(0ull)); return (u64)(a * b); "
    "}\n"
    "int DriverEntry(void **t, void *p) { (void)p; void *all[] = { null_write, read_given, fast_fail, assertion, "
    "breakpoint, divide, undefined, halt, call_given, overflow, stack, call_init, write_const, cr8, gs, clocks, "
    "float_kept };\n"
    "  for (int i = 0; i < 17; i++) t[i] = all[i]; return 0; }\n";

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
    MISDEEDS
};

static const char *driver_path;
static const char *compiler_options = "";
static enum misdeed chosen;
static void *given;
static uint64_t answer;
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
    if (chosen == CALL_GIVEN && given == NULL) {
        given = (char *)table[STACK] + 1; /* the middle of a function */
    }
    answer = DRIVER_CALL("MisbehaveTest", ((MS_ABI uint64_t(*)(void *))table[chosen])(given));
    image_unload(image);
}

static void build(void)
{
    static const char imports[] = "KeReleaseSpinLock\nKeGetCurrentIrql";
    driver_path = fixture_driver("misbehaves", source, imports, compiler_options,
                                 compiler_options[0] ? "/guard:cf /section:INIT,ERD" : "/section:INIT,ERD");
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

TEST(write_through_a_null_pointer_is_told_with_the_place)
{
    expect(NULL_WRITE, NULL, "rule access: write of 0x10 (a NULL pointer) in misbehaves.sys+",
           "null_write (misbehaves.c:12)");
}
TEST(read_of_an_address_that_cannot_be_is_told)
{
    expect(READ_GIVEN, (void *)0x1234567812345678, "rule access: in misbehaves.sys+", "read_given");
}
TEST(read_of_a_kernel_address_is_told)
{
    expect(READ_GIVEN, (void *)0xfffff78000000f00, "rule access: read of 0xfffff78000000f00 in", "read_given");
}
TEST(fast_fail_is_told_by_name)
{
    expect(FAST_FAIL, NULL, "rule fast-fail: the driver failed fast with code 3: corrupt list entry", "fast_fail");
}
TEST(assertion_is_told)
{
    expect(ASSERTION, NULL, "rule assert:", "assertion (misbehaves.c:15)");
}
TEST(breakpoint_is_told)
{
    expect(BREAKPOINT, NULL, "rule breakpoint:", "breakpoint");
}
TEST(division_by_zero_is_told)
{
    static uint32_t zero;
    expect(DIVIDE, &zero, "rule divide:", "divide");
}
TEST(undefined_instruction_is_told)
{
    expect(UNDEFINED, NULL, "rule instruction: the driver ran into an undefined instruction (0f 0b)", "undefined");
}
TEST(privileged_instruction_is_told)
{
    expect(HALT, NULL, "rule instruction: the driver used a privileged instruction", "halt");
}
TEST(call_to_nowhere_is_told)
{
    expect(CALL_GIVEN, (void *)0x10, "rule access: jumped to 0x10 (a NULL pointer)", "call_given");
}
TEST(stack_overflow_is_told)
{
    expect(OVERFLOW, NULL, "(the end of the stack)", "deep");
}
TEST(discarded_code_is_told)
{
    expect(CALL_INIT, NULL, "rule access: jumped to", "discarded after DriverEntry");
}
TEST(write_to_a_constant_is_told)
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
TEST(gs_tells_processor_and_thread)
{
    static uint64_t seen[4];
    run_well(GS, seen);
    CHECK_EQ(seen[0], 0);
    CHECK_EQ(seen[1], 0);
    CHECK(seen[2] != 0 && seen[2] == seen[3]);
}
TEST(shared_page_tells_clocks_and_version)
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
TEST(guarded_call_into_the_middle_of_a_function_is_told)
{
    compiler_options = "-Xclang -cfguard -DGUARDED";
    expect(CALL_GIVEN, NULL, "which is not in the image's table", "call_given (misbehaves.c:");
}
TEST(guarded_call_of_data_is_told)
{
    compiler_options = "-Xclang -cfguard -DGUARDED";
    expect(CALL_GIVEN, table, "rule cfg: indirect call to", "call_given");
}
