/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions of an image that are replaced when it is loaded.
 *
 * `pause`: a driver that spins on memory of its own calls nobody while it does, so a simulated run, where one task runs
 * at a time, would hang there. In such a run each `pause` (f3 90) becomes `hlt` and `nop` (f4 90), two bytes that fault
 * at once; nt/check/fault_emulate.c lets others run then.
 *
 * CR8: the IRQL, which compilers read and write inline. Each access would fault and cost a signal, so it becomes a jump
 * to a piece of code made for it (nt/check/fault_cr8.c). The jump has five bytes and the access four, and what follows
 * must stay, since others may jump there: the byte that follows is taken as the jump's last. It is the highest of the
 * distance, so the code has to lie in certain 16 MB; the other three bytes choose where in them. Where no memory is
 * free there, the access stays and faults.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "image/image_internal.h"
#include "run/sched.h"
#include "wire/integers.h"

enum { PAUSE = 0x90f3, HALT = 0xf4, JUMP = 0xe9, JUMP_BYTES = 5, NEAR_WINDOWS = 100 };
#define WINDOW_BYTES (1u << 24)
#define WINDOW_STEP  (1u << 16)

struct patch_page {
    uint8_t *memory;
    size_t used;
    struct patch_page *next;
};

struct sites {
    uint8_t **at;
    size_t count;
};

bool image_is_cr8(const uint8_t *code)
{
    return (code[0] & 0xf6) == 0x44 && code[1] == 0x0f && (code[2] == CR8_READ || code[2] == CR8_WRITE) &&
           (code[3] & 0xf8) == 0xc0;
}

static void visit(void *context, uint8_t *code)
{
    struct sites *sites = context;

    if (sched_is_simulated && get_le16(code) == PAUSE) {
        code[0] = HALT;
    } else if (image_is_cr8(code)) {
        sites->at = realloc(sites->at, (sites->count + 1) * sizeof(*sites->at));
        sites->at[sites->count++] = code;
    }
}

static struct patch_page *add_page(struct image *image, uintptr_t window)
{
    for (uintptr_t at = (window + PAGE - 1) & ~(uintptr_t)(PAGE - 1); at + PAGE <= window + WINDOW_BYTES;
         at += WINDOW_STEP) {
        void *memory =
            mmap((void *)at, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

        if (memory == (void *)at) {
            struct patch_page *page = malloc(sizeof(*page));

            *page = (struct patch_page){ memory, 0, image->patch_pages };
            image->patch_pages = page;
            return page;
        }
        if (memory != MAP_FAILED) { /* a kernel that does not know the flag */
            munmap(memory, PAGE);
        }
    }
    return NULL;
}

/* A page with room for one more piece of code in the 16 MB that begin at `window`, or NULL. */
static struct patch_page *page_in(struct image *image, intptr_t window)
{
    struct patch_page *page = image->patch_pages;

    while (page != NULL &&
           ((uintptr_t)page->memory < (uintptr_t)window ||
            (uintptr_t)page->memory + PAGE > (uintptr_t)window + WINDOW_BYTES || page->used + IMAGE_CR8_BYTES > PAGE)) {
        page = page->next;
    }
    return page != NULL ? page : window < (intptr_t)PAGE ? NULL : add_page(image, (uintptr_t)window);
}

/* From the last to the first: the byte behind an access is then what it will stay. */
static bool replace(struct image *image, uint8_t *site)
{
    const intptr_t behind = (intptr_t)site + JUMP_BYTES;
    const intptr_t window = behind + (int8_t)site[CR8_BYTES] * (intptr_t)WINDOW_BYTES;
    struct patch_page *page = page_in(image, window);

    if (page == NULL) {
        return false;
    }
    uint8_t *code = page->memory + page->used;

    if (!image_hooks_given->cr8_code(code, site)) {
        return false;
    }
    page->used += IMAGE_CR8_BYTES;

    const uint32_t distance = (uint32_t)((intptr_t)code - behind);

    site[0] = JUMP;
    site[1] = (uint8_t)distance;
    site[2] = (uint8_t)(distance >> 8);
    site[3] = (uint8_t)(distance >> 16);
    return true;
}

uint8_t *image_patch_near(struct image *image)
{
    for (uint32_t i = 1; i < NEAR_WINDOWS; i++) {
        const intptr_t below = (intptr_t)image->base - (intptr_t)i * WINDOW_BYTES;
        struct patch_page *page = page_in(image, below);

        if (page == NULL) {
            page = page_in(image, (intptr_t)image->base + (intptr_t)image->size + (intptr_t)(i - 1) * WINDOW_BYTES);
        }
        if (page != NULL) {
            page->used += IMAGE_CR8_BYTES;
            return page->memory + page->used - IMAGE_CR8_BYTES;
        }
    }
    return NULL;
}

void image_patch(struct image *image)
{
    struct sites sites = { 0 };

    image_each_instruction(image, visit, &sites);
    for (size_t i = sites.count; i-- > 0 && image_hooks_given != NULL;) {
        if (replace(image, sites.at[i])) {
            image->cr8_replaced++;
        } else {
            image->cr8_left++;
        }
    }
    free(sites.at);
    if (image_hooks_given != NULL && image_hooks_given->watches_pageable()) {
        image_watch_pageable(image);
    }
    for (struct patch_page *page = image->patch_pages; page != NULL; page = page->next) {
        mprotect(page->memory, PAGE, PROT_READ | PROT_EXEC);
    }
}

void image_patch_free(struct image *image)
{
    while (image->patch_pages != NULL) {
        struct patch_page *page = image->patch_pages;

        image->patch_pages = page->next;
        munmap(page->memory, PAGE);
        free(page);
    }
}

bool image_patch_wants_room(const struct image *image, const uint8_t *file)
{
    for (uint32_t i = 0; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];

        for (uint32_t at = 0; (section->characteristics & SECTION_EXECUTE) != 0 && at + CR8_BYTES <= section->file_size;
             at++) {
            if (image_is_cr8(file + section->file_offset + at)) {
                return true;
            }
        }
    }
    return false;
}
