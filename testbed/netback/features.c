/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend's xenstore keys: what it offers (all that Linux's netback offers, less what --backend-no took away), and
 * what the frontend announced. MTU, speed and link are written on both sides: netif.h puts the MTU into the frontend's
 * directory (the toolstack's part), where XenVif looks for "mtu", "speed" ("<number>M") and "disconnect" too; "carrier"
 * is netif.h's link key. Called by the control task and by the verbs of netback.h; no locks.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netback/state.h"

static const char *const names[] = {
#define X(name, text) text,
    NETBACK_FEATURES(X)
#undef X
};

static void list_known(char *error, size_t size, const char *unknown, size_t length)
{
    size_t used = (size_t)snprintf(error, size, "unknown backend feature \"%.*s\": known are", (int)length, unknown);
    unsigned i;

    for (i = 0; i < NETBACK_FEATURE_COUNT && used < size; i++) {
        used += (size_t)snprintf(error + used, size - used, "%s %s", i == 0 ? "" : ",", names[i]);
    }
}

bool netback_features_parse(const char *list, uint32_t *mask, char *error, size_t size)
{
    *mask = 0;
    while (*list != '\0') {
        size_t length = strcspn(list, ",");
        unsigned i;

        for (i = 0; i < NETBACK_FEATURE_COUNT; i++) {
            if (strlen(names[i]) == length && strncmp(names[i], list, length) == 0) {
                break;
            }
        }
        if (i == NETBACK_FEATURE_COUNT) {
            list_known(error, size, list, length);
            return false;
        }
        *mask |= 1u << i;
        list += length;
        if (*list == ',') {
            list++;
        }
    }
    return true;
}

/* The feature's key with value 1, or no key. `bit`: NETBACK_FEATURE_COUNT for what cannot be taken away. */
struct key {
    const char *name;
    unsigned bit;
};

static const struct key keys[] = {
    { "feature-sg", NETBACK_BIT_SG },
    { "feature-gso-tcpv4", NETBACK_BIT_GSO_TCPV4 },
    { "feature-gso-tcpv6", NETBACK_BIT_GSO_TCPV6 },
    { "feature-ipv6-csum-offload", NETBACK_BIT_IPV6_CSUM },
    { "feature-rx-copy", NETBACK_FEATURE_COUNT },
    { "feature-multicast-control", NETBACK_BIT_MULTICAST_CONTROL },
    { "feature-dynamic-multicast-control", NETBACK_BIT_MULTICAST_CONTROL },
    { "feature-split-event-channels", NETBACK_BIT_SPLIT_EVENTS },
    { "feature-ctrl-ring", NETBACK_BIT_CTRL_RING },
    { "feature-xdp-headroom", NETBACK_FEATURE_COUNT },
};

static int put(struct netback *netback, xen_transaction t, const char *directory, const char *key, bool there,
               uint32_t value, const char *unit)
{
    char path[PATH_BYTES + 48];
    int failure;

    snprintf(path, sizeof(path), "%s/%s", directory, key);
    if (there) {
        return xen_store_printf(netback->xen, t, path, "%u%s", value, unit);
    }
    failure = xen_store_remove(netback->xen, t, path);
    return failure == -ENOENT ? 0 : failure;
}

static int put_keys(struct netback *netback, xen_transaction t)
{
    bool multi_queue = !without(netback, NETBACK_BIT_MULTI_QUEUE), speed = !without(netback, NETBACK_BIT_SPEED);
    int failure = 0;
    size_t i;

    for (i = 0; failure == 0 && i < sizeof(keys) / sizeof(keys[0]); i++) {
        failure = put(netback, t, netback->backend, keys[i].name,
                      keys[i].bit == NETBACK_FEATURE_COUNT || !without(netback, keys[i].bit), 1, "");
    }
    if (failure == 0) { /* IPv4 checksum offload is there unless this is set */
        failure =
            put(netback, t, netback->backend, "feature-no-csum-offload", without(netback, NETBACK_BIT_CSUM), 1, "");
    }
    if (failure == 0) {
        failure = put(netback, t, netback->backend, "multi-queue-max-queues", multi_queue, netback->queues_offered, "");
    }
    if (failure == 0) {
        failure = put(netback, t, netback->backend, "speed", speed, netback->options.speed_mbps, "M");
    }
    if (failure == 0) {
        failure = put(netback, t, netback->frontend, "speed", speed, netback->options.speed_mbps, "M");
    }
    return failure;
}

int features_advertise(struct netback *netback)
{
    xen_transaction t;
    int failure;

    do {
        failure = xen_transaction_start(netback->xen, &t);
        if (failure != 0) {
            return failure;
        }
        failure = put_keys(netback, t);
        if (failure != 0) {
            xen_transaction_end(netback->xen, t, false);
            return failure;
        }
        failure = xen_transaction_end(netback->xen, t, true);
    } while (failure == -EAGAIN);
    if (failure == 0) {
        failure = features_publish_mtu(netback);
    }
    return failure == 0 ? features_publish_link(netback) : failure;
}

int features_publish_link(struct netback *netback)
{
    bool up = flag(&netback->link_up) != 0;
    int failure = put(netback, 0, netback->backend, "carrier", true, up ? 1 : 0, "");

    return failure != 0 ? failure : put(netback, 0, netback->frontend, "disconnect", true, up ? 0 : 1, "");
}

int features_publish_mtu(struct netback *netback)
{
    bool there = !without(netback, NETBACK_BIT_MTU);
    int failure = put(netback, 0, netback->backend, "mtu", there, flag(&netback->mtu), "");

    return failure != 0 ? failure : put(netback, 0, netback->frontend, "mtu", there, flag(&netback->mtu), "");
}

int store_unsigned(struct netback *netback, const char *directory, const char *key, uint32_t *value)
{
    char path[PATH_BYTES + 64], *text, *end;
    unsigned long number;
    int failure;

    snprintf(path, sizeof(path), "%s/%s", directory, key);
    failure = xen_store_read(netback->xen, 0, path, &text);
    if (failure != 0) {
        return failure;
    }
    errno = 0;
    number = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || number > UINT32_MAX) {
        failure = -EINVAL;
    }
    free(text);
    *value = (uint32_t)number;
    return failure;
}

static bool announced(struct netback *netback, const char *key)
{
    uint32_t value;

    return store_unsigned(netback, netback->frontend, key, &value) == 0 && value != 0;
}

void features_read_headroom(struct netback *netback)
{
    uint32_t headroom, q;

    if (store_unsigned(netback, netback->frontend, "xdp-headroom", &headroom) != 0) {
        headroom = 0;
    }
    for (q = 0; q < netback->max_queues; q++) {
        struct queue_rx *rx = &netback->queues[q].rx;

        sched_lock(&rx->lock);
        rx->headroom = headroom < MAX_HEADROOM ? headroom : MAX_HEADROOM;
        sched_unlock(&rx->lock);
    }
}

void features_read(struct netback *netback)
{
    struct frontend_features *features = &netback->features;

    features->sg = announced(netback, "feature-sg") && !without(netback, NETBACK_BIT_SG);
    features->checksum4 = !announced(netback, "feature-no-csum-offload") && !without(netback, NETBACK_BIT_CSUM);
    features->checksum6 = announced(netback, "feature-ipv6-csum-offload") && !without(netback, NETBACK_BIT_IPV6_CSUM);
    /* The frontend's GSO needs its other two, like ours (netback_create). */
    features->gso4 = announced(netback, "feature-gso-tcpv4") && features->sg && features->checksum4 &&
                     !without(netback, NETBACK_BIT_GSO_TCPV4);
    features->gso6 = announced(netback, "feature-gso-tcpv6") && features->sg && features->checksum6 &&
                     !without(netback, NETBACK_BIT_GSO_TCPV6);
    features->rx_notify = announced(netback, "feature-rx-notify") && !without(netback, NETBACK_BIT_RX_NOTIFY);
    flag_set(&netback->multicast_control,
             announced(netback, "request-multicast-control") && !without(netback, NETBACK_BIT_MULTICAST_CONTROL));
    features_read_headroom(netback);
}
