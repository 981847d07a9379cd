/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The edge's receiving side: indicated NBLs become frames over the miniport's own MDLs, are handed to the receiver and
 * given back, in one call per batch. Runs where the miniport indicates, at any IRQL up to DISPATCH_LEVEL. In simulated
 * runs some batches are kept for a moment and given back by a DPC, often on another processor, as protocols may.
 */
#include "ndis/protocol/edge_internal.h"

#include "ndis/nbl/nbl.h"
#include "wire/bytes.h"
#include "wire/checksum.h"

enum { LATE_ONE_IN = 4, TAG_BYTES = 4, ADDRESS_BYTES = 12 };

/* The NB's bytes as vectors; false when they lie in more pieces than a frame has vectors. */
static bool gather(const struct NET_BUFFER *nb, struct frame *frame)
{
    const struct MDL *mdl = nb->CurrentMdl;
    uint32_t offset = nb->CurrentMdlOffset, left = nb->DataLength, n = 0;

    for (; left > 0; mdl = mdl->Next, offset = 0) {
        uint32_t part = mdl->ByteCount - offset;

        part = part < left ? part : left;
        if (part == 0) {
            continue;
        }
        if (n == FRAME_VECTORS) {
            return false;
        }
        frame->vectors[n].iov_base = (uint8_t *)mdl_address(mdl) + offset;
        frame->vectors[n].iov_len = part;
        n++;
        left -= part;
    }
    frame->vector_count = n;
    frame->length = nb->DataLength;
    return true;
}

/* Put a tag that came out of band back behind the addresses: `tag` and `addresses` must live as long as the frame. */
static bool insert_tag(struct frame *frame, uint32_t tci, uint8_t tagged[ADDRESS_BYTES + TAG_BYTES])
{
    struct iovec rest[FRAME_VECTORS];
    uint32_t n;

    (void)frame_copy_out(frame, 0, tagged, ADDRESS_BYTES);
    put16(tagged + ADDRESS_BYTES, ETHERTYPE_VLAN);
    put16(tagged + ADDRESS_BYTES + 2, tci);
    n = frame_slice(frame, ADDRESS_BYTES, frame->length - ADDRESS_BYTES, rest, FRAME_VECTORS - 1);
    if (n == 0) {
        return false;
    }
    memcpy(frame->vectors + 1, rest, n * sizeof(rest[0]));
    frame->vectors[0] = (struct iovec){ tagged, ADDRESS_BYTES + TAG_BYTES };
    frame->vector_count = n + 1;
    frame->length += TAG_BYTES;
    return true;
}

/* 802.1Q control information from out-of-band data; 0: none. */
static uint32_t tag_of(const struct NET_BUFFER_LIST *nbl)
{
    struct NDIS_NET_BUFFER_LIST_8021Q_INFO info;

    memset(&info, 0, sizeof(info));
    info.Value = ndis_info(nbl, Ieee8021QNetBufferListInfo);
    return info.TagHeader.UserPriority << 13 | info.TagHeader.CanonicalFormatId << 12 | info.TagHeader.VlanId;
}

/* A checksum that is flagged as good is good, or left open by a backend that vouches for the packet; one that is
 * flagged as bad is bad. Without a flag TCP/IP sums for itself. */
static bool flags_are_true(const struct NET_BUFFER_LIST *nbl, const struct frame *frame)
{
    enum checksum_verdict verdict = frame_verify_checksum(frame);
    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO sum;
    struct layout layout;
    bool good, bad;

    memset(&sum, 0, sizeof(sum));
    sum.Value = ndis_info(nbl, TcpIpChecksumNetBufferListInfo);
    good = sum.Receive.TcpChecksumSucceeded || sum.Receive.UdpChecksumSucceeded;
    bad = sum.Receive.TcpChecksumFailed || sum.Receive.UdpChecksumFailed;
    if (sum.Receive.IpChecksumSucceeded ? !frame_verify_ip_header(frame)
                                        : sum.Receive.IpChecksumFailed && frame_verify_ip_header(frame)) {
        return false;
    }
    if (good && verdict == CHECKSUM_BAD) {
        return frame_parse(frame, &layout) && frame_seed_is_right(&layout);
    }
    return !(bad && verdict == CHECKSUM_GOOD);
}

/* Joined datagrams to who takes them in pieces. False: nobody does. */
static bool receive_pieces(struct edge *edge, uint32_t processor, const struct NET_BUFFER_LIST *nbl,
                           struct adapter_processor *here)
{
    struct pieces pieces;
    struct layout layout;

    if (edge->options.receive_pieces == NULL || tag_of(nbl) != 0 || !edge_joined_pieces(nbl, &pieces, &layout)) {
        return false;
    }
    COUNT(here->counts.rx_checksum_good, 1);
    COUNT(here->counts.rx_joined, 1);
    COUNT(here->counts.rx_joined_datagrams, edge_joined(nbl));
    pcap_write_pieces(edge->options.pcap, PCAP_GUEST, PCAP_FROM_DRIVER, &pieces);
    edge->options.receive_pieces(edge->options.context, processor, &pieces);
    return true;
}

static void receive_one(struct edge *edge, uint32_t processor, const struct NET_BUFFER_LIST *nbl,
                        struct adapter_processor *here)
{
    uint8_t tagged[ADDRESS_BYTES + TAG_BYTES];
    uint32_t tci, joined = edge_joined(nbl);
    struct frame frame;

    if (joined != 0 && receive_pieces(edge, processor, nbl, here)) {
        return;
    }
    memset(&frame.offload, 0, sizeof(frame.offload));
    if (!(joined != 0 ? edge_joined_frame(edge, processor, nbl, &frame) : gather(nbl->FirstNetBuffer, &frame))) {
        COUNT(here->counts.rx_unshown, 1);
        return;
    }
    tci = tag_of(nbl);
    if (tci != 0 && !insert_tag(&frame, tci, tagged)) {
        COUNT(here->counts.rx_unshown, 1);
        return;
    }
    if (joined == 0) {
        edge_receive_offload(edge, nbl, &frame);
    }
    if (frame.offload.checksum_valid) {
        COUNT(here->counts.rx_checksum_good, 1);
    }
    if (joined != 0) {
        COUNT(here->counts.rx_joined, 1);
        COUNT(here->counts.rx_joined_datagrams, joined);
    } else if (frame.offload.gso != FRAME_GSO_NONE) {
        COUNT(here->counts.rx_coalesced, 1);
    } else if (sched_kind() == SCHED_SIMULATED && !flags_are_true(nbl, &frame)) {
        sched_trace("edge: %u bytes with an untrue flag about a checksum", frame.length);
        COUNT(here->counts.rx_sums_wrong, 1);
    }
    pcap_write(edge->options.pcap, PCAP_GUEST, PCAP_FROM_DRIVER, &frame);
    if (edge->options.receive != NULL) {
        edge->options.receive(edge->options.context, processor, &frame);
    }
}

/* What is kept is not the miniport's until it is returned. */
static void hide(struct NET_BUFFER_LIST *chain, const struct NET_BUFFER_LIST *end)
{
    for (struct NET_BUFFER_LIST *next; chain != end; chain = next) {
        next = chain->Next;
        nbl_hide(chain, NBL_INDICATED);
    }
}

static void keep(struct edge *edge, struct NET_BUFFER_LIST *chain, struct NET_BUFFER_LIST *last, uint32_t count)
{
    struct edge_late *late = &edge->late[sched_random(processor_count())];

    sched_lock(&late->lock);
    last->Next = late->first;
    hide(chain, late->first);
    late->first = chain;
    late->count += count;
    sched_unlock(&late->lock);
    (void)dpc_queue(&late->dpc);
}

void edge_receive_chain(struct edge *edge, struct NET_BUFFER_LIST *chain, uint32_t flags)
{
    uint32_t processor = processor_current(), count = 0;
    struct adapter_processor *here = &edge->adapter->processors[processor];
    struct NET_BUFFER_LIST *nbl, *last = chain;

    for (nbl = chain; nbl != NULL; nbl = nbl->Next) {
        receive_one(edge, processor, nbl, here);
        last = nbl;
        count++;
    }
    if ((flags & NDIS_RECEIVE_FLAGS_RESOURCES) != 0) {
        return;
    }
    if (edge_held_keep(edge, chain, count)) {
        return;
    }
    if ((sched_kind() == SCHED_SIMULATED || guard_pages) && sched_random(LATE_ONE_IN) == 0) {
        keep(edge, chain, last, count);
        return;
    }
    adapter_return(edge->adapter, chain, count);
}
