/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A second protocol on an adapter, in a test's hands: it sends NBLs of any shape and looks at every NBL and status that
 * the miniport indicates, beside the edge. Nothing of what it sends is checked or prepared; that is the point of it.
 */
#ifndef TESTBED_NDIS_PROTOCOL_RAW_H
#define TESTBED_NDIS_PROTOCOL_RAW_H

#include "ndis/ndis.h"

struct raw;

struct raw_options {
    struct xen *memory; /* where payload comes from */
    /* At DISPATCH_LEVEL or below, before the edge sees the NBL. */
    void (*received)(void *context, uint32_t processor, const struct NET_BUFFER_LIST *nbl, uint32_t flags);
    void (*status)(void *context, uint32_t code, const void *buffer, uint32_t size);
    /* Within the miniport's completion call, `count` of the protocol's NBLs having come back; it may send from here. */
    void (*completed)(void *context, uint32_t count);
    void *context;
};

struct raw *raw_open(struct adapter *adapter, const struct raw_options *options); /* PASSIVE; one per adapter */
void raw_close(struct raw *raw); /* all sends must have come back; frees the NBLs */

struct NET_BUFFER_LIST *raw_nbl(struct raw *raw); /* without an NB */
/* Appends an NB of these bytes. `cuts` are the lengths of its MDLs, `count` of them (0: one MDL); zero-length MDLs are
 * fine. The first `offset` bytes of the chain lie before the data: cuts and offset together must hold offset + length
 * bytes. */
void raw_add(struct raw *raw, struct NET_BUFFER_LIST *nbl, const void *bytes, uint32_t length, uint32_t offset,
             const uint32_t *cuts, uint32_t count);
void raw_link(struct NET_BUFFER_LIST *first, struct NET_BUFFER_LIST *next);

/* One MiniportSendNetBufferLists call for the chain on this processor at DISPATCH_LEVEL (`low`: at PASSIVE_LEVEL). */
void raw_send(struct raw *raw, struct NET_BUFFER_LIST *chain, uint32_t processor, bool low);
/* Waits until all that was sent has come back; false: not within the time. */
bool raw_wait(struct raw *raw, uint64_t timeout_ns);
bool raw_done(const struct NET_BUFFER_LIST *nbl); /* came back since it was made; its Status counts then */
uint64_t raw_completed(const struct raw *raw);
void raw_free_all(struct raw *raw); /* the NBLs made so far, none of them out */

#endif
