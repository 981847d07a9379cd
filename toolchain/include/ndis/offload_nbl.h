/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Out-of-band offload data in NET_BUFFER_LIST.NetBufferListInfo: each union fills one pointer-sized slot.
 */
#ifndef NDIS_OFFLOAD_NBL_H
#define NDIS_OFFLOAD_NBL_H

/* Slot TcpIpChecksumNetBufferListInfo */
typedef union _NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO {
    struct {
        ULONG IsIPv4 : 1;
        ULONG IsIPv6 : 1;
        ULONG TcpChecksum : 1;
        ULONG UdpChecksum : 1;
        ULONG IpHeaderChecksum : 1;
        ULONG Reserved : 11;
        ULONG TcpHeaderOffset : 10;
    } Transmit;
    struct {
        ULONG TcpChecksumFailed : 1;
        ULONG UdpChecksumFailed : 1;
        ULONG IpChecksumFailed : 1;
        ULONG TcpChecksumSucceeded : 1;
        ULONG UdpChecksumSucceeded : 1;
        ULONG IpChecksumSucceeded : 1;
        ULONG Loopback : 1;
        ULONG TcpChecksumValueInvalid : 1;
        ULONG IpChecksumValueInvalid : 1;
    } Receive;
    PVOID Value;
} NDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO, *PNDIS_TCP_IP_CHECKSUM_NET_BUFFER_LIST_INFO;

/* Slot TcpLargeSendNetBufferListInfo. LsoV1 reports the payload bytes sent when it completes. */
typedef union _NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO {
    struct {
        ULONG Unused : 30;
        ULONG Type : 1;
        ULONG Reserved2 : 1;
    } Transmit;
    struct {
        ULONG MSS : 20;
        ULONG TcpHeaderOffset : 10;
        ULONG Type : 1;
        ULONG Reserved2 : 1;
    } LsoV1Transmit;
    struct {
        ULONG TcpPayload : 30;
        ULONG Type : 1;
        ULONG Reserved2 : 1;
    } LsoV1TransmitComplete;
    struct {
        ULONG MSS : 20;
        ULONG TcpHeaderOffset : 10;
        ULONG Type : 1;
        ULONG IPVersion : 1;
    } LsoV2Transmit;
    struct {
        ULONG Reserved : 30;
        ULONG Type : 1;
        ULONG Reserved2 : 1;
    } LsoV2TransmitComplete;
    PVOID Value;
} NDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO, *PNDIS_TCP_LARGE_SEND_OFFLOAD_NET_BUFFER_LIST_INFO;

/* Slot UdpSegmentationOffloadInfo on send, 6.83 */
typedef union _NDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO {
    struct {
        ULONG MSS : 20;
        ULONG UdpHeaderOffset : 10;
        ULONG Reserved : 1;
        ULONG IPVersion : 1;
    } Transmit;
    PVOID Value;
} NDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO, *PNDIS_UDP_SEGMENTATION_OFFLOAD_NET_BUFFER_LIST_INFO;

/* Slot UdpRecvSegCoalesceOffloadInfo on receive, 6.84 */
typedef struct _NDIS_UDP_RSC_OFFLOAD_NET_BUFFER_LIST_INFO {
    union {
        struct {
            USHORT SegCount;
            USHORT SegSize; /* payload bytes of each datagram but the last */
        } Receive;
        PVOID Value;
    };
} NDIS_UDP_RSC_OFFLOAD_NET_BUFFER_LIST_INFO, *PNDIS_UDP_RSC_OFFLOAD_NET_BUFFER_LIST_INFO;

/* Slot TcpRecvSegCoalesceInfo on receive, 6.30 */
typedef union _NDIS_RSC_NBL_INFO {
    struct {
        USHORT CoalescedSegCount;
        USHORT DupAckCount;
    } Info;
    PVOID Value;
} NDIS_RSC_NBL_INFO, *PNDIS_RSC_NBL_INFO;

/* Slot Ieee8021QNetBufferListInfo */
typedef union _NDIS_NET_BUFFER_LIST_8021Q_INFO {
    struct {
        UINT32 UserPriority : 3;
        UINT32 CanonicalFormatId : 1;
        UINT32 VlanId : 12;
        UINT32 Reserved : 16;
    } TagHeader;
    struct {
        UINT32 UserPriority : 3;
        UINT32 CanonicalFormatId : 1;
        UINT32 VlanId : 12;
        UINT32 WMMInfo : 4;
        UINT32 Reserved : 12;
    } WLanTagHeader;
    PVOID Value;
} NDIS_NET_BUFFER_LIST_8021Q_INFO, *PNDIS_NET_BUFFER_LIST_8021Q_INFO;

/* Slot NetBufferListFilteringInfo */
typedef union _NDIS_NET_BUFFER_LIST_FILTERING_INFO {
    struct {
        USHORT FilterId;
        union {
            USHORT QueueId;
            USHORT VPortId;
        } QueueVPortInfo;
    } FilteringInfo;
    PVOID Value;
} NDIS_NET_BUFFER_LIST_FILTERING_INFO, *PNDIS_NET_BUFFER_LIST_FILTERING_INFO;

#endif
