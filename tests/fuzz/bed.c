/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole testbed as the driver's targets have it (fuzz.h). */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "nt/export/version.h"
#include "wire/integers.h"

enum { WIRE_DEPTH = 512, QUEUES = 2 };

struct bed fuzz_bed;
struct port *fuzz_wire_port;
const uint8_t fuzz_guest_mac[6] = { 0x00, 0x16, 0x3e, 0x5e, 0x00, 0x01 };
const uint8_t fuzz_peer_mac[6] = { 0x00, 0x16, 0x3e, 0x0a, 0x0b, 0x0c };

static struct bed_options options;

static void receive(void *context, uint32_t processor, const struct frame *frame)
{
    (void)context, (void)processor, (void)frame;
}

void fuzz_bed_start(uint32_t world, uint32_t edge_buffers)
{
    static const char *const windows[] = { "10-22h2", "11-24h2", "7" };
    static char driver[4096], inf[4096];
    const char *root = getenv("FUZZ_ROOT");
    char error[1024];

    if (root == NULL) {
        fuzz_fail("FUZZ_ROOT has to name the repository");
    }
    snprintf(driver, sizeof(driver), "%s/build/fuzzed/x64/xennet.sys", root);
    snprintf(inf, sizeof(inf), "%s/xennet/%sx64/xennet.inf", root, world % 3 == 2 ? "windows7/" : "");
    windows_simulate(windows_version_find(windows[world % 3]));
    fuzz_wire_port = memory_port_create(QUEUES, WIRE_DEPTH);
    options = (struct bed_options){
        .driver_path = driver,
        .inf_path = inf,
        .processors = QUEUES,
        .queues = QUEUES,
        .vif_version = 10 - world / 3 % 3,
        .mtu = 1500,
        .edge_buffers = edge_buffers,
        .wire_port = fuzz_wire_port,
        .receive = receive,
    };
    if (!bed_start(&fuzz_bed, &options, error, sizeof(error))) {
        fuzz_fail("the bed did not start: %s", error);
    }
}

void fuzz_bed_drain(void)
{
    static uint8_t bytes[MAX_FRAME_BYTES];

    for (uint32_t queue = 0; queue < QUEUES; queue++) {
        struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1 };

        while (memory_port_collect(fuzz_wire_port, queue, &frame, 0) != 0) {
        }
    }
}

static void end_bed(const char *except)
{
    struct leaks leaks = { 0 };

    bed_stop(&fuzz_bed, &leaks);
    for (uint32_t i = 0; i < leaks.count; i++) {
        if (except == NULL || strstr(leaks.lines[i], except) == NULL) {
            fuzz_fail("left behind: %s", leaks.lines[i]);
        }
    }
    port_destroy(fuzz_wire_port);
}

void fuzz_bed_stop(void)
{
    end_bed(NULL);
}

void fuzz_bed_stop_but_grants(void)
{
    end_bed(" grant");
}

uint32_t fuzz_frame(uint8_t *bytes, uint32_t kind, uint32_t payload)
{
    uint8_t *p = bytes + 12;
    bool tcp = kind & 1, ipv6 = kind & 2;
    uint32_t header = tcp ? 20 : 8;

    memset(bytes, 0, 14 + 4 + 40 + 20);
    memcpy(bytes, fuzz_peer_mac, 6);
    memcpy(bytes + 6, fuzz_guest_mac, 6);
    if (kind & 4) {
        put16(p, 0x8100);
        put16(p + 2, 0x6005);
        p += 4;
    }
    put16(p, ipv6 ? 0x86dd : 0x0800);
    p += 2;
    if (ipv6) {
        p[0] = 0x60;
        put16(p + 4, (uint16_t)(header + payload));
        p[6] = tcp ? 6 : 17;
        p[7] = 64;
        p[8] = p[24] = 0xfd;
        p[23] = 1;
        p[39] = 2;
        p += 40;
    } else {
        p[0] = 0x45;
        put16(p + 2, (uint16_t)(20 + header + payload));
        p[8] = 64;
        p[9] = tcp ? 6 : 17;
        p[12] = p[16] = 10;
        p[15] = 1;
        p[19] = 2;
        p += 20;
    }
    put16(p, 1000);
    put16(p + 2, 2000);
    if (tcp) {
        p[12] = 0x50;
        p[13] = 0x18;
    } else {
        put16(p + 4, (uint16_t)(8 + payload));
    }
    return (uint32_t)(p - bytes) + header + payload;
}
