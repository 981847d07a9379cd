/* SPDX-License-Identifier: BSD-2-Clause */
/* The XenVif stand-in against the embedded backend, both schedulers: connection, packets both ways, every VIF version.
 */
#include "vif_bed.h"

/* --- connection --- */

static void connect_only(struct vif_bed *bed)
{
    uint32_t value;

    vb_bind(bed);
    ((vb_get32 *)bed->vifi.QueryRingCount)(&bed->vifi, &value);
    CHECK_EQ(value, 2);
    ((vb_get32 *)bed->vifi.MacQueryMaximumFrameSize)(&bed->vifi, &value);
    CHECK_EQ(value, 1518);
    vb_unbind(bed);
}

TEST(frontend_connects_and_nothing_is_left_behind)
{
    vb_run_all((struct vb_story){ connect_only, { .version = 10, .queues = 2 } }, 20);
}

/* --- transmit --- */

static void send_and_collect(struct vif_bed *bed)
{
    uint32_t count = 300;

    vb_bind(bed);
    for (uint32_t i = 0; i < count; i++) {
        struct frame frame = vb_udp(200 + i, 1000),
                     got = { .vectors = { { vb_other, sizeof(vb_other) } }, .vector_count = 1 };

        frame_complete_checksum(&frame);
        memcpy(bed->memory + (size_t)i * 4096, vb_bytes, frame.length);
        CHECK_EQ(vb_send(bed, i, NULL, frame.length, 0, 0, NULL, false), 0);
        CHECK_EQ(memory_port_collect(bed->port, 0, &got, 20 * SECOND), frame.length);
        CHECK(memcmp(vb_bytes, vb_other, frame.length) == 0);
        CHECK(!got.offload.checksum_partial);
    }
    vb_wait_completed(bed, count);
    CHECK_EQ(bed->sent_ok, count);
    CHECK_EQ(bed->doubled, 0);
    vb_unbind(bed);
}

TEST(packets_sent_arrive_as_they_were)
{
    vb_run_all((struct vb_story){ send_and_collect, { .version = 8, .queues = 1 } }, 3);
}

/* --- receive --- */

static void inject_and_receive(struct vif_bed *bed)
{
    uint32_t count = 200;

    vb_bind(bed);
    bed->keep = true;
    for (uint32_t i = 0; i < count; i++) {
        struct frame frame = vb_udp(100 + i, 1000);

        frame_complete_checksum(&frame);
        CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
        vb_wait_received(bed, i + 1);
        CHECK_EQ(bed->received[i].length, frame.length);
        CHECK_EQ(vb_copy(&bed->received[i], vb_other), frame.length);
        CHECK(memcmp(vb_bytes, vb_other, frame.length) == 0);
        CHECK_EQ(bed->received[i].info.UdpHeader.Offset, 34);
    }
    vb_give_back(bed);
    vb_unbind(bed);
}

TEST(packets_received_are_as_they_were_sent)
{
    for (uint32_t version = 8; version <= 10; version++) {
        vb_run_all((struct vb_story){ inject_and_receive, { .version = version, .queues = 1 } }, 3);
    }
}

/* --- large sends and receives --- */

enum {
    LSO4 = 1 << 1,
    IPCSUM4 = 1 << 2,
    TCP4 = 1 << 3,
    UDP4 = 1 << 4,
    LSO6 = 1 << 5,
    TCP6 = 1 << 6,
    NEED_CHECKSUM = 1 << 8,
    NEED_SPLIT = 1 << 9
};

/* One MDL over many pages of the bed's memory. */
static void send_large(struct vif_bed *bed, int version, uint32_t payload, uint32_t mss)
{
    struct frame frame, got = { .vectors = { { vb_other, sizeof(vb_other) } }, .vector_count = 1 };
    uint32_t length =
        packet_build(&(struct packet_shape){ version, PROTOCOL_TCP, payload, .source_port = 77 }, vb_bytes, &frame);
    struct MDL *mdl = mdl_create(bed->memory + 100, length);
    uint32_t before = vb_completed(bed);

    memcpy(bed->memory + 100, vb_bytes, length);
    CHECK_EQ(vb_send(bed, 0, mdl, length, version == 4 ? LSO4 : LSO6, (uint16_t)mss, NULL, false), 0);
    CHECK_EQ(memory_port_collect(bed->port, 0, &got, 20 * SECOND), length);
    CHECK_EQ(got.offload.gso, payload == mss ? FRAME_GSO_NONE : version == 4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6);
    CHECK_EQ(got.offload.gso_size, payload == mss ? 0 : mss);
    CHECK(got.offload.checksum_partial);
    CHECK(memcmp(vb_bytes + frame.offload.header_length, vb_other + frame.offload.header_length, payload) == 0);
    CHECK(memcmp(vb_bytes, vb_other, frame.offload.header_length) == 0);
    vb_wait_completed(bed, before + 1);
    mdl_free(mdl);
}

static void large_sends(struct vif_bed *bed)
{
    vb_bind(bed);
    for (int version = 4; version <= 6; version += 2) {
        uint32_t mss = version == 4 ? 1460 : 1440;

        send_large(bed, version, mss, mss);
        send_large(bed, version, mss + 1, mss);
        send_large(bed, version, 9000, mss);
        send_large(bed, version, 65000, mss);
    }
    CHECK_EQ(bed->sent_ok, 8);
    vb_unbind(bed);
}

TEST(large_sends_cross_the_ring_whole)
{
    vb_run_all((struct vb_story){ large_sends, { .version = 9, .queues = 1 } }, 10);
    vb_run_all((struct vb_story){ large_sends, { .version = 10, .queues = 1, .strict = true, .per_packet = true } }, 5);
}

static struct frame large(int version, uint32_t payload, uint16_t mss)
{
    struct frame frame;

    packet_build(&(struct packet_shape){ version, PROTOCOL_TCP, payload, .source_port = 77 }, vb_bytes, &frame);
    frame.offload.gso = version == 4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
    frame.offload.gso_size = mss;
    return frame;
}

static void set_receive(struct vif_bed *bed, uint16_t options)
{
    ((vb_options *)bed->vifi.ReceiverSetOffloadOptions)(&bed->vifi,
                                                        (struct XENVIF_VIF_OFFLOAD_OPTIONS_V1){ .Value = options });
}

static void large_receives(struct vif_bed *bed)
{
    static const uint32_t sizes[] = { 2000, 9000, 40000, 65000 };

    vb_bind(bed);
    bed->keep = true;
    set_receive(bed, LSO4 | LSO6 | TCP4 | TCP6 | IPCSUM4);
    for (uint32_t i = 0; i < 8; i++) {
        struct frame frame = large(i < 4 ? 4 : 6, sizes[i % 4], 1448);

        CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
        vb_wait_received(bed, i + 1);
        CHECK_EQ(bed->received[i].length, frame.length);
        CHECK_EQ(bed->received[i].mss, 1448);
        CHECK(bed->received[i].checksum & 1 << 3); /* TcpChecksumSucceeded */
        CHECK_EQ(vb_copy(&bed->received[i], vb_other), frame.length);
        CHECK(memcmp(vb_bytes, vb_other, frame.length) == 0);
    }
    vb_give_back(bed);
    vb_unbind(bed);
}

TEST(large_receives_come_up_whole)
{
    vb_run_all((struct vb_story){ large_receives, { .version = 10, .queues = 1 } }, 10);
    vb_run_all((struct vb_story){ large_receives, { .version = 10, .queues = 1, .strict = true, .per_packet = true } },
               3);
}

/* A segment as a stack would want it: every header complete, its place in the stream shown by its sequence number. */
static void check_segment(const struct vb_received *packet, const struct frame *whole, uint32_t expected_offset,
                          uint32_t expected_size)
{
    uint32_t header = whole->offload.header_length, length = vb_copy(packet, vb_other);
    struct frame frame = { .vectors = { { vb_other, length } }, .vector_count = 1, .length = length };
    uint32_t tcp = packet->info.TcpHeader.Offset;

    CHECK_EQ(length, header + expected_size);
    CHECK_EQ(get32(vb_other + tcp + 4), get32(vb_bytes + tcp + 4) + expected_offset);
    CHECK(tcp != 34 ||
          get16(vb_other + 18) == get16(vb_bytes + 18) + expected_offset / 1448); /* IPv4: identification */
    CHECK(memcmp(vb_other + header, vb_bytes + header + expected_offset, expected_size) == 0);
    CHECK(frame_verify_ip_header(&frame));
    CHECK_EQ(frame_verify_checksum(&frame), CHECKSUM_GOOD);
}

static void split_receives(struct vif_bed *bed)
{
    struct frame frame;

    vb_bind(bed);
    bed->keep = true;
    for (int version = 4; version <= 6; version += 2) {
        uint32_t first = bed->received_count;

        set_receive(bed, NEED_CHECKSUM); /* no large packets: all of it is cut */
        frame = large(version, 5000, 1448);
        CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
        vb_wait_received(bed, first + 4);
        for (uint32_t i = 0; i < 4; i++) {
            CHECK_EQ(bed->received[first + i].mss, 0);
            check_segment(&bed->received[first + i], &frame, i * 1448, i < 3 ? 1448 : 5000 - 3 * 1448);
        }
        set_receive(bed, LSO4 | LSO6 | NEED_CHECKSUM | NEED_SPLIT); /* one segment and the rest */
        CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
        vb_wait_received(bed, first + 6);
        check_segment(&bed->received[first + 4], &frame, 0, 1448);
        check_segment(&bed->received[first + 5], &frame, 1448, 5000 - 1448);
        CHECK_EQ(bed->received[first + 5].mss, 1448);
        CHECK_EQ(bed->received[first + 4].more, 1);
    }
    vb_give_back(bed);
    vb_unbind(bed);
}

TEST(large_receives_are_split_when_asked)
{
    vb_run_all((struct vb_story){ split_receives, { .version = 10, .queues = 1 } }, 10);
}

/* --- checksums --- */

static void checksum_receives(struct vif_bed *bed)
{
    struct frame frame;

    vb_bind(bed);
    bed->keep = true;
    set_receive(bed, TCP4 | UDP4 | IPCSUM4);
    frame = vb_udp(500, 9); /* partial: the sender vouches */
    CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
    frame_complete_checksum(&frame);
    frame.offload = (struct frame_offload){ 0 }; /* complete, nobody vouches */
    CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
    vb_bytes[100] ^= 1; /* and wrong */
    CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
    vb_bytes[24] ^= 1; /* the IP header too */
    CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
    vb_wait_received(bed, 4);
    CHECK_EQ(bed->received[0].checksum, 1 << 0 | 1 << 6);
    CHECK_EQ(bed->received[1].checksum, 1 << 0 | 1 << 6);
    CHECK_EQ(bed->received[2].checksum, 1 << 0 | 1 << 7);
    CHECK_EQ(bed->received[3].checksum, 1 << 1 | 1 << 7);
    set_receive(bed, NEED_CHECKSUM);
    frame = vb_udp(501, 9);
    CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
    vb_wait_received(bed, 5);
    CHECK_EQ(bed->received[4].checksum, 1 << 2 | 1 << 8);
    vb_copy(&bed->received[4], vb_other);
    frame_complete_checksum(&frame);
    CHECK(memcmp(vb_bytes, vb_other, frame.length) == 0);
    vb_give_back(bed);
    vb_unbind(bed);
}

TEST(received_checksums_are_judged_as_xenvif_does)
{
    vb_run_all((struct vb_story){ checksum_receives, { .version = 10, .queues = 1 } }, 3);
}

static void checksum_sends(struct vif_bed *bed)
{
    struct frame got = { .vectors = { { vb_other, sizeof(vb_other) } }, .vector_count = 1 }, frame;

    vb_bind(bed);
    for (uint32_t i = 0; i < 2; i++) {
        int protocol = i == 0 ? PROTOCOL_TCP : PROTOCOL_UDP;
        uint32_t length = packet_build(&(struct packet_shape){ 4, protocol, 700, .source_port = 5 }, vb_bytes, &frame);

        memcpy(bed->memory, vb_bytes, length);
        memset(bed->memory + 24, 0xaa, 2);                              /* IP checksum: to be computed */
        memset(bed->memory + 34 + frame.offload.checksum_offset, 0, 2); /* pseudo-header sum: XenVif's own work */
        CHECK_EQ(vb_send(bed, 0, NULL, length, IPCSUM4 | (i == 0 ? TCP4 : UDP4), 0, NULL, false), 0);
        CHECK_EQ(memory_port_collect(bed->port, 0, &got, 20 * SECOND), length);
        CHECK(memcmp(vb_bytes, vb_other, length) == 0);
        CHECK(got.offload.checksum_partial);
        CHECK_EQ(got.offload.checksum_start, 34);
        vb_wait_completed(bed, i + 1);
    }
    vb_unbind(bed);
}

TEST(sent_checksums_are_left_to_the_backend)
{
    vb_run_all((struct vb_story){ checksum_sends, { .version = 10, .queues = 1 } }, 3);
}

/* --- statistics, and what only real ones do --- */

static uint64_t statistic(struct vif_bed *bed, uint32_t index)
{
    uint64_t value;

    CHECK_EQ(((vb_statistic *)bed->vifi.QueryStatistic)(&bed->vifi, index, &value), 0);
    return value;
}

/* A frame that the wire makes longer counts with what was sent; one into which XenVif puts a tag counts as IPv6. */
static void counts_as_xenvif(struct vif_bed *bed)
{
    struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 tag = { .size_ = { 0 } };
    struct frame got = { .vectors = { { vb_other, sizeof(vb_other) } }, .vector_count = 1 };
    struct frame frame = vb_udp(1, 1000);

    tag.OffloadTagManipulation = 1;
    frame_complete_checksum(&frame);
    vb_bind(bed);
    memcpy(bed->memory, vb_bytes, frame.length);
    memcpy(bed->memory + 4096, vb_bytes, frame.length);
    CHECK_EQ(vb_send(bed, 0, NULL, frame.length, 0, 0, NULL, false), 0);
    CHECK_EQ(memory_port_collect(bed->port, 0, &got, 20 * SECOND), 60);
    vb_wait_completed(bed, 1);
    CHECK_EQ(statistic(bed, XENVIF_TRANSMITTER_UNICAST_OCTETS), frame.length);
    CHECK_EQ(statistic(bed, XENVIF_TRANSMITTER_IPV4_PACKETS), 1);
    CHECK_EQ(vb_send(bed, 1, NULL, frame.length, (uint16_t)tag.Value, 0, NULL, false), 0);
    vb_wait_completed(bed, 2);
    CHECK_EQ(statistic(bed, XENVIF_TRANSMITTER_IPV4_PACKETS), 1);
    CHECK_EQ(statistic(bed, XENVIF_TRANSMITTER_IPV6_PACKETS), 1);
    vb_unbind(bed);
}

TEST(packets_sent_are_counted_as_xenvif_counts_them)
{
    vb_run_all((struct vb_story){ counts_as_xenvif, { .version = 10, .queues = 1 } }, 1);
}

static void maps_nothing(struct vif_bed *bed)
{
    struct PROCESSOR_NUMBER number = { 0 };

    vb_bind(bed);
    CHECK_EQ(((vb_mapping *)bed->vifi.UpdateHashMapping)(&bed->vifi, &number, 0), (int32_t)0xc0000017);
    vb_unbind(bed);
}

TEST(a_table_of_no_entries_finds_no_memory)
{
    vb_run_all((struct vb_story){ maps_nothing, { .version = 10, .queues = 2 } }, 1);
}

/* The instance path begins with the device's ID, which has a revision in old releases only. */
static void names_device(struct vif_bed *bed)
{
    static const struct {
        const char *release, *id;
    } ids[] = { { "8.2", "XENVIF\\VEN_XP0002&DEV_NET&REV_09000001" },
                { "9.1", "XENVIF\\VEN_XP0002&DEV_NET" },
                { "9.1-r3", "XENVIF\\VEN_XP&DEV_NET" },
                { "main", "XENVIF\\VEN_XP&DEV_NET" } };

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct vif_options options = {
            .release = vif_release_find(ids[i].release), .version = 8, .queues = 1, .vendor = "XP0002", .handle = 0
        };
        struct vif *vif;

        vif_destroy(bed->vif);
        vif = vif_create(bed->guest, &options);
        CHECK(vif != NULL);
        bed->vif = vif;
        CHECK_STR(device_ids(vif_pdo(vif))->device_id, ids[i].id);
    }
}

TEST(a_devices_id_has_the_form_of_its_release)
{
    vb_run_all((struct vb_story){ names_device, { .version = 10, .queues = 1 } }, 1);
}

/* --- versions --- */

static bool answers(struct vif_bed *bed, uint16_t version)
{
    struct XENVIF_VIF_INTERFACE_V10 interface = { 0 };
    const int32_t status =
        pnp_query_interface(device_object(vif_pdo(bed->vif)), vb_guid(), version, &interface, sizeof(interface));

    CHECK(status != 0 || ((struct INTERFACE *)&interface)->Version == version);
    return status == 0;
}

/* Each version that a published revision stands for; the subscriber is called as the one that it took has it. */
static void older_versions(struct vif_bed *bed)
{
    const uint32_t newest = bed->version;

    for (uint16_t version = 0; version < 12; version++) {
        CHECK_EQ(answers(bed, version), version >= 8 && version <= newest);
    }
    for (uint32_t version = 8; version <= newest; version++) {
        struct frame frame = vb_udp(100, 1);

        bed->version = version;
        bed->received_count = 0;
        vb_bind(bed);
        memory_port_inject(bed->port, 0, &frame);
        vb_wait_received(bed, 1);
        vb_unbind(bed);
    }
}

TEST(every_version_that_a_published_revision_stands_for_is_answered)
{
    for (uint32_t newest = 8; newest <= 10; newest++) {
        vb_run_all((struct vb_story){ older_versions, { .version = newest, .queues = 1 } }, 3);
    }
}
