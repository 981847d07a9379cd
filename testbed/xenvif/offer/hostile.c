/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hostile providers (hostile.h), and tables whose methods can be made to fail (nt/export/fail.h): both replace methods
 * in a table that the device just filled, so an honest run never comes here. What is set is process-wide; a test case
 * is a process.
 */
#include "xenvif/offer/hostile.h"

#include "nt/export/fail.h"
#include "xenvif/state.h"

enum { MAX_INJECTED = 65536 };

static bool lies[LIE_COUNT];
static uint64_t values[LIE_COUNT];
static bool injecting;
static uint8_t cookies[MAX_INJECTED]; /* their addresses are the cookies; 1: out */
static uint32_t injected, returns;    /* returns: changes with each packet that comes back */
static uint64_t returned;

void vif_lie(enum vif_lie what, uint64_t value)
{
    values[what] = value;
    lies[what] = true;
}

void vif_tell_truth(void)
{
    memset(lies, 0, sizeof(lies));
}

void vif_inject_start(void)
{
    injecting = true;
}

/* --- methods that lie, else ask the honest one --- */

static struct XENVIF_VIF_INTERFACE_V10 honest;

static MS_ABI void lie_QueryRingCount(struct INTERFACE *interface, uint32_t *count)
{
    ((MS_ABI void (*)(struct INTERFACE *, uint32_t *))honest.QueryRingCount)(interface, count);
    *count = lies[LIE_RING_COUNT] ? (uint32_t)values[LIE_RING_COUNT] : *count;
}

static MS_ABI void lie_MacQueryMaximumFrameSize(struct INTERFACE *interface, uint32_t *size)
{
    ((MS_ABI void (*)(struct INTERFACE *, uint32_t *))honest.MacQueryMaximumFrameSize)(interface, size);
    *size = lies[LIE_FRAME_SIZE] ? (uint32_t)values[LIE_FRAME_SIZE] : *size;
}

static MS_ABI void lie_QueryRingSize(struct INTERFACE *interface, uint32_t *size)
{
    ((MS_ABI void (*)(struct INTERFACE *, uint32_t *))honest.ReceiverQueryRingSize)(interface, size);
    *size = lies[LIE_RING_SIZE] ? (uint32_t)values[LIE_RING_SIZE] : *size;
}

static MS_ABI void lie_ReceiverQueryRingSize(struct INTERFACE *interface, uint32_t *size)
{
    lie_QueryRingSize(interface, size);
    *size = lies[LIE_RECEIVE_RING_SIZE] ? (uint32_t)values[LIE_RECEIVE_RING_SIZE] : *size;
}

static MS_ABI void lie_TransmitterQueryLargePacketSize(struct INTERFACE *interface, uint8_t version, uint32_t *size)
{
    ((MS_ABI void (*)(struct INTERFACE *, uint8_t, uint32_t *))honest.TransmitterQueryLargePacketSize)(interface,
                                                                                                       version, size);
    *size = lies[LIE_LARGE_SIZE] ? (uint32_t)values[LIE_LARGE_SIZE] : *size;
}

static MS_ABI void lie_TransmitterQueryOffloadOptions(struct INTERFACE *interface,
                                                      struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 *options)
{
    ((MS_ABI void (*)(struct INTERFACE *, void *))honest.TransmitterQueryOffloadOptions)(interface, options);
    options->Value = lies[LIE_OFFLOADS] ? (uint16_t)values[LIE_OFFLOADS] : options->Value;
}

static MS_CDECL int32_t lie_ReceiverQueryHashCapabilities(struct INTERFACE *interface, uint32_t *types)
{
    int32_t status =
        ((MS_CDECL int32_t(*)(struct INTERFACE *, ...))honest.ReceiverQueryHashCapabilities)(interface, types);

    *types = lies[LIE_HASH_TYPES] ? (uint32_t)values[LIE_HASH_TYPES] : *types;
    return status;
}

static MS_ABI void lie_MacQueryState(struct INTERFACE *interface, uint32_t *connect, uint64_t *speed, uint32_t *duplex)
{
    ((MS_ABI void (*)(struct INTERFACE *, uint32_t *, uint64_t *, uint32_t *))honest.MacQueryState)(interface, connect,
                                                                                                    speed, duplex);
    *connect = lies[LIE_CONNECT] ? (uint32_t)values[LIE_CONNECT] : *connect;
    *speed = lies[LIE_SPEED] ? values[LIE_SPEED] : *speed;
    *duplex = lies[LIE_DUPLEX] ? (uint32_t)values[LIE_DUPLEX] : *duplex;
}

static MS_ABI void lie_MacQueryAddress(struct INTERFACE *interface, uint8_t *address)
{
    ((MS_ABI void (*)(struct INTERFACE *, uint8_t *))honest.MacQueryPermanentAddress)(interface, address);
    if (lies[LIE_ADDRESS]) {
        memcpy(address, &values[LIE_ADDRESS], 6);
    }
}

static MS_ABI int32_t lie_QueryStatistic(struct INTERFACE *interface, uint32_t index, uint64_t *value)
{
    int32_t status =
        ((MS_ABI int32_t(*)(struct INTERFACE *, uint32_t, uint64_t *))honest.QueryStatistic)(interface, index, value);

    *value = lies[LIE_STATISTIC] ? values[LIE_STATISTIC] : *value;
    return status;
}

static MS_ABI void lie_ReceiverReturnPacket(struct INTERFACE *interface, void *cookie)
{
    uint8_t *mine = cookie;

    if (mine < cookies || mine >= cookies + MAX_INJECTED) {
        ((MS_ABI void (*)(struct INTERFACE *, void *))honest.ReceiverReturnPacket)(interface, cookie);
        return;
    }
    RULE(__atomic_exchange_n(mine, 0, __ATOMIC_SEQ_CST) == 1, "vif-return", "%s",
         "an injected packet was given back twice, or never given");
    __atomic_fetch_add(&returned, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&returns, 1, __ATOMIC_SEQ_CST);
    sched_wake(&returns, UINT32_MAX);
}

void hostile_completion(struct XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *completion)
{
    if (lies[LIE_COMPLETION]) {
        completion->Status = (uint8_t)values[LIE_COMPLETION];
    }
    if (lies[LIE_COMPLETION_ONCE]) {
        lies[LIE_COMPLETION_ONCE] = false;
        completion->Status = (uint8_t)values[LIE_COMPLETION_ONCE];
    }
}

static void replace(struct XENVIF_VIF_INTERFACE_V10 *table)
{
    honest = *table;
    table->QueryRingCount = (void *)lie_QueryRingCount;
    table->MacQueryMaximumFrameSize = (void *)lie_MacQueryMaximumFrameSize;
    table->ReceiverQueryRingSize = (void *)lie_ReceiverQueryRingSize;
    table->TransmitterQueryRingSize = (void *)lie_QueryRingSize;
    table->TransmitterQueryLargePacketSize = (void *)lie_TransmitterQueryLargePacketSize;
    table->TransmitterQueryOffloadOptions = (void *)lie_TransmitterQueryOffloadOptions;
    table->ReceiverQueryHashCapabilities = (void *)lie_ReceiverQueryHashCapabilities;
    table->MacQueryState = (void *)lie_MacQueryState;
    table->MacQueryPermanentAddress = (void *)lie_MacQueryAddress;
    table->MacQueryCurrentAddress = (void *)lie_MacQueryAddress;
    table->QueryStatistic = (void *)lie_QueryStatistic;
    table->ReceiverReturnPacket = (void *)lie_ReceiverReturnPacket;
}

/* --- methods that fail on purpose: a table's function becomes an export, whose trampoline asks nt/export/fail.c --- */

struct wrapped {
    struct export entry;
    size_t place; /* of the pointer in the table */
};

static struct wrapped vif_methods[] = {
#define METHOD(name)                                                                                                   \
    { { "xenvif.sys", "VIF " #name, NULL, PASSIVE_LEVEL, HIGH_LEVEL, 0 },                                              \
      offsetof(struct XENVIF_VIF_INTERFACE_V10, name) },
    METHOD(Acquire) METHOD(Enable) METHOD(QueryStatistic) METHOD(UpdateHashMapping) METHOD(ReceiverSetHashAlgorithm)
        METHOD(ReceiverQueryHashCapabilities) METHOD(ReceiverUpdateHashParameters) METHOD(TransmitterQueuePacket)
            METHOD(MacSetMulticastAddresses) METHOD(MacSetFilterLevel)
#undef METHOD
};
static struct wrapped store_methods[] = {
#define METHOD(name)                                                                                                   \
    { { "xenvif.sys", "STORE " #name, NULL, PASSIVE_LEVEL, HIGH_LEVEL, 0 },                                            \
      offsetof(struct XENBUS_STORE_INTERFACE_V2, Store##name) },
    METHOD(Acquire) METHOD(Read) METHOD(Printf) METHOD(Remove) METHOD(TransactionStart) METHOD(TransactionEnd)
#undef METHOD
};
static struct wrapped suspend_methods[] = {
#define METHOD(name)                                                                                                   \
    { { "xenvif.sys", "SUSPEND " #name, NULL, PASSIVE_LEVEL, HIGH_LEVEL, 0 },                                          \
      offsetof(struct XENBUS_SUSPEND_INTERFACE_V1, name) },
    METHOD(Acquire) METHOD(Register)
#undef METHOD
};

static void wrap(void *table, struct wrapped *methods, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void **function = (void **)((uint8_t *)table + methods[i].place);

        methods[i].entry.function = *function;
        *function = export_wrap(&methods[i].entry);
    }
}

#define WRAP(table, methods) wrap(table, methods, sizeof(methods) / sizeof((methods)[0]))

void hostile_fill(struct vif *vif, void *table, void (*fill)(struct vif *, void *))
{
    bool lying = injecting;

    (void)vif;
    for (int i = 0; i < LIE_COUNT; i++) {
        lying = lying || lies[i];
    }
    if (lying && fill == interface_fill_vif) {
        replace(table);
    }
    if (!fail_armed) {
        return;
    }
    if (fill == interface_fill_vif) {
        WRAP(table, vif_methods);
    } else if (fill == pdo_fill_store) {
        WRAP(table, store_methods);
    } else {
        WRAP(table, suspend_methods);
    }
}

/* --- packets that lie --- */

typedef MS_CDECL void callback_variable(void *argument, uint32_t type, ...);
typedef MS_ABI void callback_record(void *argument, uint32_t type, void *parameters);

void vif_inject(struct vif *vif, uint32_t processor, const struct vif_inject *packet)
{
    const struct subscriber *subscriber = &vif->subscriber;
    struct XENVIF_VIF_CALLBACK_PARAMETERS_V10 parameters;
    struct XENVIF_PACKET_HASH_V2 hash = { .Algorithm = XENVIF_PACKET_HASH_ALGORITHM_NONE };
    uint8_t *cookie, old;

    RULE(injecting && cookies[injected % MAX_INJECTED] == 0, "unsupported", "%s",
         "a packet injected without vif_inject_start, or too many of them are out");
    if (packet->hash != NULL) {
        hash = *packet->hash;
    }
    cookie = &cookies[injected++ % MAX_INJECTED];
    *cookie = 1;
    if (processor_current() != processor) {
        processor_pin(processor);
    }
    old = irql_raise(DISPATCH_LEVEL);
    if (subscriber->version == CALLBACK_VARIABLE) {
        DRIVER_CALL_VOID("ReceiverQueuePacket",
                         ((callback_variable *)subscriber->callback)(
                             subscriber->argument, XENVIF_RECEIVER_QUEUE_PACKET, packet->index, packet->mdl,
                             packet->offset, packet->length, packet->checksum, (uint32_t)packet->mss,
                             (uint32_t)packet->tci, packet->info, &hash, (uint32_t)packet->more, (void *)cookie));
    } else {
        memset(&parameters, 0, sizeof(parameters));
        parameters.ReceiverQueuePacket.Index = packet->index;
        parameters.ReceiverQueuePacket.Mdl = packet->mdl;
        parameters.ReceiverQueuePacket.Offset = packet->offset;
        parameters.ReceiverQueuePacket.Length = packet->length;
        parameters.ReceiverQueuePacket.Flags.Value = packet->checksum;
        parameters.ReceiverQueuePacket.MaximumSegmentSize = packet->mss;
        parameters.ReceiverQueuePacket.TagControlInformation = packet->tci;
        parameters.ReceiverQueuePacket.Info = packet->info;
        parameters.ReceiverQueuePacket.Hash = &hash;
        parameters.ReceiverQueuePacket.More = packet->more;
        parameters.ReceiverQueuePacket.Cookie = cookie;
        DRIVER_CALL_VOID("ReceiverQueuePacket", ((callback_record *)subscriber->callback)(
                                                    subscriber->argument, XENVIF_RECEIVER_QUEUE_PACKET, &parameters));
    }
    irql_lower(old);
}

void hostile_wait_returned(void)
{
    for (;;) {
        uint32_t seen = __atomic_load_n(&returns, __ATOMIC_SEQ_CST);

        if (vif_inject_returned() == injected) {
            return;
        }
        sched_wait(&returns, seen, SCHED_FOREVER);
    }
}

uint64_t vif_inject_returned(void)
{
    return __atomic_load_n(&returned, __ATOMIC_SEQ_CST);
}

void vif_inject_type(struct vif *vif, uint32_t type)
{
    const struct subscriber *subscriber = &vif->subscriber;
    struct XENVIF_VIF_CALLBACK_PARAMETERS_V10 parameters;
    uint8_t old = irql_raise(DISPATCH_LEVEL);

    memset(&parameters, 0, sizeof(parameters));
    if (subscriber->version == CALLBACK_VARIABLE) {
        DRIVER_CALL_VOID("callback", ((callback_variable *)subscriber->callback)(subscriber->argument, type));
    } else {
        DRIVER_CALL_VOID("callback",
                         ((callback_record *)subscriber->callback)(subscriber->argument, type, &parameters));
    }
    irql_lower(old);
}

void vif_tell_mac(struct vif *vif)
{
    callback_mac(vif);
}
