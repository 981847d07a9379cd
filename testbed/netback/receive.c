/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A queue's receive task: frames from the port into the guest's posted pages.
 *
 * The way taken as a rule copies nothing: the port reads straight into mapped pages of the window (receive_slots.c). A
 * frame's extra segments (GSO, hash) take ring slots between its first and its second page, and whether there are any
 * is known only after the read. So the read skips as many slots as the last frame of several pages needed; a wrong
 * guess moves pages by a copy.
 *
 * The other way goes through a buffer of our own (the stage): when the ring is short of slots for the largest frame,
 * when the frontend's hash mapping steers the frame to another queue's ring, and when a frame must be segmented in
 * software first. The frame behind one that had to go to the stage is read there at once. Blocks of datagrams like the
 * one before are segmented in place (receive_cut.c).
 */
#include <string.h>

#include "netback/receive_internal.h"
#include "netback/state.h"
#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/segment.h"

enum {
    PATIENCE_NS = 1000000, /* for a ring with some slots to get enough for any frame */
    POLL_NS = 1000000,     /* between looks at the ring of a frontend that does not notify */
    /* For another queue's full ring, before its frame is dropped. Linux lets it wait for seconds; here the other frames
     * of this queue wait behind it. A machine with other work leaves who posts without a processor for some 10 ms. */
    FOREIGN_PATIENCE_NS = 500000000,
    MAX_EXTRAS = 3,
    VLAN_TAG = 4,
};

void receive_drop(struct netback_queue *queue, uint32_t frames)
{
    __atomic_fetch_add(&queue->rx.dropped, frames, __ATOMIC_RELAXED);
}

static uint32_t max_frame_bytes(const struct netback *netback)
{
    const struct frontend_features *features = &netback->features;
    uint32_t plain = flag(&netback->mtu) + ETHERNET_HEADER + VLAN_TAG;

    return features->gso4 || features->gso6 || plain > MAX_FRAME_BYTES ? MAX_FRAME_BYTES : plain;
}

static void add_hash(struct netback_queue *queue, const struct frame *frame, struct judged *judged)
{
    const struct rx_hash *hash = &queue->rx.hash;
    uint32_t value, entry;
    enum flow_hash kind = frame_flow_hash(frame, hash->key, hash->flags, &value);

    if (kind != FLOW_HASH_NONE) {
        struct netif_extra_info *info = &judged->extras.info[judged->extras.count++];

        *info = (struct netif_extra_info){ .type = XEN_NETIF_EXTRA_TYPE_HASH };
        info->u.hash.type = (uint8_t)__builtin_ctz(kind);
        info->u.hash.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
        memcpy(info->u.hash.value, &value, sizeof(value));
    }
    entry = hash->mapping_size != 0 ? hash->mapping[value % hash->mapping_size] : value % queue->netback->queue_count;
    judged->target = &queue->netback->queues[entry];
}

enum verdict receive_judge(struct netback_queue *queue, struct frame *frame, struct judged *judged)
{
    struct netback *netback = queue->netback;
    const struct frontend_features *features = &netback->features;
    struct frame_offload *offload = &frame->offload;
    struct layout layout;

    judged->extras.count = 0;
    judged->target = queue;
    if (flag(&netback->link_up) == 0 || !multicast_wanted(netback, frame)) {
        return DROP;
    }
    if (offload->gso != FRAME_GSO_NONE) {
        struct netif_extra_info *info = &judged->extras.info[judged->extras.count++];

        if (offload->gso == FRAME_GSO_UDP || !(offload->gso == FRAME_GSO_TCPV4 ? features->gso4 : features->gso6)) {
            return SEGMENT;
        }
        *info = (struct netif_extra_info){ .type = XEN_NETIF_EXTRA_TYPE_GSO };
        info->u.gso.size = offload->gso_size;
        info->u.gso.type = offload->gso == FRAME_GSO_TCPV4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
    } else if (offload->checksum_partial && !(features->checksum4 && features->checksum6)) {
        bool taken = frame_parse(frame, &layout) &&
                     (layout.version == 4 ? features->checksum4 : layout.version == 6 && features->checksum6);

        if (!taken && !frame_complete_checksum(frame)) {
            return DROP;
        }
        offload->checksum_valid = offload->checksum_valid && taken; /* Linux vouches for none that it made itself */
    }
    if (!features->sg && frame->length > XEN_PAGE_SIZE) {
        return DROP;
    }
    if (queue->rx.hash.algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_NONE) {
        add_hash(queue, frame, judged);
    }
    if (judged->target->rx.headroom != 0) {
        struct netif_extra_info *info = &judged->extras.info[judged->extras.count++];

        *info = (struct netif_extra_info){ .type = EXTRA_TYPE_XDP };
        info->u.pad[0] = (uint16_t)judged->target->rx.headroom;
    }
    return DELIVER;
}

static uint64_t sooner(const struct netback *netback, uint64_t nanoseconds)
{
    uint64_t now = sched_now();

    if (!netback->features.rx_notify && nanoseconds > POLL_NS) {
        nanoseconds = POLL_NS;
    }
    return nanoseconds > SCHED_FOREVER - now ? SCHED_FOREVER : now + nanoseconds;
}

/* Waits, with `target`'s lock, for slots. False: not within reason. */
static bool wait_for_slots(struct netback_queue *queue, struct netback_queue *target, uint32_t need)
{
    struct netback *netback = queue->netback;
    uint64_t give_up = target == queue ? SCHED_FOREVER : sched_now() + FOREIGN_PATIENCE_NS;

    while (slots_map(target, need) < need) {
        uint32_t seen = bell_read(&target->rx_bell);
        uint64_t deadline = sooner(netback, SCHED_FOREVER);

        if (flag(&netback->queues_stop) != 0 || flag(&netback->disabled) != 0 || sched_now() >= give_up) {
            return false;
        }
        slots_push(target); /* the frontend may need these back to post more */
        if (slots_want(target, need)) {
            return true;
        }
        slots_unlock(target);
        bell_wait(&target->rx_bell, seen, deadline < give_up ? deadline : give_up);
        sched_lock(&target->rx.lock);
    }
    return true;
}

/* Copies a frame that lies elsewhere into the target's pages. No lock held. */
static void deliver_copy(struct netback_queue *queue, const struct frame *frame, const struct judged *judged)
{
    struct netback_queue *target = judged->target;
    struct frame place;
    uint32_t pages;

    sched_lock(&target->rx.lock);
    do { /* the headroom, and with it the number of pages, may change in the wait */
        pages = slots_of(target, frame->length);
        if (!wait_for_slots(queue, target, pages + judged->extras.count)) {
            slots_unlock(target);
            receive_drop(queue, 1);
            return;
        }
    } while (pages != slots_of(target, frame->length));
    slots_frame(target, judged->extras.count, pages, &place);
    for (uint32_t page = 0; page < pages; page++) {
        frame_copy_out(frame, page * slot_room(target), place.vectors[page].iov_base,
                       page == pages - 1 ? frame->length - page * slot_room(target) : slot_room(target));
    }
    slots_complete(target, frame, &judged->extras);
    if (!(queue->rx.segmenting && target == queue)) {
        slots_push(target);
    }
    slots_unlock(target);
}

struct segmenting {
    struct netback_queue *queue;
    struct judged last;
};

static void deliver_segment(void *context, struct frame *segment)
{
    struct segmenting *segmenting = context;
    struct netback_queue *queue = segmenting->queue;
    enum verdict verdict;

    sched_lock(&queue->rx.lock);
    verdict = receive_judge(queue, segment, &segmenting->last);
    slots_unlock(queue);
    if (verdict == DELIVER) {
        deliver_copy(queue, segment, &segmenting->last);
    } else {
        receive_drop(queue, 1);
    }
}

/* A frame in the stage, or segmented out of it. No lock held. */
static void deliver_staged(struct netback_queue *queue, struct frame *frame, enum verdict verdict,
                           const struct judged *judged)
{
    struct segmenting segmenting = { queue, *judged };

    if (verdict == DELIVER) {
        queue->rx.elsewhere = judged->target != queue;
        deliver_copy(queue, frame, judged);
        return;
    }
    queue->rx.segmenting = true;
    if (verdict == DROP || !frame_segment(frame, deliver_segment, &segmenting)) {
        receive_drop(queue, 1);
    }
    queue->rx.segmenting = false;
    sched_lock(&queue->rx.lock);
    slots_push(queue);
    if (verdict == SEGMENT) {
        cut_expect(queue, frame, &segmenting.last);
        queue->rx.elsewhere = queue->rx.cut.size == 0;
    }
    slots_unlock(queue);
}

void receive_stage(struct netback_queue *queue, struct frame *frame)
{
    frame->vectors[0] = (struct iovec){ queue->rx.stage, MAX_FRAME_BYTES };
    frame->vector_count = 1;
}

/* The way over the stage, for a ring that is short. False: the port has no frame. */
static bool receive_staged(struct netback_queue *queue)
{
    struct netback *netback = queue->netback;
    struct frame frame;
    struct judged judged;
    enum verdict verdict;

    receive_stage(queue, &frame);
    if (port_try_receive(netback->port, queue->index, &frame) == 0) {
        return false;
    }
    pcap_write(netback->options.pcap, PCAP_WIRE, PCAP_TOWARDS_DRIVER, &frame);
    sched_lock(&queue->rx.lock);
    verdict = receive_judge(queue, &frame, &judged);
    slots_unlock(queue);
    deliver_staged(queue, &frame, verdict, &judged);
    return true;
}

/* The way without a copy. The window holds enough for the largest frame. Under rx.lock. ELSEWHERE: `frame` is in the
 * stage. */
static enum received receive_direct(struct netback_queue *queue, struct frame *frame, enum verdict *verdict,
                                    struct judged *judged)
{
    struct netback *netback = queue->netback;
    uint32_t expected = queue->rx.expected_extras;

    slots_frame(queue, expected, slots_of(queue, max_frame_bytes(netback)), frame);
    if (port_try_receive(netback->port, queue->index, frame) == 0) {
        return RECEIVED_NOTHING;
    }
    pcap_write(netback->options.pcap, PCAP_WIRE, PCAP_TOWARDS_DRIVER, frame);
    *verdict = receive_judge(queue, frame, judged);
    if (*verdict == DROP) {
        receive_drop(queue, 1);
        return RECEIVED;
    }
    if (*verdict == SEGMENT || judged->target != queue) {
        frame_copy_out(frame, 0, queue->rx.stage, frame->length);
        receive_stage(queue, frame);
        return RECEIVED_ELSEWHERE;
    }
    if (slots_of(queue, frame->length) > 1) {
        if (judged->extras.count != expected) {
            slots_move(queue, expected, judged->extras.count, frame->length);
        }
        queue->rx.expected_extras = judged->extras.count;
    }
    slots_complete(queue, frame, &judged->extras);
    return RECEIVED;
}

/* Blocks until the port has a frame, or something else happens. */
static void wait_for_port(struct netback_queue *queue, uint32_t seen)
{
    struct netback *netback = queue->netback;

    if (!port_wait(netback->port, queue->index) && flag(&netback->queues_stop) == 0) {
        bell_wait(&queue->rx_bell, seen, sched_now() + POLL_NS); /* the port is stopped, or an interrupt was stale */
    }
}

/* Takes frames while the ring has room for any. True: there may be more. */
static bool receive_batch(struct netback_queue *queue, uint32_t want)
{
    enum received received = RECEIVED;
    enum verdict verdict = DROP;
    struct judged judged;
    struct frame frame;
    uint32_t frames;

    for (frames = 0;
         frames < RX_BATCH && !queue->rx.elsewhere && received == RECEIVED && slots_map(queue, want) >= want;
         frames++) {
        received = cut_slots(queue) != 0 ? receive_cut(queue, &frame, &verdict, &judged)
                                         : receive_direct(queue, &frame, &verdict, &judged);
    }
    slots_push(queue);
    slots_unlock(queue);
    if (received == RECEIVED_ELSEWHERE) {
        deliver_staged(queue, &frame, verdict, &judged);
    }
    return received != RECEIVED_NOTHING;
}

/* The ring is short of slots. Waits for them; with some there, takes a frame over the stage after a while. */
static void receive_short(struct netback_queue *queue, uint32_t want, uint32_t have, uint32_t seen)
{
    struct netback *netback = queue->netback;
    bool came;

    slots_push(queue);
    came = slots_want(queue, have == 0 ? 1 : want);
    slots_unlock(queue);
    if (came) {
        return;
    }
    if (have == 0) {
        bell_wait(&queue->rx_bell, seen, sooner(netback, SCHED_FOREVER));
    } else if (sched_now() < queue->rx.patience_ends) {
        bell_wait(&queue->rx_bell, seen, sooner(netback, queue->rx.patience_ends - sched_now()));
    } else if (!receive_staged(queue)) {
        wait_for_port(queue, seen);
    }
}

/* For the largest frame, or what is expected. */
static uint32_t wanted_slots(const struct netback_queue *queue)
{
    uint32_t largest = slots_of(queue, max_frame_bytes(queue->netback)) + MAX_EXTRAS, cut = cut_slots(queue);

    return cut > largest ? cut : largest;
}

/* receive_staged, called with rx.lock, which it gives up. */
static bool receive_unlocked(struct netback_queue *queue)
{
    slots_unlock(queue);
    return receive_staged(queue);
}

void receive_run(void *argument)
{
    struct netback_queue *queue = argument;
    struct netback *netback = queue->netback;

    sched_lock(&queue->rx.lock);
    queue->rx.most_posted = 0;
    queue->rx.cut.size = 0;
    queue->rx.elsewhere = false;
    slots_unlock(queue);
    while (flag(&netback->queues_stop) == 0) {
        uint32_t seen = bell_read(&queue->rx_bell), want, have;

        if (flag(&netback->disabled) != 0) {
            bell_wait(&queue->rx_bell, seen, SCHED_FOREVER);
            continue;
        }
        sched_point("netback-rx");
        sched_lock(&queue->rx.lock);
        want = wanted_slots(queue);
        have = slots_map(queue, want);
        if (have >= want || have == 0) {
            queue->rx.patience_ends = 0;
        } else if (queue->rx.patience_ends == 0) {
            queue->rx.patience_ends = sched_now() + PATIENCE_NS;
        }
        if (have < want) {
            receive_short(queue, want, have, seen);
        } else if (queue->rx.elsewhere ? !receive_unlocked(queue) : !receive_batch(queue, want)) {
            wait_for_port(queue, seen);
        }
    }
}
