/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Send buffers under --guard-pages. A frame is moved against the inaccessible page behind its buffer or, in turn, the
 * one in front of it; pages that it does not need become inaccessible, and what is left of its own has canaries. Once
 * its send is completed nobody may touch the buffer until the next frame is put there. Called
 * with guard pages only, by the sending task or whoever completes.
 */
#include <stdio.h>
#include <sys/mman.h>

#include "ndis/protocol/edge_internal.h"
#include "nt/memory/guard.h"

enum { MAX_EDGES = 8 };
static struct edge *edges[MAX_EDGES]; /* for reports */

static size_t pages_of(uint32_t bytes)
{
    return (bytes + XEN_PAGE_SIZE - 1) / XEN_PAGE_SIZE * XEN_PAGE_SIZE;
}

static size_t whole(const struct edge_slot *slot)
{
    return slot->queue->edge->slot_pages * XEN_PAGE_SIZE;
}

/* Before the frame is put in, which begins at the buffer's start. */
void edge_guard_open(struct edge_slot *slot)
{
    slot->placed = NULL;
    mprotect(slot->buffer, whole(slot), PROT_READ | PROT_WRITE);
}

uint8_t *edge_guard_place(struct edge_slot *slot, uint32_t bytes)
{
    const size_t needed = pages_of(bytes);
    const bool at_end = slot->turn++ % 2 == 0;
    uint8_t *to = slot->buffer + (at_end ? whole(slot) - bytes : 0);
    uint8_t *start = slot->buffer + (at_end ? whole(slot) - needed : 0);

    memmove(to, slot->buffer, bytes);
    guard_fill(start, needed, to, bytes);
    mprotect(at_end ? slot->buffer : slot->buffer + needed, whole(slot) - needed, PROT_NONE);
    slot->placed = to;
    slot->placed_bytes = bytes;
    return to;
}

void edge_guard_close(struct edge_slot *slot)
{
    if (slot->placed != NULL) {
        uint8_t *start = (uint8_t *)((uintptr_t)slot->placed & ~(uintptr_t)(XEN_PAGE_SIZE - 1));
        const int64_t beside = guard_canary(start, pages_of(slot->placed_bytes), slot->placed, slot->placed_bytes);

        RULE(beside == 0, "mdl", "the driver wrote %lld bytes %s the %u of a packet that it sent",
             (long long)(beside < 0 ? -beside : beside), beside < 0 ? "before" : "behind", slot->placed_bytes);
        slot->placed = NULL;
    }
    mprotect(slot->buffer - XEN_PAGE_SIZE, whole(slot) + 2 * XEN_PAGE_SIZE, PROT_NONE);
}

void edge_guard_end(struct edge_slot *slot)
{
    mprotect(slot->buffer - XEN_PAGE_SIZE, whole(slot) + 2 * XEN_PAGE_SIZE, PROT_READ | PROT_WRITE);
}

static bool describe_slot(const struct edge_slot *slot, uint64_t address, char *text, size_t size)
{
    const int64_t at = (int64_t)(address - (uintptr_t)slot->placed);

    if (address - ((uintptr_t)slot->buffer - XEN_PAGE_SIZE) >= whole(slot) + 2 * XEN_PAGE_SIZE) {
        return false;
    }
    if (slot->placed == NULL) {
        snprintf(text, size, " (of a packet whose send the miniport has completed)");
    } else if (at < 0) {
        snprintf(text, size, " (%lld bytes before a packet of %u bytes to send)", (long long)-at, slot->placed_bytes);
    } else {
        snprintf(text, size, " (%lld bytes past the end of a packet of %u bytes to send)",
                 (long long)at - slot->placed_bytes + 1, slot->placed_bytes);
    }
    return true;
}

static bool describe(uint64_t address, char *text, size_t size)
{
    for (int i = 0; i < MAX_EDGES; i++) {
        const struct edge *edge = edges[i];

        for (uint32_t q = 0; edge != NULL && q < edge->queue_count; q++) {
            for (uint32_t k = 0; k < edge->queues[q].made; k++) {
                if (describe_slot(&edge->queues[q].slots[k], address, text, size)) {
                    return true;
                }
            }
        }
    }
    return false;
}

static void exchange(struct edge *from, struct edge *to)
{
    for (int i = 0; i < MAX_EDGES; i++) {
        if (edges[i] == from) {
            edges[i] = to;
            return;
        }
    }
}

void edge_guard_start(struct edge *edge)
{
    if (guard_pages) {
        guard_describes_more = describe;
        exchange(NULL, edge);
    }
}

void edge_guard_stop(struct edge *edge)
{
    if (guard_pages) {
        exchange(edge, NULL);
    }
}
