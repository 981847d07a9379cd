/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The raw protocol of raw.h. NBLs and their parts are kept on a list until raw_free_all; completions arrive on any
 * processor at any IRQL up to DISPATCH_LEVEL and touch only their NBL and one counter, which raw_wait sleeps on.
 */
#include "ndis/protocol/raw.h"

#include <limits.h>
#include <stdlib.h>

#include "ndis/adapter/adapter.h"
#include "ndis/nbl/nbl.h"
#include "ndis/object.h"
#include "ndis/protocol/raw_internal.h"

enum { MAX_PARTS = 64 };

struct raw_buffer {
    struct raw_buffer *next;
    struct NET_BUFFER nb;
    uint8_t *memory;
    size_t pages;
    struct MDL *mdls[MAX_PARTS];
    uint32_t mdl_count;
};

struct raw_list {
    struct raw_list *next;
    struct NET_BUFFER_LIST *nbl;
    struct raw_buffer *buffers;
    uint32_t done;
};

struct raw {
    struct adapter *adapter;
    struct raw_options options;
    struct nbl_pool *pool;
    struct raw_list *lists;
    uint64_t sent;
    uint64_t completed; /* atomic */
    uint32_t signal;    /* atomic: changes with each completion */
};

struct raw *raw_open(struct adapter *adapter, const struct raw_options *options)
{
    struct raw *raw = ndis_alloc(sizeof(*raw));

    RULE(adapter->raw == NULL, "ndis-state", "a second raw protocol was opened on one adapter");
    raw->adapter = adapter;
    raw->options = *options;
    raw->pool = nbl_pool_create("the raw protocol's NBL", 0x77617252, 0, false);
    __atomic_store_n(&adapter->raw, raw, __ATOMIC_SEQ_CST);
    return raw;
}

void raw_close(struct raw *raw)
{
    raw_free_all(raw);
    __atomic_store_n(&raw->adapter->raw, NULL, __ATOMIC_SEQ_CST);
    nbl_pool_destroy(raw->pool, "raw_close");
    free(raw);
}

struct NET_BUFFER_LIST *raw_nbl(struct raw *raw)
{
    struct raw_list *list = ndis_alloc(sizeof(*list));

    list->nbl = nbl_create(raw->pool, NULL, 0, 0);
    list->nbl->ProtocolReserved[0] = list;
    list->nbl->SourceHandle = raw;
    list->next = raw->lists;
    raw->lists = list;
    return list->nbl;
}

void raw_add(struct raw *raw, struct NET_BUFFER_LIST *nbl, const void *bytes, uint32_t length, uint32_t offset,
             const uint32_t *cuts, uint32_t count)
{
    struct raw_list *list = nbl->ProtocolReserved[0];
    struct raw_buffer *buffer = ndis_alloc(sizeof(*buffer));
    struct NET_BUFFER **last = &nbl->FirstNetBuffer;
    uint32_t one = offset + length, whole = 0, at = 0, i;
    struct MDL **next = &buffer->mdls[0];

    if (count == 0) {
        cuts = &one;
        count = 1;
    }
    RULE(count <= MAX_PARTS, "unsupported", "an NB of %u MDLs", count);
    for (i = 0; i < count; i++) {
        whole += cuts[i];
    }
    RULE(whole >= offset + length, "unsupported", "an NB of %u bytes whose MDLs have %u", offset + length, whole);
    buffer->pages = (whole + 2 * XEN_PAGE_SIZE - 1) / XEN_PAGE_SIZE;
    buffer->memory = xen_memory_alloc(raw->options.memory, buffer->pages);
    RULE(buffer->memory != NULL, "unsupported", "no guest memory left for %zu pages", buffer->pages);
    memcpy(buffer->memory + offset, bytes, length);
    for (i = 0; i < count; i++) {
        buffer->mdls[i] = mdl_create(buffer->memory + at, cuts[i]);
        if (i > 0) {
            (*next)->Next = buffer->mdls[i];
        }
        next = &buffer->mdls[i];
        at += cuts[i];
    }
    buffer->mdl_count = count;
    net_buffer_init(&buffer->nb, NULL, buffer->mdls[0], offset, length);
    while (*last != NULL) {
        last = &(*last)->Next;
    }
    *last = &buffer->nb;
    buffer->next = list->buffers;
    list->buffers = buffer;
}

void raw_link(struct NET_BUFFER_LIST *first, struct NET_BUFFER_LIST *next)
{
    while (first->Next != NULL) {
        first = first->Next;
    }
    first->Next = next;
}

void raw_send(struct raw *raw, struct NET_BUFFER_LIST *chain, uint32_t processor, bool low)
{
    struct NET_BUFFER_LIST *nbl;
    struct NET_BUFFER *nb;
    uint64_t bytes = 0;
    uint32_t n = 0;
    uint8_t old;

    for (nbl = chain; nbl != NULL; nbl = nbl->Next, n++) {
        struct raw_list *list = nbl->ProtocolReserved[0];

        list->done = 0;
        for (nb = nbl->FirstNetBuffer; nb != NULL; nb = nb->Next) {
            bytes += nb->DataLength;
        }
        nbl->Status = (int32_t)NDIS_STATUS_PENDING;
        nbl_set_tag(nbl, NBL_TAG_SENT);
    }
    raw->sent += n;
    if (processor_current() != processor) {
        processor_pin(processor);
    }
    if (low) {
        adapter_send(raw->adapter, chain, n, bytes);
        return;
    }
    old = irql_raise(DISPATCH_LEVEL);
    adapter_send(raw->adapter, chain, n, bytes);
    irql_lower(old);
}

bool raw_wait(struct raw *raw, uint64_t timeout_ns)
{
    uint64_t deadline = sched_now() + timeout_ns;

    for (;;) {
        uint32_t seen = __atomic_load_n(&raw->signal, __ATOMIC_SEQ_CST);

        if (raw_completed(raw) == raw->sent) {
            return true;
        }
        if (!sched_wait(&raw->signal, seen, deadline)) {
            return raw_completed(raw) == raw->sent;
        }
    }
}

bool raw_done(const struct NET_BUFFER_LIST *nbl)
{
    const struct raw_list *list = nbl->ProtocolReserved[0];

    return __atomic_load_n(&list->done, __ATOMIC_ACQUIRE) != 0;
}

uint64_t raw_completed(const struct raw *raw)
{
    return __atomic_load_n(&raw->completed, __ATOMIC_SEQ_CST);
}

void raw_free_all(struct raw *raw)
{
    struct raw_list *list;
    uint32_t i;

    RULE(raw_completed(raw) == raw->sent, "ndis-send-complete", "%llu of the raw protocol's sends never came back",
         (unsigned long long)(raw->sent - raw_completed(raw)));
    while ((list = raw->lists) != NULL) {
        struct raw_buffer *buffer;

        raw->lists = list->next;
        while ((buffer = list->buffers) != NULL) {
            list->buffers = buffer->next;
            for (i = 0; i < buffer->mdl_count; i++) {
                mdl_free(buffer->mdls[i]);
            }
            xen_memory_free(raw->options.memory, buffer->memory, buffer->pages);
            free(buffer);
        }
        nbl_free(list->nbl, "raw_free_all");
        free(list);
    }
}

struct NET_BUFFER_LIST *raw_take_completed(struct raw *raw, struct NET_BUFFER_LIST *chain)
{
    struct NET_BUFFER_LIST *others = NULL, **last = &others, *next;
    uint32_t n = 0;

    for (; chain != NULL; chain = next) {
        next = chain->Next;
        if (chain->SourceHandle == raw) {
            chain->Next = NULL;
            __atomic_store_n(&((struct raw_list *)chain->ProtocolReserved[0])->done, 1, __ATOMIC_RELEASE);
            n++;
        } else {
            *last = chain;
            last = &chain->Next;
        }
    }
    *last = NULL;
    if (n != 0) {
        if (raw->options.completed != NULL) {
            raw->options.completed(raw->options.context, n);
        }
        /* `completed` last: whoever sees it may close the protocol. */
        __atomic_fetch_add(&raw->signal, 1, __ATOMIC_SEQ_CST);
        __atomic_fetch_add(&raw->completed, n, __ATOMIC_SEQ_CST);
        sched_wake(&raw->signal, UINT_MAX);
    }
    return others;
}

void raw_received(struct raw *raw, const struct NET_BUFFER_LIST *chain, uint32_t flags)
{
    for (; chain != NULL && raw->options.received != NULL; chain = chain->Next) {
        raw->options.received(raw->options.context, processor_current(), chain, flags);
    }
}

void raw_status(struct raw *raw, uint32_t code, const void *buffer, uint32_t size)
{
    if (raw->options.status != NULL) {
        raw->options.status(raw->options.context, code, buffer, size);
    }
}
