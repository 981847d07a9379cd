/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received packets that are just within what the driver takes, and one byte beyond: lengths, places in MDLs, headers,
 * segments. With a tag that XenVif found they go the longer way through the driver, as all do on Windows 7.
 */
#include "packets.h"
#include "story_watch.h"
#include "nt/memory/mdl.h"
#include "xenvif/offer/hostile.h"

enum { TAG = 4, LONGEST = 1514 + TAG, LARGEST = 65535 + 14 + TAG, MEMORY = 72 * 1024, HEADERS = 54, MSS = 1000 };

/* first, second: bytes of the MDLs; 0: a whole one, and none. With an MSS, of a coalesced packet: `headers` bytes of
 * them, IP options among them, a TCP header so far behind the IP header's end and so long. */
struct boundary {
    const char *what;
    uint32_t first, second, offset, length;
    uint32_t mss, headers, options, tcp_offset, tcp_length;
    bool goes_up;
};

static const struct boundary plain[] = {
    { .what = "an Ethernet header alone", .length = 14, .goes_up = true },
    { .what = "half a header", .length = 13 },
    { .what = "the longest frame", .length = LONGEST, .goes_up = true },
    { .what = "a longer frame", .length = LONGEST + 1 },
    { .what = "to the end of its MDL", .first = 200, .offset = 100, .length = 100, .goes_up = true },
    { .what = "beyond the end of its MDL", .first = 200, .offset = 100, .length = 101 },
    { .what = "to the end of two MDLs", .first = 100, .second = 100, .offset = 50, .length = 150, .goes_up = true },
    { .what = "beyond the end of two MDLs", .first = 100, .second = 100, .offset = 50, .length = 151 },
    { .what = "from the last byte of an MDL",
      .first = 100,
      .second = 300,
      .offset = 99,
      .length = 301,
      .goes_up = true },
    { .what = "from behind an MDL", .first = 100, .second = 300, .offset = 100, .length = 300 },
};

/* XenVif says that there is a tag. */
static const struct boundary tagged[] = {
    { .what = "a header with a tag alone", .length = 14 + TAG, .goes_up = true },
    { .what = "half a tag", .length = 14 + TAG - 1 },
    { .what = "the longest frame, tagged", .length = LONGEST, .goes_up = true },
    { .what = "a longer frame, tagged", .length = LONGEST + 1 },
    { .what = "a tag to the end of the first MDL", .first = 18, .second = 100, .length = 60, .goes_up = true },
    { .what = "a tag beyond the first MDL", .first = 17, .second = 100, .length = 60 },
    { .what = "a tag far in the first MDL", .first = 118, .second = 100, .offset = 100, .length = 60, .goes_up = true },
};

static const struct boundary coalesced[] = {
    { .what = "one byte behind the headers", .length = HEADERS + 1, .mss = MSS, .goes_up = true },
    { .what = "nothing behind the headers", .length = HEADERS, .mss = MSS },
    { .what = "one whole segment", .length = HEADERS + MSS, .mss = MSS, .goes_up = true },
    { .what = "two segments", .length = HEADERS + MSS + 1, .mss = MSS, .goes_up = true },
    { .what = "the longest segments", .length = HEADERS + 4000, .mss = LONGEST - HEADERS, .goes_up = true },
    { .what = "longer segments", .length = HEADERS + 4000, .mss = LONGEST - HEADERS + 1 },
    { .what = "the largest packet", .length = LARGEST, .mss = MSS, .goes_up = true },
    { .what = "a larger packet", .length = LARGEST + 1, .mss = MSS },
    { .what = "IP options of one segment",
      .length = 62 + MSS,
      .mss = MSS,
      .headers = 8,
      .options = 8,
      .goes_up = true },
    { .what = "IP options of two segments", .length = 62 + MSS + 1, .mss = MSS, .headers = 8, .options = 8 },
    { .what = "a gap before the TCP header",
      .length = 2000,
      .mss = MSS,
      .headers = 1,
      .tcp_offset = 1,
      .goes_up = true },
    { .what = "a TCP header over the IP header", .length = 2000, .mss = MSS, .tcp_offset = UINT32_MAX },
    { .what = "a TCP header to the headers' end",
      .length = 2000,
      .mss = MSS,
      .headers = 12,
      .tcp_length = 12,
      .goes_up = true },
    { .what = "a TCP header beyond the headers' end", .length = 2000, .mss = MSS, .headers = 11, .tcp_length = 12 },
};

static uint8_t memory[MEMORY];

/* `shift`: bytes of the tag that XenVif found, before all other headers. */
static void describe(const struct boundary *one, uint32_t shift, struct XENVIF_PACKET_INFO_V2 *info)
{
    memset(info, 0, sizeof(*info));
    info->EthernetHeader.Length = 14 + shift;
    info->Length = HEADERS + shift + one->headers;
    info->IpHeader.Offset = 14 + shift;
    info->IpHeader.Length = 20;
    info->IpOptions.Offset = 34 + shift;
    info->IpOptions.Length = one->options;
    info->TcpHeader.Offset = 34 + shift + one->options + one->tcp_offset;
    info->TcpHeader.Length = 20 + one->tcp_length;
}

static void go(struct watch *watch, const struct boundary *one, uint32_t shift)
{
    struct story *story = watch->story;
    const uint64_t errors = oid_get64(story, OID_GEN_RCV_ERROR);
    const bool longer = one->mss != 0 && one->length < LARGEST; /* the tag, too */
    struct XENVIF_PACKET_INFO_V2 info;
    struct vif_inject packet = { .offset = one->offset, .mss = (uint16_t)one->mss, .info = &info };
    struct MDL *mdl = mdl_create(memory, one->first != 0 ? one->first : MEMORY);
    struct MDL *second = one->second != 0 ? mdl_create(memory, one->second) : NULL;
    uint32_t payload, segments;

    describe(one, shift, &info);
    packet.mdl = mdl;
    packet.length = one->length + (longer ? shift : 0);
    if (packet.mss >= LONGEST - HEADERS) {
        packet.mss = (uint16_t)(packet.mss - shift);
    }
    mdl->Next = second;
    watch_forget(watch);
    vif_inject(STORY_STAND_IN(story), 0, &packet);
    if (watch->count != one->goes_up || oid_get64(story, OID_GEN_RCV_ERROR) != errors + !one->goes_up) {
        test_fail(__FILE__, __LINE__, "%s, %u bytes of tag: went up %u times, %u errors", one->what, shift,
                  watch->count, (uint32_t)(oid_get64(story, OID_GEN_RCV_ERROR) - errors));
    }
    if (one->goes_up) {
        payload = packet.length - info.Length;
        segments = packet.mss != 0 && payload > packet.mss ? (payload + packet.mss - 1) / packet.mss : 0;
        CHECK_EQ(watch->seen[0].length, packet.length);
        CHECK_EQ(watch->seen[0].segments, segments);
    }
    mdl_free(mdl);
    if (second != NULL) {
        mdl_free(second);
    }
}

/* Each with a tag that XenVif found, or without. */
static void go_all(struct watch *watch, const struct boundary *cases, size_t count, uint32_t shift)
{
    for (size_t i = 0; i < count; i++) {
        go(watch, &cases[i], shift);
    }
}

#define GO(cases, shift) go_all(watch, cases, sizeof(cases) / sizeof((cases)[0]), shift)

static void watched(struct story *story)
{
    void (*const *body)(struct watch *watch) = story->plan->detail;
    struct watch *watch = watch_open(story);

    frame_plain(memory, 100, story_guest_mac, story_peer_mac, 7);
    (*body)(watch);
    watch_close(watch);
}

static void run(const char *windows, const char *const *set, void (*body)(struct watch *watch))
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .windows = windows,
                                    .set = set,
                                    .edge_buffers = 16,
                                    .prepare = story_inject_start,
                                    .detail = (const void *)&body,
                                    .body = watched });
}

static void frames(struct watch *watch)
{
    GO(plain, 0);
    GO(tagged, TAG);
}

TEST(frames_just_within_what_there_is_go_up_and_none_beyond)
{
    static const char *const windows[] = { "7", "8.1", "10-22h2", "11-24h2" };

    for (uint32_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        run(windows[i], NULL, frames);
    }
}

static void large(struct watch *watch)
{
    GO(coalesced, 0);
    GO(coalesced, TAG);
}

TEST(coalesced_packets_just_within_what_there_is_go_up_and_none_beyond)
{
    run("10-22h2", NULL, large);
}

/* Where nothing is coalesced a packet of one segment is an ordinary one. */
static void not_coalesced(struct watch *watch)
{
    static const struct boundary cases[] = {
        { .what = "one whole segment", .length = HEADERS + MSS, .mss = MSS, .goes_up = true },
        { .what = "a byte more than a segment", .length = HEADERS + MSS + 1, .mss = MSS },
    };

    GO(cases, 0);
    GO(cases, TAG);
}

TEST(where_nothing_is_coalesced_one_segment_goes_up_and_no_byte_more)
{
    static const char *const off[] = { "*RscIPv4=0", "*RscIPv6=0", NULL };

    run("7", NULL, not_coalesced);
    run("10-22h2", off, not_coalesced);
}
