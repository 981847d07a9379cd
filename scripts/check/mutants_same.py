# SPDX-License-Identifier: BSD-2-Clause
"""Generated mistakes (scripts/check/mutants.py) that no test can notice, each with the reason.

Each row: the function; the words that stand there once (scripts/check/places.py); the words with the mistake; why the
driver does the same with it, or what it would take that cannot happen. Read when they survived.
"""

# Events have fewer numbers than the call has room for; what stands behind them is never written (TraceRows).
PADDED = {
    "ReportStart": ("XENNET_TRACE_START, Reporter->IfIndex, VifVersion, Queues, FrameSize", 1),
    "ReportStartFailed": ("XENNET_TRACE_START_FAILED, Reporter->IfIndex, Step, (ULONG)Status", 2),
    "ReportStop": ("XENNET_TRACE_STOP, Reporter->IfIndex", 4),
    "ReportState": ("XENNET_TRACE_STATE, Reporter->IfIndex, From, To", 2),
    "ReportPower": ("XENNET_TRACE_POWER, Reporter->IfIndex, From, To", 2),
    "ReportLink": ("XENNET_TRACE_LINK, Reporter->IfIndex, Connect, Duplex, Speed", 1),
    "ReportFrameSize": ("XENNET_TRACE_FRAME_SIZE, Reporter->IfIndex, Backend, InForce, Advertised", 1),
    "ReportOffload": ("XENNET_TRACE_OFFLOAD, Reporter->IfIndex, On, Receive", 2),
    "ReportQueues": ("XENNET_TRACE_QUEUES, Reporter->IfIndex, Before, Now", 2),
    "ReportFilter": ("XENNET_TRACE_FILTER, Reporter->IfIndex, Types", 3),
    "ReportVlan": ("XENNET_TRACE_VLAN, Reporter->IfIndex, Id", 3),
    "ReportStall": ("XENNET_TRACE_STALL, Reporter->IfIndex, Sends, Outstanding", 2),
    "ReportRecovery": ("XENNET_TRACE_RECOVERY, Reporter->IfIndex, Sends, Works", 2),
}


def _padding():
    for function, (numbers, count) in PADDED.items():
        for place in range(count):
            zeros = ["0"] * count
            old = f"TRACE_EVENT({numbers}, {', '.join(zeros)})"
            zeros[place] = "(0 + 1)"
            yield function, old, f"TRACE_EVENT({numbers}, {', '.join(zeros)})", "padding"


SAME = (
    ("AlarmInitialize", "Alarm->Awake = FALSE;", "Alarm->Awake = TRUE;",
     "the watchdog looks once before there is anything to see, and sleeps"),
    ("AlarmInitialize", "SynchronizationEvent, FALSE", "SynchronizationEvent, TRUE",
     "the watchdog's thread goes round once before there is anything to see"),
    ("ConfigIsValid", "(Value - Keyword->Minimum) % Keyword->Step", "(Value + Keyword->Minimum) % Keyword->Step",
     "each lowest value in keywords.ini is a multiple of its step"),
    ("BackendFindDevice", "for (Length = 0; Names", "for (Length = (0 + 1); Names", "a name has a character at least"),
    ("StoreParseIndex", "&& Index <= STORE_MAX_INDEX; Name++", "&& Index < STORE_MAX_INDEX; Name++",
     "with a digit more the name is above it either way"),
    ("TransmitRequestSetPayload", "if (Headers == 0)", "if (Headers == (0 + 1))",
     "TransmitRequestSegmentsAreValid has refused an NB without payload"),
    ("LinkQueryFrameSize", "ULONG Size = 0;", "ULONG Size = (0 + 1);", "XenVif always writes it; both are invalid"),
    ("SegmentBegin", "Cut->HeaderLength > SEGMENT_MAX_HEADER", "Cut->HeaderLength >= SEGMENT_MAX_HEADER",
     "no headers have just so many bytes: IPv4 has 86 at most, IPv6's extension headers are multiples of eight"),
    ("SegmentsRun", "Here->Cut.Left != 0", "Here->Cut.Left != (0 + 1)",
     "a last byte is cut when its turn comes: the segment before it is begun to be sent, as any may be"),
    ("SegmentPoolStride", "(Size + XENNET_CACHE_LINE - 1)", "(Size + XENNET_CACHE_LINE - (1 + 1))",
     "all sizes are multiples of four"),
    ("SegmentPoolStride", "(Size + XENNET_CACHE_LINE - 1)", "(Size + XENNET_CACHE_LINE + 1)",
     "a line more where the size is a multiple of lines"),
    ("SegmentPoolStride", "((SIZE_T)XENNET_CACHE_LINE - 1)", "((SIZE_T)XENNET_CACHE_LINE + 1)",
     "not less than the size; x86 and x64 read words at any address, and none of them is interlocked"),
    ("SegmentPoolStride", "((SIZE_T)XENNET_CACHE_LINE - 1)", "((SIZE_T)XENNET_CACHE_LINE - (1 + 1))",
     "not less than the size; x86 and x64 read words at any address, and none of them is interlocked"),
    ("VifQueryInterface", "KeWaitForSingleObject(&Event, Executive, KernelMode, FALSE, NULL)",
     "KeWaitForSingleObject(&Event, Executive, KernelMode, TRUE, NULL)",
     "nobody alerts a thread that starts a device"),
    ("ReceiveFlushPolled", "Receive->Joins != 0 && Count > 1", "Receive->Joins != 0 || Count > 1",
     "ReceiveFlush queues any batch for NDIS's poll; here is the shorter way for most"),
    ("StatePause", "if (TransmitOutstanding(Adapter->Transmit) != 0)",
     "if (TransmitOutstanding(Adapter->Transmit) != (0 + 1))",
     "a pause waits for sends and ends in the call or behind it, the same way; NDIS allows both"),
    ("ReportKeyword", "XENNET_LOG_TEXT + 1", "XENNET_LOG_TEXT - 1",
     "room for 51 characters; no keyword needs more than 45"),
    ("MiniportReset", "*AddressingReset = FALSE", "*AddressingReset = TRUE",
     "NDIS sets again what is in force; while a reset pends, NdisMResetComplete decides"),
    ("MiniportReset", ": NDIS_STATUS_RESET_IN_PROGRESS", ": NDIS_STATUS_SUCCESS",
     "NDIS resets an adapter again only after the reset before has ended"),
    ("TransmitDestroy", "KeFlushQueuedDpcs(); ProcessorWaitAll();", "((void)0); ProcessorWaitAll();",
     "MiniportDestroy has destroyed the receive path, which waits for DPCs, and nothing queues one since"),
    ("TransmitDestroy", "KeFlushQueuedDpcs(); ProcessorWaitAll();", "KeFlushQueuedDpcs(); ((void)0);",
     "the testbed's KeFlushQueuedDpcs waits for all processors to be below DISPATCH_LEVEL; Windows's need not"),
    ("OffloadApplyReceive", "(Offload->ReceiveRsc & ~Rsc) != 0", "(Offload->ReceiveRsc & ~Rsc) != (0 + 1)",
     "batches go up a moment earlier"),
    ("OffloadApplyReceive", "(Offload->ReceiveUro & ~Uro) != 0", "(Offload->ReceiveUro & ~Uro) != (0 + 1)",
     "batches go up a moment earlier"),
    ("StateRestart", "Recovering = Status != NDIS_STATUS_SUCCESS", "Recovering = Status != NDIS_STATUS_FAILURE",
     "while the adapter runs nobody reads it; a pause, a low power state's end and the watchdog set it before they do"),
    ("StateResume", "Adapter->Context.Recovering = FALSE;", "Adapter->Context.Recovering = TRUE;",
     "while the adapter runs nobody reads it; a pause, a low power state's end and the watchdog set it before they do"),
    ("StateMove", "return FALSE;", "return TRUE;", "NDIS asks for no other change of state"),
    ("StateBegin", "return NDIS_STATUS_INVALID_STATE;", "return NDIS_STATUS_SUCCESS;",
     "NDIS asks for no other change of state"),
    ("StateStop", "return FALSE;", "return TRUE;", "NDIS asks for no other change of state"),
    ("StatePause", "return NDIS_STATUS_INVALID_STATE;", "return NDIS_STATUS_SUCCESS;",
     "NDIS asks for no other change of state"),
    ("StateDrain", "RssIsUnanswered(Adapter->Rss) != 0)) return TRUE;",
     "RssIsUnanswered(Adapter->Rss) != 0)) return FALSE;", "a checked build prints it, and that is all"),
    ("StateDrain", "return FALSE; NdisMSleep", "return TRUE; NdisMSleep", "a checked build prints it, and that is all"),
    ("StateDrain", "Last = Now; } return TRUE;", "Last = Now; } return FALSE;",
     "a checked build prints it, and that is all"),
    ("WatchdogReset", "return FALSE;", "return TRUE;",
     "NDIS resets an adapter again only after the reset before has ended"),
    ("PollRegister", "if (Queue->Handle != NULL) return STATUS_SUCCESS;",
     "if (Queue->Handle != NULL) return STATUS_UNSUCCESSFUL;", "NDIS lists no processor twice"),
    ("StoreTextEquals", "return TRUE; } return FALSE;", "return TRUE; } return TRUE;",
     "the text's own end is the last character that is compared"),
    ("NblPoolSpillCache", "Cache->Count - Cache->Taken >= 2 * NBL_POOL_MAGAZINE",
     "Cache->Count - Cache->Taken > 2 * NBL_POOL_MAGAZINE", "a magazine goes one packet later"),
    ("OffloadPossible", "Offload->LargeSize4 != 0", "Offload->LargeSize4 != (0 + 1)",
     "no XenVif takes large packets of one byte"),
    ("OffloadPossible", "Offload->LargeSize6 != 0", "Offload->LargeSize6 != (0 + 1)",
     "no XenVif takes large packets of one byte"),
    ("TraceUnregister", "TraceHandle = 0; TraceListeners = 0;", "TraceHandle = (0 + 1); TraceListeners = 0;",
     "the driver's data goes next"),
    ("TraceUnregister", "TraceHandle = 0; TraceListeners = 0;", "TraceHandle = 0; TraceListeners = (0 + 1);",
     "the driver's data goes next"),
    ("PollRegisterAll", "SIZE_T Size = 0;", "SIZE_T Size = (0 + 1);", "too small a buffer either way"),
    ("PollRegisterAll", "Size != 0 ?", "Size != (0 + 1) ?", "NDIS asks for a record of one processor at least"),
    ("PollRegisterAll", "return STATUS_INSUFFICIENT_RESOURCES", "return STATUS_SUCCESS",
     "queues without an object are not used: packets go up as they come either way"),
    *_padding(),
)
