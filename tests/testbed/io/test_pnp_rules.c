/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver that is a bus: its device started, its child asked for and identified, power IRPs, what it announces. The
 * driver is native code here, called as one that was loaded. */
#include "nt/io/pnp_bus.h"

#include "nt/io/io_device.h"
#include "nt/io/object.h"
#include "nt/memory/mdl.h"
#include "nt_run.h"

enum { TAG = 0x74736554, D0 = 1, D3 = 4 };

static struct {
    struct DRIVER_OBJECT driver;
    struct device *pdo;
    struct DEVICE_OBJECT *functional, *lower, *child, *listed;
    uint32_t started, power, completed;
    bool silent; /* the child does not know its ID */
} bus;

static const char *const ids[] = { "BUS", NULL };

static void *answer_text(const uint16_t *text, size_t units)
{
    void *copy = CALL(void *, ExAllocatePoolWithTag, (uint32_t, size_t, uint32_t), 1, units * 2, TAG);

    memcpy(copy, text, units * 2);
    return copy;
}

static int32_t complete(struct IRP *irp, int32_t status)
{
    irp->IoStatus.Status = status;
    irp_complete(irp);
    return status;
}

static void list_child(struct IRP *irp)
{
    uint64_t *relations = CALL(void *, ExAllocatePoolWithTag, (uint32_t, size_t, uint32_t), 1, 16, TAG);

    relations[0] = 1;
    relations[1] = (uint64_t)bus.listed;
    (void)object_reference(bus.listed);
    irp->IoStatus.Information = (uint64_t)relations;
    irp->IoStatus.Status = STATUS_SUCCESS;
}

static int32_t child_id(struct IRP *irp, uint32_t type)
{
    static const struct {
        const uint16_t *text;
        size_t units;
    } answers[] = { { u"BUS\\NET", 8 }, { u"BUS\\NET1\0BUS\\NET\0", 18 }, { u"\0", 2 }, { u"7", 2 } };

    if (bus.silent && type == ID_DEVICE) {
        return complete(irp, irp->IoStatus.Status);
    }
    irp->IoStatus.Information = (uint64_t)answer_text(answers[type].text, answers[type].units);
    return complete(irp, STATUS_SUCCESS);
}

static int32_t child_pnp(struct IRP *irp, const struct IO_STACK_LOCATION *location)
{
    switch (location->MinorFunction) {
    case IRP_MN_QUERY_ID:
        return child_id(irp, location->Parameters.QueryId.IdType);
    case IRP_MN_QUERY_DEVICE_TEXT:
        irp->IoStatus.Information = (uint64_t)answer_text(u"port 7", 7);
        return complete(irp, STATUS_SUCCESS);
    case IRP_MN_QUERY_CAPABILITIES:
    case IRP_MN_START_DEVICE:
        return complete(irp, STATUS_SUCCESS);
    default:
        return complete(irp, irp->IoStatus.Status);
    }
}

static MS_ABI int32_t dispatch_pnp(struct DEVICE_OBJECT *object, struct IRP *irp)
{
    const struct IO_STACK_LOCATION *location = irp->Tail.Overlay.CurrentStackLocation;

    if (object == bus.child) {
        return child_pnp(irp, location);
    }
    if (location->MinorFunction == IRP_MN_START_DEVICE) {
        const uint32_t *resources = location->Parameters.StartDevice.AllocatedResources;

        CHECK_EQ(resources[0], 1);
        bus.started++;
    }
    if (location->MinorFunction == IRP_MN_QUERY_DEVICE_RELATIONS && bus.listed != NULL) {
        list_child(irp);
    }
    return irp_pass(bus.lower, irp);
}

static MS_ABI int32_t dispatch_power(struct DEVICE_OBJECT *object, struct IRP *irp)
{
    const struct IO_STACK_LOCATION *location = irp->Tail.Overlay.CurrentStackLocation;

    (void)object;
    CHECK_EQ(location->MinorFunction, IRP_MN_SET_POWER);
    memcpy(&bus.power, &location->Parameters.Power.State, sizeof(bus.power));
    bus.power |= location->Parameters.Power.Type << 8;
    return irp_pass(bus.lower, irp);
}

static struct DEVICE_OBJECT *create(void)
{
    struct DEVICE_OBJECT *made = NULL;

    CHECK_EQ(CALL(int32_t, IoCreateDevice, (void *, uint32_t, void *, uint32_t, uint32_t, uint8_t, void **),
                  &bus.driver, 0, NULL, 0x2a, 0, 0, (void **)&made),
             0);
    return made;
}

static void begin(void)
{
    static const char *const none[] = { NULL };
    struct pdo_ids names = { "BUS", ids, none, "0", NULL };

    memset(&bus, 0, sizeof(bus));
    for (int i = 0; i <= IRP_MJ_MAXIMUM_FUNCTION; i++) {
        bus.driver.MajorFunction[i] = (void *)irp_invalid_request;
    }
    bus.driver.MajorFunction[IRP_MJ_PNP] = (void *)dispatch_pnp;
    bus.driver.MajorFunction[IRP_MJ_POWER] = (void *)dispatch_power;
    bus.pdo = pdo_create(&names, NULL, NULL);
    bus.functional = create();
    bus.lower = CALL(void *, IoAttachDeviceToDeviceStack, (void *, void *), bus.functional, device_object(bus.pdo));
}

static void end(void)
{
    if (bus.child != NULL) {
        CALL(void, IoDeleteDevice, (void *), bus.child);
    }
    CALL(void, IoDetachDevice, (void *), bus.lower);
    CALL(void, IoDeleteDevice, (void *), bus.functional);
    pdo_destroy(bus.pdo);
}

static void enumerate(void)
{
    struct device *children[2];
    uint32_t seen;
    char error[200];

    begin();
    CHECK_EQ(pnp_start_device(pnp_top(bus.pdo)), 0);
    CHECK_EQ(bus.started, 1);
    CHECK_EQ(pnp_children(bus.pdo, children, 2), 0);
    seen = pnp_changes(bus.pdo);
    bus.child = bus.listed = create();
    CALL(void, IoInvalidateDeviceRelations, (void *, uint32_t), device_object(bus.pdo), 0);
    CHECK_EQ(pnp_changes(bus.pdo), seen + 1);
    pnp_wait_change(bus.pdo, seen, SCHED_FOREVER); /* returns at once */
    CHECK_EQ(pnp_children(bus.pdo, children, 2), 1);
    CHECK(device_object(children[0]) == bus.child);
    CHECK(pnp_identify(children[0], error, sizeof(error)));
    CHECK_STR(device_instance_path(children[0]), "BUS\\NET\\7");
    CHECK_STR(device_ids(children[0])->hardware_ids[0], "BUS\\NET1");
    CHECK_STR(device_ids(children[0])->hardware_ids[1], "BUS\\NET");
    CHECK(device_ids(children[0])->hardware_ids[2] == NULL);
    CHECK(device_ids(children[0])->compatible_ids[0] == NULL);
    CHECK_STR(device_ids(children[0])->location, "port 7");
    CHECK_EQ(pnp_start_device(pnp_top(children[0])), 0);
    CHECK(!pnp_eject_requested(children[0]));
    CALL(void, IoRequestDeviceEject, (void *), bus.child);
    CHECK(pnp_eject_requested(children[0]));
    pnp_forget(children[0]);
    (void)object_dereference(children[0]);
    end();
}
TEST(a_bus_is_started_and_its_child_identified)
{
    CHECK_EQ(nt_run(enumerate, NULL), 0);
}

static void without_id(void)
{
    struct device *child;
    char error[200] = "";

    begin();
    bus.child = bus.listed = create();
    bus.silent = true;
    CHECK_EQ(pnp_children(bus.pdo, &child, 1), 1);
    CHECK(!pnp_identify(child, error, sizeof(error)));
    CHECK_CONTAINS(error, "device ID");
    pnp_forget(child);
    (void)object_dereference(child);
    end();
}
TEST(a_child_that_has_no_id_is_refused)
{
    CHECK_EQ(nt_run(without_id, NULL), 0);
}

static MS_ABI void power_done(struct DEVICE_OBJECT *object, uint8_t minor, uint32_t state, void *context,
                              struct IO_STATUS_BLOCK *result)
{
    CHECK(object == device_object(bus.pdo) && context == &bus);
    CHECK_EQ(minor, IRP_MN_SET_POWER);
    CHECK_EQ(state, D3);
    CHECK_EQ(result->Status, 0);
    bus.completed = 1;
    sched_wake(&bus.completed, 1);
}

static void power(void)
{
    begin();
    CHECK_EQ(pnp_set_device_power(pnp_top(bus.pdo), D0), 0);
    CHECK_EQ(bus.power, 1 << 8 | D0);
    CHECK_EQ(pnp_set_system_power(pnp_top(bus.pdo), 4), 0);
    CHECK_EQ(bus.power, 4);
    CHECK_EQ(CALL(int32_t, PoRequestPowerIrp, (void *, uint8_t, uint32_t, void *, void *, void **),
                  device_object(bus.pdo), IRP_MN_SET_POWER, D3, power_done, &bus, NULL),
             STATUS_PENDING);
    while (bus.completed == 0) {
        (void)sched_wait(&bus.completed, 0, SCHED_FOREVER);
    }
    sched_sleep(1000000); /* its record goes after the call */
    CHECK_EQ(bus.power, 1 << 8 | D3);
    CHECK_EQ(CALL(uint32_t, PoSetPowerState, (void *, uint32_t, uint32_t), bus.functional, 1, D3), 0);
    CHECK_EQ(CALL(uint32_t, PoSetPowerState, (void *, uint32_t, uint32_t), bus.functional, 1, D0), D3);
    end();
}
TEST(power_irps_go_down_the_stack_also_on_request)
{
    CHECK_EQ(nt_run(power, NULL), 0);
}

static void invalidate_functional(void)
{
    begin();
    CALL(void, IoInvalidateDeviceRelations, (void *, uint32_t), bus.functional, 0);
}
TEST(relations_of_a_functional_device_invalidated_is_reported)
{
    EXPECT_NT_RULE("pnp", invalidate_functional);
}

static void list_functional(void)
{
    struct device *child;

    begin();
    bus.listed = bus.functional;
    pnp_children(bus.pdo, &child, 1);
}
TEST(functional_device_among_the_children_is_reported)
{
    EXPECT_NT_RULE("pnp", list_functional);
}

/* --- pages from somebody who shares them --- */

static uint8_t shared[2][MDL_PAGE] __attribute__((aligned(MDL_PAGE)));
static size_t taken;

static void *take(void *context, size_t pages)
{
    CHECK(context == shared);
    taken += pages;
    return taken <= 2 ? shared : NULL;
}

static void give(void *context, void *address, size_t pages)
{
    CHECK(context == shared && address == shared);
    taken -= pages;
}

static bool owns(void *context, const void *address)
{
    CHECK(context == shared);
    return address == shared;
}

static void pages(void)
{
    const struct page_source source = { shared, take, give, owns };
    struct MDL *mdl;

    mdl_pages_from(&source);
    mdl = CALL(struct MDL *, MmAllocatePagesForMdlEx, (int64_t, int64_t, int64_t, size_t, uint32_t, uint32_t), 0, -1, 0,
               2 * MDL_PAGE, 1, 0);
    CHECK_EQ(mdl_frames(mdl)[1], (uintptr_t)shared / MDL_PAGE + 1);
    CHECK_EQ(taken, 2);
    CALL(void, MmFreePagesFromMdl, (void *), mdl);
    CHECK_EQ(taken, 0);
    CALL(void, ExFreePool, (void *), mdl);
}
TEST(pages_for_mdls_come_from_the_source_that_is_set)
{
    CHECK_EQ(nt_run(pages, NULL), 0);
}
