/* SPDX-License-Identifier: BSD-2-Clause */
/* Interrupt moderation is XenVif's and the backend's affair: reported as not supported, and a set refused as its page
 * requires. */
#include "story_watch.h"

static void moderate(struct story *story)
{
    struct NDIS_INTERRUPT_MODERATION_PARAMETERS record;
    uint32_t value;

    memset(&record, 0xcc, sizeof(record));
    CHECK(oid_listed(story, OID_GEN_INTERRUPT_MODERATION));
    CHECK_EQ(oid_get(story, OID_GEN_INTERRUPT_MODERATION, &record, sizeof(record)), SUCCESS);
    CHECK_EQ(oid_written, NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    CHECK_EQ(record.Header.Type, NDIS_OBJECT_TYPE_DEFAULT);
    CHECK_EQ(record.Header.Revision, NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    CHECK_EQ(record.Header.Size, NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    CHECK_EQ(record.Flags, 0);
    CHECK_EQ(record.InterruptModeration, NdisInterruptModerationNotSupported);
    CHECK_EQ(oid_get(story, OID_GEN_INTERRUPT_MODERATION, &record, sizeof(record) - 1),
             (int32_t)NDIS_STATUS_BUFFER_TOO_SHORT);
    CHECK_EQ(oid_needed, NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1);
    for (value = NdisInterruptModerationEnabled; value <= NdisInterruptModerationDisabled; value++) {
        record.InterruptModeration = value;
        CHECK_EQ(oid_put(story, OID_GEN_INTERRUPT_MODERATION, &record, sizeof(record)),
                 (int32_t)NDIS_STATUS_INVALID_DATA);
    }
    CHECK_EQ(oid_put(story, OID_GEN_INTERRUPT_MODERATION, &record, 4), (int32_t)NDIS_STATUS_INVALID_LENGTH);
    CHECK_EQ(oid_get(story, OID_GEN_INTERRUPT_MODERATION, &record, sizeof(record)), SUCCESS);
    CHECK_EQ(record.InterruptModeration, NdisInterruptModerationNotSupported);
}

TEST(interrupt_moderation_is_reported_as_not_supported_and_cannot_be_set)
{
    story_everywhere(&(struct story_plan){ .body = moderate }, 2);
}
