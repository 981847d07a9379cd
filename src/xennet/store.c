/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drivers/<n> = "<vendor> XENNET <version>", a blank between the words and none in them, in a checked build followed by
 * " (DEBUG)" (Xen's xenstore-paths, DISTRIBUTION): one line per driver, whichever of its adapters writes it.
 *
 * A migration gives the domain a new xenstore without the line. Every adapter registers a late suspend callback
 * and makes sure the line is there, so it does not matter which adapter wrote it first or is still present. The
 * store itself is the record of whether it is: a writer looks for its own text before it takes a free index.
 *
 * IRQL: PASSIVE to start and stop; the callback runs at DISPATCH on one processor with the store usable.
 * StoreUsers counts the adapters, interlocked. A transaction keeps two adapters from writing two lines.
 */
#include <version.h>
#include "store.h"
#include "context.h"
#include "memory.h"
#include "debug.h"
#include "rss.h"

#define STORE_MAX_INDEX  255
#define STORE_INDEX_SIZE 4   // three digits and the end
#define STORE_RETRIES    100 // a transaction that clashes this often meets a broken store

#if DBG
#define STORE_FLAVOUR " (DEBUG)"
#else
#define STORE_FLAVOUR ""
#endif

static const CHAR StoreText[] = VENDOR_STR " XENNET " VERSION_STR STORE_FLAVOUR;
static CHAR StoreDirectory[] = "drivers";
static volatile LONG StoreUsers;

struct _XENNET_STORE {
    // Immutable between StoreCreate and StoreDestroy.
    XENNET_RSS *Rss; // that mends its table after a migration
    XENBUS_STORE_INTERFACE_V2 Store;
    XENBUS_SUSPEND_INTERFACE_V1 Suspend;

    // StoreBind and StoreUnbind, which start, stop and power requests call; NDIS serialises those.
    XENBUS_SUSPEND_CALLBACK *Callback;
    BOOLEAN StoreAcquired;
    BOOLEAN SuspendAcquired;
    BOOLEAN Counted;
};

static BOOLEAN
StoreTextEquals(const CHAR *Value)
{
    SIZE_T Index;

    for (Index = 0; Index < sizeof(StoreText); Index++) {
        if (Value[Index] != StoreText[Index])
            return FALSE;
        if (Value[Index] == '\0')
            return TRUE;
    }
    return FALSE;
}

static VOID
StoreFormatIndex(ULONG Index, CHAR *Text)
{
    ULONG Divisor = 100;

    while (Divisor > 1 && Index < Divisor)
        Divisor /= 10;
    for (; Divisor != 0; Divisor /= 10)
        *Text++ = (CHAR)('0' + Index / Divisor % 10);
    *Text = '\0';
}

// Above STORE_MAX_INDEX: the name is no index as StoreFormatIndex writes it.
static ULONG
StoreParseIndex(const CHAR *Name)
{
    ULONG Index = 0;

    if (Name[0] == '\0' || (Name[0] == '0' && Name[1] != '\0'))
        return STORE_MAX_INDEX + 1;
    for (; *Name >= '0' && *Name <= '9' && Index <= STORE_MAX_INDEX; Name++)
        Index = Index * 10 + (ULONG)(*Name - '0');
    return *Name == '\0' ? Index : STORE_MAX_INDEX + 1;
}

static BOOLEAN
StoreIsOurs(XENNET_STORE *Store, XENBUS_STORE_TRANSACTION *Transaction, CHAR *Node)
{
    INTERFACE *Interface = &Store->Store.Interface;
    BOOLEAN Ours;
    CHAR *Value;

    if (!NT_SUCCESS(Store->Store.StoreRead(Interface, Transaction, StoreDirectory, Node, &Value)))
        return FALSE;
    Ours = StoreTextEquals(Value);
    Store->Store.StoreFree(Interface, Value);
    return Ours;
}

/*
 * Looks through all of drivers/, since others may have left holes before our line. Node: the index with our text, or
 * the first free one. Found: which of them.
 */
_IRQL_requires_max_(DISPATCH_LEVEL)
static NTSTATUS
StoreFind(XENNET_STORE *Store, XENBUS_STORE_TRANSACTION *Transaction, CHAR *Node, BOOLEAN *Found)
{
    INTERFACE *Interface = &Store->Store.Interface;
    UCHAR Used[STORE_MAX_INDEX + 1];
    CHAR *Names;
    CHAR *Name;
    ULONG Index;

    *Found = FALSE;
    RtlZeroMemory(Used, sizeof(Used));
    // Where there is no directory yet, every index is free.
    if (NT_SUCCESS(Store->Store.StoreDirectory(Interface, Transaction, NULL, StoreDirectory, &Names))) {
        for (Name = Names; *Name != '\0' && !*Found; Name += Index + 1) {
            Index = StoreParseIndex(Name);
            if (Index <= STORE_MAX_INDEX) {
                Used[Index] = TRUE;
                StoreFormatIndex(Index, Node);
                *Found = StoreIsOurs(Store, Transaction, Node);
            }
            for (Index = 0; Name[Index] != '\0'; Index++)
                ;
        }
        Store->Store.StoreFree(Interface, Names);
    }
    if (*Found)
        return STATUS_SUCCESS;
    for (Index = 0; Index <= STORE_MAX_INDEX; Index++) {
        if (!Used[Index]) {
            StoreFormatIndex(Index, Node);
            return STATUS_SUCCESS;
        }
    }
    return STATUS_INSUFFICIENT_RESOURCES;
}

// One attempt to have the line there (Present) or not. STATUS_RETRY: somebody else wrote meanwhile.
_IRQL_requires_max_(DISPATCH_LEVEL)
static NTSTATUS
StoreAttempt(XENNET_STORE *Store, BOOLEAN Present)
{
    INTERFACE *Interface = &Store->Store.Interface;
    XENBUS_STORE_TRANSACTION *Transaction;
    CHAR Node[STORE_INDEX_SIZE];
    BOOLEAN Found;
    NTSTATUS Status;

    Status = Store->Store.StoreTransactionStart(Interface, &Transaction);
    if (!NT_SUCCESS(Status))
        return Status;
    Status = StoreFind(Store, Transaction, Node, &Found);
    if (NT_SUCCESS(Status) && Present && !Found)
        Status = Store->Store.StorePrintf(Interface, Transaction, StoreDirectory, Node, "%s", StoreText);
    else if (NT_SUCCESS(Status) && !Present && Found)
        Status = Store->Store.StoreRemove(Interface, Transaction, StoreDirectory, Node);
    if (!NT_SUCCESS(Status)) {
        (void)Store->Store.StoreTransactionEnd(Interface, Transaction, FALSE);
        return Status;
    }
    return Store->Store.StoreTransactionEnd(Interface, Transaction, TRUE);
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID
StoreWrite(XENNET_STORE *Store, BOOLEAN Present)
{
    NTSTATUS Status = STATUS_RETRY;
    ULONG Attempt;

    for (Attempt = 0; Attempt < STORE_RETRIES && Status == STATUS_RETRY; Attempt++)
        Status = StoreAttempt(Store, Present);
    // The line informs people; an adapter works without it.
    if (!NT_SUCCESS(Status))
        DEBUG_ERROR("drivers/ in xenstore cannot be written (status %08x)\n", (ULONG)Status);
}

_IRQL_requires_(DISPATCH_LEVEL)
static VOID NTAPI
StoreResumed(PVOID Argument)
{
    XENNET_STORE *Store = Argument;

    StoreWrite(Store, TRUE);
    (void)RssFollow(Store->Rss, RssFollowMigration);
}

// Acquires STORE and SUSPEND and has the line there. On failure what was taken stays for StoreUnbind.
_IRQL_requires_(PASSIVE_LEVEL)
static NTSTATUS
StoreBind(XENNET_STORE *Store)
{
    NTSTATUS Status;

    Status = Store->Store.StoreAcquire(&Store->Store.Interface);
    if (!NT_SUCCESS(Status))
        return Status;
    Store->StoreAcquired = TRUE;
    Status = Store->Suspend.Acquire(&Store->Suspend.Interface);
    if (!NT_SUCCESS(Status))
        return Status;
    Store->SuspendAcquired = TRUE;
    StoreWrite(Store, TRUE);
    // Last: the callback may come at once.
    return Store->Suspend.Register(&Store->Suspend.Interface, SUSPEND_CALLBACK_LATE, StoreResumed, Store,
                                   &Store->Callback);
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID
StoreDeafen(XENNET_STORE *Store)
{
    if (Store->Callback != NULL)
        Store->Suspend.Deregister(&Store->Suspend.Interface, Store->Callback);
    Store->Callback = NULL;
}

_IRQL_requires_(PASSIVE_LEVEL)
static VOID
StoreUnbind(XENNET_STORE *Store)
{
    StoreDeafen(Store);
    if (Store->SuspendAcquired)
        Store->Suspend.Release(&Store->Suspend.Interface);
    Store->SuspendAcquired = FALSE;
    if (Store->StoreAcquired)
        Store->Store.StoreRelease(&Store->Store.Interface);
    Store->StoreAcquired = FALSE;
}

_Use_decl_annotations_
VOID
StoreSleep(XENNET_STORE *Store)
{
    StoreUnbind(Store);
}

_Use_decl_annotations_
VOID
StoreWake(XENNET_STORE *Store)
{
    NTSTATUS Status;

    if (Store->StoreAcquired)
        return;
    Status = StoreBind(Store);
    if (!NT_SUCCESS(Status)) {
        DEBUG_ERROR("no xenstore after low power (status %08x)\n", (ULONG)Status);
        StoreUnbind(Store);
    }
}

_Use_decl_annotations_
XENBUS_STORE_INTERFACE_V2 *
StoreInterface(XENNET_STORE *Store)
{
    return Store != NULL && Store->StoreAcquired ? &Store->Store : NULL;
}

_Use_decl_annotations_
NDIS_STATUS
StoreCreate(XENNET_CONTEXT *Context, XENNET_RSS *Rss, XENNET_STORE **Result)
{
    XENNET_STORE *Store;
    NDIS_STATUS Status;

    *Result = NULL;
    Store = MemoryAllocate(Context->NdisHandle, sizeof(*Store));
    if (Store == NULL)
        return NDIS_STATUS_RESOURCES;
    Store->Rss = Rss;

    Status = VifQueryStore(&Context->Vif, &Store->Store);
    if (Status == NDIS_STATUS_SUCCESS)
        Status = VifQuerySuspend(&Context->Vif, &Store->Suspend);
    if (Status != NDIS_STATUS_SUCCESS)
        goto Failed;

    (void)InterlockedIncrement(&StoreUsers);
    Store->Counted = TRUE;
    Status = NDIS_STATUS_ADAPTER_NOT_READY;
    if (!NT_SUCCESS(StoreBind(Store)))
        goto Failed;
    *Result = Store;
    return NDIS_STATUS_SUCCESS;

Failed:
    StoreDestroy(Store);
    return Status;
}

_Use_decl_annotations_
VOID
StoreDestroy(XENNET_STORE *Store)
{
    if (Store == NULL)
        return;
    // First: a callback would write the line again.
    StoreDeafen(Store);
    // Asleep there is no xenstore to take the line from; the one after waking up is made anew.
    if (Store->Counted && InterlockedDecrement(&StoreUsers) == 0 && Store->StoreAcquired)
        StoreWrite(Store, FALSE);
    StoreUnbind(Store);
    MemoryFree(Store);
}
