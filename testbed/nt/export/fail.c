/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Failing calls on purpose (fail.h). Candidates are found by a hash over the function's name and the offsets of the
 * driver's return addresses, so that runs at different addresses agree. One host thread: simulated runs only.
 */
#include "nt/export/fail.h"

#include <stdio.h>
#include <string.h>

#include "abi.h"
#include "image/image.h"
#include "nt/check/rule.h"
#include "run/sched.h"

enum { MAX_CANDIDATES = 4096, MAX_FRAMES = 24, MAX_TEXT = 1024 };

#define RESOURCES ((int32_t)0xC000009A) /* STATUS_INSUFFICIENT_RESOURCES and NDIS_STATUS_RESOURCES */

bool fail_armed;
static uint32_t wanted, count;
static uint64_t seen[MAX_CANDIDATES];
static char failed_call[MAX_TEXT];
static void *real; /* the function that is made to fail, for those who must still do a part of it */

/* What a failing call answers, whatever its arguments: NULL, a status, INVALID_PROCESSOR_INDEX. */
enum { NOTHING = 0, NO_INDEX = -1 };

#ifdef __x86_64__

static int32_t answer;

static MS_ABI intptr_t answer_any(void)
{
    return answer;
}

/* The function that answers. */
static void *answering(int32_t with, uint32_t words)
{
    (void)words;
    answer = with;
    return (void *)answer_any;
}

#else

/* On x86 who is called takes the arguments off the stack: a function for each number of words. */
__attribute__((used)) static int32_t fail_answer;

#define EACH_COUNT(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10)
#define ANSWERING(words)                                                                                               \
    static __attribute__((naked)) void answer_##words(void)                                                            \
    {                                                                                                                  \
        __asm__("movl fail_answer, %eax\n\tretl $4*" #words);                                                          \
    }
EACH_COUNT(ANSWERING)

static void *answering(int32_t with, uint32_t words)
{
#define ADDRESS(words) (void *)answer_##words,
    static void *const each[] = { EACH_COUNT(ADDRESS) };

    fail_answer = with;
    return each[words];
}

#endif

static MS_ABI void fail_read_configuration(int32_t *status, void **parameter, void *handle, void *keyword,
                                           uint32_t type)
{
    (void)handle, (void)keyword, (void)type;
    *status = (int32_t)0xC0000001;
    *parameter = NULL;
}

static MS_ABI void fail_read_address(int32_t *status, void **address, uint32_t *length, void *handle)
{
    (void)length, (void)handle;
    *status = (int32_t)0xC0000001;
    *address = NULL;
}

/* A transaction that cannot be ended is over nevertheless. */
static MS_ABI int32_t fail_transaction_end(void *interface, void *transaction, uint8_t commit)
{
    (void)commit;
    ((MS_ABI int32_t(*)(void *, void *, uint8_t))real)(interface, transaction, 0);
    return RESOURCES;
}

static const struct failure {
    const char *name;
    void *function; /* NULL: `answer` is all there is to it */
    int32_t answer;
    uint8_t words; /* of arguments, as x86 has them; 0 for who is cdecl */
} failures[] = {
    { "NdisMRegisterMiniportDriver", NULL, RESOURCES, 5 },
    { "NdisMSetMiniportAttributes", NULL, RESOURCES, 2 },
    { "NdisOpenConfigurationEx", NULL, RESOURCES, 2 },
    { "NdisReadConfiguration", (void *)fail_read_configuration, 0, 0 },
    { "NdisReadNetworkAddress", (void *)fail_read_address, 0, 0 },
    { "NdisAllocateMemoryWithTagPriority", NULL, NOTHING, 4 },
    { "NdisAllocateMemoryWithTag", NULL, RESOURCES, 3 },
    { "NdisAllocateMdl", NULL, NOTHING, 3 },
    { "NdisAllocateRWLock", NULL, NOTHING, 1 },
    { "NdisAllocateGenericObject", NULL, NOTHING, 3 },
    { "NdisAllocateNetBuffer", NULL, NOTHING, 4 },
    { "NdisAllocateNetBufferListPool", NULL, NOTHING, 2 },
    { "NdisAllocateNetBufferPool", NULL, NOTHING, 2 },
    { "NdisAllocateNetBufferAndNetBufferList", NULL, NOTHING, 6 },
    { "NdisAllocateNetBufferList", NULL, NOTHING, 3 },
    { "NdisAllocateIoWorkItem", NULL, NOTHING, 1 },
    { "NdisAllocateTimerObject", NULL, RESOURCES, 3 },
    { "NdisRegisterPoll", NULL, RESOURCES, 4 },
    { "NdisGetRoutineAddress", NULL, NOTHING, 1 },
    { "NdisMRegisterScatterGatherDma", NULL, RESOURCES, 3 },
    { "ExAllocatePoolWithTag", NULL, NOTHING, 3 },
    { "ExAllocatePool2", NULL, NOTHING, 4 },
    { "IoAllocateMdl", NULL, NOTHING, 5 },
    { "IoBuildSynchronousFsdRequest", NULL, NOTHING, 7 },
    { "MmMapLockedPagesSpecifyCache", NULL, NOTHING, 6 },
    { "MmGetSystemRoutineAddress", NULL, NOTHING, 1 },
    { "EtwRegister", NULL, RESOURCES, 4 },
    { "EtwWrite", NULL, RESOURCES, 6 },
    { "EtwWriteTransfer", NULL, RESOURCES, 7 },
    { "KeGetProcessorNumberFromIndex", NULL, RESOURCES, 2 },
    { "KeGetProcessorIndexFromNumber", NULL, NO_INDEX, 1 },
    { "PsCreateSystemThread", NULL, RESOURCES, 7 },
    { "VIF Acquire", NULL, RESOURCES, 1 },
    { "VIF Enable", NULL, RESOURCES, 3 },
    { "VIF QueryStatistic", NULL, RESOURCES, 3 },
    { "VIF UpdateHashMapping", NULL, RESOURCES, 3 },
    { "VIF ReceiverSetHashAlgorithm", NULL, RESOURCES, 2 },
    { "VIF ReceiverQueryHashCapabilities", NULL, RESOURCES, 0 },
    { "VIF ReceiverUpdateHashParameters", NULL, RESOURCES, 0 },
    { "VIF TransmitterQueuePacket", NULL, RESOURCES, 10 },
    { "VIF MacSetMulticastAddresses", NULL, RESOURCES, 3 },
    { "VIF MacSetFilterLevel", NULL, RESOURCES, 3 },
    { "STORE Acquire", NULL, RESOURCES, 1 },
    { "STORE Read", NULL, RESOURCES, 5 },
    { "STORE Printf", NULL, RESOURCES, 0 },
    { "STORE Remove", NULL, RESOURCES, 4 },
    { "STORE TransactionStart", NULL, RESOURCES, 2 },
    { "STORE TransactionEnd", (void *)fail_transaction_end, 0, 0 },
    { "SUSPEND Acquire", NULL, RESOURCES, 1 },
    { "SUSPEND Register", NULL, RESOURCES, 5 },
};

void fail_at(uint32_t n)
{
    RULE(sched_kind() == SCHED_SIMULATED, "unsupported", "calls are made to fail in simulated runs only");
    wanted = n;
    count = 0;
    failed_call[0] = '\0';
    fail_armed = true;
}

void fail_disarm(void)
{
    fail_armed = false;
}

uint32_t fail_candidates(void)
{
    return count;
}

bool fail_described(char *text, size_t size)
{
    snprintf(text, size, "%s", failed_call);
    return failed_call[0] != '\0';
}

static bool is_new(uint64_t hash)
{
    for (uint32_t i = 0; i < count; i++) {
        if (seen[i] == hash) {
            return false;
        }
    }
    RULE(count < MAX_CANDIDATES, "unsupported", "more than %u different calls that can fail", MAX_CANDIDATES);
    seen[count++] = hash;
    return true;
}

static void describe(const char *name, void **frames, size_t frame_count)
{
    size_t used = (size_t)snprintf(failed_call, sizeof(failed_call), "%s", name);

    for (size_t i = 0; i < frame_count && used < sizeof(failed_call); i++) {
        char place[160];

        image_describe((char *)frames[i] - 1, place, sizeof(place));
        used += (size_t)snprintf(failed_call + used, sizeof(failed_call) - used, " < %s", place);
    }
}

/* Whether this call, failed_call apart by its name and the driver's stack, is the one to fail. */
static bool chosen(const char *name)
{
    uint64_t hash = 14695981039346656037ull;
    void *frames[MAX_FRAMES];
    size_t frame_count = image_backtrace(frames, MAX_FRAMES);

    for (const char *c = name; *c != '\0'; c++) {
        hash = (hash ^ (uint8_t)*c) * 1099511628211ull;
    }
    for (size_t i = 0; i < frame_count; i++) {
        hash = (hash ^ image_offset(image_find(frames[i]), frames[i])) * 1099511628211ull;
    }
    if (!is_new(hash) || count != wanted) {
        return false;
    }
    describe(name, frames, frame_count);
    return true;
}

bool fail_now(const char *name)
{
    return fail_armed && chosen(name);
}

void *fail_enter(const struct bound *bound)
{
    const struct failure *failure = failures;
    const struct failure *end = failures + sizeof(failures) / sizeof(failures[0]);

    while (failure != end && strcmp(failure->name, bound->name) != 0) {
        failure++;
    }
    if (failure == end || !chosen(bound->name)) {
        return NULL;
    }
    real = bound->function;
    return failure->function != NULL ? failure->function : answering(failure->answer, failure->words);
}
