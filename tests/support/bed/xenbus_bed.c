/* SPDX-License-Identifier: BSD-2-Clause */
/* See xenbus_bed.h. Everything runs in the main task of a run. */
#include "xenbus_bed.h"

const uint8_t evtchn_guid[16] = { 0xac, 0x40, 0x24, 0xbe, 0x98, 0x10, 0x50, 0x41,
                                  0xaf, 0x4d, 0x45, 0x2f, 0xad, 0xce, 0xf9, 0x23 };
const uint8_t gnttab_guid[16] = { 0xc5, 0x79, 0x36, 0x76, 0xc2, 0xe5, 0x6d, 0x4a,
                                  0x8b, 0x88, 0x6b, 0xb0, 0x2e, 0xc4, 0x2d, 0x8e };
const uint8_t cache_guid[16] = { 0x78, 0xfd, 0x8d, 0xa9, 0x6a, 0x41, 0x49, 0x49,
                                 0x92, 0xa5, 0xe0, 0x84, 0xf2, 0xf4, 0xb4, 0x4e };
const uint8_t range_guid[16] = { 0xa2, 0x78, 0x7e, 0xee, 0x47, 0x68, 0xc5, 0x48,
                                 0xb1, 0x23, 0xbb, 0x01, 0x2f, 0x0e, 0xab, 0xf4 };
const uint8_t debug_guid[16] = { 0xae, 0x00, 0xf6, 0x0d, 0x20, 0x6b, 0x27, 0x42,
                                 0xbf, 0x94, 0x03, 0xda, 0x9a, 0x26, 0xa1, 0x14 };
const uint8_t unplug_guid[16] = { 0x17, 0x65, 0xdb, 0x73, 0x06, 0x3d, 0x37, 0x49,
                                  0x98, 0x9f, 0x19, 0x9b, 0x75, 0x01, 0xe2, 0x29 };
const uint8_t standard_guid[16] = { 0x80, 0x82, 0x6b, 0x49, 0x25, 0x6f, 0xd0, 0x11,
                                    0xbe, 0xaf, 0x08, 0x00, 0x2b, 0xe2, 0x09, 0x2f };

const uint8_t store_guid[16] = { 0x3b, 0x4c, 0x82, 0x86, 0x4e, 0xd3, 0x53, 0x47,
                                 0xb2, 0x81, 0x2f, 0x1e, 0x3a, 0xd2, 0x14, 0xd7 };
const uint8_t suspend_guid[16] = { 0xaf, 0xf2, 0x54, 0x05, 0x10, 0xb5, 0x71, 0x4c,
                                   0xac, 0x03, 0x1c, 0x50, 0x3e, 0x39, 0x42, 0x38 };

struct xenbus_bed at;

void ask(struct asked *table, const uint8_t guid[16], uint16_t version, uint16_t size)
{
    memset(table, 0, sizeof(*table));
    CHECK_EQ(pnp_query_interface(device_object(xenbus_pdo(at.bus)), guid, version, table, size), STATUS_SUCCESS);
    CHECK_EQ(table->head.Size, size);
    CHECK_EQ(table->head.Version, version);
    if (memcmp(guid, standard_guid, sizeof(standard_guid)) != 0) {
        CHECK_EQ(METHOD(table, 0, int32_t, (void *), table), STATUS_SUCCESS);
    }
}

void release(struct asked *table)
{
    METHOD(table, 1, void, (void *), table);
}

void xenbus_bed_begin(void)
{
    struct xen_host_options options = { PAGES, 64, false };

    memset(&at, 0, sizeof(at));
    at.host = xen_host_create(&options);
    at.guest = xen_domain_create(at.host, GUEST);
    at.dom0 = xen_domain_create(at.host, PEER);
    at.bus = xenbus_create(at.guest);
}

size_t xenbus_bed_end(void)
{
    struct leaks leaks = { 0 };
    size_t count;

    xenbus_leaks(at.bus, &leaks);
    xenbus_destroy(at.bus);
    xen_leaks(at.guest, &leaks);
    for (size_t i = 0; i < leaks.count; i++) {
        fprintf(stderr, "# left behind: %s\n", leaks.lines[i]);
    }
    count = leaks.count;
    leaks_free(&leaks);
    xen_domain_destroy(at.guest);
    xen_domain_destroy(at.dom0);
    xen_host_destroy(at.host);
    return count;
}
