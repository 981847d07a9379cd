/* SPDX-License-Identifier: BSD-2-Clause */
/* DPC functions under their NT names. KDPC.Number is 0 for "the processor that queues", else the target's index plus
 * one. */
#include <string.h>

#include "nt/export/register.h"
#include "nt/nt.h"
#include "nt/processor/dpc.h"
#include "nt/processor/topology.h"

static MS_ABI void nt_KeInitializeDpc(struct KDPC *dpc, void *routine, void *context)
{
    RULE(!dpc_queued_within(dpc, sizeof(*dpc)), "dpc", "KDPC initialized while it is queued");
    *dpc = (struct KDPC){ 0 };
    dpc->Type = KDPC_TYPE;
    dpc->Importance = KDPC_MEDIUM_IMPORTANCE;
    dpc->DeferredRoutine = routine;
    dpc->DeferredContext = context;
}

static MS_ABI uint8_t nt_KeInsertQueueDpc(struct KDPC *dpc, void *first, void *second)
{
    return kdpc_queue(dpc, first, second);
}

static MS_ABI uint8_t nt_KeRemoveQueueDpc(struct KDPC *dpc)
{
    return kdpc_remove(dpc);
}

static MS_ABI void nt_KeFlushQueuedDpcs(void)
{
    dpc_flush_all();
}

static MS_ABI void nt_KeSetImportanceDpc(struct KDPC *dpc, uint32_t importance)
{
    dpc->Importance = (uint8_t)importance;
}

static MS_ABI void nt_KeSetTargetProcessorDpc(struct KDPC *dpc, int8_t number)
{
    struct PROCESSOR_NUMBER target = { 0 }; /* group 0, as for all functions that know no groups */
    target.Number = (uint8_t)number;
    uint32_t index = processor_index(&target);
    RULE(index != NO_PROCESSOR, "processor", "KeSetTargetProcessorDpc to processor %d, which is not in group 0",
         number);
    dpc->Number = (uint16_t)(index + 1);
}

static MS_ABI int32_t nt_KeSetTargetProcessorDpcEx(struct KDPC *dpc, const struct PROCESSOR_NUMBER *number)
{
    uint32_t index = processor_index(number);
    if (index == NO_PROCESSOR) {
        return STATUS_INVALID_PARAMETER;
    }
    dpc->Number = (uint16_t)(index + 1);
    return STATUS_SUCCESS;
}

/* Limits and counts of 32 bits, in the order DPC time, DPC time so far, watchdog, watchdog so far: nothing is limited.
 */
static MS_ABI int32_t nt_KeQueryDpcWatchdogInformation(uint32_t information[4])
{
    memset(information, 0, 4 * sizeof(information[0]));
    return STATUS_SUCCESS;
}

#define DPC_EXPORTS(X)                                                                                                 \
    X("ntoskrnl.exe", KeInitializeDpc, nt_KeInitializeDpc, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                       \
    X("ntoskrnl.exe", KeInitializeThreadedDpc, nt_KeInitializeDpc, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)               \
    X("ntoskrnl.exe", KeInsertQueueDpc, nt_KeInsertQueueDpc, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                     \
    X("ntoskrnl.exe", KeRemoveQueueDpc, nt_KeRemoveQueueDpc, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                     \
    X("ntoskrnl.exe", KeQueryDpcWatchdogInformation, nt_KeQueryDpcWatchdogInformation, DISPATCH_LEVEL, HIGH_LEVEL,     \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeFlushQueuedDpcs, nt_KeFlushQueuedDpcs, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                \
    X("ntoskrnl.exe", KeSetImportanceDpc, nt_KeSetImportanceDpc, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                 \
    X("ntoskrnl.exe", KeSetTargetProcessorDpc, nt_KeSetTargetProcessorDpc, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)       \
    X("ntoskrnl.exe", KeSetTargetProcessorDpcEx, nt_KeSetTargetProcessorDpcEx, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)

void dpc_exports(void)
{
    EXPORT_REGISTER(DPC_EXPORTS);
}
