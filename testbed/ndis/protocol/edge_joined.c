/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What TCP/IP does with joined UDP datagrams (URO): for a Linux stack they are one frame of UDP segmentation, which it
 * takes apart for who wants single datagrams. A frame has fewer vectors than such a packet has MDLs, and its IPv4
 * header wants a checksum, so it is copied into a buffer of the processor's. Runs where the miniport indicates.
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

bool edge_joined_frame(struct edge *edge, uint32_t processor, const struct NET_BUFFER_LIST *nbl, struct frame *frame)
{
    const struct NET_BUFFER *nb = nbl->FirstNetBuffer;
    struct edge_late *here = &edge->late[processor];
    union late_udp_rsc info = { .Value = ndis_info(nbl, UdpRecvSegCoalesceOffloadInfo) };
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
    frame->offload = (struct frame_offload){ .checksum_valid = true,
                                             .gso = info.Receive.SegCount > 1 ? FRAME_GSO_UDP : FRAME_GSO_NONE,
                                             .gso_size = info.Receive.SegSize,
                                             .header_length = layout.payload };
    return true;
}
