/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue's receive ring as a window of mapped requests: requests are copied and their pages mapped ahead of use, and
 * completed strictly in ring order, each response in the slot of its request, as netif.h demands. A request whose page
 * cannot be mapped keeps its place with a page of ours behind it and is answered with the hypervisor's status, as Linux
 * does. All under the queue's rx.lock.
 *
 *   req_cons = rsp_prod_pvt          mapped             sring->req_prod
 *        |--- mapped, not completed ---|--- not looked at ---|
 */
#include <errno.h>
#include <string.h>

#include "netback/slots.h"
#include "netback/state.h"

static struct rx_slot *slot_at(struct netback_queue *queue, RING_IDX index)
{
    return &queue->rx.slots[index & (RING_SLOTS - 1)];
}

uint32_t slots_map(struct netback_queue *queue, uint32_t want)
{
    struct netback *netback = queue->netback;
    struct queue_rx *rx = &queue->rx;
    RING_IDX producer;

    if (rx->mapped - rx->ring.req_cons >= want) {
        return rx->mapped - rx->ring.req_cons;
    }
    producer = __atomic_load_n(&rx->ring.sring->req_prod, __ATOMIC_ACQUIRE);
    if (producer - rx->ring.rsp_prod_pvt > RING_SIZE(&rx->ring)) {
        producer = rx->ring.rsp_prod_pvt +
                   RING_SIZE(&rx->ring); /* as in Linux nobody is notified: the frontend harms itself alone */
    }
    if (producer - rx->ring.req_cons > rx->most_posted) {
        rx->most_posted = producer - rx->ring.req_cons;
    }
    while (rx->mapped != producer && rx->mapped - rx->ring.req_cons < want) {
        struct rx_slot *slot = slot_at(queue, rx->mapped);
        struct netif_rx_request request;
        void *page;
        int failure;

        RING_COPY_REQUEST(&rx->ring, rx->mapped, &request);
        slot->id = request.id;
        slot->reference = request.gref;
        failure = xen_map(netback->xen, netback->guest, request.gref, true, &page);
        slot->status = failure == 0 ? 0 : failure == -ENOENT ? GNTST_bad_gntref : GNTST_general_error;
        slot->bad = failure != 0;
        slot->page = slot->bad ? rx->nowhere : page;
        rx->mapped++;
    }
    return rx->mapped - rx->ring.req_cons;
}

void slots_unmap(struct netback_queue *queue)
{
    struct queue_rx *rx = &queue->rx;
    RING_IDX index;

    for (index = rx->ring.req_cons; index != rx->mapped; index++) {
        if (!slot_at(queue, index)->bad) {
            xen_unmap(queue->netback->xen, queue->netback->guest, slot_at(queue, index)->reference);
        }
    }
    rx->mapped = rx->ring.req_cons;
}

/* The slot of a frame's page `page` when `extras` slots lie between the first and the second. */
static struct rx_slot *page_slot(struct netback_queue *queue, uint32_t page, uint32_t extras)
{
    return slot_at(queue, queue->rx.ring.req_cons + page + (page == 0 ? 0 : extras));
}

void slots_frame(struct netback_queue *queue, uint32_t extras, uint32_t pages, struct frame *frame)
{
    uint32_t page;

    for (page = 0; page < pages; page++) {
        frame->vectors[page] =
            (struct iovec){ page_slot(queue, page, extras)->page + queue->rx.headroom, slot_room(queue) };
    }
    frame->vector_count = pages;
}

void slots_move(struct netback_queue *queue, uint32_t from_extras, uint32_t to_extras, uint32_t length)
{
    uint32_t pages = slots_of(queue, length), room = slot_room(queue), headroom = queue->rx.headroom, i;

    /* Towards the front the first page goes first, towards the back the last, so that none is overwritten before it
     * moved. */
    for (i = 1; i < pages; i++) {
        uint32_t page = to_extras < from_extras ? i : pages - i;

        memcpy(page_slot(queue, page, to_extras)->page + headroom, page_slot(queue, page, from_extras)->page + headroom,
               page == pages - 1 ? length - page * room : room);
    }
}

static void put_response(struct netback_queue *queue, const void *response)
{
    struct queue_rx *rx = &queue->rx;
    struct rx_slot *slot = slot_at(queue, rx->ring.req_cons);

    memcpy(RING_GET_RESPONSE(&rx->ring, rx->ring.rsp_prod_pvt), response, sizeof(struct netif_rx_response));
    if (!slot->bad) { /* before the frontend can see the response and take the grant back */
        xen_unmap(queue->netback->xen, queue->netback->guest, slot->reference);
    }
    rx->ring.req_cons++;
    rx->ring.rsp_prod_pvt++;
}

static void put_extras(struct netback_queue *queue, const struct rx_extras *extras)
{
    uint32_t i;

    for (i = 0; i < extras->count; i++) {
        struct netif_extra_info info = extras->info[i];

        info.flags = i + 1 < extras->count ? XEN_NETIF_EXTRA_FLAG_MORE : 0;
        put_response(queue, &info);
    }
}

_Static_assert(sizeof(struct netif_extra_info) == sizeof(struct netif_rx_response),
               "an extra segment takes a response's place");

void slots_complete(struct netback_queue *queue, const struct frame *frame, const struct rx_extras *extras)
{
    struct queue_rx *rx = &queue->rx;
    uint32_t pages = slots_of(queue, frame->length), left = frame->length, page;

    for (page = 0; page < pages; page++) {
        const struct rx_slot *slot = slot_at(queue, rx->ring.req_cons);
        uint32_t part = left < slot_room(queue) ? left : slot_room(queue);
        struct netif_rx_response response = { .id = slot->id,
                                              .status = slot->bad ? slot->status : (int16_t)(rx->headroom + part) };

        if (page == 0 && __builtin_expect(timeline_on, 0)) {
            uint32_t flow = timeline_follow(timeline_slot_key(slot->reference, slot->id));

            timeline_packet(flow, STEP_FIRST, LANE_RECEIVE_BACKEND, queue->index, "from the wire");
        }
        left -= part;
        response.flags = left != 0 ? NETRXF_more_data : 0;
        if (page == 0) {
            if (frame->offload.checksum_partial) {
                response.flags |= NETRXF_csum_blank | NETRXF_data_validated;
            } else if (frame->offload.checksum_valid) {
                response.flags |= NETRXF_data_validated;
            }
            response.flags |= extras->count != 0 ? NETRXF_extra_info : 0;
        }
        put_response(queue, &response);
        if (page == 0) {
            put_extras(queue, extras);
        }
    }
    count(&rx->packets, 1);
    count(&rx->bytes, frame->length);
    count(&rx->gso, frame->offload.gso != FRAME_GSO_NONE);
    count(&rx->csum_blank, frame->offload.checksum_partial);
}

void slots_push(struct netback_queue *queue)
{
    struct queue_rx *rx = &queue->rx;
    bool notify;

    if (rx->ring.rsp_prod_pvt == rx->ring.sring->rsp_prod) {
        return;
    }
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&rx->ring, notify);
    if (notify) {
        count(&rx->kicks_sent, 1);
        if (sched_is_beside(queue->index)) {
            rx->event_due = true; /* it would run the guest's DPCs here */
        } else {
            xen_event_send(queue->rx_event);
        }
    }
}

void slots_unlock(struct netback_queue *queue)
{
    bool due = queue->rx.event_due;

    queue->rx.event_due = false;
    sched_unlock(&queue->rx.lock);
    if (due) {
        xen_event_send(queue->rx_event);
    }
}

bool slots_want(struct netback_queue *queue, uint32_t want)
{
    struct queue_rx *rx = &queue->rx;

    rx->ring.sring->req_event = rx->ring.req_cons + want;
    xen_mb(); /* the frontend sees what we wait for before we look a last time */
    return slots_map(queue, want) >= want;
}
