/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OID requests: made here as NDIS makes them, one at a time per adapter, and checked when they come back. Callers are
 * tasks at PASSIVE_LEVEL. The driver works on a copy of the caller's buffer with guard bytes behind it, so that writing
 * past the length it was given shows (rule "ndis-oid"), and a refused request must leave the counts in range too.
 */
#include <stdlib.h>

#include "ndis/adapter/adapter.h"
#include "ndis/adapter/miniport.h"
#include "ndis/adapter/record.h"
#include "ndis/export.h"
#include "ndis/object.h"
#include "nt/check/sanitizer.h"
#include "nt/check/provider_wait.h"
#include "nt/check/watchdog.h"
#include "run/order.h"

typedef int32_t MS_ABI oid_handler(void *, struct NDIS_OID_REQUEST *);

enum { GUARD = 32, GUARD_BYTE = 0xa5 };

/* Round trips to the backend at DISPATCH_LEVEL. A moved RSS entry is light work (its OID's page): one, and one to put
 * back what was refused. Any other request may set each of an algorithm, its parameters and a table, and put them back.
 */
enum { WAITS_OF_A_SYNCHRONOUS = 2, WAITS_OF_A_REQUEST = 6, OWN_MILLISECONDS = 10 };

static void check_waits(const struct provider_waits *before, uint32_t most, uint32_t oid)
{
    struct provider_waits now = provider_waits_mine();

    RULE(now.count - before->count <= most, "ndis-oid-dispatch",
         "OID %#x: %u round trips to the backend at DISPATCH_LEVEL, at most %u", oid, now.count - before->count, most);
}

/* What a handler at DISPATCH_LEVEL takes for itself; live, a host that is busy takes time too. */
static void check_time(const struct provider_waits *before, uint64_t begun, uint32_t oid)
{
    uint64_t own = sched_now() - begun - (provider_waits_mine().nanoseconds - before->nanoseconds);

    RULE(sched_kind() != SCHED_SIMULATED || own <= OWN_MILLISECONDS * 1000000ull, "ndis-oid-dispatch",
         "OID %#x: %llu ms at DISPATCH_LEVEL, at most %u", oid, (unsigned long long)(own / 1000000), OWN_MILLISECONDS);
}

uint32_t adapter_supported_oids(struct adapter *adapter, const uint32_t **oids)
{
    *oids = adapter->oids;
    return adapter->oid_count;
}

bool adapter_has_own_oid(struct adapter *adapter, uint32_t oid)
{
    enum { RECORD_BYTES = 28, OID_AT = 16, MAX_RECORDS = 128 };
    uint8_t records[MAX_RECORDS * RECORD_BYTES];
    uint32_t written, needed, named, i;

    if (adapter_query(adapter, OID_GEN_SUPPORTED_GUIDS, records, sizeof(records), &written, &needed) != 0) {
        return false;
    }
    for (i = 0; i + RECORD_BYTES <= written; i += RECORD_BYTES) {
        memcpy(&named, records + i + OID_AT, sizeof(named));
        if (named == oid) {
            return true;
        }
    }
    return false;
}

int32_t adapter_oid(struct adapter *adapter, struct NDIS_OID_REQUEST *request)
{
    oid_handler *handler = adapter->miniport->handlers.OidRequestHandler;
    enum adapter_state state = adapter_state(adapter);
    struct expectation expectation;
    struct provider_waits before;
    int32_t status;

    if (state == ADAPTER_HALTED || state == ADAPTER_INITIALIZING) {
        return (int32_t)NDIS_STATUS_INVALID_STATE;
    }
    while (__atomic_exchange_n(&adapter->oid_busy, 1, __ATOMIC_ACQUIRE) != 0) {
        (void)sched_wait(&adapter->oid_busy, 1, SCHED_FOREVER);
    }
    order_acquire(&adapter->oid_busy);
    order_acquire(&adapter->state);
    event_clear(&adapter->oid_done);
    __atomic_store_n(&adapter->oid_pending, request, __ATOMIC_RELEASE);
    request->RequestId = (void *)(uintptr_t)++adapter->oids_made;
    __atomic_store_n(&adapter->oid_id, request->RequestId, __ATOMIC_RELEASE);
    before = provider_waits_mine();
    status = DRIVER_CALL("MiniportOidRequest", handler(adapter->context, request));
    check_waits(&before, WAITS_OF_A_REQUEST, request->DATA.QUERY_INFORMATION.Oid);
    if (status == NDIS_STATUS_PENDING) {
        watchdog_expect(
            &expectation, handler,
            "Driver Verifier stops with 0xC4 (0x92003, NdisTimedOidComplete) after 12 s; without it Windows "
            "sends no other OID",
            "the completion of %s (%#x), which MiniportOidRequest left pending,",
            ndis_oid_name(request->DATA.QUERY_INFORMATION.Oid), request->DATA.QUERY_INFORMATION.Oid);
        (void)event_wait(&adapter->oid_done, SCHED_FOREVER);
        watchdog_met(&expectation);
        status = adapter->oid_status;
    } else {
        RULE(__atomic_exchange_n(&adapter->oid_pending, NULL, __ATOMIC_ACQ_REL) == request, "ndis-oid",
             "OID %#x was completed by NdisMOidRequestComplete and by MiniportOidRequest, which returned %#x",
             request->DATA.QUERY_INFORMATION.Oid, (uint32_t)status);
    }
    __atomic_store_n(&adapter->oid_id, NULL, __ATOMIC_RELEASE);
    order_release(&adapter->oid_busy);
    __atomic_store_n(&adapter->oid_busy, 0, __ATOMIC_RELEASE);
    sched_wake(&adapter->oid_busy, 1);
    timeline_mark("oid", "OID %#x status %#x", request->DATA.QUERY_INFORMATION.Oid, (uint32_t)status);
    sched_trace("oid %#x status %#x", request->DATA.QUERY_INFORMATION.Oid, (uint32_t)status);
    return status;
}

static void MS_ABI oid_complete(void *handle, struct NDIS_OID_REQUEST *request, int32_t status)
{
    struct adapter *adapter = adapter_check(handle, "NdisMOidRequestComplete");
    struct NDIS_OID_REQUEST *expected = request;

    RULE(status != NDIS_STATUS_PENDING, "ndis-oid", "NdisMOidRequestComplete with NDIS_STATUS_PENDING");
    RULE(request != NULL && __atomic_compare_exchange_n(&adapter->oid_pending, &expected, NULL, false, __ATOMIC_ACQ_REL,
                                                        __ATOMIC_ACQUIRE),
         "ndis-oid", "NdisMOidRequestComplete for a request that is not pending");
    adapter->oid_status = status;
    event_set(&adapter->oid_done);
}

static void MS_ABI direct_oid_complete(void *handle, struct NDIS_OID_REQUEST *request, int32_t status)
{
    (void)adapter_check(handle, "NdisMDirectOidRequestComplete");
    (void)request;
    rule_break("ndis-oid", "NdisMDirectOidRequestComplete(%#x) although NDIS sent no direct request", (uint32_t)status);
}

struct guarded {
    uint8_t *bytes; /* NULL for a length of 0, as protocols may pass */
    uint32_t length;
};

static struct guarded guard(const void *data, uint32_t copied, uint32_t length)
{
    struct guarded g = { NULL, length };

    if (length > 0) {
        g.bytes = ndis_alloc(length + GUARD);
        memset(g.bytes, GUARD_BYTE, length + GUARD);
        memcpy(g.bytes, data, copied);
        sanitizer_poison(g.bytes + length, GUARD);
    }
    return g;
}

static void guard_check(const struct guarded *g, uint32_t oid)
{
    uint32_t i;

    if (g->bytes != NULL) {
        sanitizer_unpoison(g->bytes + g->length, GUARD);
    }
    for (i = 0; g->bytes != NULL && i < GUARD; i++) {
        RULE(g->bytes[g->length + i] == GUARD_BYTE, "ndis-oid",
             "OID %#x: the driver wrote past the %u bytes of the buffer", oid, g->length);
    }
}

static void init_request(struct adapter *adapter, struct NDIS_OID_REQUEST *request, uint32_t type)
{
    bool second = adapter->miniport->version >= NDIS_VERSION(6, 50);

    memset(request, 0, sizeof(*request));
    NDIS_HEADER(request->Header, NDIS_OBJECT_TYPE_OID_REQUEST, second ? 2 : 1,
                second ? NDIS_SIZEOF_OID_REQUEST_REVISION_2 : NDIS_SIZEOF_OID_REQUEST_REVISION_1);
    request->RequestType = type;
    request->RequestHandle = adapter;
}

static void check_short(int32_t status, uint32_t oid, uint32_t needed)
{
    if ((uint32_t)status == NDIS_STATUS_BUFFER_TOO_SHORT || (uint32_t)status == NDIS_STATUS_BUFFER_OVERFLOW) {
        RULE(needed > 0, "ndis-oid", "OID %#x refused its buffer as too short and did not say how many bytes it needs",
             oid);
    }
}

/* The OIDs that NDIS answers from what the miniport has indicated. */
static int32_t query_timestamps(const struct late_timestamps *stamps, void *buffer, uint32_t size, uint32_t *written,
                                uint32_t *needed)
{
    *written = 0;
    *needed = LATE_TIMESTAMPS_SIZE;
    if (stamps->Header.Size == 0) {
        return (int32_t)NDIS_STATUS_NOT_SUPPORTED;
    }
    if (size < LATE_TIMESTAMPS_SIZE) {
        return (int32_t)NDIS_STATUS_BUFFER_TOO_SHORT;
    }
    memcpy(buffer, stamps, LATE_TIMESTAMPS_SIZE);
    *written = LATE_TIMESTAMPS_SIZE;
    return NDIS_STATUS_SUCCESS;
}

int32_t adapter_query(struct adapter *adapter, uint32_t oid, void *buffer, uint32_t size, uint32_t *written,
                      uint32_t *needed)
{
    struct NDIS_OID_REQUEST request;
    struct guarded g;
    int32_t status;

    if (oid == LATE_OID_TIMESTAMP_CAPABILITY || oid == LATE_OID_TIMESTAMP_CURRENT_CONFIG) {
        return query_timestamps(oid == LATE_OID_TIMESTAMP_CAPABILITY ? &adapter->stamps_possible : &adapter->stamps,
                                buffer, size, written, needed);
    }
    g = guard(buffer, size, size);
    init_request(adapter, &request, NdisRequestQueryInformation);
    request.DATA.QUERY_INFORMATION.Oid = oid;
    request.DATA.QUERY_INFORMATION.InformationBuffer = g.bytes;
    request.DATA.QUERY_INFORMATION.InformationBufferLength = size;
    status = adapter_oid(adapter, &request);
    guard_check(&g, oid);
    RULE(request.DATA.QUERY_INFORMATION.BytesWritten <= size, "ndis-oid",
         "query of OID %#x: BytesWritten %u, the buffer has %u", oid, request.DATA.QUERY_INFORMATION.BytesWritten,
         size);
    check_short(status, oid, request.DATA.QUERY_INFORMATION.BytesNeeded);
    *written = request.DATA.QUERY_INFORMATION.BytesWritten;
    *needed = request.DATA.QUERY_INFORMATION.BytesNeeded;
    if (size > 0) {
        memcpy(buffer, g.bytes, size);
    }
    free(g.bytes);
    return status;
}

/*
 * From the end of a request on that switches it off, no coalesced NBL may come; the request may switch it on. What is
 * on is what the miniport last reported. It may just be reporting for another reason, and then once more: such a report
 * only clears bits (adapter_take_offload).
 */
static void note_rsc(struct adapter *adapter, bool complete)
{
    sched_lock(&adapter->lock);
    __atomic_store_n(&adapter->rsc_off, complete ? adapter_rsc_off(adapter) : RSC_CHANGING, __ATOMIC_SEQ_CST);
    sched_unlock(&adapter->lock);
}

int32_t adapter_set(struct adapter *adapter, uint32_t oid, const void *buffer, uint32_t size, uint32_t *needed)
{
    struct NDIS_OID_REQUEST request;
    struct guarded g = guard(buffer, size, size);
    int32_t status;

    init_request(adapter, &request, NdisRequestSetInformation);
    request.DATA.SET_INFORMATION.Oid = oid;
    request.DATA.SET_INFORMATION.InformationBuffer = g.bytes;
    request.DATA.SET_INFORMATION.InformationBufferLength = size;
    if (oid == OID_TCP_OFFLOAD_PARAMETERS) {
        note_rsc(adapter, false);
    }
    status = adapter_oid(adapter, &request);
    if (oid == OID_TCP_OFFLOAD_PARAMETERS) {
        note_rsc(adapter, true);
    }
    guard_check(&g, oid);
    RULE(request.DATA.SET_INFORMATION.BytesRead <= size, "ndis-oid", "set of OID %#x: BytesRead %u, the buffer has %u",
         oid, request.DATA.SET_INFORMATION.BytesRead, size);
    check_short(status, oid, request.DATA.SET_INFORMATION.BytesNeeded);
    *needed = request.DATA.SET_INFORMATION.BytesNeeded;
    free(g.bytes);
    return status;
}

static int32_t at(uint8_t irql, struct adapter *adapter, struct NDIS_OID_REQUEST *request)
{
    oid_handler *handler = (oid_handler *)adapter->miniport->handlers.SynchronousOidRequestHandler;
    enum adapter_state state = adapter_state(adapter);
    struct provider_waits before;
    uint64_t begun;
    int32_t status;
    uint8_t old;

    if (state == ADAPTER_HALTED || state == ADAPTER_INITIALIZING) {
        return (int32_t)NDIS_STATUS_INVALID_STATE;
    }
    if (adapter->miniport->version < NDIS_VERSION(6, 80) || handler == NULL) {
        return (int32_t)NDIS_STATUS_NOT_SUPPORTED;
    }
    old = irql_raise(irql);
    order_acquire(&adapter->state);
    before = provider_waits_mine();
    begun = sched_now();
    status = DRIVER_CALL("MiniportSynchronousOidRequest", handler(adapter->context, request));
    check_waits(&before, WAITS_OF_A_SYNCHRONOUS, request->DATA.METHOD_INFORMATION.Oid);
    check_time(&before, begun, request->DATA.METHOD_INFORMATION.Oid);
    irql_lower(old);
    RULE(status != NDIS_STATUS_PENDING, "ndis-oid", "MiniportSynchronousOidRequest returned NDIS_STATUS_PENDING");
    return status;
}

static int32_t now(struct adapter *adapter, struct NDIS_OID_REQUEST *request)
{
    return at(DISPATCH_LEVEL, adapter, request);
}

static int32_t now_passive(struct adapter *adapter, struct NDIS_OID_REQUEST *request)
{
    return at(PASSIVE_LEVEL, adapter, request);
}

static int32_t method(struct adapter *adapter, int32_t (*ask)(struct adapter *, struct NDIS_OID_REQUEST *),
                      uint32_t oid, void *buffer, uint32_t in, uint32_t out, uint32_t *written, uint32_t *needed)
{
    struct NDIS_OID_REQUEST request;
    struct guarded g = guard(buffer, in, in > out ? in : out);
    int32_t status;

    init_request(adapter, &request, NdisRequestMethod);
    request.DATA.METHOD_INFORMATION.Oid = oid;
    request.DATA.METHOD_INFORMATION.InformationBuffer = g.bytes;
    request.DATA.METHOD_INFORMATION.InputBufferLength = in;
    request.DATA.METHOD_INFORMATION.OutputBufferLength = out;
    status = ask(adapter, &request);
    guard_check(&g, oid);
    RULE(request.DATA.METHOD_INFORMATION.BytesRead <= in && request.DATA.METHOD_INFORMATION.BytesWritten <= out,
         "ndis-oid", "method OID %#x: BytesRead %u of %u, BytesWritten %u of %u", oid,
         request.DATA.METHOD_INFORMATION.BytesRead, in, request.DATA.METHOD_INFORMATION.BytesWritten, out);
    check_short(status, oid, request.DATA.METHOD_INFORMATION.BytesNeeded);
    *written = request.DATA.METHOD_INFORMATION.BytesWritten;
    *needed = request.DATA.METHOD_INFORMATION.BytesNeeded;
    if (out > 0) {
        memcpy(buffer, g.bytes, out);
    }
    free(g.bytes);
    return status;
}

int32_t adapter_method(struct adapter *adapter, uint32_t oid, void *buffer, uint32_t in, uint32_t out,
                       uint32_t *written, uint32_t *needed)
{
    return method(adapter, adapter_oid, oid, buffer, in, out, written, needed);
}

int32_t adapter_method_now(struct adapter *adapter, uint32_t oid, void *buffer, uint32_t in, uint32_t out,
                           uint32_t *written, uint32_t *needed)
{
    return method(adapter, now, oid, buffer, in, out, written, needed);
}

int32_t adapter_method_now_passive(struct adapter *adapter, uint32_t oid, void *buffer, uint32_t in, uint32_t out,
                                   uint32_t *written, uint32_t *needed)
{
    return method(adapter, now_passive, oid, buffer, in, out, written, needed);
}

#define OID_EXPORTS(X)                                                                                                 \
    X(NdisMOidRequestComplete, oid_complete, PASSIVE_LEVEL, DISPATCH_LEVEL)                                            \
    X(NdisMDirectOidRequestComplete, direct_oid_complete, PASSIVE_LEVEL, DISPATCH_LEVEL)

void oid_exports(void)
{
    NDIS_EXPORTS(OID_EXPORTS);
}
