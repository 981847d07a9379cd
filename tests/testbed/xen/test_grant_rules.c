/* SPDX-License-Identifier: BSD-2-Clause */
/* A backend that touches what is not granted to it dies on the spot. */
#include <signal.h>
#include <sys/wait.h>

#include "xen_run.h"

static void touch_after(struct xen_run *run)
{
    uint8_t *page = xen_memory_alloc(run->guest, 1);
    uint32_t reference;
    void *mapped;

    xen_grant(run->guest, 0, page, false, &reference);
    xen_map(run->dom0, 1, reference, true, &mapped);
    *(volatile uint8_t *)mapped = 1;
    xen_unmap(run->dom0, 1, reference);
    xen_ungrant(run->guest, reference);
    *(volatile uint8_t *)mapped = 2;
}

static void write_read_only(struct xen_run *run)
{
    uint8_t *page = xen_memory_alloc(run->guest, 1);
    uint32_t reference;
    void *mapped;

    xen_grant(run->guest, 0, page, true, &reference);
    xen_map(run->dom0, 1, reference, false, &mapped);
    (void)*(volatile uint8_t *)mapped;
    *(volatile uint8_t *)mapped = 2;
}

static void touch_neighbour(struct xen_run *run)
{
    uint8_t *pages = xen_memory_alloc(run->guest, 2);
    uint32_t reference;
    void *mapped;

    xen_grant(run->guest, 0, pages, true, &reference);
    xen_map(run->dom0, 1, reference, false, &mapped);
    (void)((volatile uint8_t *)mapped)[4096];
}

static void body(void *argument)
{
    xen_run_once((void (*)(struct xen_run *))argument, true, SCHED_SIMULATED, 1);
}

static void expect_fault(void (*story)(struct xen_run *))
{
    char text[4096];
    int status = test_child(body, (void *)story, text, sizeof(text));

    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST(page_is_out_of_reach_when_its_grant_has_ended)
{
    expect_fault(touch_after);
}

TEST(page_granted_read_only_cannot_be_written)
{
    expect_fault(write_read_only);
}

TEST(page_beside_a_granted_one_is_out_of_reach)
{
    expect_fault(touch_neighbour);
}
