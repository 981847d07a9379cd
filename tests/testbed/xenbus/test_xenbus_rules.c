/* SPDX-License-Identifier: BSD-2-Clause */
/* The XenBus stand-in's interfaces, asked for by IRP and walked method by method; each of their rules broken once.
 * Those of CACHE and RANGE_SET are in test_xenbus_memory_rules, of STORE and SUSPEND in test_xenbus_store_rules. */
#include "xenbus_bed.h"

/* --- which interfaces there are --- */

static void sizes(void)
{
    static const struct {
        const uint8_t *guid;
        uint16_t version, size;
    } known[] = {
        { evtchn_guid, 5, 112 }, { evtchn_guid, 6, 112 }, { evtchn_guid, 7, 120 }, { evtchn_guid, 9, 120 },
        { gnttab_guid, 1, 88 },  { gnttab_guid, 2, 104 }, { gnttab_guid, 3, 112 }, { gnttab_guid, 4, 112 },
        { cache_guid, 1, 80 },   { cache_guid, 2, 80 },   { range_guid, 1, 88 },   { debug_guid, 1, 80 },
        { unplug_guid, 1, 56 },  { unplug_guid, 2, 64 },  { unplug_guid, 3, 80 },
    };
    struct DEVICE_OBJECT *pdo;
    struct asked table;

    xenbus_bed_begin();
    pdo = device_object(xenbus_pdo(at.bus));
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        ask(&table, known[i].guid, known[i].version, known[i].size);
        release(&table);
        CHECK_EQ(pnp_query_interface(pdo, known[i].guid, known[i].version, &table, (uint16_t)(known[i].size - 8)),
                 (int32_t)0x80000005);
    }
    CHECK_EQ(pnp_query_interface(pdo, evtchn_guid, 4, &table, sizeof(table)), STATUS_NOT_SUPPORTED);
    CHECK_EQ(pnp_query_interface(pdo, evtchn_guid, 10, &table, sizeof(table)), STATUS_NOT_SUPPORTED);
    CHECK_EQ(pnp_query_interface(pdo, cache_guid, 3, &table, sizeof(table)), STATUS_NOT_SUPPORTED);
    CHECK_EQ(xenbus_bed_end(), 0);
}
TEST(each_interface_has_its_versions_and_sizes)
{
    CHECK_EQ(nt_run(sizes, NULL), 0);
}

/* --- EVTCHN --- */

typedef MS_ABI uint8_t interrupt(void *object, void *argument);

static MS_ABI uint8_t on_event(void *object, void *argument)
{
    CHECK(object == NULL);
    CHECK(argument == &at);
    at.calls++;
    return 1;
}

static void *open_channel(struct asked *evtchn)
{
    return METHOD(evtchn, 2, void *, (void *, uint32_t, interrupt *, void *, ...), evtchn, 2, on_event, &at, PEER, 1);
}

static uint8_t unmask(struct asked *evtchn, void *channel, uint8_t force)
{
    return METHOD(evtchn, 4, uint8_t, (void *, void *, uint8_t, uint8_t), evtchn, channel, 0, force);
}

static void from_peer(void *unused)
{
    (void)unused;
}

static void event_channels(void)
{
    struct asked evtchn;
    struct xen_event *peer;
    struct LARGE_INTEGER nothing = { 0 };
    uint8_t old;
    void *channel;

    xenbus_bed_begin();
    ask(&evtchn, evtchn_guid, 9, 120);
    channel = open_channel(&evtchn);
    CHECK(channel != NULL);
    CHECK_EQ(METHOD(&evtchn, 3, int32_t, (void *, void *, uint16_t, uint8_t), &evtchn, channel, 0, 0), 0);
    CHECK_EQ(xen_event_bind(at.dom0, GUEST, METHOD(&evtchn, 9, uint32_t, (void *, void *), &evtchn, channel), from_peer,
                            NULL, &peer),
             0);
    xen_event_send(peer); /* masked since it was opened: kept */
    CHECK_EQ(at.calls, 0);
    CHECK_EQ(unmask(&evtchn, channel, 1), 0);
    CHECK_EQ(at.calls, 1);
    xen_event_send(peer); /* the first one masked it */
    CHECK_EQ(at.calls, 1);
    CHECK_EQ(unmask(&evtchn, channel, 0), 1); /* without force: the caller looks by itself, and it stays masked */
    CHECK_EQ(at.calls, 1);
    CHECK_EQ(unmask(&evtchn, channel, 0), 0);
    xen_event_send(peer);
    CHECK_EQ(at.calls, 2);
    CHECK_EQ(METHOD(&evtchn, 7, uint32_t, (void *, void *), &evtchn, channel), 2);
    CHECK_EQ(METHOD(&evtchn, 8, int32_t, (void *, void *, uint32_t, void *), &evtchn, channel, 2, NULL), 0);
    CHECK_EQ(METHOD(&evtchn, 8, int32_t, (void *, void *, uint32_t, void *), &evtchn, channel, 3, &nothing), 0x102);
    METHOD(&evtchn, 6, void, (void *, void *), &evtchn, channel); /* Trigger */
    CHECK_EQ(at.calls, 3);
    old = irql_raise(DISPATCH_LEVEL);
    METHOD(&evtchn, 5, void, (void *, void *), &evtchn, channel); /* Send */
    irql_lower(old);
    xen_event_close(peer);
    METHOD(&evtchn, 10, void, (void *, void *), &evtchn, channel);
    release(&evtchn);
    CHECK_EQ(xenbus_bed_end(), 0);
}
TEST(event_channels_deliver_mask_and_count)
{
    CHECK_EQ(nt_run(event_channels, NULL), 0);
}

static void sent_at_passive(void)
{
    struct asked evtchn;

    xenbus_bed_begin();
    ask(&evtchn, evtchn_guid, 9, 120);
    METHOD(&evtchn, 5, void, (void *, void *), &evtchn, open_channel(&evtchn));
}
TEST(event_sent_at_passive_level_is_caught)
{
    EXPECT_NT_RULE("vif-irql", sent_at_passive);
}

static void channel_closed_twice(void)
{
    struct asked evtchn;
    void *channel;

    xenbus_bed_begin();
    ask(&evtchn, evtchn_guid, 9, 120);
    channel = open_channel(&evtchn);
    METHOD(&evtchn, 10, void, (void *, void *), &evtchn, channel);
    METHOD(&evtchn, 10, void, (void *, void *), &evtchn, channel);
}
TEST(channel_closed_twice_is_caught)
{
    EXPECT_NT_RULE("xenbus", channel_closed_twice);
}

static void event_method_of_nothing(void)
{
    struct asked evtchn;

    xenbus_bed_begin();
    ask(&evtchn, evtchn_guid, 9, 120);
    unmask(&evtchn, NULL, 1);
}
TEST(a_method_of_no_channel_is_caught)
{
    EXPECT_NT_RULE("xenbus", event_method_of_nothing);
}

static void channel_of_a_virtual_interrupt(void)
{
    struct asked evtchn;

    xenbus_bed_begin();
    ask(&evtchn, evtchn_guid, 9, 120);
    METHOD(&evtchn, 2, void *, (void *, uint32_t, interrupt *, void *, ...), &evtchn, 4, on_event, &at, 0, 1);
}
TEST(a_kind_of_channel_that_is_not_simulated_is_named)
{
    EXPECT_NT_RULE("unsupported", channel_of_a_virtual_interrupt);
}

static void without_acquire(void)
{
    struct asked evtchn;

    xenbus_bed_begin();
    ask(&evtchn, evtchn_guid, 9, 120);
    release(&evtchn);
    open_channel(&evtchn);
}
TEST(method_after_release_is_caught)
{
    EXPECT_NT_RULE("vif-acquire", without_acquire);
}

static void forget_everything(void)
{
    struct asked evtchn, debug;
    void *callback;

    xenbus_bed_begin();
    ask(&evtchn, evtchn_guid, 9, 120);
    open_channel(&evtchn);
    ask(&debug, debug_guid, 1, 80);
    CHECK_EQ(METHOD(&debug, 2, int32_t, (void *, const char *, void *, void *, void **), &debug, "forgotten", on_event,
                    &at, &callback),
             0);
    CHECK_EQ(xenbus_bed_end(), 4); /* a channel, a callback, two references */
}
TEST(what_is_not_given_back_is_listed)
{
    CHECK_EQ(nt_run(forget_everything, NULL), 0);
}

/* --- GNTTAB --- */

static void *grant_cache(struct asked *gnttab, uint32_t cap)
{
    void *cache = NULL;

    CHECK_EQ(METHOD(gnttab, 2, int32_t, (void *, const char *, uint32_t, uint32_t, void *, void *, void *, void **),
                    gnttab, "grants", 0, cap, NULL, NULL, NULL, &cache),
             0);
    return cache;
}

static int32_t permit(struct asked *gnttab, void *cache, void *page, void **entry)
{
    return METHOD(gnttab, 3, int32_t, (void *, void *, uint8_t, uint16_t, uint64_t, uint8_t, void **), gnttab, cache, 0,
                  PEER, (uintptr_t)page / XEN_PAGE_SIZE, 0, entry);
}

static int32_t revoke(struct asked *gnttab, void *cache, void *entry)
{
    return METHOD(gnttab, 4, int32_t, (void *, void *, uint8_t, void *), gnttab, cache, 0, entry);
}

static void grants(void)
{
    struct asked gnttab;
    void *cache, *entry, *second, *page;
    uint32_t reference;
    uint8_t *seen;

    xenbus_bed_begin();
    ask(&gnttab, gnttab_guid, 4, 112);
    cache = grant_cache(&gnttab, 1);
    page = xen_memory_alloc(at.guest, 1);
    *(uint8_t *)page = 0x5a;
    CHECK_EQ(permit(&gnttab, cache, &at, &entry), STATUS_INSUFFICIENT_RESOURCES); /* no page of this domain's */
    CHECK_EQ(permit(&gnttab, cache, page, &entry), 0);
    CHECK_EQ(permit(&gnttab, cache, page, &second), STATUS_INSUFFICIENT_RESOURCES); /* beyond its cap */
    reference = METHOD(&gnttab, 5, uint32_t, (void *, void *), &gnttab, entry);
    CHECK_EQ(xen_map(at.dom0, GUEST, reference, true, (void **)&seen), 0);
    CHECK_EQ(*seen, 0x5a);
    CHECK_EQ(revoke(&gnttab, cache, entry), STATUS_UNSUCCESSFUL); /* mapped: it stays */
    xen_unmap(at.dom0, GUEST, reference);
    CHECK_EQ(revoke(&gnttab, cache, entry), 0);
    METHOD(&gnttab, 7, void, (void *, void *), &gnttab, cache);
    release(&gnttab);
    xen_memory_free(at.guest, page, 1);
    CHECK_EQ(xenbus_bed_end(), 0);
}
TEST(grants_are_permitted_mapped_and_revoked)
{
    CHECK_EQ(nt_run(grants, NULL), 0);
}

static void one_grant(struct asked *gnttab, void **cache, void **entry)
{
    xenbus_bed_begin();
    ask(gnttab, gnttab_guid, 4, 112);
    *cache = grant_cache(gnttab, 0);
    CHECK_EQ(permit(gnttab, *cache, xen_memory_alloc(at.guest, 1), entry), 0);
}

static void grant_of_another_cache(void)
{
    struct asked gnttab;
    void *cache, *entry;

    one_grant(&gnttab, &cache, &entry);
    revoke(&gnttab, grant_cache(&gnttab, 0), entry);
}
TEST(grant_revoked_by_another_cache_is_caught)
{
    EXPECT_NT_RULE("xenbus", grant_of_another_cache);
}

static void grant_cache_above_its_cap(void)
{
    struct asked gnttab;
    void *cache;

    xenbus_bed_begin();
    ask(&gnttab, gnttab_guid, 4, 112);
    METHOD(&gnttab, 2, int32_t, (void *, const char *, uint32_t, uint32_t, void *, void *, void *, void **), &gnttab,
           "grants", 2, 1, NULL, NULL, NULL, &cache);
}
TEST(a_grant_cache_that_reserves_more_than_its_cap_is_caught)
{
    EXPECT_NT_RULE("xenbus", grant_cache_above_its_cap);
}

static void reference_of_a_revoked_grant(void)
{
    struct asked gnttab;
    void *cache, *entry;

    one_grant(&gnttab, &cache, &entry);
    revoke(&gnttab, cache, entry);
    METHOD(&gnttab, 5, uint32_t, (void *, void *), &gnttab, entry);
}
TEST(the_reference_of_a_revoked_grant_is_caught)
{
    EXPECT_NT_RULE("xenbus", reference_of_a_revoked_grant);
}

static void foreign_pages(void)
{
    struct asked gnttab;

    xenbus_bed_begin();
    ask(&gnttab, gnttab_guid, 4, 112);
    METHOD(&gnttab, 6, int32_t, (void *), &gnttab);
}
TEST(a_backends_way_of_grants_is_named)
{
    EXPECT_NT_RULE("unsupported", foreign_pages);
}

/* Of BUS_INTERFACE_STANDARD no network driver uses more than GetBusData. */
static void ask_standard(struct asked *standard)
{
    xenbus_bed_begin();
    ask(standard, standard_guid, 1, 64);
}

static void translate(void)
{
    struct asked standard;

    ask_standard(&standard);
    METHOD(&standard, 0, uint8_t, (void *), standard.head.Context);
}

static void dma_adapter(void)
{
    struct asked standard;

    ask_standard(&standard);
    METHOD(&standard, 1, void *, (void *), standard.head.Context);
}

static void set_bus_data(void)
{
    struct asked standard;

    ask_standard(&standard);
    METHOD(&standard, 2, uint32_t, (void *), standard.head.Context);
}
TEST(the_rest_of_the_standard_interface_is_named)
{
    EXPECT_NT_RULE("unsupported", translate);
    EXPECT_NT_RULE("unsupported", dma_adapter);
    EXPECT_NT_RULE("unsupported", set_bus_data);
}

static void standard_given_back_twice(void)
{
    struct asked standard;

    xenbus_bed_begin();
    ask(&standard, standard_guid, 1, 64);
    for (int i = 0; i < 2; i++) {
        ((MS_ABI void (*)(void *))standard.head.InterfaceDereference)(standard.head.Context);
    }
}
TEST(the_standard_interface_given_back_twice_is_caught)
{
    EXPECT_NT_RULE("xenbus", standard_given_back_twice);
}

static void cache_with_grants(void)
{
    struct asked gnttab;
    void *cache, *entry;

    one_grant(&gnttab, &cache, &entry);
    METHOD(&gnttab, 7, void, (void *, void *), &gnttab, cache);
}
TEST(grant_cache_destroyed_with_grants_out_is_caught)
{
    EXPECT_NT_RULE("xenbus", cache_with_grants);
}

/* --- DEBUG, UNPLUG, BUS_INTERFACE_STANDARD --- */

static MS_ABI void on_debug(void *argument, uint8_t crashing)
{
    CHECK(argument == &at);
    CHECK_EQ(crashing, 0);
    at.calls++;
}

static void the_rest(void)
{
    struct asked debug, unplug, standard;
    void *callback;
    uint16_t device = 0;

    xenbus_bed_begin();
    ask(&debug, debug_guid, 1, 80);
    CHECK_EQ(METHOD(&debug, 2, int32_t, (void *, const char *, void *, void *, void **), &debug, "test", on_debug, &at,
                    &callback),
             0);
    xenbus_debug_request(at.bus);
    METHOD(&debug, 4, void, (void *, void *), &debug, callback);
    METHOD(&debug, 4, void, (void *, void *), &debug, NULL);
    CHECK_EQ(at.calls, 3);
    METHOD(&debug, 3, void, (void *, const char *, ...), &debug, "%s %u\n", "printed", 7);
    METHOD(&debug, 5, void, (void *, void *), &debug, callback);
    release(&debug);
    ask(&unplug, unplug_guid, 3, 80);
    METHOD(&unplug, 2, void, (void *, uint32_t, uint8_t), &unplug, 2, 1);
    CHECK_EQ(METHOD(&unplug, 3, uint8_t, (void *, uint32_t), &unplug, 2), 1);
    CHECK_EQ(METHOD(&unplug, 4, uint8_t, (void *), &unplug), 0);
    METHOD(&unplug, 5, void, (void *, const char *), &unplug, "test");
    release(&unplug);
    ask(&standard, standard_guid, 1, 64);
    CHECK_EQ(METHOD(&standard, 3, uint32_t, (void *, uint32_t, void *, uint32_t, uint32_t), standard.head.Context, 0,
                    &device, 2, 2),
             2);
    CHECK_EQ(device, 2);
    CHECK_EQ(METHOD(&standard, 3, uint32_t, (void *, uint32_t, void *, uint32_t, uint32_t), standard.head.Context, 0,
                    &device, 0, 2),
             0);
    ((MS_ABI void (*)(void *))standard.head.InterfaceDereference)(standard.head.Context);
    CHECK_EQ(xenbus_bed_end(), 0);
}
TEST(debug_unplug_and_the_bus_answer)
{
    CHECK_EQ(nt_run(the_rest, NULL), 0);
}
