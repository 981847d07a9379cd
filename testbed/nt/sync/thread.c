/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * System threads, and the Windows side of every task that enters the driver.
 *
 * A task is adopted the first time it calls the driver: it gets a thread object and its host thread a processor block
 * that GS points to (x64). In a live run the processor block follows the host thread; in a simulated run all tasks
 * share the one of the only host thread, and its fields are set each time another task comes to run
 * (sched_task_resumes).
 *
 * A system thread's object lives until it has ended, its task is joined (by the next thread's creation or by
 * threads_stop), and every handle and reference is gone.
 */
#include "nt/sync/thread.h"

#include <asm/prctl.h>
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "image/image.h"
#include "nt/areas.h"
#include "nt/check/fault.h"
#include "nt/io/object.h"
#include "nt/nt.h"
#include "nt/processor/topology.h"
#include "nt/sync/event.h"
#include "run/sched_internal.h"
#include "nt/memory/paged.h"

#define FSGSBASE_USABLE 2u /* AT_HWCAP2: the kernel lets us set GS base by instruction */

#ifdef __x86_64__
/* The fields that code compiled for Windows x64 reads through GS (offsets from the KPCR, stable since Windows XP x64).
 */
struct processor_block {
    _Alignas(64) uint8_t bytes[0x1000];
};
enum {
    KPCR_SELF = 0x18,
    KPCR_PRCB = 0x20,
    KPCR_PRCB_START = 0x180,
    PRCB_LEGACY_NUMBER = 0x184,
    PRCB_THREAD = 0x188,
    PRCB_NUMBER = 0x1a4
};

static _Thread_local struct processor_block block;
#endif
static _Thread_local bool block_loaded;

static struct sched_lock lock;
static struct nt_thread *threads;
static uint32_t next_processor;
static const struct object_ops thread_ops;

#ifdef __x86_64__

static void put(size_t offset, const void *value, size_t size)
{
    memcpy(&block.bytes[offset], value, size);
}

__attribute__((target("fsgsbase"))) static void set_gs_fast(uint64_t base)
{
    _writegsbase_u64(base);
}

static void load_block(void)
{
    const uint64_t self = (uint64_t)block.bytes, prcb = self + KPCR_PRCB_START;
    put(KPCR_SELF, &self, sizeof(self));
    put(KPCR_PRCB, &prcb, sizeof(prcb));
    if (getauxval(AT_HWCAP2) & FSGSBASE_USABLE) {
        set_gs_fast(self);
    } else {
        syscall(SYS_arch_prctl, ARCH_SET_GS, self);
    }
}

static void fill_block(const struct task *task)
{
    const uint32_t processor = task->processor;
    const struct PROCESSOR_NUMBER number = processor_number(processor);
    /* What code that knows no groups reads: in other groups a number that group 0 has, too. */
    block.bytes[PRCB_LEGACY_NUMBER] =
        (uint8_t)(number.Group == 0 ? number.Number : number.Number % group_active_count(0));
    put(PRCB_NUMBER, &processor, sizeof(processor));
    put(PRCB_THREAD, &task->nt, sizeof(task->nt));
}

#else

/* On x86 FS leads nowhere: what reads the block there faults, and is reported. */
static void load_block(void)
{
}

static void fill_block(const struct task *task)
{
    (void)task;
}

#endif

static void resume(struct task *task)
{
    paged_out(task->irql >= DISPATCH_LEVEL);
    if (task->nt == NULL) {
        return;
    }
    if (!block_loaded) {
        load_block();
        fault_thread_start();
        block_loaded = true;
    }
    fill_block(task);
}

static struct nt_thread *thread_new(struct task *task)
{
    struct nt_thread *thread = calloc(1, sizeof(*thread));
    if (thread == NULL) {
        fprintf(stderr, "testbed: no memory for a thread\n");
        exit(1);
    }
    wait_header_init(&thread->header, DISPATCHER_THREAD, 0, 0);
    thread->task = task;
    thread->references = 1;
    return thread;
}

void thread_adopt(struct task *task)
{
    task->nt = thread_new(task);
    object_register(task->nt, &thread_ops);
    resume(task);
}

void thread_processor_changed(struct task *task)
{
    resume(task);
}

struct nt_thread *thread_current(void)
{
    struct task *task = task_self();
    if (task->nt == NULL) {
        thread_adopt(task);
    }
    return task->nt;
}

static void reference(void *body)
{
    __atomic_add_fetch(&((struct nt_thread *)body)->references, 1, __ATOMIC_SEQ_CST);
}

static void dereference(void *body)
{
    struct nt_thread *thread = body;
    RULE(__atomic_load_n(&thread->references, __ATOMIC_SEQ_CST) != 0, "object",
         "thread object dereferenced more often than referenced");
    if (__atomic_sub_fetch(&thread->references, 1, __ATOMIC_SEQ_CST) == 0) {
        object_unregister(thread);
        free(thread);
    }
}

static const struct object_ops thread_ops = { "thread", reference, dereference };

static void task_ends(struct task *task)
{
    struct nt_thread *thread = task->nt;
    if (thread != NULL && thread->start == NULL) { /* adopted: nobody else frees it */
        task->nt = NULL;
        thread->task = NULL;
        dereference(thread);
    }
    if (!sched_is_simulated && block_loaded) {
        fault_thread_end();
    }
}

/* --- system threads --- */

static void run_system_thread(void *argument)
{
    struct nt_thread *thread = argument;
    task_self()->nt = thread;
    resume(task_self());
    struct driver_call call;
    driver_enter(&call, "system thread");
    if (__builtin_setjmp(thread->unwind) == 0) {
        thread->start(thread->context);
    }
    driver_leave(&call);
    __atomic_store_n(&thread->ended, 1, __ATOMIC_SEQ_CST);
    signal_set((uint32_t *)&thread->header.SignalState, wait_epoch(&thread->header));
    /* Until the task is joined the list holds a reference, so the object outlives this. */
}

void thread_terminate(int32_t status)
{
    struct nt_thread *thread = task_self()->nt;
    RULE(thread != NULL && thread->start != NULL, "thread",
         "PsTerminateSystemThread in a task that is not a system thread of the driver's");
    thread->exit_status = status;
    __builtin_longjmp(thread->unwind, 1);
}

/* Joins the tasks of ended threads. */
static void reap(void)
{
    for (;;) {
        sched_lock(&lock);
        struct nt_thread **link = &threads;
        while (*link != NULL && __atomic_load_n(&(*link)->ended, __ATOMIC_SEQ_CST) == 0) {
            link = &(*link)->next;
        }
        struct nt_thread *ended = *link;
        if (ended != NULL) {
            *link = ended->next;
        }
        sched_unlock(&lock);
        if (ended == NULL) {
            return;
        }
        task_join(ended->task);
        ended->task = NULL;
        dereference(ended);
    }
}

struct nt_thread *thread_create(MS_ABI void (*start)(void *), void *context)
{
    reap();
    struct nt_thread *thread = thread_new(NULL);
    thread->start = start;
    thread->context = context;
    object_register(thread, &thread_ops);
    uint32_t processor = __atomic_fetch_add(&next_processor, 1, __ATOMIC_RELAXED) % processor_count();
    reference(thread); /* one for the caller, one for the list */
    thread->task = task_spawn("system thread", processor, run_system_thread, thread);
    sched_lock(&lock);
    thread->next = threads;
    threads = thread;
    sched_unlock(&lock);
    return thread;
}

/* The code of a driver goes away with its last function's return: no thread may be in it then. */
void threads_check_ended(const struct image *image)
{
    reap();
    sched_lock(&lock);
    for (const struct nt_thread *thread = threads; thread != NULL; thread = thread->next) {
        char place[256];
        if (!image_contains(image, (const void *)thread->start)) {
            continue;
        }
        image_describe((const void *)thread->start, place, sizeof(place));
        rule_break("thread",
                   "%s is unloaded while its system thread #%u runs, which began in %s: Windows stops with 0xCE "
                   "DRIVER_UNLOADED_WITHOUT_CANCELLING_PENDING_OPERATIONS when it goes on",
                   image_name(image), thread->task->id, place);
    }
    sched_unlock(&lock);
}

struct task *thread_start(const char *name, void (*run)(void *), void *argument)
{
    return task_spawn(name, task_self()->processor, run, argument);
}

void thread_join(struct task *thread)
{
    RULE(irql_current() < DISPATCH_LEVEL, "irql", "thread joined at IRQL %u", irql_current());
    task_join(thread);
}

void threads_start(void)
{
    threads = NULL;
    next_processor = 0;
    sched_task_resumes = resume;
    sched_task_ends = task_ends;
    thread_exports();
    work_start();
}

void threads_stop(void)
{
    work_stop();
    reap();
}

void threads_leaks(struct leaks *leaks)
{
    reap();
    sched_lock(&lock);
    for (const struct nt_thread *thread = threads; thread != NULL; thread = thread->next) {
        leak_add(leaks, "thread: system thread #%u of the driver still runs", thread->task->id);
    }
    sched_unlock(&lock);
    work_leaks(leaks);
}
