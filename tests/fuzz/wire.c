/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of any bytes, cut anywhere, with any offload data: parsed, summed, completed, hashed, segmented and captured.
 * The two readers of headers agree, scattered or not, and segments have together what the frame has.
 */
#include <string.h>

#include "fuzz.h"
#include "wire/bytes.h"
#include "wire/checksum.h"
#include "wire/segment.h"
#include "wire/toeplitz.h"
#include "xenvif/receive/packet.h"

enum { MAX_BYTES = 4096, MAX_PIECES = 6 };

static struct pcap *pcap;

static void start(uint32_t world)
{
    char error[256];

    (void)world;
    pcap = pcap_create("/dev/null", error, sizeof(error));
    if (pcap == NULL) {
        fuzz_fail("%s", error);
    }
}

static void stop(void)
{
    (void)pcap_close(pcap);
}

struct sum {
    uint32_t bytes, count;
};

static void segment(void *context, struct frame *frame)
{
    struct sum *sum = context;

    sum->bytes += frame->length;
    sum->count++;
    (void)frame_complete_checksum(frame);
    (void)frame_check_checksum(frame);
}

static void scatter(struct frame *frame, uint8_t *bytes, uint32_t length, struct fuzz_input *input)
{
    uint32_t pieces = 1 + fuzz_take(input, 1) % MAX_PIECES, at = 0;

    for (uint32_t i = 0; i < pieces; i++) {
        uint32_t piece = i + 1 == pieces ? length - at : fuzz_take(input, 1) % (length - at + 1);

        frame->vectors[i] = (struct iovec){ bytes + at, piece };
        at += piece;
    }
    frame->vector_count = pieces;
    frame->length = length;
}

static void walk(const uint8_t *bytes, uint32_t length, uint32_t available)
{
    struct XENVIF_PACKET_INFO_V2 part, whole;
    enum packet_parse first = packet_parse(bytes, available, length, &part);
    enum packet_parse all = packet_parse(bytes, length, length, &whole);

    if (all == PACKET_MORE) {
        fuzz_fail("more than the whole packet is asked for");
    }
    if (first != PACKET_MORE && (first != all || memcmp(&part, &whole, sizeof(part)) != 0)) {
        fuzz_fail("another description of the first %u of %u bytes", available, length);
    }
    if (all == PACKET_PARSED && whole.Length > length) {
        fuzz_fail("headers of %u bytes in a packet of %u", (unsigned)whole.Length, length);
    }
    if (all == PACKET_PARSED) {
        (void)packet_flow_value(bytes, &whole);
    }
}

static void one(const uint8_t *data, size_t size)
{
    static const uint8_t key[TOEPLITZ_KEY_BYTES] = { 0x6d, 0x5a, 0x56, 0xda };
    static uint8_t bytes[MAX_BYTES], copy[MAX_BYTES];
    struct fuzz_input input = { data, size };
    struct frame linear = { 0 }, cut = { 0 };
    struct layout one_piece, pieces;
    struct sum sum = { 0 };
    uint32_t value[2], length, what = fuzz_take(&input, 1), available = fuzz_take(&input, 1);
    bool parsed;

    cut.offload.checksum_partial = what & 1;
    cut.offload.gso = (enum frame_gso)(what >> 1 & 3);
    cut.offload.gso_size = (uint16_t)fuzz_take(&input, 2);
    cut.offload.checksum_start = (uint16_t)fuzz_take(&input, 1);
    cut.offload.checksum_offset = (uint16_t)fuzz_take(&input, 1);
    cut.offload.header_length = (uint16_t)fuzz_take(&input, 1);
    if (what & 8) {
        uint32_t payload = fuzz_take(&input, 2) % 3000;

        length = fuzz_frame(bytes, what >> 4, payload);
        (void)fuzz_take_bytes(&input, bytes + 14, input.size > 60 ? 60 : (uint32_t)input.size);
    } else {
        length = input.size > MAX_BYTES ? MAX_BYTES : (uint32_t)input.size;
        memcpy(bytes, input.data, length);
    }
    memcpy(copy, bytes, length);
    linear.vectors[0] = (struct iovec){ copy, length };
    linear.vector_count = 1;
    linear.length = length;
    linear.offload = cut.offload;
    input = (struct fuzz_input){ data, size };
    scatter(&cut, bytes, length, &input);

    parsed = frame_parse(&linear, &one_piece);
    if (parsed != frame_parse(&cut, &pieces)) {
        fuzz_fail("a frame is one in one piece, and none in more, or the other way round");
    }
    if (parsed && (one_piece.network != pieces.network || one_piece.transport != pieces.transport ||
                   one_piece.network_end != pieces.network_end || one_piece.payload != pieces.payload)) {
        fuzz_fail("a frame in pieces is parsed otherwise");
    }
    if (frame_sum(&linear, 0, length) != frame_sum(&cut, 0, length) ||
        frame_flow_hash(&linear, key, 15, &value[0]) != frame_flow_hash(&cut, key, 15, &value[1]) ||
        value[0] != value[1] || frame_check_checksum(&linear) != frame_check_checksum(&cut)) {
        fuzz_fail("a frame in pieces has another sum or hash");
    }
    walk(copy, length, available > length ? length : available);
    if (frame_segment(&cut, segment, &sum) && sum.count == 0) {
        fuzz_fail("a large frame of no segments");
    }
    (void)frame_complete_checksum(&cut);
    pcap_write(pcap, PCAP_WIRE, PCAP_FROM_DRIVER, &cut);
}

const struct fuzz_target fuzz_wire = { .name = "wire", .start = start, .one = one, .stop = stop };
