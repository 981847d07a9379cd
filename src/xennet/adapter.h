/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One network adapter: its parts, its state, and what all parts ask of it.
 *
 * adapter.c has the state diagram.
 */
#ifndef XENNET_ADAPTER_H
#define XENNET_ADAPTER_H

#include <ndis.h>
#include "config.h"
#include "driver.h"
#include "link.h"
#include "offload.h"
#include "receive.h"
#include "rss.h"
#include "store.h"
#include "transmit.h"
#include "vif.h"
#include "vlan.h"

#define XENNET_MAXIMUM_QUEUES       64
#define XENNET_MAXIMUM_MULTICAST    32

typedef enum _XENNET_STATE {
    XennetStateInitializing = 1,
    XennetStatePaused,
    XennetStateRestarting,
    XennetStateRunning,
    XennetStatePausing,
    XennetStateHalted
} XENNET_STATE;

typedef struct _XENNET_ADAPTER {
    // Immutable after MiniportInitializeEx. The data path reads these and nothing else of the adapter.
    NDIS_HANDLE NdisHandle;
    XENNET_VIF Vif;
    XENNET_OFFLOAD *Offload;
    XENNET_TRANSMIT *Transmit;
    XENNET_RECEIVE *Receive;
    const XENNET_REVISIONS *Revisions;
    XENNET_RSS *Rss;
    XENNET_LINK *Link;
    XENNET_STORE *Store;
    DEVICE_OBJECT *NextDevice;
    XENNET_CONFIG Config;
    XENNET_VLAN Vlan;                   // its Id: within OID requests
    ULONG IfIndex;                      // NDIS's number for the interface
    ULONG ProcessorCount;               // that there can ever be
    ULONG QueueCount;
    ULONG MaximumFrameSize;             // bytes, Ethernet header included, tag and CRC not
    ULONG TransmitRingSize;             // packets, all queues together
    ULONG ReceiveRingSize;
    ETHERNET_ADDRESS PermanentAddress;
    ETHERNET_ADDRESS CurrentAddress;
    BOOLEAN ForeignAddress;             // CurrentAddress is not the one XenVif filters by

    // Moved by AdapterMove, read by every packet.
    volatile LONG State;                // XENNET_STATE
    volatile LONG Gone;                 // surprise removed or shut down

    // Within OID requests, which NDIS serialises.
    ULONG PacketFilter;
    ULONG Lookahead;
    NDIS_DEVICE_POWER_STATE Power;
    ULONG MulticastCount;
    ETHERNET_ADDRESS Multicast[XENNET_MAXIMUM_MULTICAST];
} XENNET_ADAPTER;

// Fills in the handlers of the miniport's life; data path and OID handlers included.
VOID AdapterSetHandlers(_Out_ NDIS_MINIPORT_DRIVER_CHARACTERISTICS *Characteristics);

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID AdapterIndicateStatus(_In_ XENNET_ADAPTER *Adapter, _In_ NDIS_STATUS Code, _In_ VOID *Buffer, _In_ ULONG Length);

FORCEINLINE BOOLEAN
AdapterIsRunning(const XENNET_ADAPTER *Adapter)
{
    return Adapter->State == XennetStateRunning && !Adapter->Gone;
}

// The status of a send that comes while the adapter is not running.
NDIS_STATUS AdapterSendRefusal(_In_ const XENNET_ADAPTER *Adapter);

// Bytes of payload in one frame.
FORCEINLINE ULONG
AdapterMtu(const XENNET_ADAPTER *Adapter)
{
    return Adapter->MaximumFrameSize - ETHERNET_HEADER_SIZE;
}

#endif
