/* SPDX-License-Identifier: BSD-2-Clause */
#include "vif_bed.h"

#include "busdriver/busdriver.h"
#include "nt/io/pnp_bus.h"

uint8_t vb_bytes[MAX_FRAME_BYTES + 64], vb_other[MAX_FRAME_BYTES + 64];

static void vb_fault(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void vb_got(struct vif_bed *bed, const struct vb_received *packet)
{
    uint32_t number;

    if (!packet->more) {
        __atomic_add_fetch(&bed->batches, 1, __ATOMIC_SEQ_CST);
    }
    pthread_mutex_lock(&bed->receiving);
    number = bed->received_count;
    if (number < VIF_BED_PACKETS) {
        bed->received[number] = *packet;
        bed->received[number].held = bed->keep;
    }
    __atomic_store_n(&bed->received_count, number + 1, __ATOMIC_SEQ_CST); /* who waits for it reads it */
    pthread_mutex_unlock(&bed->receiving);
    if (!bed->keep) {
        ((vb_return *)bed->vifi.ReceiverReturnPacket)(&bed->vifi, packet->cookie);
    }
    sched_wake(&bed->received_count, UINT32_MAX);
}

static void vb_sent(struct vif_bed *bed, void *cookie,
                    const struct XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *completion)
{
    uintptr_t number = (uintptr_t)cookie - 1;

    if (number >= bed->memory_pages || __atomic_exchange_n(&bed->cookies[number], 0, __ATOMIC_SEQ_CST) != 1) {
        __atomic_add_fetch(&bed->doubled, 1, __ATOMIC_SEQ_CST);
    }
    uint32_t *counter = completion->Status == XENVIF_TRANSMITTER_PACKET_OK        ? &bed->sent_ok
                        : completion->Status == XENVIF_TRANSMITTER_PACKET_DROPPED ? &bed->sent_dropped
                                                                                  : &bed->sent_error;
    __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
    sched_wake(&bed->sent_ok, UINT32_MAX);
}

MS_ABI void vb_callback(void *argument, uint32_t type, struct XENVIF_VIF_CALLBACK_PARAMETERS_V10 *p)
{
    struct vif_bed *bed = argument;

    if (bed->seen != NULL) {
        bed->seen(bed, type, p);
    }
    if (type == XENVIF_TRANSMITTER_RETURN_PACKET) {
        vb_fault(irql_current() == DISPATCH_LEVEL, "completion below DISPATCH_LEVEL");
        vb_sent(bed, p->TransmitterReturnPacket.Cookie, p->TransmitterReturnPacket.Completion);
    } else if (type == XENVIF_RECEIVER_QUEUE_PACKET) {
        const struct XENVIF_PACKET_INFO_V2 *info = p->ReceiverQueuePacket.Info;
        const struct XENVIF_PACKET_HASH_V2 *hash = p->ReceiverQueuePacket.Hash;
        struct vb_received packet = {
            p->ReceiverQueuePacket.Index,
            p->ReceiverQueuePacket.Length,
            p->ReceiverQueuePacket.Offset,
            p->ReceiverQueuePacket.Flags.Value,
            p->ReceiverQueuePacket.MaximumSegmentSize,
            p->ReceiverQueuePacket.TagControlInformation,
            p->ReceiverQueuePacket.More,
            p->ReceiverQueuePacket.Mdl,
            *info,
            *hash,
            p->ReceiverQueuePacket.Cookie,
            false,
        };

        vb_got(bed, &packet);
        if (bed->version == 10 && bed->pause_every != 0 && bed->received_count % bed->pause_every == 0) {
            p->ReceiverQueuePacket.Pause = 1;
        }
    } else {
        __atomic_add_fetch(&bed->mac_changes, 1, __ATOMIC_SEQ_CST);
        sched_wake(&bed->mac_changes, UINT32_MAX);
    }
}

static MS_CDECL void vb_callback8(void *argument, uint32_t type, ...)
{
    struct XENVIF_VIF_CALLBACK_PARAMETERS_V10 p;
    ms_va_list arguments;

    ms_va_start(arguments, type);
    if (type == XENVIF_TRANSMITTER_RETURN_PACKET) {
        p.TransmitterReturnPacket.Cookie = __builtin_va_arg(arguments, void *);
        p.TransmitterReturnPacket.Completion = __builtin_va_arg(arguments, void *);
    } else if (type == XENVIF_RECEIVER_QUEUE_PACKET) {
        p.ReceiverQueuePacket.Index = __builtin_va_arg(arguments, uint32_t);
        p.ReceiverQueuePacket.Mdl = __builtin_va_arg(arguments, struct MDL *);
        p.ReceiverQueuePacket.Offset = __builtin_va_arg(arguments, uint32_t);
        p.ReceiverQueuePacket.Length = __builtin_va_arg(arguments, uint32_t);
        p.ReceiverQueuePacket.Flags.Value = __builtin_va_arg(arguments, uint32_t);
        p.ReceiverQueuePacket.MaximumSegmentSize = (uint16_t) __builtin_va_arg(arguments, uint32_t);
        p.ReceiverQueuePacket.TagControlInformation = (uint16_t) __builtin_va_arg(arguments, uint32_t);
        p.ReceiverQueuePacket.Info = __builtin_va_arg(arguments, void *);
        p.ReceiverQueuePacket.Hash = __builtin_va_arg(arguments, void *);
        p.ReceiverQueuePacket.More = (uint8_t) __builtin_va_arg(arguments, uint32_t);
        p.ReceiverQueuePacket.Cookie = __builtin_va_arg(arguments, void *);
    }
    ms_va_end(arguments);
    vb_callback(argument, type, &p);
}

const uint8_t *vb_guid(void)
{
    static const struct {
        uint32_t a;
        uint16_t b, c;
        uint8_t d[8];
    } guid = GUID_XENVIF_VIF_INTERFACE;

    return (const uint8_t *)&guid;
}

void vb_filter_all(struct vif_bed *bed)
{
    for (uint32_t type = ETHERNET_ADDRESS_UNICAST; type < ETHERNET_ADDRESS_TYPE_COUNT; type++) {
        CHECK_EQ(((vb_filter *)bed->vifi.MacSetFilterLevel)(&bed->vifi, type, XENVIF_MAC_FILTER_ALL), 0);
    }
}

void vb_start_netback(struct vif_bed *bed, const struct vif_bed_options *options)
{
    struct netback_options netback = {
        .vif = bed->config,
        .queues = options->queues,
        .mtu = options->mtu != 0 ? options->mtu : 1500,
        .speed_mbps = 10000,
        .without = options->without,
        .rate_kbps = options->rate_kbps,
    };

    bed->netback = netback_create(bed->dom0, bed->port, &netback);
    CHECK(bed->netback != NULL);
}

/* The bus driver's image, with the network device that it finds installed and started. */
static void start_image(struct vif_bed *bed, const struct vif_bed_options *options)
{
    const struct busdriver_options image = { options->xenvif, options->xenvif_inf, options->queues, 1 };
    char error[1024] = "";

    bed->bus = busdriver_start(bed->guest, &image, error, sizeof(error));
    bed->package = bed->bus == NULL ? NULL : package_install(vb_pdo(bed), options->inf, NULL, error, sizeof(error));
    if (bed->package == NULL) {
        test_fail(__FILE__, __LINE__, "%s", error);
    }
    CHECK_EQ(pnp_start_device(device_object(vb_pdo(bed))), 0);
}

static void stop_image(struct vif_bed *bed, struct leaks *leaks)
{
    (void)pnp_send(device_object(vb_pdo(bed)), IRP_MN_SURPRISE_REMOVAL);
    (void)pnp_send(device_object(vb_pdo(bed)), IRP_MN_REMOVE_DEVICE);
    package_free(bed->package);
    busdriver_stop(bed->bus, leaks);
}

struct device *vb_pdo(const struct vif_bed *bed)
{
    return bed->bus != NULL ? busdriver_child(bed->bus, 0) : vif_pdo(bed->vif);
}

void vb_start(struct vif_bed *bed, const struct vif_bed_options *options)
{
    const struct xen_host_options host = { 24 * 1024, 32768, options->strict };
    const struct vif_options vif = { .release = options->release,
                                     .version = options->version,
                                     .queues = options->queues,
                                     .vendor = "XP0002",
                                     .grant_per_packet = options->per_packet,
                                     .stall_ns = options->stall_ns };

    memset(bed, 0, sizeof(*bed));
    pthread_mutex_init(&bed->receiving, NULL);
    nt_start(options->processors != 0 ? options->processors : 2);
    bed->version = options->version;
    bed->received = calloc(VIF_BED_PACKETS, sizeof(*bed->received));
    bed->host = xen_host_create(&host);
    bed->dom0 = xen_domain_create(bed->host, 0);
    bed->guest = xen_domain_create(bed->host, 1);
    bed->config = (struct xen_vif_config){ 1, 0, 0, { 0x00, 0x16, 0x3e, 0x01, 0x02, 0x03 }, "vif1.0" };
    CHECK_EQ(xen_toolstack_add_vif(bed->host, &bed->config), 0);
    bed->port = memory_port_create(options->queues, 1024);
    vb_start_netback(bed, options);
    if (options->xenvif != NULL) {
        start_image(bed, options);
    } else {
        bed->vif = vif_create(bed->guest, &vif);
        CHECK(bed->vif != NULL);
    }
    bed->memory_pages = 2048;
    bed->memory = xen_memory_alloc(bed->guest, bed->memory_pages);
    bed->mdls = calloc(bed->memory_pages, sizeof(*bed->mdls));
    bed->cookies = calloc(bed->memory_pages, 1);
    for (uint32_t i = 0; i < bed->memory_pages; i++) {
        bed->mdls[i] = mdl_create(bed->memory + (size_t)i * 4096, 4096);
    }
}

void *vb_callback_of(const struct vif_bed *bed)
{
    return bed->version == 8 ? (void *)vb_callback8 : (void *)vb_callback;
}

void vb_bind(struct vif_bed *bed)
{
    CHECK_EQ(pnp_query_interface(device_object(vb_pdo(bed)), vb_guid(), (uint16_t)bed->version, &bed->vifi,
                                 sizeof(bed->vifi)),
             0);
    CHECK_EQ(((vb_acquire *)bed->vifi.Acquire)(&bed->vifi), 0);
    vb_filter_all(bed);
    CHECK_EQ(((vb_enable *)bed->vifi.Enable)(&bed->vifi, vb_callback_of(bed), bed), 0);
}

void vb_unbind(struct vif_bed *bed)
{
    ((vb_release *)bed->vifi.Disable)(&bed->vifi);
    ((vb_release *)bed->vifi.Release)(&bed->vifi);
}

void vb_stop(struct vif_bed *bed)
{
    struct leaks leaks = { 0 };

    for (uint32_t i = 0; i < bed->memory_pages; i++) {
        mdl_free(bed->mdls[i]);
    }
    xen_memory_free(bed->guest, bed->memory, bed->memory_pages);
    if (bed->bus != NULL) {
        stop_image(bed, &leaks);
    } else {
        vif_leaks(bed->vif, &leaks);
        vif_destroy(bed->vif);
    }
    netback_leaks(bed->netback, &leaks);
    port_stop(bed->port);
    netback_destroy(bed->netback);
    nt_leaks(&leaks);
    xen_toolstack_remove_vif(bed->host, &bed->config);
    xen_leaks(bed->guest, &leaks);
    xen_leaks(bed->dom0, &leaks);
    xen_domain_destroy(bed->guest);
    xen_domain_destroy(bed->dom0);
    xen_host_destroy(bed->host);
    port_destroy(bed->port);
    nt_stop();
    free(bed->mdls);
    free(bed->cookies);
    free(bed->received);
    for (size_t i = 0; i < leaks.count; i++) {
        fprintf(stderr, "left behind: %s\n", leaks.lines[i]);
    }
    if (bed->bus == NULL) { /* what an image leaves is the image's own */
        CHECK_EQ(leaks.count, 0);
    }
    leaks_free(&leaks);
}

int32_t vb_send(struct vif_bed *bed, uint32_t number, struct MDL *mdl, uint32_t length, uint16_t options, uint16_t mss,
                const struct XENVIF_PACKET_HASH_V2 *hash, bool more)
{
    const struct XENVIF_PACKET_HASH_V2 none = { .Algorithm = XENVIF_PACKET_HASH_ALGORITHM_NONE };
    const struct XENVIF_VIF_OFFLOAD_OPTIONS_V1 offload = { .Value = options };
    int32_t status;

    bed->cookies[number] = 1;
    status = ((vb_queue *)bed->vifi.TransmitterQueuePacket)(&bed->vifi, mdl != NULL ? mdl : bed->mdls[number], 0,
                                                            length, offload, mss, 0, hash != NULL ? hash : &none, more,
                                                            (void *)(uintptr_t)(number + 1));
    if (status != 0) {
        bed->cookies[number] = 0;
    }
    return status;
}

uint32_t vb_completed(struct vif_bed *bed)
{
    return __atomic_load_n(&bed->sent_ok, __ATOMIC_SEQ_CST) + __atomic_load_n(&bed->sent_dropped, __ATOMIC_SEQ_CST) +
           __atomic_load_n(&bed->sent_error, __ATOMIC_SEQ_CST);
}

void vb_wait_completed(struct vif_bed *bed, uint32_t count)
{
    uint64_t deadline = sched_now() + 20 * SECOND;

    while (vb_completed(bed) < count) {
        uint32_t ok = __atomic_load_n(&bed->sent_ok, __ATOMIC_SEQ_CST);

        CHECK(sched_now() < deadline);
        if (vb_completed(bed) < count) {
            sched_wait(&bed->sent_ok, ok, sched_now() + SECOND / 1000);
        }
    }
}

void vb_wait_received(struct vif_bed *bed, uint32_t count)
{
    uint64_t deadline = sched_now() + 20 * SECOND;
    uint32_t seen;

    while ((seen = __atomic_load_n(&bed->received_count, __ATOMIC_SEQ_CST)) < count) {
        CHECK(sched_now() < deadline);
        sched_wait(&bed->received_count, seen, deadline);
    }
}

uint32_t vb_copy(const struct vb_received *packet, uint8_t *to)
{
    const struct MDL *mdl = packet->mdl;
    uint32_t offset = packet->offset, left = packet->length, done = 0;

    while (mdl != NULL && left != 0) {
        uint32_t piece = mdl->ByteCount - offset < left ? mdl->ByteCount - offset : left;

        memcpy(to + done, (const uint8_t *)mdl->MappedSystemVa + offset, piece);
        done += piece;
        left -= piece;
        offset = 0;
        mdl = mdl->Next;
    }
    return done;
}

void vb_give_back(struct vif_bed *bed)
{
    for (uint32_t i = 0; i < bed->received_count && i < VIF_BED_PACKETS; i++) {
        if (bed->received[i].held) {
            bed->received[i].held = false;
            ((vb_return *)bed->vifi.ReceiverReturnPacket)(&bed->vifi, bed->received[i].cookie);
        }
    }
}

static void run_story(void *argument)
{
    const struct vb_story *story = argument;
    static struct vif_bed bed;

    vb_start(&bed, &story->options);
    story->body(&bed);
    vb_stop(&bed);
}

void vb_run(struct vb_story *story, enum sched_kind kind, uint64_t seed)
{
    const char *trace = getenv("VIF_TRACE");
    const struct sched_options options = { .kind = kind,
                                           .seed = seed,
                                           .trace = trace != NULL ? fopen(trace, "w") : NULL };

    CHECK_EQ(sched_run(&options, run_story, story), 0);
}

void vb_run_simulated(void *story)
{
    vb_run(story, SCHED_SIMULATED, test_seed());
}

void vb_run_all(struct vb_story story, uint32_t seeds)
{
    if (!test_seed_given()) {
        vb_run(&story, SCHED_LIVE, 1);
    }
    seeds = test_seeds(seeds);
    for (uint32_t i = 0; i < seeds; i++) {
        vb_run(&story, SCHED_SIMULATED, test_seed() + i);
    }
}

struct frame vb_udp(uint32_t payload, uint16_t source_port)
{
    struct frame frame;

    packet_build(&(struct packet_shape){ 4, PROTOCOL_UDP, payload, .source_port = source_port }, vb_bytes, &frame);
    return frame;
}

void vb_exchange(struct vif_bed *bed, uint32_t number)
{
    struct frame frame = vb_udp(100, 1), got = { .vectors = { { vb_other, sizeof(vb_other) } }, .vector_count = 1 };
    uint32_t before = vb_completed(bed), received = bed->received_count;

    frame_complete_checksum(&frame);
    memcpy(bed->memory, vb_bytes, frame.length);
    CHECK_EQ(vb_send(bed, 0, NULL, frame.length, 0, 0, NULL, false), 0);
    CHECK_EQ(memory_port_collect(bed->port, 0, &got, 20 * SECOND), frame.length);
    vb_wait_completed(bed, before + 1);
    CHECK_EQ(bed->sent_ok, number);
    CHECK_EQ(memory_port_inject(bed->port, 0, &frame), 0);
    vb_wait_received(bed, received + 1);
}
