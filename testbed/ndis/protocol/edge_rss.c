/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSS as TCP/IP sets it: the key of Microsoft's verification suite, a round-robin table over the processors that NDIS
 * has chosen, and the hash of each sent packet's flow as the adapter would compute it for what comes back (addresses
 * and ports swapped), so that a flow uses one queue in both directions. edge_hash runs per packet in the queue's task;
 * its tables are immutable then.
 */
#include "ndis/adapter/rss_processors.h"
#include "ndis/protocol/edge_internal.h"

#include "ndis/adapter/record.h"
#include "wire/toeplitz.h"

enum { MAX_ENTRIES = 128 };

static const uint8_t key[TOEPLITZ_KEY_BYTES] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
    0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
    0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* The record with its table, masks and key behind it. A table of revision 1 has bytes, and knows no groups. */
struct rss_set {
    struct NDIS_RECEIVE_SCALE_PARAMETERS parameters;
    union {
        struct PROCESSOR_NUMBER table[MAX_ENTRIES];
        uint8_t numbers[MAX_ENTRIES];
    };
    uint8_t key[TOEPLITZ_KEY_BYTES];
    struct GROUP_AFFINITY masks[MAX_GROUPS];
};

static uint32_t hash_types(uint32_t capabilities)
{
    uint32_t types = 0;

    if ((capabilities & NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV4) != 0) {
        types |= NDIS_HASH_IPV4 | NDIS_HASH_TCP_IPV4;
    }
    if ((capabilities & NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV6) != 0) {
        types |= NDIS_HASH_IPV6 | NDIS_HASH_TCP_IPV6;
    }
    return types;
}

static void build_tables(struct edge_rss *rss)
{
    uint8_t input[36] = { 0 };
    uint32_t i, bit, value;

    /* The hash is linear: that of an input is the sum (exclusive or) of those of its bits. */
    for (i = 0; i < sizeof(input); i++) {
        rss->table[i][0] = 0;
        for (bit = 1; bit < 256; bit *= 2) {
            input[i] = (uint8_t)bit;
            rss->table[i][bit] = toeplitz(key, input, sizeof(input));
            for (value = 1; value < bit; value++) {
                rss->table[i][bit + value] = rss->table[i][bit] ^ rss->table[i][value];
            }
        }
        input[i] = 0;
    }
}

static uint32_t entries_of(const struct adapter *adapter)
{
    uint32_t offered = adapter->rss.Header.Revision >= 2 ? adapter->rss.NumberOfIndirectionTableEntries : MAX_ENTRIES,
             entries = 1;

    while (entries * 2 <= offered && entries < MAX_ENTRIES) {
        entries *= 2;
    }
    return entries;
}

/* The record's head as this miniport's version of NDIS has it; returns its size. */
static uint32_t put_header(const struct adapter *adapter, struct NDIS_RECEIVE_SCALE_PARAMETERS *parameters)
{
    static const uint16_t sizes[] = { NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_1,
                                      NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2,
                                      NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_3 };
    const uint8_t revision = edge_rss_revision(adapter);

    NDIS_HEADER(parameters->Header, NDIS_OBJECT_TYPE_RSS_PARAMETERS, revision, sizes[revision - 1]);
    return sizes[revision - 1];
}

/* The processors of group 0 alone. */
static void without_groups(struct rss_processors *chosen)
{
    uint32_t kept = 0, i;

    for (i = 0; i < chosen->count; i++) {
        if (processor_number(chosen->indexes[i]).Group == 0) {
            chosen->indexes[kept++] = chosen->indexes[i];
        }
    }
    chosen->count = kept;
}

static void spread_bytes(struct rss_set *set, const struct rss_processors *chosen, uint32_t entries, uint32_t queues)
{
    uint32_t used = queues != 0 && queues < chosen->count ? queues : chosen->count, i;

    for (i = 0; i < entries; i++) {
        set->numbers[i] = processor_number(chosen->indexes[i % used]).Number;
    }
    set->parameters.IndirectionTableSize = (uint16_t)entries;
}

/* The table, and the masks of the processors in it, one of each group that has some. */
static void spread(struct rss_set *set, const struct rss_processors *chosen, uint32_t entries, uint32_t queues)
{
    uint32_t used = queues != 0 && queues < chosen->count ? queues : chosen->count, masks = 0, i, m;

    for (i = 0; i < entries; i++) {
        set->table[i] = processor_number(chosen->indexes[i % used]);
    }
    set->parameters.IndirectionTableSize = (uint16_t)(entries * sizeof(set->table[0]));
    for (i = 0; i < used && i < entries; i++) {
        for (m = 0; m < masks && set->masks[m].Group != set->table[i].Group; m++) {
        }
        set->masks[m].Group = set->table[i].Group;
        set->masks[m].Mask |= (uint64_t)1 << set->table[i].Number;
        masks += m == masks;
    }
    set->parameters.ProcessorMasksOffset = offsetof(struct rss_set, masks);
    set->parameters.NumberOfProcessorMasks = masks;
    set->parameters.ProcessorMasksEntrySize = sizeof(set->masks[0]);
}

uint8_t edge_rss_revision(const struct adapter *adapter)
{
    const uint32_t version = adapter->miniport->version;

    return version < NDIS_VERSION(6, 20) ? 1 : version < NDIS_VERSION(6, 60) ? 2 : 3;
}

int32_t edge_rss_enable(struct edge *edge)
{
    struct adapter *adapter = edge->adapter;
    bool bytes = edge_rss_revision(adapter) == 1;
    uint32_t entries = entries_of(adapter), needed;
    struct rss_processors chosen;
    struct rss_set set;
    int32_t status;

    edge->rss.hash_types = hash_types(adapter->rss.CapabilitiesFlags);
    rss_processors_of(adapter, &chosen);
    if (bytes) {
        without_groups(&chosen);
    }
    if (edge->rss.hash_types == 0 || chosen.count == 0) {
        return NDIS_STATUS_SUCCESS; /* nothing to hash by, nothing to spread over: TCP/IP leaves RSS alone */
    }
    memset(&set, 0, sizeof(set));
    (void)put_header(adapter, &set.parameters);
    set.parameters.HashInformation = edge->rss.hash_types | NdisHashFunctionToeplitz;
    set.parameters.IndirectionTableOffset = offsetof(struct rss_set, table);
    set.parameters.HashSecretKeySize = sizeof(key);
    set.parameters.HashSecretKeyOffset = offsetof(struct rss_set, key);
    (bytes ? spread_bytes : spread)(&set, &chosen, entries, adapter->rss.NumberOfReceiveQueues);
    memcpy(set.key, key, sizeof(key));
    status = adapter_set(adapter, OID_GEN_RECEIVE_SCALE_PARAMETERS, &set, sizeof(set), &needed);
    if (status == NDIS_STATUS_SUCCESS) {
        build_tables(&edge->rss);
        __atomic_store_n(&edge->rss.enabled, true, __ATOMIC_RELEASE);
    }
    return status;
}

void edge_rss_disable(struct edge *edge)
{
    struct NDIS_RECEIVE_SCALE_PARAMETERS parameters;
    uint32_t needed, size;

    if (!edge->rss.enabled) {
        return;
    }
    edge->rss.enabled = false;
    memset(&parameters, 0, sizeof(parameters));
    size = put_header(edge->adapter, &parameters);
    parameters.Flags = NDIS_RSS_PARAM_FLAG_DISABLE_RSS;
    (void)adapter_set(edge->adapter, OID_GEN_RECEIVE_SCALE_PARAMETERS, &parameters, size, &needed);
}

void edge_hash(const struct edge_rss *rss, const struct layout *layout, struct NET_BUFFER_LIST *nbl)
{
    const uint8_t *ip = layout->headers + layout->network;
    uint32_t address = layout->version == 4 ? 4 : 16, source = layout->version == 4 ? 12 : 8, type, value = 0, i;
    bool ports;

    if (!__atomic_load_n(&rss->enabled, __ATOMIC_ACQUIRE) || layout->version == 0) {
        return;
    }
    ports = layout->protocol == PROTOCOL_TCP && layout->transport != 0 && !layout->fragment;
    type = layout->version == 4 ? ports ? NDIS_HASH_TCP_IPV4 : NDIS_HASH_IPV4
           : ports              ? NDIS_HASH_TCP_IPV6
                                : NDIS_HASH_IPV6;
    if ((rss->hash_types & type) == 0) {
        return;
    }
    for (i = 0; i < address; i++) {
        value ^= rss->table[i][ip[source + address + i]] ^ rss->table[address + i][ip[source + i]];
    }
    if (ports) {
        const uint8_t *tcp = layout->headers + layout->transport;

        value ^= rss->table[2 * address][tcp[2]] ^ rss->table[2 * address + 1][tcp[3]];
        value ^= rss->table[2 * address + 2][tcp[0]] ^ rss->table[2 * address + 3][tcp[1]];
    }
    nbl->NetBufferListInfo[NetBufferListHashValue] = (void *)(uintptr_t)value;
    nbl->NetBufferListInfo[NetBufferListHashInfo] = (void *)(uintptr_t)(type | NdisHashFunctionToeplitz);
}
