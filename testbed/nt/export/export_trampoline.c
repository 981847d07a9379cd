/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way from the driver into an export: between the driver's call and the implementation's first instruction, with
 * all argument registers and the stack as the driver left them (an export may take any number of arguments).
 *
 * Live runs: one comparison. Simulated or traced runs, and calls that must end in a report, go through export_enter.
 */
#include <stddef.h>
#include <stdint.h>

#include "nt/export/export.h"
#include "nt/export/export_bound.h"
#include "nt/export/fail.h"
#include "nt/check/report.h"
#include "nt/check/rule.h"
#include "run/sched.h"
#include "run/timeline.h"

#ifdef __x86_64__
/* r10: struct bound. rax, r10, r11 are free at a call in the Windows convention. The slow way keeps rcx, rdx, r8, r9
 * and xmm0 to xmm3; export_enter is ms_abi and so keeps the rest that a Windows caller relies on. */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl export_common\n"
        ".type export_common, @function\n"
        "export_common:\n"
        "    movq sched_current@gottpoff(%rip), %rax\n"
        "    movq %fs:(%rax), %rax\n"
        "    testq %rax, %rax\n"
        "    jz 1f\n"
        "    movzbl 16(%rax), %eax\n" /* struct task: irql */
        "    subb 8(%r10), %al\n"     /* struct bound: lowest */
        "    cmpb 9(%r10), %al\n"     /* struct bound: span */
        "    ja 1f\n"
        "    cmpb $0, sched_hears_calls(%rip)\n"
        "    jne 1f\n"
        "    movq (%r10), %r11\n"
        "    testq %r11, %r11\n"
        "    jz 1f\n"
        "    jmpq *%r11\n"
        "1:  pushq %rbp\n"
        "    movq %rsp, %rbp\n"
        "    subq $0x80, %rsp\n" /* 32 bytes of home space for the callee, then what is kept */
        "    movq %rcx, 0x20(%rsp)\n"
        "    movq %rdx, 0x28(%rsp)\n"
        "    movq %r8, 0x30(%rsp)\n"
        "    movq %r9, 0x38(%rsp)\n"
        "    movups %xmm0, 0x40(%rsp)\n"
        "    movups %xmm1, 0x50(%rsp)\n"
        "    movups %xmm2, 0x60(%rsp)\n"
        "    movups %xmm3, 0x70(%rsp)\n"
        "    movq %r10, %rcx\n"
        "    callq export_enter\n"
        "    movq %rax, %r11\n"
        "    movq 0x20(%rsp), %rcx\n"
        "    movq 0x28(%rsp), %rdx\n"
        "    movq 0x30(%rsp), %r8\n"
        "    movq 0x38(%rsp), %r9\n"
        "    movups 0x40(%rsp), %xmm0\n"
        "    movups 0x50(%rsp), %xmm1\n"
        "    movups 0x60(%rsp), %xmm2\n"
        "    movups 0x70(%rsp), %xmm3\n"
        "    movq %rbp, %rsp\n"
        "    popq %rbp\n"
        "    jmpq *%r11\n"
        ".size export_common, .-export_common\n");
#else
/* eax: struct bound. ecx and edx hold what a fastcall function gets. */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl export_common\n"
        ".type export_common, @function\n"
        "export_common:\n"
        "    pushl %ecx\n"
        "    movl %gs:sched_current@ntpoff, %ecx\n"
        "    testl %ecx, %ecx\n"
        "    jz 1f\n"
        "    movb 12(%ecx), %cl\n" /* struct task: irql */
        "    subb 4(%eax), %cl\n"  /* struct bound: lowest */
        "    cmpb 5(%eax), %cl\n"  /* struct bound: span */
        "    ja 1f\n"
        "    cmpb $0, sched_hears_calls\n"
        "    jne 1f\n"
        "    cmpl $0, (%eax)\n"
        "    jz 1f\n"
        "    movl (%eax), %eax\n"
        "    popl %ecx\n"
        "    jmpl *%eax\n"
        "1:  popl %ecx\n"
        "    pushl %ebp\n"
        "    movl %esp, %ebp\n"
        "    pushl %ecx\n"
        "    pushl %edx\n"
        "    pushl %eax\n"
        "    calll export_enter\n" /* stdcall: it takes its argument away */
        "    popl %edx\n"
        "    popl %ecx\n"
        "    popl %ebp\n"
        "    jmpl *%eax\n"
        ".size export_common, .-export_common\n");
#endif

_Static_assert(offsetof(struct task, irql) == sizeof(void *) + 8, "export_common reads it");
_Static_assert(offsetof(struct bound, function) == 0 && offsetof(struct bound, lowest) == sizeof(void *) &&
                   offsetof(struct bound, span) == sizeof(void *) + 1,
               "export_common reads them");

/* Returns what to call. */
MS_ABI __attribute__((used)) void *export_enter(const struct bound *bound)
{
    const struct task *task = task_self();
    if (bound->function == NULL) {
        rule_break("import", "%s!%s was called, which this Windows does not export or the testbed does not have",
                   bound->image, bound->name);
    }
    if (task == NULL) {
        rule_break("import", "%s was called outside a task", bound->name);
    }
    const unsigned highest = bound->lowest + bound->span;
    if (task->irql < bound->lowest || task->irql > highest) {
        rule_break("irql", "%s called at IRQL %u (%s), allowed is %u (%s) to %u (%s)", bound->name, task->irql,
                   irql_name(task->irql), bound->lowest, irql_name(bound->lowest), highest,
                   irql_name((uint8_t)highest));
    }
    timeline_call(bound->name);
    if (sched_is_simulated) {
        sched_point(bound->name);
    } else if (sched_tracing()) {
        sched_trace("%s", bound->name);
    }
    if (fail_armed) {
        void *instead = fail_enter(bound);

        if (instead != NULL) {
            return instead;
        }
    }
    return bound->function;
}
