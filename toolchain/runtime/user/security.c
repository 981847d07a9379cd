/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stack protection of a DLL, and the entry point that arms it; security.c one folder up does the same for a driver.
 *
 * The load configuration names the guard as the image's security cookie, so a Windows loader stores a random value
 * over the default. Where nobody did, GsDllEntry seeds it when the process attaches, before any other code of the DLL
 * runs. The DLL has nothing else to do there, so the entry point calls no DllMain.
 */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#ifdef _WIN64
#define DEFAULT_COOKIE ((ULONG_PTR)0x00002b992ddfa232)
#define COOKIE_MASK    ((ULONG_PTR)0x0000ffffffffffff) /* a zero byte stops string overruns */
#else
#define DEFAULT_COOKIE ((ULONG_PTR)0xbb40e64e)
#define COOKIE_MASK    ((ULONG_PTR)0xffffffff)
#endif

#define STATUS_OVERRUN 0xc0000409u // STATUS_STACK_BUFFER_OVERRUN

ULONG_PTR __stack_chk_guard = DEFAULT_COOKIE;

DECLSPEC_NORETURN VOID __stack_chk_fail(VOID);
BOOL WINAPI GsDllEntry(HINSTANCE Instance, DWORD Reason, VOID *Reserved);

// Nothing on the stack can be trusted, exception handlers included, so the process ends here.
VOID __stack_chk_fail(VOID)
{
    for (;;)
        TerminateProcess(GetCurrentProcess(), STATUS_OVERRUN);
}

BOOL WINAPI GsDllEntry(HINSTANCE Instance, DWORD Reason, VOID *Reserved)
{
    (void)Reserved;
    if (Reason == DLL_PROCESS_ATTACH && (__stack_chk_guard == DEFAULT_COOKIE || __stack_chk_guard == 0)) {
        ULONG_PTR Cookie = (ULONG_PTR)__builtin_ia32_rdtsc() ^ (ULONG_PTR)Instance;

        // The low bits of a time stamp vary most: spread them over the whole cookie.
        Cookie *= (ULONG_PTR)0x9e3779b97f4a7c15;
        Cookie = (Cookie ^ (Cookie >> (sizeof(Cookie) * 4))) & COOKIE_MASK;
        if (Cookie == 0 || Cookie == DEFAULT_COOKIE)
            Cookie = DEFAULT_COOKIE + 1;
        __stack_chk_guard = Cookie;
    }
    return TRUE;
}
