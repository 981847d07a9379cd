/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry as a driver reads and writes it: Zw... functions on key handles, PASSIVE_LEVEL. Information classes that
 * Windows has and that are not here end the run by name.
 */
#include <stdio.h>
#include <string.h>

#include "nt/export/register.h"
#include "nt/io/object.h"
#include "nt/registry/registry_key.h"
#include "nt/rtl/utf.h"

#define STATUS_INVALID_HANDLE  ((int32_t)0xC0000008)
#define STATUS_BUFFER_OVERFLOW ((int32_t)0x80000005)
#define STATUS_NO_MORE_ENTRIES ((int32_t)0x8000001A)
#define STATUS_KEY_DELETED     ((int32_t)0xC000017C)
#define STATUS_CANNOT_DELETE   ((int32_t)0xC0000121)

enum {
    VALUE_BASIC = 0,
    VALUE_FULL = 1,
    VALUE_PARTIAL = 2,
    VALUE_PARTIAL_ALIGN64 = 4,
    KEY_BASIC = 0,
    KEY_NODE = 1,
    KEY_FULL = 2,
    KEY_NAME = 3,
    NAME_BYTES = 700
};

static void text_of(const struct UNICODE_STRING *string, char *text, size_t size)
{
    utf8_from_utf16(text, size, string != NULL ? string->Buffer : NULL, string != NULL ? string->Length / 2u : 0);
}

static void close_key(void *object)
{
    sched_lock(&registry_lock);
    registry_key_close(object);
    sched_unlock(&registry_lock);
}

/* The key behind a handle, with registry_lock held when the result is success. */
static int32_t lock_key(void *handle, struct registry_key **key)
{
    *key = handle_object(handle, HANDLE_KEY);
    if (*key == NULL) {
        return STATUS_INVALID_HANDLE;
    }
    sched_lock(&registry_lock);
    if ((*key)->deleted) {
        sched_unlock(&registry_lock);
        return STATUS_KEY_DELETED;
    }
    return STATUS_SUCCESS;
}

static int32_t open_key(void **handle, const struct OBJECT_ATTRIBUTES *attributes, bool create, uint32_t *disposition)
{
    struct registry_key *base = NULL, *key;
    char path[NAME_BYTES];
    bool created = false;

    RULE(attributes->Length == sizeof(*attributes), "parameter", "OBJECT_ATTRIBUTES of %u bytes", attributes->Length);
    text_of(attributes->ObjectName, path, sizeof(path));
    if (attributes->RootDirectory != NULL && (base = handle_object(attributes->RootDirectory, HANDLE_KEY)) == NULL) {
        return STATUS_INVALID_HANDLE;
    }
    sched_lock(&registry_lock);
    key = create ? registry_key_create(base, path, &created) : registry_key_find(base, path);
    if (key != NULL) {
        key->opened++;
        registry_key_path(key, path, sizeof(path));
    }
    sched_unlock(&registry_lock);
    if (key == NULL) {
        return STATUS_OBJECT_NAME_NOT_FOUND;
    }
    if (disposition != NULL) {
        *disposition = created ? 1 : 2; /* REG_CREATED_NEW_KEY, REG_OPENED_EXISTING_KEY */
    }
    *handle = handle_create(HANDLE_KEY, key, close_key, path);
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_ZwOpenKey(void **handle, uint32_t access, const struct OBJECT_ATTRIBUTES *attributes)
{
    (void)access;
    return open_key(handle, attributes, false, NULL);
}

static MS_ABI int32_t nt_ZwOpenKeyEx(void **handle, uint32_t access, const struct OBJECT_ATTRIBUTES *attributes,
                                     uint32_t options)
{
    (void)access, (void)options;
    return open_key(handle, attributes, false, NULL);
}

static MS_ABI int32_t nt_ZwCreateKey(void **handle, uint32_t access, const struct OBJECT_ATTRIBUTES *attributes,
                                     uint32_t index, void *class, uint32_t options, uint32_t *disposition)
{
    (void)access, (void)index, (void)class, (void)options;
    return open_key(handle, attributes, true, disposition);
}

/* --- answers made of a fixed part and a tail that may not fit --- */

struct answer {
    uint8_t bytes[24];
    size_t fixed;
    const void *parts[2];
    size_t sizes[2];
    size_t data_offset; /* where parts[1] starts, when both are there */
};

static void put(struct answer *answer, uint32_t value)
{
    memcpy(answer->bytes + answer->fixed, &value, sizeof(value));
    answer->fixed += sizeof(value);
}

static int32_t give(const struct answer *answer, void *buffer, uint32_t room, uint32_t *length)
{
    size_t at[2] = { answer->fixed, answer->data_offset != 0 ? answer->data_offset : answer->fixed + answer->sizes[0] };
    size_t total = at[answer->sizes[1] != 0 || answer->data_offset != 0] +
                   answer->sizes[answer->sizes[1] != 0 || answer->data_offset != 0];

    *length = (uint32_t)total;
    if (room < answer->fixed) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    memcpy(buffer, answer->bytes, answer->fixed);
    for (int i = 0; i < 2; i++) {
        if (at[i] < room && answer->sizes[i] != 0) {
            memcpy((uint8_t *)buffer + at[i], answer->parts[i],
                   at[i] + answer->sizes[i] <= room ? answer->sizes[i] : room - at[i]);
        }
    }
    return total <= room ? STATUS_SUCCESS : STATUS_BUFFER_OVERFLOW;
}

static int32_t give_value(const struct registry_value *value, uint32_t class, void *buffer, uint32_t room,
                          uint32_t *length)
{
    struct answer answer = { 0 };
    uint16_t name[NAME_BYTES];
    size_t units = utf16_from_utf8(name, NAME_BYTES, value->name);

    switch (class) {
    case VALUE_BASIC:
        put(&answer, 0);
        put(&answer, value->type);
        put(&answer, (uint32_t)units * 2);
        answer.parts[0] = name, answer.sizes[0] = units * 2;
        break;
    case VALUE_FULL:
        answer.data_offset = (20 + units * 2 + 7) & ~(size_t)7;
        put(&answer, 0);
        put(&answer, value->type);
        put(&answer, (uint32_t)answer.data_offset);
        put(&answer, (uint32_t)value->size);
        put(&answer, (uint32_t)units * 2);
        answer.parts[0] = name, answer.sizes[0] = units * 2;
        answer.parts[1] = value->data, answer.sizes[1] = value->size;
        break;
    case VALUE_PARTIAL:
        put(&answer, 0); /* fallthrough: only the title index is more than the aligned class has */
    case VALUE_PARTIAL_ALIGN64:
        put(&answer, value->type);
        put(&answer, (uint32_t)value->size);
        answer.parts[0] = value->data, answer.sizes[0] = value->size;
        break;
    default:
        rule_break("unsupported", "KEY_VALUE_INFORMATION_CLASS %u", class);
    }
    return give(&answer, buffer, room, length);
}

static MS_ABI int32_t nt_ZwQueryValueKey(void *handle, const struct UNICODE_STRING *name, uint32_t class, void *buffer,
                                         uint32_t room, uint32_t *length)
{
    struct registry_value *value;
    struct registry_key *key;
    char text[NAME_BYTES];
    int32_t status = lock_key(handle, &key);

    if (status == STATUS_SUCCESS) {
        text_of(name, text, sizeof(text));
        value = registry_value_find(key, text);
        status = value == NULL ? STATUS_OBJECT_NAME_NOT_FOUND : give_value(value, class, buffer, room, length);
        sched_unlock(&registry_lock);
    }
    return status;
}

static MS_ABI int32_t nt_ZwEnumerateValueKey(void *handle, uint32_t index, uint32_t class, void *buffer, uint32_t room,
                                             uint32_t *length)
{
    struct registry_key *key;
    int32_t status = lock_key(handle, &key);

    if (status == STATUS_SUCCESS) {
        status = index >= key->value_count ? STATUS_NO_MORE_ENTRIES
                                           : give_value(&key->values[index], class, buffer, room, length);
        sched_unlock(&registry_lock);
    }
    return status;
}

static MS_ABI int32_t nt_ZwSetValueKey(void *handle, const struct UNICODE_STRING *name, uint32_t index, uint32_t type,
                                       const void *data, uint32_t size)
{
    struct registry_key *key;
    char text[NAME_BYTES];
    int32_t status = lock_key(handle, &key);

    (void)index;
    if (status == STATUS_SUCCESS) {
        text_of(name, text, sizeof(text));
        registry_value_set(key, text, type, data, size);
        sched_unlock(&registry_lock);
    }
    return status;
}

static MS_ABI int32_t nt_ZwDeleteValueKey(void *handle, const struct UNICODE_STRING *name)
{
    struct registry_key *key;
    char text[NAME_BYTES];
    int32_t status = lock_key(handle, &key);

    if (status == STATUS_SUCCESS) {
        text_of(name, text, sizeof(text));
        status = registry_value_delete(key, text) ? STATUS_SUCCESS : STATUS_OBJECT_NAME_NOT_FOUND;
        sched_unlock(&registry_lock);
    }
    return status;
}

static int32_t give_key(const struct registry_key *key, uint32_t class, void *buffer, uint32_t room, uint32_t *length)
{
    struct answer answer = { 0 };
    char path[NAME_BYTES];
    uint16_t name[NAME_BYTES];
    size_t units = utf16_from_utf8(name, NAME_BYTES, key->name);

    if (class == KEY_NAME) {
        registry_key_path(key, path, sizeof(path));
        units = utf16_from_utf8(name, NAME_BYTES, path);
    } else if (class == KEY_BASIC || class == KEY_NODE) {
        put(&answer, 0); /* last write time */
        put(&answer, 0);
        put(&answer, 0); /* title index */
        if (class == KEY_NODE) {
            put(&answer, UINT32_MAX); /* no class name */
            put(&answer, 0);
        }
    } else {
        rule_break("unsupported", "KEY_INFORMATION_CLASS %u", class);
    }
    put(&answer, (uint32_t)units * 2);
    answer.parts[0] = name, answer.sizes[0] = units * 2;
    return give(&answer, buffer, room, length);
}

static int32_t give_full(const struct registry_key *key, void *buffer, uint32_t room, uint32_t *length)
{
    uint32_t full[11] = { 0 }; /* KEY_FULL_INFORMATION without a class name */

    full[3] = UINT32_MAX;
    full[5] = (uint32_t)key->key_count;
    full[8] = (uint32_t)key->value_count;
    for (size_t i = 0; i < key->key_count; i++) {
        uint32_t bytes = (uint32_t)utf16_from_utf8(NULL, 0, key->keys[i]->name) * 2;

        full[6] = bytes > full[6] ? bytes : full[6];
    }
    for (size_t i = 0; i < key->value_count; i++) {
        uint32_t bytes = (uint32_t)utf16_from_utf8(NULL, 0, key->values[i].name) * 2;

        full[9] = bytes > full[9] ? bytes : full[9];
        full[10] = key->values[i].size > full[10] ? (uint32_t)key->values[i].size : full[10];
    }
    *length = 48; /* the record with its first class character, as Windows counts it */
    if (room < *length) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    memset(buffer, 0, 48);
    memcpy(buffer, full, sizeof(full));
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_ZwQueryKey(void *handle, uint32_t class, void *buffer, uint32_t room, uint32_t *length)
{
    struct registry_key *key;
    int32_t status = lock_key(handle, &key);

    if (status == STATUS_SUCCESS) {
        status = class == KEY_FULL ? give_full(key, buffer, room, length) : give_key(key, class, buffer, room, length);
        sched_unlock(&registry_lock);
    }
    return status;
}

static MS_ABI int32_t nt_ZwEnumerateKey(void *handle, uint32_t index, uint32_t class, void *buffer, uint32_t room,
                                        uint32_t *length)
{
    struct registry_key *key;
    int32_t status = lock_key(handle, &key);

    if (status == STATUS_SUCCESS) {
        if (index >= key->key_count) {
            status = STATUS_NO_MORE_ENTRIES;
        } else {
            status = class == KEY_FULL ? give_full(key->keys[index], buffer, room, length)
                                       : give_key(key->keys[index], class, buffer, room, length);
        }
        sched_unlock(&registry_lock);
    }
    return status;
}

static MS_ABI int32_t nt_ZwDeleteKey(void *handle)
{
    struct registry_key *key;
    int32_t status = lock_key(handle, &key);

    if (status == STATUS_SUCCESS) {
        if (key->key_count > 0) {
            status = STATUS_CANNOT_DELETE;
        } else {
            registry_key_delete(key);
        }
        sched_unlock(&registry_lock);
    }
    return status;
}

static MS_ABI int32_t nt_ZwFlushKey(void *handle)
{
    return handle_object(handle, HANDLE_KEY) != NULL ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

#define REGISTRY_EXPORTS(X)                                                                                            \
    X("ntoskrnl.exe", ZwOpenKey, nt_ZwOpenKey, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                                \
    X("ntoskrnl.exe", ZwOpenKeyEx, nt_ZwOpenKeyEx, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                            \
    X("ntoskrnl.exe", ZwCreateKey, nt_ZwCreateKey, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                            \
    X("ntoskrnl.exe", ZwQueryValueKey, nt_ZwQueryValueKey, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                    \
    X("ntoskrnl.exe", ZwEnumerateValueKey, nt_ZwEnumerateValueKey, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)            \
    X("ntoskrnl.exe", ZwSetValueKey, nt_ZwSetValueKey, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                        \
    X("ntoskrnl.exe", ZwDeleteValueKey, nt_ZwDeleteValueKey, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                  \
    X("ntoskrnl.exe", ZwQueryKey, nt_ZwQueryKey, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                              \
    X("ntoskrnl.exe", ZwEnumerateKey, nt_ZwEnumerateKey, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                      \
    X("ntoskrnl.exe", ZwDeleteKey, nt_ZwDeleteKey, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                            \
    X("ntoskrnl.exe", ZwFlushKey, nt_ZwFlushKey, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)

void registry_start(void)
{
    EXPORT_REGISTER(REGISTRY_EXPORTS);
}

void registry_stop(void)
{
    registry_clear();
}
