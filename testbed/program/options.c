/* SPDX-License-Identifier: BSD-2-Clause */
/* Parses the command line (options.h) from one table, from which the help is printed too. */
#include "program/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netback/netback.h"
#include "nt/nt.h"
#include "nt/export/version.h"
#include "xenvif/offer/release.h"

enum option_id {
    DRIVER = 1,
    INF,
    SET,
    WINDOWS,
    XENVIF,
    XENVIF_INF,
    XENVIF_LIKE,
    VIF,
    QUEUES,
    PROCESSORS,
    GROUP_SIZE,
    MTU,
    BACKEND_NO,
    BACKEND_RATE,
    PCAP,
    PCAP_BYTES,
    PCAP_LIMIT,
    BYPASS,
    VERBOSE,
    TRACE,
    STRICT_GRANTS,
    PROVIDER,
    EDGE_BUFFERS_OPTION,
    LENIENT,
    GUARD_PAGES,
    SAMPLE,
    TIMELINE,
    LAST_PACKETS,
    WAIT_FOR_DEBUGGER,
    LIFE,
    GATHER,
    HELP
};

static const struct {
    const char *name, *argument, *help;
    enum option_id id;
} table[] = {
    { "driver", "FILE", "the driver image to load (x64)", DRIVER },
    { "inf", "FILE", "the INF that installs it", INF },
    { "set", "KEYWORD=VALUE", "set one of the INF's keywords, as in Device Manager; may be repeated", SET },
    { "windows", "VERSION", "the Windows to simulate: 7, 8.1, 10-1809, 10-22h2, 11-24h2, 2025", WINDOWS },
    { "xenvif", "FILE", "the image of a XenVif (x64) instead of the stand-in", XENVIF },
    { "xenvif-inf", "FILE", "the INF that installs it", XENVIF_INF },
    { "xenvif-like", "RELEASE", "behave like a release of XenVif: strict, 8.2, 9.1, 9.1-r3, main", XENVIF_LIKE },
    { "vif", "VERSION", "the VIF interface that XenVif offers: 8, 9 or 10", VIF },
    { "queues", "N", "queues of the backend and of both network devices", QUEUES },
    { "processors", "N", "simulated processors; as many as queues if not given", PROCESSORS },
    { "group-size", "N", "processors in each processor group but the last; 64 if not given", GROUP_SIZE },
    { "mtu", "BYTES", "MTU of the backend and of both network devices", MTU },
    { "backend-no", "LIST", "features the backend lacks, with commas between", BACKEND_NO },
    { "backend-rate", "KBITS", "thousands of bits a second that the backend takes of each queue", BACKEND_RATE },
    { "pcap", "FILE", "record both edges of the driver in a pcapng file", PCAP },
    { "pcap-bytes", "N", "keep at most so many bytes of each frame in it", PCAP_BYTES },
    { "pcap-limit", "MB", "leave frames out once it has so many million bytes", PCAP_LIMIT },
    { "bypass", NULL, "join the two network devices without a driver", BYPASS },
    { "verbose", NULL, "show what the driver prints", VERBOSE },
    { "trace", NULL, "show the driver's trace events", TRACE },
    { "strict-grants", NULL, "change page protection with every grant", STRICT_GRANTS },
    { "provider", "NAME", "embedded, or xen: this machine is a domain on a real Xen", PROVIDER },
    { "edge-buffers", "N", "frames on their way at once per send queue", EDGE_BUFFERS_OPTION },
    { "guard-pages", NULL, "end each memory block of the driver at an inaccessible page", GUARD_PAGES },
    { "lenient", NULL, "go on where a documented rule is broken that Windows does not enforce", LENIENT },
    { "sample", "MS", "report status this often; 1000 if not given", SAMPLE },
    { "timeline", "FILE", "write what happened when, for Perfetto or chrome://tracing", TIMELINE },
    { "wait-for-debugger", NULL, "do nothing before one has come", WAIT_FOR_DEBUGGER },
    { "life", NULL, "pause, reset and wake a driver that has no wire, once a second", LIFE },
    { "gather", NULL, "while frames are large, keep the threads of a queue's packets on one processor", GATHER },
    { "last-packets", "FILE", "write the newest frames at both edges in the end, cut to 128 bytes", LAST_PACKETS },
    { "help", NULL, "show this", HELP },
};
enum { TABLE_SIZE = sizeof(table) / sizeof(table[0]) };

void options_help(void)
{
    size_t i;

    puts("usage: testbed --driver FILE --inf FILE [OPTION]...\n");
    for (i = 0; i < TABLE_SIZE; i++) {
        char left[64];

        snprintf(left, sizeof(left), "--%s%s%s", table[i].name, table[i].argument ? " " : "",
                 table[i].argument ? table[i].argument : "");
        printf("  %-24s %s\n", left, table[i].help);
    }
}

static bool parse_number(const char *name, const char *text, uint32_t least, uint32_t most, uint32_t *value,
                         char *error, size_t size)
{
    char *end;
    unsigned long number;

    errno = 0;
    number = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 || number < least || number > most) {
        snprintf(error, size, "--%s takes a number from %u to %u, not '%s'", name, least, most, text);
        return false;
    }
    *value = (uint32_t)number;
    return true;
}

static bool add_setting(struct options *options, const char *text, char *error, size_t size)
{
    size_t count = 0;

    while (options->settings[count] != NULL) {
        count++;
    }
    if (strchr(text, '=') == NULL || text[0] == '=') {
        snprintf(error, size, "--set takes KEYWORD=VALUE, not '%s'", text);
        return false;
    }
    if (count == MAX_SETTINGS) {
        snprintf(error, size, "--set may be given %d times at most", MAX_SETTINGS);
        return false;
    }
    options->settings[count] = text;
    return true;
}

static bool choose_provider(struct options *options, const char *name, char *error, size_t size)
{
    options->real_xen = strcmp(name, "xen") == 0;
    if (!options->real_xen && strcmp(name, "embedded") != 0) {
        snprintf(error, size, "--provider '%s' is not known: use embedded or xen", name);
        return false;
    }
    return true;
}

static bool find_windows(struct options *options, const char *name, char *error, size_t size)
{
    const struct windows_version *version;
    size_t used;

    options->windows = windows_version_find(name);
    if (options->windows != NULL) {
        return true;
    }
    used = (size_t)snprintf(error, size, "--windows '%s' is not known: use one of", name);
    for (version = windows_versions; version->name != NULL && used < size; version++) {
        used +=
            (size_t)snprintf(error + used, size - used, "%s %s", version == windows_versions ? "" : ",", version->name);
    }
    return false;
}

static bool find_release(struct options *options, const char *name, char *error, size_t size)
{
    const struct vif_release *release = vif_releases;
    size_t used;

    options->release = vif_release_find(name);
    if (options->release != NULL) {
        return true;
    }
    used = (size_t)snprintf(error, size, "--xenvif-like '%s' is not known: use one of", name);
    for (; release->name != NULL && used < size; release++) {
        used += (size_t)snprintf(error + used, size - used, "%s %s", release == vif_releases ? "" : ",", release->name);
    }
    return false;
}

static bool take(struct options *options, enum option_id id, const char *argument, char *error, size_t size)
{
    switch (id) {
    case DRIVER:
        options->driver = argument;
        return true;
    case INF:
        options->inf = argument;
        return true;
    case SET:
        return add_setting(options, argument, error, size);
    case WINDOWS:
        return find_windows(options, argument, error, size);
    case XENVIF:
        options->xenvif = argument;
        return true;
    case XENVIF_INF:
        options->xenvif_inf = argument;
        return true;
    case XENVIF_LIKE:
        return find_release(options, argument, error, size);
    case VIF:
        return parse_number("vif", argument, 8, 10, &options->vif, error, size);
    case QUEUES:
        return parse_number("queues", argument, 1, MAX_QUEUES, &options->queues, error, size);
    case PROCESSORS:
        return parse_number("processors", argument, 1, PROCESSORS_LIMIT, &options->processors, error, size);
    case GROUP_SIZE:
        return parse_number("group-size", argument, 1, MAX_GROUP, &options->group_size, error, size);
    case MTU:
        return parse_number("mtu", argument, MIN_MTU, MAX_MTU, &options->mtu, error, size);
    case BACKEND_NO:
        return netback_features_parse(argument, &options->backend_without, error, size);
    case BACKEND_RATE:
        return parse_number("backend-rate", argument, 1, MAX_RATE, &options->backend_rate, error, size);
    case PCAP:
        options->pcap = argument;
        return true;
    case PCAP_BYTES:
        return parse_number("pcap-bytes", argument, 14, MAX_FRAME_BYTES, &options->pcap_bytes, error, size);
    case PCAP_LIMIT:
        return parse_number("pcap-limit", argument, 1, 1000000, &options->pcap_limit, error, size);
    case BYPASS:
        options->bypass = true;
        return true;
    case VERBOSE:
        options->verbose = true;
        return true;
    case TRACE:
        options->trace = true;
        return true;
    case STRICT_GRANTS:
        options->strict_grants = true;
        return true;
    case PROVIDER:
        return choose_provider(options, argument, error, size);
    case EDGE_BUFFERS_OPTION:
        return parse_number("edge-buffers", argument, 8, 4096, &options->edge_buffers, error, size);
    case SAMPLE:
        return parse_number("sample", argument, 10, 60000, &options->sample_ms, error, size);
    case TIMELINE:
        options->timeline = argument;
        return true;
    case WAIT_FOR_DEBUGGER:
        options->wait_for_debugger = true;
        return true;
    case LIFE:
        options->life = true;
        return true;
    case GATHER:
        options->gather = true;
        return true;
    case LAST_PACKETS:
        options->last_packets = argument;
        return true;
    case LENIENT:
        options->lenient = true;
        return true;
    case GUARD_PAGES:
        options->guard_pages = true;
        return true;
    case HELP:
        options->help = true;
        return true;
    }
    return false;
}

bool options_parse(struct options *options, int argc, char **argv, char *error, size_t size)
{
    struct option known[TABLE_SIZE + 1] = { 0 };
    size_t i;
    int id;

    memset(options, 0, sizeof(*options));
    options->windows = windows_version_find("10-22h2");
    options->release = &vif_releases[0];
    options->queues = 1;
    options->sample_ms = 1000;
    options->mtu = 1500;
    for (i = 0; i < TABLE_SIZE; i++) {
        known[i] =
            (struct option){ table[i].name, table[i].argument ? required_argument : no_argument, NULL, table[i].id };
    }
    opterr = 0;
    while ((id = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        if (id == ':' || id == '?') {
            snprintf(error, size, id == ':' ? "%s needs a value: see --help" : "%s is not an option: see --help",
                     argv[optind - 1]);
            return false;
        }
        if (!take(options, (enum option_id)id, optarg, error, size)) {
            return false;
        }
    }
    if (optind < argc) {
        snprintf(error, size, "'%s' is not an option: see --help", argv[optind]);
        return false;
    }
    if (!options->help && !options->bypass && (options->driver == NULL || options->inf == NULL)) {
        snprintf(error, size, "--%s is needed, unless --bypass is given", options->driver == NULL ? "driver" : "inf");
        return false;
    }
    if ((options->xenvif == NULL) != (options->xenvif_inf == NULL)) {
        snprintf(error, size, "--xenvif and --xenvif-inf belong together: give both or none");
        return false;
    }
    if (options->vif == 0) {
        options->vif = options->release->newest;
    }
    if (!vif_release_offers(options->release, options->vif, error, size)) {
        return false;
    }
    if (options->processors == 0) {
        options->processors = options->queues;
    }
    if (options->group_size == 0) {
        options->group_size = MAX_GROUP;
    }
    if (options->processors > options->group_size * MAX_GROUPS) {
        snprintf(error, size, "--processors %u do not fit into %d groups of %u: raise --group-size",
                 options->processors, MAX_GROUPS, options->group_size);
        return false;
    }
    return true;
}
