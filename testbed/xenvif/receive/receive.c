/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A receive ring: keeps the backend supplied with pages, takes its responses, and hands packets to the subscriber.
 *
 * The ring belongs to its DPC, one run at a time whatever processor it is queued to. A run drains what was given back,
 * takes the responses that are there, fills the ring, and delivers one batch, More set on all but the last. The
 * subscriber gives packets back on any processor: they go on a lock-free list. Frontend thread, Enable and Disable
 * touch the ring only while `enabled` or `connected` is clear and the DPCs are flushed.
 */
#include <limits.h>
#include <stdlib.h>

#include "nt/memory/guard.h"
#include "nt/processor/topology.h"
#include "xenvif/receive/receive_internal.h"
#include "xenvif/state.h"
#include "run/order.h"
#include "nt/check/watchdog.h"

enum { COOKIE_QUEUE_SHIFT = 24, COOKIE_MARK = 1 << 23, THREADED_WAIT_NS = 1000, MAX_THREADED_POINTS = 4 };

static void receive_dpc(void *argument);

bool receive_create(struct rx_ring *ring, struct vif *vif, uint32_t index)
{
    ring->vif = vif;
    ring->index = index;
    ring->processor = index % processor_count();
    ring->last_ready = &ring->ready;
    ring->dpcs = calloc(processor_maximum(), sizeof(*ring->dpcs));
    ring->used = calloc(processor_maximum(), sizeof(*ring->used));
    for (uint32_t i = 0; i < processor_maximum() && ring->dpcs != NULL; i++) {
        dpc_init(&ring->dpcs[i], i, receive_dpc, ring);
    }
    return ring->dpcs != NULL && ring->used != NULL;
}

static void queue_dpc(struct rx_ring *ring)
{
    uint32_t processor = __atomic_load_n(&ring->processor, __ATOMIC_RELAXED);

    __atomic_store_n(&ring->used[processor], 1, __ATOMIC_SEQ_CST);
    dpc_queue(&ring->dpcs[processor]);
}

void receive_flush(struct rx_ring *ring)
{
    for (uint32_t i = 0; ring->used != NULL && i < processor_count(); i++) {
        if (__atomic_load_n(&ring->used[i], __ATOMIC_SEQ_CST) != 0) {
            dpc_flush(&ring->dpcs[i]);
        }
    }
    /* A threaded DPC is not waited for by that, between two packets. */
    while (__atomic_load_n(&ring->running, __ATOMIC_SEQ_CST) != 0 && ring->vif->release->threaded_receive) {

        sched_sleep(THREADED_WAIT_NS);
    }
}

void receive_event(void *argument)
{
    queue_dpc(argument);
}

/* --- what comes back from the subscriber --- */

static void *cookie_make(const struct rx_ring *ring, const struct rx_packet *packet)
{
    return (void *)(uintptr_t)((ring->index << COOKIE_QUEUE_SHIFT) | COOKIE_MARK | packet->cookie);
}

static void check_chain(const struct rx_packet *packet)
{
    const struct MDL *mdl = packet->mdl;

    for (uint32_t i = 0; i < packet->page_count; i++) {
        mdl = mdl->Next;
        RULE(mdl == packet->pages[i]->mdl, "vif-chain",
             "a received packet came back with its MDL chain changed at MDL %u", i + 1);
    }
    RULE(mdl->Next == NULL, "vif-chain", "a received packet came back with %s", "more MDLs than it had");
}

void receive_return(struct vif *vif, void *cookie)
{
    uintptr_t value = (uintptr_t)cookie;
    uint32_t queue = (uint32_t)(value >> COOKIE_QUEUE_SHIFT), index = value & (COOKIE_MARK - 1);
    struct rx_ring *ring = queue < vif->options.queues && (value & COOKIE_MARK) ? vif->rx[queue] : NULL;
    struct rx_packet *packets = ring != NULL && index / RX_CHUNK < RX_CHUNKS
                                    ? __atomic_load_n(&ring->packets[index / RX_CHUNK], __ATOMIC_ACQUIRE)
                                    : NULL;
    struct rx_packet *packet, *old;

    RULE(packets != NULL, "vif-cookie", "a packet was given back with a cookie that is none: %#llx",
         (unsigned long long)value);
    packet = &packets[index % RX_CHUNK];
    RULE(__atomic_exchange_n(&packet->out, 0, __ATOMIC_ACQ_REL) == 1, "vif-cookie",
         "a packet was given back that the subscriber does not have");
    check_chain(packet);
    if (guard_pages) {
        receive_unguard(packet);
    }
    old = __atomic_load_n(&ring->returned, __ATOMIC_RELAXED);
    do {
        packet->next = old;
    } while (!__atomic_compare_exchange_n(&ring->returned, &old, packet, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    if (__atomic_load_n(&ring->starved, __ATOMIC_SEQ_CST)) {
        queue_dpc(ring);
    }
    if (__atomic_load_n(&ring->waiting, __ATOMIC_SEQ_CST)) {
        __atomic_add_fetch(&ring->returns, 1, __ATOMIC_SEQ_CST);
        sched_wake(&ring->returns, UINT_MAX);
    }
}

void receive_drain(struct rx_ring *ring)
{
    struct rx_packet *packet = __atomic_load_n(&ring->returned, __ATOMIC_RELAXED);

    if (packet != NULL) {
        packet = __atomic_exchange_n(&ring->returned, NULL, __ATOMIC_ACQ_REL);
    }
    while (packet != NULL) {
        struct rx_packet *next = packet->next;

        pool_packet_free(ring, packet);
        ring->loaned--;
        packet = next;
    }
}

/* --- requests --- */

static bool post_page(struct rx_ring *ring)
{
    struct vif *vif = ring->vif;
    RING_IDX at = ring->front.req_prod_pvt;
    struct rx_page *page = pool_page(ring);

    if (page == NULL) {
        return false;
    }
    if (page->reference == 0 &&
        xen_grant(vif->xen, vif->frontend.backend_domid, page->address, false, &page->reference) < 0) {
        page->reference = 0;
        pool_page_free(ring, page);
        return false;
    }
    ring->posted[at % RING_SLOTS] = page;
    *RING_GET_REQUEST(&ring->front, at) = (struct netif_rx_request){ (uint16_t)(at % RING_SLOTS), 0, page->reference };
    ring->front.req_prod_pvt = at + 1;
    return true;
}

static void fill(struct rx_ring *ring)
{
    RING_IDX before = ring->front.req_prod_pvt;
    bool notify;

    __atomic_store_n(&ring->starved, false, __ATOMIC_RELAXED);
    while (RING_FREE_REQUESTS(&ring->front) != 0) {
        if (!post_page(ring)) {
            __atomic_store_n(&ring->starved, true, __ATOMIC_SEQ_CST);
            if (__atomic_load_n(&ring->returned, __ATOMIC_SEQ_CST) == NULL) {
                break; /* the next packet given back queues the DPC */
            }
            receive_drain(ring);
        }
    }
    if (ring->front.req_prod_pvt == before) {
        return;
    }
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&ring->front, notify);
    if (notify) {
        ring->doorbells++;
        xen_event_send(ring->event);
    }
}

/* --- responses --- */

static void take_extra(struct rx_assembly *assembly, const struct netif_extra_info *extra)
{
    static const uint32_t types[] = { XENVIF_PACKET_HASH_TYPE_IPV4, XENVIF_PACKET_HASH_TYPE_IPV4_TCP,
                                      XENVIF_PACKET_HASH_TYPE_IPV6, XENVIF_PACKET_HASH_TYPE_IPV6_TCP };

    if (extra->type == XEN_NETIF_EXTRA_TYPE_GSO && extra->u.gso.size != 0) {
        assembly->mss = extra->u.gso.size;
    } else if (extra->type == XEN_NETIF_EXTRA_TYPE_HASH && extra->u.hash.type < sizeof(types) / sizeof(types[0])) {
        assembly->hash.Algorithm = XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ;
        assembly->hash.Type = types[extra->u.hash.type];
        memcpy(&assembly->hash.Value, extra->u.hash.value, sizeof(extra->u.hash.value));
    } else if (extra->type == EXTRA_TYPE_XDP) {
        assembly->headroom = extra->u.pad[0];
    } else {
        assembly->error = true;
    }
    assembly->extra = extra->flags & XEN_NETIF_EXTRA_FLAG_MORE;
}

static void take_page(struct rx_ring *ring, const struct netif_rx_response *response, struct rx_page *page, uint16_t id)
{
    struct rx_assembly *assembly = &ring->assembly;
    struct rx_packet *packet = assembly->packet;
    int32_t length = response->status;

    if (!assembly->open) {
        assembly->open = true;
        assembly->flags = response->flags;
        assembly->packet = packet = pool_packet(ring);
    }
    assembly->extra = response->flags & NETRXF_extra_info;
    assembly->open = response->flags & NETRXF_more_data;
    if (response->id != id || length <= 0 || response->offset > XEN_PAGE_SIZE ||
        (uint32_t)length > XEN_PAGE_SIZE - response->offset ||
        (packet != NULL && packet->page_count == RX_PAGES_PER_PACKET - 1)) {
        assembly->error = true;
    }
    if (packet == NULL || assembly->error) {
        page_used(page, XEN_PAGE_SIZE);
        pool_page_free(ring, page);
        return;
    }
    page_used(page, response->offset + (uint32_t)length);
    page->mdl->ByteOffset = response->offset;
    page->mdl->MappedSystemVa = page->address + response->offset;
    page->mdl->ByteCount = (uint32_t)length;
    packet->length += (uint32_t)length;
    if (__builtin_expect(timeline_on, 0) && packet->page_count == 0) {
        packet->flow = timeline_flow(timeline_slot_key(page->reference, id));
    }
    packet->pages[packet->page_count++] = page;
}

/* What the backend left free before the data of each page, counted in by each response's length. False: there is no
 * data. */
static bool strip_headroom(struct rx_packet *packet, uint32_t headroom)
{
    for (uint32_t i = 0; i < packet->page_count; i++) {
        struct MDL *mdl = packet->pages[i]->mdl;

        if (mdl->ByteCount <= headroom) {
            return false;
        }
        mdl->ByteOffset += headroom;
        mdl->MappedSystemVa = (uint8_t *)mdl->MappedSystemVa + headroom;
        mdl->ByteCount -= headroom;
        packet->length -= headroom;
    }
    return true;
}

static void end_packet(struct rx_ring *ring, const struct rx_settings *settings)
{
    struct rx_assembly *assembly = &ring->assembly;
    struct rx_packet *packet = assembly->packet;

    if (packet == NULL) {
        ring->statistics[XENVIF_RECEIVER_FRONTEND_ERRORS]++;
        ring->statistics[XENVIF_RECEIVER_PACKETS_DROPPED]++;
    } else if (assembly->error || !strip_headroom(packet, assembly->headroom)) {
        ring->statistics[XENVIF_RECEIVER_BACKEND_ERRORS]++;
        ring->statistics[XENVIF_RECEIVER_PACKETS_DROPPED]++; /* counted twice, as by XenVif */
        pool_packet_free(ring, packet);
    } else {
        packet->flags = assembly->flags;
        packet->mss = assembly->mss;
        if (assembly->hash.Algorithm != 0 && assembly->hash.Algorithm == settings->hash_algorithm &&
            (settings->hash_types >> assembly->hash.Type & 1)) {
            packet->hash = assembly->hash;
        }
        ring->gso += packet->mss != 0;
        ring->csum_blank += (packet->flags & NETRXF_csum_blank) != 0;
        process_packet(ring, settings, packet);
    }
    memset(assembly, 0, sizeof(*assembly));
}

static void take_response(struct rx_ring *ring, const struct rx_settings *settings, RING_IDX at)
{
    struct rx_assembly *assembly = &ring->assembly;
    struct netif_rx_response response;
    uint16_t id = (uint16_t)(at % RING_SLOTS);
    struct rx_page *page = ring->posted[id];

    RING_COPY_RESPONSE(&ring->front, at, &response);
    ring->posted[id] = NULL;
    if (page == NULL) {
        ring->statistics[XENVIF_RECEIVER_BACKEND_ERRORS]++;
        return;
    }
    if (ring->vif->options.grant_per_packet) {
        if (xen_ungrant(ring->vif->xen, page->reference) == 0) {
            page->reference = 0;
        }
    }
    if (assembly->extra) {
        struct netif_extra_info extra;

        memcpy(&extra, &response, sizeof(extra));
        pool_page_free(ring, page);
        take_extra(assembly, &extra);
    } else {
        take_page(ring, &response, page, id);
    }
    if (!assembly->open && !assembly->extra) {
        end_packet(ring, settings);
    }
}

static void poll_ring(struct rx_ring *ring, const struct rx_settings *settings)
{
    RING_IDX produced = __atomic_load_n(&ring->shared->rsp_prod, __ATOMIC_ACQUIRE);

    if (produced - ring->front.rsp_cons > RING_SLOTS) {
        ring->statistics[XENVIF_RECEIVER_BACKEND_ERRORS]++;
        ring->connected = false; /* nothing in it can be believed any more */
        return;
    }
    while (ring->front.rsp_cons != produced) {
        take_response(ring, settings, ring->front.rsp_cons);
        ring->front.rsp_cons++;
    }
}

/* --- delivery --- */

static void count(struct rx_ring *ring, const struct rx_packet *packet)
{
    uint8_t type = mac_type(packet->headers + packet->offset);

    ring->statistics[XENVIF_RECEIVER_UNICAST_PACKETS + 2 * (type - ETHERNET_ADDRESS_UNICAST)]++;
    ring->statistics[XENVIF_RECEIVER_UNICAST_OCTETS + 2 * (type - ETHERNET_ADDRESS_UNICAST)] += packet->length;
    for (uint32_t marks = packet->marks; marks != 0; marks &= marks - 1) {
        ring->statistics[XENVIF_RECEIVER_TAGGED_PACKETS + __builtin_ctz(marks)]++;
    }
    ring->packets_received++;
    ring->bytes += packet->length;
}

/* As a thread that lowers its IRQL between two packets: others of this processor run, and what is at DISPATCH_LEVEL. */
static void pass_through_passive(const struct rx_ring *ring)
{
    if (!ring->vif->release->threaded_receive || sched_kind() != SCHED_SIMULATED || irql_current() != DISPATCH_LEVEL ||
        task_self()->internal_locks != 0) {
        return;
    }
    irql_lower(PASSIVE_LEVEL);
    for (uint64_t i = sched_random(MAX_THREADED_POINTS); i > 0; i--) {
        sched_point("threaded DPC");
    }
    (void)irql_raise(DISPATCH_LEVEL);
}

static void deliver(struct rx_ring *ring)
{
    bool pause = false;

    ring->batches += ring->ready != NULL;
    while (ring->ready != NULL && !pause) {
        struct rx_packet *packet = ring->ready;
        bool more = packet->next != NULL;

        ring->ready = packet->next;
        if (!more) {
            ring->last_ready = &ring->ready;
        }
        count(ring, packet);
        ring->loaned++;
        packet->out_since = watchdog_clock();
        __atomic_store_n(&packet->out, 1, __ATOMIC_RELEASE);
        if (guard_pages) {
            receive_guard(packet);
        }
        pause = callback_receive(ring->vif, ring->index, packet, cookie_make(ring, packet), more);
        pass_through_passive(ring);
    }
    ring->paused = pause;
}

static void sample(struct rx_ring *ring, struct rx_settings *settings)
{
    struct vif *vif = ring->vif;

    settings->options.Value = __atomic_load_n(&vif->receive_options.Value, __ATOMIC_RELAXED);
    if (vif->release->writes_checksums) {
        settings->options.NeedChecksumValue = 1;
    }
    settings->backfill = __atomic_load_n(&vif->backfill, __ATOMIC_RELAXED);
    settings->hash_algorithm = __atomic_load_n(&vif->hash.algorithm, __ATOMIC_RELAXED);
    settings->hash_types = __atomic_load_n(&vif->hash.types, __ATOMIC_RELAXED);
    settings->max_frame_bytes = __atomic_load_n(&vif->mac.mtu, __ATOMIC_RELAXED) + ETHERNET_HEADER + VLAN_TAG_BYTES;
}

static void run(struct rx_ring *ring)
{
    struct rx_settings settings;
    int more = 0;

    if (!__atomic_load_n(&ring->enabled, __ATOMIC_SEQ_CST)) {
        return; /* the ring is somebody else's now */
    }
    receive_drain(ring);
    if (ring->connected && !ring->paused) {
        sample(ring, &settings);
        poll_ring(ring, &settings);
    }
    if (ring->connected && !ring->paused) {
        fill(ring);
    }
    deliver(ring);
    pool_tidy(ring);
    if (ring->connected && !ring->paused) {
        RING_FINAL_CHECK_FOR_RESPONSES(&ring->front, more);
    }
    if (more || ring->paused) {
        queue_dpc(ring); /* behind whatever else waits for this processor */
    }
}

/* Two processors may find this DPC queued while the ring moves from one to the other: the second leaves it to the
 * first. */
static void receive_dpc(void *argument)
{
    struct rx_ring *ring = argument;
    uint32_t state = 0;

    if (!__atomic_compare_exchange_n(&ring->running, &state, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        if (__atomic_exchange_n(&ring->running, 2, __ATOMIC_SEQ_CST) != 0) {
            return;
        }
    }
    do {
        __atomic_store_n(&ring->running, 1, __ATOMIC_SEQ_CST);
        order_acquire(ring); /* as XenVif's lock of the ring would */
        run(ring);
        order_release(ring);
        state = 1;
    } while (!__atomic_compare_exchange_n(&ring->running, &state, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
}
