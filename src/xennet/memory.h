/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Zeroed nonpaged memory with the driver's tag, and blocks whose elements start on their own cache lines.
 * NDIS picks a pool that is not executable where Windows has one. IRQL: PASSIVE to DISPATCH.
 */
#ifndef XENNET_MEMORY_H
#define XENNET_MEMORY_H

#include <ndis.h>

#ifndef IMAGE_DATA
#define IMAGE_DATA // see annotations.h of the toolchain
#endif

// How the data path is laid out; see the same place.
#ifndef RARELY_CALLED
#define RARELY_CALLED        DECLSPEC_NOINLINE
#define LIKELY(_Condition)   (_Condition)
#define UNLIKELY(_Condition) (_Condition)
#endif

#define XENNET_TAG        ((ULONG)'tNeX')
#define XENNET_CACHE_LINE 64

// What MmGetSystemAddressForMdlSafe is called with: from Windows 8 on memory that is not code, as code integrity asks
// for. Written once, in DriverEntry.
extern IMAGE_DATA ULONG MemoryMapPriority;

// An MDL's bytes as the system sees them; NULL: nothing left to map them with. IRQL: up to DISPATCH.
FORCEINLINE PVOID
MemoryMap(MDL *Mdl)
{
    return MmGetSystemAddressForMdlSafe(Mdl, MemoryMapPriority);
}

FORCEINLINE PVOID
MemoryAllocate(NDIS_HANDLE NdisHandle, SIZE_T Size)
{
    PVOID Memory;

    Memory = NdisAllocateMemoryWithTagPriority(NdisHandle, (UINT)Size, XENNET_TAG, NormalPoolPriority);
    if (Memory != NULL)
        RtlZeroMemory(Memory, Size);
    return Memory;
}

FORCEINLINE VOID
MemoryFree(PVOID Memory)
{
    if (Memory != NULL)
        NdisFreeMemory(Memory, 0, 0);
}

// A pointer into a block that MemoryAllocate returned, Extra bytes of XENNET_CACHE_LINE being included in its size.
FORCEINLINE PVOID
MemoryAlign(PVOID Memory)
{
    return (PVOID)(((ULONG_PTR)Memory + XENNET_CACHE_LINE - 1) & ~(ULONG_PTR)(XENNET_CACHE_LINE - 1));
}

#endif
