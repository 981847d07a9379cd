/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver's DPC objects (KDPC), for dpc_exports.c and timer.c. DpcData is the queue a KDPC is in, or NULL. */
#ifndef TESTBED_NT_PROCESSOR_DPC_H
#define TESTBED_NT_PROCESSOR_DPC_H

#include "nt/nt.h"

#define KDPC_TYPE              19 /* KOBJECTS DpcObject */
#define KDPC_MEDIUM_IMPORTANCE 1
#define KDPC_HIGH_IMPORTANCE   2

bool kdpc_queue(struct KDPC *dpc, void *first, void *second); /* false: was queued already */
bool kdpc_remove(struct KDPC *dpc);                           /* false: was not queued */
void dpc_flush_all(void);                                     /* PASSIVE: everything queued before has run */
/* A DPC that lies in these bytes is queued: the memory must not be freed. */
bool dpc_queued_within(const void *address, size_t bytes);
void dpc_exports(void);

#endif
