/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received checksums: whatever keywords, requests and features of the backend are in force, a packet goes up with a
 * right checksum or with a flag that says it is right. The reader here does what TCP/IP does: it believes the flag, and
 * sums where there is none. A UDP checksum that sums up to zero goes as ones, for zero says that there is none (RFC
 * 768); over IPv6 TCP/IP drops that whatever the flag says (RFC 8200, 8.1). Every XenVif writes the zero.
 */
#include <stdio.h>

#include "packets.h"
#include "story_watch.h"
#include "xenvif/offer/hostile.h"

enum { DIRECTIONS = 5, COMBINATIONS = 1 << DIRECTIONS, PAYLOAD = 30, BYTES = 256 };

static const char *const keywords[DIRECTIONS] = { "*IPChecksumOffloadIPv4", "*TCPChecksumOffloadIPv4",
                                                  "*UDPChecksumOffloadIPv4", "*TCPChecksumOffloadIPv6",
                                                  "*UDPChecksumOffloadIPv6" };

static bool accepted(struct watch_seen *seen)
{
    struct frame frame = { .vectors = { { seen->bytes, seen->length } }, .vector_count = 1, .length = seen->length };
    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info;
    struct layout layout;

    if (frame_parse(&frame, &layout) && layout.version == 6 && layout.protocol == PROTOCOL_UDP &&
        memcmp(layout.headers + layout.checksum, "\0\0", 2) == 0) {
        return false;
    }
    info.Value = (void *)(uintptr_t)seen->checksum;
    if (info.Receive.IpChecksumFailed || info.Receive.TcpChecksumFailed || info.Receive.UdpChecksumFailed) {
        return false;
    }
    if (!info.Receive.IpChecksumSucceeded && !frame_verify_ip_header(&frame)) {
        return false;
    }
    return info.Receive.TcpChecksumSucceeded || info.Receive.UdpChecksumSucceeded ||
           frame_verify_checksum(&frame) != CHECKSUM_BAD;
}

/* The payload's last word becomes what makes the checksum zero. */
static void sum_to_zero(const struct frame *frame, uint8_t *bytes)
{
    static uint8_t copy[MAX_FRAME_BYTES];
    struct frame whole = *frame;
    struct layout layout;
    uint8_t *last = bytes + frame->length - 2;
    uint32_t word;

    memcpy(copy, bytes, frame->length);
    whole.vectors[0].iov_base = copy;
    CHECK(frame_complete_checksum(&whole) && frame_parse(&whole, &layout));
    word = (uint32_t)(last[0] << 8 | last[1]) + (uint32_t)(copy[layout.checksum] << 8 | copy[layout.checksum + 1]);
    word = (word & 0xffff) + (word >> 16);
    last[0] = (uint8_t)(word >> 8);
    last[1] = (uint8_t)word;
}

/* What is switched off for a direction is not reported on, either way. */
static void expect_no_more_reports(const struct watch_seen *seen, int version, int protocol, uint32_t combination)
{
    uint32_t transport = (version == 4 ? 1 : 3) + (protocol == PROTOCOL_UDP);
    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info;

    info.Value = (void *)(uintptr_t)seen->checksum;
    if (version == 6 || (combination & 1) == 0) {
        CHECK(!info.Receive.IpChecksumSucceeded && !info.Receive.IpChecksumFailed);
    }
    if ((combination >> transport & 1) == 0) {
        CHECK(!info.Receive.TcpChecksumSucceeded && !info.Receive.TcpChecksumFailed);
        CHECK(!info.Receive.UdpChecksumSucceeded && !info.Receive.UdpChecksumFailed);
    }
}

/* A packet whose checksum the backend leaves open, or one that has it. `zero`: which it sums up to. */
static void one(struct watch *watch, int version, int protocol, bool complete, bool zero, uint32_t combination)
{
    struct packet_shape shape = { .version = version, .protocol = protocol, .payload = PAYLOAD };
    static uint8_t bytes[MAX_FRAME_BYTES];
    struct frame frame;
    uint32_t length = packet_build(&shape, bytes, &frame);

    memcpy(bytes, story_guest_mac, 6);
    if (zero) {
        sum_to_zero(&frame, bytes);
    }
    CHECK(!complete || frame_complete_checksum(&frame));
    watch_forget(watch);
    wire_inject(watch->story, 0, bytes, length, &frame.offload);
    CHECK(watch_wait(watch, 1));
    CHECK_EQ(watch->seen[0].length, length);
    if (!accepted(&watch->seen[0])) {
        test_fail(__FILE__, __LINE__, "IPv%d, protocol %d, checksum%s %s, receive offloads %#x: TCP/IP drops it",
                  version, protocol, zero ? " of zero" : "", complete ? "written" : "left open", combination);
    }
    expect_no_more_reports(&watch->seen[0], version, protocol, combination);
}

static void all_kinds(struct watch *watch, uint32_t combination)
{
    for (uint32_t i = 0; i < 16; i++) {
        one(watch, i & 1 ? 6 : 4, i & 2 ? PROTOCOL_UDP : PROTOCOL_TCP, (i & 4) != 0, (i & 8) != 0, combination);
    }
}

static void as_the_keywords_say(struct story *story)
{
    struct watch *watch = watch_open(story);

    all_kinds(watch, *(const uint32_t *)story->plan->detail);
    watch_close(watch);
}

static uint8_t asked(uint32_t combination, uint32_t direction)
{
    return combination >> direction & 1 ? NDIS_OFFLOAD_PARAMETERS_RX_ENABLED_TX_DISABLED
                                        : NDIS_OFFLOAD_PARAMETERS_TX_RX_DISABLED;
}

static void as_requests_say(struct story *story)
{
    struct NDIS_OFFLOAD_PARAMETERS parameters;
    struct watch *watch = watch_open(story);

    for (uint32_t i = 0; i < COMBINATIONS; i++) {
        memset(&parameters, 0, sizeof(parameters));
        parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
        parameters.Header.Revision = NDIS_OFFLOAD_PARAMETERS_REVISION_3;
        parameters.Header.Size = NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3;
        parameters.IPv4Checksum = asked(i, 0);
        parameters.TCPIPv4Checksum = asked(i, 1);
        parameters.UDPIPv4Checksum = asked(i, 2);
        parameters.TCPIPv6Checksum = asked(i, 3);
        parameters.UDPIPv6Checksum = asked(i, 4);
        CHECK_EQ(oid_put(story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3),
                 NDIS_STATUS_SUCCESS);
        all_kinds(watch, i);
    }
    watch_close(watch);
}

/* Receiving alone varies: 1 is transmit, 3 both. */
TEST(every_combination_of_checksum_keywords_has_its_packets_arrive)
{
    char text[DIRECTIONS + 1][40];
    const char *set[DIRECTIONS + 2];

    for (uint32_t i = 0; i < 2 * COMBINATIONS; i++) {
        uint32_t combination = i / 2, direction;

        for (direction = 0; direction < DIRECTIONS; direction++) {
            snprintf(text[direction], sizeof(text[direction]), "%s=%d", keywords[direction],
                     combination >> direction & 1 ? 3 : 1);
            set[direction] = text[direction];
        }
        snprintf(text[direction], sizeof(text[direction]), "NeedChecksumValue=%u", i & 1);
        set[direction] = text[direction];
        set[direction + 1] = NULL;
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + i,
                                        .set = set,
                                        .detail = &combination,
                                        .quiet = true,
                                        .loose_grants = true,
                                        .body = as_the_keywords_say });
    }
}

TEST(every_combination_of_requests_and_backends_has_its_packets_arrive)
{
    static const char *const values[2][2] = { { "NeedChecksumValue=0", NULL }, { "NeedChecksumValue=1", NULL } };
    static const uint32_t backends[] = { 0, 1u << NETBACK_BIT_CSUM, 1u << NETBACK_BIT_IPV6_CSUM,
                                         1u << NETBACK_BIT_CSUM | 1u << NETBACK_BIT_IPV6_CSUM, 1u << NETBACK_BIT_SG };

    for (uint32_t i = 0; i < 2 * sizeof(backends) / sizeof(backends[0]); i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + i,
                                        .set = values[i & 1],
                                        .backend_without = backends[i / 2],
                                        .quiet = true,
                                        .loose_grants = true,
                                        .body = as_requests_say });
    }
}

enum { UDP6_LENGTH = 62, UDP_AT = 54, FIELD = UDP_AT + 6, SPLIT = UDP_AT + 7 };

struct told {
    const char *what;
    uint32_t ip_at, ip_length, udp_at, udp_length, info, split, version, flags;
    bool completed;
};

/* What XenVif says of a datagram over IPv6 without a checksum. Only where it lies as it says, in one piece, is a
 * checksum put in; elsewhere nothing is written, and the packet goes up as it is. */
static const struct told told[] = {
    { "as it is", 14, 40, 54, 8, 1, 0, 6, 0x040, true },
    { "not validated", 14, 40, 54, 8, 1, 0, 6, 0x100, true },
    { "wrong", 14, 40, 54, 8, 1, 0, 6, 0x080, false },
    { "of IPv4, by its flags", 14, 40, 54, 8, 1, 0, 6, 0x041, false },
    { "of IPv4, by its header", 14, 40, 54, 8, 1, 0, 4, 0x040, false },
    { "nothing", 14, 40, 54, 8, 0, 0, 6, 0x040, false },
    { "no UDP header", 14, 40, 54, 0, 1, 0, 6, 0x040, false },
    { "a UDP header too short", 14, 40, 54, 7, 1, 0, 6, 0x040, false },
    { "a UDP header behind the end", 14, 40, 55, 8, 1, 0, 6, 0x040, false },
    { "a UDP header far away", 14, 40, UINT32_MAX - 3, 8, 1, 0, 6, 0x040, false },
    { "a UDP header of 4 billion bytes", 14, 40, 54, UINT32_MAX, 1, 0, 6, 0x040, false },
    { "an IP header too short", 14, 39, 54, 8, 1, 0, 6, 0x040, false },
    { "an IP header that reaches into the UDP header", 15, 40, 54, 8, 1, 0, 6, 0x040, false },
    { "an IP header far away", UINT32_MAX, 40, 54, 8, 1, 0, 6, 0x040, false },
    { "a UDP header in two pieces", 14, 40, 54, 8, 1, 1, 6, 0x040, false },
};

static void as_they_are_told(struct story *story)
{
    struct watch *watch = watch_open(story);

    for (uint32_t i = 0; i < sizeof(told) / sizeof(told[0]); i++) {
        const struct told *case_ = &told[i];
        uint8_t bytes[UDP6_LENGTH];
        struct MDL *first, *rest;
        struct XENVIF_PACKET_INFO_V2 info;
        struct XENVIF_PACKET_HASH_V2 hash = { 0 };

        frame_plain(bytes, sizeof(bytes), story_guest_mac, story_peer_mac, i);
        bytes[14] = (uint8_t)(case_->version << 4);
        memset(bytes + FIELD, 0, 2);
        first = mdl_create(bytes, case_->split != 0 ? SPLIT : sizeof(bytes));
        rest = mdl_create(bytes + SPLIT, sizeof(bytes) - SPLIT);
        first->Next = case_->split != 0 ? rest : NULL;
        memset(&info, 0, sizeof(info));
        info.Length = UDP6_LENGTH;
        info.EthernetHeader.Length = 14;
        info.IpHeader.Offset = case_->ip_at;
        info.IpHeader.Length = case_->ip_length;
        info.UdpHeader.Offset = case_->udp_at;
        info.UdpHeader.Length = case_->udp_length;
        watch_forget(watch);
        vif_inject(STORY_STAND_IN(story), 0,
                   &(struct vif_inject){ .mdl = first,
                                         .length = sizeof(bytes),
                                         .checksum = case_->flags,
                                         .info = case_->info != 0 ? &info : NULL,
                                         .hash = &hash });
        CHECK_EQ(watch->count, 1);
        if (memcmp(bytes + FIELD, case_->completed ? "\xff\xff" : "\0\0", 2) != 0 ||
            memcmp(watch->seen[0].bytes, bytes, sizeof(bytes)) != 0) {
            test_fail(__FILE__, __LINE__, "told of it: %s: the checksum became %02x%02x", case_->what, bytes[FIELD],
                      bytes[FIELD + 1]);
        }
        mdl_free(first);
        mdl_free(rest);
    }
    watch_close(watch);
}

TEST(a_checksum_is_put_in_only_where_the_datagram_lies_as_described)
{
    story_everywhere(
        &(struct story_plan){ .prepare = story_inject_start, .windows = STORY_WINDOWS, .body = as_they_are_told }, 1);
}
