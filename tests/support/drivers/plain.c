/* SPDX-License-Identifier: BSD-2-Clause */
/* For test_image_loader: what a driver has that a loader must see to. Its DriverEntry fills the table that it is given.
 */

typedef unsigned long long u64;
typedef unsigned char u8;
__declspec(dllimport) u8 KeGetCurrentIrql(void);
__declspec(dllimport) u8 KeAcquireSpinLockRaiseToDpc(u64 *);
__declspec(dllimport) void KeReleaseSpinLock(u64 *, u8);
static u64 lock;
static const char *const texts[2] = { "relocated", "pointer" };
u64 __security_cookie = 0x2B992DDFA232ull;
static u64 add(u64 a, u64 b)
{
    return a + b;
}

static u64 irql(void)
{
    u8 old = KeAcquireSpinLockRaiseToDpc(&lock), inside = KeGetCurrentIrql();
    KeReleaseSpinLock(&lock, old);
    return inside * 16 + KeGetCurrentIrql();
}

static u64 cookie(void)
{
    return *(volatile u64 *)&__security_cookie;
}

static const char *text(void)
{
    return texts[1];
}

__declspec(code_seg("INIT")) u64 init(void)
{
    return 99;
}

__declspec(allocate(".rdata")) static const u64 config[40] = { 320, [11] = (u64)&__security_cookie };
const struct {
    unsigned size;
    char pad[84];
    u64 *cookie;
    char rest[224];
} _load_config_used = { 320, { 0 }, &__security_cookie, { 0 } };
int DriverEntry(void **table, void *path)
{
    (void)path;
    table[0] = add;
    table[1] = irql;
    table[2] = cookie;
    table[3] = text;
    table[4] = init;
    return 0;
}
