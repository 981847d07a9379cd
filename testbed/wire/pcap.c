/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Writes the capture of pcap.h as pcapng (the IETF draft's section header, two interface descriptions, enhanced packet
 * blocks). Called from every data path task; one lock around a buffer of 1 MB that is written out when the next block
 * may not fit. Time is the scheduler's: virtual and repeatable in a simulated run, with the wall clock as base in a
 * live one.
 */
#include "wire/pcap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "run/sched.h"
#include "wire/bytes.h"

enum { BUFFER_BYTES = 1 << 20, COMMENT_BYTES = 160, BLOCK_BYTES = 128 };
enum { MAX_BLOCK = MAX_FRAME_BYTES + COMMENT_BYTES + BLOCK_BYTES };
enum { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_PACKET = 6 };
enum {
    OPTION_END = 0,
    OPTION_COMMENT = 1,
    SECTION_USER_APPLICATION = 4,
    INTERFACE_NAME = 2,
    INTERFACE_RESOLUTION = 9,
    PACKET_FLAGS = 2
};
enum { LINK_ETHERNET = 1, FLAG_INBOUND = 1, FLAG_OUTBOUND = 2 };

struct pcap {
    struct sched_lock lock;
    /* under lock */
    int fd;
    int failure; /* -errno of the first failed write */
    size_t used;
    uint32_t snap;
    uint64_t written, limit, left_out; /* bytes, bytes, frames */
    uint8_t *buffer;
    uint8_t *older; /* NULL: frames are written as they come; else the buffer before this one */
    size_t older_used;
    bool busy;     /* with `older`, instead of the lock: nobody waits for a frame that is kept in case of a failure */
    uint64_t base; /* ns since 1970 at scheduler time 0; 0 in a simulated run and before the first frame */
};

static void put(struct pcap *pcap, const void *bytes, size_t length)
{
    memcpy(pcap->buffer + pcap->used, bytes, length);
    pcap->used += length;
}

static void put_word(struct pcap *pcap, uint32_t word)
{
    put(pcap, &word, sizeof(word));
}

static void put_padding(struct pcap *pcap, size_t length)
{
    static const uint8_t zero[4];

    put(pcap, zero, (4 - (length & 3)) & 3);
}

static void put_option(struct pcap *pcap, uint32_t code, const void *bytes, size_t length)
{
    put_word(pcap, code | (uint32_t)length << 16);
    if (length != 0) {
        put(pcap, bytes, length);
        put_padding(pcap, length);
    }
}

/* A block begins with its type and total length, which is known only at its end and repeated there. */
static size_t block_begin(struct pcap *pcap, uint32_t type)
{
    size_t start = pcap->used;

    put_word(pcap, type);
    put_word(pcap, 0);
    return start;
}

static void block_end(struct pcap *pcap, size_t start)
{
    uint32_t length = (uint32_t)(pcap->used - start) + 4;

    put_word(pcap, length);
    memcpy(pcap->buffer + start + 4, &length, sizeof(length));
}

static void write_out(struct pcap *pcap, const uint8_t *bytes, size_t length)
{
    size_t done = 0;

    while (done < length && pcap->failure == 0) {
        ssize_t written = write(pcap->fd, bytes + done, length - done);

        if (written >= 0) {
            done += (size_t)written;
        } else if (errno != EINTR) {
            pcap->failure = -errno;
        }
    }
}

static void flush(struct pcap *pcap)
{
    if (pcap->older != NULL) {
        uint8_t *oldest = pcap->older;

        pcap->older = pcap->buffer;
        pcap->older_used = pcap->used;
        pcap->buffer = oldest;
    } else {
        write_out(pcap, pcap->buffer, pcap->used);
        pcap->written += pcap->used;
    }
    pcap->used = 0;
}

bool pcap_keep_newest(struct pcap *pcap)
{
    flush(pcap); /* what every file begins with */
    pcap->older = malloc(BUFFER_BYTES);
    return pcap->older != NULL;
}

void pcap_write_kept(struct pcap *pcap)
{
    if (pcap->older != NULL) {
        write_out(pcap, pcap->older, pcap->older_used);
        write_out(pcap, pcap->buffer, pcap->used);
        pcap->older_used = pcap->used = 0;
    }
}

void pcap_limit(struct pcap *pcap, uint32_t snap, uint64_t bytes)
{
    pcap->snap = snap != 0 ? snap : MAX_FRAME_BYTES;
    pcap->limit = bytes != 0 ? bytes : UINT64_MAX;
}

uint64_t pcap_left_out(const struct pcap *pcap)
{
    return pcap != NULL ? __atomic_load_n(&pcap->left_out, __ATOMIC_RELAXED) : 0;
}

static void put_preamble(struct pcap *pcap)
{
    static const char *const names[] = { "guest", "wire" };
    const uint8_t nanoseconds = 9;
    const uint64_t unknown_length = UINT64_MAX;
    size_t start = block_begin(pcap, BLOCK_SECTION), i;

    put_word(pcap, 0x1a2b3c4d);
    put_word(pcap, 1); /* version 1.0 */
    put(pcap, &unknown_length, sizeof(unknown_length));
    put_option(pcap, SECTION_USER_APPLICATION, "XenNet testbed", 14);
    put_option(pcap, OPTION_END, NULL, 0);
    block_end(pcap, start);
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        start = block_begin(pcap, BLOCK_INTERFACE);
        put_word(pcap, LINK_ETHERNET);
        put_word(pcap, 0); /* frames are kept whole */
        put_option(pcap, INTERFACE_NAME, names[i], strlen(names[i]));
        put_option(pcap, INTERFACE_RESOLUTION, &nanoseconds, 1);
        put_option(pcap, OPTION_END, NULL, 0);
        block_end(pcap, start);
    }
}

struct pcap *pcap_create(const char *path, char *error, size_t size)
{
    struct pcap *pcap = calloc(1, sizeof(*pcap));

    if (pcap == NULL || (pcap->buffer = malloc(BUFFER_BYTES)) == NULL) {
        snprintf(error, size, "no memory for the capture %s", path);
        free(pcap);
        return NULL;
    }
    pcap->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (pcap->fd < 0) {
        snprintf(error, size, "the capture %s cannot be written: %s", path, strerror(errno));
        free(pcap->buffer);
        free(pcap);
        return NULL;
    }
    pcap_limit(pcap, 0, 0);
    put_preamble(pcap);
    return pcap;
}

/* "gso tcpv4 mss 1448, checksum partial at 34+16": 0 when there is nothing to report. */
static size_t describe(const struct frame_offload *offload, char *text)
{
    size_t used = 0;

    text[0] = '\0';
    if (offload->gso != FRAME_GSO_NONE) {
        static const char *const names[] = {
            [FRAME_GSO_TCPV4] = "tcpv4", [FRAME_GSO_TCPV6] = "tcpv6", [FRAME_GSO_UDP] = "udp"
        };

        used = (size_t)snprintf(text, COMMENT_BYTES, "gso %s mss %u", names[offload->gso], offload->gso_size);
    }
    if (offload->checksum_partial) {
        used += (size_t)snprintf(text + used, COMMENT_BYTES - used, "%schecksum partial at %u+%u",
                                 used != 0 ? ", " : "", offload->checksum_start, offload->checksum_offset);
    } else if (offload->checksum_valid) {
        used += (size_t)snprintf(text + used, COMMENT_BYTES - used, "%schecksum valid", used != 0 ? ", " : "");
    }
    return used;
}

/* The wall clock at scheduler time 0, taken with the first frame: a capture may be opened before the scheduler runs. */
static uint64_t clock_base(struct pcap *pcap, uint64_t now)
{
    if (pcap->base == 0 && sched_kind() == SCHED_LIVE) {
        struct timespec wall;

        clock_gettime(CLOCK_REALTIME, &wall);
        pcap->base = (uint64_t)wall.tv_sec * 1000000000u + (uint64_t)wall.tv_nsec - now;
    }
    return pcap->base;
}

/* False: another task keeps a frame just now. */
static bool enter(struct pcap *pcap)
{
    if (pcap->older == NULL) {
        sched_lock(&pcap->lock);
        return true;
    }
    if (__atomic_exchange_n(&pcap->busy, true, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&pcap->left_out, pcap->left_out + 1, __ATOMIC_RELAXED);
        return false;
    }
    return true;
}

static void leave(struct pcap *pcap)
{
    if (pcap->older != NULL) {
        __atomic_store_n(&pcap->busy, false, __ATOMIC_RELEASE);
    } else {
        sched_unlock(&pcap->lock);
    }
}

static void write_vectors(struct pcap *pcap, enum pcap_edge edge, enum pcap_direction direction,
                          const struct iovec *vectors, uint32_t count, uint32_t whole,
                          const struct frame_offload *offload)
{
    char comment[COMMENT_BYTES];
    uint32_t length, flags = direction == PCAP_TOWARDS_DRIVER ? FLAG_INBOUND : FLAG_OUTBOUND;
    uint64_t time;
    size_t start, described;

    if (!enter(pcap)) {
        return;
    }
    described = pcap->older == NULL ? describe(offload, comment) : 0;
    time = sched_now();
    time += clock_base(pcap, time);
    length = whole < pcap->snap ? whole : pcap->snap;
    if (pcap->written + pcap->used + length + COMMENT_BYTES + BLOCK_BYTES > pcap->limit) {
        __atomic_store_n(&pcap->left_out, pcap->left_out + 1, __ATOMIC_RELAXED);
        leave(pcap);
        return;
    }
    if (pcap->used + MAX_BLOCK > BUFFER_BYTES) {
        flush(pcap);
    }
    start = block_begin(pcap, BLOCK_PACKET);
    put_word(pcap, (uint32_t)edge);
    put_word(pcap, (uint32_t)(time >> 32));
    put_word(pcap, (uint32_t)time);
    put_word(pcap, length); /* set right below, when the vectors hold less than the frame claims */
    put_word(pcap, whole);
    length = vectors_copy_out(vectors, count, 0, pcap->buffer + pcap->used, length);
    memcpy(pcap->buffer + pcap->used - 8, &length, sizeof(length));
    pcap->used += length;
    put_padding(pcap, length);
    put_option(pcap, PACKET_FLAGS, &flags, sizeof(flags));
    if (described != 0) {
        put_option(pcap, OPTION_COMMENT, comment, described);
    }
    put_option(pcap, OPTION_END, NULL, 0);
    block_end(pcap, start);
    leave(pcap);
}

void pcap_write(struct pcap *pcap, enum pcap_edge edge, enum pcap_direction direction, const struct frame *frame)
{
    if (pcap != NULL) {
        write_vectors(pcap, edge, direction, frame->vectors, frame->vector_count, frame->length, &frame->offload);
    }
}

void pcap_write_pieces(struct pcap *pcap, enum pcap_edge edge, enum pcap_direction direction,
                       const struct pieces *pieces)
{
    if (pcap != NULL) {
        write_vectors(pcap, edge, direction, pieces->vectors + 1, pieces->count - 1, pieces->length, &pieces->offload);
    }
}

int pcap_close(struct pcap *pcap)
{
    int failure;

    if (pcap == NULL) {
        return 0;
    }
    if (pcap->older != NULL) {
        pcap_write_kept(pcap);
    } else {
        flush(pcap);
    }
    if (close(pcap->fd) != 0 && pcap->failure == 0) {
        pcap->failure = -errno;
    }
    failure = pcap->failure;
    free(pcap->older);
    free(pcap->buffer);
    free(pcap);
    return failure;
}
