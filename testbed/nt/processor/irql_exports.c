/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * IRQL and processor functions under their NT names. Functions that know no processor groups speak of group 0; IRQL
 * ranges are those of the DDI pages (wdm).
 */
#include "nt/export/register.h"
#include "nt/memory/paged.h"
#include "nt/nt.h"
#include "nt/processor/irql.h"
#include "nt/processor/topology.h"
#include "nt/sync/thread.h"

/* The two that drivers call most often read the task themselves: a call would save ten vector registers first. */
static MS_ABI uint8_t nt_KeGetCurrentIrql(void)
{
    return task_self()->irql;
}

static MS_FASTCALL uint8_t nt_KfRaiseIrql(uint8_t to)
{
    if (to >= DISPATCH_LEVEL) {
        paged_raises(__builtin_return_address(0));
    }
    return irql_raise(to);
}

static MS_ABI uint8_t nt_KeRaiseIrqlToDpcLevel(void)
{
    paged_raises(__builtin_return_address(0));
    return irql_raise(DISPATCH_LEVEL);
}

static MS_ABI void nt_KeLowerIrql(uint8_t to)
{
    irql_lower(to);
}

static MS_FASTCALL void nt_KfLowerIrql(uint8_t to)
{
    irql_lower(to);
}

static MS_ABI uint8_t nt_KeAreApcsDisabled(void)
{
    return irql_current() >= APC_LEVEL || thread_current()->critical != 0;
}

static MS_ABI uint32_t nt_KeQueryActiveProcessorCount(uintptr_t *active)
{
    if (active != NULL) {
        *active = group_active(0);
    }
    return group_active_count(0);
}

static MS_ABI uintptr_t nt_KeQueryActiveProcessors(void)
{
    return group_active(0);
}

static MS_ABI uint32_t nt_KeQueryActiveProcessorCountEx(uint16_t group)
{
    return group_active_count(group);
}

static MS_ABI uint32_t nt_KeQueryMaximumProcessorCount(void)
{
    return group_maximum(0);
}

static MS_ABI uint32_t nt_KeQueryMaximumProcessorCountEx(uint16_t group)
{
    return group_maximum(group);
}

static MS_ABI uint16_t nt_KeQueryActiveGroupCount(void)
{
    uint16_t there = 0;

    for (uint16_t group = 0; group < group_count(); group++) {
        there = (uint16_t)(there + (group_active(group) != 0));
    }
    return there;
}

static MS_ABI uint16_t nt_KeQueryMaximumGroupCount(void)
{
    return (uint16_t)group_count();
}

static MS_ABI uintptr_t nt_KeQueryGroupAffinity(uint16_t group)
{
    return group_active(group);
}

static MS_ABI uint16_t nt_KeQueryHighestNodeNumber(void)
{
    return (uint16_t)(group_count() - 1);
}

static MS_ABI uint16_t nt_KeGetCurrentNodeNumber(void)
{
    return processor_number(processor_current()).Group;
}

static MS_ABI void nt_KeQueryNodeActiveAffinity(uint16_t node, struct GROUP_AFFINITY *affinity, uint16_t *there)
{
    if (affinity != NULL) {
        *affinity = (struct GROUP_AFFINITY){ 0 };
        affinity->Group = node;
        affinity->Mask = group_active(node);
    }
    if (there != NULL) {
        *there = (uint16_t)group_active_count(node);
    }
}

static MS_ABI uint32_t nt_KeGetCurrentProcessorNumberEx(struct PROCESSOR_NUMBER *number)
{
    uint32_t index = task_self()->processor;
    if (number != NULL) {
        *number = processor_number(index);
    }
    return index;
}

static MS_ABI uint32_t nt_KeGetProcessorIndexFromNumber(const struct PROCESSOR_NUMBER *number)
{
    return processor_index(number);
}

static MS_ABI int32_t nt_KeGetProcessorNumberFromIndex(uint32_t index, struct PROCESSOR_NUMBER *number)
{
    if (index >= processor_count()) {
        return STATUS_INVALID_PARAMETER;
    }
    *number = processor_number(index);
    return STATUS_SUCCESS;
}

/* Mask 0 means any processor: what a thread has before it sets one, and reverts to. Groups and masks are checked
 * before. */
static struct GROUP_AFFINITY set_affinity(uint16_t group, uint64_t mask)
{
    struct nt_thread *thread = thread_current();
    struct GROUP_AFFINITY before = { 0 };
    const struct PROCESSOR_NUMBER here = processor_number(processor_current());
    before.Group = thread->affinity_group;
    before.Mask = thread->affinity;
    mask &= group_active(group);
    thread->affinity_group = group;
    thread->affinity = mask;
    if (mask != 0 && (here.Group != group || (mask >> here.Number & 1) == 0)) {
        RULE(irql_current() < DISPATCH_LEVEL, "irql", "affinity set to another processor at IRQL %u", irql_current());
        processor_pin(group_first(group, mask));
    }
    return before;
}

static MS_ABI void nt_KeSetSystemGroupAffinityThread(const struct GROUP_AFFINITY *affinity,
                                                     struct GROUP_AFFINITY *previous)
{
    struct GROUP_AFFINITY before;

    /* Windows leaves the thread where it is, and says nothing. */
    RULE((affinity->Mask & group_active(affinity->Group)) != 0, "processor",
         "KeSetSystemGroupAffinityThread to processors that are not there (group %u, mask %#llx)", affinity->Group,
         (unsigned long long)affinity->Mask);
    before = set_affinity(affinity->Group, affinity->Mask);
    if (previous != NULL) {
        *previous = before;
    }
}

static MS_ABI void nt_KeRevertToUserGroupAffinityThread(const struct GROUP_AFFINITY *previous)
{
    set_affinity(previous->Group, previous->Mask);
}

/* Those without a group move a thread to group 0. */
static MS_ABI uintptr_t nt_KeSetSystemAffinityThreadEx(uintptr_t mask)
{
    return (mask & group_active(0)) != 0 ? set_affinity(0, mask).Mask : thread_current()->affinity;
}

static MS_ABI void nt_KeSetSystemAffinityThread(uintptr_t mask)
{
    RULE((mask & group_active(0)) != 0, "processor",
         "KeSetSystemAffinityThread to processors that are not there (mask %#llx)", (unsigned long long)mask);
    set_affinity(0, mask);
}

static MS_ABI void nt_KeRevertToUserAffinityThreadEx(uintptr_t mask)
{
    set_affinity(0, mask);
}

static MS_ABI void nt_KeRevertToUserAffinityThread(void)
{
    set_affinity(0, 0);
}

#define IRQL_EXPORTS(X)                                                                                                \
    X("ntoskrnl.exe", KeGetCurrentIrql, nt_KeGetCurrentIrql, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                     \
    X("ntoskrnl.exe", KfRaiseIrql, nt_KfRaiseIrql, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                               \
    X("ntoskrnl.exe", KeRaiseIrqlToDpcLevel, nt_KeRaiseIrqlToDpcLevel, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)       \
    X("ntoskrnl.exe", KeLowerIrql, nt_KeLowerIrql, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                               \
    X("ntoskrnl.exe", KfLowerIrql, nt_KfLowerIrql, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                               \
    X("ntoskrnl.exe", KeAreApcsDisabled, nt_KeAreApcsDisabled, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)               \
    X("ntoskrnl.exe", KeAreAllApcsDisabled, nt_KeAreApcsDisabled, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)            \
    X("ntoskrnl.exe", KeQueryActiveProcessorCount, nt_KeQueryActiveProcessorCount, PASSIVE_LEVEL, DISPATCH_LEVEL,      \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeQueryActiveProcessorCountEx, nt_KeQueryActiveProcessorCountEx, PASSIVE_LEVEL, DISPATCH_LEVEL,  \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeQueryMaximumProcessorCount, nt_KeQueryMaximumProcessorCount, PASSIVE_LEVEL, DISPATCH_LEVEL,    \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeQueryMaximumProcessorCountEx, nt_KeQueryMaximumProcessorCountEx, PASSIVE_LEVEL,                \
      DISPATCH_LEVEL, WINDOWS_7)                                                                                       \
    X("ntoskrnl.exe", KeQueryActiveGroupCount, nt_KeQueryActiveGroupCount, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)       \
    X("ntoskrnl.exe", KeQueryMaximumGroupCount, nt_KeQueryMaximumGroupCount, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)     \
    X("ntoskrnl.exe", KeQueryGroupAffinity, nt_KeQueryGroupAffinity, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", KeQueryHighestNodeNumber, nt_KeQueryHighestNodeNumber, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)     \
    X("ntoskrnl.exe", KeGetCurrentNodeNumber, nt_KeGetCurrentNodeNumber, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)         \
    X("ntoskrnl.exe", KeQueryNodeActiveAffinity, nt_KeQueryNodeActiveAffinity, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)   \
    X("ntoskrnl.exe", KeQueryActiveProcessors, nt_KeQueryActiveProcessors, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)   \
    X("ntoskrnl.exe", KeGetCurrentProcessorNumberEx, nt_KeGetCurrentProcessorNumberEx, PASSIVE_LEVEL, HIGH_LEVEL,      \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeGetProcessorIndexFromNumber, nt_KeGetProcessorIndexFromNumber, PASSIVE_LEVEL, HIGH_LEVEL,      \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeGetProcessorNumberFromIndex, nt_KeGetProcessorNumberFromIndex, PASSIVE_LEVEL, HIGH_LEVEL,      \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeSetSystemGroupAffinityThread, nt_KeSetSystemGroupAffinityThread, PASSIVE_LEVEL,                \
      DISPATCH_LEVEL, WINDOWS_7)                                                                                       \
    X("ntoskrnl.exe", KeRevertToUserGroupAffinityThread, nt_KeRevertToUserGroupAffinityThread, PASSIVE_LEVEL,          \
      APC_LEVEL, WINDOWS_7)                                                                                            \
    X("ntoskrnl.exe", KeSetSystemAffinityThread, nt_KeSetSystemAffinityThread, PASSIVE_LEVEL, DISPATCH_LEVEL,          \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeSetSystemAffinityThreadEx, nt_KeSetSystemAffinityThreadEx, PASSIVE_LEVEL, DISPATCH_LEVEL,      \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeRevertToUserAffinityThread, nt_KeRevertToUserAffinityThread, PASSIVE_LEVEL, APC_LEVEL,         \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeRevertToUserAffinityThreadEx, nt_KeRevertToUserAffinityThreadEx, PASSIVE_LEVEL,                \
      DISPATCH_LEVEL, WINDOWS_7)

void irql_exports(void)
{
    EXPORT_REGISTER(IRQL_EXPORTS);
}
