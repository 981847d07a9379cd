/* SPDX-License-Identifier: BSD-2-Clause */
/* Sizes of the XenVif stand-in. */
#ifndef TESTBED_XENVIF_LIMITS_H
#define TESTBED_XENVIF_LIMITS_H

#include <stdint.h>
#include <xen/io/netif.h>

#include "xenvif/vif.h"

enum {
    MAX_QUEUES = 64,
    RING_SLOTS = 256,
    TX_PACKETS = 4096, /* per queue that may wait or be on their way */
    TX_CACHED_GRANTS = 16384,
    TX_MAX_FRAGMENTS = XEN_NETIF_NR_SLOTS_MIN,
    MAX_MULTICAST = 64, /* addresses, and changes of them that wait for room in the ring */
    MAX_HASH_MAPPING = 128,
    STATISTICS = XENVIF_VIF_STATISTIC_COUNT,
    NO_INDEX = 0xffff,
};

#endif
