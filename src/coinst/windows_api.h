/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Windows headers that the co-installer needs, in Unicode, and what is common to all its files: the names of the
 * two drivers and where Windows keeps services.
 */
#ifndef COINST_WINDOWS_API_H
#define COINST_WINDOWS_API_H

#ifndef UNICODE
#define UNICODE
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif

#include <windows.h>
#include <sal.h>

#define SERVICES_KEY  L"SYSTEM\\CurrentControlSet\\Services\\"
#define DRIVER_NAME   L"XENNET" // this driver's service; the registry ignores case
#define PROVIDER_NAME L"XENVIF" // the driver below it

#define COUNT_OF(Array) (sizeof(Array) / sizeof((Array)[0]))

#endif
