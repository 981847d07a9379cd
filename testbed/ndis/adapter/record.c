/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which NDIS versions exist, and which revision of each record a driver of a version may use (Microsoft's pages of the
 * records). A newer revision than the driver's registered version has, or a size below the revision's, is rule
 * "ndis-revision": Windows would refuse it or read past its end. Older revisions stay valid. Any IRQL.
 */
#include "ndis/internal.h"
#include "nt/export/version.h"

#define REVISIONS     7
#define NDIS_6(minor) NDIS_VERSION(6, minor)

struct record_rule {
    const char *name;
    uint8_t type;
    struct {
        uint16_t since, size;
    } revisions[REVISIONS]; /* revision 1 first; since 0: there is none */
};

static const struct record_rule rules[] = {
    [RECORD_DRIVER_CHARACTERISTICS] = { "NDIS_MINIPORT_DRIVER_CHARACTERISTICS",
                                        NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS,
                                        { { NDIS_6(0), NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_1 },
                                          { NDIS_6(1), NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2 },
                                          { NDIS_6(80), NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3 } } },
    [RECORD_REGISTRATION_ATTRIBUTES] = { "NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES",
                                         NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES,
                                         { { NDIS_6(0),
                                             NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1 },
                                           { NDIS_6(30),
                                             NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_2 } } },
    [RECORD_GENERAL_ATTRIBUTES] = { "NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES",
                                    NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES,
                                    { { NDIS_6(0), NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_1 },
                                      { NDIS_6(20), NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2 } } },
    [RECORD_OFFLOAD_ATTRIBUTES] = { "NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES",
                                    NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES,
                                    { { NDIS_6(0), NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1 } } },
    [RECORD_ADD_DEVICE_ATTRIBUTES] = { "NDIS_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES",
                                       NDIS_OBJECT_TYPE_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES,
                                       { { NDIS_6(0),
                                           NDIS_SIZEOF_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES_REVISION_1 } } },
    /* Revisions 6 and 7 append UDP segmentation (two records of 12 bytes) and UDP receive coalescing to the 188 bytes
       of revision 5. */
    [RECORD_OFFLOAD] = { "NDIS_OFFLOAD",
                         NDIS_OBJECT_TYPE_OFFLOAD,
                         { { NDIS_6(0), NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_1 },
                           { NDIS_6(1), NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_2 },
                           { NDIS_6(30), NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_3 },
                           { NDIS_6(50), NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_4 },
                           { NDIS_6(70), NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_5 },
                           { NDIS_6(83), 212 },
                           { NDIS_6(89), 213 } } },
    [RECORD_RSS_CAPABILITIES] = { "NDIS_RECEIVE_SCALE_CAPABILITIES",
                                  NDIS_OBJECT_TYPE_RSS_CAPABILITIES,
                                  { { NDIS_6(0), NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_1 },
                                    { NDIS_6(30), NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_2 },
                                    { NDIS_6(60), NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_3 } } },
    [RECORD_PM_CAPABILITIES] = { "NDIS_PM_CAPABILITIES",
                                 NDIS_OBJECT_TYPE_DEFAULT,
                                 { { NDIS_6(20), NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_1 },
                                   { NDIS_6(30), NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_2 } } },
    [RECORD_PNP_CHARACTERISTICS] = { "NDIS_MINIPORT_PNP_CHARACTERISTICS",
                                     NDIS_OBJECT_TYPE_MINIPORT_PNP_CHARACTERISTICS,
                                     { { NDIS_6(0), NDIS_SIZEOF_MINIPORT_PNP_CHARACTERISTICS_REVISION_1 } } },
    [RECORD_STATUS_INDICATION] = { "NDIS_STATUS_INDICATION",
                                   NDIS_OBJECT_TYPE_STATUS_INDICATION,
                                   { { NDIS_6(0), NDIS_SIZEOF_STATUS_INDICATION_REVISION_1 } } },
    [RECORD_LINK_STATE] = { "NDIS_LINK_STATE",
                            NDIS_OBJECT_TYPE_DEFAULT,
                            { { NDIS_6(0), NDIS_SIZEOF_LINK_STATE_REVISION_1 } } },
    [RECORD_NBL_POOL] = { "NET_BUFFER_LIST_POOL_PARAMETERS",
                          NDIS_OBJECT_TYPE_DEFAULT,
                          { { NDIS_6(0), NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1 } } },
    [RECORD_NB_POOL] = { "NET_BUFFER_POOL_PARAMETERS",
                         NDIS_OBJECT_TYPE_DEFAULT,
                         { { NDIS_6(0), NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1 } } },
    [RECORD_CONFIGURATION] = { "NDIS_CONFIGURATION_OBJECT",
                               NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT,
                               { { NDIS_6(0), NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1 } } },
    [RECORD_TIMER] = { "NDIS_TIMER_CHARACTERISTICS",
                       NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS,
                       { { NDIS_6(0), NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1 } } },
    [RECORD_SG_DMA] = { "NDIS_SG_DMA_DESCRIPTION",
                        NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION,
                        { { NDIS_6(0), NDIS_SIZEOF_SG_DMA_DESCRIPTION_REVISION_1 } } },
};

void record_check(enum ndis_record record, const void *header, uint16_t version)
{
    const struct record_rule *rule = &rules[record];
    const struct NDIS_OBJECT_HEADER *h = header;

    RULE(h != NULL, "ndis-revision", "%s is NULL", rule->name);
    RULE(h->Type == rule->type, "ndis-revision", "%s has type %#x in its header, must be %#x", rule->name, h->Type,
         rule->type);
    RULE(h->Revision >= 1 && h->Revision <= REVISIONS && rule->revisions[h->Revision - 1].since != 0, "ndis-revision",
         "%s has no revision %u", rule->name, h->Revision);
    RULE(rule->revisions[h->Revision - 1].since <= version, "ndis-revision",
         "%s revision %u needs NDIS 6.%u, the driver registered 6.%u", rule->name, h->Revision,
         rule->revisions[h->Revision - 1].since & 0xff, version & 0xff);
    RULE(h->Size >= rule->revisions[h->Revision - 1].size, "ndis-revision", "%s revision %u has size %u, needs %u",
         rule->name, h->Revision, h->Size, rule->revisions[h->Revision - 1].size);
}

uint16_t ndis_version_played(void)
{
    const struct windows_version *windows = windows_played();

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
