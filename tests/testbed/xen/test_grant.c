/* SPDX-License-Identifier: BSD-2-Clause */
/* Grants: who may map what, when a grant may end, references run out and come back, races of several tasks. */
#include <errno.h>

#include "xen_run.h"

static void access_rules(struct xen_run *run)
{
    uint8_t *page = xen_memory_alloc(run->guest, 2), *seen;
    uint32_t read_only, writable;
    void *mapped;

    CHECK(xen_memory_owns(run->guest, page + 4097));
    CHECK(!xen_memory_owns(run->dom0, page));
    CHECK_EQ(xen_grant(run->guest, 0, &mapped, false, &writable), -EINVAL);
    CHECK_EQ(xen_grant(run->guest, 0, page, true, &read_only), 0);
    CHECK_EQ(xen_grant(run->guest, 0, page + 4096, false, &writable), 0);
    CHECK_EQ(xen_map(run->dom0, 1, read_only, true, &mapped), -EPERM);
    CHECK_EQ(xen_map(run->guest, 1, read_only, false, &mapped), -EACCES);
    CHECK_EQ(xen_map(run->dom0, 1, 255, false, &mapped), -ENOENT);
    CHECK_EQ(xen_map(run->dom0, 7, read_only, false, &mapped), -ENOENT);
    CHECK_EQ(xen_map(run->dom0, 1, read_only, false, &mapped), 0);
    seen = mapped;
    CHECK(seen != page);
    page[5] = 99;
    CHECK_EQ(seen[5], 99);
    CHECK_EQ(xen_ungrant(run->guest, read_only), -EBUSY);
    xen_unmap(run->dom0, 1, read_only);
    CHECK_EQ(xen_ungrant(run->guest, read_only), 0);
    CHECK_EQ(xen_ungrant(run->guest, read_only), -EINVAL);
    CHECK_EQ(xen_map(run->dom0, 1, read_only, false, &mapped), -ENOENT);
    CHECK_EQ(xen_map(run->dom0, 1, writable, true, &mapped), 0);
    *(uint8_t *)mapped = 7;
    CHECK_EQ(page[4096], 7);
    xen_unmap(run->dom0, 1, writable);
    CHECK_EQ(xen_ungrant(run->guest, writable), 0);
    xen_memory_free(run->guest, page, 2);
    page = xen_memory_alloc(run->guest, 2);
    CHECK_EQ(page[5] + page[4096], 0); /* zeroed for who gets it next */
    xen_memory_free(run->guest, page, 2);
}

TEST(a_grant_opens_its_page_and_no_more)
{
    xen_run_all(access_rules, 4);
}

static void run_out(struct xen_run *run)
{
    struct leaks leaks = { 0 };
    uint8_t *page = xen_memory_alloc(run->guest, 1);
    uint32_t references[256], count = 0;

    while (xen_grant(run->guest, 0, page, true, &references[count]) == 0) {
        count++;
    }
    CHECK_EQ(count, 248);
    xen_leaks(run->guest, &leaks);
    CHECK_CONTAINS(leaks.lines[0], "grant 8 of page");
    leaks_free(&leaks);
    for (uint32_t i = 0; i < count; i++) {
        CHECK_EQ(xen_ungrant(run->guest, references[i]), 0);
    }
    CHECK_EQ(xen_grant(run->guest, 0, page, true, &references[0]), 0);
    CHECK_EQ(xen_ungrant(run->guest, references[0]), 0);
    xen_memory_free(run->guest, page, 1);
    CHECK(xen_memory_alloc(run->guest, 1025) == NULL);
    xen_leaks(run->guest, &leaks);
    CHECK_EQ(leaks.count, 0);
}

TEST(references_run_out_and_come_back)
{
    xen_run_all(run_out, 2);
}

struct racer {
    struct xen_run *run;
    uint8_t *page;
    uint32_t number;
};

/* Grants and ends its own, and now and then maps through the backend what it granted; nobody else may have its
 * reference. */
static void race(void *argument)
{
    struct racer *racer = argument;

    for (uint32_t i = 0; i < 2000; i++) {
        uint32_t reference;
        void *mapped;

        CHECK_EQ(xen_grant(racer->run->guest, 0, racer->page, false, &reference), 0);
        sched_point("racer");
        CHECK_EQ(xen_map(racer->run->dom0, 1, reference, true, &mapped), 0);
        *(uint32_t *)mapped = racer->number;
        CHECK_EQ(*(uint32_t *)racer->page, racer->number);
        CHECK_EQ(xen_ungrant(racer->run->guest, reference), -EBUSY);
        xen_unmap(racer->run->dom0, 1, reference);
        CHECK_EQ(xen_ungrant(racer->run->guest, reference), 0);
    }
}

static void races(struct xen_run *run)
{
    struct racer racers[4];
    struct task *tasks[4];
    uint8_t *pages = xen_memory_alloc(run->guest, 4);

    for (uint32_t i = 0; i < 4; i++) {
        racers[i] = (struct racer){ run, pages + i * 4096, i };
        tasks[i] = task_spawn("racer", 0, race, &racers[i]);
    }
    for (uint32_t i = 0; i < 4; i++) {
        task_join(tasks[i]);
    }
    xen_memory_free(run->guest, pages, 4);
}

TEST(racing_tasks_never_share_a_reference)
{
    xen_run_all(races, 2);
}
