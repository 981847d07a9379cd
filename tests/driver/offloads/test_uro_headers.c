/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UDP coalescing (URO) reads each header: one that is not that of a plain datagram goes up alone, whatever XenVif says
 * of its checksums.
 */
#include "nt/memory/mdl.h"
#include "story_uro.h"

/* Headers of which something is not that of a plain datagram, though XenVif says that the checksums are right. */
static const struct spoiled {
    uint32_t version, at; /* the byte that is another */
    uint8_t change;       /* the bits of it; 0: a plain datagram */
    uint32_t checksum, nbls;
} spoiled[] = {
    { 4, 0, 0, 0x41, 1 },     { 4, 0, 0, 0x40, 2 }, /* the IPv4 header's not looked at */
    { 4, 12, 0x80, 0x41, 2 },                       /* type */
    { 4, 14, 0x03, 0x41, 2 },                       /* options */
    { 4, 14, 0x20, 0x41, 2 },                       /* version */
    { 4, 17, 0x01, 0x41, 2 },                       /* length */
    { 4, 21, 0x01, 0x41, 2 },                       /* a fragment */
    { 4, 23, 0x99, 0x41, 2 },                       /* UDP-Lite */
    { 4, 39, 0x01, 0x41, 2 },                       /* UDP's length */
    { 6, 0, 0, 0x40, 1 },     { 6, 12, 0x40, 0x40, 2 }, { 6, 14, 0x20, 0x40, 2 },
    { 6, 19, 0x01, 0x40, 2 }, { 6, 20, 0x99, 0x40, 2 }, { 6, 59, 0x01, 0x40, 2 },
};

static void not_plain(struct story *story)
{
    static uint8_t bytes[2][STORY_FRAME_BYTES];
    struct watch *watch = watch_open(story);
    struct MDL *mdls[2][2];

    for (uint32_t i = 0; i < sizeof(spoiled) / sizeof(spoiled[0]); i++) {
        const struct spoiled *one = &spoiled[i];
        struct packet_shape shape = { .version = one->version, .protocol = PROTOCOL_UDP, .payload = 50 };
        const uint32_t part = one->version == 4 ? 42 : 62;

        watch_forget(watch);
        for (uint32_t k = 0; k < 2; k++) {
            struct frame frame;
            uint32_t length = packet_build(&shape, bytes[k], &frame);

            bytes[k][one->at] ^= one->change;
            mdls[k][0] = mdl_create(bytes[k], part);
            mdls[k][1] = mdl_create(bytes[k] + part, length - part);
            mdls[k][0]->Next = mdls[k][1];
            vif_inject(
                STORY_STAND_IN(story), 0,
                &(struct vif_inject){ .mdl = mdls[k][0], .length = length, .checksum = one->checksum, .more = k == 0 });
        }
        uro_batch_wait(2);
        if (watch->count != one->nbls) {
            test_fail(__FILE__, __LINE__, "row %u: %u NBLs, not %u", i, watch->count, one->nbls);
        }
        for (uint32_t k = 0; k < 2; k++) {
            CHECK(mdls[k][0]->Next == mdls[k][1] && mdls[k][1]->Next == NULL);
            mdl_free(mdls[k][0]);
            mdl_free(mdls[k][1]);
        }
    }
    watch_close(watch);
}

TEST(datagrams_whose_headers_are_not_plain_are_not_joined)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .windows = "11-24h2",
                                    .any_checksums = true,
                                    .edge_buffers = 16,
                                    .prepare = story_inject_start,
                                    .body = not_plain });
}
