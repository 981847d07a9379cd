/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shows what a netif backend does, case by case, one JSON object with a sentence for each. Run on Linux's netback the
 * output is the recording (tests/conformance/netback-6.1.json) that the embedded backend is held to.
 *
 *   conformance_netif --provider embedded|xen [--flows N] [CASE...]
 */
#include "conformance_bed.h"

#include <stdlib.h>
#include <string.h>

static struct {
    bool real;
    uint32_t flows;
    char **names;
    int name_count, status;
} program;

static bool wanted(const char *name)
{
    for (int i = 0; i < program.name_count; i++) {
        if (strstr(name, program.names[i]) != NULL) {
            return true;
        }
    }
    return program.name_count == 0;
}

/* A case that connects by itself starts from a new device and leaves none that another could use, nor does one that got
 * it disabled. */
static void run_case(struct bed *bed, const struct conformance_case *one)
{
    bed->saw[0] = '\0';
    if (one->setup == NULL || bed->setup != one->setup) {
        if (bed->setup != NULL) {
            bed_disconnect(bed);
        }
        if (one->setup != NULL) {
            bed_connect(bed, one->setup);
        }
    }
    one->run(bed);
    printf("\"%s\": \"%s\"", one->name, bed->saw);
    fflush(stdout);
    if (one->setup == NULL || strstr(bed->saw, "state 4") != NULL) { /* disabled: a reconnect may not be enough */
        bed_renew(bed);
    }
}

static void run_all(void *unused)
{
    static const struct conformance_case *const tables[] = { transmit_cases, receive_cases, control_cases, life_cases };
    static struct bed bed;
    const char *comma = "";

    (void)unused;
    bed_open(&bed, program.real);
    if (program.flows != 0) {
        program.status = flows_run(&bed, program.flows);
        bed_close(&bed);
        return;
    }
    puts("{");
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        for (const struct conformance_case *one = tables[t]; one->name != NULL; one++) {
            if (wanted(one->name)) {
                fputs(comma, stdout);
                comma = ",\n";
                run_case(&bed, one);
            }
        }
    }
    puts("\n}");
    bed_close(&bed);
}

int main(int argc, char **argv)
{
    struct sched_options options = { .kind = SCHED_SIMULATED, .seed = 1 };
    int i;

    for (i = 1; i + 1 < argc && argv[i][0] == '-'; i += 2) {
        if (strcmp(argv[i], "--provider") == 0) {
            program.real = strcmp(argv[i + 1], "xen") == 0;
        } else if (strcmp(argv[i], "--flows") == 0) {
            program.flows = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        } else {
            give_up("%s is not an option: use --provider embedded|xen, --flows N", argv[i]);
        }
    }
    program.names = argv + i;
    program.name_count = argc - i;
    if (program.real) {
        options.kind = SCHED_LIVE;
    }
    return sched_run(&options, run_all, NULL) != 0 ? 1 : program.status;
}
