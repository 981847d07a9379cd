/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the driver reads of its backend in xenstore when NDIS restarts it, and what it makes of texts that a toolstack
 * or a backend may have left there: with a backend that is known to be gone, or not there yet, XenVif is not enabled
 * and there is no link; where nothing can be known it is. Written into a second interface, which XenVif does not serve
 * and the driver finds first: one with the adapter's address is taken for its own. On the simulated scheduler.
 */
#include <stdio.h>

#include "story_backend.h"

enum { COME_BACK_SECONDS = 60, STAY_SECONDS = 3 };

#define OTHER         "device/vif/-other"
#define LAST          "device/vif/~last"
#define OTHER_BACKEND "device/other-backend"
#define ADDRESS       "00:16:3e:5e:00:01"

static void put(struct story *story, const char *path, const char *value)
{
    CHECK_EQ(xen_store_printf(story->bed.guest, 0, path, "%s", value), 0);
}

/* Paused and restarted: whether there is a link then, and still some seconds later. */
static bool comes_up(struct story *story)
{
    bool up;

    CHECK_STATUS(adapter_pause(story->bed.adapter), SUCCESS);
    CHECK_STATUS(adapter_restart(story->bed.adapter), SUCCESS);
    up = story_link_is_up(story);
    sched_sleep(STAY_SECONDS * SECOND);
    CHECK_EQ(story_link_is_up(story), up);
    return up;
}

/* Of an interface that the driver takes for its own and that is not: connected. */
static void be_well(struct story *story, struct watch *watch)
{
    put(story, OTHER "/mac", ADDRESS);
    put(story, OTHER "/state", "4");
    put(story, OTHER "/backend", OTHER_BACKEND);
    put(story, OTHER_BACKEND "/state", "4");
    CHECK(story_until(story, story_link_is_up, COME_BACK_SECONDS));
    backend_works(story, watch, COME_BACK_SECONDS);
}

static void expect(struct story *story, struct watch *watch, const char *what, const char *text, bool up)
{
    if (comes_up(story) != up) {
        test_fail(__FILE__, __LINE__, "%s is '%s': %s", what, text, up ? "no link" : "a link");
    }
    be_well(story, watch);
}

static void states(struct story *story)
{
    static const struct {
        const char *state, *own;
        bool up;
    } cases[] = {
        { "4", "4", true },  { "0", "4", false }, { "1", "4", false }, { "2", "4", false }, { "3", "4", false },
        { "5", "4", false }, { "6", "4", false }, { "7", "4", false }, { "9", "4", false }, { "6", "6", false },
        { "2", "1", false }, { "5", "6", false }, { "2", "x", false }, { "44", "4", true }, { "64", "4", true },
        { "60", "4", true }, { "", "4", true },   { "x", "4", true },  { "/", "4", true },  { ":", "4", true },
        { "-6", "4", true }, { " 6", "4", true }, { "6 ", "4", true }, { "4", "6", true },
    };
    struct watch *watch = watch_open(story);

    be_well(story, watch);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put(story, OTHER "/state", cases[i].own);
        put(story, OTHER_BACKEND "/state", cases[i].state);
        expect(story, watch, "the backend's state", cases[i].state, cases[i].up);
    }
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, OTHER_BACKEND "/state"), 0);
    expect(story, watch, "the backend's state", "(absent)", false);
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, OTHER "/state"), 0);
    put(story, OTHER_BACKEND "/state", "6");
    expect(story, watch, "the backend's state without one here", "6", false);
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, OTHER "/backend"), 0);
    put(story, OTHER_BACKEND "/state", "6");
    expect(story, watch, "the backend", "(absent)", true);
    watch_close(watch);
}

static void on_the_stand_in(void (*body)(struct story *story))
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .stand_in = "XenVif makes a device of each interface that it finds",
                                    .edge_buffers = 32,
                                    .loose_grants = true,
                                    .body = body });
}

TEST(a_restart_enables_xenvif_unless_the_backend_is_known_not_to_be_there)
{
    on_the_stand_in(states);
}

/* Whose interface it is, is said by its address alone. */
static void addresses(struct story *story)
{
    static const struct {
        const char *text;
        bool ours;
    } cases[] = {
        { ADDRESS, true },
        { "00:16:3E:5E:00:01", true },
        { "00:16:3e:5e:00:02", false },
        { "00:16:3e:5e:01:01", false },
        { "01:16:3e:5e:00:01", false },
        { "10:16:3e:5e:00:01", false },
        { "00-16-3e-5e-00-01", false },
        { "00:16:3e:5e:00:01 ", false },
        { "00:16:3e:5e:00:011", false },
        { "00:16:3e:5e:00:0", false },
        { "00:16:3e:5e:00:", false },
        { "00:16:3e:5e:00", false },
        { "0:16:3e:5e:00:01", false },
        { "00:16:3g:5e:00:01", false },
        { "00:16:g3:5e:00:01", false },
        { "00:16:@e:5e:00:01", false },
        { "00:16:3`:5e:00:01", false },
        { "00:16:3G:5e:00:01", false },
        { "00:16:3:5e:00:01:", false },
        { "/0:16:3e:5e:00:01", false },
        { "", false },
    };
    struct watch *watch = watch_open(story);

    be_well(story, watch);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put(story, OTHER "/mac", cases[i].text);
        put(story, OTHER_BACKEND "/state", "6");
        expect(story, watch, "the address", cases[i].text, !cases[i].ours);
    }
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, OTHER "/mac"), 0);
    put(story, OTHER_BACKEND "/state", "6");
    expect(story, watch, "the address", "(absent)", true);
    watch_close(watch);
}

TEST(the_interface_with_the_permanent_address_is_the_adapters)
{
    on_the_stand_in(addresses);
}

/* None has the adapter's address, and the last one's backend is gone: that is nobody's business. */
static void of_others(struct story *story)
{
    static const char *const own = "device/vif/0/mac";

    put(story, OTHER "/mac", "00:16:3e:5e:00:02");
    put(story, own, "00:16:3e:5e:00:03");
    put(story, LAST "/mac", "00:16:3e:5e:00:04");
    put(story, LAST "/state", "4");
    put(story, LAST "/backend", OTHER_BACKEND);
    put(story, OTHER_BACKEND "/state", "6");
    CHECK(comes_up(story));
    put(story, LAST "/mac", ADDRESS); /* now it is the adapter's */
    CHECK(!comes_up(story));
    put(story, own, ADDRESS);
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, LAST), 0);
    CHECK(comes_up(story));
}

TEST(a_backend_of_an_interface_that_is_not_the_adapters_says_nothing)
{
    on_the_stand_in(of_others);
}

/* Names as long as the driver has room for, and longer; then nothing of the kind at all. */
static void names(struct story *story)
{
    static const struct {
        const char *name;
        bool found;
    } cases[] = { { "-23456789012345", true }, { "-234567890123456", false }, { "-2345678901234567", false } };
    struct watch *watch = watch_open(story);
    char path[100];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(path, sizeof(path), "device/vif/%s/mac", cases[i].name);
        put(story, path, ADDRESS);
        snprintf(path, sizeof(path), "device/vif/%s/state", cases[i].name);
        put(story, path, "4");
        snprintf(path, sizeof(path), "device/vif/%s/backend", cases[i].name);
        put(story, path, OTHER_BACKEND);
        put(story, OTHER_BACKEND "/state", "6");
        if (comes_up(story) == cases[i].found) {
            test_fail(__FILE__, __LINE__, "an interface called %s is %s", cases[i].name,
                      cases[i].found ? "not found" : "taken");
        }
        snprintf(path, sizeof(path), "device/vif/%s", cases[i].name);
        CHECK_EQ(xen_store_remove(story->bed.guest, 0, path), 0);
        CHECK(story_until(story, story_link_is_up, COME_BACK_SECONDS));
        backend_works(story, watch, COME_BACK_SECONDS);
    }
    watch_close(watch);
}

TEST(an_interface_with_a_longer_name_than_any_toolstack_gives_is_left_alone)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .edge_buffers = 32, .loose_grants = true, .body = names });
}
