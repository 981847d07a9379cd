/* SPDX-License-Identifier: BSD-2-Clause */
/* See capture.h. One task for each other processor holds it, as XenBus' DPC does; the caller holds its own. */
#include "xenbus/capture.h"

#include <limits.h>
#include <stdlib.h>

#include "nt/nt.h"

struct capture {
    uint32_t held, over, count; /* held, over: atomic, slept on */
    uint8_t irql;
    struct task *tasks[];
};

static void hold(void *argument)
{
    struct capture *capture = argument;
    uint8_t irql = irql_raise(DISPATCH_LEVEL);

    __atomic_add_fetch(&capture->held, 1, __ATOMIC_SEQ_CST);
    sched_wake(&capture->held, 1);
    while (__atomic_load_n(&capture->over, __ATOMIC_SEQ_CST) == 0) {
        (void)sched_wait(&capture->over, 0, SCHED_FOREVER);
    }
    irql_lower(irql);
}

struct capture *capture_begin(void)
{
    const uint32_t processors = processor_count(), own = processor_current();
    struct capture *capture = calloc(1, sizeof(*capture) + processors * sizeof(struct task *));
    uint32_t held;

    if (capture == NULL) {
        abort();
    }
    for (uint32_t processor = 0; processor < processors; processor++) {
        if (processor != own) {
            capture->tasks[capture->count++] = task_spawn("captured processor", processor, hold, capture);
        }
    }
    while ((held = __atomic_load_n(&capture->held, __ATOMIC_SEQ_CST)) != capture->count) {
        (void)sched_wait(&capture->held, held, SCHED_FOREVER);
    }
    capture->irql = irql_raise(DISPATCH_LEVEL);
    return capture;
}

void capture_end(struct capture *capture)
{
    __atomic_store_n(&capture->over, 1, __ATOMIC_SEQ_CST);
    sched_wake(&capture->over, UINT_MAX);
    irql_lower(capture->irql);
    for (uint32_t i = 0; i < capture->count; i++) {
        task_join(capture->tasks[i]);
    }
    free(capture);
}
