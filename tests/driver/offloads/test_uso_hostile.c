/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP segmentation with everybody against it, 200 seeds: sends that ask for what cannot be, MDLs cut anywhere, a XenVif
 * that has no memory or reports what does not exist, a backend that refuses, stalls or goes, pauses, requests that
 * switch it off, allocations that fail. Each NBL comes back once; whatever arrives is a whole datagram with right
 * checksums; the pool stays within its keyword; and afterwards a plain send is cut as ever.
 */
#include "ndis/adapter/adapter.h"
#include "nt/export/fail.h"
#include "nt/memory/mdl.h"
#include "nt/memory/pool.h"
#include "story_uso.h"
#include "wire/parse.h"
#include "xenvif/offer/hostile.h"

enum { ROUNDS = 24, MANY = 6, MAX_CUTS = 40, BUFFERS = 64, MAX_BUFFER_BYTES = 512, MAX_FRAME = 65600 };

static const char *const settings[] = { "SegmentBuffers=64", NULL };

static uint32_t draw_cuts(uint32_t *state, uint32_t length, uint32_t *cuts)
{
    uint32_t count = 0, left = length, pieces = 1 + uso_draw(state, MAX_CUTS - 1);

    while (count + 1 < pieces && left != 0) {
        cuts[count] = uso_draw(state, 4) == 0 ? uso_draw(state, 3) : 1 + uso_draw(state, left);
        cuts[count] = cuts[count] < left ? cuts[count] : left;
        left -= cuts[count++];
    }
    cuts[count++] = left;
    return count;
}

/* A large datagram of any shape, and for some what it asks for or what is in it spoilt. */
static struct NET_BUFFER_LIST *make(struct uso *uso, uint32_t *state)
{
    struct uso_send send = { .shape = { .version = 4 + 2 * (int)uso_draw(state, 2), .protocol = PROTOCOL_UDP },
                             .mss = 1 + uso_draw(state, 1452),
                             .offset = uso_draw(state, 64) };
    uint32_t cuts[MAX_CUTS];
    struct NET_BUFFER_LIST *nbl;
    union late_udp_segmentation info;

    send.shape.vlan = uso_draw(state, 4) == 0;
    send.shape.ip_options = send.shape.version == 4 ? 4 * uso_draw(state, 3) : 0;
    send.shape.extension = send.shape.version == 6 ? 8 * uso_draw(state, 3) : 0;
    send.mss = uso_fit(&send.shape, send.mss);
    send.shape.payload = 1 + uso_draw(state, send.mss * 100 < USO_MAX_DATAGRAM ? send.mss * 100 : USO_MAX_DATAGRAM);
    send.cuts = cuts;
    send.cut_count = draw_cuts(state, send.offset + uso_length(&send.shape), cuts);
    nbl = uso_make(uso, &send);
    info.Value = nbl->NetBufferListInfo[UdpSegmentationOffloadInfo];
    switch (uso_draw(state, 8)) {
    case 0:
        info.Transmit.MSS = uso_draw(state, 1 << 20);
        break;
    case 1: /* behind extension headers the driver has nobody else's word for it */
        info.Transmit.UdpHeaderOffset = send.shape.extension == 0 ? uso_draw(state, 1024) : 0;
        break;
    case 2:
        info.Transmit.IPVersion ^= 1;
        break;
    case 3:
        nbl->FirstNetBuffer->DataLength = 1 + uso_draw(state, nbl->FirstNetBuffer->DataLength);
        break;
    default:
        break;
    }
    nbl->NetBufferListInfo[UdpSegmentationOffloadInfo] = info.Value;
    return nbl;
}

static void switch_uso(struct story *story, uint8_t v4, uint8_t v6)
{
    struct late_offload_parameters parameters;
    uint32_t needed;

    memset(&parameters, 0, sizeof(parameters));
    parameters.before.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.before.Header.Revision = 5;
    parameters.before.Header.Size = LATE_PARAMETERS_SIZE_5;
    parameters.UdpSegmentation.IPv4 = v4;
    parameters.UdpSegmentation.IPv6 = v6;
    CHECK_STATUS(
        adapter_set(story->bed.adapter, OID_TCP_OFFLOAD_PARAMETERS, &parameters, LATE_PARAMETERS_SIZE_5, &needed),
        SUCCESS);
}

/* What happens to the sends that are out, or made next. */
static void disturb(struct story *story, uint32_t *state)
{
    uint32_t amount = uso_draw(state, 50);

    switch (uso_draw(state, 9)) {
    case 0:
        vif_refuse_sends(STORY_STAND_IN(story), amount, 1 + uso_draw(state, 5));
        break;
    case 1:
        netback_refuse(story->bed.netback, 0, amount);
        break;
    case 2:
        netback_stall(story->bed.netback, 0, amount * (SECOND / 100));
        break;
    case 3:
        vif_lie(LIE_COMPLETION, uso_draw(state, 256));
        break;
    case 4:
        vif_tell_truth();
        break;
    case 5: /* not while the backend stalls: XenVif would begin its ring anew for requests of its own, which kills it */
        netback_stall(story->bed.netback, 0, 0);
        sched_sleep(SECOND / 10);
        CHECK_STATUS(adapter_pause(story->bed.adapter), SUCCESS);
        CHECK_STATUS(adapter_restart(story->bed.adapter), SUCCESS);
        break;
    case 6:
        switch_uso(story, uso_draw(state, 2) ? LATE_ON : LATE_OFF, uso_draw(state, 2) ? LATE_ON : LATE_OFF);
        break;
    case 7:
        fail_at(1 + uso_draw(state, 3));
        break;
    default:
        fail_disarm();
        break;
    }
}

/* Everything at the wire: each a datagram, however short the payload. */
static uint32_t look_at_frames(struct uso *uso, uint64_t *bytes)
{
    uint32_t frames = 0, length;

    for (;; frames++, *bytes += length) {
        struct frame frame = { .vectors = { { uso->back, MAX_FRAME } }, .vector_count = 1 };
        struct layout layout;

        length = memory_port_collect(uso->story->wire, 0, &frame, 0);
        if (length == 0) {
            return frames;
        }
        frame.vectors[0].iov_len = length;
        CHECK(frame_parse(&frame, &layout));
        CHECK(layout.protocol == PROTOCOL_UDP && layout.transport != 0 && !layout.cut && !layout.fragment);
        CHECK(frame_check_checksum(&frame) != CHECKSUM_BAD && frame_verify_ip_header(&frame));
        CHECK_EQ(get16(layout.headers + layout.transport + 4), layout.network_end - layout.transport);
    }
}

static void calm(struct story *story)
{
    fail_disarm();
    vif_tell_truth();
    vif_refuse_sends(STORY_STAND_IN(story), 0, 0);
    netback_refuse(story->bed.netback, 0, 0);
    netback_stall(story->bed.netback, 0, 0);
    switch_uso(story, LATE_ON, LATE_ON);
}

static void disturbed(struct story *story)
{
    const struct uso_send plain = { .shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 5000 }, .mss = 1000 };
    struct uso *uso = uso_open(story);
    uint32_t state = (uint32_t)story->plan->seed * 5 + 3, round, i, frames = 0, failed = 0;
    uint64_t before = pool_used(), most = 0, bytes = 0;

    for (round = 0; round < ROUNDS; round++) {
        struct NET_BUFFER_LIST *nbls[MANY];

        for (i = 0; i < MANY; i++) {
            if (uso_draw(&state, 3) == 0) {
                disturb(story, &state);
            }
            nbls[i] = make(uso, &state);
            raw_send(uso->watch->raw, nbls[i], 0, uso_draw(&state, 2) == 0);
            most = pool_used() > most ? pool_used() : most;
        }
        frames += look_at_frames(uso, &bytes);
        if (round % 4 == 3) {
            calm(story);
        }
        CHECK(raw_wait(uso->watch->raw, USO_WAIT));
        for (i = 0; i < MANY; i++) {
            failed += nbls[i]->Status != SUCCESS;
        }
        frames += look_at_frames(uso, &bytes);
        uso_free(uso);
    }
    CHECK(most <= before + (uint64_t)processor_count() * BUFFERS * MAX_BUFFER_BYTES);
    calm(story);
    (void)backend_frames(story);
    CHECK_STATUS(uso_send(uso, &plain), SUCCESS);
    CHECK_EQ(uso_expect(uso, &plain), 5);
    sched_sleep(30 * SECOND);
    CHECK(pool_used() <= before + 4096);
    story_count("%u large sends among every disturbance, %u failed, %u datagrams arrived", ROUNDS * MANY, failed,
                frames);
    uso_close(uso);
}

TEST(no_disturbance_loses_a_send_or_tears_a_datagram)
{
    uint32_t seeds = test_seeds(200), i;

    for (i = 0; i < seeds; i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + i,
                                        .windows = i & 1 ? "11-24h2" : "10-22h2",
                                        .vif_version = 8 + i % 3,
                                        .processors = 1 + i / 2 % 2,
                                        .set = settings,
                                        .wire_depth = 16384,
                                        .quiet = i != 0,
                                        .stand_in = "no XenVif means harm",
                                        .loose_grants = true,
                                        .body = disturbed });
    }
}

/* Checksums are the driver's where the backend has none. Payload that nobody has mapped, and one call in turn fails:
 * the send does, and no datagram leaves without its checksum. */
static void not_mapped(struct story *story)
{
    enum { CALLS = 12, HEADER = 42 };
    const uint32_t cuts[] = { HEADER, 3000, 2000 };
    const struct uso_send send = {
        .shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 5000 }, .mss = 1000, .cuts = cuts, .cut_count = 3
    };
    struct uso *uso = uso_open(story);
    uint32_t failed = 0;

    for (uint32_t n = 1; n <= CALLS; n++) {
        struct NET_BUFFER_LIST *nbl = uso_make(uso, &send);

        for (struct MDL *mdl = nbl->FirstNetBuffer->MdlChain->Next; mdl != NULL; mdl = mdl->Next) {
            mdl->MdlFlags = MDL_PAGES_LOCKED;
            mdl->MappedSystemVa = NULL;
        }
        fail_at(n);
        raw_send(uso->watch->raw, nbl, 0, false);
        CHECK(raw_wait(uso->watch->raw, USO_WAIT));
        fail_disarm();
        if (nbl->Status == SUCCESS) {
            CHECK_EQ(uso_expect(uso, &send), 5);
        } else {
            uint64_t bytes = 0;

            CHECK_STATUS(nbl->Status, NDIS_STATUS_RESOURCES);
            (void)look_at_frames(uso, &bytes);
            failed++;
        }
    }
    CHECK(failed >= 2); /* a buffer, and a map for the sum */
    uso_close(uso);
}

TEST(no_datagram_leaves_without_its_checksum)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .windows = "10-22h2",
                                    .backend_without = 1u << NETBACK_BIT_CSUM,
                                    .wire_depth = 1024,
                                    .stand_in = "no XenVif means harm",
                                    .body = not_mapped });
}
