/* SPDX-License-Identifier: BSD-2-Clause */

/* For test_call_rules: a device that nobody deletes. */

__declspec(dllimport) int IoCreateDevice(void *, unsigned, void *, unsigned, unsigned, char, void **);
static void unload(void *object)
{
    (void)object;
}

int DriverEntry(char *object, void *path)
{
    void *device;
    (void)path;
    *(void **)(object + 0x68) = (void *)unload;
    return IoCreateDevice(object, 0, 0, 0x17, 0, 0, &device);
}
