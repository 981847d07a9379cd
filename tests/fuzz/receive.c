/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What XenVif hands up: packets with any description, of bytes that need not be what it says, in chains of MDLs cut
 * anywhere. Each comes back once.
 */
#include <string.h>

#include "abi.h"
#include "fuzz.h"
#include "nt/memory/mdl.h"
#include "xenvif/offer/hostile.h"
#include "xenvif/state.h"

enum { MAX_PACKETS = 4, MAX_PIECES = 4, MEMORY = 20000, PATIENCE = 20 };

static uint64_t injected;

static void start(uint32_t world)
{
    vif_inject_start();
    fuzz_bed_start(world, 16);
}

struct made {
    struct MDL *mdls[MAX_PIECES];
    uint32_t pieces;
    struct XENVIF_PACKET_INFO_V2 info;
    struct XENVIF_PACKET_HASH_V2 hash;
    uint8_t memory[MEMORY];
};

static void header(struct fuzz_input *input, uint32_t *offset, uint32_t *length)
{
    *offset = fuzz_take(input, 2);
    *length = fuzz_take(input, 2);
}

/* The description that an honest XenVif would give, or anything. */
static void describe(struct fuzz_input *input, struct made *made, uint32_t kind, bool honest)
{
    struct XENVIF_PACKET_INFO_V2 *info = &made->info;
    uint32_t at = kind & 4 ? 18 : 14, offset, length;

    memset(info, 0, sizeof(*info));
    info->EthernetHeader.Length = at;
    info->IpHeader.Offset = at;
    info->IpHeader.Length = kind & 2 ? 40 : 20;
    if (kind & 1) {
        info->TcpHeader.Offset = at + info->IpHeader.Length;
        info->TcpHeader.Length = 20;
    } else {
        info->UdpHeader.Offset = at + info->IpHeader.Length;
        info->UdpHeader.Length = 8;
    }
    info->Length = at + info->IpHeader.Length + (kind & 1 ? 20 : 8);
    if (honest) {
        return;
    }
    info->Length = fuzz_take(input, 2);
    header(input, &offset, &length);
    info->EthernetHeader.Offset = offset & 0xff;
    info->EthernetHeader.Length = length;
    header(input, &offset, &length);
    info->IpHeader.Offset = offset;
    info->IpHeader.Length = length;
    header(input, &offset, &length);
    info->TcpHeader.Offset = offset;
    info->TcpHeader.Length = length;
    info->IsAFragment = fuzz_take(input, 1) & 1;
}

static void chain(struct fuzz_input *input, struct made *made, uint32_t bytes)
{
    uint32_t pieces = 1 + fuzz_take(input, 1) % MAX_PIECES, at = 0;

    for (uint32_t i = 0; i < pieces; i++) {
        uint32_t piece = i + 1 == pieces ? bytes - at : fuzz_take(input, 2) % (bytes - at + 1);

        made->mdls[i] = mdl_create(made->memory + at, piece);
        at += piece;
        if (i > 0) {
            made->mdls[i - 1]->Next = made->mdls[i];
        }
    }
    made->pieces = pieces;
}

static void packet(struct fuzz_input *input, struct made *made)
{
    uint32_t what = fuzz_take(input, 1), kind = fuzz_take(input, 1), payload = fuzz_take(input, 2) % 17000;
    uint32_t length = fuzz_frame(made->memory, kind, payload);
    struct vif_inject packet = { .length = length, .index = what & 1, .info = &made->info, .hash = &made->hash };

    memcpy(made->memory, fuzz_guest_mac, 6);
    if (kind & 0x20) { /* other bytes */
        (void)fuzz_take_bytes(input, made->memory, fuzz_take(input, 1) % 96);
    }
    describe(input, made, kind, !(what & 2));
    chain(input, made, length);
    memset(&made->hash, 0, sizeof(made->hash));
    packet.checksum = fuzz_take(input, 2);
    packet.more = what & 4;
    if (what & 8) {
        packet.mss = (uint16_t)fuzz_take(input, 2);
    }
    if (what & 16) {
        packet.offset = fuzz_take(input, 2);
        packet.length = fuzz_take(input, 2);
    }
    if (what & 32) {
        made->hash.Algorithm = fuzz_take(input, 1);
        made->hash.Type = fuzz_take(input, 1);
        made->hash.Value = fuzz_take(input, 4);
    }
    if (what & 64) {
        packet.tci = (uint16_t)fuzz_take(input, 2);
        packet.index = fuzz_take(input, 4) * 2 + (what & 1); /* that queue's, or one that is not there */
    }
    packet.info = what & 128 ? NULL : packet.info;
    packet.mdl = (kind & 0xc0) == 0xc0 ? NULL : made->mdls[0];
    injected++;
    vif_inject(fuzz_bed.vif, what & 1, &packet);
}

static void take_back(void)
{
    uint64_t deadline = sched_now() + PATIENCE * SECOND, nap = SECOND / 100000;

    while (vif_inject_returned() != injected) {
        if (sched_now() > deadline) {
            fuzz_fail("%u of the packets have not come back", (unsigned)(injected - vif_inject_returned()));
        }
        sched_sleep(nap); /* in simulated runs the protocol keeps some for a while */
        nap *= 2;
    }
}

static void one(const uint8_t *data, size_t size)
{
    static struct made made[MAX_PACKETS + 2];
    /* Honest packets with none behind them: the batches of both queues end. */
    static const uint8_t last[2][4] = { { 0 }, { 1 } };
    struct fuzz_input input = { data, size };
    uint32_t count = 0;

    while (count < MAX_PACKETS && input.size > 0) {
        packet(&input, &made[count++]);
    }
    for (uint32_t queue = 0; queue < 2; queue++) {
        struct fuzz_input end = { last[queue], sizeof(last[queue]) };

        packet(&end, &made[count++]);
    }
    take_back();
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t piece = 0; piece < made[i].pieces; piece++) {
            mdl_free(made[i].mdls[piece]);
        }
    }
}

const struct fuzz_target fuzz_receive = {
    .name = "receive", .start = start, .one = one, .stop = fuzz_bed_stop, .driver = true
};
