/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * %strings% of an INF. The simulated Windows speaks American English: [Strings.0409] comes before [Strings.0009] before
 * [Strings].
 * %% stands for one percent sign; %12% and other directory numbers stay for who knows the directories. A string's own
 * text is not looked at again.
 */
#include "nt/install/inf_strings.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *string_of(const struct inf *inf, const char *name)
{
    static const char *const sections[] = { "Strings.0409", "Strings.0009", "Strings" };

    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        const struct inf_line *line = inf_find(inf, sections[i], name);

        if (line != NULL) {
            return inf_field(line, 0);
        }
    }
    return NULL;
}

static bool is_directory(const char *name)
{
    size_t digits = strspn(name, "0123456789");

    return digits > 0 && name[digits] == 0;
}

struct text {
    char *bytes;
    size_t used, room;
};

static void append(struct text *text, const char *bytes, size_t count)
{
    if (text->used + count + 1 > text->room) {
        text->room = 2 * (text->used + count + 1);
        text->bytes = realloc(text->bytes, text->room);
        if (text->bytes == NULL) {
            abort();
        }
    }
    memcpy(text->bytes + text->used, bytes, count);
    text->used += count;
    text->bytes[text->used] = 0;
}

/* Replaces *field when it has a percent sign. */
static bool resolve(const struct inf *inf, char **field, unsigned number, char *error, size_t size)
{
    struct text out = { 0 };
    const char *at = *field;

    if (strchr(at, '%') == NULL) {
        return true;
    }
    append(&out, "", 0);
    while (*at != 0) {
        size_t plain = strcspn(at, "%");
        const char *end;
        char name[256];

        append(&out, at, plain);
        at += plain;
        if (*at == 0) {
            break;
        }
        end = strchr(at + 1, '%');
        if (at[1] == '%') {
            append(&out, "%", 1);
            at += 2;
            continue;
        }
        if (end == NULL) { /* a lone percent sign is itself */
            append(&out, at, 1);
            at++;
            continue;
        }
        snprintf(name, sizeof(name), "%.*s", (int)(end - at - 1), at + 1);
        if (is_directory(name)) {
            append(&out, at, (size_t)(end + 1 - at));
        } else if (string_of(inf, name) != NULL) {
            append(&out, string_of(inf, name), strlen(string_of(inf, name)));
        } else {
            snprintf(error, size, "%s: line %u: %%%s%% is not in [Strings]: define it there", inf->file, number, name);
            free(out.bytes);
            return false;
        }
        at = end + 1;
    }
    free(*field);
    *field = out.bytes;
    return true;
}

bool inf_resolve_strings(struct inf *inf, char *error, size_t size)
{
    for (size_t i = 0; i < inf->count; i++) {
        struct inf_section *section = &inf->sections[i];

        if (strncasecmp(section->name, "Strings", 7) == 0 && (section->name[7] == 0 || section->name[7] == '.')) {
            continue;
        }
        for (size_t k = 0; k < section->count; k++) {
            struct inf_line *line = &section->lines[k];

            if (line->key != NULL && !resolve(inf, &line->key, line->number, error, size)) {
                return false;
            }
            for (size_t f = 0; f < line->count; f++) {
                if (!resolve(inf, &line->fields[f], line->number, error, size)) {
                    return false;
                }
            }
        }
    }
    return true;
}
