/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stories and the releases of XenVif (testbed/xenvif/offer/release.h). A story runs on `strict` unless its plan names a
 * release, or test.py was given one with --xenvif-like. What a story needs that not every release has stands in its
 * plan; on a release without it the story does not run and says so.
 */
#ifndef TESTS_STORY_RELEASE_H
#define TESTS_STORY_RELEASE_H

#include "story.h"

/* story_plan.needs */
enum story_needs {
    STORY_NEEDS_RECONNECT = 1 << 0,  /* a backend that goes away and comes back is connected to */
    STORY_NEEDS_DISABLE = 1 << 1,    /* Disable ends with requests at a backend that is connected and silent */
    STORY_NEEDS_NO_CONTROL = 1 << 2, /* Enable works at a backend without control ring */
    STORY_NEEDS_VIF9 = 1 << 3,       /* VIF 9 or 10 */
    STORY_NEEDS_RSS = 1 << 4,        /* receive side scaling at a backend that has a control ring */
    STORY_NEEDS_PLACES = 1 << 5,     /* a table may name any processors */
    STORY_NEEDS_CONTROL = 1 << 6,    /* Enable fails at a backend without control ring */
};

/* test.py was given this release. */
bool story_is_asked(const char *release);
/* The release of this plan, and the VIF version it offers here: the plan's own where the release has it. */
const struct vif_release *story_release(const struct story_plan *plan);
uint32_t story_version(const struct story_plan *plan);

/* False, and a line of the test's output: the release cannot do what the plan needs, or test.py was asked for another
 * than the plan names (on strict, each of those runs, too). A case that runs nothing at all is skipped for that reason.
 */
bool story_release_can(const struct story_plan *plan);

/* Within a story: whether this release has what these STORY_NEEDS_... are about. */
bool story_has(const struct story *story, uint32_t needs);

/* The plan once on every release; only on the one that was asked for with --xenvif-like. */
void story_on_releases(const struct story_plan *plan);

#endif
