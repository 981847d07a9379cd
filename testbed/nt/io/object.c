/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Handles, and objects that a driver may hold references to.
 *
 * One handle table serves registry keys and threads. A handle's value looks like a kernel handle of Windows and is
 * never used again in the same run, so that a second close is found. Objects (devices, threads) register their body
 * with the way to reference and dereference it; ObReferenceObject and ObDereferenceObject find it here. Both are cold
 * paths: one lock, linear lookup. Locks are not held while an object's own functions run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "nt/areas.h"
#include "nt/export/register.h"
#include "nt/io/object.h"
#include "nt/nt.h"

#define HANDLE_BASE           ((uintptr_t)(intptr_t)INT32_MIN) /* 0x80000000, its sign extended */
#define STATUS_INVALID_HANDLE ((int32_t)0xC0000008)

enum { WHAT_BYTES = 200, OPENERS = 2, OPENER_BYTES = 400 };

struct handle {
    struct handle *next;
    uintptr_t value;
    enum handle_kind kind;
    void *object;
    void (*close)(void *);
    char what[WHAT_BYTES];
    const void *opened_in[OPENERS]; /* return addresses, the innermost first */
    char *opener;                   /* their names, once their image is about to go */
};

struct object {
    struct object *next;
    void *body;
    const struct object_ops *ops;
};

static struct sched_lock lock;
static struct handle *handles;
static struct object *objects;
static uintptr_t last_handle;

void *handle_create(enum handle_kind kind, void *object, void (*close)(void *object), const char *what)
{
    struct handle *handle = calloc(1, sizeof(*handle));
    struct handle **end;

    if (handle == NULL) {
        abort();
    }
    handle->kind = kind;
    handle->object = object;
    handle->close = close;
    snprintf(handle->what, sizeof(handle->what), "%s", what);
    (void)image_backtrace((void **)handle->opened_in, OPENERS);
    sched_lock(&lock);
    handle->value = HANDLE_BASE + 4 * ++last_handle;
    for (end = &handles; *end != NULL; end = &(*end)->next) {
    }
    *end = handle;
    sched_unlock(&lock);
    return (void *)handle->value;
}

void *handle_object(void *value, enum handle_kind kind)
{
    void *object = NULL;

    sched_lock(&lock);
    for (struct handle *handle = handles; handle != NULL; handle = handle->next) {
        if (handle->value == (uintptr_t)value && (kind == HANDLE_ANY || handle->kind == kind)) {
            object = handle->object;
            break;
        }
    }
    sched_unlock(&lock);
    return object;
}

int32_t handle_close(void *value)
{
    struct handle *found = NULL;

    sched_lock(&lock);
    for (struct handle **at = &handles; *at != NULL; at = &(*at)->next) {
        if ((*at)->value == (uintptr_t)value) {
            found = *at;
            *at = found->next;
            break;
        }
    }
    sched_unlock(&lock);
    if (found == NULL) {
        return STATUS_INVALID_HANDLE;
    }
    if (found->close != NULL) {
        found->close(found->object);
    }
    free(found->opener);
    free(found);
    return STATUS_SUCCESS;
}

void object_register(void *body, const struct object_ops *ops)
{
    struct object *object = calloc(1, sizeof(*object));

    if (object == NULL) {
        abort();
    }
    object->body = body;
    object->ops = ops;
    sched_lock(&lock);
    object->next = objects;
    objects = object;
    sched_unlock(&lock);
}

void object_unregister(void *body)
{
    struct object *found = NULL;

    sched_lock(&lock);
    for (struct object **at = &objects; *at != NULL; at = &(*at)->next) {
        if ((*at)->body == body) {
            found = *at;
            *at = found->next;
            break;
        }
    }
    sched_unlock(&lock);
    free(found);
}

static const struct object_ops *object_find(void *body)
{
    const struct object_ops *ops = NULL;

    sched_lock(&lock);
    for (struct object *object = objects; object != NULL; object = object->next) {
        if (object->body == body) {
            ops = object->ops;
            break;
        }
    }
    sched_unlock(&lock);
    return ops;
}

bool object_reference(void *body)
{
    const struct object_ops *ops = object_find(body);

    if (ops != NULL) {
        ops->reference(body);
    }
    return ops != NULL;
}

bool object_dereference(void *body)
{
    const struct object_ops *ops = object_find(body);

    if (ops != NULL) {
        ops->dereference(body);
    }
    return ops != NULL;
}

/* Who opened it, and who called that, as " < ..." of one line. */
static void describe_opener(const struct handle *handle, char *text, size_t size)
{
    size_t used = 0;

    snprintf(text, size, "the testbed");
    for (unsigned i = 0; i < OPENERS && handle->opened_in[i] != NULL && used < size; i++) {
        char name[OPENER_BYTES];

        image_describe((const char *)handle->opened_in[i] - 1, name, sizeof(name));
        used += (size_t)snprintf(text + used, size - used, "%s%s", i == 0 ? "" : " < ", name);
    }
}

void object_name_openers(const struct image *image)
{
    sched_lock(&lock);
    for (struct handle *handle = handles; handle != NULL; handle = handle->next) {
        if (handle->opener == NULL && image_contains(image, handle->opened_in[0])) {
            char text[OPENER_BYTES];

            describe_opener(handle, text, sizeof(text));
            handle->opener = strdup(text);
        }
    }
    sched_unlock(&lock);
}

void object_leaks(struct leaks *leaks)
{
    sched_lock(&lock);
    for (struct handle *handle = handles; handle != NULL; handle = handle->next) {
        char text[OPENER_BYTES] = "the testbed";

        if (handle->opener == NULL && image_find(handle->opened_in[0]) != NULL) {
            describe_opener(handle, text, sizeof(text));
        }
        leak_add(leaks, "open handle: %s, opened by %s", handle->what, handle->opener != NULL ? handle->opener : text);
    }
    sched_unlock(&lock);
}

/* --- what the driver calls --- */

static MS_ABI int32_t nt_ZwClose(void *handle)
{
    int32_t status = handle_close(handle);

    RULE(status == STATUS_SUCCESS, "handle", "ZwClose of a handle that is not open");
    return status;
}

static MS_FASTCALL intptr_t nt_ObfReferenceObject(void *object)
{
    RULE(object_reference(object), "object", "ObReferenceObject of something that is no device and no thread");
    return 1;
}

static MS_FASTCALL intptr_t nt_ObfDereferenceObject(void *object)
{
    RULE(object_dereference(object), "object", "ObDereferenceObject of something that is no device and no thread");
    return 0;
}

#define OBJECT_EXPORTS(X)                                                                                              \
    X("ntoskrnl.exe", ZwClose, nt_ZwClose, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                                    \
    X("ntoskrnl.exe", ObfReferenceObject, nt_ObfReferenceObject, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", ObfDereferenceObject, nt_ObfDereferenceObject, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)

void object_start(void)
{
    EXPORT_REGISTER(OBJECT_EXPORTS);
}

void object_stop(void)
{
    while (handles != NULL) {
        struct handle *handle = handles;

        handles = handle->next;
        free(handle->opener);
        free(handle);
    }
    while (objects != NULL) {
        struct object *object = objects;

        objects = object->next;
        free(object);
    }
    last_handle = 0;
}
