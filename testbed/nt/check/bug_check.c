/* SPDX-License-Identifier: BSD-2-Clause */
/* Bug check callbacks: kept only to be missed when they stay, for no bug check ever calls them. And how Windows was
 * booted (InitSafeBootMode), which drivers look at for the same reason: not to stand in the way of a repair. */
#include "nt/areas.h"
#include "nt/export/register.h"
#include "nt/nt.h"

static uint32_t bug_check_callbacks;
static uint32_t safe_boot_mode; /* 0: an ordinary boot */

static MS_ABI uint8_t nt_KeRegisterBugCheckReasonCallback(uint8_t *record, void *routine, uint32_t reason,
                                                          const char *component)
{
    (void)record, (void)routine, (void)reason, (void)component;
    __atomic_add_fetch(&bug_check_callbacks, 1, __ATOMIC_RELAXED);
    return 1;
}

static MS_ABI uint8_t nt_KeDeregisterBugCheckReasonCallback(uint8_t *record)
{
    (void)record;
    RULE(__atomic_load_n(&bug_check_callbacks, __ATOMIC_RELAXED) > 0, "callback",
         "KeDeregisterBugCheckReasonCallback without a registration");
    __atomic_sub_fetch(&bug_check_callbacks, 1, __ATOMIC_RELAXED);
    return 1;
}

void bug_check_leaks(struct leaks *leaks)
{
    if (bug_check_callbacks != 0) {
        leak_add(leaks, "%u bug check callbacks", bug_check_callbacks);
    }
}

#define UP_TO(X, name, highest) X("ntoskrnl.exe", name, nt_##name, PASSIVE_LEVEL, highest, WINDOWS_7)
#define BUG_CHECK_EXPORTS(X)                                                                                           \
    X("ntoskrnl.exe", InitSafeBootMode, &safe_boot_mode, EXPORT_DATA, 0, WINDOWS_7)                                    \
    UP_TO(X, KeRegisterBugCheckReasonCallback, HIGH_LEVEL)                                                             \
    UP_TO(X, KeDeregisterBugCheckReasonCallback, HIGH_LEVEL)

void bug_check_start(void)
{
    EXPORT_REGISTER(BUG_CHECK_EXPORTS);
}

void bug_check_stop(void)
{
    bug_check_callbacks = 0;
}
