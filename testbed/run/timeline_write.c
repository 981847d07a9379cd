/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The trace-event format: one JSON object with an array of events, times in microseconds. A process of the format is a
 * simulated processor, whose threads are the tasks that ran there, or a queue, whose threads are the places that a
 * packet passes there.
 */
#include <inttypes.h>

#include "run/timeline_internal.h"

/* A packet's step takes no time: long enough to be seen, and no longer than to the next one of its lane. */
enum { QUEUE_PROCESS = 1001, LIVE_STEP_NS = 10, SIMULATED_STEP_NS = 1 };

static const char *const lane_names[] = {
    [LANE_SEND_XENVIF] = "send: XenVif to the ring",          [LANE_SEND_BACKEND] = "send: backend to the wire",
    [LANE_SEND_RESPONSE] = "send: XenVif takes the response", [LANE_RECEIVE_BACKEND] = "receive: backend to the ring",
    [LANE_RECEIVE_XENVIF] = "receive: XenVif to the driver",
};

static void put_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            fputc('\\', out);
        }
        fputc((unsigned char)*c < ' ' ? ' ' : *c, out);
    }
    fputc('"', out);
}

static void put_head(FILE *out, const char *phase, const char *name, uint32_t process, uint32_t thread, uint64_t time)
{
    fprintf(out, ",\n{\"ph\":\"%s\",\"pid\":%u,\"tid\":%u,\"ts\":%" PRIu64 ".%03u,\"name\":", phase, process, thread,
            time / 1000, (uint32_t)(time % 1000));
    put_text(out, name);
}

static void put_name(FILE *out, const char *what, uint32_t process, uint32_t thread, const char *name)
{
    fprintf(out, ",\n{\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"name\":\"%s\",\"args\":{\"name\":", process, thread, what);
    put_text(out, name);
    fputs("}}", out);
}

static void put_span(FILE *out, const char *category, const char *name, uint32_t process, uint32_t thread,
                     uint64_t time, uint64_t length)
{
    put_head(out, "X", name, process, thread, time);
    fprintf(out, ",\"dur\":%" PRIu64 ".%03u,\"cat\":\"%s\"}", length / 1000, (uint32_t)(length % 1000), category);
}

/* A slice in its lane, and the arrow's point that binds to it. */
static void put_packet(FILE *out, const struct timeline_event *event, uint64_t length)
{
    static const char *const phases[] = { [STEP_FIRST] = "s", [STEP_NEXT] = "t", [STEP_LAST] = "f" };
    bool here = event->lane == LANE_TASK;
    uint32_t process = here ? event->processor + 1u : QUEUE_PROCESS + event->queue;
    uint32_t thread = here ? event->task : event->lane;

    put_span(out, "packet", event->name, process, thread, event->time, length);
    put_head(out, phases[event->step], "packet", process, thread, event->time);
    fprintf(out, ",\"id\":%u,\"cat\":\"packet\"%s}", event->value, event->step == STEP_LAST ? ",\"bp\":\"e\"" : "");
}

static void put_event(FILE *out, const struct timeline_event *event, bool simulated)
{
    uint32_t process = event->processor + 1u;

    switch ((enum timeline_kind)event->kind) {
    case EVENT_SPAN:
        put_span(out, "call", event->name, process, event->task, event->time, event->length);
        break;
    case EVENT_OPEN:
        put_head(out, "B", event->name, process, event->task, event->time);
        fputs(",\"cat\":\"call\"}", out);
        break;
    case EVENT_CALL:
        put_head(out, "i", event->name, process, event->task, event->time);
        fputs(",\"s\":\"t\",\"cat\":\"kernel\"}", out);
        break;
    case EVENT_IRQL:
        put_head(out, "C", "IRQL", process, 0, event->time);
        fprintf(out, ",\"cat\":\"irql\",\"args\":{\"IRQL\":%u}}", event->value);
        break;
    case EVENT_PACKET:
        put_packet(out, event, simulated ? SIMULATED_STEP_NS : LIVE_STEP_NS);
        break;
    }
}

/* The lanes that are used, by name. */
static void put_lanes(FILE *out, const struct timeline_record *record)
{
    static uint8_t tasks[256][TIMELINE_TASKS], queues[64][sizeof(lane_names) / sizeof(lane_names[0])];
    char name[32];

    for (uint64_t i = record->first; i < record->end; i++) {
        const struct timeline_event *event = &record->events[i % record->size];
        uint8_t *seen;

        if (!event->whole) {
            continue;
        }
        if (event->kind == EVENT_PACKET && event->lane != LANE_TASK) {
            seen = &queues[event->queue % 64][event->lane];
            if (*seen == 0) {
                snprintf(name, sizeof(name), "queue %u", event->queue);
                put_name(out, "process_name", QUEUE_PROCESS + event->queue, 0, name);
                put_name(out, "thread_name", QUEUE_PROCESS + event->queue, event->lane, lane_names[event->lane]);
            }
        } else {
            seen = &tasks[event->processor % 256][event->task % TIMELINE_TASKS];
            if (*seen == 0) {
                snprintf(name, sizeof(name), "processor %u", event->processor);
                put_name(out, "process_name", event->processor + 1u, 0, name);
                put_name(out, "thread_name", event->processor + 1u, event->task,
                         record->task_names[event->task % TIMELINE_TASKS]);
            }
        }
        *seen = 1;
    }
}

bool timeline_write(const struct timeline_record *record, FILE *out)
{
    fprintf(out, "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"kind\":\"%s\",\"seed\":\"%" PRIu64 "\"},\n",
            record->simulated ? "simulated" : "live", record->seed);
    fputs(
        "\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":0,\"tid\":0,\"name\":\"process_name\",\"args\":{\"name\":\"marks\"}}",
        out);
    put_lanes(out, record);
    for (uint64_t i = record->first; i < record->end; i++) {
        const struct timeline_event *event = &record->events[i % record->size];

        if (__atomic_load_n(&event->whole, __ATOMIC_ACQUIRE)) {
            put_event(out, event, record->simulated);
        }
    }
    for (uint64_t i = 0; i < record->mark_count; i++) {
        const struct timeline_mark *mark = &record->marks[i];

        if (__atomic_load_n(&mark->whole, __ATOMIC_ACQUIRE)) {
            put_head(out, "i", mark->text, 0, 0, mark->time);
            fprintf(out, ",\"s\":\"g\",\"cat\":\"%s\",\"args\":{\"processor\":%u,\"task\":\"%s\"}}", mark->kind,
                    mark->processor, mark->task != 0 ? record->task_names[mark->task % TIMELINE_TASKS] : "");
        }
    }
    fputs("\n]}\n", out);
    return ferror(out) == 0;
}
