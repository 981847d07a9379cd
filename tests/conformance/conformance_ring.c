/* SPDX-License-Identifier: BSD-2-Clause */
/* The frontend's side of the three rings, with nothing checked that a backend should check. See conformance_bed.h. */
#include "conformance_bed.h"

#include <string.h>

#define LOOK 50000000ull /* between two looks at the real device */

static uint32_t next_slot(const struct raw_queue *queue)
{
    return queue->tx.req_prod_pvt & (RING_SLOTS - 1);
}

uint8_t *tx_page(struct bed *bed, uint32_t index, uint32_t *reference)
{
    struct raw_queue *queue = &bed->queue[index];

    *reference = queue->tx_grants[next_slot(queue)];
    return queue->tx_pages + next_slot(queue) * XEN_PAGE_SIZE;
}

void tx_request(struct bed *bed, uint32_t index, uint32_t reference, uint32_t offset, uint32_t size, uint32_t flags)
{
    struct raw_queue *queue = &bed->queue[index];

    *RING_GET_REQUEST(&queue->tx, queue->tx.req_prod_pvt) = (struct netif_tx_request){ .gref = reference,
                                                                                       .offset = (uint16_t)offset,
                                                                                       .flags = (uint16_t)flags,
                                                                                       .id = (uint16_t)next_slot(queue),
                                                                                       .size = (uint16_t)size };
    queue->tx.req_prod_pvt++;
}

void tx_extra(struct bed *bed, uint32_t index, const struct netif_extra_info *extra)
{
    struct raw_queue *queue = &bed->queue[index];

    memcpy(RING_GET_REQUEST(&queue->tx, queue->tx.req_prod_pvt), extra, sizeof(*extra));
    queue->tx.req_prod_pvt++;
}

void tx_packet(struct bed *bed, const uint8_t *bytes, uint32_t length, uint32_t first, uint32_t flags,
               const struct netif_extra_info *extra)
{
    uint32_t done = 0, reference;

    while (done < length) {
        uint32_t room = done == 0 ? first : XEN_PAGE_SIZE, part = length - done < room ? length - done : room;
        uint8_t *page = tx_page(bed, 0, &reference);

        memcpy(page, bytes + done, part);
        tx_request(bed, 0, reference, 0, done == 0 ? length : part,
                   (done == 0 ? flags | (extra != NULL ? NETTXF_extra_info : 0) : 0) |
                       (done + part < length ? NETTXF_more_data : 0));
        if (done == 0 && extra != NULL) {
            tx_extra(bed, 0, extra);
        }
        done += part;
    }
}

void tx_push(struct bed *bed, uint32_t index)
{
    struct raw_queue *queue = &bed->queue[index];
    bool notify;

    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&queue->tx, notify);
    if (notify) {
        xen_event_send(queue->tx_event);
    }
}

uint32_t tx_answers(struct bed *bed, uint32_t index, struct tx_answer *answers_seen, uint32_t most)
{
    struct raw_queue *queue = &bed->queue[index];
    uint64_t deadline = sched_now() + bed->patience;
    uint32_t answers = 0;
    bool down = false;

    while (queue->tx.rsp_cons != queue->tx.req_prod_pvt) {
        uint32_t seen = bell_read(&bed->bell);
        int more;

        while (queue->tx.rsp_cons != __atomic_load_n(&queue->tx.sring->rsp_prod, __ATOMIC_ACQUIRE) && answers < most) {
            const struct netif_tx_response *response = RING_GET_RESPONSE(&queue->tx, queue->tx.rsp_cons);

            answers_seen[answers++] = (struct tx_answer){ response->id, response->status };
            queue->tx.rsp_cons++;
        }
        if (answers == most || queue->tx.rsp_cons == queue->tx.req_prod_pvt) {
            break;
        }
        RING_FINAL_CHECK_FOR_RESPONSES(&queue->tx, more);
        if (more) {
            continue;
        }
        if (down || sched_now() >= deadline) {
            break;
        }
        bell_wait(&bed->bell, seen, bed->real ? sched_now() + LOOK : deadline);
        down = backend_down(bed->real); /* then what it has answered until now is all */
    }
    return answers;
}

void rx_post(struct bed *bed, uint32_t index, bool bad_grant)
{
    struct raw_queue *queue = &bed->queue[index];
    bool notify;

    while (queue->rx.req_prod_pvt - queue->rx.rsp_cons < queue->posted) {
        uint32_t slot = queue->rx.req_prod_pvt & (RING_SLOTS - 1);

        *RING_GET_REQUEST(&queue->rx, queue->rx.req_prod_pvt) =
            (struct netif_rx_request){ .id = (uint16_t)slot, .gref = bad_grant ? 0x00fffff0 : queue->rx_grants[slot] };
        queue->rx.req_prod_pvt++;
    }
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&queue->rx, notify);
    if (notify) {
        xen_event_send(queue->rx_event);
    }
}

/* One response; an extra segment's place is one too. */
static void take_slot(struct raw_queue *queue, struct received *received, bool *more_data, bool *more_extras)
{
    uint32_t slot = queue->rx.rsp_cons & (RING_SLOTS - 1);
    struct netif_rx_response response;

    memcpy(&response, RING_GET_RESPONSE(&queue->rx, queue->rx.rsp_cons), sizeof(response));
    queue->rx.rsp_cons++;
    if (*more_extras) {
        struct netif_extra_info extra;

        memcpy(&extra, &response, sizeof(extra));
        if (received->extra_count < 8) {
            received->extras[received->extra_count++] = extra;
        }
        *more_extras = (extra.flags & XEN_NETIF_EXTRA_FLAG_MORE) != 0;
        return;
    }
    if (received->slots == 0) {
        received->flags = response.flags;
        *more_extras = (response.flags & NETRXF_extra_info) != 0;
    }
    *more_data = (response.flags & NETRXF_more_data) != 0;
    received->slots++;
    received->status = response.status < received->status ? response.status : received->status;
    if (response.status > (int32_t)queue->headroom &&
        received->length + (uint32_t)response.status <= sizeof(received->bytes)) {
        uint32_t length = (uint32_t)response.status - queue->headroom;

        memcpy(received->bytes + received->length,
               queue->rx_pages + slot * XEN_PAGE_SIZE + response.offset + queue->headroom, length);
        received->length += length;
    }
}

bool rx_take(struct bed *bed, uint32_t index, struct received *received)
{
    struct raw_queue *queue = &bed->queue[index];
    uint64_t deadline = sched_now() + bed->patience;
    bool more_data = true, more_extras = false;

    received->length = received->slots = received->flags = received->extra_count = 0;
    received->status = 0;
    while (more_data || more_extras) {
        uint32_t seen = bell_read(&bed->bell);
        int more;

        if (queue->rx.rsp_cons != __atomic_load_n(&queue->rx.sring->rsp_prod, __ATOMIC_ACQUIRE)) {
            take_slot(queue, received, &more_data, &more_extras);
            continue;
        }
        RING_FINAL_CHECK_FOR_RESPONSES(&queue->rx, more);
        if (!more && !bell_wait(&bed->bell, seen, deadline)) {
            return false;
        }
    }
    rx_post(bed, index, false);
    return true;
}

uint32_t control_call(struct bed *bed, uint16_t type, uint32_t a, uint32_t b, uint32_t c, uint32_t *data)
{
    uint64_t deadline = sched_now() + bed->patience;
    struct xen_netif_ctrl_response *response;
    bool notify;

    *RING_GET_REQUEST(&bed->control, bed->control.req_prod_pvt) =
        (struct xen_netif_ctrl_request){ .id = 7, .type = type, .data = { a, b, c } };
    bed->control.req_prod_pvt++;
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&bed->control, notify);
    if (notify) {
        xen_event_send(bed->control_event);
    }
    for (;;) {
        uint32_t seen = bell_read(&bed->bell);
        int more;

        RING_FINAL_CHECK_FOR_RESPONSES(&bed->control, more);
        if (more) {
            break;
        }
        if (!bell_wait(&bed->bell, seen, deadline)) {
            return UINT32_MAX;
        }
    }
    response = RING_GET_RESPONSE(&bed->control, bed->control.rsp_cons);
    bed->control.rsp_cons++;
    *data = response->data;
    return response->id == 7 && response->type == type ? response->status : UINT32_MAX;
}
