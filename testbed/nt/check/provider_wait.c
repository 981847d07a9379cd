/* SPDX-License-Identifier: BSD-2-Clause */
/* Each processor writes its own, at DISPATCH_LEVEL. */
#include "nt/check/provider_wait.h"
#include "nt/processor/irql.h"
#include "run/sched.h"

static struct provider_waits waits[MAX_PROCESSORS];

void provider_wait(uint64_t since)
{
    struct provider_waits *mine = &waits[processor_current()];
    struct task *task = task_self();

    __atomic_store_n(&task->driver_calls, task->driver_calls + 1, __ATOMIC_RELAXED); /* the call goes on */
    if (irql_current() >= DISPATCH_LEVEL) {
        mine->count++;
        mine->nanoseconds += sched_now() - since;
    }
}

struct provider_waits provider_waits_here(void)
{
    return waits[processor_current()];
}
