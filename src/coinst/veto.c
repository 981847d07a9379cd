/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Facts for the policy: see veto.h. Called before Windows installs the device, so a refusal leaves no trace.
 *
 *   device IDs                                    which versions XENVIF has
 *   Services\XENVIF                               whether there is a XENVIF at all
 *   Services\XENNET\Interfaces\<subscriber>       who uses interfaces of ours: a value for each, its version
 *   Services\XENNET, value AllowUpdate            0 forbid, 1 or absent by the rules, 2 force
 */
#include "veto.h"

#include "log.h"
#include "registry.h"
#include "text.h"

#define OVERRIDE_VALUE L"AllowUpdate"
#define SENTENCE_SIZE  300 // characters

// Too much for the stack: names may be as long as Windows lets them be. The verdict keeps pointers into the rest.
typedef struct _VETO {
    POLICY_VERDICT Verdict;
    unsigned int Override;
    POLICY_API Api[API_PROVIDER_SIZE]; // what XENVIF has
    REGISTRY_KEY Key;                  // XENNET, then its Interfaces
    REGISTRY_KEY SubscriberKey;
    WCHAR Subscriber[REGISTRY_NAME_SIZE];
    WCHAR Interface[REGISTRY_NAME_SIZE];
    WCHAR Sentence[SENTENCE_SIZE];
} VETO;

static VOID
LogVerdict(DWORD Level, VETO *Veto)
{
    PolicyDescribe(&Veto->Verdict, Veto->Sentence, COUNT_OF(Veto->Sentence));
    LogText(Level, "VetoCheck", Veto->Sentence);
}

static DWORD
FindOverride(VETO *Veto)
{
    DWORD Error, Number = POLICY_OVERRIDE_RULES;

    Veto->Override = POLICY_OVERRIDE_RULES;
    Error = RegistryOpen(&Veto->Key, DRIVER_NAME, FALSE, NULL);
    if (Error == NO_ERROR)
        Error = RegistryReadNumber(&Veto->Key, OVERRIDE_VALUE, &Number);
    RegistryClose(&Veto->Key);
    if (Error == ERROR_FILE_NOT_FOUND)
        Number = POLICY_OVERRIDE_RULES;
    else if (Error != NO_ERROR)
        return Error;
    if (Number > POLICY_OVERRIDE_FORCE)
        LOG(LOG_WARNING, L"AllowUpdate of XENNET is none of 0 (forbid), 1 (by the rules) and 2 (force): taken as 1");
    Veto->Override = Number;
    return NO_ERROR;
}

// Adds what the IDs of one kind reveal. A device without any of that kind is fine.
static DWORD
AddIds(const DEVICE *Device, DWORD Property, POLICY_API *Api, size_t *Count)
{
    WCHAR *Ids;
    DWORD Error = DeviceReadText(Device, Property, &Ids);
    int Fits;

    if (Error != NO_ERROR)
        return Error == ERROR_FILE_NOT_FOUND ? NO_ERROR : Error;
    Fits = ApiFromIds(Ids, Api, Count);
    MemoryFree(Ids);
    return Fits ? NO_ERROR
                : LOG_FAILURE(L"the device has more revisions than there is room for", NULL, ERROR_MORE_DATA);
}

// Rule 1.
static DWORD
CheckProvider(const DEVICE *Device, VETO *Veto, VETO_VERSIONS *Versions)
{
    POLICY_PROVIDER Provider;
    size_t Index;
    DWORD Error;
    BOOL Exists = FALSE;

    Provider.Name = PROVIDER_NAME;
    Provider.Api = Veto->Api;
    Provider.Count = 0;
    Error = AddIds(Device, SPDRP_HARDWAREID, Veto->Api, &Provider.Count);
    if (Error == NO_ERROR)
        Error = AddIds(Device, SPDRP_COMPATIBLEIDS, Veto->Api, &Provider.Count);
    if (Error == NO_ERROR)
        Error = RegistryServiceExists(PROVIDER_NAME, &Exists);
    if (Error != NO_ERROR)
        return Error;

    PolicyCheckNeeds(&Provider, DRIVER_NAME, ApiNeed, API_NEED_COUNT, &Veto->Verdict);
    for (Index = 0; Index < API_NEED_COUNT; Index++)
        Versions->Version[Index] = PolicyNewest(&Provider, &ApiNeed[Index]);
    if (!Exists)
        Veto->Verdict.Reason = POLICY_NO_PROVIDER;
    return NO_ERROR;
}

// The values of one subscriber's key, until one is found that this driver would take away.
static DWORD
CheckSubscriber(VETO *Veto)
{
    POLICY_SUBSCRIPTION Subscription;
    DWORD Error, Index, Number;

    Error = RegistryOpen(&Veto->SubscriberKey, DRIVER_NAME, TRUE, Veto->Subscriber);
    for (Index = 0; Error == NO_ERROR && PolicyAllows(Veto->Verdict.Reason); Index++) {
        Error = RegistryEnumNumber(&Veto->SubscriberKey, Index, Veto->Interface, &Number);
        if (Error == NO_ERROR) {
            Subscription.Subscriber = Veto->Subscriber;
            Subscription.Interface = Veto->Interface;
            Subscription.Version = Number;
            PolicyCheckSubscribers(&ApiOwn, &Subscription, 1, &Veto->Verdict);
        }
    }
    RegistryClose(&Veto->SubscriberKey);
    return Error == ERROR_NO_MORE_ITEMS || Error == ERROR_FILE_NOT_FOUND ? NO_ERROR : Error;
}

// Rule 2.
static DWORD
CheckSubscribers(VETO *Veto)
{
    DWORD Error, Index;
    BOOL Exists = FALSE;

    Error = RegistryOpen(&Veto->Key, DRIVER_NAME, TRUE, NULL);
    for (Index = 0; Error == NO_ERROR && PolicyAllows(Veto->Verdict.Reason); Index++) {
        Error = RegistryEnumKey(&Veto->Key, Index, Veto->Subscriber);
        if (Error == NO_ERROR)
            Error = RegistryServiceExists(Veto->Subscriber, &Exists);
        if (Error == NO_ERROR && Exists)
            Error = CheckSubscriber(Veto);
        else if (Error == NO_ERROR)
            LOG(LOG_WARNING, L"ignored the subscription of a driver that is not installed any more");
    }
    RegistryClose(&Veto->Key);
    return Error == ERROR_NO_MORE_ITEMS || Error == ERROR_FILE_NOT_FOUND ? NO_ERROR : Error;
}

static DWORD
Judge(VETO *Veto)
{
    POLICY_REASON Reason = PolicyOverride(Veto->Verdict.Reason, Veto->Override);

    if (Reason == POLICY_FORCED)
        LogVerdict(LOG_WARNING, Veto); // what the rules found
    Veto->Verdict.Reason = Reason;
    if (Reason == POLICY_ALLOWED)
        return NO_ERROR;
    LogVerdict(PolicyAllows(Reason) ? LOG_WARNING : LOG_ERROR, Veto);
    if (PolicyAllows(Reason))
        return NO_ERROR;
    return Reason == POLICY_FORBIDDEN ? ERROR_INSTALL_PACKAGE_REJECTED : ERROR_REVISION_MISMATCH;
}

// What the rules ask about cannot be read. Whoever forces an installation wants it all the same.
static DWORD
JudgeInTheDark(const VETO *Veto, DWORD Error)
{
    if (Veto->Override != POLICY_OVERRIDE_FORCE)
        return LOG_FAILURE(L"not installed: the rules cannot be checked", NULL, Error);
    LOG_FAILURE(L"installed although the rules cannot be checked, because AllowUpdate forces it", NULL, Error);
    return NO_ERROR;
}

_Use_decl_annotations_
DWORD
VetoCheck(const DEVICE *Device, VETO_VERSIONS *Versions)
{
    VETO *Veto = (VETO *)MemoryAllocate(sizeof(*Veto));
    DWORD Error;

    ZeroMemory(Versions, sizeof(*Versions));
    if (Veto == NULL)
        return LOG_FAILURE(L"no memory to check the rules", NULL, ERROR_NOT_ENOUGH_MEMORY);
    Error = FindOverride(Veto);
    if (Error == NO_ERROR)
        Error = CheckProvider(Device, Veto, Versions);
    if (Error == NO_ERROR && PolicyAllows(Veto->Verdict.Reason))
        Error = CheckSubscribers(Veto);
    if (Error == NO_ERROR)
        Error = Judge(Veto);
    else
        Error = JudgeInTheDark(Veto, Error);
    MemoryFree(Veto);
    return Error;
}
