/* SPDX-License-Identifier: BSD-2-Clause */
/* INFs of any text: read, asked for what an installation asks, and a model chosen, or refused with a sentence. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "nt/export/version.h"
#include "nt/install/inf.h"

enum { ERROR_BYTES = 400 };

static int file;

static void start(uint32_t world)
{
    (void)world;
    windows_simulate(windows_version_find("11-24h2"));
    file = memfd_create("fuzz.inf", 0);
    if (file < 0) {
        fuzz_fail("no file in memory");
    }
}

static void look(const struct inf *inf)
{
    static const char *const ids[] = { "XENVIF\\VEN_XP0002&DEV_NET&REV_09000005", NULL };
    char error[ERROR_BYTES] = "";
    struct inf_model model;
    uint32_t number;

    for (size_t i = 0; i < inf->count; i++) {
        for (size_t line = 0; line < inf->sections[i].count; line++) {
            const struct inf_line *at = &inf->sections[i].lines[line];

            for (size_t field = 0; field <= at->count; field++) {
                (void)inf_number(inf_field(at, field), &number);
            }
            if (at->key != NULL && inf_find(inf, inf->sections[i].name, at->key) == NULL) {
                fuzz_fail("a key that is there is not found: %s", at->key);
            }
        }
    }
    if (!inf_select(inf, ids, ids + 1, &model, error, sizeof(error)) && error[0] == '\0') {
        fuzz_fail("no model, and no sentence why");
    }
}

static void one(const uint8_t *data, size_t size)
{
    char path[64], error[ERROR_BYTES] = "";
    struct inf *inf;

    if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size) {
        fuzz_fail("the file in memory cannot be written");
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    inf = inf_open(path, error, sizeof(error));
    if (inf == NULL) {
        if (error[0] == '\0') {
            fuzz_fail("refused without a sentence");
        }
        return;
    }
    look(inf);
    inf_close(inf);
}

const struct fuzz_target fuzz_inf = { .name = "inf", .start = start, .one = one };
