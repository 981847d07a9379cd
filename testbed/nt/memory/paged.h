/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pageable memory: paged pool and the sections of images whose names begin with PAGE. Whoever is at DISPATCH_LEVEL may
 * not touch it, as on a Windows that has paged it out.
 *
 * Simulated runs are one host thread: its pages are taken away while a task at DISPATCH_LEVEL runs. In live runs what
 * is mapped is so for all processors, and so data gets a protection key, whose rights each thread has for itself: they
 * go where the thread's IRQL rises. A processor without such keys (Linux: `pku`) leaves it alone. Keys do not concern
 * the fetching of code: pageable functions begin with a breakpoint in live runs (image_paged.c), and who raises the
 * IRQL is looked at.
 */
#ifndef TESTBED_NT_MEMORY_PAGED_H
#define TESTBED_NT_MEMORY_PAGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool paged_has_keys(void);     /* live runs look at data, too */
bool paged_watches_code(void); /* by breakpoints: in live runs, unless somebody debugs */

/* Whole pages, which have this protection (PROT_...) below DISPATCH_LEVEL. `what` is kept by address. */
void paged_add(void *start, size_t bytes, int protection, const char *what);
void paged_remove(const void *start); /* accessible from now on; nothing if it is not known */
struct image;
void paged_image(const struct image *image, bool add); /* its sections that are pageable */
void paged_stop(void);

extern bool paged_there;
void paged_switch(bool out);
/* Who runs from here on is at DISPATCH_LEVEL, or not. */
static inline void paged_out(bool out)
{
    if (__builtin_expect(paged_there, 0)) {
        paged_switch(out);
    }
}
/* A signal handler begins, which Linux takes all keys from; its end gives back what was. */
void paged_in_handler(void);

/* The IRQL is about to rise to DISPATCH_LEVEL for the code at `from`: that may not be pageable. */
void paged_check_code(const void *from);
static inline void paged_raises(const void *from)
{
    if (__builtin_expect(paged_there, 0)) {
        paged_check_code(from);
    }
}
/* Of an address in pageable memory, for whom it is out. False: it is none. */
bool paged_describe(uint64_t address, char *text, size_t size);

#endif
