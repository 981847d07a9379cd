/* SPDX-License-Identifier: BSD-2-Clause */
/* XenBus' CACHE and RANGE_SET, walked method by method; each of their rules broken once. */
#include "xenbus_bed.h"

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

    xenbus_bed_begin();
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
    CHECK_EQ(xenbus_bed_end(), 0);
}
TEST(objects_are_constructed_once_under_the_subscribers_lock)
{
    CHECK_EQ(nt_run(objects, NULL), 0);
}

static void failing_constructor(void)
{
    struct asked cache;
    void *made;

    xenbus_bed_begin();
    ask(&cache, cache_guid, 2, 80);
    made = object_cache(&cache, 0, 0);
    at.construct_status = STATUS_NO_MEMORY;
    CHECK(get(&cache, made, 0) == NULL);
    at.construct_status = STATUS_SUCCESS;
    put(&cache, made, get(&cache, made, 0));
    METHOD(&cache, 5, void, (void *, void *), &cache, made);
    CHECK_EQ(at.destroyed, 1);
    release(&cache);
    CHECK_EQ(xenbus_bed_end(), 0);
}
TEST(object_whose_constructor_fails_is_not_handed_out)
{
    CHECK_EQ(nt_run(failing_constructor, NULL), 0);
}

static void object_put_twice(void)
{
    struct asked cache;
    void *made, *object;

    xenbus_bed_begin();
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

    xenbus_bed_begin();
    ask(&cache, cache_guid, 2, 80);
    made = object_cache(&cache, 0, 0);
    get(&cache, made, 0);
    METHOD(&cache, 5, void, (void *, void *), &cache, made);
}
TEST(cache_destroyed_with_objects_out_is_caught)
{
    EXPECT_NT_RULE("xenbus", cache_with_objects);
}

static void cache_above_its_cap(void)
{
    struct asked cache;
    void *made;

    xenbus_bed_begin();
    ask(&cache, cache_guid, 2, 80);
    METHOD(&cache, 2, int32_t,
           (void *, const char *, uint32_t, uint32_t, uint32_t, void *, void *, void *, void *, void *, void **),
           &cache, "objects", 16, 2, 1, NULL, NULL, NULL, NULL, NULL, &made);
}
TEST(a_cache_that_reserves_more_than_its_cap_is_caught)
{
    EXPECT_NT_RULE("xenbus", cache_above_its_cap);
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

    xenbus_bed_begin();
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
    CHECK_EQ(xenbus_bed_end(), 0);
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
