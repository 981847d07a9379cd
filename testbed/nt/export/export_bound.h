/* SPDX-License-Identifier: BSD-2-Clause */
/* A bound export, as its trampoline knows it. export_trampoline.c reads it by offset. */
#ifndef TESTBED_NT_EXPORT_EXPORT_BOUND_H
#define TESTBED_NT_EXPORT_EXPORT_BOUND_H

#include <stdint.h>

struct bound {
    void *function;       /* NULL: nobody exports it */
    uint8_t lowest, span; /* IRQL allowed: lowest ... lowest + span */
    const char *image, *name;
    void *code;
    struct bound *next;
};

/* Where every trampoline goes, with r10 = struct bound. Not called from C. */
void export_common(void);

#endif
