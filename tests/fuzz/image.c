/* SPDX-License-Identifier: BSD-2-Clause */
/* Images of any bytes for the PE loader: mapped, looked at by everybody who reads an image, and gone again, or refused
 * with a sentence. No code of them is run. */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "image/unwind.h"
#include "nt/export/export.h"

enum { ERROR_BYTES = 4096, MAX_FRAMES = 8, LOOKS = 16 };

static int file;

static void start(uint32_t world)
{
    (void)world;
    nt_start(1);
    file = memfd_create("fuzz.sys", 0);
    if (file < 0) {
        fuzz_fail("no file in memory");
    }
}

static void *resolve(const char *module, const char *name)
{
    static const struct export any = { "fuzz.sys", "any", (void *)resolve, PASSIVE_LEVEL, HIGH_LEVEL, 0 };

    return strlen(module) + strlen(name) > 40 ? NULL : export_wrap(&any);
}

static void look(struct image *image)
{
    const uint8_t *base = image_entry(image);
    uint64_t stack[64] = { 0 };
    size_t bytes;
    void *at;
    int protection;

    for (uint32_t i = 0; image_section(image, i, &at, &bytes); i++) {
        (void)image_pageable(image, i, &at, &bytes, &protection);
    }
    for (uint32_t i = 0; i < LOOKS; i++) { /* places in it, as a stack has them: .pdata is walked */
        struct unwind_state state = { .rip = (uint64_t)base + i * 7u };
        void *addresses[MAX_FRAMES];

        state.registers[UNWIND_RSP] = (uint64_t)stack;
        state.registers[UNWIND_RBP] = (uint64_t)stack;
        (void)unwind_driver_frames(&state, addresses, MAX_FRAMES);
    }
    image_discard_init(image);
}

static void one(const uint8_t *data, size_t size)
{
    char path[64], error[ERROR_BYTES] = "";
    struct image *image;

    if (ftruncate(file, 0) != 0 || pwrite(file, data, size, 0) != (ssize_t)size) {
        fuzz_fail("the file in memory cannot be written");
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    image = image_load(path, resolve, error, sizeof(error));
    if (image == NULL) {
        if (error[0] == '\0') {
            fuzz_fail("refused without a sentence");
        }
        return;
    }
    look(image);
    image_unload(image);
}

const struct fuzz_target fuzz_image = { .name = "image", .start = start, .one = one };
