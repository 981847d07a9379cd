/* SPDX-License-Identifier: BSD-2-Clause */
/* How received frames come up: header places, checksum flags, MSS, tag, hash, MDLs and bytes. */
#include "probe.h"

enum { WAIT_MS = 200, SHORT_WAIT_MS = 100, IPV4 = 14, NAME_BYTES = 48 };

static uint8_t *const bytes = vb_bytes;

static void put_bytes(char *text, size_t size, const struct vb_received *packet, uint32_t length, const uint8_t *sent)
{
    const uint32_t got = vb_copy(packet, vb_other);
    uint32_t different = 0, first = 0;

    if (packet->length != length || got != length) {
        snprintf(text, size, "%08x%s", probe_fingerprint(vb_other, got), got == packet->length ? "" : " SHORT");
        return;
    }
    for (uint32_t i = 0; i < length; i++) {
        if (sent[i] != vb_other[i]) {
            first = different++ == 0 ? i : first;
        }
    }
    if (different == 0) {
        snprintf(text, size, "same");
    } else {
        snprintf(text, size, "%u differ from %u on", different, first);
    }
}

static void describe(const char *question, uint32_t number, const struct vb_received *p, uint32_t length)
{
    const struct XENVIF_PACKET_INFO_V2 *i = &p->info;
    const bool hashed = p->hash.Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ;
    char content[64];
    uint32_t mdls = 0;

    for (const struct MDL *mdl = p->mdl; mdl != NULL; mdl = mdl->Next) {
        mdls++;
    }
    put_bytes(content, sizeof(content), p, length, bytes);
    if (i->TcpHeader.Length != 0) {
        snprintf(content + strlen(content), sizeof(content) - strlen(content), ", TCP flags %02x",
                 vb_other[i->TcpHeader.Offset + 13]);
    }
    probe_answer("%s, packet %u: %u bytes, checksum %03x, mss %u, tag %04x, hash %u %u %08x, frag %u eth %u+%u llc "
                 "%u+%u ip %u+%u+%u tcp %u+%u+%u udp %u+%u all %u, %u MDLs, %s",
                 question, number, p->length, p->checksum, p->mss, p->tci, p->hash.Algorithm, hashed ? p->hash.Type : 0,
                 hashed ? p->hash.Value : 0, i->IsAFragment, i->EthernetHeader.Offset, i->EthernetHeader.Length,
                 i->LLCSnapHeader.Offset, i->LLCSnapHeader.Length, i->IpHeader.Offset, i->IpHeader.Length,
                 i->IpOptions.Length, i->TcpHeader.Offset, i->TcpHeader.Length, i->TcpOptions.Length,
                 i->UdpHeader.Offset, i->UdpHeader.Length, i->Length, mdls, content);
}

static void give(struct probe *probe, const char *name, uint16_t options, const struct frame *frame)
{
    struct vif_bed *bed = &probe->bed;
    const uint32_t before = bed->received_count;
    char question[NAME_BYTES + 16];

    probe_options(probe, options);
    snprintf(question, sizeof(question), "received %s, %03x", name, options);
    memory_port_inject(bed->port, 0, frame);
    probe_wait(WAIT_MS);
    if (bed->received_count == before) {
        probe_answer("%s: dropped", question);
    }
    for (uint32_t i = before; i < bed->received_count; i++) {
        describe(question, i - before, &bed->received[i], frame->length);
    }
    vb_give_back(bed);
    bed->received_count = 0;
}

static void each_setting(struct probe *probe, const char *name, const struct frame *frame)
{
    give(probe, name, EVERY_OFFLOAD, frame);
    give(probe, name, EVERY_OFFLOAD | NEED_CHECKSUM | NEED_SPLIT, frame);
    give(probe, name, 0, frame);
}

static struct frame raw(uint32_t length)
{
    return (struct frame){ .vectors = { { bytes, length } }, .vector_count = 1, .length = length };
}

enum sums { BLANK, VOUCHED, COMPLETE, WRONG, WRONG_VOUCHED };

static void checksummed(struct probe *probe, const struct packet_shape *shape, const char *name, enum sums sums)
{
    struct frame frame;

    packet_build(shape, bytes, &frame);
    if (sums != BLANK) {
        frame_complete_checksum(&frame);
        frame.offload = (struct frame_offload){ .checksum_valid = sums == VOUCHED || sums == WRONG_VOUCHED };
    }
    if (sums >= WRONG) {
        bytes[frame.length - 3] ^= 1;
    }
    each_setting(probe, name, &frame);
}

static void plain_packets(struct probe *probe, int version, int protocol)
{
    static const struct {
        const char *what;
        uint32_t payload;
        bool vlan;
        enum sums sums;
    } rows[] = {
        { "blank", 100, false, BLANK },
        { "vouched", 100, false, VOUCHED },
        { "complete", 100, false, COMPLETE },
        { "wrong", 100, false, WRONG },
        { "wrong but vouched", 100, false, WRONG_VOUCHED },
        { "1400", 1400, false, BLANK },
        { "1", 1, false, BLANK },
        { "empty", 0, false, BLANK },
        { "tagged", 200, true, BLANK },
        { "tagged complete", 200, true, COMPLETE },
    };
    char name[NAME_BYTES];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct packet_shape shape = { .version = version,
                                            .protocol = protocol,
                                            .payload = rows[i].payload,
                                            .vlan = rows[i].vlan,
                                            .source_port = 77 };

        snprintf(name, sizeof(name), "%s%d %s", protocol == PROTOCOL_TCP ? "tcp" : "udp", version, rows[i].what);
        checksummed(probe, &shape, name, rows[i].sums);
    }
}

/* Packets with something in the headers that is rare or wrong: one byte is set, or two. */
static void rare_packets(struct probe *probe)
{
    static const struct {
        const char *what;
        struct packet_shape shape;
        enum sums sums;
        uint16_t at[2];
        uint8_t value[2];
    } rows[] = {
        { "tcp4 with options",
          { .version = 4, .protocol = PROTOCOL_TCP, .payload = 300, .ip_options = 12 },
          BLANK,
          { 0 },
          { 0 } },
        { "tcp6 with extension",
          { .version = 6, .protocol = PROTOCOL_TCP, .payload = 300, .extension = 16 },
          BLANK,
          { 0 },
          { 0 } },
        { "udp6 with extension",
          { .version = 6, .protocol = PROTOCOL_UDP, .payload = 300, .extension = 64 },
          BLANK,
          { 0 },
          { 0 } },
        { "udp4 wrong header sum",
          { .version = 4, .protocol = PROTOCOL_UDP, .payload = 300 },
          COMPLETE,
          { IPV4 + 10 },
          { 0x5a } },
        { "udp4 without sum",
          { .version = 4, .protocol = PROTOCOL_UDP, .payload = 300 },
          COMPLETE,
          { IPV4 + 26, IPV4 + 27 },
          { 0, 0 } },
        { "udp4 first fragment",
          { .version = 4, .protocol = PROTOCOL_UDP, .payload = 300 },
          COMPLETE,
          { IPV4 + 6 },
          { 0x20 } },
        { "udp4 later fragment",
          { .version = 4, .protocol = PROTOCOL_UDP, .payload = 300 },
          COMPLETE,
          { IPV4 + 6, IPV4 + 7 },
          { 0x20, 40 } },
        { "ip4 header of 16",
          { .version = 4, .protocol = PROTOCOL_UDP, .payload = 1472 },
          COMPLETE,
          { IPV4 },
          { 0x44 } },
        { "tcp4 header of 60",
          { .version = 4, .protocol = PROTOCOL_TCP, .payload = 100 },
          COMPLETE,
          { IPV4 + 32 },
          { 0xf0 } },
        { "icmp4", { .version = 4, .protocol = 1, .payload = 64 }, COMPLETE, { 0 }, { 0 } },
        { "icmp6", { .version = 6, .protocol = 58, .payload = 64 }, COMPLETE, { 0 }, { 0 } },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct frame frame;

        packet_build(&rows[i].shape, bytes, &frame);
        if (rows[i].sums == COMPLETE) {
            if (rows[i].shape.protocol == PROTOCOL_TCP || rows[i].shape.protocol == PROTOCOL_UDP) {
                frame_complete_checksum(&frame);
            }
            frame.offload = (struct frame_offload){ 0 };
        }
        for (int k = 0; k < 2; k++) {
            if (rows[i].at[k] != 0) {
                bytes[rows[i].at[k]] = rows[i].value[k];
            }
        }
        each_setting(probe, rows[i].what, &frame);
    }
}

#define TO   "\x00\x16\x3e\x01\x02\x03"
#define FROM "\x00\x16\x3e\x0a\x0b\x0c"

static void other_frames(struct probe *probe)
{
    static const struct {
        const char *what, *head;
        uint32_t head_bytes, length;
    } rows[] = {
        { "arp of 42", "\xff\xff\xff\xff\xff\xff" FROM "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01", 22, 42 },
        { "arp of 60", "\xff\xff\xff\xff\xff\xff" FROM "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01", 22, 60 },
        { "spanning tree", "\x01\x80\xc2\x00\x00\x00" FROM "\x00\x26\x42\x42\x03", 17, 60 },
        { "snap", TO FROM "\x00\x80\xaa\xaa\x03\x00\x00\x00\x08\x00", 22, 142 },
        { "tagged arp", TO FROM "\x81\x00\x00\x05\x08\x06", 18, 64 },
        { "14 bytes", TO FROM "\x88\xcc", 14, 14 },
        { "20 bytes", TO FROM "\x88\xcc", 14, 20 },
        { "1514 of no protocol", TO FROM "\x88\xcc", 14, 1514 },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct frame frame = raw(rows[i].length);

        memset(bytes, 0, rows[i].length);
        memcpy(bytes, rows[i].head, rows[i].head_bytes);
        each_setting(probe, rows[i].what, &frame);
    }
}

static void with_trailer(struct probe *probe)
{
    struct frame frame;

    packet_build(&(struct packet_shape){ .version = 4, .protocol = PROTOCOL_TCP, .payload = 100 }, bytes, &frame);
    frame_complete_checksum(&frame);
    frame = raw(frame.length + 10);
    each_setting(probe, "tcp4 with trailer", &frame);
}

static void large_packets(struct probe *probe, int version)
{
    static const struct {
        uint32_t payload;
        bool vlan;
    } rows[] = { { 1449, false }, { 2896, false }, { 20000, false }, { 64000, false }, { 9000, true } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct frame frame;
        char name[NAME_BYTES];

        packet_build(&(struct packet_shape){ version, PROTOCOL_TCP, rows[i].payload, rows[i].vlan, .source_port = 77 },
                     bytes, &frame);
        frame.offload.gso = version == 4 ? FRAME_GSO_TCPV4 : FRAME_GSO_TCPV6;
        frame.offload.gso_size = 1448;
        snprintf(name, sizeof(name), "large%d %u%s", version, rows[i].payload, rows[i].vlan ? " tagged" : "");
        each_setting(probe, name, &frame);
    }
}

void probe_received(struct probe *probe)
{
    for (int version = 4; version <= 6; version += 2) {
        plain_packets(probe, version, PROTOCOL_UDP);
        plain_packets(probe, version, PROTOCOL_TCP);
    }
    rare_packets(probe);
    other_frames(probe);
    with_trailer(probe);
    large_packets(probe, 4);
    large_packets(probe, 6);
}

void probe_batch(struct probe *probe)
{
    struct vif_bed *bed = &probe->bed;
    char more[64] = "";

    bed->received_count = 0;
    for (uint32_t i = 0; i < 40; i++) {
        const struct frame frame = vb_udp(100, (uint16_t)(i % 3));

        memory_port_inject(bed->port, 0, &frame);
    }
    probe_wait(SHORT_WAIT_MS);
    for (uint32_t i = 0; i < bed->received_count && i < sizeof(more) - 1; i++) {
        more[i] = bed->received[i].more != 0 ? '1' : '0';
    }
    probe_answer("a batch of 40: %u, more %s, at IRQL %u", bed->received_count, more, probe->received_at[0]);
    vb_give_back(bed);
    bed->received_count = 0;
}

/* Each type of address in turn with each level, the others closed. */
void probe_filter(struct probe *probe)
{
    static const char to[][7] = { TO, "\x00\x16\x3e\x01\x02\x04", "\x01\x00\x5e\x00\x01\x01",
                                  "\x01\x00\x5e\x00\x01\x02", "\xff\xff\xff\xff\xff\xff" };
    static const char *const names[] = { "own", "other", "listed", "not listed", "broadcast" };
    typedef MS_ABI int32_t set_multicast(void *interface, const void *addresses, uint32_t count);
    struct vif_bed *bed = &probe->bed;

    ((set_multicast *)bed->vifi.MacSetMulticastAddresses)(&bed->vifi, to[2], 1);
    for (uint32_t chosen = 1; chosen < ETHERNET_ADDRESS_TYPE_COUNT; chosen++) {
        for (uint32_t level = 0; level < 3; level++) {
            char passed[80] = "";

            for (uint32_t type = 1; type < ETHERNET_ADDRESS_TYPE_COUNT; type++) {
                ((vb_filter *)bed->vifi.MacSetFilterLevel)(&bed->vifi, type, type == chosen ? level : 0);
            }
            for (int i = 0; i < 5; i++) {
                const struct frame frame = vb_udp(100, 1);

                memcpy(bytes, to[i], 6);
                bed->received_count = 0;
                memory_port_inject(bed->port, 0, &frame);
                probe_wait(SHORT_WAIT_MS);
                if (bed->received_count != 0) {
                    snprintf(passed + strlen(passed), sizeof(passed) - strlen(passed), " %s", names[i]);
                }
                vb_give_back(bed);
            }
            probe_answer("filter of type %u alone, level %u, lets through:%s", chosen, level,
                         passed[0] != 0 ? passed : " nothing");
        }
    }
    bed->received_count = 0;
    vb_filter_all(bed);
}
