/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SAL lock and IRQL annotations that clang checks; the build includes this file before each driver source.
 *
 * clang's thread-safety analysis cannot name a parameter in an attribute that stands before a C function, which
 * is where SAL stands. So annotations name a *lock class*, one object for all locks of a kind:
 *
 *     LOCK_CLASS(RSS_LOCK);                                     // declares, never defined
 *     LOCK_PRIMITIVE _Acquires_lock_(RSS_LOCK)                   // the wrapper itself is trusted
 *     FORCEINLINE VOID RssLock(XENNET_RSS *Rss) { KeAcquireSpinLockAtDpcLevel(&Rss->Lock); }
 *     _Requires_lock_held_(RSS_LOCK) VOID RssApply(XENNET_RSS *Rss);
 *     struct X { _Guarded_by_(RSS_LOCK) ULONG Table; };          // touched under the lock only
 *
 * IRQL is a capability too: _IRQL_requires_(DISPATCH_LEVEL) needs it, _IRQL_raises_(DISPATCH_LEVEL) gains it,
 * _IRQL_lowers_ gives it back, and _IRQL_requires_(PASSIVE_LEVEL) or a maximum below DISPATCH_LEVEL refuses to
 * be called with it. Handlers that the system calls carry their own annotation. Visual C++ sees plain SAL; a
 * driver header defines LOCK_CLASS, LOCK_PRIMITIVE and _IRQL_lowers_ for it. FORCEINLINE stands without static.
 */
#ifndef ANNOTATIONS_H
#define ANNOTATIONS_H

#include <sal.h>
#include <driverspecs.h>

struct __attribute__((capability("lock"))) LOCK_CLASS_OBJECT {
    char Unused;
};
struct __attribute__((capability("IRQL"))) IRQL_OBJECT {
    char Unused;
};

#define LOCK_CLASS(name) extern struct LOCK_CLASS_OBJECT name
#define LOCK_PRIMITIVE   __attribute__((no_thread_safety_analysis))

extern struct IRQL_OBJECT IRQL_AT_DISPATCH;

#define ANNOTATE_NEED(x)   __attribute__((requires_capability(x)))
#define ANNOTATE_GAIN(x)   __attribute__((acquire_capability(x)))
#define ANNOTATE_GIVE(x)   __attribute__((release_capability(x)))
#define ANNOTATE_REFUSE(x) __attribute__((locks_excluded(x)))

#undef _Acquires_lock_
#undef _Acquires_exclusive_lock_
#undef _Acquires_nonreentrant_lock_
#undef _Releases_lock_
#undef _Releases_exclusive_lock_
#undef _Releases_nonreentrant_lock_
#undef _Requires_lock_held_
#undef _Requires_exclusive_lock_held_
#undef _Requires_lock_not_held_
#undef _Guarded_by_
#undef _Write_guarded_by_
#define _Acquires_lock_(lock)                ANNOTATE_GAIN(lock)
#define _Acquires_exclusive_lock_(lock)      ANNOTATE_GAIN(lock)
#define _Acquires_nonreentrant_lock_(lock)   ANNOTATE_GAIN(lock)
#define _Releases_lock_(lock)                ANNOTATE_GIVE(lock)
#define _Releases_exclusive_lock_(lock)      ANNOTATE_GIVE(lock)
#define _Releases_nonreentrant_lock_(lock)   ANNOTATE_GIVE(lock)
#define _Requires_lock_held_(lock)           ANNOTATE_NEED(lock)
#define _Requires_exclusive_lock_held_(lock) ANNOTATE_NEED(lock)
#define _Requires_lock_not_held_(lock)       ANNOTATE_REFUSE(lock)
#define _Guarded_by_(lock)                   __attribute__((guarded_by(lock)))
#define _Write_guarded_by_(lock)             __attribute__((guarded_by(lock)))

/* The level is pasted, not expanded, so each spelling below is one that a driver may write. */
#define ANNOTATE_REQUIRES_PASSIVE_LEVEL  ANNOTATE_REFUSE(IRQL_AT_DISPATCH)
#define ANNOTATE_REQUIRES_DISPATCH_LEVEL ANNOTATE_NEED(IRQL_AT_DISPATCH)
#define ANNOTATE_MAX_PASSIVE_LEVEL       ANNOTATE_REFUSE(IRQL_AT_DISPATCH)
#define ANNOTATE_MAX_APC_LEVEL           ANNOTATE_REFUSE(IRQL_AT_DISPATCH)
#define ANNOTATE_MAX_DISPATCH_LEVEL
#define ANNOTATE_MAX_HIGH_LEVEL
#define ANNOTATE_MIN_PASSIVE_LEVEL
#define ANNOTATE_MIN_APC_LEVEL
#define ANNOTATE_MIN_DISPATCH_LEVEL    ANNOTATE_NEED(IRQL_AT_DISPATCH)
#define ANNOTATE_RAISES_DISPATCH_LEVEL ANNOTATE_GAIN(IRQL_AT_DISPATCH)

#undef _IRQL_requires_
#undef _IRQL_requires_max_
#undef _IRQL_requires_min_
#undef _IRQL_raises_
#define _IRQL_requires_(level)     ANNOTATE_REQUIRES_##level
#define _IRQL_requires_max_(level) ANNOTATE_MAX_##level
#define _IRQL_requires_min_(level) ANNOTATE_MIN_##level
#define _IRQL_raises_(level)       ANNOTATE_RAISES_##level
#define _IRQL_lowers_              ANNOTATE_GIVE(IRQL_AT_DISPATCH)

#ifndef _Use_decl_annotations_
#define _Use_decl_annotations_
#endif
#ifndef _Function_class_
#define _Function_class_(name)
#endif

// Data of another source of the same image: without this, mingw's way is to read its address from memory each time.
#define IMAGE_DATA __attribute__((visibility("hidden")))

/* A function that hardly any packet needs: out of line, and the ways to it out of the way of those of the others. */
#define RARELY_CALLED __attribute__((noinline, cold))

/* What holds for nearly every packet. */
#define LIKELY(condition)   __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

#endif
