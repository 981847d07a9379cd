/* SPDX-License-Identifier: BSD-2-Clause */
/* Xenstore's tree. Called by store.c and watch.c with the store's lock held. Children are kept in order of their names,
 * so that listings and walks are the same in every run. */
#include "xen/embedded/tree.h"

#include <stdlib.h>
#include <string.h>

static struct node *make_node(const char *name, size_t length)
{
    struct node *node = calloc(1, sizeof(*node));

    if (node == NULL) {
        return NULL;
    }
    node->users = 1;
    node->name_bytes = (uint32_t)length;
    node->name = strndup(name, length);
    node->value = strdup("");
    if (node->name == NULL || node->value == NULL) {
        tree_free(node);
        return NULL;
    }
    return node;
}

struct node *tree_create(void)
{
    return make_node("", 0);
}

void tree_free(struct node *node)
{
    if (node == NULL || --node->users != 0) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        tree_free(node->children[i]);
    }
    free(node->children);
    free(node->name);
    free(node->value);
    free(node);
}

struct node *tree_copy(struct node *root)
{
    root->users++;
    return root;
}

/* Puts a node of this tree alone in its place, which has the same nodes below it. */
static struct node *own(struct node **place)
{
    struct node *shared = *place, *node;

    if (shared->users == 1) {
        return shared;
    }
    node = make_node(shared->name, shared->name_bytes);
    if (node == NULL || !tree_set(node, shared->value, 0)) {
        tree_free(node);
        return NULL;
    }
    node->children = malloc((shared->count != 0 ? shared->count : 1) * sizeof(*node->children));
    if (node->children == NULL) {
        tree_free(node);
        return NULL;
    }
    node->permissions = shared->permissions;
    node->generation = shared->generation;
    for (size_t i = 0; i < shared->count; i++) {
        node->children[i] = tree_copy(shared->children[i]);
    }
    node->count = shared->count;
    shared->users--;
    return *place = node;
}

/* Where a child of that name is, or where it would go. */
static bool find_child(const struct node *node, const char *name, size_t length, size_t *position)
{
    size_t low = 0, high = node->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct node *child = node->children[middle];
        int order = memcmp(child->name, name, child->name_bytes < length ? child->name_bytes : length);

        if (order == 0) {
            order = child->name_bytes < length ? -1 : child->name_bytes > length;
        }
        if (order == 0) {
            *position = middle;
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *position = low;
    return false;
}

/* The next part of the path, or 0 at its end. */
static size_t next_part(const char **path)
{
    while (**path == '/') {
        (*path)++;
    }
    return (size_t)(strchrnul(*path, '/') - *path);
}

struct node *tree_find(struct node *root, const char *path, struct node **parent)
{
    struct node *node = root;
    size_t length, position;

    while ((length = next_part(&path)) != 0) {
        if (parent != NULL) {
            *parent = node;
        }
        if (!find_child(node, path, length, &position)) {
            return NULL;
        }
        node = node->children[position];
        path += length;
    }
    return node;
}

static struct node *add_child(struct node *node, size_t position, const char *name, size_t length, uint16_t creator,
                              uint64_t generation)
{
    struct node *child = make_node(name, length);
    struct node **children = realloc(node->children, (node->count + 1) * sizeof(*children));

    if (children != NULL) {
        node->children = children;
    }
    if (child == NULL || children == NULL) {
        tree_free(child);
        return NULL;
    }
    memmove(children + position + 1, children + position, (node->count - position) * sizeof(*children));
    children[position] = child;
    node->count++;
    child->permissions = node->permissions;
    if (creator != 0) {
        child->permissions.owner = creator;
    }
    child->generation = generation;
    if (generation != 0) {
        node->generation = generation;
    }
    return child;
}

struct node *tree_make(struct node **root, const char *path, uint16_t creator, uint64_t generation)
{
    struct node *node = own(root);
    size_t length, position;

    while (node != NULL && (length = next_part(&path)) != 0) {
        node = find_child(node, path, length, &position) ? own(&node->children[position])
                                                         : add_child(node, position, path, length, creator, generation);
        path += length;
    }
    return node;
}

struct node *tree_own(struct node **root, const char *path)
{
    return tree_find(*root, path, NULL) != NULL ? tree_make(root, path, 0, 0) : NULL;
}

bool tree_set(struct node *node, const char *value, uint64_t generation)
{
    char *copy = strdup(value);

    if (copy == NULL) {
        return false;
    }
    free(node->value);
    node->value = copy;
    if (generation != 0) {
        node->generation = generation;
    }
    return true;
}

/* The parent, to be written to: the path's last part is cut off for as long. NULL: no memory. */
static struct node *own_parent(struct node **root, const char *path, size_t name_bytes)
{
    size_t length = strlen(path);
    char *above;
    struct node *parent;

    while (length != 0 && path[length - 1] == '/') {
        length--;
    }
    above = strndup(path, length - name_bytes);
    parent = above != NULL ? tree_make(root, above, 0, 0) : NULL;
    free(above);
    return parent;
}

bool tree_remove(struct node **root, const char *path, uint64_t generation)
{
    struct node *parent, *node = tree_find(*root, path, NULL);
    size_t position;

    if (node == NULL || node == *root) {
        return false;
    }
    parent = own_parent(root, path, node->name_bytes);
    if (parent == NULL || !find_child(parent, node->name, node->name_bytes, &position)) {
        return false;
    }
    parent->count--;
    memmove(parent->children + position, parent->children + position + 1,
            (parent->count - position) * sizeof(*parent->children));
    if (generation != 0) {
        parent->generation = generation;
    }
    tree_free(node);
    return true;
}

bool tree_allows(const struct node *node, uint16_t domid, bool write)
{
    const struct permissions *permissions = &node->permissions;

    if (domid == 0 || domid == permissions->owner) {
        return true;
    }
    return domid == permissions->other && (write ? permissions->write : permissions->read);
}
