/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Changes of the registry that can be undone: every change is noted together with what was there before. A caller
 * makes its changes, then either keeps them (JournalKeep) or, when one of them failed, takes back all of them, newest
 * first (JournalUndo). Both free the journal's notes. Keys are below HKEY_LOCAL_MACHINE. Failures are logged.
 */
#ifndef COINST_JOURNAL_H
#define COINST_JOURNAL_H

#include "registry.h"

typedef struct _JOURNAL_NOTE JOURNAL_NOTE;

typedef struct _JOURNAL {
    JOURNAL_NOTE *Newest;
} JOURNAL;

VOID JournalStart(_Out_ JOURNAL *Journal);

// The key above it must exist. An existing key is left as it is.
_Check_return_ DWORD JournalCreateKey(_Inout_ JOURNAL *Journal, _In_z_ PCWSTR Path);
_Check_return_ DWORD JournalSetNumber(_Inout_ JOURNAL *Journal, _In_z_ PCWSTR Path, _In_z_ PCWSTR Name,
                                      _In_ DWORD Number);

VOID JournalKeep(_Inout_ JOURNAL *Journal);
VOID JournalUndo(_Inout_ JOURNAL *Journal);

#endif
