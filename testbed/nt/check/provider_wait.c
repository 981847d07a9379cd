/* SPDX-License-Identifier: BSD-2-Clause */
/* Each task writes its own. */
#include "nt/check/provider_wait.h"
#include "nt/processor/irql.h"
#include "run/sched.h"

void provider_wait(uint64_t since)
{
    struct task *task = task_self();

    __atomic_store_n(&task->driver_calls, task->driver_calls + 1, __ATOMIC_RELAXED); /* the call goes on */
    if (irql_current() >= DISPATCH_LEVEL) {
        task->provider_waits++;
        task->provider_waited += sched_now() - since;
    }
}

struct provider_waits provider_waits_mine(void)
{
    const struct task *task = task_self();

    return (struct provider_waits){ .count = task->provider_waits, .nanoseconds = task->provider_waited };
}
