/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Visits of all processors by the calling thread. IRQL: PASSIVE. No state, no locks.
 */
#include "processor.h"
#include "lock.h"

_IRQL_requires_(PASSIVE_LEVEL)
static VOID
ProcessorMove(const PROCESSOR_NUMBER *Number, GROUP_AFFINITY *Before)
{
    GROUP_AFFINITY Affinity;

    RtlZeroMemory(&Affinity, sizeof(Affinity));
    Affinity.Group = Number->Group;
    Affinity.Mask = (KAFFINITY)1 << Number->Number;
    KeSetSystemGroupAffinityThread(&Affinity, Before);
}

_Use_decl_annotations_
VOID
ProcessorVisitAll(PROCESSOR_VISIT *Visit, PVOID Context)
{
    GROUP_AFFINITY Before = {0};
    PROCESSOR_NUMBER Number;
    BOOLEAN Moved = FALSE;
    ULONG Index;
    KIRQL Irql;

    // A processor that comes meanwhile has seen nothing of what was before.
    for (Index = 0; Index < KeQueryActiveProcessorCountEx(ALL_PROCESSOR_GROUPS); Index++) {
        if (!NT_SUCCESS(KeGetProcessorNumberFromIndex(Index, &Number)))
            continue;
        ProcessorMove(&Number, Moved ? NULL : &Before);
        Moved = TRUE;
        Irql = IrqlRaise(FALSE);
        Visit(Context);
        IrqlLower(Irql);
    }
    if (Moved)
        KeRevertToUserGroupAffinityThread(&Before);
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID
ProcessorNothing(PVOID Context)
{
    UNREFERENCED_PARAMETER(Context);
}

_Use_decl_annotations_
VOID
ProcessorWaitAll(VOID)
{
    ULONG Nothing = 0;

    ProcessorVisitAll(ProcessorNothing, &Nothing);
}

_Use_decl_annotations_
VOID
ProcessorStay(GROUP_AFFINITY *Before)
{
    PROCESSOR_NUMBER Number;

    (void)KeGetCurrentProcessorNumberEx(&Number);
    RtlZeroMemory(Before, sizeof(*Before));
    ProcessorMove(&Number, Before);
}

_Use_decl_annotations_
VOID
ProcessorLeave(GROUP_AFFINITY *Before)
{
    KeRevertToUserGroupAffinityThread(Before);
}
