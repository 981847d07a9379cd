/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A driver compiled with clang's checks of addresses (-fsanitize=kernel-address) and of undefined behaviour (minimal
 * runtime) calls these where it finds something: rules "address" and "undefined". Addresses are checked against the
 * shadow of the testbed's own sanitizer, so such an image loads only in a testbed that has it (./test.py --sanitize);
 * freed pool and what lies behind a block are poisoned there.
 */
#ifndef TESTBED_NT_CHECK_SANITIZER_H
#define TESTBED_NT_CHECK_SANITIZER_H

#include <stddef.h>

#define SANITIZER_MODULE "sanitized.sys"

void sanitizer_exports(void);

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define SANITIZER_HAS_ADDRESSES 1
#define sanitizer_poison        __asan_poison_memory_region
#define sanitizer_unpoison      __asan_unpoison_memory_region
#else
#define SANITIZER_HAS_ADDRESSES 0
static inline void sanitizer_poison(const volatile void *memory, size_t bytes)
{
    (void)memory, (void)bytes;
}
static inline void sanitizer_unpoison(const volatile void *memory, size_t bytes)
{
    (void)memory, (void)bytes;
}
#endif

#endif
