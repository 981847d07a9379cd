/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received checksums: whatever keywords, requests and features of the backend are in force, a packet goes up with a
 * right checksum or with a flag that says it is right. The reader here does what TCP/IP does: it believes the flag, and
 * sums where there is none.
 */
#include <stdio.h>

#include "packets.h"
#include "story_watch.h"

enum { DIRECTIONS = 5, COMBINATIONS = 1 << DIRECTIONS, PAYLOAD = 30, BYTES = 256 };

static const char *const keywords[DIRECTIONS] = { "*IPChecksumOffloadIPv4", "*TCPChecksumOffloadIPv4",
                                                  "*UDPChecksumOffloadIPv4", "*TCPChecksumOffloadIPv6",
                                                  "*UDPChecksumOffloadIPv6" };

static bool accepted(struct watch_seen *seen)
{
    struct frame frame = { .vectors = { { seen->bytes, seen->length } }, .vector_count = 1, .length = seen->length };
    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info;

    info.Value = (void *)(uintptr_t)seen->checksum;
    if (info.Receive.IpChecksumFailed || info.Receive.TcpChecksumFailed || info.Receive.UdpChecksumFailed) {
        return false;
    }
    if (!info.Receive.IpChecksumSucceeded && !frame_verify_ip_header(&frame)) {
        return false;
    }
    return info.Receive.TcpChecksumSucceeded || info.Receive.UdpChecksumSucceeded ||
           frame_verify_checksum(&frame) == CHECKSUM_GOOD;
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

/* A packet whose checksum the backend leaves open, or one that has it. */
static void one(struct watch *watch, int version, int protocol, bool complete, uint32_t combination)
{
    struct packet_shape shape = { .version = version, .protocol = protocol, .payload = PAYLOAD };
    static uint8_t bytes[MAX_FRAME_BYTES];
    struct frame frame;
    uint32_t length = packet_build(&shape, bytes, &frame);

    memcpy(bytes, story_guest_mac, 6);
    CHECK(!complete || frame_complete_checksum(&frame));
    watch_forget(watch);
    wire_inject(watch->story, 0, bytes, length, &frame.offload);
    CHECK(watch_wait(watch, 1));
    CHECK_EQ(watch->seen[0].length, length);
    if (!accepted(&watch->seen[0])) {
        test_fail(__FILE__, __LINE__, "IPv%d, protocol %d, checksum %s, receive offloads %#x: TCP/IP drops it", version,
                  protocol, complete ? "written" : "left open", combination);
    }
    expect_no_more_reports(&watch->seen[0], version, protocol, combination);
}

static void all_kinds(struct watch *watch, uint32_t combination)
{
    for (uint32_t i = 0; i < 8; i++) {
        one(watch, i & 1 ? 6 : 4, i & 2 ? PROTOCOL_UDP : PROTOCOL_TCP, (i & 4) != 0, combination);
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
