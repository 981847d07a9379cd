/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NDIS 6 declarations for an Ethernet miniport, on top of the WDM declarations of mingw-w64.
 *
 * The driver includes this file where a Windows build takes <ndis.h> of the WDK; it finds the same names here.
 * Records end with the newest revision known (6.89); a miniport states in each object header how much of a
 * record is meant, so the NDIS_SIZEOF_..._REVISION_n macros matter more than sizeof.
 *
 * Sources: the public DDI pages for names and meaning, toolchain/abi for layouts and values (measured up to
 * 6.80). tests/package/test_layout.py compiles every record and constant against toolchain/abi for x64 and x86.
 * What only later versions have is marked with that version.
 *
 * Functions that Windows 7's ndis.sys lacks are given as pointer types only: look them up at run time.
 */
#ifndef NDIS_H
#define NDIS_H

#include <ntddk.h>

/* clang-format off: base types come before the records that use them */
#include "ndis/wdm.h"
#include "ndis/types.h"
#include "ndis/status.h"
#include "ndis/nbl.h"
#include "ndis/oid.h"
#include "ndis/link.h"
#include "ndis/offload.h"
#include "ndis/rss.h"
#include "ndis/power.h"
#include "ndis/attributes.h"
#include "ndis/miniport.h"
#include "ndis/functions.h"
#include "ndis/late.h"
/* clang-format on */

#endif
