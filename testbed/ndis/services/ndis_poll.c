/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NDIS poll as NDIS 6.85 and later have it: a poll object runs the miniport's poll handler in a DPC of the processor it
 * is bound to, once for each request and again while the handler moves anything; then the miniport is notified that
 * polling ends. Simulated runs ask for few NBLs at a time, any number of them, so that remainders and their order
 * matter. Rule "ndis-poll".
 *
 * In simulated runs a request may poll at once, from within NdisRequestPoll, as NDIS may; some poll objects are polled
 * by a thread at PASSIVE_LEVEL; and the first poll after NdisSetPollAffinity may be on another processor, as the page
 * of that function says of all three. A handler that hands nothing over and still reports packets that remain would be
 * polled for ever.
 *
 * There is no measured layout of these records: they follow Microsoft's poll.h reference pages.
 */
#include <stdlib.h>

#include "ndis/adapter/adapter.h"
#include "ndis/adapter/record.h"
#include "ndis/export.h"
#include "ndis/object.h"
#include "ndis/services/services.h"
#include "nt/processor/topology.h"

enum { MAX_POLL = 64 };

struct poll_transmit {
    uint32_t MaxNblsToComplete, Reserved1[3];
    struct NET_BUFFER_LIST *CompletedNblChain;
    uint32_t NumberOfCompletedNbls, NumberOfRemainingNbls, SendCompleteFlags, Reserved2;
    void *Reserved3[4];
};

struct poll_receive {
    uint32_t MaxNblsToIndicate, Reserved1[3];
    struct NET_BUFFER_LIST *IndicatedNblChain;
    uint32_t NumberOfIndicatedNbls, NumberOfRemainingNbls, Flags, Reserved2;
    void *Reserved3[4];
};

struct poll_data {
    struct NDIS_OBJECT_HEADER Header;
    struct poll_transmit Transmit;
    struct poll_receive Receive;
};

struct poll_notification {
    struct NDIS_OBJECT_HEADER Header;
    uint8_t Enabled;
};

typedef void MS_ABI poll_handler(void *, struct poll_data *);
typedef void MS_ABI notification_handler(void *, struct poll_notification *);

struct poll_characteristics {
    struct NDIS_OBJECT_HEADER Header;
    notification_handler *SetPollNotificationHandler;
    poll_handler *PollHandler;
};

struct poll {
    struct ndis_object object;
    struct adapter *adapter;
    void *context;
    notification_handler *notify;
    poll_handler *handler;

    uint32_t closing;
    uint32_t active; /* atomic: the handler or the notification runs */
    struct nt_dpc dpc;

    uint32_t stray; /* atomic, enum stray */
    struct nt_dpc stray_dpc;
    struct task *thread; /* polls instead of `dpc`, or NULL */
    uint32_t asked;      /* atomic, enum asked: what `thread` is to do */
};

enum asked { ASKED_TO_POLL = 1, ASKED_TO_LEAVE = 2 };

/* The poll that may still be on another processor. */
enum stray { STRAY_NONE, STRAY_MAY_COME, STRAY_ASKED, STRAY_ASKED_AGAIN };

static bool varied = true;

void poll_vary(bool vary)
{
    varied = vary;
}

static void notify(struct poll *poll, bool enabled)
{
    struct poll_notification notification = { .Enabled = enabled };

    NDIS_HEADER(notification.Header, NDIS_OBJECT_TYPE_DEFAULT, 1, sizeof(notification));
    DRIVER_CALL_VOID("SetPollNotification", poll->notify(poll->context, &notification));
}

static uint32_t limit(void)
{
    return sched_kind() == SCHED_SIMULATED ? 1 + (uint32_t)sched_random(8) : MAX_POLL;
}

/* One call of the handler; whether it moved anything or has more. */
static bool run_once(struct poll *poll)
{
    const bool at_dispatch = irql_current() == DISPATCH_LEVEL, astray = processor_current() != poll->dpc.processor;
    struct adapter_counters *counts = &adapter_here(poll->adapter)->counts;
    struct poll_data data;
    uint32_t most = limit();

    memset(&data, 0, sizeof(data));
    NDIS_HEADER(data.Header, NDIS_OBJECT_TYPE_DEFAULT, 1, sizeof(data));
    data.Receive.MaxNblsToIndicate = most;
    data.Transmit.MaxNblsToComplete = most;
    COUNT(counts->polls, 1);
    COUNT(counts->polls_passive, at_dispatch ? 0 : 1);
    COUNT(counts->polls_astray, astray ? 1 : 0);
    DRIVER_CALL_VOID("NdisPoll", poll->handler(poll->context, &data));
    RULE(data.Receive.NumberOfIndicatedNbls <= most &&
             (data.Receive.NumberOfIndicatedNbls != 0) == (data.Receive.IndicatedNblChain != NULL),
         "ndis-poll", "a poll indicates %u NBLs, %u were asked for", data.Receive.NumberOfIndicatedNbls, most);
    RULE(data.Transmit.CompletedNblChain == NULL || data.Transmit.NumberOfCompletedNbls <= most, "ndis-poll",
         "a poll completes %u NBLs, %u were asked for", data.Transmit.NumberOfCompletedNbls, most);
    COUNT(counts->polled_astray, astray ? data.Receive.NumberOfIndicatedNbls : 0);
    if (data.Receive.IndicatedNblChain != NULL) {
        adapter_indicate(poll->adapter, data.Receive.IndicatedNblChain, data.Receive.NumberOfIndicatedNbls,
                         at_dispatch ? NDIS_RECEIVE_FLAGS_DISPATCH_LEVEL : 0);
    }
    if (data.Transmit.CompletedNblChain != NULL) {
        adapter_send_done(poll->adapter, data.Transmit.CompletedNblChain,
                          at_dispatch ? NDIS_SEND_COMPLETE_FLAGS_DISPATCH_LEVEL : 0);
    }
    RULE(data.Receive.IndicatedNblChain != NULL || data.Transmit.CompletedNblChain != NULL ||
             (data.Receive.NumberOfRemainingNbls == 0 && data.Transmit.NumberOfRemainingNbls == 0),
         "ndis-poll-progress", "a poll hands over nothing, but reports that %u received and %u sent NBLs remain",
         data.Receive.NumberOfRemainingNbls, data.Transmit.NumberOfRemainingNbls);
    return data.Receive.IndicatedNblChain != NULL || data.Transmit.CompletedNblChain != NULL ||
           data.Receive.NumberOfRemainingNbls != 0 || data.Transmit.NumberOfRemainingNbls != 0;
}

struct NET_BUFFER_LIST *poll_run_bare(void *handle)
{
    static struct poll_data data;
    static struct poll_notification notification;
    const struct poll *poll = handle;
    struct NET_BUFFER_LIST *chain;

    NDIS_HEADER(data.Header, NDIS_OBJECT_TYPE_DEFAULT, 1, sizeof(data));
    NDIS_HEADER(notification.Header, NDIS_OBJECT_TYPE_DEFAULT, 1, sizeof(notification));
    notification.Enabled = 1;
    data.Receive.MaxNblsToIndicate = MAX_POLL;
    data.Transmit.MaxNblsToComplete = MAX_POLL;
    poll->handler(poll->context, &data);
    chain = data.Receive.IndicatedNblChain;
    poll->handler(poll->context, &data);
    poll->notify(poll->context, &notification);
    return data.Receive.IndicatedNblChain == NULL ? chain : NULL;
}

/* One round; true: another one is wanted. */
static bool poll_round(struct poll *poll)
{
    bool again;

    __atomic_store_n(&poll->active, 1, __ATOMIC_SEQ_CST);
    again = run_once(poll) && __atomic_load_n(&poll->closing, __ATOMIC_SEQ_CST) == 0;
    if (!again) {
        notify(poll, true);
    }
    __atomic_store_n(&poll->active, 0, __ATOMIC_SEQ_CST);
    return again;
}

static void ask(struct poll *poll)
{
    if (poll->thread != NULL) {
        (void)__atomic_or_fetch(&poll->asked, ASKED_TO_POLL, __ATOMIC_SEQ_CST);
        sched_wake(&poll->asked, 1);
    } else {
        (void)dpc_queue(&poll->dpc);
    }
}

static void poll_dpc(void *argument)
{
    struct poll *poll = argument;

    if (poll_round(poll)) {
        (void)dpc_queue(&poll->dpc); /* others of this processor first */
    }
}

static void poll_stray(void *argument)
{
    struct poll *poll = argument;

    bool again = poll_round(poll);

    if (__atomic_exchange_n(&poll->stray, STRAY_NONE, __ATOMIC_SEQ_CST) == STRAY_ASKED_AGAIN || again) {
        ask(poll);
    }
}

static void poll_thread(void *argument)
{
    struct poll *poll = argument;

    for (;;) {
        uint32_t asked = __atomic_load_n(&poll->asked, __ATOMIC_SEQ_CST);

        if ((asked & ASKED_TO_LEAVE) != 0) {
            return;
        }
        if (asked == 0) {
            task_self()->waits_for = "requests for a poll";
            (void)sched_wait(&poll->asked, 0, SCHED_FOREVER);
            task_self()->waits_for = NULL;
            continue;
        }
        (void)__atomic_and_fetch(&poll->asked, ~ASKED_TO_POLL, __ATOMIC_SEQ_CST);
        if (poll_round(poll)) {
            (void)__atomic_or_fetch(&poll->asked, ASKED_TO_POLL, __ATOMIC_SEQ_CST);
        }
    }
}

/* On the poll object's processor nothing else of it can run now, unless this comes from within a poll. */
static bool polls_at_once(const struct poll *poll)
{
    return sched_kind() == SCHED_SIMULATED && irql_current() == DISPATCH_LEVEL && poll->thread == NULL &&
           processor_current() == poll->dpc.processor && __atomic_load_n(&poll->active, __ATOMIC_SEQ_CST) == 0 &&
           sched_random(4) == 0;
}

/* Whether the request is served by a poll on the processor before, now or when that one is through. */
static bool goes_astray(struct poll *poll)
{
    uint32_t stray = __atomic_load_n(&poll->stray, __ATOMIC_SEQ_CST);

    while (stray != STRAY_NONE) {
        uint32_t next = stray == STRAY_MAY_COME ? STRAY_ASKED : STRAY_ASKED_AGAIN;

        if (__atomic_compare_exchange_n(&poll->stray, &stray, next, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            if (stray == STRAY_MAY_COME) {
                (void)dpc_queue(&poll->stray_dpc);
            }
            return true;
        }
    }
    return false;
}

/* Nothing polls when this returns; whether a poll is asked for that has not come. */
static bool stop_polls(struct poll *poll)
{
    bool asked = false;

    dpc_flush(&poll->stray_dpc);
    dpc_flush(&poll->dpc);
    if (poll->thread != NULL) {
        (void)__atomic_or_fetch(&poll->asked, ASKED_TO_LEAVE, __ATOMIC_SEQ_CST);
        sched_wake(&poll->asked, 1);
        task_join(poll->thread);
        poll->thread = NULL;
        asked = (poll->asked & ASKED_TO_POLL) != 0;
        poll->asked = 0;
    }
    return asked;
}

static int32_t MS_ABI register_poll(void *handle, void *context, const struct poll_characteristics *characteristics,
                                    void **result)
{
    struct adapter *adapter = adapter_check(handle, "NdisRegisterPoll");
    struct poll *poll;

    RULE(characteristics->Header.Type == NDIS_OBJECT_TYPE_DEFAULT && characteristics->Header.Revision == 1 &&
             characteristics->Header.Size >= sizeof(*characteristics),
         "ndis-poll", "NdisRegisterPoll with a header that is not one of NDIS_POLL_CHARACTERISTICS");
    RULE(characteristics->PollHandler != NULL && characteristics->SetPollNotificationHandler != NULL, "ndis-poll",
         "NdisRegisterPoll without handlers");
    poll = ndis_alloc(sizeof(*poll));
    poll->adapter = adapter;
    poll->context = context;
    poll->handler = characteristics->PollHandler;
    poll->notify = characteristics->SetPollNotificationHandler;
    dpc_init(&poll->dpc, 0, poll_dpc, poll);
    dpc_init(&poll->stray_dpc, 0, poll_stray, poll);
    COUNT(adapter_here(adapter)->counts.polls_made, 1);
    ndis_object_add(&poll->object, NDIS_KIND_POLL, "a poll object was not deregistered");
    ndis_object_made_here(&poll->object);
    *result = poll;
    return NDIS_STATUS_SUCCESS;
}

static void MS_ABI deregister_poll(void *handle)
{
    struct poll *poll = ndis_object_check(handle, NDIS_KIND_POLL, "NdisDeregisterPoll");

    __atomic_store_n(&poll->closing, 1, __ATOMIC_SEQ_CST);
    (void)stop_polls(poll);
    ndis_object_remove(&poll->object);
    free(poll);
}

static void MS_ABI set_affinity(void *handle, const struct PROCESSOR_NUMBER *number)
{
    struct poll *poll = ndis_object_check(handle, NDIS_KIND_POLL, "NdisSetPollAffinity");
    uint32_t processor = processor_index(number);
    bool asked;

    RULE(processor != NO_PROCESSOR, "ndis-poll",
         "NdisSetPollAffinity to processor %u of group %u, which does not exist", number->Number, number->Group);
    asked = stop_polls(poll);
    dpc_init(&poll->dpc, processor, poll_dpc, poll);
    if (sched_kind() == SCHED_SIMULATED && varied) {
        if (sched_random(4) == 0) {
            poll->thread = task_spawn("NDIS poll", processor, poll_thread, poll);
        }
        if (processor_count() > 1 && sched_random(2) == 0) {
            dpc_init(&poll->stray_dpc, (processor + 1) % processor_count(), poll_stray, poll);
            poll->stray = STRAY_MAY_COME;
        }
    }
    if (asked) {
        ask(poll);
    }
}

static void MS_ABI request_poll(void *handle, void *reserved)
{
    struct poll *poll = ndis_object_check(handle, NDIS_KIND_POLL, "NdisRequestPoll");

    RULE(reserved == NULL, "ndis-poll", "NdisRequestPoll with a Reserved that is not zero");
    RULE(__atomic_load_n(&poll->closing, __ATOMIC_SEQ_CST) == 0, "ndis-poll",
         "NdisRequestPoll of a poll object that is being deregistered");

    if (goes_astray(poll)) {
        return;
    }
    if (!polls_at_once(poll) || poll_round(poll)) {
        ask(poll);
    }
}

/* Server 2022 and Windows 11 have these first. */
void poll_exports(void)
{
    static const struct export table[] = {
        { "ndis.sys", "NdisRegisterPoll", (void *)register_poll, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_11_24H2 },
        { "ndis.sys", "NdisDeregisterPoll", (void *)deregister_poll, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_11_24H2 },
        { "ndis.sys", "NdisSetPollAffinity", (void *)set_affinity, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_11_24H2 },
        { "ndis.sys", "NdisRequestPoll", (void *)request_poll, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_11_24H2 },
    };

    export_register(table, sizeof(table) / sizeof(table[0]));
}
