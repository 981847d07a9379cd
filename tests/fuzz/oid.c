/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests of any kind, OID, length and content, as NDIS lets a protocol or WMI make them. A request is: what (1 byte),
 * which OID (1, or 4 where it is none of the list), length (2), then bytes. NDIS's adapter checks what comes back: no
 * byte behind the buffer, lengths that fit, one completion.
 */
#include <string.h>

#include "fuzz.h"

enum { MAX_REQUESTS = 6, MAX_BUFFER = 2048 };

/* What a request is like: how it is asked, and what its buffer begins with. */
enum {
    KIND = 3,        /* query, set, method, method without waiting */
    HEADER = 4,      /* a record's header of the buffer's length in front */
    RSS_RECORD = 8,  /* then with RSS's type */
    FULL = 16,       /* the buffer is filled up with the input's last byte */
    RAW_OID = 32,    /* the OID is the next four bytes */
    OTHER_ROOM = 64, /* a method's output has another length */
};

static const uint32_t usual_filter =
    NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_BROADCAST;
static bool changed; /* something was set since the last input */

static void start(uint32_t world)
{
    fuzz_bed_start(world, 16);
}

/* As the edge left them. */
static void restore(void)
{
    struct NDIS_OFFLOAD_PARAMETERS offload;
    struct NDIS_RECEIVE_SCALE_PARAMETERS rss;
    uint32_t needed;

    memset(&offload, 0, sizeof(offload));
    offload.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    offload.Header.Revision = 1;
    offload.Header.Size = 20;
    offload.IPv4Checksum = offload.TCPIPv4Checksum = offload.UDPIPv4Checksum = offload.TCPIPv6Checksum =
        offload.UDPIPv6Checksum = NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED;
    offload.LsoV2IPv4 = offload.LsoV2IPv6 = NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED;
    memset(&rss, 0, sizeof(rss));
    rss.Header.Type = NDIS_OBJECT_TYPE_RSS_PARAMETERS;
    rss.Header.Revision = 2;
    rss.Header.Size = sizeof(rss);
    rss.Flags = NDIS_RSS_PARAM_FLAG_DISABLE_RSS;
    (void)adapter_set(fuzz_bed.adapter, OID_TCP_OFFLOAD_PARAMETERS, &offload, 20, &needed);
    (void)adapter_set(fuzz_bed.adapter, OID_GEN_RECEIVE_SCALE_PARAMETERS, &rss, sizeof(rss), &needed);
    (void)adapter_set(fuzz_bed.adapter, OID_802_3_MULTICAST_LIST, NULL, 0, &needed);
    if (adapter_set(fuzz_bed.adapter, OID_GEN_CURRENT_PACKET_FILTER, &usual_filter, sizeof(usual_filter), &needed) !=
        NDIS_STATUS_SUCCESS) {
        fuzz_fail("the usual packet filter is refused");
    }
}

static uint32_t pick(struct fuzz_input *input, uint32_t what)
{
    const uint32_t *oids;
    uint32_t count = adapter_supported_oids(fuzz_bed.adapter, &oids);

    return what & RAW_OID ? fuzz_take(input, 4) : oids[fuzz_take(input, 1) % count];
}

/* NDIS keeps account of this one: down, and up again. */
static void power(uint32_t state)
{
    if (adapter_set_power(fuzz_bed.adapter, NdisDeviceStateD1 + state % 3) == NDIS_STATUS_SUCCESS &&
        adapter_set_power(fuzz_bed.adapter, NdisDeviceStateD0) != NDIS_STATUS_SUCCESS) {
        fuzz_fail("the adapter does not come back to D0");
    }
}

static void request(struct fuzz_input *input)
{
    static uint8_t buffer[MAX_BUFFER];
    uint32_t what = fuzz_take(input, 1), oid = pick(input, what), length = fuzz_take(input, 2) % (MAX_BUFFER + 1);
    uint32_t out = what & OTHER_ROOM ? fuzz_take(input, 2) % (MAX_BUFFER + 1) : length, given = 0, written, needed;

    memset(buffer, what & FULL && input->size > 0 ? input->data[input->size - 1] : 0, length > out ? length : out);
    if (what & HEADER && length >= 4) {
        buffer[0] = what & RSS_RECORD ? NDIS_OBJECT_TYPE_RSS_PARAMETERS : NDIS_OBJECT_TYPE_DEFAULT;
        buffer[1] = (uint8_t)fuzz_take(input, 1);
        memcpy(buffer + 2, &length, 2);
        given = 4;
    }
    if (length > given) {
        (void)fuzz_take_bytes(input, buffer + given, length - given);
    }
    if (oid == OID_PNP_SET_POWER && (what & KIND) != 0) {
        power(buffer[0]);
        return;
    }
    changed = changed || (what & KIND) != 0;
    switch (what & KIND) {
    case 0:
        (void)adapter_query(fuzz_bed.adapter, oid, buffer, length, &written, &needed);
        break;
    case 1:
        (void)adapter_set(fuzz_bed.adapter, oid, buffer, length, &needed);
        break;
    case 2:
        (void)adapter_method(fuzz_bed.adapter, oid, buffer, length, out, &written, &needed);
        break;
    default:
        (void)adapter_method_now(fuzz_bed.adapter, oid, buffer, length, out, &written, &needed);
    }
}

static void one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, size };

    if (changed) {
        restore();
        changed = false;
    }
    for (uint32_t i = 0; i < MAX_REQUESTS && input.size > 0; i++) {
        request(&input);
    }
}

const struct fuzz_target fuzz_oid = {
    .name = "oid", .start = start, .one = one, .stop = fuzz_bed_stop, .driver = true
};
