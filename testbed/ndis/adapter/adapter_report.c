/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is out at an adapter, for the report of a standstill: its state, the OID that is with the miniport, the sends
 * that it has not completed and the received packets that have not been given back, each with the time at which it was
 * handed over. Called while everything may be moving: nothing here follows a pointer that the driver may free.
 */
#include "ndis/adapter/adapter.h"
#include "ndis/nbl/nbl.h"
#include "ndis/protocol/edge_internal.h"

#define SECONDS(nanoseconds) ((double)(nanoseconds) / 1e9)

static void print_handler(FILE *out, const char *name, const void *handler)
{
    fprintf(out, "    handed over by %s: ", name);
    report_place(out, handler);
}

static void print_oid(const struct adapter *adapter, FILE *out)
{
    const struct NDIS_OID_REQUEST *request = __atomic_load_n(&adapter->oid_pending, __ATOMIC_ACQUIRE);

    if (request != NULL) {
        uint32_t oid = request->DATA.QUERY_INFORMATION.Oid;

        fprintf(out, "  the miniport has OID %s (%#x)\n", ndis_oid_name(oid), oid);
    }
}

/* The protocol's buffers stay where they are until the edge is closed. */
static void print_sends(const struct adapter *adapter, FILE *out)
{
    const struct edge *edge = __atomic_load_n(&adapter->edge, __ATOMIC_ACQUIRE);
    uint64_t now = sched_now();

    for (uint32_t q = 0; edge != NULL && q < edge->queue_count; q++) {
        const struct edge_queue *queue = &edge->queues[q];
        uint64_t oldest = now;
        uint32_t count = 0;

        for (uint32_t i = 0; queue->slots != NULL && i < edge->options.buffers; i++) {
            const struct NET_BUFFER_LIST *nbl = queue->slots[i].nbl;

            if (nbl != NULL && !nbl_is_hidden(nbl) && nbl_tag(nbl) == NBL_TAG_SENT) {
                oldest = nbl_since(nbl) < oldest ? nbl_since(nbl) : oldest;
                count++;
            }
        }
        if (count != 0) {
            fprintf(out, "  the miniport has %u NBLs to send of queue %u, the oldest for %.1f s\n", count, q,
                    SECONDS(now - oldest));
        }
    }
}

static void print(void *context, FILE *out)
{
    const struct adapter *adapter = context;
    int64_t sends = adapter_outstanding_sends(adapter), receives = adapter_outstanding_receives(adapter);

    fprintf(out, "  adapter \"%s\" is %s: %lld sends are not completed, %lld received NBLs not given back\n",
            adapter->package->description, adapter_state_name(adapter_state(adapter)), (long long)sends,
            (long long)receives);
    print_oid(adapter, out);
    if (sends != 0) {
        print_sends(adapter, out);
        print_handler(out, "MiniportSendNetBufferLists",
                      (const void *)adapter->miniport->handlers.SendNetBufferListsHandler);
    }
}

void adapter_report_start(struct adapter *adapter)
{
    adapter->out = (struct report_list){ .print = print, .context = adapter };
    report_list_add(&adapter->out);
}

void adapter_report_stop(struct adapter *adapter)
{
    report_list_remove(&adapter->out);
}
