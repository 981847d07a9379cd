/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NET_BUFFER_LIST and NET_BUFFER: packets as NDIS passes them, and their out-of-band information.
 *
 * A NET_BUFFER_LIST (NBL) holds a chain of NET_BUFFERs (NB) that share one set of out-of-band values; an NB is
 * one packet: DataLength bytes that start CurrentMdlOffset bytes into CurrentMdl. On receive an NBL has one NB.
 */
#ifndef NDIS_NBL_H
#define NDIS_NBL_H

typedef struct _NET_BUFFER NET_BUFFER, *PNET_BUFFER;
typedef struct _NET_BUFFER_LIST NET_BUFFER_LIST, *PNET_BUFFER_LIST;
typedef struct _NET_BUFFER_LIST_CONTEXT NET_BUFFER_LIST_CONTEXT, *PNET_BUFFER_LIST_CONTEXT;
typedef struct _NET_BUFFER_SHARED_MEMORY NET_BUFFER_SHARED_MEMORY, *PNET_BUFFER_SHARED_MEMORY;

typedef union _NET_BUFFER_DATA_LENGTH {
    ULONG DataLength;
    SIZE_T stDataLength;
} NET_BUFFER_DATA_LENGTH, *PNET_BUFFER_DATA_LENGTH;

#define NDIS_NET_BUFFER_DATA_FIELDS                                                                                    \
    PNET_BUFFER Next;                                                                                                  \
    PMDL CurrentMdl;                                                                                                   \
    ULONG CurrentMdlOffset;                                                                                            \
    union {                                                                                                            \
        ULONG DataLength;                                                                                              \
        SIZE_T stDataLength;                                                                                           \
    };                                                                                                                 \
    PMDL MdlChain;                                                                                                     \
    ULONG DataOffset

typedef struct _NET_BUFFER_DATA {
    NDIS_NET_BUFFER_DATA_FIELDS;
} NET_BUFFER_DATA, *PNET_BUFFER_DATA;

typedef union _NET_BUFFER_HEADER {
    struct {
        NDIS_NET_BUFFER_DATA_FIELDS;
    };
    SLIST_HEADER Link;
} NET_BUFFER_HEADER, *PNET_BUFFER_HEADER;

struct _NET_BUFFER {
    union {
        struct {
            NDIS_NET_BUFFER_DATA_FIELDS;
        };
        SLIST_HEADER Link;
        NET_BUFFER_HEADER NetBufferHeader;
    };
    USHORT ChecksumBias;
    USHORT Reserved;
    NDIS_HANDLE NdisPoolHandle;
    DECLSPEC_ALIGN(MEMORY_ALLOCATION_ALIGNMENT) PVOID NdisReserved[2];
    DECLSPEC_ALIGN(MEMORY_ALLOCATION_ALIGNMENT) PVOID ProtocolReserved[6];
    DECLSPEC_ALIGN(MEMORY_ALLOCATION_ALIGNMENT) PVOID MiniportReserved[4];
    NDIS_PHYSICAL_ADDRESS DataPhysicalAddress;
    union {
        PNET_BUFFER_SHARED_MEMORY SharedMemoryInfo;
        PSCATTER_GATHER_LIST ScatterGatherList;
    };
};

typedef struct _NET_BUFFER_LIST_DATA {
    PNET_BUFFER_LIST Next;
    PNET_BUFFER FirstNetBuffer;
} NET_BUFFER_LIST_DATA, *PNET_BUFFER_LIST_DATA;

typedef union _NET_BUFFER_LIST_HEADER {
    struct {
        PNET_BUFFER_LIST Next;
        PNET_BUFFER FirstNetBuffer;
    };
    SLIST_HEADER Link;
} NET_BUFFER_LIST_HEADER, *PNET_BUFFER_LIST_HEADER;

struct _NET_BUFFER_LIST_CONTEXT {
    PNET_BUFFER_LIST_CONTEXT Next;
    USHORT Size;
    USHORT Offset;
    DECLSPEC_ALIGN(MEMORY_ALLOCATION_ALIGNMENT) UCHAR ContextData[];
};

/*
 * Index of NET_BUFFER_LIST.NetBufferListInfo. Some slots mean one thing on send and another on receive. The
 * slots from 0x12 on differ between x64 and x86, where those of the virtual switch come last and exist from NDIS 6.82
 * on only: an NBL of an older NDIS ends before MaxNetBufferListInfo, so slots are written by name, never as an array.
 */
typedef enum _NDIS_NET_BUFFER_LIST_INFO {
    TcpIpChecksumNetBufferListInfo,
    TcpOffloadBytesTransferred = TcpIpChecksumNetBufferListInfo,
    IPsecOffloadV1NetBufferListInfo,
    IPsecOffloadV2NetBufferListInfo = IPsecOffloadV1NetBufferListInfo,
    TcpLargeSendNetBufferListInfo,
    TcpReceiveNoPush = TcpLargeSendNetBufferListInfo,
    ClassificationHandleNetBufferListInfo,
    Ieee8021QNetBufferListInfo,
    NetBufferListCancelId,
    MediaSpecificInformation,
    NetBufferListFrameType,
    NetBufferListProtocolId = NetBufferListFrameType,
    NetBufferListHashValue,
    NetBufferListHashInfo,
    WfpNetBufferListInfo,
    IPsecOffloadV2TunnelNetBufferListInfo,
    IPsecOffloadV2HeaderNetBufferListInfo,
    NetBufferListCorrelationId,
    NetBufferListFilteringInfo,
    MediaSpecificInformationEx,
    NblOriginalInterfaceIfIndex,
    NblReAuthWfpFlowContext = NblOriginalInterfaceIfIndex,
    TcpReceiveBytesTransferred,
    NrtNameResolutionId = TcpReceiveBytesTransferred,
    UdpRecvSegCoalesceOffloadInfo = TcpReceiveBytesTransferred, /* 6.84 */
#ifdef _WIN64
    SwitchForwardingReserved,
    SwitchForwardingDetail,
    VirtualSubnetInfo,
#endif
    IMReserved,
    TcpRecvSegCoalesceInfo,
    UdpSegmentationOffloadInfo = TcpRecvSegCoalesceInfo, /* 6.83 */
    RscTcpTimestampDelta,
    TcpSendOffloadsSupplementalNetBufferListInfo = RscTcpTimestampDelta,
#ifdef _WIN64
    GftOffloadInformation,
    GftFlowEntryId,
    NetBufferListInfoReserved3,
#else
    NetBufferListInfoReserved3,
    NetBufferListInfoReserved4,
    SwitchForwardingReserved,
    SwitchForwardingDetail_b0_to_b31,
    SwitchForwardingDetail_b32_to_b63,
    VirtualSubnetInfo,
#endif
    MaxNetBufferListInfo
} NDIS_NET_BUFFER_LIST_INFO,
    *PNDIS_NET_BUFFER_LIST_INFO;

struct _NET_BUFFER_LIST {
    union {
        struct {
            PNET_BUFFER_LIST Next;
            PNET_BUFFER FirstNetBuffer;
        };
        SLIST_HEADER Link;
        NET_BUFFER_LIST_HEADER NetBufferListHeader;
    };
    PNET_BUFFER_LIST_CONTEXT Context;
    PNET_BUFFER_LIST ParentNetBufferList;
    NDIS_HANDLE NdisPoolHandle;
    DECLSPEC_ALIGN(MEMORY_ALLOCATION_ALIGNMENT) PVOID NdisReserved[2];
    DECLSPEC_ALIGN(MEMORY_ALLOCATION_ALIGNMENT) PVOID ProtocolReserved[4];
    DECLSPEC_ALIGN(MEMORY_ALLOCATION_ALIGNMENT) PVOID MiniportReserved[2];
    PVOID Scratch;
    NDIS_HANDLE SourceHandle;
    ULONG NblFlags;
    LONG ChildRefCount;
    ULONG Flags;
    union {
        NDIS_STATUS Status;
        ULONG NdisReserved2;
    };
    PVOID NetBufferListInfo[MaxNetBufferListInfo];
};

#define NET_BUFFER_NEXT_NB(Nb)            ((Nb)->Next)
#define NET_BUFFER_FIRST_MDL(Nb)          ((Nb)->MdlChain)
#define NET_BUFFER_DATA_LENGTH(Nb)        ((Nb)->DataLength)
#define NET_BUFFER_DATA_OFFSET(Nb)        ((Nb)->DataOffset)
#define NET_BUFFER_CURRENT_MDL(Nb)        ((Nb)->CurrentMdl)
#define NET_BUFFER_CURRENT_MDL_OFFSET(Nb) ((Nb)->CurrentMdlOffset)
#define NET_BUFFER_MINIPORT_RESERVED(Nb)  ((Nb)->MiniportReserved)
#define NET_BUFFER_PROTOCOL_RESERVED(Nb)  ((Nb)->ProtocolReserved)
#define NET_BUFFER_CHECKSUM_BIAS(Nb)      ((Nb)->ChecksumBias)

#define NET_BUFFER_LIST_NEXT_NBL(Nbl)           ((Nbl)->Next)
#define NET_BUFFER_LIST_FIRST_NB(Nbl)           ((Nbl)->FirstNetBuffer)
#define NET_BUFFER_LIST_FLAGS(Nbl)              ((Nbl)->Flags)
#define NET_BUFFER_LIST_NBL_FLAGS(Nbl)          ((Nbl)->NblFlags)
#define NET_BUFFER_LIST_STATUS(Nbl)             ((Nbl)->Status)
#define NET_BUFFER_LIST_INFO(Nbl, Id)           ((Nbl)->NetBufferListInfo[(Id)])
#define NET_BUFFER_LIST_MINIPORT_RESERVED(Nbl)  ((Nbl)->MiniportReserved)
#define NET_BUFFER_LIST_PROTOCOL_RESERVED(Nbl)  ((Nbl)->ProtocolReserved)
#define NET_BUFFER_LIST_CONTEXT_DATA_START(Nbl) ((PUCHAR)((Nbl)->Context + 1) + (Nbl)->Context->Offset)
#define NET_BUFFER_LIST_CONTEXT_DATA_SIZE(Nbl)  ((Nbl)->Context->Size)

#define NdisTestNblFlag(Nbl, Flag)  (((Nbl)->NblFlags & (Flag)) != 0)
#define NdisTestNblFlags(Nbl, Mask) (((Nbl)->NblFlags & (Mask)) == (Mask))
#define NdisSetNblFlag(Nbl, Flag)   ((Nbl)->NblFlags |= (Flag))
#define NdisClearNblFlag(Nbl, Flag) ((Nbl)->NblFlags &= ~(Flag))

/* The hash function sits in the low byte of the hash information, the hash type above it. */
#define NET_BUFFER_LIST_GET_HASH_TYPE(Nbl)                                                                             \
    ((ULONG)(ULONG_PTR)NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo) & NDIS_HASH_TYPE_MASK)
#define NET_BUFFER_LIST_GET_HASH_FUNCTION(Nbl)                                                                         \
    ((ULONG)(ULONG_PTR)NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo) & NDIS_HASH_FUNCTION_MASK)
#define NET_BUFFER_LIST_GET_HASH_VALUE(Nbl) ((ULONG)(ULONG_PTR)NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashValue))
#define NET_BUFFER_LIST_SET_HASH_TYPE(Nbl, HashType)                                                                   \
    (NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo) =                                                                \
         (PVOID)(ULONG_PTR)(NET_BUFFER_LIST_GET_HASH_FUNCTION(Nbl) | ((HashType)&NDIS_HASH_TYPE_MASK)))
#define NET_BUFFER_LIST_SET_HASH_FUNCTION(Nbl, Function)                                                               \
    (NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashInfo) =                                                                \
         (PVOID)(ULONG_PTR)(NET_BUFFER_LIST_GET_HASH_TYPE(Nbl) | ((Function)&NDIS_HASH_FUNCTION_MASK)))
#define NET_BUFFER_LIST_SET_HASH_VALUE(Nbl, Value)                                                                     \
    (NET_BUFFER_LIST_INFO(Nbl, NetBufferListHashValue) = (PVOID)(ULONG_PTR)(Value))

#define NET_BUFFER_LIST_COALESCED_SEG_COUNT(Nbl)                                                                       \
    (((PNDIS_RSC_NBL_INFO)&NET_BUFFER_LIST_INFO(Nbl, TcpRecvSegCoalesceInfo))->Info.CoalescedSegCount)
#define NET_BUFFER_LIST_DUP_ACK_COUNT(Nbl)                                                                             \
    (((PNDIS_RSC_NBL_INFO)&NET_BUFFER_LIST_INFO(Nbl, TcpRecvSegCoalesceInfo))->Info.DupAckCount)

#define NDIS_NBL_FLAGS_SEND_READ_ONLY     0x1
#define NDIS_NBL_FLAGS_RECV_READ_ONLY     0x2
#define NDIS_NBL_FLAGS_HD_SPLIT           0x100
#define NDIS_NBL_FLAGS_IS_IPV4            0x200
#define NDIS_NBL_FLAGS_IS_IPV6            0x400
#define NDIS_NBL_FLAGS_IS_TCP             0x800
#define NDIS_NBL_FLAGS_IS_UDP             0x1000
#define NDIS_NBL_FLAGS_IS_LOOPBACK_PACKET 0x8000
/* 6.82 */
#define NDIS_NBL_FLAGS_CAPTURE_TIMESTAMP_ON_TRANSMIT 0x10000

#define NDIS_SEND_FLAGS_DISPATCH_LEVEL              1
#define NDIS_SEND_FLAGS_CHECK_FOR_LOOPBACK          2
#define NDIS_SEND_FLAGS_SINGLE_QUEUE                4
#define NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL     1
#define NDIS_SEND_COMPLETE_FLAGS_SINGLE_QUEUE       2
#define NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL           0x1
#define NDIS_RECEIVE_FLAGS_RESOURCES                0x2
#define NDIS_RECEIVE_FLAGS_SINGLE_ETHER_TYPE        0x100
#define NDIS_RECEIVE_FLAGS_SINGLE_VLAN              0x200
#define NDIS_RECEIVE_FLAGS_PERFECT_FILTERED         0x400
#define NDIS_RECEIVE_FLAGS_SINGLE_QUEUE             0x800
#define NDIS_RECEIVE_FLAGS_SHARED_MEMORY_INFO_VALID 0x1000
#define NDIS_RECEIVE_FLAGS_MORE_NBLS                0x2000
#define NDIS_RETURN_FLAGS_DISPATCH_LEVEL            1
#define NDIS_RETURN_FLAGS_SINGLE_QUEUE              2

#define NDIS_TEST_SEND_AT_DISPATCH_LEVEL(Flags)   (((Flags)&NDIS_SEND_FLAGS_DISPATCH_LEVEL) != 0)
#define NDIS_TEST_RETURN_AT_DISPATCH_LEVEL(Flags) (((Flags)&NDIS_RETURN_FLAGS_DISPATCH_LEVEL) != 0)
#define NDIS_SET_SEND_COMPLETE_FLAG(Flags, Flag)  ((Flags) |= (Flag))

typedef struct _NET_BUFFER_LIST_POOL_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    UCHAR ProtocolId;
    BOOLEAN fAllocateNetBuffer;
    USHORT ContextSize; /* bytes, a multiple of MEMORY_ALLOCATION_ALIGNMENT */
    ULONG PoolTag;
    ULONG DataSize;
} NET_BUFFER_LIST_POOL_PARAMETERS, *PNET_BUFFER_LIST_POOL_PARAMETERS;

typedef struct _NET_BUFFER_POOL_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    ULONG PoolTag;
    ULONG DataSize;
} NET_BUFFER_POOL_PARAMETERS, *PNET_BUFFER_POOL_PARAMETERS;

#define NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1 1
#define NET_BUFFER_POOL_PARAMETERS_REVISION_1      1
#define NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1                                                         \
    NDIS_SIZEOF_THROUGH(NET_BUFFER_LIST_POOL_PARAMETERS, DataSize)
#define NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1 NDIS_SIZEOF_THROUGH(NET_BUFFER_POOL_PARAMETERS, DataSize)
#define NDIS_PROTOCOL_ID_DEFAULT                          0x00
#define NDIS_PROTOCOL_ID_TCP_IP                           0x02

#define NDIS_ETH_TYPE_IPV4   0x0800
#define NDIS_ETH_TYPE_ARP    0x0806
#define NDIS_ETH_TYPE_802_1Q 0x8100
#define NDIS_ETH_TYPE_IPV6   0x86dd

#endif
