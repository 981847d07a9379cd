/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The backend's state. Of the interfaces below device/vif the adapter's is the one with its permanent address; its
 * "backend" names the backend's directory, and "state" there is a XenbusState (Xen's io/xenbus.h).
 *
 * Everything read here was written by the toolstack or the backend: a text that is not what it should be is as good as
 * none. Looked up anew each time, since a migration may move all of it, and rarely asked for.
 *
 * IRQL: PASSIVE. No locks, no state.
 */
#include "backend.h"
#include "adapter.h"
#include "store.h"

#define BACKEND_MAX_NAME 16 // of a directory below device/vif, in bytes with the end

static const CHAR BackendDevices[] = "device/vif/";

static ULONG
BackendHexDigit(CHAR Character)
{
    if (Character >= '0' && Character <= '9')
        return (ULONG)(Character - '0');
    if (Character >= 'a' && Character <= 'f')
        return (ULONG)(Character - 'a' + 10);
    if (Character >= 'A' && Character <= 'F')
        return (ULONG)(Character - 'A' + 10);
    return MAXUCHAR;
}

// "00:16:3e:01:02:03" and nothing else.
static BOOLEAN
BackendIsAddress(const CHAR *Text, const ETHERNET_ADDRESS *Address)
{
    ULONG Index;
    ULONG High;
    ULONG Low;

    for (Index = 0; Index < ETHERNET_ADDRESS_LENGTH; Index++) {
        High = BackendHexDigit(*Text);
        if (High == MAXUCHAR)
            return FALSE;
        Text++;
        Low = BackendHexDigit(*Text);
        if (Low == MAXUCHAR || (High << 4 | Low) != Address->Byte[Index])
            return FALSE;
        Text++;
        if (*Text != (Index == ETHERNET_ADDRESS_LENGTH - 1 ? '\0' : ':'))
            return FALSE;
        Text++;
    }
    return TRUE;
}

// The text of a node, to be freed, or NULL.
_IRQL_requires_(PASSIVE_LEVEL)
static CHAR *
BackendRead(XENBUS_STORE_INTERFACE_V2 *Store, CHAR *Directory, CHAR *Node, NTSTATUS *Status)
{
    CHAR *Text = NULL;

    *Status = Store->StoreRead(&Store->Interface, NULL, Directory, Node, &Text);
    return NT_SUCCESS(*Status) ? Text : NULL;
}

// Is the interface in this directory ours?
_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN
BackendIsOurs(XENNET_ADAPTER *Adapter, XENBUS_STORE_INTERFACE_V2 *Store, CHAR *Directory)
{
    BOOLEAN Ours = FALSE;
    NTSTATUS Status;
    CHAR *Text = BackendRead(Store, Directory, "mac", &Status);

    if (Text != NULL) {
        Ours = BackendIsAddress(Text, &Adapter->Filter.PermanentAddress);
        Store->StoreFree(&Store->Interface, Text);
    }
    return Ours;
}

// Names: one behind the other, each with its end, and an empty one at the end. TRUE: Directory is the adapter's.
_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN
BackendFindDevice(XENNET_ADAPTER *Adapter, XENBUS_STORE_INTERFACE_V2 *Store, const CHAR *Names, CHAR *Directory)
{
    ULONG Length;

    RtlCopyMemory(Directory, BackendDevices, sizeof(BackendDevices) - 1);
    for (; *Names != '\0'; Names += Length + 1) {
        for (Length = 0; Names[Length] != '\0'; Length++)
            ;
        if (Length >= BACKEND_MAX_NAME)
            continue;
        RtlCopyMemory(Directory + sizeof(BackendDevices) - 1, Names, Length + 1);
        if (BackendIsOurs(Adapter, Store, Directory))
            return TRUE;
    }
    return FALSE;
}

static XENNET_BACKEND_STATE
BackendParseState(const CHAR *Text)
{
    if (Text[0] < '0' || Text[0] > '9' || Text[1] != '\0')
        return XennetBackendUnknown;
    switch (Text[0]) {
    case '4':
        return XennetBackendConnected;

    case '5':
        return XennetBackendClosing;

    case '6':
        return XennetBackendClosed;

    default:
        return XennetBackendPreparing;
    }
}

// XenVif writes Connected when it has published its rings, and something else only when it closes them.
_IRQL_requires_(PASSIVE_LEVEL)
static BOOLEAN
BackendIsLeft(XENBUS_STORE_INTERFACE_V2 *Store, CHAR *Directory)
{
    BOOLEAN Left = FALSE;
    NTSTATUS Status;
    CHAR *Text = BackendRead(Store, Directory, "state", &Status);

    if (Text != NULL) {
        Left = BackendParseState(Text) == XennetBackendConnected;
        Store->StoreFree(&Store->Interface, Text);
    }
    return Left;
}

// Directory: the frontend's.
_IRQL_requires_(PASSIVE_LEVEL)
static XENNET_BACKEND_STATE
BackendReadState(XENBUS_STORE_INTERFACE_V2 *Store, CHAR *Directory)
{
    XENNET_BACKEND_STATE State = XennetBackendUnknown;
    NTSTATUS Status;
    CHAR *Backend;
    CHAR *Text;

    Backend = BackendRead(Store, Directory, "backend", &Status);
    if (Backend == NULL)
        return State;
    Text = BackendRead(Store, Backend, "state", &Status);
    if (Text != NULL) {
        State = BackendParseState(Text);
        Store->StoreFree(&Store->Interface, Text);
        if ((State == XennetBackendPreparing || State == XennetBackendClosed) && BackendIsLeft(Store, Directory))
            State = XennetBackendLeft;
    } else if (Status == STATUS_OBJECT_NAME_NOT_FOUND) {
        State = XennetBackendAbsent;
    }
    Store->StoreFree(&Store->Interface, Backend);
    return State;
}

_Use_decl_annotations_
XENNET_BACKEND_STATE
BackendQueryState(XENNET_ADAPTER *Adapter)
{
    XENBUS_STORE_INTERFACE_V2 *Store = StoreInterface(Adapter->Store);
    XENNET_BACKEND_STATE State = XennetBackendUnknown;
    CHAR Directory[sizeof(BackendDevices) + BACKEND_MAX_NAME];
    CHAR *Names;

    if (Store == NULL || !NT_SUCCESS(Store->StoreDirectory(&Store->Interface, NULL, "device", "vif", &Names)))
        return State;
    if (BackendFindDevice(Adapter, Store, Names, Directory))
        State = BackendReadState(Store, Directory);
    Store->StoreFree(&Store->Interface, Names);
    return State;
}

_Use_decl_annotations_
BOOLEAN
BackendIsGone(XENNET_ADAPTER *Adapter)
{
    XENNET_BACKEND_STATE State = BackendQueryState(Adapter);

    // Closing: XenVif still waits for it for a while, but it has given its rings up.
    return State != XennetBackendUnknown && State != XennetBackendConnected;
}
