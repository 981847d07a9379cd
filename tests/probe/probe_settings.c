/* SPDX-License-Identifier: BSD-2-Clause */
/* What XenVif answers about itself in each state, and what it takes of hash, multicast and filter settings. */
#include "probe.h"

typedef MS_ABI int32_t set_algorithm(void *interface, uint32_t algorithm);
typedef MS_CDECL int32_t query_hash(void *interface, ...);
typedef MS_CDECL int32_t update_hash(void *interface, ...);
typedef MS_ABI void query_state(void *interface, uint32_t *connect, uint64_t *speed, uint32_t *duplex);
typedef MS_ABI void query_large(void *interface, uint8_t version, uint32_t *size);
typedef MS_ABI int32_t set_multicast(void *interface, const uint8_t *addresses, uint32_t count);
typedef MS_ABI int32_t query_multicast(void *interface, uint8_t *addresses, uint32_t *count);
typedef MS_ABI int32_t query_filter(void *interface, uint32_t type, uint32_t *level);
typedef MS_ABI void query_address(void *interface, uint8_t *address);

enum { NOBODY = 0xeeeeeeee, MAX_MULTICAST = 70 };

static void query_numbers(struct probe *probe)
{
    struct XENVIF_VIF_INTERFACE_V10 *vif = &probe->bed.vifi;
    const struct {
        const char *what;
        void *method;
    } numbers[] = {
        { "rings", vif->QueryRingCount },
        { "receive ring", vif->ReceiverQueryRingSize },
        { "transmit ring", vif->TransmitterQueryRingSize },
        { "frame size", vif->MacQueryMaximumFrameSize },
    };
    uint32_t value;

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        value = NOBODY;
        ((vb_get32 *)numbers[i].method)(vif, &value);
        probe_answer("%s, %s: %u", probe->state, numbers[i].what, value);
    }
    value = 0;
    ((vb_get32 *)vif->TransmitterQueryOffloadOptions)(vif, &value);
    probe_answer("%s, offered: %03x", probe->state, value & 0xffff);
    for (uint8_t version = 4; version <= 6; version += 2) {
        value = NOBODY;
        ((query_large *)vif->TransmitterQueryLargePacketSize)(vif, version, &value);
        probe_answer("%s, largest send, IPv%u: %u", probe->state, version, value);
    }
}

static void query_address_of(struct probe *probe, const char *what, void *method)
{
    uint8_t a[6] = { 0 };

    ((query_address *)method)(&probe->bed.vifi, a);
    probe_answer("%s, %s address: %02x-%02x-%02x-%02x-%02x-%02x", probe->state, what, a[0], a[1], a[2], a[3], a[4],
                 a[5]);
}

void probe_queries(struct probe *probe)
{
    struct XENVIF_VIF_INTERFACE_V10 *vif = &probe->bed.vifi;
    uint32_t connect = NOBODY, duplex = NOBODY, types = NOBODY, count = 0;
    const uint8_t irql = irql_raise(DISPATCH_LEVEL);
    uint64_t speed = 0;
    int32_t status;

    query_numbers(probe);
    ((query_state *)vif->MacQueryState)(vif, &connect, &speed, &duplex);
    probe_answer("%s, link: %u, %llu, %u", probe->state, connect, (unsigned long long)speed, duplex);
    query_address_of(probe, "permanent", vif->MacQueryPermanentAddress);
    query_address_of(probe, "current", vif->MacQueryCurrentAddress);
    for (uint32_t type = 0; type <= ETHERNET_ADDRESS_TYPE_COUNT; type++) {
        uint32_t level = NOBODY;

        status = ((query_filter *)vif->MacQueryFilterLevel)(vif, type, &level);
        probe_answer("%s, filter of type %u: %#x, %u", probe->state, type, (uint32_t)status, level);
    }
    status = ((query_multicast *)vif->MacQueryMulticastAddresses)(vif, NULL, &count);
    probe_answer("%s, multicast list: %#x, %u", probe->state, (uint32_t)status, count);
    status = ((query_hash *)vif->ReceiverQueryHashCapabilities)(vif, &types);
    probe_answer("%s, hash types: %#x, %x", probe->state, (uint32_t)status, status == 0 ? types : 0);
    irql_lower(irql);
}

static void map(struct probe *probe, const struct PROCESSOR_NUMBER *table, uint32_t size, const char *what)
{
    const int32_t status = ((vb_mapping *)probe->bed.vifi.UpdateHashMapping)(&probe->bed.vifi, table, size);

    probe_answer("hash mapping of %u, %s: %#x", size, what, (uint32_t)status);
}

void probe_hash(struct probe *probe)
{
    static const uint32_t algorithms[] = { 0, 1, 2, 3, 2 }, sizes[] = { 1, 2, 3, 4, 64, 128, 129 };
    static const uint8_t key[40];
    struct XENVIF_VIF_INTERFACE_V10 *vif = &probe->bed.vifi;
    struct PROCESSOR_NUMBER table[129] = { 0 };
    const uint8_t irql = irql_raise(DISPATCH_LEVEL);

    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        uint32_t types = 0;
        const int32_t set = ((set_algorithm *)vif->ReceiverSetHashAlgorithm)(vif, algorithms[i]);
        const int32_t asked = ((query_hash *)vif->ReceiverQueryHashCapabilities)(vif, &types);

        probe_answer("hash algorithm %u, set %zu: %#x, types %#x, %x", algorithms[i], i, (uint32_t)set, (uint32_t)asked,
                     types);
    }
    for (uint32_t types = 0; types < 64; types = types * 2 + 1) {
        const int32_t status = ((update_hash *)vif->ReceiverUpdateHashParameters)(vif, types, key);

        probe_answer("hash parameters of types %x: %#x", types, (uint32_t)status);
    }
    for (uint32_t i = 0; i < 129; i++) {
        table[i].Number = (uint8_t)(i % 2);
    }
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        map(probe, table, sizes[i], "over 2 processors");
    }
    table[1].Number = 7;
    map(probe, table, 4, "one to a processor that is not there");
    table[0].Number = 1;
    map(probe, table, 1, "to processor 1 alone");
    probe_answer("hash algorithm 0 at the end: %#x",
                 (uint32_t)((set_algorithm *)vif->ReceiverSetHashAlgorithm)(vif, 0));
    irql_lower(irql);
}

static void set_list(struct probe *probe, const uint8_t *list, uint32_t count, const char *what)
{
    struct XENVIF_VIF_INTERFACE_V10 *vif = &probe->bed.vifi;
    const int32_t status = ((set_multicast *)vif->MacSetMulticastAddresses)(vif, list, count);
    uint32_t now = 0;

    ((query_multicast *)vif->MacQueryMulticastAddresses)(vif, NULL, &now);
    probe_answer("multicast list of %u%s: %#x, then %u", count, what, (uint32_t)status, now);
}

void probe_mac(struct probe *probe)
{
    static const uint32_t counts[] = { 0, 1, 2, 32, 64, 65, MAX_MULTICAST, 0 };
    uint8_t list[MAX_MULTICAST][6];
    const uint8_t irql = irql_raise(DISPATCH_LEVEL);

    for (uint32_t i = 0; i < MAX_MULTICAST; i++) {
        memcpy(list[i], "\x01\x00\x5e\x00\x01", 5);
        list[i][5] = (uint8_t)i;
    }
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        set_list(probe, list[0], counts[i], i == 7 ? " at the end" : "");
    }
    memcpy(list[1], list[0], 6);
    set_list(probe, list[0], 2, ", one twice");
    list[0][0] = 0;
    set_list(probe, list[0], 2, ", one a station");
    set_list(probe, list[0], 0, " after those");
    for (uint32_t type = 0; type < 6; type++) {
        for (uint32_t level = 0; level < 4; level++) {
            const int32_t status = ((vb_filter *)probe->bed.vifi.MacSetFilterLevel)(&probe->bed.vifi, type, level);

            probe_answer("filter of type %u, level %u: %#x", type, level, (uint32_t)status);
        }
    }
    irql_lower(irql);
}

void probe_statistics(struct probe *probe)
{
    for (uint32_t i = 0; i <= XENVIF_VIF_STATISTIC_COUNT; i++) {
        uint64_t value = 0;
        const int32_t status = ((vb_statistic *)probe->bed.vifi.QueryStatistic)(&probe->bed.vifi, i, &value);

        if (status == 0) {
            probe_answer("statistic %u: %llu", i, (unsigned long long)value);
        } else {
            probe_answer("statistic %u: %#x", i, (uint32_t)status);
        }
    }
}
