/* SPDX-License-Identifier: BSD-2-Clause */

/* For test_image_loader: imports that nobody exports. */

__declspec(dllimport) void NoSuchOne(void);
__declspec(dllimport) void NoSuchTwo(void);
__declspec(dllimport) void KeGetCurrentIrql(void);
int DriverEntry(void **t, void *p)
{
    (void)t;
    (void)p;
    NoSuchOne();
    NoSuchTwo();
    KeGetCurrentIrql();
    return 0;
}
