/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single steps (story_step.h). The trap flag is set by popf; the kernel clears it for the handler and sigreturn sets it
 * again, so the handler sees the address of each instruction before it runs. A string instruction with a repeat prefix
 * stops once per element: the same address twice in a row counts once.
 */
#include "story_step.h"

#include "step_lines.h"
#include "step_path.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

#include "image/image.h"
#include "nt/check/registers.h"
#include "nt/check/watchdog.h"
#include "nt/export/export.h"
#include "nt/export/export_bound.h"
#include "nt/nt.h"
#include "xenvif/state.h"

#ifdef __x86_64__
#define SET_TRAP   "pushfq; orq $0x100, (%%rsp); popfq"
#define CLEAR_TRAP "pushfq; andq $~0x100, (%%rsp); popfq"
#else
#define SET_TRAP   "pushfl; orl $0x100, (%%esp); popfl"
#define CLEAR_TRAP "pushfl; andl $~0x100, (%%esp); popfl"
#endif

enum { MAX_IMAGE = 1 << 20, MAX_NAMES = 128, SLOWED = 1000 /* by a signal at each instruction */ };

static struct {
    const char *name;
    uint64_t calls;
} names[MAX_NAMES];
static uint32_t counts[MAX_IMAGE];
static uint64_t instructions, locked, provider_calls;
static uintptr_t base, end, last;
static struct sigaction before;

/* A trampoline starts with mov $bound, %r10, on x86 with mov $bound, %eax. */
static void count_call(uint64_t trampoline)
{
    struct bound *bound;
    uint32_t i = 0;

    memcpy(&bound, (const uint8_t *)(uintptr_t)trampoline + (sizeof(bound) == 8 ? 2 : 1), sizeof(bound));
    while (i < MAX_NAMES && names[i].name != NULL && strcmp(names[i].name, bound->name) != 0) {
        i++;
    }
    if (i == MAX_NAMES) {
        abort();
    }
    names[i].name = bound->name;
    names[i].calls++;
}

/* A locked instruction: the prefix, or an exchange with memory, which needs none. */
static bool is_locked(const uint8_t *code)
{
    while (*code == 0x66 || *code == 0x67 || *code == 0xf2 || *code == 0xf3) {
        code++;
    }
    if (*code == 0xf0) {
        return true;
    }
    if (sizeof(void *) == 8 && (*code & 0xf0) == 0x40) { /* REX */
        code++;
    }
    return (code[0] == 0x86 || code[0] == 0x87) && code[1] >> 6 != 3;
}

static bool is_return(const uint8_t *code)
{
    return *code == 0xc3 || (sizeof(void *) == 4 && *code == 0xc2);
}

static void stepped(int number, siginfo_t *info, void *argument)
{
    const ucontext_t *context = argument;
    const uintptr_t rip = (uintptr_t)context->uc_mcontext.gregs[REGISTER_CODE];

    (void)number, (void)info;
    if (rip == last) {
        return;
    }
    if (rip >= base && rip < end) {
        instructions++;
        counts[rip - base]++;
        locked += is_locked((const uint8_t *)rip);
#ifdef __x86_64__
        step_lines_step((const uint8_t *)rip, context->uc_mcontext.gregs, processor_current());
#endif
        step_path_step((uint64_t)context->uc_mcontext.gregs[REGISTER_STACK], (uint32_t)(rip - base),
                       (const uint8_t *)rip, last < base || last >= end);
    } else if (last >= base && last < end && export_is_trampoline((const void *)rip)) {
        count_call(rip);
    } else if (last >= base && last < end &&
               !is_return((const uint8_t *)last)) { /* no return from one of its callbacks */
        provider_calls++;
    }
    last = rip;
}

void step_start(struct story *story)
{
    const struct sigaction action = { .sa_sigaction = stepped, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    const void *inside = (const void *)STORY_STAND_IN(story)->subscriber.callback;
    struct image *image = image_find(inside);

    CHECK(sched_kind() == SCHED_SIMULATED && image != NULL);
    base = (uintptr_t)inside - image_offset(image, inside);
    end = base;
    while (end - base < MAX_IMAGE && image_contains(image, (const void *)end)) {
        end += 4096;
    }
    instructions = locked = provider_calls = 0;
    last = 0;
    memset(counts, 0, sizeof(counts));
    memset(names, 0, sizeof(names));
    step_path_start();
#ifdef __x86_64__
    step_lines_start();
#endif
    CHECK_EQ(sigaction(SIGTRAP, &action, &before), 0);
    watchdog_slowed(SLOWED);
    __asm__ volatile(SET_TRAP ::: "cc", "memory");
}

void step_stop(void)
{
    __asm__ volatile(CLEAR_TRAP ::: "cc", "memory");
    CHECK_EQ(sigaction(SIGTRAP, &before, NULL), 0);
}

uint64_t step_instructions(void)
{
    return instructions;
}

uint64_t step_locked(void)
{
    return locked;
}

uint64_t step_calls(const char *name)
{
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < MAX_NAMES && names[i].name != NULL; i++) {
        sum += strncmp(names[i].name, name, strlen(name)) == 0 ? names[i].calls : 0;
    }
    return sum;
}

uint64_t step_calls_all(void)
{
    return step_calls("");
}

#ifdef __x86_64__
void step_write(const char *title)
{
    const char *path = getenv("XENNET_STEPS");
    FILE *file;
    uint32_t i;

    step_path_write(title);
    if (path == NULL) {
        return;
    }
    file = fopen(path, "a");
    CHECK(file != NULL);
    fprintf(file, "# %s\n", title);
    fprintf(file, "! %" PRIu64 " locked instructions\n! %" PRIu64 " calls of XenVif\n", locked, provider_calls);
    fprintf(file, "! %" PRIu64 " cache lines written\n", step_lines_written());
    for (i = 0; i < MAX_NAMES && names[i].name != NULL; i++) {
        fprintf(file, "! %" PRIu64 " %s\n", names[i].calls, names[i].name);
    }
    for (i = 0; i < MAX_IMAGE; i++) {
        if (counts[i] != 0) {
            fprintf(file, "%#x %u\n", i, counts[i]);
        }
    }
    CHECK_EQ(fclose(file), 0);
}
#endif
