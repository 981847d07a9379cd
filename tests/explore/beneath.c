/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What lies beneath the driver (explore.h): the stand-in, as a release, or that release's own image. An image whose
 * release nobody named can no more than any release can.
 */
#include <stdlib.h>

#include "explore.h"

bool xenvif_can(const struct vif_release *release, uint32_t needs)
{
    const bool image = story_xenvif() != NULL, unknown = image && release == &vif_releases[0];

    if (image && (needs & NEEDS_ANY_STAND_IN) != 0) {
        return false;
    }
    return ((needs & NEEDS_RECONNECT) == 0 || release->reconnects) &&
           ((needs & NEEDS_CONTROL_END) == 0 || release->control_patience_ms != 0) &&
           ((needs & NEEDS_NO_CONTROL) == 0 || !(unknown || release->enable_needs_control));
}

const char *xenvif_asked(void)
{
    return getenv("XENNET_XENVIF_LIKE");
}

/* Lists made at random and those of a file, which names the release that it failed on. */
void xenvif_settle_release(struct explore_config *config)
{
    const struct vif_release *release;

    if (xenvif_asked() != NULL) {
        snprintf(config->xenvif_like, sizeof(config->xenvif_like), "%s", xenvif_asked());
    } else if (story_xenvif() != NULL) {
        snprintf(config->xenvif_like, sizeof(config->xenvif_like), "%s", vif_releases[0].name);
    } else {
        return;
    }
    release = vif_release_find(config->xenvif_like);
    if (release == NULL) {
        test_fail(__FILE__, __LINE__, "XenVif like '%s': there is no such release", config->xenvif_like);
    }
    if (config->vif > release->newest || config->vif < release->oldest) {
        config->vif = release->newest;
    }
    if (story_xenvif() !=
        NULL) { /* the driver takes the newest; of an unknown one it may be 8, which takes most care */
        config->vif = release == &vif_releases[0] ? 8 : release->newest;
    }
    config->without = xenvif_stands(release, config->without);
}

/* One event channel for both directions: of an event that comes while the channel is masked an image looks at received
 * packets alone, and what was sent comes back when its watchdog looks, after up to a minute. */
uint32_t xenvif_stands(const struct vif_release *release, uint32_t without)
{
    if (!xenvif_can(release, NEEDS_NO_CONTROL)) {
        without &= ~(1u << NETBACK_BIT_CTRL_RING);
    }
    if (!xenvif_can(release, NEEDS_STAND_IN)) {
        without &= ~(1u << NETBACK_BIT_SPLIT_EVENTS);
    }
    return without;
}
