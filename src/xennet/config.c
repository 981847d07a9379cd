/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading the keywords. Called by miniport.c while the adapter starts, at PASSIVE. No state.
 */
#include <keywords.h>
#include "config.h"
#include "report.h"

typedef struct _CONFIG_KEYWORD {
    NDIS_STRING Name;
    ULONG Offset; // of a ULONG in XENNET_CONFIG
    ULONG Default;
    ULONG Minimum;
    ULONG Maximum;
    ULONG Step;
} CONFIG_KEYWORD;

#define CONFIG_FIELD(_Field) FIELD_OFFSET(XENNET_CONFIG, _Field)

#define CONFIG_ROW(_Name, _Member, _Default, _Minimum, _Maximum, _Step)                                                \
    {NDIS_STRING_CONST(_Name), CONFIG_FIELD(_Member), _Default, _Minimum, _Maximum, _Step},

static const CONFIG_KEYWORD ConfigKeywords[] = {XENNET_KEYWORDS(CONFIG_ROW)};

// The names under which older drivers for this device kept what the standard keywords set now; they apply where
// present.
#define CONFIG_OLD(_Name, _Field)                                                                                      \
    {                                                                                                                  \
        NDIS_STRING_CONST(_Name), CONFIG_FIELD(_Field), 1, 0, 1, 1                                                     \
    }

static const CONFIG_KEYWORD ConfigOldKeywords[] = {
    CONFIG_OLD("LROIPv4", Rsc4),
    CONFIG_OLD("LROIPv6", Rsc6),
};

static BOOLEAN
ConfigIsValid(const CONFIG_KEYWORD *Keyword, ULONG Value)
{
    return Value >= Keyword->Minimum && Value <= Keyword->Maximum && (Value - Keyword->Minimum) % Keyword->Step == 0;
}

// Digits and nothing else: NDIS would make a zero of any other text, and zero is a value like others.
static BOOLEAN
ConfigParse(const NDIS_STRING *Text, ULONG *Value)
{
    ULONG64 Number = 0;
    ULONG Index;

    for (Index = 0; Index < Text->Length / sizeof(WCHAR); Index++) {
        if (Text->Buffer[Index] < L'0' || Text->Buffer[Index] > L'9')
            return FALSE;
        Number = Number * 10 + (Text->Buffer[Index] - L'0');
        if (Number > MAXULONG)
            return FALSE;
    }
    *Value = (ULONG)Number;
    return Index != 0;
}

static BOOLEAN
ConfigTakeNumber(const NDIS_CONFIGURATION_PARAMETER *Parameter, ULONG *Value)
{
    switch (Parameter->ParameterType) {
    case NdisParameterInteger:
    case NdisParameterHexInteger:
        *Value = Parameter->ParameterData.IntegerData;
        return TRUE;

    case NdisParameterString:
        return ConfigParse(&Parameter->ParameterData.StringData, Value);

    default:
        return FALSE;
    }
}

// Default: what counts without the keyword or with an impossible value.
static ULONG
ConfigReadKeyword(NDIS_HANDLE Configuration, const CONFIG_KEYWORD *Keyword, ULONG Default)
{
    // A value of another type than the one asked for may look like none at all.
    static const NDIS_PARAMETER_TYPE Types[] = {NdisParameterString, NdisParameterBinary, NdisParameterMultiString};
    NDIS_CONFIGURATION_PARAMETER *Parameter;
    NDIS_STATUS Status = NDIS_STATUS_FAILURE;
    NDIS_STRING Name = Keyword->Name;
    ULONG Index;
    ULONG Value;

    for (Index = 0; Index < RTL_NUMBER_OF(Types) && Status != NDIS_STATUS_SUCCESS; Index++)
        NdisReadConfiguration(&Status, &Parameter, Configuration, &Name, Types[Index]);
    if (Status != NDIS_STATUS_SUCCESS)
        return Default;
    if (!ConfigTakeNumber(Parameter, &Value)) {
        ReportKeyword(&Name, NULL, Default);
        return Default;
    }
    if (ConfigIsValid(Keyword, Value))
        return Value;
    ReportKeyword(&Name, &Value, Default);
    return Default;
}

// A unicast address: not a multicast one, not all zero.
static VOID
ConfigReadAddress(ULONG IfIndex, NDIS_HANDLE Configuration, XENNET_CONFIG *Config)
{
    PVOID Address = NULL;
    UINT Length = 0;
    NDIS_STATUS Status;
    ULONG Index;
    UCHAR Any = 0;

    Config->HasAddress = FALSE;
    NdisReadNetworkAddress(&Status, &Address, &Length, Configuration);
    if (Status != NDIS_STATUS_SUCCESS || Length == 0)
        return;
    if (Length == ETHERNET_ADDRESS_LENGTH) {
        RtlCopyMemory(&Config->Address, Address, ETHERNET_ADDRESS_LENGTH);
        for (Index = 0; Index < ETHERNET_ADDRESS_LENGTH; Index++)
            Any |= Config->Address.Byte[Index];
    }
    if (Any != 0 && !(Config->Address.Byte[0] & 0x01)) {
        Config->HasAddress = TRUE;
        return;
    }
    ReportNetworkAddress(IfIndex, Length);
}

_Use_decl_annotations_
NDIS_STATUS
ConfigRead(const XENNET_REPORTER *Reporter, XENNET_CONFIG *Config)
{
    NDIS_CONFIGURATION_OBJECT Object;
    NDIS_HANDLE Configuration;
    NDIS_STATUS Status;
    ULONG *Value;
    ULONG Index;

    RtlZeroMemory(&Object, sizeof(Object));
    Object.Header.Type = NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT;
    Object.Header.Revision = NDIS_CONFIGURATION_OBJECT_REVISION_1;
    Object.Header.Size = NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1;
    Object.NdisHandle = Reporter->NdisHandle;
    Status = NdisOpenConfigurationEx(&Object, &Configuration);
    if (Status != NDIS_STATUS_SUCCESS)
        return Status;

    for (Index = 0; Index < RTL_NUMBER_OF(ConfigKeywords); Index++) {
        Value = (ULONG *)((PUCHAR)Config + ConfigKeywords[Index].Offset);
        *Value = ConfigReadKeyword(Configuration, &ConfigKeywords[Index], ConfigKeywords[Index].Default);
    }
    for (Index = 0; Index < RTL_NUMBER_OF(ConfigOldKeywords); Index++) {
        Value = (ULONG *)((PUCHAR)Config + ConfigOldKeywords[Index].Offset);
        // Both must agree to switch it on: the installation writes the new name's default beside an old "off".
        *Value &= ConfigReadKeyword(Configuration, &ConfigOldKeywords[Index], *Value);
    }
    ConfigReadAddress(Reporter->IfIndex, Configuration, Config);
    NdisCloseConfiguration(Configuration);
    return NDIS_STATUS_SUCCESS;
}
