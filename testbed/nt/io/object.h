/* SPDX-License-Identifier: BSD-2-Clause */
/* Handles (one table for registry keys, threads and whatever else a driver gets a HANDLE for), and objects that a
 * driver may hold references to (ObReferenceObject, ObDereferenceObject). */
#ifndef TESTBED_NT_IO_OBJECT_H
#define TESTBED_NT_IO_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

enum handle_kind { HANDLE_KEY = 1, HANDLE_THREAD, HANDLE_ANY };
/* `close` runs when the handle is closed (ZwClose), outside the table's lock; `what` names it in leaks (copied). */
void *handle_create(enum handle_kind kind, void *object, void (*close)(void *object), const char *what);
void *handle_object(void *handle, enum handle_kind kind); /* NULL: no such handle, or of another kind */
int32_t handle_close(void *handle);                       /* STATUS_INVALID_HANDLE when there is none */

struct image;
void object_name_openers(const struct image *image); /* before it is unloaded: leaks name where it opened a handle */

struct object_ops {
    const char *kind; /* "device", "thread" */
    void (*reference)(void *body);
    void (*dereference)(void *body);
};
void object_register(void *body, const struct object_ops *ops);
void object_unregister(void *body);
bool object_reference(void *body); /* false: not a registered object */
bool object_dereference(void *body);

#endif
