/* SPDX-License-Identifier: BSD-2-Clause */
/* The wire behind a backend, embedded or real; see story_wire.c. One task uses it. */
#ifndef TESTS_STORY_WIRE_H
#define TESTS_STORY_WIRE_H

#include "wire/port.h"

enum { WIRE_QUEUES = 4 }; /* of a port in memory, at most */

struct wire;
struct wire *wire_open(bool real, struct port *port);
void wire_close(struct wire *wire);
struct port *wire_port(struct wire *wire); /* NULL: the real one */
/* `segment`: the device there takes no large frames, so its network stack cuts them; the real one sees that by itself.
 */
void wire_send(struct wire *wire, const struct frame *frame, bool segment);
uint32_t wire_take(struct wire *wire, struct frame *frame, uint64_t timeout_ns); /* length; 0: nothing came */

/* Whoever uses it says how a test ends that cannot go on. */
_Noreturn void give_up(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
