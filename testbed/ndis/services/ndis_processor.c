/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processors by NDIS's names: those of nt/processor/topology.h, each a core of its own in a socket for each group.
 * Functions that know no groups speak of group 0. Functions that describe processors follow the two-call pattern: too
 * small a buffer gives the size that is needed.
 */
#include "ndis/adapter/record.h"
#include "ndis/export.h"
#include "nt/processor/topology.h"

static int8_t MS_ABI system_count(void)
{
    return (int8_t)group_maximum(0);
}

static int8_t MS_ABI system_active_count(uintptr_t *active)
{
    if (active != NULL) {
        *active = group_active(0);
    }
    return (int8_t)group_active_count(0);
}

static uint32_t MS_ABI group_maximum_count(uint16_t group)
{
    return group_maximum(group);
}

static uint32_t MS_ABI group_count_active(uint16_t group)
{
    return group_active_count(group);
}

static uintptr_t MS_ABI group_mask(uint16_t group)
{
    return group_active(group);
}

static uint16_t MS_ABI max_groups(void)
{
    return (uint16_t)group_count();
}

static uint16_t MS_ABI groups_active(void)
{
    uint16_t group, there = 0;

    for (group = 0; group < group_count(); group++) {
        there = (uint16_t)(there + (group_active(group) != 0));
    }
    return there;
}

static uint32_t MS_ABI current_index(void)
{
    return processor_current();
}

static uint32_t MS_ABI current_number(void)
{
    struct PROCESSOR_NUMBER number = processor_number(processor_current());

    return number.Group | (uint32_t)number.Number << 16; /* a PROCESSOR_NUMBER in a register: Group, Number, Reserved */
}

static int32_t MS_ABI index_to_number(uint32_t index, struct PROCESSOR_NUMBER *number)
{
    memset(number, 0, sizeof(*number));
    if (index >= processor_count()) {
        return (int32_t)NDIS_STATUS_INVALID_PARAMETER;
    }
    *number = processor_number(index);
    return NDIS_STATUS_SUCCESS;
}

static uint32_t MS_ABI number_to_index(struct PROCESSOR_NUMBER *number)
{
    return processor_index(number);
}

static void MS_ABI processor_counts(uint32_t *idle, uint32_t *kernel_and_user, uint32_t *index)
{
    *idle = 0;
    *kernel_and_user = (uint32_t)(sched_now() / 15625000); /* clock ticks of 15.625 ms */
    *index = processor_current();
}

static int32_t MS_ABI processor_information(void *handle, struct NDIS_SYSTEM_PROCESSOR_INFO_EX *info, size_t *size)
{
    uint32_t count = processor_count(), i;
    size_t need = sizeof(*info) + count * sizeof(struct NDIS_PROCESSOR_INFO_EX), had = *size;
    struct NDIS_PROCESSOR_INFO_EX *processor;

    (void)handle;
    *size = need;
    if (had < need) {
        return (int32_t)NDIS_STATUS_BUFFER_TOO_SHORT;
    }
    memset(info, 0, need);
    NDIS_HEADER(info->Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_SYSTEM_PROCESSOR_INFO_EX_REVISION_1,
                NDIS_SIZEOF_SYSTEM_PROCESSOR_INFO_EX_REVISION_1);
    info->ProcessorVendor = NdisProcessorVendorGenuineIntel;
    info->NumSockets = group_count();
    info->NumCores = count;
    info->NumCoresPerSocket = group_active_count(0);
    info->MaxHyperThreadingProcsPerCore = 1;
    info->ProcessorInfoOffset = sizeof(*info);
    info->NumberOfProcessors = count;
    info->ProcessorInfoEntrySize = sizeof(*processor);
    processor = (struct NDIS_PROCESSOR_INFO_EX *)(void *)(info + 1);
    for (i = 0; i < count; i++) {
        struct PROCESSOR_NUMBER number = processor_number(i);

        processor[i].ProcNum.Group = number.Group;
        processor[i].ProcNum.Number = number.Number;
        processor[i].SocketId = number.Group;
        processor[i].CoreId = i;
        processor[i].NodeId = number.Group;
    }
    return NDIS_STATUS_SUCCESS;
}

#define PROCESSOR_EXPORTS(X)                                                                                           \
    X(NdisSystemProcessorCount, system_count, PASSIVE_LEVEL, HIGH_LEVEL)                                               \
    X(NdisSystemActiveProcessorCount, system_active_count, PASSIVE_LEVEL, HIGH_LEVEL)                                  \
    X(NdisGroupMaxProcessorCount, group_maximum_count, PASSIVE_LEVEL, HIGH_LEVEL)                                      \
    X(NdisGroupActiveProcessorCount, group_count_active, PASSIVE_LEVEL, HIGH_LEVEL)                                    \
    X(NdisGroupActiveProcessorMask, group_mask, PASSIVE_LEVEL, HIGH_LEVEL)                                             \
    X(NdisMaxGroupCount, max_groups, PASSIVE_LEVEL, HIGH_LEVEL)                                                        \
    X(NdisActiveGroupCount, groups_active, PASSIVE_LEVEL, HIGH_LEVEL)                                                  \
    X(NdisCurrentProcessorIndex, current_index, PASSIVE_LEVEL, DISPATCH_LEVEL)                                         \
    X(NdisCurrentGroupAndProcessor, current_number, DISPATCH_LEVEL, HIGH_LEVEL)                                        \
    X(NdisProcessorIndexToNumber, index_to_number, PASSIVE_LEVEL, HIGH_LEVEL)                                          \
    X(NdisProcessorNumberToIndex, number_to_index, PASSIVE_LEVEL, HIGH_LEVEL)                                          \
    X(NdisGetCurrentProcessorCounts, processor_counts, PASSIVE_LEVEL, DISPATCH_LEVEL)                                  \
    X(NdisGetProcessorInformationEx, processor_information, PASSIVE_LEVEL, DISPATCH_LEVEL)

void ndis_processor_exports(void)
{
    NDIS_EXPORTS(PROCESSOR_EXPORTS);
}
