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

static MS_ABI void *fail_null(void)
{
    return NULL;
}

static MS_ABI int32_t fail_status(void)
{
    return RESOURCES;
}

static MS_ABI uint32_t fail_index(void)
{
    return UINT32_MAX; /* INVALID_PROCESSOR_INDEX */
}

static MS_ABI void fail_read_configuration(int32_t *status, void **parameter)
{
    *status = (int32_t)0xC0000001;
    *parameter = NULL;
}

/* A transaction that cannot be ended is over nevertheless. */
static MS_ABI int32_t fail_transaction_end(void *interface, void *transaction)
{
    ((MS_ABI int32_t(*)(void *, void *, uint8_t))real)(interface, transaction, 0);
    return RESOURCES;
}

static const struct failure {
    const char *name;
    void *function;
} failures[] = {
    { "NdisMRegisterMiniportDriver", (void *)fail_status },
    { "NdisMSetMiniportAttributes", (void *)fail_status },
    { "NdisOpenConfigurationEx", (void *)fail_status },
    { "NdisReadConfiguration", (void *)fail_read_configuration },
    { "NdisReadNetworkAddress", (void *)fail_read_configuration },
    { "NdisAllocateMemoryWithTagPriority", (void *)fail_null },
    { "NdisAllocateMemoryWithTag", (void *)fail_status },
    { "NdisAllocateMdl", (void *)fail_null },
    { "NdisAllocateRWLock", (void *)fail_null },
    { "NdisAllocateGenericObject", (void *)fail_null },
    { "NdisAllocateNetBuffer", (void *)fail_null },
    { "NdisAllocateNetBufferListPool", (void *)fail_null },
    { "NdisAllocateNetBufferPool", (void *)fail_null },
    { "NdisAllocateNetBufferAndNetBufferList", (void *)fail_null },
    { "NdisAllocateNetBufferList", (void *)fail_null },
    { "NdisAllocateIoWorkItem", (void *)fail_null },
    { "NdisAllocateTimerObject", (void *)fail_status },
    { "NdisRegisterPoll", (void *)fail_status },
    { "NdisGetRoutineAddress", (void *)fail_null },
    { "NdisMRegisterScatterGatherDma", (void *)fail_status },
    { "ExAllocatePoolWithTag", (void *)fail_null },
    { "ExAllocatePool2", (void *)fail_null },
    { "IoAllocateMdl", (void *)fail_null },
    { "IoBuildSynchronousFsdRequest", (void *)fail_null },
    { "MmMapLockedPagesSpecifyCache", (void *)fail_null },
    { "MmGetSystemRoutineAddress", (void *)fail_null },
    { "EtwRegister", (void *)fail_status },
    { "EtwWrite", (void *)fail_status },
    { "EtwWriteTransfer", (void *)fail_status },
    { "KeGetProcessorNumberFromIndex", (void *)fail_status },
    { "KeGetProcessorIndexFromNumber", (void *)fail_index },
    { "PsCreateSystemThread", (void *)fail_status },
    { "VIF Acquire", (void *)fail_status },
    { "VIF Enable", (void *)fail_status },
    { "VIF QueryStatistic", (void *)fail_status },
    { "VIF UpdateHashMapping", (void *)fail_status },
    { "VIF ReceiverSetHashAlgorithm", (void *)fail_status },
    { "VIF ReceiverQueryHashCapabilities", (void *)fail_status },
    { "VIF ReceiverUpdateHashParameters", (void *)fail_status },
    { "VIF TransmitterQueuePacket", (void *)fail_status },
    { "VIF MacSetMulticastAddresses", (void *)fail_status },
    { "VIF MacSetFilterLevel", (void *)fail_status },
    { "STORE Acquire", (void *)fail_status },
    { "STORE Read", (void *)fail_status },
    { "STORE Printf", (void *)fail_status },
    { "STORE Remove", (void *)fail_status },
    { "STORE TransactionStart", (void *)fail_status },
    { "STORE TransactionEnd", (void *)fail_transaction_end },
    { "SUSPEND Acquire", (void *)fail_status },
    { "SUSPEND Register", (void *)fail_status },
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
    return failure->function;
}
