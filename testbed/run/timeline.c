/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Takes the events of timeline.h: an array that all tasks fill by an atomic number, a shorter one of marks, and a table
 * of packets that are followed, in which a newer packet takes the place of an older one.
 */
#include "run/timeline.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "run/sched.h"
#include "run/timeline_internal.h"

enum {
    LIVE_EVENTS = 64 << 10, /* 100 to 140 bytes each in the file */
    SIMULATED_EVENTS = 256 << 10,
    MAX_MARKS = 4096,
    FOLLOWED = 4096,
    LIVE_SHARE = 128,       /* a window takes at most so small a part of the room that is left */
    MIN_WINDOW_EVENTS = 64, /* or so many */
    WINDOW_NS = 2000000,    /* a window lasts so long at most */
    PERIOD_NS = 100000000,  /* from window to window */
    FOLLOW_LIVE = 4,        /* live: one packet of so many is followed */
};

bool timeline_on;

static struct {
    const char *path;
    bool running, simulated;
    struct timeline_event *events;
    struct timeline_mark *marks;
    uint64_t size, next, marks_next;
    uint64_t window_end; /* live: no events beyond this number in this window */
    uint64_t last;       /* simulated: time of the newest event, which the next one exceeds */
    uint32_t flows, candidates, keys;
    struct {
        uint64_t key;
        uint32_t flow;
    } followed[FOLLOWED];
    char names[TIMELINE_TASKS][TIMELINE_NAME];
    pthread_t sampler;
    bool sampling;
} line;

static uint64_t stamp(void)
{
    uint64_t now = sched_now();

    if (line.simulated) { /* one thread: what happens later stands later, although virtual time stood still */
        now = now > line.last ? now : line.last + 1;
        line.last = now;
    }
    return now;
}

static void learn_name(const struct task *task)
{
    char *name = line.names[task->id % TIMELINE_TASKS];

    if (name[0] == '\0') {
        strncpy(name, task->name, TIMELINE_NAME - 1);
    }
}

static struct timeline_event *add(enum timeline_kind kind, const char *name)
{
    uint64_t number = __atomic_fetch_add(&line.next, 1, __ATOMIC_RELAXED);
    const struct task *task = task_self();
    struct timeline_event *event;

    if (!line.simulated && number >= line.window_end) {
        __atomic_store_n(&timeline_on, false, __ATOMIC_RELAXED);
        if (number >= line.size) {
            return NULL;
        }
    }
    event = &line.events[number % line.size];
    *event = (struct timeline_event){ .name = name, .kind = (uint8_t)kind };
    if (task != NULL) {
        learn_name(task);
        event->task = task->id;
        event->processor = (uint16_t)task->processor;
    }
    return event;
}

static void finish(struct timeline_event *event)
{
    __atomic_store_n(&event->whole, true, __ATOMIC_RELEASE);
}

void timeline_span_begin(struct timeline_span *span, const char *name)
{
    struct task *task = task_self();

    span->since = stamp();
    span->name = name;
    if (task != NULL) {
        span->outer = task->spans;
        task->spans = span;
    }
}

void timeline_span_end(struct timeline_span *span)
{
    struct timeline_event *event = line.running ? add(EVENT_SPAN, span->name) : NULL;
    struct task *task = task_self();

    if (task != NULL) {
        task->spans = span->outer;
    }
    if (event != NULL) {
        event->time = span->since;
        event->length = stamp() - span->since;
        finish(event);
    }
}

void timeline_add_call(const char *name)
{
    struct timeline_event *event = add(EVENT_CALL, name);

    if (event != NULL) {
        event->time = stamp();
        finish(event);
    }
}

void timeline_add_irql(uint32_t processor, uint8_t irql)
{
    struct timeline_event *event = add(EVENT_IRQL, "IRQL");

    if (event != NULL) {
        event->time = stamp();
        event->processor = (uint16_t)processor;
        event->value = irql;
        finish(event);
    }
}

void timeline_mark(const char *kind, const char *format, ...)
{
    const struct task *task = task_self();
    struct timeline_mark *mark;
    va_list arguments;
    uint64_t number;

    if (!line.running) {
        return;
    }
    number = __atomic_fetch_add(&line.marks_next, 1, __ATOMIC_RELAXED);
    mark = &line.marks[number % MAX_MARKS];
    *mark = (struct timeline_mark){ .time = stamp(), .kind = kind };
    va_start(arguments, format);
    vsnprintf(mark->text, sizeof(mark->text), format, arguments);
    va_end(arguments);
    if (task != NULL) {
        learn_name(task);
        mark->task = task->id;
        mark->processor = (uint16_t)task->processor;
    }
    __atomic_store_n(&mark->whole, true, __ATOMIC_RELEASE);
}

/* --- packets --- */

/* Live: a place for each hash, where a newer key drives an older one out. Simulated: nothing may depend on addresses,
 * so the newest keys are looked through; NO_PLACE: it is not there. */
enum { NO_PLACE = FOLLOWED, LOOKED_THROUGH = 1024 };

static size_t place_of(uint64_t key)
{
    if (!line.simulated) {
        return (size_t)((key * 0x9e3779b97f4a7c15u) >> 52) % FOLLOWED;
    }
    for (uint32_t i = 0; i < LOOKED_THROUGH && i < line.keys; i++) {
        size_t at = (line.keys - 1 - i) % FOLLOWED;

        if (line.followed[at].key == key) {
            return at;
        }
    }
    return NO_PLACE;
}

uint32_t timeline_follow(uint64_t key)
{
    uint32_t flow;

    if (!timeline_on) {
        return 0;
    }
    if (!line.simulated && __atomic_fetch_add(&line.candidates, 1, __ATOMIC_RELAXED) % FOLLOW_LIVE != 0) {
        timeline_known_as(key, 0);
        return 0;
    }
    flow = __atomic_add_fetch(&line.flows, 1, __ATOMIC_RELAXED);
    timeline_known_as(key, flow);
    return flow;
}

void timeline_known_as(uint64_t key, uint32_t flow)
{
    size_t at = place_of(key);

    if (at == NO_PLACE) {
        if (flow == 0) {
            return;
        }
        at = line.keys++ % FOLLOWED;
    }
    if (flow == 0 && __atomic_load_n(&line.followed[at].key, __ATOMIC_RELAXED) != key) {
        return;
    }
    __atomic_store_n(&line.followed[at].flow, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&line.followed[at].key, key, __ATOMIC_RELEASE);
    __atomic_store_n(&line.followed[at].flow, flow, __ATOMIC_RELEASE);
}

uint32_t timeline_flow(uint64_t key)
{
    size_t at = line.running ? place_of(key) : NO_PLACE;
    uint32_t flow = at != NO_PLACE ? __atomic_load_n(&line.followed[at].flow, __ATOMIC_ACQUIRE) : 0;

    return flow != 0 && __atomic_load_n(&line.followed[at].key, __ATOMIC_ACQUIRE) == key ? flow : 0;
}

void timeline_packet(uint32_t flow, enum timeline_step step, enum timeline_lane lane, uint32_t queue, const char *name)
{
    struct timeline_event *event = flow != 0 && line.running ? add(EVENT_PACKET, name) : NULL;

    if (event != NULL) {
        event->time = stamp();
        event->value = flow;
        event->step = (uint8_t)step;
        event->lane = (uint8_t)lane;
        event->queue = queue;
        finish(event);
    }
}

/* --- the run --- */

/* Opens windows. Not a task: the scheduler does not see it. */
static void *sample(void *unused)
{
    const struct timespec rest = { 0, PERIOD_NS - WINDOW_NS }, window = { 0, WINDOW_NS };

    (void)unused;
    while (__atomic_load_n(&line.sampling, __ATOMIC_ACQUIRE)) {
        uint64_t next = __atomic_load_n(&line.next, __ATOMIC_RELAXED), share;

        if (next >= line.size) {
            break;
        }
        share = (line.size - next) / LIVE_SHARE;
        line.window_end = next + (share > MIN_WINDOW_EVENTS ? share : MIN_WINDOW_EVENTS);
        __atomic_store_n(&sched_hears_calls, true, __ATOMIC_RELAXED);
        __atomic_store_n(&timeline_on, true, __ATOMIC_RELEASE);
        nanosleep(&window, NULL);
        __atomic_store_n(&timeline_on, false, __ATOMIC_RELEASE);
        __atomic_store_n(&sched_hears_calls, sched_tracing(), __ATOMIC_RELAXED);
        nanosleep(&rest, NULL);
    }
    return NULL;
}

void timeline_open(const char *path)
{
    line.path = path;
}

void timeline_begin_run(void)
{
    const char *path = line.path != NULL ? line.path : getenv("XENNET_TIMELINE");

    line.simulated = sched_is_simulated;
    if (path == NULL || (line.path == NULL && !line.simulated)) {
        return;
    }
    line.size = line.simulated ? SIMULATED_EVENTS : LIVE_EVENTS;
    line.events = calloc(line.size, sizeof(*line.events));
    line.marks = calloc(MAX_MARKS, sizeof(*line.marks));
    if (line.events == NULL || line.marks == NULL) {
        fputs("testbed: no memory for a timeline\n", stderr);
        exit(1);
    }
    line.next = line.marks_next = line.last = 0;
    line.flows = line.candidates = line.keys = 0;
    memset(line.followed, 0, sizeof(line.followed));
    memset(line.names, 0, sizeof(line.names));
    line.running = true;
    if (line.simulated) {
        timeline_on = true;
    } else {
        line.sampling = pthread_create(&line.sampler, NULL, sample, NULL) == 0;
    }
}

static void add_open(struct task *task, void *unused)
{
    (void)unused;
    for (struct timeline_span *span = task->spans; span != NULL; span = span->outer) {
        struct timeline_event *event = add(EVENT_OPEN, span->name);

        if (event != NULL) {
            learn_name(task);
            event->task = task->id;
            event->processor = (uint16_t)task->processor;
            event->time = span->since;
            finish(event);
        }
    }
}

/* What is open: of every task where nobody else runs, of this one in a live run. */
static void add_all_open(void)
{
    if (line.simulated) {
        sched_each_task(add_open, NULL);
    } else if (task_self() != NULL) {
        line.window_end = line.size;
        add_open(task_self(), NULL);
    }
}

static void write_file(void)
{
    const char *path = line.path != NULL ? line.path : getenv("XENNET_TIMELINE");
    struct timeline_record record = {
        .events = line.events,
        .end = line.next,
        .size = line.size,
        .marks = line.marks,
        .mark_count = line.marks_next < MAX_MARKS ? line.marks_next : MAX_MARKS,
        .task_names = line.names,
        .simulated = line.simulated,
        .seed = sched_seed(),
    };
    FILE *out = fopen(path, "w");
    bool written;

    if (line.simulated) {
        record.first = line.next > line.size ? line.next - line.size : 0;
    } else if (record.end > line.size) {
        record.end = line.size;
    }
    written = out != NULL && timeline_write(&record, out);
    if (out != NULL && fclose(out) != 0) {
        written = false;
    }
    if (!written) {
        fprintf(stderr, "testbed: the timeline %s could not be written: %s\n", path, strerror(errno));
    }
}

void timeline_end_run(void)
{
    if (!__atomic_exchange_n(&line.running, false, __ATOMIC_SEQ_CST)) {
        return;
    }
    timeline_on = false;
    if (__atomic_exchange_n(&line.sampling, false, __ATOMIC_SEQ_CST)) {
        pthread_join(line.sampler, NULL);
        timeline_on = false;
    }
    add_all_open();
    write_file();
    free(line.events);
    free(line.marks);
    line.events = NULL;
    line.marks = NULL;
}
