/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ndi\params: the network class installer's part of an installation, and what the Advanced page of Device Manager does
 * later. A keyword's default becomes a string value of the driver key unless the keyword is optional; a value that a
 * person sets must be one that the page would accept.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "nt/install/install.h"
#include "nt/nt.h"
#include "nt/registry/registry.h"
#include "nt/rtl/utf.h"

struct listing {
    const char *driver_key;
    const char *params;
    char *text;
    size_t size;
};

static void add_text(struct listing *listing, const char *more)
{
    size_t used = strlen(listing->text);

    snprintf(listing->text + used, listing->size - used, "%s%s", used > 0 ? ", " : "", more);
}

static void default_one(void *context, const char *keyword)
{
    struct listing *listing = context;
    char key[700], value[512], optional[16] = "0";
    size_t none = 0;

    snprintf(key, sizeof(key), "%s\\%s", listing->params, keyword);
    registry_get_string(key, "Optional", optional, sizeof(optional));
    if (strcmp(optional, "1") != 0 && registry_get_string(key, "Default", value, sizeof(value)) &&
        !registry_get_value(listing->driver_key, keyword, NULL, NULL, &none)) {
        registry_set_string(listing->driver_key, keyword, value);
    }
}

void install_defaults(const char *driver_key)
{
    char params[600];
    struct listing listing = { .driver_key = driver_key, .params = params };

    snprintf(params, sizeof(params), "%s\\Ndi\\params", driver_key);
    registry_each_key(params, default_one, &listing);
}

static void list_key(void *context, const char *name)
{
    add_text(context, name);
}

static void list_value(void *context, const char *name, enum registry_type type, const void *data, size_t size)
{
    char text[200] = "", entry[300];

    if (type == REGISTRY_SZ) {
        utf8_from_utf16(text, sizeof(text), data, size >= 2 ? size / 2 - 1 : 0);
    }
    snprintf(entry, sizeof(entry), "%s (%s)", name, text);
    add_text(context, entry);
}

static bool parse_number(const char *text, int base, int64_t *number)
{
    char *end;

    *number = strtoll(text, &end, base);
    return text[0] != 0 && *end == 0 && !isspace((unsigned char)text[0]);
}

/* Min, Max and Step, as far as the keyword has them. */
static bool check_number(const char *key, const char *setting, const char *value, char *error, size_t size)
{
    char text[64], minimum[64] = "0", maximum[64] = "4294967295", step[64] = "1";
    int base = registry_get_string(key, "Base", text, sizeof(text)) && strcmp(text, "16") == 0 ? 16 : 10;
    int64_t number, low = 0, high = UINT32_MAX, by = 1;

    if (registry_get_string(key, "Type", text, sizeof(text)) && strcasecmp(text, "word") == 0) {
        snprintf(maximum, sizeof(maximum), "65535");
    }
    registry_get_string(key, "Min", minimum, sizeof(minimum));
    registry_get_string(key, "Max", maximum, sizeof(maximum));
    registry_get_string(key, "Step", step, sizeof(step));
    parse_number(minimum, base, &low);
    parse_number(maximum, base, &high);
    parse_number(step, base, &by);
    if (!parse_number(value, base, &number) || number < low || number > high || (by > 1 && (number - low) % by != 0)) {
        snprintf(error, size, "--set %s: the value is a number from %s to %s%s%s: give one of these", setting, minimum,
                 maximum, by > 1 ? " in steps of " : "", by > 1 ? step : "");
        return false;
    }
    return true;
}

static bool check_enum(const char *key, const char *setting, const char *value, char *error, size_t size)
{
    char values[800], known[600] = "";
    struct listing listing = { .text = known, .size = sizeof(known) };
    size_t none = 0;

    snprintf(values, sizeof(values), "%s\\enum", key);
    if (registry_get_value(values, value, NULL, NULL, &none)) {
        return true;
    }
    registry_each_value(values, list_value, &listing);
    snprintf(error, size, "--set %s: the values are %s: give one of these", setting, known);
    return false;
}

static bool check_text(const char *key, const char *setting, const char *value, char *error, size_t size)
{
    char limit[32];

    if (registry_get_string(key, "LimitText", limit, sizeof(limit)) && strlen(value) > strtoul(limit, NULL, 10)) {
        snprintf(error, size, "--set %s: the value has at most %s characters: shorten it", setting, limit);
        return false;
    }
    return true;
}

bool install_set(const char *driver_key, const char *inf_file, const char *setting, char *error, size_t size)
{
    const char *equals = strchr(setting, '=');
    char keyword[128], params[600], key[740], type[32] = "edit", upper[8];
    char value[512];
    bool good;

    if (equals == NULL || equals == setting) {
        snprintf(error, size, "--set %s: not of the form KEYWORD=VALUE: give both", setting);
        return false;
    }
    snprintf(keyword, sizeof(keyword), "%.*s", (int)(equals - setting), setting);
    snprintf(value, sizeof(value), "%s", equals + 1);
    snprintf(params, sizeof(params), "%s\\Ndi\\params", driver_key);
    snprintf(key, sizeof(key), "%s\\%s", params, keyword);
    if (!registry_key_exists(key) || strchr(keyword, '\\') != NULL) {
        char known[1500] = "";
        struct listing listing = { .text = known, .size = sizeof(known) };

        registry_each_key(params, list_key, &listing);
        snprintf(error, size, "--set %s: %s has no keyword %s: it has %s: use one of these", setting, inf_file, keyword,
                 known[0] != 0 ? known : "none");
        return false;
    }
    registry_get_string(key, "Type", type, sizeof(type));
    if (strcasecmp(type, "enum") == 0) {
        good = check_enum(key, setting, value, error, size);
    } else if (strcasecmp(type, "edit") == 0) {
        good = check_text(key, setting, value, error, size);
    } else {
        good = check_number(key, setting, value, error, size);
    }
    if (good) {
        if (registry_get_string(key, "UpperCase", upper, sizeof(upper)) && strcmp(upper, "1") == 0) {
            for (char *c = value; *c != 0; c++) {
                *c = (char)toupper((unsigned char)*c);
            }
        }
        registry_set_string(driver_key, keyword, value);
    }
    return good;
}
