/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules by which drivers that talk through numbered interfaces let each other be installed and upgraded. Plain C
 * without Windows: a co-installer reads the registry and the device, hands over what it found and gets a verdict with
 * a sentence for the log. XENNET uses it as a subscriber of XENVIF; a provider such as XENVIF or XENBUS uses the same
 * calls with a table of its own. docs/interfaces.md explains the rules with pictures.
 *
 *   provider       a driver that offers interfaces, each in one or more versions
 *   subscriber     a driver that uses them; it has its name and the versions it uses written down with the provider
 *
 *   1. A subscriber is installed only if the provider has a version of every interface that it needs.
 *   2. A provider is installed only if it still has every version that somebody subscribes to.
 *   3. An administrator may forbid an installation, or force one against rules 1 and 2.
 *
 * Versions count from 1; 0 means none. Names compare without regard to ASCII case. Tables and texts stay the caller's.
 */
#ifndef COINST_POLICY_H
#define COINST_POLICY_H

#include <stddef.h>

// Versions Lowest to Highest of an interface. Several entries may name one interface, so that runs may have holes.
typedef struct _POLICY_API {
    const wchar_t *Interface;
    unsigned int Lowest;
    unsigned int Highest;
} POLICY_API;

typedef struct _POLICY_PROVIDER {
    const wchar_t *Name;
    const POLICY_API *Api;
    size_t Count;
} POLICY_PROVIDER;

typedef struct _POLICY_SUBSCRIPTION {
    const wchar_t *Subscriber;
    const wchar_t *Interface;
    unsigned int Version;
} POLICY_SUBSCRIPTION;

// A provider whose devices carry revisions names with each of them one version of each interface.
#define POLICY_REVISION_INTERFACES 4

typedef struct _POLICY_REVISION {
    unsigned int Number;
    unsigned int Version[POLICY_REVISION_INTERFACES]; // in the order of the names that PolicyFromRevisions gets
} POLICY_REVISION;

typedef enum _POLICY_REASON {
    POLICY_ALLOWED,
    POLICY_FORCED,          // the administrator wants it whatever the rules decide
    POLICY_FORBIDDEN,       // the administrator does not want it
    POLICY_NO_PROVIDER,     // the provider is not installed at all
    POLICY_PROVIDER_LACKS,  // rule 1
    POLICY_SUBSCRIBER_LOSES // rule 2
} POLICY_REASON;

typedef struct _POLICY_VERDICT {
    POLICY_REASON Reason;
    POLICY_PROVIDER Provider;
    const wchar_t *Subscriber;
    POLICY_API Wanted; // rule 2: Lowest and Highest are the version subscribed to
} POLICY_VERDICT;

// What an administrator's registry value means: no value, or a number.
#define POLICY_OVERRIDE_FORBID 0u
#define POLICY_OVERRIDE_RULES  1u
#define POLICY_OVERRIDE_FORCE  2u

// The newest version from Lowest to Highest that the provider has, or 0.
unsigned int PolicyNewest(const POLICY_PROVIDER *Provider, const POLICY_API *Wanted);

// Rule 1. Non-zero: the provider has a version of each. Otherwise the verdict names the first that is missing.
int PolicyCheckNeeds(const POLICY_PROVIDER *Provider, const wchar_t *Subscriber, const POLICY_API *Need, size_t Count,
                     POLICY_VERDICT *Verdict);

// Rule 2. Non-zero: the provider still has all of these. Otherwise the verdict names the first that would be lost.
int PolicyCheckSubscribers(const POLICY_PROVIDER *Provider, const POLICY_SUBSCRIPTION *Subscription, size_t Count,
                           POLICY_VERDICT *Verdict);

// Rule 3: what the rules decided, turned into what is to be done. An unknown number leaves it to the rules.
POLICY_REASON PolicyOverride(POLICY_REASON Ruled, unsigned int Override);

int PolicyAllows(POLICY_REASON Reason);

// The number behind the last "&REV_" of a device ID, as hexadecimal; zero is returned where there is none.
int PolicyRevision(const wchar_t *DeviceId, unsigned int *Revision);

/*
 * Adds to Api, of which *Count of Size entries are in use, what those of a device's IDs stand for that Table knows.
 * Ids is a list of texts that ends with an empty one. Zero is returned if Api is too small: Size of the table's rows
 * times NameCount is always enough.
 */
int PolicyFromRevisions(const wchar_t *Ids, const POLICY_REVISION *Table, size_t TableCount, const wchar_t *const *Name,
                        size_t NameCount, POLICY_API *Api, size_t Size, size_t *Count);

// One sentence for a log: what was decided, why, and what to do about it. Size in characters.
void PolicyDescribe(const POLICY_VERDICT *Verdict, wchar_t *Buffer, size_t Size);

#endif
