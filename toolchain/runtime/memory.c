/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memcmp, which Windows 7's 32-bit ntoskrnl.exe does not export. Any IRQL at which both blocks may be read.
 */
#include <ntddk.h>

int __cdecl memcmp(const void *First, const void *Second, size_t Length)
{
    const UCHAR *Left = First;
    const UCHAR *Right = Second;

    for (; Length != 0; Left++, Right++, Length--) {
        if (*Left != *Right)
            return (int)*Left - (int)*Right;
    }
    return 0;
}
