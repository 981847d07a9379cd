/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Windows keeps of a thread, beside the scheduler's task: the thread object (KTHREAD), which the driver only ever
 * holds by address, and the processor block (KPCR) that GS points to in kernel mode, of which compiled drivers read a
 * few fields directly.
 */
#ifndef TESTBED_NT_SYNC_THREAD_H
#define TESTBED_NT_SYNC_THREAD_H

#include "nt/nt.h"

struct image;

#define KTHREAD_BYTES 0x600

/* A task's Windows side, task->nt. Starts with what the driver sees. */
struct nt_thread {
    union {
        struct DISPATCHER_HEADER header; /* signalled when the thread has ended */
        uint8_t kthread[KTHREAD_BYTES];
    };
    struct task *task;            /* NULL once reaped */
    MS_ABI void (*start)(void *); /* the driver's, of PsCreateSystemThread; else NULL */
    void *context;
    int32_t exit_status;
    uint32_t references; /* object references: handles, ObReferenceObjectByHandle, the running thread itself */
    uint32_t ended;
    uint32_t critical; /* KeEnterCriticalRegion depth */
    uint64_t affinity; /* processors of affinity_group it may run on; 0: any */
    uint16_t affinity_group;
    void *unwind[5]; /* __builtin_setjmp buffer: PsTerminateSystemThread goes back to the thread's start */
    struct nt_thread *next;
};

/* Give a task that comes into Windows its thread block and this host thread its GS base and signal stack. */
void thread_adopt(struct task *task);
void thread_processor_changed(struct task *task);
struct nt_thread *thread_current(void);

/* A system thread of the driver's; the reference returned is the caller's. */
struct nt_thread *thread_create(MS_ABI void (*start)(void *), void *context);
_Noreturn void thread_terminate(int32_t status);
void threads_check_ended(const struct image *image); /* the image is about to go */

void irql_exports(void);
void thread_exports(void);
void work_exports(void);
void work_start(void);
void work_stop(void);
void work_leaks(struct leaks *leaks);

#endif
