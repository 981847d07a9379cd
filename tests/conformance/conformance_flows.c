/* SPDX-License-Identifier: BSD-2-Clause */
/* The queue and hash that the backend picks for many flows, compared with what the testbed's Toeplitz and table
 * predict. */
#include "conformance_bed.h"

#include <string.h>

#include "packets.h"

enum { ENTRIES = 128, ALL_TYPES = 15 };

static const struct setup four = { .queues = QUEUES };
static struct received received;

static uint32_t next_number; /* a small generator of our own: the same flows everywhere */

static uint32_t number(void)
{
    next_number = next_number * 1664525u + 1013904223u;
    return next_number >> 8;
}

static void set(struct bed *bed, uint16_t type, uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t data, status = control_call(bed, type, a, b, c, &data);

    if (status != XEN_NETIF_CTRL_STATUS_SUCCESS) {
        give_up("control request %u: status %u", type, status);
    }
}

static void set_hash(struct bed *bed, uint8_t *key, uint32_t *table)
{
    for (uint32_t i = 0; i < TOEPLITZ_KEY_BYTES; i++) {
        key[i] = (uint8_t)number();
    }
    for (uint32_t i = 0; i < ENTRIES; i++) {
        table[i] = number() % QUEUES;
    }
    set(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ, 0, 0);
    set(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, ALL_TYPES, 0, 0);
    memcpy(bed->argument_page, key, TOEPLITZ_KEY_BYTES);
    set(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, bed->argument_ref, TOEPLITZ_KEY_BYTES, 0);
    set(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, ENTRIES, 0, 0);
    memcpy(bed->argument_page, table, ENTRIES * sizeof(table[0]));
    set(bed, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, bed->argument_ref, ENTRIES, 0);
}

/* Four sorts in turn: TCP and UDP over both IP versions; addresses and ports at random. */
static void make_flow(uint32_t i, uint8_t *bytes, struct frame *frame)
{
    const struct packet_shape shape = { .version = i % 2 != 0 ? 6 : 4,
                                        .protocol = i % 4 < 2 ? PROTOCOL_TCP : PROTOCOL_UDP,
                                        .payload = 40,
                                        .source_port = (uint16_t)(1 + number() % 65000) };
    uint8_t *address;

    packet_build(&shape, bytes, frame);
    address = bytes + (shape.version == 4 ? 26 : 22);
    for (uint32_t j = 0; j < (shape.version == 4 ? 8u : 32u); j++) {
        address[j] = (uint8_t)number();
    }
    frame->offload = (struct frame_offload){ .checksum_valid = false }; /* as it is: nobody looks at its checksum */
}

/* The queue on which a frame came, and its hash; QUEUES when none did. */
static uint32_t queue_of(struct bed *bed, uint32_t *hash, uint32_t *kind)
{
    uint64_t deadline = sched_now() + bed->patience;

    for (;;) {
        uint32_t seen = bell_read(&bed->bell);

        for (uint32_t q = 0; q < QUEUES; q++) {
            struct raw_queue *queue = &bed->queue[q];
            int more;

            RING_FINAL_CHECK_FOR_RESPONSES(&queue->rx, more);
            if (more && rx_take(bed, q, &received)) {
                *hash = *kind = 0;
                for (uint32_t i = 0; i < received.extra_count; i++) {
                    if (received.extras[i].type == XEN_NETIF_EXTRA_TYPE_HASH) {
                        memcpy(hash, received.extras[i].u.hash.value, sizeof(*hash));
                        *kind = 1u << received.extras[i].u.hash.type;
                    }
                }
                return q;
            }
        }
        if (!bell_wait(&bed->bell, seen, deadline)) {
            return QUEUES;
        }
    }
}

int flows_run(struct bed *bed, uint32_t flows)
{
    uint32_t table[ENTRIES], counts[QUEUES + 1] = { 0 }, other_queue = 0, other_hash = 0;
    uint8_t key[TOEPLITZ_KEY_BYTES], bytes[256];

    bed_connect(bed, &four);
    set_hash(bed, key, table);
    for (uint32_t i = 0; i < flows; i++) {
        uint32_t value, hash = 0, kind = 0, queue, predicted;
        struct frame frame;

        make_flow(i, bytes, &frame);
        predicted = frame_flow_hash(&frame, key, ALL_TYPES, &value);
        wire_send(bed->wire, &frame, false);
        queue = queue_of(bed, &hash, &kind);
        counts[queue]++;
        other_queue += queue != table[value % ENTRIES];
        other_hash += hash != value || kind != predicted;
    }
    printf("{\"flows\":%u,\"queues\":[%u,%u,%u,%u],\"lost\":%u,\"other_queue\":%u,\"other_hash\":%u}\n", flows,
           counts[0], counts[1], counts[2], counts[3], counts[QUEUES], other_queue, other_hash);
    return other_queue + other_hash + counts[QUEUES] == 0 ? 0 : 1;
}
