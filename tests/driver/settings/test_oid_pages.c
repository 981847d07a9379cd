/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every OID against its page: the requests of oid_pages.h and the statuses named there. What is refused changes
 * nothing that can be asked for; what changes offloads is reported, exactly once.
 */
#include "oid_pages.h"
#include "story_release.h"
#include "story_rss.h"

enum { QUEUES = 2, ROOM = 1024, V2_KEY = 28, HASH_KEY = 20 };

struct request {
    uint8_t bytes[ROOM];
    uint32_t length;
};
typedef void fill(struct request *request, uint32_t value);

static void zeros(struct request *request, uint32_t length)
{
    request->length = length;
}

static void number(struct request *request, uint32_t value)
{
    request->length = sizeof(value);
    memcpy(request->bytes, &value, sizeof(value));
}

static void header(void *record, uint8_t type, uint8_t revision, uint16_t size)
{
    struct NDIS_OBJECT_HEADER *h = record;

    h->Type = type;
    h->Revision = revision;
    h->Size = size;
}

static void moderation(struct request *request, uint32_t value)
{
    struct NDIS_INTERRUPT_MODERATION_PARAMETERS *record = (void *)request->bytes;

    request->length = sizeof(*record);
    header(record, NDIS_OBJECT_TYPE_DEFAULT, 1, sizeof(*record));
    record->InterruptModeration = value;
}

enum { LINK_NEGOTIATED, LINK_IN_FORCE, LINK_OTHER_SPEED, LINK_HALF, LINK_PAUSE_FRAMES, LINK_REVISION_0 };
static uint64_t link_speed;

static void link(struct request *request, uint32_t value)
{
    struct NDIS_LINK_PARAMETERS *record = (void *)request->bytes;

    request->length = sizeof(*record);
    header(record, NDIS_OBJECT_TYPE_DEFAULT, value != LINK_REVISION_0, sizeof(*record));
    record->MediaDuplexState = value == LINK_HALF ? MediaDuplexStateHalf : MediaDuplexStateFull;
    record->XmitLinkSpeed = link_speed;
    record->RcvLinkSpeed = value == LINK_OTHER_SPEED ? link_speed / 10 : link_speed;
    record->PauseFunctions =
        value == LINK_PAUSE_FRAMES ? NdisPauseFunctionsSendAndReceive : NdisPauseFunctionsUnsupported;
    record->AutoNegotiationFlags = value == LINK_NEGOTIATED ? 0xf : 0;
}

static void groups(struct request *request, uint32_t count)
{
    uint32_t i;

    request->length = count * 6;
    for (i = 0; i < count; i++) {
        request->bytes[i * 6] = 0x01;
        request->bytes[i * 6 + 5] = (uint8_t)i;
    }
}

static void unicast(struct request *request, uint32_t count)
{
    groups(request, count);
    request->bytes[0] = 0x02;
}

#define ENCAPSULATE(enabled, type) ((enabled) << 8 | (type))
static void encapsulation(struct request *request, uint32_t value)
{
    struct NDIS_OFFLOAD_ENCAPSULATION *record = (void *)request->bytes;

    request->length = sizeof(*record);
    header(record, NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION, 1, sizeof(*record));
    record->IPv4.Enabled = record->IPv6.Enabled = value >> 8;
    record->IPv4.EncapsulationType = record->IPv6.EncapsulationType = value & 0xff;
    record->IPv4.HeaderSize = record->IPv6.HeaderSize = 14;
}

#define OFFLOAD(revision, offset, value) ((revision) << 16 | (offset) << 8 | (value))
static void offload(struct request *request, uint32_t value)
{
    static const uint8_t sizes[] = { 0, 20, 22, 26, 32, 34, 35 };
    uint32_t revision = value >> 16;

    request->length = sizes[revision];
    header(request->bytes, NDIS_OBJECT_TYPE_DEFAULT, (uint8_t)revision, sizes[revision]);
    request->bytes[value >> 8 & 0xff] = (uint8_t)value;
}

/* `member`: where the one lies that is not zero. */
static void wake(struct request *request, uint32_t member)
{
    request->length = NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1;
    header(request->bytes, NDIS_OBJECT_TYPE_DEFAULT, 1, NDIS_SIZEOF_NDIS_PM_PARAMETERS_REVISION_1);
    if (member != 0) {
        request->bytes[member] = member == 4 ? NDIS_PM_WOL_MAGIC_PACKET_ENABLED : 1;
    }
}

enum { HASH_ON, HASH_OFF, HASH_FUNCTION };
static void hash(struct request *request, uint32_t value)
{
    struct NDIS_RECEIVE_HASH_PARAMETERS *record = (void *)request->bytes;

    request->length = HASH_KEY + RSS_KEY;
    header(record, NDIS_OBJECT_TYPE_DEFAULT, 1, HASH_KEY);
    record->Flags = value == HASH_OFF ? 0 : NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH;
    record->HashInformation = NDIS_HASH_TCP_IPV4 | (value == HASH_FUNCTION ? 2 : NdisHashFunctionToeplitz);
    record->HashSecretKeySize = RSS_KEY;
    record->HashSecretKeyOffset = HASH_KEY;
    memcpy(request->bytes + HASH_KEY, rss_key, RSS_KEY);
}

enum {
    SCALE_ON,
    SCALE_OFF,
    SCALE_TABLE_OF_3,
    SCALE_FUNCTION,
    SCALE_KEY,
    SCALE_NO_QUEUES,
    SCALE_SHORTER,
    SCALE_ONE_QUEUE
};
static void scale(struct request *request, uint32_t value)
{
    struct rss_set *set = (void *)request->bytes;

    request->length = sizeof(*set);
    rss_fill(set, 8, QUEUES, RSS_ALL_TYPES);
    set->parameters.Flags = value == SCALE_OFF ? NDIS_RSS_PARAM_FLAG_DISABLE_RSS : 0;
    if (value == SCALE_TABLE_OF_3) {
        set->parameters.IndirectionTableSize = 3 * sizeof(set->table[0]);
    } else if (value == SCALE_FUNCTION) {
        set->parameters.HashInformation = NDIS_HASH_IPV4 | 2;
    } else if (value == SCALE_KEY) {
        set->parameters.HashSecretKeyOffset = sizeof(*set) - RSS_KEY + 4;
    }
}

/* The table of the first generation is in force: 8 entries, its processors in turn. */
static void scale_v2(struct request *request, uint32_t value)
{
    struct NDIS_RECEIVE_SCALE_PARAMETERS_V2 *record = (void *)request->bytes;

    request->length = V2_KEY + RSS_KEY;
    header(record, 0xc8, 1, V2_KEY); /* NDIS_OBJECT_TYPE_RSS_PARAMETERS_V2 */
    record->Flags = NDIS_RECEIVE_SCALE_PARAM_ENABLE_RSS | NDIS_RECEIVE_SCALE_PARAM_HASH_INFO_CHANGED |
                    NDIS_RECEIVE_SCALE_PARAM_HASH_KEY_CHANGED | NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_QUEUES_CHANGED |
                    NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_ENTRIES_CHANGED;
    record->HashInformation = NDIS_HASH_TCP_IPV4 | NdisHashFunctionToeplitz;
    record->HashSecretKeySize = RSS_KEY;
    record->HashSecretKeyOffset = V2_KEY;
    record->NumberOfQueues = value == SCALE_NO_QUEUES ? 0 : value == SCALE_ONE_QUEUE ? 1 : QUEUES;
    record->NumberOfIndirectionTableEntries = value == SCALE_TABLE_OF_3 ? 3 : value == SCALE_SHORTER ? 1 : 8;
    memcpy(request->bytes + V2_KEY, rss_key, RSS_KEY);
}

enum kind { set, query, move };
struct oid_case {
    uint32_t oid;
    const char *name;
    enum kind kind;
    const char *what;
    uint32_t status;
    const char *page;
    fill *fill;
    uint32_t value, since;
};

#define NDIS_STATUS_NO_QUEUES 0xc0230031u /* newer than the measured headers */
#define ROW(oid, kind, what, status, page, fill, value, since)                                                         \
    { oid, #oid, kind, what, NDIS_STATUS_##status, page, fill, value, since },
static const struct oid_case cases[] = { OID_PAGES(ROW) };
enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static int32_t make(struct story *story, const struct oid_case *c, struct request *request)
{
    uint32_t written, needed;

    memset(request, 0, sizeof(*request));
    c->fill(request, c->value);
    switch (c->kind) {
    case set:
        return oid_put(story, c->oid, request->bytes, request->length);
    case query:
        return oid_get(story, c->oid, request->bytes, request->length);
    default:
        return adapter_method_now(story->bed.adapter, c->oid, request->bytes, request->length, request->length,
                                  &written, &needed);
    }
}

/* What may be asked for of a set OID: nothing, where NDIS answers or it is set only. */
static uint32_t read_back(struct story *story, uint32_t oid, uint8_t *bytes)
{
    memset(bytes, 0, ROOM);
    return oid == OID_PNP_SET_POWER || oid_get(story, oid, bytes, ROOM) != NDIS_STATUS_SUCCESS ? 0 : oid_written;
}

static bool reports_offloads(const struct oid_case *c)
{
    return c->kind == set && (c->oid == OID_OFFLOAD_ENCAPSULATION || c->oid == OID_TCP_OFFLOAD_PARAMETERS);
}

/* Those of an adapter without RSS are refused like any OID that it does not have. */
static bool is_about_rss(uint32_t oid)
{
    return oid == OID_GEN_RECEIVE_HASH || oid == OID_GEN_RECEIVE_SCALE_PARAMETERS ||
           oid == OID_GEN_RECEIVE_SCALE_PARAMETERS_V2 || oid == OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES;
}

static void by_the_pages(struct story *story)
{
    struct watch *watch = watch_open(story);
    uint8_t before[ROOM], after[ROOM];
    struct adapter_facts facts;
    struct request request;
    uint32_t i, made = 0, had, has, reports;

    adapter_facts(story->bed.adapter, &facts);
    CHECK_EQ(facts.rss, story_has(story, STORY_NEEDS_RSS));
    link_speed = facts.link_speed_rx;
    for (i = 0; i < CASES; i++) {
        const struct oid_case *c = &cases[i];
        uint32_t expected = is_about_rss(c->oid) && !facts.rss ? NDIS_STATUS_NOT_SUPPORTED : c->status;
        int32_t status;

        if (facts.ndis_minor < c->since) {
            continue;
        }
        had = read_back(story, c->oid, before);
        reports = watch_statuses(watch, NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG);
        status = make(story, c, &request);
        reports = watch_statuses(watch, NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG) - reports;
        has = read_back(story, c->oid, after);
        if ((uint32_t)status != expected) {
            test_fail(__FILE__, __LINE__, "NDIS 6.%u: %s, %s: status %#x, its page (%s) has %#x", facts.ndis_minor,
                      c->name, c->what, (uint32_t)status, c->page, expected);
        }
        if (reports != (reports_offloads(c) && c->status == NDIS_STATUS_SUCCESS)) {
            test_fail(__FILE__, __LINE__, "%s, %s: %u reports of the offloads in force", c->name, c->what, reports);
        }
        if (c->kind == set && expected != NDIS_STATUS_SUCCESS && (had != has || memcmp(before, after, has) != 0)) {
            test_fail(__FILE__, __LINE__, "%s, %s: refused, and its value is another one", c->name, c->what);
        }
        made++;
    }
    story_count("NDIS 6.%u: %u requests answered as their pages say", facts.ndis_minor, made);
    watch_close(watch);
}

TEST(every_oid_has_the_status_that_its_page_names)
{
    static const char *const windows[] = { "7", "10-1809", "11-24h2" };
    uint32_t i;

    for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .queues = QUEUES,
                                        .edge_buffers = 16,
                                        .windows = windows[i],
                                        .body = by_the_pages });
    }
}

/* An adapter on which XenVif cannot have the backend hash. */
TEST(without_rss_its_oids_are_refused_like_any_that_the_adapter_does_not_have)
{
    static const char *const windows[] = { "7", "10-1809" };

    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .xenvif_like = "9.1",
                                        .seed = test_seed(),
                                        .queues = QUEUES,
                                        .edge_buffers = 16,
                                        .windows = windows[i],
                                        .body = by_the_pages });
    }
}

/* Never refused, as their pages say; they ask nothing of XenVif then. */
static bool is_about_power(uint32_t oid)
{
    return oid == OID_PNP_QUERY_POWER || oid == OID_PNP_SET_POWER;
}

/* MiniportOidRequest, MiniportDevicePnPEventNotify: NOT_ACCEPTED at once, and the device is left alone. */
static void after_removal(struct story *story)
{
    struct adapter_facts facts;
    struct request request;
    const uint32_t *oids;
    uint8_t bytes[ROOM];
    uint32_t count = adapter_supported_oids(story->bed.adapter, &oids), i;

    adapter_facts(story->bed.adapter, &facts);
    memset(bytes, 0, sizeof(bytes));
    adapter_surprise_event(story->bed.adapter);
    for (i = 0; i < 1000; i++) {
        story_rest(); /* the driver disables VIF, once */
    }
    vif_leave_alone(STORY_STAND_IN(story), true);
    for (i = 0; i < CASES; i++) {
        if (facts.ndis_minor >= cases[i].since) {
            CHECK_EQ((uint32_t)make(story, &cases[i], &request),
                     is_about_power(cases[i].oid) ? cases[i].status : NDIS_STATUS_NOT_ACCEPTED);
        }
    }
    for (i = 0; i < count; i++) {
        if (is_about_power(oids[i])) {
            continue;
        }
        CHECK_EQ(oid_get(story, oids[i], bytes, sizeof(bytes)), (int32_t)NDIS_STATUS_NOT_ACCEPTED);
        CHECK_EQ(oid_put(story, oids[i], bytes, sizeof(bytes)), (int32_t)NDIS_STATUS_NOT_ACCEPTED);
    }
    vif_leave_alone(STORY_STAND_IN(story), false);
    story_count("NDIS 6.%u: %u requests after a surprise removal, none to XenVif", facts.ndis_minor, CASES + 2 * count);
}

TEST(after_a_surprise_removal_only_power_is_accepted_and_xenvif_is_left_alone)
{
    static const char *const windows[] = { "7", "11-24h2" };
    uint32_t i;

    for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .queues = QUEUES,
                                        .edge_buffers = 16,
                                        .windows = windows[i],
                                        .body = after_removal });
    }
}

/* OID_PNP_SET_POWER always succeeds, also where NDIS has not paused the adapter; a protocol may hold received packets.
 */
static void low_power_while_running(struct story *story)
{
    uint32_t state = NdisDeviceStateD3, hold;

    for (hold = 0; hold < 2; hold++) {
        struct watch *watch = watch_open(story);
        struct NET_BUFFER_LIST *nbl = raw_nbl(watch->raw);
        uint32_t out = story->out.sent, in = story->in.sent;
        uint8_t bytes[64];

        edge_hold_received(story->bed.edge, hold != 0);
        story_send(story, 0, 16, 8);
        story_inject(story, 0, 16);
        story_check_from(story, out, in);
        state = NdisDeviceStateD3;
        CHECK_EQ(oid_put(story, OID_PNP_SET_POWER, &state, sizeof(state)), NDIS_STATUS_SUCCESS);
        frame_plain(bytes, sizeof(bytes), story_peer_mac, story_guest_mac, 1);
        raw_add(watch->raw, nbl, bytes, sizeof(bytes), 0, NULL, 0);
        raw_send(watch->raw, nbl, 0, false);
        CHECK(raw_wait(watch->raw, 1000000000));
        CHECK_EQ((uint32_t)nbl->Status, NDIS_STATUS_LOW_POWER_STATE);
        state = NdisDeviceStateD0;
        CHECK_EQ(oid_put(story, OID_PNP_SET_POWER, &state, sizeof(state)), NDIS_STATUS_SUCCESS);
        edge_hold_received(story->bed.edge, false);
        watch_close(watch);
        out = story->out.sent, in = story->in.sent;
        story_send(story, 0, 16, 8);
        story_inject(story, 0, 16);
        story_check_from(story, out, in);
        /* Asleep, then paused: NDIS restarts it. */
        state = NdisDeviceStateD3;
        CHECK_EQ(oid_put(story, OID_PNP_SET_POWER, &state, sizeof(state)), NDIS_STATUS_SUCCESS);
        CHECK_EQ(adapter_pause(story->bed.adapter), NDIS_STATUS_SUCCESS);
        state = NdisDeviceStateD0;
        CHECK_EQ(oid_put(story, OID_PNP_SET_POWER, &state, sizeof(state)), NDIS_STATUS_SUCCESS);
        CHECK_EQ(adapter_restart(story->bed.adapter), NDIS_STATUS_SUCCESS);
        out = story->out.sent, in = story->in.sent;
        story_send(story, 0, 16, 8);
        story_inject(story, 0, 16);
        story_check_from(story, out, in);
    }
    story_count("low power while running, without and with received packets held");
}

TEST(a_low_power_state_while_running_stops_the_adapter_and_d0_resumes_it)
{
    uint32_t version;

    for (version = 8; version <= 10; version++) {
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed() + version,
                                        .vif_version = version,
                                        .edge_buffers = 32,
                                        .body = low_power_while_running });
    }
}
