/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NBLs between the miniport and the protocol, in both directions: the four calls in which they change hands, and the
 * checks of each. Any IRQL up to DISPATCH_LEVEL; the fast path, so counts are gathered over a chain and added once, to
 * the counters of the processor this runs on.
 *
 *   protocol --adapter_send--> miniport --NdisMSendNetBufferListsComplete--> protocol
 *   miniport --NdisMIndicateReceiveNetBufferLists--> protocol --adapter_return--> miniport
 */
#include "ndis/adapter/adapter.h"
#include "ndis/adapter/miniport.h"
#include "ndis/export.h"
#include "ndis/nbl/nbl.h"
#include "ndis/protocol/bridge_internal.h"
#include "ndis/protocol/edge.h"
#include "ndis/protocol/raw_internal.h"
#include "nt/export/fail.h"
#include "run/ms_abi.h"
#include "run/order.h"

/* --- the timeline: a packet is known by its first MDL --- */

static uint64_t mdl_key(const struct NET_BUFFER_LIST *nbl)
{
    return nbl->FirstNetBuffer != NULL ? (uint64_t)(uintptr_t)nbl->FirstNetBuffer->CurrentMdl : 0;
}

static void follow(const struct NET_BUFFER_LIST *nbl, enum timeline_step step, const char *name)
{
    if (__builtin_expect(timeline_on, 0)) {
        timeline_packet(timeline_flow(mdl_key(nbl)), step, LANE_TASK, 0, name);
        if (step == STEP_LAST) {
            timeline_known_as(mdl_key(nbl), 0);
        }
    }
}

static void follow_sent(const struct NET_BUFFER_LIST *chain)
{
    for (const struct NET_BUFFER_LIST *nbl = chain; nbl != NULL && timeline_on; nbl = nbl->Next) {
        timeline_packet(timeline_follow(mdl_key(nbl)), STEP_FIRST, LANE_TASK, 0, "NBL sent");
    }
}

typedef void MS_ABI send_handler(void *, struct NET_BUFFER_LIST *, uint32_t, uint32_t);
typedef void MS_ABI return_handler(void *, struct NET_BUFFER_LIST *, uint32_t);

enum { ETHERNET_HEADER = 14, REST_NS = 1000000000 };

static void check_level(uint32_t flags, uint32_t dispatch_flag, const char *function)
{
    RULE((flags & dispatch_flag) == 0 || irql_current() == DISPATCH_LEVEL, "ndis-flags",
         "%s has DISPATCH_LEVEL in its flags, but runs at IRQL %u", function, irql_current());
}

/* What the slots of an NBL hold that came back: whoever was above may have written them. Only where runs are simulated.
 */
static void *const stale = NO_ADDRESS(0x5741bad5741bad00, 0xfffff0d0);

static void spoil_slots(struct NET_BUFFER_LIST *nbl)
{
    for (uint32_t i = 0; i < nbl_public_slots() && sched_kind() == SCHED_SIMULATED; i++) {
        nbl->NetBufferListInfo[i] = stale;
    }
}

static void check_slots(const struct NET_BUFFER_LIST *nbl, const char *function)
{
    nbl_check_end(nbl, function);
    for (uint32_t i = 0; i < nbl_public_slots() && sched_kind() == SCHED_SIMULATED; i++) {
        RULE_DOCUMENTED(nbl->NetBufferListInfo[i] != stale, "ndis-slot",
                        "%s with an NBL whose out-of-band slot %u is what somebody above left there", function, i);
    }
}

/* NDIS's bits and, of an NBL that is sent, the protocol's. */
static void check_flags(const struct NET_BUFFER_LIST *nbl, uint32_t mask, const char *function)
{
    RULE((nbl->Flags & mask) == (NBL_FLAGS_GIVEN & mask), "ndis-nbl-flags",
         "%s with an NBL whose Flags are %#x: the bits %#x are not the miniport's, and were %#x", function, nbl->Flags,
         mask, NBL_FLAGS_GIVEN & mask);
}

/* Segments were joined although a request that switched that off is complete. */
static void check_coalesced(struct adapter *adapter, const struct NET_BUFFER_LIST *nbl, const char *function)
{
    uint32_t off = __atomic_load_n(&adapter->rsc_off, __ATOMIC_SEQ_CST) & (RSC_OFF_IPV4 | RSC_OFF_IPV6);
    struct NDIS_RSC_NBL_INFO rsc;
    uint8_t version;

    memset(&rsc, 0, sizeof(rsc));
    rsc.Value = ndis_info(nbl, TcpRecvSegCoalesceInfo);
    if (off == 0 || rsc.Info.CoalescedSegCount <= 1) {
        return;
    }
    version = net_buffer_ip_version(nbl->FirstNetBuffer);
    RULE(version != (off & RSC_OFF_IPV4 ? 4 : 6) && version != (off & RSC_OFF_IPV6 ? 6 : 4), "ndis-rsc",
         "%s with an NBL of %u segments, IPv%u: that was switched off", function, rsc.Info.CoalescedSegCount, version);
}

/* A miniport that is short of NBLs indicates with RESOURCES. With nothing out for a second it is not short of any,
 * unless it has lost them, or a test has made a call of it fail. */
static void check_scarcity(struct adapter *adapter, bool lent)
{
    uint64_t now = sched_now();
    char call[2];

    if (sched_kind() != SCHED_SIMULATED) {
        return;
    }
    if (lent && adapter_outstanding_receives(adapter) == 0 && adapter->held != 0) {
        RULE(now < adapter->held + REST_NS || fail_described(call, sizeof(call)), "ndis-scarcity",
             "NdisMIndicateReceiveNetBufferLists with RESOURCES, and no packet has been with the protocol for %llu ms",
             (unsigned long long)((now - adapter->held) / 1000000));
        return;
    }
    adapter->held = now;
}

static uint32_t check_indicated(struct adapter *adapter, const struct NET_BUFFER_LIST *nbl)
{
    static const char function[] = "NdisMIndicateReceiveNetBufferLists";
    uintptr_t tag = nbl_tag(nbl);
    const struct NET_BUFFER *nb = nbl->FirstNetBuffer;

    RULE(tag == NBL_TAG_OWNED, "ndis-nbl", "%s with an NBL that is %s", function, nbl_tag_name(tag));
    RULE(nbl->SourceHandle == adapter, "ndis-nbl", "%s with an NBL whose SourceHandle is not the adapter's handle",
         function);
    RULE(nb != NULL && nb->Next == NULL, "ndis-nbl", "%s with an NBL of %s NB: Ethernet has one", function,
         nb == NULL ? "no" : "more than one");
    RULE(nb->DataLength >= ETHERNET_HEADER, "ndis-nb", "%s with a frame of %u bytes", function, nb->DataLength);
    net_buffer_check(nb, function);
    RULE(nb->CurrentMdlOffset < nb->CurrentMdl->ByteCount, "ndis-nb",
         "%s: the frame begins at %u, its first MDL has %u bytes", function, nb->CurrentMdlOffset,
         nb->CurrentMdl->ByteCount);
    check_flags(nbl, NBL_FLAGS_OF_NDIS, function);
    check_slots(nbl, function);
    check_coalesced(adapter, nbl, function);
    nbl_check_joined(adapter, nbl, function);
    return nb->DataLength;
}

static void reclaim_lent(struct NET_BUFFER_LIST *chain)
{
    struct NET_BUFFER_LIST *nbl;

    for (nbl = chain; nbl != NULL; nbl = nbl->Next) {
        nbl_set_tag(nbl, NBL_TAG_OWNED);
        spoil_slots(nbl);
    }
}

void adapter_indicate(struct adapter *adapter, struct NET_BUFFER_LIST *chain, uint32_t count, uint32_t flags)
{
    struct adapter_processor *here = adapter_here(adapter);
    enum adapter_state state = adapter_state(adapter);
    bool lent = (flags & NDIS_RECEIVE_FLAGS_RESOURCES) != 0;
    struct NET_BUFFER_LIST *nbl;
    struct bridge *bridge;
    struct edge *edge;
    uint64_t bytes = 0;
    uint32_t n = 0;

    TIMELINE_SPAN("NdisMIndicateReceiveNetBufferLists");
    RULE(state == ADAPTER_RUNNING || state == ADAPTER_PAUSING || state == ADAPTER_RESTARTING, "ndis-state",
         "packets indicated while the adapter is %s", adapter_state_name(state));
    check_level(flags, NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL, "NdisMIndicateReceiveNetBufferLists");
    check_scarcity(adapter, lent);
    for (nbl = chain; nbl != NULL; nbl = nbl->Next) {
        bytes += check_indicated(adapter, nbl);
        follow(nbl, lent ? STEP_LAST : STEP_NEXT, "NBL indicated");
        nbl_set_tag(nbl, lent ? NBL_TAG_LENT : NBL_TAG_INDICATED);
        order_release(nbl);
        n++;
    }
    RULE(n > 0 && (count == n || count == NDIS_INDICATE_ALL_NBLS), "ndis-nbl",
         "NdisMIndicateReceiveNetBufferLists was given the count %u, the chain has %u", count, n);
    COUNT(here->counts.rx_packets, n);
    COUNT(here->counts.rx_bytes, bytes);
    COUNT(here->counts.rx_calls, 1);
    if (lent) {
        COUNT(here->counts.rx_low_resources, n);
    } else {
        COUNT(here->indicated, n);
    }
    /* Pairs with edge_close: it takes the edge away first and then waits for `busy` to reach 0. */
    __atomic_fetch_add(&here->busy, 1, __ATOMIC_SEQ_CST);
    if (adapter->raw != NULL) {
        raw_received(adapter->raw, chain, flags);
    }
    edge = __atomic_load_n(&adapter->edge, __ATOMIC_SEQ_CST);
    bridge = __atomic_load_n(&adapter->bridge, __ATOMIC_SEQ_CST);
    if (bridge != NULL && !lent) {
        bridge_receive(bridge, chain);
    } else if (edge != NULL) {
        edge_receive_chain(edge, chain, flags);
    } else if (!lent) {
        adapter_return(adapter, chain, n);
    }
    __atomic_fetch_sub(&here->busy, 1, __ATOMIC_RELEASE);
    if (lent) {
        reclaim_lent(chain);
    }
}

void adapter_return(struct adapter *adapter, struct NET_BUFFER_LIST *chain, uint32_t count)
{
    return_handler *handler = (return_handler *)adapter->miniport->handlers.ReturnNetBufferListsHandler;
    struct adapter_processor *here = adapter_here(adapter);
    struct NET_BUFFER_LIST *nbl;

    for (nbl = chain; nbl != NULL; nbl = nbl->Next) {
        if (sched_is_simulated || guard_pages || order_kept) { /* only there an NBL is kept */
            order_acquire(nbl);
            nbl_show(nbl, "while the protocol had it");
        }
        RULE(nbl_tag(nbl) == NBL_TAG_INDICATED, "ndis-nbl", "an NBL to be returned is %s", nbl_tag_name(nbl_tag(nbl)));
        nbl_set_tag(nbl, NBL_TAG_OWNED);
        follow(nbl, STEP_LAST, "NBL returned");
        spoil_slots(nbl);
    }
    if (sched_kind() == SCHED_SIMULATED) {
        adapter->held = sched_now();
    }
    COUNT(here->counts.rx_returns, count);
    COUNT(here->counts.rx_return_calls, 1);
    COUNT(here->reclaimed, count);
    DRIVER_CALL_VOID(
        "MiniportReturnNetBufferLists",
        handler(adapter->context, chain, irql_current() == DISPATCH_LEVEL ? NDIS_RETURN_FLAGS_DISPATCH_LEVEL : 0));
}

void adapter_send(struct adapter *adapter, struct NET_BUFFER_LIST *chain, uint32_t nbls, uint64_t bytes)
{
    send_handler *handler = (send_handler *)adapter->miniport->handlers.SendNetBufferListsHandler;
    struct adapter_processor *here = adapter_here(adapter);

    COUNT(here->counts.tx_packets, nbls);
    COUNT(here->counts.tx_bytes, bytes);
    COUNT(here->counts.tx_calls, 1);
    COUNT(here->sent, nbls);
    if (order_kept) {
        order_acquire(&adapter->state);
        for (const struct NET_BUFFER_LIST *nbl = chain; nbl != NULL; nbl = nbl->Next) {
            order_acquire(nbl);
        }
    }
    follow_sent(chain);
    DRIVER_CALL_VOID("MiniportSendNetBufferLists",
                     handler(adapter->context, chain, NDIS_DEFAULT_PORT_NUMBER,
                             irql_current() == DISPATCH_LEVEL ? NDIS_SEND_FLAGS_DISPATCH_LEVEL : 0));
}

void adapter_send_done(struct adapter *adapter, struct NET_BUFFER_LIST *chain, uint32_t flags)
{
    struct adapter_processor *here = adapter_here(adapter);
    struct NET_BUFFER_LIST *nbl;
    struct edge *edge;
    uint32_t n = 0, failed = 0;

    TIMELINE_SPAN("NdisMSendNetBufferListsComplete");
    check_level(flags, NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL, "NdisMSendNetBufferListsComplete");
    RULE(chain != NULL, "ndis-nbl", "NdisMSendNetBufferListsComplete without an NBL");
    for (nbl = chain; nbl != NULL; nbl = nbl->Next) {
        uintptr_t tag = nbl_tag(nbl);

        RULE(tag == NBL_TAG_SENT, "ndis-send-complete", "NdisMSendNetBufferListsComplete of an NBL that is %s",
             nbl_tag_name(tag));
        check_flags(nbl, NBL_FLAGS_OF_NDIS | NBL_FLAGS_OF_PROTOCOL, "NdisMSendNetBufferListsComplete");
        nbl_check_end(nbl, "NdisMSendNetBufferListsComplete");
        RULE(nbl->Status != NDIS_STATUS_PENDING, "ndis-send-complete", "a send was completed with NDIS_STATUS_PENDING");
        follow(nbl, STEP_LAST, "NBL completed");
        nbl_set_tag(nbl, NBL_TAG_OWNED);
        order_release(nbl);
        if (__builtin_expect(nbl->Status != NDIS_STATUS_SUCCESS, 0)) {
            adapter->tx_failure = nbl->Status;
            failed++;
        }
        n++;
    }
    COUNT(here->counts.tx_completions, n);
    COUNT(here->counts.tx_completion_calls, 1);
    if (failed > 0) {
        COUNT(here->counts.tx_failed, failed);
    }
    /* A driver may finish a pause elsewhere as soon as it has called: the sends count as complete before the edge has
     * them. edge_close waits for all sends to be complete, then for `busy`, so the edge outlives this call. */
    __atomic_fetch_add(&here->busy, 1, __ATOMIC_SEQ_CST);
    edge = adapter->edge;
    COUNT(here->completed, n);
    if (adapter->raw != NULL) {
        chain = raw_take_completed(adapter->raw, chain);
    }
    if (adapter->bridged != NULL) {
        chain = bridge_take_completed(adapter->bridged, chain);
    }
    edge_send_complete(edge, chain);
    __atomic_fetch_sub(&here->busy, 1, __ATOMIC_RELEASE);
}

static void MS_ABI indicate_receive(void *handle, struct NET_BUFFER_LIST *chain, uint32_t port, uint32_t count,
                                    uint32_t flags)
{
    struct adapter *adapter = adapter_check(handle, "NdisMIndicateReceiveNetBufferLists");

    RULE(port == NDIS_DEFAULT_PORT_NUMBER, "ndis-nbl", "packets indicated on port %u, which was never allocated", port);
    adapter_indicate(adapter, chain, count, flags);
}

static void MS_ABI send_complete(void *handle, struct NET_BUFFER_LIST *chain, uint32_t flags)
{
    adapter_send_done(adapter_check(handle, "NdisMSendNetBufferListsComplete"), chain, flags);
}

#define TRANSFER_EXPORTS(X)                                                                                            \
    X(NdisMIndicateReceiveNetBufferLists, indicate_receive, PASSIVE_LEVEL, DISPATCH_LEVEL)                             \
    X(NdisMSendNetBufferListsComplete, send_complete, PASSIVE_LEVEL, DISPATCH_LEVEL)

void transfer_exports(void)
{
    NDIS_EXPORTS(TRANSFER_EXPORTS);
}
