/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages and packet records of a receive ring. Pages come in chunks, taken from the lowest chunk that has one, so that
 * upper chunks empty out and can go when they were not needed for a while. Both grow up to a bound, under which nothing
 * more is received until the subscriber gives something back.
 *
 * Called in the ring's DPC, or while none can run. A page keeps its grant as long as the connection, unless each use is
 * to have its own.
 */
#include <stdlib.h>
#include <string.h>

#include "xenvif/receive/receive_internal.h"
#include "xenvif/state.h"

enum { TIDY_RUNS = 1024, SPARE_CHUNKS = 2, SPARE_PAGES = SPARE_CHUNKS * RX_CHUNK };

static void reset_mdl(struct MDL *mdl, uint8_t *address, uint32_t bytes)
{
    mdl->Next = NULL;
    mdl->ByteOffset = (uint32_t)((uintptr_t)address % XEN_PAGE_SIZE);
    mdl->MappedSystemVa = address;
    mdl->ByteCount = bytes;
}

static bool grow_pages(struct rx_ring *ring)
{
    struct rx_chunk *chunk;
    uint16_t index = 0;

    while (index < RX_CHUNKS && ring->chunks[index] != NULL) {
        index++;
    }
    if (index == RX_CHUNKS) {
        return false;
    }
    chunk = calloc(1, sizeof(*chunk));
    if (chunk == NULL) {
        return false;
    }
    chunk->memory = xen_memory_alloc(ring->vif->xen, RX_CHUNK);
    if (chunk->memory == NULL) {
        free(chunk);
        return false;
    }
    for (uint32_t i = 0; i < RX_CHUNK; i++) {
        uint8_t *address = chunk->memory + (size_t)i * XEN_PAGE_SIZE;

        chunk->pages[i] = (struct rx_page){ mdl_create(address, XEN_PAGE_SIZE), address, 0, index, 0 };
    }
    chunk->free = UINT64_MAX;
    ring->chunks[index] = chunk;
    ring->chunk_count++;
    ring->chunks_free |= 1ull << index;
    ring->pages_free += RX_CHUNK;
    return true;
}

struct rx_page *pool_page(struct rx_ring *ring)
{
    struct rx_chunk *chunk;
    uint32_t index, bit;

    if (ring->chunks_free == 0 && !grow_pages(ring)) {
        return NULL;
    }
    index = (uint32_t)__builtin_ctzll(ring->chunks_free);
    chunk = ring->chunks[index];
    bit = (uint32_t)__builtin_ctzll(chunk->free);
    chunk->free &= chunk->free - 1;
    if (chunk->free == 0) {
        ring->chunks_free &= ~(1ull << index);
    }
    if (--ring->pages_free < ring->min_pages_free) {
        ring->min_pages_free = ring->pages_free;
    }
    return &chunk->pages[bit];
}

void pool_page_free(struct rx_ring *ring, struct rx_page *page)
{
    struct rx_chunk *chunk = ring->chunks[page->chunk];

    reset_mdl(page->mdl, page->address, XEN_PAGE_SIZE);
    chunk->free |= 1ull << (page - chunk->pages);
    ring->chunks_free |= 1ull << page->chunk;
    ring->pages_free++;
}

static bool grow_packets(struct rx_ring *ring)
{
    uint32_t chunk = ring->packet_chunks;
    struct rx_packet *packets;
    uint8_t *headers;

    if (chunk == RX_CHUNKS) {
        return false;
    }
    packets = calloc(RX_CHUNK, sizeof(*packets));
    headers = aligned_alloc(XEN_PAGE_SIZE, RX_CHUNK * RX_HEADER_BYTES);
    if (packets == NULL || headers == NULL) {
        free(packets);
        free(headers);
        return false;
    }
    memset(headers, 0, RX_CHUNK * RX_HEADER_BYTES);
    ring->packet_headers[chunk] = headers;
    for (uint32_t i = RX_CHUNK; i-- > 0;) {
        struct rx_packet *packet = &packets[i];

        packet->headers = headers + (size_t)i * RX_HEADER_BYTES;
        packet->mdl = mdl_create(packet->headers, RX_HEADER_BYTES);
        packet->cookie = chunk * RX_CHUNK + i;
        packet->next = ring->packets_free;
        ring->packets_free = packet;
    }
    __atomic_store_n(&ring->packets[chunk], packets, __ATOMIC_RELEASE);
    ring->packet_chunks++;
    return true;
}

struct rx_packet *pool_packet(struct rx_ring *ring)
{
    struct rx_packet *packet;

    if (ring->packets_free == NULL && !grow_packets(ring)) {
        return NULL;
    }
    packet = ring->packets_free;
    ring->packets_free = packet->next;
    packet->next = NULL;
    packet->stripped = false;
    packet->flow = 0;
    packet->length = packet->mss = packet->tci = packet->page_count = packet->marks = packet->flags = 0;
    packet->checksum = 0;
    memset(&packet->hash, 0, sizeof(packet->hash));
    return packet;
}

void pool_packet_free(struct rx_ring *ring, struct rx_packet *packet)
{
    for (uint32_t i = 0; i < packet->page_count; i++) {
        pool_page_free(ring, packet->pages[i]);
    }
    packet->page_count = 0;
    reset_mdl(packet->mdl, packet->headers, RX_HEADER_BYTES);
    packet->next = ring->packets_free;
    ring->packets_free = packet;
}

static bool revoke_page(struct rx_ring *ring, struct rx_page *page)
{
    int result = page->reference != 0 ? xen_ungrant(ring->vif->xen, page->reference) : 0;

    for (int tries = 0; result == -16 /* -EBUSY */ && tries < 100 && irql_current() < DISPATCH_LEVEL; tries++) {
        sched_sleep(1000000);
        result = xen_ungrant(ring->vif->xen, page->reference);
    }
    if (result == 0) {
        page->reference = 0;
    }
    return result == 0;
}

static bool free_chunk(struct rx_ring *ring, uint32_t index)
{
    struct rx_chunk *chunk = ring->chunks[index];
    bool revoked = true;

    for (uint32_t i = 0; i < RX_CHUNK; i++) {
        revoked &= revoke_page(ring, &chunk->pages[i]);
    }
    if (!revoked) {
        return false;
    }
    for (uint32_t i = 0; i < RX_CHUNK; i++) {
        mdl_free(chunk->pages[i].mdl);
    }
    xen_memory_free(ring->vif->xen, chunk->memory, RX_CHUNK);
    free(chunk);
    ring->chunks[index] = NULL;
    ring->chunk_count--;
    ring->chunks_free &= ~(1ull << index);
    ring->pages_free -= RX_CHUNK;
    return true;
}

void pool_tidy(struct rx_ring *ring)
{
    if (++ring->runs < TIDY_RUNS) {
        return;
    }
    if (ring->min_pages_free > SPARE_PAGES) {
        uint32_t index = RX_CHUNKS;

        while (index-- > 0 && (ring->chunks[index] == NULL || ring->chunks[index]->free != UINT64_MAX)) {
        }
        if (index < RX_CHUNKS) {
            free_chunk(ring, index);
        }
    }
    ring->runs = 0;
    ring->min_pages_free = ring->pages_free;
}

/* What a new chunk would have: pages of zeros, and MDLs that nobody has seen; those that somebody has are freed. */
static void renew_page(struct rx_page *page)
{
    mdl_free(page->mdl);
    page->mdl = mdl_create(page->address, XEN_PAGE_SIZE);
    memset(page->address, 0, page->used);
    page->used = 0;
}

/* The next connection begins with the chunks that its ring takes, and some for packets that the subscriber has. */
void pool_revoke(struct rx_ring *ring)
{
    for (uint32_t i = 0; i < RX_CHUNKS; i++) {
        struct rx_chunk *chunk = ring->chunks[i];

        if (chunk != NULL && chunk->free == UINT64_MAX && i >= RING_SLOTS / RX_CHUNK + SPARE_CHUNKS) {
            free_chunk(ring, i);
            continue;
        }
        for (uint32_t j = 0; chunk != NULL && j < RX_CHUNK; j++) {
            if (revoke_page(ring, &chunk->pages[j]) && chunk->pages[j].used != 0 && (chunk->free >> j & 1) != 0) {
                renew_page(&chunk->pages[j]);
            }
        }
    }
}

void pool_destroy(struct rx_ring *ring)
{
    for (uint32_t i = 0; i < RX_CHUNKS; i++) {
        if (ring->chunks[i] != NULL) {
            free_chunk(ring, i);
        }
    }
    for (uint32_t i = 0; i < ring->packet_chunks; i++) {
        for (uint32_t j = 0; j < RX_CHUNK; j++) {
            mdl_free(ring->packets[i][j].mdl);
        }
        free(ring->packets[i]);
        free(ring->packet_headers[i]);
    }
}
