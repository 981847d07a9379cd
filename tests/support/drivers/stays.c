/* SPDX-License-Identifier: BSD-2-Clause */
/* For test_call_rules: no unload routine. */

int DriverEntry(void *object, void *path)
{
    (void)object;
    (void)path;
    return 0;
}
