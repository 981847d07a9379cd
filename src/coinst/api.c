/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tables of api.h. Plain C like the policy; the revisions are those of include/revision.h.
 */
#include "api.h"

#include "revision.h"

// The oldest and newest versions that the driver negotiates: those of include/*_interface.h, which need kernel headers.
const POLICY_API ApiNeed[API_NEED_COUNT] = {
    {L"VIF", 8, 10},
    {L"STORE", 2, 2},
    {L"SUSPEND", 1, 1},
};

// There is no interface of ours so far, so whoever subscribes to one wants a newer XENNET than this.
const POLICY_PROVIDER ApiOwn = {L"XENNET", NULL, 0};

#define ROW(Revision, Vif, Store, Suspend) {Revision, {Vif, Store, Suspend, 0}},

static const POLICY_REVISION Revisions[] = {XENVIF_REVISION_TABLE(ROW)};

int
ApiFromIds(const wchar_t *Ids, POLICY_API *Api, size_t *Count)
{
    const wchar_t *Names[API_NEED_COUNT];
    size_t Index;

    for (Index = 0; Index < API_NEED_COUNT; Index++)
        Names[Index] = ApiNeed[Index].Interface;
    return PolicyFromRevisions(Ids, Revisions, sizeof(Revisions) / sizeof(Revisions[0]), Names, API_NEED_COUNT, Api,
                               API_PROVIDER_SIZE, Count);
}
