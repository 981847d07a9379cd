/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * On every NDIS version the driver hands over records of a revision and of a size that this version knows: those whose
 * revision follows the version are the newest it has. What a version has is measured
 * (toolchain/abi/ndis-revisions.json); the rule "ndis-revision" holds every single record against it, here it is looked
 * at which ones came.
 */
#include "nt/export/version.h"
#include "story_release.h"
#include "story_watch.h"

/* The driver's table gives these by version; the others have had the same revision all along, or an older one does. */
static const enum ndis_record by_version[] = { RECORD_DRIVER_CHARACTERISTICS, RECORD_REGISTRATION_ATTRIBUTES,
                                               RECORD_OFFLOAD, RECORD_RSS_CAPABILITIES, RECORD_PM_CAPABILITIES };
static const enum ndis_record always[] = { RECORD_GENERAL_ATTRIBUTES, RECORD_OFFLOAD_ATTRIBUTES, RECORD_NBL_POOL,
                                           RECORD_CONFIGURATION };

static void look(struct story *story)
{
    const struct windows_version *windows = story->plan->detail;
    uint16_t version = (uint16_t)(windows->ndis_major << 8 | windows->ndis_minor);
    struct adapter_facts facts;
    size_t i;

    adapter_facts(story->bed.adapter, &facts);
    CHECK_EQ(facts.ndis_minor, windows->ndis_minor);
    for (i = 0; i < sizeof(by_version) / sizeof(by_version[0]); i++) {
        struct record_facts record = record_facts(by_version[i], version);

        if (by_version[i] == RECORD_RSS_CAPABILITIES && !story_has(story, STORY_NEEDS_RSS)) {
            CHECK_EQ(record.revision, 0); /* not offered */
            continue;
        }
        if (record.revision != record.newest || record.size != record.newest_size) {
            test_fail(__FILE__, __LINE__, "NDIS 6.%u: %s came as revision %u of %u bytes, has revision %u of %u",
                      windows->ndis_minor, record.name, record.revision, record.size, record.newest,
                      record.newest_size);
        }
    }
    for (i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
        CHECK(record_facts(always[i], version).revision != 0);
    }
    story_count("NDIS 6.%u: NDIS_OFFLOAD revision %u of %u bytes", windows->ndis_minor,
                record_facts(RECORD_OFFLOAD, version).revision, record_facts(RECORD_OFFLOAD, version).size);
}

static void simulate_version(const struct story_plan *plan)
{
    windows_simulate(plan->detail);
}

TEST(records_have_the_newest_revision_of_every_ndis_version)
{
    static const uint8_t minors[] = { 20, 30, 40, 50, 51, 60, 70, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89 };
    struct windows_version windows;
    size_t i;

    for (i = 0; i < sizeof(minors); i++) {
        const char *name = minors[i] < 30 ? "7" : minors[i] < 83 ? "10-1809" : "2025";

        windows = *windows_version_find(name);
        windows.ndis_minor = minors[i];
        story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                        .seed = test_seed(),
                                        .queues = 2,
                                        .edge_buffers = 16,
                                        .windows = name,
                                        .prepare = simulate_version,
                                        .detail = &windows,
                                        .body = look });
    }
}
