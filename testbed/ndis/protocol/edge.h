/* SPDX-License-Identifier: BSD-2-Clause */
/* The edge (the protocol above the miniport), as the adapter and the transfer functions call it. */
#ifndef TESTBED_NDIS_PROTOCOL_EDGE_H
#define TESTBED_NDIS_PROTOCOL_EDGE_H

#include "ndis/ndis.h"

void edge_receive_chain(struct edge *edge, struct NET_BUFFER_LIST *chain, uint32_t flags);
void edge_send_complete(struct edge *edge, struct NET_BUFFER_LIST *chain);
void edge_hold(struct edge *edge); /* no new send enters the miniport; returns when none is entering */
void edge_release(struct edge *edge);
/* Filter and multicast list once more, after a reset that lost them. */
void edge_restore_addressing(struct edge *edge);
void edge_return_late(struct edge *edge); /* everything the edge kept back for a moment goes to the miniport now */

#endif
