/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IRQL and processor functions under their NT names. One processor group, as on machines of up to 64 processors; IRQL ranges
 * are those of the DDI pages (wdm).
 */
#include "nt/internal.h"
#include "nt/irql.h"
#include "nt/thread.h"

#define ALL_GROUPS 0xffff
#define NO_PROCESSOR 0xffffffffu

/* The two that drivers call most often read the task themselves: a call would save ten vector registers first. */
static MS_ABI uint8_t nt_KeGetCurrentIrql(void)
{
    return task_self()->irql;
}

static MS_ABI uint8_t nt_KfRaiseIrql(uint8_t to)
{
    return irql_raise(to);
}

static MS_ABI uint8_t nt_KeRaiseIrqlToDpcLevel(void)
{
    return irql_raise(DISPATCH_LEVEL);
}

static MS_ABI void nt_KeLowerIrql(uint8_t to)
{
    irql_lower(to);
}

static MS_ABI uint8_t nt_KeAreApcsDisabled(void)
{
    return irql_current() >= APC_LEVEL || thread_current()->critical != 0;
}

static uint64_t all_processors(void)
{
    return processor_count() == 64 ? UINT64_MAX : (1ull << processor_count()) - 1;
}

static MS_ABI uint32_t nt_KeQueryActiveProcessorCount(uint64_t *active)
{
    if (active != NULL) {
        *active = all_processors();
    }
    return processor_count();
}

static MS_ABI uint32_t nt_KeQueryActiveProcessorCountEx(uint16_t group)
{
    return group == 0 || group == ALL_GROUPS ? processor_count() : 0;
}

static MS_ABI uint32_t nt_KeQueryMaximumProcessorCount(void)
{
    return processor_count();
}

static MS_ABI uint16_t nt_KeQueryActiveGroupCount(void)
{
    return 1;
}

static MS_ABI uint64_t nt_KeQueryGroupAffinity(uint16_t group)
{
    return group == 0 ? all_processors() : 0;
}

static MS_ABI uint16_t nt_KeQueryHighestNodeNumber(void)
{
    return 0;
}

static MS_ABI uint32_t nt_KeGetCurrentProcessorNumberEx(struct PROCESSOR_NUMBER *number)
{
    uint32_t index = task_self()->processor;
    if (number != NULL) {
        *number = (struct PROCESSOR_NUMBER){ 0 };
        number->Number = (uint8_t)index;
    }
    return index;
}

static MS_ABI uint32_t nt_KeGetProcessorIndexFromNumber(const struct PROCESSOR_NUMBER *number)
{
    return number->Group == 0 && number->Number < processor_count() && number->Reserved == 0 ? number->Number : NO_PROCESSOR;
}

static MS_ABI int32_t nt_KeGetProcessorNumberFromIndex(uint32_t index, struct PROCESSOR_NUMBER *number)
{
    if (index >= processor_count()) {
        return STATUS_INVALID_PARAMETER;
    }
    *number = (struct PROCESSOR_NUMBER){ 0 };
    number->Number = (uint8_t)index;
    return STATUS_SUCCESS;
}

/* Affinity 0 means any processor: what a thread has before it sets one, and reverts to. */
static uint64_t set_affinity(uint64_t mask)
{
    struct nt_thread *thread = thread_current();
    uint64_t before = thread->affinity;
    mask &= all_processors();
    thread->affinity = mask;
    if (mask != 0 && (mask >> processor_current() & 1) == 0) {
        RULE(irql_current() < DISPATCH_LEVEL, "irql", "affinity set to another processor at IRQL %u", irql_current());
        processor_pin((uint32_t)__builtin_ctzll(mask));
    }
    return before;
}

static MS_ABI void nt_KeSetSystemGroupAffinityThread(const struct GROUP_AFFINITY *affinity, struct GROUP_AFFINITY *previous)
{
    uint64_t before = thread_current()->affinity;
    if (affinity->Group == 0 && (affinity->Mask & all_processors()) != 0) { /* else Windows leaves it as it is */
        set_affinity(affinity->Mask);
    }
    if (previous != NULL) {
        *previous = (struct GROUP_AFFINITY){ 0 };
        previous->Mask = before;
    }
}

static MS_ABI void nt_KeRevertToUserGroupAffinityThread(const struct GROUP_AFFINITY *previous)
{
    set_affinity(previous->Mask);
}

static MS_ABI uint64_t nt_KeSetSystemAffinityThreadEx(uint64_t mask)
{
    return (mask & all_processors()) != 0 ? set_affinity(mask) : thread_current()->affinity;
}

static MS_ABI void nt_KeSetSystemAffinityThread(uint64_t mask)
{
    RULE((mask & all_processors()) != 0, "processor", "KeSetSystemAffinityThread to processors that are not there (mask %#llx)", (unsigned long long)mask);
    set_affinity(mask);
}

static MS_ABI void nt_KeRevertToUserAffinityThreadEx(uint64_t mask)
{
    set_affinity(mask);
}

static MS_ABI void nt_KeRevertToUserAffinityThread(void)
{
    set_affinity(0);
}

#define IRQL_EXPORTS(X)                                                                                                                  \
    X("ntoskrnl.exe", KeGetCurrentIrql, nt_KeGetCurrentIrql, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                                       \
    X("ntoskrnl.exe", KfRaiseIrql, nt_KfRaiseIrql, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                                                 \
    X("ntoskrnl.exe", KeRaiseIrqlToDpcLevel, nt_KeRaiseIrqlToDpcLevel, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                         \
    X("ntoskrnl.exe", KeLowerIrql, nt_KeLowerIrql, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                                                 \
    X("ntoskrnl.exe", KfLowerIrql, nt_KeLowerIrql, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                                                 \
    X("ntoskrnl.exe", KeAreApcsDisabled, nt_KeAreApcsDisabled, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                                 \
    X("ntoskrnl.exe", KeAreAllApcsDisabled, nt_KeAreApcsDisabled, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                              \
    X("ntoskrnl.exe", KeQueryActiveProcessorCount, nt_KeQueryActiveProcessorCount, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", KeQueryActiveProcessorCountEx, nt_KeQueryActiveProcessorCountEx, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)         \
    X("ntoskrnl.exe", KeQueryMaximumProcessorCount, nt_KeQueryMaximumProcessorCount, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)           \
    X("ntoskrnl.exe", KeQueryMaximumProcessorCountEx, nt_KeQueryActiveProcessorCountEx, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)        \
    X("ntoskrnl.exe", KeQueryActiveGroupCount, nt_KeQueryActiveGroupCount, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                         \
    X("ntoskrnl.exe", KeQueryMaximumGroupCount, nt_KeQueryActiveGroupCount, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                        \
    X("ntoskrnl.exe", KeQueryGroupAffinity, nt_KeQueryGroupAffinity, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                               \
    X("ntoskrnl.exe", KeQueryHighestNodeNumber, nt_KeQueryHighestNodeNumber, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                       \
    X("ntoskrnl.exe", KeGetCurrentNodeNumber, nt_KeQueryHighestNodeNumber, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                         \
    X("ntoskrnl.exe", KeGetCurrentProcessorNumberEx, nt_KeGetCurrentProcessorNumberEx, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", KeGetProcessorIndexFromNumber, nt_KeGetProcessorIndexFromNumber, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", KeGetProcessorNumberFromIndex, nt_KeGetProcessorNumberFromIndex, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", KeSetSystemGroupAffinityThread, nt_KeSetSystemGroupAffinityThread, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)       \
    X("ntoskrnl.exe", KeRevertToUserGroupAffinityThread, nt_KeRevertToUserGroupAffinityThread, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)      \
    X("ntoskrnl.exe", KeSetSystemAffinityThread, nt_KeSetSystemAffinityThread, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)                 \
    X("ntoskrnl.exe", KeSetSystemAffinityThreadEx, nt_KeSetSystemAffinityThreadEx, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", KeRevertToUserAffinityThread, nt_KeRevertToUserAffinityThread, PASSIVE_LEVEL, APC_LEVEL, WINDOWS_7)                \
    X("ntoskrnl.exe", KeRevertToUserAffinityThreadEx, nt_KeRevertToUserAffinityThreadEx, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)

void irql_exports(void)
{
    EXPORT_REGISTER(IRQL_EXPORTS);
}
