/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One network adapter: its parts, its state, and what all parts ask of it.
 *
 * state.c has the state diagram.
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
#include "state.h"
#include "store.h"
#include "transmit.h"
#include "vif.h"
#include "vlan.h"
#include "watchdog.h"

#define XENNET_MAX_QUEUES    64
#define XENNET_MAX_MULTICAST 32

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
    XENNET_WATCHDOG *Watchdog;
    DEVICE_OBJECT *NextDevice;
    XENNET_CONFIG Config;
    XENNET_VLAN Vlan;     // its Id: within OID requests
    ULONG IfIndex;        // NDIS's number for the interface
    ULONG ProcessorCount; // that there can ever be
    ULONG QueueCount;
    ULONG TransmitRingSize; // packets, all queues together
    ULONG ReceiveRingSize;
    ETHERNET_ADDRESS PermanentAddress;
    ETHERNET_ADDRESS CurrentAddress;
    BOOLEAN ForeignAddress; // CurrentAddress is not the one XenVif filters by

    // Written by link.c: bytes, Ethernet header included, tag and CRC not.
    volatile ULONG MaximumFrameSize; // that packets may have now
    ULONG ToldFrameSize;             // that NDIS was told at start or restart: the other one's upper limit

    // Moved by StateMove, read by every packet.
    volatile LONG State; // XENNET_STATE
    volatile LONG Gone;  // surprise removed or shut down: XenVif is not asked any more
    BOOLEAN Recovering;  // not running although NDIS has restarted it

    // Whoever NDIS or the watchdog's gate lets move the state.
    volatile BOOLEAN Detached; // XenVif has nobody to talk to: no link, whatever it says of one

    // Within OID requests, which NDIS serialises.
    ULONG PacketFilter;
    ULONG Lookahead;
    NDIS_DEVICE_POWER_STATE Power;
    ULONG MulticastCount;
    ETHERNET_ADDRESS Multicast[XENNET_MAX_MULTICAST];
} XENNET_ADAPTER;

MINIPORT_INITIALIZE AdapterInitialize;
MINIPORT_HALT AdapterHalt;
MINIPORT_SEND_NET_BUFFER_LISTS AdapterSend;
MINIPORT_RETURN_NET_BUFFER_LISTS AdapterReturn;
MINIPORT_CANCEL_SEND AdapterCancelSend;
MINIPORT_CHECK_FOR_HANG AdapterCheckForHang;
MINIPORT_RESET AdapterReset;

_IRQL_requires_max_(DISPATCH_LEVEL)
VOID AdapterIndicateStatus(_In_ XENNET_ADAPTER *Adapter, _In_ NDIS_STATUS Code, _In_ VOID *Buffer, _In_ ULONG Length);

FORCEINLINE BOOLEAN
AdapterIsRunning(const XENNET_ADAPTER *Adapter)
{
    return Adapter->State == XennetStateRunning && !Adapter->Gone;
}

// Bytes of payload in one frame.
FORCEINLINE ULONG
AdapterMtu(const XENNET_ADAPTER *Adapter)
{
    return Adapter->MaximumFrameSize - ETHERNET_HEADER_SIZE;
}

#endif
