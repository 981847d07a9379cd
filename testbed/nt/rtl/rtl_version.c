/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which Windows this is, as a driver may ask (RtlGetVersion, RtlVerifyVersionInfo, PsGetVersion), and functions looked
 * up by name at run time. All answer for the simulated version.
 */
#include <string.h>

#include "nt/export/register.h"
#include "nt/export/version.h"
#include "nt/nt.h"
#include "nt/rtl/rtl.h"
#include "nt/rtl/utf.h"

#define STATUS_REVISION_MISMATCH ((int32_t)0xC0000059)

/* VER_... condition masks: three bits per item, in this order of items. */
enum {
    ITEM_MINOR = 0,
    ITEM_MAJOR = 1,
    ITEM_BUILD = 2,
    ITEM_PLATFORM = 3,
    ITEM_SP_MINOR = 4,
    ITEM_SP_MAJOR = 5,
    ITEM_SUITE = 6,
    ITEM_PRODUCT = 7
};
enum {
    CONDITION_EQUAL = 1,
    CONDITION_GREATER = 2,
    CONDITION_GREATER_EQUAL = 3,
    CONDITION_LESS = 4,
    CONDITION_LESS_EQUAL = 5,
    CONDITION_AND = 6,
    CONDITION_OR = 7,
    PLATFORM_NT = 2
};

static void fill(struct OSVERSIONINFOEXW *info)
{
    const struct windows_version *windows = windows_simulated();

    memset(info, 0, sizeof(*info));
    info->dwOSVersionInfoSize = sizeof(*info);
    info->dwMajorVersion = windows->major;
    info->dwMinorVersion = windows->minor;
    info->dwBuildNumber = windows->build > 26100 ? 26100 : windows->build; /* version.h tells 2025 from 24H2 by one */
    info->dwPlatformId = PLATFORM_NT;
    info->wProductType = windows->product_type;
    info->wServicePackMajor = windows->build == WINDOWS_7 ? 1 : 0;
}

static MS_ABI int32_t nt_RtlGetVersion(struct OSVERSIONINFOEXW *info)
{
    struct OSVERSIONINFOEXW full;
    uint32_t size = info->dwOSVersionInfoSize;

    RULE(size == sizeof(struct OSVERSIONINFOEXW) || size == sizeof(struct OSVERSIONINFOW), "parameter",
         "RtlGetVersion with a size of %u bytes", size);
    fill(&full);
    full.dwOSVersionInfoSize = size;
    memcpy(info, &full, size);
    return STATUS_SUCCESS;
}

static bool holds(unsigned condition, uint32_t is, uint32_t wanted)
{
    switch (condition) {
    case CONDITION_EQUAL:
        return is == wanted;
    case CONDITION_GREATER:
        return is > wanted;
    case CONDITION_GREATER_EQUAL:
        return is >= wanted;
    case CONDITION_LESS:
        return is < wanted;
    case CONDITION_LESS_EQUAL:
        return is <= wanted;
    case CONDITION_AND:
        return (is & wanted) == wanted;
    case CONDITION_OR:
        return wanted == 0 || (is & wanted) != 0;
    default:
        rule_break("parameter", "RtlVerifyVersionInfo without a condition for what it compares");
    }
}

static MS_ABI int32_t nt_RtlVerifyVersionInfo(const struct OSVERSIONINFOEXW *wanted, uint32_t mask, uint64_t conditions)
{
    /* Major, minor and service pack compare as one number with the first of their conditions, as Windows does. */
    static const int versions[] = { ITEM_MAJOR, ITEM_MINOR, ITEM_SP_MAJOR, ITEM_SP_MINOR };
    struct OSVERSIONINFOEXW is;
    uint64_t a = 0, b = 0;
    unsigned condition = 0;

    fill(&is);
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t have[] = { is.dwMajorVersion, is.dwMinorVersion, is.wServicePackMajor, is.wServicePackMinor };
        const uint32_t want[] = { wanted->dwMajorVersion, wanted->dwMinorVersion, wanted->wServicePackMajor,
                                  wanted->wServicePackMinor };

        if ((mask & (1u << versions[i])) != 0) {
            condition = condition != 0 ? condition : (unsigned)(conditions >> (3 * versions[i])) & 7;
            a = a << 16 | have[i];
            b = b << 16 | want[i];
        }
    }
    /* Their order as small numbers, so that one function judges all items. */
    if (condition != 0 && !holds(condition, a > b ? 2 : a == b ? 1 : 0, 1)) {
        return STATUS_REVISION_MISMATCH;
    }
    if (((mask & (1u << ITEM_BUILD)) != 0 &&
         !holds((unsigned)(conditions >> (3 * ITEM_BUILD)) & 7, is.dwBuildNumber, wanted->dwBuildNumber)) ||
        ((mask & (1u << ITEM_PLATFORM)) != 0 &&
         !holds((unsigned)(conditions >> (3 * ITEM_PLATFORM)) & 7, is.dwPlatformId, wanted->dwPlatformId)) ||
        ((mask & (1u << ITEM_SUITE)) != 0 &&
         !holds((unsigned)(conditions >> (3 * ITEM_SUITE)) & 7, is.wSuiteMask, wanted->wSuiteMask)) ||
        ((mask & (1u << ITEM_PRODUCT)) != 0 &&
         !holds((unsigned)(conditions >> (3 * ITEM_PRODUCT)) & 7, is.wProductType, wanted->wProductType))) {
        return STATUS_REVISION_MISMATCH;
    }
    return STATUS_SUCCESS;
}

static MS_ABI uint64_t nt_VerSetConditionMask(uint64_t mask, uint32_t items, uint8_t condition)
{
    for (unsigned item = 0; item < 8; item++) {
        if ((items & (1u << item)) != 0) {
            mask = (mask & ~(7ull << (3 * item))) | (uint64_t)(condition & 7) << (3 * item);
        }
    }
    return mask | 1ull << 63;
}

static MS_ABI uint8_t nt_PsGetVersion(uint32_t *major, uint32_t *minor, uint32_t *build, struct UNICODE_STRING *pack)
{
    struct OSVERSIONINFOEXW is;

    fill(&is);
    if (major != NULL) {
        *major = is.dwMajorVersion;
    }
    if (minor != NULL) {
        *minor = is.dwMinorVersion;
    }
    if (build != NULL) {
        *build = is.dwBuildNumber;
    }
    if (pack != NULL) {
        pack->Length = 0;
    }
    return 0; /* not a checked kernel */
}

/* NTDDI_VERSION of the simulated Windows, without its service pack byte. */
static MS_ABI uint8_t nt_RtlIsNtDdiVersionAvailable(uint32_t version)
{
    static const struct {
        uint32_t build, ddi;
    } known[] = {
        { WINDOWS_7, 0x06010000 },       { WINDOWS_8_1, 0x06030000 },     { WINDOWS_10_1809, 0x0A000006 },
        { WINDOWS_10_22H2, 0x0A000009 }, { WINDOWS_11_24H2, 0x0A000010 },
    };
    uint32_t newest = 0;

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (windows_simulated()->build >= known[i].build) {
            newest = known[i].ddi;
        }
    }
    return version <= newest;
}

static MS_ABI void *nt_MmGetSystemRoutineAddress(const struct UNICODE_STRING *name)
{
    static const char *const images[] = { "ntoskrnl.exe", "hal.dll" }; /* ndis.sys has its own look-up */
    char text[128];

    utf8_from_utf16(text, sizeof(text), name->Buffer, name->Length / 2u);
    for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
        if (export_find(images[i], text) != NULL) {
            return export_bind(images[i], text);
        }
    }
    return NULL;
}

#define RTL_VERSION_EXPORTS(X)                                                                                         \
    X("ntoskrnl.exe", RtlGetVersion, nt_RtlGetVersion, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                        \
    X("ntoskrnl.exe", RtlVerifyVersionInfo, nt_RtlVerifyVersionInfo, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)          \
    X("ntoskrnl.exe", VerSetConditionMask, nt_VerSetConditionMask, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)               \
    X("ntoskrnl.exe", PsGetVersion, nt_PsGetVersion, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                          \
    X("ntoskrnl.exe", RtlIsNtDdiVersionAvailable, nt_RtlIsNtDdiVersionAvailable, PASSIVE_LEVEL, PASSIVE_LEVEL,         \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", MmGetSystemRoutineAddress, nt_MmGetSystemRoutineAddress, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)

void rtl_version_start(void)
{
    EXPORT_REGISTER(RTL_VERSION_EXPORTS);
}
