/* SPDX-License-Identifier: BSD-2-Clause */
/* What becomes of sends: the status, the completion, and the frame that the backend gets. */
#include "probe.h"

enum { NAME_BYTES = 48, ANSWER_BYTES = 400 };

static uint8_t *const bytes = vb_bytes;

static int32_t queue(struct probe *probe, struct MDL *mdl, uint32_t length, uint16_t options, uint16_t mss,
                     uint16_t tci)
{
    const struct XENVIF_PACKET_HASH_V2 none = { .Algorithm = XENVIF_PACKET_HASH_ALGORITHM_NONE };
    struct vif_bed *bed = &probe->bed;
    const uint8_t irql = irql_raise(DISPATCH_LEVEL);
    int32_t status;

    bed->cookies[0] = 1;
    status = ((vb_queue *)bed->vifi.TransmitterQueuePacket)(&bed->vifi, mdl, 0, length,
                                                            (struct XENVIF_VIF_OFFLOAD_OPTIONS_V1){ .Value = options },
                                                            mss, tci, &none, 0, (void *)1);
    irql_lower(irql);
    return status;
}

/* The frames that came out at the backend. */
static void put_frames(struct probe *probe, char *text, size_t size, uint32_t length)
{
    struct frame got = { .vectors = { { vb_other, MAX_FRAME_BYTES } }, .vector_count = 1 };
    uint32_t out;

    for (uint32_t queue_number = 0; queue_number < 2; queue_number++) {
        while ((out = memory_port_collect(probe->bed.port, queue_number, &got, SECOND / 10)) != 0) {
            const struct frame_offload *o = &got.offload;
            const bool same = out == length && memcmp(bytes, vb_other, length) == 0;
            const size_t used = strlen(text);

            snprintf(text + used, size - used, "; out %u bytes, blank %u at %u+%u, vouched %u, large %u/%u, %s", out,
                     o->checksum_partial, o->checksum_start, o->checksum_offset, o->checksum_valid, o->gso, o->gso_size,
                     same ? "same" : "changed");
            if (!same) {
                snprintf(text + strlen(text), size - strlen(text), " %08x", probe_fingerprint(vb_other, out));
            }
            got = (struct frame){ .vectors = { { vb_other, MAX_FRAME_BYTES } }, .vector_count = 1 };
        }
    }
}

static void send(struct probe *probe, const char *name, uint32_t length, uint16_t options, uint16_t mss, uint16_t tci)
{
    struct vif_bed *bed = &probe->bed;
    struct MDL *mdl = mdl_create(bed->memory, length);
    const uint32_t done = vb_completed(bed);
    char answer[ANSWER_BYTES] = "";
    int32_t status;

    memcpy(bed->memory, bytes, length);
    status = queue(probe, mdl, length, options, mss, tci);
    if (status == 0) {
        for (uint32_t waited = 0; vb_completed(bed) == done && waited < 1000; waited += 10) {
            probe_wait(10);
        }
        if (vb_completed(bed) == done) {
            snprintf(answer, sizeof(answer), ", not completed");
        } else {
            const struct XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *c = &probe->completion;

            snprintf(answer, sizeof(answer), ", completed as type %u, status %u, length %u, payload %u", c->Type,
                     c->Status, c->PacketLength, c->PayloadLength);
        }
        put_frames(probe, answer, sizeof(answer), length);
    }
    probe_answer("sent %s, %03x, mss %u, tag %04x: %#x%s", name, options, mss, tci, (uint32_t)status, answer);
    mdl_free(mdl);
}

static void plain_sends(struct probe *probe, int version, int protocol)
{
    const bool tcp = protocol == PROTOCOL_TCP;
    const uint16_t sum = version == 4 ? (tcp ? SUM_TCP4 : SUM_UDP4) : (tcp ? SUM_TCP6 : SUM_UDP6);
    char name[NAME_BYTES];
    struct frame frame;
    uint32_t length =
        packet_build(&(struct packet_shape){ .version = version, .protocol = protocol, .payload = 200 }, bytes, &frame);

    snprintf(name, sizeof(name), "%s%d", tcp ? "tcp" : "udp", version);
    send(probe, name, length, 0, 0, 0);
    send(probe, name, length, sum, 0, 0);
    send(probe, name, length, sum | SUM_IP4, 0, 0);
    send(probe, name, length, sum | TAG, 0, 0x6005);
    send(probe, name, length, TAG, 0, 0x6000);
    length =
        packet_build(&(struct packet_shape){ .version = version, .protocol = protocol, .payload = 0 }, bytes, &frame);
    snprintf(name, sizeof(name), "empty %s%d", tcp ? "tcp" : "udp", version);
    send(probe, name, length, sum, 0, 0);
}

static void large_sends(struct probe *probe, int version)
{
    const uint16_t options = version == 4 ? LSO4 | SUM_IP4 | SUM_TCP4 : LSO6 | SUM_TCP6;
    char name[NAME_BYTES];
    struct frame frame;
    uint32_t length = packet_build(
        &(struct packet_shape){ .version = version, .protocol = PROTOCOL_TCP, .payload = 3000 }, bytes, &frame);

    snprintf(name, sizeof(name), "large%d", version);
    send(probe, name, length, options, 1448, 0);
    send(probe, name, length, options | TAG, 1448, 0x6005);
    length = packet_build(&(struct packet_shape){ .version = version, .protocol = PROTOCOL_TCP, .payload = 60000 },
                          bytes, &frame);
    snprintf(name, sizeof(name), "large%d of 60000", version);
    send(probe, name, length, options, 1448, 0);
}

static void other_sends(struct probe *probe)
{
    struct frame frame;
    uint32_t length;

    memset(bytes, 0, 200);
    memcpy(bytes, "\xff\xff\xff\xff\xff\xff\x00\x16\x3e\x0a\x0b\x0c\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01", 22);
    send(probe, "arp of 42", 42, 0, 0, 0);
    send(probe, "arp of 60", 60, 0, 0, 0);
    send(probe, "14 bytes", 14, 0, 0, 0);
    send(probe, "13 bytes", 13, 0, 0, 0);
    memset(bytes, 0, 200);
    memcpy(bytes, "\x01\x80\xc2\x00\x00\x00\x00\x16\x3e\x0a\x0b\x0c\x00\x26\x42\x42\x03", 17);
    send(probe, "spanning tree", 60, 0, 0, 0);
    length = packet_build(
        &(struct packet_shape){ .version = 4, .protocol = PROTOCOL_UDP, .payload = 1400, .vlan = true }, bytes, &frame);
    send(probe, "tag inside", length, SUM_UDP4, 0, 0);
    send(probe, "tag inside", length, 0, 0, 0);
    length =
        packet_build(&(struct packet_shape){ .version = 4, .protocol = PROTOCOL_UDP, .payload = 3000 }, bytes, &frame);
    send(probe, "longer than the MTU", length, 0, 0, 0);
    length =
        packet_build(&(struct packet_shape){ .version = 4, .protocol = PROTOCOL_UDP, .payload = 1472 }, bytes, &frame);
    send(probe, "1514 bytes", length, SUM_UDP4, 0, 0);
}

void probe_sent(struct probe *probe)
{
    for (int version = 4; version <= 6; version += 2) {
        plain_sends(probe, version, PROTOCOL_UDP);
        plain_sends(probe, version, PROTOCOL_TCP);
        large_sends(probe, version);
    }
    other_sends(probe);
}

void probe_sent_while_disabled(struct probe *probe)
{
    struct MDL *mdl = mdl_create(probe->bed.memory, 100);

    probe_answer("%s, a send: %#x", probe->state, (uint32_t)queue(probe, mdl, 100, 0, 0, 0));
    mdl_free(mdl);
}
