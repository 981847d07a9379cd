/* SPDX-License-Identifier: BSD-2-Clause */
/* Operations that move packets (explore.h). */
#include <stdlib.h>

#include "explore.h"
#include "wire/headers.h"
#include "xenvif/offer/hostile.h"
#include "xenvif/state.h"

enum { LIE_BYTES = 16384, MAX_SHAPE = 9000, MAX_WAIT = 60 };

static struct MDL *lie_mdl;

struct burst {
    struct story *story;
    uint32_t queue, frames, chain;
    bool inject;
    uint32_t *running; /* atomic */
};

static void run_burst(void *argument)
{
    struct burst *burst = argument;

    if (burst->inject) {
        story_inject(burst->story, burst->queue, burst->frames);
    } else {
        story_send(burst->story, burst->queue, burst->frames, burst->chain);
    }
    __atomic_sub_fetch(burst->running, 1, __ATOMIC_RELEASE);
    free(burst);
}

/* A task that is at it while the next operations happen. The ledger deals its numbers to one sender and one injector at
 * a time. */
static bool begin(struct explorer *explorer, const uint32_t *values, bool inject)
{
    struct story *story = explorer->story;
    struct story_ledger *ledger = inject ? &story->in : &story->out;
    struct vif_counters counters;
    struct burst *burst;
    uint32_t queue;

    story_collect_ready(story);
    if (explorer->running == 0) {
        traffic_join(explorer);
    }
    if (explorer->busy[inject] || explorer->task_count == MAX_EXPLORE_TASKS ||
        ledger->sent + values[1] > MAX_STORY_FRAMES / 2) {
        return false;
    }
    bed_vif_counters(&story->bed, &counters);
    queue = values[0] % (inject && counters.queues != 0 ? counters.queues : story->queues);
    if (inject && memory_port_room(story->wire, queue) < values[1]) {
        return false; /* nobody may ever take what is there, and the injector would wait for that */
    }
    burst = malloc(sizeof(*burst));
    CHECK(burst != NULL);
    *burst = (struct burst){ .story = story, .queue = queue, .frames = values[1], .inject = inject, .chain = 1 };
    if (!inject) {
        burst->chain = values[2];
    }
    explorer->busy[inject] = true;
    burst->running = &explorer->running;
    __atomic_add_fetch(&explorer->running, 1, __ATOMIC_RELAXED);
    explorer->tasks[explorer->task_count++] = task_spawn(inject ? "injector" : "sender", 0, run_burst, burst);
    return true;
}

bool explore_send(struct explorer *explorer, const uint32_t *values)
{
    return begin(explorer, values, false);
}

bool explore_inject(struct explorer *explorer, const uint32_t *values)
{
    return begin(explorer, values, true);
}

void traffic_join(struct explorer *explorer)
{
    uint64_t deadline = sched_now() + MAX_WAIT * SECOND;

    while (__atomic_load_n(&explorer->running, __ATOMIC_ACQUIRE) != 0) {
        if (sched_now() > deadline) {
            test_fail(__FILE__, __LINE__, "%s: a sender or an injector still waits after %u s", explorer->operation,
                      (unsigned)MAX_WAIT);
        }
        story_collect_ready(explorer->story);
        story_rest();
    }
    while (explorer->task_count > 0) {
        task_join(explorer->tasks[--explorer->task_count]);
    }
    explorer->busy[0] = explorer->busy[1] = false;
    story_collect_ready(explorer->story);
}

/* A frame of any length, cut anywhere; NDIS allows a chain that begins before the data. */
bool explore_send_shape(struct explorer *explorer, const uint32_t *values)
{
    struct raw *raw = explorer->watch->raw;
    struct NET_BUFFER_LIST *nbl = raw_nbl(raw);
    static uint8_t bytes[MAX_SHAPE];
    uint32_t most = explorer->story->options.mtu + 14, length = values[0], offset = values[1], cuts[4],
             count = values[2];
    uint32_t left;

    if (most > MAX_SHAPE) {
        most = MAX_SHAPE;
    }
    length = 14 + length % (most - 13);
    if (length == STORY_FRAME_BYTES) {
        length++; /* a ledger's frames have that length */
    }
    frame_plain(bytes, length, story_peer_mac, story_guest_mac, values[3]);
    left = offset + length;
    for (uint32_t i = 0; i < count; i++) {
        cuts[i] = i + 1 == count ? left : (values[3] >> i * 3) % (left / 2 + 1);
        left -= cuts[i];
    }
    raw_add(raw, nbl, bytes, length, offset, cuts, count);
    nbl->NetBufferListInfo[NetBufferListHashValue] = (void *)(uintptr_t)values[3];
    raw_send(raw, nbl, values[3] % processor_count(), false);
    return true;
}

bool explore_hold(struct explorer *explorer, const uint32_t *values)
{
    explorer->holding = values[0] != 0;
    explorer->lossy_in = explorer->lossy_in || explorer->holding; /* a ring may run dry */
    edge_hold_received(explorer->story->bed.edge, explorer->holding);
    return true;
}

bool explore_cancel(struct explorer *explorer, const uint32_t *values)
{
    adapter_cancel_sends(explorer->story->bed.adapter, (void *)(uintptr_t)values[0]);
    return true;
}

/* A received packet whose description is made of anything: it costs itself alone. */
bool explore_lie(struct explorer *explorer, const uint32_t *values)
{
    static uint8_t memory[LIE_BYTES];
    static struct XENVIF_PACKET_INFO_V2 info;
    static struct XENVIF_PACKET_HASH_V2 hash;
    uint32_t any = values[3];
    struct vif_inject packet;

    if (!xenvif_can(story_release(explorer->story->plan), NEEDS_STAND_IN) ||
        !__atomic_load_n(&explorer->story->bed.vif->subscriber.enabled, __ATOMIC_ACQUIRE) ||
        !__atomic_load_n(&explorer->story->bed.vif->frontend.running, __ATOMIC_ACQUIRE)) {
        return false; /* XenVif hands nothing up; a packet of its would say that it runs */
    }
    if (lie_mdl == NULL) {
        lie_mdl = mdl_create(memory, sizeof(memory));
    }
    frame_plain(memory, sizeof(memory), story_guest_mac, story_peer_mac, any);
    memset(&info, 0, sizeof(info));
    info.EthernetHeader.Length = 14;
    info.Length = any % 100;
    info.IpHeader.Offset = any % 7 == 0 ? any : 14;
    info.IpHeader.Length = any >> 3 & 63;
    info.TcpHeader.Offset = any % 5 == 0 ? any : 14 + (any >> 3 & 63);
    info.TcpHeader.Length = any >> 9 & 63;
    info.IsAFragment = any >> 15 & 1;
    hash.Algorithm = any >> 16 & 3;
    hash.Type = any >> 18 & 7;
    hash.Value = any;
    packet = (struct vif_inject){ .index = values[0],
                                  .mdl = lie_mdl,
                                  .offset = any >> 20 & 255,
                                  .length = values[1],
                                  .checksum = any >> 4 & 0x1ff,
                                  .mss = (uint16_t)values[2],
                                  .tci = (uint16_t)any,
                                  .info = any >> 28 & 1 ? NULL : &info,
                                  .hash = any >> 29 & 1 ? NULL : &hash };
    /* It may go up with its tag in front of what follows the addresses. */
    if (packet.length == STORY_FRAME_BYTES || packet.length == STORY_FRAME_BYTES - VLAN_TAG_BYTES) {
        return false;
    }
    vif_inject(explorer->story->bed.vif, any % processor_count(), &packet);
    return true;
}

bool explore_wait(struct explorer *explorer, const uint32_t *values)
{
    sched_sleep(values[0] * 1000000ull);
    story_collect_ready(explorer->story);
    return true;
}

void traffic_end(void)
{
    if (lie_mdl != NULL) {
        mdl_free(lie_mdl);
    }
}
