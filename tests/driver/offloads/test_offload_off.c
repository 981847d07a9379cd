/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One offload off, all others on: a send that asks for it is refused, any other goes out; coalesced packets of the IP
 * version for which that is off come in segments, none lost. On the simulated scheduler.
 */
#include "packets.h"
#include "story_watch.h"

enum { IS_IP4 = 1 << 0, IS_IP6 = 1 << 1, TCP_SUM = 1 << 2, UDP_SUM = 1 << 3, IP_SUM = 1 << 4, LSO_V2 = 1 << 30 };
enum { MSS = 1000, SEGMENTS = 5, SHORT = 100, SECOND = 1000000000 };

static const struct ask {
    const char *off; /* the keyword that switches it off */
    int version;
    uint8_t protocol;
    uint32_t checksum;
    bool large;
} asks[] = {
    { "*IPChecksumOffloadIPv4=0", 4, PROTOCOL_TCP, IS_IP4 | IP_SUM, false },
    { "*TCPChecksumOffloadIPv4=0", 4, PROTOCOL_TCP, IS_IP4 | TCP_SUM, false },
    { "*UDPChecksumOffloadIPv4=0", 4, PROTOCOL_UDP, IS_IP4 | UDP_SUM, false },
    { "*TCPChecksumOffloadIPv6=0", 6, PROTOCOL_TCP, IS_IP6 | TCP_SUM, false },
    { "*UDPChecksumOffloadIPv6=0", 6, PROTOCOL_UDP, IS_IP6 | UDP_SUM, false },
    { "*LsoV2IPv4=0", 4, PROTOCOL_TCP, 0, true },
    { "*LsoV2IPv6=0", 6, PROTOCOL_TCP, 0, true },
};
enum { ASKS = sizeof(asks) / sizeof(asks[0]) };

static uint8_t bytes[16384];

/* A large send needs the checksums of its segments. */
static bool is_refused(const struct ask *ask, const struct ask *off)
{
    return ask == off || (ask->large && off->checksum == (ask->version == 4 ? IS_IP4 | TCP_SUM : IS_IP6 | TCP_SUM));
}

static void send_one(struct watch *watch, const struct ask *ask, const struct ask *off)
{
    const struct packet_shape shape = { .version = ask->version,
                                        .protocol = ask->protocol,
                                        .payload = ask->large ? SEGMENTS * MSS : SHORT };
    const uint32_t headers = ask->version == 4 ? 34 : 54;
    struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
    const int32_t expected = is_refused(ask, off) ? (int32_t)NDIS_STATUS_NOT_SUPPORTED : SUCCESS;
    static uint8_t wire[65536];
    struct frame frame;
    uint32_t length = packet_build(&shape, bytes, &frame);

    raw_add(watch->raw, nbl, bytes, length, 0, NULL, 0);
    nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo] = (void *)(uintptr_t)ask->checksum;
    if (ask->large) {
        nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] =
            (void *)(uintptr_t)(MSS | headers << 20 | (uint32_t)LSO_V2 | (ask->version == 6 ? 1u << 31 : 0));
    }
    raw_send(watch->raw, nbl, 0, false);
    CHECK(raw_wait(watch->raw, SECOND));
    if (nbl->Status != expected) {
        test_fail(__FILE__, __LINE__, "%s: a send that needs %s comes back with %#x, not %#x", off->off, ask->off,
                  (uint32_t)nbl->Status, (uint32_t)expected);
    }
    if (expected == SUCCESS) {
        CHECK_EQ(wire_collect(watch->story, wire, sizeof(wire), NULL), length);
    }
    raw_free_all(watch->raw);
}

static void sends(struct story *story)
{
    struct watch *watch = watch_open(story);

    for (uint32_t i = 0; i < ASKS; i++) {
        send_one(watch, &asks[i], story->plan->detail);
    }
    watch_close(watch);
}

TEST(a_send_that_asks_for_what_is_off_is_refused_and_no_other)
{
    for (uint32_t i = 0; i < ASKS; i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .windows = "10-22h2",
                                        .set = (const char *const[]){ asks[i].off, NULL },
                                        .any_checksums = true, /* what is not asked for is as it was built */
                                        .detail = &asks[i],
                                        .body = sends });
    }
}

static void receives(struct story *story)
{
    const int off = *(const int *)story->plan->detail;
    struct watch *watch = watch_open(story);

    for (int version = 4; version <= 6; version += 2) {
        const struct packet_shape shape = { .version = version, .protocol = PROTOCOL_TCP, .payload = SEGMENTS * MSS };
        struct frame_offload offload;
        struct frame frame;
        uint32_t length = packet_build(&shape, bytes, &frame);

        memcpy(bytes, story_guest_mac, 6);
        offload = frame.offload;
        offload.gso = version == 4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
        offload.gso_size = MSS;
        watch_forget(watch);
        wire_inject(story, 0, bytes, length, &offload);
        CHECK(watch_wait(watch, version == off ? SEGMENTS : 1));
        CHECK_EQ(watch->seen[0].segments, version == off ? 0 : SEGMENTS);
    }
    watch_close(watch);
}

TEST(packets_of_the_ip_version_that_is_not_coalesced_come_in_segments)
{
    static const int versions[] = { 4, 6 };
    static const char *const off[][2] = { { "*RscIPv4=0" }, { "*RscIPv6=0" } };

    for (uint32_t i = 0; i < 2; i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .windows = "10-22h2",
                                        .set = off[i],
                                        .edge_buffers = 16,
                                        .detail = &versions[i],
                                        .body = receives });
    }
}
