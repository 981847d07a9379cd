/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The protocol's side of story_uro.h: each NBL is taken apart by its count and size, and what comes out must be the
 * next datagrams of its flow, byte by byte, with the headers of the first on what belongs together. Nothing of the
 * driver is used; rule "ndis-uro" has looked at lengths, checksums and flags before.
 */
#include <stdlib.h>

#include "story_uro.h"

#include "ndis/nbl/nbl.h"
#include "wire/parse.h"

enum { FIRST_PORT = 1000, MIN_FRAME = 60, MAX_HELD = 60, MAX_OFFSET = 18 };

static uint8_t payload_byte(uint32_t flow, uint32_t number, uint32_t at)
{
    return (uint8_t)(flow * 31 + number * 7 + at * 3 + (at >> 8));
}

bool uro_alike(const struct uro_datagram *one, const struct uro_datagram *other)
{
    return one->tos == other->tos && one->ttl == other->ttl && one->label == other->label &&
           one->dont_fragment == other->dont_fragment && one->tagged == other->tagged &&
           one->other_mac == other->other_mac;
}

static bool may_be_joined(const struct uro_datagram *datagram)
{
    return !datagram->no_checksum && !datagram->bad_checksum && !datagram->fragment && !datagram->options &&
           datagram->payload != 0;
}

static void set_network(struct uro *uro, const struct uro_datagram *datagram, uint8_t *ip, const struct layout *layout)
{
    uint16_t sum;

    if (uro->version == 6) {
        ip[0] = (uint8_t)(0x60 | datagram->tos >> 4);
        ip[1] = (uint8_t)(datagram->tos << 4);
        ip[3] = datagram->label;
        ip[7] = datagram->ttl != 0 ? datagram->ttl : 64;
        return;
    }
    ip[1] = datagram->tos;
    ip[8] = datagram->ttl != 0 ? datagram->ttl : 64;
    ip[6] = (uint8_t)((datagram->dont_fragment ? 0x40 : 0) | (datagram->fragment ? 0x20 : 0));
    put16(ip + 10, 0);
    sum = (uint16_t)~checksum_sum(ip, layout->transport - layout->network);
    memcpy(ip + 10, &sum, 2);
}

uint32_t uro_make(struct uro *uro, uint32_t flow, const struct uro_datagram *datagram, struct frame_offload *offload)
{
    struct packet_shape shape = { .version = (int)uro->version,
                                  .protocol = PROTOCOL_UDP,
                                  .payload = datagram->payload,
                                  .vlan = datagram->tagged,
                                  .ip_options = uro->version == 4 && datagram->options ? 4 : 0,
                                  .extension = uro->version == 6 && datagram->options ? 8 : 0,
                                  .source_port = (uint16_t)(FIRST_PORT + flow) };
    struct uro_flow *to = &uro->flows[flow];
    struct layout layout;
    struct frame frame;
    uint32_t i, length = packet_build(&shape, uro->bytes, &frame);

    CHECK(to->sent < URO_DATAGRAMS);
    CHECK(frame_parse(&frame, &layout));
    memcpy(uro->bytes, story_guest_mac, 6);
    memcpy(uro->bytes + 6, story_peer_mac, 6);
    uro->bytes[11] ^= datagram->other_mac;
    set_network(uro, datagram, uro->bytes + layout.network, &layout);
    for (i = 0; i < datagram->payload; i++) {
        uro->bytes[layout.payload + i] = payload_byte(flow, to->sent, i);
    }
    if (offload != NULL && !datagram->no_checksum && !datagram->bad_checksum) {
        *offload = frame.offload;
    } else {
        CHECK(frame_complete_checksum(&frame));
        if (offload != NULL) {
            *offload = (struct frame_offload){ 0 };
        }
    }
    if (datagram->no_checksum) {
        put16(uro->bytes + layout.checksum, 0);
    }
    uro->bytes[layout.checksum] ^= datagram->bad_checksum;
    if (datagram->padded && length < MIN_FRAME) {
        memset(uro->bytes + length, 0, MIN_FRAME - length);
        length = MIN_FRAME;
    }
    to->datagrams[to->sent] = *datagram;
    /* The other IP version has no such field. */
    to->datagrams[to->sent].label = uro->version == 6 ? datagram->label : 0;
    to->datagrams[to->sent].dont_fragment = uro->version == 4 && datagram->dont_fragment;
    __atomic_store_n(&to->sent, to->sent + 1, __ATOMIC_RELEASE);
    return length;
}

void uro_inject(struct uro *uro, uint32_t flow, const struct uro_datagram *datagram)
{
    struct frame_offload offload;
    uint32_t length = uro_make(uro, flow, datagram, &offload);

    wire_inject(uro->story, 0, uro->bytes, length, &offload);
}

/* One datagram at its place in the NBL. `first`: that the NBL begins with. */
static void expect_one(struct uro *uro, uint32_t port, const uint8_t *payload, uint32_t length,
                       const struct uro_datagram **first, uint32_t count)
{
    uint32_t flow = port - FIRST_PORT, i, number;
    const struct uro_datagram *expected;

    CHECK(flow < URO_FLOWS);
    number = uro->flows[flow].seen++;
    CHECK(number < __atomic_load_n(&uro->flows[flow].sent, __ATOMIC_ACQUIRE));
    expected = &uro->flows[flow].datagrams[number];
    if (length != expected->payload) {
        test_fail(__FILE__, __LINE__, "datagram %u of flow %u has %u bytes, not %u", number, flow, length,
                  expected->payload);
    }
    for (i = 0; i < length; i++) {
        if (payload[i] != payload_byte(flow, number, i)) {
            test_fail(__FILE__, __LINE__, "byte %u of datagram %u of flow %u is %u, not %u", i, number, flow,
                      payload[i], payload_byte(flow, number, i));
        }
    }
    if (*first == NULL) {
        *first = expected;
    }
    if (count > 1 && !(uro_alike(*first, expected) && may_be_joined(expected))) {
        test_fail(__FILE__, __LINE__, "datagram %u of flow %u was joined to another one, and must not be", number,
                  flow);
    }
}

static void take(struct uro *uro, const struct NET_BUFFER_LIST *nbl)
{
    union late_udp_rsc info = { .Value = ndis_info(nbl, UdpRecvSegCoalesceOffloadInfo) };
    const struct uro_datagram *first = NULL;
    struct frame frame = { .vector_count = 1, .length = nbl->FirstNetBuffer->DataLength };
    uint32_t count = info.Receive.SegCount != 0 ? info.Receive.SegCount : 1, size, done;
    struct layout layout;

    CHECK(frame.length <= URO_FRAME);
    CHECK_EQ(net_buffer_copy_out(nbl->FirstNetBuffer, 0, uro->seen, frame.length), frame.length);
    frame.vectors[0] = (struct iovec){ uro->seen, frame.length };
    if (!frame_parse(&frame, &layout) || layout.protocol != PROTOCOL_UDP || layout.transport == 0) {
        return;
    }
    size = count > 1 ? info.Receive.SegSize : layout.network_end - layout.payload;
    done = layout.payload;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t part = layout.network_end - done < size ? layout.network_end - done : size;

        expect_one(uro, get16(uro->seen + layout.transport), uro->seen + done, part, &first, count);
        done += part;
    }
    CHECK_EQ(done, layout.network_end);
    if (uro->nbls < URO_COUNTS) {
        uro->counts[uro->nbls] = count;
    }
    uro->nbls++;
    if (count > 1) {
        uro->joined_nbls++;
        uro->joined_datagrams += count;
    }
    __atomic_fetch_add(&uro->datagrams, count, __ATOMIC_RELEASE);
}

static void received(void *context, uint32_t processor, const struct NET_BUFFER_LIST *nbl, uint32_t flags)
{
    struct uro *uro = context;

    (void)processor;
    (void)flags;
    sched_lock(&uro->lock);
    take(uro, nbl);
    sched_unlock(&uro->lock);
}

struct uro *uro_open(struct story *story, uint32_t version)
{
    struct uro *uro = calloc(1, sizeof(*uro));
    struct raw_options options = { .memory = story->bed.guest, .received = received, .context = uro };

    CHECK(uro != NULL);
    uro->story = story;
    uro->version = version;
    uro->raw = raw_open(story->bed.adapter, &options);
    return uro;
}

void uro_close(struct uro *uro)
{
    raw_close(uro->raw);
    free(uro);
}

void uro_wait(struct uro *uro)
{
    uint64_t deadline = sched_now() + story_patience();
    uint32_t before = 0, now, sent = 0, flow;

    for (flow = 0; flow < URO_FLOWS; flow++) {
        sent += uro->flows[flow].sent;
    }
    while ((now = __atomic_load_n(&uro->datagrams, __ATOMIC_ACQUIRE)) < sent) {
        if (now != before) {
            before = now;
            deadline = sched_now() + story_patience();
        } else if (sched_now() >= deadline) {
            test_fail(__FILE__, __LINE__, "%u of %u datagrams arrived", now, sent);
        }
        story_rest();
    }
    CHECK_EQ(now, sent);
}

void uro_forget(struct uro *uro)
{
    for (uint32_t i = 0; i < URO_FLOWS; i++) {
        uro->flows[i].sent = uro->flows[i].seen = 0;
    }
    uro->datagrams = uro->nbls = uro->joined_nbls = uro->joined_datagrams = 0;
}

/* XenVif's flags for each of IP and UDP: succeeded, failed, not validated. */
static uint32_t flags_of(const struct uro *uro, const struct uro_datagram *datagram)
{
    enum { IP_SUCCEEDED = 0x001, UDP_SUCCEEDED = 0x040, UDP_FAILED = 0x080 };
    uint32_t ip = uro->version == 4 ? IP_SUCCEEDED : 0;

    return datagram->fragment ? ip : ip | (datagram->bad_checksum ? UDP_FAILED : UDP_SUCCEEDED);
}

struct uro_batch *uro_batch_open(struct story *story, uint32_t version)
{
    struct uro_batch *batch = calloc(1, sizeof(*batch));

    CHECK(batch != NULL);
    batch->uro = uro_open(story, version);
    return batch;
}

void uro_batch_close(struct uro_batch *batch)
{
    uro_close(batch->uro);
    free(batch);
}

void uro_batch_add(struct uro_batch *batch, uint32_t flow, const struct uro_datagram *datagram, uint32_t headers,
                   const uint32_t *pieces)
{
    struct uro_packet *packet = &batch->packets[batch->count++];
    uint32_t length = uro_make(batch->uro, flow, datagram, NULL), done = 0, n = 0;
    const uint32_t offset = batch->count % 2 * MAX_OFFSET; /* of every other one, in its first MDL */

    CHECK(batch->count <= URO_BATCH);
    headers = headers != 0 ? headers : length - datagram->payload;
    packet->bytes = malloc(length + offset);
    CHECK(packet->bytes != NULL);
    memcpy(packet->bytes + offset, batch->uro->bytes, length);
    for (; done < length; n++) {
        uint32_t part = n == 0 ? headers : pieces != NULL && pieces[n - 1] != 0 ? pieces[n - 1] : length - done;

        part = part < length - done ? part : length - done;
        pieces = n != 0 && pieces != NULL && pieces[n - 1] == 0 ? NULL : pieces;
        CHECK(n < URO_MDLS);
        packet->mdls[n] =
            n == 0 ? mdl_create(packet->bytes, offset + part) : mdl_create(packet->bytes + offset + done, part);
        if (n != 0) {
            packet->mdls[n - 1]->Next = packet->mdls[n];
        }
        done += part;
    }
    packet->inject = (struct vif_inject){
        .mdl = packet->mdls[0], .offset = offset, .length = length, .checksum = flags_of(batch->uro, datagram)
    };
}

void uro_batch_go(struct uro_batch *batch, uint32_t processor, bool more)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        batch->packets[i].inject.more = more || i + 1 < batch->count;
        vif_inject(STORY_STAND_IN(batch->uro->story), processor, &batch->packets[i].inject);
    }
}

void uro_batch_wait(uint32_t more)
{
    static uint64_t returned;
    uint64_t deadline = sched_now() + MAX_HELD * SECOND; /* a protocol may keep packets for a while */

    returned += more;
    while (vif_inject_returned() != returned) {
        CHECK(sched_now() < deadline);
        story_rest();
    }
}

void uro_batch_free(struct uro_batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        struct uro_packet *packet = &batch->packets[i];

        for (uint32_t n = 0; n < URO_MDLS && packet->mdls[n] != NULL; n++) {
            CHECK(packet->mdls[n]->Next == (n + 1 < URO_MDLS ? packet->mdls[n + 1] : NULL));
        }
        for (uint32_t n = 0; n < URO_MDLS && packet->mdls[n] != NULL; n++) {
            mdl_free(packet->mdls[n]);
        }
        free(packet->bytes);
        memset(packet, 0, sizeof(*packet));
    }
    batch->count = 0;
}

void uro_batch_end(struct uro_batch *batch)
{
    uro_batch_wait(batch->count);
    uro_batch_free(batch);
}

int32_t uro_switch(struct story *story, uint8_t value)
{
    struct late_offload_parameters parameters;
    uint32_t needed;

    memset(&parameters, 0, sizeof(parameters));
    parameters.before.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.before.Header.Revision = 6;
    parameters.before.Header.Size = LATE_PARAMETERS_SIZE_6;
    parameters.UdpRsc.Enabled = value;
    return adapter_set(story->bed.adapter, OID_TCP_OFFLOAD_PARAMETERS, &parameters, LATE_PARAMETERS_SIZE_6, &needed);
}
