/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver's own counters as OIDs, and the GUIDs by which WMI finds them. include/counters.h has their order, and
 * xennet.mof the classes. PASSIVE, serialised by NDIS; the counters move while they are read. No locks.
 */
#include "oidvalue.h"
#include "adapter.h"
#include "counters.h"
#include "receive.h"
#include "transmit.h"

#define OID_COUNTER_SLOT(_Name, _Side, _Member) OidCounter##_Name,

typedef enum _OID_COUNTER_INDEX {
    XENNET_COUNTERS(OID_COUNTER_SLOT)
    OidCounterCount
} OID_COUNTER_INDEX;

C_ASSERT(OidCounterCount <= RTL_FIELD_SIZE(OID_VALUE, Scratch.Counters) / sizeof(ULONG64));
C_ASSERT(XENNET_QUEUES_MAXIMUM == XENNET_MAXIMUM_QUEUES);

static const NDIS_GUID OidGuids[] = {
    {XENNET_GUID_COUNTERS, {XENNET_OID_COUNTERS}, OidCounterCount * sizeof(ULONG64),
     fNDIS_GUID_TO_OID | fNDIS_GUID_ALLOW_READ},
    {XENNET_GUID_QUEUES, {XENNET_OID_QUEUES}, sizeof(ULONG64),
     fNDIS_GUID_TO_OID | fNDIS_GUID_ARRAY | fNDIS_GUID_ALLOW_READ}
};

C_ASSERT(sizeof(OidGuids) == RTL_FIELD_SIZE(OID_VALUE, Scratch.Guids));

_Use_decl_annotations_
VOID
OidQueryOwnCounters(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    XENNET_RECEIVE_COUNTERS Receive;
    XENNET_TRANSMIT_COUNTERS Transmit;

    UNREFERENCED_PARAMETER(Oid);

    ReceiveReadCounters(Adapter->Receive, &Receive);
    TransmitReadCounters(Adapter->Transmit, &Transmit);
#define OID_COUNTER_TAKE(_Name, _Side, _Member) Value->Scratch.Counters[OidCounter##_Name] = _Side._Member;
    XENNET_COUNTERS(OID_COUNTER_TAKE)
#undef OID_COUNTER_TAKE
    Value->Length = OidCounterCount * sizeof(ULONG64);
}

_Use_decl_annotations_
VOID
OidQueryQueues(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    XENNET_QUEUE_COUNTERS Queue;
    ULONG Index;

    UNREFERENCED_PARAMETER(Oid);

    for (Index = 0; Index < Adapter->QueueCount; Index++) {
        Queue = ReceiveReadQueue(Adapter->Receive, Index);
        Value->Scratch.Counters[2 * Index] = Queue.Packets;
        Value->Scratch.Counters[2 * Index + 1] = Queue.Octets;
    }
    Value->Length = Adapter->QueueCount * 2 * sizeof(ULONG64);
}

_Use_decl_annotations_
VOID
OidQueryGuids(XENNET_ADAPTER *Adapter, NDIS_OID Oid, OID_VALUE *Value)
{
    UNREFERENCED_PARAMETER(Adapter);
    UNREFERENCED_PARAMETER(Oid);

    RtlCopyMemory(Value->Scratch.Guids, OidGuids, sizeof(OidGuids));
    Value->Length = sizeof(OidGuids);
}
