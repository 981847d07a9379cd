/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which processors RSS uses (Microsoft, "Standardized INF Keywords for RSS"): from *RssBaseProcGroup and
 * *RssBaseProcNumber to *RssMaxProcGroup and *RssMaxProcNumber, at most *MaxRssProcessors of them, those of *NumaNodeId
 * before others. *RSSProfile sets the order: node by node, or one of each node in turn (NUMA scaling). Asked by
 * the driver at any IRQL up to DISPATCH_LEVEL (NdisGetRssProcessorInformation) and by the edge, which builds its table
 * from it as TCP/IP does.
 */
#include "ndis/adapter/rss_processors.h"

#include <stdlib.h>

#include "ndis/adapter/record.h"
#include "ndis/export.h"
#include "nt/registry/registry.h"

_Static_assert(sizeof(((struct rss_processors *)0)->indexes) / sizeof(uint32_t) >= MAX_GROUP * 4,
               "as many as can be simulated");

static uint32_t keyword(const struct adapter *adapter, const char *name, uint32_t otherwise)
{
    char text[32];
    uint32_t value;

    if (registry_get_dword(adapter->package->driver_key, name, &value)) {
        return value;
    }
    if (registry_get_string(adapter->package->driver_key, name, text, sizeof(text)) && text[0] >= '0' &&
        text[0] <= '9') {
        return (uint32_t)strtoul(text, NULL, 10);
    }
    return otherwise;
}

static struct PROCESSOR_NUMBER number_of(uint32_t group, uint32_t number)
{
    struct PROCESSOR_NUMBER made = { 0 };

    made.Group = (uint16_t)group;
    made.Number = (uint8_t)number;
    return made;
}

static uint32_t rank(struct PROCESSOR_NUMBER number)
{
    return number.Group * 256u + number.Number;
}

static void take(struct rss_processors *set, uint32_t group, uint32_t number)
{
    struct PROCESSOR_NUMBER candidate = number_of(group, number);
    uint32_t index = processor_index(&candidate);

    if (index != NO_PROCESSOR && rank(candidate) >= rank(set->base) && rank(candidate) <= rank(set->last) &&
        set->count < set->most) {
        set->indexes[set->count++] = index;
    }
}

void rss_processors_of(const struct adapter *adapter, struct rss_processors *set)
{
    uint32_t groups = group_count(), node, turn, number;

    memset(set, 0, sizeof(*set));
    set->base = number_of(keyword(adapter, "*RssBaseProcGroup", 0), keyword(adapter, "*RssBaseProcNumber", 0));
    set->last = number_of(keyword(adapter, "*RssMaxProcGroup", groups - 1),
                          keyword(adapter, "*RssMaxProcNumber", MAX_GROUP - 1));
    set->most = keyword(adapter, "*MaxRssProcessors", MAX_GROUP);
    set->profile = keyword(adapter, "*RSSProfile", NdisRssProfileClosest);
    node = keyword(adapter, "*NumaNodeId", UINT16_MAX);
    set->node = (uint16_t)(node < groups ? node : 0);
    if (set->profile == NdisRssProfileNuma || set->profile == NdisRssProfileNumaStatic) {
        for (number = 0; number < MAX_GROUP; number++) {
            for (turn = 0; turn < groups; turn++) {
                take(set, (set->node + turn) % groups, number);
            }
        }
        return;
    }
    for (turn = 0; turn < groups; turn++) {
        for (number = 0; number < MAX_GROUP; number++) {
            take(set, (set->node + turn) % groups, number);
        }
    }
}

static int32_t MS_ABI get_information(void *handle, struct NDIS_RSS_PROCESSOR_INFO *info, size_t *size)
{
    const struct adapter *adapter = adapter_check(handle, "NdisGetRssProcessorInformation");
    bool second = ndis_version_simulated() >= NDIS_VERSION(6, 30);
    size_t header = second ? NDIS_SIZEOF_RSS_PROCESSOR_INFO_REVISION_2 : NDIS_SIZEOF_RSS_PROCESSOR_INFO_REVISION_1,
           need, had = *size;
    struct NDIS_RSS_PROCESSOR *processor;
    struct rss_processors set;
    uint32_t i;

    rss_processors_of(adapter, &set);
    need = header + set.count * sizeof(*processor);
    *size = need;
    if (had < need) {
        return (int32_t)NDIS_STATUS_BUFFER_TOO_SHORT;
    }
    memset(info, 0, need);
    NDIS_HEADER(info->Header, NDIS_OBJECT_TYPE_RSS_PROCESSOR_INFO, second ? 2 : 1, header);
    info->RssBaseProcessor.Group = set.base.Group;
    info->RssBaseProcessor.Number = set.base.Number;
    info->MaxNumRssProcessors = set.most;
    info->PreferredNumaNode = set.node;
    info->RssProcessorArrayOffset = (uint32_t)header;
    info->RssProcessorCount = set.count;
    info->RssProcessorEntrySize = sizeof(*processor);
    if (second) {
        info->RssMaxProcessor.Group = set.last.Group;
        info->RssMaxProcessor.Number = set.last.Number;
        info->RssProfile = set.profile;
    }
    processor = (struct NDIS_RSS_PROCESSOR *)(void *)((uint8_t *)info + header);
    for (i = 0; i < set.count; i++) {
        struct PROCESSOR_NUMBER number = processor_number(set.indexes[i]);

        processor[i].ProcNum.Group = number.Group;
        processor[i].ProcNum.Number = number.Number;
        processor[i].PreferenceIndex = (uint16_t)(number.Group != set.node);
    }
    return NDIS_STATUS_SUCCESS;
}

#define RSS_PROCESSOR_EXPORTS(X) X(NdisGetRssProcessorInformation, get_information, PASSIVE_LEVEL, DISPATCH_LEVEL)

void rss_processor_exports(void)
{
    NDIS_EXPORTS(RSS_PROCESSOR_EXPORTS);
}
