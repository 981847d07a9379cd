/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The simulated Windows versions. NDIS versions are those that each Windows brings (Microsoft, "Overview of NDIS
 * versions"). Server 2025 and Windows 11 24H2 share build 26100; export.h tells them apart by a number of its own.
 */
#include "nt/export/version.h"

#include <stddef.h>
#include <strings.h>

enum { DEFAULT_WINDOWS = 3 };

const struct windows_version windows_versions[] = {
    { "7", "Windows 7 SP1", 6, 1, 7601, 1, 6, 20 },
    { "8.1", "Windows 8.1", 6, 3, 9600, 1, 6, 40 },
    { "10-1809", "Windows 10 1809", 10, 0, 17763, 1, 6, 82 },
    [DEFAULT_WINDOWS] = { "10-22h2", "Windows 10 22H2", 10, 0, 19045, 1, 6, 84 },
    { "11-24h2", "Windows 11 24H2", 10, 0, 26100, 1, 6, 89 },
    { "2025", "Windows Server 2025", 10, 0, 26100, 3, 6, 89 },
    { NULL, NULL, 0, 0, 0, 0, 0, 0 },
};

static const struct windows_version *simulated = &windows_versions[DEFAULT_WINDOWS];

const struct windows_version *windows_version_find(const char *name)
{
    for (const struct windows_version *version = windows_versions; version->name != NULL; version++) {
        if (strcasecmp(version->name, name) == 0) {
            return version;
        }
    }
    return NULL;
}

void windows_simulate(const struct windows_version *version)
{
    simulated = version != NULL ? version : &windows_versions[DEFAULT_WINDOWS];
}

const struct windows_version *windows_simulated(void)
{
    return simulated;
}
