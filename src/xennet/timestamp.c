/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What NDIS gets to know of timestamps. It answers OID_TIMESTAMP_CAPABILITY and OID_TIMESTAMP_CURRENT_CONFIG from these
 * two indications, the first of which has to come first. There is no clock in a virtual interface: no hardware
 * timestamps, no cross timestamps.
 *
 * Called by miniport.c while the adapter starts. IRQL: PASSIVE.
 */
#include "timestamp.h"

#define TIMESTAMP_FIRST_MINOR 82

// By the values of *SoftwareTimestamp.
static const UCHAR TimestampKinds[] = {0,
                                       TIMESTAMP_RECEIVE,
                                       TIMESTAMP_SEND,
                                       TIMESTAMP_RECEIVE | TIMESTAMP_SEND,
                                       TIMESTAMP_SEND_TAGGED,
                                       TIMESTAMP_RECEIVE | TIMESTAMP_SEND_TAGGED};

_Use_decl_annotations_
ULONG
TimestampInForce(const XENNET_CONTEXT *Context)
{
    if (Context->Revisions->Minor < TIMESTAMP_FIRST_MINOR ||
        Context->Config.SoftwareTimestamp >= RTL_NUMBER_OF(TimestampKinds))
        return 0;
    return TimestampKinds[Context->Config.SoftwareTimestamp];
}

static VOID
TimestampIndicate(const XENNET_CONTEXT *Context, NDIS_STATUS Code, ULONG Kinds)
{
    NDIS_TIMESTAMP_CAPABILITIES Record;

    RtlZeroMemory(&Record, sizeof(Record));
    Record.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    Record.Header.Revision = NDIS_TIMESTAMP_CAPABILITIES_REVISION_1;
    Record.Header.Size = NDIS_SIZEOF_TIMESTAMP_CAPABILITIES_REVISION_1;
    Record.TimestampFlags.AllReceiveSw = (Kinds & TIMESTAMP_RECEIVE) != 0;
    Record.TimestampFlags.AllTransmitSw = (Kinds & TIMESTAMP_SEND) != 0;
    Record.TimestampFlags.TaggedTransmitSw = (Kinds & TIMESTAMP_SEND_TAGGED) != 0;
    ContextIndicateStatus(Context, Code, &Record, Record.Header.Size);
}

_Use_decl_annotations_
VOID
TimestampReport(const XENNET_CONTEXT *Context)
{
    if (Context->Revisions->Minor < TIMESTAMP_FIRST_MINOR)
        return;
    TimestampIndicate(Context, NDIS_STATUS_TIMESTAMP_CAPABILITY,
                      TIMESTAMP_RECEIVE | TIMESTAMP_SEND | TIMESTAMP_SEND_TAGGED);
    TimestampIndicate(Context, NDIS_STATUS_TIMESTAMP_CURRENT_CONFIG, TimestampInForce(Context));
}
