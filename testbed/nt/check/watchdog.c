/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watchdog of watchdog.h. Its host thread is no task: it takes no lock of the testbed but its own, reads of tasks
 * only what sched.h says may be read, and has the stacks of others by a signal, whose handler writes the frames down.
 */
#include "nt/check/watchdog.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>

#include "image/image.h"
#include "image/unwind.h"
#include "nt/areas.h"
#include "nt/check/debugger.h"
#include "nt/check/report.h"
#include "nt/check/rule.h"
#include "nt/check/rule_context.h"
#include "nt/export/export.h"
#include "nt/nt.h"

#define SECOND 1000000000ull

enum {
    GLANCES_A_SECOND = 200,  /* at what runs at DISPATCH_LEVEL */
    GLANCES_A_LOOK = 100,    /* at everything */
    LONG_MILLISECONDS = 100, /* of processor time at DISPATCH_LEVEL in one callback: a rule */
    WARN_MILLISECONDS = 10,
    MAX_WARNINGS = 20,
    LIVE_SECONDS = 8,        /* until something that stands still is reported */
    SIMULATED_SECONDS = 600, /* of virtual time */
    LOOP_SECONDS = 6,        /* of processor time, without a call */
    STACK_MILLISECONDS = 500
};

static pthread_t watcher;
static pthread_mutex_t stop_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t stop_changed = PTHREAD_COND_INITIALIZER;
static bool running, stopping;
static uint32_t patience = 1, patience_here; /* of the run: with that of the environment */
static uint32_t slowed = 1;
static uint64_t limit; /* ns of sched_now */
static uint64_t coarse;

static struct sched_lock expectations_lock;
static struct expectation *expectations;

/* --- the stack of another thread --- */

static struct {
    void *frames[REPORT_MAX_FRAMES];
    size_t count;
    bool exact; /* the first address is that of an instruction */
    uint32_t done;
} capture;

static int stack_signal(void)
{
    return SIGRTMIN + 3;
}

static void capture_here(int number, siginfo_t *info, void *argument)
{
    struct unwind_state state;
    int error = errno;
    (void)number, (void)info;
    fault_registers(argument, &state);
    capture.count = unwind_all_frames(&state, capture.frames, REPORT_MAX_FRAMES);
    capture.exact = true;
    __atomic_store_n(&capture.done, 1, __ATOMIC_RELEASE);
    errno = error;
}

static size_t capture_stack(const struct task *task)
{
    struct sched_place place;
    struct timespec moment = { .tv_nsec = 1000000 };
    if (sched_place_of(task, &place)) {
        struct unwind_state state = { .rip = place.rip };
        state.registers[UNWIND_RSP] = place.rsp;
        state.registers[UNWIND_RBP] = place.rbp;
        capture.count = unwind_all_frames(&state, capture.frames, REPORT_MAX_FRAMES);
        capture.exact = false;
        return capture.count;
    }
    if (sched_is_simulated && task != task_self()) {
        return 0; /* it has not run yet */
    }
    capture.done = 0;
    sched_signal(task, stack_signal());
    for (int i = 0; i < STACK_MILLISECONDS && __atomic_load_n(&capture.done, __ATOMIC_ACQUIRE) == 0; i++) {
        nanosleep(&moment, NULL);
    }
    return capture.done != 0 ? capture.count : 0;
}

/* --- the report --- */

static void print_task(struct task *task, void *guilty)
{
    size_t count = capture_stack(task), driver = 0;
    for (size_t i = 0; i < count; i++) {
        driver += image_find(capture.frames[i]) != NULL;
    }
    fprintf(stderr, "  %s", task == guilty ? "in task " : "task ");
    report_task(stderr, task);
    if (task == guilty || driver != 0) {
        fputs("  stack:\n", stderr);
        report_stack(stderr, capture.frames, count, capture.exact);
    }
}

static void print_guilty(struct task *task, void *guilty)
{
    if (task == guilty) {
        print_task(task, guilty);
    }
}

static void print_other(struct task *task, void *guilty)
{
    if (task != guilty) {
        print_task(task, NULL);
    }
}

#define report(...) report_rule("hang", __VA_ARGS__)
__attribute__((format(printf, 5, 6))) static void report_rule(const char *rule, const struct task *task,
                                                              const void *handler, const char *windows,
                                                              const char *format, ...)
{
    va_list arguments;
    if (!rule_begin_report(rule)) {
        return;
    }
    fprintf(stderr, "rule %s: ", rule);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, ": %s\n", windows);
    sched_each_task(print_guilty, (void *)(uintptr_t)task);
    if (handler != NULL) {
        char place[IMAGE_LINE_BYTES];
        image_describe(handler, place, sizeof(place));
        fprintf(stderr, "  handed over to\n    %s\n", place);
    }
    for (const struct expectation *e = expectations; e != NULL; e = e->next) {
        fprintf(stderr, "  %s#%u expects %s since %.1f s\n", e->task->name, e->task->id, e->what,
                (double)(sched_now() - e->since) / 1e9);
    }
    sched_each_task(print_other, (void *)(uintptr_t)task);
    report_lists(stderr);
    rule_end_report(rule);
}

/* --- what stands still --- */

/* A system thread of the driver's may live as long as the driver does. */
static bool may_last(const char *call)
{
    return strcmp(call, "system thread") == 0 || call == native_dpc;
}

static void report_call(const struct task *task, const char *call, uint64_t seconds)
{
    bool loops = !task->asleep;
    report(task, NULL, task->irql >= DISPATCH_LEVEL ? WINDOWS_DISPATCH : WINDOWS_WAITS,
           "%s has not returned for %llu s at IRQL %u (%s): it %s%s", call, (unsigned long long)seconds, task->irql,
           irql_name(task->irql), loops ? "runs without end" : "waits for ",
           loops                     ? ""
           : task->waits_for != NULL ? task->waits_for
                                     : "something");
}

struct suspect {
    const struct task *task;
    const char *call;
    uint64_t seconds;
};

/* Live, by the watchdog's thread, in the list's lock: only finds, because the report goes through the list as well. */
static void look_at(struct task *task, void *argument)
{
    struct suspect *suspect = argument;
    const char *call = __atomic_load_n(&task->driver_call, __ATOMIC_ACQUIRE);
    const uint32_t calls = __atomic_load_n(&task->driver_calls, __ATOMIC_RELAXED);
    const uint64_t now = sched_now();
    if (call == NULL || calls != task->seen_calls || may_last(call)) {
        task->seen_calls = calls;
        task->seen_since = now;
        task->seen_used = sched_used(task);
        return;
    }
    /* A task that sleeps has been left alone; one that runs must have had the processor. */
    if (now - task->seen_since > limit && suspect->task == NULL &&
        (__atomic_load_n(&task->asleep, __ATOMIC_RELAXED) != 0 || sched_used(task) - task->seen_used > limit / 16)) {
        *suspect = (struct suspect){ task, call, (now - task->seen_since) / SECOND };
    }
}

/* --- callbacks that take long at DISPATCH_LEVEL --- */

static void warn(const struct task *task, const char *call, uint64_t used)
{
    static uint32_t warned;
    if (warned++ < MAX_WARNINGS) {
        fprintf(stderr,
                "testbed: %s has taken %llu ms of processor time at IRQL %u in task %s: Microsoft asks for less "
                "than 0.1 ms, rule dispatch-time allows %u ms\n",
                call, (unsigned long long)(used / 1000000), task->irql, task->name, LONG_MILLISECONDS);
    }
}

/* Live: no call of the driver pays for this, and a report has the stack of the moment. Only a call that is seen twice
 * without another in between is looked at closely. */
static void glance_at(struct task *task, void *argument)
{
    struct suspect *suspect = argument;
    if (patience_here > 1) {
        return; /* an emulated machine's processor time is the emulator's */
    }
    const char *call = __atomic_load_n(&task->driver_call, __ATOMIC_ACQUIRE);
    const uint32_t calls = __atomic_load_n(&task->driver_calls, __ATOMIC_RELAXED);
    const uint8_t irql = __atomic_load_n(&task->irql, __ATOMIC_RELAXED);
    if (call == NULL || irql < DISPATCH_LEVEL || may_last(call)) {
        task->glanced_calls = calls - 1;
        return;
    }
    if (calls != task->glanced_calls) {
        task->glanced_calls = calls;
        task->glanced_used = sched_used(task);
        task->glanced_warned = false;
        return;
    }
    const uint64_t used = sched_used(task) - task->glanced_used;
    if (used > LONG_MILLISECONDS * 1000000ull && suspect->task == NULL) {
        *suspect = (struct suspect){ task, call, used / 1000000 };
    } else if (used > WARN_MILLISECONDS * 1000000ull && !task->glanced_warned) {
        task->glanced_warned = true;
        warn(task, call, used);
    }
}

static void glance(void)
{
    struct suspect suspect = { 0 };
    sched_each_task(glance_at, &suspect);
    if (suspect.task != NULL) {
        report_rule("dispatch-time", suspect.task, NULL, WINDOWS_DISPATCH,
                    "%s has taken %llu ms of processor time at IRQL %u, at most %d", suspect.call,
                    (unsigned long long)suspect.seconds, suspect.task->irql, LONG_MILLISECONDS);
    }
}

/* Simulated: by the task itself, at a point. */
static void busy_too_long(struct task *task)
{
    if (task->driver_call != NULL && !may_last(task->driver_call)) {
        rule_break("dispatch-time", "%s has taken %d ms of virtual processor time at IRQL %u: %s", task->driver_call,
                   LONG_MILLISECONDS, task->irql, WINDOWS_DISPATCH);
    }
}

static const struct expectation *overdue(uint64_t now)
{
    const struct expectation *found = NULL;
    for (const struct expectation *e = expectations; e != NULL; e = e->next) { /* the newest first: the most precise */
        if (found == NULL && now > e->since && now - e->since > limit) {
            found = e;
        }
    }
    return found;
}

static void report_overdue(const struct expectation *e, uint64_t now)
{
    report(e->task, e->handler, e->windows, "%s has not come for %llu s", e->what,
           (unsigned long long)((now - e->since) / SECOND));
}

static void look_live(void)
{
    struct suspect suspect = { 0 };
    const uint64_t now = sched_now();
    __atomic_store_n(&coarse, now, __ATOMIC_RELAXED);
    sched_each_task(look_at, &suspect);
    if (suspect.task != NULL) {
        report_call(suspect.task, suspect.call, suspect.seconds);
    }
    sched_lock(&expectations_lock);
    const struct expectation *e = overdue(now);
    sched_unlock(&expectations_lock);
    if (e != NULL) {
        report_overdue(e, now);
    }
}

/* Simulated, by the watchdog's thread: a task that computes and calls nothing. It reports itself. */
static void look_for_loop(void)
{
    static uint64_t seen_steps, seen_used;
    const uint64_t steps = sched_steps(), used = sched_used(NULL);
    if (steps != seen_steps || used < seen_used) {
        seen_steps = steps;
        seen_used = used;
    } else if (used - seen_used > LOOP_SECONDS * patience_here * __atomic_load_n(&slowed, __ATOMIC_RELAXED) * SECOND) {
        sched_signal(NULL, stack_signal() + 1);
        seen_used = used;
    }
}

static void report_loop(int number, siginfo_t *info, void *context)
{
    const struct task *task = task_self();
    (void)number, (void)info;
    if (task != NULL && task->driver_call != NULL) {
        rule_at_fault(context); /* the stack is that of the interrupted code */
        rule_break("hang", "%s has not returned for %d s of processor time at IRQL %u (%s) and calls nothing: %s",
                   task->driver_call, LOOP_SECONDS, task->irql, irql_name(task->irql),
                   task->irql >= DISPATCH_LEVEL ? WINDOWS_DISPATCH : WINDOWS_WAITS);
    }
}

/* Simulated, in whichever task goes to sleep last: nobody can run before `to`. */
static void look_simulated(struct task *task, void *argument)
{
    struct suspect *suspect = argument;
    const uint64_t now = sched_now();
    /* A thread may wait as long as it likes, but not at DISPATCH_LEVEL. */
    if (task->driver_call == NULL || task->driver_calls != task->seen_calls ||
        (may_last(task->driver_call) && task->irql < DISPATCH_LEVEL)) {
        task->seen_calls = task->driver_calls;
        task->seen_since = now;
        return;
    }
    /* One long wait, or short ones without end. */
    const uint64_t since = task->waits_since < task->seen_since ? task->waits_since : task->seen_since;
    if (suspect->task == NULL && task->asleep && now - since > limit) {
        *suspect = (struct suspect){ task, task->driver_call, (now - since) / SECOND };
    }
}

static void time_jumps(uint64_t to)
{
    struct suspect suspect = { 0 };
    const struct expectation *e = overdue(to);
    if (to < limit) {
        return;
    }
    sched_each_task(look_simulated, &suspect);
    if (suspect.task != NULL) {
        report_call(suspect.task, suspect.call, suspect.seconds);
    }
    if (e != NULL) {
        report_overdue(e, to);
    }
}

static void deadlocked(void)
{
    sched_each_task(print_other, NULL);
    report_lists(stderr);
}

/* --- expectations --- */

void watchdog_expect(struct expectation *expectation, const void *handler, const char *windows, const char *what, ...)
{
    va_list arguments;
    va_start(arguments, what);
    vsnprintf(expectation->what, sizeof(expectation->what), what, arguments);
    va_end(arguments);
    expectation->windows = windows;
    expectation->handler = handler;
    expectation->task = task_self();
    expectation->since = sched_now();
    sched_lock(&expectations_lock);
    expectation->next = expectations;
    expectations = expectation;
    sched_unlock(&expectations_lock);
}

void watchdog_met(struct expectation *expectation)
{
    sched_lock(&expectations_lock);
    for (struct expectation **link = &expectations; *link != NULL; link = &(*link)->next) {
        if (*link == expectation) {
            *link = expectation->next;
            break;
        }
    }
    sched_unlock(&expectations_lock);
}

void watchdog_patience(uint32_t times)
{
    patience = times;
}

void watchdog_slowed(uint32_t times)
{
    __atomic_store_n(&slowed, times, __ATOMIC_RELAXED);
}

uint64_t watchdog_clock(void)
{
    return sched_is_simulated ? sched_now() : __atomic_load_n(&coarse, __ATOMIC_RELAXED);
}

/* --- start and stop --- */

static void *watch(void *unused)
{
    (void)unused;
    uint32_t glances = 0;
    pthread_mutex_lock(&stop_lock);
    while (!stopping) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 1000000000 / (sched_is_simulated ? GLANCES_A_SECOND / GLANCES_A_LOOK : GLANCES_A_SECOND);
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&stop_changed, &stop_lock, &until);
        if (stopping) {
            break;
        }
        pthread_mutex_unlock(&stop_lock);
        if (!sched_is_simulated) {
            glance();
        }
        if (sched_is_simulated ? !debugger_is_there() : ++glances % GLANCES_A_LOOK == 0 && !debugger_is_there()) {
            if (sched_is_simulated) {
                look_for_loop();
            } else {
                look_live();
            }
        }
        pthread_mutex_lock(&stop_lock);
    }
    pthread_mutex_unlock(&stop_lock);
    return NULL;
}

static void handle(int number, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction action = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART };
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void watchdog_start(void)
{
    const char *times = getenv("TESTBED_PATIENCE");
    const uint32_t more = times != NULL && atoi(times) > 0 ? (uint32_t)atoi(times) : 1;
    sigset_t all, before;
    limit = (uint64_t)(sched_is_simulated ? SIMULATED_SECONDS : LIVE_SECONDS) * patience * more * SECOND;
    patience_here = patience * more;
    expectations = NULL;
    stopping = false;
    coarse = sched_now();
    handle(stack_signal(), capture_here);
    handle(stack_signal() + 1, report_loop);
    sched_time_jumps = time_jumps;
    sched_deadlocked = deadlocked;
    sched_busy_too_long = busy_too_long;
    /* Signals of the program are for its own threads. */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    running = pthread_create(&watcher, NULL, watch, NULL) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void watchdog_stop(void)
{
    sched_time_jumps = NULL;
    sched_deadlocked = NULL;
    sched_busy_too_long = NULL;
    if (!running) {
        return;
    }
    pthread_mutex_lock(&stop_lock);
    stopping = true;
    pthread_cond_signal(&stop_changed);
    pthread_mutex_unlock(&stop_lock);
    pthread_join(watcher, NULL);
    running = false;
}
