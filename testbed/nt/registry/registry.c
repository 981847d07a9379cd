/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry, in memory: a tree of keys under one lock (all of it is cold). Names are UTF-8 and compare without case,
 * string data is UTF-16LE with its NUL, as Windows stores it. A key that is deleted while handles to it are open stays
 * until the last of them is closed, cut off from the tree. The callbacks of registry_each_... run without the lock, on
 * copies.
 */
#include "nt/registry/registry_key.h"
#include "nt/rtl/utf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct sched_lock registry_lock;
static struct registry_key root = { .name = (char *)"" };

static void *grown(void *array, size_t count, size_t each)
{
    void *more = realloc(array, (count + 1) * each);

    if (more == NULL) {
        abort();
    }
    return more;
}

/* Where `name` (length bytes) is among the subkeys, or would be. */
static size_t key_place(const struct registry_key *key, const char *name, size_t length, bool *found)
{
    size_t low = 0, high = key->key_count;

    *found = false;
    while (low < high) {
        size_t middle = (low + high) / 2;
        const char *other = key->keys[middle]->name;
        int order = strncasecmp(name, other, length);

        if (order == 0) {
            order = other[length] == 0 ? 0 : -1;
        }
        if (order == 0) {
            *found = true;
            return middle;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static struct registry_key *walk(struct registry_key *key, const char *path, bool create, bool *created)
{
    bool found;

    key = key == NULL ? &root : key;
    while (*path != 0) {
        size_t length, place;

        while (*path == '\\') {
            path++;
        }
        length = strcspn(path, "\\");
        if (length == 0) {
            break;
        }
        place = key_place(key, path, length, &found);
        if (!found) {
            struct registry_key *fresh;

            if (!create) {
                return NULL;
            }
            fresh = calloc(1, sizeof(*fresh));
            key->keys = grown(key->keys, key->key_count, sizeof(*key->keys));
            if (fresh == NULL || (fresh->name = strndup(path, length)) == NULL) {
                abort();
            }
            memmove(key->keys + place + 1, key->keys + place, (key->key_count++ - place) * sizeof(*key->keys));
            key->keys[place] = fresh;
            fresh->parent = key;
            if (created != NULL) {
                *created = true;
            }
        }
        key = key->keys[place];
        path += length;
    }
    return key;
}

struct registry_key *registry_key_find(struct registry_key *base, const char *path)
{
    return walk(base, path, false, NULL);
}

struct registry_key *registry_key_create(struct registry_key *base, const char *path, bool *created)
{
    return walk(base, path, true, created);
}

struct registry_value *registry_value_find(struct registry_key *key, const char *name)
{
    for (size_t i = 0; i < key->value_count; i++) {
        if (strcasecmp(key->values[i].name, name) == 0) {
            return &key->values[i];
        }
    }
    return NULL;
}

void registry_value_set(struct registry_key *key, const char *name, enum registry_type type, const void *data,
                        size_t size)
{
    struct registry_value *value = registry_value_find(key, name);
    uint8_t *copy = malloc(size + 1);

    if (copy == NULL) {
        abort();
    }
    memcpy(copy, data, size);
    if (value == NULL) {
        key->values = grown(key->values, key->value_count, sizeof(*key->values));
        value = &key->values[key->value_count++];
        value->name = strdup(name);
    } else {
        free(value->data);
    }
    value->type = type;
    value->data = copy;
    value->size = size;
}

bool registry_value_delete(struct registry_key *key, const char *name)
{
    struct registry_value *value = registry_value_find(key, name);

    if (value == NULL) {
        return false;
    }
    free(value->name);
    free(value->data);
    memmove(value, value + 1, (size_t)(key->values + --key->value_count - value) * sizeof(*value));
    return true;
}

static void key_empty(struct registry_key *key)
{
    while (key->key_count > 0) {
        registry_key_delete(key->keys[key->key_count - 1]);
    }
    while (key->value_count > 0) {
        registry_value_delete(key, key->values[0].name);
    }
    free(key->keys);
    free(key->values);
    key->keys = NULL;
    key->values = NULL;
}

void registry_key_delete(struct registry_key *key)
{
    struct registry_key *parent = key->parent;
    bool found;
    size_t place;

    key_empty(key);
    if (parent == NULL) {
        return;
    }
    place = key_place(parent, key->name, strlen(key->name), &found);
    memmove(parent->keys + place, parent->keys + place + 1, (--parent->key_count - place) * sizeof(*parent->keys));
    key->parent = NULL;
    key->deleted = true;
    if (key->opened == 0) {
        free(key->name);
        free(key);
    }
}

void registry_key_close(struct registry_key *key)
{
    if (--key->opened == 0 && key->deleted) {
        free(key->name);
        free(key);
    }
}

void registry_key_path(const struct registry_key *key, char *path, size_t size)
{
    size_t used;

    if (key->parent == NULL) {
        snprintf(path, size, "%s", key->deleted ? key->name : "");
        return;
    }
    registry_key_path(key->parent, path, size);
    used = strlen(path);
    snprintf(path + used, size - used, "\\%s", key->name);
}

/* --- by path --- */

void registry_set_value(const char *key, const char *name, enum registry_type type, const void *data, size_t size)
{
    sched_lock(&registry_lock);
    registry_value_set(registry_key_create(NULL, key, NULL), name, type, data, size);
    sched_unlock(&registry_lock);
}

void registry_set_string(const char *key, const char *name, const char *value)
{
    size_t units = utf16_from_utf8(NULL, 0, value) + 1;
    uint16_t *wide = malloc(units * 2);

    if (wide == NULL) {
        abort();
    }
    utf16_from_utf8(wide, units, value);
    registry_set_value(key, name, REGISTRY_SZ, wide, units * 2);
    free(wide);
}

void registry_set_dword(const char *key, const char *name, uint32_t value)
{
    registry_set_value(key, name, REGISTRY_DWORD, &value, sizeof(value));
}

bool registry_get_value(const char *key, const char *name, enum registry_type *type, void *data, size_t *size)
{
    struct registry_key *found;
    struct registry_value *value = NULL;

    sched_lock(&registry_lock);
    found = registry_key_find(NULL, key);
    if (found != NULL && (value = registry_value_find(found, name)) != NULL) {
        size_t room = *size;

        if (room > 0) {
            memcpy(data, value->data, value->size < room ? value->size : room);
        }
        *size = value->size;
        if (type != NULL) {
            *type = value->type;
        }
    }
    sched_unlock(&registry_lock);
    return value != NULL;
}

bool registry_get_string(const char *key, const char *name, char *value, size_t size)
{
    uint16_t wide[1024];
    size_t bytes = sizeof(wide), units = 0;
    enum registry_type type;

    if (!registry_get_value(key, name, &type, wide, &bytes) || (type != REGISTRY_SZ && type != REGISTRY_EXPAND_SZ)) {
        return false;
    }
    bytes = bytes < sizeof(wide) ? bytes : sizeof(wide);
    while (units < bytes / 2 && wide[units] != 0) {
        units++;
    }
    utf8_from_utf16(value, size, wide, units);
    return true;
}

bool registry_get_dword(const char *key, const char *name, uint32_t *value)
{
    uint32_t data;
    size_t size = sizeof(data);
    enum registry_type type;

    if (!registry_get_value(key, name, &type, &data, &size) || type != REGISTRY_DWORD || size != sizeof(data)) {
        return false;
    }
    *value = data;
    return true;
}

void registry_create_key(const char *key)
{
    sched_lock(&registry_lock);
    registry_key_create(NULL, key, NULL);
    sched_unlock(&registry_lock);
}

bool registry_key_exists(const char *key)
{
    bool exists;

    sched_lock(&registry_lock);
    exists = registry_key_find(NULL, key) != NULL;
    sched_unlock(&registry_lock);
    return exists;
}

void registry_delete_key(const char *key)
{
    struct registry_key *found;

    sched_lock(&registry_lock);
    found = registry_key_find(NULL, key);
    if (found != NULL) {
        registry_key_delete(found);
    }
    sched_unlock(&registry_lock);
}

void registry_delete_value(const char *key, const char *name)
{
    struct registry_key *found;

    sched_lock(&registry_lock);
    found = registry_key_find(NULL, key);
    if (found != NULL) {
        registry_value_delete(found, name);
    }
    sched_unlock(&registry_lock);
}

void registry_each_value(const char *key, void (*each)(void *, const char *, enum registry_type, const void *, size_t),
                         void *context)
{
    for (size_t i = 0;; i++) {
        struct registry_value copy;
        struct registry_key *found;
        bool more;

        sched_lock(&registry_lock);
        found = registry_key_find(NULL, key);
        more = found != NULL && i < found->value_count;
        if (more) {
            copy = found->values[i];
            copy.name = strdup(copy.name);
            copy.data = memcpy(malloc(copy.size + 1), copy.data, copy.size);
        }
        sched_unlock(&registry_lock);
        if (!more) {
            return;
        }
        each(context, copy.name, copy.type, copy.data, copy.size);
        free(copy.name);
        free(copy.data);
    }
}

void registry_each_key(const char *key, void (*each)(void *, const char *name), void *context)
{
    for (size_t i = 0;; i++) {
        struct registry_key *found;
        char *name = NULL;

        sched_lock(&registry_lock);
        found = registry_key_find(NULL, key);
        if (found != NULL && i < found->key_count) {
            name = strdup(found->keys[i]->name);
        }
        sched_unlock(&registry_lock);
        if (name == NULL) {
            return;
        }
        each(context, name);
        free(name);
    }
}

void registry_clear(void)
{
    sched_lock(&registry_lock);
    key_empty(&root);
    sched_unlock(&registry_lock);
}
