/* SPDX-License-Identifier: BSD-2-Clause */
/* For test_image_rules: functions in the order of its `enum misdeed`; each is called with a pointer that most ignore.
 */

typedef unsigned long long u64;
typedef unsigned char u8;
typedef unsigned u32;
__declspec(dllimport) void KeReleaseSpinLock(u64 *, u8);
__declspec(dllimport) u8 KeGetCurrentIrql(void);
__declspec(dllimport) u8 KeRaiseIrqlToDpcLevel(void);
extern int _fltused;
int _fltused;
#ifdef GUARDED
static void guard_nothing(void)
{
}

__declspec(allocate(".00cfg")) void *__guard_dispatch_icall_fptr = guard_nothing;
__declspec(allocate(".00cfg")) void *__guard_check_icall_fptr = guard_nothing;
extern u8 __guard_fids_table[], __guard_fids_count[], __guard_flags[];
const struct {
    u32 size;
    u8 pad[108];
    void *check, *dispatch;
    u8 *table, *count, *flags;
    u8 rest[168];
} _load_config_used = { 320,
                        { 0 },
                        &__guard_check_icall_fptr,
                        &__guard_dispatch_icall_fptr,
                        __guard_fids_table,
                        __guard_fids_count,
                        __guard_flags,
                        { 0 } };
#endif
static u64 null_write(u64 *p)
{
    (void)p;
    *(volatile u64 *)16 = 1;
    return 0;
}

static u64 read_given(u64 *p)
{
    return *(volatile u64 *)p;
}

static u64 fast_fail(u64 *p)
{
    (void)p;
    __asm__ volatile("movl $3, %ecx; int $0x29");
    return 0;
}

static u64 assertion(u64 *p)
{
    (void)p;
    __asm__ volatile("int $0x2c");
    return 0;
}

static u64 breakpoint(u64 *p)
{
    (void)p;
    __asm__ volatile("int3");
    return 0;
}

static u64 divide(u64 *p)
{
    return 5 / (u64)(*(volatile u32 *)p);
}

static u64 undefined(u64 *p)
{
    (void)p;
    __asm__ volatile("ud2");
    return 0;
}

static u64 halt(u64 *p)
{
    (void)p;
    __asm__ volatile("hlt");
    return 0;
}

static u64 call_given(u64 *p)
{
    ((void (*)(void))p)();
    return 1;
}

__attribute__((noinline)) static u64 deep(u64 depth)
{
    volatile u8 room[1000];
    room[depth % 1000] = 1;
    return deep(depth + 1) + room[depth % 999];
}

static u64 overflow(u64 *p)
{
    (void)p;
    return deep(0);
}

__attribute__((noinline)) static u64 third(u64 *p)
{
    volatile u64 one = 1;
    KeReleaseSpinLock(p, 0);
    return one;
}

__attribute__((noinline)) static u64 second(u64 *p)
{
    volatile u8 room[300];
    room[5] = (u8)third(p);
    return room[5];
}

static u64 stack(u64 *p)
{
    return second(p) + 1;
}

static u64 call_init(u64 *p);
__declspec(code_seg("INIT")) __attribute__((noinline)) u64 init(void)
{
    volatile u64 answer = 99;
    return answer;
}

static u64 call_init(u64 *p)
{
    (void)p;
    return init();
}

static u64 write_const(u64 *p)
{
    (void)p;
    static const u64 fixed[2] = { 1, 2 };
    *(volatile u64 *)&fixed[1] = 3;
    return fixed[1];
}

static u64 cr8(u64 *p)
{
    u64 old, inside, after;
    (void)p;
    __asm__ volatile("mov %%cr8, %0" : "=r"(old));
    __asm__ volatile("mov %0, %%cr8" ::"r"(2ull));
    inside = KeGetCurrentIrql();
    __asm__ volatile(
        "mov $7, %%r12d; mov %1, %%r9; mov %%r9, %%cr8; cmp $7, %%r12d; jne 1f; mov %%cr8, %%r14; mov %%r14, %0; 1:"
        : "=r"(after)
        : "r"(old)
        : "r9", "r12", "r14");
    return old * 256 + inside * 16 + after;
}

/* Every register but the stack's, and the flags. Bit n of the answer: register n had another value than the IRQL. */
#define THROUGH(number, name)                                                                                          \
    __asm__ volatile("mov $-1, %%" name "; stc; mov %%cr8, %%" name "; setnc %b0; cmp $0, %%" name "; setne %b1"       \
                     : "=m"(carry), "=m"(other)::name, "cc");                                                          \
    wrong |= (u64)(carry | other) << number;                                                                           \
    __asm__ volatile("mov $2, %%" name "; stc; mov %%" name ", %%cr8; setnc %b0; mov %%cr8, %%" name                   \
                     "; cmp $2, %%" name "; setne %b1; mov $0, %%" name "; mov %%" name ", %%cr8"                      \
                     : "=m"(carry), "=m"(other)::name, "cc");                                                          \
    wrong |= (u64)(carry | other) << number

static u64 cr8_through_each(u64 *p)
{
    volatile u8 carry, other;
    u64 wrong = 0;
    (void)p;
    THROUGH(0, "rax");
    THROUGH(1, "rcx");
    THROUGH(2, "rdx");
    THROUGH(3, "rbx");
    THROUGH(6, "rsi");
    THROUGH(7, "rdi");
    THROUGH(8, "r8");
    THROUGH(9, "r9");
    THROUGH(10, "r10");
    THROUGH(11, "r11");
    THROUGH(12, "r12");
    THROUGH(13, "r13");
    THROUGH(14, "r14");
    THROUGH(15, "r15");
    return wrong;
}

static u64 cr8_too_high(u64 *p)
{
    __asm__ volatile("mov %0, %%cr8" ::"r"(0x63ull));
    return (u64)p;
}

static u64 gs(u64 *p)
{
    u32 number;
    u8 legacy;
    u64 thread, self, via;
    __asm__ volatile("movl %%gs:0x1a4, %0" : "=r"(number));
    __asm__ volatile("movb %%gs:0x184, %0" : "=r"(legacy));
    __asm__ volatile("movq %%gs:0x188, %0" : "=r"(thread));
    __asm__ volatile("movq %%gs:0x18, %0" : "=r"(self));
    via = *(u64 *)(self + 0x188);
    p[0] = number;
    p[1] = legacy;
    p[2] = thread;
    p[3] = via;
    return 0;
}

static u64 clocks(u64 *p)
{
    u64 *shared = (u64 *)0xfffff78000000000ull;
    p[0] = *(volatile u64 *)((u8 *)shared + 0x320);
    p[1] = *(volatile u64 *)((u8 *)shared + 8);
    p[2] = *(volatile u32 *)((u8 *)shared + 0x26c);
    __asm__ volatile("movabsq 0xfffff78000000320, %%rax" : "=a"(p[3]));
    return *(volatile u8 *)((u8 *)shared + 0x2d4);
}

static u64 float_kept(u64 *p)
{
    double a = (double)p[0], b = (double)p[1];
    __asm__ volatile("mov %0, %%cr8" ::"r"(2ull));
    ((void (*)(void))p[2])();
    __asm__ volatile("mov %0, %%cr8" ::"r"(0ull));
    return (u64)(a * b);
}

static inline __attribute__((always_inline)) u64 innermost(u64 *p)
{
    return *(volatile u64 *)p;
}

static inline __attribute__((always_inline)) u64 between(u64 *p)
{
    return innermost(p) + 1;
}

static u64 inlined(u64 *p)
{
    return between(p) * 3;
}

/* Pageable functions, each with another instruction at its beginning. */
#define PAGED __attribute__((section("PAGE"), noinline))
static volatile u64 nineteen = 19;

PAGED static u64 paged_plain(u64 *p)
{
    return p[1] + 1;
}

u64 paged_relative(void);
__asm__(".section PAGE,\"xr\"\n"
        "paged_relative:\n"
        "    movq paged_seven(%rip), %rax\n"
        "    ret\n"
        "paged_seven:\n"
        "    .quad 7\n"
        ".text\n");

PAGED static u64 paged_frame(u64 *p)
{
    volatile u64 many[40];
    for (int i = 0; i < 40; i++)
        many[i] = p[1] + nineteen;
    return many[p[1] & 15];
}

/* p[0]: the IRQL to call them at. */
static u64 paged_calls(u64 *p)
{
    u64 sum;
    __asm__ volatile("mov %0, %%cr8" ::"r"(p[0]));
    sum = paged_frame(p) + paged_relative() + paged_plain(p);
    __asm__ volatile("mov %0, %%cr8" ::"r"(0ull));
    return sum;
}

PAGED static u64 paged_raises(u64 *p)
{
    KeRaiseIrqlToDpcLevel();
    return p[1];
}

int DriverEntry(void **t, void *p)
{
    (void)p;
    void *all[] = { null_write,       read_given,   fast_fail,   assertion,   breakpoint, divide,
                    undefined,        halt,         call_given,  overflow,    stack,      call_init,
                    write_const,      cr8,          gs,          clocks,      float_kept, inlined,
                    cr8_through_each, cr8_too_high, paged_calls, paged_raises };
    for (int i = 0; i < 22; i++)
        t[i] = all[i];
    return 0;
}
