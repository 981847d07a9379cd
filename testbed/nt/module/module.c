/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RtlQueryModuleInformation, which the WDK's aux_klib calls by name: the loaded modules, as records of 8 (addresses
 * only) or 272 bytes (RTL_MODULE_EXTENDED_INFO). A driver that cannot link against a module walks its export table from
 * here. PASSIVE_LEVEL; modules are added while nothing of a driver runs.
 */
#include "nt/module/module.h"

#include <stdio.h>
#include <string.h>

#include "nt/areas.h"
#include "nt/export/register.h"
#include "nt/nt.h"

enum { MAX_MODULES = 8, PATH_BYTES = 256, BASIC_BYTES = 8, EXTENDED_BYTES = 272 };

struct module_record { /* RTL_MODULE_EXTENDED_INFO */
    uint64_t base;
    uint32_t size;
    uint16_t name_offset; /* of the file name in `path` */
    char path[PATH_BYTES];
};
_Static_assert(sizeof(struct module_record) == EXTENDED_BYTES, "aux_klib.h, x64");

static struct module_record modules[MAX_MODULES];
static uint32_t count;

void module_add(const char *path, void *base, uint32_t size)
{
    struct module_record *module = &modules[count++];
    const char *name = strrchr(path, '\\');

    module->base = (uint64_t)base;
    module->size = size;
    module->name_offset = (uint16_t)(name != NULL ? name + 1 - path : 0);
    snprintf(module->path, sizeof(module->path), "%s", path);
}

/* `size`: what there is room for, and then what all of them need. */
static MS_ABI int32_t nt_RtlQueryModuleInformation(uint32_t *size, uint32_t element, void *records)
{
    uint32_t needed = count * element, room = *size;

    RULE(element == BASIC_BYTES || element == EXTENDED_BYTES, "unsupported",
         "RtlQueryModuleInformation with records of %u bytes", element);
    *size = needed;
    if (records == NULL) {
        return STATUS_SUCCESS;
    }
    if (room < needed) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy((uint8_t *)records + i * element, &modules[i], element);
    }
    return STATUS_SUCCESS;
}

#define MODULE_EXPORTS(X)                                                                                              \
    X("ntoskrnl.exe", RtlQueryModuleInformation, nt_RtlQueryModuleInformation, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)

void module_start(void)
{
    EXPORT_REGISTER(MODULE_EXPORTS);
    count = 0;
    netio_start();
}
