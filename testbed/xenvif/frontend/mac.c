/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interface as an Ethernet station: addresses, filter levels, multicast list, link state, speed and MTU.
 *
 * Filter levels read at DISPATCH_LEVEL by receive DPCs without a lock; the multicast list is under mac.lock. As in
 * XenVif, all figures come from the guest's own directory, where toolstacks write them: `speed` (with a unit) and
 * `disconnect` are watched and notify the subscriber of a new link state, `mtu` is read when the frontend connects and
 * holds for that connection.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenvif/state.h"

#define DEFAULT_SPEED (100ull * 1000000000ull)
#define DEFAULT_MTU   1500u
#define MIN_MTU       68u
#define MAX_MTU       (65535u - ETHERNET_HEADER)

uint8_t mac_type(const uint8_t *destination)
{
    static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

    if (!(destination[0] & 1)) {
        return ETHERNET_ADDRESS_UNICAST;
    }
    return memcmp(destination, broadcast, 6) == 0 ? ETHERNET_ADDRESS_BROADCAST : ETHERNET_ADDRESS_MULTICAST;
}

static uint64_t parse_speed(const char *text)
{
    char *unit;
    uint64_t speed = strtoull(text, &unit, 10);

    switch (*unit) {
    case '\0':
    case 'g':
    case 'G':
        return speed * 1000000000ull;
    case 'm':
    case 'M':
        return speed * 1000000ull;
    case 'k':
    case 'K':
        return speed * 1000ull;
    default:
        return 0;
    }
}

static uint64_t read_speed(struct vif *vif)
{
    uint64_t speed = DEFAULT_SPEED;
    char path[128], *text;

    snprintf(path, sizeof(path), "%s/speed", vif->frontend.path);
    if (xen_store_read(vif->xen, 0, path, &text) == 0) {
        speed = parse_speed(text);
        free(text);
    }
    return speed;
}

static uint32_t read_mtu(struct vif *vif)
{
    uint32_t mtu;
    char path[128];

    snprintf(path, sizeof(path), "%s/mtu", vif->frontend.path);
    return xen_store_scanf(vif->xen, 0, path, "%u", &mtu) == 1 && mtu >= MIN_MTU && mtu <= MAX_MTU ? mtu : DEFAULT_MTU;
}

static bool read_up(struct vif *vif, uint64_t speed)
{
    uint32_t disconnect = 0;
    char path[128];

    snprintf(path, sizeof(path), "%s/disconnect", vif->frontend.path);
    xen_store_scanf(vif->xen, 0, path, "%u", &disconnect);
    return disconnect == 0 && speed != 0;
}

bool mac_state_changed(struct vif *vif)
{
    struct mac *mac = &vif->mac;
    uint64_t speed = read_speed(vif);
    bool up = read_up(vif, speed), changed = speed != mac->speed || up != mac->up;

    __atomic_store_n(&mac->speed, speed, __ATOMIC_RELAXED);
    __atomic_store_n(&mac->up, up, __ATOMIC_RELAXED);
    return changed;
}

void mac_read(struct vif *vif)
{
    struct mac *mac = &vif->mac;
    unsigned bytes[6];
    char path[128];

    snprintf(path, sizeof(path), "%s/mac", vif->frontend.path);
    if (xen_store_scanf(vif->xen, 0, path, "%x:%x:%x:%x:%x:%x", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4],
                        &bytes[5]) == 6) {
        for (int i = 0; i < 6; i++) {
            mac->permanent[i] = mac->current[i] = (uint8_t)bytes[i];
        }
    }
    __atomic_store_n(&mac->mtu, read_mtu(vif), __ATOMIC_RELAXED);
    mac_state_changed(vif);
}

bool mac_allows(struct vif *vif, const uint8_t *destination)
{
    struct mac *mac = &vif->mac;
    uint8_t type = mac_type(destination);
    uint32_t level = __atomic_load_n(&mac->levels[type], __ATOMIC_RELAXED);
    bool found = false;

    if (level != XENVIF_MAC_FILTER_MATCHING) {
        return level == XENVIF_MAC_FILTER_ALL;
    }
    if (type == ETHERNET_ADDRESS_UNICAST) {
        return memcmp(destination, mac->current, 6) == 0;
    }
    if (type == ETHERNET_ADDRESS_BROADCAST || vif->frontend.features.multicast) {
        return true;
    }
    sched_lock(&mac->lock);
    for (uint32_t i = 0; i < mac->multicast_count && !found; i++) {
        found = memcmp(destination, mac->multicast[i], 6) == 0;
    }
    sched_unlock(&mac->lock);
    return found;
}

static bool listed(const uint8_t (*list)[6], uint32_t count, const uint8_t *address)
{
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(list[i], address, 6) == 0) {
            return true;
        }
    }
    return false;
}

int32_t mac_set_multicast(struct vif *vif, const uint8_t *addresses, uint32_t count)
{
    struct mac *mac = &vif->mac;
    uint8_t before[MAX_MULTICAST][6], after[MAX_MULTICAST][6];
    uint32_t before_count;

    for (uint32_t i = 0; i < count; i++) {
        if (!(addresses[i * 6] & 1)) {
            return STATUS_INVALID_PARAMETER;
        }
    }
    if (count > MAX_MULTICAST) {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    if (count != 0) {
        memcpy(after, addresses, count * 6);
    }
    sched_lock(&mac->lock);
    before_count = mac->multicast_count;
    memcpy(before, mac->multicast, sizeof(before));
    memcpy(mac->multicast, after, count * 6);
    mac->multicast_count = count;
    sched_unlock(&mac->lock);
    if (vif->frontend.features.multicast) {
        for (uint32_t i = 0; i < count; i++) { /* first, as FrontendSetMulticastAddresses does */
            if (!listed((const uint8_t(*)[6])before, before_count, after[i])) {
                transmit_multicast(vif, after[i], true);
            }
        }
        for (uint32_t i = 0; i < before_count; i++) {
            if (!listed((const uint8_t(*)[6])after, count, before[i])) {
                transmit_multicast(vif, before[i], false);
            }
        }
    }
    return STATUS_SUCCESS;
}

void mac_announce_multicast(struct vif *vif)
{
    struct mac *mac = &vif->mac;
    uint8_t list[MAX_MULTICAST][6];
    uint32_t count;

    sched_lock(&mac->lock);
    count = mac->multicast_count;
    memcpy(list, mac->multicast, sizeof(list));
    sched_unlock(&mac->lock);
    for (uint32_t i = 0; i < count && vif->frontend.features.multicast; i++) {
        transmit_multicast(vif, list[i], true);
    }
}

/* Only a backend that lets the request change later is asked to filter: the others could never let everything through
 * again. */
void mac_filter_changed(struct vif *vif)
{
    bool wanted =
        __atomic_load_n(&vif->mac.levels[ETHERNET_ADDRESS_MULTICAST], __ATOMIC_RELAXED) != XENVIF_MAC_FILTER_ALL;
    char path[128];

    if (vif->frontend.features.multicast) {
        snprintf(path, sizeof(path), "%s/request-multicast-control", vif->frontend.path);
        xen_store_printf(vif->xen, 0, path, "%u", wanted);
    }
}
