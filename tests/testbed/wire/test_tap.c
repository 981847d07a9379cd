/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TAP devices in network namespaces of the test's own: two real TCP stacks joined by a pump, with and without offloads,
 * and the sentences for what can be missing. Needs root and /dev/net/tun.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "harness.h"
#include "run/sched.h"
#include "packets.h"
#include "wire/port.h"

enum { QUEUES = 2, PORT = 5001, TOTAL = 20 << 20 };
enum mode { AS_IT_IS, SAY_VALID, SAY_NOTHING };

static void need_root(void)
{
    if (geteuid() != 0) {
        test_skip("TAP devices need root");
    }
    if (access("/dev/net/tun", R_OK | W_OK) != 0) {
        test_skip("/dev/net/tun is missing");
    }
}

static int new_namespace(void)
{
    int fd;

    CHECK_EQ(unshare(CLONE_NEWNET), 0);
    fd = open("/proc/thread-self/ns/net", O_RDONLY);
    CHECK(fd >= 0);
    return fd;
}

static void shell(const char *format, ...)
{
    char command[300];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(command, sizeof(command), format, arguments);
    va_end(arguments);
    CHECK_EQ(system(command), 0);
}

/* --- two stacks and the pump between --- */

struct lane {
    struct port *from, *to;
    uint32_t queue;
    uint64_t gso, partial, frames;
    struct task *task;
};

static struct port_features features;
static enum mode mode;
static int family, net[2], listener;
static uint64_t wrong_bytes, came_bytes;

/* Said to be valid: every checksum is spoilt, and nobody may notice. Said nothing: some payloads are, and TCP must
 * notice. */
static void spoil(struct frame *frame, uint64_t number)
{
    uint8_t *bytes = frame->vectors[0].iov_base;
    struct layout layout;

    if (!frame_parse(frame, &layout) || layout.protocol != PROTOCOL_TCP || layout.network_end != frame->length) {
        return;
    }
    if (mode == SAY_VALID) {
        bytes[layout.checksum] ^= 0x55;
    } else if (number % 100 == 99 && frame->length > layout.payload) {
        bytes[frame->length - 1] ^= 0x55;
    }
}

static void pump(void *argument)
{
    struct lane *lane = argument;
    uint8_t *bytes = malloc(MAX_FRAME_BYTES);
    struct frame frame = { .vectors = { { bytes, MAX_FRAME_BYTES } }, .vector_count = 1 };

    while (port_receive(lane->from, lane->queue, &frame) != 0) {
        lane->frames++;
        lane->gso += frame.offload.gso != FRAME_GSO_NONE;
        lane->partial += frame.offload.checksum_partial;
        if (mode != AS_IT_IS && frame.offload.gso == FRAME_GSO_NONE) {
            CHECK(frame_complete_checksum(&frame));
            spoil(&frame, lane->frames);
            frame.offload.checksum_valid = mode == SAY_VALID;
        } else if (mode == SAY_VALID) { /* as coalesced by a driver: large, valid, no partial checksum */
            frame.offload.checksum_partial = false;
            frame.offload.checksum_valid = true;
        }
        (void)port_send(lane->to, lane->queue, &frame);
    }
    free(bytes);
}

static struct sockaddr_storage address_of(int side, socklen_t *length)
{
    struct sockaddr_storage storage = { .ss_family = (sa_family_t)family };
    char text[40];

    snprintf(text, sizeof(text), family == AF_INET ? "198.18.0.%d" : "fd00:18::%d", side + 1);
    if (family == AF_INET) {
        struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;

        v4->sin_port = htons(PORT);
        inet_pton(AF_INET, text, &v4->sin_addr);
        *length = sizeof(*v4);
    } else {
        struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;

        v6->sin6_port = htons(PORT);
        inet_pton(AF_INET6, text, &v6->sin6_addr);
        *length = sizeof(*v6);
    }
    return storage;
}

static uint8_t pattern(uint64_t at)
{
    return (uint8_t)(at * 31 + (at >> 11));
}

static void receiver(void *unused)
{
    static uint8_t buffer[1 << 16];
    int connection = accept(listener, NULL, NULL);
    ssize_t length, i;

    (void)unused;
    CHECK(connection >= 0);
    while ((length = read(connection, buffer, sizeof(buffer))) > 0) {
        for (i = 0; i < length; i++) {
            wrong_bytes += buffer[i] != pattern(came_bytes + (uint64_t)i);
        }
        came_bytes += (uint64_t)length;
    }
    close(connection);
}

static void transfer(void)
{
    static uint8_t buffer[1 << 16];
    socklen_t length;
    struct sockaddr_storage address = address_of(1, &length);
    struct task *task;
    uint64_t sent = 0;
    int fd, one = 1;

    came_bytes = 0;
    wrong_bytes = 0;
    CHECK_EQ(setns(net[1], CLONE_NEWNET), 0);
    listener = socket(family, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    CHECK_EQ(bind(listener, (struct sockaddr *)&address, length), 0);
    CHECK_EQ(listen(listener, 1), 0);
    task = task_spawn("receiver", 0, receiver, NULL);
    CHECK_EQ(setns(net[0], CLONE_NEWNET), 0);
    fd = socket(family, SOCK_STREAM, 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&address, length), 0);
    while (sent < TOTAL) {
        ssize_t done;
        size_t i;

        for (i = 0; i < sizeof(buffer); i++) {
            buffer[i] = pattern(sent + i);
        }
        for (i = 0; i < sizeof(buffer); i += (size_t)done) {
            done = write(fd, buffer + i, sizeof(buffer) - i);
            CHECK(done > 0);
        }
        sent += sizeof(buffer);
    }
    close(fd);
    task_join(task);
    close(listener);
    CHECK_EQ(came_bytes, TOTAL);
    CHECK_EQ(wrong_bytes, 0);
}

static void two_stacks(void *argument)
{
    struct port *ports[2];
    struct lane lanes[2 * QUEUES] = { { 0 } };
    struct port_counters counters;
    uint64_t gso = 0, partial = 0;
    char error[300] = "";
    int side, home = open("/proc/thread-self/ns/net", O_RDONLY);
    uint32_t q;

    (void)argument;
    for (side = 0; side < 2; side++) {
        const uint8_t mac[6] = { 2, 0, 0, 0, 0, (uint8_t)side };

        net[side] = new_namespace();
        CHECK_EQ(setns(home, CLONE_NEWNET), 0);
        ports[side] = tap_create("t0", net[side], QUEUES, 1500, mac, error, sizeof(error));
        CHECK_STR(error, "");
        CHECK(ports[side] != NULL);
        shell("nsenter --net=/proc/%d/fd/%d ip addr add 198.18.0.%d/24 dev t0", (int)getpid(), net[side], side + 1);
        shell("nsenter --net=/proc/%d/fd/%d ip addr add fd00:18::%d/64 dev t0 nodad", (int)getpid(), net[side],
              side + 1);
        CHECK_EQ(port_set_features(ports[side], &features), 0);
    }
    CHECK(system("ip link show t0 >/dev/null 2>&1") != 0); /* not in the process's own namespace */
    for (q = 0; q < 2 * QUEUES; q++) {
        lanes[q] = (struct lane){ .from = ports[q % 2], .to = ports[1 - q % 2], .queue = q / 2 };
        lanes[q].task = task_spawn("pump", 0, pump, &lanes[q]);
    }
    transfer();
    CHECK_EQ(setns(home, CLONE_NEWNET), 0);
    for (side = 0; side < 2; side++) {
        port_stop(ports[side]);
    }
    for (q = 0; q < 2 * QUEUES; q++) {
        task_join(lanes[q].task);
        gso += lanes[q].gso;
        partial += lanes[q].partial;
    }
    CHECK_EQ(gso != 0, features.checksum && (family == AF_INET ? features.tso4 : features.tso6));
    CHECK_EQ(partial != 0, features.checksum);
    for (side = 0; side < 2; side++) {
        port_counters(ports[side], &counters);
        CHECK(counters.received != 0 && counters.sent != 0);
        CHECK_EQ(counters.send_refused, 0);
        CHECK_EQ(counters.receive_dropped, 0);
        port_destroy(ports[side]);
        close(net[side]);
    }
    close(home);
}

static void run(void)
{
    const struct sched_options options = { .kind = SCHED_LIVE };

    for (family = AF_INET;; family = AF_INET6) {
        CHECK_EQ(sched_run(&options, two_stacks, NULL), 0);
        if (family == AF_INET6) {
            break;
        }
    }
}

TEST(two_tcp_stacks_talk_with_all_offloads)
{
    need_root();
    features = (struct port_features){ .checksum = true, .tso4 = true, .tso6 = true };
    run();
}

TEST(two_tcp_stacks_talk_without_offloads)
{
    need_root();
    run();
}

TEST(two_tcp_stacks_talk_with_tso_for_ipv6_alone)
{
    need_root();
    features = (struct port_features){ .checksum = true, .tso6 = true };
    run();
}

TEST(checksums_indicated_as_valid_are_trusted_by_the_stack)
{
    need_root();
    features = (struct port_features){ .checksum = true, .tso4 = true, .tso6 = true };
    mode = SAY_VALID;
    run();
}

TEST(complete_checksums_without_an_indication_are_verified_by_the_stack)
{
    need_root();
    features = (struct port_features){ .checksum = true };
    mode = SAY_NOTHING;
    run();
}

/* What a listener on the device sees of a frame sent with a valid checksum: a partial one, the pseudo-header sum in the
 * field, so that whoever completes it again gets it right. */
static void valid_becomes_partial(void *unused)
{
    static uint8_t bytes[2048], seen[2048], expected[2048];
    const struct packet_shape shape = { .version = 4, .protocol = PROTOCOL_UDP, .payload = 500 };
    struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETHERTYPE_IPV4) };
    struct virtio_net_hdr *header = (struct virtio_net_hdr *)seen;
    struct timeval patience = { .tv_sec = 10 };
    struct frame frame;
    char error[300];
    struct port *port;
    int fd = new_namespace(), listening, one = 1;
    uint32_t length;

    (void)unused;
    port = tap_create("t0", fd, 1, 1500, NULL, error, sizeof(error));
    CHECK(port != NULL);
    listening = socket(AF_PACKET, SOCK_RAW, htons(ETHERTYPE_IPV4));
    CHECK(listening >= 0);
    address.sll_ifindex = (int)if_nametoindex("t0");
    CHECK_EQ(setsockopt(listening, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
    CHECK_EQ(setsockopt(listening, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    CHECK_EQ(bind(listening, (struct sockaddr *)&address, sizeof(address)), 0);
    length = packet_build(&shape, expected, &frame);
    packet_build(&shape, bytes, &frame);
    CHECK(frame_complete_checksum(&frame));
    packet_scatter(&frame, 33);
    CHECK_EQ(port_send(port, 0, &frame), 0);
    CHECK_EQ(recv(listening, seen, sizeof(seen), 0), length + sizeof(*header));
    CHECK_EQ(header->flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
    CHECK_EQ(header->csum_start, 34);
    CHECK_EQ(header->csum_offset, 6);
    CHECK(memcmp(seen + sizeof(*header), expected, length) == 0);
    close(listening);
    port_destroy(port);
    close(fd);
}

TEST(valid_checksum_is_written_as_a_partial_one)
{
    const struct sched_options options = { .kind = SCHED_LIVE };

    need_root();
    CHECK_EQ(sched_run(&options, valid_becomes_partial, NULL), 0);
}

/* --- waiting --- */

static void waiter(void *argument)
{
    uint8_t bytes[2048];
    struct frame frame = { .vectors = { { bytes, sizeof(bytes) } }, .vector_count = 1 };

    while (port_receive(argument, 0, &frame) != 0) {
        /* a new device's own chatter: IPv6 solicitations */
    }
}

static void interrupted(void *unused)
{
    char error[300];
    struct port *port;
    struct task *task;
    int fd = new_namespace();

    (void)unused;
    port = tap_create("t0", fd, 4, 9000, NULL, error, sizeof(error));
    CHECK(port != NULL);
    task = task_spawn("waiter", 0, waiter, port);
    CHECK_EQ(port_set_queues(port, 2), 0);
    CHECK_EQ(port_set_queues(port, 4), 0);
    CHECK_EQ(port_set_queues(port, 1), 0);
    CHECK_EQ(port_set_queues(port, 5), -EINVAL);
    port_interrupt(port, 0);
    task_join(task);
    task = task_spawn("waiter", 0, waiter, port);
    port_stop(port);
    task_join(task);
    port_destroy(port);
    close(fd);
}

TEST(interrupt_and_stop_end_a_wait)
{
    const struct sched_options options = { .kind = SCHED_LIVE };

    need_root();
    CHECK_EQ(sched_run(&options, interrupted, NULL), 0);
}

/* --- what can be missing --- */

static void must_fail(const char *name, int fd, uint32_t mtu, const char *part)
{
    char error[300] = "";

    CHECK(tap_create(name, fd, 1, mtu, NULL, error, sizeof(error)) == NULL);
    CHECK_CONTAINS(error, part);
    CHECK(strchr(error, '\n') == NULL);
}

TEST(every_failure_is_one_sentence_that_names_it)
{
    char error[300];
    struct port *port;
    int fd, file = open("/dev/null", O_RDONLY);

    need_root();
    fd = new_namespace();
    must_fail("a-name-that-is-too-long", fd, 1500, "longer than 15 characters");
    must_fail("t0", file, 1500, "network namespace for t0");
    must_fail("t0", fd, 100000, "refuses its MTU (MTU 100000)");
    port = tap_create("t0", fd, 1, 1500, NULL, error, sizeof(error));
    CHECK(port != NULL);
    must_fail("t0", fd, 1500, "t0 is in use");
    port_destroy(port);
    CHECK_EQ(unshare(CLONE_NEWNS), 0);
    CHECK_EQ(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    CHECK_EQ(mount("tmpfs", "/dev/net", "tmpfs", 0, NULL), 0);
    must_fail("t0", -1, 1500, "/dev/net/tun is missing");
    CHECK_EQ(umount("/dev/net"), 0);
    CHECK_EQ(seteuid(65534), 0);
    must_fail("t0", -1, 1500, "run as root");
}
