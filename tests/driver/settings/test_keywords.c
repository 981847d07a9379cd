/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the keywords of Device Manager's Advanced page do: frame size, address, VLAN, and what becomes of values out of
 * range. On the simulated scheduler with packets of the test's own making on both sides.
 */
#include "story.h"

#include <errno.h>

#include "ndis/protocol/raw.h"

enum { MILLISECOND = 1000000, HEADER = 14, TAG = 4, SMALL = 60, VLAN = 77, OTHER_VLAN = 78, BUFFER = 4096 };

static const uint8_t guest[6] = { 0x00, 0x16, 0x3e, 0x5e, 0x00, 0x01 },
                     peer[6] = { 0x00, 0x16, 0x3e, 0x5e, 0x00, 0xfe };

/* What the guest's side has seen. */
struct seen {
    uint32_t packets, last_tci, last_length;
    uint8_t type[2];
};

static void received(void *context, uint32_t processor, const struct NET_BUFFER_LIST *nbl, uint32_t flags)
{
    struct NDIS_NET_BUFFER_LIST_8021Q_INFO info;
    const struct NET_BUFFER *nb = nbl->FirstNetBuffer;
    struct seen *seen = context;

    (void)processor, (void)flags;
    memset(&info, 0, sizeof(info));
    info.Value = nbl->NetBufferListInfo[Ieee8021QNetBufferListInfo];
    seen->last_tci = info.TagHeader.UserPriority << 13 | info.TagHeader.CanonicalFormatId << 12 | info.TagHeader.VlanId;
    seen->last_length = nb->DataLength;
    memcpy(seen->type, (uint8_t *)nb->CurrentMdl->MappedSystemVa + nb->CurrentMdlOffset + 12, 2);
    seen->packets++;
}

static struct raw *listen(struct story *story, struct seen *seen)
{
    struct raw_options options = { .memory = story->bed.guest, .received = received, .context = seen };

    memset(seen, 0, sizeof(*seen));
    return raw_open(story->bed.adapter, &options);
}

static void run(void (*body)(struct story *), const char *const *keywords, uint32_t mtu)
{
    struct story_plan plan = {
        .kind = SCHED_SIMULATED, .seed = test_seed(), .mtu = mtu, .set = keywords, .body = body
    };

    story_run(&plan);
}

static void rest(void)
{

    sched_sleep(20 * MILLISECOND);
}

/* A frame for the guest, tagged if `tci` is not 0; whether it was indicated. */
static bool arrives(struct story *story, const uint8_t *to, uint32_t tci, uint32_t length, struct seen *seen)
{
    static uint8_t bytes[BUFFER];
    uint32_t before = seen->packets, tag = tci != 0 ? TAG : 0, i;
    struct frame frame = { .vectors = { { bytes, length + tag } }, .vector_count = 1, .length = length + tag };

    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, to, 6);
    memcpy(bytes + 6, peer, 6);
    if (tci != 0) {
        bytes[12] = 0x81;
        bytes[14] = (uint8_t)(tci >> 8);
        bytes[15] = (uint8_t)tci;
    }
    bytes[12 + tag] = 0x88;
    bytes[13 + tag] = 0xb5; /* for local experiments: no stack listens */
    CHECK(memory_port_inject(story->wire, 0, &frame) != -EAGAIN);
    for (i = 0; i < 10 && seen->packets == before; i++) {
        rest();
    }
    return seen->packets != before;
}

/* Sends one frame with this tag beside it; its status, and the tag it had on the wire (0: none). */
static uint32_t send(struct story *story, struct raw *raw, uint32_t tci, uint32_t length, uint32_t *on_wire)
{
    static uint8_t bytes[BUFFER], out[BUFFER];
    struct NET_BUFFER_LIST *nbl = raw_nbl(raw);
    struct NDIS_NET_BUFFER_LIST_8021Q_INFO info;
    struct frame frame = { .vectors = { { out, sizeof(out) } }, .vector_count = 1 };

    memset(bytes, 0, sizeof(bytes));
    memcpy(bytes, peer, 6);
    memcpy(bytes + 6, guest, 6);
    bytes[12] = 0x88;
    bytes[13] = 0xb5;
    raw_add(raw, nbl, bytes, length, 0, NULL, 0);
    memset(&info, 0, sizeof(info));
    info.TagHeader.UserPriority = tci >> 13;
    info.TagHeader.VlanId = tci & 0xfff;
    nbl->NetBufferListInfo[Ieee8021QNetBufferListInfo] = info.Value;
    raw_send(raw, nbl, 0, false);
    CHECK(raw_wait(raw, 1000 * MILLISECOND));
    rest();
    *on_wire = 0;
    if (memory_port_collect(story->wire, 0, &frame, 0) != 0 && out[12] == 0x81) {
        *on_wire = (uint32_t)out[14] << 8 | out[15];
    }
    return (uint32_t)nbl->Status;
}

static int32_t set_vlan(struct story *story, uint32_t id)
{
    uint32_t needed;

    return adapter_set(story->bed.adapter, OID_GEN_VLAN_ID, &id, sizeof(id), &needed);
}

static void carry_tags(struct story *story)
{
    struct seen seen;
    struct raw *raw = listen(story, &seen);
    uint32_t on_wire;

    CHECK(arrives(story, guest, 0, SMALL, &seen));
    CHECK_EQ(seen.last_tci, 0);
    CHECK(arrives(story, guest, 5u << 13 | VLAN, SMALL, &seen));
    CHECK_EQ(seen.last_tci, 5u << 13 | VLAN);
    CHECK_EQ(seen.last_length, SMALL);
    CHECK_EQ(send(story, raw, 3u << 13 | VLAN, SMALL, &on_wire), NDIS_STATUS_SUCCESS);
    CHECK_EQ(on_wire, 3u << 13 | VLAN);
    CHECK_EQ(send(story, raw, 0, SMALL, &on_wire), NDIS_STATUS_SUCCESS);
    CHECK_EQ(on_wire, 0);

    /* A member of one VLAN, by OID as by keyword. */
    CHECK_EQ(set_vlan(story, VLAN), NDIS_STATUS_SUCCESS);
    CHECK_EQ(set_vlan(story, 4095), (int32_t)NDIS_STATUS_INVALID_DATA);
    CHECK(arrives(story, guest, VLAN, SMALL, &seen));
    CHECK(!arrives(story, guest, OTHER_VLAN, SMALL, &seen));
    CHECK(!arrives(story, guest, 0, SMALL, &seen));
    CHECK_EQ(send(story, raw, 6u << 13, SMALL, &on_wire), NDIS_STATUS_SUCCESS);
    CHECK_EQ(on_wire, 6u << 13 | VLAN);
    CHECK_EQ(send(story, raw, 0, SMALL, &on_wire), NDIS_STATUS_SUCCESS);
    CHECK_EQ(on_wire, VLAN);
    CHECK_EQ(send(story, raw, OTHER_VLAN, SMALL, &on_wire), NDIS_STATUS_INVALID_PACKET);
    CHECK_EQ(set_vlan(story, 4094), NDIS_STATUS_SUCCESS);
    CHECK_EQ(set_vlan(story, 0), NDIS_STATUS_SUCCESS);
    CHECK(arrives(story, guest, OTHER_VLAN, SMALL, &seen));
    CHECK_EQ(send(story, raw, 0, SMALL, &on_wire), NDIS_STATUS_SUCCESS);
    CHECK_EQ(on_wire, 0);
    raw_close(raw);
}

TEST(tags_travel_beside_packets_and_a_vlan_keeps_its_packets)
{
    run(carry_tags, NULL, 0);
}

static void keep_to_the_vlan(struct story *story)
{
    struct seen seen;
    struct raw *raw = listen(story, &seen);
    uint32_t on_wire, id = 0, written, needed;

    CHECK_EQ(adapter_query(story->bed.adapter, OID_GEN_VLAN_ID, &id, sizeof(id), &written, &needed),
             NDIS_STATUS_SUCCESS);
    CHECK_EQ(id, VLAN);
    CHECK(!arrives(story, guest, 0, SMALL, &seen));
    CHECK(arrives(story, guest, VLAN, SMALL, &seen));
    CHECK_EQ(send(story, raw, 0, SMALL, &on_wire), NDIS_STATUS_SUCCESS);
    CHECK_EQ(on_wire, VLAN);
    raw_close(raw);
}

TEST(the_keyword_vlanid_makes_the_adapter_a_member_of_that_vlan)
{
    static const char *const set[] = { "VlanId=77", NULL };

    run(keep_to_the_vlan, set, 0);
}

static void keep_tags_to_itself(struct story *story)
{
    struct seen seen;
    struct raw *raw = listen(story, &seen);
    uint32_t on_wire;

    CHECK(arrives(story, guest, VLAN, SMALL, &seen));
    CHECK_EQ(seen.last_tci, VLAN);
    CHECK_EQ(seen.type[0], 0x88);
    CHECK_EQ(send(story, raw, VLAN, SMALL, &on_wire), NDIS_STATUS_SUCCESS);
    CHECK_EQ(on_wire, 0);
    CHECK_EQ(set_vlan(story, VLAN), (int32_t)NDIS_STATUS_NOT_SUPPORTED);
    raw_close(raw);
}

TEST(without_priorityvlantag_sends_are_not_tagged_and_received_tags_are_taken_out)
{
    static const char *const set[] = { "*PriorityVLANTag=0", NULL };

    run(keep_tags_to_itself, set, 0);
}

static void keep_to_the_frame_size(struct story *story)
{
    struct adapter_facts facts;
    struct seen seen;
    struct raw *raw = listen(story, &seen);
    uint32_t on_wire;

    adapter_facts(story->bed.adapter, &facts);
    CHECK_EQ(facts.mtu, 2000);
    CHECK_EQ(send(story, raw, 0, 2000 + HEADER, &on_wire), NDIS_STATUS_SUCCESS);
    CHECK_STATUS(send(story, raw, 0, 2000 + HEADER + TAG + 1, &on_wire), NDIS_STATUS_INVALID_LENGTH);
    CHECK(arrives(story, guest, 0, 2000 + HEADER, &seen));
    CHECK(!arrives(story, guest, 0, 2000 + HEADER + TAG + 1, &seen));
    raw_close(raw);
}

TEST(jumbopacket_limits_frames_below_the_backend)
{
    static const char *const set[] = { "*JumboPacket=2014", NULL };

    run(keep_to_the_frame_size, set, 3000);
}

TEST(the_backend_limits_frames_below_jumbopacket)
{
    static const char *const set[] = { "*JumboPacket=9014", NULL };

    run(keep_to_the_frame_size, set, 2000);
}

static void have_an_address(struct story *story)
{
    static const uint8_t own[6] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };
    struct adapter_facts facts;
    struct seen seen;
    struct raw *raw = listen(story, &seen);

    adapter_facts(story->bed.adapter, &facts);
    CHECK(memcmp(facts.current_mac, own, 6) == 0);
    CHECK(memcmp(facts.permanent_mac, guest, 6) == 0);
    CHECK(arrives(story, own, 0, SMALL, &seen));
    raw_close(raw);
}

TEST(networkaddress_is_the_current_address)
{
    static const char *const set[] = { "NetworkAddress=021122334455", NULL };

    run(have_an_address, set, 0);
}

struct log {
    uint32_t lines;
};

static void count_line(void *context, const char *line)
{
    (void)line;
    ((struct log *)context)->lines++;
}

static void fall_back(struct story *story)
{
    struct adapter_facts facts;
    struct log log = { 0 };

    adapter_facts(story->bed.adapter, &facts);
    CHECK(memcmp(facts.current_mac, guest, 6) == 0);
    ndis_event_log(count_line, &log);
    CHECK_EQ(log.lines, 1);
}

TEST(a_multicast_address_is_refused_and_the_event_log_names_it)
{
    static const char *const set[] = { "NetworkAddress=031122334455", NULL };

    run(fall_back, set, 0);
}
