/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the driver is as a whole: which NDIS version it registered and what that means for the records it fills.
 */
#ifndef XENNET_DRIVER_H
#define XENNET_DRIVER_H

#include <ndis.h>

// One NDIS version that this driver knows. Sizes in bytes, as the record's header states them.
typedef struct _XENNET_REVISIONS {
    UCHAR Minor; // 6.<Minor>
    UCHAR Characteristics;
    UCHAR Registration;
    UCHAR Offload;
    UCHAR RssCapabilities;
    UCHAR PmCapabilities;
    BOOLEAN Rsc;           // receive segment coalescing has records and bits for it
    BOOLEAN RssEntryMoves; // RSS of the second generation, with synchronous OID requests
    USHORT CharacteristicsSize;
    USHORT RegistrationSize;
    USHORT OffloadSize;
    USHORT RssCapabilitiesSize;
    USHORT PmCapabilitiesSize;
} XENNET_REVISIONS;

#define XENNET_MIN(_A, _B) ((_A) < (_B) ? (_A) : (_B))
#define XENNET_MAX(_A, _B) ((_A) > (_B) ? (_A) : (_B))

// The row of the version registered. Valid from DriverEntry to the unload handler.
const XENNET_REVISIONS *DriverRevisions(VOID);

// From DriverEntry on.
DRIVER_OBJECT *DriverObject(VOID);

#endif
