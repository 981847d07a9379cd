/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Receive side scaling: capabilities, parameters of both generations, processor information.
 *
 * Offsets inside the parameter records count from the start of the record; sizes are in bytes.
 */
#ifndef NDIS_RSS_H
#define NDIS_RSS_H

#define NDIS_HASH_FUNCTION_MASK                                       0xff
#define NDIS_HASH_IPV4                                                0x100
#define NDIS_HASH_IPV6                                                0x400
#define NDIS_HASH_IPV6_EX                                             0x800
#define NDIS_HASH_TCP_IPV4                                            0x200
#define NDIS_HASH_TCP_IPV6                                            0x1000
#define NDIS_HASH_TCP_IPV6_EX                                         0x2000
#define NDIS_HASH_TYPE_MASK                                           0xffff00
#define NDIS_HASH_UDP_IPV4                                            0x4000
#define NDIS_HASH_UDP_IPV6                                            0x8000
#define NDIS_HASH_UDP_IPV6_EX                                         0x10000
#define NDIS_RECEIVE_HASH_FLAG_ENABLE_HASH                            1
#define NDIS_RECEIVE_HASH_FLAG_HASH_INFO_UNCHANGED                    2
#define NDIS_RECEIVE_HASH_FLAG_HASH_KEY_UNCHANGED                     4
#define NDIS_RECEIVE_HASH_PARAMETERS_REVISION_1                       1
#define NDIS_RECEIVE_SCALE_CAPABILITIES_REVISION_1                    1
#define NDIS_RECEIVE_SCALE_CAPABILITIES_REVISION_2                    2
#define NDIS_RECEIVE_SCALE_CAPABILITIES_REVISION_3                    3
#define NDIS_RECEIVE_SCALE_PARAMETERS_REVISION_1                      1
#define NDIS_RECEIVE_SCALE_PARAMETERS_REVISION_2                      2
#define NDIS_RECEIVE_SCALE_PARAMETERS_REVISION_3                      3
#define NDIS_RECEIVE_SCALE_PARAMETERS_V2_REVISION_1                   1
#define NDIS_RECEIVE_SCALE_PARAM_ENABLE_RSS                           1
#define NDIS_RECEIVE_SCALE_PARAM_HASH_INFO_CHANGED                    2
#define NDIS_RECEIVE_SCALE_PARAM_HASH_KEY_CHANGED                     4
#define NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_ENTRIES_CHANGED            0x10
#define NDIS_RECEIVE_SCALE_PARAM_NUMBER_OF_QUEUES_CHANGED             8
#define NDIS_RSS_CAPS_CLASSIFICATION_AT_DPC                           0x4000000
#define NDIS_RSS_CAPS_CLASSIFICATION_AT_ISR                           0x2000000
#define NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV4                              0x100
#define NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV6                              0x200
#define NDIS_RSS_CAPS_HASH_TYPE_TCP_IPV6_EX                           0x400
#define NDIS_RSS_CAPS_HASH_TYPE_UDP_IPV4                              0x800
#define NDIS_RSS_CAPS_HASH_TYPE_UDP_IPV6                              0x1000
#define NDIS_RSS_CAPS_HASH_TYPE_UDP_IPV6_EX                           0x2000
#define NDIS_RSS_CAPS_MESSAGE_SIGNALED_INTERRUPTS                     0x1000000
#define NDIS_RSS_CAPS_RSS_AVAILABLE_ON_PORTS                          0x10000000
#define NDIS_RSS_CAPS_SUPPORTS_INDEPENDENT_ENTRY_MOVE                 0x40000000
#define NDIS_RSS_CAPS_SUPPORTS_MSI_X                                  0x20000000
#define NDIS_RSS_CAPS_USING_MSI_X                                     0x8000000
#define NDIS_RSS_HASH_SECRET_KEY_MAX_SIZE_REVISION_1                  0x28
#define NDIS_RSS_HASH_SECRET_KEY_MAX_SIZE_REVISION_2                  0x28
#define NDIS_RSS_HASH_SECRET_KEY_MAX_SIZE_REVISION_3                  0x28
#define NDIS_RSS_HASH_SECRET_KEY_SIZE_REVISION_1                      0x28
#define NDIS_RSS_INDIRECTION_TABLE_MAX_SIZE_REVISION_1                0x80
#define NDIS_RSS_INDIRECTION_TABLE_MAX_SIZE_REVISION_2                0x200
#define NDIS_RSS_INDIRECTION_TABLE_MAX_SIZE_REVISION_3                0x200
#define NDIS_RSS_INDIRECTION_TABLE_SIZE_REVISION_1                    0x80
#define NDIS_RSS_PARAM_FLAG_BASE_CPU_UNCHANGED                        1
#define NDIS_RSS_PARAM_FLAG_DEFAULT_PROCESSOR_UNCHANGED               0x20
#define NDIS_RSS_PARAM_FLAG_DISABLE_RSS                               0x10
#define NDIS_RSS_PARAM_FLAG_HASH_INFO_UNCHANGED                       2
#define NDIS_RSS_PARAM_FLAG_HASH_KEY_UNCHANGED                        8
#define NDIS_RSS_PARAM_FLAG_ITABLE_UNCHANGED                          4
#define NDIS_RSS_PROCESSOR_INFO_REVISION_1                            1
#define NDIS_RSS_PROCESSOR_INFO_REVISION_2                            2
#define NDIS_RSS_SET_INDIRECTION_ENTRIES_REVISION_1                   1
#define NDIS_RSS_SET_INDIRECTION_ENTRY_FLAG_DEFAULT_PROCESSOR         2
#define NDIS_RSS_SET_INDIRECTION_ENTRY_FLAG_PRIMARY_PROCESSOR         1
#define NDIS_RSS_HASH_INFO_FROM_TYPE_AND_FUNC(HashType, HashFunction) ((HashType) | (HashFunction))
#define NDIS_RSS_HASH_TYPE_FROM_HASH_INFO(HashInfo)                   ((HashInfo)&NDIS_HASH_TYPE_MASK)
#define NDIS_RSS_HASH_FUNC_FROM_HASH_INFO(HashInfo)                   ((HashInfo)&NDIS_HASH_FUNCTION_MASK)

typedef ULONG NDIS_RSS_CAPS_FLAGS, *PNDIS_RSS_CAPS_FLAGS;

enum {
    NdisHashFunctionToeplitz = 1,
    NdisHashFunctionReserved1 = 2,
    NdisHashFunctionReserved2 = 4,
    NdisHashFunctionReserved3 = 8
};

typedef struct _NDIS_RECEIVE_SCALE_CAPABILITIES {
    NDIS_OBJECT_HEADER Header;
    NDIS_RSS_CAPS_FLAGS CapabilitiesFlags;
    ULONG NumberOfInterruptMessages;
    ULONG NumberOfReceiveQueues;
    USHORT NumberOfIndirectionTableEntries;
} NDIS_RECEIVE_SCALE_CAPABILITIES, *PNDIS_RECEIVE_SCALE_CAPABILITIES;

#define NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_1                                                              \
    NDIS_SIZEOF_THROUGH(NDIS_RECEIVE_SCALE_CAPABILITIES, NumberOfReceiveQueues)
#define NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_2                                                              \
    NDIS_SIZEOF_THROUGH(NDIS_RECEIVE_SCALE_CAPABILITIES, NumberOfIndirectionTableEntries)
#define NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_3 NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_2

/* Revision 1: table of UCHAR processor numbers relative to BaseCpuNumber; from 2: of PROCESSOR_NUMBER. */
typedef struct _NDIS_RECEIVE_SCALE_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    USHORT Flags;
    USHORT BaseCpuNumber;
    ULONG HashInformation;
    USHORT IndirectionTableSize;
    ULONG IndirectionTableOffset;
    USHORT HashSecretKeySize;
    ULONG HashSecretKeyOffset;
    ULONG ProcessorMasksOffset;
    ULONG NumberOfProcessorMasks;
    ULONG ProcessorMasksEntrySize;
    PROCESSOR_NUMBER DefaultProcessorNumber;
} NDIS_RECEIVE_SCALE_PARAMETERS, *PNDIS_RECEIVE_SCALE_PARAMETERS;

#define NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_1                                                                \
    NDIS_SIZEOF_THROUGH(NDIS_RECEIVE_SCALE_PARAMETERS, HashSecretKeyOffset)
#define NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_2                                                                \
    NDIS_SIZEOF_THROUGH(NDIS_RECEIVE_SCALE_PARAMETERS, ProcessorMasksEntrySize)
#define NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_REVISION_3                                                                \
    NDIS_SIZEOF_THROUGH(NDIS_RECEIVE_SCALE_PARAMETERS, DefaultProcessorNumber)

typedef struct _NDIS_RECEIVE_SCALE_PARAMETERS_V2 {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    ULONG HashInformation;
    ULONG HashSecretKeySize;
    ULONG HashSecretKeyOffset;
    ULONG NumberOfQueues;
    ULONG NumberOfIndirectionTableEntries;
} NDIS_RECEIVE_SCALE_PARAMETERS_V2, *PNDIS_RECEIVE_SCALE_PARAMETERS_V2;

#define NDIS_SIZEOF_RECEIVE_SCALE_PARAMETERS_V2_REVISION_1                                                             \
    NDIS_SIZEOF_THROUGH(NDIS_RECEIVE_SCALE_PARAMETERS_V2, NumberOfIndirectionTableEntries)

typedef struct _NDIS_RSS_SET_INDIRECTION_ENTRY {
    NDIS_NIC_SWITCH_ID SwitchId;
    NDIS_NIC_SWITCH_VPORT_ID VPortId;
    ULONG Flags;
    USHORT IndirectionTableIndex;
    PROCESSOR_NUMBER TargetProcessorNumber;
    NDIS_STATUS EntryStatus;
} NDIS_RSS_SET_INDIRECTION_ENTRY, *PNDIS_RSS_SET_INDIRECTION_ENTRY;

typedef struct _NDIS_RSS_SET_INDIRECTION_ENTRIES {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    ULONG RssEntrySize;
    ULONG RssEntryTableOffset;
    ULONG NumberOfRssEntries;
} NDIS_RSS_SET_INDIRECTION_ENTRIES, *PNDIS_RSS_SET_INDIRECTION_ENTRIES;

#define NDIS_SIZEOF_RSS_SET_INDIRECTION_ENTRY_REVISION_1                                                               \
    NDIS_SIZEOF_THROUGH(NDIS_RSS_SET_INDIRECTION_ENTRY, EntryStatus)
#define NDIS_SIZEOF_RSS_SET_INDIRECTION_ENTRIES_REVISION_1                                                             \
    NDIS_SIZEOF_THROUGH(NDIS_RSS_SET_INDIRECTION_ENTRIES, NumberOfRssEntries)

typedef struct _NDIS_RECEIVE_HASH_PARAMETERS {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    ULONG HashInformation;
    USHORT HashSecretKeySize;
    ULONG HashSecretKeyOffset;
} NDIS_RECEIVE_HASH_PARAMETERS, *PNDIS_RECEIVE_HASH_PARAMETERS;

#define NDIS_SIZEOF_RECEIVE_HASH_PARAMETERS_REVISION_1                                                                 \
    NDIS_SIZEOF_THROUGH(NDIS_RECEIVE_HASH_PARAMETERS, HashSecretKeyOffset)

typedef enum _NDIS_RSS_PROFILE {
    NdisRssProfileClosest = 1,
    NdisRssProfileClosestStatic,
    NdisRssProfileNuma,
    NdisRssProfileNumaStatic,
    NdisRssProfileConservative,
    NdisRssProfileMaximum
} NDIS_RSS_PROFILE,
    *PNDIS_RSS_PROFILE;

typedef struct _NDIS_RSS_PROCESSOR {
    PROCESSOR_NUMBER ProcNum;
    USHORT PreferenceIndex;
    USHORT Reserved;
} NDIS_RSS_PROCESSOR, *PNDIS_RSS_PROCESSOR;

typedef struct _NDIS_RSS_PROCESSOR_INFO {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    PROCESSOR_NUMBER RssBaseProcessor;
    ULONG MaxNumRssProcessors;
    USHORT PreferredNumaNode;
    ULONG RssProcessorArrayOffset;
    ULONG RssProcessorCount;
    ULONG RssProcessorEntrySize;
    PROCESSOR_NUMBER RssMaxProcessor;
    NDIS_RSS_PROFILE RssProfile;
} NDIS_RSS_PROCESSOR_INFO, *PNDIS_RSS_PROCESSOR_INFO;

#define NDIS_SIZEOF_RSS_PROCESSOR_INFO_REVISION_1 NDIS_SIZEOF_THROUGH(NDIS_RSS_PROCESSOR_INFO, RssProcessorEntrySize)
#define NDIS_SIZEOF_RSS_PROCESSOR_INFO_REVISION_2 NDIS_SIZEOF_THROUGH(NDIS_RSS_PROCESSOR_INFO, RssProfile)

typedef enum _NDIS_PROCESSOR_VENDOR {
    NdisProcessorVendorUnknown,
    NdisProcessorVendorGenuineIntel,
    NdisProcessorVendorAuthenticAMD
} NDIS_PROCESSOR_VENDOR,
    *PNDIS_PROCESSOR_VENDOR;

typedef struct _NDIS_PROCESSOR_INFO_EX {
    PROCESSOR_NUMBER ProcNum;
    ULONG SocketId;
    ULONG CoreId;
    ULONG HyperThreadId;
    USHORT NodeId;
    USHORT NodeDistance;
} NDIS_PROCESSOR_INFO_EX, *PNDIS_PROCESSOR_INFO_EX;

typedef struct _NDIS_SYSTEM_PROCESSOR_INFO_EX {
    NDIS_OBJECT_HEADER Header;
    ULONG Flags;
    NDIS_PROCESSOR_VENDOR ProcessorVendor;
    ULONG NumSockets;
    ULONG NumCores;
    ULONG NumCoresPerSocket;
    ULONG MaxHyperThreadingProcsPerCore;
    ULONG ProcessorInfoOffset;
    ULONG NumberOfProcessors;
    ULONG ProcessorInfoEntrySize;
} NDIS_SYSTEM_PROCESSOR_INFO_EX, *PNDIS_SYSTEM_PROCESSOR_INFO_EX;

#define NDIS_SYSTEM_PROCESSOR_INFO_EX_REVISION_1 1
#define NDIS_SIZEOF_SYSTEM_PROCESSOR_INFO_EX_REVISION_1                                                                \
    NDIS_SIZEOF_THROUGH(NDIS_SYSTEM_PROCESSOR_INFO_EX, ProcessorInfoEntrySize)

#endif
