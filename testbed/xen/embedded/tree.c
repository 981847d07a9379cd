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
    if (node == NULL) {
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

struct node *tree_copy(const struct node *node)
{
    struct node *copy = make_node(node->name, strlen(node->name));

    if (copy == NULL || !tree_set(copy, node->value, 0)) {
        tree_free(copy);
        return NULL;
    }
    copy->permissions = node->permissions;
    copy->generation = node->generation;
    copy->children = calloc(node->count ? node->count : 1, sizeof(*copy->children));
    if (copy->children == NULL) {
        tree_free(copy);
        return NULL;
    }
    for (size_t i = 0; i < node->count; i++) {
        copy->children[i] = tree_copy(node->children[i]);
        if (copy->children[i] == NULL) {
            tree_free(copy);
            return NULL;
        }
        copy->count++;
    }
    return copy;
}

/* Where a child of that name is, or where it would go. */
static bool find_child(const struct node *node, const char *name, size_t length, size_t *position)
{
    size_t low = 0, high = node->count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = strncmp(node->children[middle]->name, name, length);

        if (order == 0 && node->children[middle]->name[length] != '\0') {
            order = 1;
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
    return strcspn(*path, "/");
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

struct node *tree_make(struct node *root, const char *path, uint16_t creator, uint64_t generation)
{
    struct node *node = root;
    size_t length, position;

    while (node != NULL && (length = next_part(&path)) != 0) {
        node = find_child(node, path, length, &position) ? node->children[position]
                                                         : add_child(node, position, path, length, creator, generation);
        path += length;
    }
    return node;
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

bool tree_remove(struct node *root, const char *path, uint64_t generation)
{
    struct node *parent = NULL, *node = tree_find(root, path, &parent);
    size_t position;

    if (node == NULL || node == root || !find_child(parent, node->name, strlen(node->name), &position)) {
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
