/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What this driver needs of XENVIF and what it offers itself, as tables for the policy. The one place to change when
 * an interface gets another version; the driver's own tables stand in include/.
 */
#ifndef COINST_API_H
#define COINST_API_H

#include "policy.h"

#define API_NEED_COUNT 3

// VIF, STORE and SUSPEND, in this order.
extern const POLICY_API ApiNeed[API_NEED_COUNT];

// XENNET as a provider.
extern const POLICY_PROVIDER ApiOwn;

// Room for everything that revisions can stand for.
#define API_PROVIDER_SIZE 32

/*
 * Adds what the revisions among a device's IDs reveal of its XENVIF; Ids ends with an empty text. Zero is returned
 * if there is no room.
 */
int ApiFromIds(const wchar_t *Ids, POLICY_API *Api, size_t *Count);

#endif
