/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The multicast filter list of netif.h: amended by extra segments on the transmit rings, used by the receive tasks
 * while the frontend's "request-multicast-control" is set. Any task; guarded by multicast_lock.
 */
#include <string.h>

#include "netback/state.h"
#include "wire/bytes.h"

bool multicast_add(struct netback *netback, const uint8_t *address)
{
    bool room;

    sched_lock(&netback->multicast_lock);
    room = netback->multicast_count < MAX_MULTICAST;
    if (room) {
        memcpy(netback->multicast[netback->multicast_count++], address, 6);
    } else {
        netback->multicast_refused = true;
    }
    sched_unlock(&netback->multicast_lock);
    return room;
}

void multicast_remove(struct netback *netback, const uint8_t *address)
{
    uint32_t i;

    sched_lock(&netback->multicast_lock);
    for (i = 0; i < netback->multicast_count; i++) {
        if (memcmp(netback->multicast[i], address, 6) == 0) {
            memcpy(netback->multicast[i], netback->multicast[--netback->multicast_count], 6);
            break;
        }
    }
    sched_unlock(&netback->multicast_lock);
}

bool netback_refuses_group(struct netback *netback, const uint8_t address[6])
{
    bool refuses;

    sched_lock(&netback->multicast_lock);
    refuses = flag(&netback->multicast_control) != 0 && netback->multicast_refused;
    for (uint32_t i = 0; i < netback->multicast_count && refuses; i++) {
        refuses = memcmp(netback->multicast[i], address, 6) != 0;
    }
    sched_unlock(&netback->multicast_lock);
    return refuses;
}

bool multicast_wanted(struct netback *netback, const struct frame *frame)
{
    static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    uint8_t address[6];
    bool wanted = false;
    uint32_t i;

    if (flag(&netback->multicast_control) == 0) {
        return true;
    }
    frame_copy_out(frame, 0, address, sizeof(address));
    if ((address[0] & 1) == 0 || memcmp(address, broadcast, 6) == 0) {
        return true;
    }
    sched_lock(&netback->multicast_lock);
    for (i = 0; i < netback->multicast_count && !wanted; i++) {
        wanted = memcmp(netback->multicast[i], address, 6) == 0;
    }
    sched_unlock(&netback->multicast_lock);
    return wanted;
}
