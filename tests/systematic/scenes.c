/* SPDX-License-Identifier: BSD-2-Clause */
/* The scenes (systematic_scenes.h). */
#include "systematic_scenes.h"

#include "ndis/adapter/adapter.h"
#include "run/sched_choice.h"
#include "xenvif/state.h"

enum { PATIENCE = 60, LONG_AGO = 3600 };

/* --- what happens --- */

static void send(struct scene *scene)
{
    story_send(scene->story, 0, 1, 1);
}

static void send_elsewhere(struct scene *scene)
{
    story_send(scene->story, scene->story->queues - 1, 1, 1);
}

static void pause_and_restart(struct scene *scene)
{
    CHECK_EQ(adapter_pause(scene->story->bed.adapter), SUCCESS);
    CHECK_EQ(adapter_restart(scene->story->bed.adapter), SUCCESS);
}

static void inject(struct scene *scene)
{
    story_inject(scene->story, 0, 1);
}

static void inject_elsewhere(struct scene *scene)
{
    story_inject(scene->story, scene->story->queues - 1, 1);
}

static void give_back(struct scene *scene)
{
    edge_hold_received(scene->story->bed.edge, false);
}

static void serve(struct scene *scene)
{
    for (uint32_t queue = 0; queue < scene->story->queues; queue++) {
        netback_stall(scene->story->bed.netback, queue, 0);
    }
}

static void cancel(struct scene *scene)
{
    adapter_cancel_sends(scene->story->bed.adapter, NULL);
}

static void link_down_and_up(struct scene *scene)
{
    netback_set_link(scene->story->bed.netback, false);
    netback_set_link(scene->story->bed.netback, true);
}

static void ask_statistics(struct scene *scene)
{
    struct NDIS_STATISTICS_INFO info;

    CHECK_EQ(oid_get(scene->story, OID_GEN_STATISTICS, &info, sizeof(info)), SUCCESS);
}

/* Of an adapter that may be on its way out. */
static void ask_and_take_any_answer(struct scene *scene)
{
    struct NDIS_STATISTICS_INFO info;

    (void)oid_get(scene->story, OID_GEN_STATISTICS, &info, sizeof(info));
}

static void filter(struct scene *scene)
{
    uint32_t value = NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_MULTICAST | NDIS_PACKET_TYPE_BROADCAST;

    CHECK_EQ(oid_put(scene->story, OID_GEN_CURRENT_PACKET_FILTER, &value, sizeof(value)), SUCCESS);
}

static void rss_changes(struct scene *scene)
{
    struct rss_set set;

    rss_fill(&set, 2, scene->story->bed.options->processors, RSS_ALL_TYPES);
    CHECK_EQ(rss_put(scene->story, &set, sizeof(set)), SUCCESS);
}

static void offloads_change(struct scene *scene)
{
    struct NDIS_OFFLOAD_PARAMETERS parameters;

    memset(&parameters, 0, sizeof(parameters));
    parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.Header.Revision = 1;
    parameters.Header.Size = 20;
    parameters.TCPIPv4Checksum = parameters.UDPIPv4Checksum = NDIS_OFFLOAD_PARAMETERS_TX_RX_DISABLED;
    (void)oid_put(scene->story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, 20);
    parameters.TCPIPv4Checksum = parameters.UDPIPv4Checksum = NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED;
    (void)oid_put(scene->story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, 20);
}

static void reset(struct scene *scene)
{
    int32_t status = adapter_reset(scene->story->bed.adapter);

    CHECK(status == SUCCESS || IS(status, NDIS_STATUS_SOFT_ERRORS));
}

static void sleep_and_wake(struct scene *scene)
{
    CHECK_EQ(adapter_set_power(scene->story->bed.adapter, NdisDeviceStateD3), SUCCESS);
    CHECK_EQ(adapter_set_power(scene->story->bed.adapter, NdisDeviceStateD0), SUCCESS);
}

static void migrate(struct scene *scene)
{
    CHECK_EQ(vif_suspend_resume(scene->story->bed.vif), 0);
}

static uint32_t migrating; /* the task's number */

/* Where it waits for what another has half done, that one goes on, but nobody beside it: numbers are given in order,
 * and XenStore, the backend and XenVif are there before the driver is. */
static size_t migrating_first(const uint32_t *ids, size_t count, size_t goes_on)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == migrating) {
            return i;
        }
    }
    return goes_on != SIZE_MAX ? goes_on : 0;
}

/* Nobody runs meanwhile, whoever else chooses: XenBus holds every processor from before the suspend until the last late
 * callback has returned (SyncCapture and SyncRelease in its SuspendTrigger). Others may be anywhere, also where XenBus
 * would wait for them. */
static void end_migration(struct scene *scene)
{
    sched_choice *chooser = sched_chooser;

    migrating = task_self()->id;
    sched_chooser = migrating_first;
    vif_migrate_end(scene->story->bed.vif);
    sched_chooser = chooser;
}

static void announce_removal(struct scene *scene)
{
    adapter_surprise_event(scene->story->bed.adapter);
}

/* MiniportHaltEx, and the adapter begins again: Device Manager moves its resources. */
static void halt_and_start(struct scene *scene)
{
    adapter_stop(scene->story->bed.adapter);
    CHECK_EQ(adapter_start(scene->story->bed.adapter), SUCCESS);
}

/* The moment of the driver's next timer: it runs beside what happens now. */
static void let_time_come(struct scene *scene)
{
    (void)scene;
    sched_pass(2 * SECOND);
}

/* --- before and after --- */

static void nothing(struct scene *scene)
{
    (void)scene;
}

static void hold_some(struct scene *scene)
{
    edge_hold_received(scene->story->bed.edge, true);
    inject(scene);
    story_wait_received(scene->story, scene->story->in.sent);
}

/* A packet is with the backend, which looks elsewhere. */
static void send_into_silence(struct scene *scene)
{
    for (uint32_t queue = 0; queue < scene->story->queues; queue++) {
        netback_stall(scene->story->bed.netback, queue, LONG_AGO * SECOND);
    }
    send(scene);
    if (scene->story->queues > 1) {
        send_elsewhere(scene);
    }
    story_rest();
}

static bool all_is_back(struct story *story)
{
    return adapter_outstanding_sends(story->bed.adapter) == 0 && adapter_outstanding_receives(story->bed.adapter) == 0;
}

static bool link_is_up(struct story *story)
{
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    return facts.link_up;
}

/* Everything that was sent or handed up is back; then frames go both ways, each once. */
static void works(struct scene *scene)
{
    struct story *story = scene->story;

    CHECK(raw_wait(scene->watch->raw, PATIENCE * SECOND));
    CHECK(story_until(story, all_is_back, PATIENCE));
    CHECK(story_until(story, link_is_up, PATIENCE));
    raw_free_all(scene->watch->raw);
    watch_forget(scene->watch);
    story_collect(story, UINT32_MAX);
    story_wait_received(story, UINT32_MAX);
    story_check(&story->out, story->out.sent); /* each once at most, undamaged */
    story_check(&story->in, story->in.sent);
    memset(&story->in, 0, sizeof(story->in));
    memset(&story->out, 0, sizeof(story->out));
    for (uint32_t queue = 0; queue < story->queues; queue++) {
        story_send(story, queue, 2, 2);
        story_inject(story, queue, 2);
    }
    story_check_from(story, 0, 0);
    CHECK(story_until(story, all_is_back, PATIENCE));
    memset(&story->in, 0, sizeof(story->in));
    memset(&story->out, 0, sizeof(story->out));
}

/* The frame that came in the scene has arrived: nothing happened that may cost it. */
static void arrived(struct scene *scene)
{
    story_check_from(scene->story, 0, 0);
    works(scene);
}

/* With an adapter of another life. */
static void close_protocols(struct scene *scene)
{
    watch_close(scene->watch);
    presence_close(scene->story);
}

static void open_protocols(struct scene *scene)
{
    presence_open(scene->story);
    scene->watch = watch_open(scene->story);
    works(scene);
}

static void gone_and_back(struct scene *scene)
{
    char error[512];
    struct story *story = scene->story;

    CHECK(raw_wait(scene->watch->raw, PATIENCE * SECOND));
    close_protocols(scene);
    adapter_remove(story->bed.adapter);
    story->bed.adapter =
        adapter_add(story->bed.driver, vif_pdo(story->bed.vif), story->bed.package, error, sizeof(error));
    CHECK(story->bed.adapter != NULL);
    open_protocols(scene);
}

/* The host has no control ring, without which XenVif's main cannot be enabled: it will stay so, without a queue. */
static void begin_migration(struct scene *scene)
{
    netback_offer(scene->story->bed.netback, scene->story->queues, 1u << NETBACK_BIT_CTRL_RING);
    CHECK(vif_migrate_begin(scene->story->bed.vif));
}

/* The watchdog is awake, with nothing out: it goes to sleep when it looks. */
static void send_and_begin_migration(struct scene *scene)
{
    send(scene);
    story_collect(scene->story, scene->story->out.sent);
    begin_migration(scene);
}

/* After one that the watchdog has not looked at: each send is held up until then. */
static void migrate_and_begin_another(struct scene *scene)
{
    migrate(scene);
    begin_migration(scene);
}

static bool link_is_down(struct story *story)
{
    return !link_is_up(story);
}

/* Nobody sends: the watchdog sees it by itself. */
static void seen_without_queues(struct scene *scene)
{
    CHECK(story_until(scene->story, link_is_down, PATIENCE));
    netback_offer(scene->story->bed.netback, scene->story->queues, 0);
    migrate(scene);
    works(scene);
}

/* No processor sends to what has no queues. */
static void refused_without_queues(struct scene *scene)
{
    for (uint32_t i = 0; i < scene->story->bed.options->processors; i++) {
        processor_pin(i);
        (void)backend_send(scene->watch, i, 0);
    }
    CHECK(raw_wait(scene->watch->raw, SECOND));
    seen_without_queues(scene);
}

static bool xenvif_is_disabled(struct story *story)
{
    return !STORY_STAND_IN(story)->subscriber.enabled;
}

/* The watchdog is awake, with nothing out: it goes to sleep when it looks. */
static void send_and_lose_backend(struct scene *scene)
{
    send(scene);
    story_collect(scene->story, scene->story->out.sent);
    backend_leaves(scene->story);
}

/* Nobody sends: the watchdog sees by itself that the backend is gone, and that there is one. */
static void seen_without_backend(struct scene *scene)
{
    CHECK(story_until(scene->story, xenvif_is_disabled, PATIENCE));
    backend_comes(scene->story, scene->story->queues, 0);
    works(scene);
}

static const char *const polls[] = { "*NdisPoll=1", NULL };

/* With so many queues, on two processors, on the usual Windows and the strict XenVif. */
#define SCENE(name, queues, about, before, after, ...)                                                                 \
    {                                                                                                                  \
        name, about, queues, 2, NULL, NULL, NULL, before, { __VA_ARGS__ }, after                                       \
    }
/* On this Windows, with these keywords. */
#define SCENE_ON(name, windows, set, about, before, after, ...)                                                        \
    {                                                                                                                  \
        name, about, 1, 2, windows, NULL, set, before, { __VA_ARGS__ }, after                                          \
    }
/* On a XenVif like this release. */
#define SCENE_LIKE(name, release, about, before, after, ...)                                                           \
    {                                                                                                                  \
        name, about, 1, 2, NULL, release, NULL, before, { __VA_ARGS__ }, after                                         \
    }

const struct scene_plan scene_plans[] = {
    SCENE("send-pause", 1, "a send against a pause", nothing, works, send_elsewhere, pause_and_restart),
    SCENE("send-send-pause", 2, "sends on two processors against a pause", nothing, works, send, send_elsewhere,
          pause_and_restart),
    SCENE("complete-pause", 1, "a completion against a pause", send_into_silence, works, serve, pause_and_restart),
    SCENE("complete-complete", 2, "completions on two processors", send_into_silence, works, serve, send_elsewhere),
    SCENE("complete-receive", 1, "a completion against a received packet", send_into_silence, works, serve, inject),
    SCENE("cancel-complete", 1, "a cancellation against a completion", send_into_silence, works, cancel, serve),
    SCENE("cancel-send", 1, "a cancellation against a send", nothing, works, cancel, send_elsewhere),
    SCENE("return-pause", 1, "a returned packet against a pause", hold_some, works, give_back, pause_and_restart),
    SCENE("return-receive", 1, "a returned packet against one that arrives", hold_some, arrived, give_back, inject),
    SCENE("return-send", 1, "a returned packet against a send", hold_some, works, give_back, send_elsewhere),
    SCENE("return-filter", 1, "a returned packet against the packet filter", hold_some, works, give_back, filter),
    SCENE("receive-receive", 2, "two queues take NBLs from the pool at once", nothing, arrived, inject,
          inject_elsewhere),
    SCENE("receive-pause", 1, "a received packet against a pause", nothing, works, inject, pause_and_restart),
    SCENE_ON("poll-pause", "11-24h2", polls, "a poll against a pause", nothing, works, inject, pause_and_restart),
    SCENE_ON("poll-send", "11-24h2", polls, "a poll for a received packet against a send", nothing, arrived, inject,
             send_elsewhere),
    SCENE("rss-send", 2, "another RSS table against a send", nothing, works, rss_changes, send_elsewhere),
    SCENE("rss-receive", 2, "another RSS table against a received packet", nothing, arrived, rss_changes,
          inject_elsewhere),
    SCENE("rss-timer", 2, "an RSS table without a backend against the watchdog that goes to sleep",
          send_and_lose_backend, seen_without_backend, rss_changes, let_time_come),
    SCENE("offload-send", 1, "offloads switched off and on against a send", nothing, works, offloads_change,
          send_elsewhere),
    SCENE("statistics-traffic", 1, "a request for statistics against a send and a receive", nothing, arrived,
          ask_statistics, send_elsewhere, inject),
    SCENE("statistics-send", 1, "a request for statistics against a send", nothing, works, ask_statistics,
          send_elsewhere),
    SCENE("statistics-receive", 1, "a request for statistics against a received packet", nothing, arrived,
          ask_statistics, inject),
    SCENE("filter-receive", 1, "the packet filter against a received packet", nothing, arrived, filter, inject),
    SCENE("filter-send", 1, "the packet filter against a send", nothing, works, filter, send_elsewhere),
    SCENE("link-pause", 1, "the link against a pause", nothing, works, link_down_and_up, pause_and_restart),
    SCENE("link-send", 1, "the link against a send", nothing, works, link_down_and_up, send_elsewhere),
    SCENE("link-return", 1, "the link against a returned packet", hold_some, works, link_down_and_up, give_back),
    SCENE_ON("reset-send", "7", NULL, "a reset against a send", nothing, works, reset, send_elsewhere),
    SCENE("power-send", 1, "D3 and D0 against a send", nothing, works, sleep_and_wake, send_elsewhere),
    SCENE("removal-oid", 1, "the event of a removal against a request and a send", nothing, gone_and_back,
          announce_removal, ask_and_take_any_answer, send_elsewhere),
    SCENE("timer-halt", 1, "the watchdog's timer against a halt", close_protocols, open_protocols, let_time_come,
          halt_and_start),
    SCENE("migration-send", 1, "a migration against a send", nothing, works, migrate, send_elsewhere),
    SCENE("migration-pause", 1, "a migration against a pause", nothing, works, migrate, pause_and_restart),
    SCENE_LIKE("migration-timer", "main", "a migration to no queues against the watchdog that goes to sleep",
               send_and_begin_migration, seen_without_queues, let_time_come, end_migration),
    SCENE_LIKE("migration-push", "main", "a migration to no queues against the look at the one before",
               migrate_and_begin_another, refused_without_queues, let_time_come, end_migration),
};
const uint32_t scene_plan_count = sizeof(scene_plans) / sizeof(scene_plans[0]);
