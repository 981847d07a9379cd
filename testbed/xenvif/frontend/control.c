/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The control ring: hash algorithm, key, types and queue mapping sent to the backend, one request at a time, waited
 * for.
 *
 * Callers may be at DISPATCH_LEVEL: the wait keeps their processor, as XenVif's polling does; the event handler needs
 * none.
 */
#include <limits.h>
#include <string.h>

#include "xenvif/state.h"

#define MILLISECOND 1000000ull
#define FOR_EVER    (60000 * MILLISECOND)

static void control_event(void *argument)
{
    struct control *control = argument;

    __atomic_add_fetch(&control->word, 1, __ATOMIC_SEQ_CST);
    sched_wake(&control->word, UINT_MAX);
}

int control_ring_connect(struct vif *vif)
{
    struct control *control = &vif->control;
    uint16_t backend = vif->frontend.backend_domid;
    int result;

    if (!vif->frontend.features.control) {
        return 0;
    }
    control->shared = xen_memory_alloc(vif->xen, 1);
    control->data = xen_memory_alloc(vif->xen, 1);
    if (control->shared == NULL || control->data == NULL) {
        return -1;
    }
    XEN_FRONT_RING_INIT(&control->front, control->shared, XEN_PAGE_SIZE);
    result = xen_grant(vif->xen, backend, control->shared, false, &control->shared_reference);
    if (result == 0) {
        result = xen_grant(vif->xen, backend, control->data, true, &control->data_reference);
    }
    if (result == 0) {
        result = xen_event_open(vif->xen, backend, control_event, control, &control->event);
    }
    return result;
}

void control_ring_disconnect(struct vif *vif)
{
    struct control *control = &vif->control;

    sched_lock(&control->lock);
    control->connected = false;
    sched_unlock(&control->lock);
    if (control->event != NULL) {
        xen_event_close(control->event);
    }
    if (control->data_reference != 0) {
        xen_ungrant(vif->xen, control->data_reference);
    }
    if (control->shared_reference != 0) {
        xen_ungrant(vif->xen, control->shared_reference);
    }
    if (control->data != NULL) {
        xen_memory_free(vif->xen, control->data, 1);
    }
    if (control->shared != NULL) {
        xen_memory_free(vif->xen, control->shared, 1);
    }
    control->event = NULL;
    control->data_reference = control->shared_reference = 0;
    control->data = NULL;
    control->shared = NULL;
}

static bool await_response(struct control *control, uint64_t deadline)
{
    int there;

    for (;;) {
        uint32_t seen = __atomic_load_n(&control->word, __ATOMIC_SEQ_CST);

        RING_FINAL_CHECK_FOR_RESPONSES(&control->front, there);
        if (there) {
            return true;
        }
        if (sched_now() >= deadline) {
            return false;
        }
        sched_wait(&control->word, seen, deadline);
    }
}

enum { NO_ANSWER = -1 };

/* With the lock held. A backend's status, or NO_ANSWER. */
static int request(struct vif *vif, uint16_t type, uint32_t first, uint32_t second, uint32_t third, uint32_t *data)
{
    struct control *control = &vif->control;
    uint64_t patience = vif->release->control_patience_ms * MILLISECOND;
    uint64_t deadline = sched_now() + vif_patience(vif, patience != 0 ? patience : FOR_EVER);
    struct xen_netif_ctrl_request *slot;
    struct xen_netif_ctrl_response response;
    int notify;

    if (RING_FULL(&control->front)) {
        return NO_ANSWER; /* of a backend that has stopped to answer */
    }
    slot = RING_GET_REQUEST(&control->front, control->front.req_prod_pvt);
    *slot = (struct xen_netif_ctrl_request){ .id = ++control->last_id, .type = type, .data = { first, second, third } };
    control->front.req_prod_pvt++;
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&control->front, notify);
    if (notify) {
        xen_event_send(control->event);
    }
    do {
        if (!await_response(control, deadline)) {
            RULE(patience != 0, "vif-control",
                 "request %u on the control ring has waited %llu s at DISPATCH_LEVEL: XenVif like %s waits for ever",
                 type, FOR_EVER / (1000 * MILLISECOND), vif->release->name);
            return NO_ANSWER;
        }
        RING_COPY_RESPONSE(&control->front, control->front.rsp_cons, &response);
        control->front.rsp_cons++;
    } while (response.id != control->last_id); /* an earlier one's, which came too late */
    if (response.type != type) {
        return NO_ANSWER;
    }
    if (data != NULL) {
        *data = response.data;
    }
    return (int)response.status;
}

static int32_t status_of(int result)
{
    switch (result) {
    case XEN_NETIF_CTRL_STATUS_SUCCESS:
        return STATUS_SUCCESS;
    case XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED:
        return STATUS_NOT_SUPPORTED;
    case XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER:
        return STATUS_INVALID_PARAMETER;
    case XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW:
        return STATUS_BUFFER_TOO_SMALL;
    case NO_ANSWER:
        return STATUS_TRANSACTION_TIMED_OUT;
    default:
        return STATUS_UNSUCCESSFUL;
    }
}

static uint32_t netif_types(uint32_t types)
{
    return (types & 1u << XENVIF_PACKET_HASH_TYPE_IPV4 ? XEN_NETIF_CTRL_HASH_TYPE_IPV4 : 0u) |
           (types & 1u << XENVIF_PACKET_HASH_TYPE_IPV4_TCP ? XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP : 0u) |
           (types & 1u << XENVIF_PACKET_HASH_TYPE_IPV6 ? XEN_NETIF_CTRL_HASH_TYPE_IPV6 : 0u) |
           (types & 1u << XENVIF_PACKET_HASH_TYPE_IPV6_TCP ? XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP : 0u);
}

static int set_algorithm(struct vif *vif, uint32_t algorithm)
{
    return request(vif, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, algorithm, 0, 0, NULL);
}

/* XenVif passes all five settings on, whichever has changed. The size empties the backend's table. */
static int send_toeplitz(struct vif *vif, const struct hash *hash)
{
    struct control *control = &vif->control;
    int result =
        set_algorithm(vif, vif->release->hash == VIF_HASH_UNTRANSLATED ? XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ
                                                                       : XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ);

    if (result == 0) {
        result = request(vif, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, hash->size, 0, 0, NULL);
    }
    if (result == 0) {
        memcpy(control->data, hash->mapping, hash->size * sizeof(hash->mapping[0]));
        result = request(vif, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, control->data_reference, hash->size, 0, NULL);
    }
    if (result == 0) {
        memcpy(control->data, hash->key, sizeof(hash->key));
        result = request(vif, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, control->data_reference, sizeof(hash->key), 0, NULL);
    }
    if (result == 0) {
        result = request(vif, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, netif_types(hash->types), 0, 0, NULL);
    }
    return result;
}

/* Releases differ in what NONE and UNSPECIFIED mean and whether anybody looks at the answer. */
static int32_t send_all(struct vif *vif, const struct hash *hash)
{
    struct hash one = *hash;
    bool specified = hash->algorithm != XENVIF_PACKET_HASH_ALGORITHM_UNSPECIFIED;
    enum vif_hash like = vif->release->hash;

    if (like == VIF_HASH_NONE_IS_TOEPLITZ && hash->algorithm == XENVIF_PACKET_HASH_ALGORITHM_NONE) {
        one.size = 1;
        one.mapping[0] = 0;
        one.types = 0;
        return status_of(send_toeplitz(vif, &one));
    }
    if (hash->algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ) {
        return status_of(send_toeplitz(vif, hash));
    }
    if ((like == VIF_HASH_NONE_IS_TOEPLITZ || like == VIF_HASH_UNTRANSLATED) && !specified) {
        (void)set_algorithm(vif, XEN_NETIF_CTRL_HASH_ALGORITHM_NONE);
        return STATUS_SUCCESS;
    }
    return status_of(set_algorithm(vif, XEN_NETIF_CTRL_HASH_ALGORITHM_NONE));
}

int32_t control_update(struct vif *vif, const struct hash *hash)
{
    struct control *control = &vif->control;
    bool plain = hash->algorithm != XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ;
    int32_t status;

    if (vif->release->hash == VIF_HASH_WHEN_ENABLED && !__atomic_load_n(&vif->frontend.running, __ATOMIC_SEQ_CST)) {
        return STATUS_SUCCESS;
    }
    sched_lock(&control->lock);
    if (control->connected) {
        status = send_all(vif, hash);
    } else {
        status = plain && !vif->release->enable_needs_control ? STATUS_SUCCESS : STATUS_NOT_SUPPORTED;
    }
    sched_unlock(&control->lock);
    return status;
}

int32_t control_types(struct vif *vif, uint32_t *types)
{
    struct control *control = &vif->control;
    int32_t status = STATUS_NOT_SUPPORTED;
    uint32_t flags = 0;

    sched_lock(&control->lock);
    if (control->connected) {
        status = status_of(request(vif, XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0, &flags));
    }
    sched_unlock(&control->lock);
    *types = (flags & XEN_NETIF_CTRL_HASH_TYPE_IPV4 ? 1u << XENVIF_PACKET_HASH_TYPE_IPV4 : 0u) |
             (flags & XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP ? 1u << XENVIF_PACKET_HASH_TYPE_IPV4_TCP : 0u) |
             (flags & XEN_NETIF_CTRL_HASH_TYPE_IPV6 ? 1u << XENVIF_PACKET_HASH_TYPE_IPV6 : 0u) |
             (flags & XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP ? 1u << XENVIF_PACKET_HASH_TYPE_IPV6_TCP : 0u);
    return status;
}
