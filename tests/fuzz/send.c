/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a protocol sends: NBLs with any out-of-band data, NBs of any bytes in MDL chains cut anywhere. Each comes back,
 * whatever it is. As NDIS has it, offloads are asked for frames that they fit: those are of the kind that the flags
 * say, whole, and have no other bytes before their payload.
 */
#include <string.h>

#include "abi.h"
#include "fuzz.h"
#include "ndis/late.h"
#include "ndis/nbl/nbl.h"
#include "ndis/protocol/raw.h"

enum { MAX_LISTS = 4, MAX_BUFFERS = 3, MAX_CUTS = 6, MAX_BYTES = 66000, PATIENCE = 60 };

static struct raw *raw;

static void start(uint32_t world)
{
    fuzz_bed_start(world, 16);
    raw = raw_open(fuzz_bed.adapter, &(struct raw_options){ .memory = fuzz_bed.guest });
}

static void stop(void)
{
    raw_close(raw);
    fuzz_bed_stop();
}

/* What an NBL asks for: the frames are of one kind, and large only where a large send is asked for. */
struct asked {
    bool offload, large;
    uint32_t kind;
};

static void add_buffer(struct fuzz_input *input, struct NET_BUFFER_LIST *nbl, const struct asked *asked)
{
    static uint8_t bytes[MAX_BYTES];
    uint32_t kind = fuzz_take(input, 1), payload = fuzz_take(input, 2), length, offset = 0, cuts[MAX_CUTS], left;
    uint32_t count = kind >> 3 & 3;

    if (asked->offload) {
        kind = (kind & ~(uint32_t)0x67) | asked->kind;
    }
    payload = asked->large ? payload % 65000 : payload % 1440;
    length = fuzz_frame(bytes, kind, payload);
    if (kind & 0x20) { /* other headers */
        (void)fuzz_take_bytes(input, bytes + 12, fuzz_take(input, 1) % 64);
    }
    if (kind & 0x40) { /* cut short, at an Ethernet header at least */
        length = 14 + fuzz_take(input, 2) % (length - 13);
    }
    if (kind & 0x80) { /* the chain begins before the data, and has as many MDLs as there are bits */
        offset = fuzz_take(input, 1);
        count = 1 + fuzz_take(input, 1) % MAX_CUTS;
    }
    left = offset + length;
    for (uint32_t i = 0; i < count; i++) {
        cuts[i] = i + 1 == count ? left : fuzz_take(input, 2) % (left + 1);
        left -= cuts[i];
    }
    raw_add(raw, nbl, bytes, length, offset, cuts, count);
}

static uint32_t transport(uint32_t kind)
{
    return 14 + (kind & 4 ? 4 : 0) + (kind & 2 ? 40 : 20);
}

/* NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO of a frame of that kind (fuzz_frame), with or without the IP header's. */
static uintptr_t checksums(uint32_t kind, uint32_t which)
{
    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info = { .Value = NULL };

    info.Transmit.IsIPv4 = (kind & 2) == 0;
    info.Transmit.IsIPv6 = (kind & 2) != 0;
    info.Transmit.TcpChecksum = (kind & 1) && which & 1;
    info.Transmit.UdpChecksum = !(kind & 1) && which & 1;
    info.Transmit.IpHeaderChecksum = (kind & 2) == 0 && which & 2;
    info.Transmit.TcpHeaderOffset = transport(kind);
    return (uintptr_t)info.Value;
}

static uintptr_t large_send(uint32_t kind, uint32_t size)
{
    struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO info = { .Value = NULL };

    if (size & 1 && !(kind & 2)) { /* version 1 knows IPv4 alone */
        info.LsoV1Transmit.MSS = size >> 1;
        info.LsoV1Transmit.TcpHeaderOffset = transport(kind);
        info.LsoV1Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V1_TYPE;
    } else {
        info.LsoV2Transmit.MSS = size >> 1;
        info.LsoV2Transmit.TcpHeaderOffset = transport(kind);
        info.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
        info.LsoV2Transmit.IPVersion = (kind & 2) != 0;
    }
    return (uintptr_t)info.Value;
}

static uintptr_t udp_send(uint32_t kind, uint32_t size)
{
    union late_udp_segmentation info = { .Value = NULL };

    info.Transmit.MSS = size;
    info.Transmit.UdpHeaderOffset = transport(kind);
    info.Transmit.IPVersion = (kind & 2) != 0;
    return (uintptr_t)info.Value;
}

static struct NET_BUFFER_LIST *list(struct fuzz_input *input)
{
    struct NET_BUFFER_LIST *nbl = raw_nbl(raw);
    uint32_t what = fuzz_take(input, 1), buffers = 1 + (what >> 5) % MAX_BUFFERS;
    struct asked asked = { .offload = (what & 0x13) != 0, .large = (what & 0x12) != 0 };
    uintptr_t any = asked.offload ? fuzz_take(input, 4) : 0;

    asked.kind = (uint32_t)any & 7;
    if (what & 2) { /* LSO, of either version, with any size */
        asked.kind |= 1;
        nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = (void *)large_send(asked.kind, (uint32_t)any >> 3);
    } else if (what & 16 && nbl_public_slots() > UdpSegmentationOffloadInfo) {
        asked.kind &= 6;
        nbl->NetBufferListInfo[UdpSegmentationOffloadInfo] = (void *)udp_send(asked.kind, (uint32_t)any >> 3);
    } else if (what & 1) {
        nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo] = (void *)checksums(asked.kind, (uint32_t)any >> 3);
    }
    if (what & 4) {
        nbl->NetBufferListInfo[Ieee8021QNetBufferListInfo] = (void *)(uintptr_t)fuzz_take(input, 4);
    }
    if (what & 8) {
        nbl->NetBufferListInfo[NetBufferListHashValue] = (void *)(uintptr_t)fuzz_take(input, 4);
        nbl->NetBufferListInfo[NetBufferListHashInfo] = (void *)(uintptr_t)fuzz_take(input, 2);
    }
    for (uint32_t i = 0; i < buffers; i++) {
        add_buffer(input, nbl, &asked);
    }
    return nbl;
}

static void one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, size };
    uint32_t how = fuzz_take(&input, 1);
    struct NET_BUFFER_LIST *chain = list(&input);

    for (uint32_t i = 1; i < MAX_LISTS && input.size > 0; i++) {
        raw_link(chain, list(&input));
    }
    raw_send(raw, chain, how & 1, false);
    if (how & 2) {
        adapter_cancel_sends(fuzz_bed.adapter, NULL);
    }
    if (!raw_wait(raw, PATIENCE * SECOND)) {
        fuzz_fail("a send has not come back after %u s", (unsigned)PATIENCE);
    }
    raw_free_all(raw);
    fuzz_bed_drain();
}

const struct fuzz_target fuzz_send = { .name = "send", .start = start, .one = one, .stop = stop, .driver = true };
