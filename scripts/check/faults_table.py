# SPDX-License-Identifier: BSD-2-Clause
"""Faults to plant in the driver, each with what the testbed must report. See scripts/check/faults.py.

Places are named as scripts/check/places.py finds them: the function they stand in, and the words that stand there. The
line that must be named is the one that ends in MARK, in what is put there.
"""

from dataclasses import dataclass

MARK = "/*!*/"
SEND = "TransmitSend(Adapter->Transmit, Chain, Flags);"
RETURN = "ReceiveReturn(Adapter->Receive, Chain, Flags);"
HALT = "ReportStop(&Adapter->Context.Reporter);"
OID = "Row = OidFind(Adapter, Request->DATA.QUERY_INFORMATION.Oid);"
PAUSE = "WatchdogStop(Adapter->Watchdog);"


@dataclass(frozen=True)
class Fault:
    """`old` in `place` becomes `new`; run.py, or the test that is named, then reports `rule` in `function`."""
    name: str
    place: str
    old: str
    new: str
    rule: str
    function: str = ""       # that the report's stack names, with the line of MARK if there is one
    says: str = ""           # words of the report
    options: tuple = ()      # of run.py
    traffic: tuple = ()      # the command on the guest side, if not a usual one
    test: str = ""           # FILE:CASE: what only simulation can find
    races: bool = False      # the driver reports its accesses to memory (scripts/check/races.py)
    quick: bool = False      # among those that the tests run
    head: str = ""           # definitions in front of the place


def before(statement, fault):
    """`statement` with a fault in front of it."""
    return f"{fault}\n    {statement}"


HANGS = (
    Fault("a send that never returns", "MiniportSend", SEND,
          before(SEND, f"while (*(volatile ULONG *)&Flags != 77) YieldProcessor(); {MARK}"),
          "dispatch-time", "MiniportSend", "0x133", quick=True),
    Fault("a spin lock taken twice by two functions", "MiniportSend", SEND,
          before(SEND, "{ static KSPIN_LOCK Lock; KeAcquireSpinLockAtDpcLevel(&Lock);\n"
                       f"    KeAcquireSpinLockAtDpcLevel(&Lock); {MARK}\n }}"),
          "lock", "MiniportSend", "holds already"),
    Fault("a pause that never completes", "MiniportPause", PAUSE,
          before(PAUSE, "if (Context != NULL) return NDIS_STATUS_PENDING;"), "hang", "MiniportPause", "MiniportPause"),
    Fault("a halt that waits for an event that nobody sets", "MiniportHalt", HALT,
          before(HALT, "{ KEVENT Never; KeInitializeEvent(&Never, NotificationEvent, FALSE);\n"
                       f"    (void)KeWaitForSingleObject(&Never, Executive, KernelMode, FALSE, NULL); {MARK}\n }}"),
          "hang", "MiniportHalt", "MiniportHaltEx has not returned", quick=True),
    Fault("a halt that loops", "MiniportHalt", HALT,
          before(HALT, f"while (*(volatile NDIS_HALT_ACTION *)&Action != 77) YieldProcessor(); {MARK}"),
          "hang", "MiniportHalt", "runs without end"),
    Fault("an OID that stays pending", "OidRequest", OID,
          before(OID, "if (Request->DATA.QUERY_INFORMATION.Oid == OID_GEN_CURRENT_PACKET_FILTER)\n"
                      "        return NDIS_STATUS_PENDING;"),
          "hang", "OidRequest", "OID_GEN_CURRENT_PACKET_FILTER"),
    Fault("sends that are never completed", "MiniportSend", SEND, "(void)Adapter; (void)Chain; (void)Flags;",
          "hang", "MiniportSend", "sends"),
    Fault("received packets that are never given back to XenVif", "VifReturnPacket",
          "VIF_CALL(Vif, ReceiverReturnPacket, Cookie);", "(void)Vif; (void)Cookie;", "hang", "",
          "ReceiverReturnPacket"),
)

MEMORY = (
    Fault("memory from NDIS used as if it were zeroed", "MiniportSend", SEND,
          before(SEND, "{ PULONG_PTR *Memory =\n"
                       "    NdisAllocateMemoryWithTagPriority(Adapter->Context.NdisHandle, 64, 'lluN',\n"
                       "    LowPoolPriority);\n"
                       f"    if (Memory != NULL && Memory[0] != NULL) *Memory[0] = 1; {MARK}\n }}"),
          "access", "MiniportSend"),
    Fault("memory from NDIS that is never freed", "MiniportPause", PAUSE,
          before(PAUSE, f"(void)NdisAllocateMemoryWithTagPriority(Adapter->Context.NdisHandle, 100, 'kaeL', {MARK}\n"
                        "    LowPoolPriority);"), "", "MiniportPause", "left behind"),
    Fault("a key of the registry that stays open", "MiniportPause", PAUSE,
          before(PAUSE, "{ UNICODE_STRING Name = RTL_CONSTANT_STRING(L\"\\\\Registry\\\\Machine\\\\System\");\n"
                        "    OBJECT_ATTRIBUTES Attributes; HANDLE Key;\n"
                        "    InitializeObjectAttributes(&Attributes, &Name, OBJ_KERNEL_HANDLE, NULL, NULL);\n"
                        f"    (void)ZwOpenKey(&Key, KEY_READ, &Attributes); {MARK}\n }}"),
          "", "MiniportPause", "left behind: open handle"),
    Fault("memory from NDIS freed as the kernel's", "MiniportPause", PAUSE,
          before(PAUSE, "{ PVOID Memory = NdisAllocateMemoryWithTagPriority(Adapter->Context.NdisHandle, 100, 'kaeL',\n"
                        "    LowPoolPriority);\n"
                        f"    ExFreePoolWithTag(Memory, 'kaeL'); {MARK}\n }}"),
          "pool", "MiniportPause", "NDIS memory"),
    Fault("NDIS memory written past its end", "MiniportPause", PAUSE,
          before(PAUSE, "{ PUCHAR Memory =\n"
                        "    NdisAllocateMemoryWithTagPriority(Adapter->Context.NdisHandle, 100, 'kaeL',\n"
                        "    LowPoolPriority);\n"
                        f"    Memory[104] = 0; NdisFreeMemory(Memory, 0, 0); {MARK}\n }}"),
          "pool", "MiniportPause", "5 bytes past its end"),
)

LOCKS = (
    Fault("two locks taken in both orders", "MiniportSend", SEND,
          before(SEND, "{ static KSPIN_LOCK One, Two; static LONG Turn;\n"
                       "    KSPIN_LOCK *First = (InterlockedIncrement(&Turn) & 1) != 0 ? &One : &Two;\n"
                       "    KSPIN_LOCK *Second = First == &One ? &Two : &One;\n"
                       "    KeAcquireSpinLockAtDpcLevel(First);\n"
                       f"    KeAcquireSpinLockAtDpcLevel(Second); {MARK}\n"
                       "    KeReleaseSpinLockFromDpcLevel(Second); KeReleaseSpinLockFromDpcLevel(First); }"),
          "lock-order", "MiniportSend", "the other order", quick=True),
    Fault("400 ms at DISPATCH_LEVEL", "MiniportSend", SEND,
          before(SEND, "{ LONGLONG Rate, Now, Begun = KeQueryPerformanceCounter((LARGE_INTEGER *)&Rate).QuadPart;\n"
                       f"    do Now = KeQueryPerformanceCounter(NULL).QuadPart; {MARK}\n"
                       "    while (Now - Begun < Rate * 4 / 10); }"),
          "dispatch-time", "MiniportSend"),
    Fault("a thread that outlives the driver", "MiniportPause", PAUSE,
          before(PAUSE, "{ HANDLE Thread;\n"
                        "    if (NT_SUCCESS(PsCreateSystemThread(&Thread, THREAD_ALL_ACCESS, NULL, NULL, NULL,\n"
                        "                                        MiniportStray, NULL))) ZwClose(Thread); }"),
          "thread", "MiniportStray", "0xCE",
          head="static KSTART_ROUTINE MiniportStray;\n"
               f"static VOID NTAPI MiniportStray(PVOID Context) {{ {MARK}\n"
               "    LARGE_INTEGER Time;\n"
               "    Time.QuadPart = -600000000; (void)Context;\n"
               "    (void)KeDelayExecutionThread(KernelMode, FALSE, &Time);\n}"),
)

BLOCK = "PUCHAR Block = NdisAllocateMemoryWithTagPriority(Adapter->Context.NdisHandle, 100, 'kaeL', LowPoolPriority);"
GUARDED = (
    Fault("a byte read past the end of a block", "MiniportPause", PAUSE,
          before(PAUSE, f"{{ volatile UCHAR Byte; {BLOCK}\n    Byte = Block[112]; {MARK}\n    (void)Byte; }}"),
          "access", "MiniportPause", "13 bytes past the end of NDIS memory of 100 bytes", options=("--guard-pages",)),
    Fault("a block used after it was freed", "MiniportPause", PAUSE,
          before(PAUSE, f"{{ {BLOCK}\n    NdisFreeMemory(Block, 0, 0);\n    Block[5] = 1; {MARK}\n }}"),
          "access", "MiniportPause", "offset 5 of NDIS memory", options=("--guard-pages",), quick=True),
    Fault("a block freed twice", "MiniportPause", PAUSE,
          before(PAUSE, f"{{ {BLOCK}\n    NdisFreeMemory(Block, 0, 0);\n    NdisFreeMemory(Block, 0, 0); {MARK}\n }}"),
          "pool", "MiniportPause", "freed before", options=("--guard-pages",)),
    Fault("a timer that is set in freed memory", "MiniportPause", PAUSE,
          before(PAUSE, f"{{ LARGE_INTEGER Time; {BLOCK}\n    Time.QuadPart = -50000000;\n"
                        "    KeInitializeTimer((KTIMER *)Block); (void)KeSetTimer((KTIMER *)Block, Time, NULL);\n"
                        f"    NdisFreeMemory(Block, 0, 0); {MARK}\n }}"), "timer", "MiniportPause", "that is set"),
)

STALE = (
    Fault("a timer that stays set on the stack", "MiniportSend", SEND,
          SEND + "\n    { KTIMER Timer; LARGE_INTEGER Time; Time.QuadPart = -50000000; KeInitializeTimer(&Timer);\n"
                 f"    (void)KeSetTimer(&Timer, Time, NULL); {MARK}\n }}",
          "timer", "MiniportSend", "on its stack", quick=True),
    Fault("a DPC that stays queued on the stack", "MiniportSend", SEND,
          before(SEND, "{ KDPC Dpc; KeInitializeDpc(&Dpc, MiniportStray, NULL);\n"
                       f"    (void)KeInsertQueueDpc(&Dpc, NULL, NULL); {MARK}\n }}"),
          "dpc", "MiniportSend", "on its stack",
          head="static KDEFERRED_ROUTINE MiniportStray;\nstatic VOID NTAPI MiniportStray(KDPC *Dpc, PVOID Context, "
               "PVOID First, PVOID Second)\n{ (void)Dpc; (void)Context; (void)First; (void)Second; }"),
    Fault("a block freed with a lock in it that is held", "MiniportPause", PAUSE,
          before(PAUSE, f"{{ KIRQL Irql; {BLOCK}\n    KeInitializeSpinLock((KSPIN_LOCK *)Block);\n"
                        "    KeAcquireSpinLock((KSPIN_LOCK *)Block, &Irql);\n"
                        f"    NdisFreeMemory(Block, 0, 0); {MARK}\n"
                        "    KeReleaseSpinLock((KSPIN_LOCK *)Block, Irql); }"),
          "lock", "MiniportPause", "a lock in it", options=("--guard-pages",)),
    Fault("a block freed with an event in it that a thread waits for", "MiniportPause", PAUSE,
          before(PAUSE, f"{{ HANDLE Thread; LARGE_INTEGER Time; {BLOCK}\n    Time.QuadPart = -1000000;\n"
                        "    KeInitializeEvent((KEVENT *)Block, NotificationEvent, FALSE);\n"
                        "    if (NT_SUCCESS(PsCreateSystemThread(&Thread, THREAD_ALL_ACCESS, NULL, NULL, NULL,\n"
                        "                                        MiniportStray, Block))) ZwClose(Thread);\n"
                        "    (void)KeDelayExecutionThread(KernelMode, FALSE, &Time);\n"
                        f"    NdisFreeMemory(Block, 0, 0); {MARK}\n }}"),
          "event", "MiniportPause", "waits for", options=("--guard-pages",),
          head="static KSTART_ROUTINE MiniportStray;\nstatic VOID NTAPI MiniportStray(PVOID Context)\n"
               "{ (void)KeWaitForSingleObject(Context, Executive, KernelMode, FALSE, NULL); }"),
)

PAGED_HEAD = ("static __attribute__((section(\"PAGE\"), noinline)) VOID MiniportPaged(VOID)\n"
              "{ (void)KeGetCurrentIrql(); }")
PAGED_POOL = ("{ KIRQL Irql; volatile UCHAR *Memory = ExAllocatePoolWithTag(PagedPool, 100, 'kaeL');\n"
              "    if (Memory != NULL) { Memory[0] = 0; KeRaiseIrql(DISPATCH_LEVEL, &Irql);\n"
              f"    Memory[1] = 0; {MARK}\n    KeLowerIrql(Irql);\n"
              "    ExFreePoolWithTag((PVOID)Memory, 'kaeL'); } }")
PAGED = (
    Fault("pageable code at DISPATCH_LEVEL", "MiniportSend", SEND, before(SEND, "MiniportPaged();"),
          "access", "MiniportPaged", "pageable section", test="test_send:every_shape*", head=PAGED_HEAD),
    Fault("pageable code at DISPATCH_LEVEL, live", "MiniportSend", SEND, before(SEND, "MiniportPaged();"),
          "access", "MiniportPaged", "pageable section", quick=True, head=PAGED_HEAD),
    Fault("pageable code that raises the IRQL, live", "MiniportPause", PAUSE, before(PAUSE, "MiniportPaged();"),
          "access", "MiniportPaged", "goes on in a pageable section",
          head="static __attribute__((section(\"PAGE\"), noinline)) VOID MiniportPaged(VOID)\n"
               f"{{ static KSPIN_LOCK Lock; KIRQL Irql; KeAcquireSpinLock(&Lock, &Irql); {MARK}\n"
               "    KeReleaseSpinLock(&Lock, Irql); }"),
    Fault("paged pool at DISPATCH_LEVEL", "MiniportPause", PAUSE, before(PAUSE, PAGED_POOL),
          "access", "MiniportPause", "paged pool", test="test_life:*"),
    Fault("paged pool at DISPATCH_LEVEL, live", "MiniportPause", PAUSE, before(PAUSE, PAGED_POOL),
          "access", "MiniportPause", "paged pool"),
)

KEPT = "Processor->Counters.Kept += Count;\n    ReceiveIndicate(Processor, NblPoolCut(&Processor->Nbls), Count, 0);"
COMPLETE = ("NdisMSendNetBufferListsComplete(Adapter->Context.NdisHandle, Chain,\n"
            "    NDIS_TEST_SEND_AT_DISPATCH_LEVEL(Flags) ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);")
NBLS = (
    Fault("a send touched after it was completed", "MiniportSend", SEND,
          "{ volatile ULONG Length; NdisMSendNetBufferListsComplete(Adapter->Context.NdisHandle, Chain,\n"
          "    NDIS_TEST_SEND_AT_DISPATCH_LEVEL(Flags) ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);\n"
          f"    Length = NET_BUFFER_DATA_LENGTH(NET_BUFFER_LIST_FIRST_NB(Chain)); (void)Length; {MARK}\n }}",
          "access", "MiniportSend"),
    Fault("a send written to after it was completed", "MiniportSend", SEND,
          "{ PNET_BUFFER Nb = NET_BUFFER_LIST_FIRST_NB(Chain);\n"
          "    NdisMSendNetBufferListsComplete(Adapter->Context.NdisHandle, Chain,\n"
          "    NDIS_TEST_SEND_AT_DISPATCH_LEVEL(Flags) ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);\n"
          "    NET_BUFFER_LIST_FIRST_NB(Chain) = Nb; }", "ndis-nbl", "", "after it completed its send"),
    Fault("the next one of a chain looked for after its send was completed", "MiniportSend", SEND,
          f"{{ volatile ULONG Status; {COMPLETE}\n"
          f"    Status = (ULONG)NET_BUFFER_LIST_NEXT_NBL(Chain)->Status; (void)Status; {MARK}\n }}",
          "access", "MiniportSend", quick=True),
    Fault("out-of-band data of a send that was completed", "MiniportSend", SEND,
          f"{{ PVOID volatile Hash; {COMPLETE}\n"
          f"    Hash = NET_BUFFER_LIST_INFO(Chain, NetBufferListHashValue); {MARK}\n"
          "    (void)Hash; }", "access", "MiniportSend",
          "whose send the miniport has completed", options=("--guard-pages",), quick=True),
    Fault("an NBL written to after it was indicated", "ReceiveFlushCommon", KEPT,
          f"{{ NET_BUFFER_LIST *Last = NblPoolLastTaken(&Processor->Nbls);\n    {KEPT}\n"
          f"    Last->Status = 0; {MARK}\n }}",
          "access", "ReceiveFlushCommon", "which the miniport has indicated and not got back",
          options=("--guard-pages",)),
)

MDL_BYTES = ("volatile UCHAR Byte; PMDL Mdl = NET_BUFFER_CURRENT_MDL(NET_BUFFER_LIST_FIRST_NB(Chain));\n"
             "    PUCHAR Bytes = MmGetSystemAddressForMdlSafe(Mdl, NormalPagePriority | MdlMappingNoExecute);\n")
PACKETS = (
    Fault("a byte read past the end of a packet to send", "MiniportSend", SEND,
          before(SEND, f"{{ {MDL_BYTES}    Byte = Bytes[MmGetMdlByteCount(Mdl)]; {MARK}\n    (void)Byte; }}"),
          "access", "MiniportSend", "1 bytes past the end of a packet of", options=("--guard-pages",), quick=True),
    Fault("a byte read before a packet to send", "MiniportSend", SEND,
          before(SEND, f"{{ {MDL_BYTES}    Byte = Bytes[-1]; {MARK}\n    (void)Byte; }}"),
          "access", "MiniportSend", "1 bytes before a packet of", options=("--guard-pages",),
          traffic=("ping", "-n", "-c", "600", "-i", "0.005", "-w", "12", "198.18.0.1")),
    Fault("a byte written before a packet to send", "MiniportSend", SEND,
          before(SEND, f"{{ {MDL_BYTES}    Bytes[-3] = 7; (void)Byte; }}"),
          "mdl", "", "wrote 3 bytes before the", options=("--guard-pages",)),
    Fault("a packet read after its send was completed", "MiniportSend", SEND,
          f"{{ {MDL_BYTES}    {COMPLETE}\n    Byte = Bytes[0]; {MARK}\n    (void)Byte; }}",
          "access", "MiniportSend", "a packet whose send the miniport has completed", options=("--guard-pages",)),
    Fault("a byte read past the end of received data", "MiniportReturn", RETURN,
          before(RETURN, f"{{ {MDL_BYTES}    Byte = Bytes[MmGetMdlByteCount(Mdl)]; {MARK}\n    (void)Byte; }}"),
          "access", "MiniportReturn", "1 bytes past the end of received data", options=("--guard-pages",)),
    Fault("received data read after it was given back", "MiniportReturn", RETURN,
          f"{{ {MDL_BYTES}    {RETURN}\n    Byte = Bytes[0]; {MARK}\n    (void)Byte; }}",
          "access", "MiniportReturn", "offset 0 of received data", options=("--guard-pages",), quick=True),
)

RACES = (
    Fault("a counter that two processors write", "ReceiveFlush", "Processor->Counters.Kept += Count;",
          before("Processor->Counters.Kept += Count;",
                 f"{{ static ULONG Batches; if (++Batches == 0) YieldProcessor(); {MARK}\n }}"),
          "race", "ReceiveFlush", "data of the image", test="test_rss:packets_arrive*", races=True),
    Fault("a word that one thread reads while another writes it", "XENNET_CONTEXT",
          "volatile ULONG AdvertisedFrameSize;", "ULONG AdvertisedFrameSize;", "race", "LinkFollowFrameSize",
          "LinkAdvertiseFrameSize", test="test_rss:packets_arrive*", races=True, quick=True),
)

# Connections that are refused: their answers come to every queue.
MANY_FLOWS = ("bash", "-c", "for i in $(seq 20000 21500); do (: > /dev/tcp/198.18.0.1/$i) 2> /dev/null; done; true")
OTHER = "PER_PROCESSOR(RECEIVE_PROCESSOR, Receive->Processors, 0)->Counters.Kept += Count;"
PROCESSORS = (
    Fault("a counter of another processor's, live", "ReceiveFlushCommon", KEPT,
          KEPT.replace("Processor->Counters.Kept += Count;", f"{OTHER} {MARK}"), "race", "ReceiveFlushCommon",
          "on processor 0", traffic=MANY_FLOWS, races=True),
    Fault("a word that one thread reads while another writes it, live", "XENNET_CONTEXT",
          "volatile ULONG AdvertisedFrameSize;", "ULONG AdvertisedFrameSize;", "race", "LinkFollowFrameSize",
          "LinkAdvertiseFrameSize", races=True),
)

FAULTS = HANGS + MEMORY + LOCKS + GUARDED + STALE + PAGED + NBLS + PACKETS + RACES + PROCESSORS
