/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The pumps of pump.h. Called by bed.c and main.c at PASSIVE_LEVEL. Each task owns one direction of one queue of its
 * source port, as port.h asks. A task ends when its source (or the edge) has been stopped.
 */
#include "program/pump.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/pcap.h"

enum { BATCH = 64 }; /* frames per call of the miniport; the batch ends earlier when the port has none ready */

struct pump_lane {
    struct task *task;
    struct port *from, *to;
    struct edge *edge;
    struct pcap *pcap;
    enum pcap_edge from_edge, to_edge;
    uint32_t queue;
    uint64_t packets, bytes; /* bypass only; written by the lane's task */
};

struct pump {
    uint32_t count;
    struct pump_lane lanes[];
};

/* Fill the next free send buffer from the port. `first`: wait for a buffer and for a frame. False: nothing (now, or for
 * good). */
static bool receive_into_edge(struct pump_lane *lane, bool first)
{
    struct frame frame;
    uint32_t length;

    if (!edge_buffer(lane->edge, lane->queue, &frame, first)) {
        return false;
    }
    length = first ? port_receive(lane->from, lane->queue, &frame) : port_try_receive(lane->from, lane->queue, &frame);
    if (length == 0) {
        edge_buffer_unused(lane->edge, lane->queue, &frame);
        return false;
    }
    edge_queue(lane->edge, lane->queue, &frame);
    return true;
}

static void run_edge(void *argument)
{
    struct pump_lane *lane = argument;

    while (receive_into_edge(lane, true)) {
        uint32_t taken = 1;

        while (taken < BATCH && receive_into_edge(lane, false)) {
            taken++;
        }
        edge_flush(lane->edge, lane->queue);
    }
}

static void run_bypass(void *argument)
{
    struct pump_lane *lane = argument;
    uint8_t *bytes = malloc(MAX_FRAME_BYTES);

    if (bytes == NULL) {
        fputs("testbed: no memory for a bypass buffer\n", stderr);
        exit(1);
    }
    for (;;) {
        struct frame frame = { .vectors = { { bytes, MAX_FRAME_BYTES } }, .vector_count = 1 };

        if (port_receive(lane->from, lane->queue, &frame) == 0) {
            break;
        }
        pcap_write(lane->pcap, lane->from_edge, PCAP_TOWARDS_DRIVER, &frame);
        pcap_write(lane->pcap, lane->to_edge, PCAP_FROM_DRIVER, &frame);
        frame.vectors[0].iov_len = frame.length;
        __atomic_store_n(&lane->packets, lane->packets + 1, __ATOMIC_RELAXED);
        __atomic_store_n(&lane->bytes, lane->bytes + frame.length, __ATOMIC_RELAXED);
        (void)port_send(lane->to, lane->queue, &frame); /* a refusal is counted by the port */
    }
    free(bytes);
}

static struct pump *pump_create(uint32_t lanes)
{
    struct pump *pump = calloc(1, sizeof(*pump) + lanes * sizeof(pump->lanes[0]));

    if (pump == NULL) {
        fputs("testbed: no memory for the pumps\n", stderr);
        exit(1);
    }
    return pump;
}

static void lane_start(struct pump *pump, const struct pump_lane *lane, const char *kind, void (*run)(void *))
{
    struct pump_lane *slot = &pump->lanes[pump->count++];
    char name[32];

    *slot = *lane;
    snprintf(name, sizeof(name), "%s %u", kind, lane->queue);
    slot->task = task_spawn_on_path(name, lane->queue, run, slot);
}

struct pump *pump_start_edge(struct port *guest, struct edge *edge)
{
    uint32_t queues = port_queues(guest), q;
    struct pump *pump = pump_create(queues);

    for (q = 0; q < queues; q++) {
        lane_start(pump, &(struct pump_lane){ .from = guest, .edge = edge, .queue = q }, "guest-send", run_edge);
    }
    return pump;
}

struct pump *pump_start_bypass(struct port *guest, struct port *wire, struct pcap *pcap)
{
    uint32_t queues = port_queues(guest), q;
    struct pump *pump = pump_create(2 * queues);

    for (q = 0; q < queues; q++) {
        lane_start(
            pump,
            &(struct pump_lane){
                .from = guest, .to = wire, .pcap = pcap, .from_edge = PCAP_GUEST, .to_edge = PCAP_WIRE, .queue = q },
            "bypass-out", run_bypass);
        lane_start(
            pump,
            &(struct pump_lane){
                .from = wire, .to = guest, .pcap = pcap, .from_edge = PCAP_WIRE, .to_edge = PCAP_GUEST, .queue = q },
            "bypass-in", run_bypass);
    }
    return pump;
}

void pump_counters(const struct pump *pump, struct pump_counters *counters)
{
    uint32_t i;

    memset(counters, 0, sizeof(*counters));
    for (i = 0; i < pump->count; i++) {
        const struct pump_lane *lane = &pump->lanes[i];
        bool out = lane->from_edge == PCAP_GUEST;

        *(out ? &counters->out_packets : &counters->in_packets) += __atomic_load_n(&lane->packets, __ATOMIC_RELAXED);
        *(out ? &counters->out_bytes : &counters->in_bytes) += __atomic_load_n(&lane->bytes, __ATOMIC_RELAXED);
    }
}

void pump_join(struct pump *pump)
{
    uint32_t i;

    for (i = 0; i < pump->count; i++) {
        task_join(pump->lanes[i].task);
    }
    free(pump);
}
