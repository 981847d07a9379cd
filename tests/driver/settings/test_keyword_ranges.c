/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every keyword of the INF, at its bounds and beyond: the driver takes the least and the largest value without a word,
 * and for one less, one more, one off the step, a text and a value of another type it falls back to the INF's default
 * and says so in the event log, by name. The bounds come from the INF as it was installed, so a driver that knows
 * others fails here.
 */
#include "story_release.h"

#include <stdio.h>
#include <stdlib.h>

#include "nt/registry/registry.h"

enum { MAX_KEYWORDS = 40, NAME = 64, MAX_LINES = 400, LINE = 256 };

struct keyword {
    char name[NAME];
    uint32_t least, largest, step, standard;
};

static struct keyword keywords[MAX_KEYWORDS];
static uint32_t keyword_count;
static char params[400];

struct lines {
    uint32_t count;
    char text[MAX_LINES][LINE];
};

static void enum_value(void *context, const char *name, enum registry_type type, const void *data, size_t size)
{
    struct keyword *keyword = context;
    uint32_t value = (uint32_t)strtoul(name, NULL, 10);

    (void)type, (void)data, (void)size;
    keyword->least = value < keyword->least ? value : keyword->least;
    keyword->largest = value > keyword->largest ? value : keyword->largest;
}

static uint32_t number(const char *key, const char *name)
{
    char text[32];

    CHECK(registry_get_string(key, name, text, sizeof(text)));
    return (uint32_t)strtoul(text, NULL, 10);
}

static void found(void *context, const char *name)
{
    struct keyword *keyword = &keywords[keyword_count];
    char key[600], type[16];

    (void)context;
    snprintf(key, sizeof(key), "%s\\%s", params, name);
    CHECK(registry_get_string(key, "Type", type, sizeof(type)));
    if (strcmp(type, "edit") == 0) {
        return; /* NetworkAddress: no number */
    }
    CHECK(keyword_count < MAX_KEYWORDS);
    *keyword = (struct keyword){ .least = UINT32_MAX, .step = 1, .standard = number(key, "Default") };
    snprintf(keyword->name, sizeof(keyword->name), "%s", name);
    if (strcmp(type, "enum") == 0) {
        snprintf(key, sizeof(key), "%s\\%s\\enum", params, name);
        registry_each_value(key, enum_value, keyword);
    } else {
        keyword->least = number(key, "Min");
        keyword->largest = number(key, "Max");
        keyword->step = number(key, "Step");
    }
    keyword_count++;
}

/* --- the ways in which a value can be --- */

static char given[MAX_KEYWORDS][32]; /* as the event log has a number that is one: ": NAME = NUMBER, using ..." */

static bool set_number(const char *key, const struct keyword *keyword, uint32_t value)
{
    char text[16];

    snprintf(text, sizeof(text), "%u", value);
    snprintf(given[keyword - keywords], sizeof(given[0]), " = %s, ", text);
    registry_set_string(key, keyword->name, text);
    return true;
}

static bool too_small(const char *key, const struct keyword *keyword)
{
    if (keyword->least == 0) {
        registry_set_string(key, keyword->name, "-1");
        return true;
    }
    return set_number(key, keyword, keyword->least - 1);
}

static bool too_large(const char *key, const struct keyword *keyword)
{
    return set_number(key, keyword, keyword->largest + 1);
}
static bool off_step(const char *key, const struct keyword *keyword)
{
    return keyword->step > 1 && set_number(key, keyword, keyword->least + keyword->step / 2);
}
static bool least(const char *key, const struct keyword *keyword)
{
    return set_number(key, keyword, keyword->least);
}
static bool largest(const char *key, const struct keyword *keyword)
{
    return set_number(key, keyword, keyword->largest);
}
static bool as_dword(const char *key, const struct keyword *keyword)
{
    return registry_set_dword(key, keyword->name, keyword->least), true;
}
static bool dword_too_large(const char *key, const struct keyword *keyword)
{
    snprintf(given[keyword - keywords], sizeof(given[0]), " = %u, ", UINT32_MAX);
    return registry_set_dword(key, keyword->name, UINT32_MAX), true;
}
static bool missing(const char *key, const struct keyword *keyword)
{
    return registry_delete_value(key, keyword->name), true;
}
static bool text(const char *key, const struct keyword *keyword)
{
    return registry_set_string(key, keyword->name, "on"), true;
}
static bool number_and_text(const char *key, const struct keyword *keyword)
{
    return registry_set_string(key, keyword->name, "1 of 2"), true;
}
static bool nothing(const char *key, const struct keyword *keyword)
{
    return registry_set_string(key, keyword->name, ""), true;
}
static bool huge(const char *key, const struct keyword *keyword)
{
    return registry_set_string(key, keyword->name, "4294967297"), true;
}

static bool binary(const char *key, const struct keyword *keyword)
{
    registry_set_value(key, keyword->name, REGISTRY_BINARY, "\x01\x00\x00\x00", 4);
    return true;
}

static bool several(const char *key, const struct keyword *keyword)
{
    registry_set_value(key, keyword->name, REGISTRY_MULTI_SZ, u"1\0", 6);
    return true;
}

static const struct way {
    const char *name;
    bool (*set)(const char *key, const struct keyword *keyword); /* false: there is no such value of this keyword */
    bool good;
} ways[] = {
    { "one less than the least", too_small, false },
    { "one more than the largest", too_large, false },
    { "off the step", off_step, false },
    { "a DWORD that is too large", dword_too_large, false },
    { "a text", text, false },
    { "a number and a text", number_and_text, false },
    { "an empty text", nothing, false },
    { "more than 32 bits", huge, false },
    { "binary", binary, false },
    { "several texts", several, false },
    { "the least", least, true },
    { "the largest", largest, true },
    { "a DWORD", as_dword, true },
    { "missing", missing, true },
};

static void keep(void *context, const char *line)
{
    struct lines *lines = context;

    CHECK(lines->count < MAX_LINES);
    snprintf(lines->text[lines->count++], LINE, "%s", line);
}

static uint32_t log_lines(struct lines *lines)
{
    lines->count = 0;
    ndis_event_log(keep, lines);
    return lines->count;
}

/* The line that names this keyword, among those after `first`. */
static const char *line_of(const struct lines *lines, uint32_t first, const struct keyword *keyword)
{
    uint32_t i;
    char start[NAME + 8];

    snprintf(start, sizeof(start), ": %s ", keyword->name);
    for (i = first; i < lines->count; i++) {
        if (strstr(lines->text[i], start) != NULL) {
            return lines->text[i];
        }
    }
    return NULL;
}

static void start_again(struct story *story)
{
    struct bed *bed = &story->bed;
    char error[512];

    adapter_remove(bed->adapter);
    bed->adapter = adapter_add(bed->driver, bed_pdo(bed), bed->package, error, sizeof(error));
    if (bed->adapter == NULL) {
        test_fail(__FILE__, __LINE__, "the adapter did not start: %s", error);
    }
    CHECK_EQ(adapter_restart(bed->adapter), NDIS_STATUS_SUCCESS);
}

static void try(struct story *story, const struct way *way, const struct adapter_facts *standard)
{
    const char *key = story->bed.package->driver_key;
    bool set[MAX_KEYWORDS];
    struct adapter_facts facts;
    static struct lines lines;
    uint32_t i, before = log_lines(&lines), expected = 0, named = 0;
    char used[32];

    for (i = 0; i < keyword_count; i++) {
        set_number(key, &keywords[i], keywords[i].standard);
        set[i] = way->set(key, &keywords[i]) && !way->good;
        expected += set[i];
    }
    start_again(story);
    log_lines(&lines);
    for (i = 0; i < keyword_count; i++) {
        const char *line = line_of(&lines, before, &keywords[i]);

        if (set[i] != (line != NULL)) {
            test_fail(__FILE__, __LINE__, "%s, %s: %s in the event log", keywords[i].name, way->name,
                      line != NULL ? line : "nothing");
        }
        if (line != NULL && strstr(line, " is no number, ") == NULL && strstr(line, given[i]) == NULL) {
            test_fail(__FILE__, __LINE__, "%s, %s: expected%s, the event log says: %s", keywords[i].name, way->name,
                      given[i], line);
        }
        snprintf(used, sizeof(used), ", using %u", keywords[i].standard);
        if (line != NULL && strcmp(line + strlen(line) - strlen(used), used) != 0) {
            test_fail(__FILE__, __LINE__, "%s, %s: the INF's default is %u, the event log says: %s", keywords[i].name,
                      way->name, keywords[i].standard, line);
        }
    }
    for (i = before; i < lines.count; i++) {
        named += strstr(lines.text[i], ", using ") != NULL;
    }
    CHECK_EQ(named, expected);
    memset(&facts, 0, sizeof(facts));
    adapter_facts(story->bed.adapter, &facts);
    facts.link_changes = standard->link_changes;
    CHECK(way->set == least || way->set == largest || way->set == as_dword ||
          memcmp(&facts, standard, sizeof(facts)) == 0);
}

static void all_keywords(struct story *story)
{
    static struct lines lines;
    struct adapter_facts standard;
    uint32_t i;

    edge_close(story->bed.edge);
    story->bed.edge = NULL;
    snprintf(params, sizeof(params), "%s\\Ndi\\params", story->bed.package->driver_key);
    registry_each_key(params, found, NULL);
    CHECK(keyword_count >= 23);
    /* That there is no RSS has a record. */
    CHECK_EQ(log_lines(&lines), story_has(story, STORY_NEEDS_RSS) ? 0 : 1);
    start_again(story);
    memset(&standard, 0, sizeof(standard));
    adapter_facts(story->bed.adapter, &standard);
    for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        try(story, &ways[i], &standard);
    }
    story_count("%u keywords, %u ways each", keyword_count, (uint32_t)(sizeof(ways) / sizeof(ways[0])));
}

/* StandardizedKeywords, NICStrictPropertyValidation */
TEST(every_keyword_falls_back_to_its_default_and_the_event_log_names_it)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED, .seed = test_seed(), .queues = 2, .body = all_keywords });
}
