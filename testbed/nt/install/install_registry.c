/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AddReg and DelReg: registry root, subkey, value name, flags, value. The flags say type and manner; what is not known
 * among them is an error that names file and line, because a value silently of another type is the worst kind of
 * install bug.
 */
#include "nt/install/install.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "nt/nt.h"
#include "nt/registry/registry.h"
#include "nt/rtl/utf.h"

/* FLG_ADDREG_... */
enum {
    FLAG_NO_CLOBBER = 0x2,
    FLAG_DELETE_VALUE = 0x4,
    FLAG_APPEND = 0x8,
    FLAG_KEY_ONLY = 0x10,
    FLAG_OVERWRITE_ONLY = 0x20,
    FLAG_64BIT = 0x1000,
    TYPE_MASK = (int)0xffff0001,
    TYPE_SZ = 0,
    TYPE_BINARY = 0x1,
    TYPE_MULTI_SZ = 0x10000,
    TYPE_DWORD = 0x10001,
    TYPE_EXPAND_SZ = 0x20000,
    TYPE_NONE = 0x20001,
};

struct target {
    const struct inf *inf;
    const struct inf_line *line;
    char key[700];
    const char *name;
    char *error;
    size_t size;
};

static bool complain(const struct target *at, const char *what, const char *detail)
{
    snprintf(at->error, at->size, "%s: line %u: %s \"%s\": correct it", at->inf->file, at->line->number, what, detail);
    return false;
}

static bool resolve_key(struct target *at, const char *relative)
{
    static const struct {
        const char *root, *path;
    } roots[] = {
        { "HKLM", "\\Registry\\Machine" },
        { "HKCR", "\\Registry\\Machine\\SOFTWARE\\Classes" },
        { "HKU", "\\Registry\\User" },
        { "HKCU", "\\Registry\\User\\.Default" },
    };
    const char *root = inf_field(at->line, 0), *path = NULL, *subkey = inf_field(at->line, 1);

    if (strcasecmp(root, "HKR") == 0) {
        path = relative;
    }
    for (size_t i = 0; path == NULL && i < sizeof(roots) / sizeof(roots[0]); i++) {
        if (strcasecmp(root, roots[i].root) == 0) {
            path = roots[i].path;
        }
    }
    if (path == NULL) {
        return complain(at, "unknown registry root", root);
    }
    snprintf(at->key, sizeof(at->key), "%s%s%s", path, subkey[0] != 0 ? "\\" : "", subkey);
    at->name = inf_field(at->line, 2);
    return true;
}

static void set_text(const struct target *at, enum registry_type type, size_t first, size_t last, bool append)
{
    uint16_t wide[8192];
    size_t used = 0, bytes = sizeof(wide);
    enum registry_type was;

    if (append && registry_get_value(at->key, at->name, &was, wide, &bytes) && was == REGISTRY_MULTI_SZ && bytes >= 2 &&
        bytes <= sizeof(wide)) {
        used = bytes / 2 - 1; /* without the list's closing NUL */
    }
    for (size_t i = first; i < last; i++) {
        char path[1024];
        const char *text = inf_field(at->line, i);
        size_t room = sizeof(wide) / 2 - used - 1;
        size_t units;

        if (text[0] == '%' && install_directory(text, path, sizeof(path))) {
            text = path;
        }
        units = utf16_from_utf8(wide + used, room, text);
        used += (units < room ? units : room - 1) + 1;
    }
    if (type == REGISTRY_MULTI_SZ) {
        wide[used++] = 0;
    }
    registry_set_value(at->key, at->name, type, wide, used * 2);
}

static bool set_bytes(const struct target *at, enum registry_type type)
{
    uint8_t bytes[1024];
    size_t count = 0;

    for (size_t i = 4; i < at->line->count && count < sizeof(bytes); i++) {
        char *end;
        const char *text = at->line->fields[i];
        unsigned long byte = strtoul(text, &end, 16);

        if (text[0] == 0 || *end != 0 || byte > 255) {
            return complain(at, "not a byte in hexadecimal:", text);
        }
        bytes[count++] = (uint8_t)byte;
    }
    registry_set_value(at->key, at->name, type, bytes, count);
    return true;
}

static bool set_dword(const struct target *at)
{
    uint32_t number = 0;

    if (at->line->count == 8) { /* four bytes, lowest first */
        for (size_t i = 4; i < 8; i++) {
            number |= (uint32_t)strtoul(at->line->fields[i], NULL, 16) << (8 * (i - 4));
        }
    } else if (!inf_number(inf_field(at->line, 4), &number)) {
        return complain(at, "not a number:", inf_field(at->line, 4));
    }
    registry_set_dword(at->key, at->name, number);
    return true;
}

static bool add_value(struct target *at)
{
    const char *text = inf_field(at->line, 3);
    uint32_t flags = 0;
    size_t none = 0;
    bool exists = registry_get_value(at->key, at->name, NULL, NULL, &none);

    if (text[0] != 0 && !inf_number(text, &flags)) {
        return complain(at, "flags that are no number:", text);
    }
    if ((flags & ~(uint32_t)(TYPE_MASK | FLAG_64BIT | FLAG_KEY_ONLY | FLAG_NO_CLOBBER | FLAG_OVERWRITE_ONLY |
                             FLAG_DELETE_VALUE | FLAG_APPEND)) != 0) {
        return complain(at, "flags with unknown bits:", text);
    }
    if ((flags & FLAG_DELETE_VALUE) != 0) {
        registry_delete_value(at->key, at->name);
        return true;
    }
    if ((flags & FLAG_OVERWRITE_ONLY) != 0 && !exists) {
        return true;
    }
    registry_create_key(at->key);
    if ((flags & FLAG_KEY_ONLY) != 0 || at->line->count <= 2 || ((flags & FLAG_NO_CLOBBER) != 0 && exists)) {
        return true;
    }
    switch (flags & (uint32_t)TYPE_MASK) {
    case TYPE_SZ:
        set_text(at, REGISTRY_SZ, 4, 5, false);
        return true;
    case TYPE_EXPAND_SZ:
        set_text(at, REGISTRY_EXPAND_SZ, 4, 5, false);
        return true;
    case TYPE_MULTI_SZ:
        set_text(at, REGISTRY_MULTI_SZ, 4, at->line->count > 4 ? at->line->count : 4, (flags & FLAG_APPEND) != 0);
        return true;
    case TYPE_DWORD:
        return set_dword(at);
    case TYPE_BINARY:
        return set_bytes(at, REGISTRY_BINARY);
    case TYPE_NONE:
        return set_bytes(at, REGISTRY_NONE);
    default:
        return complain(at, "flags with an unknown type:", text);
    }
}

static bool delete_value(struct target *at)
{
    if (at->name[0] != 0) {
        registry_delete_value(at->key, at->name);
    } else {
        registry_delete_key(at->key);
    }
    return true;
}

/* Every section that the directive names, in order. */
static bool each_line(const struct inf *inf, const char *section, const char *directive, const char *relative,
                      bool (*apply)(struct target *), char *error, size_t size)
{
    struct inf_section *install = inf_section(inf, section);

    for (size_t i = 0; install != NULL && i < install->count; i++) {
        if (install->lines[i].key == NULL || strcasecmp(install->lines[i].key, directive) != 0) {
            continue;
        }
        for (size_t f = 0; f < install->lines[i].count; f++) {
            const char *name = install->lines[i].fields[f];
            struct inf_section *lines = inf_section(inf, name);

            if (lines == NULL) {
                snprintf(error, size, "%s: line %u: %s names the section [%s], which is not there: add it", inf->file,
                         install->lines[i].number, directive, name);
                return false;
            }
            for (size_t k = 0; k < lines->count; k++) {
                struct target at = { .inf = inf, .line = &lines->lines[k], .error = error, .size = size };

                if (!resolve_key(&at, relative) || !apply(&at)) {
                    return false;
                }
            }
        }
    }
    return true;
}

bool install_registry(const struct inf *inf, const char *section, const char *relative, char *error, size_t size)
{
    return each_line(inf, section, "DelReg", relative, delete_value, error, size) &&
           each_line(inf, section, "AddReg", relative, add_value, error, size);
}
