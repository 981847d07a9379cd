/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NDIS's records that are younger than the headers that were measured (toolchain/abi/ndis-layout.json), after their
 * pages: ntddndis (NDIS_OFFLOAD, NDIS_OFFLOAD_PARAMETERS), nbluso, nbluro. Sizes are those of ndis-revisions.json.
 */
#ifndef TESTBED_NDIS_LATE_H
#define TESTBED_NDIS_LATE_H

#include "abi.h"
#include "run/ms_abi.h"

/* What the offload record has from 6.83 (revision 6) and from 6.89 (revision 8) on. */
struct late_offload {
    struct NDIS_OFFLOAD before;
    struct {
        struct {
            uint32_t Encapsulation, MaxOffLoadSize;
            uint32_t MinSegmentCount : 6, SubMssFinalSegmentSupported : 1, Reserved : 25;
        } IPv4;
        struct {
            uint32_t Encapsulation, MaxOffLoadSize;
            uint32_t MinSegmentCount : 6, SubMssFinalSegmentSupported : 1, Reserved1 : 25;
            uint32_t IpExtensionHeadersSupported : 2, Reserved2 : 30;
        } IPv6;
    } UdpSegmentation;
    struct {
        uint8_t Enabled;
    } UdpRsc;
};

_Static_assert(offsetof(struct late_offload, UdpRsc) == 216, "NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_6");
_Static_assert(offsetof(struct late_offload, UdpRsc.Enabled) + 1 == 217, "NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_8");

/* The same of a request that sets them: revisions 5 and 6. */
struct late_offload_parameters {
    struct NDIS_OFFLOAD_PARAMETERS before;
    struct {
        uint8_t IPv4, IPv6;
    } UdpSegmentation;
    struct {
        uint8_t Enabled;
    } UdpRsc;
};

enum { LATE_PARAMETERS_SIZE_5 = 34, LATE_PARAMETERS_SIZE_6 = 35, LATE_OFF = 1, LATE_ON = 2 };

_Static_assert(offsetof(struct late_offload_parameters, UdpRsc) == LATE_PARAMETERS_SIZE_5,
               "NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_5");

/* What a driver can stamp, and what it does (6.82); NDIS answers two OIDs from the indications. */
struct late_timestamps {
    struct NDIS_OBJECT_HEADER Header;
    ms_uint64 HardwareClockFrequencyHz;
    uint8_t CrossTimestamp;
    ms_uint64 Reserved1, Reserved2;
    uint8_t hardware[11]; /* ten kinds of PTP and of all packets, and tagged sends */
    uint8_t AllReceiveSw, AllTransmitSw, TaggedTransmitSw;
};

enum {
    LATE_TIMESTAMPS_SIZE = 54, /* NDIS_SIZEOF_TIMESTAMP_CAPABILITIES_REVISION_1 */
    LATE_OID_TIMESTAMP_CAPABILITY = 0x00a00001,
    LATE_OID_TIMESTAMP_CURRENT_CONFIG = 0x00a00002,
    LATE_STATUS_TIMESTAMP_CAPABILITY = 0x40051000,
    LATE_STATUS_TIMESTAMP_CURRENT_CONFIG = 0x40051001,
    LATE_NBL_FLAGS_CAPTURE_TIMESTAMP_ON_TRANSMIT = 0x10000
};

_Static_assert(offsetof(struct late_timestamps, TaggedTransmitSw) + 1 == LATE_TIMESTAMPS_SIZE,
               "NDIS_SIZEOF_TIMESTAMP_CAPABILITIES_REVISION_1");

/* Slots of an NBL's out-of-band data. */
enum {
    UdpSegmentationOffloadInfo = TcpRecvSegCoalesceInfo,
    UdpRecvSegCoalesceOffloadInfo = TcpReceiveBytesTransferred
};

/* Sending: one datagram is to be cut into several. */
union late_udp_segmentation {
    struct {
        uint32_t MSS : 20, UdpHeaderOffset : 10, Reserved : 1, IPVersion : 1;
    } Transmit;
    void *Value;
};

/* Receiving: several were joined. */
union late_udp_rsc {
    struct {
        uint16_t SegCount, SegSize;
    } Receive;
    void *Value;
};

#endif
