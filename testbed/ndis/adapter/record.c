/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which NDIS versions exist, and which revision of each record a driver of a version may use, as measured of
 * Microsoft's headers (toolchain/abi/ndis-revisions.json). A newer revision than the driver's registered version has,
 * or another size than the revision's, is rule "ndis-revision": Windows would refuse it or read past its end. Older
 * revisions stay valid. Any IRQL.
 */
#include "ndis/adapter/record.h"
#include "nt/export/version.h"

#define NDIS_6(minor) NDIS_VERSION(6, minor)

struct record_rule {
    const char *name;
    uint8_t type;
};

#define RULE_OF(id, name, type) [RECORD_##id] = { #name, NDIS_OBJECT_TYPE_##type }
static const struct record_rule rules[] = {
    RULE_OF(DRIVER_CHARACTERISTICS, NDIS_MINIPORT_DRIVER_CHARACTERISTICS, MINIPORT_DRIVER_CHARACTERISTICS),
    RULE_OF(REGISTRATION_ATTRIBUTES, NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
            MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES),
    RULE_OF(GENERAL_ATTRIBUTES, NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, MINIPORT_ADAPTER_GENERAL_ATTRIBUTES),
    RULE_OF(OFFLOAD_ATTRIBUTES, NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES, MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES),
    RULE_OF(ADD_DEVICE_ATTRIBUTES, NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES,
            MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES),
    RULE_OF(OFFLOAD, NDIS_OFFLOAD, OFFLOAD),
    RULE_OF(RSS_CAPABILITIES, NDIS_RECEIVE_SCALE_CAPABILITIES, RSS_CAPABILITIES),
    RULE_OF(PM_CAPABILITIES, NDIS_PM_CAPABILITIES, DEFAULT),
    RULE_OF(PNP_CHARACTERISTICS, NDIS_MINIPORT_PNP_CHARACTERISTICS, MINIPORT_PNP_CHARACTERISTICS),
    RULE_OF(STATUS_INDICATION, NDIS_STATUS_INDICATION, STATUS_INDICATION),
    RULE_OF(LINK_STATE, NDIS_LINK_STATE, DEFAULT),
    RULE_OF(NBL_POOL, NET_BUFFER_LIST_POOL_PARAMETERS, DEFAULT),
    RULE_OF(NB_POOL, NET_BUFFER_POOL_PARAMETERS, DEFAULT),
    RULE_OF(CONFIGURATION, NDIS_CONFIGURATION_OBJECT, CONFIGURATION_OBJECT),
    RULE_OF(TIMER, NDIS_TIMER_CHARACTERISTICS, TIMER_CHARACTERISTICS),
    RULE_OF(SG_DMA, NDIS_SG_DMA_DESCRIPTION, SG_DMA_DESCRIPTION),
    RULE_OF(DEVICE_OBJECT, NDIS_DEVICE_OBJECT_ATTRIBUTES, DEVICE_OBJECT_ATTRIBUTES),
};

struct record_revision {
    const char *record;
    uint8_t revision;
    uint16_t since, size;
};

/* The measured headers begin at 6.20, so what they show there may be older. */
#define SINCE(first)                               ((first) == 620 ? NDIS_6(0) : NDIS_6((first)-600))
#define REVISION_OF(record, revision, first, size) { #record, revision, SINCE(first), size },
static const struct record_revision revisions[] = { ABI_REVISIONS(REVISION_OF) };

static uint32_t seen[RECORD_COUNT]; /* size and revision of the last one of each that was right */

static const struct record_revision *find(const char *record, uint8_t revision)
{
    size_t i;

    for (i = 0; i < sizeof(revisions) / sizeof(revisions[0]); i++) {
        if (revisions[i].revision == revision && strcmp(revisions[i].record, record) == 0) {
            return &revisions[i];
        }
    }
    return NULL;
}

void record_check(enum ndis_record record, const void *header, uint16_t version)
{
    const struct record_rule *rule = &rules[record];
    const struct NDIS_OBJECT_HEADER *h = header;
    const struct record_revision *revision;

    RULE(h != NULL, "ndis-revision", "%s is NULL", rule->name);
    /* Of capabilities for wake-up NDIS does not look at the type; drivers that have none leave it out. */
    RULE(h->Type == rule->type || record == RECORD_PM_CAPABILITIES, "ndis-revision",
         "%s has type %#x in its header, must be %#x", rule->name, h->Type, rule->type);
    RULE_DOCUMENTED(h->Type == rule->type, "ndis-revision", "%s has type %#x in its header, must be %#x", rule->name,
                    h->Type, rule->type);
    revision = find(rule->name, h->Revision);
    RULE(revision != NULL, "ndis-revision", "%s has no revision %u", rule->name, h->Revision);
    RULE(revision->since <= version, "ndis-revision", "%s revision %u needs NDIS 6.%u, the driver registered 6.%u",
         rule->name, h->Revision, revision->since & 0xff, version & 0xff);
    /* NDIS reads the whole of a status indication, whatever its header has, and of any record no more than the
     * revision's: drivers give the size that their compiler has, with what fills up the record or a later revision. */
    RULE(h->Size >= revision->size || record == RECORD_STATUS_INDICATION, "ndis-revision",
         "%s revision %u has size %u, must have %u", rule->name, h->Revision, h->Size, revision->size);
    RULE_DOCUMENTED(h->Size == revision->size, "ndis-revision", "%s revision %u has size %u, must have %u", rule->name,
                    h->Revision, h->Size, revision->size);
    (void)__atomic_exchange_n(&seen[record], (uint32_t)h->Size << 8 | h->Revision, __ATOMIC_RELAXED);
}

struct record_facts record_facts(enum ndis_record record, uint16_t version)
{
    uint32_t last = __atomic_load_n(&seen[record], __ATOMIC_RELAXED);
    struct record_facts facts = { .name = rules[record].name,
                                  .revision = (uint8_t)last,
                                  .size = (uint16_t)(last >> 8) };
    size_t i;

    for (i = 0; i < sizeof(revisions) / sizeof(revisions[0]); i++) {
        if (strcmp(revisions[i].record, facts.name) == 0 && revisions[i].since <= version &&
            revisions[i].revision > facts.newest) {
            facts.newest = revisions[i].revision;
            facts.newest_size = revisions[i].size;
        }
    }
    return facts;
}

uint16_t ndis_version_simulated(void)
{
    const struct windows_version *windows = windows_simulated();

    return NDIS_VERSION(windows->ndis_major, windows->ndis_minor);
}

bool ndis_version_exists(uint16_t version)
{
    static const uint8_t minors[] = { 0, 1, 20, 30, 40, 50, 51, 60, 70, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89 };
    size_t i;

    for (i = 0; i < sizeof(minors); i++) {
        if (version == NDIS_6(minors[i])) {
            return true;
        }
    }
    return false;
}
