/* SPDX-License-Identifier: BSD-2-Clause */
/* IRPs sent by a driver, and each rule about them and about devices broken on purpose. */
#include "nt/io/io_device.h"

#include "nt_run.h"
#include "nt/io/object.h"

static uint8_t guid[16] = { 7 };

static int32_t query_interface(void *bus, const uint8_t wanted[16], uint16_t version, void *interface, uint16_t size)
{
    (void)bus;
    if (wanted[0] != 7 || version != 1) {
        return STATUS_NOT_SUPPORTED;
    }
    memset(interface, 0x55, size);
    return STATUS_SUCCESS;
}

static const struct pdo_ops ops = { query_interface };

static struct device *make_pdo(void)
{
    static const char *const ids[] = { "BUS\\DEVICE", NULL };
    struct pdo_ids all = { ids[0], ids, NULL, "0", NULL };

    return pdo_create(&all, &ops, NULL);
}

static struct IRP *make_irp(struct device *pdo, struct KEVENT *event, struct IO_STATUS_BLOCK *result)
{
    struct IRP *irp;

    CALL(void, KeInitializeEvent, (struct KEVENT *, uint32_t, uint8_t), event, 0, 0);
    irp = CALL(struct IRP *, IoBuildSynchronousFsdRequest,
               (uint32_t, void *, void *, uint32_t, void *, struct KEVENT *, struct IO_STATUS_BLOCK *), IRP_MJ_PNP,
               device_object(pdo), NULL, 0, NULL, event, result);
    irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    return irp;
}

static void set_query(struct IRP *irp, uint16_t version, void *interface, uint16_t size)
{
    struct IO_STACK_LOCATION *location = irp->Tail.Overlay.CurrentStackLocation - 1;

    location->MinorFunction = IRP_MN_QUERY_INTERFACE;
    location->Parameters.QueryInterface.InterfaceType = guid;
    location->Parameters.QueryInterface.Version = version;
    location->Parameters.QueryInterface.Size = size;
    location->Parameters.QueryInterface.Interface = interface;
}

static int32_t send(struct device *pdo, struct IRP *irp)
{
    return CALL(int32_t, IofCallDriver, (void *, struct IRP *), device_object(pdo), irp);
}

static void query(void)
{
    struct device *pdo = make_pdo();
    struct KEVENT event;
    struct IO_STATUS_BLOCK result = { 0 };
    uint8_t table[16] = { 0 };
    struct IRP *irp = make_irp(pdo, &event, &result);

    set_query(irp, 1, table, sizeof(table));
    CHECK_EQ(send(pdo, irp), STATUS_SUCCESS);
    CHECK_EQ(CALL(int32_t, KeWaitForSingleObject, (void *, uint32_t, int8_t, uint8_t, void *), &event, 0, 0, 0, NULL),
             0);
    CHECK_EQ(result.Status, STATUS_SUCCESS);
    CHECK_EQ(table[15], 0x55);
    irp = make_irp(pdo, &event, &result);
    set_query(irp, 2, table, sizeof(table));
    CHECK_EQ(send(pdo, irp), STATUS_NOT_SUPPORTED);
    CHECK_EQ(result.Status, STATUS_NOT_SUPPORTED);
    pdo_destroy(pdo);
}
TEST(a_synchronous_interface_query_comes_back_through_event_and_status)
{
    CHECK_EQ(nt_run(query, NULL), 0);
}

static struct {
    int calls;
    int32_t answer;
} completion;

static MS_ABI int32_t completed(struct DEVICE_OBJECT *device, struct IRP *irp, void *context)
{
    CHECK(device == NULL);
    CHECK(context == &completion);
    CHECK_EQ(irp->IoStatus.Status, STATUS_SUCCESS);
    completion.calls++;
    return completion.answer;
}

static void own_irp(void)
{
    struct device *pdo = make_pdo();
    struct IRP *irp = CALL(struct IRP *, IoAllocateIrp, (int8_t, uint8_t), 1, 0);
    struct IO_STACK_LOCATION *location = irp->Tail.Overlay.CurrentStackLocation - 1;

    irp->IoStatus.Status = STATUS_NOT_SUPPORTED;
    location->MajorFunction = IRP_MJ_PNP;
    location->MinorFunction = IRP_MN_START_DEVICE;
    location->CompletionRoutine = (void *)completed;
    location->Context = &completion;
    location->Control = 0xe0;
    send(pdo, irp);
    CHECK_EQ(completion.calls, 1);
    CALL(void, IoFreeIrp, (struct IRP *), irp);
    pdo_destroy(pdo);
}

static void own_irp_kept(void)
{
    completion.answer = STATUS_MORE_PROCESSING_REQUIRED;
    own_irp();
}
TEST(a_completion_routine_keeps_an_irp_of_its_own)
{
    CHECK_EQ(nt_run(own_irp_kept, NULL), 0);
}

static void own_irp_not_kept(void)
{
    completion.answer = STATUS_SUCCESS;
    own_irp();
}
TEST(an_irp_that_nobody_keeps_is_found)
{
    EXPECT_NT_RULE("irp", own_irp_not_kept);
}

static void unknown_major(void)
{
    struct device *pdo = make_pdo();
    struct KEVENT event;
    struct IO_STATUS_BLOCK result = { 0 };
    struct IRP *irp = make_irp(pdo, &event, &result);

    (irp->Tail.Overlay.CurrentStackLocation - 1)->MajorFunction = 3;
    CHECK_EQ(send(pdo, irp), STATUS_INVALID_DEVICE_REQUEST);
    pdo_destroy(pdo);
}
TEST(a_request_that_a_device_does_not_know_fails)
{
    CHECK_EQ(nt_run(unknown_major, NULL), 0);
}

static void high(void)
{
    struct device *pdo = make_pdo();
    struct KEVENT event;
    struct IO_STATUS_BLOCK result;
    struct IRP *irp = make_irp(pdo, &event, &result);

    irql_raise(DISPATCH_LEVEL);
    send(pdo, irp);
}
TEST(a_pnp_irp_at_dispatch_level_is_found)
{
    EXPECT_NT_RULE("irql", high);
}

static void status(void)
{
    struct device *pdo = make_pdo();
    struct KEVENT event;
    struct IO_STATUS_BLOCK result;
    struct IRP *irp = make_irp(pdo, &event, &result);
    uint8_t table[16];

    set_query(irp, 1, table, sizeof(table));
    irp->IoStatus.Status = 0;
    send(pdo, irp);
}
TEST(a_pnp_query_with_a_status_of_success_is_found)
{
    EXPECT_NT_RULE("irp", status);
}

static void twice(void)
{
    struct device *pdo = make_pdo();
    struct KEVENT event;
    struct IO_STATUS_BLOCK result;
    struct IRP *irp = make_irp(pdo, &event, &result);

    send(pdo, irp);
    CALL(void, IofCompleteRequest, (struct IRP *, int8_t), irp, 0);
}
TEST(an_irp_completed_twice_is_found)
{
    EXPECT_NT_RULE("irp", twice);
}

static void no_location(void)
{
    struct device *pdo = make_pdo();
    struct IRP *irp = CALL(struct IRP *, IoAllocateIrp, (int8_t, uint8_t), 0, 0);

    send(pdo, irp);
}
TEST(an_irp_with_too_few_stack_locations_is_found)
{
    EXPECT_NT_RULE("irp", no_location);
}

static void no_irp(void)
{
    CALL(void, IoFreeIrp, (void *), guid);
}
TEST(what_is_no_irp_is_found)
{
    EXPECT_NT_RULE("irp", no_irp);
}

static void deleted_device(void)
{
    struct device *pdo = make_pdo();

    object_reference(pdo);
    pdo_destroy(pdo);
    CALL(void *, IoGetAttachedDeviceReference, (void *), pdo);
}
TEST(a_deleted_device_in_use_is_found)
{
    EXPECT_NT_RULE("object", deleted_device);
}

static void kept(void)
{
    struct device *pdo = make_pdo();

    CALL(void *, IoGetAttachedDeviceReference, (void *), device_object(pdo));
    pdo_destroy(pdo);
}
TEST(a_device_reference_not_released_is_listed)
{
    struct leaks leaks = { 0 };

    CHECK_EQ(nt_run(kept, &leaks), 1);
    CHECK_CONTAINS(leaks.lines[0], "1 references not given back");
}

static void allocate_irp(void)
{
    CALL(struct IRP *, IoAllocateIrp, (int8_t, uint8_t), 1, 0);
}
TEST(an_irp_left_behind_is_listed)
{
    struct leaks leaks = { 0 };

    CHECK_EQ(nt_run(allocate_irp, &leaks), 1);
    CHECK_CONTAINS(leaks.lines[0], "IRP");
}
