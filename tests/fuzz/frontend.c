/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rings of a backend that means harm, as the XenVif stand-in finds them under the driver: responses of any content
 * for what it posted and for what the driver sent, over pages of any content. It may count errors, or give the
 * connection up until the next; what the driver sent comes back, and an honest backend is served again.
 */
#include <string.h>

#include "fuzz.h"
#include "ndis/protocol/raw.h"
#include "netback/slots.h"
#include "netback/state.h"

enum { MAX_RESPONSES = 24, PATIENCE = 60, CLOSING = 3 };

static struct raw *raw;

static void start(uint32_t world)
{
    fuzz_bed_start(world, 2);
    raw = raw_open(fuzz_bed.adapter, &(struct raw_options){ .memory = fuzz_bed.guest });
}

static void stop(void)
{
    raw_close(raw);
    fuzz_bed_stop();
}

/* One response, with what the input has for its page. False: nothing is posted. */
static bool respond(struct netback_queue *queue, struct fuzz_input *input, uint32_t what)
{
    struct queue_rx *rx = &queue->rx;
    struct netif_rx_response response = { 0 };
    struct rx_slot *slot;

    if (slots_map(queue, 1) == 0) {
        return false;
    }
    slot = &rx->slots[rx->ring.req_cons & (RING_SLOTS - 1)];
    if (what & 1) { /* anything: often an extra segment */
        (void)fuzz_take_bytes(input, &response, sizeof(response));
    } else {
        response.id = what & 2 ? (uint16_t)fuzz_take(input, 2) : slot->id;
        response.flags = (uint16_t)fuzz_take(input, 1);
        response.offset = what & 4 ? (uint16_t)fuzz_take(input, 2) : 0;
        response.status = (int16_t)fuzz_take(input, 2);
        if (what & 8 && !slot->bad) {
            (void)fuzz_frame(slot->page, fuzz_take(input, 1), (uint32_t)response.status % 2000);
            memcpy(slot->page, fuzz_guest_mac, 6);
            (void)fuzz_take_bytes(input, slot->page + 12, what & 16 ? fuzz_take(input, 1) % 80 : 0);
        }
    }
    memcpy(RING_GET_RESPONSE(&rx->ring, rx->ring.rsp_prod_pvt), &response, sizeof(response));
    if (!slot->bad) {
        xen_unmap(queue->netback->xen, queue->netback->guest, slot->reference);
    }
    rx->ring.req_cons++;
    rx->ring.rsp_prod_pvt++;
    return true;
}

static void receive(struct fuzz_input *input)
{
    struct netback_queue *queue = &fuzz_bed.netback->queues[0];
    static const uint8_t zeros[16];

    for (uint32_t i = 0; i < MAX_RESPONSES && input->size > 0; i++) {
        if (!respond(queue, input, fuzz_take(input, 1))) {
            break;
        }
    }
    for (uint32_t i = 0; i < CLOSING; i++) { /* whatever was left open ends */
        struct fuzz_input end = { zeros, sizeof(zeros) };

        (void)respond(queue, &end, 1);
    }
    slots_push(queue);
    sched_sleep(SECOND / 1000);
}

/* Responses for what the driver sent: each request once, or anything. */
static void transmit(struct fuzz_input *input)
{
    static uint8_t bytes[2048];
    struct netback_queue *queue = &fuzz_bed.netback->queues[0];
    struct NET_BUFFER_LIST *nbl = raw_nbl(raw);
    netif_tx_back_ring_t *ring = &queue->tx.ring;
    uint32_t length = fuzz_frame(bytes, fuzz_take(input, 1) & 3, fuzz_take(input, 2) % 1400);
    bool honest = true, notify;

    netback_stall(fuzz_bed.netback, 0, SCHED_FOREVER);
    sched_sleep(SECOND / 1000);
    raw_add(raw, nbl, bytes, length, 0, NULL, 0);
    raw_send(raw, nbl, 0, false);
    sched_sleep(SECOND / 1000);
    while (RING_HAS_UNCONSUMED_REQUESTS(ring)) {
        struct netif_tx_request request;
        struct netif_tx_response *response = RING_GET_RESPONSE(ring, ring->rsp_prod_pvt);
        uint32_t what = fuzz_take(input, 1);

        RING_COPY_REQUEST(ring, ring->req_cons, &request);
        ring->req_cons++;
        *response = (struct netif_tx_response){ .id = request.id, .status = (int16_t)(what & 1 ? what : 0) };
        if (response->status == NETIF_RSP_NULL) { /* as if it were an extra segment: its slot stays out */
            honest = false;
        }
        if (what & 2) {
            response->id = (uint16_t)fuzz_take(input, 2);
            honest = false;
        }
        ring->rsp_prod_pvt++;
        if (what & 4) { /* one more than there were requests */
            ring->rsp_prod_pvt += what >> 4;
            honest = honest && what >> 4 == 0;
        }
    }
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(ring, notify);
    if (notify) {
        xen_event_send(queue->tx_event);
    }
    netback_stall(fuzz_bed.netback, 0, 0);
    if (!honest) {
        sched_sleep(SECOND / 100);
        bed_change_host(&fuzz_bed);
        (void)bed_migrate(&fuzz_bed);
        if (!netback_wait_connected(fuzz_bed.netback, true, PATIENCE * SECOND)) {
            fuzz_fail("the device has not connected to an honest backend within %u s", (unsigned)PATIENCE);
        }
    }
    if (!raw_wait(raw, PATIENCE * SECOND)) {
        fuzz_fail("a send has not come back after %u s", (unsigned)PATIENCE);
    }
    raw_free_all(raw);
    fuzz_bed_drain();
}

static void one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, size };
    uint32_t how = fuzz_take(&input, 1);

    if ((how & 7) == 7) {
        transmit(&input);
    } else {
        receive(&input);
    }
}

const struct fuzz_target fuzz_frontend = {
    .name = "frontend", .start = start, .one = one, .stop = stop, .driver = true
};
