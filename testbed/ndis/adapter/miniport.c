/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Registration of miniport drivers: NdisMRegisterMiniportDriver, optional handlers, and taking it back. Called by the
 * driver at PASSIVE_LEVEL, from DriverEntry and from its unload routine. The characteristics are copied, so the driver
 * may forget its record; they are immutable from then on.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ndis/adapter/miniport.h"
#include "ndis/adapter/record.h"
#include "ndis/export.h"
#include "ndis/object.h"
#include "ndis/services/services.h"
#include "nt/io/io_device.h"

static struct sched_lock lock;
static struct miniport *miniports;

struct miniport *miniport_of(struct DRIVER_OBJECT *driver_object)
{
    struct miniport *miniport;

    sched_lock(&lock);
    for (miniport = miniports; miniport != NULL && miniport->driver_object != driver_object;
         miniport = miniport->next) {
    }
    sched_unlock(&lock);
    return miniport;
}

static void require_handlers(const struct NDIS_MINIPORT_DRIVER_CHARACTERISTICS *c)
{
    const struct {
        const char *name;
        const void *handler;
    } needed[] = {
        { "InitializeHandlerEx", c->InitializeHandlerEx },
        { "HaltHandlerEx", c->HaltHandlerEx },
        { "PauseHandler", c->PauseHandler },
        { "RestartHandler", c->RestartHandler },
        { "OidRequestHandler", c->OidRequestHandler },
        { "SendNetBufferListsHandler", c->SendNetBufferListsHandler },
        { "ReturnNetBufferListsHandler", c->ReturnNetBufferListsHandler },
        { "CancelSendHandler", c->CancelSendHandler },
        { "DevicePnPEventNotifyHandler", c->DevicePnPEventNotifyHandler },
        { "ShutdownHandlerEx", c->ShutdownHandlerEx },
        { "CancelOidRequestHandler", c->CancelOidRequestHandler },
    };
    size_t i;

    for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        RULE(needed[i].handler != NULL, "ndis-characteristics", "NdisMRegisterMiniportDriver without %s",
             needed[i].name);
    }
}

/* Microsoft, "Miniport Adapter Check-for-Hang and Reset Operations": not in a miniport without hardware of its own.
 * NDIS registers one that has them all the same. */
static void refuse_hang_checks(const struct NDIS_MINIPORT_DRIVER_CHARACTERISTICS *c, uint16_t version)
{
    RULE_DOCUMENTED(version < NDIS_VERSION(6, 83) || (c->CheckForHangHandlerEx == NULL && c->ResetHandlerEx == NULL),
                    "ndis-characteristics", "NdisMRegisterMiniportDriver as 6.%u with a handler for hangs or resets",
                    version & 0xff);
}

/* Nothing the testbed sends but to a device of NdisRegisterDeviceEx. */
static int32_t MS_ABI no_dispatch(struct DEVICE_OBJECT *device, struct IRP *irp)
{
    if (control_device_is(device)) {
        return control_device_dispatch(device, irp);
    }
    rule_break("ndis-irp", "an IRP was sent to a device that NDIS owns; the testbed sends IRPs to the bus device only");
}

/* NDIS' own functional device: what adapter.c and adapter_power.c do of their own accord is not waited for here. */
static int32_t MS_ABI pass_dispatch(struct DEVICE_OBJECT *object, struct IRP *irp)
{
    struct DEVICE_OBJECT *lower = device_lower(device_of(object));

    return lower != NULL ? irp_pass(lower, irp) : irp_invalid_request(object, irp);
}

static int32_t MS_ABI register_driver(struct DRIVER_OBJECT *driver_object, struct UNICODE_STRING *registry_path,
                                      void *context, struct NDIS_MINIPORT_DRIVER_CHARACTERISTICS *characteristics,
                                      void **handle)
{
    uint16_t version;
    struct miniport *miniport;
    size_t i;

    RULE(driver_object != NULL && registry_path != NULL && characteristics != NULL && handle != NULL,
         "ndis-characteristics", "NdisMRegisterMiniportDriver with a NULL argument");
    version = NDIS_VERSION(characteristics->MajorNdisVersion, characteristics->MinorNdisVersion);
    if (!ndis_version_exists(version) || version > ndis_version_simulated()) {
        return (int32_t)NDIS_STATUS_BAD_VERSION;
    }
    record_check(RECORD_DRIVER_CHARACTERISTICS, &characteristics->Header, version);
    if ((characteristics->Flags & NDIS_INTERMEDIATE_DRIVER) != 0) {
        rule_break("ndis-characteristics", "intermediate drivers are not simulated");
    }
    require_handlers(characteristics);
    refuse_hang_checks(characteristics, version);
    RULE(miniport_of(driver_object) == NULL, "ndis-characteristics",
         "NdisMRegisterMiniportDriver twice for one driver object");

    miniport = ndis_alloc(sizeof(*miniport));
    miniport->driver_object = driver_object;
    miniport->driver_context = context;
    miniport->version = version;
    ndis_utf8(miniport->service_key, sizeof(miniport->service_key), registry_path->Buffer, registry_path->Length / 2);
    memcpy(&miniport->handlers, characteristics,
           characteristics->Header.Size < sizeof(miniport->handlers) ? characteristics->Header.Size
                                                                     : sizeof(miniport->handlers));
    for (i = 0; i < sizeof(driver_object->MajorFunction) / sizeof(driver_object->MajorFunction[0]); i++) {
        driver_object->MajorFunction[i] = (void *)no_dispatch;
    }
    driver_object->MajorFunction[IRP_MJ_PNP] = driver_object->MajorFunction[IRP_MJ_POWER] = (void *)pass_dispatch;
    driver_object->DriverUnload = miniport->handlers.UnloadHandler;
    ndis_object_add(&miniport->object, NDIS_KIND_MINIPORT, "a miniport driver was not deregistered");
    sched_lock(&lock);
    miniport->next = miniports;
    miniports = miniport;
    sched_unlock(&lock);
    *handle = miniport;

    if (miniport->handlers.SetOptionsHandler != NULL) {
        int32_t(MS_ABI * set_options)(void *, void *) = miniport->handlers.SetOptionsHandler;
        int32_t status = DRIVER_CALL("MiniportSetOptions", set_options(miniport, context));

        RULE(status == NDIS_STATUS_SUCCESS, "ndis-characteristics", "MiniportSetOptions failed: %#x", (uint32_t)status);
    }
    return NDIS_STATUS_SUCCESS;
}

static void MS_ABI deregister_driver(void *handle)
{
    struct miniport *miniport = ndis_object_check(handle, NDIS_KIND_MINIPORT, "NdisMDeregisterMiniportDriver"), **link;

    RULE(miniport->adapters == 0, "ndis-state", "NdisMDeregisterMiniportDriver while %u adapters are there",
         miniport->adapters);
    sched_lock(&lock);
    for (link = &miniports; *link != miniport; link = &(*link)->next) {
    }
    *link = miniport->next;
    sched_unlock(&lock);
    ndis_object_remove(&miniport->object);
    free(miniport);
}

static int32_t MS_ABI set_optional_handlers(void *handle, struct NDIS_OBJECT_HEADER *handlers)
{
    struct miniport *miniport = ndis_object_check(handle, NDIS_KIND_MINIPORT, "NdisSetOptionalHandlers");

    RULE(handlers != NULL, "ndis-characteristics", "NdisSetOptionalHandlers without handlers");
    if (handlers->Type != NDIS_OBJECT_TYPE_MINIPORT_PNP_CHARACTERISTICS) {
        return (int32_t)
            NDIS_STATUS_NOT_SUPPORTED; /* selective suspend, CoNDIS, NDK: what Windows returns where they are absent */
    }
    record_check(RECORD_PNP_CHARACTERISTICS, handlers, miniport->version);
    memcpy(&miniport->pnp, handlers, NDIS_SIZEOF_MINIPORT_PNP_CHARACTERISTICS_REVISION_1);
    return NDIS_STATUS_SUCCESS;
}

static uint32_t MS_ABI get_version(void)
{
    uint16_t version = ndis_version_simulated();

    return (uint32_t)(version >> 8) << 16 | (version & 0xff);
}

#define MINIPORT_EXPORTS(X)                                                                                            \
    X(NdisMRegisterMiniportDriver, register_driver, PASSIVE_LEVEL, PASSIVE_LEVEL)                                      \
    X(NdisMDeregisterMiniportDriver, deregister_driver, PASSIVE_LEVEL, PASSIVE_LEVEL)                                  \
    X(NdisSetOptionalHandlers, set_optional_handlers, PASSIVE_LEVEL, PASSIVE_LEVEL)                                    \
    X(NdisGetVersion, get_version, PASSIVE_LEVEL, DISPATCH_LEVEL)

void miniport_exports(void)
{
    NDIS_EXPORTS(MINIPORT_EXPORTS);
}
