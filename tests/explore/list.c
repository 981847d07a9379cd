/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of operations (explore.h): made from a seed, written as text, read again. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "explore.h"
#include "nt/export/version.h"

/* Of the list alone: the schedule has a generator of its own, so that the same list on another seed is another
 * schedule. (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.) */
static uint64_t state;

static uint64_t next(void)
{
    uint64_t z = state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint32_t between(uint32_t least, uint32_t most)
{
    return least + (uint32_t)(next() % ((uint64_t)most - least + 1));
}

static void make_config(struct explore_config *config, uint64_t seed)
{
    static const char *const windows[] = { "7", "8.1", "10-1809", "10-22h2", "11-24h2", "2025" };
    static const char *const keywords[] = {
        "*RSS=0",          "*JumboPacket=9014",   "*ReceiveBuffers=256",      "*NdisPoll=1",
        "*RscIPv4=0",      "*LsoV2IPv4=0",        "*PriorityVLANTag=0",       "*TCPChecksumOffloadIPv4=1",
        "*NumRssQueues=1", "*MaxRssProcessors=2", "*IPChecksumOffloadIPv4=0", "NeedChecksumValue=0",
    };
    static const uint32_t mtus[] = { 576, 1500, 1500, 1500, 9000 };
    uint32_t releases = 0;
    const struct vif_release *release;

    while (vif_releases[releases].name != NULL) {
        releases++;
    }
    release = &vif_releases[between(0, 1) != 0 ? 0 : between(0, releases - 1)];
    *config = (struct explore_config){
        .seed = seed,
        .vif = between(release->oldest, release->newest),
        .queues = between(1, 4),
        .processors = between(1, 4),
        .mtu = mtus[between(0, sizeof(mtus) / sizeof(mtus[0]) - 1)],
    };
    snprintf(config->windows, sizeof(config->windows), "%s",
             windows[between(0, sizeof(windows) / sizeof(windows[0]) - 1)]);
    snprintf(config->xenvif_like, sizeof(config->xenvif_like), "%s", release->name);
    if (between(0, 3) == 0) {
        uint32_t bit = between(0, NETBACK_FEATURE_COUNT - 1);

        if (bit != NETBACK_BIT_CTRL_RING || !release->enable_needs_control) {
            config->without = 1u << bit;
        }
    }
    for (uint32_t i = 0, count = between(0, 2); i < count; i++) {
        snprintf(config->keywords[i], sizeof(config->keywords[i]), "%s",
                 keywords[between(0, sizeof(keywords) / sizeof(keywords[0]) - 1)]);
    }
}

enum { RAREST = 16 };

/* Operations compete for the places of a list: what happens often in all of them keeps every list from what takes long
 * without it. So lists differ in what they have often. (Groce, Zhang, Eide, Chen, Regehr, "Swarm testing", ISSTA 2012,
 * where a list lacks a kind or has it.) */
static void draw_rarity(uint32_t rarity[EXPLORE_GROUPS])
{
    static const uint32_t rarities[] = { 1, 4, RAREST };

    for (uint32_t group = 0; group < EXPLORE_GROUPS; group++) {
        if (group == OFTEN) {
            rarity[group] = 1;
        } else if (group == SELDOM) {
            rarity[group] = RAREST;
        } else {
            rarity[group] = rarities[between(0, sizeof(rarities) / sizeof(rarities[0]) - 1)];
        }
    }
}

/* The stand-in has lists of its own for each seed, in which what cannot be done is left out only when they are run. */
static uint32_t weight(uint32_t kind, const uint32_t rarity[EXPLORE_GROUPS], bool portable)
{
    const struct operation_kind *of = &operation_kinds[kind];
    const bool left_out = (portable || story_xenvif() != NULL) && of->needs != 0;

    return left_out ? 0 : of->weight * RAREST / rarity[of->group];
}

void list_make(struct explore_list *list, uint64_t seed, uint32_t operations, bool portable)
{
    uint32_t sum = 0, rarity[EXPLORE_GROUPS], weights[operation_kind_count];

    state = seed;
    make_config(&list->config, seed);
    draw_rarity(rarity);
    xenvif_settle_release(&list->config);
    if (portable) {
        list->config.without &= ~(1u << NETBACK_BIT_CTRL_RING);
    }
    for (uint32_t kind = 0; kind < operation_kind_count; kind++) {
        weights[kind] = weight(kind, rarity, portable);
        sum += weights[kind];
    }
    list->count = operations < MAX_OPERATIONS ? operations : MAX_OPERATIONS;
    for (uint32_t i = 0; i < list->count; i++) {
        struct operation *operation = &list->operations[i];
        uint32_t at = between(0, sum - 1), kind = 0;

        while (at >= weights[kind]) {
            at -= weights[kind++];
        }
        *operation = (struct operation){ .kind = kind };
        for (uint32_t v = 0; v < operation_kinds[kind].values; v++) {
            operation->values[v] = between(operation_kinds[kind].range[v].least, operation_kinds[kind].range[v].most);
        }
    }
}

void list_write(const struct explore_list *list, FILE *file)
{
    const struct explore_config *config = &list->config;

    fprintf(file,
            "seed %" PRIu64 "\nwindows %s\nxenvif-like %s\nvif %u\nqueues %u\nprocessors %u\nmtu %u\nwithout %#x\n",
            config->seed, config->windows, config->xenvif_like, config->vif, config->queues, config->processors,
            config->mtu, config->without);
    if (sched_pct != 0) {
        fprintf(file, "pct %u\n", sched_pct);
    }
    for (uint32_t i = 0; i < MAX_KEYWORDS && config->keywords[i][0] != '\0'; i++) {
        fprintf(file, "keyword %s\n", config->keywords[i]);
    }
    for (uint32_t i = 0; i < list->count; i++) {
        const struct operation_kind *kind = &operation_kinds[list->operations[i].kind];

        fprintf(file, "- %s", kind->name);
        for (uint32_t v = 0; v < kind->values; v++) {
            fprintf(file, " %u", list->operations[i].values[v]);
        }
        fputc('\n', file);
    }
}

static bool read_operation(struct operation *operation, char *text)
{
    char *save, *word = strtok_r(text, " \n", &save);
    uint32_t kind = 0, v;

    while (kind < operation_kind_count && (word == NULL || strcmp(operation_kinds[kind].name, word) != 0)) {
        kind++;
    }
    if (kind == operation_kind_count) {
        return false;
    }
    *operation = (struct operation){ .kind = kind };
    for (v = 0; v < operation_kinds[kind].values; v++) {
        char *end, *number = strtok_r(NULL, " \n", &save);
        unsigned long value;

        if (number == NULL) {
            return false;
        }
        errno = 0;
        value = strtoul(number, &end, 0);
        if (errno != 0 || *end != '\0' || value < operation_kinds[kind].range[v].least ||
            value > operation_kinds[kind].range[v].most) {
            return false;
        }
        operation->values[v] = (uint32_t)value;
    }
    return strtok_r(NULL, " \n", &save) == NULL;
}

static bool config_is_valid(const struct explore_config *config)
{
    return windows_version_find(config->windows) != NULL && vif_release_find(config->xenvif_like) != NULL &&
           config->vif >= 8 && config->vif <= 10 && config->queues >= 1 && config->queues <= 16 &&
           config->processors >= 1 && config->processors <= MAX_GROUP && config->mtu >= 576 && config->mtu <= 65521;
}

/* "NAME VALUE" of the configuration. */
static bool read_setting(struct explore_config *config, const char *line)
{
    const struct {
        const char *name;
        uint32_t *value;
    } numbers[] = { { "vif", &config->vif }, { "queues", &config->queues },   { "processors", &config->processors },
                    { "mtu", &config->mtu }, { "without", &config->without }, { "pct", &sched_pct } };
    char name[32], value[64];

    if (sscanf(line, "%31s %63s", name, value) != 2) {
        return false;
    }
    if (strcmp(name, "seed") == 0) {
        return sscanf(value, "%" SCNu64, &config->seed) == 1;
    }
    if (strcmp(name, "windows") == 0 || strcmp(name, "xenvif-like") == 0) {
        snprintf(name[0] == 'w' ? config->windows : config->xenvif_like, sizeof(config->windows), "%.15s", value);
        return true;
    }
    if (strcmp(name, "keyword") == 0) {
        for (uint32_t i = 0; i < MAX_KEYWORDS; i++) {
            if (config->keywords[i][0] == '\0') {
                snprintf(config->keywords[i], sizeof(config->keywords[i]), "%s", value);
                return true;
            }
        }
        return false;
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            return sscanf(value, "%i", (int *)numbers[i].value) == 1;
        }
    }
    return false;
}

bool list_read(struct explore_list *list, const char *path, char *error, size_t size)
{
    FILE *file = fopen(path, "r");
    char line[256];
    uint32_t number = 0;

    if (file == NULL) {
        snprintf(error, size, "%s: %s", path, strerror(errno));
        return false;
    }
    memset(list, 0, sizeof(*list));
    while (fgets(line, sizeof(line), file) != NULL) {
        bool fine = true;
        char copy[256];

        number++;
        memcpy(copy, line, sizeof(copy));
        if (line[0] == '-') {
            fine = list->count < MAX_OPERATIONS && read_operation(&list->operations[list->count], line + 1);
            list->count += fine;
        } else if (line[0] != '#' && line[0] != '\n') {
            fine = read_setting(&list->config, line);
        }
        if (!fine) {
            snprintf(error, size, "%s, line %u: no such operation or setting: %.*s", path, number,
                     (int)strcspn(copy, "\n"), copy);
            (void)fclose(file);
            return false;
        }
    }
    (void)fclose(file);
    if (!config_is_valid(&list->config)) {
        snprintf(error, size, "%s: windows, xenvif-like, vif, queues, processors and mtu are needed, and have to exist",
                 path);
        return false;
    }
    return true;
}
