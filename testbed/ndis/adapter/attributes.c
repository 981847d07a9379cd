/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NdisMSetMiniportAttributes: what a miniport reports of an adapter while MiniportInitializeEx runs, in the documented
 * order (registration, then general, then the rest). PASSIVE_LEVEL. Everything is copied: the driver's records may lie
 * on its stack.
 */
#include <stdio.h>
#include <stdlib.h>

#include "ndis/adapter/adapter.h"
#include "ndis/adapter/miniport.h"
#include "ndis/adapter/record.h"
#include "ndis/export.h"
#include "ndis/object.h"

static void set_registration(struct adapter *adapter, const struct NDIS_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES *a)
{
    record_check(RECORD_REGISTRATION_ATTRIBUTES, &a->Header, adapter->miniport->version);
    RULE(!adapter->has_registration, "ndis-attributes", "registration attributes were set twice");
    RULE(a->MiniportAdapterContext != NULL, "ndis-attributes",
         "registration attributes without MiniportAdapterContext");
    RULE_DOCUMENTED((a->AttributeFlags & NDIS_MINIPORT_ATTRIBUTES_NDIS_WDM) != 0 ||
                        (a->AttributeFlags & NDIS_MINIPORT_ATTRIBUTES_HARDWARE_DEVICE) != 0,
                    "ndis-attributes", "registration attributes with neither HARDWARE_DEVICE nor NDIS_WDM");
    adapter->context = a->MiniportAdapterContext;
    adapter->attribute_flags = a->AttributeFlags;
    adapter->hang_seconds = a->CheckForHangTimeInSeconds;
    adapter->has_registration = true;
}

static void set_oids(struct adapter *adapter, const struct NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *a)
{
    const uint32_t *oids = a->SupportedOidList;
    uint32_t i, j, count = a->SupportedOidListLength / sizeof(uint32_t);

    RULE(oids != NULL && count > 0 && a->SupportedOidListLength % sizeof(uint32_t) == 0, "ndis-attributes",
         "SupportedOidList of %u bytes is no list of OIDs", a->SupportedOidListLength);
    adapter->oids = ndis_alloc(a->SupportedOidListLength);
    memcpy(adapter->oids, oids, a->SupportedOidListLength);
    adapter->oid_count = count;
    for (i = 0; i < count; i++) {
        for (j = 0; j < i; j++) {
            RULE(oids[i] != oids[j], "ndis-attributes", "SupportedOidList names OID %#x twice", oids[i]);
        }
    }
}

static void set_general(struct adapter *adapter, const struct NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *a)
{
    struct NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES *to = &adapter->general;

    record_check(RECORD_GENERAL_ATTRIBUTES, &a->Header, adapter->miniport->version);
    RULE(adapter->has_registration, "ndis-attributes", "general attributes before registration attributes");
    RULE(!adapter->has_general, "ndis-attributes", "general attributes were set twice");
    RULE(a->MediaType == NdisMedium802_3, "ndis-attributes", "MediaType %u; only NdisMedium802_3 is simulated",
         a->MediaType);
    RULE(a->MacAddressLength == 6, "ndis-attributes", "MacAddressLength %u, Ethernet has 6", a->MacAddressLength);
    RULE((a->PermanentMacAddress[0] & 1) == 0 && (a->CurrentMacAddress[0] & 1) == 0, "ndis-attributes",
         "an adapter's own MAC address is multicast");
    RULE(a->MtuSize >= 68, "ndis-attributes", "MtuSize %u",
         a->MtuSize); /* a medium of its own may have no upper limit */
    RULE(a->LookaheadSize > 0, "ndis-attributes", "LookaheadSize 0");
    memcpy(to, a, a->Header.Size < sizeof(*to) ? a->Header.Size : sizeof(*to));
    set_oids(adapter, a);
    to->SupportedOidList = adapter->oids;
    if (a->RecvScaleCapabilities != NULL) {
        const struct NDIS_RECEIVE_SCALE_CAPABILITIES *rss = a->RecvScaleCapabilities;

        record_check(RECORD_RSS_CAPABILITIES, &rss->Header, adapter->miniport->version);
        memcpy(&adapter->rss, rss, rss->Header.Size < sizeof(adapter->rss) ? rss->Header.Size : sizeof(adapter->rss));
        adapter->has_rss = true;
        to->RecvScaleCapabilities = &adapter->rss;
    }
    if (a->Header.Revision >= 2 && a->PowerManagementCapabilitiesEx != NULL) {
        record_check(RECORD_PM_CAPABILITIES, a->PowerManagementCapabilitiesEx, adapter->miniport->version);
    }
    to->PowerManagementCapabilities = NULL; /* checked, not kept: the driver may free them */
    to->PowerManagementCapabilitiesEx = NULL;
    adapter->link.MediaConnectState = a->MediaConnectState;
    adapter->link.MediaDuplexState = a->MediaDuplexState;
    adapter->link.XmitLinkSpeed = a->XmitLinkSpeed;
    adapter->link.RcvLinkSpeed = a->RcvLinkSpeed;
    adapter->has_general = true;
}

uint32_t adapter_rsc_off(const struct adapter *adapter)
{
    const struct NDIS_OFFLOAD *offload = &adapter->offload.before;
    bool known = offload->Header.Revision >= 3;

    return (known && offload->Rsc.IPv4.Enabled ? 0u : RSC_OFF_IPV4) |
           (known && offload->Rsc.IPv6.Enabled ? 0u : RSC_OFF_IPV6) |
           (adapter->offload.UdpRsc.Enabled ? 0u : RSC_OFF_UDP);
}

void adapter_take_offload(struct adapter *adapter, const struct NDIS_OFFLOAD *offload, bool hardware)
{
    struct late_offload *to = hardware ? &adapter->hardware_offload : &adapter->offload;

    record_check(RECORD_OFFLOAD, &offload->Header, adapter->miniport->version);
    sched_lock(&adapter->lock);
    memset(to, 0, sizeof(*to));
    memcpy(to, offload, offload->Header.Size < sizeof(*to) ? offload->Header.Size : sizeof(*to));
    __atomic_fetch_add(&adapter->offload_epoch, 1, __ATOMIC_RELEASE);
    if (!hardware) {
        __atomic_fetch_and(&adapter->rsc_off, adapter_rsc_off(adapter) | RSC_CHANGING, __ATOMIC_SEQ_CST);
    }
    sched_unlock(&adapter->lock);
}

static void set_offload(struct adapter *adapter, const struct NDIS_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES *a)
{
    record_check(RECORD_OFFLOAD_ATTRIBUTES, &a->Header, adapter->miniport->version);
    RULE(adapter->has_general, "ndis-attributes", "offload attributes before general attributes");
    if (a->DefaultOffloadConfiguration != NULL) {
        adapter_take_offload(adapter, a->DefaultOffloadConfiguration, false);
    }
    if (a->HardwareOffloadCapabilities != NULL) {
        adapter_take_offload(adapter, a->HardwareOffloadCapabilities, true);
    }
}

static int32_t MS_ABI set_attributes(void *handle, struct NDIS_MINIPORT_ADAPTER_ATTRIBUTES *attributes)
{
    struct adapter *adapter = adapter_check(handle, "NdisMSetMiniportAttributes");
    const struct NDIS_OBJECT_HEADER *header;

    RULE(attributes != NULL, "ndis-attributes", "NdisMSetMiniportAttributes without attributes");
    header = (const struct NDIS_OBJECT_HEADER *)attributes;
    if (header->Type == NDIS_OBJECT_TYPE_MINIPORT_ADD_DEVICE_REGISTRATION_ATTRIBUTES) {
        record_check(RECORD_ADD_DEVICE_ATTRIBUTES, header, adapter->miniport->version);
        RULE(adapter_state(adapter) == ADAPTER_HALTED, "ndis-attributes",
             "add-device attributes outside MiniportAddDevice");
        adapter->add_device_context = attributes->AddDeviceRegistrationAttributes.MiniportAddDeviceContext;
        return NDIS_STATUS_SUCCESS;
    }
    RULE(adapter_state(adapter) == ADAPTER_INITIALIZING, "ndis-attributes",
         "NdisMSetMiniportAttributes outside MiniportInitializeEx, adapter is %s",
         adapter_state_name(adapter_state(adapter)));
    switch (header->Type) {
    case NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_REGISTRATION_ATTRIBUTES:
        set_registration(adapter, (const void *)attributes);
        return NDIS_STATUS_SUCCESS;
    case NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES:
        set_general(adapter, (const void *)attributes);
        return NDIS_STATUS_SUCCESS;
    case NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_OFFLOAD_ATTRIBUTES:
        set_offload(adapter, (const void *)attributes);
        return NDIS_STATUS_SUCCESS;
    case NDIS_OBJECT_TYPE_MINIPORT_ADAPTER_HARDWARE_ASSIST_ATTRIBUTES:
        return NDIS_STATUS_SUCCESS; /* VMQ, SR-IOV and the like concern hosts: nothing here uses what they offer */
    default:
        rule_break("ndis-attributes", "NdisMSetMiniportAttributes with unknown type %#x", header->Type);
    }
}

#define ATTRIBUTES_EXPORTS(X) X(NdisMSetMiniportAttributes, set_attributes, PASSIVE_LEVEL, PASSIVE_LEVEL)

void attributes_exports(void)
{
    NDIS_EXPORTS(ATTRIBUTES_EXPORTS);
}
