/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How Windows code calls and is called. On x64 there is one convention; on x86 a function is stdcall unless it takes
 * variable arguments or is the C library's (cdecl), or its name begins like Kf, Kef, Iof, Obf (fastcall): the
 * decoration in toolchain/imports says which.
 *
 * A Windows x86 caller keeps the stack aligned to 4 bytes only: the testbed for x86 is compiled with -mstackrealign.
 */
#ifndef TESTBED_RUN_MS_ABI_H
#define TESTBED_RUN_MS_ABI_H

#include <stdint.h>

/* Linux aligns these to 4 bytes inside of records for x86, Windows to 8. */
typedef __attribute__((aligned(8))) uint64_t ms_uint64;
typedef __attribute__((aligned(8))) int64_t ms_int64;

#ifdef __x86_64__

#define MS_ABI      __attribute__((ms_abi))
#define MS_CDECL    MS_ABI
#define MS_FASTCALL MS_ABI

/* An address that faults: on x64 one that no processor has, on x86 one in the last page, which nobody has. */
#define NO_ADDRESS(x64, x86) ((void *)(uintptr_t)(x64))

typedef __builtin_ms_va_list ms_va_list;
#define ms_va_start __builtin_ms_va_start
#define ms_va_end   __builtin_ms_va_end
#define ms_va_copy  __builtin_ms_va_copy

#else

#define MS_ABI      __attribute__((stdcall))
#define MS_CDECL    __attribute__((cdecl))
#define MS_FASTCALL __attribute__((fastcall))

#define NO_ADDRESS(x64, x86) ((void *)(uintptr_t)(x86))

typedef __builtin_va_list ms_va_list;
#define ms_va_start          __builtin_va_start
#define ms_va_end            __builtin_va_end
#define ms_va_copy           __builtin_va_copy

#endif

#endif
