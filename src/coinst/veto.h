/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * May this driver be installed for this device? Reads what the rules of policy.h need: the revisions of the device,
 * who subscribes to us, and what an administrator has set. Changes nothing.
 */
#ifndef COINST_VETO_H
#define COINST_VETO_H

#include "api.h"
#include "device.h"

// What is to be written down with the provider if the installation succeeds; 0: the provider has no version of it.
typedef struct _VETO_VERSIONS {
    DWORD Version[API_NEED_COUNT]; // in the order of ApiNeed
} VETO_VERSIONS;

/*
 * NO_ERROR: go on. ERROR_REVISION_MISMATCH: versions do not fit. ERROR_INSTALL_PACKAGE_REJECTED: an administrator
 * forbids it. Anything else: it could not be found out, which refuses the installation, too. The log has the reason.
 */
_Check_return_ DWORD VetoCheck(_In_ const DEVICE *Device, _Out_ VETO_VERSIONS *Versions);

#endif
