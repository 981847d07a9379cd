/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frontend's side of the xenbus handshake, in a thread of its own that looks again at the backend's state whenever
 * something below the backend's directory changed.
 *
 *                 backend 2                backend 4
 *   WAITING (1) ------------> CONNECTING (3, 4) ------------> CONNECTED (4)
 *      ^  ^                     | backend 5, 6, gone             | backend 5, or stop, or cycle
 *      |  +---------------------+                                v
 *      +---------------------------------------------------- CLOSING (5, 6) --stop--> STOPPED
 *               backend 6 or gone: torn down
 *
 * Numbers are XenbusState values, ours in brackets. Enable and Disable come in at the gate, between two steps of the
 * thread.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "nt/processor/dpc.h"
#include "xenvif/state.h"

#define CLOSE_PATIENCE (5ull * 1000000000ull)

static void kick(struct frontend *frontend)
{
    __atomic_add_fetch(&frontend->word, 1, __ATOMIC_SEQ_CST);
    sched_wake(&frontend->word, UINT_MAX);
}

static void fired(void *argument, const char *path)
{
    (void)path;
    kick(argument);
}

static void set_phase(struct frontend *frontend, enum frontend_phase phase)
{
    __atomic_store_n(&frontend->phase, phase, __ATOMIC_SEQ_CST);
    sched_wake(&frontend->phase, UINT_MAX);
}

static void set_state(struct vif *vif, uint32_t state)
{
    char path[96];

    if (vif->frontend.own_state != state) {
        vif->frontend.own_state = state;
        sched_trace("vif state %u", state);
        snprintf(path, sizeof(path), "%s/state", vif->frontend.path);
        xen_store_printf(vif->xen, 0, path, "%u", state);
    }
}

bool frontend_reads(struct vif *vif, const char *key, uint32_t *value)
{
    char path[192];

    snprintf(path, sizeof(path), "%s/%s", vif->frontend.backend, key);
    return xen_store_scanf(vif->xen, 0, path, "%u", value) == 1;
}

/* --- steps of the thread, gate held --- */

static void close_now(struct vif *vif)
{
    connect_teardown(vif);
    set_state(vif, XenbusStateClosed);
    set_phase(&vif->frontend, FRONTEND_WAITING);
    kick(&vif->frontend); /* look at the backend again from there */
}

static void begin_close(struct vif *vif)
{
    connect_stop(vif);
    set_state(vif, XenbusStateClosing);
    vif->frontend.patience = sched_now() + vif_patience(vif, CLOSE_PATIENCE);
    set_phase(&vif->frontend, FRONTEND_CLOSING);
    kick(&vif->frontend);
}

static void step_waiting(struct vif *vif, uint32_t backend)
{
    struct frontend *frontend = &vif->frontend;
    uint32_t online = 1;

    if (__atomic_load_n(&frontend->cycle, __ATOMIC_SEQ_CST)) {
        __atomic_store_n(&frontend->cycle, false, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&frontend->cycles, 1, __ATOMIC_SEQ_CST);
        sched_wake(&frontend->cycles, UINT_MAX);
    }
    if (__atomic_load_n(&frontend->stop, __ATOMIC_SEQ_CST)) {
        set_state(vif, XenbusStateClosed);
        set_phase(frontend, FRONTEND_STOPPED);
        return;
    }
    frontend_reads(vif, "online", &online);
    switch (backend) {
    case XenbusStateInitWait:
        if (frontend->own_state == XenbusStateClosing) {
            set_state(vif, XenbusStateClosed);
        }
        if (frontend->lost) {
            break;
        }
        if (connect_publish(vif) < 0) {
            connect_teardown(vif);
            set_state(vif, XenbusStateClosed);
            break;
        }
        set_state(vif, XenbusStateInitialised);
        set_phase(frontend, FRONTEND_CONNECTING);
        set_state(vif, XenbusStateConnected);
        break;
    case XenbusStateConnected: /* left over from somebody before us */
        set_state(vif, XenbusStateClosing);
        break;
    case XenbusStateClosing:
        set_state(vif, XenbusStateClosed);
        break;
    case XenbusStateClosed:
        if (online != 0) {
            set_state(vif, XenbusStateInitialising);
        }
        break;
    default:
        break;
    }
}

static void step_connecting(struct vif *vif, uint32_t backend)
{
    if (backend == XenbusStateConnected) {
        stall_forget(vif);
        connect_start(vif);
        set_phase(&vif->frontend, FRONTEND_CONNECTED);
    } else if (backend == XenbusStateUnknown) {
        close_now(vif);
    } else if (backend == XenbusStateClosing || backend == XenbusStateClosed ||
               __atomic_load_n(&vif->frontend.stop, __ATOMIC_SEQ_CST) ||
               __atomic_load_n(&vif->frontend.cycle, __ATOMIC_SEQ_CST)) {
        begin_close(vif);
    }
}

/* True: notify the subscriber that the link is another. A XenVif that does not reconnect does not even look whether the
 * backend is still there. */
static bool step_connected(struct vif *vif, uint32_t backend)
{
    if (!vif->release->reconnects) {
        backend = XenbusStateConnected;
    }
    if (backend == XenbusStateUnknown) {
        connect_stop(vif);
        close_now(vif);
    } else if (backend != XenbusStateConnected || __atomic_load_n(&vif->frontend.stop, __ATOMIC_SEQ_CST) ||
               __atomic_load_n(&vif->frontend.cycle, __ATOMIC_SEQ_CST) || stall_seen(vif)) {
        begin_close(vif);
    } else {
        bool announce = __atomic_exchange_n(&vif->frontend.announce, false, __ATOMIC_SEQ_CST);

        return mac_state_changed(vif) || announce;
    }
    return false;
}

/* A backend in InitWait is one that came anew before we noticed that the old one went. It may be about to connect to
 * what we published for the old one, so its answer to our Closing is waited for before anything is taken away. One that
 * is Closed after we wrote Closing cannot: a new one writes InitWait before it looks at us. */
static void step_closing(struct vif *vif, uint32_t backend)
{
    if (backend == XenbusStateClosing) {
        set_state(vif, XenbusStateClosed);
    } else if (backend == XenbusStateClosed || backend == XenbusStateUnknown || sched_now() >= vif->frontend.patience) {
        close_now(vif);
    }
}

/* With the gate held: rings are to run, or run already. */
static bool is_wanted(const struct vif *vif)
{
    return vif->frontend.phase == FRONTEND_CONNECTED && __atomic_load_n(&vif->subscriber.enabled, __ATOMIC_SEQ_CST);
}

/* The subscriber was notified. A table for more queues than this backend has was refused, and it has had the chance to
 * give another; one that it gave while packets were queued leaves some waiting for others that go elsewhere now. Where
 * nobody answers yet this comes again, and leaves others the time of such a wait: no XenVif connects again by
 * itself, so there is none to follow in this. After a migration nothing runs until the next Enable, as with all of
 * them. */
static void run_again(struct vif *vif, const struct hash *before, bool due)
{
    struct frontend *frontend = &vif->frontend;

    dpc_flush_all(); /* what goes by the table of before is queued */
    event_wait(&frontend->gate, SCHED_FOREVER);
    connect_abort_beyond(vif);
    if (due) {
        frontend->again = 0;
    }
    if (is_wanted(vif)) {
        if (!__atomic_load_n(&frontend->running, __ATOMIC_SEQ_CST)) {
            if (due && !NT_SUCCESS(connect_run(vif))) {
                frontend->again = sched_now() + CONNECT_AGAIN;
            }
        } else if (before->size != vif->hash.size ||
                   memcmp(before->mapping, vif->hash.mapping, sizeof(before->mapping)) != 0) {
            __atomic_add_fetch(&vif->tables, 1, __ATOMIC_SEQ_CST);
            for (uint32_t i = 0; i < vif->queues_known; i++) {
                transmit_enable(vif->tx[i]);
            }
        }
    }
    event_set(&frontend->gate);
}

/* True: somebody answers, and the subscriber may have to give another table. */
static bool is_answered(struct vif *vif)
{
    struct frontend *frontend = &vif->frontend;
    bool answered = true;

    event_wait(&frontend->gate, SCHED_FOREVER);
    if (is_wanted(vif) && !__atomic_load_n(&frontend->running, __ATOMIC_SEQ_CST) &&
        connect_run(vif) == STATUS_TRANSACTION_TIMED_OUT) {
        frontend->again = sched_now() + CONNECT_AGAIN;
        answered = false;
    }
    event_set(&frontend->gate);
    return answered;
}

static bool step(struct vif *vif)
{
    uint32_t backend = XenbusStateUnknown, before = vif->frontend.phase;
    bool changed = false, migrating, anew, due;

    event_wait(&vif->frontend.gate, SCHED_FOREVER);
    migrating = vif->frontend.migrating; /* the end of it, which comes after Enable, is announced by itself */
    frontend_reads(vif, "state", &backend);
    sched_trace("vif phase %u, backend state %u", before, backend);
    switch (before) {
    case FRONTEND_WAITING:
        step_waiting(vif, backend);
        break;
    case FRONTEND_CONNECTING:
        step_connecting(vif, backend);
        break;
    case FRONTEND_CONNECTED:
        changed = step_connected(vif, backend);
        break;
    default:
        step_closing(vif, backend);
        break;
    }
    anew = vif->frontend.phase == FRONTEND_CONNECTED && before == FRONTEND_CONNECTING;
    due = vif->frontend.phase == FRONTEND_CONNECTED &&
          (vif->frontend.again != 0 ? sched_now() >= vif->frontend.again : anew);
    event_set(&vif->frontend.gate);
    if (!migrating && (changed || anew || (due && is_answered(vif)))) {
        struct hash hash = vif->hash;

        callback_mac(vif);
        run_again(vif, &hash, due);
    }
    return vif->frontend.phase != FRONTEND_STOPPED;
}

/* When to look again although nothing has changed. */
static uint64_t next_look(struct vif *vif)
{
    if (vif->frontend.phase == FRONTEND_CLOSING) {
        return vif->frontend.patience;
    }
    if (vif->frontend.phase == FRONTEND_CONNECTED && vif->frontend.again != 0) {
        return vif->frontend.again;
    }
    return vif->frontend.phase == FRONTEND_CONNECTED && vif->options.stall_ns != 0
               ? sched_now() + vif->options.stall_ns / 4
               : SCHED_FOREVER;
}

static void frontend_thread(void *argument)
{
    struct vif *vif = argument;
    struct frontend *frontend = &vif->frontend;

    for (;;) {
        uint32_t seen = __atomic_load_n(&frontend->word, __ATOMIC_SEQ_CST), before = frontend->phase;

        if (!step(vif)) {
            break;
        }
        if (frontend->phase != before) {
            continue; /* a stop or a change that came before may mean something else in the new phase */
        }
        sched_wait(&frontend->word, seen, next_look(vif));
    }
}

/* --- from outside --- */

static const char *const link_keys[LINK_KEYS] = { "disconnect", "speed" };

static void remove_watches(struct frontend *frontend)
{
    xen_watch_remove(frontend->watch);
    for (size_t i = 0; i < LINK_KEYS; i++) {
        if (frontend->link_watches[i] != NULL) {
            xen_watch_remove(frontend->link_watches[i]);
            frontend->link_watches[i] = NULL;
        }
    }
}

int frontend_start(struct vif *vif)
{
    event_init(&vif->frontend.gate, true, true);
    return frontend_restart(vif);
}

int frontend_restart(struct vif *vif)
{
    struct frontend *frontend = &vif->frontend;
    char path[128];
    unsigned domid = 0;
    int result;

    __atomic_store_n(&frontend->stop, false, __ATOMIC_SEQ_CST);
    set_phase(frontend, FRONTEND_WAITING);
    snprintf(frontend->path, sizeof(frontend->path), "device/vif/%u", vif->options.handle);
    snprintf(path, sizeof(path), "%s/backend", frontend->path);
    result = xen_store_read(vif->xen, 0, path, &frontend->backend);
    if (result < 0) {
        return result;
    }
    snprintf(path, sizeof(path), "%s/backend-id", frontend->path);
    xen_store_scanf(vif->xen, 0, path, "%u", &domid);
    frontend->backend_domid = (uint16_t)domid;
    snprintf(path, sizeof(path), "%s/state", frontend->path);
    xen_store_scanf(vif->xen, 0, path, "%u", &frontend->own_state);
    mac_read(vif);
    result = xen_watch_add(vif->xen, frontend->backend, fired, frontend, &frontend->watch);
    if (result < 0) {
        free(frontend->backend);
        return result;
    }
    for (size_t i = 0; i < LINK_KEYS && result == 0; i++) {
        snprintf(path, sizeof(path), "%s/%s", frontend->path, link_keys[i]);
        result = xen_watch_add(vif->xen, path, fired, frontend, &frontend->link_watches[i]);
    }
    if (result < 0) {
        remove_watches(frontend);
        free(frontend->backend);
        return result;
    }
    frontend->thread = thread_start("frontend", frontend_thread, vif);
    return 0;
}

void frontend_stop(struct vif *vif)
{
    struct frontend *frontend = &vif->frontend;

    if (frontend->thread == NULL) {
        return; /* for a suspend from which it did not come back */
    }
    __atomic_store_n(&frontend->stop, true, __ATOMIC_SEQ_CST);
    kick(frontend);
    thread_join(frontend->thread);
    frontend->thread = NULL;
    remove_watches(frontend);
    free(frontend->backend);
}

bool frontend_wait_connected(struct vif *vif, uint64_t timeout_ns)
{
    struct frontend *frontend = &vif->frontend;
    uint64_t deadline = sched_now() + timeout_ns;
    uint32_t phase;

    while ((phase = __atomic_load_n(&frontend->phase, __ATOMIC_SEQ_CST)) != FRONTEND_CONNECTED) {
        if (phase == FRONTEND_STOPPED || !sched_wait(&frontend->phase, phase, deadline)) {
            return false;
        }
    }
    return true;
}

void frontend_give_up(struct vif *vif)
{
    __atomic_store_n(&vif->queues_known, 0, __ATOMIC_RELEASE);
    vif->frontend.lost = !vif->release->reconnects;
    if (vif->frontend.phase == FRONTEND_CONNECTED) {
        begin_close(vif);
    }
}

void frontend_look_again(struct vif *vif)
{
    event_wait(&vif->frontend.gate, SCHED_FOREVER);
    if (vif->frontend.lost) {
        vif->frontend.lost = false;
        kick(&vif->frontend);
    }
    event_set(&vif->frontend.gate);
}

void frontend_announce(struct vif *vif)
{
    __atomic_store_n(&vif->frontend.announce, true, __ATOMIC_SEQ_CST);
    kick(&vif->frontend);
}

void frontend_cycle(struct vif *vif)
{
    struct frontend *frontend = &vif->frontend;
    uint32_t before = __atomic_load_n(&frontend->cycles, __ATOMIC_SEQ_CST);

    __atomic_store_n(&frontend->cycle, true, __ATOMIC_SEQ_CST);
    kick(frontend);
    while (__atomic_load_n(&frontend->cycles, __ATOMIC_SEQ_CST) == before) {
        sched_wait(&frontend->cycles, before, SCHED_FOREVER);
    }
}
