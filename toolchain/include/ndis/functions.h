/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Functions of ndis.sys that Windows 7 (NDIS 6.20) exports and an Ethernet miniport calls.
 *
 * The annotations state at which IRQL each may be called; annotations.h turns them into compile-time checks.
 */
#ifndef NDIS_FUNCTIONS_H
#define NDIS_FUNCTIONS_H

/* Driver */
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI NDIS_STATUS NTAPI NdisMRegisterMiniportDriver(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath,
                                                      NDIS_HANDLE MiniportDriverContext,
                                                      PNDIS_MINIPORT_DRIVER_CHARACTERISTICS Characteristics,
                                                      PNDIS_HANDLE NdisMiniportDriverHandle);
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI VOID NTAPI NdisMDeregisterMiniportDriver(NDIS_HANDLE NdisMiniportDriverHandle);
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI NDIS_STATUS NTAPI NdisSetOptionalHandlers(NDIS_HANDLE NdisHandle, PVOID OptionalHandlers);
NDISAPI UINT NTAPI NdisGetVersion(VOID);
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI PVOID NTAPI NdisGetRoutineAddress(PNDIS_STRING NdisRoutineName);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID __cdecl NdisWriteErrorLogEntry(NDIS_HANDLE NdisAdapterHandle, NDIS_ERROR_CODE ErrorCode,
                                            ULONG NumberOfErrorValues, ...);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI NDIS_STATUS NTAPI NdisWriteEventLogEntry(PVOID LogHandle, NDIS_STATUS EventCode, ULONG UniqueEventValue,
                                                 USHORT NumStrings, PVOID StringsList, ULONG DataSize, PVOID Data);

/* Adapter */
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI NDIS_STATUS NTAPI NdisMSetMiniportAttributes(NDIS_HANDLE NdisMiniportHandle,
                                                     PNDIS_MINIPORT_ADAPTER_ATTRIBUTES MiniportAttributes);
NDISAPI VOID NTAPI NdisMGetDeviceProperty(NDIS_HANDLE MiniportAdapterHandle, PDEVICE_OBJECT *PhysicalDeviceObject,
                                          PDEVICE_OBJECT *FunctionalDeviceObject, PDEVICE_OBJECT *NextDeviceObject,
                                          PCM_RESOURCE_LIST *AllocatedResources,
                                          PCM_RESOURCE_LIST *AllocatedResourcesTranslated);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisMPauseComplete(NDIS_HANDLE MiniportAdapterHandle);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisMRestartComplete(NDIS_HANDLE MiniportAdapterHandle, NDIS_STATUS Status);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisMResetComplete(NDIS_HANDLE MiniportAdapterHandle, NDIS_STATUS Status, BOOLEAN AddressingReset);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisMOidRequestComplete(NDIS_HANDLE MiniportAdapterHandle, PNDIS_OID_REQUEST OidRequest,
                                           NDIS_STATUS Status);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisMDirectOidRequestComplete(NDIS_HANDLE MiniportAdapterHandle, PNDIS_OID_REQUEST OidRequest,
                                                 NDIS_STATUS Status);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisMIndicateStatusEx(NDIS_HANDLE MiniportAdapterHandle, PNDIS_STATUS_INDICATION StatusIndication);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisMRemoveMiniport(NDIS_HANDLE MiniportAdapterHandle);
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI NDIS_STATUS NTAPI NdisMRegisterScatterGatherDma(NDIS_HANDLE MiniportAdapterHandle,
                                                        PNDIS_SG_DMA_DESCRIPTION DmaDescription,
                                                        PNDIS_HANDLE NdisMiniportDmaHandle);
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI VOID NTAPI NdisMDeregisterScatterGatherDma(NDIS_HANDLE NdisMiniportDmaHandle);

/* Data path */
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisMIndicateReceiveNetBufferLists(NDIS_HANDLE MiniportAdapterHandle,
                                                      PNET_BUFFER_LIST NetBufferLists, NDIS_PORT_NUMBER PortNumber,
                                                      ULONG NumberOfNetBufferLists, ULONG ReceiveFlags);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisMSendNetBufferListsComplete(NDIS_HANDLE MiniportAdapterHandle, PNET_BUFFER_LIST NetBufferLists,
                                                   ULONG SendCompleteFlags);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI NDIS_HANDLE NTAPI NdisAllocateNetBufferListPool(NDIS_HANDLE NdisHandle,
                                                        const NET_BUFFER_LIST_POOL_PARAMETERS *Parameters);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisFreeNetBufferListPool(NDIS_HANDLE PoolHandle);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI PNET_BUFFER_LIST NTAPI NdisAllocateNetBufferList(NDIS_HANDLE PoolHandle, USHORT ContextSize,
                                                         USHORT ContextBackFill);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI PNET_BUFFER_LIST NTAPI NdisAllocateNetBufferAndNetBufferList(NDIS_HANDLE PoolHandle, USHORT ContextSize,
                                                                     USHORT ContextBackFill, PMDL MdlChain,
                                                                     ULONG DataOffset, SIZE_T DataLength);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisFreeNetBufferList(PNET_BUFFER_LIST NetBufferList);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI NDIS_HANDLE NTAPI NdisAllocateNetBufferPool(NDIS_HANDLE NdisHandle,
                                                    const NET_BUFFER_POOL_PARAMETERS *Parameters);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisFreeNetBufferPool(NDIS_HANDLE PoolHandle);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI PNET_BUFFER NTAPI NdisAllocateNetBuffer(NDIS_HANDLE PoolHandle, PMDL MdlChain, ULONG DataOffset,
                                                SIZE_T DataLength);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisFreeNetBuffer(PNET_BUFFER NetBuffer);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI PMDL NTAPI NdisAllocateMdl(NDIS_HANDLE NdisHandle, PVOID VirtualAddress, UINT Length);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisFreeMdl(PMDL Mdl);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI PVOID NTAPI NdisGetDataBuffer(PNET_BUFFER NetBuffer, ULONG BytesNeeded, PVOID Storage, UINT AlignMultiple,
                                      UINT AlignOffset);

/* Configuration and memory */
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI NDIS_STATUS NTAPI NdisOpenConfigurationEx(PNDIS_CONFIGURATION_OBJECT ConfigObject,
                                                  PNDIS_HANDLE ConfigurationHandle);
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI VOID NTAPI NdisCloseConfiguration(NDIS_HANDLE ConfigurationHandle);
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI VOID NTAPI NdisReadConfiguration(PNDIS_STATUS Status, PNDIS_CONFIGURATION_PARAMETER *ParameterValue,
                                         NDIS_HANDLE ConfigurationHandle, PNDIS_STRING Keyword,
                                         NDIS_PARAMETER_TYPE ParameterType);
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI VOID NTAPI NdisWriteConfiguration(PNDIS_STATUS Status, NDIS_HANDLE ConfigurationHandle, PNDIS_STRING Keyword,
                                          PNDIS_CONFIGURATION_PARAMETER ParameterValue);
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI VOID NTAPI NdisReadNetworkAddress(PNDIS_STATUS Status, PVOID *NetworkAddress, PUINT NetworkAddressLength,
                                          NDIS_HANDLE ConfigurationHandle);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI PVOID NTAPI NdisAllocateMemoryWithTagPriority(NDIS_HANDLE NdisHandle, UINT Length, ULONG Tag,
                                                      EX_POOL_PRIORITY Priority);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisFreeMemory(PVOID VirtualAddress, UINT Length, UINT MemoryFlags);

/* Work and time */
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI NDIS_HANDLE NTAPI NdisAllocateIoWorkItem(NDIS_HANDLE NdisObjectHandle);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisQueueIoWorkItem(NDIS_HANDLE NdisIoWorkItemHandle, NDIS_IO_WORKITEM_ROUTINE Routine,
                                       PVOID WorkItemContext);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisFreeIoWorkItem(NDIS_HANDLE NdisIoWorkItemHandle);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI NDIS_STATUS NTAPI NdisAllocateTimerObject(NDIS_HANDLE NdisHandle,
                                                  PNDIS_TIMER_CHARACTERISTICS TimerCharacteristics,
                                                  PNDIS_HANDLE TimerObject);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI BOOLEAN NTAPI NdisSetTimerObject(NDIS_HANDLE TimerObject, LARGE_INTEGER DueTime, LONG MillisecondsPeriod,
                                         PVOID FunctionContext);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI BOOLEAN NTAPI NdisCancelTimerObject(NDIS_HANDLE TimerObject);
_IRQL_requires_max_(DISPATCH_LEVEL)
NDISAPI VOID NTAPI NdisFreeTimerObject(NDIS_HANDLE TimerObject);
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI VOID NTAPI NdisMSleep(ULONG MicrosecondsToSleep);

/* Processors */
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI NDIS_STATUS NTAPI NdisGetProcessorInformationEx(NDIS_HANDLE NdisHandle,
                                                        PNDIS_SYSTEM_PROCESSOR_INFO_EX SystemProcessorInfo,
                                                        PSIZE_T Size);
_IRQL_requires_(PASSIVE_LEVEL)
NDISAPI NDIS_STATUS NTAPI NdisGetRssProcessorInformation(NDIS_HANDLE NdisHandle,
                                                         PNDIS_RSS_PROCESSOR_INFO RssProcessorInfo, PSIZE_T Size);
NDISAPI ULONG NTAPI NdisGroupActiveProcessorCount(USHORT Group);

/* Of Windows' headers this one is inline on x64, since NDIS 6.20: the systemwide index of the running processor is read
 * where its block has it, in all that was ever built with them (wdm.h, KeGetCurrentProcessorIndex). */
#ifdef _WIN64
#define NDIS_PROCESSOR_BLOCK_INDEX ((const volatile ULONG __attribute__((address_space(256))) *)0x1a4) /* by GS */
#endif

_IRQL_requires_(DISPATCH_LEVEL)
FORCEINLINE ULONG NdisCurrentProcessorIndex(VOID)
{
#ifdef _WIN64
    return *NDIS_PROCESSOR_BLOCK_INDEX;
#else
    return KeGetCurrentProcessorNumberEx(NULL);
#endif
}

#endif
