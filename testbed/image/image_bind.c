/* SPDX-License-Identifier: BSD-2-Clause */
/* Relocations and imports of a mapped image that is still writable. */
#include <stdio.h>
#include <string.h>

#include "image/image_internal.h"
#include "wire/integers.h"

enum { RELOCATION_NONE = 0, RELOCATION_ADDRESS = sizeof(void *) == 8 ? 10 : 3 }; /* DIR64, HIGHLOW */
enum { BLOCK_BYTES = 8, IMPORT_BYTES = 20 };
#define BY_ORDINAL ((uintptr_t)1 << (8 * sizeof(uintptr_t) - 1))

static bool damaged(const struct image *image, const char *what, char *error, size_t size)
{
    snprintf(error, size, "%s is damaged: its %s point outside the image: build or copy it again", image->path, what);
    return false;
}

static bool relocate_block(struct image *image, uint32_t page, const uint8_t *entries, size_t bytes, uint64_t delta)
{
    for (; bytes >= 2; entries += 2, bytes -= 2) {
        const uint16_t entry = get_le16(entries);
        const uint64_t at = (uint64_t)page + (entry & 0xfff);
        uint8_t *target;
        switch (entry >> 12) {
        case RELOCATION_NONE:
            break;
        case RELOCATION_ADDRESS:
            if ((target = image_at(image, at, sizeof(uintptr_t))) == NULL) {
                return false;
            }
            put_address(target, get_address(target) + (uintptr_t)delta);
            break;
        default: /* others do not occur in images of this architecture */
            return false;
        }
    }
    return true;
}

bool image_relocate(struct image *image, char *error, size_t size)
{
    const uint64_t delta = (uintptr_t)image->base - image->preferred;
    uint64_t at = image->directories[DIRECTORY_RELOCATION].address;
    const uint64_t end = at + image->directories[DIRECTORY_RELOCATION].size;
    if (delta == 0) {
        return true;
    }
    if (at == 0) {
        /* Position independent throughout is possible in principle, but nothing Microsoft's or LLVM's linker makes. */
        snprintf(error, size, "%s has no relocations and its address %#llx is taken: link it with /DYNAMICBASE",
                 image->path, (unsigned long long)image->preferred);
        return false;
    }
    while (at + BLOCK_BYTES <= end) {
        const uint8_t *block = image_at(image, at, BLOCK_BYTES);
        const uint32_t bytes = block != NULL ? get_le32(block + 4) : 0;
        if (bytes < BLOCK_BYTES || at + bytes > end || image_at(image, at, bytes) == NULL ||
            !relocate_block(image, get_le32(block), block + BLOCK_BYTES, bytes - BLOCK_BYTES, delta)) {
            return damaged(image, "relocations", error, size);
        }
        at += bytes;
    }
    return true;
}

/* The names nobody exports, as one list for one sentence. */
struct missing {
    char text[2048];
    size_t used, count;
};

static void add_missing(struct missing *missing, const char *module, const char *name)
{
    int wrote = snprintf(missing->text + missing->used, sizeof(missing->text) - missing->used, "%s%s!%s",
                         missing->count ? ", " : "", module, name);
    if (wrote > 0) {
        missing->used += (size_t)wrote;
        if (missing->used >= sizeof(missing->text)) {
            missing->used = sizeof(missing->text) - 1;
        }
    }
    missing->count++;
}

static bool bind_module(struct image *image, const char *module, uint64_t names, uint64_t slots,
                        image_resolver *resolve, struct missing *missing)
{
    for (;; names += sizeof(uintptr_t), slots += sizeof(uintptr_t)) {
        const uint8_t *thunk = image_at(image, names, sizeof(uintptr_t));
        uint8_t *slot = image_at(image, slots, sizeof(uintptr_t));
        char ordinal[32];
        if (thunk == NULL || slot == NULL) {
            return false;
        }
        const uintptr_t value = get_address(thunk);
        if (value == 0) {
            return true;
        }
        const char *name = ordinal;
        if (value & BY_ORDINAL) {
            snprintf(ordinal, sizeof(ordinal), "#%u", (unsigned)(value & 0xffff));
        } else if ((name = image_string(image, (uint32_t)value + 2ull)) == NULL) {
            return false;
        }
        void *address = value & BY_ORDINAL ? NULL : resolve(module, name);
        if (address == NULL) {
            add_missing(missing, module, name);
        }
        put_address(slot, (uintptr_t)address);
    }
}

bool image_bind(struct image *image, image_resolver *resolve, char *error, size_t size)
{
    struct missing missing = { .used = 0 };
    uint64_t at = image->directories[DIRECTORY_IMPORT].address;
    for (; at != 0; at += IMPORT_BYTES) {
        const uint8_t *entry = image_at(image, at, IMPORT_BYTES);
        if (entry == NULL) {
            return damaged(image, "imports", error, size);
        }
        const uint32_t names = get_le32(entry), module = get_le32(entry + 12), slots = get_le32(entry + 16);
        if (module == 0) {
            break;
        }
        const char *module_name = image_string(image, module);
        if (module_name == NULL ||
            !bind_module(image, module_name, names != 0 ? names : slots, slots, resolve, &missing)) {
            return damaged(image, "imports", error, size);
        }
    }
    if (missing.count != 0) {
        snprintf(error, size,
                 "%s imports %zu name%s that the simulated Windows does not export or the testbed does not have: %s: "
                 "simulate "
                 "a newer Windows (--windows) or look the name up at run time",
                 image->path, missing.count, missing.count == 1 ? "" : "s", missing.text);
        return false;
    }
    return true;
}
