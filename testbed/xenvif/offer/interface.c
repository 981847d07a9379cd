/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The VIF interface as the subscriber calls it: thin functions in the Microsoft convention that check how they are
 * called and go to the frontend. The tables of versions 8, 9 and 10 have the same methods in the same places.
 *
 * Rules: vif-acquire (a method or Release without Acquire), vif-enabled (a packet sent while not enabled, Release while
 * enabled), vif-offload (options that the backend does not have, nor had since the driver could ask), vif-irql (Enable
 * and Disable above APC_LEVEL, others above DISPATCH_LEVEL), vif-lock (a method from within a completion that
 * Disable makes while it holds the lock exclusively), vif-removed (a method called while a test holds that the
 * device must be left alone).
 */
#include <string.h>

#include "nt/check/provider_wait.h"
#include "nt/processor/topology.h"
#include "xenvif/offer/hostile.h"
#include "xenvif/state.h"
#include "run/order.h"

static struct vif *enter(struct INTERFACE *interface, const char *method, uint8_t highest)
{
    struct vif *vif = interface->Context;

    RULE(irql_current() <= highest, "vif-irql", "VIF %s called at IRQL %u, allowed 0 to %u", method, irql_current(),
         highest);
    RULE(__atomic_load_n(&vif->subscriber.acquired, __ATOMIC_RELAXED) != 0, "vif-acquire",
         "VIF %s called without Acquire", method);
    RULE(__atomic_load_n(&vif->subscriber.exclusive, __ATOMIC_RELAXED) != task_self(), "vif-lock",
         "VIF %s called from within Disable, which holds XenVif's lock: it waits for itself", method);
    RULE(!__atomic_load_n(&vif->subscriber.left_alone, __ATOMIC_RELAXED), "vif-removed",
         "VIF %s called where the device must be left alone", method);
    sched_point(method);
    return vif;
}

/* Declares `vif`; the method is a span of the timeline. */
#define ENTER(interface, method, highest)                                                                              \
    TIMELINE_SPAN("VIF " method);                                                                                      \
    struct vif *vif = enter(interface, method, highest)

void vif_leave_alone(struct vif *vif, bool alone)
{
    __atomic_store_n(&vif->subscriber.left_alone, alone, __ATOMIC_RELAXED);
}

static MS_ABI int32_t vif_Acquire(struct INTERFACE *interface)
{
    struct vif *vif = interface->Context;

    RULE(irql_current() <= DISPATCH_LEVEL, "vif-irql", "VIF Acquire called at IRQL %u", irql_current());
    if (__atomic_fetch_add(&vif->subscriber.acquired, 1, __ATOMIC_SEQ_CST) == 0) {
        vif->subscriber.version = interface->Version;
    }
    return STATUS_SUCCESS;
}

static MS_ABI void vif_Release(struct INTERFACE *interface)
{
    ENTER(interface, "Release", DISPATCH_LEVEL);

    RULE(vif->subscriber.acquired != 1 || !vif->subscriber.enabled, "vif-enabled", "VIF %s while still enabled",
         "released");
    __atomic_sub_fetch(&vif->subscriber.acquired, 1, __ATOMIC_SEQ_CST);
}

static MS_ABI int32_t vif_Enable(struct INTERFACE *interface, void *callback, void *argument)
{
    ENTER(interface, "Enable", APC_LEVEL);

    if (vif->subscriber.enabled) {
        return STATUS_SUCCESS; /* as XenVif: the first callback stays */
    }
    vif->subscriber.callback = callback;
    vif->subscriber.argument = argument;
    order_release(&vif->subscriber);
    return frontend_enable(vif);
}

static MS_ABI void vif_Disable(struct INTERFACE *interface)
{
    ENTER(interface, "Disable", APC_LEVEL);

    if (vif->subscriber.enabled) {
        frontend_disable(vif);
        hostile_wait_returned();
        order_acquire(&vif->subscriber.in_mac); /* no callback of it runs any more */
    }
}

static MS_ABI int32_t vif_QueryStatistic(struct INTERFACE *interface, uint32_t index, uint64_t *value)
{
    ENTER(interface, "QueryStatistic", DISPATCH_LEVEL);

    if (index >= STATISTICS) {
        return STATUS_INVALID_PARAMETER;
    }
    *value = 0;
    for (uint32_t i = 0; i < vif->options.queues; i++) {
        *value += __atomic_load_n(&vif->tx[i]->statistics[index], __ATOMIC_RELAXED);
        *value += __atomic_load_n(&vif->rx[i]->statistics[index], __ATOMIC_RELAXED);
    }
    return STATUS_SUCCESS;
}

static MS_ABI void vif_QueryRingCount(struct INTERFACE *interface, uint32_t *count)
{
    ENTER(interface, "QueryRingCount", DISPATCH_LEVEL);

    *count = __atomic_load_n(&vif->queues_known, __ATOMIC_ACQUIRE);
}

/* Keep the configuration if the backend takes it. */
static int32_t change_hash(struct vif *vif, const struct hash *hash)
{
    uint64_t begun = sched_now();
    int32_t status = control_update(vif, hash);

    provider_wait(begun);
    if (NT_SUCCESS(status)) {
        sched_lock(&vif->lock);
        vif->hash = *hash;
        sched_unlock(&vif->lock);
    }
    return status;
}

/* Until March 2022 the processor's index is the queue, and queues work where they always have. */
static bool map_by_index(const struct PROCESSOR_NUMBER *mapping, uint32_t queues, struct hash *hash)
{
    for (uint32_t i = 0; i < hash->size; i++) {
        hash->mapping[i] = processor_index(&mapping[i]);
        if (hash->mapping[i] >= queues) {
            return false;
        }
    }
    return true;
}

/* Each processor of the table gets a queue, in order of appearance; the queue's work moves to that processor. */
static bool map_by_order(const struct PROCESSOR_NUMBER *mapping, uint32_t queues, struct hash *hash,
                         uint32_t *processors, uint32_t *used)
{
    for (uint32_t i = 0; i < hash->size; i++) {
        uint32_t processor = processor_index(&mapping[i]), queue = 0;

        while (queue < *used && processors[queue] != processor) {
            queue++;
        }
        if (queue == queues || processor == NO_PROCESSOR) {
            return false;
        }
        *used += queue == *used;
        processors[queue] = processor;
        hash->mapping[i] = queue;
    }
    return true;
}

static MS_ABI int32_t vif_UpdateHashMapping(struct INTERFACE *interface, const struct PROCESSOR_NUMBER *mapping,
                                            uint32_t size)
{
    ENTER(interface, "UpdateHashMapping", DISPATCH_LEVEL);
    uint32_t queues = vif->queues_known, used = 0, processors[MAX_QUEUES];
    struct hash hash = vif->hash;
    int32_t status;

    if (size == 0) {
        return (int32_t)0xc0000017; /* STATUS_NO_MEMORY: XenVif allocates nothing for nothing */
    }
    hash.size = size;
    if (size > MAX_HASH_MAPPING ||
        !(vif->release->queue_is_index ? map_by_index(mapping, queues, &hash)
                                       : map_by_order(mapping, queues, &hash, processors, &used))) {
        return STATUS_INVALID_PARAMETER;
    }
    status = change_hash(vif, &hash);
    for (uint32_t i = 0; i < used && NT_SUCCESS(status); i++) {
        __atomic_store_n(&vif->rx[i]->processor, processors[i], __ATOMIC_RELAXED);
    }
    return status;
}

static MS_ABI void vif_ReceiverReturnPacket(struct INTERFACE *interface, void *cookie)
{
    TIMELINE_SPAN("VIF ReceiverReturnPacket");
    receive_return(enter(interface, "ReceiverReturnPacket", DISPATCH_LEVEL), cookie);
}

static MS_ABI void vif_ReceiverSetOffloadOptions(struct INTERFACE *interface,
                                                 struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 options)
{
    ENTER(interface, "ReceiverSetOffloadOptions", DISPATCH_LEVEL);

    __atomic_store_n(&vif->receive_options.Value, options.Value, __ATOMIC_RELAXED);
}

static MS_ABI void vif_ReceiverSetBackfillSize(struct INTERFACE *interface, uint32_t size)
{
    ENTER(interface, "ReceiverSetBackfillSize", DISPATCH_LEVEL);

    RULE(size <= RX_HEADER_BYTES / 2, "vif-backfill", "backfill of %u bytes, at most %u", size, RX_HEADER_BYTES / 2);
    __atomic_store_n(&vif->backfill, size, __ATOMIC_RELAXED);
}

static MS_ABI void vif_QueryRingSize(struct INTERFACE *interface, uint32_t *size)
{
    enter(interface, "QueryRingSize", DISPATCH_LEVEL);
    *size = RING_SLOTS;
}

static MS_ABI int32_t vif_ReceiverSetHashAlgorithm(struct INTERFACE *interface, uint32_t algorithm)
{
    ENTER(interface, "ReceiverSetHashAlgorithm", DISPATCH_LEVEL);
    struct hash hash = vif->hash;

    if (algorithm > XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ ||
        (algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ && vif->queues_known <= 1)) {
        return STATUS_NOT_SUPPORTED; /* XenVif has no use for it with a single queue */
    }
    hash.algorithm = algorithm;
    return change_hash(vif, &hash);
}

static MS_CDECL int32_t vif_ReceiverQueryHashCapabilities(struct INTERFACE *interface, ...)
{
    ENTER(interface, "ReceiverQueryHashCapabilities", DISPATCH_LEVEL);
    ms_va_list arguments;
    uint32_t *types, found;
    uint64_t begun;
    int32_t status;

    ms_va_start(arguments, interface);
    types = __builtin_va_arg(arguments, uint32_t *);
    ms_va_end(arguments);
    if (vif->release->hashes_when_enabled && !__atomic_load_n(&vif->frontend.running, __ATOMIC_SEQ_CST)) {
        return STATUS_NOT_SUPPORTED;
    }
    begun = sched_now();
    status = control_types(vif, &found);
    provider_wait(begun);
    if (NT_SUCCESS(status)) {
        *types = found;
    }
    return status;
}

/* XenVif takes what it knows of a mask, and says nothing of the rest. */
#define HASH_TYPES                                                                                                     \
    (1u << XENVIF_PACKET_HASH_TYPE_IPV4 | 1u << XENVIF_PACKET_HASH_TYPE_IPV4_TCP |                                     \
     1u << XENVIF_PACKET_HASH_TYPE_IPV6 | 1u << XENVIF_PACKET_HASH_TYPE_IPV6_TCP)

static MS_CDECL int32_t vif_ReceiverUpdateHashParameters(struct INTERFACE *interface, ...)
{
    ENTER(interface, "ReceiverUpdateHashParameters", DISPATCH_LEVEL);
    ms_va_list arguments;
    struct hash hash = vif->hash;
    const uint8_t *key;
    int32_t status;

    ms_va_start(arguments, interface);
    hash.types = __builtin_va_arg(arguments, uint32_t);
    key = __builtin_va_arg(arguments, const uint8_t *);
    ms_va_end(arguments);
    RULE_DOCUMENTED((hash.types & ~HASH_TYPES) == 0, "vif-hash",
                    "ReceiverUpdateHashParameters with types %#x: none is %#x", hash.types, hash.types & ~HASH_TYPES);
    status = change_hash(vif, &hash); /* all of it twice, as XenVif does */
    if (!NT_SUCCESS(status)) {
        return status;
    }
    memcpy(hash.key, key, sizeof(hash.key));
    return change_hash(vif, &hash);
}

static MS_ABI int32_t vif_TransmitterQueuePacket(struct INTERFACE *interface, struct MDL *mdl, uint32_t offset,
                                                 uint32_t length, struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 options,
                                                 uint16_t mss, uint16_t tci, const struct XENVIF_PACKET_HASH_V2 *hash,
                                                 uint8_t more, void *cookie)
{
    ENTER(interface, "TransmitterQueuePacket", DISPATCH_LEVEL);
    const struct tx_request request = { mdl, offset, length, options, mss, tci, *hash, more != 0, cookie };

    /* Every XenVif refuses it with this status, and a driver that expects so may send. */
    if (!__atomic_load_n(&vif->subscriber.enabled, __ATOMIC_RELAXED)) {
        RULE_DOCUMENTED(false, "vif-enabled", "VIF %s while not enabled", "TransmitterQueuePacket");
        return STATUS_UNSUCCESSFUL;
    }
    RULE(hash->Algorithm <= XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ, "vif-packet", "packet sent with hash algorithm %u",
         hash->Algorithm);
    RULE(mdl != NULL && length != 0, "vif-packet", "packet of %u bytes sent", length);
    RULE((options.Value & ~__atomic_load_n(&vif->offered, __ATOMIC_RELAXED)) == 0, "vif-offload",
         "packet sent with offload options %#x, offered are %#x", options.Value, vif->offered);
    order_release(cookie);
    return transmit_queue(vif, &request);
}

uint32_t interface_offloads(struct vif *vif)
{
    const struct features *features = &vif->frontend.features;
    struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 options = { .size_ = { 0 } };

    options.OffloadTagManipulation = 1;
    options.OffloadIpVersion4LargePacket = features->gso4;
    options.OffloadIpVersion4HeaderChecksum = 1; /* XenVif computes it itself */
    options.OffloadIpVersion4TcpChecksum = features->checksum4;
    options.OffloadIpVersion4UdpChecksum = features->checksum4;
    options.OffloadIpVersion6LargePacket = features->gso6;
    options.OffloadIpVersion6TcpChecksum = features->checksum6;
    options.OffloadIpVersion6UdpChecksum = features->checksum6;
    return options.Value;
}

static MS_ABI void vif_TransmitterQueryOffloadOptions(struct INTERFACE *interface,
                                                      struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 *options)
{
    options->Value = (uint16_t)interface_offloads(enter(interface, "TransmitterQueryOffloadOptions", DISPATCH_LEVEL));
}

/* What a request's 16-bit size leaves for payload behind the longest headers; one figure for both versions, as XenVif
 * has. */
static MS_ABI void vif_TransmitterQueryLargePacketSize(struct INTERFACE *interface, uint8_t version, uint32_t *size)
{
    enum { ETHERNET_TAGGED = 18, IPV6_HEADER = 40, MAX_IPV6_OPTIONS = 216, MAX_TCP_HEADER = 60 };
    const struct features *features =
        &enter(interface, "TransmitterQueryLargePacketSize", DISPATCH_LEVEL)->frontend.features;
    bool there = (version == 4 && features->gso4) || (version == 6 && features->gso6);

    *size = there ? UINT16_MAX - ETHERNET_TAGGED - IPV6_HEADER - MAX_IPV6_OPTIONS - MAX_TCP_HEADER : 0;
}

static MS_ABI void vif_MacQueryState(struct INTERFACE *interface, uint32_t *connect, uint64_t *speed, uint32_t *duplex)
{
    struct mac *mac = &enter(interface, "MacQueryState", DISPATCH_LEVEL)->mac;
    bool up = __atomic_load_n(&mac->up, __ATOMIC_RELAXED);

    if (connect != NULL) {
        *connect = up ? MediaConnectStateConnected : MediaConnectStateDisconnected;
    }
    if (speed != NULL) {
        *speed = __atomic_load_n(&mac->speed, __ATOMIC_RELAXED);
    }
    if (duplex != NULL) {
        *duplex = up ? MediaDuplexStateFull : MediaDuplexStateUnknown;
    }
}

static MS_ABI void vif_MacQueryMaximumFrameSize(struct INTERFACE *interface, uint32_t *size)
{
    ENTER(interface, "MacQueryMaximumFrameSize", DISPATCH_LEVEL);

    /* XenVif counts in a VLAN tag that may be there. */
    *size = __atomic_load_n(&vif->mac.mtu, __ATOMIC_RELAXED) + ETHERNET_HEADER + VLAN_TAG_BYTES;
}

static MS_ABI void vif_MacQueryPermanentAddress(struct INTERFACE *interface, uint8_t *address)
{
    memcpy(address, enter(interface, "MacQueryPermanentAddress", DISPATCH_LEVEL)->mac.permanent, 6);
}

static MS_ABI void vif_MacQueryCurrentAddress(struct INTERFACE *interface, uint8_t *address)
{
    memcpy(address, enter(interface, "MacQueryCurrentAddress", DISPATCH_LEVEL)->mac.current, 6);
}

static MS_ABI int32_t vif_MacQueryMulticastAddresses(struct INTERFACE *interface, uint8_t *addresses, uint32_t *count)
{
    struct mac *mac = &enter(interface, "MacQueryMulticastAddresses", DISPATCH_LEVEL)->mac;
    int32_t status = STATUS_SUCCESS;

    sched_lock(&mac->lock);
    if (addresses == NULL || *count < mac->multicast_count) {
        status = (int32_t)0x80000005; /* STATUS_BUFFER_OVERFLOW */
    } else {
        memcpy(addresses, mac->multicast, mac->multicast_count * 6);
    }
    *count = mac->multicast_count;
    sched_unlock(&mac->lock);
    return status;
}

static MS_ABI int32_t vif_MacSetMulticastAddresses(struct INTERFACE *interface, const uint8_t *addresses,
                                                   uint32_t count)
{
    return mac_set_multicast(enter(interface, "MacSetMulticastAddresses", DISPATCH_LEVEL), addresses, count);
}

static MS_ABI int32_t vif_MacSetFilterLevel(struct INTERFACE *interface, uint32_t type, uint32_t level)
{
    ENTER(interface, "MacSetFilterLevel", DISPATCH_LEVEL);

    if (type == ETHERNET_ADDRESS_TYPE_INVALID || type >= ETHERNET_ADDRESS_TYPE_COUNT || level > XENVIF_MAC_FILTER_ALL) {
        return STATUS_INVALID_PARAMETER;
    }
    __atomic_store_n(&vif->mac.levels[type], level, __ATOMIC_RELAXED);
    if (type == ETHERNET_ADDRESS_MULTICAST) {
        mac_filter_changed(vif);
    }
    return STATUS_SUCCESS;
}

static MS_ABI int32_t vif_MacQueryFilterLevel(struct INTERFACE *interface, uint32_t type, uint32_t *level)
{
    ENTER(interface, "MacQueryFilterLevel", DISPATCH_LEVEL);

    if (type >= ETHERNET_ADDRESS_TYPE_COUNT) {
        return STATUS_INVALID_PARAMETER;
    }
    *level = __atomic_load_n(&vif->mac.levels[type], __ATOMIC_RELAXED);
    return STATUS_SUCCESS;
}

void interface_fill_vif(struct vif *vif, void *interface)
{
    struct XENVIF_VIF_INTERFACE_V10 *table = interface;

    memset(table, 0, sizeof(*table));
    table->Interface.Size = sizeof(*table);
    table->Interface.Context = vif;
    table->Acquire = vif_Acquire;
    table->Release = vif_Release;
    table->Enable = vif_Enable;
    table->Disable = vif_Disable;
    table->QueryStatistic = vif_QueryStatistic;
    table->QueryRingCount = vif_QueryRingCount;
    table->UpdateHashMapping = vif_UpdateHashMapping;
    table->ReceiverReturnPacket = vif_ReceiverReturnPacket;
    table->ReceiverSetOffloadOptions = vif_ReceiverSetOffloadOptions;
    table->ReceiverSetBackfillSize = vif_ReceiverSetBackfillSize;
    table->ReceiverQueryRingSize = vif_QueryRingSize;
    table->ReceiverSetHashAlgorithm = vif_ReceiverSetHashAlgorithm;
    table->ReceiverQueryHashCapabilities = vif_ReceiverQueryHashCapabilities;
    table->ReceiverUpdateHashParameters = vif_ReceiverUpdateHashParameters;
    table->TransmitterQueuePacket = vif_TransmitterQueuePacket;
    table->TransmitterQueryOffloadOptions = vif_TransmitterQueryOffloadOptions;
    table->TransmitterQueryLargePacketSize = vif_TransmitterQueryLargePacketSize;
    table->TransmitterQueryRingSize = vif_QueryRingSize;
    table->MacQueryState = vif_MacQueryState;
    table->MacQueryMaximumFrameSize = vif_MacQueryMaximumFrameSize;
    table->MacQueryPermanentAddress = vif_MacQueryPermanentAddress;
    table->MacQueryCurrentAddress = vif_MacQueryCurrentAddress;
    table->MacQueryMulticastAddresses = vif_MacQueryMulticastAddresses;
    table->MacSetMulticastAddresses = vif_MacSetMulticastAddresses;
    table->MacSetFilterLevel = vif_MacSetFilterLevel;
    table->MacQueryFilterLevel = vif_MacQueryFilterLevel;
}
