/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text for the debugger: DEBUG_ERROR for whoever looks at a machine that does not work, in every build; DEBUG_INFO for
 * developers, in checked builds only. Any IRQL, never on a path that a packet takes when all is well.
 */
#ifndef XENNET_DEBUG_H
#define XENNET_DEBUG_H

#include <ndis.h>

#define DEBUG_ERROR(...) ((void)DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_ERROR_LEVEL, "xennet: " __VA_ARGS__))

#if DBG
#define DEBUG_INFO(...) ((void)DbgPrintEx(DPFLTR_IHVNETWORK_ID, DPFLTR_INFO_LEVEL, "xennet: " __VA_ARGS__))
#else
#define DEBUG_INFO(...) ((void)0)
#endif

#endif
