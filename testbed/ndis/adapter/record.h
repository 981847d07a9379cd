/* SPDX-License-Identifier: BSD-2-Clause */
/* Record revisions: what type, revision and size a record has on each version of NDIS. */
#ifndef TESTBED_NDIS_ADAPTER_RECORD_H
#define TESTBED_NDIS_ADAPTER_RECORD_H

#include "ndis/object.h"

#define NDIS_VERSION(major, minor) ((uint16_t)((major) << 8 | (minor)))

/* Type, revision and size of a record that a driver of that NDIS version gave, else rule "ndis-revision". */
void record_check(enum ndis_record record, const void *header, uint16_t version);
/* The header of a record that NDIS gives to a driver. */
#define NDIS_HEADER(field, type, revision, size)                                                                       \
    ((void)((field).Type = (type), (field).Revision = (uint8_t)(revision), (field).Size = (uint16_t)(size)))
bool ndis_version_exists(uint16_t version);
uint16_t ndis_version_simulated(void);

#endif
