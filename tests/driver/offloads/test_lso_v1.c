/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Large sends of version 1: cut like those of version 2, and completed with the bytes of payload that were sent. Run
 * on the simulated scheduler.
 */
#include "story.h"

#include "ndis/protocol/raw.h"
#include "nt/export/fail.h"
#include "nt/memory/mdl.h"

enum { IP_AT = 14, TCP_AT = 34, HEADERS = 54, PAYLOAD = 3000, MSS = 1000, WAIT = 1000000000, BUFFER = 8192 };

static uint8_t packet[HEADERS + PAYLOAD];

static void write_packet(void)
{
    uint32_t sum = 0, i, bytes = sizeof(packet) - IP_AT;

    memset(packet, 0x33, sizeof(packet));
    memcpy(packet, "\x00\x16\x3e\x5e\x00\xfe\x00\x16\x3e\x5e\x00\x01\x08\x00\x45\x00", 16);
    memset(packet + IP_AT + 2, 0, 38);
    packet[IP_AT + 2] = (uint8_t)(bytes >> 8);
    packet[IP_AT + 3] = (uint8_t)bytes;
    packet[IP_AT + 8] = 64;
    packet[IP_AT + 9] = 6;
    memcpy(packet + IP_AT + 12, "\xc6\x12\x00\x01\xc6\x12\x00\x02\x30\x00\x31\x00", 12);
    packet[TCP_AT + 12] = 0x50;
    packet[TCP_AT + 13] = 0x10;
    for (i = IP_AT + 12; i < IP_AT + 20; i += 2) {
        sum += (uint32_t)packet[i] << 8 | packet[i + 1];
    }
    sum += 6; /* the pseudo header without its length */
    sum = (sum & 0xffff) + (sum >> 16);
    packet[TCP_AT + 16] = (uint8_t)(sum >> 8);
    packet[TCP_AT + 17] = (uint8_t)sum;
}

static struct NET_BUFFER_LIST *send(struct raw *raw, uint32_t length)
{
    struct NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO info;
    struct NET_BUFFER_LIST *nbl = raw_nbl(raw);

    memset(&info, 0, sizeof(info));
    info.LsoV2Transmit.MSS = MSS;
    info.LsoV2Transmit.TcpHeaderOffset = TCP_AT; /* and Type 0: version 1 */
    raw_add(raw, nbl, packet, length, 0, NULL, 0);
    nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = info.Value;
    raw_send(raw, nbl, 0, false);
    CHECK(raw_wait(raw, WAIT));
    return nbl;
}

/* As pages that a stack has locked and not mapped; they are one run, so that any mapping is where they are. */
static void forget_address(struct NET_BUFFER_LIST *nbl)
{
    struct MDL *mdl = nbl->FirstNetBuffer->MdlChain;

    mdl->MdlFlags = MDL_PAGES_LOCKED;
    mdl->MappedSystemVa = NULL;
}

static void send_unmapped(struct story *story)
{
    struct raw_options options = { .memory = story->bed.guest };
    struct raw *raw = raw_open(story->bed.adapter, &options);
    struct NET_BUFFER_LIST *nbl = raw_nbl(raw);

    write_packet();
    raw_add(raw, nbl, packet, sizeof(packet), 0, NULL, 0);
    nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = (void *)(uintptr_t)(MSS | TCP_AT << 20);
    forget_address(nbl);
    raw_send(raw, nbl, 0, false);
    CHECK(raw_wait(raw, WAIT));
    CHECK_EQ(nbl->Status, NDIS_STATUS_SUCCESS);
    CHECK(nbl->FirstNetBuffer->MdlChain->MdlFlags & MDL_MAPPED_TO_SYSTEM_VA); /* the driver has read the headers */
    raw_close(raw);
}

/* Nor can they be: how much payload there is remains unknown, and nothing is sent. */
static void send_unreadable(struct story *story)
{
    struct raw_options options = { .memory = story->bed.guest };
    struct raw *raw = raw_open(story->bed.adapter, &options);
    struct NET_BUFFER_LIST *nbl = raw_nbl(raw);
    char text[1024];

    write_packet();
    raw_add(raw, nbl, packet, sizeof(packet), 0, NULL, 0);
    nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = (void *)(uintptr_t)(MSS | TCP_AT << 20);
    forget_address(nbl);
    fail_at(1);
    raw_send(raw, nbl, 0, false);
    CHECK(fail_described(text, sizeof(text)));
    CHECK_CONTAINS(text, "MmMapLockedPagesSpecifyCache");
    fail_disarm();
    CHECK(raw_wait(raw, WAIT));
    CHECK_STATUS(nbl->Status, NDIS_STATUS_INVALID_PACKET);
    raw_close(raw);
    story_send(story, 0, 8, 4);
    story_collect(story, 8);
    story_check(&story->out, 0);
}

static void send_large(struct story *story)
{
    static uint8_t out[BUFFER];
    struct raw_options options = { .memory = story->bed.guest };
    struct raw *raw = raw_open(story->bed.adapter, &options);
    struct frame frame = { .vectors = { { out, sizeof(out) } }, .vector_count = 1 };
    struct NDIS_OFFLOAD_PARAMETERS parameters;
    struct NET_BUFFER_LIST *nbl;
    uint32_t needed;

    write_packet();
    nbl = send(raw, sizeof(packet));
    CHECK_EQ(nbl->Status, NDIS_STATUS_SUCCESS);
    CHECK_EQ((uintptr_t)nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo], PAYLOAD);
    sched_sleep(20000000);
    CHECK(memory_port_collect(story->wire, 0, &frame, 0) != 0);
    CHECK_EQ(frame.length, sizeof(packet));
    CHECK_EQ(frame.offload.gso, FRAME_GSO_TCPV4);
    CHECK_EQ(frame.offload.gso_size, MSS);
    CHECK(memcmp(out + HEADERS, packet + HEADERS, PAYLOAD) == 0);

    /* Nothing behind the headers: refused, and nothing sent. */
    nbl = send(raw, HEADERS);
    CHECK(nbl->Status != NDIS_STATUS_SUCCESS);
    CHECK(nbl->NetBufferListInfo[TcpLargeSendNetBufferListInfo] == NULL);

    memset(&parameters, 0, sizeof(parameters));
    parameters.Header.Type = NDIS_OBJECT_TYPE_DEFAULT;
    parameters.Header.Revision = 3;
    parameters.Header.Size = NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_3;
    parameters.LsoV1 = 1; /* off; version 2 stays on */
    CHECK_EQ(adapter_set(story->bed.adapter, OID_TCP_OFFLOAD_PARAMETERS, &parameters, sizeof(parameters), &needed),
             NDIS_STATUS_SUCCESS);
    nbl = send(raw, sizeof(packet));
    CHECK(nbl->Status != NDIS_STATUS_SUCCESS);
    raw_close(raw);
}

static void run(const char *const *set, void (*body)(struct story *))
{
    struct story_plan plan = { .kind = SCHED_SIMULATED, .seed = test_seed(), .set = set, .body = body };

    story_run(&plan);
}

TEST(a_large_send_whose_headers_cannot_be_read_is_refused)
{
    story_run(&(struct story_plan){
        .kind = SCHED_SIMULATED, .seed = test_seed(), .edge_buffers = 16, .body = send_unreadable });
}

TEST(a_large_send_of_version_1_completes_with_the_bytes_sent)
{
    run(NULL, send_large);
}

static void refuse_large(struct story *story)
{
    struct raw_options options = { .memory = story->bed.guest };
    struct raw *raw = raw_open(story->bed.adapter, &options);

    write_packet();
    CHECK(send(raw, sizeof(packet))->Status != NDIS_STATUS_SUCCESS);
    raw_close(raw);
}

TEST(the_keyword_lsov2ipv4_switches_version_1_off_too)
{
    static const char *const set[] = { "*LsoV2IPv4=0", NULL };

    run(set, refuse_large);
}

/* Rule mdl-execute has what each Windows wants. */
TEST(pages_that_nobody_has_mapped_are_mapped_as_data)
{
    static const char *const windows[] = { "7", "8.1", "10-22h2", "11-24h2" };
    uint32_t i;

    for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        story_run(&(struct story_plan){
            .kind = SCHED_SIMULATED, .seed = test_seed(), .windows = windows[i], .body = send_unmapped });
    }
}
