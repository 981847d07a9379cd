/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What TCP/IP does with joined UDP datagrams (URO): for a Linux stack they are one frame of UDP segmentation, which it
 * takes apart for who wants single datagrams. Its IPv4 header wants a checksum, in a copy of the headers. A frame has
 * fewer vectors than such a packet has MDLs: who wants a frame gets one in a buffer of the processor's, copied; the
 * port takes it in pieces. Runs where the miniport indicates.
 */
#include <stdlib.h>

#include "ndis/protocol/edge_internal.h"

#include "ndis/nbl/nbl.h"
#include "wire/bytes.h"
#include "wire/checksum.h"

enum { IPV4_HEADER = 20, IPV4_CHECKSUM = 10 };

uint32_t edge_joined(const struct NET_BUFFER_LIST *nbl)
{
    union late_udp_rsc info = { .Value = ndis_info(nbl, UdpRecvSegCoalesceOffloadInfo) };

    return ((uintptr_t)info.Value & UINT32_MAX) != 0 ? info.Receive.SegCount : 0;
}

/* The miniport's MDLs are left as they are: a filter above may be looking at them. */
static void complete_header(uint8_t *bytes, const struct layout *layout)
{
    uint16_t sum;

    if (layout->version == 4) {
        put16(bytes + layout->network + IPV4_CHECKSUM, 0);
        sum = (uint16_t)~checksum_sum(bytes + layout->network, IPV4_HEADER);
        memcpy(bytes + layout->network + IPV4_CHECKSUM, &sum, sizeof(sum));
    }
}

static void describe(const struct NET_BUFFER_LIST *nbl, const struct layout *layout, struct frame_offload *offload)
{
    union late_udp_rsc info = { .Value = ndis_info(nbl, UdpRecvSegCoalesceOffloadInfo) };

    *offload = (struct frame_offload){ .checksum_valid = true,
                                       .gso = info.Receive.SegCount > 1 ? FRAME_GSO_UDP : FRAME_GSO_NONE,
                                       .gso_size = info.Receive.SegSize,
                                       .header_length = layout->payload };
}

bool edge_joined_frame(struct edge *edge, uint32_t processor, const struct NET_BUFFER_LIST *nbl, struct frame *frame)
{
    const struct NET_BUFFER *nb = nbl->FirstNetBuffer;
    struct edge_late *here = &edge->late[processor];
    struct layout layout;

    if (here->joined == NULL) {
        here->joined = ndis_alloc(MAX_FRAME_BYTES);
    }
    frame->vectors[0] = (struct iovec){ here->joined, nb->DataLength };
    frame->vector_count = 1;
    frame->length = nb->DataLength;
    if (nb->DataLength > MAX_FRAME_BYTES ||
        net_buffer_copy_out(nb, 0, here->joined, nb->DataLength) != nb->DataLength || !frame_parse(frame, &layout) ||
        layout.transport == 0) {
        return false;
    }
    complete_header(here->joined, &layout);
    describe(nbl, &layout, &frame->offload);
    return true;
}

/* The NB's bytes behind its headers, MDL by MDL. False: in too many pieces. */
static bool add_payload(const struct NET_BUFFER *nb, uint32_t headers, struct pieces *pieces)
{
    const struct MDL *mdl = nb->CurrentMdl;
    uint32_t offset = nb->CurrentMdlOffset + headers, left = nb->DataLength - headers;

    while (left != 0) {
        uint32_t part;

        if (offset >= mdl->ByteCount) {
            offset -= mdl->ByteCount;
            mdl = mdl->Next;
            continue;
        }
        if (pieces->count == 1 + FRAME_PIECES) {
            return false;
        }
        part = mdl->ByteCount - offset < left ? mdl->ByteCount - offset : left;
        pieces->vectors[pieces->count++] = (struct iovec){ (uint8_t *)mdl_address(mdl) + offset, part };
        left -= part;
        offset += part;
    }
    return true;
}

bool edge_joined_pieces(const struct NET_BUFFER_LIST *nbl, struct pieces *pieces, struct layout *layout)
{
    const struct NET_BUFFER *nb = nbl->FirstNetBuffer;
    uint8_t headers[LAYOUT_HEADERS];
    struct frame head = { .vectors = { { headers, sizeof(headers) } }, .vector_count = 1, .length = nb->DataLength };
    uint16_t seed;

    (void)net_buffer_copy_out(nb, 0, headers, nb->DataLength < sizeof(headers) ? nb->DataLength : sizeof(headers));
    if (nb->DataLength > MAX_FRAME_BYTES || !frame_parse(&head, layout) || layout->transport == 0) {
        return false;
    }
    pieces->vectors[1] = (struct iovec){ layout->headers, layout->payload };
    pieces->count = 2;
    pieces->length = nb->DataLength;
    if (!add_payload(nb, layout->payload, pieces)) {
        return false;
    }
    complete_header(layout->headers, layout);
    seed = checksum_partial_seed(layout, nb->DataLength - layout->transport);
    memcpy(layout->headers + layout->checksum, &seed, sizeof(seed));
    describe(nbl, layout, &pieces->offload);
    pieces->offload.checksum_partial = true;
    pieces->offload.checksum_start = layout->transport;
    pieces->offload.checksum_offset = (uint16_t)(layout->checksum - layout->transport);
    return true;
}
