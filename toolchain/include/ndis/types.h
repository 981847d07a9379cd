/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base types of NDIS 6: handles, object headers, ports, media, versions, configuration values.
 *
 * Every extensible record starts with NDIS_OBJECT_HEADER; the object types and their values are gathered here.
 */
#ifndef NDIS_TYPES_H
#define NDIS_TYPES_H

/* On x86 every NDIS entry point and handler is stdcall; on x64 there is one convention. */
#define NDISAPI DECLSPEC_IMPORT

#define NDIS_SIZEOF_THROUGH(type, field) (FIELD_OFFSET(type, field) + (ULONG)sizeof(((type *)0)->field))

typedef PVOID NDIS_HANDLE, *PNDIS_HANDLE;
typedef int NDIS_STATUS, *PNDIS_STATUS;
typedef ULONG NDIS_OID, *PNDIS_OID;
typedef ULONG NDIS_ERROR_CODE, *PNDIS_ERROR_CODE;
typedef ULONG NDIS_PORT_NUMBER, *PNDIS_PORT_NUMBER;
typedef PHYSICAL_ADDRESS NDIS_PHYSICAL_ADDRESS, *PNDIS_PHYSICAL_ADDRESS;
typedef UNICODE_STRING NDIS_STRING, *PNDIS_STRING;
typedef CM_PARTIAL_RESOURCE_LIST NDIS_RESOURCE_LIST, *PNDIS_RESOURCE_LIST;
typedef ULONG NET_IFINDEX, *PNET_IFINDEX;
typedef USHORT NET_IFTYPE, *PNET_IFTYPE;
typedef ULONG NDIS_NIC_SWITCH_ID, *PNDIS_NIC_SWITCH_ID;
typedef ULONG NDIS_NIC_SWITCH_VPORT_ID, *PNDIS_NIC_SWITCH_VPORT_ID;

#define NDIS_STRING_CONST(x)                                                                                           \
    {                                                                                                                  \
        sizeof(L##x) - sizeof(WCHAR), sizeof(L##x), L##x                                                               \
    }
#define NdisInitUnicodeString(String, Source) RtlInitUnicodeString((String), (Source))

#define NDIS_DEFAULT_PORT_NUMBER     ((NDIS_PORT_NUMBER)0)
#define NDIS_MAX_PHYS_ADDRESS_LENGTH 32
#define NET_IFINDEX_UNSPECIFIED      0
#define NET_IFLUID_UNSPECIFIED       0
#define IF_TYPE_ETHERNET_CSMACD      6

typedef struct _NDIS_OBJECT_HEADER {
    UCHAR Type;
    UCHAR Revision;
    USHORT Size;
} NDIS_OBJECT_HEADER, *PNDIS_OBJECT_HEADER;

typedef union _NET_LUID_LH {
    ULONG64 Value;
    struct {
        ULONG64 Reserved : 24;
        ULONG64 NetLuidIndex : 24;
        ULONG64 IfType : 16;
    } Info;
} NET_LUID_LH, NET_LUID, *PNET_LUID;

#define NDIS_OBJECT_TYPE_DEFAULT                                     0x80
#define NDIS_OBJECT_TYPE_MINIPORT_INIT_PARAMETERS                    0x81
#define NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION                          0x83
#define NDIS_OBJECT_TYPE_MINIPORT_INTERRUPT                          0x84
#define NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES                    0x85
#define NDIS_OBJECT_TYPE_BIND_PARAMETERS                             0x86
#define NDIS_OBJECT_TYPE_OPEN_PARAMETERS                             0x87
#define NDIS_OBJECT_TYPE_RSS_CAPABILITIES                            0x88
#define NDIS_OBJECT_TYPE_RSS_PARAMETERS                              0x89
#define NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS             0x8a
#define NDIS_OBJECT_TYPE_MINIPORT_PNP_CHARACTERISTICS                0x92
#define NDIS_OBJECT_TYPE_OID_REQUEST                                 0x96
#define NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS                       0x97
#define NDIS_OBJECT_TYPE_STATUS_INDICATION                           0x98
#define NDIS_OBJECT_TYPE_PORT_CHARACTERISTICS                        0x9c
#define NDIS_OBJECT_TYPE_PORT_STATE                                  0x9d
#define NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES    0x9e
#define NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES         0x9f
#define NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES         0xa0
#define NDIS_OBJECT_TYPE_RESTART_GENERAL_ATTRIBUTES                  0xa2
#define NDIS_OBJECT_TYPE_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES 0xa4
#define NDIS_OBJECT_TYPE_OFFLOAD                                     0xa7
#define NDIS_OBJECT_TYPE_OFFLOAD_ENCAPSULATION                       0xa8
#define NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT                        0xa9
#define NDIS_OBJECT_TYPE_DRIVER_WRAPPER_OBJECT                       0xaa
#define NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES 0xaf
#define NDIS_OBJECT_TYPE_RSS_PROCESSOR_INFO                          0xb1
#define NDIS_OBJECT_TYPE_MINIPORT_SS_CHARACTERISTICS                 0xb4
#define NDIS_OBJECT_TYPE_RSS_PARAMETERS_V2                           0xc8
#define NDIS_OBJECT_TYPE_RSS_SET_INDIRECTION_ENTRIES                 0xc9
#define NDIS_OBJECT_REVISION_1                                       1

/* What NdisGetVersion returns: major version in the high word. Past 6.80 the same rule gives the value. */
#define NDIS_RUNTIME_VERSION_60  0x00060000
#define NDIS_RUNTIME_VERSION_61  0x00060001
#define NDIS_RUNTIME_VERSION_620 0x00060014
#define NDIS_RUNTIME_VERSION_630 0x0006001e
#define NDIS_RUNTIME_VERSION_640 0x00060028
#define NDIS_RUNTIME_VERSION_650 0x00060032
#define NDIS_RUNTIME_VERSION_651 0x00060033
#define NDIS_RUNTIME_VERSION_660 0x0006003c
#define NDIS_RUNTIME_VERSION_670 0x00060046
#define NDIS_RUNTIME_VERSION_680 0x00060050
#define NDIS_RUNTIME_VERSION_681 0x00060051
#define NDIS_RUNTIME_VERSION_682 0x00060052
#define NDIS_RUNTIME_VERSION_683 0x00060053
#define NDIS_RUNTIME_VERSION_684 0x00060054
#define NDIS_RUNTIME_VERSION_685 0x00060055
#define NDIS_RUNTIME_VERSION_686 0x00060056
#define NDIS_RUNTIME_VERSION_687 0x00060057
#define NDIS_RUNTIME_VERSION_688 0x00060058
#define NDIS_RUNTIME_VERSION_689 0x00060059

typedef enum _NDIS_MEDIUM {
    NdisMedium802_3,
    NdisMediumLoopback = 0x11,
    NdisMediumIP = 0x13
} NDIS_MEDIUM,
    *PNDIS_MEDIUM;

typedef enum _NDIS_PHYSICAL_MEDIUM {
    NdisPhysicalMediumUnspecified,
    NdisPhysicalMedium802_3 = 14,
    NdisPhysicalMediumOther = 19
} NDIS_PHYSICAL_MEDIUM,
    *PNDIS_PHYSICAL_MEDIUM;

typedef enum _NDIS_INTERFACE_TYPE {
    NdisInterfaceInternal = Internal,
    NdisInterfacePci = PCIBus,
    NdisInterfacePNPBus = PNPBus
} NDIS_INTERFACE_TYPE,
    *PNDIS_INTERFACE_TYPE;

typedef enum _NDIS_HARDWARE_STATUS {
    NdisHardwareStatusReady,
    NdisHardwareStatusInitializing,
    NdisHardwareStatusReset,
    NdisHardwareStatusClosing,
    NdisHardwareStatusNotReady
} NDIS_HARDWARE_STATUS,
    *PNDIS_HARDWARE_STATUS;

typedef enum _NDIS_MEDIA_STATE {
    NdisMediaStateConnected,
    NdisMediaStateDisconnected
} NDIS_MEDIA_STATE,
    *PNDIS_MEDIA_STATE;

typedef enum _NDIS_PARAMETER_TYPE {
    NdisParameterInteger,
    NdisParameterHexInteger,
    NdisParameterString,
    NdisParameterMultiString,
    NdisParameterBinary
} NDIS_PARAMETER_TYPE,
    *PNDIS_PARAMETER_TYPE;

typedef struct _BINARY_DATA {
    USHORT Length;
    PVOID Buffer;
} BINARY_DATA;

typedef struct _NDIS_CONFIGURATION_PARAMETER {
    NDIS_PARAMETER_TYPE ParameterType;
    union {
        ULONG IntegerData;
        NDIS_STRING StringData;
        BINARY_DATA BinaryData;
    } ParameterData;
} NDIS_CONFIGURATION_PARAMETER, *PNDIS_CONFIGURATION_PARAMETER;

typedef struct _NDIS_CONFIGURATION_OBJECT {
    NDIS_OBJECT_HEADER Header;
    NDIS_HANDLE NdisHandle;
    ULONG Flags;
} NDIS_CONFIGURATION_OBJECT, *PNDIS_CONFIGURATION_OBJECT;

#define NDIS_CONFIGURATION_OBJECT_REVISION_1           1
#define NDIS_CONFIG_FLAG_FILTER_INSTANCE_CONFIGURATION 1
#define NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1    NDIS_SIZEOF_THROUGH(NDIS_CONFIGURATION_OBJECT, Flags)

typedef struct _NDIS_SPIN_LOCK {
    KSPIN_LOCK SpinLock;
    KIRQL OldIrql;
} NDIS_SPIN_LOCK, *PNDIS_SPIN_LOCK;

#define NDIS_ERROR_CODE_RESOURCE_CONFLICT               0xc0001388
#define NDIS_ERROR_CODE_OUT_OF_RESOURCES                0xc0001389
#define NDIS_ERROR_CODE_HARDWARE_FAILURE                0xc000138a
#define NDIS_ERROR_CODE_ADAPTER_NOT_FOUND               0xc000138b
#define NDIS_ERROR_CODE_INTERRUPT_CONNECT               0xc000138c
#define NDIS_ERROR_CODE_DRIVER_FAILURE                  0xc000138d
#define NDIS_ERROR_CODE_BAD_VERSION                     0xc000138e
#define NDIS_ERROR_CODE_TIMEOUT                         0x8000138f
#define NDIS_ERROR_CODE_NETWORK_ADDRESS                 0xc0001390
#define NDIS_ERROR_CODE_UNSUPPORTED_CONFIGURATION       0xc0001391
#define NDIS_ERROR_CODE_INVALID_VALUE_FROM_ADAPTER      0xc0001392
#define NDIS_ERROR_CODE_MISSING_CONFIGURATION_PARAMETER 0xc0001393
#define NDIS_ERROR_CODE_BAD_IO_BASE_ADDRESS             0xc0001394
#define NDIS_ERROR_CODE_RECEIVE_SPACE_SMALL             0x40001395
#define NDIS_ERROR_CODE_ADAPTER_DISABLED                0x80001396
#ifdef _WIN64
#define NDIS_MAX_EVENT_LOG_DATA_SIZE 196
#else
#define NDIS_MAX_EVENT_LOG_DATA_SIZE 108
#endif

#endif
