/* SPDX-License-Identifier: BSD-2-Clause */
/* Each rule of the simulated NDIS, tripped: a driver that breaks it must be stopped by that rule's name. */
#include "ndis/late.h"
#include "ndis_fake.h"
#include "nt/check/provider_wait.h"
#include "nt/processor/dpc.h"
#include "ndis/nbl/nbl.h"
#include "ndis/adapter/record.h"

typedef void *MS_ABI fake_NdisAllocateRWLock(void *);
typedef void MS_ABI fake_NdisReleaseRWLock(void *, void *);
typedef void MS_ABI fake_NdisAcquireRWLockRead(void *, void *, uint8_t);
typedef void MS_ABI fake_NdisAcquireRWLockWrite(void *, void *, uint8_t);
typedef int32_t MS_ABI fake_NdisAllocateTimerObject(void *, void *, void **);
typedef uint8_t MS_ABI fake_NdisSetTimerObject(void *, int64_t, uint32_t, void *);
typedef void MS_ABI fake_NdisFreeTimerObject(void *);
typedef void *MS_ABI fake_NdisAllocateIoWorkItem(void *);
typedef void MS_ABI fake_NdisQueueIoWorkItem(void *, void *, void *);
typedef void MS_ABI fake_NdisFreeIoWorkItem(void *);
typedef int32_t MS_ABI fake_NdisOpenConfigurationEx(void *, void **);
typedef void MS_ABI fake_NdisReadConfiguration(int32_t *, void *, void *, void *, uint32_t);
typedef void MS_ABI fake_NdisFreeMemory(void *, uint32_t, uint32_t);
typedef int32_t MS_ABI fake_NdisMRegisterScatterGatherDma(void *, void *, void **);
typedef int32_t MS_ABI fake_NdisWriteEventLogEntry(void *, int32_t, uint32_t, uint16_t, void *, uint32_t, void *);

/* --- handles and registration --- */
TRIPS("ndis-handle", a_wrong_handle_is_caught)
{
    (void)fake;
    NDIS(NdisMPauseComplete)(NULL);
}
TRIPS("ndis-handle", an_adapter_handle_is_no_pool)
{
    fake_add_running(fake);
    NDIS(NdisFreeNetBufferListPool)(fake->handle);
}
TRIPS("ndis-characteristics", a_missing_handler_is_caught)
{
    fake->characteristics.PauseHandler = NULL;
    fake_register(fake);
}
TRIPS("ndis-revision", characteristics_newer_than_the_version_are_caught)
{
    fake->characteristics.Header.Revision = 3;
    fake->characteristics.Header.Size = NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3;
    fake_register(fake);
}
TRIPS("ndis-revision", a_short_record_is_caught)
{
    fake->characteristics.Header.Size--;
    fake_register(fake);
}
TRIPS("ndis-revision", a_long_record_is_caught)
{
    fake->characteristics.Header.Size = sizeof(fake->characteristics) + 4;
    fake_register(fake);
}
static void long_record(struct fake *fake)
{
    fake->characteristics.Header.Size = sizeof(fake->characteristics) + 4;
    rule_be_lenient(true);
    CHECK_EQ(fake_register(fake), NDIS_STATUS_SUCCESS);
    CHECK_EQ(rule_remarks(), 1);
}
TEST(a_long_record_is_taken_leniently)
{
    fake_run(SCHED_SIMULATED, "10-22h2", long_record);
}
TRIPS("ndis-revision", offload_records_newer_than_the_version_are_caught)
{
    char error[100];

    NDIS_HEADER(fake->offload.Header, NDIS_OBJECT_TYPE_OFFLOAD, 3, NDIS_SIZEOF_NDIS_OFFLOAD_REVISION_3);
    fake_add(fake, error, sizeof(error));
}
static char last_remark[512];

static void keep_remark(void *kept, const char *text)
{
    snprintf(kept, sizeof(last_remark), "%s", text);
}

TRIPS("ndis-attributes", an_adapter_that_is_neither_hardware_nor_wdm_is_caught)
{
    char error[100];

    fake->no_bus = true;
    fake_add(fake, error, sizeof(error));
}

static void add_neither(struct fake *fake)
{
    uint32_t before = rule_remarks();

    rule_be_lenient(true);
    fake->no_bus = true;
    fake_add_running(fake);
    CHECK_EQ(rule_remarks(), before + 1);
    rule_each_remark(keep_remark, last_remark);
    CHECK_CONTAINS(last_remark, "rule ndis-attributes (Windows lets it pass): ");
}
TEST(a_foreign_adapter_that_is_neither_is_remarked_and_runs)
{
    fake_run(SCHED_SIMULATED, "10-22h2", add_neither);
}

static void add_virtual(struct fake *fake)
{
    struct adapter_facts facts;

    fake->interface = 53; /* IF_TYPE_PROP_VIRTUAL, over Ethernet's medium */
    fake->mtu = 16 << 20;
    fake_add_running(fake);
    adapter_facts(fake->adapter, &facts);
    CHECK_EQ(facts.mtu, 16 << 20);
}
TEST(an_adapter_of_a_medium_of_its_own_is_taken_as_it_is)
{
    fake_run(SCHED_SIMULATED, "10-22h2", add_virtual);
}

/* As drivers have it that leave the record's type at 0. */
static void wake_without_type(struct fake *fake)
{
    static struct NDIS_PM_CAPABILITIES wake;

    NDIS_HEADER(wake.Header, 0, NDIS_PM_CAPABILITIES_REVISION_1, NDIS_SIZEOF_NDIS_PM_CAPABILITIES_REVISION_1);
    fake->wake = &wake;
}
TRIPS("ndis-revision", capabilities_for_wake_up_without_a_type_are_caught)
{
    wake_without_type(fake);
    fake_add_running(fake);
}
static void add_without_type(struct fake *fake)
{
    uint32_t before = rule_remarks();

    rule_be_lenient(true);
    wake_without_type(fake);
    fake_add_running(fake);
    CHECK_EQ(rule_remarks(), before + 1);
}
TEST(foreign_capabilities_for_wake_up_without_a_type_are_remarked)
{
    fake_run(SCHED_SIMULATED, "10-22h2", add_without_type);
}

TRIPS("ndis-attributes", attributes_outside_initialization_are_caught)
{
    struct NDIS_MINIPORT_ADAPTER_ATTRIBUTES attributes;

    fake_add_running(fake);
    memset(&attributes, 0, sizeof(attributes));
    NDIS_HEADER(attributes.GeneralAttributes.Header, NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES, 2,
                NDIS_SIZEOF_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES_REVISION_2);
    NDIS(NdisMSetMiniportAttributes)(fake->handle, &attributes);
}
static int32_t MS_ABI initialize_without_attributes(void *handle, void *context, void *parameters)
{
    (void)handle;
    (void)context;
    (void)parameters;
    return NDIS_STATUS_SUCCESS;
}
TRIPS("ndis-attributes", success_without_attributes_is_caught)
{
    char error[100];

    fake->characteristics.InitializeHandlerEx = (void *)initialize_without_attributes;
    fake_add(fake, error, sizeof(error));
}

/* --- states --- */
TRIPS("ndis-state", packets_indicated_while_paused_are_caught)
{
    char error[100];

    fake_add(fake, error, sizeof(error));
    fake_indicate(fake, fake_received(fake), 0);
}
TRIPS("ndis-state", a_completion_nobody_waits_for_is_caught)
{
    fake_add_running(fake);
    NDIS(NdisMRestartComplete)(fake->handle, NDIS_STATUS_SUCCESS);
}
static void finish_at_once(struct fake *fake)
{
    NDIS(NdisMPauseComplete)(fake->handle);
}
TRIPS("ndis-state", a_pause_completed_twice_is_caught)
{
    fake_add_running(fake);
    fake->on_pause = finish_at_once;
    adapter_pause(fake->adapter);
}
static int32_t MS_ABI refuse_pause(void *context, void *parameters)
{
    (void)context;
    (void)parameters;
    return (int32_t)NDIS_STATUS_FAILURE;
}
TRIPS("ndis-pause", a_failing_pause_is_caught)
{
    fake->characteristics.PauseHandler = (void *)refuse_pause;
    fake_add_running(fake);
    adapter_pause(fake->adapter);
}
TRIPS("ndis-pause", a_pause_with_sends_outstanding_is_caught)
{
    fake->hold_sends = true;
    fake_add_running(fake);
    fake_send_one(fake_open_edge(fake));
    adapter_pause(fake->adapter);
}
TRIPS("ndis-pause", a_pause_with_receives_outstanding_is_caught)
{
    fake_add_running(fake);
    fake_keep_one(fake, fake_received(fake));
    fake->on_pause = finish_at_once;
    adapter_pause(fake->adapter);
}

/* --- resets --- */
static int32_t reset_result;
static int32_t MS_ABI reset_with_result(void *context, uint8_t *addressing)
{
    (void)context;
    (void)addressing;
    return reset_result;
}
TRIPS("ndis-reset", a_reset_with_a_result_that_is_none_is_caught)
{
    fake->characteristics.ResetHandlerEx = (void *)reset_with_result;
    reset_result = (int32_t)NDIS_STATUS_NOT_RESETTABLE;
    fake_add_running(fake);
    adapter_reset(fake->adapter);
}
static uint8_t MS_ABI hangs_always(void *context)
{
    (void)context;
    return 1;
}
TRIPS("ndis-characteristics", a_reset_handler_from_6_83_on_is_caught)
{
    fake->characteristics.MinorNdisVersion = 83;
    fake->characteristics.ResetHandlerEx = (void *)reset_with_result;
    fake_register(fake);
}
TRIPS("ndis-reset", a_reset_that_keeps_sends_is_caught)
{
    fake->characteristics.ResetHandlerEx = (void *)reset_with_result;
    fake->characteristics.CheckForHangHandlerEx = (void *)hangs_always;
    fake->characteristics.MinorNdisVersion = 30;
    fake->hold_sends = true;
    reset_result = NDIS_STATUS_SUCCESS;
    fake_add_running(fake);
    fake_send_one(fake_open_edge(fake));
    adapter_check_for_hang(fake->adapter);
}
TRIPS("ndis-removal", sends_kept_after_a_surprise_removal_are_caught)
{
    fake->hold_sends = true;
    fake_add_running(fake);
    fake_send_one(fake_open_edge(fake));
    adapter_surprise_remove(fake->adapter);
}
typedef void MS_ABI fake_NdisMResetComplete(void *, int32_t, uint8_t);
TRIPS("ndis-state", a_reset_completed_that_nobody_asked_for_is_caught)
{
    fake_add_running(fake);
    NDIS(NdisMResetComplete)(fake->handle, NDIS_STATUS_SUCCESS, 0);
}

/* --- OIDs and status --- */
static int32_t write_past(struct fake *fake, struct NDIS_OID_REQUEST *request)
{
    (void)fake;
    ((uint8_t *)request->DATA.QUERY_INFORMATION.InformationBuffer)[4] = 0;
    request->DATA.QUERY_INFORMATION.BytesWritten = 4;
    return NDIS_STATUS_SUCCESS;
}
static void query(struct fake *fake, int32_t (*handler)(struct fake *, struct NDIS_OID_REQUEST *))
{
    uint32_t value = 0, written, needed;

    fake_add_running(fake);
    fake->on_oid = handler;
    adapter_query(fake->adapter, OID_GEN_LINK_SPEED, &value, sizeof(value), &written, &needed);
}
TRIPS("ndis-oid", an_oid_that_writes_past_its_buffer_is_caught)
{
    query(fake, write_past);
}
static int32_t claim_more(struct fake *fake, struct NDIS_OID_REQUEST *request)
{
    (void)fake;
    request->DATA.QUERY_INFORMATION.BytesWritten = 5;
    return NDIS_STATUS_SUCCESS;
}
TRIPS("ndis-oid", an_oid_that_claims_more_than_fits_is_caught)
{
    query(fake, claim_more);
}
static int32_t short_without_need(struct fake *fake, struct NDIS_OID_REQUEST *request)
{
    (void)fake;
    (void)request;
    return (int32_t)NDIS_STATUS_BUFFER_TOO_SHORT;
}
TRIPS("ndis-oid", too_short_without_the_length_needed_is_caught)
{
    query(fake, short_without_need);
}
static int32_t complete_and_return(struct fake *fake, struct NDIS_OID_REQUEST *request)
{
    NDIS(NdisMOidRequestComplete)(fake->handle, request, NDIS_STATUS_SUCCESS);
    return NDIS_STATUS_SUCCESS;
}
TRIPS("ndis-oid", an_oid_completed_twice_is_caught)
{
    query(fake, complete_and_return);
}
static int32_t ask_the_backend_seven_times(struct fake *fake, struct NDIS_OID_REQUEST *request)
{
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    uint32_t i;

    (void)fake, (void)request;
    for (i = 0; i < 7; i++) {
        provider_wait(sched_now());
    }
    irql_lower(old);
    return NDIS_STATUS_SUCCESS;
}
TRIPS("ndis-oid-dispatch", an_oid_with_many_round_trips_at_dispatch_is_caught)
{
    query(fake, ask_the_backend_seven_times);
}
static int32_t MS_ABI take_twenty_milliseconds(void *context, struct NDIS_OID_REQUEST *request)
{

    (void)context, (void)request;
    sched_sleep(20000000);
    return NDIS_STATUS_SUCCESS;
}
TRIPS("ndis-oid-dispatch", a_synchronous_oid_that_takes_its_time_is_caught)
{
    uint32_t value = 0, written, needed;

    fake->characteristics.Header.Revision = 3;
    fake->characteristics.Header.Size = NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3;
    fake->characteristics.MinorNdisVersion = 80;
    fake->characteristics.SynchronousOidRequestHandler = (void *)take_twenty_milliseconds;
    fake_add_running(fake);
    adapter_method_now(fake->adapter, OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES, &value, sizeof(value), sizeof(value),
                       &written, &needed);
}
TRIPS("ndis-status", a_status_with_a_foreign_source_is_caught)
{
    struct NDIS_STATUS_INDICATION indication;

    fake_add_running(fake);
    memset(&indication, 0, sizeof(indication));
    NDIS_HEADER(indication.Header, NDIS_OBJECT_TYPE_STATUS_INDICATION, 1, NDIS_SIZEOF_STATUS_INDICATION_REVISION_1);
    indication.StatusCode = NDIS_STATUS_LINK_STATE;
    NDIS(NdisMIndicateStatusEx)(fake->handle, &indication);
}
/* Windows lets both pass: they were found in drivers that were in use. */
static void start_leniently(struct fake *fake)
{
    struct NDIS_STATUS_INDICATION indication;
    struct NDIS_LINK_STATE link;
    uint32_t before;

    rule_be_lenient(true);
    fake_add_running(fake);
    before = rule_remarks();
    memset(&link, 0, sizeof(link));
    memset(&indication, 0, sizeof(indication));
    NDIS_HEADER(link.Header, NDIS_OBJECT_TYPE_DEFAULT, 1, NDIS_SIZEOF_LINK_STATE_REVISION_1);
    NDIS_HEADER(indication.Header, NDIS_OBJECT_TYPE_STATUS_INDICATION, 1, NDIS_SIZEOF_LINK_STATE_REVISION_1);
    indication.SourceHandle = fake->handle;
    indication.StatusCode = NDIS_STATUS_LINK_STATE;
    indication.StatusBuffer = &link;
    indication.StatusBufferSize = sizeof(link);
    NDIS(NdisMIndicateStatusEx)(fake->handle, &indication);
    CHECK_EQ(rule_remarks(), before + 1);
    rule_each_remark(keep_remark, last_remark);
    CHECK_CONTAINS(last_remark, "NDIS_STATUS_INDICATION revision 1 has size 40");
}
TEST(a_foreign_status_with_the_size_of_another_record_is_remarked)
{
    fake_run(SCHED_SIMULATED, "10-22h2", start_leniently);
}
static void start_with_timestamps(struct fake *fake)
{
    fake->characteristics.Header.Revision = 3;
    fake->characteristics.Header.Size = NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3;
    fake->characteristics.MinorNdisVersion = 82;
    fake_add_running(fake);
}
static void indicate_timestamps(struct fake *fake, uint32_t code, bool on)
{
    struct NDIS_STATUS_INDICATION indication;
    struct late_timestamps stamps;

    memset(&stamps, 0, sizeof(stamps));
    NDIS_HEADER(stamps.Header, NDIS_OBJECT_TYPE_DEFAULT, 1, LATE_TIMESTAMPS_SIZE);
    stamps.AllReceiveSw = on;
    memset(&indication, 0, sizeof(indication));
    NDIS_HEADER(indication.Header, NDIS_OBJECT_TYPE_STATUS_INDICATION, 1, NDIS_SIZEOF_STATUS_INDICATION_REVISION_1);
    indication.SourceHandle = fake->handle;
    indication.PortNumber = NDIS_DEFAULT_PORT_NUMBER;
    indication.StatusCode = (int32_t)code;
    indication.StatusBuffer = &stamps;
    indication.StatusBufferSize = LATE_TIMESTAMPS_SIZE;
    NDIS(NdisMIndicateStatusEx)(fake->handle, &indication);
}
TRIPS("ndis-characteristics", handlers_for_hangs_as_ndis_6_83_are_caught)
{
    fake->characteristics.CheckForHangHandlerEx = (void *)(uintptr_t)&initialize_without_attributes;
    fake->characteristics.Header.Revision = 3;
    fake->characteristics.Header.Size = NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_3;
    fake->characteristics.MinorNdisVersion = 83;
    fake_add_running(fake);
}
TRIPS("ndis-status", a_timestamp_configuration_before_the_capability_is_caught)
{
    start_with_timestamps(fake);
    indicate_timestamps(fake, LATE_STATUS_TIMESTAMP_CURRENT_CONFIG, false);
}
TRIPS("ndis-status", timestamps_that_are_on_but_cannot_be_made_are_caught)
{
    start_with_timestamps(fake);
    indicate_timestamps(fake, LATE_STATUS_TIMESTAMP_CAPABILITY, false);
    indicate_timestamps(fake, LATE_STATUS_TIMESTAMP_CURRENT_CONFIG, true);
}
static int32_t refuse_oid(struct fake *fake, struct NDIS_OID_REQUEST *request)
{
    (void)fake;
    (void)request;
    return (int32_t)NDIS_STATUS_FAILURE;
}
TRIPS("ndis-power", a_refused_power_down_is_caught)
{
    fake_add_running(fake);
    fake->on_oid = refuse_oid;
    adapter_set_power(fake->adapter, NdisDeviceStateD3);
}

/* --- the rest --- */
static void MS_ABI nothing(void *a, void *b)
{
    (void)a;
    (void)b;
}
TRIPS("ndis-timer", freeing_a_timer_that_is_set_is_caught)
{
    struct NDIS_TIMER_CHARACTERISTICS c = { 0 };
    void *timer;

    fake_add_running(fake);
    NDIS_HEADER(c.Header, NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS, 1, NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1);
    c.AllocationTag = 0x656d6954;
    c.TimerFunction = (void *)nothing;
    NDIS(NdisAllocateTimerObject)(fake->handle, &c, &timer);
    NDIS(NdisSetTimerObject)(timer, -10000000, 0, NULL);
    NDIS(NdisFreeTimerObject)(timer);
}
TRIPS("ndis-work-item", freeing_a_queued_work_item_is_caught)
{
    void *item;
    uint32_t i;

    fake_add_running(fake);
    for (i = 0; i < 100; i++) { /* sooner or later the worker is slower */
        item = NDIS(NdisAllocateIoWorkItem)(fake->handle);
        NDIS(NdisQueueIoWorkItem)(item, (void *)nothing, NULL);
        NDIS(NdisFreeIoWorkItem)(item);
    }
}
typedef void MS_ABI fake_NdisReleaseReadWriteLock(void *, void *);
TRIPS("ndis-lock", releasing_an_old_lock_not_held_is_caught)
{
    uint64_t lock = 0;
    uint8_t state[4] = { 0 };

    fake_add_running(fake);
    irql_raise(DISPATCH_LEVEL);
    NDIS(NdisReleaseReadWriteLock)(&lock, state);
}
TRIPS("unsupported", memory_shared_with_hardware_is_named)
{
    typedef int32_t MS_ABI fake_NdisAllocateSharedMemory(void *, void *, void *);

    fake_add_running(fake);
    NDIS(NdisAllocateSharedMemory)(fake->handle, fake_bytes, fake_bytes);
}
TRIPS("unsupported", memory_shared_with_hardware_is_named_when_freed)
{
    typedef void MS_ABI fake_NdisFreeSharedMemory(void *, void *);

    fake_add_running(fake);
    NDIS(NdisFreeSharedMemory)(fake->handle, fake_bytes);
}
TRIPS("ndis-lock", releasing_a_lock_not_held_is_caught)
{
    uint8_t state[4] = { 0 };
    void *lock;

    fake_add_running(fake);
    lock = NDIS(NdisAllocateRWLock)(fake->handle);
    irql_raise(DISPATCH_LEVEL);
    NDIS(NdisReleaseRWLock)(lock, state);
}
static void both_locked(void *first, void *second)
{
    uint8_t outer[4] = { 0 }, inner[4] = { 0 };

    NDIS(NdisAcquireRWLockRead)(first, outer, 0);
    NDIS(NdisAcquireRWLockWrite)(second, inner, 0);
    NDIS(NdisReleaseRWLock)(second, inner);
    NDIS(NdisReleaseRWLock)(first, outer);
}
TRIPS("lock-order", read_write_locks_in_both_orders_are_caught)
{
    void *one, *two;

    fake_add_running(fake);
    one = NDIS(NdisAllocateRWLock)(fake->handle);
    two = NDIS(NdisAllocateRWLock)(fake->handle);
    both_locked(one, two);
    both_locked(two, one);
}
TRIPS("ndis-configuration", a_read_without_keyword_is_caught)
{
    struct NDIS_CONFIGURATION_OBJECT object = { 0 };
    void *handle, *parameter;
    int32_t status;

    fake_add_running(fake);
    NDIS_HEADER(object.Header, NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, 1, NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1);
    object.NdisHandle = fake->handle;
    CHECK_EQ(NDIS(NdisOpenConfigurationEx)(&object, &handle), NDIS_STATUS_SUCCESS);
    NDIS(NdisReadConfiguration)(&status, &parameter, handle, NULL, NdisParameterInteger);
}
TRIPS("ndis-memory", noncached_memory_nobody_allocated_is_caught)
{
    (void)fake;
    NDIS(NdisFreeMemory)(fake_bytes, FAKE_BYTES, NDIS_MEMORY_NONCACHED);
}
TRIPS("ndis-dma", dma_without_a_list_handler_is_caught)
{
    struct NDIS_SG_DMA_DESCRIPTION description = { 0 };
    void *handle;

    fake_add_running(fake);
    NDIS_HEADER(description.Header, NDIS_OBJECT_TYPE_SG_DMA_DESCRIPTION, 1, NDIS_SIZEOF_SG_DMA_DESCRIPTION_REVISION_1);
    NDIS(NdisMRegisterScatterGatherDma)(fake->handle, &description, &handle);
}
/* NdisRegisterDeviceEx with routines for PnP and others, as a driver gives them. */
static void register_device(struct fake *fake, void **majors)
{
    typedef int32_t MS_ABI fake_NdisRegisterDeviceEx(void *, void *, void *, void *);
    struct NDIS_DEVICE_OBJECT_ATTRIBUTES attributes = { 0 };
    void *device, *handle;

    NDIS_HEADER(attributes.Header, NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES, 1,
                NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1);
    attributes.MajorFunctions = (void *)majors;
    NDIS(NdisRegisterDeviceEx)(fake->miniport, &attributes, &device, &handle);
}
TRIPS("ndis-handle", a_device_for_programs_of_an_adapter_is_caught)
{
    void *majors[28] = { NULL };

    fake_add_running(fake);
    fake->miniport = fake->handle;
    register_device(fake, majors);
}
TRIPS("ndis-device", a_device_without_dispatch_routines_is_caught)
{
    fake_add_running(fake);
    register_device(fake, NULL);
}
TRIPS("ndis-device", a_device_for_programs_that_wants_pnp_is_caught)
{
    void *majors[28] = { [27] = fake };

    fake_add_running(fake);
    register_device(fake, majors);
}
TRIPS("ndis-device", the_extension_of_another_device_is_caught)
{
    typedef void *MS_ABI fake_NdisGetDeviceReservedExtension(void *);

    fake_add_running(fake);
    NDIS(NdisGetDeviceReservedExtension)(device_object(fake->physical));
}
TRIPS("ndis-event-log", too_much_event_data_is_caught)
{
    NDIS(NdisWriteEventLogEntry)(fake, 1, 0, 0, NULL, NDIS_MAX_EVENT_LOG_DATA_SIZE + 1, fake_bytes);
}
TRIPS("ndis-irp", an_irp_to_the_device_of_ndis_is_caught)
{
    int32_t(MS_ABI * dispatch)(void *, void *);

    fake_add_running(fake);
    dispatch = (void *)fake->driver_object.MajorFunction[0];
    dispatch(fake->adapter->physical, NULL);
}
TRIPS("irql", a_passive_call_at_dispatch_is_caught)
{
    fake_add_running(fake);
    irql_raise(DISPATCH_LEVEL);
    NDIS(NdisMSetMiniportAttributes)(fake->handle, fake_bytes);
}

/* --- polls, which Windows 11 24H2 has --- */
/* Of Receive.NumberOfRemainingNbls in NDIS_POLL_DATA: behind a header, the transmit part of 72 fake_bytes, and 28
 * bytes. */
enum { REMAINING_AT = 8 + 72 + 28 };
typedef int32_t MS_ABI fake_NdisRegisterPoll(void *, void *, void *, void **);

static void poll_without_handlers(struct fake *fake)
{
    struct {
        struct NDIS_OBJECT_HEADER Header;
        void *handlers[2];
    } characteristics;
    void *poll;

    memset(&characteristics, 0, sizeof(characteristics));
    NDIS_HEADER(characteristics.Header, NDIS_OBJECT_TYPE_DEFAULT, 1, sizeof(characteristics));
    fake_add_running(fake);
    NDIS(NdisRegisterPoll)(fake->handle, NULL, &characteristics, &poll);
}

static void run_poll(void *argument)
{
    (void)argument;
    fake_run(SCHED_SIMULATED, "11-24h2", poll_without_handlers);
}
TEST(a_poll_without_handlers_is_caught)
{
    EXPECT_RULE("ndis-poll", run_poll, NULL);
}

typedef void MS_ABI fake_NdisRequestPoll(void *, void *);

/* Nothing handed over, one that remains: for ever. */
static void MS_ABI remains(void *context, uint8_t *data)
{
    (void)context;
    data[REMAINING_AT] = 1;
}
static void MS_ABI notified(void *context, void *notification)
{
    (void)context, (void)notification;
}

static void poll_for_ever(struct fake *fake)
{
    struct {
        struct NDIS_OBJECT_HEADER Header;
        void *handlers[2];
    } characteristics;
    void *poll;

    memset(&characteristics, 0, sizeof(characteristics));
    NDIS_HEADER(characteristics.Header, NDIS_OBJECT_TYPE_DEFAULT, 1, sizeof(characteristics));
    characteristics.handlers[0] = (void *)notified;
    characteristics.handlers[1] = (void *)remains;
    fake_add_running(fake);
    CHECK_EQ(NDIS(NdisRegisterPoll)(fake->handle, NULL, &characteristics, &poll), NDIS_STATUS_SUCCESS);
    NDIS(NdisRequestPoll)(poll, NULL);
    dpc_flush_all();
}

static void run_poll_for_ever(void *argument)
{
    (void)argument;
    fake_run(SCHED_SIMULATED, "11-24h2", poll_for_ever);
}
TEST(a_poll_without_progress_is_caught)
{
    EXPECT_RULE("ndis-poll-progress", run_poll_for_ever, NULL);
}
