/* SPDX-License-Identifier: BSD-2-Clause */
/* The Windows versions that the testbed simulates: chosen once, before anything else starts. */
#ifndef TESTBED_NT_EXPORT_VERSION_H
#define TESTBED_NT_EXPORT_VERSION_H

#include <stdint.h>

struct windows_version {
    const char *name;  /* as on the command line: "7", "8.1", "10-1809", "10-22h2", "11-24h2", "2025" */
    const char *title; /* "Windows 10 22H2" */
    uint32_t major, minor, build;
    uint8_t product_type; /* VER_NT_WORKSTATION 1, VER_NT_SERVER 3 */
    uint8_t ndis_major, ndis_minor;
};

extern const struct windows_version windows_versions[]; /* ends with .name == NULL */

const struct windows_version *windows_version_find(const char *name); /* NULL: no such version */
void windows_simulate(const struct windows_version *version);
const struct windows_version *windows_simulated(void); /* default: "10-22h2" */

#endif
