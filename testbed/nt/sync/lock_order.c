/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The orders seen so far, as a graph: an arrow from each held lock to the one taken then, with the driver's frames at
 * that moment. The table is read without a lock, since nearly always the arrow is there already; new ones are rare.
 */
#include "nt/sync/lock_order.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "image/image.h"
#include "nt/check/report.h"
#include "nt/check/rule.h"

enum { ARROWS = 4096, PROBES = 64, FRAMES = 8, MAX_CIRCLE = 8 };

struct arrow {
    const void *held, *taken; /* NULL: free; `held` is written last */
    void *frames[FRAMES];
    size_t frame_count;
};

static struct arrow arrows[ARROWS];
static uint32_t used;                           /* atomic: how many there are */
static uintptr_t lowest = UINTPTR_MAX, highest; /* where the locks of the table are */
static struct sched_lock lock;

static size_t hash(const void *held, const void *taken)
{
    uint64_t value = (uintptr_t)held * 0x9e3779b97f4a7c15u ^ (uintptr_t)taken * 0xc2b2ae3d27d4eb4fu;
    return (size_t)(value >> 40) % ARROWS;
}

static struct arrow *find(const void *held, const void *taken)
{
    const size_t start = hash(held, taken);
    for (size_t i = 0; i < PROBES; i++) {
        struct arrow *arrow = &arrows[(start + i) % ARROWS];
        if (__atomic_load_n(&arrow->held, __ATOMIC_ACQUIRE) == held && arrow->taken == taken) {
            return arrow;
        }
    }
    return NULL;
}

/* An arrow back from `from` to `to`, over others where it must be; the first of the way. */
static const struct arrow *way(const void *from, const void *to, int depth)
{
    const struct arrow *direct = find(from, to);
    if (direct != NULL || depth == 0) {
        return direct;
    }
    for (size_t i = 0; i < ARROWS; i++) {
        if (arrows[i].held == from && way(arrows[i].taken, to, depth - 1) != NULL) {
            return &arrows[i];
        }
    }
    return NULL;
}

static void print_frames(const struct arrow *arrow)
{
    for (size_t i = 0; i < arrow->frame_count; i++) {
        fputs("    ", stderr);
        report_place(stderr, (const char *)arrow->frames[i] - 1);
    }
}

static void report(const struct held_lock *held, const struct arrow *back, const void *from)
{
    char first[IMAGE_LINE_BYTES], second[IMAGE_LINE_BYTES];
    image_describe((const char *)held->from - 1, first, sizeof(first));
    image_describe((const char *)from - 1, second, sizeof(second));
    fputs("the other order was seen in\n", stderr);
    print_frames(back);
    rule_break("lock-order",
               "a lock is taken in %s while one is held that was taken in %s; elsewhere the two are taken "
               "in the other order, and both at once never end",
               second, first);
}

static void learn(const struct held_lock *held, const void *taken)
{
    const size_t start = hash(held->lock, taken);
    sched_lock(&lock);
    for (size_t i = 0; i < PROBES; i++) {
        struct arrow *arrow = &arrows[(start + i) % ARROWS];
        if (arrow->held == NULL) {
            const uintptr_t a = (uintptr_t)held->lock, b = (uintptr_t)taken;
            arrow->taken = taken;
            arrow->frame_count = image_backtrace(arrow->frames, FRAMES);
            lowest = a < lowest ? a : lowest;
            lowest = b < lowest ? b : lowest;
            highest = a > highest ? a : highest;
            highest = b > highest ? b : highest;
            __atomic_store_n(&arrow->held, held->lock, __ATOMIC_RELEASE);
            __atomic_add_fetch(&used, 1, __ATOMIC_RELEASE);
            break;
        }
    }
    sched_unlock(&lock);
}

void lock_order_check(const struct task *task, const void *taken, const void *from)
{
    for (uint32_t i = 0; i < task->locks_held && i < TASK_MAX_LOCKS; i++) {
        const struct held_lock *held = &task->held[i];
        if (held->lock == taken || find(held->lock, taken) != NULL) {
            continue;
        }
        const struct arrow *back = way(taken, held->lock, MAX_CIRCLE);
        if (back != NULL) {
            report(held, back, from);
        }
        learn(held, taken);
    }
}

void lock_order_forget(const void *memory, size_t bytes)
{
    const uintptr_t start = (uintptr_t)memory;
    if (__atomic_load_n(&used, __ATOMIC_ACQUIRE) == 0 || start > highest || start + bytes <= lowest) {
        return;
    }
    sched_lock(&lock);
    for (size_t i = 0; i < ARROWS; i++) {
        struct arrow *arrow = &arrows[i];
        if (arrow->held != NULL &&
            ((uintptr_t)arrow->held - start < bytes || (uintptr_t)arrow->taken - start < bytes)) {
            __atomic_store_n(&arrow->held, NULL, __ATOMIC_RELEASE);
            __atomic_sub_fetch(&used, 1, __ATOMIC_RELEASE);
        }
    }
    sched_unlock(&lock);
}

void lock_order_stop(void)
{
    memset(arrows, 0, sizeof(arrows));
    used = 0;
    lowest = UINTPTR_MAX;
    highest = 0;
}
