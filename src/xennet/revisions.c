/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One binary serves Windows 7 to today. The table below has, for each NDIS version, which revision of each record this
 * driver fills. The newest version that both NDIS and the table know is registered, so a Windows that is newer than the
 * table still gets a version whose rules this driver keeps.
 *
 * IRQL: PASSIVE. RevisionsRow is written by DriverEntry, before the first adapter.
 */
#include "revisions.h"

static const XENNET_REVISIONS *RevisionsRow;

// Chars, Reg, Off, Rss and Pm are revisions of the records in XENNET_REVISIONS.
// clang-format off
#define REVISIONS_ROW(_Minor, _Chars, _Reg, _Off, _Rss, _Pm, _Rsc)             \
    {                                                                       \
        _Minor, NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_##_Chars,     \
        NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_##_Reg,      \
        NDIS_OFFLOAD_REVISION_##_Off,                                       \
        NDIS_RECEIVE_SCALE_CAPABILITIES_REVISION_##_Rss,                    \
        NDIS_PM_CAPABILITIES_REVISION_##_Pm, _Rsc, (_Minor) < 83, (_Minor) >= 80, (_Minor) >= 83, (_Minor) >= 89, \
        NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_##_Chars,      \
        NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_##_Reg, \
        NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_##_Off,                           \
        NDIS_SIZEOF_RECEIVE_SCALE_CAPABILITIES_REVISION_##_Rss,             \
        NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_##_Pm                     \
    }

// Oldest first.
static const XENNET_REVISIONS RevisionsTable[] = {
    REVISIONS_ROW(20, 2, 1, 2, 1, 1, FALSE),
    REVISIONS_ROW(30, 2, 2, 3, 2, 2, TRUE),
    REVISIONS_ROW(40, 2, 2, 3, 2, 2, TRUE),
    REVISIONS_ROW(50, 2, 2, 4, 2, 2, TRUE),
    REVISIONS_ROW(51, 2, 2, 4, 2, 2, TRUE),
    REVISIONS_ROW(60, 2, 2, 4, 3, 2, TRUE),
    REVISIONS_ROW(70, 2, 2, 5, 3, 2, TRUE),
    REVISIONS_ROW(80, 3, 2, 5, 3, 2, TRUE),
    REVISIONS_ROW(81, 3, 2, 5, 3, 2, TRUE),
    REVISIONS_ROW(82, 3, 2, 5, 3, 2, TRUE),
    REVISIONS_ROW(83, 3, 2, 6, 3, 2, TRUE),
    REVISIONS_ROW(84, 3, 2, 6, 3, 2, TRUE),
    REVISIONS_ROW(85, 3, 2, 7, 3, 2, TRUE),
    REVISIONS_ROW(86, 3, 2, 7, 3, 2, TRUE),
    REVISIONS_ROW(87, 3, 2, 7, 3, 2, TRUE),
    REVISIONS_ROW(88, 3, 2, 7, 3, 2, TRUE),
    REVISIONS_ROW(89, 3, 2, 8, 3, 2, TRUE),
};
// clang-format on

_Use_decl_annotations_
const XENNET_REVISIONS *
RevisionsChoose(ULONG Version)
{
    ULONG Index;

    RevisionsRow = NULL;
    for (Index = 0; Index < RTL_NUMBER_OF(RevisionsTable); Index++) {
        if (((REVISIONS_MAJOR << 16) | RevisionsTable[Index].Minor) <= Version)
            RevisionsRow = &RevisionsTable[Index];
    }
    return RevisionsRow;
}

const XENNET_REVISIONS *
RevisionsOldest(VOID)
{
    return &RevisionsTable[0];
}

const XENNET_REVISIONS *
RevisionsInForce(VOID)
{
    return RevisionsRow;
}
