/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See journal.h. A note is made before the change it belongs to, so that a change without a note cannot be.
 */
#include "journal.h"

#include "log.h"
#include "text.h"

struct _JOURNAL_NOTE {
    JOURNAL_NOTE *Older;
    BOOL IsKey; // the key was created; otherwise the value Name was set
    WCHAR Path[REGISTRY_PATH_SIZE];
    WCHAR Name[REGISTRY_NAME_SIZE];
    BOOL HadValue;
    DWORD Type; // what stood in the value before, if it was there
    DWORD Size;
    BYTE *Data;
};

_Use_decl_annotations_
VOID
JournalStart(JOURNAL *Journal)
{
    Journal->Newest = NULL;
}

static JOURNAL_NOTE *
NewNote(PCWSTR Path, PCWSTR Name)
{
    JOURNAL_NOTE *Note = (JOURNAL_NOTE *)MemoryAllocate(sizeof(*Note));
    TEXT Text;

    if (Note == NULL)
        return NULL;
    TextStart(&Text, Note->Path, COUNT_OF(Note->Path));
    TextAdd(&Text, Path);
    TextStart(&Text, Note->Name, COUNT_OF(Note->Name));
    TextAdd(&Text, Name);
    return Note;
}

static VOID
FreeNote(JOURNAL_NOTE *Note)
{
    MemoryFree(Note->Data);
    MemoryFree(Note);
}

static VOID
AddNote(JOURNAL *Journal, JOURNAL_NOTE *Note)
{
    Note->Older = Journal->Newest;
    Journal->Newest = Note;
}

_Use_decl_annotations_
DWORD
JournalCreateKey(JOURNAL *Journal, PCWSTR Path)
{
    JOURNAL_NOTE *Note = NewNote(Path, L"");
    DWORD Disposition = 0, Error;
    HKEY Handle;

    if (Note == NULL)
        return LOG_FAILURE(L"no memory to note HKLM", Path, ERROR_NOT_ENOUGH_MEMORY);
    Note->IsKey = TRUE;
    Error = (DWORD)RegCreateKeyExW(HKEY_LOCAL_MACHINE, Path, 0, NULL, 0, KEY_WRITE, NULL, &Handle, &Disposition);
    if (Error != NO_ERROR) {
        FreeNote(Note);
        return LOG_FAILURE(L"cannot create HKLM", Path, Error);
    }
    RegCloseKey(Handle);
    if (Disposition == REG_CREATED_NEW_KEY)
        AddNote(Journal, Note);
    else
        FreeNote(Note);
    return NO_ERROR;
}

// What stands in the value now, of whatever type. That nothing does is fine.
static DWORD
ReadOld(HKEY Handle, JOURNAL_NOTE *Note)
{
    DWORD Error = (DWORD)RegQueryValueExW(Handle, Note->Name, NULL, &Note->Type, NULL, &Note->Size);

    if (Error == ERROR_FILE_NOT_FOUND)
        return NO_ERROR;
    if (Error != NO_ERROR)
        return Error;
    Note->Data = (BYTE *)MemoryAllocate((SIZE_T)Note->Size + 1);
    if (Note->Data == NULL)
        return ERROR_NOT_ENOUGH_MEMORY;
    Note->HadValue = TRUE;
    return (DWORD)RegQueryValueExW(Handle, Note->Name, NULL, &Note->Type, Note->Data, &Note->Size);
}

_Use_decl_annotations_
DWORD
JournalSetNumber(JOURNAL *Journal, PCWSTR Path, PCWSTR Name, DWORD Number)
{
    JOURNAL_NOTE *Note = NewNote(Path, Name);
    HKEY Handle;
    DWORD Error;

    if (Note == NULL)
        return LOG_FAILURE(L"no memory to note HKLM", Path, ERROR_NOT_ENOUGH_MEMORY);
    Error = (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, Path, 0, KEY_READ | KEY_WRITE, &Handle);
    if (Error != NO_ERROR) {
        FreeNote(Note);
        return LOG_FAILURE(L"cannot open HKLM", Path, Error);
    }
    Error = ReadOld(Handle, Note);
    if (Error == NO_ERROR)
        Error = (DWORD)RegSetValueExW(Handle, Name, 0, REG_DWORD, (const BYTE *)&Number, sizeof(Number));
    RegCloseKey(Handle);
    if (Error != NO_ERROR) {
        FreeNote(Note);
        return LOG_FAILURE(L"cannot write a value of HKLM", Path, Error);
    }
    AddNote(Journal, Note);
    return NO_ERROR;
}

static VOID
UndoValue(const JOURNAL_NOTE *Note)
{
    HKEY Handle;
    DWORD Error = (DWORD)RegOpenKeyExW(HKEY_LOCAL_MACHINE, Note->Path, 0, KEY_WRITE, &Handle);

    if (Error == NO_ERROR) {
        if (Note->HadValue)
            Error = (DWORD)RegSetValueExW(Handle, Note->Name, 0, Note->Type, Note->Data, Note->Size);
        else
            Error = (DWORD)RegDeleteValueW(Handle, Note->Name);
        RegCloseKey(Handle);
    }
    if (Error != NO_ERROR && Error != ERROR_FILE_NOT_FOUND)
        LOG_FAILURE(L"cannot take back a value of HKLM", Note->Path, Error);
}

static VOID
UndoKey(const JOURNAL_NOTE *Note)
{
    // Deletes a key only if no key stands below it, so what others put there meanwhile stays.
    DWORD Error = (DWORD)RegDeleteKeyW(HKEY_LOCAL_MACHINE, Note->Path);

    if (Error != NO_ERROR && Error != ERROR_FILE_NOT_FOUND)
        LOG_FAILURE(L"cannot take back HKLM", Note->Path, Error);
}

_Use_decl_annotations_
VOID
JournalKeep(JOURNAL *Journal)
{
    while (Journal->Newest != NULL) {
        JOURNAL_NOTE *Note = Journal->Newest;

        Journal->Newest = Note->Older;
        FreeNote(Note);
    }
}

_Use_decl_annotations_
VOID
JournalUndo(JOURNAL *Journal)
{
    JOURNAL_NOTE *Note;

    for (Note = Journal->Newest; Note != NULL; Note = Note->Older) {
        if (Note->IsKey)
            UndoKey(Note);
        else
            UndoValue(Note);
    }
    JournalKeep(Journal);
}
