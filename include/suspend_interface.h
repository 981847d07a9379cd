/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XENBUS SUSPEND interface, version 1: told when the domain comes back from suspend or migration.
 * Record layout and GUID as measured in toolchain/abi. Functions are __stdcall on x86.
 *
 * A LATE callback runs on one processor at DISPATCH_LEVEL after every EARLY callback, with the store
 * usable again.
 */
#ifndef SUSPEND_INTERFACE_H
#define SUSPEND_INTERFACE_H

#define XENBUS_SUSPEND_INTERFACE_VERSION_MIN 1
#define XENBUS_SUSPEND_INTERFACE_VERSION_MAX 1

DEFINE_GUID(GUID_XENBUS_SUSPEND_INTERFACE, 0x0554F2AF, 0xB510, 0x4C71, 0xAC, 0x03, 0x1C, 0x50, 0x3E, 0x39, 0x42, 0x38);

typedef enum _XENBUS_SUSPEND_CALLBACK_TYPE {
    SUSPEND_CALLBACK_TYPE_INVALID = 0,
    SUSPEND_CALLBACK_EARLY = 1,
    SUSPEND_CALLBACK_LATE = 2
} XENBUS_SUSPEND_CALLBACK_TYPE;

typedef struct _XENBUS_SUSPEND_CALLBACK XENBUS_SUSPEND_CALLBACK;

typedef VOID(NTAPI *XENBUS_SUSPEND_FUNCTION)(PVOID Argument);

typedef NTSTATUS(NTAPI *XENBUS_SUSPEND_ACQUIRE)(INTERFACE *Interface);
typedef VOID(NTAPI *XENBUS_SUSPEND_RELEASE)(INTERFACE *Interface);
typedef NTSTATUS(NTAPI *XENBUS_SUSPEND_REGISTER)(INTERFACE *Interface, XENBUS_SUSPEND_CALLBACK_TYPE Type,
                                                 XENBUS_SUSPEND_FUNCTION Function, PVOID Argument,
                                                 XENBUS_SUSPEND_CALLBACK **Callback);
typedef VOID(NTAPI *XENBUS_SUSPEND_DEREGISTER)(INTERFACE *Interface, XENBUS_SUSPEND_CALLBACK *Callback);
typedef NTSTATUS(NTAPI *XENBUS_SUSPEND_TRIGGER)(INTERFACE *Interface);
typedef ULONG(NTAPI *XENBUS_SUSPEND_GET_COUNT)(INTERFACE *Interface);

typedef struct _XENBUS_SUSPEND_INTERFACE_V1 {
    INTERFACE Interface;
    XENBUS_SUSPEND_ACQUIRE Acquire;
    XENBUS_SUSPEND_RELEASE Release;
    XENBUS_SUSPEND_REGISTER Register;
    XENBUS_SUSPEND_DEREGISTER Deregister;
    XENBUS_SUSPEND_TRIGGER Trigger;
    XENBUS_SUSPEND_GET_COUNT GetCount;
} XENBUS_SUSPEND_INTERFACE_V1;

#endif
