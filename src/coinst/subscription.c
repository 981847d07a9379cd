/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * See subscription.h. Called after Windows has installed or removed the device.
 */
#include "subscription.h"

#include "journal.h"
#include "log.h"
#include "text.h"

static VOID
LogWritten(const VETO_VERSIONS *Versions)
{
    WCHAR Sentence[100];
    TEXT Text;
    size_t Index;

    TextStart(&Text, Sentence, COUNT_OF(Sentence));
    TextAdd(&Text, L"subscribed to " PROVIDER_NAME L":");
    for (Index = 0; Index < API_NEED_COUNT; Index++) {
        if (Versions->Version[Index] == 0)
            continue;
        TextAdd(&Text, L" ");
        TextAdd(&Text, ApiNeed[Index].Interface);
        TextAdd(&Text, L" ");
        TextAddNumber(&Text, (unsigned int)Versions->Version[Index]);
    }
    LogText(LOG_CHANGE, "SubscriptionWrite", Sentence);
}

_Use_decl_annotations_
DWORD
SubscriptionWrite(const VETO_VERSIONS *Versions)
{
    WCHAR Path[REGISTRY_PATH_SIZE];
    JOURNAL Journal;
    size_t Index;
    DWORD Error;
    BOOL Exists;

    Error = RegistryServiceExists(PROVIDER_NAME, &Exists);
    if (Error != NO_ERROR)
        return Error;
    if (!Exists) {
        // No key is made up for it: its own installation would find that in the way.
        LOG(LOG_WARNING, L"not subscribed: " PROVIDER_NAME L" is not installed");
        return NO_ERROR;
    }

    JournalStart(&Journal);
    Error = RegistryServicePath(PROVIDER_NAME, TRUE, NULL, Path);
    if (Error == NO_ERROR)
        Error = JournalCreateKey(&Journal, Path);
    if (Error == NO_ERROR)
        Error = RegistryServicePath(PROVIDER_NAME, TRUE, DRIVER_NAME, Path);
    if (Error == NO_ERROR)
        Error = JournalCreateKey(&Journal, Path);
    for (Index = 0; Error == NO_ERROR && Index < API_NEED_COUNT; Index++) {
        if (Versions->Version[Index] != 0)
            Error = JournalSetNumber(&Journal, Path, ApiNeed[Index].Interface, Versions->Version[Index]);
    }
    if (Error != NO_ERROR) {
        LOG_FAILURE(L"the subscription is undone:", Path, Error);
        JournalUndo(&Journal);
        return Error;
    }
    JournalKeep(&Journal);
    LogWritten(Versions);
    return NO_ERROR;
}

VOID
SubscriptionDelete(VOID)
{
    WCHAR Path[REGISTRY_PATH_SIZE];
    DWORD Error = RegistryServicePath(PROVIDER_NAME, TRUE, DRIVER_NAME, Path);

    if (Error != NO_ERROR)
        return;
    Error = (DWORD)RegDeleteTreeW(HKEY_LOCAL_MACHINE, Path);
    if (Error == NO_ERROR)
        LOG(LOG_CHANGE, L"no longer subscribed to " PROVIDER_NAME);
    else if (Error != ERROR_FILE_NOT_FOUND)
        LOG_FAILURE(L"cannot delete the subscription HKLM", Path, Error);
}
