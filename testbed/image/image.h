/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PE loader: maps a Windows driver of x64, or of x86 in a testbed of 32 bits, as the Windows loader does (sections
 * at their page protections, relocations, security cookie, control flow guard's function pointers, discardable sections
 * dropped after start), and names addresses in it.
 */
#ifndef TESTBED_IMAGE_IMAGE_H
#define TESTBED_IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image;

/* The testbed runs images of the architecture that it was compiled for itself. */
#ifdef __x86_64__
#define IMAGE_ARCHITECTURE "x64"
#else
#define IMAGE_ARCHITECTURE "x86"
#endif

/* What the loader needs of whoever runs the image; the kernel gives it before the first image is loaded. */
/* mov %cr8, r64 is 4x 0f 20 /0, mov r64, %cr8 is 4x 0f 22 /0, where REX.R makes CR0 CR8. */
enum { CR8_BYTES = 4, CR8_READ = 0x20, CR8_WRITE = 0x22 };
bool image_is_cr8(const uint8_t *code);
/* Writes to `code`, within 2 GB of the access to CR8 at `site`, what does the same and goes on behind it; at most
 * IMAGE_CR8_BYTES. False: it cannot, and the access stays as it is. */
enum { IMAGE_CR8_BYTES = 32 };
typedef bool image_cr8_code(uint8_t *code, const uint8_t *site);

struct image_hooks {
    bool (*may_call)(const void *target); /* code outside all images that a driver may call: its imports */
    /* The image breaks a rule; does not return. */
    void (*broken)(const char *rule, const char *format, ...) __attribute__((format(printf, 2, 3)));
    image_cr8_code *cr8_code;
    bool (*watches_pageable)(void); /* breakpoints at pageable functions are wanted */
};
void image_hooks_set(const struct image_hooks *hooks); /* kept by address */

/* Resolves one import to a callable address; NULL: unknown, an error that names it. */
typedef void *image_resolver(const char *module, const char *name);

/* On failure NULL and one sentence in `error` that names the file, what is wrong with it and what to do: missing,
 * unreadable, truncated, not a PE, 32-bit, not a native driver, imports that nobody exports (all listed). */
struct image *image_load(const char *path, image_resolver *resolve, char *error, size_t size);
/* Called for each image once it is in its place: a debugger stops here and loads the symbols (scripts/debug). */
void image_is_mapped(const char *path, const void *base);
void image_discard_init(struct image *image); /* after DriverEntry: discardable sections become inaccessible */
void image_unload(struct image *image);

/* How many accesses to CR8 became a jump, and how many stay and fault. */
void image_cr8_accesses(const struct image *image, uint32_t *replaced, uint32_t *left);

void *image_entry(const struct image *image);
const char *image_name(const struct image *image);
const char *image_path(const struct image *image);
/* Section `index`: where it may be written, otherwise 0 bytes. False past the last. */
bool image_section(const struct image *image, uint32_t index, void **start, size_t *bytes);
/* The section of that name, of at most eight characters. False: it has none. */
bool image_named_section(const struct image *image, const char *name, void **start, size_t *bytes);
/* Section `index`: its whole pages and their protection where it is pageable, otherwise 0 bytes. False past the last.
 */
bool image_pageable(const struct image *image, uint32_t index, void **start, size_t *bytes, int *protection);
/* Where a breakpoint stands for the beginning of a pageable function: what to run instead, which goes on behind it.
 * NULL: it is none. And the way back: the beginning whose instruction is at that address, or NULL. */
const void *image_pageable_stub(const void *entry);
const void *image_pageable_origin(const void *address);
bool image_contains(const struct image *image, const void *address);
uintptr_t image_offset(const struct image *image, const void *address);
/* The image that holds `address`, or NULL. */
struct image *image_find(const void *address);
/* "xennet.sys+0x1234" or, with a PDB beside the file and llvm-symbolizer there, "xennet.sys+0x1234 TransmitSend
 * (transmit.c:120)"; functions that are inlined are followed by " <" and the one that they are inlined into. */
void image_describe(const void *address, char *text, size_t size);
/* The same for each address of one image, with a line for each function that is inlined there, innermost first. */
enum { IMAGE_LINE_BYTES = 512 };
typedef void image_line(void *context, const char *line);
void image_describe_frames(const struct image *image, const void *const *addresses, size_t count, image_line *each,
                           void *context);
/* The function of the testbed itself that holds `address`, or NULL; `start`: where it begins. */
const char *host_function(const void *address, const void **start);
/* Return addresses inside images, innermost first, from the current stack (unwinds by .pdata). Returns how many. */
size_t image_backtrace(void **addresses, size_t most);
/* The same with the testbed's own functions between them. */
size_t image_backtrace_all(void **addresses, size_t most);

#endif
