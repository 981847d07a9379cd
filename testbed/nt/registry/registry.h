/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry, in memory. Paths are absolute, \Registry\Machine\..., compared without case. Any IRQL-free caller. */
#ifndef TESTBED_NT_REGISTRY_REGISTRY_H
#define TESTBED_NT_REGISTRY_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum registry_type {
    REGISTRY_NONE = 0,
    REGISTRY_SZ = 1,
    REGISTRY_EXPAND_SZ = 2,
    REGISTRY_BINARY = 3,
    REGISTRY_DWORD = 4,
    REGISTRY_MULTI_SZ = 7
};

/* Strings are stored as UTF-16LE with their NUL, as the registry does; these take and give UTF-8. */
void registry_set_string(const char *key, const char *name, const char *value);
void registry_set_dword(const char *key, const char *name, uint32_t value);
void registry_set_value(const char *key, const char *name, enum registry_type type, const void *data, size_t size);
bool registry_get_string(const char *key, const char *name, char *value, size_t size);
bool registry_get_dword(const char *key, const char *name, uint32_t *value);
/* Raw value; *size is the buffer's size in and the value's size out. False: no such key or value. */
bool registry_get_value(const char *key, const char *name, enum registry_type *type, void *data, size_t *size);
void registry_create_key(const char *key);
bool registry_key_exists(const char *key);
void registry_delete_key(const char *key); /* with all below */
void registry_delete_value(const char *key, const char *name);
/* Calls back for each value / subkey name in a stable order. */
void registry_each_value(const char *key,
                         void (*each)(void *, const char *name, enum registry_type, const void *, size_t),
                         void *context);
void registry_each_key(const char *key, void (*each)(void *, const char *name), void *context);
void registry_clear(void);

#endif
