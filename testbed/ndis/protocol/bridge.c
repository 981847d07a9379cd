/* SPDX-License-Identifier: BSD-2-Clause */
/* The bridge of bridge.h. Both calls at DISPATCH_LEVEL or below on any processor; a packet is between them with the
 * other miniport, and nothing here knows of it but its NBL. */
#include "ndis/protocol/bridge.h"

#include <stdlib.h>

#include "ndis/adapter/adapter.h"
#include "ndis/nbl/nbl.h"
#include "ndis/protocol/bridge_internal.h"

struct bridge {
    struct adapter *from, *to;
    struct nbl_pool *pool;
    uint64_t forwarded, returned; /* atomic */
};

struct bridge *bridge_open(struct adapter *from, struct adapter *to)
{
    struct bridge *bridge = ndis_alloc(sizeof(*bridge));

    RULE(from->bridge == NULL && to->bridged == NULL, "ndis-state", "a second bridge the same way");
    bridge->from = from;
    bridge->to = to;
    bridge->pool = nbl_pool_create("the bridge's NBL", 0x67647262, 0, true);
    __atomic_store_n(&to->bridged, bridge, __ATOMIC_SEQ_CST);
    __atomic_store_n(&from->bridge, bridge, __ATOMIC_SEQ_CST);
    return bridge;
}

void bridge_close(struct bridge *bridge)
{
    __atomic_store_n(&bridge->from->bridge, NULL, __ATOMIC_SEQ_CST);
    RULE(bridge_returned(bridge) == bridge_forwarded(bridge), "ndis-send-complete",
         "%llu of the packets that a bridge sent on never came back",
         (unsigned long long)(bridge_forwarded(bridge) - bridge_returned(bridge)));
    __atomic_store_n(&bridge->to->bridged, NULL, __ATOMIC_SEQ_CST);
    nbl_pool_destroy(bridge->pool, "bridge_close");
    free(bridge);
}

uint64_t bridge_forwarded(const struct bridge *bridge)
{
    return __atomic_load_n(&bridge->forwarded, __ATOMIC_SEQ_CST);
}

uint64_t bridge_returned(const struct bridge *bridge)
{
    return __atomic_load_n(&bridge->returned, __ATOMIC_SEQ_CST);
}

/* Data and tag of the received packet; nothing about its checksums, which are the frame's own from here on. */
static struct NET_BUFFER_LIST *send_on(struct bridge *bridge, struct NET_BUFFER_LIST *received)
{
    const struct NET_BUFFER *nb = received->FirstNetBuffer;
    struct NET_BUFFER_LIST *nbl = nbl_create(bridge->pool, nb->CurrentMdl, nb->CurrentMdlOffset, nb->DataLength);

    nbl->NetBufferListInfo[Ieee8021QNetBufferListInfo] = ndis_info(received, Ieee8021QNetBufferListInfo);
    nbl->ParentNetBufferList = received;
    nbl->SourceHandle = bridge;
    nbl->Status = (int32_t)NDIS_STATUS_PENDING;
    nbl_set_tag(nbl, NBL_TAG_SENT);
    return nbl;
}

void bridge_receive(struct bridge *bridge, struct NET_BUFFER_LIST *chain)
{
    struct NET_BUFFER_LIST *first = NULL, **last = &first, *next;
    uint64_t bytes = 0;
    uint32_t n = 0;

    for (; chain != NULL; chain = next, n++) {
        next = chain->Next;
        chain->Next = NULL;
        bytes += chain->FirstNetBuffer->DataLength;
        *last = send_on(bridge, chain);
        last = &(*last)->Next;
    }
    __atomic_fetch_add(&bridge->forwarded, n, __ATOMIC_SEQ_CST);
    adapter_send(bridge->to, first, n, bytes);
}

struct NET_BUFFER_LIST *bridge_take_completed(struct bridge *bridge, struct NET_BUFFER_LIST *chain)
{
    struct NET_BUFFER_LIST *others = NULL, **last = &others, *received = NULL, **end = &received, *next;
    uint32_t n = 0;

    for (; chain != NULL; chain = next) {
        next = chain->Next;
        chain->Next = NULL;
        if (chain->SourceHandle == bridge) {
            *end = chain->ParentNetBufferList;
            end = &(*end)->Next;
            nbl_free(chain, "bridge_take_completed");
            n++;
        } else {
            *last = chain;
            last = &chain->Next;
        }
    }
    if (n != 0) {
        adapter_return(bridge->from, received, n);
        __atomic_fetch_add(&bridge->returned, n, __ATOMIC_SEQ_CST);
    }
    return others;
}
