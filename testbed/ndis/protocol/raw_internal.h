/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rest of ndis/ calls of the raw protocol, where an adapter has one. */
#ifndef TESTBED_NDIS_PROTOCOL_RAW_INTERNAL_H
#define TESTBED_NDIS_PROTOCOL_RAW_INTERNAL_H

struct NET_BUFFER_LIST *raw_take_completed(struct raw *raw,
                                           struct NET_BUFFER_LIST *chain); /* the others of the chain */
void raw_received(struct raw *raw, const struct NET_BUFFER_LIST *chain, uint32_t flags);
void raw_status(struct raw *raw, uint32_t code, const void *buffer, uint32_t size);

#endif
