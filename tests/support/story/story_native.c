/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Full speed (story_native.h). The stubs take the place of the testbed's functions in the testbed's own code: the first
 * bytes of a function become a jump.
 */
#include "story_native.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ndis/adapter/adapter.h"
#include "ndis/services/services.h"
#include "nt/check/fault_emulate.h"
#include "nt/export/export.h"
#include "xenvif/offer/hostile.h"
#include "xenvif/state.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

enum { MAX_OUT = 256, PAGE = 4096 };

typedef MS_ABI void send_handler(void *context, struct NET_BUFFER_LIST *chain, uint32_t port, uint32_t flags);
typedef MS_ABI void return_handler(void *context, struct NET_BUFFER_LIST *chain, uint32_t flags);
typedef MS_ABI void callback_record(void *argument, uint32_t type, void *parameters);
typedef MS_ABI void dpc_routine(struct KDPC *dpc, void *context, void *first, void *second);

void guard_check(void);
void guard_dispatch(void);

static void *out[MAX_OUT]; /* cookies of packets that XenVif was given */
static uint32_t out_count;
static struct NET_BUFFER_LIST *up, *up_last; /* what was indicated, or completed */
static struct KDPC *dpc;
static void *poll; /* the poll object that was asked for */
static uint64_t returned;

static MS_ABI int32_t stub_transmit(void *interface, void *mdl, uint32_t offset, uint32_t length, uint16_t options,
                                    uint16_t mss, uint16_t tci, void *hash, uint8_t more, void *cookie)
{
    (void)interface, (void)mdl, (void)offset, (void)length, (void)options, (void)mss, (void)tci, (void)hash, (void)more;
    out[out_count++ % MAX_OUT] = cookie;
    return 0;
}

static MS_ABI void stub_return(void *interface, void *cookie)
{
    (void)interface, (void)cookie;
    returned++;
}

static MS_ABI void stub_complete(void *handle, struct NET_BUFFER_LIST *chain, uint32_t flags)
{
    (void)handle, (void)flags;
    if (up == NULL) {
        up = chain;
    } else {
        up_last->Next = chain;
    }
    while (chain->Next != NULL) {
        chain = chain->Next;
    }
    up_last = chain;
}

static MS_ABI void stub_indicate(void *handle, struct NET_BUFFER_LIST *chain, uint32_t port, uint32_t count,
                                 uint32_t flags)
{
    (void)handle, (void)port, (void)count, (void)flags;
    if (up == NULL) {
        up = chain;
    } else { /* a driver that indicates the packets of a batch one by one */
        while (up_last->Next != NULL) {
            up_last = up_last->Next;
        }
        up_last->Next = chain;
    }
    up_last = chain;
}

static MS_ABI uint32_t stub_processor(void *number)
{
    (void)number;
    return 0;
}

static MS_ABI uint8_t stub_dpc(struct KDPC *which, void *first, void *second)
{
    (void)first, (void)second;
    dpc = which;
    return 1;
}

/* As much as a lock costs that nobody else wants; there is one processor. The testbed's own value stays in the lock. */
static uint64_t held;

static MS_ABI void stub_lock(uintptr_t *lock)
{
    (void)lock;
    (void)__atomic_exchange_n(&held, 1, __ATOMIC_ACQUIRE);
}

static MS_ABI void stub_unlock(uintptr_t *lock)
{
    (void)lock;
    __atomic_store_n(&held, 0, __ATOMIC_RELEASE);
}

static MS_ABI void stub_poll(void *handle, void *reserved)
{
    (void)reserved;
    poll = handle;
}

static MS_ABI int32_t stub_event(void *event, int32_t increment, uint8_t wait)
{
    (void)event, (void)increment, (void)wait;
    return 0;
}

static const struct stub {
    const char *image, *name;
    void *function;
} stubs[] = {
    { "ndis.sys", "NdisMSendNetBufferListsComplete", (void *)stub_complete },
    { "ndis.sys", "NdisMIndicateReceiveNetBufferLists", (void *)stub_indicate },
    { "ntoskrnl.exe", "KeGetCurrentProcessorNumberEx", (void *)stub_processor },
    { "ntoskrnl.exe", "KeInsertQueueDpc", (void *)stub_dpc },
    { "ntoskrnl.exe", "KeSetEvent", (void *)stub_event },
    { "ntoskrnl.exe", "KeAcquireSpinLockAtDpcLevel", (void *)stub_lock },
    { "ntoskrnl.exe", "KeReleaseSpinLockFromDpcLevel", (void *)stub_unlock },
};

static void write_code(void *function, const uint8_t *code, size_t size)
{
    const uintptr_t first = (uintptr_t)function & ~(uintptr_t)(PAGE - 1);

    CHECK_EQ(mprotect((void *)first, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
    memcpy(function, code, size);
}

/* The first bytes of `function` become mov $to, %r11; jmp *%r11. */
static void redirect(void *function, void *to)
{
    uint8_t code[] = { 0x49, 0xbb, 0, 0, 0, 0, 0, 0, 0, 0, 0x41, 0xff, 0xe3 };
    const uint64_t address = (uint64_t)to;

    memcpy(&code[2], &address, sizeof(address));
    write_code(function, code, sizeof(code));
}

/* Control flow guard of the loader: a check that accepts, a dispatch that jumps. */
__asm__(".text\n"
        "native_guard_check: ret\n"
        "native_guard_dispatch: jmpq *%rax\n");
void native_guard_check(void);
void native_guard_dispatch(void);

/*
 * A write of CR8 is a jump there, with a value and an address to go on at on the stack and every register in use:
 * leaq 16(%rsp), %rsp; jmpq *-16(%rsp). A ret would be one that no call belongs to, and cost more than all else.
 */
static void ignore_cr8(void)
{
    static const uint8_t code[] = { 0x48, 0x8d, 0x64, 0x24, 16, 0xff, 0x64, 0x24, 0xf0 };

    write_code((void *)fault_cr8_thunk, code, sizeof(code));
}

void native_start(struct story *story, bool polls)
{
    struct XENVIF_VIF_INTERFACE_V10 table;
    uint32_t i;

    interface_fill_vif(STORY_STAND_IN(story), &table);
    redirect((void *)table.TransmitterQueuePacket, (void *)stub_transmit);
    redirect((void *)table.ReceiverReturnPacket, (void *)stub_return);
    for (i = 0; i < sizeof(stubs) / sizeof(stubs[0]); i++) {
        redirect(export_bind(stubs[i].image, stubs[i].name), stubs[i].function);
    }
    if (polls) {
        redirect(export_bind("ndis.sys", "NdisRequestPoll"), (void *)stub_poll);
    }
    ignore_cr8();
    redirect((void *)guard_check, (void *)native_guard_check);
    redirect((void *)guard_dispatch, (void *)native_guard_dispatch);
}

static void run_dpc(void)
{
    struct KDPC *const queued = dpc;

    dpc = NULL;
    if (queued != NULL) {
        ((dpc_routine *)queued->DeferredRoutine)(queued, queued->DeferredContext, NULL, NULL);
    }
}

/* One send call, the completions of its packets one by one, the DPC if there is one. NDIS has the chain in `up` then.
 */
static void send_batch(struct story *story, const struct native_load *load)
{
    struct adapter *adapter = story->bed.adapter;
    const struct subscriber *vif = &story->bed.vif->subscriber;
    struct XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 completion = { .Status = XENVIF_TRANSMITTER_PACKET_OK };
    struct XENVIF_VIF_CALLBACK_PARAMETERS_V10 parameters;
    struct NET_BUFFER_LIST *chain = up;
    uint32_t i;

    /* The completion has overwritten it. */
    chain->NetBufferListInfo[TcpLargeSendNetBufferListInfo] = load->large;
    out_count = 0;
    up = NULL;
    ((send_handler *)adapter->miniport->handlers.SendNetBufferListsHandler)(adapter->context, chain, 0,
                                                                            NDIS_SEND_FLAGS_DISPATCH_LEVEL);
    parameters.TransmitterReturnPacket.Completion = &completion;
    for (i = 0; i < load->batch; i++) {
        parameters.TransmitterReturnPacket.Cookie = out[i];
        ((callback_record *)vif->callback)(vif->argument, XENVIF_TRANSMITTER_RETURN_PACKET, &parameters);
    }
    run_dpc();
    CHECK(out_count == load->batch && up != NULL);
}

/* Where NDIS polls, it does so behind the batch. */
static void run_poll(void)
{
    void *const asked = poll;

    poll = NULL;
    if (asked != NULL) {
        up = poll_run_bare(asked);
    }
}

static void receive_batch(struct story *story, const struct native_load *load,
                          struct XENVIF_VIF_CALLBACK_PARAMETERS_V10 *parameters)
{
    struct adapter *adapter = story->bed.adapter;
    const struct subscriber *vif = &story->bed.vif->subscriber;
    uint32_t i;

    up = NULL;
    for (i = 1; i <= load->batch; i++) {
        parameters->ReceiverQueuePacket.More = i != load->batch;
        ((callback_record *)vif->callback)(vif->argument, XENVIF_RECEIVER_QUEUE_PACKET, parameters);
    }
    run_dpc();
    run_poll();
    ((return_handler *)adapter->miniport->handlers.ReturnNetBufferListsHandler)(adapter->context, up,
                                                                                NDIS_RETURN_FLAGS_DISPATCH_LEVEL);
}

double native_run(struct story *story, const struct native_load *load, uint32_t packets)
{
    struct XENVIF_VIF_CALLBACK_PARAMETERS_V10 parameters;
    const uint32_t rounds = packets / load->batch;
    const uint64_t before = returned;
    uint64_t ticks;
    uint32_t i;

    CHECK(load->batch <= MAX_OUT && story->bed.vif->subscriber.version == 10);
    memset(&parameters, 0, sizeof(parameters));
    if (load->packet != NULL) {
        parameters.ReceiverQueuePacket.Mdl = load->packet->mdl;
        parameters.ReceiverQueuePacket.Offset = load->packet->offset;
        parameters.ReceiverQueuePacket.Length = load->packet->length;
        parameters.ReceiverQueuePacket.Flags.Value = load->packet->checksum;
        parameters.ReceiverQueuePacket.MaximumSegmentSize = load->packet->mss;
        parameters.ReceiverQueuePacket.Info = load->packet->info;
        parameters.ReceiverQueuePacket.Hash = load->packet->hash;
    }
    up = load->chain;
    ticks = __rdtsc();
    for (i = 0; i < rounds; i++) {
        if (load->chain != NULL) {
            send_batch(story, load);
        } else {
            receive_batch(story, load, &parameters);
        }
    }
    ticks = __rdtsc() - ticks;
    if (load->chain != NULL) {
        CHECK(up != NULL && out_count == load->batch);
    } else {
        CHECK_EQ(returned - before, (uint64_t)rounds * load->batch);
    }
    return (double)ticks / ((double)rounds * load->batch);
}

void native_end(void)
{
    fflush(NULL);
    _exit(0);
}
