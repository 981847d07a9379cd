/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The live scheduler: a task is a host thread, waiting is the host's futex, time is CLOCK_MONOTONIC.
 *
 * Threads are kept in a list so that a task still alive at the end can be named. Only spawn, join, the end of the
 * run and who places threads touch the list; nothing on a packet's way does.
 *
 * A frame of 64 KB passes some threads, each of which reads or copies it. The host's scheduler spreads threads that
 * wake each other over its processors, and each change of processor costs the frame's way out of one L2 cache and into
 * the other. So those threads may be gathered (task_spawn_on_path, sched_gather).
 */
#include "run/sched_internal.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "run/order.h"

/* Address space only; pages come with use. Deep driver stacks on Windows end at 24 KB, ours also carry the testbed. */
#define STACK_BYTES (1u << 20)

struct live_task {
    struct task_common common;
    pthread_t thread;
    uint32_t path; /* task_spawn_on_path's processor, or OFF_PATH */
    struct live_task *next;
};

static struct timespec started;
static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct live_task *list;
static uint32_t last_id;
/* Of the host: those that gathered threads take their turns on, none with a single one; all; and whether threads are
 * gathered now, under the list's lock. */
static struct {
    int processors[CPU_SETSIZE / 2];
    uint32_t count;
    cpu_set_t all;
    bool now;
} gathering;

uint64_t sched_now_live(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)(now.tv_sec - started.tv_sec) * 1000000000u + (uint64_t)now.tv_nsec - (uint64_t)started.tv_nsec;
}

bool sched_wait_live(uint32_t *word, uint32_t expected, uint64_t deadline)
{
    struct timespec until, *limit = NULL;
    if (deadline != SCHED_FOREVER) {
        uint64_t ns = (uint64_t)started.tv_nsec + deadline;
        until.tv_sec = started.tv_sec + (time_t)(ns / 1000000000u);
        until.tv_nsec = (long)(ns % 1000000000u);
        limit = &until;
    }
    struct task *task = sched_current;
    if (task != NULL) {
        __atomic_store_n(&task->waits_since, sched_now_live(), __ATOMIC_RELAXED);
        __atomic_store_n(&task->asleep, 1, __ATOMIC_RELAXED);
    }
    long result = syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, expected, limit, NULL, FUTEX_BITSET_MATCH_ANY);
    int error = errno;
    if (task != NULL) {
        __atomic_store_n(&task->asleep, 0, __ATOMIC_RELAXED);
    }
    return !(result < 0 && error == ETIMEDOUT);
}

void sched_wake_live(uint32_t *word, unsigned count)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count > INT_MAX ? INT_MAX : (int)count, NULL, NULL, 0);
}

static void enlist(struct live_task *task)
{
    pthread_mutex_lock(&list_lock);
    task->common.task.id = ++last_id;
    task->next = list;
    list = task;
    pthread_mutex_unlock(&list_lock);
}

static void delist(struct live_task *task)
{
    pthread_mutex_lock(&list_lock);
    struct live_task **link = &list;
    while (*link != NULL && *link != task) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        *link = task->next;
    }
    pthread_mutex_unlock(&list_lock);
}

/* Beginning with another processor in each process: testbeds side by side do not all gather on the first. */
static void choose_gathering(void)
{
    int usable[CPU_SETSIZE];
    uint32_t count = 0;

    gathering.count = 0;
    gathering.now = false;
    if (sched_getaffinity(0, sizeof(gathering.all), &gathering.all) != 0) {
        return;
    }
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &gathering.all)) {
            usable[count++] = i;
        }
    }
    for (; gathering.count < count / 2; gathering.count++) {
        gathering.processors[gathering.count] = usable[((uint32_t)getpid() + gathering.count) % count];
    }
}

/* A thread is in the list before it is started. */
static pthread_t thread_of(const struct task *task)
{
    return __atomic_load_n(&((const struct live_task *)task)->thread, __ATOMIC_ACQUIRE);
}

/* What struct task has of those that are gathered. */
static uint32_t host_of(uint32_t path)
{
    return (uint32_t)gathering.processors[path % gathering.count] + 1;
}

/* The list's lock is held. A preference: a host that does not allow it any more places the thread itself. */
static void place(struct live_task *task)
{
    const pthread_t thread = thread_of(&task->common.task);
    uint32_t host = 0;
    cpu_set_t set;

    if (task->path == OFF_PATH || gathering.count == 0 || thread == 0 ||
        (task->common.task.host != 0) == gathering.now) {
        return;
    }
    set = gathering.all;
    if (gathering.now) {
        CPU_ZERO(&set);
        host = host_of(task->path);
        CPU_SET(host - 1, &set);
    }
    __atomic_store_n(&task->common.task.host, host, __ATOMIC_RELAXED);
    (void)pthread_setaffinity_np(thread, sizeof(set), &set);
}

bool sched_is_beside_live(uint32_t path)
{
    const struct task *task = sched_current;
    const uint32_t host = task != NULL ? __atomic_load_n(&task->host, __ATOMIC_RELAXED) : 0;

    return host != 0 && host == host_of(path);
}

void sched_gather_live(bool together)
{
    pthread_mutex_lock(&list_lock);
    gathering.now = together;
    for (struct live_task *task = list; task != NULL; task = task->next) {
        place(task);
    }
    pthread_mutex_unlock(&list_lock);
}

static void run_task(struct live_task *task)
{
    sched_current = &task->common.task;
    if (sched_task_resumes != NULL) {
        sched_task_resumes(sched_current);
    }
    order_acquire(sched_current);
    task->common.run(task->common.argument);
    order_release(sched_current);
    if (sched_task_ends != NULL) {
        sched_task_ends(sched_current);
    }
}

static void *thread_main(void *argument)
{
    struct live_task *task = argument;
    char comm[16];
    snprintf(comm, sizeof(comm), "%s", task->common.name);
    pthread_setname_np(pthread_self(), comm);
    run_task(task);
    __atomic_store_n(&task->common.done, 1, __ATOMIC_RELEASE);
    sched_wake_live(&task->common.done, UINT_MAX);
    return NULL;
}

struct task *task_spawn_live(const char *name, uint32_t processor, uint32_t path, void (*run)(void *), void *argument)
{
    struct live_task *task = malloc(sizeof(*task));
    if (task == NULL) {
        fprintf(stderr, "testbed: no memory for task %s\n", name);
        exit(1);
    }
    task_common_init(&task->common, name, 0, processor, run, argument);
    task->thread = 0;
    task->path = path;
    enlist(task);

    order_release(&task->common.task);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    int error = pthread_create(&task->thread, &attributes, thread_main, task);
    pthread_attr_destroy(&attributes);
    if (error != 0) {
        fprintf(stderr, "testbed: cannot start the host thread of task %s: %s: allow more processes (ulimit -u)\n",
                name, strerror(error));
        exit(1);
    }
    return &task->common.task;
}

void task_reap_live(struct task *task)
{
    struct live_task *live = (struct live_task *)task;
    delist(live);
    pthread_join(live->thread, NULL);
    free(live);
}

void sched_each_live(void (*each)(struct task *task, void *context), void *context)
{
    pthread_mutex_lock(&list_lock);
    for (struct live_task *task = list; task != NULL; task = task->next) {
        if (__atomic_load_n(&task->common.done, __ATOMIC_ACQUIRE) == 0) {
            each(&task->common.task, context);
        }
    }
    pthread_mutex_unlock(&list_lock);
}

void sched_signal_live(const struct task *task, int number)
{
    if (thread_of(task) != 0) {
        pthread_kill(thread_of(task), number);
    }
}

uint64_t sched_used_live(const struct task *task)
{
    struct timespec used = { 0 };
    clockid_t clock;
    if (thread_of(task) == 0 || pthread_getcpuclockid(thread_of(task), &clock) != 0) {
        return 0;
    }
    clock_gettime(clock, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

int sched_run_live(void (*main_task)(void *), void *argument)
{
    clock_gettime(CLOCK_MONOTONIC, &started);
    last_id = 0;
    choose_gathering();
    struct live_task *task = malloc(sizeof(*task));
    if (task == NULL) {
        fprintf(stderr, "testbed: no memory for the main task\n");
        exit(1);
    }
    task_common_init(&task->common, "main", 0, 0, main_task, argument);
    task->thread = pthread_self();
    task->path = OFF_PATH;
    enlist(task);
    run_task(task);
    sched_current = NULL;
    delist(task);
    free(task);

    pthread_mutex_lock(&list_lock);
    int status = list == NULL ? 0 : -1;
    for (const struct live_task *alive = list; alive != NULL; alive = alive->next) {
        fprintf(stderr, "testbed: task %s#%u %s at the end of the run\n", alive->common.name, alive->common.task.id,
                alive->common.done ? "was not joined" : "is still alive");
    }
    list = NULL;
    pthread_mutex_unlock(&list_lock);
    return status;
}
