/* SPDX-License-Identifier: BSD-2-Clause */
/* The XenBus stand-in's interfaces, asked for by IRP and walked method by method; each of their rules broken once. */
#include "xenbus/xenbus.h"

#include <stdlib.h>

#include "nt_run.h"
#include "xen/embedded/backend.h"

enum { PEER = 0, GUEST = 1, TABLE_BYTES = 256, PAGES = 64 };

static const uint8_t evtchn_guid[16] = { 0xac, 0x40, 0x24, 0xbe, 0x98, 0x10, 0x50, 0x41,
                                         0xaf, 0x4d, 0x45, 0x2f, 0xad, 0xce, 0xf9, 0x23 };
static const uint8_t gnttab_guid[16] = { 0xc5, 0x79, 0x36, 0x76, 0xc2, 0xe5, 0x6d, 0x4a,
                                         0x8b, 0x88, 0x6b, 0xb0, 0x2e, 0xc4, 0x2d, 0x8e };
static const uint8_t cache_guid[16] = { 0x78, 0xfd, 0x8d, 0xa9, 0x6a, 0x41, 0x49, 0x49,
                                        0x92, 0xa5, 0xe0, 0x84, 0xf2, 0xf4, 0xb4, 0x4e };
static const uint8_t range_guid[16] = { 0xa2, 0x78, 0x7e, 0xee, 0x47, 0x68, 0xc5, 0x48,
                                        0xb1, 0x23, 0xbb, 0x01, 0x2f, 0x0e, 0xab, 0xf4 };
static const uint8_t debug_guid[16] = { 0xae, 0x00, 0xf6, 0x0d, 0x20, 0x6b, 0x27, 0x42,
                                        0xbf, 0x94, 0x03, 0xda, 0x9a, 0x26, 0xa1, 0x14 };
static const uint8_t unplug_guid[16] = { 0x17, 0x65, 0xdb, 0x73, 0x06, 0x3d, 0x37, 0x49,
                                         0x98, 0x9f, 0x19, 0x9b, 0x75, 0x01, 0xe2, 0x29 };
static const uint8_t standard_guid[16] = { 0x80, 0x82, 0x6b, 0x49, 0x25, 0x6f, 0xd0, 0x11,
                                           0xbe, 0xaf, 0x08, 0x00, 0x2b, 0xe2, 0x09, 0x2f };

static struct {
    struct xen_host *host;
    struct xen *guest, *dom0;
    struct xenbus *bus;
    uint32_t calls, constructed, destroyed, locked;
    int32_t construct_status;
} at;

/* An interface as its subscriber has it. */
struct asked {
    struct INTERFACE head;
    void *method[(TABLE_BYTES - sizeof(struct INTERFACE)) / sizeof(void *)];
};

/* METHOD(table, 3, int32_t, (void *, uint32_t), table, 7) */
#define METHOD(table, number, result, parameters, ...)                                                                 \
    (((result MS_ABI(*) parameters)(table)->method[number])(__VA_ARGS__))

static void ask(struct asked *table, const uint8_t guid[16], uint16_t version, uint16_t size)
{
    memset(table, 0, sizeof(*table));
    CHECK_EQ(pnp_query_interface(device_object(xenbus_pdo(at.bus)), guid, version, table, size), STATUS_SUCCESS);
    CHECK_EQ(table->head.Size, size);
    CHECK_EQ(table->head.Version, version);
    if (memcmp(guid, standard_guid, sizeof(standard_guid)) != 0) {
        CHECK_EQ(METHOD(table, 0, int32_t, (void *), table), STATUS_SUCCESS);
    }
}

static void release(struct asked *table)
{
    METHOD(table, 1, void, (void *), table);
}

static void begin(void)
{
    struct xen_host_options options = { PAGES, 64, false };

    memset(&at, 0, sizeof(at));
    at.host = xen_host_create(&options);
    at.guest = xen_domain_create(at.host, GUEST);
    at.dom0 = xen_domain_create(at.host, PEER);
    at.bus = xenbus_create(at.guest);
}

static size_t end(void)
{
    struct leaks leaks = { 0 };
    size_t count;

    xenbus_leaks(at.bus, &leaks);
    xenbus_destroy(at.bus);
    xen_leaks(at.guest, &leaks);
    for (size_t i = 0; i < leaks.count; i++) {
        fprintf(stderr, "# left behind: %s\n", leaks.lines[i]);
    }
    count = leaks.count;
    leaks_free(&leaks);
    xen_domain_destroy(at.guest);
    xen_domain_destroy(at.dom0);
    xen_host_destroy(at.host);
    return count;
}

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

    begin();
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
    CHECK_EQ(end(), 0);
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

    begin();
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
    CHECK_EQ(end(), 0);
}
TEST(event_channels_deliver_mask_and_count)
{
    CHECK_EQ(nt_run(event_channels, NULL), 0);
}

static void sent_at_passive(void)
{
    struct asked evtchn;

    begin();
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

    begin();
    ask(&evtchn, evtchn_guid, 9, 120);
    channel = open_channel(&evtchn);
    METHOD(&evtchn, 10, void, (void *, void *), &evtchn, channel);
    METHOD(&evtchn, 10, void, (void *, void *), &evtchn, channel);
}
TEST(channel_closed_twice_is_caught)
{
    EXPECT_NT_RULE("xenbus", channel_closed_twice);
}

static void without_acquire(void)
{
    struct asked evtchn;

    begin();
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

    begin();
    ask(&evtchn, evtchn_guid, 9, 120);
    open_channel(&evtchn);
    ask(&debug, debug_guid, 1, 80);
    CHECK_EQ(METHOD(&debug, 2, int32_t, (void *, const char *, void *, void *, void **), &debug, "forgotten", on_event,
                    &at, &callback),
             0);
    CHECK_EQ(end(), 4); /* a channel, a callback, two references */
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

    begin();
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
    CHECK_EQ(end(), 0);
}
TEST(grants_are_permitted_mapped_and_revoked)
{
    CHECK_EQ(nt_run(grants, NULL), 0);
}

static void one_grant(struct asked *gnttab, void **cache, void **entry)
{
    begin();
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

    begin();
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

static void standard_given_back_twice(void)
{
    struct asked standard;

    begin();
    ask(&standard, standard_guid, 1, 64);
    for (int i = 0; i < 2; i++) {
        ((MS_ABI void (*)(void *))standard.head.InterfaceDereference)(standard.head.Context);
    }
}
TEST(the_standard_interface_given_back_twice_is_caught)
{
    EXPECT_NT_RULE("xenbus", standard_given_back_twice);
}

static void cache_above_its_cap(void)
{
    struct asked cache;
    void *made;

    begin();
    ask(&cache, cache_guid, 2, 80);
    METHOD(&cache, 2, int32_t,
           (void *, const char *, uint32_t, uint32_t, uint32_t, void *, void *, void *, void *, void *, void **),
           &cache, "objects", 16, 2, 1, NULL, NULL, NULL, NULL, NULL, &made);
}
TEST(a_cache_that_reserves_more_than_its_cap_is_caught)
{
    EXPECT_NT_RULE("xenbus", cache_above_its_cap);
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

/* --- CACHE --- */

static MS_ABI int32_t construct(void *argument, void *object)
{
    CHECK(argument == &at);
    memset(object, 0x11, 40);
    at.constructed++;
    return at.construct_status;
}

static MS_ABI void destroy(void *argument, void *object)
{
    CHECK(argument == &at);
    CHECK_EQ(*(uint8_t *)object, 0x11);
    at.destroyed++;
}

static MS_ABI void take_lock(void *argument)
{
    CHECK(argument == &at);
    CHECK_EQ(irql_current(), DISPATCH_LEVEL);
    CHECK_EQ(at.locked++, 0);
}

static MS_ABI void drop_lock(void *argument)
{
    CHECK(argument == &at);
    CHECK_EQ(at.locked--, 1);
}

static void *object_cache(struct asked *cache, uint32_t reservation, uint32_t cap)
{
    void *made = NULL;

    CHECK_EQ(
        METHOD(cache, 2, int32_t,
               (void *, const char *, uint32_t, uint32_t, uint32_t, void *, void *, void *, void *, void *, void **),
               cache, "objects", 40, reservation, cap, construct, destroy, take_lock, drop_lock, &at, &made),
        0);
    return made;
}

static void *get(struct asked *cache, void *from, uint8_t locked)
{
    return METHOD(cache, 3, void *, (void *, void *, uint8_t), cache, from, locked);
}

static void put(struct asked *cache, void *to, void *object)
{
    METHOD(cache, 4, void, (void *, void *, void *, uint8_t), cache, to, object, 0);
}

static void objects(void)
{
    struct asked cache;
    void *made, *first, *second;

    begin();
    ask(&cache, cache_guid, 2, 80);
    made = object_cache(&cache, 1, 2);
    CHECK_EQ(at.constructed, 1);
    first = get(&cache, made, 0);
    second = get(&cache, made, 1); /* the caller's own lock: none is taken */
    CHECK(first != NULL && second != NULL && first != second);
    CHECK_EQ(at.constructed, 2);
    CHECK(get(&cache, made, 0) == NULL); /* its cap */
    put(&cache, made, first);
    CHECK(get(&cache, made, 0) == first); /* constructed once, used again */
    CHECK_EQ(at.constructed, 2);
    put(&cache, made, first);
    put(&cache, made, second);
    METHOD(&cache, 5, void, (void *, void *), &cache, made);
    CHECK_EQ(at.destroyed, 2);
    CHECK_EQ(irql_current(), PASSIVE_LEVEL);
    release(&cache);
    CHECK_EQ(end(), 0);
}
TEST(objects_are_constructed_once_under_the_subscribers_lock)
{
    CHECK_EQ(nt_run(objects, NULL), 0);
}

static void failing_constructor(void)
{
    struct asked cache;
    void *made;

    begin();
    ask(&cache, cache_guid, 2, 80);
    made = object_cache(&cache, 0, 0);
    at.construct_status = STATUS_NO_MEMORY;
    CHECK(get(&cache, made, 0) == NULL);
    at.construct_status = STATUS_SUCCESS;
    put(&cache, made, get(&cache, made, 0));
    METHOD(&cache, 5, void, (void *, void *), &cache, made);
    CHECK_EQ(at.destroyed, 1);
    release(&cache);
    CHECK_EQ(end(), 0);
}
TEST(object_whose_constructor_fails_is_not_handed_out)
{
    CHECK_EQ(nt_run(failing_constructor, NULL), 0);
}

static void object_put_twice(void)
{
    struct asked cache;
    void *made, *object;

    begin();
    ask(&cache, cache_guid, 2, 80);
    made = object_cache(&cache, 0, 0);
    object = get(&cache, made, 0);
    put(&cache, made, object);
    put(&cache, made, object);
}
TEST(object_put_back_twice_is_caught)
{
    EXPECT_NT_RULE("xenbus", object_put_twice);
}

static void cache_with_objects(void)
{
    struct asked cache;
    void *made;

    begin();
    ask(&cache, cache_guid, 2, 80);
    made = object_cache(&cache, 0, 0);
    get(&cache, made, 0);
    METHOD(&cache, 5, void, (void *, void *), &cache, made);
}
TEST(cache_destroyed_with_objects_out_is_caught)
{
    EXPECT_NT_RULE("xenbus", cache_with_objects);
}

/* --- RANGE_SET --- */

static int32_t put_range(struct asked *ranges, void *set, int64_t start, uint64_t count)
{
    return METHOD(ranges, 3, int32_t, (void *, void *, int64_t, uint64_t), ranges, set, start, count);
}

static int32_t pop_range(struct asked *ranges, void *set, uint64_t count, int64_t *start)
{
    return METHOD(ranges, 4, int32_t, (void *, void *, uint64_t, int64_t *), ranges, set, count, start);
}

static int32_t get_range(struct asked *ranges, void *set, int64_t start, uint64_t count)
{
    return METHOD(ranges, 5, int32_t, (void *, void *, int64_t, uint64_t), ranges, set, start, count);
}

static void *range_set(struct asked *ranges)
{
    void *set = NULL;

    begin();
    ask(ranges, range_guid, 1, 88);
    CHECK_EQ(METHOD(ranges, 2, int32_t, (void *, const char *, void **), ranges, "numbers", &set), 0);
    return set;
}

static void numbers(void)
{
    struct asked ranges;
    void *set = range_set(&ranges);
    int64_t start = -1;

    CHECK_EQ(put_range(&ranges, set, 0, 10), 0);
    CHECK_EQ(get_range(&ranges, set, 4, 2), 0); /* 0-3 6-9 */
    CHECK_EQ(get_range(&ranges, set, 3, 2), STATUS_INSUFFICIENT_RESOURCES);
    CHECK_EQ(pop_range(&ranges, set, 5, &start), STATUS_INSUFFICIENT_RESOURCES);
    CHECK_EQ(put_range(&ranges, set, 4, 1), 0); /* 0-4 6-9 */
    CHECK_EQ(pop_range(&ranges, set, 5, &start), 0);
    CHECK_EQ(start, 0);                         /* 6-9 */
    CHECK_EQ(put_range(&ranges, set, 5, 1), 0); /* 5-9 */
    CHECK_EQ(put_range(&ranges, set, 20, 1), 0);
    CHECK_EQ(pop_range(&ranges, set, 1, &start), 0);
    CHECK_EQ(start, 5);
    CHECK_EQ(get_range(&ranges, set, 6, 4), 0);
    CHECK_EQ(get_range(&ranges, set, 20, 1), 0);
    CHECK_EQ(pop_range(&ranges, set, 1, &start), STATUS_INSUFFICIENT_RESOURCES);
    METHOD(&ranges, 6, void, (void *, void *), &ranges, set);
    release(&ranges);
    CHECK_EQ(end(), 0);
}
TEST(ranges_are_split_and_joined)
{
    CHECK_EQ(nt_run(numbers, NULL), 0);
}

static void number_twice(void)
{
    struct asked ranges;
    void *set = range_set(&ranges);

    CHECK_EQ(put_range(&ranges, set, 0, 10), 0);
    put_range(&ranges, set, 9, 2);
}
TEST(number_put_into_a_set_twice_is_caught)
{
    EXPECT_NT_RULE("xenbus", number_twice);
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

    begin();
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
    CHECK_EQ(end(), 0);
}
TEST(debug_unplug_and_the_bus_answer)
{
    CHECK_EQ(nt_run(the_rest, NULL), 0);
}
