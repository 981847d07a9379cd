/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XENVIF VIF interface, versions 8, 9 and 10: the calls a network driver makes into XenVif and the
 * callbacks it gets. Records, values and GUID as measured in toolchain/abi; the three tables have the
 * same methods in the same order and differ only in Enable's callback.
 *
 * Functions are __stdcall on x86, those with variable arguments (two hash methods, the version 8
 * callback) __cdecl. Needs ndis.h (or ntddk.h and ifdef.h) first.
 */
#ifndef VIF_INTERFACE_H
#define VIF_INTERFACE_H

#include "ethernet.h"

#define XENVIF_VIF_INTERFACE_VERSION_MIN 8
#define XENVIF_VIF_INTERFACE_VERSION_MAX 10
#define XENVIF_VIF_HASH_KEY_SIZE         40

DEFINE_GUID(GUID_XENVIF_VIF_INTERFACE, 0x76F279CD, 0xCA11, 0x418B, 0x92, 0xE8, 0xC5, 0x7F, 0x77, 0xDE, 0x0E, 0x2E);

typedef enum _XENVIF_PACKET_HASH_ALGORITHM {
    XENVIF_PACKET_HASH_ALGORITHM_NONE = 0,
    XENVIF_PACKET_HASH_ALGORITHM_UNSPECIFIED = 1,
    XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ = 2
} XENVIF_PACKET_HASH_ALGORITHM;

typedef enum _XENVIF_PACKET_HASH_TYPE {
    XENVIF_PACKET_HASH_TYPE_NONE = 0,
    XENVIF_PACKET_HASH_TYPE_IPV4 = 1,
    XENVIF_PACKET_HASH_TYPE_IPV4_TCP = 2,
    XENVIF_PACKET_HASH_TYPE_IPV6 = 3,
    XENVIF_PACKET_HASH_TYPE_IPV6_TCP = 4
} XENVIF_PACKET_HASH_TYPE;

typedef struct _XENVIF_PACKET_HASH_V2 {
    XENVIF_PACKET_HASH_ALGORITHM Algorithm;
    XENVIF_PACKET_HASH_TYPE Type;
    ULONG Value;
} XENVIF_PACKET_HASH_V2;

// A header's place from the packet's first byte; Length 0 means the packet has no such header.
typedef struct _XENVIF_PACKET_HEADER_V1 {
    ULONG Offset;
    ULONG Length;
} XENVIF_PACKET_HEADER_V1;

typedef struct _XENVIF_PACKET_INFO_V2 {
    ULONG Length; // of all headers together
    BOOLEAN IsAFragment;
    XENVIF_PACKET_HEADER_V1 EthernetHeader;
    XENVIF_PACKET_HEADER_V1 LLCSnapHeader;
    XENVIF_PACKET_HEADER_V1 IpHeader;
    XENVIF_PACKET_HEADER_V1 IpOptions;
    XENVIF_PACKET_HEADER_V1 TcpHeader;
    XENVIF_PACKET_HEADER_V1 TcpOptions;
    XENVIF_PACKET_HEADER_V1 UdpHeader;
} XENVIF_PACKET_INFO_V2;

typedef struct _XENVIF_PACKET_CHECKSUM_FLAGS_V1 {
    union {
        struct {
            ULONG IpChecksumSucceeded : 1;
            ULONG IpChecksumFailed : 1;
            ULONG IpChecksumNotValidated : 1;
            ULONG TcpChecksumSucceeded : 1;
            ULONG TcpChecksumFailed : 1;
            ULONG TcpChecksumNotValidated : 1;
            ULONG UdpChecksumSucceeded : 1;
            ULONG UdpChecksumFailed : 1;
            ULONG UdpChecksumNotValidated : 1;
            ULONG Reserved : 23;
        };
        ULONG Value;
    };
} XENVIF_PACKET_CHECKSUM_FLAGS_V1;

// Transmit: what the provider shall do to a packet. Receive: what it may do before handing one up.
typedef struct _XENVIF_VIF_OFFLOAD_OPTIONS_V1 {
    union {
        struct {
            USHORT OffloadTagManipulation : 1;
            USHORT OffloadIpVersion4LargePacket : 1;
            USHORT OffloadIpVersion4HeaderChecksum : 1;
            USHORT OffloadIpVersion4TcpChecksum : 1;
            USHORT OffloadIpVersion4UdpChecksum : 1;
            USHORT OffloadIpVersion6LargePacket : 1;
            USHORT OffloadIpVersion6TcpChecksum : 1;
            USHORT OffloadIpVersion6UdpChecksum : 1;
            USHORT NeedChecksumValue : 1;    // receive: write checksums the backend left out
            USHORT NeedLargePacketSplit : 1; // receive: cut coalesced packets
            USHORT Reserved : 6;
        };
        USHORT Value;
    };
} XENVIF_VIF_OFFLOAD_OPTIONS_V1;

typedef enum _XENVIF_TRANSMITTER_PACKET_STATUS {
    XENVIF_TRANSMITTER_PACKET_OK = 2,
    XENVIF_TRANSMITTER_PACKET_DROPPED = 3,
    XENVIF_TRANSMITTER_PACKET_ERROR = 4
} XENVIF_TRANSMITTER_PACKET_STATUS;

#pragma pack(push, 1)
typedef struct _XENVIF_TRANSMITTER_PACKET_SEND_INFO_V1 {
    XENVIF_VIF_OFFLOAD_OPTIONS_V1 OffloadOptions;
    USHORT MaximumSegmentSize;
    USHORT TagControlInformation;
} XENVIF_TRANSMITTER_PACKET_SEND_INFO_V1;

typedef struct _XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 {
    UCHAR Type;   // ETHERNET_ADDRESS_TYPE
    UCHAR Status; // XENVIF_TRANSMITTER_PACKET_STATUS
    USHORT PacketLength;
    USHORT PayloadLength; // without the headers the provider recognised
} XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1;
#pragma pack(pop)

typedef struct _XENVIF_TRANSMITTER_PACKET_V2 {
    LIST_ENTRY ListEntry;
    PVOID Cookie;
    ULONG Value;
    XENVIF_TRANSMITTER_PACKET_SEND_INFO_V1 Send;
    XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 Completion;
    MDL *Mdl;
    ULONG Offset;
    ULONG Length;
} XENVIF_TRANSMITTER_PACKET_V2;

typedef enum _XENVIF_VIF_STATISTIC {
    XENVIF_TRANSMITTER_PACKETS_DROPPED = 0,
    XENVIF_TRANSMITTER_BACKEND_ERRORS = 1,
    XENVIF_TRANSMITTER_FRONTEND_ERRORS = 2,
    XENVIF_TRANSMITTER_UNICAST_PACKETS = 3,
    XENVIF_TRANSMITTER_UNICAST_OCTETS = 4,
    XENVIF_TRANSMITTER_MULTICAST_PACKETS = 5,
    XENVIF_TRANSMITTER_MULTICAST_OCTETS = 6,
    XENVIF_TRANSMITTER_BROADCAST_PACKETS = 7,
    XENVIF_TRANSMITTER_BROADCAST_OCTETS = 8,
    XENVIF_RECEIVER_PACKETS_DROPPED = 9,
    XENVIF_RECEIVER_BACKEND_ERRORS = 10,
    XENVIF_RECEIVER_FRONTEND_ERRORS = 11,
    XENVIF_RECEIVER_UNICAST_PACKETS = 12,
    XENVIF_RECEIVER_UNICAST_OCTETS = 13,
    XENVIF_RECEIVER_MULTICAST_PACKETS = 14,
    XENVIF_RECEIVER_MULTICAST_OCTETS = 15,
    XENVIF_RECEIVER_BROADCAST_PACKETS = 16,
    XENVIF_RECEIVER_BROADCAST_OCTETS = 17,
    XENVIF_TRANSMITTER_TAGGED_PACKETS = 18,
    XENVIF_TRANSMITTER_LLC_SNAP_PACKETS = 19,
    XENVIF_TRANSMITTER_IPV4_PACKETS = 20,
    XENVIF_TRANSMITTER_IPV6_PACKETS = 21,
    XENVIF_TRANSMITTER_TCP_PACKETS = 22,
    XENVIF_TRANSMITTER_UDP_PACKETS = 23,
    XENVIF_TRANSMITTER_GSO_PACKETS = 24,
    XENVIF_TRANSMITTER_IPV4_CHECKSUM_SUCCEEDED = 25,
    XENVIF_TRANSMITTER_IPV4_CHECKSUM_FAILED = 26,
    XENVIF_TRANSMITTER_IPV4_CHECKSUM_NOT_VALIDATED = 27,
    XENVIF_TRANSMITTER_TCP_CHECKSUM_SUCCEEDED = 28,
    XENVIF_TRANSMITTER_TCP_CHECKSUM_FAILED = 29,
    XENVIF_TRANSMITTER_TCP_CHECKSUM_NOT_VALIDATED = 30,
    XENVIF_TRANSMITTER_UDP_CHECKSUM_SUCCEEDED = 31,
    XENVIF_TRANSMITTER_UDP_CHECKSUM_FAILED = 32,
    XENVIF_TRANSMITTER_UDP_CHECKSUM_NOT_VALIDATED = 33,
    XENVIF_RECEIVER_TAGGED_PACKETS = 34,
    XENVIF_RECEIVER_LLC_SNAP_PACKETS = 35,
    XENVIF_RECEIVER_IPV4_PACKETS = 36,
    XENVIF_RECEIVER_IPV6_PACKETS = 37,
    XENVIF_RECEIVER_TCP_PACKETS = 38,
    XENVIF_RECEIVER_UDP_PACKETS = 39,
    XENVIF_RECEIVER_GSO_PACKETS = 40,
    XENVIF_RECEIVER_IPV4_CHECKSUM_SUCCEEDED = 41,
    XENVIF_RECEIVER_IPV4_CHECKSUM_FAILED = 42,
    XENVIF_RECEIVER_IPV4_CHECKSUM_NOT_VALIDATED = 43,
    XENVIF_RECEIVER_TCP_CHECKSUM_SUCCEEDED = 44,
    XENVIF_RECEIVER_TCP_CHECKSUM_FAILED = 45,
    XENVIF_RECEIVER_TCP_CHECKSUM_NOT_VALIDATED = 46,
    XENVIF_RECEIVER_UDP_CHECKSUM_SUCCEEDED = 47,
    XENVIF_RECEIVER_UDP_CHECKSUM_FAILED = 48,
    XENVIF_RECEIVER_UDP_CHECKSUM_NOT_VALIDATED = 49,
    XENVIF_VIF_STATISTIC_COUNT = 50
} XENVIF_VIF_STATISTIC;

typedef enum _XENVIF_MAC_FILTER_LEVEL {
    XENVIF_MAC_FILTER_NONE = 0,
    XENVIF_MAC_FILTER_MATCHING = 1,
    XENVIF_MAC_FILTER_ALL = 2
} XENVIF_MAC_FILTER_LEVEL;

typedef enum _XENVIF_VIF_CALLBACK_TYPE {
    XENVIF_TRANSMITTER_RETURN_PACKET = 0,
    XENVIF_RECEIVER_QUEUE_PACKET = 1,
    XENVIF_MAC_STATE_CHANGE = 2
} XENVIF_VIF_CALLBACK_TYPE;

typedef union _XENVIF_VIF_CALLBACK_PARAMETERS_V9 {
    struct {
        PVOID Cookie;
        XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *Completion;
    } TransmitterReturnPacket;
    struct {
        ULONG Index; // of the receive queue
        MDL *Mdl;
        ULONG Offset; // of the packet in the first MDL
        ULONG Length; // of the packet over the whole chain
        XENVIF_PACKET_CHECKSUM_FLAGS_V1 Flags;
        USHORT MaximumSegmentSize; // non-zero: several segments coalesced
        USHORT TagControlInformation;
        XENVIF_PACKET_INFO_V2 *Info;
        XENVIF_PACKET_HASH_V2 *Hash;
        BOOLEAN More; // more packets follow for this processor
        PVOID Cookie;
    } ReceiverQueuePacket;
} XENVIF_VIF_CALLBACK_PARAMETERS_V9;

typedef union _XENVIF_VIF_CALLBACK_PARAMETERS_V10 {
    struct {
        PVOID Cookie;
        XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *Completion;
    } TransmitterReturnPacket;
    struct {
        ULONG Index; // of the receive queue
        MDL *Mdl;
        ULONG Offset; // of the packet in the first MDL
        ULONG Length; // of the packet over the whole chain
        XENVIF_PACKET_CHECKSUM_FLAGS_V1 Flags;
        USHORT MaximumSegmentSize; // non-zero: several segments coalesced
        USHORT TagControlInformation;
        XENVIF_PACKET_INFO_V2 *Info;
        XENVIF_PACKET_HASH_V2 *Hash;
        BOOLEAN More; // more packets follow for this processor
        PVOID Cookie;
        BOOLEAN Pause; // set by the callback: hold further packets for a moment
    } ReceiverQueuePacket;
} XENVIF_VIF_CALLBACK_PARAMETERS_V10;

/*
 * Version 8 passes, after Type:
 *   XENVIF_TRANSMITTER_RETURN_PACKET  PVOID Cookie, XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *Completion
 *   XENVIF_RECEIVER_QUEUE_PACKET      the fields of ReceiverQueuePacket above, in order
 *   XENVIF_MAC_STATE_CHANGE           nothing
 */
typedef VOID(__cdecl *XENVIF_VIF_CALLBACK_V8)(PVOID Argument, XENVIF_VIF_CALLBACK_TYPE Type, ...);
typedef VOID(NTAPI *XENVIF_VIF_CALLBACK_V9)(PVOID Argument, XENVIF_VIF_CALLBACK_TYPE Type,
                                            XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters);
typedef VOID(NTAPI *XENVIF_VIF_CALLBACK_V10)(PVOID Argument, XENVIF_VIF_CALLBACK_TYPE Type,
                                             XENVIF_VIF_CALLBACK_PARAMETERS_V10 *Parameters);

typedef NTSTATUS(NTAPI *XENVIF_VIF_ENABLE_V8)(INTERFACE *Interface, XENVIF_VIF_CALLBACK_V8 Callback, PVOID Argument);
typedef NTSTATUS(NTAPI *XENVIF_VIF_ENABLE_V9)(INTERFACE *Interface, XENVIF_VIF_CALLBACK_V9 Callback, PVOID Argument);
typedef NTSTATUS(NTAPI *XENVIF_VIF_ENABLE_V10)(INTERFACE *Interface, XENVIF_VIF_CALLBACK_V10 Callback, PVOID Argument);

typedef NTSTATUS(NTAPI *XENVIF_VIF_ACQUIRE)(INTERFACE *Interface);
typedef VOID(NTAPI *XENVIF_VIF_RELEASE)(INTERFACE *Interface);
typedef VOID(NTAPI *XENVIF_VIF_DISABLE)(INTERFACE *Interface);
typedef NTSTATUS(NTAPI *XENVIF_VIF_QUERY_STATISTIC)(INTERFACE *Interface, XENVIF_VIF_STATISTIC Index, ULONGLONG *Value);
typedef VOID(NTAPI *XENVIF_VIF_QUERY_RING_COUNT)(INTERFACE *Interface, ULONG *Count);
typedef NTSTATUS(NTAPI *XENVIF_VIF_UPDATE_HASH_MAPPING)(INTERFACE *Interface, PROCESSOR_NUMBER *Mapping, ULONG Size);
typedef VOID(NTAPI *XENVIF_VIF_RECEIVER_RETURN_PACKET)(INTERFACE *Interface, PVOID Cookie);
typedef VOID(NTAPI *XENVIF_VIF_RECEIVER_SET_OFFLOAD_OPTIONS)(INTERFACE *Interface,
                                                             XENVIF_VIF_OFFLOAD_OPTIONS_V1 Options);
typedef VOID(NTAPI *XENVIF_VIF_RECEIVER_SET_BACKFILL_SIZE)(INTERFACE *Interface, ULONG Size);
typedef VOID(NTAPI *XENVIF_VIF_RECEIVER_QUERY_RING_SIZE)(INTERFACE *Interface, ULONG *Size);
typedef NTSTATUS(NTAPI *XENVIF_VIF_RECEIVER_SET_HASH_ALGORITHM)(INTERFACE *Interface,
                                                                XENVIF_PACKET_HASH_ALGORITHM Algorithm);
typedef NTSTATUS(__cdecl *XENVIF_VIF_RECEIVER_QUERY_HASH_CAPABILITIES)(INTERFACE *Interface, ...);
typedef NTSTATUS(__cdecl *XENVIF_VIF_RECEIVER_UPDATE_HASH_PARAMETERS)(INTERFACE *Interface, ...);
typedef NTSTATUS(NTAPI *XENVIF_VIF_TRANSMITTER_QUEUE_PACKET)(INTERFACE *Interface, MDL *Mdl, ULONG Offset, ULONG Length,
                                                             XENVIF_VIF_OFFLOAD_OPTIONS_V1 Options,
                                                             USHORT MaximumSegmentSize, USHORT TagControlInformation,
                                                             XENVIF_PACKET_HASH_V2 *Hash, BOOLEAN More, PVOID Cookie);
typedef VOID(NTAPI *XENVIF_VIF_TRANSMITTER_QUERY_OFFLOAD_OPTIONS)(INTERFACE *Interface,
                                                                  XENVIF_VIF_OFFLOAD_OPTIONS_V1 *Options);
typedef VOID(NTAPI *XENVIF_VIF_TRANSMITTER_QUERY_LARGE_PACKET_SIZE)(INTERFACE *Interface, UCHAR IpVersion, ULONG *Size);
typedef VOID(NTAPI *XENVIF_VIF_TRANSMITTER_QUERY_RING_SIZE)(INTERFACE *Interface, ULONG *Size);
typedef VOID(NTAPI *XENVIF_VIF_MAC_QUERY_STATE)(INTERFACE *Interface, NET_IF_MEDIA_CONNECT_STATE *ConnectState,
                                                ULONG64 *LinkSpeed, NET_IF_MEDIA_DUPLEX_STATE *DuplexState);
typedef VOID(NTAPI *XENVIF_VIF_MAC_QUERY_MAXIMUM_FRAME_SIZE)(INTERFACE *Interface, ULONG *Size);
typedef VOID(NTAPI *XENVIF_VIF_MAC_QUERY_PERMANENT_ADDRESS)(INTERFACE *Interface, ETHERNET_ADDRESS *Address);
typedef VOID(NTAPI *XENVIF_VIF_MAC_QUERY_CURRENT_ADDRESS)(INTERFACE *Interface, ETHERNET_ADDRESS *Address);
typedef NTSTATUS(NTAPI *XENVIF_VIF_MAC_QUERY_MULTICAST_ADDRESSES)(INTERFACE *Interface, ETHERNET_ADDRESS *Addresses,
                                                                  ULONG *Count);
typedef NTSTATUS(NTAPI *XENVIF_VIF_MAC_SET_MULTICAST_ADDRESSES)(INTERFACE *Interface, ETHERNET_ADDRESS *Addresses,
                                                                ULONG Count);
typedef NTSTATUS(NTAPI *XENVIF_VIF_MAC_SET_FILTER_LEVEL)(INTERFACE *Interface, ETHERNET_ADDRESS_TYPE Type,
                                                         XENVIF_MAC_FILTER_LEVEL Level);
typedef NTSTATUS(NTAPI *XENVIF_VIF_MAC_QUERY_FILTER_LEVEL)(INTERFACE *Interface, ETHERNET_ADDRESS_TYPE Type,
                                                           XENVIF_MAC_FILTER_LEVEL *Level);

typedef struct _XENVIF_VIF_INTERFACE_V8 {
    INTERFACE Interface;
    XENVIF_VIF_ACQUIRE Acquire;
    XENVIF_VIF_RELEASE Release;
    XENVIF_VIF_ENABLE_V8 EnableVersion8;
    XENVIF_VIF_DISABLE Disable;
    XENVIF_VIF_QUERY_STATISTIC QueryStatistic;
    XENVIF_VIF_QUERY_RING_COUNT QueryRingCount;
    XENVIF_VIF_UPDATE_HASH_MAPPING UpdateHashMapping;
    XENVIF_VIF_RECEIVER_RETURN_PACKET ReceiverReturnPacket;
    XENVIF_VIF_RECEIVER_SET_OFFLOAD_OPTIONS ReceiverSetOffloadOptions;
    XENVIF_VIF_RECEIVER_SET_BACKFILL_SIZE ReceiverSetBackfillSize;
    XENVIF_VIF_RECEIVER_QUERY_RING_SIZE ReceiverQueryRingSize;
    XENVIF_VIF_RECEIVER_SET_HASH_ALGORITHM ReceiverSetHashAlgorithm;
    XENVIF_VIF_RECEIVER_QUERY_HASH_CAPABILITIES ReceiverQueryHashCapabilities;
    XENVIF_VIF_RECEIVER_UPDATE_HASH_PARAMETERS ReceiverUpdateHashParameters;
    XENVIF_VIF_TRANSMITTER_QUEUE_PACKET TransmitterQueuePacket;
    XENVIF_VIF_TRANSMITTER_QUERY_OFFLOAD_OPTIONS TransmitterQueryOffloadOptions;
    XENVIF_VIF_TRANSMITTER_QUERY_LARGE_PACKET_SIZE TransmitterQueryLargePacketSize;
    XENVIF_VIF_TRANSMITTER_QUERY_RING_SIZE TransmitterQueryRingSize;
    XENVIF_VIF_MAC_QUERY_STATE MacQueryState;
    XENVIF_VIF_MAC_QUERY_MAXIMUM_FRAME_SIZE MacQueryMaximumFrameSize;
    XENVIF_VIF_MAC_QUERY_PERMANENT_ADDRESS MacQueryPermanentAddress;
    XENVIF_VIF_MAC_QUERY_CURRENT_ADDRESS MacQueryCurrentAddress;
    XENVIF_VIF_MAC_QUERY_MULTICAST_ADDRESSES MacQueryMulticastAddresses;
    XENVIF_VIF_MAC_SET_MULTICAST_ADDRESSES MacSetMulticastAddresses;
    XENVIF_VIF_MAC_SET_FILTER_LEVEL MacSetFilterLevel;
    XENVIF_VIF_MAC_QUERY_FILTER_LEVEL MacQueryFilterLevel;
} XENVIF_VIF_INTERFACE_V8;

typedef struct _XENVIF_VIF_INTERFACE_V9 {
    INTERFACE Interface;
    XENVIF_VIF_ACQUIRE Acquire;
    XENVIF_VIF_RELEASE Release;
    XENVIF_VIF_ENABLE_V9 EnableVersion9;
    XENVIF_VIF_DISABLE Disable;
    XENVIF_VIF_QUERY_STATISTIC QueryStatistic;
    XENVIF_VIF_QUERY_RING_COUNT QueryRingCount;
    XENVIF_VIF_UPDATE_HASH_MAPPING UpdateHashMapping;
    XENVIF_VIF_RECEIVER_RETURN_PACKET ReceiverReturnPacket;
    XENVIF_VIF_RECEIVER_SET_OFFLOAD_OPTIONS ReceiverSetOffloadOptions;
    XENVIF_VIF_RECEIVER_SET_BACKFILL_SIZE ReceiverSetBackfillSize;
    XENVIF_VIF_RECEIVER_QUERY_RING_SIZE ReceiverQueryRingSize;
    XENVIF_VIF_RECEIVER_SET_HASH_ALGORITHM ReceiverSetHashAlgorithm;
    XENVIF_VIF_RECEIVER_QUERY_HASH_CAPABILITIES ReceiverQueryHashCapabilities;
    XENVIF_VIF_RECEIVER_UPDATE_HASH_PARAMETERS ReceiverUpdateHashParameters;
    XENVIF_VIF_TRANSMITTER_QUEUE_PACKET TransmitterQueuePacket;
    XENVIF_VIF_TRANSMITTER_QUERY_OFFLOAD_OPTIONS TransmitterQueryOffloadOptions;
    XENVIF_VIF_TRANSMITTER_QUERY_LARGE_PACKET_SIZE TransmitterQueryLargePacketSize;
    XENVIF_VIF_TRANSMITTER_QUERY_RING_SIZE TransmitterQueryRingSize;
    XENVIF_VIF_MAC_QUERY_STATE MacQueryState;
    XENVIF_VIF_MAC_QUERY_MAXIMUM_FRAME_SIZE MacQueryMaximumFrameSize;
    XENVIF_VIF_MAC_QUERY_PERMANENT_ADDRESS MacQueryPermanentAddress;
    XENVIF_VIF_MAC_QUERY_CURRENT_ADDRESS MacQueryCurrentAddress;
    XENVIF_VIF_MAC_QUERY_MULTICAST_ADDRESSES MacQueryMulticastAddresses;
    XENVIF_VIF_MAC_SET_MULTICAST_ADDRESSES MacSetMulticastAddresses;
    XENVIF_VIF_MAC_SET_FILTER_LEVEL MacSetFilterLevel;
    XENVIF_VIF_MAC_QUERY_FILTER_LEVEL MacQueryFilterLevel;
} XENVIF_VIF_INTERFACE_V9;

typedef struct _XENVIF_VIF_INTERFACE_V10 {
    INTERFACE Interface;
    XENVIF_VIF_ACQUIRE Acquire;
    XENVIF_VIF_RELEASE Release;
    XENVIF_VIF_ENABLE_V10 Enable;
    XENVIF_VIF_DISABLE Disable;
    XENVIF_VIF_QUERY_STATISTIC QueryStatistic;
    XENVIF_VIF_QUERY_RING_COUNT QueryRingCount;
    XENVIF_VIF_UPDATE_HASH_MAPPING UpdateHashMapping;
    XENVIF_VIF_RECEIVER_RETURN_PACKET ReceiverReturnPacket;
    XENVIF_VIF_RECEIVER_SET_OFFLOAD_OPTIONS ReceiverSetOffloadOptions;
    XENVIF_VIF_RECEIVER_SET_BACKFILL_SIZE ReceiverSetBackfillSize;
    XENVIF_VIF_RECEIVER_QUERY_RING_SIZE ReceiverQueryRingSize;
    XENVIF_VIF_RECEIVER_SET_HASH_ALGORITHM ReceiverSetHashAlgorithm;
    XENVIF_VIF_RECEIVER_QUERY_HASH_CAPABILITIES ReceiverQueryHashCapabilities;
    XENVIF_VIF_RECEIVER_UPDATE_HASH_PARAMETERS ReceiverUpdateHashParameters;
    XENVIF_VIF_TRANSMITTER_QUEUE_PACKET TransmitterQueuePacket;
    XENVIF_VIF_TRANSMITTER_QUERY_OFFLOAD_OPTIONS TransmitterQueryOffloadOptions;
    XENVIF_VIF_TRANSMITTER_QUERY_LARGE_PACKET_SIZE TransmitterQueryLargePacketSize;
    XENVIF_VIF_TRANSMITTER_QUERY_RING_SIZE TransmitterQueryRingSize;
    XENVIF_VIF_MAC_QUERY_STATE MacQueryState;
    XENVIF_VIF_MAC_QUERY_MAXIMUM_FRAME_SIZE MacQueryMaximumFrameSize;
    XENVIF_VIF_MAC_QUERY_PERMANENT_ADDRESS MacQueryPermanentAddress;
    XENVIF_VIF_MAC_QUERY_CURRENT_ADDRESS MacQueryCurrentAddress;
    XENVIF_VIF_MAC_QUERY_MULTICAST_ADDRESSES MacQueryMulticastAddresses;
    XENVIF_VIF_MAC_SET_MULTICAST_ADDRESSES MacSetMulticastAddresses;
    XENVIF_VIF_MAC_SET_FILTER_LEVEL MacSetFilterLevel;
    XENVIF_VIF_MAC_QUERY_FILTER_LEVEL MacQueryFilterLevel;
} XENVIF_VIF_INTERFACE_V10;

#endif
