/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XENBUS STORE interface, version 2: xenstore as the guest's drivers see it. Record layout and GUID as
 * measured in toolchain/abi. Functions are __stdcall on x86, StorePrintf (variable arguments) __cdecl.
 *
 * A NULL Transaction means outside any; a NULL Prefix means Node is the whole path. What StoreRead and
 * StoreDirectory return is freed with StoreFree; a directory is a list of strings ended by an empty one.
 */
#ifndef STORE_INTERFACE_H
#define STORE_INTERFACE_H

#define XENBUS_STORE_INTERFACE_VERSION_MIN 2
#define XENBUS_STORE_INTERFACE_VERSION_MAX 2

DEFINE_GUID(GUID_XENBUS_STORE_INTERFACE, 0x86824C3B, 0xD34E, 0x4753, 0xB2, 0x81, 0x2F, 0x1E, 0x3A, 0xD2, 0x14, 0xD7);

typedef struct _XENBUS_STORE_TRANSACTION XENBUS_STORE_TRANSACTION;
typedef struct _XENBUS_STORE_WATCH XENBUS_STORE_WATCH;

typedef enum _XENBUS_STORE_PERMISSION_MASK {
    XENBUS_STORE_PERM_NONE = 0,
    XENBUS_STORE_PERM_READ = 1,
    XENBUS_STORE_PERM_WRITE = 2
} XENBUS_STORE_PERMISSION_MASK;

typedef struct _XENBUS_STORE_PERMISSION {
    USHORT Domain;
    XENBUS_STORE_PERMISSION_MASK Mask;
} XENBUS_STORE_PERMISSION;

typedef NTSTATUS(NTAPI *XENBUS_STORE_ACQUIRE)(INTERFACE *Interface);
typedef VOID(NTAPI *XENBUS_STORE_RELEASE)(INTERFACE *Interface);
typedef VOID(NTAPI *XENBUS_STORE_FREE)(INTERFACE *Interface, CHAR *Buffer);
typedef NTSTATUS(NTAPI *XENBUS_STORE_READ)(INTERFACE *Interface, XENBUS_STORE_TRANSACTION *Transaction, CHAR *Prefix,
                                           CHAR *Node, CHAR **Buffer);
typedef NTSTATUS(__cdecl *XENBUS_STORE_PRINTF)(INTERFACE *Interface, XENBUS_STORE_TRANSACTION *Transaction,
                                               CHAR *Prefix, CHAR *Node, const CHAR *Format, ...);
typedef NTSTATUS(NTAPI *XENBUS_STORE_PERMISSIONS_SET)(INTERFACE *Interface, XENBUS_STORE_TRANSACTION *Transaction,
                                                      CHAR *Prefix, CHAR *Node, XENBUS_STORE_PERMISSION *Permissions,
                                                      ULONG Count);
typedef NTSTATUS(NTAPI *XENBUS_STORE_REMOVE)(INTERFACE *Interface, XENBUS_STORE_TRANSACTION *Transaction, CHAR *Prefix,
                                             CHAR *Node);
typedef NTSTATUS(NTAPI *XENBUS_STORE_DIRECTORY)(INTERFACE *Interface, XENBUS_STORE_TRANSACTION *Transaction,
                                                CHAR *Prefix, CHAR *Node, CHAR **Buffer);
typedef NTSTATUS(NTAPI *XENBUS_STORE_TRANSACTION_START)(INTERFACE *Interface, XENBUS_STORE_TRANSACTION **Transaction);
typedef NTSTATUS(NTAPI *XENBUS_STORE_TRANSACTION_END)(INTERFACE *Interface, XENBUS_STORE_TRANSACTION *Transaction,
                                                      BOOLEAN Commit);
typedef NTSTATUS(NTAPI *XENBUS_STORE_WATCH_ADD)(INTERFACE *Interface, CHAR *Prefix, CHAR *Node, KEVENT *Event,
                                                XENBUS_STORE_WATCH **Watch);
typedef NTSTATUS(NTAPI *XENBUS_STORE_WATCH_REMOVE)(INTERFACE *Interface, XENBUS_STORE_WATCH *Watch);
typedef VOID(NTAPI *XENBUS_STORE_POLL)(INTERFACE *Interface);

typedef struct _XENBUS_STORE_INTERFACE_V2 {
    INTERFACE Interface;
    XENBUS_STORE_ACQUIRE StoreAcquire;
    XENBUS_STORE_RELEASE StoreRelease;
    XENBUS_STORE_FREE StoreFree;
    XENBUS_STORE_READ StoreRead;
    XENBUS_STORE_PRINTF StorePrintf;
    XENBUS_STORE_PERMISSIONS_SET StorePermissionsSet;
    XENBUS_STORE_REMOVE StoreRemove;
    XENBUS_STORE_DIRECTORY StoreDirectory;
    XENBUS_STORE_TRANSACTION_START StoreTransactionStart;
    XENBUS_STORE_TRANSACTION_END StoreTransactionEnd;
    XENBUS_STORE_WATCH_ADD StoreWatchAdd;
    XENBUS_STORE_WATCH_REMOVE StoreWatchRemove;
    XENBUS_STORE_POLL StorePoll;
} XENBUS_STORE_INTERFACE_V2;

#endif
