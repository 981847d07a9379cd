/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of XenVif's releases (release.h explains the columns). */
#include "xenvif/offer/release.h"

#include <stdio.h>
#include <string.h>

const struct vif_release vif_releases[] = {
    {
        .name = "strict",
        .oldest = 8,
        .newest = 10,
        .disable = VIF_DISABLE_RESETS,
        .reconnects = true,
        .writes_checksums = false,
        .threaded_receive = true,
        .strip_corrupts = true,
        .enable_needs_control = false,
        .hash = VIF_HASH_PLAIN,
        .hashes_when_enabled = true,
        .queue_is_index = false,
        .control_patience_ms = 5000,
        .device_id = VIF_DEVICE_ID_PREFIX,
    },
    {
        .name = "8.2", /* 8.2.0 to 8.2.2, 2017 to 2019 */
        .oldest = 8,
        .newest = 8,
        .disable = VIF_DISABLE_LOOPS,
        .reconnects = false,
        .writes_checksums = true,
        .threaded_receive = false,
        .strip_corrupts = true,
        .enable_needs_control = false,
        .hash = VIF_HASH_NONE_IS_TOEPLITZ,
        .hashes_when_enabled = false,
        .queue_is_index = true,
        .control_patience_ms = 0,
        .device_id = VIF_DEVICE_ID_REVISION,
    },
    {
        .name = "9.1", /* XCP-ng's 9.1 of 2024-12 */
        .oldest = 8,
        .newest = 10,
        .disable = VIF_DISABLE_RESETS,
        .reconnects = false,
        .writes_checksums = true,
        .threaded_receive = true,
        .strip_corrupts = false,
        .enable_needs_control = false,
        .hash = VIF_HASH_UNTRANSLATED,
        .hashes_when_enabled = false,
        .queue_is_index = false,
        .control_patience_ms = 0,
        .device_id = VIF_DEVICE_ID_VENDOR,
    },
    {
        .name = "9.1-r3",
        .oldest = 8,
        .newest = 10,
        .disable = VIF_DISABLE_RESETS,
        .reconnects = false,
        .writes_checksums = true,
        .threaded_receive = true,
        .strip_corrupts = false,
        .enable_needs_control = false,
        .hash = VIF_HASH_WHEN_ENABLED,
        .hashes_when_enabled = true,
        .queue_is_index = false,
        .control_patience_ms = 0,
        .device_id = VIF_DEVICE_ID_PREFIX,
    },
    {
        .name = "main", /* of 2025-11, and 9.1.1xx */
        .oldest = 8,
        .newest = 10,
        .disable = VIF_DISABLE_RESETS,
        .reconnects = false,
        .writes_checksums = true,
        .threaded_receive = true,
        .strip_corrupts = false,
        .enable_needs_control = true,
        .hash = VIF_HASH_PLAIN,
        .hashes_when_enabled = false,
        .queue_is_index = false,
        .control_patience_ms = 5000,
        .device_id = VIF_DEVICE_ID_PREFIX,
    },
    { .name = NULL },
};

const struct vif_release *vif_release_find(const char *name)
{
    for (const struct vif_release *release = vif_releases; release->name != NULL; release++) {
        if (strcmp(release->name, name) == 0) {
            return release;
        }
    }
    return NULL;
}

bool vif_release_offers(const struct vif_release *release, uint32_t version, char *error, size_t size)
{
    if (version >= release->oldest && version <= release->newest) {
        return true;
    }
    snprintf(error, size, "XenVif like %s offers VIF %u to %u, not %u", release->name, release->oldest, release->newest,
             version);
    return false;
}
