/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A miniport driver for tests of the simulated ndis.sys: native code that calls the exports through the same
 * trampolines as a PE. It behaves well unless a test sets it otherwise. Everything runs in sched_run's main task, one
 * fake at a time.
 *
 *   fake_run(SCHED_SIMULATED, "10-22h2", body)    start, body(fake), stop
 *   fake_add(fake, error, size)                   register and initialize; the adapter is Paused then
 */
#ifndef TESTS_NDIS_FAKE_H
#define TESTS_NDIS_FAKE_H

#include <stdio.h>

#include "harness.h"
#include "ndis/adapter/adapter.h"
#include "ndis/adapter/miniport.h"
#include "nt/export/version.h"
#include "nt/registry/registry.h"
#include "xen/embedded/backend.h"

#define FAKE_DRIVER_KEY                                                                                                \
    "\\Registry\\Machine\\System\\CurrentControlSet\\Control\\Class\\{4d36e972-e325-11ce-bfc1-08002be10318}\\0000"
#define FAKE_SERVICE_KEY "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\fake"
#define NDIS(name)       ((fake_##name *)export_bind("ndis.sys", #name))

typedef int32_t MS_ABI fake_NdisMRegisterMiniportDriver(void *, void *, void *, void *, void **);
typedef void MS_ABI fake_NdisMDeregisterMiniportDriver(void *);
typedef int32_t MS_ABI fake_NdisMSetMiniportAttributes(void *, void *);
typedef void *MS_ABI fake_NdisAllocateNetBufferListPool(void *, void *);
typedef void MS_ABI fake_NdisFreeNetBufferListPool(void *);
typedef struct NET_BUFFER_LIST *MS_ABI fake_NdisAllocateNetBufferAndNetBufferList(void *, uint16_t, uint16_t, void *,
                                                                                  uint32_t, size_t);
typedef void MS_ABI fake_NdisFreeNetBufferList(void *);
typedef void MS_ABI fake_NdisMSendNetBufferListsComplete(void *, void *, uint32_t);
typedef void MS_ABI fake_NdisMIndicateReceiveNetBufferLists(void *, void *, uint32_t, uint32_t, uint32_t);
typedef void MS_ABI fake_NdisMIndicateStatusEx(void *, void *);
typedef void MS_ABI fake_NdisMPauseComplete(void *);
typedef void MS_ABI fake_NdisMRestartComplete(void *, int32_t);
typedef void MS_ABI fake_NdisMOidRequestComplete(void *, void *, int32_t);
typedef void MS_CDECL fake_NdisWriteErrorLogEntry(void *, uint32_t, uint32_t, ...);

struct fake {
    struct DRIVER_OBJECT driver_object;
    struct device *physical;
    bool no_bus;        /* registration attributes with neither HARDWARE_DEVICE nor NDIS_WDM */
    uint32_t mtu;       /* in its general attributes; 0: 1500 */
    uint16_t interface; /* IfType; 0: 6, Ethernet */
    struct NDIS_PM_CAPABILITIES *wake;
    struct package package;
    struct NDIS_MINIPORT_DRIVER_CHARACTERISTICS characteristics;
    struct NDIS_OFFLOAD offload;
    struct NDIS_RECEIVE_SCALE_CAPABILITIES rss;
    bool offers_rss;
    uint32_t mac_options;
    int32_t initialize_status;
    void *miniport, *handle, *pool;
    struct adapter *adapter;
    struct xen_host *host;
    struct xen *xen;
    /* how it behaves */
    bool hold_sends; /* sends stay until fake_complete_sends */
    bool pend_pause; /* MiniportPause returns PENDING; fake_finish_pause ends it */
    void (*on_pause)(struct fake *fake);
    int32_t (*on_oid)(struct fake *fake,
                      struct NDIS_OID_REQUEST *request);               /* NULL: all sets succeed, queries are refused */
    void (*on_send)(struct fake *fake, struct NET_BUFFER_LIST *chain); /* sees each chain before anything else */
    /* what it saw */
    struct NET_BUFFER_LIST *sends;
    uint32_t sent, send_calls, returned, return_calls, oids, halted;
    struct NDIS_OID_REQUEST *oid;
    struct rss_seen {
        uint32_t sets;
        uint16_t entries, revision, size;
        uint8_t numbers[128];
    } rss_seen;
};

void fake_complete_sends(struct fake *fake); /* those held */
int32_t fake_register(struct fake *fake);
struct adapter *fake_add(struct fake *fake, char *error, size_t size);
/* An NBL of the fake's over `mdl`, as a received packet. */
struct NET_BUFFER_LIST *fake_packet(struct fake *fake, struct MDL *mdl, uint32_t offset, uint32_t length);

/* Starts kernel, NDIS and hypervisor of this Windows, runs the body, stops them; nothing may be left. */
void fake_run(enum sched_kind kind, const char *windows, void (*body)(struct fake *fake));
/* Added, and restarted. */
void fake_add_running(struct fake *fake);

/* --- rules --- */

/* A case whose body breaks a rule, and ends by it. */
#define TRIPS(rule, name)                                                                                              \
    static void body_##name(struct fake *fake);                                                                        \
    TEST(name)                                                                                                         \
    {                                                                                                                  \
        EXPECT_RULE(rule, fake_run_body, (void *)body_##name);                                                         \
    }                                                                                                                  \
    static void body_##name(struct fake *fake)

enum { FAKE_BYTES = 200 };
extern uint8_t fake_bytes[FAKE_BYTES]; /* what a packet of fake_received is over */

void fake_run_body(void *body);                           /* `body` with a driver, in a simulated run */
struct NET_BUFFER_LIST *fake_received(struct fake *fake); /* a packet of 100 bytes, not yet indicated */
void fake_indicate(struct fake *fake, struct NET_BUFFER_LIST *nbl, uint32_t flags);
void fake_keep_one(struct fake *fake, struct NET_BUFFER_LIST *nbl); /* as if the protocol had it */
struct edge *fake_open_edge(struct fake *fake);
void fake_send_one(struct edge *edge);

#endif
