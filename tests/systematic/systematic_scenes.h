/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scenes: two or three things that happen to an adapter at the same time, small enough that every schedule of them is
 * run (run/systematic.h). explore.py --systematic runs them.
 */
#ifndef TESTS_SYSTEMATIC_SCENES_H
#define TESTS_SYSTEMATIC_SCENES_H

#include "story_backend.h"
#include "story_presence.h"
#include "story_rss.h"

enum { MAX_ACTORS = 3 };

struct scene {
    struct story *story;
    struct watch *watch;
};

struct scene_plan {
    const char *name, *about;
    uint32_t queues, processors;
    const char *windows, *xenvif_like;
    const char *const *set;
    /* What must be so at the beginning; the actors, each a task on a processor of its own; and what must hold at the
     * end, whatever the schedule was. They are run twice before, so each leaves the adapter as `before` wants it. */
    void (*before)(struct scene *scene);
    void (*actors[MAX_ACTORS])(struct scene *scene);
    void (*after)(struct scene *scene);
};
extern const struct scene_plan scene_plans[];
extern const uint32_t scene_plan_count;

#endif
