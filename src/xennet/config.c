/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the keywords. Called by adapter.c while the adapter starts, at PASSIVE. No state.
 */
#include "config.h"
#include "trace.h"

typedef struct _CONFIG_KEYWORD {
    NDIS_STRING Name;
    ULONG Offset;                       // of a ULONG in XENNET_CONFIG
    ULONG Default;
    ULONG Minimum;
    ULONG Maximum;
    ULONG Step;
} CONFIG_KEYWORD;

#define CONFIG_FIELD(_Field) FIELD_OFFSET(XENNET_CONFIG, _Field)

static const CONFIG_KEYWORD ConfigKeywords[] = {
    {NDIS_STRING_CONST("*IPChecksumOffloadIPv4"), CONFIG_FIELD(Ipv4Checksum), 3, 0, 3, 1},
    {NDIS_STRING_CONST("*TCPChecksumOffloadIPv4"), CONFIG_FIELD(Tcp4Checksum), 3, 0, 3, 1},
    {NDIS_STRING_CONST("*UDPChecksumOffloadIPv4"), CONFIG_FIELD(Udp4Checksum), 3, 0, 3, 1},
    {NDIS_STRING_CONST("*TCPChecksumOffloadIPv6"), CONFIG_FIELD(Tcp6Checksum), 3, 0, 3, 1},
    {NDIS_STRING_CONST("*UDPChecksumOffloadIPv6"), CONFIG_FIELD(Udp6Checksum), 3, 0, 3, 1},
    {NDIS_STRING_CONST("*LsoV2IPv4"), CONFIG_FIELD(Lso4), 1, 0, 1, 1},
    {NDIS_STRING_CONST("*LsoV2IPv6"), CONFIG_FIELD(Lso6), 1, 0, 1, 1},
    {NDIS_STRING_CONST("*RscIPv4"), CONFIG_FIELD(Rsc4), 1, 0, 1, 1},
    {NDIS_STRING_CONST("*RscIPv6"), CONFIG_FIELD(Rsc6), 1, 0, 1, 1},
    {NDIS_STRING_CONST("NeedChecksumValue"), CONFIG_FIELD(NeedChecksumValue), 1, 0, 1, 1},
    {NDIS_STRING_CONST("*RSS"), CONFIG_FIELD(Rss), 1, 0, 1, 1},
    {NDIS_STRING_CONST("*NumRssQueues"), CONFIG_FIELD(RssQueues), 16, 1, 64, 1},
    {NDIS_STRING_CONST("*ReceiveBuffers"), CONFIG_FIELD(ReceiveBuffers), 4096, 256, 16384, 64}
};

static ULONG
ConfigReadKeyword(NDIS_HANDLE NdisHandle, NDIS_HANDLE Configuration, const CONFIG_KEYWORD *Keyword)
{
    NDIS_CONFIGURATION_PARAMETER *Parameter;
    NDIS_STATUS Status;
    NDIS_STRING Name = Keyword->Name;
    ULONG Value;

    NdisReadConfiguration(&Status, &Parameter, Configuration, &Name, NdisParameterInteger);
    if (Status != NDIS_STATUS_SUCCESS)
        return Keyword->Default;
    Value = Parameter->ParameterData.IntegerData;
    if (Value >= Keyword->Minimum && Value <= Keyword->Maximum && (Value - Keyword->Minimum) % Keyword->Step == 0)
        return Value;

    TRACE_ERROR("keyword %wZ: %u is not %u to %u in steps of %u, using %u\n", &Name, Value, Keyword->Minimum,
                Keyword->Maximum, Keyword->Step, Keyword->Default);
    TraceLogEvent(NdisHandle, NDIS_ERROR_CODE_UNSUPPORTED_CONFIGURATION, XENNET_EVENT_KEYWORD_RANGE,
                  (ULONG)(Keyword - ConfigKeywords), Value, Keyword->Default);
    return Keyword->Default;
}

_Use_decl_annotations_
NDIS_STATUS
ConfigRead(NDIS_HANDLE NdisHandle, XENNET_CONFIG *Config)
{
    NDIS_CONFIGURATION_OBJECT Object;
    NDIS_HANDLE Configuration;
    NDIS_STATUS Status;
    ULONG Index;

    RtlZeroMemory(&Object, sizeof(Object));
    Object.Header.Type = NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT;
    Object.Header.Revision = NDIS_CONFIGURATION_OBJECT_REVISION_1;
    Object.Header.Size = NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1;
    Object.NdisHandle = NdisHandle;
    Status = NdisOpenConfigurationEx(&Object, &Configuration);
    if (Status != NDIS_STATUS_SUCCESS)
        return Status;

    for (Index = 0; Index < RTL_NUMBER_OF(ConfigKeywords); Index++) {
        *(ULONG *)((PUCHAR)Config + ConfigKeywords[Index].Offset) =
            ConfigReadKeyword(NdisHandle, Configuration, &ConfigKeywords[Index]);
    }
    NdisCloseConfiguration(Configuration);
    return NDIS_STATUS_SUCCESS;
}
