/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between a frame's offloads and NDIS's out-of-band data, both ways. Sending: runs in the queue's task, on a buffer in
 * one piece; what the miniport does not offer at that moment is done in software. The headers of offloaded frames are
 * prepared as TCP/IP prepares them: IPv4 header checksum left to the adapter where it offers that, and for large sends
 * a zero IP length and a TCP checksum field with the pseudo-header's sum without the length.
 */
#include "ndis/protocol/edge_internal.h"

#include "ndis/nbl/nbl.h"
#include "wire/bytes.h"
#include "wire/checksum.h"
#include "nt/check/watchdog.h"
#include "nt/memory/guard.h"
#include "nt/memory/mdl.h"

enum { IPV4_LENGTH = 2, IPV4_CHECKSUM = 10, IPV6_LENGTH = 4, TAG_BYTES = 4, ADDRESS_BYTES = 12, MAX_MSS = 0xfffff };

static void refresh_caps(struct edge_queue *queue)
{
    uint32_t epoch = __atomic_load_n(&queue->edge->adapter->offload_epoch, __ATOMIC_ACQUIRE);

    if (epoch != queue->caps_epoch) {
        adapter_facts(queue->edge->adapter, &queue->caps);
        queue->caps_epoch = epoch;
    }
}

static bool large_send(struct edge_queue *queue, struct NET_BUFFER_LIST *nbl, struct frame *frame,
                       const struct layout *layout)
{
    struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO info;
    bool v4 = frame->offload.gso == FRAME_GSO_TCPV4;
    uint8_t *bytes = frame->vectors[0].iov_base;
    uint32_t most = v4 ? queue->caps.lso4_size : queue->caps.lso6_size;
    uint16_t seed;

    if (!(v4 ? queue->caps.lso4 : queue->caps.lso6) || layout->protocol != PROTOCOL_TCP || layout->transport == 0 ||
        layout->version != (v4 ? 4 : 6) || frame->offload.gso_size == 0 || frame->length - layout->payload > most) {
        return false;
    }
    seed = checksum_partial_seed(layout, 0);
    memcpy(bytes + layout->checksum, &seed, sizeof(seed));
    if (v4) {
        memset(bytes + layout->network + IPV4_LENGTH, 0, 2);
        memset(bytes + layout->network + IPV4_CHECKSUM, 0, 2);
    } else {
        memset(bytes + layout->network + IPV6_LENGTH, 0, 2);
    }
    memset(&info, 0, sizeof(info));
    info.LsoV2Transmit.MSS = frame->offload.gso_size;
    info.LsoV2Transmit.TcpHeaderOffset = layout->transport;
    info.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
    info.LsoV2Transmit.IPVersion = v4 ? 0 : 1;
    nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = info.Value;
    COUNT(adapter_here(queue->edge->adapter)->counts.tx_lso, 1);
    return true;
}

/* One datagram to be cut into several (USO). */
static bool large_datagram(struct edge_queue *queue, struct NET_BUFFER_LIST *nbl, struct frame *frame,
                           const struct layout *layout)
{
    bool v4 = layout->version == 4;
    uint32_t most = v4 ? queue->caps.uso4_size : queue->caps.uso6_size;
    uint8_t *bytes = frame->vectors[0].iov_base;
    union late_udp_segmentation info;
    uint16_t seed;

    if (layout->protocol != PROTOCOL_UDP || layout->transport == 0 || layout->fragment ||
        frame->offload.gso_size == 0 || frame->length - layout->payload > most) {
        return false;
    }
    seed = checksum_partial_seed(layout, 0);
    memcpy(bytes + layout->checksum, &seed, sizeof(seed));
    if (v4) {
        memset(bytes + layout->network + IPV4_CHECKSUM, 0, 2);
    }
    memset(&info, 0, sizeof(info));
    info.Transmit.MSS = frame->offload.gso_size;
    info.Transmit.UdpHeaderOffset = layout->transport;
    info.Transmit.IPVersion = v4 ? 0 : 1;
    nbl->NetBufferListInfo[UdpSegmentationOffloadInfo] = info.Value;
    COUNT(adapter_here(queue->edge->adapter)->counts.tx_uso, 1);
    return true;
}

static bool offers_checksum(const struct adapter_facts *caps, const struct layout *layout)
{
    if (layout->protocol == PROTOCOL_TCP) {
        return layout->version == 4 ? caps->checksum_tx_tcp4 : caps->checksum_tx_tcp6;
    }
    if (layout->protocol == PROTOCOL_UDP) {
        return layout->version == 4 ? caps->checksum_tx_udp4 : caps->checksum_tx_udp6;
    }
    return false;
}

/* A single segment's checksum that the adapter does not take is completed here, as TCP/IP then does. */
static bool complete_here(struct edge_queue *queue, struct frame *frame, const struct layout *layout)
{
    if (frame->offload.gso != FRAME_GSO_NONE || !frame->offload.checksum_partial ||
        (layout->transport != 0 && !layout->fragment && layout->transport == frame->offload.checksum_start &&
         offers_checksum(&queue->caps, layout))) {
        return true;
    }
    if (!frame_complete_checksum(frame)) {
        return false;
    }
    frame->offload.checksum_valid = false; /* it is in the frame, and nothing of it goes to the adapter */
    return true;
}

static void checksum(struct edge_queue *queue, struct NET_BUFFER_LIST *nbl, struct frame *frame,
                     const struct layout *layout)
{
    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info;
    uint8_t *bytes = frame->vectors[0].iov_base;

    memset(&info, 0, sizeof(info));
    info.Transmit.IsIPv4 = layout->version == 4;
    info.Transmit.IsIPv6 = layout->version == 6;
    info.Transmit.TcpChecksum = layout->protocol == PROTOCOL_TCP;
    info.Transmit.UdpChecksum = layout->protocol == PROTOCOL_UDP;
    if (layout->protocol == PROTOCOL_TCP) {
        info.Transmit.TcpHeaderOffset = layout->transport;
    }
    if (layout->version == 4 && queue->caps.checksum_tx_ip4) {
        info.Transmit.IpHeaderChecksum = 1;
        memset(bytes + layout->network + IPV4_CHECKSUM, 0, 2);
    }
    nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo] = info.Value;
    COUNT(adapter_here(queue->edge->adapter)->counts.tx_checksum, 1);
}

/* A tag goes out of band where the adapter advertises it, and stays in the frame where it does not. Returns
 * bytes to skip. */
static uint32_t take_tag(struct edge *edge, struct NET_BUFFER_LIST *nbl, struct frame *frame,
                         const struct layout *layout)
{
    struct NDIS_NET_BUFFER_LIST_8021Q_INFO info;
    uint32_t options = edge->adapter->general.MacOptions, vlan = layout->tci & 0xfff;
    uint8_t *bytes = frame->vectors[0].iov_base;

    if (!layout->tagged || get16(bytes + ADDRESS_BYTES) != ETHERTYPE_VLAN ||
        (options & (vlan != 0 ? NDIS_MAC_OPTION_8021Q_VLAN : NDIS_MAC_OPTION_8021P_PRIORITY)) == 0) {
        return 0;
    }
    memmove(bytes + TAG_BYTES, bytes, ADDRESS_BYTES);
    memset(&info, 0, sizeof(info));
    info.TagHeader.UserPriority = layout->tci >> 13;
    info.TagHeader.CanonicalFormatId = layout->tci >> 12 & 1;
    info.TagHeader.VlanId = vlan;
    nbl->NetBufferListInfo[Ieee8021QNetBufferListInfo] = info.Value;
    return TAG_BYTES;
}

/* TcpHeaderOffset and UdpHeaderOffset count from the packet's first byte, which moves when the tag goes out of band. */
static void shift_offsets(struct NET_BUFFER_LIST *nbl, enum frame_gso gso, uint32_t skip)
{
    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO sum;
    struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO large;
    union late_udp_segmentation datagram;

    memset(&sum, 0, sizeof(sum));
    memset(&large, 0, sizeof(large));
    if (gso == FRAME_GSO_UDP) { /* older Windows has no such slot */
        datagram.Value = nbl->NetBufferListInfo[UdpSegmentationOffloadInfo];
        datagram.Transmit.UdpHeaderOffset -= skip;
        nbl->NetBufferListInfo[UdpSegmentationOffloadInfo] = datagram.Value;
    }
    sum.Value = nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo];
    large.Value = nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo];
    if (sum.Transmit.TcpHeaderOffset != 0) {
        sum.Transmit.TcpHeaderOffset -= skip;
        nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo] = sum.Value;
    }
    if (large.LsoV2Transmit.TcpHeaderOffset != 0) {
        large.LsoV2Transmit.TcpHeaderOffset -= skip;
        nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = large.Value;
    }
}

/* The NB over the slot's buffer. Simulated runs cut it into two MDLs at a drawn place, as stacks with separate headers
 * do. */
static void describe(struct edge_slot *slot, uint32_t skip, uint32_t length)
{
    struct NET_BUFFER *nb = slot->nbl->FirstNetBuffer;
    uint8_t *bytes = guard_pages ? edge_guard_place(slot, skip + length) : slot->buffer;
    uint32_t split = 0;

    if (sched_kind() == SCHED_SIMULATED && length > 1 && sched_random(2) == 0) {
        uint32_t most = length - 1 < XEN_PAGE_SIZE - 1 - skip ? length - 1 : XEN_PAGE_SIZE - 1 - skip;

        split = skip + 1 + (uint32_t)sched_random(most);
    }
    if (split != 0) {
        mdl_aim(slot->rest, bytes + split, skip + length - split);
    }
    slot->whole->ByteCount = split != 0 ? split : skip + length;
    slot->whole->Next = split != 0 ? slot->rest : NULL;
    if (bytes != slot->buffer || slot->whole->MappedSystemVa != bytes) {
        mdl_aim(slot->whole, bytes, slot->whole->ByteCount);
    }
    net_buffer_init(nb, slot->nbl->NdisPoolHandle, slot->whole, skip, length);
}

bool edge_prepare(struct edge_queue *queue, struct edge_slot *slot, struct frame *frame)
{
    struct NET_BUFFER_LIST *nbl = slot->nbl;
    struct layout layout;
    uint32_t skip;

    refresh_caps(queue);
    nbl_show(nbl, "after it completed its send");
    memset(nbl->NetBufferListInfo, 0, nbl_slots() * sizeof(nbl->NetBufferListInfo[0]));
    nbl->Status = NDIS_STATUS_SUCCESS;
    nbl->NblFlags = 0;
    if (frame->length > queue->edge->options.frame_size || !frame_parse(frame, &layout) ||
        !complete_here(queue, frame, &layout)) {
        return false;
    }
    pcap_write(queue->edge->options.pcap, PCAP_GUEST, PCAP_TOWARDS_DRIVER, frame);
    if (frame->offload.gso != FRAME_GSO_NONE) {
        if (!(frame->offload.gso == FRAME_GSO_UDP ? large_datagram(queue, nbl, frame, &layout)
                                                  : large_send(queue, nbl, frame, &layout))) {
            return false;
        }
    } else if (frame->offload.checksum_partial) {
        checksum(queue, nbl, frame, &layout);
    }
    edge_hash(&queue->edge->rss, &layout, nbl);
    skip = take_tag(queue->edge, nbl, frame, &layout);
    if (skip != 0) {
        shift_offsets(nbl, frame->offload.gso, skip);
    }
    describe(slot, skip, frame->length - skip);
    nbl->SourceHandle = queue->edge;
    nbl_set_tag(nbl, NBL_TAG_SENT);
    nbl_set_since(nbl, watchdog_clock());
    return true;
}

/* A frame longer than the link's MTU was put together from segments; RSC data has of how many, older drivers give
 * nothing. */
static void receive_large(struct edge *edge, const struct NET_BUFFER_LIST *nbl, struct frame *frame)
{
    struct NDIS_RSC_NBL_INFO rsc;
    struct layout layout;
    uint32_t payload, size, count;

    memset(&rsc, 0, sizeof(rsc));
    rsc.Value = ndis_info(nbl, TcpRecvSegCoalesceInfo);
    count = rsc.Info.CoalescedSegCount;
    if ((count <= 1 && frame->length <= edge->adapter->general.MtuSize + ETHERNET_HEADER + TAG_BYTES) ||
        !frame_parse(frame, &layout) || layout.protocol != PROTOCOL_TCP || layout.transport == 0) {
        return;
    }
    payload = frame->length - layout.payload;
    size = edge->adapter->general.MtuSize + ETHERNET_HEADER + (layout.tagged ? TAG_BYTES : 0) - layout.payload;
    if (count > 1) {
        size = (payload + count - 1) / count;
    }
    if (payload <= size) {
        return;
    }
    frame->offload.gso = layout.version == 4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
    frame->offload.gso_size = (uint16_t)size;
    frame->offload.header_length = layout.payload;
}

void edge_receive_offload(struct edge *edge, const struct NET_BUFFER_LIST *nbl, struct frame *frame)
{
    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO sum;

    memset(&sum, 0, sizeof(sum));
    sum.Value = ndis_info(nbl, TcpIpChecksumNetBufferListInfo);
    RULE(!(sum.Receive.TcpChecksumSucceeded && sum.Receive.TcpChecksumFailed) &&
             !(sum.Receive.UdpChecksumSucceeded && sum.Receive.UdpChecksumFailed) &&
             !(sum.Receive.IpChecksumSucceeded && sum.Receive.IpChecksumFailed),
         "ndis-nbl", "a received packet's checksum is indicated as both good and bad");
    frame->offload.checksum_valid =
        (sum.Receive.TcpChecksumSucceeded || sum.Receive.UdpChecksumSucceeded) && !sum.Receive.IpChecksumFailed;
    receive_large(edge, nbl, frame);
}
