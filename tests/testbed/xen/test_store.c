/* SPDX-License-Identifier: BSD-2-Clause */
/* Xenstore of the embedded hypervisor: values, listings, rights, transactions, watches. */
#include <errno.h>
#include <limits.h>

#include "xen_run.h"

static void values(struct xen_run *run)
{
    char *value, **names;
    size_t count;
    uint32_t number;

    CHECK_EQ(xen_store_read(run->guest, 0, "data/a", &value), -ENOENT);
    CHECK_EQ(xen_store_printf(run->guest, 0, "data/a", "%d", 42), 0);
    CHECK_EQ(xen_store_read(run->dom0, 0, "/local/domain/1/data/a", &value), 0);
    CHECK_STR(value, "42");
    free(value);
    CHECK_EQ(xen_store_scanf(run->guest, 0, "data/a", "%u", &number), 1);
    CHECK_EQ(number, 42);
    CHECK_EQ(xen_store_write(run->guest, 0, "data/c", ""), 0);
    CHECK_EQ(xen_store_write(run->guest, 0, "data/b/below", "x"), 0);
    CHECK_EQ(xen_store_list(run->guest, 0, "data", &names, &count), 0);
    CHECK_EQ(count, 3);
    CHECK_STR(names[0], "a");
    CHECK_STR(names[1], "b");
    CHECK_STR(names[2], "c");
    free(names);
    CHECK_EQ(xen_store_remove(run->guest, 0, "data/b"), 0);
    CHECK_EQ(xen_store_read(run->guest, 0, "data/b/below", &value), -ENOENT);
    CHECK_EQ(xen_store_remove(run->guest, 0, "data/b"), -ENOENT);
    CHECK_EQ(xen_store_read(run->guest, 0, "", &value), -EINVAL);
}

TEST(values_are_kept_by_path)
{
    xen_run_all(values, 2);
}

/* A migration: the toolstack of the new host knows nothing of what the frontend wrote at the old one. */
static void another_host(struct xen_run *run)
{
    const struct xen_vif_config config = { .guest = 1, .vif_name = "vif1.0" };
    char *value;

    CHECK_EQ(xen_toolstack_add_vif(run->host, &config), 0);
    CHECK_EQ(xen_store_write(run->guest, 0, "device/vif/0/event-channel-tx", "7"), 0);
    CHECK_EQ(xen_store_write(run->guest, 0, "device/vif/0/queue-0/tx-ring-ref", "8"), 0);
    CHECK_EQ(xen_toolstack_add_vif(run->host, &config), 0);
    CHECK_EQ(xen_store_read(run->guest, 0, "device/vif/0/event-channel-tx", &value), -ENOENT);
    CHECK_EQ(xen_store_read(run->guest, 0, "device/vif/0/queue-0", &value), -ENOENT);
    CHECK_EQ(xen_store_read(run->guest, 0, "device/vif/0/backend", &value), 0);
    CHECK_STR(value, "/local/domain/0/backend/vif/1/0");
    free(value);
}

TEST(a_device_on_another_host_has_nothing_of_the_one_before)
{
    xen_run_all(another_host, 2);
}

static void rights(struct xen_run *run)
{
    char *value;

    CHECK_EQ(xen_store_write(run->dom0, 0, "/secret", "1"), 0);
    CHECK_EQ(xen_store_read(run->guest, 0, "/secret", &value), -EACCES);
    CHECK_EQ(xen_store_write(run->guest, 0, "/secret", "2"), -EACCES);
    CHECK_EQ(xen_store_write(run->guest, 0, "/elsewhere", "2"), -EACCES);
    CHECK_EQ(xen_store_permissions(run->guest, 0, "/secret", 1, 1, true, true), -EACCES);
    CHECK_EQ(xen_store_permissions(run->dom0, 0, "/secret", 0, 1, true, false), 0);
    CHECK_EQ(xen_store_read(run->guest, 0, "/secret", &value), 0);
    free(value);
    CHECK_EQ(xen_store_write(run->guest, 0, "/secret", "2"), -EACCES);
    CHECK_EQ(xen_store_remove(run->guest, 0, "/secret"), -EACCES);
    CHECK_EQ(xen_store_permissions(run->dom0, 0, "/secret", 0, 1, true, true), 0);
    CHECK_EQ(xen_store_write(run->guest, 0, "/secret/mine", "2"), 0);
}

TEST(rights_are_kept_and_inherited)
{
    xen_run_all(rights, 2);
}

static void transactions(struct xen_run *run)
{
    xen_transaction a, b;
    char *value;

    CHECK_EQ(xen_store_write(run->guest, 0, "t/x", "1"), 0);
    CHECK_EQ(xen_transaction_start(run->guest, &a), 0);
    CHECK_EQ(xen_store_write(run->guest, a, "t/y", "2"), 0);
    CHECK_EQ(xen_store_read(run->guest, 0, "t/y", &value), -ENOENT);
    CHECK_EQ(xen_store_read(run->guest, a, "t/y", &value), 0);
    free(value);
    CHECK_EQ(xen_store_write(run->guest, 0, "t/elsewhere", "3"), 0);
    CHECK_EQ(xen_transaction_end(run->guest, a, true), 0);
    CHECK_EQ(xen_store_read(run->guest, 0, "t/y", &value), 0);
    free(value);

    CHECK_EQ(xen_transaction_start(run->guest, &a), 0); /* what it read is changed: again, please */
    CHECK_EQ(xen_store_read(run->guest, a, "t/x", &value), 0);
    free(value);
    CHECK_EQ(xen_store_write(run->guest, a, "t/z", "4"), 0);
    CHECK_EQ(xen_store_write(run->dom0, 0, "/local/domain/1/t/x", "5"), 0);
    CHECK_EQ(xen_transaction_end(run->guest, a, true), -EAGAIN);
    CHECK_EQ(xen_store_read(run->guest, 0, "t/z", &value), -ENOENT);

    CHECK_EQ(xen_transaction_start(run->guest, &a), 0); /* two that make the same key */
    CHECK_EQ(xen_transaction_start(run->guest, &b), 0);
    CHECK_EQ(xen_store_write(run->guest, a, "t/new", "a"), 0);
    CHECK_EQ(xen_store_write(run->guest, b, "t/new", "b"), 0);
    CHECK_EQ(xen_transaction_end(run->guest, a, true), 0);
    CHECK_EQ(xen_transaction_end(run->guest, b, true), -EAGAIN);

    CHECK_EQ(xen_transaction_start(run->guest, &a), 0);
    CHECK_EQ(xen_store_remove(run->guest, a, "t"), 0);
    CHECK_EQ(xen_transaction_end(run->dom0, a, true), -ENOENT); /* not dom0's */
    CHECK_EQ(xen_transaction_end(run->guest, a, false), 0);
    CHECK_EQ(xen_store_read(run->guest, 0, "t/new", &value), 0);
    CHECK_STR(value, "a");
    free(value);

    CHECK_EQ(xen_store_write(run->guest, 0, "t/below/x", "old"), 0); /* made anew what it removed itself: no conflict */
    CHECK_EQ(xen_transaction_start(run->guest, &a), 0);
    CHECK_EQ(xen_store_remove(run->guest, a, "t/below"), 0);
    CHECK_EQ(xen_store_write(run->guest, a, "t/below/x", "fresh"), 0);
    CHECK_EQ(xen_transaction_end(run->guest, a, true), 0);
    CHECK_EQ(xen_store_read(run->guest, 0, "t/below/x", &value), 0);
    CHECK_STR(value, "fresh");
    free(value);
}

TEST(transactions_happen_whole_or_not_at_all)
{
    xen_run_all(transactions, 2);
}

struct seen {
    uint32_t count;
    char last[64];
};

static void fired(void *argument, const char *path)
{
    struct seen *seen = argument;

    snprintf(seen->last, sizeof(seen->last), "%s", path);
    __atomic_add_fetch(&seen->count, 1, __ATOMIC_SEQ_CST);
    sched_wake(&seen->count, UINT_MAX);
}

static void wait_seen(struct seen *seen, uint32_t count, const char *last)
{
    uint32_t now;

    while ((now = __atomic_load_n(&seen->count, __ATOMIC_SEQ_CST)) < count) {
        sched_wait(&seen->count, now, SCHED_FOREVER);
    }
    CHECK_EQ(seen->count, count);
    CHECK_STR(seen->last, last);
}

static void watches(struct xen_run *run)
{
    struct seen seen = { 0 };
    struct xen_watch *watch;
    xen_transaction t;

    CHECK_EQ(xen_watch_add(run->guest, "w/x", fired, &seen, &watch), 0);
    wait_seen(&seen, 1, "w/x"); /* at once, whether there or not */
    CHECK_EQ(xen_store_write(run->guest, 0, "w/x/below", "1"), 0);
    wait_seen(&seen, 2, "w/x/below");
    CHECK_EQ(xen_store_write(run->guest, 0, "w/xy", "1"), 0); /* not below */
    CHECK_EQ(xen_transaction_start(run->dom0, &t), 0);
    CHECK_EQ(xen_store_write(run->dom0, t, "/local/domain/1/w/x", "2"), 0);
    CHECK_EQ(xen_transaction_end(run->dom0, t, true), 0);
    wait_seen(&seen, 3, "w/x");
    CHECK_EQ(xen_store_remove(run->guest, 0, "w"), 0); /* above: the watched path goes too */
    wait_seen(&seen, 4, "w/x");
    xen_watch_remove(watch);
    CHECK_EQ(xen_store_write(run->guest, 0, "w/x", "3"), 0);
    CHECK_EQ(xen_watch_add(run->guest, "/local/domain/1/w", fired, &seen, &watch), 0);
    wait_seen(&seen, 5, "/local/domain/1/w");
    xen_watch_remove(watch);
}

TEST(watches_fire_at_once_and_for_every_change_below)
{
    xen_run_all(watches, 50);
}

struct own {
    struct xen_watch *watch;
    uint32_t done;
};

static void remove_itself(void *argument, const char *path)
{
    struct own *own = argument;

    (void)path;
    xen_watch_remove(own->watch);
    __atomic_store_n(&own->done, 1, __ATOMIC_SEQ_CST);
    sched_wake(&own->done, UINT_MAX);
}

static void own_removal(struct xen_run *run)
{
    struct own own = { 0 };

    CHECK_EQ(xen_watch_add(run->guest, "w", remove_itself, &own, &own.watch), 0);
    while (__atomic_load_n(&own.done, __ATOMIC_SEQ_CST) == 0) {
        sched_wait(&own.done, 0, SCHED_FOREVER);
    }
    CHECK_EQ(xen_store_write(run->guest, 0, "w", "1"), 0);
}

TEST(a_watch_may_remove_itself)
{
    xen_run_all(own_removal, 50);
}

static void leaks(struct xen_run *run)
{
    struct leaks found = { 0 };
    struct seen seen = { 0 };
    struct xen_watch *watch;
    xen_transaction t;

    CHECK_EQ(xen_watch_add(run->guest, "w", fired, &seen, &watch), 0);
    CHECK_EQ(xen_transaction_start(run->guest, &t), 0);
    xen_leaks(run->guest, &found);
    CHECK_EQ(found.count, 2);
    CHECK_CONTAINS(found.lines[0], "watch on /local/domain/1/w");
    CHECK_CONTAINS(found.lines[1], "transaction");
    leaks_free(&found);
    CHECK_EQ(xen_transaction_end(run->guest, t, false), 0);
    xen_watch_remove(watch);
    xen_leaks(run->guest, &found);
    CHECK_EQ(found.count, 0);
}

TEST(what_is_still_held_is_listed)
{
    xen_run_all(leaks, 2);
}
