/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mapping, finding and unmapping images: see image.h. Loaded and unloaded at PASSIVE_LEVEL by one task at a time;
 * lookups (image_find, image_contains) come from any task, also while a report is written, so the list is only ever
 * prepended to and unlinked.
 */
#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/coverage.h"
#include "image/image_internal.h"

#define ROOM (4ull << 30)

static struct image *images;

void *image_at(const struct image *image, uint64_t offset, size_t size)
{
    return offset <= image->size && size <= image->size - offset ? image->base + offset : NULL;
}

uintptr_t get_address(const void *at)
{
    uintptr_t address;
    memcpy(&address, at, sizeof(address));
    return address;
}

void put_address(void *at, uintptr_t address)
{
    memcpy(at, &address, sizeof(address));
}

const char *image_string(const struct image *image, uint64_t offset)
{
    if (offset >= image->size || memchr(image->base + offset, '\0', image->size - offset) == NULL) {
        return NULL;
    }
    return (const char *)image->base + offset;
}

static uint8_t *read_file(const char *path, size_t *file_size, char *error, size_t size)
{
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        const char *advice = errno == ENOENT   ? "build it (./build.py) or give another path"
                             : errno == EACCES ? "make it readable"
                                               : "give another path";
        snprintf(error, size, "cannot open %s: %s: %s", path, strerror(errno), advice);
        return NULL;
    }
    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
        snprintf(error, size, "%s is not a file%s: give the .sys file of a driver", path,
                 S_ISDIR(status.st_mode) ? " but a directory" : "");
        close(file);
        return NULL;
    }
    uint8_t *bytes = malloc((size_t)status.st_size + 1);
    size_t done = 0;
    while (bytes != NULL && done < (size_t)status.st_size) {
        ssize_t got = read(file, bytes + done, (size_t)status.st_size - done);
        if (got <= 0) {
            snprintf(error, size, "cannot read %s: %s: copy it again", path,
                     got < 0 ? strerror(errno) : "it became shorter meanwhile");
            free(bytes);
            close(file);
            return NULL;
        }
        done += (size_t)got;
    }
    if (bytes == NULL) {
        snprintf(error, size, "%s is too large for this machine's memory", path);
    }
    close(file);
    *file_size = done;
    return bytes;
}

/* At the preferred address where that is free, so that addresses in a debugger are the linker's; else anywhere. Where
 * image_patch.c wants room, and there is none before so low an address, 4 GB higher. */
static bool map(struct image *image, const uint8_t *file, char *error, size_t size)
{
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    const bool higher = image->relocatable && image->preferred < ROOM && image_patch_wants_room(image, file);
    const uint64_t wanted = image->preferred + (higher ? ROOM : 0);
    void *memory =
        mmap((void *)(uintptr_t)wanted, image->size, PROT_READ | PROT_WRITE, flags | MAP_FIXED_NOREPLACE, -1, 0);
    if (memory != MAP_FAILED && (uintptr_t)memory != wanted) { /* a kernel that does not know the flag */
        munmap(memory, image->size);
        memory = MAP_FAILED;
    }
    if (memory == MAP_FAILED && image->relocatable) {
        memory = mmap(NULL, image->size, PROT_READ | PROT_WRITE, flags, -1, 0);
    }
    if (memory == MAP_FAILED) {
        snprintf(error, size, "%s cannot be mapped at %#llx and has no relocations: link it with /DYNAMICBASE",
                 image->path, (unsigned long long)image->preferred);
        return false;
    }
    image->base = memory;
    memcpy(image->base, file, image->header_size);
    for (uint32_t i = 0; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        memcpy(image->base + section->address, file + section->file_offset,
               section->file_size < section->virtual_size ? section->file_size : section->virtual_size);
    }
    return true;
}

static size_t whole_pages(size_t bytes)
{
    return (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);
}

static int protection_of(const struct section *section)
{
    const uint32_t may = section->characteristics;
    return (may & SECTION_READ ? PROT_READ : 0) | (may & SECTION_WRITE ? PROT_READ | PROT_WRITE : 0) |
           (may & SECTION_EXECUTE ? PROT_READ | PROT_EXEC : 0);
}

const void *image_readable_at(const struct image *image, uint64_t offset, size_t size)
{
    for (uint32_t i = 0; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if (offset >= section->address && offset - section->address <= section->virtual_size &&
            size <= section->virtual_size - (offset - section->address)) {
            const bool gone = image->discarded && section->characteristics & SECTION_DISCARDABLE;
            return !gone && protection_of(section) & PROT_READ ? image->base + offset : NULL;
        }
    }
    return NULL;
}

static void protect(struct image *image)
{
    mprotect(image->base, image->size, PROT_NONE);
    mprotect(image->base, whole_pages(image->header_size), PROT_READ);
    for (uint32_t i = 0; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        mprotect(image->base + section->address, whole_pages(section->virtual_size), protection_of(section));
    }
}

static void image_free(struct image *image)
{
    if (image->base != NULL) {
        munmap(image->base, image->size);
    }
    image_patch_free(image);
    free(image->call_targets);
    free(image->pageable);
    free(image->path);
    free(image->name);
    free(image);
}

__attribute__((noinline, used)) void image_is_mapped(const char *path, const void *base)
{
    __asm__ volatile("" : : "r"(path), "r"(base) : "memory");
}

struct image *image_load(const char *path, image_resolver *resolve, char *error, size_t size)
{
    size_t file_size;
    uint8_t *file = read_file(path, &file_size, error, size);
    if (file == NULL) {
        return NULL;
    }
    struct image *image = calloc(1, sizeof(*image));
    const char *slash = strrchr(path, '/');
    image->path = strdup(path);
    image->name = strdup(slash != NULL ? slash + 1 : path);
    bool fine = image_parse(image, file, file_size, error, size) && map(image, file, error, size);
    free(file);
    if (!fine || !image_relocate(image, error, size) || !image_bind(image, resolve, error, size) ||
        !image_guard(image, error, size)) {
        image_free(image);
        return NULL;
    }
    image_patch(image);
    protect(image);
    image->next = images;
    __atomic_store_n(&images, image, __ATOMIC_RELEASE);
    image_is_mapped(image->path, image->base);
    return image;
}

void image_discard_init(struct image *image)
{
    image->discarded = true;
    for (uint32_t i = 0; i < image->section_count; i++) {
        const struct section *section = &image->sections[i];
        if (section->characteristics & SECTION_DISCARDABLE) {
            mprotect(image->base + section->address, whole_pages(section->virtual_size), PROT_NONE);
        }
    }
}

void image_unload(struct image *image)
{
    struct image **link = &images;
    while (*link != NULL && *link != image) {
        link = &(*link)->next;
    }
    if (*link != NULL) {
        __atomic_store_n(link, image->next, __ATOMIC_RELEASE);
    }
    coverage_write(image);
    image_free(image);
}

void image_cr8_accesses(const struct image *image, uint32_t *replaced, uint32_t *left)
{
    *replaced = image->cr8_replaced;
    *left = image->cr8_left;
}

void *image_entry(const struct image *image)
{
    return image->base + image->entry;
}

const char *image_name(const struct image *image)
{
    return image->name;
}

const char *image_path(const struct image *image)
{
    return image->path;
}

bool image_section(const struct image *image, uint32_t index, void **start, size_t *bytes)
{
    if (index >= image->section_count) {
        return false;
    }
    const struct section *section = &image->sections[index];
    *start = image->base + section->address;
    *bytes = section->characteristics & SECTION_WRITE ? section->virtual_size : 0;
    return true;
}

bool image_named_section(const struct image *image, const char *name, void **start, size_t *bytes)
{
    for (uint32_t i = 0; i < image->section_count; i++) {
        if (strcmp(image->sections[i].name, name) == 0) {
            *start = image->base + image->sections[i].address;
            *bytes = image->sections[i].virtual_size;
            return true;
        }
    }
    return false;
}

bool image_pageable(const struct image *image, uint32_t index, void **start, size_t *bytes, int *protection)
{
    if (index >= image->section_count) {
        return false;
    }
    const struct section *section = &image->sections[index];
    *start = image->base + section->address;
    *bytes = strncmp(section->name, "PAGE", 4) == 0 ? whole_pages(section->virtual_size) : 0;
    *protection = protection_of(section);
    return true;
}

bool image_contains(const struct image *image, const void *address)
{
    return (uintptr_t)address - (uintptr_t)image->base < image->size;
}

uintptr_t image_offset(const struct image *image, const void *address)
{
    return (uintptr_t)address - (uintptr_t)image->base;
}

const struct image *image_first(void)
{
    return __atomic_load_n(&images, __ATOMIC_ACQUIRE);
}

struct image *image_find(const void *address)
{
    struct image *image = __atomic_load_n(&images, __ATOMIC_ACQUIRE);
    while (image != NULL && !image_contains(image, address)) {
        image = image->next;
    }
    return image;
}
