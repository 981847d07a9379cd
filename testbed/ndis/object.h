/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handles that NDIS gives to the driver: listed so that leaks show and wrong handles are caught. Besides, what all
 * files of ndis/ use: host memory for the records of the testbed, text, names.
 */
#ifndef TESTBED_NDIS_OBJECT_H
#define TESTBED_NDIS_OBJECT_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "ndis/ndis.h"
#include "nt/nt.h"

#undef NdisReserved /* an enumerator of ntddndis.h; here the field of that name is meant */

enum ndis_kind {
    NDIS_KIND_MINIPORT = 0x4e4d4e50,
    NDIS_KIND_ADAPTER,
    NDIS_KIND_NBL_POOL,
    NDIS_KIND_NB_POOL,
    NDIS_KIND_CONFIGURATION,
    NDIS_KIND_TIMER,
    NDIS_KIND_WORK_ITEM,
    NDIS_KIND_RW_LOCK,
    NDIS_KIND_DMA,
    NDIS_KIND_GENERIC,
    NDIS_KIND_OPEN,
    NDIS_KIND_POLL,
    NDIS_KIND_CONTROL_DEVICE
};
struct ndis_object {
    uint32_t kind; /* 0 once it is gone */
    char what[60];
    const void *caller; /* the driver's, who made it, or NULL */
    char *origin;       /* its name, once its image is about to go */
    struct ndis_object *next, *previous;
};
void ndis_object_add(struct ndis_object *object, enum ndis_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Made for the driver by an export: `caller` is its return address. */
#define ndis_object_made_here(object) ((object)->caller = __builtin_return_address(0))
void ndis_object_remove(struct ndis_object *object);
/* The object behind a driver's handle, or the end by rule "ndis-handle". */
void *ndis_object_check(void *handle, enum ndis_kind kind, const char *function);
/* "NetP" from a pool tag; `text` has 5 bytes. */
const char *ndis_tag_text(uint32_t tag, char *text);
void *ndis_alloc(size_t bytes); /* zeroed host memory for the testbed's own records; never NULL */
/* UTF-16 to UTF-8, bytes written without the NUL that is always there. */
size_t ndis_utf8(char *text, size_t size, const uint16_t *wide, size_t units);
size_t ndis_utf16(uint16_t *wide, size_t most, const char *text);
const char *ndis_oid_name(uint32_t oid);      /* "OID_GEN_STATISTICS", or "an OID without a name here" */
const char *ndis_event_name(uint32_t code);   /* "EVENT_NDIS_TIMEOUT", or NULL */
const char *ndis_status_name(int32_t status); /* "NDIS_STATUS_FAILURE" or "unnamed" */

#endif
