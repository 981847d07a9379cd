/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The physical device as XenVif creates it: its IDs from a table of revisions, and the interfaces it answers for. A
 * provider lists every revision it still serves, newest first; which those are depends on the XenVif that is simulated.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nt/export/fail.h"
#include "xenvif/offer/hostile.h"
#include "xenvif/state.h"

#define STATUS_BUFFER_OVERFLOW ((int32_t)0x80000005)
#define CONNECT_PATIENCE                                                                                               \
    (10ull * 1000000000ull) /* a started device waits for its backend before its driver sees it                        \
                             */

enum { MAX_REVISIONS = 5, MAX_IDS = MAX_REVISIONS + 2, ID_BYTES = 64 };

/* Which version of VIF a revision of the device stands for. */
static const struct revision {
    uint32_t revision, version;
} revisions[] = {
    { 0x0800000D, 8 },  { 0x09000000, 8 },  { 0x09000001, 8 },  { 0x09000002, 9 },
    { 0x09000003, 10 }, { 0x09000004, 10 }, { 0x09000005, 10 },
};

struct provider {
    uint32_t version;                  /* the newest VIF */
    uint32_t revisions[MAX_REVISIONS]; /* oldest first, 0 ends */
};

/* 8: XenVif 8.2 ... 9.1; 9: 9.1 late; 10: today, which serves 8 to 10 under the revisions it keeps. */
static const struct provider providers[] = {
    { 8, { 0x0800000D, 0x09000000, 0x09000001 } },
    { 9, { 0x09000001, 0x09000002 } },
    { 10, { 0x09000001, 0x09000002, 0x09000003, 0x09000004, 0x09000005 } },
};

static const struct provider *provider_of(const struct vif *vif)
{
    for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
        if (providers[i].version == vif->options.version) {
            return &providers[i];
        }
    }
    return &providers[sizeof(providers) / sizeof(providers[0]) - 1];
}

/* A version is served as long as a revision that stands for it is listed. */
static bool serves(const struct vif *vif, uint16_t version)
{
    const struct provider *provider = provider_of(vif);

    for (size_t i = 0; i < MAX_REVISIONS && provider->version == vif->options.version; i++) {
        for (size_t k = 0; k < sizeof(revisions) / sizeof(revisions[0]); k++) {
            if (revisions[k].revision == provider->revisions[i] && revisions[k].version == version) {
                return true;
            }
        }
    }
    return false;
}

struct guid_bytes {
    uint32_t a;
    uint16_t b, c;
    uint8_t d[8];
};

static const struct guid_bytes vif_guid = GUID_XENVIF_VIF_INTERFACE;
static const struct guid_bytes store_guid = GUID_XENBUS_STORE_INTERFACE;
static const struct guid_bytes suspend_guid = GUID_XENBUS_SUSPEND_INTERFACE;

struct offer {
    const struct guid_bytes *guid;
    uint16_t version, size;
    void (*fill)(struct vif *vif, void *interface);
};

void pdo_fill_store(struct vif *vif, void *interface)
{
    xenbus_store_fill(&vif->store, interface);
}

static void pdo_fill_suspend(struct vif *vif, void *interface)
{
    xenbus_suspend_fill(&vif->suspend, interface);
}

static int32_t query_interface(void *bus, const uint8_t guid[16], uint16_t version, void *interface, uint16_t size)
{
    struct vif *vif = bus;
    const struct offer offers[] = {
        { &vif_guid, serves(vif, version) ? version : 0, sizeof(struct XENVIF_VIF_INTERFACE_V10), interface_fill_vif },
        { &store_guid, 2, sizeof(struct XENBUS_STORE_INTERFACE_V2), pdo_fill_store },
        { &suspend_guid, 1, sizeof(struct XENBUS_SUSPEND_INTERFACE_V1), pdo_fill_suspend },
    };

    for (size_t i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
        if (memcmp(guid, offers[i].guid, 16) != 0 || version != offers[i].version || version == 0) {
            continue;
        }
        if (fail_now("IRP_MN_QUERY_INTERFACE")) {
            return STATUS_INSUFFICIENT_RESOURCES;
        }
        if (size < offers[i].size) {
            return STATUS_BUFFER_OVERFLOW;
        }
        frontend_wait_connected(
            vif, vif_patience(vif, CONNECT_PATIENCE)); /* a backend that does not come shows when the driver enables */
        offers[i].fill(vif, interface);
        ((struct INTERFACE *)interface)->Version = version;
        hostile_fill(vif, interface, offers[i].fill);
        return STATUS_SUCCESS;
    }
    return STATUS_NOT_SUPPORTED;
}

static const struct pdo_ops ops = { .query_interface = query_interface };

static const char *device_id(const struct vif *vif, const char *newest, char *text, size_t size)
{
    int vendor = 2; /* of XP0002 the prefix, XP */

    switch (vif->release->device_id) {
    case VIF_DEVICE_ID_REVISION:
        return newest;
    case VIF_DEVICE_ID_VENDOR:
        vendor = (int)strlen(vif->options.vendor);
        break;
    default:
        break;
    }
    snprintf(text, size, "XENVIF\\VEN_%.*s&DEV_NET", vendor, vif->options.vendor);
    return text;
}

struct device *pdo_make(struct vif *vif)
{
    const struct provider *provider = provider_of(vif);
    char text[MAX_IDS][ID_BYTES], device[ID_BYTES], instance[12], location[40];
    const char *ids[MAX_IDS + 1] = { NULL };
    size_t count = 0;
    struct pdo_ids names = {
        .hardware_ids = ids, .compatible_ids = ids, .instance_id = instance, .location = location
    };

    for (size_t i = MAX_REVISIONS; i-- > 0;) {
        if (provider->revisions[i] != 0) {
            snprintf(text[count], ID_BYTES, "XENVIF\\VEN_%s&DEV_NET&REV_%08X", vif->options.vendor,
                     provider->revisions[i]);
            ids[count] = text[count];
            count++;
        }
    }
    names.device_id = device_id(vif, ids[0], device, sizeof(device));
    ids[count] = "XENDEVICE";
    snprintf(instance, sizeof(instance), "%u", vif->options.handle);
    snprintf(location, sizeof(location), "%u", vif->options.handle);
    return pdo_create(&names, &ops, vif);
}
