/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the backend does with a frontend's keys and states. Each case starts from a new device in InitWait and is
 * followed by another new one. A state that does not change within the patience is the answer.
 */
#include "conformance_bed.h"

#include <stdlib.h>
#include <string.h>

static const struct setup plain = { .queues = 1 }, split = { .queues = 1, .split = true }, two = { .queues = 2 },
                          five = { .queues = 5 };

static void prepare(struct bed *bed, const struct setup *setup)
{
    if (settled_state(bed, XenbusStateInitialising) != XenbusStateInitWait) {
        give_up("a new device is not in InitWait but in %d", back_read(bed, "state"));
    }
    features_write(bed, setup);
    for (uint32_t q = 0; q < setup->queues && q < QUEUES; q++) {
        queue_prepare(bed, q, setup->split);
        queue_publish(bed, q, setup);
    }
    control_prepare(bed);
}

static void write_state(struct bed *bed, int state)
{
    int before = back_read(bed, "state");

    front_write(bed, "state", (uint32_t)state);
    saw(bed, "%s%d leads to %d", bed->saw[0] != '\0' ? ", " : "", state, settled_state(bed, before));
}

static void connect_all(struct bed *bed)
{
    prepare(bed, &plain);
    write_state(bed, XenbusStateConnected);
}

static void close_in_two(struct bed *bed)
{
    connect_all(bed);
    write_state(bed, XenbusStateClosing);
    write_state(bed, XenbusStateClosed);
    write_state(bed, XenbusStateInitialising);
}

static void close_at_once(struct bed *bed)
{
    connect_all(bed);
    write_state(bed, XenbusStateClosed);
    write_state(bed, XenbusStateInitialising);
}

static void crash(struct bed *bed)
{
    connect_all(bed);
    write_state(bed, XenbusStateInitialising);
}

static void crash_and_connect(struct bed *bed)
{
    crash(bed);
    write_state(bed, XenbusStateClosed);
    write_state(bed, XenbusStateInitialising);
    for (uint32_t q = 0; q < QUEUES; q++) {
        queue_release(bed, q);
    }
    control_release(bed);
    if (back_read(bed, "state") == XenbusStateInitWait) {
        prepare(bed, &plain);
        write_state(bed, XenbusStateConnected);
    }
}

static void initialised_first(struct bed *bed)
{
    prepare(bed, &plain);
    write_state(bed, XenbusStateInitialised);
    write_state(bed, XenbusStateConnected);
}

static void close_before_connecting(struct bed *bed)
{
    if (settled_state(bed, XenbusStateInitialising) != XenbusStateInitWait) {
        give_up("a new device is not in InitWait");
    }
    write_state(bed, XenbusStateClosing);
    write_state(bed, XenbusStateClosed);
    write_state(bed, XenbusStateInitialising);
}

static void offline_close(struct bed *bed)
{
    char path[96];

    connect_all(bed);
    snprintf(path, sizeof(path), "%s/online", bed->back);
    if (xen_store_printf(bed->dom0 != NULL ? bed->dom0 : bed->xen, 0, path, "0") != 0) {
        give_up("%s cannot be written", path);
    }
    write_state(bed, XenbusStateClosing);
    write_state(bed, XenbusStateClosed);
}

/* A request that crosses its page disables the device: is it of use again after closing and connecting anew? */
static void disabled(struct bed *bed)
{
    uint32_t reference;
    struct tx_answer answer;

    bed_connect(bed, &plain);
    tx_page(bed, 0, &reference);
    tx_request(bed, 0, reference, 4000, 200, 0);
    tx_push(bed, 0);
    saw(bed, tx_answers(bed, 0, &answer, 1) == 0 ? "disabled" : "answered");
    bed_disconnect(bed);
    bed_connect(bed, &plain);
    tx_page(bed, 0, &reference);
    tx_request(bed, 0, reference, 0, 60, 0);
    tx_push(bed, 0);
    saw(bed, tx_answers(bed, 0, &answer, 1) == 0 ? ", of no use after a reconnect" : ", of use after a reconnect");
}

/* --- connecting with keys that are missing or wrong --- */

/* The state does not show whether anything is connected: a frame does. */
static void saw_life(struct bed *bed)
{
    struct tx_answer answer;
    uint32_t reference;

    memset(tx_page(bed, 0, &reference), 0x5a, 60);
    tx_request(bed, 0, reference, 0, 60, 0);
    tx_push(bed, 0);
    saw(bed, tx_answers(bed, 0, &answer, 1) == 1 ? ", answers" : ", does not answer");
}

static void connect_without(struct bed *bed, const struct setup *setup, const char *key)
{
    prepare(bed, setup);
    front_remove(bed, key);
    write_state(bed, XenbusStateConnected);
    saw_life(bed);
}

static void connect_with(struct bed *bed, const struct setup *setup, const char *key, uint32_t value)
{
    prepare(bed, setup);
    front_write(bed, key, value);
    write_state(bed, XenbusStateConnected);
    saw_life(bed);
}

static void no_tx(struct bed *bed)
{
    connect_without(bed, &plain, "tx-ring-ref");
}
static void no_rx(struct bed *bed)
{
    connect_without(bed, &plain, "rx-ring-ref");
}
static void no_channel(struct bed *bed)
{
    connect_without(bed, &plain, "event-channel");
}
static void no_channel_rx(struct bed *bed)
{
    connect_without(bed, &split, "event-channel-rx");
}
static void split_channels(struct bed *bed)
{
    connect_without(bed, &split, "nothing");
}
static void no_copy(struct bed *bed)
{
    connect_without(bed, &plain, "request-rx-copy");
}
static void copy_0(struct bed *bed)
{
    connect_with(bed, &plain, "request-rx-copy", 0);
}
static void no_notify(struct bed *bed)
{
    connect_without(bed, &plain, "feature-rx-notify");
}
static void notify_0(struct bed *bed)
{
    connect_with(bed, &plain, "feature-rx-notify", 0);
}
static void bad_tx(struct bed *bed)
{
    connect_with(bed, &plain, "tx-ring-ref", 0x00fffff0);
}
static void bad_rx(struct bed *bed)
{
    connect_with(bed, &plain, "rx-ring-ref", 0x00fffff0);
}
static void bad_channel(struct bed *bed)
{
    connect_with(bed, &plain, "event-channel", 900);
}
/* Rings on which requests were made and answered before, and rings that claim more requests than there is room for. */
static void connect_used(struct bed *bed, RING_IDX answered, RING_IDX asked)
{
    struct raw_queue *queue = &bed->queue[0];

    prepare(bed, &plain);
    queue->tx.sring->rsp_prod = queue->rx.sring->rsp_prod = answered;
    queue->tx.sring->req_prod = queue->rx.sring->req_prod = asked;
    queue->tx.sring->req_event = queue->rx.sring->req_event = answered + 1;
    queue->tx.sring->rsp_event = queue->rx.sring->rsp_event = answered + 1;
    FRONT_RING_ATTACH(&queue->tx, queue->tx.sring, answered, XEN_PAGE_SIZE);
    FRONT_RING_ATTACH(&queue->rx, queue->rx.sring, answered, XEN_PAGE_SIZE);
    write_state(bed, XenbusStateConnected);
    saw_life(bed);
}

static void used_rings(struct bed *bed)
{
    connect_used(bed, 1000, 1000);
}
static void overfull_rings(struct bed *bed)
{
    connect_used(bed, 1000, 1000 + RING_SLOTS + 1);
}
static void queues_0(struct bed *bed)
{
    connect_with(bed, &plain, "multi-queue-num-queues", 0);
}
static void queues_1(struct bed *bed)
{
    connect_with(bed, &plain, "multi-queue-num-queues", 1);
}
static void two_queues(struct bed *bed)
{
    connect_without(bed, &two, "nothing");
}
static void five_queues(struct bed *bed)
{
    connect_without(bed, &five, "nothing");
}
static void one_of_two(struct bed *bed)
{
    connect_without(bed, &two, "queue-1");
}
static void no_control_channel(struct bed *bed)
{
    connect_without(bed, &plain, "event-channel-ctrl");
}
static void no_control(struct bed *bed)
{
    connect_without(bed, &plain, "ctrl-ring-ref");
}
static void bad_control(struct bed *bed)
{
    connect_with(bed, &plain, "ctrl-ring-ref", 0x00fffff0);
}

const struct conformance_case life_cases[] = {
    { "life: close by Closing, Closed", NULL, close_in_two },
    { "life: close by Closed at once", NULL, close_at_once },
    { "life: Initialising while connected", NULL, crash },
    { "life: a new frontend after a crash", NULL, crash_and_connect },
    { "life: Initialised before Connected", NULL, initialised_first },
    { "life: close before connecting", NULL, close_before_connecting },
    { "life: close while offline", NULL, offline_close },
    { "life: a disabled device connected anew", NULL, disabled },
    { "life: split event channels", NULL, split_channels },
    { "life: two queues", NULL, two_queues },
    { "life: one queue by number", NULL, queues_1 },
    { "life: no queue", NULL, queues_0 },
    { "life: more queues than offered", NULL, five_queues },
    { "life: second queue missing", NULL, one_of_two },
    { "life: tx-ring-ref missing", NULL, no_tx },
    { "life: rx-ring-ref missing", NULL, no_rx },
    { "life: event-channel missing", NULL, no_channel },
    { "life: event-channel-rx missing", NULL, no_channel_rx },
    { "life: request-rx-copy missing", NULL, no_copy },
    { "life: request-rx-copy is 0", NULL, copy_0 },
    { "life: feature-rx-notify missing", NULL, no_notify },
    { "life: feature-rx-notify is 0", NULL, notify_0 },
    { "life: tx-ring-ref is no grant", NULL, bad_tx },
    { "life: rx-ring-ref is no grant", NULL, bad_rx },
    { "life: event-channel is none", NULL, bad_channel },
    { "life: rings in use before", NULL, used_rings },
    { "life: rings with more requests than they hold", NULL, overfull_rings },
    { "life: ctrl-ring-ref missing", NULL, no_control },
    { "life: event-channel-ctrl missing", NULL, no_control_channel },
    { "life: ctrl-ring-ref is no grant", NULL, bad_control },
    { NULL, NULL, NULL },
};
