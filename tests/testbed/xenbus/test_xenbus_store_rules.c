/* SPDX-License-Identifier: BSD-2-Clause */
/* XenBus' STORE and SUSPEND as a bus driver asks for them: each of their rules broken once, and what is left listed. */
#include "xenbus_bed.h"

enum { STORE_BYTES = 136, SUSPEND_BYTES = 80, EARLY = 1 };
enum { STORE_FREE = 2, STORE_READ, STORE_PRINTF, STORE_START = 8, STORE_END, WATCH_ADD, WATCH_REMOVE, STORE_POLL };
enum { REGISTER = 2, DEREGISTER };

static struct asked store, suspend;

static void begin(void)
{
    xenbus_bed_begin();
    ask(&store, store_guid, 2, STORE_BYTES);
    ask(&suspend, suspend_guid, 1, SUSPEND_BYTES);
}

static int32_t write_in(void *transaction, const char *value)
{
    return METHOD(&store, STORE_PRINTF, int32_t, (void *, void *, const char *, const char *, const char *, ...),
                  &store, transaction, "data", "node", "%s", value);
}

static void *start(void)
{
    void *transaction = NULL;

    CHECK_EQ(METHOD(&store, STORE_START, int32_t, (void *, void **), &store, &transaction), STATUS_SUCCESS);
    return transaction;
}

static int32_t end(void *transaction)
{
    return METHOD(&store, STORE_END, int32_t, (void *, void *, uint8_t), &store, transaction, 1);
}

static char *read_node(void)
{
    char *value = NULL;

    CHECK_EQ(METHOD(&store, STORE_READ, int32_t, (void *, void *, const char *, const char *, char **), &store, NULL,
                    "data", "node", &value),
             STATUS_SUCCESS);
    return value;
}

static void give_back(void *buffer)
{
    METHOD(&store, STORE_FREE, void, (void *, void *), &store, buffer);
}

static void *suspend_callback(void)
{
    void *callback = NULL;

    CHECK_EQ(METHOD(&suspend, REGISTER, int32_t, (void *, uint32_t, void *, void *, void **), &suspend, EARLY, &at, &at,
                    &callback),
             STATUS_SUCCESS);
    return callback;
}

static void deregister(void *callback)
{
    METHOD(&suspend, DEREGISTER, void, (void *, void *), &suspend, callback);
}

static void all_given_back(void)
{
    struct KEVENT event;
    void *transaction, *watch, *callback;
    char *value;

    begin();
    transaction = start();
    CHECK_EQ(write_in(transaction, "seven"), STATUS_SUCCESS);
    CHECK_EQ(end(transaction), STATUS_SUCCESS);
    value = read_node();
    CHECK_STR(value, "seven");
    give_back(value);
    CALL(void, KeInitializeEvent, (struct KEVENT *, uint32_t, uint8_t), &event, 0, 0);
    CHECK_EQ(METHOD(&store, WATCH_ADD, int32_t, (void *, const char *, const char *, void *, void **), &store, "data",
                    "node", &event, &watch),
             STATUS_SUCCESS);
    CHECK_EQ(METHOD(&store, WATCH_REMOVE, int32_t, (void *, void *), &store, watch), STATUS_SUCCESS);
    callback = suspend_callback();
    deregister(callback);
    release(&store);
    release(&suspend);
    CHECK_EQ(xenbus_bed_end(), 0);
}
TEST(what_is_given_back_leaves_nothing)
{
    CHECK_EQ(nt_run(all_given_back, NULL), 0);
}

static void nothing_given_back(void)
{
    begin();
    CHECK_EQ(write_in(NULL, "kept"), STATUS_SUCCESS);
    (void)read_node();
    (void)start();
    (void)suspend_callback();
    CHECK_EQ(xenbus_bed_end(), 5); /* a buffer, a transaction, a callback, two references */
}
TEST(what_is_kept_is_listed)
{
    CHECK_EQ(nt_run(nothing_given_back, NULL), 0);
}

/* A case whose body breaks a rule. */
#define BREAKS(rule, name)                                                                                             \
    static void body_##name(void);                                                                                     \
    TEST(name)                                                                                                         \
    {                                                                                                                  \
        EXPECT_NT_RULE(rule, body_##name);                                                                             \
    }                                                                                                                  \
    static void body_##name(void)

BREAKS("vif-irql", store_above_dispatch_level_is_caught)
{
    begin();
    irql_raise(DISPATCH_LEVEL + 1);
    METHOD(&store, STORE_POLL, void, (void *), &store);
}

BREAKS("vif-acquire", store_after_release_is_caught)
{
    begin();
    release(&store);
    (void)start();
}

BREAKS("vif-store", a_buffer_freed_twice_is_caught)
{
    char *value;

    begin();
    CHECK_EQ(write_in(NULL, "once"), STATUS_SUCCESS);
    value = read_node();
    give_back(value);
    give_back(value);
}

BREAKS("vif-store", a_transaction_that_has_ended_and_is_used_is_caught)
{
    void *transaction;

    begin();
    transaction = start();
    (void)end(transaction);
    (void)write_in(transaction, "late");
}

BREAKS("vif-store", a_transaction_ended_twice_is_caught)
{
    void *transaction;

    begin();
    transaction = start();
    (void)end(transaction);
    (void)end(transaction);
}

BREAKS("vif-store", a_watch_removed_that_was_not_added_is_caught)
{
    begin();
    (void)METHOD(&store, WATCH_REMOVE, int32_t, (void *, void *), &store, &at);
}

BREAKS("vif-irql", a_suspend_callback_registered_above_dispatch_level_is_caught)
{
    begin();
    irql_raise(DISPATCH_LEVEL + 1);
    (void)suspend_callback();
}

BREAKS("vif-acquire", suspend_after_release_is_caught)
{
    begin();
    release(&suspend);
    (void)suspend_callback();
}

BREAKS("vif-suspend", a_suspend_callback_deregistered_twice_is_caught)
{
    void *callback;

    begin();
    callback = suspend_callback();
    deregister(callback);
    deregister(callback);
}
