/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port: where frames enter and leave the testbed. Two kinds: a TAP device of a real network stack (tap.c), and a
 * queue in memory for simulated runs and tests (memory_port.c). A port has queues; one task at a time uses one
 * direction of one queue.
 */
#ifndef TESTBED_WIRE_PORT_H
#define TESTBED_WIRE_PORT_H

#include "wire/frame.h"

struct port;

/* What the stack behind the port may leave to us: a TAP's offload flags. */
struct port_features {
    bool checksum, tso4, tso6;
    bool udp; /* UDP segmentation, of both IP versions; ignored where the kernel has none (before Linux 6.2) */
};

/* Receives into frame->vectors (given by the caller with their sizes, at least MAX_FRAME_BYTES in all, or what fits: a
 * longer frame is dropped and counted). Sets length and offload. Blocks until a frame is there; 0: stopped. */
uint32_t port_receive(struct port *port, uint32_t queue, struct frame *frame);
uint32_t port_try_receive(struct port *port, uint32_t queue, struct frame *frame); /* 0: none now */
/* 0, or -errno: the stack refused it (counted), or its queue is full (-EAGAIN). Does not block. */
int port_send(struct port *port, uint32_t queue, const struct frame *frame);
/* The same in pieces, of which the first is the port's. What is sent has its checksum left open. */
uint32_t port_try_receive_pieces(struct port *port, uint32_t queue, struct pieces *pieces);
int port_send_pieces(struct port *port, uint32_t queue, struct pieces *pieces);
int port_set_features(struct port *port, const struct port_features *features);
void port_stop(struct port *port); /* wakes every task blocked in port_receive, for good */
/* Blocks until a frame may be there. False: stopped, or interrupted. For a caller that must not hold buffers while it
 * waits. */
bool port_wait(struct port *port, uint32_t queue);
/* The wait of this queue that is under way, or else the next one, ends (port_receive: 0). */
void port_interrupt(struct port *port, uint32_t queue);
/* Frames come out of the first `queues` queues only (1 to port_queues), until changed. */
int port_set_queues(struct port *port, uint32_t queues);
void port_destroy(struct port *port);
uint32_t port_queues(const struct port *port);
bool port_takes_udp_gso(const struct port *port); /* what is sent may be several datagrams in one (FRAME_GSO_UDP) */

struct port_counters {
    uint64_t received, sent, receive_dropped, send_refused;
};
void port_counters(const struct port *port, struct port_counters *counters);

/* tap.c: opens a TAP with virtio-net headers in the network namespace behind the descriptor `netns` (-1: the current
 * one). NULL and a sentence in `error` naming what is missing (/dev/net/tun, right, kernel feature). */
struct port *tap_create(const char *name, int netns, uint32_t queues, uint32_t mtu, const uint8_t *mac, char *error,
                        size_t size);
/* Of a device that tap_create made. */
bool tap_set_mtu(const char *name, int netns, uint32_t mtu, char *error, size_t size);

/* memory_port.c: `depth` frames per queue and direction. The test's side: */
struct port *memory_port_create(uint32_t queues, uint32_t depth);
int memory_port_inject(struct port *port, uint32_t queue, const struct frame *frame); /* copies; -EAGAIN: full */
uint32_t memory_port_collect(struct port *port, uint32_t queue, struct frame *frame,
                             uint64_t timeout_ns); /* what was sent to the port; 0: timed out or stopped */
void memory_port_take_udp_gso(struct port *port);  /* from the beginning; without it the port does not */
/* Simulated runs: what was injected and not taken yet is gone. */
void memory_port_forget(struct port *port);
uint32_t memory_port_room(struct port *port, uint32_t queue); /* for frames to inject; by the one that injects them */

#endif
