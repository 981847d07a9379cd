/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver that registered as a miniport. */
#ifndef TESTBED_NDIS_ADAPTER_MINIPORT_H
#define TESTBED_NDIS_ADAPTER_MINIPORT_H

#include "ndis/object.h"

struct miniport {
    struct ndis_object object;
    struct miniport *next;
    struct DRIVER_OBJECT *driver_object;
    char service_key[256];
    void *driver_context;
    uint16_t version; /* NDIS_VERSION registered */
    struct NDIS_MINIPORT_DRIVER_CHARACTERISTICS handlers;
    struct NDIS_MINIPORT_PNP_CHARACTERISTICS pnp; /* handlers NULL when not set */
    uint32_t adapters;
};
struct miniport *miniport_of(struct DRIVER_OBJECT *driver_object);

#endif
