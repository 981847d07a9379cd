/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The NDIS version that the driver registered, and what follows from it for the records it fills.
 */
#ifndef XENNET_REVISIONS_H
#define XENNET_REVISIONS_H

#include <ndis.h>

#define REVISIONS_MAJOR 6

// One NDIS version that this driver supports. Sizes in bytes, as the record's header states them.
typedef struct _XENNET_REVISIONS {
    UCHAR Minor; // 6.<Minor>
    UCHAR Characteristics;
    UCHAR Registration;
    UCHAR Offload;
    UCHAR RssCapabilities;
    UCHAR PmCapabilities;
    BOOLEAN Rsc;           // receive segment coalescing has records and bits for it
    BOOLEAN HangCheck;     // NDIS looks for hangs and resets, before 6.83
    BOOLEAN RssEntryMoves; // RSS of the second generation, with synchronous OID requests
    BOOLEAN UdpSegments;   // NDIS_OFFLOAD and NBLs have a place for UDP segmentation
    BOOLEAN UdpCoalescing; // the same for UDP coalescing
    USHORT CharacteristicsSize;
    USHORT RegistrationSize;
    USHORT OffloadSize;
    USHORT RssCapabilitiesSize;
    USHORT PmCapabilitiesSize;
} XENNET_REVISIONS;

// Chooses the newest version that is not newer than NDIS. Version: NDIS's, major in the high word, minor in the low
// one. NULL: NDIS is older than RevisionsOldest.
_IRQL_requires_(PASSIVE_LEVEL)
const XENNET_REVISIONS *RevisionsChoose(_In_ ULONG Version);

const XENNET_REVISIONS *RevisionsOldest(VOID);

// The version that was chosen. Valid from DriverEntry to the unload handler.
const XENNET_REVISIONS *RevisionsInForce(VOID);

#endif
