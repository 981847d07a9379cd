/* SPDX-License-Identifier: BSD-2-Clause */
#include "program/placement.h"

#include "program/report.h"
#include "run/sched.h"

#define EVERY_NS 50000000u

/* Acknowledgements are counted in: there are about as many of them as there are large frames. */
enum { LARGE_BYTES = 4096, FEW_PACKETS = 50 };

static void run(void *argument)
{
    struct placement *placement = argument;
    uint64_t packets, bytes, seen_packets = 0, seen_bytes = 0;
    bool together = false;

    while (__atomic_load_n(&placement->over, __ATOMIC_ACQUIRE) == 0) {
        (void)sched_wait(&placement->over, 0, sched_now() + EVERY_NS);
        report_moved(placement->ports, placement->bed, &packets, &bytes);
        if (packets - seen_packets >= FEW_PACKETS) {
            together = bytes - seen_bytes >= LARGE_BYTES * (packets - seen_packets);
        }
        seen_packets = packets;
        seen_bytes = bytes;
        sched_gather(together);
    }
}

void placement_begin(struct placement *placement)
{
    placement->task = task_spawn("placement", 0, run, placement);
}

void placement_end(struct placement *placement)
{
    __atomic_store_n(&placement->over, 1, __ATOMIC_RELEASE);
    sched_wake(&placement->over, 1);
    task_join(placement->task);
}
