/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of the system event log: what the driver writes is shown on the debugger's console. */
#include <stdio.h>
#include <string.h>

#include "nt/areas.h"
#include "nt/check/debug.h"
#include "nt/export/register.h"
#include "nt/memory/pool.h"
#include "nt/nt.h"

#define TAG_LOG 0x676f4c45 /* "ELog" */

static MS_ABI void *nt_IoAllocateErrorLogEntry(void *object, uint8_t size)
{
    (void)object;
    if (size < 48 || size > 240) {
        return NULL; /* smaller than the packet, larger than ERROR_LOG_MAXIMUM_SIZE */
    }
    return pool_take(size, TAG_LOG, POOL_BLOCK, false, __builtin_return_address(0));
}

static MS_ABI void nt_IoWriteErrorLogEntry(void *entry)
{
    uint32_t code, unique;
    char line[100];

    memcpy(&code, (uint8_t *)entry + 12, sizeof(code));
    memcpy(&unique, (uint8_t *)entry + 16, sizeof(unique));
    snprintf(line, sizeof(line), "event log: error 0x%08X, value %u\n", code, unique);
    debug_note(line);
    pool_give(entry, TAG_LOG, POOL_BLOCK, "IoWriteErrorLogEntry");
}

static MS_ABI void nt_IoFreeErrorLogEntry(void *entry)
{
    pool_give(entry, TAG_LOG, POOL_BLOCK, "IoFreeErrorLogEntry");
}

#define UP_TO(X, name, highest) X("ntoskrnl.exe", name, nt_##name, PASSIVE_LEVEL, highest, WINDOWS_7)
#define ERROR_LOG_EXPORTS(X)                                                                                           \
    UP_TO(X, IoAllocateErrorLogEntry, DISPATCH_LEVEL)                                                                  \
    UP_TO(X, IoWriteErrorLogEntry, DISPATCH_LEVEL)                                                                     \
    UP_TO(X, IoFreeErrorLogEntry, DISPATCH_LEVEL)

void error_log_start(void)
{
    EXPORT_REGISTER(ERROR_LOG_EXPORTS);
}
