/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pageable memory in simulated runs: paged pool and the sections of images whose names begin with PAGE. While a task at
 * DISPATCH_LEVEL runs nobody may touch it, as on a Windows that has paged it out. Live runs leave it alone: what is
 * accessible there is so for all processors.
 */
#ifndef TESTBED_NT_MEMORY_PAGED_H
#define TESTBED_NT_MEMORY_PAGED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whole pages, which have this protection (PROT_...) below DISPATCH_LEVEL. `what` is kept by address. */
void paged_add(void *start, size_t bytes, int protection, const char *what);
void paged_remove(const void *start); /* accessible from now on; nothing if it is not known */
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
/* Of an address in pageable memory that is out. False: it is none. */
bool paged_describe(uint64_t address, char *text, size_t size);

#endif
