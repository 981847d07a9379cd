/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the areas of nt/ know of each other and nobody outside nt/ does. nt.c starts the areas in the order below and
 * stops them in reverse. An area's X_start registers its exports (once per process: EXPORT_REGISTER) and may be called
 * again after X_stop; X_leaks lists what the driver did not give back.
 */
#ifndef TESTBED_NT_INTERNAL_H
#define TESTBED_NT_INTERNAL_H

#include "nt/nt.h"

/* --- export tables --- */
#define EXPORT_ENTRY(image, name, function, lowest, highest, since)                                                    \
    { image, #name, (void *)(function), lowest, highest, since },
/* EXPORT_REGISTER(POOL_EXPORTS), where POOL_EXPORTS(X) is the module's table. */
#define EXPORT_REGISTER(table)                                                                                         \
    do {                                                                                                               \
        static const struct export exports_[] = { table(EXPORT_ENTRY) };                                               \
        static bool registered_;                                                                                       \
        if (!registered_) {                                                                                            \
            registered_ = true;                                                                                        \
            export_register(exports_, sizeof(exports_) / sizeof(exports_[0]));                                         \
        }                                                                                                              \
    } while (0)

/* --- scheduling side: irql.c lock.c event.c dpc.c timer.c thread.c fault.c --- */
void irql_start(uint32_t processors);
void irql_stop(void);
void irql_add(uint32_t index);   /* a processor more, not yet counted */
void irql_count(uint32_t count); /* those below it may be used now */
void lock_start(void);
void lock_stop(void);
void event_start(void);
void event_stop(void);
void dpc_start(void);
void dpc_add(uint32_t index);
void dpc_stop(void);
void timer_start(void);
void timer_stop(void);
void timer_leaks(struct leaks *leaks);
void threads_start(void); /* system threads and work items; thread_start is nt.h's */
void threads_stop(void);
void threads_leaks(struct leaks *leaks);
void fault_start(void);
void fault_stop(void);

/* --- memory and objects --- */
void pool_start(void);
void pool_stop(void);
void pool_leaks(struct leaks *leaks);
void mdl_start(void);
void mdl_stop(void);
void object_start(void); /* handles and referenced objects */
void object_stop(void);
void object_leaks(struct leaks *leaks);
void registry_start(void);
void registry_stop(void);
void io_start(void); /* devices, IRPs, device properties */
void io_stop(void);
void io_leaks(struct leaks *leaks);
void rtl_start(void);
void rtl_stop(void);
void ex_start(void);
void ex_stop(void);
void ex_leaks(struct leaks *leaks);
void debug_start(void);
void debug_stop(void);
void etw_start(void);
void etw_stop(void);
void etw_leaks(struct leaks *leaks);

/* --- handles: one table for registry keys, threads and whatever else a driver gets a HANDLE for --- */
enum handle_kind { HANDLE_KEY = 1, HANDLE_THREAD, HANDLE_ANY };
/* `close` runs when the handle is closed (ZwClose), outside the table's lock; `what` names it in leaks (copied). */
void *handle_create(enum handle_kind kind, void *object, void (*close)(void *object), const char *what);
void *handle_object(void *handle, enum handle_kind kind); /* NULL: no such handle, or of another kind */
int32_t handle_close(void *handle);                       /* STATUS_INVALID_HANDLE when there is none */

/* --- objects a driver may hold references to (ObReferenceObject, ObDereferenceObject) --- */
struct object_ops {
    const char *kind; /* "device", "thread" */
    void (*reference)(void *body);
    void (*dereference)(void *body);
};
void object_register(void *body, const struct object_ops *ops);
void object_unregister(void *body);
bool object_reference(void *body); /* false: not a registered object */
bool object_dereference(void *body);

/* --- UTF-8 and UTF-16 --- */
/* Returns the UTF-16 units without NUL, writes at most `most` - 1 of them and a NUL (when most > 0). */
size_t utf16_from_utf8(uint16_t *wide, size_t most, const char *text);
/* Same the other way; `units` UTF-16 units are read. Returns the bytes without NUL. */
size_t utf8_from_utf16(char *text, size_t most, const uint16_t *wide, size_t units);
size_t utf16_length(const uint16_t *wide);
uint16_t utf16_upcase(uint16_t unit);

#endif
