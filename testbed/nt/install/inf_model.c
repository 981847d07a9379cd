/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which model of an INF a device gets, by the rules of SetupAPI: of each manufacturer's decorations (NTamd64 or NTx86,
 * then major, minor, product type, suite and build) the one that names the newest Windows not newer than the simulated
 * one counts; of its models the one whose ID ranks best: hardware IDs before compatible IDs, on both sides, and the
 * device's earlier IDs first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "image/image.h"
#include "nt/install/inf.h"
#include "nt/export/version.h"

#ifdef __x86_64__
#define DECORATION        "NTamd64"
#define DECORATION_SUFFIX ".NTamd64"
#else
#define DECORATION        "NTx86"
#define DECORATION_SUFFIX ".NTx86"
#endif

enum { RANK_COMPATIBLE_IN_INF = 0x1000, RANK_COMPATIBLE_OF_DEVICE = 0x2000, RANK_NONE = 0xffff };

/* How well a decoration fits: 0 not at all. Newer beats older, a named product type beats none. */
static uint64_t decoration_fit(const char *decoration)
{
    const struct windows_version *windows = windows_simulated();
    uint32_t part[5] = { 0 }; /* major, minor, product type, suite mask, build */
    size_t parts = 0;
    const char *at = decoration;

    const size_t length_of_name = sizeof(DECORATION) - 1;

    if (strncasecmp(at, DECORATION, length_of_name) != 0 || (at[length_of_name] != 0 && at[length_of_name] != '.')) {
        return 0;
    }
    for (at += length_of_name; *at == '.'; parts++) {
        char number[32];
        size_t length = strcspn(++at, ".");

        if (parts == 5 || length >= sizeof(number)) {
            return 0;
        }
        snprintf(number, sizeof(number), "%.*s", (int)length, at);
        if (length > 0 && !inf_number(number, &part[parts])) {
            return 0;
        }
        at += length;
    }
    if (part[0] > windows->major || (part[0] == windows->major && part[1] > windows->minor)) {
        return 0;
    }
    if ((part[2] != 0 && part[2] != windows->product_type) || part[3] != 0) {
        return 0;
    }
    /* The build counts since Windows 10 1607 and only together with that version. */
    if (part[4] != 0 && (windows->build < 14310 || part[0] != windows->major || part[1] != windows->minor ||
                         part[4] > windows->build)) {
        return 0;
    }
    return 1 + ((uint64_t)part[0] << 48 | (uint64_t)part[1] << 40 | (uint64_t)part[4] << 8 | (part[2] != 0 ? 2 : 0));
}

static struct inf_section *models_of(const struct inf *inf, const struct inf_line *manufacturer)
{
    const char *base = inf_field(manufacturer, 0);
    struct inf_section *found = NULL;
    uint64_t best = 0;

    for (size_t i = 1; i < manufacturer->count; i++) {
        uint64_t fit = decoration_fit(manufacturer->fields[i]);
        char name[256];

        snprintf(name, sizeof(name), "%s.%s", base, manufacturer->fields[i]);
        if (fit > best && inf_section(inf, name) != NULL) {
            best = fit;
            found = inf_section(inf, name);
        }
    }
    return found;
}

static uint32_t rank_id(const char *id, size_t place, const char *const *hardware_ids,
                        const char *const *compatible_ids, const char **matched)
{
    uint32_t base = place == 0 ? 0 : RANK_COMPATIBLE_IN_INF + (uint32_t)(place - 1) * 0x100;

    for (uint32_t i = 0; hardware_ids != NULL && hardware_ids[i] != NULL; i++) {
        if (strcasecmp(id, hardware_ids[i]) == 0) {
            *matched = hardware_ids[i];
            return base + i;
        }
    }
    for (uint32_t i = 0; compatible_ids != NULL && compatible_ids[i] != NULL; i++) {
        if (strcasecmp(id, compatible_ids[i]) == 0) {
            *matched = compatible_ids[i];
            return RANK_COMPATIBLE_OF_DEVICE + base + i;
        }
    }
    return RANK_NONE;
}

static void add_text(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);

    snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", more);
}

/* The install section with the decoration that suits best. */
static bool decorate(const struct inf *inf, struct inf_model *model, char *error, size_t size)
{
    static const char *const extensions[] = { DECORATION_SUFFIX, ".NT", "" };

    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
        snprintf(model->section, sizeof(model->section), "%s%s", model->install, extensions[i]);
        if (inf_section(inf, model->section) != NULL) {
            model->extension = extensions[i];
            return true;
        }
    }
    snprintf(error, size, "%s: the model \"%s\" names the section [%s], which is not there: add it", inf->file,
             model->description, model->install);
    return false;
}

bool inf_select(const struct inf *inf, const char *const *hardware_ids, const char *const *compatible_ids,
                struct inf_model *model, char *error, size_t size)
{
    struct inf_section *manufacturers = inf_section(inf, "Manufacturer");
    char known[700] = "", decorations[200] = "";
    size_t usable = 0;

    memset(model, 0, sizeof(*model));
    model->rank = RANK_NONE;
    if (manufacturers == NULL || manufacturers->count == 0) {
        snprintf(error, size, "%s: no [Manufacturer] section: use an INF that installs a device", inf->file);
        return false;
    }
    for (size_t i = 0; i < manufacturers->count; i++) {
        struct inf_section *models = models_of(inf, &manufacturers->lines[i]);

        for (size_t k = 1; k < manufacturers->lines[i].count; k++) {
            add_text(decorations, sizeof(decorations), manufacturers->lines[i].fields[k]);
        }
        usable += models != NULL;
        for (size_t k = 0; models != NULL && k < models->count; k++) {
            const struct inf_line *line = &models->lines[k];

            for (size_t f = 1; f < line->count; f++) {
                const char *matched = NULL;
                uint32_t rank = rank_id(line->fields[f], f - 1, hardware_ids, compatible_ids, &matched);

                add_text(known, sizeof(known), line->fields[f]);
                if (rank < model->rank) {
                    model->rank = rank;
                    model->description = line->key != NULL ? line->key : "";
                    model->manufacturer = manufacturers->lines[i].key != NULL ? manufacturers->lines[i].key : "";
                    model->install = inf_field(line, 0);
                    model->matched_id = matched;
                }
            }
        }
    }
    if (usable == 0) {
        snprintf(error, size,
                 "%s: [Manufacturer] has no models for " IMAGE_ARCHITECTURE
                 " %s (its decorations: %s): use an INF for " DECORATION,
                 inf->file, windows_simulated()->title, decorations[0] != 0 ? decorations : "none");
        return false;
    }
    if (model->rank == RANK_NONE) {
        snprintf(error, size, "%s: no model for %s: its models are %s: use an INF or a device that fits the other",
                 inf->file, hardware_ids != NULL && hardware_ids[0] != NULL ? hardware_ids[0] : "a device without IDs",
                 known[0] != 0 ? known : "none");
        return false;
    }
    return decorate(inf, model, error, size);
}

static bool begins(const char *id, const char *with)
{
    return strncasecmp(id, with, strlen(with)) == 0;
}

bool inf_root_id(const char *path, const char *bus, char *id, size_t size)
{
    char error[200];
    struct inf *inf = inf_open(path, error, sizeof(error));
    const struct inf_section *manufacturers = inf != NULL ? inf_section(inf, "Manufacturer") : NULL;
    bool found = false, of_bus = false;

    for (size_t i = 0; manufacturers != NULL && i < manufacturers->count; i++) {
        const struct inf_section *models = models_of(inf, &manufacturers->lines[i]);

        for (size_t k = 0; models != NULL && k < models->count; k++) {
            for (size_t f = 1; f < models->lines[k].count; f++) {
                const char *one = models->lines[k].fields[f];

                of_bus |= begins(one, bus);
                if (!found && (begins(one, "ROOT\\") || strchr(one, '\\') == NULL) && one[0] != '\0') {
                    snprintf(id, size, "%s", one);
                    found = true;
                }
            }
        }
    }
    if (inf != NULL) {
        inf_close(inf);
    }
    return found && !of_bus;
}
