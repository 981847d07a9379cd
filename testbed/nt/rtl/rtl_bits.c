/* SPDX-License-Identifier: BSD-2-Clause */
/* Bits of one number, as ntoskrnl.exe counts and finds them. Any IRQL. */
#include "nt/export/register.h"
#include "nt/nt.h"
#include "nt/rtl/rtl.h"

enum { NO_BIT = -1, HIGHEST = 63 };

static MS_ABI int8_t nt_RtlFindLeastSignificantBit(uint64_t set)
{
    return set != 0 ? (int8_t)__builtin_ctzll(set) : NO_BIT;
}

static MS_ABI int8_t nt_RtlFindMostSignificantBit(uint64_t set)
{
    return set != 0 ? (int8_t)(HIGHEST - __builtin_clzll(set)) : NO_BIT;
}

static MS_ABI uint32_t nt_RtlNumberOfSetBitsUlongPtr(uintptr_t target)
{
    return (uint32_t)__builtin_popcountll(target);
}

#define ANY(X, name) X("ntoskrnl.exe", name, nt_##name, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)
#define RTL_BITS_EXPORTS(X)                                                                                            \
    ANY(X, RtlFindLeastSignificantBit) ANY(X, RtlFindMostSignificantBit) ANY(X, RtlNumberOfSetBitsUlongPtr)

void rtl_bits_start(void)
{
    EXPORT_REGISTER(RTL_BITS_EXPORTS);
}
