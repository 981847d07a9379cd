/* SPDX-License-Identifier: BSD-2-Clause */
/* The capture, read back by its own bytes and by tshark where that is installed. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "run/sched.h"
#include "packets.h"
#include "wire/pcap.h"

static uint8_t bytes[MAX_FRAME_BYTES + 64];
static char path[TEST_MAX_PATH];

static void write_capture(void *unused)
{
    static const struct packet_shape shapes[] = {
        { .version = 4, .protocol = PROTOCOL_TCP, .payload = 60000 },
        { .version = 6, .protocol = PROTOCOL_UDP, .payload = 33 },
        { .version = 4, .protocol = PROTOCOL_UDP, .payload = 1 },
    };
    char error[200];
    struct pcap *pcap = pcap_create(path, error, sizeof(error));
    uint32_t i;

    (void)unused;
    CHECK(pcap != NULL);
    pcap_write(NULL, PCAP_WIRE, PCAP_FROM_DRIVER, NULL); /* no capture wanted: nothing happens */
    for (i = 0; i < 60; i++) {                           /* more than one buffer */
        struct frame frame;

        packet_build(&shapes[i % 3], bytes, &frame);
        if (i % 3 == 0) {
            frame.offload.gso = FRAME_GSO_TCPV4;
            frame.offload.gso_size = 1448;
        } else if (i % 3 == 1) {
            CHECK(frame_complete_checksum(&frame));
        }
        frame.vectors[0].iov_len += 50; /* room behind the frame is not part of it */
        pcap_write(pcap, i % 2 != 0 ? PCAP_WIRE : PCAP_GUEST, i % 2 != 0 ? PCAP_TOWARDS_DRIVER : PCAP_FROM_DRIVER,
                   &frame);
    }
    CHECK_EQ(pcap_close(pcap), 0);
}

static void make(enum sched_kind kind)
{
    const struct sched_options options = { .kind = kind, .seed = 1 };

    test_temporary(path, "%d.pcapng", (int)getpid());
    CHECK_EQ(sched_run(&options, write_capture, NULL), 0);
}

static size_t slurp(uint8_t *to, size_t size)
{
    FILE *file = fopen(path, "rb");
    size_t length;

    CHECK(file != NULL);
    length = fread(to, 1, size, file);
    fclose(file);
    return length;
}

TEST(blocks_follow_each_other_to_the_end)
{
    static uint8_t file[4 << 20];
    size_t length, at;
    uint32_t blocks = 0;

    make(SCHED_LIVE);
    length = slurp(file, sizeof(file));
    unlink(path);
    for (at = 0; at < length; blocks++) {
        uint32_t size, again;

        CHECK(length - at >= 12);
        memcpy(&size, file + at + 4, 4);
        CHECK(size % 4 == 0 && size >= 12 && size <= length - at);
        memcpy(&again, file + at + size - 4, 4);
        CHECK_EQ(again, size);
        at += size;
    }
    CHECK_EQ(blocks, 3 + 60);
}

TEST(simulated_capture_is_the_same_each_time)
{
    static uint8_t first[4 << 20], second[4 << 20];
    size_t length;

    make(SCHED_SIMULATED);
    length = slurp(first, sizeof(first));
    make(SCHED_SIMULATED);
    CHECK_EQ(slurp(second, sizeof(second)), length);
    unlink(path);
    CHECK(memcmp(first, second, length) == 0);
}

static void tshark(const char *arguments, char *text, size_t size)
{
    char command[400];
    FILE *output;
    size_t length;

    snprintf(command, sizeof(command), "tshark -n -r %s %s 2>/dev/null", path, arguments);
    output = popen(command, "r");
    CHECK(output != NULL);
    length = fread(text, 1, size - 1, output);
    text[length] = '\0';
    CHECK_EQ(pclose(output), 0);
}

TEST(tshark_reads_interfaces_directions_and_comments)
{
    static char text[64 << 10];

    if (system("command -v tshark >/dev/null") != 0) {
        test_skip("tshark is not installed (package tshark)");
    }
    make(SCHED_LIVE);
    tshark("-T fields -e frame.number -e frame.interface_name -e frame.packet_flags_direction -e frame.len -e "
           "frame.comment -E separator='|' -c 6",
           text, sizeof(text));
    unlink(path);
    CHECK_CONTAINS(text, "1|guest|0x00000002|60054|gso tcpv4 mss 1448, checksum partial at 34+16\n");
    CHECK_CONTAINS(text, "2|wire|0x00000001|95|checksum valid\n");
    CHECK_CONTAINS(text, "3|guest|0x00000002|43|checksum partial at 34+6\n");
}

TEST(path_that_cannot_be_written_is_named)
{
    char error[200];

    CHECK(pcap_create("/nonexistent/x.pcapng", error, sizeof(error)) == NULL);
    CHECK_CONTAINS(error, "/nonexistent/x.pcapng");
    CHECK_CONTAINS(error, "No such file");
}

TEST(full_disk_is_reported_at_close)
{
    char error[200];
    struct pcap *pcap = pcap_create("/dev/full", error, sizeof(error));

    CHECK(pcap != NULL);
    CHECK(pcap_close(pcap) < 0);
}

static void write_limited(void *unused)
{
    static uint8_t bytes[1000];
    struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1, .length = sizeof(bytes) };
    char error[200];
    struct pcap *pcap = pcap_create(path, error, sizeof(error));

    (void)unused;
    CHECK(pcap != NULL);
    pcap_limit(pcap, 60, 10000);
    for (uint32_t i = 0; i < 1000; i++) {
        pcap_write(pcap, PCAP_GUEST, PCAP_TOWARDS_DRIVER, &frame);
    }
    CHECK(pcap_left_out(pcap) > 800 && pcap_left_out(pcap) < 1000);
    CHECK_EQ(pcap_close(pcap), 0);
}

TEST(frames_are_cut_and_left_out_as_the_limits_say)
{
    static uint8_t file[1 << 16];
    const struct sched_options options = { .kind = SCHED_SIMULATED, .seed = 1 };
    uint32_t captured, length;
    size_t size, at = 0;

    test_temporary(path, "limited.pcapng");
    CHECK_EQ(sched_run(&options, write_limited, NULL), 0);
    size = slurp(file, sizeof(file));
    CHECK(size > 8000 && size <= 10000);
    for (uint32_t i = 0; i < 3; i++) { /* section and interfaces */
        memcpy(&length, file + at + 4, 4);
        at += length;
    }
    memcpy(&captured, file + at + 20, 4);
    memcpy(&length, file + at + 24, 4);
    CHECK_EQ(captured, 60);
    CHECK_EQ(length, 1000);
}
