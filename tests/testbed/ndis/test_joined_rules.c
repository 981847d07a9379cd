/* SPDX-License-Identifier: BSD-2-Clause */
/* The rule about joined UDP datagrams, tripped: an NBL that says so and is not what Microsoft's page on URO asks for.
 */
#include "ndis_fake.h"
#include "ndis/adapter/record.h"
#include "ndis/late.h"
#include "ndis/nbl/nbl.h"
#include "packets.h"

enum { PAYLOAD = 100, SIZE = 40, COUNT = 3, HEADERS4 = 42, HEADERS6 = 62, GOOD = 0x30 /* UDP and IPv4 */ };

static uint8_t bytes[400];

/* An NBL as it should be, URO being on. */
static struct NET_BUFFER_LIST *joined(struct fake *fake, int version)
{
    struct packet_shape shape = { .version = version, .protocol = PROTOCOL_UDP, .payload = PAYLOAD };
    union late_udp_rsc info = { .Value = NULL };
    struct NET_BUFFER_LIST *nbl;
    struct frame frame;

    fake_add_running(fake);
    fake->adapter->offload.UdpRsc.Enabled = 1;
    (void)packet_build(&shape, bytes, &frame);
    memset(bytes + (version == 4 ? HEADERS4 : HEADERS6) - 2, 0, 2);
    if (version == 4) {
        memset(bytes + 24, 0, 2);
    }
    nbl = fake_packet(fake, mdl_create(bytes, sizeof(bytes)), 0, (version == 4 ? HEADERS4 : HEADERS6) + PAYLOAD);
    memset(nbl->NetBufferListInfo, 0, nbl_public_slots() * sizeof(nbl->NetBufferListInfo[0]));
    info.Receive.SegCount = COUNT;
    info.Receive.SegSize = SIZE;
    nbl->NetBufferListInfo[UdpRecvSegCoalesceOffloadInfo] = info.Value;
    nbl->NetBufferListInfo[TcpIpChecksumNetBufferListInfo] = (void *)(uintptr_t)GOOD;
    return nbl;
}

static void breaks_none(struct fake *fake, int version)
{
    struct NET_BUFFER_LIST *nbl = joined(fake, version);
    struct MDL *mdl = nbl->FirstNetBuffer->MdlChain;

    fake_indicate(fake, nbl, 0);
    CHECK_EQ(fake->returned, 1);
    mdl_free(mdl);
}

static void good(struct fake *fake)
{
    breaks_none(fake, 4);
}

static void good6(struct fake *fake)
{
    breaks_none(fake, 6);
}

static void off(struct fake *fake)
{
    struct NET_BUFFER_LIST *nbl = joined(fake, 4);

    fake->adapter->offload.UdpRsc.Enabled = 0;
    fake_indicate(fake, nbl, 0);
}

static void switched_off(struct fake *fake)
{
    struct NET_BUFFER_LIST *nbl = joined(fake, 4);

    fake->adapter->rsc_off = RSC_OFF_UDP;
    fake_indicate(fake, nbl, 0);
}

/* What the miniport reports behind a request that has switched it off: as it is, and IPv4's coalescing beside. */
static void report(struct fake *fake, bool joins, bool coalesces)
{
    struct late_offload offload = { .UdpRsc = { .Enabled = joins } };

    fake->adapter->miniport->version = NDIS_VERSION(6, 89); /* whose record this is */
    offload.before.Rsc.IPv4.Enabled = coalesces;
    NDIS_HEADER(offload.before.Header, NDIS_OBJECT_TYPE_OFFLOAD, 8, offsetof(struct late_offload, UdpRsc.Enabled) + 1);
    adapter_take_offload(fake->adapter, &offload.before, false);
}

static void switched_on_by_a_report(struct fake *fake)
{
    struct NET_BUFFER_LIST *nbl = joined(fake, 4);
    struct MDL *mdl = nbl->FirstNetBuffer->MdlChain;

    fake->adapter->rsc_off = RSC_OFF_IPV4 | RSC_OFF_IPV6 | RSC_OFF_UDP;
    report(fake, true, false);
    CHECK_EQ(fake->adapter->rsc_off, RSC_OFF_IPV4 | RSC_OFF_IPV6);
    report(fake, true, true);
    CHECK_EQ(fake->adapter->rsc_off, RSC_OFF_IPV6);
    fake_indicate(fake, nbl, 0);
    CHECK_EQ(fake->returned, 1);
    mdl_free(mdl);
}

/* A report that switches something else on. */
static void reported_off(struct fake *fake)
{
    struct NET_BUFFER_LIST *nbl = joined(fake, 4);

    fake->adapter->rsc_off = RSC_OFF_IPV4 | RSC_OFF_IPV6 | RSC_OFF_UDP;
    report(fake, false, true);
    CHECK_EQ(fake->adapter->rsc_off, RSC_OFF_IPV6 | RSC_OFF_UDP);
    fake->adapter->offload.UdpRsc.Enabled = 1;
    fake_indicate(fake, nbl, 0);
}

/* A byte, or the out-of-band data, is another one. */
#define WITH_BYTE(name, version, at, value)                                                                            \
    static void name(struct fake *fake)                                                                                \
    {                                                                                                                  \
        struct NET_BUFFER_LIST *nbl = joined(fake, version);                                                           \
                                                                                                                       \
        bytes[at] = value;                                                                                             \
        fake_indicate(fake, nbl, 0);                                                                                   \
    }
#define WITH_INFO(name, slot, value)                                                                                   \
    static void name(struct fake *fake)                                                                                \
    {                                                                                                                  \
        struct NET_BUFFER_LIST *nbl = joined(fake, 4);                                                                 \
                                                                                                                       \
        nbl->NetBufferListInfo[slot] = (void *)(uintptr_t)(value);                                                     \
        fake_indicate(fake, nbl, 0);                                                                                   \
    }

WITH_BYTE(options, 4, 14, 0x46)
WITH_BYTE(fragment, 4, 20, 0x20)
WITH_BYTE(tcp, 4, 23, 6)
WITH_BYTE(length4, 4, 17, 0)
WITH_BYTE(sum4, 4, 24, 1)
WITH_BYTE(extension, 6, 20, 60)
WITH_BYTE(length6, 6, 19, 0)
WITH_BYTE(udp_length, 4, 39, 0)
WITH_BYTE(udp_sum, 6, 61, 1)
WITH_BYTE(another_type, 4, 13, 6)
WITH_INFO(no_ip_flag, TcpIpChecksumNetBufferListInfo, 0x10)
WITH_INFO(no_udp_flag, TcpIpChecksumNetBufferListInfo, 0x20)
WITH_INFO(too_few, UdpRecvSegCoalesceOffloadInfo, (COUNT - 1) | SIZE << 16)
WITH_INFO(too_many, UdpRecvSegCoalesceOffloadInfo, (COUNT + 1) | SIZE << 16)
WITH_INFO(no_size, UdpRecvSegCoalesceOffloadInfo, COUNT)

static void on_24h2(void *body)
{
    fake_run(SCHED_SIMULATED, "11-24h2", (void (*)(struct fake *))body);
}

TEST(joined_datagrams_as_the_page_has_them_break_no_rule)
{
    on_24h2((void *)good);
    on_24h2((void *)good6);
}

TEST(joined_datagrams_after_a_report_behind_a_request_that_they_are_on_break_no_rule)
{
    on_24h2((void *)switched_on_by_a_report);
}

TEST(joined_datagrams_that_are_otherwise_are_caught)
{
    static void (*const bodies[])(struct fake *) = { off,        switched_off, reported_off, options,    fragment,
                                                     tcp,        length4,      sum4,         extension,  length6,
                                                     udp_length, udp_sum,      another_type, no_ip_flag, no_udp_flag,
                                                     too_few,    too_many,     no_size };

    for (uint32_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        EXPECT_RULE("ndis-uro", on_24h2, (void *)bodies[i]);
    }
}
