/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of policy.h. Pure functions over tables: no allocation, no state, any thread.
 */
#include "policy.h"

#include "text.h"

unsigned int
PolicyNewest(const POLICY_PROVIDER *Provider, const POLICY_API *Wanted)
{
    unsigned int Newest = 0;
    size_t Index;

    for (Index = 0; Index < Provider->Count; Index++) {
        const POLICY_API *Api = &Provider->Api[Index];
        unsigned int Version = Api->Highest < Wanted->Highest ? Api->Highest : Wanted->Highest;

        if (TextIsSame(Api->Interface, Wanted->Interface) && Version >= Api->Lowest && Version >= Wanted->Lowest &&
            Version > Newest)
            Newest = Version;
    }
    return Newest;
}

static void
Decide(POLICY_VERDICT *Verdict, POLICY_REASON Reason, const POLICY_PROVIDER *Provider, const wchar_t *Subscriber)
{
    Verdict->Reason = Reason;
    Verdict->Provider = *Provider;
    Verdict->Subscriber = Subscriber;
    Verdict->Wanted.Interface = NULL;
    Verdict->Wanted.Lowest = 0;
    Verdict->Wanted.Highest = 0;
}

int
PolicyCheckNeeds(const POLICY_PROVIDER *Provider, const wchar_t *Subscriber, const POLICY_API *Need, size_t Count,
                 POLICY_VERDICT *Verdict)
{
    size_t Index;

    for (Index = 0; Index < Count; Index++) {
        if (PolicyNewest(Provider, &Need[Index]) == 0) {
            Decide(Verdict, POLICY_PROVIDER_LACKS, Provider, Subscriber);
            Verdict->Wanted = Need[Index];
            return 0;
        }
    }
    Decide(Verdict, POLICY_ALLOWED, Provider, Subscriber);
    return 1;
}

int
PolicyCheckSubscribers(const POLICY_PROVIDER *Provider, const POLICY_SUBSCRIPTION *Subscription, size_t Count,
                       POLICY_VERDICT *Verdict)
{
    size_t Index;

    for (Index = 0; Index < Count; Index++) {
        POLICY_API Used;

        Used.Interface = Subscription[Index].Interface;
        Used.Lowest = Subscription[Index].Version;
        Used.Highest = Subscription[Index].Version;
        if (PolicyNewest(Provider, &Used) == 0) {
            Decide(Verdict, POLICY_SUBSCRIBER_LOSES, Provider, Subscription[Index].Subscriber);
            Verdict->Wanted = Used;
            return 0;
        }
    }
    Decide(Verdict, POLICY_ALLOWED, Provider, NULL);
    return 1;
}

POLICY_REASON
PolicyOverride(POLICY_REASON Ruled, unsigned int Override)
{
    if (Override == POLICY_OVERRIDE_FORBID)
        return POLICY_FORBIDDEN;
    if (Override == POLICY_OVERRIDE_FORCE && Ruled != POLICY_ALLOWED)
        return POLICY_FORCED;
    return Ruled;
}

int
PolicyAllows(POLICY_REASON Reason)
{
    return Reason == POLICY_ALLOWED || Reason == POLICY_FORCED;
}

static int
HexDigit(wchar_t Letter)
{
    if (Letter >= L'0' && Letter <= L'9')
        return (int)(Letter - L'0');
    if (Letter >= L'A' && Letter <= L'F')
        return (int)(Letter - L'A') + 10;
    if (Letter >= L'a' && Letter <= L'f')
        return (int)(Letter - L'a') + 10;
    return -1;
}

int
PolicyRevision(const wchar_t *DeviceId, unsigned int *Revision)
{
    static const wchar_t Mark[] = L"&REV_";
    const size_t MarkLength = sizeof(Mark) / sizeof(Mark[0]) - 1;
    const wchar_t *Digits = NULL;
    unsigned int Number = 0;
    size_t Index;

    for (; *DeviceId != 0; DeviceId++) {
        wchar_t Part[sizeof(Mark) / sizeof(Mark[0])];

        for (Index = 0; Index < MarkLength && DeviceId[Index] != 0; Index++)
            Part[Index] = DeviceId[Index];
        Part[Index] = 0;
        if (TextIsSame(Part, Mark))
            Digits = DeviceId + MarkLength;
    }
    if (Digits == NULL || Digits[0] == 0)
        return 0;
    for (Index = 0; Digits[Index] != 0; Index++) {
        int Digit = HexDigit(Digits[Index]);

        if (Digit < 0 || Index == 8)
            return 0;
        Number = Number << 4 | (unsigned int)Digit;
    }
    *Revision = Number;
    return 1;
}

static int
IsListed(const POLICY_API *Api, size_t Count, const wchar_t *Interface, unsigned int Version)
{
    size_t Index;

    for (Index = 0; Index < Count; Index++) {
        if (TextIsSame(Api[Index].Interface, Interface) && Version >= Api[Index].Lowest &&
            Version <= Api[Index].Highest)
            return 1;
    }
    return 0;
}

int
PolicyFromRevisions(const wchar_t *Ids, const POLICY_REVISION *Table, size_t TableCount, const wchar_t *const *Name,
                    size_t NameCount, POLICY_API *Api, size_t Size, size_t *Count)
{
    for (; *Ids != 0; Ids += TextLength(Ids) + 1) {
        unsigned int Number;
        size_t Row, Column;

        if (!PolicyRevision(Ids, &Number))
            continue;
        for (Row = 0; Row < TableCount; Row++) {
            if (Table[Row].Number != Number)
                continue;
            for (Column = 0; Column < NameCount; Column++) {
                unsigned int Version = Table[Row].Version[Column];

                if (Version == 0 || IsListed(Api, *Count, Name[Column], Version))
                    continue;
                if (*Count == Size)
                    return 0;
                Api[*Count].Interface = Name[Column];
                Api[*Count].Lowest = Version;
                Api[*Count].Highest = Version;
                ++*Count;
            }
        }
    }
    return 1;
}

static void
AddRun(TEXT *Text, unsigned int Lowest, unsigned int Highest)
{
    TextAddNumber(Text, Lowest);
    if (Highest > Lowest) {
        TextAdd(Text, L" to ");
        TextAddNumber(Text, Highest);
    }
}

static void
AddWhatItHas(TEXT *Text, const POLICY_PROVIDER *Provider, const wchar_t *Interface)
{
    size_t Index, Found = 0;

    for (Index = 0; Index < Provider->Count; Index++) {
        const POLICY_API *Api = &Provider->Api[Index];

        if (!TextIsSame(Api->Interface, Interface))
            continue;
        TextAdd(Text, Found++ == 0 ? L" has only " : L", ");
        AddRun(Text, Api->Lowest, Api->Highest);
    }
    if (Found == 0)
        TextAdd(Text, L" has none");
}

void
PolicyDescribe(const POLICY_VERDICT *Verdict, wchar_t *Buffer, size_t Size)
{
    const wchar_t *Provider = Verdict->Provider.Name;
    const wchar_t *Subscriber = Verdict->Subscriber != NULL ? Verdict->Subscriber : L"somebody";
    TEXT Text;

    TextStart(&Text, Buffer, Size);
    switch (Verdict->Reason) {
    case POLICY_ALLOWED:
        TextAdd(&Text, L"allowed");
        break;
    case POLICY_FORCED:
        TextAdd(&Text, L"installed although the rules refuse it: an administrator's setting forces it");
        break;
    case POLICY_FORBIDDEN:
        TextAdd(&Text, L"not installed: an administrator's setting forbids it");
        break;
    case POLICY_NO_PROVIDER:
        TextAdd(&Text, L"not installed: ");
        TextAdd(&Text, Subscriber);
        TextAdd(&Text, L" needs ");
        TextAdd(&Text, Provider);
        TextAdd(&Text, L", which is not installed: install that first");
        break;
    case POLICY_PROVIDER_LACKS:
        TextAdd(&Text, L"not installed: ");
        TextAdd(&Text, Subscriber);
        TextAdd(&Text, L" needs ");
        TextAdd(&Text, Verdict->Wanted.Interface);
        TextAdd(&Text, L" ");
        AddRun(&Text, Verdict->Wanted.Lowest, Verdict->Wanted.Highest);
        TextAdd(&Text, L", of which the installed ");
        TextAdd(&Text, Provider);
        AddWhatItHas(&Text, &Verdict->Provider, Verdict->Wanted.Interface);
        TextAdd(&Text, L": install a ");
        TextAdd(&Text, Provider);
        TextAdd(&Text, L" that fits first");
        break;
    case POLICY_SUBSCRIBER_LOSES:
        TextAdd(&Text, L"not installed: ");
        TextAdd(&Text, Subscriber);
        TextAdd(&Text, L" uses ");
        TextAdd(&Text, Verdict->Wanted.Interface);
        TextAdd(&Text, L" ");
        AddRun(&Text, Verdict->Wanted.Lowest, Verdict->Wanted.Highest);
        TextAdd(&Text, L", of which this ");
        TextAdd(&Text, Provider);
        AddWhatItHas(&Text, &Verdict->Provider, Verdict->Wanted.Interface);
        TextAdd(&Text, L": install another ");
        TextAdd(&Text, Subscriber);
        TextAdd(&Text, L" or remove it first");
        break;
    }
}
