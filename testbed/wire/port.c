/* SPDX-License-Identifier: BSD-2-Clause */
/* The verbs of port.h, handed to the port's kind (tap.c, memory_port.c). No state, no locks. */
#include "wire/port_internal.h"

uint32_t port_queues(const struct port *port)
{
    return port->queues;
}

bool port_takes_udp_gso(const struct port *port)
{
    return port->takes_udp_gso;
}

bool port_wait(struct port *port, uint32_t queue)
{
    return port->ops->wait(port, queue);
}

uint32_t port_try_receive(struct port *port, uint32_t queue, struct frame *frame)
{
    return port->ops->try_receive(port, queue, frame);
}

uint32_t port_receive(struct port *port, uint32_t queue, struct frame *frame)
{
    for (;;) {
        uint32_t length = port_try_receive(port, queue, frame);

        if (length != 0) {
            return length;
        }
        if (!port_wait(port, queue)) {
            return 0;
        }
    }
}

int port_send(struct port *port, uint32_t queue, const struct frame *frame)
{
    return port->ops->send(port, queue, frame);
}

uint32_t port_try_receive_pieces(struct port *port, uint32_t queue, struct pieces *pieces)
{
    return port->ops->try_receive_pieces(port, queue, pieces);
}

int port_send_pieces(struct port *port, uint32_t queue, struct pieces *pieces)
{
    return port->ops->send_pieces(port, queue, pieces);
}

int port_set_features(struct port *port, const struct port_features *features)
{
    return port->ops->set_features(port, features);
}

int port_set_queues(struct port *port, uint32_t queues)
{
    return port->ops->set_queues(port, queues);
}

void port_interrupt(struct port *port, uint32_t queue)
{
    port->ops->interrupt(port, queue);
}

void port_stop(struct port *port)
{
    port->ops->stop(port);
}

void port_destroy(struct port *port)
{
    if (port != NULL) {
        port->ops->destroy(port);
    }
}

void port_counters(const struct port *port, struct port_counters *counters)
{
    uint32_t queue;

    *counters = (struct port_counters){ 0 };
    for (queue = 0; queue < port->queues; queue++) {
        struct port_counters one = { 0 };

        port->ops->counters(port, queue, &one);
        counters->received += one.received;
        counters->sent += one.sent;
        counters->receive_dropped += one.receive_dropped;
        counters->send_refused += one.send_refused;
    }
}
