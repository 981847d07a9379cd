/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry's tree as registry.c keeps it and registry_exports.c reads it, under registry_lock. */
#ifndef TESTBED_NT_REGISTRY_REGISTRY_KEY_H
#define TESTBED_NT_REGISTRY_REGISTRY_KEY_H

#include "nt/nt.h"
#include "nt/registry/registry.h"

struct registry_value {
    char *name; /* UTF-8; "" is the default value */
    enum registry_type type;
    uint8_t *data;
    size_t size;
};

struct registry_key {
    char *name;
    struct registry_key *parent; /* NULL: the root, or deleted */
    struct registry_key **keys;  /* sorted by name, case ignored */
    size_t key_count;
    struct registry_value *values; /* in order of creation */
    size_t value_count;
    uint32_t opened; /* handles */
    bool deleted;
};

extern struct sched_lock registry_lock;

/* All of these with registry_lock held. `base` NULL: the root. A path may start with a backslash. */
struct registry_key *registry_key_find(struct registry_key *base, const char *path);
struct registry_key *registry_key_create(struct registry_key *base, const char *path, bool *created);
struct registry_value *registry_value_find(struct registry_key *key, const char *name);
void registry_value_set(struct registry_key *key, const char *name, enum registry_type type, const void *data,
                        size_t size);
bool registry_value_delete(struct registry_key *key, const char *name);
void registry_key_delete(struct registry_key *key); /* with all below; memory goes with the last handle */
void registry_key_close(struct registry_key *key);  /* one handle less */
void registry_key_path(const struct registry_key *key, char *path, size_t size);

#endif
