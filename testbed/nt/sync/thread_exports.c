/* SPDX-License-Identifier: BSD-2-Clause */
/* System threads under their NT names. A thread's handle and its object are references of their own. */
#include "nt/export/register.h"
#include "nt/io/object.h"
#include "nt/nt.h"
#include "nt/sync/thread.h"

#define STATUS_INVALID_HANDLE       ((int32_t)0xC0000008)
#define STATUS_OBJECT_TYPE_MISMATCH ((int32_t)0xC0000024)

/* PsThreadType is a variable that holds the type's address; nobody looks inside. */
static uint64_t thread_type_object[8];
static void *thread_type = thread_type_object;

static void close_handle(void *object)
{
    object_dereference(object);
}

static MS_ABI int32_t nt_PsCreateSystemThread(void **handle, uint32_t access, void *attributes, void *process,
                                              void *client_id, MS_ABI void (*start)(void *), void *context)
{
    (void)access;
    (void)attributes;
    RULE(process == NULL, "thread", "PsCreateSystemThread in a process: only system threads are simulated");
    if (client_id != NULL) {
        rule_break("thread", "PsCreateSystemThread with a ClientId is not simulated");
    }
    struct nt_thread *thread = thread_create(start, context);
    *handle = handle_create(HANDLE_THREAD, thread, close_handle, "system thread");
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_PsTerminateSystemThread(int32_t status)
{
    thread_terminate(status);
}

static MS_ABI int32_t nt_ObReferenceObjectByHandle(void *handle, uint32_t access, void *type, int8_t mode,
                                                   void **object, void *information)
{
    (void)access;
    (void)mode;
    RULE(type == NULL || type == thread_type_object, "thread",
         "ObReferenceObjectByHandle with a type that is not *PsThreadType");
    (void)information;
    *object = NULL;
    void *thread = handle_object(handle, HANDLE_THREAD);
    if (thread == NULL) {
        return handle_object(handle, HANDLE_ANY) != NULL ? STATUS_OBJECT_TYPE_MISMATCH : STATUS_INVALID_HANDLE;
    }
    object_reference(thread);
    *object = thread;
    return STATUS_SUCCESS;
}

static MS_ABI void *nt_KeGetCurrentThread(void)
{
    return thread_current();
}

static MS_ABI void *nt_PsGetCurrentThreadId(void)
{
    return (void *)(uintptr_t)(task_self()->id * 4u);
}

static MS_ABI int32_t nt_KeSetPriorityThread(void *thread, int32_t priority)
{
    (void)thread;
    RULE(priority >= 1 && priority <= 31, "thread", "KeSetPriorityThread to %d, allowed is 1 to 31", priority);
    return 8; /* the priority before: that of every system thread that nobody changed */
}

static MS_ABI uint8_t nt_PsIsSystemThread(void *thread)
{
    (void)thread;
    return 1;
}

#define THREAD_EXPORTS(X)                                                                                              \
    X("ntoskrnl.exe", PsCreateSystemThread, nt_PsCreateSystemThread, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)          \
    X("ntoskrnl.exe", PsTerminateSystemThread, nt_PsTerminateSystemThread, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)    \
    X("ntoskrnl.exe", ObReferenceObjectByHandle, nt_ObReferenceObjectByHandle, PASSIVE_LEVEL, PASSIVE_LEVEL,           \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", KeGetCurrentThread, nt_KeGetCurrentThread, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                 \
    X("ntoskrnl.exe", PsGetCurrentThread, nt_KeGetCurrentThread, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                 \
    X("ntoskrnl.exe", PsGetCurrentThreadId, nt_PsGetCurrentThreadId, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", KeSetPriorityThread, nt_KeSetPriorityThread, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)           \
    X("ntoskrnl.exe", PsThreadType, &thread_type, EXPORT_DATA, 0, WINDOWS_7)                                           \
    X("ntoskrnl.exe", PsIsSystemThread, nt_PsIsSystemThread, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)

void thread_exports(void)
{
    EXPORT_REGISTER(THREAD_EXPORTS);
}
