/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every shape of send: lists of NBLs, NBs and MDLs with offsets and empty MDLs, short and unparsable frames, checksum
 * and large send offload over their options. Each NBL comes back once, with the status of what happened to it; what
 * arrives is what was sent.
 */
#include "packets.h"
#include "story_watch.h"
#include "xenvif/offer/hostile.h"

enum { SECOND = 1000000000, MAX_FRAME = 1514, MIN_FRAME = 60, MAX_LARGE = 65536 + 64 };

static uint32_t draw(uint32_t *state, uint32_t bound)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % bound;
}

/* XenVif pads to what Ethernet needs, with zeros: nothing of the guest's memory goes out beside the frame. */
static void expect_padding(const uint8_t *bytes, uint32_t sent, uint32_t arrived)
{
    uint32_t i;

    CHECK_EQ(arrived, sent < MIN_FRAME ? MIN_FRAME : sent);
    for (i = sent; i < arrived; i++) {
        CHECK_EQ(bytes[i], 0);
    }
}

/* The wire gets numbered frames in any order over the queues; each exactly once. */
static void expect_frames(struct story *story, const uint32_t *lengths, uint32_t count)
{
    static uint8_t bytes[MAX_FRAME], expected[MAX_FRAME];
    bool seen[512] = { false };
    uint32_t i, number;

    for (i = 0; i < count; i++) {
        uint32_t length = wire_collect(story, bytes, sizeof(bytes), NULL);

        if (length == 0) {
            test_fail(__FILE__, __LINE__, "%u of %u frames arrived", i, count);
        }
        memcpy(&number, bytes + 14, 4);
        CHECK(number < count && !seen[number]);
        seen[number] = true;
        expect_padding(bytes, lengths[number], length);
        frame_plain(expected, lengths[number], story_peer_mac, story_guest_mac, number);
        CHECK(memcmp(bytes, expected, lengths[number]) == 0);
    }
}

static void shapes(struct story *story)
{
    static uint8_t bytes[MAX_FRAME];
    struct watch *watch = watch_open(story);
    uint32_t state = (uint32_t)story->plan->seed, nbls, nbs, round, frames = 0, mdls = 0;

    for (nbls = 1; nbls <= 16; nbls *= 2) {
        for (nbs = 1; nbs <= 8; nbs *= 2) {
            for (round = 0; round < 2; round++) {
                struct NET_BUFFER_LIST *chain = NULL, *nbl;
                uint32_t lengths[512], number = 0, i, j;

                for (i = 0; i < nbls; i++) {
                    nbl = raw_nbl(watch->raw);
                    for (j = 0; j < nbs; j++, number++) {
                        uint32_t length = 18 + draw(&state, MAX_FRAME - 18 + 1),
                                 offset = draw(&state, 2) * draw(&state, 96), cuts[12], count = 0, left;

                        for (left = offset + length; left != 0 && count < 8; count++) {
                            cuts[count] = draw(&state, 4) == 0 ? 0 : 1 + draw(&state, left);
                            left -= cuts[count];
                        }
                        cuts[count++] = left;
                        lengths[number] = length;
                        frame_plain(bytes, length, story_peer_mac, story_guest_mac, number);
                        raw_add(watch->raw, nbl, bytes, length, offset, cuts, count);
                        mdls += count;
                    }
                    if (chain == NULL) {
                        chain = nbl;
                    } else {
                        raw_link(chain, nbl);
                    }
                }
                raw_send(watch->raw, chain, 0, round == 1);
                expect_frames(story, lengths, number);
                CHECK(raw_wait(watch->raw, SECOND));
                raw_free_all(watch->raw);
                frames += number;
            }
        }
    }
    story_count("%u frames in up to 16 NBLs of up to 8 NBs, %u MDLs, some of them empty", frames, mdls);
    watch_close(watch);
}

/* 1c_Mini6Send, 1c_Mini6PerfSend */
TEST(every_shape_of_send_arrives_whole_and_once)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .body = shapes }, 6);
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .queues = 2, .quiet = true, .body = shapes }, 3);
}

static int32_t send_one(struct watch *watch, const uint8_t *bytes, uint32_t length,
                        struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO *sum,
                        struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO *large)
{
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);

    raw_add(watch->raw, nbl, bytes, length, 0, NULL, 0);
    nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo] = sum != NULL ? sum->Value : NULL;
    nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = large != NULL ? large->Value : NULL;
    raw_send(watch->raw, nbl, 0, false);
    CHECK(raw_wait(watch->raw, 5ull * SECOND));
    return nbl->Status;
}

static void short_and_invalid(struct story *story)
{
    static uint8_t bytes[MAX_FRAME + 64], back[MAX_FRAME + 64];
    struct watch *watch = watch_open(story);
    uint32_t length, arrived = 0, refused = 0, state = (uint32_t)story->plan->seed, i;

    /* Every length from nothing of a header to more than fits. */
    for (length = 1; length <= 70; length++) {
        int32_t status;

        frame_plain(bytes, length >= 14 ? length : 14, story_peer_mac, story_guest_mac, length);
        status = send_one(watch, bytes, length, NULL, NULL);
        if (length < 14) {
            CHECK_STATUS(status, NDIS_STATUS_INVALID_LENGTH);
            refused++;
            continue;
        }
        if (IS(status, SUCCESS)) {
            expect_padding(back, length, wire_collect(story, back, sizeof(back), NULL));
            CHECK(memcmp(back, bytes, length) == 0);
            arrived++;
        } else {
            refused++;
        }
        raw_free_all(watch->raw);
    }
    /* longer than MTU, header and tag */
    CHECK_STATUS(send_one(watch, bytes, MAX_FRAME + 5, NULL, NULL), NDIS_STATUS_INVALID_LENGTH);
    refused++;
    /* What no parser understands is sent or dropped. */
    for (i = 0; i < 300; i++) {
        uint32_t size = 14 + draw(&state, 200), j;

        for (j = 12; j < size; j++) {
            bytes[j] = (uint8_t)draw(&state, 256);
        }
        if (i % 3 != 0) {
            put16(bytes + 12, i % 2 != 0 ? 0x0800 : 0x86dd);
        }
        if (IS(send_one(watch, bytes, size, NULL, NULL), SUCCESS)) {
            arrived++;
        } else {
            refused++;
        }
        if (i % 16 == 0) {
            raw_free_all(watch->raw);
        }
    }
    while (wire_collect(story, back, sizeof(back), NULL) != 0) {
    }
    /* And the adapter still works. */
    story_send(story, 0, 20, 4);
    story_collect(story, 20);
    story_check(&story->out, 0);
    story_count("%u short or unparsable frames sent, %u refused", arrived, refused);
    watch_close(watch);
}

/* InvalidPackets, ShortPackets */
TEST(short_and_unparsable_frames_are_sent_or_refused_and_never_crash)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .body = short_and_invalid }, 2);
}

/* The frame with its checksum finished in software: what must arrive, whoever does it. */
static void finish(uint8_t *bytes, uint32_t length)
{
    struct frame frame = { .vectors = { { bytes, length } }, .vector_count = 1, .length = length };
    struct layout layout;
    uint16_t sum;

    CHECK(frame_parse(&frame, &layout));
    if (layout.version == 4) {
        memset(bytes + layout.network + 10, 0, 2);
        sum = (uint16_t)~checksum_sum(bytes + layout.network, (size_t)(bytes[layout.network] & 15) * 4);
        memcpy(bytes + layout.network + 10, &sum, 2);
    }
    sum = checksum_partial_seed(&layout, layout.network_end - layout.transport);
    memcpy(bytes + layout.checksum, &sum, 2);
    frame.offload = (struct frame_offload){ .checksum_partial = true,
                                            .checksum_start = layout.transport,
                                            .checksum_offset = (uint16_t)(layout.checksum - layout.transport) };
    CHECK(frame_complete_checksum(&frame));
}

static void checksum_matrix(struct story *story)
{
    static const uint32_t payloads[] = { 0, 1, 2, 19, 20, 536, 1300 };
    static uint8_t bytes[MAX_FRAME + 64], back[MAX_FRAME + 64];
    struct watch *watch = watch_open(story);
    uint32_t sent = 0, version, protocol, options, p;

    for (version = 4; version <= 6; version += 2) {
        for (protocol = PROTOCOL_TCP; protocol <= PROTOCOL_UDP; protocol += PROTOCOL_UDP - PROTOCOL_TCP) {
            for (options = 0; options <= 40; options += 8) {
                for (p = 0; p < sizeof(payloads) / sizeof(payloads[0]); p++) {
                    struct packet_shape shape = { .version = (int)version,
                                                  .protocol = (int)protocol,
                                                  .payload = payloads[p] };
                    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO sum = { .Value = NULL };
                    struct frame_offload offload;
                    struct layout layout;
                    struct frame frame;
                    uint32_t length;

                    shape.ip_options = version == 4 ? options : 0;
                    shape.extension = version == 6 ? options : 0;
                    length = packet_build(&shape, bytes, &frame);
                    memcpy(bytes, story_peer_mac, 6);
                    frame_parse(&frame, &layout);
                    sum.Transmit.IsIPv4 = version == 4;
                    sum.Transmit.IsIPv6 = version == 6;
                    sum.Transmit.TcpChecksum = protocol == PROTOCOL_TCP;
                    sum.Transmit.UdpChecksum = protocol == PROTOCOL_UDP;
                    sum.Transmit.IpHeaderChecksum = version == 4;
                    sum.Transmit.TcpHeaderOffset = layout.transport;
                    if (version == 4) {
                        memset(bytes + layout.network + 10, 0, 2);
                    }
                    CHECK_EQ(send_one(watch, bytes, length, &sum, NULL), SUCCESS);
                    expect_padding(back, length, wire_collect(story, back, sizeof(back), &offload));
                    CHECK(frame_verify_ip_header(
                        &(struct frame){ .vectors = { { back, length } }, .vector_count = 1, .length = length }));
                    if (!offload.checksum_partial) {
                        finish(bytes, length);
                        CHECK(memcmp(back, bytes, length) == 0);
                    } else {
                        CHECK_EQ(offload.checksum_start, layout.transport);
                        finish(bytes, length);
                        finish(back, length);
                        CHECK(memcmp(back, bytes, length) == 0);
                    }
                    sent++;
                }
                raw_free_all(watch->raw);
            }
        }
    }
    story_count("%u packets over IP version, protocol, options and payload", sent);
    watch_close(watch);
}

/* OffloadChecksum */
TEST(checksum_offload_is_right_for_every_option_and_length)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .body = checksum_matrix }, 1);
}

static void large_matrix(struct story *story)
{
    static const uint32_t segment_sizes[] = { 88, 536, 1220, 1440 };
    static const uint32_t payloads[] = { 1, 87, 536, 1441, 2880, 9000, 30011, 60000 };
    static uint8_t bytes[MAX_LARGE], back[MAX_LARGE];
    struct watch *watch = watch_open(story);
    uint32_t sent = 0, version, s, p, options;

    for (version = 4; version <= 6; version += 2) {
        for (options = 0; options <= 16; options += 16) {
            for (s = 0; s < sizeof(segment_sizes) / sizeof(segment_sizes[0]); s++) {
                for (p = 0; p < sizeof(payloads) / sizeof(payloads[0]); p++) {
                    struct packet_shape shape = { .version = (int)version,
                                                  .protocol = PROTOCOL_TCP,
                                                  .payload = payloads[p] };
                    struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO large = { .Value = NULL };
                    uint32_t length, mss = segment_sizes[s], got = 0, at = 0;
                    struct frame_offload offload;
                    struct layout layout;
                    struct frame frame;
                    uint16_t seed;

                    shape.ip_options = version == 4 ? options : 0;
                    shape.extension = version == 6 ? options : 0;
                    length = packet_build(&shape, bytes, &frame);
                    memcpy(bytes, story_peer_mac, 6);
                    frame_parse(&frame, &layout);
                    seed = checksum_partial_seed(&layout, 0);
                    memcpy(bytes + layout.checksum, &seed, 2);
                    if (version == 4) {
                        memset(bytes + layout.network + 2, 0, 2);
                        memset(bytes + layout.network + 10, 0, 2);
                    } else {
                        memset(bytes + layout.network + 4, 0, 2);
                    }
                    large.LsoV2Transmit.MSS = mss;
                    large.LsoV2Transmit.TcpHeaderOffset = layout.transport;
                    large.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
                    large.LsoV2Transmit.IPVersion = version == 6;
                    CHECK_EQ(send_one(watch, bytes, length, NULL, &large), SUCCESS);
                    /* One large frame with its segment size, or frames that fit: the payload's bytes in order either
                     * way. */
                    while (at < shape.payload) {
                        struct layout there;
                        struct frame view;

                        got = wire_collect(story, back, sizeof(back), &offload);
                        CHECK(got > layout.payload);
                        view = (struct frame){ .vectors = { { back, got } }, .vector_count = 1, .length = got };
                        CHECK(frame_parse(&view, &there));
                        got = there.network_end; /* without padding */
                        CHECK(at + got - there.payload <= shape.payload);
                        CHECK(memcmp(back + there.payload, bytes + layout.payload + at, got - there.payload) == 0);
                        CHECK(offload.gso != FRAME_GSO_NONE ? offload.gso_size == mss : got - there.payload <= 1460u);
                        CHECK(get32(back + there.transport + 4) == 0xfffff000u + at);
                        at += got - there.payload;
                    }
                    sent++;
                    raw_free_all(watch->raw);
                }
            }
        }
    }
    story_count("%u large sends over IP version, options, segment size and length", sent);
    watch_close(watch);
}

/* OffloadLSO */
TEST(large_sends_arrive_whole_for_every_segment_size_and_length)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .body = large_matrix }, 1);
}

static int32_t put_parameters(struct story *story, uint8_t tcp4, uint8_t lso4)
{
    struct NDIS_OFFLOAD_PARAMETERS parameters;

    memset(&parameters, 0, sizeof(parameters));
    parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.Header.Revision = NDIS_OFFLOAD_PARAMETERS_REVISION_3;
    parameters.Header.Size = NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3;
    parameters.TCPIPv4Checksum = tcp4;
    parameters.LsoV2IPv4 = lso4;
    return oid_put(story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3);
}

static void switched_off(struct story *story)
{
    static uint8_t bytes[MAX_LARGE];
    struct watch *watch = watch_open(story);
    struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO large = { .Value = NULL };
    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO sum = { .Value = NULL };
    struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_TCP, .payload = 3000 };
    struct adapter_facts facts;
    struct frame frame;
    uint32_t length = packet_build(&shape, bytes, &frame);

    memcpy(bytes, story_peer_mac, 6);
    large.LsoV2Transmit.MSS = 1000;
    large.LsoV2Transmit.TcpHeaderOffset = 34;
    large.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
    sum.Transmit.IsIPv4 = 1;
    sum.Transmit.TcpChecksum = 1;
    sum.Transmit.TcpHeaderOffset = 34;

    CHECK_EQ(put_parameters(story, NDIS_OFFLOAD_PARAMETERS_NO_CHANGE, NDIS_OFFLOAD_PARAMETERS_LSOV2_DISABLED), SUCCESS);
    adapter_facts(story->bed.adapter, &facts);
    CHECK(!facts.lso4 && facts.checksum_tx_tcp4 && facts.checksum_rx_tcp4);
    CHECK(!IS(send_one(watch, bytes, length, NULL, &large), SUCCESS)); /* asks for what is off */
    CHECK_EQ(put_parameters(story, NDIS_OFFLOAD_PARAMETERS_RX_ENABLED_TX_DISABLED, NDIS_OFFLOAD_PARAMETERS_NO_CHANGE),
             SUCCESS);
    adapter_facts(story->bed.adapter, &facts);
    CHECK(!facts.lso4 && !facts.checksum_tx_tcp4 && facts.checksum_rx_tcp4);
    CHECK(!IS(send_one(watch, bytes, 1000, &sum, NULL), SUCCESS));
    CHECK_EQ(put_parameters(story, NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED, NDIS_OFFLOAD_PARAMETERS_LSOV2_ENABLED),
             SUCCESS);
    adapter_facts(story->bed.adapter, &facts);
    CHECK(facts.lso4 && facts.checksum_tx_tcp4 && facts.checksum_rx_tcp4);
    CHECK_EQ(send_one(watch, bytes, length, NULL, &large), SUCCESS);
    CHECK_EQ(watch_statuses(watch, NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG), 3);
    story_count("2 packets that asked for what is off were refused, 3 configurations indicated");
    watch_close(watch);
}

TEST(a_send_that_requests_what_is_switched_off_is_refused)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .body = switched_off }, 1);
}

/* Of three NBs the backend refuses the first and takes the others. */
static void first_of_three(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    uint8_t bytes[100];
    uint32_t i;

    for (i = 0; i < 3; i++) {
        frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, i);
        raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
    }
    (void)STORY_STAND_IN(story);
    vif_lie(LIE_COMPLETION_ONCE, XENVIF_TRANSMITTER_PACKET_ERROR);
    raw_send(watch->raw, nbl, 0, false);
    CHECK(raw_wait(watch->raw, SECOND));
    CHECK_STATUS(nbl->Status, NDIS_STATUS_FAILURE);
    raw_free_all(watch->raw);
    watch_close(watch);
}

/* And one that cannot be sent at all (a large send without payload): those before it must not lie in XenVif waiting for
 * more. */
static void one_of_three(struct story *story)
{
    struct watch *watch = watch_open(story);
    struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_TCP };
    struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO large = { .Value = NULL };
    static uint8_t bytes[4096];
    uint32_t bad, i;

    for (bad = 0; bad < 3; bad++) {
        struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);

        for (i = 0; i < 3; i++) {
            struct frame frame;
            uint32_t length;

            shape.payload = i == bad ? 0 : 2000;
            length = packet_build(&shape, bytes, &frame);
            memcpy(bytes, story_peer_mac, 6);
            raw_add(watch->raw, nbl, bytes, length, 0, NULL, 0);
        }
        large.LsoV2Transmit.MSS = 1000;
        large.LsoV2Transmit.TcpHeaderOffset = 34;
        large.LsoV2Transmit.Type = NDIS_TCP_LARGE_SEND_OFFLOAD_V2_TYPE;
        nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = large.Value;
        raw_send(watch->raw, nbl, 0, false);
        CHECK(raw_wait(watch->raw, SECOND));
        CHECK(!IS(nbl->Status, SUCCESS));
        while (wire_collect(story, bytes, sizeof(bytes), NULL) != 0) {
        }
    }
    watch_close(watch);
}

TEST(one_failed_nb_fails_its_nbl_whatever_came_after_it)
{
    story_once(first_of_three, 1);
    story_once(one_of_three, 1);
}
