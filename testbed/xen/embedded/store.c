/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Xenstore: reads, writes, listings, permissions and transactions over the tree, as xenstored answers them.
 *
 * A transaction works on a copy of the tree and notes what it looked at and what it changed. At its end every path it
 * looked at must be as it was (same generation), or it fails with -EAGAIN; then its changes are made again on the tree,
 * and fire watches as if made one by one.
 *
 * Any task below DISPATCH_LEVEL or at it (a store's lock is held for microseconds); memory is allocated.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xen/embedded/embedded.h"

struct access {
    struct access *next;
    uint64_t generation; /* 0: there was no such node */
    uint32_t hash;       /* of the path */
    char path[];
};

enum change_kind { CHANGE_WRITE, CHANGE_REMOVE, CHANGE_PERMISSIONS };

struct change {
    struct change *next;
    enum change_kind kind;
    char *path, *value;
    size_t length; /* of the path; kept ones have it */
    struct permissions permissions;
};

static struct store *store_of(struct xen *xen)
{
    return &domain_of(xen)->host->store;
}

bool store_path(const struct xen *xen, const char *path, char *absolute, size_t size)
{
    size_t length;

    if (path[0] == '/') {
        length = strlen(path);
        memcpy(absolute, path, length < size ? length + 1 : size);
    } else {
        length = (size_t)snprintf(absolute, size, "/local/domain/%u/%s", xen->domid, path);
    }
    if (length >= size || path[0] == '\0' || strstr(absolute, "//") != NULL) {
        return false;
    }
    if (length > 1 && absolute[length - 1] == '/') {
        absolute[length - 1] = '\0';
    }
    return true;
}

void store_start(struct xen_host *host)
{
    host->store.root = tree_create();
    host->store.root->generation = host->store.generation = 1;
}

static void free_transaction(struct transaction *transaction)
{
    while (transaction->accesses != NULL) {
        struct access *access = transaction->accesses;

        transaction->accesses = access->next;
        free(access);
    }
    while (transaction->changes != NULL) {
        struct change *change = transaction->changes;

        transaction->changes = change->next;
        free(change->path);
        free(change->value);
        free(change);
    }
    tree_free(transaction->root);
    free(transaction);
}

void store_stop(struct xen_host *host)
{
    while (host->store.transactions != NULL) {
        struct transaction *transaction = host->store.transactions;

        host->store.transactions = transaction->next;
        free_transaction(transaction);
    }
    tree_free(host->store.root);
}

/* --- within the lock --- */

static struct transaction *find_transaction(struct store *store, const struct xen *xen, xen_transaction t)
{
    struct transaction *transaction = store->transactions;

    while (transaction != NULL && (transaction->id != t || &transaction->domain->xen != xen)) {
        transaction = transaction->next;
    }
    return transaction;
}

/* Was the path, or a directory above it, removed by the transaction itself? */
static bool removed_within(const struct transaction *transaction, const char *path)
{
    for (const struct change *change = transaction->changes; change != NULL; change = change->next) {
        if (change->kind == CHANGE_REMOVE && strncmp(path, change->path, change->length) == 0 &&
            (path[change->length] == '/' || path[change->length] == '\0')) {
            return true;
        }
    }
    return false;
}

/* The first look at a path counts: a transaction's own changes do not touch generations in its copy. What it removed is
 * no news to it: that the path was there for others is no conflict. */
static void note_access(struct transaction *transaction, const char *path, const struct node *node)
{
    size_t length = strlen(path);
    struct access *access;
    uint32_t hash = 0;

    for (size_t i = 0; i < length; i++) {
        hash = hash * 31 + (uint8_t)path[i];
    }
    for (access = transaction->accesses; access != NULL; access = access->next) {
        if (access->hash == hash && strcmp(access->path, path) == 0) {
            return;
        }
    }
    if (removed_within(transaction, path)) {
        return;
    }
    access = malloc(sizeof(*access) + length + 1);
    if (access != NULL) {
        access->generation = node != NULL ? node->generation : 0;
        access->hash = hash;
        memcpy(access->path, path, length + 1);
        access->next = transaction->accesses;
        transaction->accesses = access;
    }
}

/* Where an operation works: the tree, or a transaction's copy of it. -ENOENT: no such transaction. */
struct scene {
    struct store *store;
    struct transaction *transaction;
    struct node **root;
    char path[STORE_MAX_PATH];
};

static int enter(struct scene *scene, struct xen *xen, xen_transaction t, const char *path)
{
    scene->store = store_of(xen);
    scene->transaction = NULL;
    if (!store_path(xen, path, scene->path, sizeof(scene->path))) {
        return -EINVAL;
    }
    sched_lock(&scene->store->lock);
    scene->root = &scene->store->root;
    if (t != 0) {
        scene->transaction = find_transaction(scene->store, xen, t);
        if (scene->transaction == NULL) {
            sched_unlock(&scene->store->lock);
            return -ENOENT;
        }
        scene->root = &scene->transaction->root;
    }
    return 0;
}

static int leave(const struct scene *scene, int result)
{
    sched_unlock(&scene->store->lock);
    return result;
}

static struct node *look(const struct scene *scene, struct node **parent)
{
    struct node *node = tree_find(*scene->root, scene->path, parent);

    if (scene->transaction != NULL) {
        note_access(scene->transaction, scene->path, node);
    }
    return node;
}

static int apply(struct store *store, struct node **root, const struct change *change, uint16_t domid, bool real)
{
    uint64_t generation = real ? ++store->generation : 0;
    struct node *node;

    if (change->kind == CHANGE_REMOVE) {
        return tree_remove(root, change->path, generation) ? 0 : -ENOENT;
    }
    node =
        change->kind == CHANGE_WRITE ? tree_make(root, change->path, domid, generation) : tree_own(root, change->path);
    if (node == NULL) {
        return change->kind == CHANGE_WRITE ? -ENOMEM : -ENOENT;
    }
    if (change->kind == CHANGE_PERMISSIONS) {
        node->permissions = change->permissions;
        if (real) {
            node->generation = generation;
        }
        return 0;
    }
    return tree_set(node, change->value, generation) ? 0 : -ENOMEM;
}

/* Make the change where the scene is; a transaction keeps it for its end. */
static int perform(struct scene *scene, struct xen *xen, const struct change *wanted)
{
    struct change *kept;
    int result = apply(scene->store, scene->root, wanted, xen->domid, scene->transaction == NULL);

    if (result < 0) {
        return result;
    }
    if (scene->transaction == NULL) {
        watch_match(scene->store, wanted->path, wanted->kind == CHANGE_REMOVE);
        return 0;
    }
    kept = calloc(1, sizeof(*kept));
    if (kept == NULL) {
        return -ENOMEM;
    }
    *kept = *wanted;
    kept->next = NULL;
    kept->path = strdup(wanted->path);
    kept->length = strlen(wanted->path);
    kept->value = wanted->value != NULL ? strdup(wanted->value) : NULL;
    *scene->transaction->last_change = kept;
    scene->transaction->last_change = &kept->next;
    return kept->path != NULL ? 0 : -ENOMEM;
}

/* --- operations --- */

int store_read(struct xen *xen, xen_transaction t, const char *path, char **value)
{
    struct scene scene;
    struct node *node;
    int result = enter(&scene, xen, t, path);

    *value = NULL;
    if (result < 0) {
        return result;
    }
    node = look(&scene, NULL);
    if (node == NULL) {
        result = -ENOENT;
    } else if (!tree_allows(node, xen->domid, false)) {
        result = -EACCES;
    } else {
        *value = strdup(node->value);
        result = *value != NULL ? 0 : -ENOMEM;
    }
    return leave(&scene, result);
}

int store_write(struct xen *xen, xen_transaction t, const char *path, const char *value)
{
    struct scene scene;
    struct node *node, *parent = NULL;
    int result = enter(&scene, xen, t, path);

    if (result < 0) {
        return result;
    }
    node = look(&scene, &parent);
    if (!tree_allows(node != NULL ? node : parent, xen->domid, true)) {
        result = -EACCES;
    } else {
        struct change change = { .kind = CHANGE_WRITE, .path = scene.path, .value = (char *)value };

        result = perform(&scene, xen, &change);
    }
    return leave(&scene, result);
}

int store_remove(struct xen *xen, xen_transaction t, const char *path)
{
    struct scene scene;
    struct node *node;
    int result = enter(&scene, xen, t, path);

    if (result < 0) {
        return result;
    }
    node = look(&scene, NULL);
    if (node == NULL) {
        result = -ENOENT;
    } else if (!tree_allows(node, xen->domid, true)) {
        result = -EACCES;
    } else {
        struct change change = { .kind = CHANGE_REMOVE, .path = scene.path };

        result = perform(&scene, xen, &change);
    }
    return leave(&scene, result);
}

int store_list(struct xen *xen, xen_transaction t, const char *path, char ***names, size_t *count)
{
    struct scene scene;
    struct node *node;
    int result = enter(&scene, xen, t, path);
    size_t bytes = 0;
    char *text;

    if (result < 0) {
        return result;
    }
    node = look(&scene, NULL);
    if (node == NULL || !tree_allows(node, xen->domid, false)) {
        return leave(&scene, node == NULL ? -ENOENT : -EACCES);
    }
    for (size_t i = 0; i < node->count; i++) {
        bytes += strlen(node->children[i]->name) + 1;
    }
    *names = malloc((node->count + 1) * sizeof(**names) + bytes);
    if (*names == NULL) {
        return leave(&scene, -ENOMEM);
    }
    text = (char *)(*names + node->count + 1);
    for (size_t i = 0; i < node->count; i++) {
        (*names)[i] = text;
        text = stpcpy(text, node->children[i]->name) + 1;
    }
    (*names)[node->count] = NULL;
    *count = node->count;
    return leave(&scene, 0);
}

/* Only the owner may give away rights, and only domain 0 may change the owner. */
int store_permissions(struct xen *xen, xen_transaction t, const char *path, uint16_t owner, uint16_t other, bool read,
                      bool write)
{
    struct scene scene;
    struct node *node;
    int result = enter(&scene, xen, t, path);

    if (result < 0) {
        return result;
    }
    node = look(&scene, NULL);
    if (node == NULL) {
        result = -ENOENT;
    } else if (xen->domid != 0 && (node->permissions.owner != xen->domid || owner != xen->domid)) {
        result = -EACCES;
    } else {
        struct change change = { .kind = CHANGE_PERMISSIONS,
                                 .path = scene.path,
                                 .permissions = { owner, other, read, write } };

        result = perform(&scene, xen, &change);
    }
    return leave(&scene, result);
}

int store_transaction_start(struct xen *xen, xen_transaction *t)
{
    struct store *store = store_of(xen);
    struct transaction *transaction = calloc(1, sizeof(*transaction));

    *t = 0;
    if (transaction == NULL) {
        return -ENOMEM;
    }
    sched_lock(&store->lock);
    transaction->root = tree_copy(store->root);
    transaction->domain = domain_of(xen);
    transaction->last_change = &transaction->changes;
    transaction->id = ++store->last_transaction;
    transaction->next = store->transactions;
    store->transactions = transaction;
    *t = transaction->id;
    sched_unlock(&store->lock);
    return 0;
}

static bool conflicts(struct store *store, const struct transaction *transaction)
{
    for (const struct access *access = transaction->accesses; access != NULL; access = access->next) {
        const struct node *node = tree_find(store->root, access->path, NULL);

        if ((node != NULL ? node->generation : 0) != access->generation) {
            return true;
        }
    }
    return false;
}

int store_transaction_end(struct xen *xen, xen_transaction t, bool commit)
{
    struct store *store = store_of(xen);
    struct transaction *transaction, **link;
    int result = 0;

    sched_lock(&store->lock);
    transaction = find_transaction(store, xen, t);
    if (transaction == NULL) {
        sched_unlock(&store->lock);
        return -ENOENT;
    }
    for (link = &store->transactions; *link != transaction; link = &(*link)->next) {
    }
    *link = transaction->next;
    if (commit && conflicts(store, transaction)) {
        result = -EAGAIN;
    } else if (commit) {
        for (const struct change *change = transaction->changes; change != NULL; change = change->next) {
            if (apply(store, &store->root, change, xen->domid, true) == 0) {
                watch_match(store, change->path, change->kind == CHANGE_REMOVE);
            }
        }
    }
    free_transaction(transaction); /* its nodes may be the store's, too */
    sched_unlock(&store->lock);
    return result;
}

void store_leaks(struct domain *domain, struct leaks *leaks)
{
    for (const struct transaction *t = domain->host->store.transactions; t != NULL; t = t->next) {
        if (t->domain == domain) {
            leak_add(leaks, "domain %u: transaction %u not ended", domain->xen.domid, t->id);
        }
    }
}
