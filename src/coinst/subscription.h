/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * This driver's subscription to XENVIF: Services\XENVIF\Interfaces\XENNET with the values VIF, STORE and SUSPEND. A
 * provider's installer reads it before it takes a version away.
 */
#ifndef COINST_SUBSCRIPTION_H
#define COINST_SUBSCRIPTION_H

#include "veto.h"

// All values or, on failure, everything as it was before.
_Check_return_ DWORD SubscriptionWrite(_In_ const VETO_VERSIONS *Versions);

// No subscription is fine. A failure is logged and goes no further, because what is removed stays removed.
VOID SubscriptionDelete(VOID);

#endif
