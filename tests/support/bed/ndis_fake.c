/* SPDX-License-Identifier: BSD-2-Clause */
#include "ndis_fake.h"
#include "ndis/adapter/record.h"
#include "ndis/nbl/nbl.h"

void fake_complete_sends(struct fake *fake)
{
    struct NET_BUFFER_LIST *chain = fake->sends;

    fake->sends = NULL;
    if (chain != NULL) {
        NDIS(NdisMSendNetBufferListsComplete)(fake->handle, chain, 0);
    }
}

static int32_t MS_ABI fake_initialize(void *handle, void *context, struct NDIS_MINIPORT_INIT_PARAMETERS *parameters)
{
    struct fake *fake = context;
    struct NDIS_MINIPORT_ADAPTER_ATTRIBUTES attributes;
    static uint32_t oids[] = { OID_GEN_CURRENT_PACKET_FILTER, OID_GEN_CURRENT_LOOKAHEAD, OID_802_3_MULTICAST_LIST };
    struct NET_BUFFER_LIST_POOL_PARAMETERS pool;

    fake->handle = handle;
    CHECK_EQ(parameters->Header.Type, NDIS_OBJECT_TYPE_MINIPORT_INIT_PARAMETERS);
    if (fake->initialize_status != 0) {
        NDIS(NdisWriteErrorLogEntry)(handle, NDIS_ERROR_CODE_HARDWARE_FAILURE, 2, 7, 0x10);
        return fake->initialize_status;
    }
    memset(&attributes, 0, sizeof(attributes));
    NDIS_HEADER(attributes.RegistrationAttributes.Header, NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES, 1,
                NDIS_SIZEOF_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES_REVISION_1);
    attributes.RegistrationAttributes.MiniportAdapterContext = fake;
    attributes.RegistrationAttributes.AttributeFlags = fake->no_bus ? 0 : NDIS_MINIPORT_ATTRIBUTES_NDIS_WDM;
    CHECK_EQ(NDIS(NdisMSetMiniportAttributes)(handle, &attributes), NDIS_STATUS_SUCCESS);

    memset(&attributes, 0, sizeof(attributes));
    NDIS_HEADER(attributes.GeneralAttributes.Header, NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, 2,
                NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2);
    attributes.GeneralAttributes.MediaType = NdisMedium802_3;
    attributes.GeneralAttributes.MtuSize = fake->mtu != 0 ? fake->mtu : 1500;
    attributes.GeneralAttributes.PowerManagementCapabilitiesEx = fake->wake;
    attributes.GeneralAttributes.LookaheadSize = 1500;
    attributes.GeneralAttributes.MacOptions = fake->mac_options;
    attributes.GeneralAttributes.SupportedPacketFilters =
        NDIS_PACKET_TYPE_DIRECTED | NDIS_PACKET_TYPE_BROADCAST | NDIS_PACKET_TYPE_ALL_MULTICAST;
    attributes.GeneralAttributes.MacAddressLength = 6;
    attributes.GeneralAttributes.IfType = fake->interface != 0 ? fake->interface : 6;
    attributes.GeneralAttributes.MediaConnectState = MediaConnectStateConnected;
    attributes.GeneralAttributes.SupportedOidList = (void *)oids;
    attributes.GeneralAttributes.SupportedOidListLength = sizeof(oids);
    attributes.GeneralAttributes.RecvScaleCapabilities = fake->offers_rss ? &fake->rss : NULL;
    CHECK_EQ(NDIS(NdisMSetMiniportAttributes)(handle, &attributes), NDIS_STATUS_SUCCESS);

    if (fake->offload.Header.Type != 0) {
        memset(&attributes, 0, sizeof(attributes));
        NDIS_HEADER(attributes.OffloadAttributes.Header, NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES, 1,
                    NDIS_SIZEOF_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES_REVISION_1);
        attributes.OffloadAttributes.DefaultOffloadConfiguration = &fake->offload;
        attributes.OffloadAttributes.HardwareOffloadCapabilities = &fake->offload;
        CHECK_EQ(NDIS(NdisMSetMiniportAttributes)(handle, &attributes), NDIS_STATUS_SUCCESS);
    }
    memset(&pool, 0, sizeof(pool));
    NDIS_HEADER(pool.Header, NDIS_OBJECT_TYPE_DEFAULT, 1, NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1);
    pool.fAllocateNetBuffer = 1;
    pool.PoolTag = 0x656b6146;
    fake->pool = NDIS(NdisAllocateNetBufferListPool)(handle, &pool);
    return NDIS_STATUS_SUCCESS;
}

static void MS_ABI fake_halt(void *context, uint32_t action)
{
    struct fake *fake = context;

    (void)action;
    NDIS(NdisFreeNetBufferListPool)(fake->pool);
    fake->halted++;
}

static int32_t MS_ABI fake_pause(void *context, void *parameters)
{
    struct fake *fake = context;

    (void)parameters;
    if (fake->on_pause != NULL) {
        fake->on_pause(fake);
    }
    return fake->pend_pause ? NDIS_STATUS_PENDING : NDIS_STATUS_SUCCESS;
}

static int32_t MS_ABI fake_restart(void *context, struct NDIS_MINIPORT_RESTART_PARAMETERS *parameters)
{
    struct NDIS_RESTART_ATTRIBUTES *attributes = parameters->RestartAttributes;

    (void)context;
    while (attributes != NULL && attributes->Oid != OID_GEN_MINIPORT_RESTART_ATTRIBUTES) {
        attributes = attributes->Next;
    }
    CHECK(attributes != NULL);
    return NDIS_STATUS_SUCCESS;
}

static void fake_see_rss(struct fake *fake, const struct NDIS_OID_REQUEST *request)
{
    const struct NDIS_RECEIVE_SCALE_PARAMETERS *p = request->DATA.SET_INFORMATION.InformationBuffer;
    const uint8_t *bytes = (const uint8_t *)p + p->IndirectionTableOffset; /* a table of revision 1 */
    const struct PROCESSOR_NUMBER *table = (const void *)bytes;
    uint32_t i;

    if ((p->Flags & NDIS_RSS_PARAM_FLAG_DISABLE_RSS) != 0) {
        return;
    }
    CHECK(p->IndirectionTableOffset + p->IndirectionTableSize <= request->DATA.SET_INFORMATION.InformationBufferLength);
    CHECK(p->HashSecretKeyOffset + p->HashSecretKeySize <= request->DATA.SET_INFORMATION.InformationBufferLength);
    fake->rss_seen.sets++;
    fake->rss_seen.revision = p->Header.Revision;
    fake->rss_seen.size = p->Header.Size;
    fake->rss_seen.entries = p->IndirectionTableSize / (p->Header.Revision == 1 ? 1 : sizeof(*table));
    for (i = 0; i < fake->rss_seen.entries; i++) {
        fake->rss_seen.numbers[i] = p->Header.Revision == 1 ? bytes[i] : table[i].Number;
    }
}

static int32_t MS_ABI fake_oid(void *context, struct NDIS_OID_REQUEST *request)
{
    struct fake *fake = context;

    fake->oids++;
    fake->oid = request;
    if (fake->on_oid != NULL) {
        return fake->on_oid(fake, request);
    }
    if (request->RequestType != NdisRequestSetInformation) {
        return (int32_t)NDIS_STATUS_NOT_SUPPORTED;
    }
    if (request->DATA.SET_INFORMATION.Oid == OID_GEN_RECEIVE_SCALE_PARAMETERS) {
        fake_see_rss(fake, request);
    }
    request->DATA.SET_INFORMATION.BytesRead = request->DATA.SET_INFORMATION.InformationBufferLength;
    return NDIS_STATUS_SUCCESS;
}

static void MS_ABI fake_send(void *context, struct NET_BUFFER_LIST *chain, uint32_t port, uint32_t flags)
{
    struct fake *fake = context;
    struct NET_BUFFER_LIST *last = chain;

    (void)port;
    CHECK_EQ(flags & NDIS_SEND_FLAGS_DISPATCH_LEVEL,
             irql_current() == DISPATCH_LEVEL ? NDIS_SEND_FLAGS_DISPATCH_LEVEL : 0);
    fake->send_calls++;
    for (;; last = last->Next) {
        fake->sent++;
        last->Status = NDIS_STATUS_SUCCESS;
        if (last->Next == NULL) {
            break;
        }
    }
    if (fake->on_send != NULL) {
        fake->on_send(fake, chain);
    }
    last->Next = fake->sends;
    fake->sends = chain;
    if (!fake->hold_sends) {
        fake_complete_sends(fake);
    }
}

static void MS_ABI fake_return(void *context, struct NET_BUFFER_LIST *chain, uint32_t flags)
{
    struct fake *fake = context;
    struct NET_BUFFER_LIST *next;

    (void)flags;
    fake->return_calls++;
    for (; chain != NULL; chain = next) {
        next = chain->Next;
        fake->returned++;
        NDIS(NdisFreeNetBufferList)(chain);
    }
}

static void MS_ABI fake_nothing(void *context, void *argument)
{
    (void)context;
    (void)argument;
}

int32_t fake_register(struct fake *fake)
{
    static uint16_t path[] = u"\\Registry\\Machine\\System\\CurrentControlSet\\Services\\fake";
    struct UNICODE_STRING registry_path = { 0 };

    registry_path.Length = sizeof(path) - 2;
    registry_path.Buffer = (void *)path;
    return NDIS(NdisMRegisterMiniportDriver)(&fake->driver_object, &registry_path, fake, &fake->characteristics,
                                             &fake->miniport);
}

struct adapter *fake_add(struct fake *fake, char *error, size_t size)
{
    CHECK_EQ(fake_register(fake), NDIS_STATUS_SUCCESS);
    fake->adapter = adapter_create(&fake->driver_object, fake->physical, &fake->package, error, size);
    return fake->adapter;
}

struct NET_BUFFER_LIST *fake_packet(struct fake *fake, struct MDL *mdl, uint32_t offset, uint32_t length)
{
    struct NET_BUFFER_LIST *nbl = NDIS(NdisAllocateNetBufferAndNetBufferList)(fake->pool, 0, 0, mdl, offset, length);

    nbl->SourceHandle = fake->handle;
    return nbl;
}

static void fake_init(struct fake *fake)
{
    struct NDIS_MINIPORT_DRIVER_CHARACTERISTICS *c = &fake->characteristics;

    NDIS_HEADER(c->Header, NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS, 2,
                NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2);
    c->MajorNdisVersion = 6;
    c->MinorNdisVersion = 20;
    c->InitializeHandlerEx = (void *)fake_initialize;
    c->HaltHandlerEx = (void *)fake_halt;
    c->PauseHandler = (void *)fake_pause;
    c->RestartHandler = (void *)fake_restart;
    c->OidRequestHandler = (void *)fake_oid;
    c->SendNetBufferListsHandler = (void *)fake_send;
    c->ReturnNetBufferListsHandler = (void *)fake_return;
    c->CancelSendHandler = c->CancelOidRequestHandler = (void *)fake_nothing;
    c->DevicePnPEventNotifyHandler = c->ShutdownHandlerEx = (void *)fake_nothing;
    fake->package = (struct package){ .service = "fake",
                                      .service_key = FAKE_SERVICE_KEY,
                                      .driver_key = FAKE_DRIVER_KEY,
                                      .description = "Fake adapter",
                                      .matched_id = "FAKE",
                                      .image_name = "fake.sys" };
}

struct fake_plan {
    const char *windows;
    void (*body)(struct fake *fake);
};

static void fake_task(void *argument)
{
    const struct fake_plan *plan = argument;
    struct fake *fake = ndis_alloc(sizeof(*fake));
    struct xen_host_options host = { .guest_pages = 4096, .max_grants = 1024 };
    static const char *const hardware[] = { "FAKE", NULL }, *const none[] = { NULL };
    struct pdo_ids ids = { .device_id = "FAKE", .hardware_ids = hardware, .compatible_ids = none, .instance_id = "0" };
    struct leaks leaks = { 0 };
    size_t i;

    nt_start(4);
    ndis_start();
    registry_create_key(FAKE_DRIVER_KEY);
    registry_create_key(FAKE_SERVICE_KEY "\\Parameters");
    fake->host = xen_host_create(&host);
    fake->xen = xen_domain_create(fake->host, 1);
    fake->physical = pdo_create(&ids, NULL, NULL);
    fake_init(fake);
    plan->body(fake);
    if (fake->adapter != NULL) {
        adapter_remove(fake->adapter);
    }
    if (fake->miniport != NULL) {
        NDIS(NdisMDeregisterMiniportDriver)(fake->miniport);
    }
    pdo_destroy(fake->physical);
    ndis_leaks(&leaks);
    nt_leaks(&leaks);
    for (i = 0; i < leaks.count; i++) {
        fprintf(stderr, "left behind: %s\n", leaks.lines[i]);
    }
    CHECK_EQ(leaks.count, 0);
    xen_domain_destroy(fake->xen);
    xen_host_destroy(fake->host);
    ndis_stop();
    nt_stop();
}

void fake_run(enum sched_kind kind, const char *windows, void (*body)(struct fake *fake))
{
    struct sched_options options = { .kind = kind, .seed = test_seed() };
    struct fake_plan plan = { windows, body };

    windows_simulate(windows_version_find(windows));
    CHECK_EQ(sched_run(&options, fake_task, &plan), 0);
}

void fake_add_running(struct fake *fake)
{
    char error[400] = "";

    CHECK(fake_add(fake, error, sizeof(error)) != NULL);
    CHECK_EQ(adapter_restart(fake->adapter), NDIS_STATUS_SUCCESS);
}

/* --- rules --- */

uint8_t fake_bytes[FAKE_BYTES];

void fake_run_body(void *argument)
{
    fake_run(SCHED_SIMULATED, "10-22h2", (void (*)(struct fake *))argument);
}

struct NET_BUFFER_LIST *fake_received(struct fake *fake)
{
    return fake_packet(fake, mdl_create(fake_bytes, FAKE_BYTES), 0, 100);
}

void fake_indicate(struct fake *fake, struct NET_BUFFER_LIST *nbl, uint32_t flags)
{
    NDIS(NdisMIndicateReceiveNetBufferLists)(fake->handle, nbl, 0, 1, flags);
}

static void no_receive(void *context, uint32_t processor, const struct frame *frame)
{
    (void)context;
    (void)processor;
    (void)frame;
}

struct edge *fake_open_edge(struct fake *fake)
{
    struct edge_options options = {
        .memory = fake->xen, .buffers = 4, .queues = 1, .frame_size = 1514, .receive = no_receive
    };
    char error[300] = "";
    struct edge *edge = edge_open(fake->adapter, &options, error, sizeof(error));

    CHECK_STR(error, "");
    return edge;
}

void fake_send_one(struct edge *edge)
{
    struct frame frame;

    CHECK(edge_buffer(edge, 0, &frame, true));
    memset(frame.vectors[0].iov_base, 0, 60);
    frame.length = 60;
    edge_queue(edge, 0, &frame);
    edge_flush(edge, 0);
}

void fake_keep_one(struct fake *fake, struct NET_BUFFER_LIST *nbl)
{
    /* As if the protocol held it: indicated, and the return not made. */
    nbl_set_tag(nbl, NBL_TAG_INDICATED);
    COUNT(adapter_here(fake->adapter)->indicated, 1);
}
