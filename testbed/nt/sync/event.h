/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dispatcher objects: anything a thread can wait for. The 32-bit signal word is 0 not signalled, 1 (or a semaphore's
 * count) signalled, SIGNAL_SLEEPERS not signalled and somebody may sleep on it.
 */
#ifndef TESTBED_NT_SYNC_EVENT_H
#define TESTBED_NT_SYNC_EVENT_H

#include "nt/nt.h"

#define SIGNAL_SLEEPERS 0x80000000u

/* DISPATCHER_HEADER.Type, as the Windows kernel numbers them (KOBJECTS). */
enum dispatcher_type {
    DISPATCHER_NOTIFICATION_EVENT = 0,
    DISPATCHER_SYNCHRONIZATION_EVENT = 1,
    DISPATCHER_MUTANT = 2,
    DISPATCHER_SEMAPHORE = 5,
    DISPATCHER_THREAD = 6,
    DISPATCHER_NOTIFICATION_TIMER = 8,
    DISPATCHER_SYNCHRONIZATION_TIMER = 9,
};

/* Signals the word. With an epoch everybody who waits now may go, even if the signal is cleared before they run;
 * without one, a single waiter. Returns whether it was signalled before. */
bool signal_set(uint32_t *word, uint32_t *epoch);
bool signal_clear(uint32_t *word);
/* Takes the signal if it is there; without an epoch that clears it. */
bool signal_try(uint32_t *word, const uint32_t *epoch);
/* Sleeps until the signal could be taken. False: deadline (SCHED_FOREVER: never) passed. */
bool signal_wait(uint32_t *word, const uint32_t *epoch, uint64_t deadline);
/* Somebody waits for several objects at once: notify that some object's signal changed. */
void signal_announce(void);

/* Sleep until any signal changed since `seen` was read by several_begin; one _end for each _begin. */
uint32_t several_begin(void);
bool several_wait(uint32_t seen, uint64_t deadline);
void several_end(void);

/* KeSetEvent for kernel objects of the testbed's own (IRP completion). */
void kevent_init(struct KEVENT *event, bool auto_reset, bool set);
bool kevent_set(struct KEVENT *event);

/* Deadline in ns of sched_now for a Windows timeout: NULL forever, negative relative, else absolute system time (100
 * ns). */
uint64_t wait_deadline(const struct LARGE_INTEGER *timeout);
/* NULL for an object whose signal one wait takes; else its epoch, kept where Windows keeps the list of waiters. */
uint32_t *wait_epoch(struct DISPATCHER_HEADER *header);
void wait_header_init(struct DISPATCHER_HEADER *header, enum dispatcher_type type, size_t bytes, int32_t state);

void event_exports(void);
void wait_exports(void);
void mutex_exports(void);

#endif
