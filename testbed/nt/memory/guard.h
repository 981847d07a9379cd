/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guard pages (--guard-pages): each block of the driver's, and each NBL, ends at an inaccessible page, and is
 * inaccessible once it is freed, so that the instruction that goes too far or too late is the one that is reported. A
 * block is a mapping of its own; the newest freed ones are kept. Any IRQL up to DISPATCH_LEVEL.
 */
#ifndef TESTBED_NT_MEMORY_GUARD_H
#define TESTBED_NT_MEMORY_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern bool guard_pages; /* set before the kernel starts; environment TESTBED_GUARD_PAGES=1 sets it, too */

/* `bytes` with `header` bytes before them, 16-aligned (from a page on page-aligned, and then the page behind is the
 * first one that is not the block's). NULL: no memory. */
void *guard_take(size_t header, size_t bytes, const char *what, uint32_t tag, const void *caller);
/* Exactly `bytes` against the inaccessible page behind them, or the one in front of them; what is left of their own
 * pages has canaries. Ends the program where there is no memory. */
void *guard_take_exact(size_t bytes, const char *what, bool at_end);
/* Where a canary beside such a block was overwritten: -n, n bytes before its first byte; n, the nth behind its last; 0:
 * nowhere. guard_canary: the same for `length` bytes at `memory` within `bytes` at `start`, which are not ours. */
int64_t guard_written_beside(const void *memory);
int64_t guard_canary(const uint8_t *start, size_t bytes, const uint8_t *memory, size_t length);
void guard_fill(uint8_t *start, size_t bytes, const uint8_t *memory, size_t length);
const void *guard_caller(void); /* where the driver called whoever asks: its innermost return address, or NULL */
/* From now on nobody may touch it. */
void guard_give(void *memory, const void *caller);
bool guard_is_given(const void *memory);
/* A block that is somebody else's for a while: nobody may touch it until it is opened. `why`, kept by address, ends the
 * sentence "an NBL of 512 bytes, ..." of a report. Opening one that is open does nothing. */
void guard_close(void *memory, const char *why);
void guard_open(void *memory);
bool guard_is_closed(const void *memory);   /* for reports: takes no lock */
bool guard_may_be_read(const void *memory); /* it is neither closed nor given */
/* Of a block that was given: "freed in xennet.sys+...". False: it is no such block. */
bool guard_was_given(const void *memory, char *text, size_t size);
/* What an address is that was touched: inside a freed block, or past the end of a live one. False: neither. */
bool guard_describe(uint64_t address, char *text, size_t size);
extern bool (*guard_describes_more)(uint64_t address, char *text,
                                    size_t size); /* of memory that is not ours; or NULL */
void guard_stop(void);

#endif
