/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What xenstore has for a device while it connects: any values of the keys that frontend, backend and driver read, and
 * then a migration. The device may stay without a connection; nothing else may come of it. After each a backend of its
 * own is there, and the device connects to it. Grants may be lost: those of a backend that says that it is closed, and
 * is not.
 */
#include <string.h>

#include "fuzz.h"
#include "xenvif/vif.h"

enum { MAX_KEYS = 6, MAX_VALUE = 80, PATIENCE = 60 };

#define FRONT "/local/domain/1/device/vif/0/"
#define BACK  "/local/domain/0/backend/vif/1/0/"

static const char *const keys[] = {
    BACK "state",
    BACK "feature-sg",
    BACK "feature-gso-tcpv4",
    BACK "feature-gso-tcpv6",
    BACK "feature-gso-tcpv4-prefix",
    BACK "feature-gso-tcpv6-prefix",
    BACK "feature-no-csum-offload",
    BACK "feature-ipv6-csum-offload",
    BACK "feature-rx-copy",
    BACK "feature-rx-flip",
    BACK "feature-split-event-channels",
    BACK "feature-multicast-control",
    BACK "feature-dynamic-multicast-control",
    BACK "feature-ctrl-ring",
    BACK "feature-rx-notify",
    BACK "multi-queue-max-queues",
    BACK "mac",
    BACK "speed",
    BACK "mtu",
    BACK "online",
    BACK "hotplug-status",
    FRONT "mac",
    FRONT "mtu",
    FRONT "speed",
    FRONT "backend",
    FRONT "backend-id",
    FRONT "disconnect",
    FRONT "state",
    FRONT "handle",
    FRONT "multi-queue-max-queues",
    FRONT "tx-ring-ref",
    "/local/domain/1/control/feature-xs_reset_watches",
    "/local/domain/1/drivers/0",
    "/local/domain/1/drivers/1",
    "/local/domain/1/data/vif/0/name",
};
enum { KEYS = sizeof(keys) / sizeof(keys[0]) };

static void start(uint32_t world)
{
    fuzz_bed_start(world, 2);
}

static bool connected(void)
{
    return netback_wait_connected(fuzz_bed.netback, true, PATIENCE * SECOND);
}

/* Another host: its directories are written by its own toolstack. */
static void other_host(void)
{
    bed_change_host(&fuzz_bed);
    (void)bed_migrate(&fuzz_bed);
    if (!connected()) {
        fuzz_fail("the device has not connected to an honest backend within %u s", (unsigned)PATIENCE);
    }
}

static void one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, size };
    uint32_t how = fuzz_take(&input, 1);

    for (uint32_t i = 0; i < MAX_KEYS && input.size > 0; i++) {
        const char *key = keys[fuzz_take(&input, 1) % KEYS];
        char value[MAX_VALUE + 1] = "";
        uint32_t kind = fuzz_take(&input, 1);

        if (kind == 0) {
            (void)xen_store_remove(fuzz_bed.dom0, 0, key);
            continue;
        }
        if (kind < 0x80) {
            snprintf(value, sizeof(value), "%u", fuzz_take(&input, kind & 3));
        } else {
            (void)fuzz_take_bytes(&input, value, (kind & 0x7f) > MAX_VALUE ? MAX_VALUE : kind & 0x7f);
        }
        (void)xen_store_write(fuzz_bed.dom0, 0, key, value);
    }
    if (how & 1) {
        (void)bed_migrate(&fuzz_bed);
    }
    sched_sleep((how & 2 ? 2 : 30) * SECOND / 10);
    (void)xen_store_remove(fuzz_bed.dom0, 0, FRONT "mtu");
    (void)xen_store_remove(fuzz_bed.dom0, 0, FRONT "disconnect");
    other_host();
}

const struct fuzz_target fuzz_connect = {
    .name = "connect", .start = start, .one = one, .stop = fuzz_bed_stop_but_grants, .driver = true
};
