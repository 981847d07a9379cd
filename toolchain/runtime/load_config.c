/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The load configuration directory: tells the Windows loader about the security cookie and control flow guard.
 *
 * The linker finds _load_config_used, fills the guard tables and defines the __guard_* symbols below, whose
 * addresses are the values. Before a system that enforces control flow guard replaces the two pointers, indirect
 * calls go through functions that allow every target. They stand in read-only memory.
 *
 * Layout: IMAGE_LOAD_CONFIG_DIRECTORY of the PE format, up to the long jump table.
 */
#include <ntddk.h>

extern ULONG_PTR __stack_chk_guard;
extern char __guard_fids_table[], __guard_fids_count[], __guard_flags[];
extern char __guard_iat_table[], __guard_iat_count[], __guard_longjmp_table[], __guard_longjmp_count[];
#ifdef _X86_
extern char __safe_se_handler_table[], __safe_se_handler_count[];
#endif

typedef struct _LOAD_CONFIG {
    ULONG Size;
    ULONG TimeDateStamp;
    USHORT MajorVersion;
    USHORT MinorVersion;
    ULONG GlobalFlagsClear;
    ULONG GlobalFlagsSet;
    ULONG CriticalSectionDefaultTimeout;
    ULONG_PTR DeCommitFreeBlockThreshold;
    ULONG_PTR DeCommitTotalFreeThreshold;
    ULONG_PTR LockPrefixTable;
    ULONG_PTR MaximumAllocationSize;
    ULONG_PTR VirtualMemoryThreshold;
#ifdef _WIN64
    ULONG_PTR ProcessAffinityMask;
    ULONG ProcessHeapFlags;
#else
    ULONG ProcessHeapFlags;
    ULONG_PTR ProcessAffinityMask;
#endif
    USHORT CSDVersion;
    USHORT DependentLoadFlags;
    ULONG_PTR EditList;
    PVOID SecurityCookie;
    PVOID SEHandlerTable;
    PVOID SEHandlerCount;
    const VOID *GuardCFCheckFunctionPointer;
    const VOID *GuardCFDispatchFunctionPointer;
    PVOID GuardCFFunctionTable;
    PVOID GuardCFFunctionCount;
    PVOID GuardFlags; /* 32 bits; on x64 the upper half covers two code integrity fields, which stay zero */
#ifdef _WIN64
    ULONG CodeIntegrity[2];
#else
    ULONG CodeIntegrity[3];
#endif
    PVOID GuardAddressTakenIatEntryTable;
    PVOID GuardAddressTakenIatEntryCount;
    PVOID GuardLongJumpTargetTable;
    PVOID GuardLongJumpTargetCount;
} LOAD_CONFIG;

static VOID AllowCall(VOID)
{
}

#ifdef _WIN64
static __attribute__((naked)) VOID DispatchCall(VOID)
{
    __asm__("jmp *%rax");
}
#endif

__attribute__((section(".00cfg"))) VOID (*const __guard_check_icall_fptr)(VOID) = AllowCall;
#ifdef _WIN64
__attribute__((section(".00cfg"))) VOID (*const __guard_dispatch_icall_fptr)(VOID) = DispatchCall;
#endif

const LOAD_CONFIG _load_config_used = {
    sizeof(LOAD_CONFIG),
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    &__stack_chk_guard,
#ifdef _X86_
    __safe_se_handler_table,
    __safe_se_handler_count,
    &__guard_check_icall_fptr,
    NULL,
#else
    NULL,
    NULL,
    &__guard_check_icall_fptr,
    &__guard_dispatch_icall_fptr,
#endif
    __guard_fids_table,
    __guard_fids_count,
    __guard_flags,
#ifdef _WIN64
    { 0, 0 },
#else
    { 0, 0, 0 },
#endif
    __guard_iat_table,
    __guard_iat_count,
    __guard_longjmp_table,
    __guard_longjmp_count,
};
