/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * INF files as SetupAPI reads them: sections of lines, a line being a key (or none) and fields, with comments, quotes,
 * continuation lines and %strings% resolved. Directory numbers (%12%) stay as they are.
 */
#ifndef TESTBED_NT_INSTALL_INF_H
#define TESTBED_NT_INSTALL_INF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct inf_line {
    char *key; /* text before '=', or NULL */
    char **fields;
    size_t count;
    unsigned number; /* line in the file, from 1 */
};

struct inf_section {
    char *name;
    struct inf_line *lines;
    size_t count;
};

struct inf {
    char *path;
    const char *file; /* the path's last part, for messages */
    struct inf_section *sections;
    size_t count;
};

/* NULL and one sentence in `error` when the file cannot be read or is no INF. */
struct inf *inf_open(const char *path, char *error, size_t size);
void inf_close(struct inf *inf);

struct inf_section *inf_section(const struct inf *inf, const char *name); /* NULL: none; case is ignored */
/* First line of that key in the section, NULL: none. */
const struct inf_line *inf_find(const struct inf *inf, const char *section, const char *key);
const char *inf_field(const struct inf_line *line, size_t index); /* "" past the end or for a NULL line */
bool inf_number(const char *text, uint32_t *value);               /* decimal, or hexadecimal with 0x */

/* The model of the INF that fits a device best on the simulated Windows. */
struct inf_model {
    const char *description;
    const char *manufacturer;
    const char *install;    /* as the model names it */
    const char *matched_id; /* the device's ID */
    char section[128];      /* the install section with the decoration that exists */
    const char *extension;  /* that decoration: ".NTamd64" (".NTx86"), ".NT" or "" */
    uint32_t rank;          /* 0 best */
};
bool inf_select(const struct inf *inf, const char *const *hardware_ids, const char *const *compatible_ids,
                struct inf_model *model, char *error, size_t size);
/* For a driver of a software device: the first ID of its models that no bus enumerates, ROOT\NAME or a name alone.
 * False when one of the IDs is of `bus` ("XENVIF\"), or each is some other bus's. */
bool inf_root_id(const char *path, const char *bus, char *id, size_t size);

#endif
