/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the PE loader. A struct image is made by image_load in steps: image_file.c checks the file, image.c maps it,
 * image_bind.c relocates and binds, image_guard.c sets cookie and control flow guard up, image_patch.c replaces
 * instructions.
 */
#ifndef TESTBED_IMAGE_IMAGE_INTERNAL_H
#define TESTBED_IMAGE_IMAGE_INTERNAL_H

#include "image/image.h"
#include "run/ms_abi.h"

#define MAX_SECTIONS 96 /* the Windows loader's limit */
#define PAGE         4096u

struct section {
    char name[9];
    uint32_t address, virtual_size; /* bytes from the image's start */
    uint32_t file_offset, file_size;
    uint32_t characteristics;
};

enum { SECTION_DISCARDABLE = 0x02000000, SECTION_EXECUTE = 0x20000000, SECTION_READ = 0x40000000 };
#define SECTION_WRITE 0x80000000u

enum directory {
    DIRECTORY_IMPORT = 1,
    DIRECTORY_EXCEPTION = 3,
    DIRECTORY_RELOCATION = 5,
    DIRECTORY_LOAD_CONFIG = 10,
    DIRECTORIES = 16
};

struct image {
    char *path, *name;
    uint8_t *base;
    uint32_t size;
    uint64_t preferred;
    uint32_t entry, header_size;
    bool relocatable;
    bool discarded; /* image_discard_init was called */
    struct section sections[MAX_SECTIONS];
    uint32_t section_count;
    struct {
        uint32_t address, size;
    } directories[DIRECTORIES];
    uint8_t
        *call_targets; /* one bit per byte: a valid target of a guarded call; NULL: not built with control flow guard */
    struct patch_page *patch_pages;
    uint32_t cr8_replaced, cr8_left;
    struct pageable_entry *pageable; /* in order of their offsets */
    size_t pageable_count;
    struct image *next;
};

extern const struct image_hooks *image_hooks_given; /* NULL: none yet */

/* A file's bytes, checked: headers and sections lie inside. Fills all but `base`. False and a sentence otherwise. */
bool image_parse(struct image *image, const uint8_t *file, size_t file_size, char *error, size_t size);

/* `size` bytes of the mapped image at that offset, or NULL when they do not lie inside it. */
void *image_at(const struct image *image, uint64_t offset, size_t size);
/* The same where it can still be read: within one section, and that neither discarded nor without the right. */
const void *image_readable_at(const struct image *image, uint64_t offset, size_t size);
/* What holds an address in an image: a pointer. */
uintptr_t get_address(const void *at);
void put_address(void *at, uintptr_t address);
/* A NUL-terminated string there, or NULL. */
const char *image_string(const struct image *image, uint64_t offset);

bool image_relocate(struct image *image, char *error, size_t size);
bool image_bind(struct image *image, image_resolver *resolve, char *error, size_t size);
bool image_guard(struct image *image, char *error, size_t size);
void image_patch(struct image *image);
void image_patch_free(struct image *image);
/* A piece of code of at most IMAGE_CR8_BYTES in reach of the image's own, or NULL. */
uint8_t *image_patch_near(struct image *image);
const struct image *image_first(void);
void image_watch_pageable(struct image *image); /* before its pages are protected */

/* It has accesses to CR8, or what looks like one: addresses 2 GB before and behind it should be free. */
bool image_patch_wants_room(const struct image *image, const uint8_t *file);

/* Calls `each` with each instruction's first byte, in order; 16 bytes can be read there. */
typedef void image_instruction(void *context, uint8_t *code);
void image_each_instruction(struct image *image, image_instruction *each, void *context);
/* Puts the instruction at `code` to `to`, where it does the same, and returns its bytes; 0: it cannot be moved there.
 */
size_t image_move_instruction(const uint8_t *code, uint8_t *to);

#endif
