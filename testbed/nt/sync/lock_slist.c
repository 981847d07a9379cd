/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists that several processors push to and pop from without the caller's lock: SLISTs, and the ExInterlocked list
 * functions, which take the driver's spin lock at any IRQL.
 *
 * An SLIST_HEADER is the x64 one (there are no SLISTs on x86, whose header is another): depth and sequence in the low
 * eight bytes, the first entry's address in the high ones (its low four bits are reserved there; entries are 16-byte
 * aligned). The sequence changes with every operation, so that a pop that looked at an entry which went and came back
 * fails. A popper may read an entry that somebody else has freed meanwhile: pool memory stays mapped, as Windows takes
 * care of by other means.
 */
#include "nt/export/register.h"
#include "nt/nt.h"
#include "nt/sync/lock.h"
#include "run/order.h"

#ifdef __x86_64__
struct slist_entry {
    struct slist_entry *next;
};

typedef unsigned __int128 pair;

#define DEPTH_MASK   0xffffu
#define ONE_SEQUENCE 0x10000u

static uint64_t pair_count(pair value)
{
    return (uint64_t)value;
}

static struct slist_entry *pair_first(pair value)
{
    return (struct slist_entry *)((uint64_t)(value >> 64) & ~0xfull);
}

static pair make_pair(uint64_t count, const struct slist_entry *first)
{
    return (pair)count | (pair)(uint64_t)first << 64;
}

static pair look(const struct SLIST_HEADER *header)
{
    const uint64_t *words = (const uint64_t *)header;
    return make_pair(__atomic_load_n(&words[0], __ATOMIC_ACQUIRE),
                     (const struct slist_entry *)__atomic_load_n(&words[1], __ATOMIC_ACQUIRE));
}

static bool replace(struct SLIST_HEADER *header, pair seen, pair wanted)
{
    uint64_t low = (uint64_t)seen, high = (uint64_t)(seen >> 64);
    bool done;
    __asm__ volatile("lock cmpxchg16b %1"
                     : "=@ccz"(done), "+m"(*(pair *)header), "+a"(low), "+d"(high)
                     : "b"((uint64_t)wanted), "c"((uint64_t)(wanted >> 64))
                     : "memory");
    return done;
}

static uint64_t next_count(uint64_t count, int64_t depth_change)
{
    uint64_t depth = (count + (uint64_t)depth_change) & DEPTH_MASK;
    return (count & ~(uint64_t)DEPTH_MASK) + ONE_SEQUENCE + depth;
}

static void check_aligned(const void *address, const char *what)
{
    RULE(((uintptr_t)address & 15) == 0, "slist", "%s is not aligned to 16 bytes", what);
}

static MS_ABI void nt_InitializeSListHead(struct SLIST_HEADER *header)
{
    check_aligned(header, "SLIST_HEADER");
    *header = (struct SLIST_HEADER){ 0 };
}

static MS_ABI struct slist_entry *nt_ExpInterlockedPushEntrySList(struct SLIST_HEADER *header,
                                                                  struct slist_entry *entry)
{
    pair seen;
    check_aligned(header, "SLIST_HEADER");
    check_aligned(entry, "SLIST_ENTRY");
    order_release(header);
    do {
        seen = look(header);
        entry->next = pair_first(seen);
    } while (!replace(header, seen, make_pair(next_count(pair_count(seen), 1), entry)));
    return pair_first(seen);
}

static MS_ABI struct slist_entry *nt_ExpInterlockedPopEntrySList(struct SLIST_HEADER *header)
{
    pair seen;
    check_aligned(header, "SLIST_HEADER");
    do {
        seen = look(header);
        if (pair_first(seen) == NULL) {
            return NULL;
        }
    } while (!replace(header, seen, make_pair(next_count(pair_count(seen), -1), pair_first(seen)->next)));
    order_acquire(header);
    return pair_first(seen);
}

static MS_ABI struct slist_entry *nt_ExpInterlockedFlushSList(struct SLIST_HEADER *header)
{
    pair seen;
    check_aligned(header, "SLIST_HEADER");
    do {
        seen = look(header);
        if (pair_first(seen) == NULL) {
            return NULL;
        }
    } while (!replace(header, seen, make_pair(next_count(pair_count(seen) & ~(uint64_t)DEPTH_MASK, 0), NULL)));
    order_acquire(header);
    return pair_first(seen);
}

static MS_ABI uint16_t nt_ExQueryDepthSList(const struct SLIST_HEADER *header)
{
    return (uint16_t)(pair_count(look(header)) & DEPTH_MASK);
}

#endif

/* --- with the driver's spin lock: at DISPATCH_LEVEL meanwhile, or above if the caller is --- */

static uint8_t take(uintptr_t *lock)
{
    uint8_t old = irql_current();
    if (old < DISPATCH_LEVEL) {
        irql_raise(DISPATCH_LEVEL);
    }
    lock_acquire(lock, __builtin_return_address(0));
    return old;
}

static void give(uintptr_t *lock, uint8_t old)
{
    lock_release(lock);
    irql_lower(old);
}

static MS_ABI struct LIST_ENTRY *nt_ExInterlockedInsertHeadList(struct LIST_ENTRY *head, struct LIST_ENTRY *entry,
                                                                uintptr_t *lock)
{
    uint8_t old = take(lock);
    struct LIST_ENTRY *first = head->Flink;
    entry->Flink = first;
    entry->Blink = head;
    first->Blink = entry;
    head->Flink = entry;
    give(lock, old);
    return first == head ? NULL : first;
}

static MS_ABI struct LIST_ENTRY *nt_ExInterlockedInsertTailList(struct LIST_ENTRY *head, struct LIST_ENTRY *entry,
                                                                uintptr_t *lock)
{
    uint8_t old = take(lock);
    struct LIST_ENTRY *last = head->Blink;
    entry->Flink = head;
    entry->Blink = last;
    last->Flink = entry;
    head->Blink = entry;
    give(lock, old);
    return last == head ? NULL : last;
}

static MS_ABI struct LIST_ENTRY *nt_ExInterlockedRemoveHeadList(struct LIST_ENTRY *head, uintptr_t *lock)
{
    uint8_t old = take(lock);
    struct LIST_ENTRY *first = head->Flink;
    if (first != head) {
        head->Flink = first->Flink;
        first->Flink->Blink = head;
    }
    give(lock, old);
    return first == head ? NULL : first;
}

#ifdef __x86_64__
#define SLIST_EXPORTS(X)                                                                                               \
    X("ntoskrnl.exe", InitializeSListHead, nt_InitializeSListHead, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)               \
    X("ntoskrnl.exe", ExInitializeSListHead, nt_InitializeSListHead, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)             \
    X("ntoskrnl.exe", ExpInterlockedPushEntrySList, nt_ExpInterlockedPushEntrySList, PASSIVE_LEVEL, DISPATCH_LEVEL,    \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", ExpInterlockedPopEntrySList, nt_ExpInterlockedPopEntrySList, PASSIVE_LEVEL, DISPATCH_LEVEL,      \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", ExpInterlockedFlushSList, nt_ExpInterlockedFlushSList, PASSIVE_LEVEL, DISPATCH_LEVEL, WINDOWS_7) \
    X("ntoskrnl.exe", ExQueryDepthSList, nt_ExQueryDepthSList, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)
#endif

#define INTERLOCKED_LIST_EXPORTS(X)                                                                                    \
    X("ntoskrnl.exe", ExInterlockedInsertHeadList, nt_ExInterlockedInsertHeadList, PASSIVE_LEVEL, HIGH_LEVEL,          \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", ExInterlockedInsertTailList, nt_ExInterlockedInsertTailList, PASSIVE_LEVEL, HIGH_LEVEL,          \
      WINDOWS_7)                                                                                                       \
    X("ntoskrnl.exe", ExInterlockedRemoveHeadList, nt_ExInterlockedRemoveHeadList, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)

void slist_exports(void)
{
#ifdef __x86_64__
    EXPORT_REGISTER(SLIST_EXPORTS);
#endif
    EXPORT_REGISTER(INTERLOCKED_LIST_EXPORTS);
}
