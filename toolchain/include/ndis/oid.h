/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Object identifiers that an Ethernet miniport meets, the request that carries them, and statistics records.
 */
#ifndef NDIS_OID_H
#define NDIS_OID_H

#define OID_GEN_SUPPORTED_LIST                    0x10101
#define OID_GEN_HARDWARE_STATUS                   0x10102
#define OID_GEN_MEDIA_SUPPORTED                   0x10103
#define OID_GEN_MEDIA_IN_USE                      0x10104
#define OID_GEN_MAXIMUM_LOOKAHEAD                 0x10105
#define OID_GEN_MAXIMUM_FRAME_SIZE                0x10106
#define OID_GEN_LINK_SPEED                        0x10107
#define OID_GEN_TRANSMIT_BUFFER_SPACE             0x10108
#define OID_GEN_RECEIVE_BUFFER_SPACE              0x10109
#define OID_GEN_TRANSMIT_BLOCK_SIZE               0x1010a
#define OID_GEN_RECEIVE_BLOCK_SIZE                0x1010b
#define OID_GEN_VENDOR_ID                         0x1010c
#define OID_GEN_VENDOR_DESCRIPTION                0x1010d
#define OID_GEN_CURRENT_PACKET_FILTER             0x1010e
#define OID_GEN_CURRENT_LOOKAHEAD                 0x1010f
#define OID_GEN_DRIVER_VERSION                    0x10110
#define OID_GEN_MAXIMUM_TOTAL_SIZE                0x10111
#define OID_GEN_PROTOCOL_OPTIONS                  0x10112
#define OID_GEN_MAC_OPTIONS                       0x10113
#define OID_GEN_MEDIA_CONNECT_STATUS              0x10114
#define OID_GEN_MAXIMUM_SEND_PACKETS              0x10115
#define OID_GEN_VENDOR_DRIVER_VERSION             0x10116
#define OID_GEN_SUPPORTED_GUIDS                   0x10117
#define OID_GEN_TRANSPORT_HEADER_OFFSET           0x10119
#define OID_GEN_PHYSICAL_MEDIUM                   0x10202
#define OID_GEN_RECEIVE_SCALE_CAPABILITIES        0x10203
#define OID_GEN_RECEIVE_SCALE_PARAMETERS          0x10204
#define OID_GEN_MAC_ADDRESS                       0x10205
#define OID_GEN_MAX_LINK_SPEED                    0x10206
#define OID_GEN_LINK_STATE                        0x10207
#define OID_GEN_LINK_PARAMETERS                   0x10208
#define OID_GEN_INTERRUPT_MODERATION              0x10209
#define OID_GEN_ENUMERATE_PORTS                   0x1020d
#define OID_GEN_PORT_STATE                        0x1020e
#define OID_GEN_PORT_AUTHENTICATION_PARAMETERS    0x1020f
#define OID_GEN_PHYSICAL_MEDIUM_EX                0x10213
#define OID_GEN_RECEIVE_SCALE_PARAMETERS_V2       0x10214
#define OID_GEN_VLAN_ID                           0x1021c
#define OID_GEN_MINIPORT_RESTART_ATTRIBUTES       0x1021d
#define OID_GEN_RECEIVE_HASH                      0x1021f
#define OID_GEN_PROMISCUOUS_MODE                  0x10280
#define OID_GEN_LAST_CHANGE                       0x10281
#define OID_GEN_DISCONTINUITY_TIME                0x10282
#define OID_GEN_OPERATIONAL_STATUS                0x10283
#define OID_GEN_XMIT_LINK_SPEED                   0x10284
#define OID_GEN_RCV_LINK_SPEED                    0x10285
#define OID_GEN_UNKNOWN_PROTOS                    0x10286
#define OID_GEN_INTERFACE_INFO                    0x10287
#define OID_GEN_ADMIN_STATUS                      0x10288
#define OID_GEN_ALIAS                             0x10289
#define OID_GEN_MEDIA_CONNECT_STATUS_EX           0x1028a
#define OID_GEN_LINK_SPEED_EX                     0x1028b
#define OID_GEN_MEDIA_DUPLEX_STATE                0x1028c
#define OID_GEN_IP_OPER_STATUS                    0x1028d
#define OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES 0x102c0
#define OID_GEN_XMIT_OK                           0x20101
#define OID_GEN_RCV_OK                            0x20102
#define OID_GEN_XMIT_ERROR                        0x20103
#define OID_GEN_RCV_ERROR                         0x20104
#define OID_GEN_RCV_NO_BUFFER                     0x20105
#define OID_GEN_STATISTICS                        0x20106
#define OID_GEN_DIRECTED_BYTES_XMIT               0x20201
#define OID_GEN_DIRECTED_FRAMES_XMIT              0x20202
#define OID_GEN_MULTICAST_BYTES_XMIT              0x20203
#define OID_GEN_MULTICAST_FRAMES_XMIT             0x20204
#define OID_GEN_BROADCAST_BYTES_XMIT              0x20205
#define OID_GEN_BROADCAST_FRAMES_XMIT             0x20206
#define OID_GEN_DIRECTED_BYTES_RCV                0x20207
#define OID_GEN_DIRECTED_FRAMES_RCV               0x20208
#define OID_GEN_MULTICAST_BYTES_RCV               0x20209
#define OID_GEN_MULTICAST_FRAMES_RCV              0x2020a
#define OID_GEN_BROADCAST_BYTES_RCV               0x2020b
#define OID_GEN_BROADCAST_FRAMES_RCV              0x2020c
#define OID_GEN_RCV_CRC_ERROR                     0x2020d
#define OID_GEN_TRANSMIT_QUEUE_LENGTH             0x2020e
#define OID_GEN_FRIENDLY_NAME                     0x20216
#define OID_GEN_BYTES_RCV                         0x20219
#define OID_GEN_BYTES_XMIT                        0x2021a
#define OID_GEN_RCV_DISCARDS                      0x2021b
#define OID_GEN_XMIT_DISCARDS                     0x2021c
#define OID_TCP_RSC_STATISTICS                    0x2021d
#define OID_802_3_PERMANENT_ADDRESS               0x1010101
#define OID_802_3_CURRENT_ADDRESS                 0x1010102
#define OID_802_3_MULTICAST_LIST                  0x1010103
#define OID_802_3_MAXIMUM_LIST_SIZE               0x1010104
#define OID_802_3_MAC_OPTIONS                     0x1010105
#define OID_OFFLOAD_ENCAPSULATION                 0x101010a
#define OID_802_3_ADD_MULTICAST_ADDRESS           0x1010208
#define OID_802_3_DELETE_MULTICAST_ADDRESS        0x1010209
#define OID_802_3_RCV_ERROR_ALIGNMENT             0x1020101
#define OID_802_3_XMIT_ONE_COLLISION              0x1020102
#define OID_802_3_XMIT_MORE_COLLISIONS            0x1020103
#define OID_802_3_XMIT_DEFERRED                   0x1020201
#define OID_802_3_XMIT_MAX_COLLISIONS             0x1020202
#define OID_802_3_RCV_OVERRUN                     0x1020203
#define OID_802_3_XMIT_UNDERRUN                   0x1020204
#define OID_802_3_XMIT_HEARTBEAT_FAILURE          0x1020205
#define OID_802_3_XMIT_TIMES_CRS_LOST             0x1020206
#define OID_802_3_XMIT_LATE_COLLISIONS            0x1020207
#define OID_TCP_OFFLOAD_CURRENT_CONFIG            0xfc01020b
#define OID_TCP_OFFLOAD_PARAMETERS                0xfc01020c
#define OID_TCP_OFFLOAD_HARDWARE_CAPABILITIES     0xfc01020d
#define OID_PNP_CAPABILITIES                      0xfd010100
#define OID_PNP_SET_POWER                         0xfd010101
#define OID_PNP_QUERY_POWER                       0xfd010102
#define OID_PNP_ADD_WAKE_UP_PATTERN               0xfd010103
#define OID_PNP_REMOVE_WAKE_UP_PATTERN            0xfd010104
#define OID_PNP_WAKE_UP_PATTERN_LIST              0xfd010105
#define OID_PNP_ENABLE_WAKE_UP                    0xfd010106
#define OID_PM_CURRENT_CAPABILITIES               0xfd010107
#define OID_PM_HARDWARE_CAPABILITIES              0xfd010108
#define OID_PM_PARAMETERS                         0xfd010109
#define OID_PM_ADD_WOL_PATTERN                    0xfd01010a
#define OID_PM_REMOVE_WOL_PATTERN                 0xfd01010b
#define OID_PM_WOL_PATTERN_LIST                   0xfd01010c
#define OID_PM_ADD_PROTOCOL_OFFLOAD               0xfd01010d
#define OID_PM_GET_PROTOCOL_OFFLOAD               0xfd01010e
#define OID_PM_REMOVE_PROTOCOL_OFFLOAD            0xfd01010f
#define OID_PM_PROTOCOL_OFFLOAD_LIST              0xfd010110
#define OID_PNP_WAKE_UP_OK                        0xfd020200
#define OID_PNP_WAKE_UP_ERROR                     0xfd020201

#define NDIS_PACKET_TYPE_DIRECTED       1
#define NDIS_PACKET_TYPE_MULTICAST      2
#define NDIS_PACKET_TYPE_ALL_MULTICAST  4
#define NDIS_PACKET_TYPE_BROADCAST      8
#define NDIS_PACKET_TYPE_SOURCE_ROUTING 0x10
#define NDIS_PACKET_TYPE_PROMISCUOUS    0x20
#define NDIS_PACKET_TYPE_SMT            0x40
#define NDIS_PACKET_TYPE_ALL_LOCAL      0x80
#define NDIS_PACKET_TYPE_GROUP          0x1000
#define NDIS_PACKET_TYPE_ALL_FUNCTIONAL 0x2000
#define NDIS_PACKET_TYPE_FUNCTIONAL     0x4000
#define NDIS_PACKET_TYPE_MAC_FRAME      0x8000

#define NDIS_MAC_OPTION_COPY_LOOKAHEAD_DATA            1
#define NDIS_MAC_OPTION_RECEIVE_SERIALIZED             2
#define NDIS_MAC_OPTION_TRANSFERS_NOT_PEND             4
#define NDIS_MAC_OPTION_NO_LOOPBACK                    8
#define NDIS_MAC_OPTION_FULL_DUPLEX                    0x10
#define NDIS_MAC_OPTION_EOTX_INDICATION                0x20
#define NDIS_MAC_OPTION_8021P_PRIORITY                 0x40
#define NDIS_MAC_OPTION_SUPPORTS_MAC_ADDRESS_OVERWRITE 0x80
#define NDIS_MAC_OPTION_RECEIVE_AT_DPC                 0x100
#define NDIS_MAC_OPTION_8021Q_VLAN                     0x200
#define NDIS_MAC_OPTION_RESERVED                       0x80000000

typedef enum _NDIS_REQUEST_TYPE {
    NdisRequestQueryInformation,
    NdisRequestSetInformation,
    NdisRequestQueryStatistics,
    NdisRequestMethod = 12
} NDIS_REQUEST_TYPE,
    *PNDIS_REQUEST_TYPE;

typedef struct _NDIS_OID_REQUEST {
    NDIS_OBJECT_HEADER Header;
    NDIS_REQUEST_TYPE RequestType;
    NDIS_PORT_NUMBER PortNumber;
    UINT Timeout; /* seconds */
    PVOID RequestId;
    NDIS_HANDLE RequestHandle;
    union _REQUEST_DATA {
        struct _QUERY {
            NDIS_OID Oid;
            PVOID InformationBuffer;
            UINT InformationBufferLength;
            UINT BytesWritten;
            UINT BytesNeeded;
        } QUERY_INFORMATION;
        struct _SET {
            NDIS_OID Oid;
            PVOID InformationBuffer;
            UINT InformationBufferLength;
            UINT BytesRead;
            UINT BytesNeeded;
        } SET_INFORMATION;
        struct _METHOD {
            NDIS_OID Oid;
            PVOID InformationBuffer;
            ULONG InputBufferLength;
            ULONG OutputBufferLength;
            ULONG MethodId;
            UINT BytesWritten;
            UINT BytesRead;
            UINT BytesNeeded;
        } METHOD_INFORMATION;
    } DATA;
    UCHAR NdisReserved[16 * sizeof(PVOID)];
    UCHAR MiniportReserved[2 * sizeof(PVOID)];
    UCHAR SourceReserved[2 * sizeof(PVOID)];
    UCHAR SupportedRevision;
    UCHAR Reserved1;
    USHORT Reserved2;
    NDIS_NIC_SWITCH_ID SwitchId;
    NDIS_NIC_SWITCH_VPORT_ID VPortId;
    ULONG Flags;
} NDIS_OID_REQUEST, *PNDIS_OID_REQUEST;

#define NDIS_OID_REQUEST_REVISION_1        1
#define NDIS_OID_REQUEST_REVISION_2        2
#define NDIS_SIZEOF_OID_REQUEST_REVISION_1 NDIS_SIZEOF_THROUGH(NDIS_OID_REQUEST, Reserved2)
#define NDIS_SIZEOF_OID_REQUEST_REVISION_2 NDIS_SIZEOF_THROUGH(NDIS_OID_REQUEST, Flags)
#define NDIS_OID_REQUEST_TIMEOUT_INFINITE  0

/* Counters are in packets or bytes, 64 bits wide, and never go back while the adapter exists. */
typedef struct _NDIS_STATISTICS_INFO {
    NDIS_OBJECT_HEADER Header;
    ULONG SupportedStatistics;
    ULONG64 ifInDiscards;
    ULONG64 ifInErrors;
    ULONG64 ifHCInOctets;
    ULONG64 ifHCInUcastPkts;
    ULONG64 ifHCInMulticastPkts;
    ULONG64 ifHCInBroadcastPkts;
    ULONG64 ifHCOutOctets;
    ULONG64 ifHCOutUcastPkts;
    ULONG64 ifHCOutMulticastPkts;
    ULONG64 ifHCOutBroadcastPkts;
    ULONG64 ifOutErrors;
    ULONG64 ifOutDiscards;
    ULONG64 ifHCInUcastOctets;
    ULONG64 ifHCInMulticastOctets;
    ULONG64 ifHCInBroadcastOctets;
    ULONG64 ifHCOutUcastOctets;
    ULONG64 ifHCOutMulticastOctets;
    ULONG64 ifHCOutBroadcastOctets;
} NDIS_STATISTICS_INFO, *PNDIS_STATISTICS_INFO;

#define NDIS_STATISTICS_INFO_REVISION_1        1
#define NDIS_SIZEOF_STATISTICS_INFO_REVISION_1 NDIS_SIZEOF_THROUGH(NDIS_STATISTICS_INFO, ifHCOutBroadcastOctets)

/* Flags of NDIS_STATISTICS_INFO.SupportedStatistics */
#define NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_RCV   1
#define NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_RCV  2
#define NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_RCV  4
#define NDIS_STATISTICS_FLAGS_VALID_BYTES_RCV             8
#define NDIS_STATISTICS_FLAGS_VALID_RCV_DISCARDS          0x10
#define NDIS_STATISTICS_FLAGS_VALID_RCV_ERROR             0x20
#define NDIS_STATISTICS_FLAGS_VALID_DIRECTED_FRAMES_XMIT  0x40
#define NDIS_STATISTICS_FLAGS_VALID_MULTICAST_FRAMES_XMIT 0x80
#define NDIS_STATISTICS_FLAGS_VALID_BROADCAST_FRAMES_XMIT 0x100
#define NDIS_STATISTICS_FLAGS_VALID_BYTES_XMIT            0x200
#define NDIS_STATISTICS_FLAGS_VALID_XMIT_ERROR            0x400
#define NDIS_STATISTICS_FLAGS_VALID_XMIT_DISCARDS         0x8000
#define NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_RCV    0x10000
#define NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_RCV   0x20000
#define NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_RCV   0x40000
#define NDIS_STATISTICS_FLAGS_VALID_DIRECTED_BYTES_XMIT   0x80000
#define NDIS_STATISTICS_FLAGS_VALID_MULTICAST_BYTES_XMIT  0x100000
#define NDIS_STATISTICS_FLAGS_VALID_BROADCAST_BYTES_XMIT  0x200000

/* Flags of NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES.SupportedStatistics */
#define NDIS_STATISTICS_XMIT_OK_SUPPORTED               1
#define NDIS_STATISTICS_RCV_OK_SUPPORTED                2
#define NDIS_STATISTICS_XMIT_ERROR_SUPPORTED            4
#define NDIS_STATISTICS_RCV_ERROR_SUPPORTED             8
#define NDIS_STATISTICS_RCV_NO_BUFFER_SUPPORTED         0x10
#define NDIS_STATISTICS_DIRECTED_BYTES_XMIT_SUPPORTED   0x20
#define NDIS_STATISTICS_DIRECTED_FRAMES_XMIT_SUPPORTED  0x40
#define NDIS_STATISTICS_MULTICAST_BYTES_XMIT_SUPPORTED  0x80
#define NDIS_STATISTICS_MULTICAST_FRAMES_XMIT_SUPPORTED 0x100
#define NDIS_STATISTICS_BROADCAST_BYTES_XMIT_SUPPORTED  0x200
#define NDIS_STATISTICS_BROADCAST_FRAMES_XMIT_SUPPORTED 0x400
#define NDIS_STATISTICS_DIRECTED_BYTES_RCV_SUPPORTED    0x800
#define NDIS_STATISTICS_DIRECTED_FRAMES_RCV_SUPPORTED   0x1000
#define NDIS_STATISTICS_MULTICAST_BYTES_RCV_SUPPORTED   0x2000
#define NDIS_STATISTICS_MULTICAST_FRAMES_RCV_SUPPORTED  0x4000
#define NDIS_STATISTICS_BROADCAST_BYTES_RCV_SUPPORTED   0x8000
#define NDIS_STATISTICS_BROADCAST_FRAMES_RCV_SUPPORTED  0x10000
#define NDIS_STATISTICS_RCV_CRC_ERROR_SUPPORTED         0x20000
#define NDIS_STATISTICS_TRANSMIT_QUEUE_LENGTH_SUPPORTED 0x40000
#define NDIS_STATISTICS_BYTES_RCV_SUPPORTED             0x80000
#define NDIS_STATISTICS_BYTES_XMIT_SUPPORTED            0x100000
#define NDIS_STATISTICS_RCV_DISCARDS_SUPPORTED          0x200000
#define NDIS_STATISTICS_GEN_STATISTICS_SUPPORTED        0x400000
#define NDIS_STATISTICS_XMIT_DISCARDS_SUPPORTED         0x8000000

typedef struct _NDIS_RSC_STATISTICS_INFO {
    NDIS_OBJECT_HEADER Header;
    ULONG64 CoalescedPkts;
    ULONG64 CoalescedOctets;
    ULONG64 CoalesceEvents;
    ULONG64 Aborts;
} NDIS_RSC_STATISTICS_INFO, *PNDIS_RSC_STATISTICS_INFO;

#define NDIS_RSC_STATISTICS_REVISION_1        1
#define NDIS_SIZEOF_RSC_STATISTICS_REVISION_1 NDIS_SIZEOF_THROUGH(NDIS_RSC_STATISTICS_INFO, Aborts)

typedef enum _NDIS_INTERRUPT_MODERATION {
    NdisInterruptModerationUnknown,
    NdisInterruptModerationNotSupported,
    NdisInterruptModerationEnabled,
    NdisInterruptModerationDisabled
} NDIS_INTERRUPT_MODERATION,
    *PNDIS_INTERRUPT_MODERATION;

typedef struct _NDIS_INTERRUPT_MODERATION_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    NDIS_INTERRUPT_MODERATION InterruptModeration;
} NDIS_INTERRUPT_MODERATION_PARAMETERS, *PNDIS_INTERRUPT_MODERATION_PARAMETERS;

#define NDIS_INTERRUPT_MODERATION_PARAMETERS_REVISION_1 1
#define NDIS_SIZEOF_INTERRUPT_MODERATION_PARAMETERS_REVISION_1                                                         \
    NDIS_SIZEOF_THROUGH(NDIS_INTERRUPT_MODERATION_PARAMETERS, InterruptModeration)

/* The answer to OID_GEN_SUPPORTED_GUIDS is an array of these: OIDs of the driver's own, reached through WMI. */
typedef struct _NDIS_GUID {
    GUID Guid;
    union {
        NDIS_OID Oid;
        NDIS_STATUS Status;
    };
    ULONG Size; /* bytes of the value, or of one element of an array */
    ULONG Flags;
} NDIS_GUID, *PNDIS_GUID;

#define fNDIS_GUID_TO_OID     0x1
#define fNDIS_GUID_ARRAY      0x10
#define fNDIS_GUID_ALLOW_READ 0x20

#endif
