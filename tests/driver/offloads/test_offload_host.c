/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A migration to a host whose backend does less for a packet on its way out than the one before, or more. XenVif hands
 * on what it is given, so what such a backend does not do would be lost: NDIS gets a report of what is left
 * (NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG), then of what is back, and what is sent by that report arrives whole on
 * every host. What NDIS has switched off meanwhile stays off on all of them. Xen's netif.h has the features.
 */
#include "ndis/adapter/adapter.h"
#include "ndis/adapter/record.h"
#include "ndis/protocol/raw.h"
#include "story_payload.h"
#include "story_release.h"
#include "xenvif/offer/hostile.h"

#define BIT(feature) (1u << NETBACK_BIT_##feature)

enum { SECOND = 1000000000, PIECE = 1000, PIECES = 4 };
enum offer { TCP4 = 1, UDP4 = 2, LSO4 = 4, TCP6 = 8, UDP6 = 16, LSO6 = 32, ALL = 63 };

static const struct host {
    const char *what;
    uint32_t without, left;
} hosts[] = {
    { "everything", 0, ALL },
    { "no checksums of IPv4", BIT(CSUM), ALL & ~(uint32_t)(TCP4 | UDP4 | LSO4) },
    { "no checksums of IPv6", BIT(IPV6_CSUM), ALL & ~(uint32_t)(TCP6 | UDP6 | LSO6) },
    { "no large sends of IPv4", BIT(GSO_TCPV4), ALL & ~(uint32_t)LSO4 },
    { "no large sends of IPv6", BIT(GSO_TCPV6), ALL & ~(uint32_t)LSO6 },
    { "nothing", BIT(CSUM) | BIT(IPV6_CSUM) | BIT(GSO_TCPV4) | BIT(GSO_TCPV6), 0 },
};
enum { HOSTS = sizeof(hosts) / sizeof(hosts[0]) };

static uint32_t expected;

static uint32_t offered(struct story *story)
{
    struct adapter_facts facts;

    adapter_facts(story->bed.adapter, &facts);
    return (facts.checksum_tx_tcp4 ? TCP4 : 0) | (facts.checksum_tx_udp4 ? UDP4 : 0) | (facts.lso4 ? LSO4 : 0) |
           (facts.checksum_tx_tcp6 ? TCP6 : 0) | (facts.checksum_tx_udp6 ? UDP6 : 0) | (facts.lso6 ? LSO6 : 0);
}

static bool is_reported(struct story *story)
{
    return offered(story) == expected;
}

static void migrate(struct story *story, uint32_t without)
{
    netback_offer(story->bed.netback, story->queues, without);
    CHECK_EQ(bed_migrate(&story->bed), 0);
    CHECK(netback_wait_connected(story->bed.netback, true, 5ull * SECOND));
}

static void move(struct story *story, const struct host *from, const struct host *to, uint32_t allowed)
{
    migrate(story, to->without);
    expected = to->left & allowed;
    if (is_reported(story)) { /* XenVif reports the new host once it is connected: nothing shows that to come */
        sched_sleep(SECOND / 10);
    }
    if (!story_until(story, is_reported, 5)) {
        test_fail(__FILE__, __LINE__, "from a host with %s to one with %s: %#x is on by NDIS's report, expected %#x",
                  from->what, to->what, offered(story), expected);
    }
    story_payload_probe(story, PIECE, PIECES);
}

static void from_host_to_host(struct story *story)
{
    struct NDIS_OFFLOAD_PARAMETERS parameters = { 0 };

    for (uint32_t from = 0; from < HOSTS; from++) {
        for (uint32_t to = 0; to < HOSTS; to++) {
            move(story, &hosts[to], &hosts[from], ALL);
            move(story, &hosts[from], &hosts[to], ALL);
        }
    }

    /* Switched off on a host that has it not, as well as on one that has: off wherever it goes. */
    NDIS_HEADER(parameters.Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_OFFLOAD_PARAMETERS_REVISION_1,
                NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1);
    parameters.LsoV2IPv4 = NDIS_OFFLOAD_PARAMETERS_LSOV2_DISABLED;
    move(story, &hosts[0], &hosts[HOSTS - 1], ALL);
    CHECK_EQ(oid_put(story, OID_TCP_OFFLOAD_PARAMETERS, &parameters, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1),
             SUCCESS);
    for (uint32_t to = 0; to < HOSTS; to++) {
        move(story, &hosts[HOSTS - 1], &hosts[to], ALL & ~(uint32_t)LSO4);
    }
    move(story, &hosts[HOSTS - 1], &hosts[0], ALL & ~(uint32_t)LSO4);
    story_count("%u migrations between hosts that do different things: all that was sent arrived whole",
                (unsigned)(2 * HOSTS * HOSTS + HOSTS + 2));
}

TEST(what_a_new_host_does_not_do_is_reported_and_nothing_is_lost)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .loose_grants = true, .body = from_host_to_host }, 2);
}

/* The host of the start counts for what NDIS may ever switch on, and no other. */
static void from_a_host_with_nothing(struct story *story)
{
    CHECK_EQ(offered(story), 0);
    for (uint32_t to = 0; to < HOSTS; to++) {
        move(story, &hosts[HOSTS - 1], &hosts[to], 0);
    }
    story_count("%u migrations from a host that does nothing: nothing was switched on", (unsigned)HOSTS);
}

TEST(what_the_first_host_did_not_do_stays_off)
{
    story_everywhere(&(struct story_plan){ .backend_without = hosts[HOSTS - 1].without,
                                           .edge_buffers = 32,
                                           .loose_grants = true,
                                           .body = from_a_host_with_nothing },
                     1);
}

/* --- a protocol that answers a report with a request, from its status handler --- */

static struct story *the;
static uint32_t asked, answered;
static bool armed;

static void on_status(void *context, uint32_t code, const void *buffer, uint32_t size)
{
    struct NDIS_OFFLOAD_PARAMETERS parameters = { 0 };

    (void)context, (void)buffer, (void)size;
    if (code != (uint32_t)NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG || !armed || irql_current() != PASSIVE_LEVEL) {
        return;
    }
    armed = false;
    asked++;
    NDIS_HEADER(parameters.Header, NDIS_OBJECT_TYPE_DEFAULT, NDIS_OFFLOAD_PARAMETERS_REVISION_1,
                NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1);
    parameters.LsoV2IPv6 = NDIS_OFFLOAD_PARAMETERS_LSOV2_DISABLED;
    CHECK_EQ(oid_put(the, OID_TCP_OFFLOAD_PARAMETERS, &parameters, NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_1), SUCCESS);
    answered++;
}

static bool has_answered(struct story *story)
{
    (void)story;
    return answered != 0;
}

static void nested(struct story *story)
{
    struct raw *raw =
        raw_open(story->bed.adapter, &(struct raw_options){ .memory = story->bed.guest, .status = on_status });

    the = story;
    armed = true;
    migrate(story, BIT(GSO_TCPV4) | BIT(CSUM));
    (void)story_until(story, has_answered, 20);
    if (asked == 0 || answered == 0) {
        test_fail(__FILE__, __LINE__, "%u asked, %u answered after 20 s", asked, answered);
    }
    raw_close(raw);
}

TEST(a_protocol_that_asks_from_its_status_handler_is_answered)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32, .loose_grants = true, .body = nested }, 2);
}

/* --- a provider that lies about the frame size --- */

static void bad_size(struct story *story)
{
    struct adapter_facts before, after;

    adapter_facts(story->bed.adapter, &before);
    vif_lie(LIE_FRAME_SIZE, 20);
    migrate(story, BIT(GSO_TCPV4) | BIT(CSUM));
    sched_sleep(SECOND);
    vif_tell_mac(STORY_STAND_IN(story));
    adapter_facts(story->bed.adapter, &after);
    if (after.lso4 || after.checksum_tx_tcp4) {
        test_fail(__FILE__, __LINE__, "before: lso4 %u tcp4 %u; after, at a host without: lso4 %u tcp4 %u", before.lso4,
                  before.checksum_tx_tcp4, after.lso4, after.checksum_tx_tcp4);
    }
}

TEST(a_frame_size_that_cannot_be_hides_no_offloads)
{
    story_everywhere(&(struct story_plan){ .edge_buffers = 32,
                                           .loose_grants = true,
                                           .stand_in = "no XenVif reports such sizes",
                                           .prepare = story_inject_start,
                                           .body = bad_size },
                     1);
}

static void lie_no_large_sends(const struct story_plan *plan)
{
    (void)plan;
    vif_lie(LIE_LARGE_SIZE, 0);
}

static void lie_no_offloads(const struct story_plan *plan)
{
    (void)plan;
    vif_lie(LIE_OFFLOADS, 0);
}

static void none_large(struct story *story)
{
    const struct NDIS_OFFLOAD *hardware = &story->bed.adapter->hardware_offload.before;

    CHECK_EQ(offered(story), *(const uint32_t *)story->plan->detail);
    CHECK_EQ(hardware->LsoV1.IPv4.Encapsulation, NDIS_ENCAPSULATION_NOT_SUPPORTED);
    CHECK_EQ(hardware->LsoV2.IPv4.Encapsulation, NDIS_ENCAPSULATION_NOT_SUPPORTED);
    CHECK_EQ(hardware->LsoV2.IPv6.Encapsulation, NDIS_ENCAPSULATION_NOT_SUPPORTED);
}

TEST(large_sends_need_a_size_and_a_xenvif_that_makes_them)
{
    const uint32_t small = ALL & ~(uint32_t)(LSO4 | LSO6), none = 0;

    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .stand_in = "no XenVif answers what cannot be true",
                                    .prepare = lie_no_large_sends,
                                    .detail = &small,
                                    .body = none_large });
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .stand_in = "no XenVif answers what cannot be true",
                                    .prepare = lie_no_offloads,
                                    .detail = &none,
                                    .body = none_large });
}
