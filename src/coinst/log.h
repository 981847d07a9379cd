/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the co-installer reports goes to setupapi's log (setupapi.dev.log on Windows), into the section of the
 * installation under way, and to a debugger. Each line starts with the DLL's and the function's name.
 *
 * setupapi's functions for it are looked up: where they are not exported the installation goes on without them.
 * Safe at any time after the DLL is loaded, on any thread.
 */
#ifndef COINST_LOG_H
#define COINST_LOG_H

#include "windows_api.h"

// setupapi's own levels, of which the log shows 1 to 4 unless an administrator changed that
#define LOG_ERROR   0x00000001
#define LOG_WARNING 0x00000002
#define LOG_CHANGE  0x00000003
#define LOG_SUMMARY 0x00000004
#define LOG_DETAIL  0x00000005

VOID LogText(_In_ DWORD Level, _In_z_ const char *Function, _In_z_ PCWSTR Text);

// Subject, a registry path or a device, may be NULL. Returns Error, so that a caller can log and return in one line.
DWORD LogFailure(_In_z_ const char *Function, _In_z_ PCWSTR What, _In_opt_z_ PCWSTR Subject, _In_ DWORD Error);

#define LOG(Level, Text)                  LogText(Level, __FUNCTION__, Text)
#define LOG_FAILURE(What, Subject, Error) LogFailure(__FUNCTION__, What, Subject, Error)

#endif
