/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where XenVif's calls enter the driver. The argument of each is the adapter.
 */
#ifndef XENNET_VIF_CALLBACK_H
#define XENNET_VIF_CALLBACK_H

#include "vif.h"

extern const XENNET_VIF_CALLBACKS VifCallbacks;

#endif
