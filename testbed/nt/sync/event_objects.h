/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of the synchronization objects whose layouts the ABI tables do not have (x64, as wdm.h lays them out). */
#ifndef TESTBED_NT_SYNC_EVENT_OBJECTS_H
#define TESTBED_NT_SYNC_EVENT_OBJECTS_H

#include "nt/sync/event.h"

struct semaphore { /* KSEMAPHORE, 32 bytes */
    struct DISPATCHER_HEADER header;
    int32_t limit;
#ifdef __x86_64__
    int32_t padding;
#endif
};

struct mutant { /* KMUTANT, 56 bytes, on x86 32 */
    struct DISPATCHER_HEADER header;
    uintptr_t depth, unused; /* MutantListEntry */
    void *owner;
    uint8_t abandoned, apc_disable;
};

struct fast_mutex { /* FAST_MUTEX, 56 bytes, on x86 32 */
    int32_t count;
    void *owner;
    uint32_t contention;
    struct KEVENT gate;
    uint32_t old_irql;
};

#ifdef __x86_64__
_Static_assert(sizeof(struct semaphore) == 32 && sizeof(struct mutant) == 56 && sizeof(struct fast_mutex) == 56,
               "wdm.h, x64");
#else
_Static_assert(sizeof(struct semaphore) == 20 && sizeof(struct mutant) == 32 && sizeof(struct fast_mutex) == 32,
               "wdm.h, x86");
#endif

bool semaphore_try(struct semaphore *semaphore);
bool semaphore_wait(struct semaphore *semaphore, uint64_t deadline);
bool mutant_try(struct mutant *mutant);
bool mutant_wait(struct mutant *mutant, uint64_t deadline);

#endif
