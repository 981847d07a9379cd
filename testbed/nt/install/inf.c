/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reads an INF file (see inf.h): encoding, lines, fields. What the strings mean is inf_strings.c's, which runs last
 * over all fields. No locks; one INF belongs to one task.
 */
#include "nt/install/inf.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "nt/install/inf_strings.h"
#include "nt/nt.h"
#include "nt/rtl/utf.h"

enum { LARGEST = 4 << 20 };

struct reader {
    struct inf *inf;
    char *text, *at;
    unsigned number;
    char *error;
    size_t size;
};

static void *grown(void *array, size_t count, size_t each)
{
    void *more = realloc(array, (count + 1) * each);

    if (more == NULL) {
        abort();
    }
    memset((char *)more + count * each, 0, each);
    return more;
}

/* --- encoding --- */

static bool is_utf8(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count;) {
        int more = bytes[i] < 0x80                       ? 0
                   : bytes[i] >= 0xc2 && bytes[i] < 0xe0 ? 1
                   : bytes[i] >= 0xe0 && bytes[i] < 0xf0 ? 2
                   : bytes[i] >= 0xf0 && bytes[i] < 0xf5 ? 3
                                                         : -1;

        if (more < 0 || i + (size_t)more >= count + (more == 0)) {
            return false;
        }
        for (i++; more > 0; more--, i++) {
            if ((bytes[i] & 0xc0) != 0x80) {
                return false;
            }
        }
    }
    return true;
}

static char *text_from_utf16(const uint8_t *bytes, size_t count, bool big)
{
    size_t units = count / 2;
    uint16_t *wide = calloc(units + 1, 2);
    char *text = malloc(units * 3 + 1);

    if (wide == NULL || text == NULL) {
        abort();
    }
    for (size_t i = 0; i < units; i++) {
        wide[i] =
            big ? (uint16_t)(bytes[2 * i] << 8 | bytes[2 * i + 1]) : (uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8);
    }
    utf8_from_utf16(text, units * 3 + 1, wide, units);
    free(wide);
    return text;
}

/* With a byte order mark what that says; without one UTF-8 if it is valid, else one byte per character. */
static char *decode(const uint8_t *bytes, size_t count)
{
    char *text;
    size_t used = 0;

    if (count >= 2 && bytes[0] == 0xff && bytes[1] == 0xfe) {
        return text_from_utf16(bytes + 2, count - 2, false);
    }
    if (count >= 2 && bytes[0] == 0xfe && bytes[1] == 0xff) {
        return text_from_utf16(bytes + 2, count - 2, true);
    }
    if (count >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        bytes += 3;
        count -= 3;
    }
    text = malloc(count * 2 + 1);
    if (text == NULL) {
        abort();
    }
    if (is_utf8(bytes, count)) {
        memcpy(text, bytes, count);
        used = count;
    } else {
        for (size_t i = 0; i < count; i++) {
            if (bytes[i] < 0x80) {
                text[used++] = (char)bytes[i];
            } else {
                text[used++] = (char)(0xc0 | bytes[i] >> 6);
                text[used++] = (char)(0x80 | (bytes[i] & 0x3f));
            }
        }
    }
    text[used] = 0;
    return text;
}

static char *read_file(const char *path, char *error, size_t size)
{
    FILE *file = fopen(path, "rb");
    struct stat info;
    uint8_t *bytes;
    size_t count;
    char *text;

    if (file == NULL || fstat(fileno(file), &info) != 0) {
        snprintf(error, size, "%s: %s: name an INF file that can be read", path, strerror(errno));
        if (file != NULL) {
            fclose(file);
        }
        return NULL;
    }
    if (!S_ISREG(info.st_mode) || info.st_size > LARGEST) {
        snprintf(error, size, "%s: %s: name an INF file", path,
                 S_ISREG(info.st_mode) ? "far too large for an INF" : "not a file");
        fclose(file);
        return NULL;
    }
    bytes = malloc(LARGEST);
    count = bytes == NULL ? 0 : fread(bytes, 1, LARGEST, file);
    fclose(file);
    if (count == 0) {
        snprintf(error, size, "%s: empty: name a complete INF file", path);
        free(bytes);
        return NULL;
    }
    text = decode(bytes, count);
    free(bytes);
    return text;
}

/* --- lines --- */

/* One logical line into `line`: comments gone, continuations joined. False at the end of the file. */
static bool next_line(struct reader *reader, char *line, unsigned *number)
{
    bool quoted = false;
    char *out = line;

    if (*reader->at == 0) {
        return false;
    }
    *number = reader->number;
    for (;;) {
        char *start = out;

        for (; *reader->at != 0 && *reader->at != '\n'; reader->at++) {
            if (*reader->at == '"') {
                quoted = !quoted;
            }
            if (*reader->at == ';' && !quoted) {
                reader->at += strcspn(reader->at, "\n");
                break;
            }
            *out++ = *reader->at;
        }
        if (*reader->at == '\n') {
            reader->at++;
        }
        reader->number++;
        while (out > start && isspace((unsigned char)out[-1])) {
            out--;
        }
        if (out > start && out[-1] == '\\' && !quoted && *reader->at != 0) {
            out--; /* the next line continues this one; its leading blanks do not count */
            while (*reader->at == ' ' || *reader->at == '\t') {
                reader->at++;
            }
            continue;
        }
        *out = 0;
        return true;
    }
}

/* Copies one field up to an unquoted character of `stop`; quotes are taken off, "" inside them is one quote. */
static char *take_field(char **at, const char *stop, bool *closed)
{
    char *field = malloc(strlen(*at) + 1), *out = field, *solid = field;
    bool quoted = false;

    if (field == NULL) {
        abort();
    }
    while (isspace((unsigned char)**at)) {
        ++*at;
    }
    for (; **at != 0 && (quoted || strchr(stop, **at) == NULL); ++*at) {
        if (**at == '"') {
            if (quoted && (*at)[1] == '"') {
                ++*at;
            } else {
                quoted = !quoted;
                solid = out;
                continue;
            }
        }
        *out++ = **at;
        if (quoted || !isspace((unsigned char)out[-1])) {
            solid = out;
        }
    }
    *solid = 0;
    *closed = !quoted;
    return field;
}

static char *find_unquoted(char *line, char wanted)
{
    bool quoted = false;

    for (; *line != 0; line++) {
        if (*line == '"') {
            quoted = !quoted;
        } else if (*line == wanted && !quoted) {
            return line;
        }
    }
    return NULL;
}

static bool parse_line(struct reader *reader, struct inf_section *section, char *text, unsigned number)
{
    struct inf_line *line;
    bool closed = true;

    section->lines = grown(section->lines, section->count, sizeof(*section->lines));
    line = &section->lines[section->count++];
    line->number = number;
    if (find_unquoted(text, '=') != NULL) {
        line->key = take_field(&text, "=", &closed);
        text++;
    }
    for (;;) {
        line->fields = grown(line->fields, line->count, sizeof(*line->fields));
        line->fields[line->count++] = take_field(&text, ",", &closed);
        if (!closed) {
            snprintf(reader->error, reader->size, "%s: line %u: a quote is not closed: close it on its line",
                     reader->inf->file, number);
            return false;
        }
        if (*text == 0) {
            return true;
        }
        text++;
    }
}

static struct inf_section *add_section(struct inf *inf, const char *name)
{
    struct inf_section *section = inf_section(inf, name);

    if (section == NULL) {
        inf->sections = grown(inf->sections, inf->count, sizeof(*inf->sections));
        section = &inf->sections[inf->count++];
        section->name = strdup(name);
    }
    return section;
}

static bool parse(struct reader *reader)
{
    char *line = malloc(strlen(reader->text) + 1);
    struct inf_section *section = NULL;
    bool good = line != NULL;
    unsigned number;

    while (good && next_line(reader, line, &number)) {
        char *at = line + strspn(line, " \t\r\f\v");

        if (*at == '[') {
            char *end = strchr(at, ']');

            if (end == NULL) {
                snprintf(reader->error, reader->size, "%s: line %u: the section's name has no closing bracket: add it",
                         reader->inf->file, number);
                good = false;
                break;
            }
            *end = 0;
            section = add_section(reader->inf, at + 1);
        } else if (*at != 0 && section == NULL) {
            snprintf(reader->error, reader->size, "%s: line %u: text before the first section: this is no INF file",
                     reader->inf->file, number);
            good = false;
        } else if (*at != 0) {
            good = parse_line(reader, section, at, number);
        }
    }
    free(line);
    return good;
}

struct inf *inf_open(const char *path, char *error, size_t size)
{
    struct reader reader = { .number = 1, .error = error, .size = size };
    const char *signature;

    reader.text = read_file(path, error, size);
    if (reader.text == NULL) {
        return NULL;
    }
    reader.at = reader.text;
    reader.inf = calloc(1, sizeof(*reader.inf));
    if (reader.inf == NULL) {
        abort();
    }
    reader.inf->path = strdup(path);
    reader.inf->file = strrchr(reader.inf->path, '/') != NULL ? strrchr(reader.inf->path, '/') + 1 : reader.inf->path;
    if (!parse(&reader) || !inf_resolve_strings(reader.inf, error, size)) {
        goto bad;
    }
    signature = inf_field(inf_find(reader.inf, "Version", "Signature"), 0);
    if (strcasecmp(signature, "$Windows NT$") != 0 && strcasecmp(signature, "$Chicago$") != 0) {
        snprintf(error, size, "%s: [Version] has no Signature=\"$Windows NT$\": name a complete INF file",
                 reader.inf->file);
        goto bad;
    }
    free(reader.text);
    return reader.inf;

bad:
    free(reader.text);
    inf_close(reader.inf);
    return NULL;
}

void inf_close(struct inf *inf)
{
    for (size_t i = 0; i < inf->count; i++) {
        struct inf_section *section = &inf->sections[i];

        for (size_t k = 0; k < section->count; k++) {
            for (size_t f = 0; f < section->lines[k].count; f++) {
                free(section->lines[k].fields[f]);
            }
            free(section->lines[k].fields);
            free(section->lines[k].key);
        }
        free(section->lines);
        free(section->name);
    }
    free(inf->sections);
    free(inf->path);
    free(inf);
}

struct inf_section *inf_section(const struct inf *inf, const char *name)
{
    for (size_t i = 0; i < inf->count; i++) {
        if (strcasecmp(inf->sections[i].name, name) == 0) {
            return &inf->sections[i];
        }
    }
    return NULL;
}

const struct inf_line *inf_find(const struct inf *inf, const char *name, const char *key)
{
    struct inf_section *section = inf_section(inf, name);

    for (size_t i = 0; section != NULL && i < section->count; i++) {
        if (section->lines[i].key != NULL && strcasecmp(section->lines[i].key, key) == 0) {
            return &section->lines[i];
        }
    }
    return NULL;
}

const char *inf_field(const struct inf_line *line, size_t index)
{
    return line != NULL && index < line->count ? line->fields[index] : "";
}

bool inf_number(const char *text, uint32_t *value)
{
    char *end;
    unsigned long long number;

    if (!isxdigit((unsigned char)text[0]) && !(text[0] == '-' && isdigit((unsigned char)text[1]))) {
        return false;
    }
    number = strtoull(text, &end, text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10);
    *value = (uint32_t)number;
    return *end == 0 && (text[0] == '-' || number <= UINT32_MAX);
}
