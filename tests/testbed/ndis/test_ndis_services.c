/* SPDX-License-Identifier: BSD-2-Clause */
/* What NDIS serves beside packets: configuration, NBL pools and data, timers, work items, locks, processors, names. */
#include "ndis_fake.h"
#include "ndis/nbl/nbl.h"
#include "ndis/adapter/record.h"
#include "nt/areas.h"
#include "nt/io/io_device.h"
#include "nt/memory/pool.h"

#include <stdlib.h>

typedef int32_t MS_ABI fake_NdisOpenConfigurationEx(void *, void **);
typedef void MS_ABI fake_NdisReadConfiguration(int32_t *, struct NDIS_CONFIGURATION_PARAMETER **, void *, void *,
                                               uint32_t);
typedef void MS_ABI fake_NdisWriteConfiguration(int32_t *, void *, void *, struct NDIS_CONFIGURATION_PARAMETER *);
typedef void MS_ABI fake_NdisReadNetworkAddress(int32_t *, void **, uint32_t *, void *);
typedef void MS_ABI fake_NdisOpenConfigurationKeyByName(int32_t *, void *, void *, void **);
typedef void MS_ABI fake_NdisCloseConfiguration(void *);
typedef int32_t MS_ABI fake_NdisRetreatNetBufferDataStart(void *, uint32_t, uint32_t, void *);
typedef void MS_ABI fake_NdisAdvanceNetBufferDataStart(void *, uint32_t, uint8_t, void *);
typedef void *MS_ABI fake_NdisGetDataBuffer(void *, uint32_t, void *, uint64_t, uint32_t);
typedef int32_t MS_ABI fake_NdisAllocateNetBufferListContext(void *, uint16_t, uint16_t, uint32_t);
typedef void MS_ABI fake_NdisFreeNetBufferListContext(void *, uint16_t);
typedef int32_t MS_ABI fake_NdisAllocateTimerObject(void *, void *, void **);
typedef uint8_t MS_ABI fake_NdisSetTimerObject(void *, int64_t, uint32_t, void *);
typedef uint8_t MS_ABI fake_NdisCancelTimerObject(void *);
typedef void MS_ABI fake_NdisFreeTimerObject(void *);
typedef void MS_ABI fake_NdisMSleep(uint32_t);
typedef void *MS_ABI fake_NdisAllocateIoWorkItem(void *);
typedef void MS_ABI fake_NdisQueueIoWorkItem(void *, void *, void *);
typedef void MS_ABI fake_NdisFreeIoWorkItem(void *);
typedef void *MS_ABI fake_NdisAllocateRWLock(void *);
typedef void MS_ABI fake_NdisFreeRWLock(void *);
typedef void MS_ABI fake_NdisAcquireRWLockRead(void *, void *, uint8_t);
typedef void MS_ABI fake_NdisAcquireRWLockWrite(void *, void *, uint8_t);
typedef void MS_ABI fake_NdisReleaseRWLock(void *, void *);
typedef int32_t MS_ABI fake_NdisGetRssProcessorInformation(void *, struct NDIS_RSS_PROCESSOR_INFO *, uint64_t *);
typedef uint32_t MS_ABI fake_NdisGroupActiveProcessorCount(uint16_t);
typedef uint32_t MS_ABI fake_NdisGetVersion(void);
typedef void *MS_ABI fake_NdisAllocateMemoryWithTagPriority(void *, uint32_t, uint32_t, uint32_t);
typedef void MS_ABI fake_NdisFreeMemory(void *, uint32_t, uint32_t);
typedef void *MS_ABI fake_NdisGetRoutineAddress(void *);

static struct UNICODE_STRING wide(const char *text, uint16_t *buffer)
{
    struct UNICODE_STRING string = { 0 };

    string.Length = (uint16_t)(2 * ndis_utf16(buffer, 64, text));
    string.MaximumLength = (uint16_t)(string.Length + 2);
    string.Buffer = (void *)buffer;
    return string;
}

static void *open_key(struct fake *fake)
{
    struct NDIS_CONFIGURATION_OBJECT object = { 0 };
    void *handle = NULL;

    NDIS_HEADER(object.Header, NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, 1, NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1);
    object.NdisHandle = fake->handle;
    CHECK_EQ(NDIS(NdisOpenConfigurationEx)(&object, &handle), NDIS_STATUS_SUCCESS);
    return handle;
}

static struct NDIS_CONFIGURATION_PARAMETER *get(void *handle, const char *name, uint32_t type)
{
    struct NDIS_CONFIGURATION_PARAMETER *parameter;
    uint16_t buffer[64];
    struct UNICODE_STRING keyword = wide(name, buffer);
    int32_t status;

    NDIS(NdisReadConfiguration)(&status, &parameter, handle, &keyword, type);
    CHECK_EQ(status == NDIS_STATUS_SUCCESS, parameter != NULL);
    return parameter;
}

static void keywords(struct fake *fake)
{
    struct NDIS_CONFIGURATION_PARAMETER *p, written = { 0 };
    uint16_t buffer[64];
    struct UNICODE_STRING name = wide("Written", buffer);
    uint8_t *address = NULL;
    uint32_t length = 0;
    int32_t status;
    void *handle, *sub;
    char text[32];

    fake_add_running(fake);
    registry_set_string(FAKE_DRIVER_KEY, "*JumboPacket", "9014");
    registry_set_string(FAKE_DRIVER_KEY, "Hex", "1F");
    registry_set_string(FAKE_DRIVER_KEY, "Text", "eth\xc3\xa9r");
    registry_set_dword(FAKE_DRIVER_KEY, "Number", 77);
    registry_set_string(FAKE_DRIVER_KEY, "NetworkAddress", "02-00-5e-10-20-30");
    registry_create_key(FAKE_DRIVER_KEY "\\Ndi");
    handle = open_key(fake);

    CHECK_EQ(get(handle, "*JumboPacket", NdisParameterInteger)->ParameterData.IntegerData, 9014);
    CHECK_EQ(get(handle, "*jumbopacket", NdisParameterHexInteger)->ParameterData.IntegerData, 0x9014);
    p = get(handle, "Hex", NdisParameterHexInteger);
    CHECK_EQ(p->ParameterType, NdisParameterInteger);
    CHECK_EQ(p->ParameterData.IntegerData, 0x1f);
    CHECK_EQ(get(handle, "Hex", NdisParameterInteger)->ParameterData.IntegerData, 1);
    CHECK_EQ(get(handle, "Number", NdisParameterInteger)->ParameterData.IntegerData, 77);
    p = get(handle, "Text", NdisParameterString);
    CHECK_EQ(p->ParameterType, NdisParameterString);
    CHECK_EQ(p->ParameterData.StringData.Length, 10);
    ndis_utf8(text, sizeof(text), (const void *)p->ParameterData.StringData.Buffer, 5);
    CHECK_STR(text, "eth\xc3\xa9r");
    CHECK(get(handle, "Nothing", NdisParameterInteger) == NULL);
    CHECK(get(handle, "Text", NdisParameterBinary) == NULL);

    written.ParameterType = NdisParameterInteger;
    written.ParameterData.IntegerData = 5;
    NDIS(NdisWriteConfiguration)(&status, handle, &name, &written);
    CHECK_EQ(status, NDIS_STATUS_SUCCESS);
    CHECK_EQ(get(handle, "Written", NdisParameterInteger)->ParameterData.IntegerData, 5);

    NDIS(NdisReadNetworkAddress)(&status, (void **)&address, &length, handle);
    CHECK_EQ(status, NDIS_STATUS_SUCCESS);
    CHECK_EQ(length, 6);
    CHECK_EQ(address[5], 0x30);
    registry_set_string(FAKE_DRIVER_KEY, "NetworkAddress", "none");
    NDIS(NdisReadNetworkAddress)(&status, (void **)&address, &length, handle);
    CHECK_EQ(status, (int32_t)NDIS_STATUS_FAILURE);

    name = wide("Ndi", buffer);
    NDIS(NdisOpenConfigurationKeyByName)(&status, handle, &name, &sub);
    CHECK_EQ(status, NDIS_STATUS_SUCCESS);
    NDIS(NdisCloseConfiguration)(sub);
    NDIS(NdisCloseConfiguration)(handle);
}
TEST(keywords_are_converted_as_ndis_converts_them)
{
    fake_run(SCHED_SIMULATED, "10-22h2", keywords);
}

static void data(struct fake *fake)
{
    static uint8_t first[10] = "abcdefghij", second[10] = "klmnopqrst";
    struct MDL *a = mdl_create(first, 10), *b = mdl_create(second, 10);
    struct NET_BUFFER_LIST *nbl;
    struct NET_BUFFER *nb;
    uint8_t storage[20];

    fake_add_running(fake);
    a->Next = b;
    nbl = fake_packet(fake, a, 8, 10);
    nb = nbl->FirstNetBuffer;
    CHECK(nb->CurrentMdl == a);
    CHECK_EQ(nb->CurrentMdlOffset, 8);
    CHECK(NDIS(NdisGetDataBuffer)(nb, 2, NULL, 1, 0) == first + 8);
    CHECK(NDIS(NdisGetDataBuffer)(nb, 4, NULL, 1, 0) == NULL);
    CHECK(NDIS(NdisGetDataBuffer)(nb, 4, storage, 1, 0) == storage);
    CHECK(memcmp(storage, "ijkl", 4) == 0);
    NDIS(NdisAdvanceNetBufferDataStart)(nb, 3, 0, NULL);
    CHECK(nb->CurrentMdl == b);
    CHECK_EQ(nb->CurrentMdlOffset, 1);
    CHECK_EQ(nb->DataLength, 7);
    CHECK_EQ(NDIS(NdisRetreatNetBufferDataStart)(nb, 5, 0, NULL), NDIS_STATUS_SUCCESS);
    CHECK_EQ(nb->DataOffset, 6);
    CHECK_EQ(NDIS(NdisRetreatNetBufferDataStart)(nb, 10, 2, NULL), NDIS_STATUS_SUCCESS);
    CHECK(nb->MdlChain != a);
    CHECK_EQ(nb->DataLength, 22);
    net_buffer_check(nb, "test");
    NDIS(NdisAdvanceNetBufferDataStart)(nb, 13, 1, NULL);
    CHECK(nb->MdlChain == a);
    net_buffer_check(nb, "test");

    CHECK_EQ(NDIS(NdisAllocateNetBufferListContext)(nbl, 16, 8, 0x74657374), NDIS_STATUS_SUCCESS);
    CHECK_EQ(nbl->Context->Size - nbl->Context->Offset, 16);
    CHECK_EQ(NDIS(NdisAllocateNetBufferListContext)(nbl, 8, 0, 0x74657374), NDIS_STATUS_SUCCESS);
    CHECK_EQ(nbl->Context->Offset, 0);
    NDIS(NdisFreeNetBufferListContext)(nbl, 8);
    NDIS(NdisFreeNetBufferListContext)(nbl, 16);
    CHECK(nbl->Context == NULL);
    NDIS(NdisFreeNetBufferList)(nbl);
    mdl_free(a);
    mdl_free(b);
}
TEST(data_start_moves_over_mdls)
{
    fake_run(SCHED_SIMULATED, "10-22h2", data);
}

static uint32_t ticks;
static void MS_ABI tick(void *unused, void *context, void *unused2, void *unused3)
{
    (void)unused;
    (void)unused2;
    (void)unused3;
    CHECK(context == &ticks);
    CHECK_EQ(irql_current(), DISPATCH_LEVEL);
    ticks++;
}
static void time_passes(struct fake *fake)
{
    struct NDIS_TIMER_CHARACTERISTICS c = { 0 };
    uint64_t before;
    void *timer;

    fake_add_running(fake);
    NDIS_HEADER(c.Header, NDIS_OBJECT_TYPE_TIMER_CHARACTERISTICS, 1, NDIS_SIZEOF_TIMER_CHARACTERISTICS_REVISION_1);
    c.AllocationTag = 0x656d6954;
    c.TimerFunction = (void *)tick;
    c.FunctionContext = &ticks;
    ticks = 0;
    CHECK_EQ(NDIS(NdisAllocateTimerObject)(fake->handle, &c, &timer), NDIS_STATUS_SUCCESS);
    CHECK_EQ(NDIS(NdisSetTimerObject)(timer, -100000, 0, NULL), 0);
    before = sched_now();
    NDIS(NdisMSleep)(20000);
    CHECK(sched_now() - before >= 20000000);
    CHECK_EQ(ticks, 1);
    CHECK_EQ(NDIS(NdisSetTimerObject)(timer, -100000, 10, NULL), 0);
    NDIS(NdisMSleep)(35000);
    NDIS(NdisCancelTimerObject)(timer);
    CHECK_EQ(ticks, 4);
    NDIS(NdisFreeTimerObject)(timer);
}
TEST(timers_fire_once_or_again_and_again)
{
    fake_run(SCHED_SIMULATED, "10-22h2", time_passes);
}

static struct nt_event worked;
static void MS_ABI work(void *context, void *item)
{
    CHECK_EQ(irql_current(), PASSIVE_LEVEL);
    CHECK(context == &worked);
    NDIS(NdisFreeIoWorkItem)(item);
    event_set(&worked);
}
static void work_items(struct fake *fake)
{
    fake_add_running(fake);
    event_init(&worked, false, false);
    NDIS(NdisQueueIoWorkItem)(NDIS(NdisAllocateIoWorkItem)(fake->handle), (void *)work, &worked);
    CHECK(event_wait(&worked, SCHED_FOREVER));
}
TEST(work_items_run_at_passive_level)
{
    fake_run(SCHED_SIMULATED, "10-22h2", work_items);
    fake_run(SCHED_LIVE, "10-22h2", work_items);
}

typedef void MS_ABI fake_NdisInitializeReadWriteLock(void *);
typedef void MS_ABI fake_NdisAcquireReadWriteLock(void *, uint8_t, void *);
typedef void MS_ABI fake_NdisReleaseReadWriteLock(void *, void *);

static void *rw_lock;
static uint64_t old_rw_lock; /* of drivers of NDIS 6.0, in memory of theirs */
static bool use_old;

static void acquire_rw(bool write, uint8_t *state)
{
    if (use_old) {
        NDIS(NdisAcquireReadWriteLock)(&old_rw_lock, write, state);
    } else if (write) {
        NDIS(NdisAcquireRWLockWrite)(rw_lock, state, 0);
    } else {
        NDIS(NdisAcquireRWLockRead)(rw_lock, state, 0);
    }
}

static void release_rw(uint8_t *state)
{
    if (use_old) {
        NDIS(NdisReleaseReadWriteLock)(&old_rw_lock, state);
    } else {
        NDIS(NdisReleaseRWLock)(rw_lock, state);
    }
}

static uint32_t guarded, readers, max_readers;
static void use_lock(void *argument)
{
    bool write = argument != NULL;
    uint8_t state[4];
    uint32_t i;

    for (i = 0; i < 50; i++) {
        acquire_rw(write, state);
        if (write) {
            CHECK_EQ(readers, 0);
            guarded++;
            sched_point("write");
            guarded++;
        } else {
            readers++;
            max_readers = readers > max_readers ? readers : max_readers;
            CHECK_EQ(guarded % 2, 0);
            sched_point("read");
            readers--;
        }
        CHECK_EQ(irql_current(), DISPATCH_LEVEL);
        release_rw(state);
        CHECK_EQ(irql_current(), PASSIVE_LEVEL);
    }
}
static void locks(struct fake *fake)
{
    struct task *tasks[4];
    uint32_t i;

    fake_add_running(fake);
    rw_lock = NDIS(NdisAllocateRWLock)(fake->handle);
    old_rw_lock = ~0ull;
    NDIS(NdisInitializeReadWriteLock)(&old_rw_lock);
    guarded = readers = max_readers = 0;
    for (i = 0; i < 4; i++) {
        tasks[i] = task_spawn("user", i, use_lock, i == 0 ? &guarded : NULL);
    }
    for (i = 0; i < 4; i++) {
        task_join(tasks[i]);
    }
    CHECK_EQ(guarded, 100);
    CHECK(max_readers > 1);
    NDIS(NdisFreeRWLock)(rw_lock);
}
TEST(read_write_locks_let_readers_share_and_writers_alone)
{
    for (int old = 0; old < 2; old++) {
        use_old = old != 0;
        fake_run(SCHED_SIMULATED, "10-22h2", locks);
    }
}

static void names(struct fake *fake)
{
    struct NDIS_RSS_PROCESSOR_INFO info;
    uint16_t buffer[64];
    struct UNICODE_STRING name = wide("NdisMSendNetBufferListsComplete", buffer);
    uint64_t size = sizeof(info);

    fake_add_running(fake);
    CHECK_EQ(NDIS(NdisGetVersion)(), NDIS_RUNTIME_VERSION_620);
    CHECK_EQ(NDIS(NdisGroupActiveProcessorCount)(0), 4);
    CHECK_EQ(NDIS(NdisGetRssProcessorInformation)(fake->handle, &info, &size), (int32_t)NDIS_STATUS_BUFFER_TOO_SHORT);
    CHECK_EQ(size, NDIS_SIZEOF_RSS_PROCESSOR_INFO_REVISION_1 + 4 * sizeof(struct NDIS_RSS_PROCESSOR));
    CHECK(NDIS(NdisGetRoutineAddress)(&name) != NULL);
    name = wide("NdisMNoSuchThing", buffer);
    CHECK(NDIS(NdisGetRoutineAddress)(&name) == NULL);
}
TEST(versions_processors_and_routines_are_as_on_windows)
{
    fake_run(SCHED_SIMULATED, "7", names);
}

static void memory_is_the_drivers(struct fake *fake)
{
    struct leaks leaks = { 0 };
    uint8_t *memory;
    size_t before;

    fake_add_running(fake);
    pool_leaks(&leaks);
    before = leaks.count;
    leaks_free(&leaks);
    memory = NDIS(NdisAllocateMemoryWithTagPriority)(fake->handle, 40, 0x6b61654c, 0);

    for (uint32_t i = 0; i < 40; i++) {
        CHECK(memory[i] != 0);
    }
    pool_leaks(&leaks);
    CHECK_EQ(leaks.count, before + 1);
    CHECK_CONTAINS(leaks.lines[before], "NDIS memory 'Leak' of 40 bytes");
    leaks_free(&leaks);
    NDIS(NdisFreeMemory)(memory, 0, 0);
    pool_fail_at(1);
    CHECK(NDIS(NdisAllocateMemoryWithTagPriority)(fake->handle, 40, 0x6b61654c, 0) == NULL);
}
TEST(memory_from_ndis_is_the_drivers_own_filled_listed_and_may_fail)
{
    fake_run(SCHED_SIMULATED, "10-22h2", memory_is_the_drivers);
}

/* --- devices for programs --- */

typedef int32_t MS_ABI fake_NdisRegisterDeviceEx(void *, void *, struct DEVICE_OBJECT **, void **);
typedef void MS_ABI fake_NdisDeregisterDeviceEx(void *);
typedef void *MS_ABI fake_NdisGetDeviceReservedExtension(void *);

enum { MAJOR_CREATE = 0, MAJOR_READ = 3, MAJORS = 28 };

static int32_t MS_ABI on_create(struct DEVICE_OBJECT *device, struct IRP *irp)
{
    *(uint32_t *)NDIS(NdisGetDeviceReservedExtension)(device) += 1;
    irp->IoStatus.Status = STATUS_SUCCESS;
    irp_complete(irp);
    return STATUS_SUCCESS;
}

static void devices(struct fake *fake)
{
    struct NDIS_DEVICE_OBJECT_ATTRIBUTES attributes = { 0 };
    uint16_t name_text[64], link_text[64];
    struct UNICODE_STRING name = wide("\\Device\\control", name_text), link = wide("\\DosDevices\\control", link_text);
    struct DEVICE_OBJECT *device, *second;
    void *majors[MAJORS] = { [MAJOR_CREATE] = (void *)on_create };
    void *handle, *other;

    fake_add_running(fake);
    NDIS_HEADER(attributes.Header, NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES, 1,
                NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1);
    attributes.DeviceName = &name;
    attributes.SymbolicName = &link;
    attributes.MajorFunctions = majors;
    attributes.ExtensionSize = 16;
    CHECK_EQ(NDIS(NdisRegisterDeviceEx)(fake->miniport, &attributes, &device, &handle), NDIS_STATUS_SUCCESS);
    CHECK_EQ(*(uint32_t *)NDIS(NdisGetDeviceReservedExtension)(device), 0);
    CHECK_EQ(irp_send(device, MAJOR_CREATE, 0, NULL, NULL, NULL), STATUS_SUCCESS);
    CHECK_EQ(*(uint32_t *)NDIS(NdisGetDeviceReservedExtension)(device), 1);
    CHECK_EQ(irp_send(device, MAJOR_READ, 0, NULL, NULL, NULL), STATUS_INVALID_DEVICE_REQUEST);
    CHECK_EQ(NDIS(NdisRegisterDeviceEx)(fake->miniport, &attributes, &second, &other), STATUS_OBJECT_NAME_COLLISION);
    CHECK(second == NULL);
    attributes.DeviceName = NULL; /* its link is taken: what was made of it goes */
    CHECK_EQ(NDIS(NdisRegisterDeviceEx)(fake->miniport, &attributes, &second, &other), STATUS_OBJECT_NAME_COLLISION);
    NDIS(NdisDeregisterDeviceEx)(handle);
    attributes.ExtensionSize = 0;
    CHECK_EQ(NDIS(NdisRegisterDeviceEx)(fake->miniport, &attributes, &device, &handle), NDIS_STATUS_SUCCESS);
    CHECK(NDIS(NdisGetDeviceReservedExtension)(device) == NULL);
    NDIS(NdisDeregisterDeviceEx)(handle);
}
TEST(a_device_for_programs_has_dispatch_routines_and_an_extension)
{
    fake_run(SCHED_SIMULATED, "10-22h2", devices);
}
