/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processors by NDIS's names: one group, processors numbered from 0 without holes, each a core of one socket. Functions that
 * describe them follow the two-call pattern: too small a buffer gives the size that is needed.
 */
#include "ndis/internal.h"

static uint64_t active_mask(void)
{
    return processor_count() >= 64 ? UINT64_MAX : ((uint64_t)1 << processor_count()) - 1;
}

static int8_t MS_ABI system_count(void)
{
    return (int8_t)processor_count();
}

static uint32_t MS_ABI group_count(uint16_t group)
{
    return group == 0 || group == 0xffff /* ALL_PROCESSOR_GROUPS */ ? processor_count() : 0;
}

static uint64_t MS_ABI group_mask(uint16_t group)
{
    return group == 0 ? active_mask() : 0;
}

static uint16_t MS_ABI one_group(void)
{
    return 1;
}

static uint32_t MS_ABI current_index(void)
{
    return processor_current();
}

static uint32_t MS_ABI current_number(void)
{
    return processor_current() << 16; /* a PROCESSOR_NUMBER in a register: Group, Number, Reserved */
}

static int32_t MS_ABI index_to_number(uint32_t index, struct PROCESSOR_NUMBER *number)
{
    memset(number, 0, sizeof(*number));
    if (index >= processor_count()) {
        return (int32_t)NDIS_STATUS_INVALID_PARAMETER;
    }
    number->Number = (uint8_t)index;
    return NDIS_STATUS_SUCCESS;
}

static uint32_t MS_ABI number_to_index(struct PROCESSOR_NUMBER *number)
{
    return number->Group == 0 && number->Number < processor_count() ? number->Number : UINT32_MAX;
}

static void MS_ABI processor_counts(uint32_t *idle, uint32_t *kernel_and_user, uint32_t *index)
{
    *idle = 0;
    *kernel_and_user = (uint32_t)(sched_now() / 15625000); /* clock ticks of 15.625 ms */
    *index = processor_current();
}

static int32_t MS_ABI processor_information(void *handle, struct NDIS_SYSTEM_PROCESSOR_INFO_EX *info, size_t *size)
{
    size_t need = sizeof(*info) + processor_count() * sizeof(struct NDIS_PROCESSOR_INFO_EX), had = *size;
    struct NDIS_PROCESSOR_INFO_EX *processor;
    uint32_t i;

    (void)handle;
    *size = need;
    if (had < need) {
        return (int32_t)NDIS_STATUS_BUFFER_TOO_SHORT;
    }
    memset(info, 0, need);
    NDIS_HEADER(info->Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_SYSTEM_PROCESSOR_INFO_EX_REVISION_1, NDIS_SIZEOF_SYSTEM_PROCESSOR_INFO_EX_REVISION_1);
    info->ProcessorVendor = NdisProcessorVendorGenuineIntel;
    info->NumSockets = 1;
    info->NumCores = info->NumCoresPerSocket = processor_count();
    info->MaxHyperThreadingProcsPerCore = 1;
    info->ProcessorInfoOffset = sizeof(*info);
    info->NumberOfProcessors = processor_count();
    info->ProcessorInfoEntrySize = sizeof(*processor);
    processor = (struct NDIS_PROCESSOR_INFO_EX *)(void *)(info + 1);
    for (i = 0; i < processor_count(); i++) {
        processor[i].ProcNum.Number = (uint8_t)i;
        processor[i].CoreId = i;
    }
    return NDIS_STATUS_SUCCESS;
}

static int32_t MS_ABI rss_processors(void *handle, struct NDIS_RSS_PROCESSOR_INFO *info, size_t *size)
{
    bool second = ndis_version_played() >= NDIS_VERSION(6, 30);
    size_t header = second ? NDIS_SIZEOF_RSS_PROCESSOR_INFO_REVISION_2 : NDIS_SIZEOF_RSS_PROCESSOR_INFO_REVISION_1;
    size_t need = header + processor_count() * sizeof(struct NDIS_RSS_PROCESSOR), had = *size;
    struct NDIS_RSS_PROCESSOR *processor;
    uint32_t i;

    (void)adapter_check(handle, "NdisGetRssProcessorInformation");
    *size = need;
    if (had < need) {
        return (int32_t)NDIS_STATUS_BUFFER_TOO_SHORT;
    }
    memset(info, 0, need);
    NDIS_HEADER(info->Header, NDIS_OBJECT_TYPE_RSS_PROCESSOR_INFO, second ? 2 : 1, header);
    info->MaxNumRssProcessors = processor_count();
    info->RssProcessorArrayOffset = (uint32_t)header;
    info->RssProcessorCount = processor_count();
    info->RssProcessorEntrySize = sizeof(*processor);
    if (second) {
        info->RssMaxProcessor.Number = (uint8_t)(processor_count() - 1);
        info->RssProfile = NdisRssProfileClosest;
    }
    processor = (struct NDIS_RSS_PROCESSOR *)(void *)((uint8_t *)info + header);
    for (i = 0; i < processor_count(); i++) {
        processor[i].ProcNum.Number = (uint8_t)i;
    }
    return NDIS_STATUS_SUCCESS;
}

#define PROCESSOR_EXPORTS(X)                                                                   \
    X(NdisSystemProcessorCount, system_count, PASSIVE_LEVEL, HIGH_LEVEL)                       \
    X(NdisGroupMaxProcessorCount, group_count, PASSIVE_LEVEL, HIGH_LEVEL)                      \
    X(NdisGroupActiveProcessorCount, group_count, PASSIVE_LEVEL, HIGH_LEVEL)                   \
    X(NdisGroupActiveProcessorMask, group_mask, PASSIVE_LEVEL, HIGH_LEVEL)                     \
    X(NdisMaxGroupCount, one_group, PASSIVE_LEVEL, HIGH_LEVEL)                                 \
    X(NdisActiveGroupCount, one_group, PASSIVE_LEVEL, HIGH_LEVEL)                              \
    X(NdisCurrentProcessorIndex, current_index, PASSIVE_LEVEL, DISPATCH_LEVEL)                 \
    X(NdisCurrentGroupAndProcessor, current_number, DISPATCH_LEVEL, HIGH_LEVEL)                \
    X(NdisProcessorIndexToNumber, index_to_number, PASSIVE_LEVEL, HIGH_LEVEL)                  \
    X(NdisProcessorNumberToIndex, number_to_index, PASSIVE_LEVEL, HIGH_LEVEL)                  \
    X(NdisGetCurrentProcessorCounts, processor_counts, PASSIVE_LEVEL, DISPATCH_LEVEL)          \
    X(NdisGetProcessorInformationEx, processor_information, PASSIVE_LEVEL, DISPATCH_LEVEL)     \
    X(NdisGetRssProcessorInformation, rss_processors, PASSIVE_LEVEL, DISPATCH_LEVEL)

void ndis_processor_exports(void)
{
    NDIS_EXPORTS(PROCESSOR_EXPORTS);
}
