/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control ring: hash algorithm, types, key and mapping table, one response per request, as Linux's netback answers
 * them. The master copy is the control task's; each change is copied into every queue under its rx.lock. Control task
 * only.
 */
#include <errno.h>
#include <string.h>

#include "netback/state.h"

enum {
    ALL_HASH_TYPES = XEN_NETIF_CTRL_HASH_TYPE_IPV4 | XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP | XEN_NETIF_CTRL_HASH_TYPE_IPV6 |
                     XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP
};

_Static_assert(XEN_NETIF_CTRL_HASH_TYPE_IPV4 == (int)FLOW_HASH_IPV4 &&
                   XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP == (int)FLOW_HASH_IPV4_TCP &&
                   XEN_NETIF_CTRL_HASH_TYPE_IPV6 == (int)FLOW_HASH_IPV6 &&
                   XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP == (int)FLOW_HASH_IPV6_TCP,
               "flags go to frame_flow_hash as they are");

static void on_event(void *argument)
{
    bell_ring(&((struct netback *)argument)->bell);
}

int control_connect(struct netback *netback)
{
    uint32_t reference, channel;
    void *page;
    int failure;

    if (without(netback, NETBACK_BIT_CTRL_RING) ||
        store_unsigned(netback, netback->frontend, "ctrl-ring-ref", &reference) == -ENOENT) {
        return 0;
    }
    if (store_unsigned(netback, netback->frontend, "ctrl-ring-ref", &reference) != 0 ||
        store_unsigned(netback, netback->frontend, "event-channel-ctrl", &channel) != 0) {
        return netback_complain(netback, -EINVAL, "reading ctrl-ring-ref and event-channel-ctrl");
    }
    failure = xen_map(netback->xen, netback->guest, reference, true, &page);
    if (failure != 0) {
        return netback_complain(netback, failure, "mapping the control ring");
    }
    failure = xen_event_bind(netback->xen, netback->guest, channel, on_event, netback, &netback->control_event);
    if (failure != 0) {
        xen_unmap(netback->xen, netback->guest, reference);
        return netback_complain(netback, failure, "binding event-channel-ctrl");
    }
    netback->control_reference = reference;
    BACK_RING_ATTACH(&netback->control_ring, (xen_netif_ctrl_sring_t *)page,
                     __atomic_load_n(&((xen_netif_ctrl_sring_t *)page)->rsp_prod, __ATOMIC_ACQUIRE), XEN_PAGE_SIZE);
    netback->control = &netback->control_ring;
    return 0;
}

void control_disconnect(struct netback *netback)
{
    if (netback->control != NULL) {
        xen_event_close(netback->control_event);
        xen_unmap(netback->xen, netback->guest, netback->control_reference);
        netback->control_event = NULL;
        netback->control = NULL;
    }
    memset(&netback->hash, 0, sizeof(netback->hash));
}

static void hash_changed(struct netback *netback)
{
    uint32_t q;

    for (q = 0; q < netback->queue_count; q++) {
        sched_lock(&netback->queues[q].rx.lock);
        netback->queues[q].rx.hash = netback->hash;
        sched_unlock(&netback->queues[q].rx.lock);
    }
}

/* Copies `length` bytes out of the granted page; the frontend must not change them under our checks. */
static bool copy_granted(struct netback *netback, uint32_t reference, void *to, size_t length)
{
    void *page;

    if (length == 0) {
        return true;
    }
    if (length > XEN_PAGE_SIZE || xen_map(netback->xen, netback->guest, reference, false, &page) != 0) {
        return false;
    }
    memcpy(to, page, length);
    xen_unmap(netback->xen, netback->guest, reference);
    return true;
}

static uint32_t set_key(struct netback *netback, uint32_t reference, uint32_t length)
{
    uint8_t key[TOEPLITZ_KEY_BYTES] = { 0 };

    if (length > sizeof(key) || !copy_granted(netback, reference, key, length)) {
        return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
    }
    memcpy(netback->hash.key, key, sizeof(key));
    return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static uint32_t set_mapping(struct netback *netback, uint32_t reference, uint32_t entries, uint32_t first)
{
    uint32_t mapping[MAX_HASH_MAPPING], i;

    if (first > netback->hash.mapping_size || entries > netback->hash.mapping_size - first ||
        !copy_granted(netback, reference, mapping, entries * sizeof(mapping[0]))) {
        return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
    }
    for (i = 0; i < entries; i++) {
        if (mapping[i] >= netback->queue_count) {
            return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
        }
    }
    memcpy(netback->hash.mapping + first, mapping, entries * sizeof(mapping[0]));
    return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static uint32_t handle(struct netback *netback, const struct xen_netif_ctrl_request *request, uint32_t *data)
{
    struct rx_hash *hash = &netback->hash;

    switch (request->type) {
    case XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM:
        if (request->data[0] > XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ) {
            return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
        }
        hash->algorithm = request->data[0];
        return XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS:
        if (hash->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE) {
            return XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED;
        }
        *data = ALL_HASH_TYPES;
        return XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS:
        if ((request->data[0] & ~(uint32_t)ALL_HASH_TYPES) != 0 ||
            hash->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE) {
            return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
        }
        hash->flags = request->data[0];
        return XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_SET_HASH_KEY:
        return set_key(netback, request->data[0], request->data[1]);
    case XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE:
        *data = MAX_HASH_MAPPING;
        return XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE:
        if (request->data[0] > MAX_HASH_MAPPING) {
            return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
        }
        hash->mapping_size = request->data[0];
        memset(hash->mapping, 0, sizeof(hash->mapping));
        return XEN_NETIF_CTRL_STATUS_SUCCESS;
    case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING:
        return set_mapping(netback, request->data[0], request->data[1], request->data[2]);
    default:
        return XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED;
    }
}

static bool serve(struct netback *netback)
{
    xen_netif_ctrl_back_ring_t *ring = netback->control;
    RING_IDX producer = __atomic_load_n(&ring->sring->req_prod, __ATOMIC_ACQUIRE);
    bool served = ring->req_cons != producer, notify;

    if (producer - ring->rsp_prod_pvt > RING_SIZE(ring)) {
        flag_set(&netback->control_silent, 1);
        netback_fatal(netback, "more control requests than the ring holds");
        return false;
    }
    while (ring->req_cons != producer) {
        struct xen_netif_ctrl_request request;
        struct xen_netif_ctrl_response response = { 0 };

        RING_COPY_REQUEST(ring, ring->req_cons, &request);
        ring->req_cons++;
        response.id = request.id;
        response.type = request.type;
        response.status = handle(netback, &request, &response.data);
        hash_changed(netback);
        *RING_GET_RESPONSE(ring, ring->rsp_prod_pvt) = response;
        ring->rsp_prod_pvt++;
    }
    if (served) {
        RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(ring, notify);
        if (notify) {
            xen_event_send(netback->control_event);
        }
    }
    return served;
}

/* A disabled interface answers, too, as in Linux. */
void control_poll(struct netback *netback)
{
    int more = 1;

    while (netback->control != NULL && more != 0 && flag(&netback->control_silent) == 0) {
        if (!serve(netback)) {
            RING_FINAL_CHECK_FOR_REQUESTS(netback->control, more);
        }
    }
}
