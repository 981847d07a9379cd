/* SPDX-License-Identifier: BSD-2-Clause */
/* Which release of XenVif a story runs on (story_release.h). */
#include "story_release.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *asked_for(void)
{
    return getenv("XENNET_XENVIF_LIKE");
}

const struct vif_release *story_release(const struct story_plan *plan)
{
    const char *name = plan->xenvif_like != NULL ? plan->xenvif_like : asked_for();
    const struct vif_release *release = name != NULL ? vif_release_find(name) : &vif_releases[0];

    if (release == NULL) {
        test_fail(__FILE__, __LINE__, "XenVif like '%s': there is no such release", name);
    }
    return release;
}

bool story_is_asked(const char *release)
{
    return asked_for() != NULL && strcmp(asked_for(), release) == 0;
}

uint32_t story_version(const struct story_plan *plan)
{
    const struct vif_release *release = story_release(plan);
    uint32_t version = plan->vif_version != 0 ? plan->vif_version : release->newest;

    if (version < 8 || version > 10) {
        return version; /* none that any release has: the story is about that */
    }
    return version > release->newest ? release->newest : version < release->oldest ? release->oldest : version;
}

/* What of it the release cannot do; NULL: it can all. */
static const char *lacking(const struct vif_release *release, uint32_t what)
{
    const struct {
        uint32_t need;
        bool there;
        const char *lacks;
    } needs[] = {
        { STORY_NEEDS_RECONNECT, release->reconnects, "does not connect to a backend that comes back" },
        { STORY_NEEDS_DISABLE, release->disable != VIF_DISABLE_LOOPS,
          "does not end Disable with requests at a connected, silent backend" },
        { STORY_NEEDS_NO_CONTROL, !release->enable_needs_control, "cannot be enabled without a control ring" },
        { STORY_NEEDS_CONTROL, release->enable_needs_control, "can be enabled without a control ring" },
        { STORY_NEEDS_RSS, release->hash != VIF_HASH_UNTRANSLATED, "has no receive side scaling" },
        { STORY_NEEDS_PLACES, !release->queue_is_index, "takes a processor's index for the queue" },
        { STORY_NEEDS_VIF9, release->newest >= 9, "offers VIF 8 only" },
    };

    for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        if ((what & needs[i].need) != 0 && !needs[i].there) {
            return needs[i].lacks;
        }
    }
    return NULL;
}

bool story_has(const struct story *story, uint32_t needs)
{
    return lacking(story_release(story->plan), needs) == NULL;
}

bool story_release_can(const struct story_plan *plan)
{
    const struct vif_release *release = story_release(plan);
    const char *lacks = lacking(release, plan->needs);
    char reason[160];

    if (story_xenvif() != NULL && plan->stand_in != NULL) {
        snprintf(reason, sizeof(reason), "%s", plan->stand_in);
    } else if (plan->xenvif_like != NULL && asked_for() != NULL && strcmp(asked_for(), vif_releases[0].name) != 0 &&
               strcmp(plan->xenvif_like, asked_for()) != 0) {
        snprintf(reason, sizeof(reason), "this is about XenVif like %s", plan->xenvif_like);
    } else if (lacks != NULL) {
        snprintf(reason, sizeof(reason), "XenVif like %s %s", release->name, lacks);
    } else {
        return true;
    }
    test_part_not_run(reason);
    return false;
}

void story_on_releases(const struct story_plan *plan)
{
    for (const struct vif_release *release = vif_releases; release->name != NULL; release++) {
        struct story_plan turn = *plan;

        if (plan->xenvif_like == NULL && (asked_for() == NULL || strcmp(asked_for(), release->name) == 0)) {
            turn.xenvif_like = release->name;
            story_run(&turn);
        }
    }
}

/* --- a XenVif's image instead of the stand-in --- */

const char *story_xenvif(void)
{
    return getenv("XENVIF");
}

const char *story_xenvif_inf(void)
{
    static char path[512];
    const char *given = getenv("XENVIF_INF"), *end = strrchr(story_xenvif(), '.');

    if (given != NULL) {
        return given;
    }
    snprintf(path, sizeof(path), "%.*s.inf", (int)(end != NULL ? end - story_xenvif() : 0), story_xenvif());
    return path;
}

struct vif *story_stand_in_for(const struct story *story, const char *test)
{
    if (story->bed.vif == NULL && story->bed.bus != NULL) {
        fprintf(stderr, "%s asks the stand-in itself: its counters, what it injects, or how it connects\n", test);
        fflush(stderr);
        _exit(STORY_NEEDS_STAND_IN_STATUS);
    }
    return story->bed.vif;
}
