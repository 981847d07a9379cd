/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The system event log. The message texts are NDIS's own (netevent.dll), chosen by the error code; what is
 * ours are the values behind it, so every caller also says the same in words through TRACE_ERROR.
 */
#include "trace.h"

_Use_decl_annotations_
VOID
TraceLogEvent(NDIS_HANDLE NdisHandle, NDIS_ERROR_CODE Code, XENNET_EVENT Event, ULONG First, ULONG Second, ULONG Third)
{
    NdisWriteErrorLogEntry(NdisHandle, Code, 4, (ULONG)Event, First, Second, Third);
}
