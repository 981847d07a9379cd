/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The embedded hypervisor's xenstore: any paths and values from two domains, with transactions, permissions and
 * watches. What was written is what is read, and a transaction that ended well has all of its changes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

enum { MAX_OPERATIONS = 24, MAX_TRANSACTIONS = 2, MAX_WATCHES = 3, MAX_PATH = 40 };

static struct xen_host *host;
static struct xen *domains[2];

static void start(uint32_t world)
{
    (void)world;
    host = xen_host_create(&(struct xen_host_options){ .guest_pages = 64, .max_grants = 64 });
    domains[0] = xen_domain_create(host, 0);
    domains[1] = xen_domain_create(host, 1);
}

static void stop(void)
{
    struct leaks leaks = { 0 };

    for (int i = 0; i < 2; i++) {
        xen_leaks(domains[i], &leaks);
        xen_domain_destroy(domains[i]);
    }
    xen_host_destroy(host);
    if (leaks.count != 0) {
        fuzz_fail("left behind: %s", leaks.lines[0]);
    }
}

static void fired(void *argument, const char *path)
{
    (void)argument;
    (void)strlen(path);
}

/* Few different ones, so that they meet, or any characters. */
static const char *path_of(struct fuzz_input *input, char path[MAX_PATH + 1])
{
    static const char *const parts[] = { "a", "b", "c", "/local/domain/1/x", "/", "/tool", "a//b", "" };
    uint32_t kind = fuzz_take(input, 1);

    memset(path, 0, MAX_PATH + 1);
    if (kind & 0x80) {
        (void)fuzz_take_bytes(input, path, kind % MAX_PATH);
    } else {
        snprintf(path, MAX_PATH, "%s%s%s", parts[kind & 7], kind & 8 ? "/" : "", kind & 8 ? parts[kind >> 4 & 7] : "");
    }
    return path;
}

struct state {
    xen_transaction open[2][MAX_TRANSACTIONS];
    struct xen_watch *watches[MAX_WATCHES];
};

static void read_back(struct xen *xen, xen_transaction t, const char *path, const char *value)
{
    char *found;
    int status = xen_store_read(xen, t, path, &found);

    if (status == -EACCES) {
        return; /* it may write there, and not read */
    }
    if (status != 0 || strcmp(found, value) != 0) {
        fuzz_fail("%s was written and reads otherwise: %d", path, status);
    }
    free(found);
}

static void operation(struct fuzz_input *input, struct state *state)
{
    uint32_t what = fuzz_take(input, 1), which = what >> 3 & 1, slot = what >> 4 & 1;
    struct xen *xen = domains[which];
    xen_transaction *open = &state->open[which][slot], t = what & 0x40 ? *open : 0;
    char path[MAX_PATH + 1], value[17] = "", **names, *text;
    size_t count;

    (void)path_of(input, path);
    switch (what & 7) {
    case 0:
        (void)fuzz_take_bytes(input, value, fuzz_take(input, 1) % sizeof(value));
        if (xen_store_write(xen, t, path, value) == 0) {
            read_back(xen, t, path, value);
        }
        break;
    case 1:
        if (xen_store_read(xen, t, path, &text) == 0) {
            free(text);
        }
        break;
    case 2:
        (void)xen_store_remove(xen, t, path);
        break;
    case 3:
        if (xen_store_list(xen, t, path, &names, &count) == 0) {
            free(names);
        }
        break;
    case 4:
        (void)xen_store_permissions(xen, t, path, (uint16_t)(what >> 7), 1, what & 0x10, what & 0x20);
        break;
    case 5:
        if (*open == 0) {
            (void)xen_transaction_start(xen, open);
        }
        break;
    case 6:
        if (*open != 0) {
            (void)xen_transaction_end(xen, *open, what & 0x20);
            *open = 0;
        }
        break;
    default:
        if (state->watches[what >> 4 & 1] == NULL) {
            (void)xen_watch_add(xen, path, fired, NULL, &state->watches[what >> 4 & 1]);
        }
    }
}

static void one(const uint8_t *data, size_t size)
{
    struct fuzz_input input = { data, size };
    struct state state = { 0 };

    for (uint32_t i = 0; i < MAX_OPERATIONS && input.size > 0; i++) {
        operation(&input, &state);
    }
    for (int which = 0; which < 2; which++) {
        for (int slot = 0; slot < MAX_TRANSACTIONS; slot++) {
            if (state.open[which][slot] != 0) {
                (void)xen_transaction_end(domains[which], state.open[which][slot], false);
            }
        }
    }
    for (int i = 0; i < MAX_WATCHES; i++) {
        if (state.watches[i] != NULL) {
            xen_watch_remove(state.watches[i]);
        }
    }
    (void)xen_store_remove(domains[0], 0, "/local/domain/0/a");
    (void)xen_store_remove(domains[0], 0, "/local/domain/0/b");
    (void)xen_store_remove(domains[0], 0, "/local/domain/0/c");
    (void)xen_store_remove(domains[0], 0, "/local/domain/1/a");
    (void)xen_store_remove(domains[0], 0, "/local/domain/1/b");
    (void)xen_store_remove(domains[0], 0, "/local/domain/1/c");
    (void)xen_store_remove(domains[0], 0, "/local/domain/1/x");
    (void)xen_store_remove(domains[0], 0, "/tool");
}

const struct fuzz_target fuzz_store = { .name = "store", .start = start, .one = one, .stop = stop };
