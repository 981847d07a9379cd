/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What both schedulers share: the choice between them, the seed's number stream, the trace, joining.
 *
 * The stream is splitmix64 (Steele, Lea, Flood 2014): one 64-bit counter, so a live run may draw from several threads.
 */
#include "run/sched_internal.h"
#include "run/sched_choice.h"
#include "run/order.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "run/timeline.h"

_Thread_local struct task *sched_current;
bool sched_is_simulated;
bool sched_hears_calls;
uint32_t sched_processors;
void (*sched_task_resumes)(struct task *task);
void (*sched_task_ends)(struct task *task);
void (*sched_time_jumps)(uint64_t to);
void (*sched_deadlocked)(void);
void (*sched_busy_too_long)(struct task *task);

static struct sched_options options;
static uint64_t stream;

__attribute__((constructor)) static void take_pct(void)
{
    const char *depth = getenv("XENNET_PCT");
    if (depth != NULL) {
        sched_pct = (uint32_t)strtoul(depth, NULL, 10);
    }
}

int sched_run(const struct sched_options *wanted, void (*main_task)(void *), void *argument)
{
    options = *wanted;
    stream = wanted->seed;
    sched_is_simulated = wanted->kind == SCHED_SIMULATED;
    sched_hears_calls = sched_is_simulated || options.trace != NULL;
    timeline_begin_run();
    int status = sched_is_simulated ? sched_run_simulated(main_task, argument) : sched_run_live(main_task, argument);
    timeline_end_run();
    if (options.trace != NULL) {
        fflush(options.trace);
        options.trace = NULL;
    }
    return status;
}

enum sched_kind sched_kind(void)
{
    return options.kind;
}

uint64_t sched_seed(void)
{
    return options.seed;
}

uint64_t sched_draw(void)
{
    const uint64_t step = 0x9e3779b97f4a7c15u;
    uint64_t z = sched_is_simulated ? stream += step : __atomic_add_fetch(&stream, step, __ATOMIC_RELAXED);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

/* While somebody chooses what runs (sched_choice.h), a task draws from a stream of its own: what it draws depends on
 * nothing that another one did. */
static uint64_t draw_alone(struct task *task)
{
    uint64_t z = (task->id * 0x9e3779b97f4a7c15u) ^ (++task->draws * 0xd1b54a32d192ed03u);
    z = (z ^ (z >> 32)) * 0xbf58476d1ce4e5b9u;
    return z ^ (z >> 29);
}

/* The upper half of a product. */
static uint64_t product_high(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    return (uint64_t)(((unsigned __int128)a * b) >> 64);
#else
    const uint64_t low = (a & UINT32_MAX) * (b & UINT32_MAX), one = (a >> 32) * (b & UINT32_MAX) + (low >> 32),
                   other = (a & UINT32_MAX) * (b >> 32) + (one & UINT32_MAX);
    return (a >> 32) * (b >> 32) + (one >> 32) + (other >> 32);
#endif
}

uint64_t sched_random(uint64_t bound)
{
    if (sched_chooser != NULL && sched_current != NULL) {
        return bound == 0 ? 0 : product_high(draw_alone(sched_current), bound);
    }
    return bound == 0 ? 0 : product_high(sched_draw(), bound);
}

void task_common_init(struct task_common *common, const char *name, uint32_t id, uint32_t processor,
                      void (*run)(void *), void *argument)
{
    memset(common, 0, sizeof(*common));
    snprintf(common->name, sizeof(common->name), "%s", name);
    common->task.name = common->name;
    common->task.id = id;
    common->task.processor = processor;
    common->run = run;
    common->argument = argument;
}

static struct task *spawn(const char *name, uint32_t processor, bool on_path, void (*run)(void *), void *argument)
{
    if (sched_current == NULL) {
        fprintf(stderr, "testbed: task_spawn(%s) outside sched_run\n", name);
        abort();
    }
    /* Whoever spawns one task for each queue need not know how many processors there are. */
    uint32_t there = __atomic_load_n(&sched_processors, __ATOMIC_ACQUIRE);
    uint32_t first = there != 0 ? processor % there : processor;
    struct task *task = sched_is_simulated
                            ? task_spawn_simulated(name, first, run, argument)
                            : task_spawn_live(name, first, on_path ? processor : OFF_PATH, run, argument);
    if (sched_is_simulated) {
        order_release(task);
    }
    sched_point("spawn");
    return task;
}

struct task *task_spawn(const char *name, uint32_t processor, void (*run)(void *), void *argument)
{
    return spawn(name, processor, false, run, argument);
}

struct task *task_spawn_on_path(const char *name, uint32_t processor, void (*run)(void *), void *argument)
{
    return spawn(name, processor, true, run, argument);
}

void sched_gather(bool together)
{
    if (!sched_is_simulated) {
        sched_gather_live(together);
    }
}

bool sched_is_beside(uint32_t path)
{
    return !sched_is_simulated && sched_is_beside_live(path);
}

void task_join(struct task *task)
{
    struct task_common *common = (struct task_common *)task;
    while (__atomic_load_n(&common->done, __ATOMIC_ACQUIRE) == 0) {
        task_self()->waits_for = "the end of a task";
        sched_wait(&common->done, 0, SCHED_FOREVER);
    }
    task_self()->waits_for = NULL;
    order_acquire(task);
    if (sched_is_simulated) {
        task_reap_simulated(task);
    } else {
        task_reap_live(task);
    }
}

bool sched_wait(uint32_t *word, uint32_t expected, uint64_t deadline)
{
    return sched_is_simulated ? sched_wait_simulated(word, expected, deadline)
                              : sched_wait_live(word, expected, deadline);
}

void sched_sleep(uint64_t nanoseconds)
{
    uint64_t now = sched_now(), until = nanoseconds > SCHED_FOREVER - now ? SCHED_FOREVER : now + nanoseconds;
    uint32_t never = 0;

    while (sched_wait(&never, 0, until)) {
    }
}

void sched_wake(uint32_t *word, unsigned count)
{
    if (sched_is_simulated) {
        sched_wake_simulated(word, count);
    } else {
        sched_wake_live(word, count);
    }
}

uint64_t sched_now(void)
{
    return sched_is_simulated ? sched_now_simulated() : sched_now_live();
}

void sched_each_task(void (*each)(struct task *task, void *context), void *context)
{
    if (sched_is_simulated) {
        sched_each_simulated(each, context);
    } else {
        sched_each_live(each, context);
    }
}

void sched_signal(const struct task *task, int number)
{
    if (sched_is_simulated) {
        sched_signal_simulated(number);
    } else {
        sched_signal_live(task, number);
    }
}

uint64_t sched_used(const struct task *task)
{
    return sched_is_simulated ? sched_used_simulated() : sched_used_live(task);
}

bool sched_tracing(void)
{
    return options.trace != NULL;
}

void sched_trace(const char *format, ...)
{
    if (options.trace == NULL) {
        return;
    }
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    const struct task *task = sched_current;
    fprintf(options.trace, "%12llu %s#%u cpu%u irql%u %s\n", (unsigned long long)sched_now(), task ? task->name : "-",
            task ? task->id : 0, task ? task->processor : 0, task ? task->irql : 0, text);
}
