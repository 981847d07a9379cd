/* SPDX-License-Identifier: BSD-2-Clause */
/* What a status event has beside the sums: packets of each queue, and the time that each simulated processor's tasks
 * have used. */
#include "program/report_series.h"

#include <inttypes.h>

#include "run/sched.h"

static void put_values(FILE *out, const char *name, const uint64_t *values, uint32_t count)
{
    fprintf(out, ",\"%s\":[", name);
    for (uint32_t i = 0; i < count; i++) {
        fprintf(out, "%s%" PRIu64, i == 0 ? "" : ",", values[i]);
    }
    fputc(']', out);
}

static void add_used(struct task *task, void *context)
{
    uint64_t *used_us = context;

    used_us[task->processor % PROCESSORS_LIMIT] += sched_used(task) / 1000;
}

void report_series(FILE *out, const struct options *options, struct bed *bed)
{
    uint64_t used_us[PROCESSORS_LIMIT] = { 0 };

    if (bed != NULL && bed->vif != NULL) {
        uint64_t tx[MAX_QUEUES] = { 0 }, rx[MAX_QUEUES] = { 0 };

        vif_queue_packets(bed->vif, tx, rx, options->queues);
        put_values(out, "queue_tx", tx, options->queues);
        put_values(out, "queue_rx", rx, options->queues);
    }
    sched_each_task(add_used, used_us);
    put_values(out, "processor_us", used_us, options->processors);
}
