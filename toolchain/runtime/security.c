/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Stack protection of the driver image and the entry point that arms it.
 *
 * clang's stack protector compares __stack_chk_guard and calls __stack_chk_fail. The load configuration names the
 * guard as the image's security cookie, so a Windows loader that knows it stores a random value over the default
 * before the entry point runs. Where nobody did, GsDriverEntry seeds it. GsDriverEntry is the image's entry point;
 * it runs once, at PASSIVE_LEVEL, before any other code of the driver, and is itself built without protection.
 */
#include <ntddk.h>

#ifdef _WIN64
#define DEFAULT_COOKIE ((ULONG_PTR)0x00002b992ddfa232)
#define COOKIE_MASK    ((ULONG_PTR)0x0000ffffffffffff) /* a zero byte stops string overruns */
#else
#define DEFAULT_COOKIE ((ULONG_PTR)0xbb40e64e)
#define COOKIE_MASK    ((ULONG_PTR)0xffffffff)
#endif

#define STOP_DRIVER_OVERRAN_STACK_BUFFER 0xf7

ULONG_PTR __stack_chk_guard = DEFAULT_COOKIE;

DECLSPEC_NORETURN VOID __stack_chk_fail(VOID);
DRIVER_INITIALIZE DriverEntry;
DRIVER_INITIALIZE GsDriverEntry;

VOID __stack_chk_fail(VOID)
{
    KeBugCheckEx(STOP_DRIVER_OVERRAN_STACK_BUFFER, 0, __stack_chk_guard, ~__stack_chk_guard,
                 (ULONG_PTR)__builtin_return_address(0));
}

__attribute__((section("INIT"))) NTSTATUS NTAPI GsDriverEntry(PDRIVER_OBJECT DriverObject, PUNICODE_STRING RegistryPath)
{
    if (__stack_chk_guard == DEFAULT_COOKIE || __stack_chk_guard == 0) {
        ULONG_PTR Cookie = (ULONG_PTR)__builtin_ia32_rdtsc();

        // The low bits of a time stamp vary most: spread them over the whole cookie.
        Cookie ^= (ULONG_PTR)DriverObject;
        Cookie *= (ULONG_PTR)0x9e3779b97f4a7c15;
        Cookie = (Cookie ^ (Cookie >> (sizeof(Cookie) * 4))) & COOKIE_MASK;
        if (Cookie == 0 || Cookie == DEFAULT_COOKIE)
            Cookie = DEFAULT_COOKIE + 1;
        __stack_chk_guard = Cookie;
    }

    return DriverEntry(DriverObject, RegistryPath);
}
