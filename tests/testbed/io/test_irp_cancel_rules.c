/* SPDX-License-Identifier: BSD-2-Clause */
/* Cancelled IRPs and cancel-safe queues: in which order a queue's routines are called, who gets an IRP that is
 * cancelled at each moment, and the rules broken once each. */
#include "nt/io/io_device.h"

#include "nt_run.h"

enum { IRPS = 4, PENDING_RETURNED = 1 };

/* IO_CSQ and IO_CSQ_IRP_CONTEXT as a driver has them: room, and nothing it looks into. */
static struct {
    uint64_t csq[8], context[3];
    struct IRP *waiting[IRPS];
    uint32_t count;
    uint8_t irql;
    bool locked;
    int32_t refuse;        /* what the extended insert returns */
    struct IRP *cancelled; /* the last one that was completed so */
    char calls[64];
} queue;

static void called(char what)
{
    size_t used = strlen(queue.calls);

    CHECK(used + 1 < sizeof(queue.calls));
    queue.calls[used] = what;
}

static MS_ABI void acquire(void *csq, uint8_t *irql)
{
    CHECK(csq == queue.csq);
    CHECK(!queue.locked);
    *irql = irql_raise(DISPATCH_LEVEL);
    queue.locked = true;
    called('(');
}

static MS_ABI void release(void *csq, uint8_t irql)
{
    CHECK(csq == queue.csq);
    CHECK(queue.locked);
    called(')');
    queue.locked = false;
    irql_lower(irql);
}

static MS_ABI void insert(void *csq, struct IRP *irp)
{
    CHECK(csq == queue.csq && queue.locked);
    queue.waiting[queue.count++] = irp;
    called('i');
}

static MS_ABI int32_t insert_ex(void *csq, struct IRP *irp, void *how)
{
    CHECK(how == &queue);
    if (queue.refuse == STATUS_SUCCESS) {
        insert(csq, irp);
    }
    return queue.refuse;
}

static MS_ABI void take_out(void *csq, struct IRP *irp)
{
    uint32_t i = 0;

    CHECK(csq == queue.csq && queue.locked);
    while (i < queue.count && queue.waiting[i] != irp) {
        i++;
    }
    CHECK(i < queue.count);
    queue.waiting[i] = queue.waiting[--queue.count];
    called('r');
}

static MS_ABI struct IRP *peek(void *csq, struct IRP *after, void *which)
{
    uint32_t i = 0;

    CHECK(csq == queue.csq && queue.locked && which == &queue.count);
    called('p');
    if (after != NULL) {
        while (queue.waiting[i++] != after) {
        }
    }
    return i < queue.count ? queue.waiting[i] : NULL;
}

static MS_ABI void complete_cancelled(void *csq, struct IRP *irp)
{
    CHECK(csq == queue.csq && !queue.locked);
    queue.cancelled = irp;
    called('c');
}

#define ROUTINES (void *, void *, void *, void *, void *, void *, void *)

static void make(void)
{
    memset(&queue, 0, sizeof(queue));
    CHECK_EQ(CALL(int32_t, IoCsqInitialize, ROUTINES, queue.csq, insert, take_out, peek, acquire, release,
                  complete_cancelled),
             STATUS_SUCCESS);
}

/* As if a driver's dispatch routine had it. */
static struct IRP *make_irp(void)
{
    struct IRP *irp = CALL(struct IRP *, IoAllocateIrp, (int8_t, uint8_t), 1, 0);

    irp->CurrentLocation--;
    irp->Tail.Overlay.CurrentStackLocation--;
    return irp;
}

static void free_irp(struct IRP *irp)
{
    irp->CurrentLocation++;
    CALL(void, IoFreeIrp, (struct IRP *), irp);
}

static void put(struct IRP *irp, void *context)
{
    CALL(void, IoCsqInsertIrp, (void *, struct IRP *, void *), queue.csq, irp, context);
}

static struct IRP *next(void)
{
    return CALL(struct IRP *, IoCsqRemoveNextIrp, (void *, void *), queue.csq, &queue.count);
}

static struct IRP *take(void)
{
    return CALL(struct IRP *, IoCsqRemoveIrp, (void *, void *), queue.csq, queue.context);
}

static uint8_t cancel(struct IRP *irp)
{
    return CALL(uint8_t, IoCancelIrp, (struct IRP *), irp);
}

static void in_and_out(void)
{
    struct IRP *first = make_irp(), *second = make_irp();

    make();
    put(first, NULL);
    put(second, queue.context);
    CHECK_STR(queue.calls, "(i)(i)");
    CHECK_EQ(first->Tail.Overlay.CurrentStackLocation->Control, PENDING_RETURNED);
    CHECK(first->CancelRoutine != NULL);
    CHECK(next() == first);
    CHECK(first->CancelRoutine == NULL);
    CHECK(take() == second);
    CHECK(take() == NULL);
    CHECK(next() == NULL);
    CHECK_STR(queue.calls, "(i)(i)(pr)(r)()(p)");
    CHECK(queue.cancelled == NULL);
    free_irp(first);
    free_irp(second);
}
TEST(irps_wait_and_are_removed_by_peek_and_by_context)
{
    CHECK_EQ(nt_run(in_and_out, NULL), 0);
}

static void while_waiting(void)
{
    struct IRP *first = make_irp(), *second = make_irp();

    make();
    put(first, NULL);
    put(second, queue.context);
    CHECK_EQ(cancel(first), 1);
    CHECK(queue.cancelled == first);
    CHECK_EQ(irql_current(), PASSIVE_LEVEL);
    CHECK_EQ(cancel(second), 1);
    CHECK(queue.cancelled == second);
    CHECK(take() == NULL); /* its context knows */
    CHECK(next() == NULL);
    CHECK_STR(queue.calls, "(i)(i)(r)c(r)c()(p)");
    free_irp(first);
    free_irp(second);
}
TEST(an_irp_that_is_cancelled_while_it_waits_goes_to_its_completion)
{
    CHECK_EQ(nt_run(while_waiting, NULL), 0);
}

static void before_and_after(void)
{
    struct IRP *early = make_irp(), *late = make_irp();

    make();
    CHECK_EQ(cancel(early), 0); /* no routine yet: only a mark */
    put(early, NULL);
    CHECK(queue.cancelled == early);
    CHECK_EQ(queue.count, 0);
    queue.cancelled = NULL;
    put(late, NULL);
    CHECK(next() == late);
    CHECK_EQ(cancel(late), 0); /* who has removed it completes it */
    CHECK(queue.cancelled == NULL);
    free_irp(early);
    free_irp(late);
}
TEST(a_cancelled_irp_does_not_wait_and_a_removed_one_is_its_removers)
{
    CHECK_EQ(nt_run(before_and_after, NULL), 0);
}

static void racing(void)
{
    struct IRP *first = make_irp(), *second = make_irp();

    make();
    put(first, NULL);
    put(second, NULL);
    first->CancelRoutine = NULL; /* as IoCancelIrp has it between its exchange and the queue's lock */
    CHECK(next() == second);
    CHECK_STR(queue.calls, "(i)(i)(ppr)");
    free_irp(first);
    free_irp(second);
}
TEST(an_irp_that_somebody_cancels_just_now_is_passed_over)
{
    CHECK_EQ(nt_run(racing, NULL), 0);
}

static void extended(void)
{
    struct IRP *irp = make_irp();

    memset(&queue, 0, sizeof(queue));
    CHECK_EQ(CALL(int32_t, IoCsqInitializeEx, ROUTINES, queue.csq, insert_ex, take_out, peek, acquire, release,
                  complete_cancelled),
             STATUS_SUCCESS);
    queue.refuse = STATUS_DEVICE_NOT_READY;
    CHECK_EQ(
        CALL(int32_t, IoCsqInsertIrpEx, (void *, struct IRP *, void *, void *), queue.csq, irp, queue.context, &queue),
        STATUS_DEVICE_NOT_READY);
    CHECK(irp->CancelRoutine == NULL);
    CHECK(take() == NULL);
    queue.refuse = STATUS_SUCCESS;
    CHECK_EQ(
        CALL(int32_t, IoCsqInsertIrpEx, (void *, struct IRP *, void *, void *), queue.csq, irp, queue.context, &queue),
        STATUS_SUCCESS);
    CHECK(take() == irp);
    free_irp(irp);
}
TEST(an_extended_queue_may_refuse_an_irp)
{
    CHECK_EQ(nt_run(extended, NULL), 0);
}

static MS_ABI void own_routine(struct DEVICE_OBJECT *device, struct IRP *irp)
{
    CHECK(device == NULL);
    CHECK_EQ(irql_current(), DISPATCH_LEVEL);
    CHECK_EQ(irp->CancelIrql, APC_LEVEL);
    queue.cancelled = irp;
    CALL(void, IoReleaseCancelSpinLock, (uint8_t), irp->CancelIrql);
}

static void of_its_own(void)
{
    struct IRP *irp = make_irp();
    uint8_t old = irql_raise(APC_LEVEL), held = 0xff;

    memset(&queue, 0, sizeof(queue));
    CALL(void, IoAcquireCancelSpinLock, (uint8_t *), &held);
    CHECK_EQ(held, APC_LEVEL);
    irp->CancelRoutine = (void *)own_routine;
    CALL(void, IoReleaseCancelSpinLock, (uint8_t), held);
    CHECK_EQ(cancel(irp), 1);
    CHECK(queue.cancelled == irp);
    CHECK_EQ(irql_current(), APC_LEVEL);
    irql_lower(old);
    free_irp(irp);
}
TEST(a_cancel_routine_gives_the_lock_back)
{
    CHECK_EQ(nt_run(of_its_own, NULL), 0);
}

/* --- rules --- */

static MS_ABI void keeps_the_lock(struct DEVICE_OBJECT *device, struct IRP *irp)
{
    (void)device, (void)irp;
}

static void lock_kept(void)
{
    struct IRP *irp = make_irp();

    irp->CancelRoutine = (void *)keeps_the_lock;
    cancel(irp);
}
TEST(a_cancel_routine_that_keeps_the_lock_is_found)
{
    EXPECT_NT_RULE("irql", lock_kept);
}

static void not_made(void)
{
    memset(&queue, 0, sizeof(queue));
    put(make_irp(), NULL);
}
TEST(a_queue_that_was_not_made_is_found)
{
    EXPECT_NT_RULE("irp", not_made);
}

static void half_made(void)
{
    CALL(int32_t, IoCsqInitialize, ROUTINES, queue.csq, insert, take_out, NULL, acquire, release, complete_cancelled);
}
TEST(a_queue_without_a_routine_is_found)
{
    EXPECT_NT_RULE("irp", half_made);
}

static void other_context(void)
{
    uint64_t other[8];

    make();
    put(make_irp(), queue.context);
    memcpy(other, queue.csq, sizeof(other));
    queue.context[2] = (uint64_t)other;
    take();
}
TEST(the_context_of_another_queue_is_found)
{
    EXPECT_NT_RULE("irp", other_context);
}

static void completed_with_routine(void)
{
    struct IRP *irp = make_irp();

    irp->CancelRoutine = (void *)keeps_the_lock;
    irp->CurrentLocation++;
    cancel(irp);
}
TEST(an_irp_that_is_no_longer_under_way_and_has_a_cancel_routine_is_found)
{
    EXPECT_NT_RULE("irp", completed_with_routine);
}
