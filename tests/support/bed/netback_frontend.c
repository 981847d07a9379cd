/* SPDX-License-Identifier: BSD-2-Clause */
#include "netback_frontend.h"

static void fe_event(void *argument)
{
    bell_ring(&((struct fe *)argument)->bell);
}

void fe_put(struct fe *fe, const char *key, uint32_t number)
{
    char path[128];

    snprintf(path, sizeof(path), "/local/domain/1/device/vif/0/%s", key);
    CHECK_EQ(xen_store_printf(fe->guest, 0, path, "%u", number), 0);
}

int fe_backend_key(struct fe *fe, const char *key)
{
    char path[128], *text;
    int number;

    snprintf(path, sizeof(path), "/local/domain/0/backend/vif/1/0/%s", key);
    if (xen_store_read(fe->guest, 0, path, &text) != 0) {
        return -1;
    }
    number = atoi(text);
    free(text);
    return number;
}

static void fe_fired(void *argument, const char *path)
{
    (void)path;
    bell_ring(&((struct fe *)argument)->bell);
}

void fe_wait_backend(struct fe *fe, int state)
{
    struct xen_watch *watch;
    uint64_t deadline = sched_now() + 20 * SECOND;
    bool seen_state = false;

    CHECK_EQ(xen_watch_add(fe->guest, "/local/domain/0/backend/vif/1/0/state", fe_fired, fe, &watch), 0);
    while (!seen_state) {
        uint32_t seen = bell_read(&fe->bell);

        seen_state = fe_backend_key(fe, "state") == state;
        if (!seen_state && !bell_wait(&fe->bell, seen, deadline)) {
            break;
        }
    }
    xen_watch_remove(watch);
    CHECK_EQ(fe_backend_key(fe, "state"), state);
}

static void fe_post(struct fe *fe, uint32_t queue)
{
    struct fe_queue *q = &fe->q[queue];
    bool notify;

    while (q->rx.req_prod_pvt - q->rx.rsp_cons < fe->post) {
        uint32_t slot = q->rx.req_prod_pvt & (RING_SLOTS - 1);

        *RING_GET_REQUEST(&q->rx, q->rx.req_prod_pvt) =
            (struct netif_rx_request){ .id = (uint16_t)slot, .gref = q->rx_grants[slot] };
        q->rx.req_prod_pvt++;
    }
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&q->rx, notify);
    if (notify) {
        xen_event_send(q->rx_event);
    }
}

static void fe_queue_start(struct fe *fe, uint32_t index)
{
    struct fe_queue *q = &fe->q[index];
    char prefix[16] = "", key[64];
    uint32_t i;

    if (fe->queues > 1) {
        snprintf(prefix, sizeof(prefix), "queue-%u/", index);
    }
    if (q->rings == NULL) {
        q->rings = xen_memory_alloc(fe->guest, 2);
        q->tx_pages = xen_memory_alloc(fe->guest, RING_SLOTS);
        q->rx_pages = xen_memory_alloc(fe->guest, RING_SLOTS);
        CHECK(q->rings != NULL && q->tx_pages != NULL && q->rx_pages != NULL);
    }
    memset(q->rings, 0, 2 * XEN_PAGE_SIZE);
    XEN_FRONT_RING_INIT(&q->tx, (netif_tx_sring_t *)q->rings, XEN_PAGE_SIZE);
    XEN_FRONT_RING_INIT(&q->rx, (netif_rx_sring_t *)(q->rings + XEN_PAGE_SIZE), XEN_PAGE_SIZE);
    CHECK_EQ(xen_grant(fe->guest, 0, q->rings, false, &q->tx_ref), 0);
    CHECK_EQ(xen_grant(fe->guest, 0, q->rings + XEN_PAGE_SIZE, false, &q->rx_ref), 0);
    for (i = 0; i < RING_SLOTS; i++) {
        CHECK_EQ(xen_grant(fe->guest, 0, q->tx_pages + i * XEN_PAGE_SIZE, true, &q->tx_grants[i]), 0);
        CHECK_EQ(xen_grant(fe->guest, 0, q->rx_pages + i * XEN_PAGE_SIZE, false, &q->rx_grants[i]), 0);
    }
    CHECK_EQ(xen_event_open(fe->guest, 0, fe_event, fe, &q->tx_event), 0);
    q->rx_event = q->tx_event;
    snprintf(key, sizeof(key), "%stx-ring-ref", prefix);
    fe_put(fe, key, q->tx_ref);
    snprintf(key, sizeof(key), "%srx-ring-ref", prefix);
    fe_put(fe, key, q->rx_ref);
    if (fe->split) {
        CHECK_EQ(xen_event_open(fe->guest, 0, fe_event, fe, &q->rx_event), 0);
        snprintf(key, sizeof(key), "%sevent-channel-tx", prefix);
        fe_put(fe, key, xen_event_port(q->tx_event));
        snprintf(key, sizeof(key), "%sevent-channel-rx", prefix);
        fe_put(fe, key, xen_event_port(q->rx_event));
    } else {
        snprintf(key, sizeof(key), "%sevent-channel", prefix);
        fe_put(fe, key, xen_event_port(q->tx_event));
    }
    fe_post(fe, index);
}

void fe_connect(struct fe *fe)
{
    uint32_t i;

    fe_wait_backend(fe, XenbusStateInitWait);
    if (fe->queues > 1) {
        fe_put(fe, "multi-queue-num-queues", fe->queues);
    }
    fe_put(fe, "request-rx-copy", 1);
    fe_put(fe, "feature-sg", 1);
    fe_put(fe, "feature-rx-notify", !fe->no_rx_notify);
    fe_put(fe, "feature-gso-tcpv4", 1);
    fe_put(fe, "feature-gso-tcpv6", !fe->no_ipv6_offload);
    fe_put(fe, "feature-no-csum-offload", 0);
    fe_put(fe, "feature-ipv6-csum-offload", !fe->no_ipv6_offload);
    for (i = 0; i < fe->queues; i++) {
        fe_queue_start(fe, i);
    }
    if (fe->control_page == NULL) {
        fe->control_page = xen_memory_alloc(fe->guest, 2); /* the ring, and a page for keys and tables */
    }
    memset(fe->control_page, 0, XEN_PAGE_SIZE);
    XEN_FRONT_RING_INIT(&fe->control, (xen_netif_ctrl_sring_t *)fe->control_page, XEN_PAGE_SIZE);
    CHECK_EQ(xen_grant(fe->guest, 0, fe->control_page, false, &fe->control_ref), 0);
    CHECK_EQ(xen_grant(fe->guest, 0, fe->control_page + XEN_PAGE_SIZE, true, &fe->argument_ref), 0);
    CHECK_EQ(xen_event_open(fe->guest, 0, fe_event, fe, &fe->control_event), 0);
    fe_put(fe, "ctrl-ring-ref", fe->control_ref);
    fe_put(fe, "event-channel-ctrl", xen_event_port(fe->control_event));
    fe_put(fe, "state", XenbusStateConnected);
}

void fe_start(struct fe *fe)
{
    const struct xen_host_options host = { .guest_pages = 4096, .max_grants = 8192, .strict = fe->strict };

    fe->queues = fe->queues == 0 ? 1 : fe->queues;
    fe->post = fe->post == 0 ? RING_SLOTS : fe->post;
    fe->options.vif = (struct xen_vif_config){
        .guest = 1, .backend = 0, .handle = 0, .mac = { 0, 0x16, 0x3e, 1, 2, 3 }, .vif_name = "vif1.0"
    };
    fe->options.queues = fe->queues;
    fe->options.mtu = fe->options.mtu == 0 ? 1500 : fe->options.mtu;
    fe->options.speed_mbps = 10000;
    fe->host = xen_host_create(&host);
    CHECK(fe->host != NULL);
    fe->dom0 = xen_domain_create(fe->host, 0);
    fe->guest = xen_domain_create(fe->host, 1);
    CHECK(fe->dom0 != NULL && fe->guest != NULL);
    CHECK_EQ(xen_toolstack_add_vif(fe->host, &fe->options.vif), 0);
    if (fe->port == NULL) {
        fe->port = memory_port_create(fe->queues, 256);
    }
    fe->netback = netback_create(fe->dom0, fe->port, &fe->options);
    CHECK(fe->netback != NULL);
    fe_connect(fe);
}

void fe_release(struct fe *fe)
{
    uint32_t i, page;

    for (i = 0; i < fe->queues; i++) {
        struct fe_queue *q = &fe->q[i];

        if (q->rx_event != q->tx_event) {
            xen_event_close(q->rx_event);
        }
        xen_event_close(q->tx_event);
        CHECK_EQ(xen_ungrant(fe->guest, q->tx_ref), 0);
        CHECK_EQ(xen_ungrant(fe->guest, q->rx_ref), 0);
        for (page = 0; page < RING_SLOTS; page++) {
            CHECK_EQ(xen_ungrant(fe->guest, q->tx_grants[page]), 0);
            CHECK_EQ(xen_ungrant(fe->guest, q->rx_grants[page]), 0);
        }
    }
    xen_event_close(fe->control_event);
    CHECK_EQ(xen_ungrant(fe->guest, fe->control_ref), 0);
    CHECK_EQ(xen_ungrant(fe->guest, fe->argument_ref), 0);
}

void fe_close(struct fe *fe)
{
    fe_put(fe, "state", XenbusStateClosing);
    fe_wait_backend(fe, XenbusStateClosing);
    fe_put(fe, "state", XenbusStateClosed);
    fe_wait_backend(fe, XenbusStateClosed);
    fe_release(fe);
}

void fe_stop(struct fe *fe)
{
    struct leaks leaks = { 0 };
    uint32_t i;

    fe_close(fe);
    netback_leaks(fe->netback, &leaks);
    port_stop(fe->port);
    netback_destroy(fe->netback);
    port_destroy(fe->port);
    for (i = 0; i < fe->queues; i++) {
        xen_memory_free(fe->guest, fe->q[i].rings, 2);
        xen_memory_free(fe->guest, fe->q[i].tx_pages, RING_SLOTS);
        xen_memory_free(fe->guest, fe->q[i].rx_pages, RING_SLOTS);
    }
    xen_memory_free(fe->guest, fe->control_page, 2);
    xen_toolstack_remove_vif(fe->host, &fe->options.vif);
    xen_leaks(fe->guest, &leaks);
    xen_leaks(fe->dom0, &leaks);
    for (i = 0; i < leaks.count; i++) {
        fprintf(stderr, "left behind: %s\n", leaks.lines[i]);
    }
    CHECK_EQ(leaks.count, 0);
    leaks_free(&leaks);
    xen_domain_destroy(fe->guest);
    xen_domain_destroy(fe->dom0);
    xen_host_destroy(fe->host);
}

void fe_push_tx(struct fe *fe, uint32_t queue)
{
    struct fe_queue *q = &fe->q[queue];
    bool notify;

    (void)fe;
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&q->tx, notify);
    if (notify) {
        xen_event_send(q->tx_event);
    }
}

struct netif_tx_request *fe_slot(struct fe_queue *q, uint16_t offset, uint16_t size, uint16_t flags)
{
    uint32_t slot = q->tx.req_prod_pvt & (RING_SLOTS - 1);
    struct netif_tx_request *request = RING_GET_REQUEST(&q->tx, q->tx.req_prod_pvt);

    *request = (struct netif_tx_request){
        .gref = q->tx_grants[slot], .offset = offset, .flags = flags, .id = (uint16_t)slot, .size = size
    };
    q->tx.req_prod_pvt++;
    return request;
}

void fe_extra(struct fe_queue *q, const struct netif_extra_info *extra)
{
    memcpy(RING_GET_REQUEST(&q->tx, q->tx.req_prod_pvt), extra, sizeof(*extra));
    q->tx.req_prod_pvt++;
}

void fe_queue_packet(struct fe *fe, uint32_t queue, const uint8_t *bytes, uint32_t length, uint32_t first,
                     uint16_t flags, const struct netif_extra_info *extra)
{
    struct fe_queue *q = &fe->q[queue];
    uint32_t done = 0;

    first = first > length ? length : first;
    while (done < length) {
        uint32_t part = done == 0 ? first : length - done < XEN_PAGE_SIZE ? length - done : XEN_PAGE_SIZE;
        uint32_t slot = q->tx.req_prod_pvt & (RING_SLOTS - 1), offset = XEN_PAGE_SIZE - part;
        bool more = done + part < length;

        memcpy(q->tx_pages + slot * XEN_PAGE_SIZE + offset, bytes + done, part);
        fe_slot(q, (uint16_t)offset, (uint16_t)(done == 0 ? length : part),
                (uint16_t)((done == 0 ? flags | (extra != NULL ? NETTXF_extra_info : 0) : 0) |
                           (more ? NETTXF_more_data : 0)));
        if (done == 0 && extra != NULL) {
            fe_extra(q, extra);
        }
        done += part;
    }
}

uint32_t fe_responses(struct fe *fe, uint32_t queue, uint32_t responses)
{
    struct fe_queue *q = &fe->q[queue];
    uint64_t deadline = sched_now() + 20 * SECOND;
    uint32_t errors = 0;

    while (responses > 0) {
        uint32_t seen = bell_read(&fe->bell);
        int more;

        while (responses > 0 && q->tx.rsp_cons != __atomic_load_n(&q->tx.sring->rsp_prod, __ATOMIC_ACQUIRE)) {
            errors += RING_GET_RESPONSE(&q->tx, q->tx.rsp_cons)->status < 0;
            q->tx.rsp_cons++;
            responses--;
        }
        if (responses > 0) {
            RING_FINAL_CHECK_FOR_RESPONSES(&q->tx, more);
            if (!more && !bell_wait(&fe->bell, seen, deadline)) {
                test_fail(__FILE__, __LINE__, "no transmit response: %u are missing", responses);
            }
        }
    }
    return errors;
}

static void fe_take_slot(struct fe_queue *q, struct fe_received *received, bool *more_data, bool *more_extras)
{
    uint32_t slot = q->rx.rsp_cons & (RING_SLOTS - 1);
    const struct netif_rx_response *response = RING_GET_RESPONSE(&q->rx, q->rx.rsp_cons++);

    if (*more_extras) {
        struct netif_extra_info extra;

        memcpy(&extra, response, sizeof(extra));
        CHECK(extra.type != 0 && extra.type < XEN_NETIF_EXTRA_TYPE_MAX);
        received->extras[extra.type] = extra;
        *more_extras = (extra.flags & XEN_NETIF_EXTRA_FLAG_MORE) != 0;
        return;
    }
    CHECK_EQ(response->id, slot);
    if (received->slots == 0) {
        received->flags = response->flags;
        *more_extras = (response->flags & NETRXF_extra_info) != 0;
    }
    *more_data = (response->flags & NETRXF_more_data) != 0;
    received->slots++;
    if (response->status < 0) {
        received->error = true;
        return;
    }
    memcpy(received->bytes + received->length, q->rx_pages + slot * XEN_PAGE_SIZE + response->offset,
           (size_t)response->status);
    received->length += (uint32_t)response->status;
}

bool fe_receive(struct fe *fe, uint32_t queue, struct fe_received *received, uint64_t timeout)
{
    struct fe_queue *q = &fe->q[queue];
    uint64_t deadline = sched_now() + timeout;
    bool more_data = true, more_extras = false;

    memset(received, 0, sizeof(*received));
    while (more_data || more_extras) {
        uint32_t seen = bell_read(&fe->bell);
        int more;

        if (q->rx.rsp_cons != __atomic_load_n(&q->rx.sring->rsp_prod, __ATOMIC_ACQUIRE)) {
            fe_take_slot(q, received, &more_data, &more_extras);
            continue;
        }
        RING_FINAL_CHECK_FOR_RESPONSES(&q->rx, more);
        if (!more && !bell_wait(&fe->bell, seen, deadline)) {
            return false;
        }
    }
    fe_post(fe, queue);
    return true;
}

uint32_t fe_control(struct fe *fe, uint16_t type, uint32_t a, uint32_t b, uint32_t c, uint32_t *data)
{
    struct xen_netif_ctrl_response *response;
    uint64_t deadline = sched_now() + 20 * SECOND;
    bool notify;

    *RING_GET_REQUEST(&fe->control, fe->control.req_prod_pvt) =
        (struct xen_netif_ctrl_request){ .id = 7, .type = type, .data = { a, b, c } };
    fe->control.req_prod_pvt++;
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&fe->control, notify);
    if (notify) {
        xen_event_send(fe->control_event);
    }
    for (;;) {
        uint32_t seen = bell_read(&fe->bell);
        int more;

        RING_FINAL_CHECK_FOR_RESPONSES(&fe->control, more);
        if (more) {
            break;
        }
        CHECK(bell_wait(&fe->bell, seen, deadline));
    }
    response = RING_GET_RESPONSE(&fe->control, fe->control.rsp_cons++);
    CHECK_EQ(response->id, 7);
    CHECK_EQ(response->type, type);
    if (data != NULL) {
        *data = response->data;
    }
    return response->status;
}
