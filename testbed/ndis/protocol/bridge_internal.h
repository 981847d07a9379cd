/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rest of ndis/ calls of a bridge, where an adapter has one. */
#ifndef TESTBED_NDIS_PROTOCOL_BRIDGE_INTERNAL_H
#define TESTBED_NDIS_PROTOCOL_BRIDGE_INTERNAL_H

struct NET_BUFFER_LIST;

void bridge_receive(struct bridge *bridge, struct NET_BUFFER_LIST *chain); /* takes the chain */
/* Takes those of the chain that are the bridge's; the others. */
struct NET_BUFFER_LIST *bridge_take_completed(struct bridge *bridge, struct NET_BUFFER_LIST *chain);

#endif
