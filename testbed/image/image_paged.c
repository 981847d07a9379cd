/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pageable code in live runs. Pages cannot be taken away from one processor alone, so a breakpoint replaces the first
 * byte of each function in a section whose name begins with PAGE. Whoever runs into it is looked at by nt/check/fault.c
 * and goes on with the instruction that was there, moved out of the way, and a jump behind it. Such functions are rare
 * and never on a packet's way, so the signal costs nothing that matters.
 *
 * Functions are what .pdata names, what calls in the image lead to, and what control flow guard allows. One that begins
 * with a jump or a call is left alone.
 */
#include <stdlib.h>
#include <string.h>

#include "image/image_internal.h"
#include "wire/integers.h"

enum { BREAKPOINT = 0xcc, CALL = 0xe8, JUMP = 0xe9, JUMP_BYTES = 5, FUNCTION_BYTES = 12 };

struct pageable_entry {
    uint32_t offset;
    uint8_t *stub;
};

static bool is_pageable_code(const struct image *image, uint64_t offset)
{
    for (uint32_t i = 0; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];

        if (offset - section->address < section->virtual_size) {
            return (section->characteristics & SECTION_EXECUTE) != 0 && strncmp(section->name, "PAGE", 4) == 0;
        }
    }
    return false;
}

static void add(struct image *image, uint64_t offset)
{
    if (!is_pageable_code(image, offset)) {
        return;
    }
    image->pageable = realloc(image->pageable, (image->pageable_count + 1) * sizeof(*image->pageable));
    if (image->pageable == NULL) {
        abort();
    }
    image->pageable[image->pageable_count++] = (struct pageable_entry){ (uint32_t)offset, NULL };
}

static void add_called(void *context, uint8_t *code)
{
    struct image *image = context;

    if (code[0] == CALL) {
        add(image, (uint64_t)(code - image->base) + JUMP_BYTES + (uint64_t)(int32_t)get_le32(code + 1));
    }
}

static void add_functions(struct image *image)
{
    const uint32_t table = image->directories[DIRECTORY_EXCEPTION].address;
    const uint32_t count = image->directories[DIRECTORY_EXCEPTION].size / FUNCTION_BYTES;

    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *function = image_at(image, table + i * FUNCTION_BYTES, FUNCTION_BYTES);
        const uint8_t *unwind = function != NULL ? image_at(image, get_le32(function + 8), 1) : NULL;
        enum { CHAINED = 4 << 3 };

        if (unwind != NULL && (*unwind & CHAINED) == 0) { /* else it is a later part of another */
            add(image, get_le32(function));
        }
    }
    for (uint32_t offset = 0; image->call_targets != NULL && offset < image->size; offset++) {
        if ((image->call_targets[offset / 8] >> offset % 8 & 1) != 0) {
            add(image, offset);
        }
    }
}

static int by_offset(const void *one, const void *other)
{
    const uint32_t a = ((const struct pageable_entry *)one)->offset, b = ((const struct pageable_entry *)other)->offset;

    return a < b ? -1 : a > b;
}

static bool divert(struct image *image, struct pageable_entry *entry)
{
    uint8_t *code = image->base + entry->offset, *stub = image_patch_near(image);
    const size_t moved = stub != NULL ? image_move_instruction(code, stub) : 0;

    if (moved == 0) {
        return false;
    }
    stub[moved] = JUMP;

    const uint32_t distance = (uint32_t)(code - (stub + JUMP_BYTES)); /* both ends lie `moved` behind */

    memcpy(stub + moved + 1, &distance, sizeof(distance));
    entry->stub = stub;
    code[0] = BREAKPOINT;
    return true;
}

void image_watch_pageable(struct image *image)
{
    size_t kept = 0;

    for (uint32_t i = 0; i < image->section_count; i++) {
        if (is_pageable_code(image, image->sections[i].address)) {
            image_each_instruction(image, add_called, image);
            add_functions(image);
            break;
        }
    }
    if (image->pageable_count == 0) {
        return;
    }
    qsort(image->pageable, image->pageable_count, sizeof(*image->pageable), by_offset);
    for (size_t i = 0; i < image->pageable_count; i++) {
        struct pageable_entry *entry = &image->pageable[i];

        if ((kept == 0 || image->pageable[kept - 1].offset != entry->offset) && divert(image, entry)) {
            image->pageable[kept++] = *entry;
        }
    }
    image->pageable_count = kept;
}

const void *image_pageable_stub(const void *entry)
{
    const struct image *image = image_find(entry);
    const struct pageable_entry wanted = { .offset = image != NULL ? (uint32_t)image_offset(image, entry) : 0 };
    const struct pageable_entry *found =
        image != NULL && image->pageable_count != 0
            ? bsearch(&wanted, image->pageable, image->pageable_count, sizeof(wanted), by_offset)
            : NULL;

    return found != NULL ? found->stub : NULL;
}

const void *image_pageable_origin(const void *address)
{
    for (const struct image *image = image_first(); image != NULL; image = image->next) {
        for (size_t i = 0; i < image->pageable_count; i++) {
            if ((uintptr_t)address - (uintptr_t)image->pageable[i].stub < IMAGE_CR8_BYTES) {
                return image->base + image->pageable[i].offset;
            }
        }
    }
    return NULL;
}
