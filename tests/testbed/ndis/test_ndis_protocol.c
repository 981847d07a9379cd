/* SPDX-License-Identifier: BSD-2-Clause */
/* The protocol edge over a fake miniport: out-of-band data both ways, buffers, batches, pauses. */
#include "ndis_fake.h"

#include <stdlib.h>

#include "wire/bytes.h"
#include "wire/checksum.h"
#include "ndis/nbl/nbl.h"
#include "ndis/adapter/record.h"

enum { TCP = 6, UDP = 17, HEADERS4 = 14 + 20 + 20, BUFFERS = 8 };

static struct received {
    uint32_t frames, length, vectors;
    struct frame_offload offload;
    uint8_t bytes[4096];
} got;

static void receive(void *context, uint32_t processor, const struct frame *frame)
{
    (void)context;
    (void)processor;
    got.frames++;
    got.length = frame->length;
    got.vectors = frame->vector_count;
    got.offload = frame->offload;
    frame_copy_out(frame, 0, got.bytes, sizeof(got.bytes));
}

static struct edge *open_edge(struct fake *fake, uint32_t queues)
{
    struct edge_options options = {
        .memory = fake->xen, .buffers = BUFFERS, .queues = queues, .frame_size = MAX_FRAME_BYTES, .receive = receive
    };
    char error[300] = "";
    struct edge *edge;

    memset(&got, 0, sizeof(got));
    edge = edge_open(fake->adapter, &options, error, sizeof(error));
    if (edge == NULL) {
        fprintf(stderr, "%s\n", error);
    }
    CHECK(edge != NULL);
    return edge;
}

/* An IPv4 or IPv6 packet with the addresses and ports of Microsoft's RSS verification suite, as sent by the local side.
 */
static void build(uint8_t *b, uint32_t version, uint8_t protocol, uint32_t payload)
{
    static const uint8_t remote4[4] = { 66, 9, 149, 187 }, local4[4] = { 161, 142, 100, 80 };
    static const uint8_t local6[16] = { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03, 0, 0, 0, 0, 0, 0, 0, 1 };
    static const uint8_t remote6[16] = { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7 };
    uint32_t transport = version == 4 ? 34 : 54, header = protocol == TCP ? 20 : 8;

    memset(b, 0, transport + header);
    put16(b + 12, version == 4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
    if (version == 4) {
        b[14] = 0x45;
        put16(b + 16, 20 + header + payload);
        b[22] = 64;
        b[23] = protocol;
        put16(b + 24, 0xbeef); /* a checksum of sorts: seen to be cleared or kept */
        memcpy(b + 26, local4, 4);
        memcpy(b + 30, remote4, 4);
    } else {
        b[14] = 0x60;
        put16(b + 18, header + payload);
        b[20] = protocol;
        b[21] = 64;
        memcpy(b + 22, local6, 16);
        memcpy(b + 38, remote6, 16);
    }
    put16(b + transport, 1766);
    put16(b + transport + 2, 2794);
    if (protocol == TCP) {
        b[transport + 12] = 0x50;
    } else {
        put16(b + transport + 4, 8 + payload);
    }
    memset(b + transport + header, 0x5a, payload);
}

static struct seen {
    uint32_t chain;
    uint32_t length, offset;
    void *info[MaxNetBufferListInfo];
    uint8_t head[128];
} seen;

static void look(struct fake *fake, struct NET_BUFFER_LIST *chain)
{
    const struct NET_BUFFER *nb = chain->FirstNetBuffer;
    const struct MDL *mdl = nb->CurrentMdl;
    uint32_t offset = nb->CurrentMdlOffset, n;

    (void)fake;
    net_buffer_check(nb, "look");
    seen.length = nb->DataLength;
    seen.offset = nb->DataOffset;
    memcpy(seen.info, chain->NetBufferListInfo, sizeof(seen.info));
    for (n = 0; n < sizeof(seen.head) && n < nb->DataLength; n++) {
        while (offset == mdl->ByteCount) {
            mdl = mdl->Next;
            offset = 0;
        }
        seen.head[n] = ((const uint8_t *)mdl_address(mdl))[offset++];
    }
    for (seen.chain = 0; chain != NULL; chain = chain->Next) {
        seen.chain++;
    }
}

static void send_one(struct edge *edge, uint32_t version, uint8_t protocol, uint32_t payload, uint16_t mss,
                     bool partial)
{
    uint32_t transport = version == 4 ? 34 : 54, header = protocol == TCP ? 20 : 8;
    struct frame frame;
    struct layout layout;
    uint16_t seed;

    CHECK(edge_buffer(edge, 0, &frame, true));
    build(frame.vectors[0].iov_base, version, protocol, payload);
    frame.length = transport + header + payload;
    if (partial || mss != 0) {
        frame.offload.checksum_partial = true;
        frame.offload.checksum_start = (uint16_t)transport;
        frame.offload.checksum_offset = protocol == TCP ? 16 : 6;
        CHECK(frame_parse(&frame, &layout));
        seed = checksum_partial_seed(&layout, header + payload);
        memcpy((uint8_t *)frame.vectors[0].iov_base + layout.checksum, &seed, 2);
    }
    if (mss != 0) {
        frame.offload.gso = version == 4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
        frame.offload.gso_size = mss;
        frame.offload.header_length = (uint16_t)(transport + header);
    }
    memset(&seen, 0, sizeof(seen));
    edge_queue(edge, 0, &frame);
    edge_flush(edge, 0);
}

static void offer(struct fake *fake)
{
    struct NDIS_OFFLOAD *o = &fake->offload;

    NDIS_HEADER(o->Header, NDIS_OBJECT_TYPE_OFFLOAD, 2, NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_2);
    o->Checksum.IPv4Transmit.Encapsulation = o->Checksum.IPv6Transmit.Encapsulation = NDIS_ENCAPSULATION_IEEE_802_3;
    o->Checksum.IPv4Transmit.TcpChecksum = o->Checksum.IPv4Transmit.UdpChecksum = o->Checksum.IPv4Transmit.IpChecksum =
        1;
    o->Checksum.IPv6Transmit.TcpChecksum = 1;
    o->LsoV2.IPv4.Encapsulation = o->LsoV2.IPv6.Encapsulation = NDIS_ENCAPSULATION_IEEE_802_3;
    o->LsoV2.IPv4.MaxOffLoadSize = 65000;
    o->LsoV2.IPv6.MaxOffLoadSize = 60000;
    fake->on_send = look;
}

static void offload_checksums(struct fake *fake)
{
    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info = { 0 };
    struct edge *edge;

    offer(fake);
    fake_add_running(fake);
    edge = open_edge(fake, 1);
    send_one(edge, 4, TCP, 100, 0, true);
    info.Value = seen.info[TcpIpChecksumNetBufferListInfo];
    CHECK(info.Transmit.IsIPv4 && info.Transmit.TcpChecksum && info.Transmit.IpHeaderChecksum &&
          !info.Transmit.UdpChecksum);
    CHECK_EQ(info.Transmit.TcpHeaderOffset, 34);
    CHECK_EQ(get16(seen.head + 24), 0);
    CHECK_EQ(seen.length, HEADERS4 + 100);

    send_one(edge, 4, UDP, 100, 0, true);
    info.Value = seen.info[TcpIpChecksumNetBufferListInfo];
    CHECK(info.Transmit.IsIPv4 && info.Transmit.UdpChecksum && !info.Transmit.TcpChecksum);
    CHECK_EQ(info.Transmit.TcpHeaderOffset, 0);

    /* UDP over IPv6 is not offered: the edge completes it itself. */
    send_one(edge, 6, UDP, 9, 0, true);
    CHECK(seen.info[TcpIpChecksumNetBufferListInfo] == NULL);
    {
        uint8_t bytes[128];
        struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1, .length = seen.length };

        memcpy(bytes, seen.head, sizeof(bytes));
        CHECK_EQ(frame_verify_checksum(&frame), CHECKSUM_GOOD);
    }
    send_one(edge, 4, TCP, 10, 0, false);
    CHECK(seen.info[TcpIpChecksumNetBufferListInfo] == NULL);
    CHECK_EQ(get16(seen.head + 24), 0xbeef);
    edge_close(edge);
}
TEST(partial_checksums_become_out_of_band_data_or_are_completed)
{
    fake_run(SCHED_SIMULATED, "10-22h2", offload_checksums);
}

static void offload_large(struct fake *fake)
{
    struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO info = { 0 };
    struct adapter_counters counters;
    struct edge *edge;
    uint32_t sum = 0, i;

    offer(fake);
    fake_add_running(fake);
    edge = open_edge(fake, 1);
    send_one(edge, 4, TCP, 64000, 1448, true);
    info.Value = seen.info[TcpLargeSendNetBufferListInfo];
    CHECK_EQ(info.LsoV2Transmit.Type, NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE);
    CHECK_EQ(info.LsoV2Transmit.MSS, 1448);
    CHECK_EQ(info.LsoV2Transmit.TcpHeaderOffset, 34);
    CHECK_EQ(info.LsoV2Transmit.IPVersion, 0);
    CHECK_EQ(get16(seen.head + 16), 0);
    CHECK_EQ(get16(seen.head + 24), 0);
    for (i = 0; i < 8; i += 2) {
        sum += get16(seen.head + 26 + i);
    }
    sum += TCP;
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    CHECK_EQ(get16(seen.head + 50), sum);

    send_one(edge, 6, TCP, 50000, 1428, true);
    info.Value = seen.info[TcpLargeSendNetBufferListInfo];
    CHECK_EQ(info.LsoV2Transmit.IPVersion, 1);
    CHECK_EQ(info.LsoV2Transmit.TcpHeaderOffset, 54);
    CHECK_EQ(get16(seen.head + 18), 0);

    CHECK_EQ(fake->sent, 2);
    send_one(edge, 6, TCP, 60001, 1428, true); /* more than the adapter takes in one */
    CHECK_EQ(fake->sent, 2);
    adapter_counters(fake->adapter, &counters);
    CHECK_EQ(counters.tx_failed, 1);
    CHECK_EQ(counters.tx_lso, 2);
    edge_close(edge);
}
TEST(large_sends_are_prepared_as_ndis_wants_them)
{
    fake_run(SCHED_SIMULATED, "10-22h2", offload_large);
}

static void offer_rss(struct fake *fake)
{
    NDIS_HEADER(fake->rss.Header, NDIS_OBJECT_TYPE_RSS_CAPABILITIES, 1,
                NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_1);
    fake->rss.CapabilitiesFlags = NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV4 | NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV6 | 1;
    fake->rss.NumberOfReceiveQueues = 3;
    fake->offers_rss = true;
}

/* The record is of the revision that the miniport's version of NDIS has. */
static void rss_of(struct fake *fake, uint8_t minor, uint16_t revision, uint16_t size)
{
    struct edge *edge;
    uint32_t i;

    fake->characteristics.MinorNdisVersion = minor;
    if (minor < 20) {
        NDIS_HEADER(fake->characteristics.Header, NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS, 1,
                    NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_1);
    }
    offer_rss(fake);
    fake_add_running(fake);
    edge = open_edge(fake, 1);
    CHECK_EQ(fake->rss_seen.sets, 1);
    CHECK_EQ(fake->rss_seen.revision, revision);
    CHECK_EQ(fake->rss_seen.size, size);
    CHECK_EQ(fake->rss_seen.entries, 128);
    for (i = 0; i < 128; i++) {
        CHECK_EQ(fake->rss_seen.numbers[i], i % 3);
    }
    edge_close(edge);
}

static void rss_of_6_1(struct fake *fake)
{
    rss_of(fake, 1, 1, 28);
}

static void rss_of_6_50(struct fake *fake)
{
    rss_of(fake, 50, 2, 40);
}

static void rss_of_6_60(struct fake *fake)
{
    rss_of(fake, 60, 3, 44);
}

TEST(rss_is_set_in_the_revision_of_the_miniports_version)
{
    fake_run(SCHED_SIMULATED, "7", rss_of_6_1);
    fake_run(SCHED_SIMULATED, "10-22h2", rss_of_6_1);
    fake_run(SCHED_SIMULATED, "10-22h2", rss_of_6_50);
    fake_run(SCHED_SIMULATED, "10-22h2", rss_of_6_60);
}

static void hash(struct fake *fake)
{
    struct edge *edge;

    offer_rss(fake);
    fake->on_send = look;
    fake_add_running(fake);
    edge = open_edge(fake, 1);
    CHECK_EQ(fake->rss_seen.sets, 1);
    CHECK_EQ(fake->rss_seen.revision, 2);
    CHECK_EQ(fake->rss_seen.entries, 128);
    CHECK_EQ(fake->rss_seen.numbers[4], 1);
    /* Ports swapped against the suite's: remote 2794 to local 1766 is what the adapter would receive. */
    send_one(edge, 4, TCP, 1, 0, false);
    CHECK_EQ((uint32_t)(uintptr_t)seen.info[NetBufferListHashValue], 0x51ccc178);
    CHECK_EQ((uint32_t)(uintptr_t)seen.info[NetBufferListHashInfo], NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz);
    send_one(edge, 4, UDP, 1, 0, false);
    CHECK_EQ((uint32_t)(uintptr_t)seen.info[NetBufferListHashValue], 0x323e8fc2);
    CHECK_EQ((uint32_t)(uintptr_t)seen.info[NetBufferListHashInfo], NDIS_HASH_IPV4 | NdisHashFunctionToeplitz);
    send_one(edge, 6, TCP, 1, 0, false);
    CHECK_EQ((uint32_t)(uintptr_t)seen.info[NetBufferListHashValue], 0x40207d3d);
    send_one(edge, 6, UDP, 1, 0, false);
    CHECK_EQ((uint32_t)(uintptr_t)seen.info[NetBufferListHashValue], 0x2cc18cd5);
    edge_close(edge);
}
TEST(sent_flows_carry_the_hash_of_what_comes_back)
{
    fake_run(SCHED_SIMULATED, "10-22h2", hash);
}

static void tags(struct fake *fake)
{
    struct NDIS_NET_BUFFER_LIST_8021Q_INFO info = { 0 };
    struct frame frame;
    struct edge *edge;
    uint8_t *b;

    fake->mac_options = NDIS_MAC_OPTION_8021P_PRIORITY;
    fake->on_send = look;
    fake_add_running(fake);
    edge = open_edge(fake, 1);
    CHECK(edge_buffer(edge, 0, &frame, true));
    b = frame.vectors[0].iov_base;
    build(b + 4, 4, TCP, 10);
    memset(b, 0xee, 12);
    put16(b + 12, ETHERTYPE_VLAN);
    put16(b + 14, 5 << 13);
    frame.length = 4 + HEADERS4 + 10;
    edge_queue(edge, 0, &frame);
    edge_flush(edge, 0);
    info.Value = seen.info[Ieee8021QNetBufferListInfo];
    CHECK_EQ(info.TagHeader.UserPriority, 5);
    CHECK_EQ(info.TagHeader.VlanId, 0);
    CHECK_EQ(seen.offset, 4);
    CHECK_EQ(seen.length, HEADERS4 + 10);
    CHECK_EQ(seen.head[0], 0xee);
    CHECK_EQ(get16(seen.head + 12), ETHERTYPE_IPV4);

    /* A VLAN the adapter does not handle stays in the frame. */
    CHECK(edge_buffer(edge, 0, &frame, true));
    b = frame.vectors[0].iov_base;
    build(b + 4, 4, TCP, 10);
    put16(b + 12, ETHERTYPE_VLAN);
    put16(b + 14, 5 << 13 | 7);
    frame.length = 4 + HEADERS4 + 10;
    edge_queue(edge, 0, &frame);
    edge_flush(edge, 0);
    CHECK(seen.info[Ieee8021QNetBufferListInfo] == NULL);
    CHECK_EQ(get16(seen.head + 12), ETHERTYPE_VLAN);
    edge_close(edge);
}
TEST(priority_tags_go_out_of_band_where_the_adapter_takes_them)
{
    fake_run(SCHED_SIMULATED, "10-22h2", tags);
}

static struct edge *blocked_edge;
static void fill_queue(void *argument)
{
    uint32_t i;

    (void)argument;
    for (i = 0; i < 3 * BUFFERS; i++) {
        send_one(blocked_edge, 4, TCP, i, 0, false);
    }
}
static void block(struct fake *fake)
{
    struct adapter_counters counters;
    struct frame frame;
    struct task *task;
    uint32_t taken = 0;

    fake->hold_sends = true;
    fake_add_running(fake);
    blocked_edge = open_edge(fake, 1);
    task = task_spawn("sender", 0, fill_queue, NULL);
    while (fake->sent < 3 * BUFFERS) {
        sched_point("wait");
        if (fake->sent % BUFFERS == 0) {
            fake_complete_sends(fake);
        }
    }
    task_join(task);
    fake_complete_sends(fake);
    while (edge_buffer(blocked_edge, 0, &frame, false)) {
        taken++;
    }
    CHECK_EQ(taken, BUFFERS);
    adapter_counters(fake->adapter, &counters);
    CHECK_EQ(counters.tx_packets, 3 * BUFFERS);
    CHECK_EQ(counters.tx_completions, 3 * BUFFERS);
    edge_close(blocked_edge);
}
TEST(a_sender_out_of_buffers_waits_for_completions)
{
    fake_run(SCHED_SIMULATED, "10-22h2", block);
}

static void batch(struct fake *fake)
{
    struct frame frame;
    struct edge *edge;
    uint32_t i;

    fake->on_send = look;
    fake_add_running(fake);
    edge = open_edge(fake, 2);
    for (i = 0; i < 5; i++) {
        CHECK(edge_buffer(edge, 1, &frame, true));
        build(frame.vectors[0].iov_base, 4, TCP, 1);
        frame.length = HEADERS4 + 1;
        edge_queue(edge, 1, &frame);
    }
    CHECK_EQ(fake->send_calls, 0);
    edge_flush(edge, 1);
    CHECK_EQ(fake->send_calls, 1);
    CHECK_EQ(seen.chain, 5);
    CHECK_EQ(processor_current(), 1);
    edge_close(edge);
}
TEST(a_flush_is_one_call_on_the_queues_processor)
{
    fake_run(SCHED_SIMULATED, "10-22h2", batch);
}

static void in_pause(struct fake *fake)
{
    struct adapter_counters counters;
    struct edge *edge;

    fake_add_running(fake);
    edge = open_edge(fake, 1);
    CHECK_EQ(adapter_pause(fake->adapter), NDIS_STATUS_SUCCESS);
    send_one(edge, 4, TCP, 1, 0, false);
    CHECK_EQ(fake->sent, 0);
    adapter_counters(fake->adapter, &counters);
    CHECK_EQ(counters.tx_failed, 1);
    CHECK_EQ(adapter_restart(fake->adapter), NDIS_STATUS_SUCCESS);
    send_one(edge, 4, TCP, 1, 0, false);
    CHECK_EQ(fake->sent, 1);
    edge_close(edge);
}
TEST(nothing_is_sent_while_the_adapter_is_paused)
{
    fake_run(SCHED_SIMULATED, "10-22h2", in_pause);
}

static uint8_t packet[3000];
static void take_in(struct fake *fake)
{
    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO sum = { 0 };
    struct NDIS_RSC_NBL_INFO rsc = { 0 };
    struct NDIS_NET_BUFFER_LIST_8021Q_INFO tag = { 0 };
    struct MDL *head = mdl_create(packet, 20), *tail = mdl_create(packet + 20, sizeof(packet) - 20);
    struct NET_BUFFER_LIST *nbl, *second;
    struct adapter_counters counters;
    struct edge *edge;

    head->Next = tail;
    fake_add_running(fake);
    edge = open_edge(fake, 1);
    build(packet + 2, 4, TCP, 100);

    sum.Receive.TcpChecksumSucceeded = 1;
    nbl = fake_packet(fake, head, 2, HEADERS4 + 100);
    nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo] = sum.Value;
    second = fake_packet(fake, head, 2, HEADERS4 + 100);
    nbl->Next = second;
    NDIS(NdisMIndicateReceiveNetBufferLists)(fake->handle, nbl, 0, 2, 0);
    CHECK_EQ(got.frames, 2);
    CHECK_EQ(got.length, HEADERS4 + 100);
    CHECK(!got.offload.checksum_valid);
    CHECK(memcmp(got.bytes, packet + 2, HEADERS4 + 100) == 0);
    while (fake->returned < 2) {
        sched_point("late returns");
    }

    /* Coalesced: three segments. */
    build(packet + 2, 4, TCP, 2500);
    rsc.Info.CoalescedSegCount = 3;
    tag.TagHeader.UserPriority = 3;
    tag.TagHeader.VlanId = 9;
    nbl = fake_packet(fake, head, 2, HEADERS4 + 2500);
    nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo] = sum.Value;
    nbl->NetBufferListInfo[TcpRecvSegCoalesceInfo] = rsc.Value;
    nbl->NetBufferListInfo[Ieee8021QNetBufferListInfo] = tag.Value;
    NDIS(NdisMIndicateReceiveNetBufferLists)(fake->handle, nbl, 0, 1, NDIS_RECEIVE_FLAGS_RESOURCES);
    CHECK(got.offload.checksum_valid);
    CHECK_EQ(got.offload.gso, FRAME_GSO_TCPV4);
    CHECK_EQ(got.offload.gso_size, 834);
    CHECK_EQ(got.offload.header_length, HEADERS4 + 4);
    CHECK_EQ(got.length, HEADERS4 + 4 + 2500);
    CHECK_EQ(get16(got.bytes + 12), ETHERTYPE_VLAN);
    CHECK_EQ(get16(got.bytes + 14), 3 << 13 | 9);
    CHECK_EQ(get16(got.bytes + 16), ETHERTYPE_IPV4);
    CHECK_EQ(fake->returned, 2);
    NDIS(NdisFreeNetBufferList)(nbl); /* for the call only, so it is the driver's again */

    /* Longer than the MTU without RSC data, as older drivers indicate it. */
    nbl = fake_packet(fake, head, 2, HEADERS4 + 2500);
    NDIS(NdisMIndicateReceiveNetBufferLists)(fake->handle, nbl, 0, 1, 0);
    CHECK_EQ(got.offload.gso_size, 1460);
    edge_close(edge);
    CHECK_EQ(fake->returned, 3);
    adapter_counters(fake->adapter, &counters);
    CHECK_EQ(counters.rx_packets, 4);
    CHECK_EQ(counters.rx_calls, 3);
    CHECK_EQ(counters.rx_returns, 3);
    CHECK_EQ(counters.rx_low_resources, 1);
    CHECK_EQ(counters.rx_coalesced, 2);

    /* Nobody there: NDIS gives it back at once. */
    nbl = fake_packet(fake, head, 2, 60);
    NDIS(NdisMIndicateReceiveNetBufferLists)(fake->handle, nbl, 0, 1, 0);
    CHECK_EQ(fake->returned, 4);
    mdl_free(head);
    mdl_free(tail);
}
TEST(received_packets_become_frames_and_are_returned)
{
    fake_run(SCHED_SIMULATED, "10-22h2", take_in);
    fake_run(SCHED_LIVE, "10-22h2", take_in);
}

static int32_t refuse_filter(struct fake *fake, struct NDIS_OID_REQUEST *request)
{
    (void)fake;
    request->DATA.SET_INFORMATION.BytesRead = request->DATA.SET_INFORMATION.InformationBufferLength;
    return request->DATA.SET_INFORMATION.Oid == OID_GEN_CURRENT_PACKET_FILTER ? (int32_t)NDIS_STATUS_INVALID_DATA
                                                                              : NDIS_STATUS_SUCCESS;
}
static void refuse(struct fake *fake)
{
    struct edge_options options = { .memory = fake->xen, .buffers = 1, .queues = 1, .frame_size = 1514 };
    char error[300] = "";

    fake_add_running(fake);
    fake->on_oid = refuse_filter;
    CHECK(edge_open(fake->adapter, &options, error, sizeof(error)) == NULL);
    CHECK_CONTAINS(error, "OID_GEN_CURRENT_PACKET_FILTER");
    CHECK_CONTAINS(error, "NDIS_STATUS_INVALID_DATA");
}
TEST(a_refused_packet_filter_is_named)
{
    fake_run(SCHED_SIMULATED, "10-22h2", refuse);
}
