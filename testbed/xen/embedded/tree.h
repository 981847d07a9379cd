/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree that xenstore keeps: nodes by path, each with a value, permissions and the generation of its last change. */
#ifndef TESTBED_XEN_EMBEDDED_TREE_H
#define TESTBED_XEN_EMBEDDED_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct permissions {
    uint16_t owner; /* may do everything */
    uint16_t other; /* may do what follows; nobody when it is the owner */
    bool read, write;
};

struct node {
    char *name;
    char *value;
    uint32_t users;      /* trees, or nodes above, that have it: more than one, and it is not written to */
    uint32_t name_bytes; /* its name's length */
    struct permissions permissions;
    uint64_t generation;
    struct node **children; /* by name */
    size_t count;
};

struct node *tree_create(void);
void tree_free(struct node *node);
struct node *tree_copy(struct node *root); /* the nodes are shared until one of the trees changes them */
/* NULL: not there. `parent`, when asked for, is the deepest node on the way that is there. */
struct node *tree_find(struct node *root, const char *path, struct node **parent);
/* The node, made with all that leads to it when missing: new ones inherit permissions, with `creator` as owner unless
 * it is domain 0. A nonzero `generation` is noted in what changed. NULL: no memory. */
struct node *tree_make(struct node **root, const char *path, uint16_t creator, uint64_t generation);
struct node *tree_own(struct node **root, const char *path); /* to be written to. NULL: not there, or no memory */
/* Of a node from one of these two. */
bool tree_set(struct node *node, const char *value, uint64_t generation);
bool tree_remove(struct node **root, const char *path, uint64_t generation); /* false: not there, or the root */
bool tree_allows(const struct node *node, uint16_t domid, bool write);

#endif
