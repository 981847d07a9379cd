/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An intermediate driver between two adapters, as a bridge is one: what it receives on one it sends on the other, the
 * received MDL chain under an NBL of its own, and gives the received NBL back when that send is complete. So NBLs come
 * back late, on other processors and from within another adapter's completions, and the memory of received packets is
 * what a miniport sends. Nothing is asked of the other adapter's offloads: what is sent on is what was in the frame.
 */
#ifndef TESTBED_NDIS_PROTOCOL_BRIDGE_H
#define TESTBED_NDIS_PROTOCOL_BRIDGE_H

#include "ndis/ndis.h"

struct bridge;

/* One way; two bridges make both. Packets that must be back when the indication returns (RESOURCES) stay with the edge.
 * PASSIVE_LEVEL; both adapters must be there until it is closed. */
struct bridge *bridge_open(struct adapter *from, struct adapter *to);
void bridge_close(struct bridge *bridge); /* no packet comes at `from` meanwhile; all that was sent on must be back */
uint64_t bridge_forwarded(const struct bridge *bridge);
uint64_t bridge_returned(const struct bridge *bridge); /* of those, back at the adapter they came from */

#endif
