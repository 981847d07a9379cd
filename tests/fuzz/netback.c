/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rings of a frontend that means harm, as netback finds them: transmit requests, extra segments, receive requests
 * and control requests of any content, with grants that are there and that are not. After each, netback serves an
 * honest frame; where it gave the frontend up, the frontend connects anew.
 */
#include <string.h>

#include "fuzz.h"
#include "netback_frontend.h"

enum { MAX_SLOTS = 40, PATIENCE_MS = 200 };

static struct fe fe = { .post = 32 };

static void start(uint32_t world)
{
    fe.queues = 1 + world % 2;
    fe.split = world / 2 % 2;
    fe.no_rx_notify = world / 4 % 2;
    fe_start(&fe);
}

static void stop(void)
{
    fe_stop(&fe);
}

static void tx_slot(struct fuzz_input *input, uint32_t what)
{
    struct fe_queue *q = &fe.q[0];
    struct netif_tx_request *request = RING_GET_REQUEST(&q->tx, q->tx.req_prod_pvt);
    uint32_t slot = q->tx.req_prod_pvt & (RING_SLOTS - 1);

    if (what & 1) { /* whatever is there: often an extra segment */
        memset(request, 0, sizeof(*request));
        (void)fuzz_take_bytes(input, request, sizeof(*request));
    } else {
        *request = (struct netif_tx_request){ .gref = q->tx_grants[slot], .id = (uint16_t)slot };
        request->flags = (uint16_t)fuzz_take(input, 1);
        request->size = (uint16_t)fuzz_take(input, 2);
        request->offset = what & 2 ? (uint16_t)fuzz_take(input, 2) : 0;
        if (what & 4) {
            request->gref = fuzz_take(input, 4);
        }
        if (what & 8) {
            uint32_t kind = fuzz_take(input, 1);

            (void)fuzz_frame(q->tx_pages + slot * XEN_PAGE_SIZE, kind, request->size % 3000);
        }
    }
    q->tx.req_prod_pvt++;
}

static void rx_slot(struct fuzz_input *input)
{
    struct fe_queue *q = &fe.q[0];

    if (RING_FREE_REQUESTS(&q->rx) > 0) {
        *RING_GET_REQUEST(&q->rx, q->rx.req_prod_pvt) =
            (struct netif_rx_request){ .id = (uint16_t)fuzz_take(input, 2), .gref = fuzz_take(input, 4) };
        q->rx.req_prod_pvt++;
    }
}

static void control(struct fuzz_input *input)
{
    struct xen_netif_ctrl_request *request;
    bool notify;

    if (RING_FREE_REQUESTS(&fe.control) == 0) {
        return;
    }
    request = RING_GET_REQUEST(&fe.control, fe.control.req_prod_pvt);
    memset(request, 0, sizeof(*request));
    request->id = (uint16_t)fe.control.req_prod_pvt;
    request->type = (uint16_t)fuzz_take(input, 1);
    request->data[0] = fuzz_take(input, 1) & 1 ? fe.argument_ref : fuzz_take(input, 4);
    request->data[1] = fuzz_take(input, 4);
    request->data[2] = fuzz_take(input, 4);
    fe.control.req_prod_pvt++;
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&fe.control, notify);
    if (notify) {
        xen_event_send(fe.control_event);
    }
}

static void push(void)
{
    struct fe_queue *q = &fe.q[0];
    bool notify;

    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&q->rx, notify);
    if (notify) {
        xen_event_send(q->rx_event);
    }
    fe_push_tx(&fe, 0);
}

static void drain_wire(void)
{
    static uint8_t bytes[MAX_FRAME_BYTES];

    for (uint32_t queue = 0; queue < fe.queues; queue++) {
        struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1 };

        while (memory_port_collect(fe.port, queue, &frame, 0) != 0) {
        }
    }
}

/* What was answered is taken; true when all that was asked on the transmit ring has been. */
static bool settle(void)
{
    struct fe_queue *q = &fe.q[0];
    uint64_t deadline = sched_now() + PATIENCE_MS * 1000000ull;

    for (;;) {
        uint32_t seen = bell_read(&fe.bell);

        q->tx.rsp_cons = q->tx.sring->rsp_prod;
        q->rx.rsp_cons = q->rx.sring->rsp_prod;
        fe.control.rsp_cons = fe.control.sring->rsp_prod;
        if (q->tx.rsp_cons == q->tx.req_prod_pvt && fe.control.rsp_cons == fe.control.req_prod_pvt) {
            return true;
        }
        q->tx.sring->rsp_event = q->tx.rsp_cons + 1;
        fe.control.sring->rsp_event = fe.control.rsp_cons + 1;
        if (q->tx.sring->rsp_prod == q->tx.rsp_cons && !bell_wait(&fe.bell, seen, deadline)) {
            return false;
        }
    }
}

/* A frontend that broke the protocol is served no more until another backend is made for it. */
static void again(void)
{
    bool given_up = flag(&fe.netback->disabled);

    fe_close(&fe);
    if (given_up) {
        netback_destroy(fe.netback);
        fe.netback = netback_create(fe.dom0, fe.port, &fe.options);
    }
    fe_put(&fe, "state", XenbusStateInitialising);
    fe_connect(&fe);
    fe_wait_backend(&fe, XenbusStateConnected);
}

static void check_alive(void)
{
    static uint8_t bytes[2048], came[2048];
    struct frame frame = { .vectors = { { came, sizeof(came) } }, .vector_count = 1 };
    uint32_t length = fuzz_frame(bytes, 0, 400);

    drain_wire();
    fe_queue_packet(&fe, 0, bytes, length, 100, NETTXF_csum_blank, NULL);
    fe_push_tx(&fe, 0);
    if (!settle() || memory_port_collect(fe.port, 0, &frame, SECOND) != length || memcmp(came, bytes, 30) != 0) {
        fuzz_fail("netback does not serve an honest frame any more");
    }
}

static void one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, size };
    struct fe_queue *q = &fe.q[0];
    uint32_t how = fuzz_take(&input, 1);

    for (uint32_t i = 0; i < MAX_SLOTS && input.size > 0 && RING_FREE_REQUESTS(&q->tx) > 4; i++) {
        uint32_t what = fuzz_take(&input, 1);

        if ((what & 0xe0) == 0xe0) {
            control(&input);
        } else if ((what & 0xe0) == 0xc0) {
            rx_slot(&input);
        } else {
            tx_slot(&input, what);
        }
    }
    push();
    if (how & 1) { /* frames for it, into whatever it posted */
        static uint8_t bytes[70000];
        struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1 };

        frame.length = fuzz_frame(bytes, how >> 1, how * 17u);
        (void)memory_port_inject(fe.port, 0, &frame);
    }
    if (!settle() || how & 1 || flag(&fe.netback->disabled)) {
        again();
    }
    if (how % 16 == 0) {
        check_alive();
    }
    drain_wire();
}

const struct fuzz_target fuzz_netback = { .name = "netback", .start = start, .one = one, .stop = stop };
