/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a WDM driver may expect from <ntddk.h> and the mingw-w64 headers leave out or spell differently.
 *
 * On x86 spin locks are reached through their fastcall names in hal.dll and ntoskrnl.exe, as a Windows build
 * of that architecture does.
 */
#ifndef NDIS_WDM_H
#define NDIS_WDM_H

typedef unsigned int UINT, *PUINT;

#ifdef _X86_
#ifndef KeAcquireSpinLockRaiseToDpc
#define KeAcquireSpinLockRaiseToDpc(SpinLock) KfAcquireSpinLock(SpinLock)
#endif
#endif

#ifndef RTL_SIZEOF_THROUGH_FIELD
#define RTL_SIZEOF_THROUGH_FIELD(type, field) (FIELD_OFFSET(type, field) + sizeof(((type *)0)->field))
#endif

/* From Windows 8 on: a mapping that cannot be executed, or written; beside the page priority. */
#ifndef MdlMappingNoExecute
#define MdlMappingNoWrite   0x80000000
#define MdlMappingNoExecute 0x40000000
#endif

#endif
