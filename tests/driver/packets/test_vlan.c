/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received 802.1Q tags: taken out of the frame by the driver, on every release of XenVif and with every value of
 * *PriorityVLANTag, without a byte of the packet changed and with what XenVif said of its checksums.
 */
#include <errno.h>
#include <stdlib.h>

#include "packets.h"
#include "story_release.h"
#include "story_watch.h"

enum { SECOND = 1000000000, PACKET_BYTES = 2048, TAG_BYTES = 4, PRIORITY = 3, VLAN = 5 /* of packet_build's tag */ };

struct arrived {
    uint32_t packets, length, priority, vlan;
    uint64_t checksum;
    uint8_t bytes[PACKET_BYTES];
};

/* As a protocol reads it: the mapped bytes of each MDL, the first one's from the NB's offset on. */
static void received(void *context, uint32_t processor, const struct NET_BUFFER_LIST *nbl, uint32_t flags)
{
    const struct NET_BUFFER *nb = nbl->FirstNetBuffer;
    const struct MDL *mdl = nb->CurrentMdl;
    uint32_t offset = nb->CurrentMdlOffset, copied = 0;
    struct NDIS_NET_BUFFER_LIST_8021Q_INFO tag;
    struct arrived *arrived = context;

    (void)processor, (void)flags;
    arrived->length = nb->DataLength;
    for (; mdl != NULL && copied < nb->DataLength && copied < PACKET_BYTES; mdl = mdl->Next, offset = 0) {
        uint32_t piece = mdl->ByteCount - offset;

        piece = piece < nb->DataLength - copied ? piece : nb->DataLength - copied;
        piece = piece < PACKET_BYTES - copied ? piece : PACKET_BYTES - copied;
        memcpy(arrived->bytes + copied, (const uint8_t *)mdl->MappedSystemVa + offset, piece);
        copied += piece;
    }
    tag.Value = nbl->NetBufferListInfo[Ieee8021QNetBufferListInfo];
    arrived->priority = tag.TagHeader.UserPriority;
    arrived->vlan = tag.TagHeader.VlanId;
    arrived->checksum = (uint64_t)nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo];
    arrived->packets++;
}

static bool until_arrived(struct arrived *arrived, uint32_t packets)
{
    uint64_t deadline = sched_now() + SECOND;

    while (arrived->packets < packets && sched_now() < deadline) {
        story_rest();
    }
    return arrived->packets == packets;
}

/* A tagged packet in; what came of it without its tag. */
static void inject_one(struct story *story, struct arrived *arrived, struct packet_shape *shape)
{
    static uint8_t bytes[MAX_FRAME_BYTES];
    struct NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO info;
    bool tcp = shape->protocol == PROTOCOL_TCP;
    uint32_t length, tag = shape->vlan ? TAG_BYTES : 0, expected = arrived->packets + 1;
    struct frame frame;

    length = packet_build(shape, bytes, &frame);
    memcpy(bytes, story_guest_mac, 6);
    memcpy(bytes + 6, story_peer_mac, 6);
    CHECK(memory_port_inject(story->wire, 0, &frame) != -EAGAIN);
    if (!until_arrived(arrived, expected)) {
        test_fail(__FILE__, __LINE__, "IPv%d, protocol %d, %u bytes, tagged %d: nothing arrived", shape->version,
                  shape->protocol, shape->payload, shape->vlan);
    }
    CHECK_EQ(arrived->length, length - tag);
    CHECK(memcmp(arrived->bytes, bytes, 12) == 0);
    /* All behind the tag but the checksum, which the backend left open and somebody may have completed. */
    memset(bytes + frame.offload.checksum_start + frame.offload.checksum_offset, 0, 2);
    memset(arrived->bytes + frame.offload.checksum_start + frame.offload.checksum_offset - tag, 0, 2);
    CHECK(memcmp(arrived->bytes + 12, bytes + 12 + tag, length - 12 - tag) == 0);
    CHECK_EQ(arrived->vlan, shape->vlan ? VLAN : 0);
    info.Value = (void *)(uintptr_t)arrived->checksum;
    CHECK_EQ(tcp ? info.Receive.TcpChecksumSucceeded : info.Receive.UdpChecksumSucceeded, 1);
    CHECK_EQ(tcp ? info.Receive.TcpChecksumFailed : info.Receive.UdpChecksumFailed, 0);
}

static void tags_of_all_shapes(struct story *story)
{
    static const uint32_t payloads[] = { 0, 1, 3, 46, 100, 1000, 1400 };
    struct arrived *arrived = calloc(1, sizeof(*arrived));
    struct raw_options options = { .memory = story->bed.guest, .received = received, .context = arrived };
    const uint32_t *keyword = story->plan->detail;
    struct raw *raw = raw_open(story->bed.adapter, &options);
    struct packet_shape shape = { .version = 4 };

    for (uint32_t i = 0; i < 8 * sizeof(payloads) / sizeof(payloads[0]); i++) {
        shape.version = i & 1 ? 6 : 4;
        shape.protocol = i & 2 ? PROTOCOL_UDP : PROTOCOL_TCP;
        shape.vlan = (i & 4) == 0; /* an untagged one behind a tagged one has nothing left over */
        shape.payload = payloads[i / 8];
        inject_one(story, arrived, &shape);
        CHECK_EQ(arrived->priority, shape.vlan && (*keyword & 1) != 0 ? PRIORITY : 0);
    }
    story_count("*PriorityVLANTag=%u: %u packets of all shapes", *keyword, arrived->packets);
    raw_close(raw);
    free(arrived);
}

TEST(a_received_tag_is_taken_out_whatever_the_release_and_the_keyword)
{
    static const char *const keywords[4][2] = {
        { "*PriorityVLANTag=0" }, { "*PriorityVLANTag=1" }, { "*PriorityVLANTag=2" }, { "*PriorityVLANTag=3" }
    };

    for (uint32_t i = 0; i < 4; i++) {
        story_on_releases(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                                .seed = test_seed(),
                                                .set = keywords[i],
                                                .detail = &i,
                                                .body = tags_of_all_shapes });
    }
}
