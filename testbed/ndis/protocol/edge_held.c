/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received NBLs that stay with the protocol for seconds, as TCP keeps what an application does not read, or AFD for a
 * second. A protocol gives them back early at one occasion, when NDIS pauses it. In simulated runs a batch now and then
 * is kept so, by a task of the edge's; a miniport that waits for them outside of a pause stands still meanwhile.
 */
#include <limits.h>

#include "ndis/nbl/nbl.h"
#include "ndis/protocol/edge_internal.h"

enum { HELD_ONE_IN = 16, MAX_HELD = 16 /* NBLs */ };

#define SECOND 1000000000ull

static bool held_stops(struct edge_held *held)
{
    return __atomic_load_n(&held->stop, __ATOMIC_ACQUIRE) != 0;
}

void edge_held_return(struct edge *edge)
{
    struct edge_held *held = &edge->application;
    struct NET_BUFFER_LIST *chain;
    uint32_t count;

    sched_lock(&held->lock);
    chain = held->first;
    count = held->count;
    held->first = NULL;
    held->count = 0;
    sched_unlock(&held->lock);
    if (chain != NULL) {
        adapter_return(edge->adapter, chain, count);
    }
}

static void run(void *argument)
{
    struct edge *edge = argument;
    struct edge_held *held = &edge->application;

    while (!held_stops(held)) {
        uint32_t seen = __atomic_load_n(&held->word, __ATOMIC_SEQ_CST);
        uint64_t due;

        sched_lock(&held->lock);
        due = held->first != NULL ? held->due : SCHED_FOREVER;
        sched_unlock(&held->lock);
        if (due <= sched_now()) {
            edge_held_return(edge);
        } else if (!held_stops(held)) {
            (void)sched_wait(&held->word, seen, due);
        }
    }
}

bool edge_held_keep(struct edge *edge, struct NET_BUFFER_LIST *chain, uint32_t count)
{
    struct edge_held *held = &edge->application;
    bool asked = __atomic_load_n(&held->asked, __ATOMIC_ACQUIRE) != 0, kept = false;

    if (held->task == NULL || count > MAX_HELD || (!asked && sched_random(HELD_ONE_IN) != 0)) {
        return false;
    }
    sched_lock(&held->lock);
    if (held->first == NULL && !held_stops(held)) {
        for (struct NET_BUFFER_LIST *nbl = chain, *next; nbl != NULL; nbl = next) {
            next = nbl->Next;
            nbl_hide(nbl, NBL_INDICATED);
        }
        held->first = chain;
        held->count = count;
        held->due = asked ? SCHED_FOREVER : sched_now() + SECOND + sched_random(3 * SECOND);
        kept = true;
    }
    sched_unlock(&held->lock);
    if (kept) {
        __atomic_add_fetch(&held->word, 1, __ATOMIC_SEQ_CST);
        sched_wake(&held->word, UINT_MAX);
    }
    return kept;
}

void edge_held_end(struct edge *edge)
{
    __atomic_store_n(&edge->application.asked, false, __ATOMIC_RELEASE);
    edge_held_return(edge);
}

void edge_hold_received(struct edge *edge, bool hold)
{
    edge_held_return(edge);
    __atomic_store_n(&edge->application.asked, hold, __ATOMIC_RELEASE);
    if (!hold) {
        edge_held_return(edge);
    }
}

void edge_held_start(struct edge *edge)
{
    if (sched_kind() == SCHED_SIMULATED) {
        edge->application.task = task_spawn("application", 0, run, edge);
    }
}

void edge_held_stop(struct edge *edge)
{
    struct edge_held *held = &edge->application;

    if (held->task == NULL) {
        return;
    }
    __atomic_store_n(&held->stop, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&held->word, 1, __ATOMIC_SEQ_CST);
    sched_wake(&held->word, UINT_MAX);
    task_join(held->task);
    held->task = NULL;
}
