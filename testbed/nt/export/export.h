/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What ntoskrnl.exe, hal.dll and ndis.sys export. Each module keeps one X-macro table of its exports:
 *
 *   X("ntoskrnl.exe", KeSetEvent, nt_KeSetEvent, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7)
 *   (image, name the driver imports, implementation, lowest IRQL, highest IRQL, first Windows build that exports it)
 *
 * and registers it with export_register. Binding an import goes through a small trampoline that calls export_enter
 * (IRQL range checked, call traced, switch point) and then jumps to the implementation with registers and stack
 * untouched. A driver that imports a name nobody registered, or one that the simulated Windows does not export yet, is
 * refused when it is loaded. Bound all the same, such a name is a trampoline that ends the run by rule "import" when it
 * is called.
 */
#ifndef TESTBED_NT_EXPORT_EXPORT_H
#define TESTBED_NT_EXPORT_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "run/ms_abi.h"

enum { PASSIVE_LEVEL = 0, APC_LEVEL = 1, DISPATCH_LEVEL = 2, DIRQL = 5, HIGH_LEVEL = 15 };

/* Instead of the lowest IRQL: what is exported is data, and importing it gives its address. */
enum { EXPORT_DATA = 0xff };

/* Build numbers of the Windows versions that are simulated (see version.h). */
enum {
    WINDOWS_7 = 7601,
    WINDOWS_8_1 = 9600,
    WINDOWS_10_1809 = 17763,
    WINDOWS_10_22H2 = 19045,
    WINDOWS_11_24H2 = 26100,
    WINDOWS_2025 = 26101
};

struct export
{
    const char *image;
    const char *name;
    void *function; /* MS_ABI; or the data, with EXPORT_DATA as the lowest IRQL */
    uint8_t lowest, highest;
    uint32_t since; /* Windows build */
};

void export_register(const struct export *table, size_t count);
/* The export as the simulated Windows has it, or NULL. `image` may be NULL: any (MmGetSystemRoutineAddress). */
const struct export *export_find(const char *image, const char *name);
/* Callable address: the trampoline for the export. Lives until the end of the program. */
void *export_bind(const char *image, const char *name);
/* The same for a function that no image exports but the driver gets a pointer to (an interface table's method): `entry`
 * must stay. */
void *export_wrap(const struct export *entry);
bool export_is_trampoline(const void *address);
/* The export whose implementation begins at `function`, or NULL. */
const struct export *export_of(const void *function);

#endif
