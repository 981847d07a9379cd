/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Coverage-guided fuzzing with libFuzzer: targets of one program, each of which makes of an input something that
 * somebody else decides, and checks what comes of it. All run in a simulated run of the scheduler, in one process for
 * all inputs: a target brings itself back to where it began. scripts/check/fuzz.py builds and runs it.
 *
 * A world is what surrounds a target (Windows, VIF, queues): of each kind one is drawn from its number.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "program/bed.h"

#define SECOND 1000000000ull

struct fuzz_target {
    const char *name;
    void (*start)(uint32_t world); /* NULL, or what to do once */
    void (*one)(const uint8_t *data, size_t size);
    void (*stop)(void); /* NULL, or the end, with a look for what was left behind */
    bool driver;        /* the driver's image is loaded, and its coverage counts */
};

extern const struct fuzz_target fuzz_oid, fuzz_send, fuzz_receive, fuzz_config, fuzz_connect, fuzz_store, fuzz_netback,
    fuzz_frontend, fuzz_inf, fuzz_image, fuzz_wire;

/* What was expected is not so: prints it, and ends the program as a crash. */
_Noreturn void fuzz_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* --- an input, read from its front; zeros behind its end --- */
struct fuzz_input {
    const uint8_t *data;
    size_t size;
};
static inline uint32_t fuzz_take(struct fuzz_input *input, uint32_t bytes)
{
    uint32_t value = 0;

    for (uint32_t i = 0; i < bytes && input->size > 0; i++, input->size--) {
        value |= (uint32_t)*input->data++ << i * 8;
    }
    return value;
}
/* Up to `most` bytes of it as they are; returns how many. */
static inline uint32_t fuzz_take_bytes(struct fuzz_input *input, void *to, uint32_t most)
{
    uint32_t count = input->size < most ? (uint32_t)input->size : most;

    __builtin_memcpy(to, input->data, count);
    input->data += count;
    input->size -= count;
    return count;
}

/* --- bed.c: the whole testbed, once for all inputs --- */
extern struct bed fuzz_bed;
extern struct port *fuzz_wire_port;
void fuzz_bed_start(uint32_t world, uint32_t edge_buffers);
void fuzz_bed_stop(void); /* nothing may be left behind */
void fuzz_bed_stop_but_grants(void);
void fuzz_bed_drain(void); /* frames that reached the wire go */
extern const uint8_t fuzz_guest_mac[6], fuzz_peer_mac[6];
/* A TCP or UDP frame between the two, IPv4 or IPv6, tagged or not, as `kind` has it; returns its length. */
uint32_t fuzz_frame(uint8_t *bytes, uint32_t kind, uint32_t payload);

/* --- sections.c: the counters in an image compiled for fuzzing --- */
void fuzz_exports(void);                          /* before it is loaded */
void fuzz_watch_image(const struct image *image); /* once it is */

#endif
