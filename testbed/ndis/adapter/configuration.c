/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NdisOpenConfigurationEx and what hangs on it: the driver's keywords in the registry. PASSIVE_LEVEL; a handle is used
 * by one thread at a time, as documented. What a read returns belongs to the handle: it is filled and freed when the
 * handle closes, so that use after close shows.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "ndis/adapter/adapter.h"
#include "ndis/adapter/miniport.h"
#include "ndis/adapter/record.h"
#include "ndis/export.h"
#include "ndis/object.h"
#include "nt/registry/registry.h"

enum { MAX_VALUE = 4096, MAX_KEY = 512, FILL = 0xdd };

struct read_value {
    struct read_value *next;
    struct NDIS_CONFIGURATION_PARAMETER parameter;
    size_t size;
    uint16_t data[];
};

struct configuration {
    struct ndis_object object;
    char key[MAX_KEY];
    struct read_value *values;
};

static struct configuration *open_key(const char *key)
{
    struct configuration *configuration = ndis_alloc(sizeof(*configuration));

    snprintf(configuration->key, sizeof(configuration->key), "%s", key);
    ndis_object_add(&configuration->object, NDIS_KIND_CONFIGURATION, "a configuration handle was not closed");
    return configuration;
}

static int32_t MS_ABI open_configuration(struct NDIS_CONFIGURATION_OBJECT *object, void **handle)
{
    struct ndis_object *owner;
    char key[MAX_KEY];

    record_check(RECORD_CONFIGURATION, object, ndis_version_simulated());
    owner = object->NdisHandle;
    RULE(owner != NULL, "ndis-handle", "NdisOpenConfigurationEx with a NULL NdisHandle");
    if (owner->kind == NDIS_KIND_ADAPTER) {
        snprintf(key, sizeof(key), "%s", ((struct adapter *)owner)->package->driver_key);
    } else {
        struct miniport *miniport = ndis_object_check(owner, NDIS_KIND_MINIPORT, "NdisOpenConfigurationEx");

        /* Drivers whose INF makes no such key open it all the same on Windows. */
        snprintf(key, sizeof(key), "%s\\Parameters", miniport->service_key);
        registry_create_key(key);
    }
    if (!registry_key_exists(key)) {
        *handle = NULL;
        return (int32_t)NDIS_STATUS_FAILURE;
    }
    *handle = open_key(key);
    return NDIS_STATUS_SUCCESS;
}

static void MS_ABI close_configuration(void *handle)
{
    struct configuration *configuration = ndis_object_check(handle, NDIS_KIND_CONFIGURATION, "NdisCloseConfiguration");

    while (configuration->values != NULL) {
        struct read_value *value = configuration->values;

        configuration->values = value->next;
        memset(value, FILL, sizeof(*value) + value->size);
        free(value);
    }
    ndis_object_remove(&configuration->object);
    free(configuration);
}

static struct read_value *keep(struct configuration *configuration, const void *data, size_t size)
{
    struct read_value *value = ndis_alloc(sizeof(*value) + size + sizeof(uint16_t));

    memcpy(value->data, data, size);
    value->size = size;
    value->next = configuration->values;
    configuration->values = value;
    return value;
}

/* As RtlUnicodeStringToInteger: blanks, a sign, then the digits of the base until something else comes. */
static uint32_t parse_integer(const uint16_t *text, size_t units, uint32_t base)
{
    uint32_t number = 0;
    bool negative = false;
    size_t i = 0;

    while (i < units && text[i] != 0 && text[i] <= ' ') {
        i++;
    }
    if (i < units && (text[i] == '-' || text[i] == '+')) {
        negative = text[i++] == '-';
    }
    if (base == 16 && i + 1 < units && text[i] == '0' && (text[i + 1] | 0x20) == 'x') {
        i += 2;
    }
    for (; i < units; i++) {
        uint32_t digit;

        if (text[i] >= '0' && text[i] <= '9') {
            digit = text[i] - '0';
        } else if ((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'f') {
            digit = (text[i] | 0x20) - 'a' + 10u;
        } else {
            break;
        }
        if (digit >= base) {
            break;
        }
        number = number * base + digit;
    }
    return negative ? 0 - number : number;
}

/* Registry type and wanted type to what NDIS gives; NULL: they do not go together. */
static struct read_value *convert(struct configuration *configuration, enum registry_type type, uint32_t wanted,
                                  const uint16_t *data, size_t size)
{
    struct read_value *value = keep(configuration, data, size);
    struct NDIS_CONFIGURATION_PARAMETER *p = &value->parameter;
    size_t units = size / 2;

    while (units > 0 && data[units - 1] == 0) {
        units--;
    }
    switch (type) {
    case REGISTRY_DWORD:
        p->ParameterType = NdisParameterInteger;
        memcpy(&p->ParameterData.IntegerData, data, sizeof(uint32_t));
        return value;
    case REGISTRY_SZ:
    case REGISTRY_EXPAND_SZ:
        if (wanted == NdisParameterInteger || wanted == NdisParameterHexInteger) {
            p->ParameterType = NdisParameterInteger;
            p->ParameterData.IntegerData = parse_integer(data, units, wanted == NdisParameterInteger ? 10 : 16);
            return value;
        }
        if (wanted != NdisParameterString) {
            return NULL;
        }
        p->ParameterType = NdisParameterString;
        break;
    case REGISTRY_MULTI_SZ:
        if (wanted != NdisParameterMultiString) {
            return NULL;
        }
        p->ParameterType = NdisParameterMultiString;
        units = size / 2;
        break;
    case REGISTRY_BINARY:
        if (wanted != NdisParameterBinary) {
            return NULL;
        }
        p->ParameterType = NdisParameterBinary;
        p->ParameterData.Length = (uint16_t)size;
        p->ParameterData.Buffer = value->data;
        return value;
    default:
        return NULL;
    }
    p->ParameterData.StringData.Length = (uint16_t)(units * 2);
    p->ParameterData.StringData.MaximumLength = (uint16_t)(units * 2 + 2);
    p->ParameterData.StringData.Buffer = (void *)value->data;
    return value;
}

static void MS_ABI read_configuration(int32_t *status, struct NDIS_CONFIGURATION_PARAMETER **parameter, void *handle,
                                      struct UNICODE_STRING *keyword, uint32_t wanted)
{
    struct configuration *configuration = ndis_object_check(handle, NDIS_KIND_CONFIGURATION, "NdisReadConfiguration");
    uint16_t data[MAX_VALUE / 2];
    size_t size = sizeof(data);
    enum registry_type type;
    struct read_value *value = NULL;
    char name[128];

    RULE(keyword != NULL && keyword->Buffer != NULL, "ndis-configuration", "NdisReadConfiguration without a keyword");
    RULE(wanted <= NdisParameterBinary, "ndis-configuration", "NdisReadConfiguration with parameter type %u", wanted);
    ndis_utf8(name, sizeof(name), (const uint16_t *)keyword->Buffer, keyword->Length / 2);
    if (registry_get_value(configuration->key, name, &type, data, &size) && size <= sizeof(data)) {
        value = convert(configuration, type, wanted, data, size);
    }
    *parameter = value != NULL ? &value->parameter : NULL;
    *status = value != NULL ? NDIS_STATUS_SUCCESS : (int32_t)NDIS_STATUS_FAILURE;
}

static void MS_ABI write_configuration(int32_t *status, void *handle, struct UNICODE_STRING *keyword,
                                       struct NDIS_CONFIGURATION_PARAMETER *parameter)
{
    struct configuration *configuration = ndis_object_check(handle, NDIS_KIND_CONFIGURATION, "NdisWriteConfiguration");
    const struct UNICODE_STRING *text = (const void *)&parameter->ParameterData.StringData;
    char name[128], value[MAX_VALUE];

    ndis_utf8(name, sizeof(name), (const uint16_t *)keyword->Buffer, keyword->Length / 2);
    *status = NDIS_STATUS_SUCCESS;
    switch (parameter->ParameterType) {
    case NdisParameterInteger:
        snprintf(value, sizeof(value), "%u", parameter->ParameterData.IntegerData);
        registry_set_string(configuration->key, name, value);
        break;
    case NdisParameterHexInteger:
        snprintf(value, sizeof(value), "%x", parameter->ParameterData.IntegerData);
        registry_set_string(configuration->key, name, value);
        break;
    case NdisParameterString:
        ndis_utf8(value, sizeof(value), (const uint16_t *)text->Buffer, text->Length / 2);
        registry_set_string(configuration->key, name, value);
        break;
    case NdisParameterMultiString:
        registry_set_value(configuration->key, name, REGISTRY_MULTI_SZ, text->Buffer, text->Length);
        break;
    case NdisParameterBinary:
        registry_set_value(configuration->key, name, REGISTRY_BINARY, parameter->ParameterData.Buffer,
                           parameter->ParameterData.Length);
        break;
    default:
        *status = (int32_t)NDIS_STATUS_NOT_SUPPORTED;
        break;
    }
}

/* "02-11-22-33-44-55" or "021122334455", as the advanced page of a network adapter writes it. */
static void MS_ABI read_network_address(int32_t *status, void **address, uint32_t *length, void *handle)
{
    struct configuration *configuration = ndis_object_check(handle, NDIS_KIND_CONFIGURATION, "NdisReadNetworkAddress");
    char text[64];
    uint8_t bytes[16];
    uint32_t digits = 0;
    const char *c;

    *status = (int32_t)NDIS_STATUS_FAILURE;
    if (!registry_get_string(configuration->key, "NetworkAddress", text, sizeof(text))) {
        return;
    }
    for (c = text; *c != '\0'; c++) {
        uint8_t digit;

        if (*c == '-' || *c == ':') {
            continue;
        }
        if (!isxdigit((unsigned char)*c) || digits == 2 * sizeof(bytes)) {
            return;
        }
        digit = (uint8_t)(*c <= '9' ? *c - '0' : (*c | 0x20) - 'a' + 10);
        bytes[digits / 2] = (uint8_t)(digits % 2 == 0 ? digit : bytes[digits / 2] << 4 | digit);
        digits++;
    }
    if (digits == 0 || digits % 2 != 0) {
        return;
    }
    *address = keep(configuration, bytes, digits / 2)->data;
    *length = digits / 2;
    *status = NDIS_STATUS_SUCCESS;
}

static void MS_ABI open_by_name(int32_t *status, void *handle, struct UNICODE_STRING *name, void **opened)
{
    struct configuration *configuration =
        ndis_object_check(handle, NDIS_KIND_CONFIGURATION, "NdisOpenConfigurationKeyByName");
    char key[MAX_KEY], sub[200];

    ndis_utf8(sub, sizeof(sub), (const uint16_t *)name->Buffer, name->Length / 2);
    snprintf(key, sizeof(key), "%.300s\\%s", configuration->key, sub);
    if (!registry_key_exists(key)) {
        *status = (int32_t)NDIS_STATUS_FAILURE;
        return;
    }
    *opened = open_key(key);
    *status = NDIS_STATUS_SUCCESS;
}

struct nth_key {
    uint32_t wanted, seen;
    char name[128];
};

static void match_index(void *context, const char *name)
{
    struct nth_key *nth = context;

    if (nth->seen++ == nth->wanted) {
        snprintf(nth->name, sizeof(nth->name), "%s", name);
    }
}

static void MS_ABI open_by_index(int32_t *status, void *handle, uint32_t index, struct UNICODE_STRING *name,
                                 void **opened)
{
    struct configuration *configuration =
        ndis_object_check(handle, NDIS_KIND_CONFIGURATION, "NdisOpenConfigurationKeyByIndex");
    struct nth_key nth = { .wanted = index };
    uint16_t wide[128];
    char key[MAX_KEY];
    struct read_value *kept;
    size_t units;

    registry_each_key(configuration->key, match_index, &nth);
    if (nth.name[0] == '\0') {
        *status = (int32_t)NDIS_STATUS_FAILURE;
        return;
    }
    snprintf(key, sizeof(key), "%.300s\\%s", configuration->key, nth.name);
    units = ndis_utf16(wide, sizeof(wide) / 2, nth.name);
    *opened = open_key(key);
    kept = keep(*opened, wide, units * 2);
    name->Length = (uint16_t)(units * 2);
    name->MaximumLength = (uint16_t)(units * 2 + 2);
    name->Buffer = (void *)kept->data;
    *status = NDIS_STATUS_SUCCESS;
}

#define CONFIGURATION_EXPORTS(X)                                                                                       \
    X(NdisOpenConfigurationEx, open_configuration, PASSIVE_LEVEL, PASSIVE_LEVEL)                                       \
    X(NdisCloseConfiguration, close_configuration, PASSIVE_LEVEL, PASSIVE_LEVEL)                                       \
    X(NdisReadConfiguration, read_configuration, PASSIVE_LEVEL, PASSIVE_LEVEL)                                         \
    X(NdisWriteConfiguration, write_configuration, PASSIVE_LEVEL, PASSIVE_LEVEL)                                       \
    X(NdisReadNetworkAddress, read_network_address, PASSIVE_LEVEL, PASSIVE_LEVEL)                                      \
    X(NdisOpenConfigurationKeyByName, open_by_name, PASSIVE_LEVEL, APC_LEVEL)                                          \
    X(NdisOpenConfigurationKeyByIndex, open_by_index, PASSIVE_LEVEL, APC_LEVEL)

void configuration_exports(void)
{
    NDIS_EXPORTS(CONFIGURATION_EXPORTS);
}
