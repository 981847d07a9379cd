/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of ndis/ know of each other and nobody else does.
 *
 * Three kinds of state: handles given to the driver (struct ndis_object first, listed so that leaks show and wrong
 * handles are caught), the adapter (its slow state under `lock`, its life moved by adapter.c alone) and the data path,
 * where nothing is shared per packet: counters are per processor and ownership is a tag inside each NBL.
 */
#ifndef TESTBED_NDIS_INTERNAL_H
#define TESTBED_NDIS_INTERNAL_H

#include <string.h>

#include "ndis/ndis.h"
#include "nt/nt.h"

#undef NdisReserved /* an enumerator of ntddndis.h; here the field of that name is meant */

#define NDIS_LINE                  128 /* bytes: keeps what one processor writes away from what another one does */
#define NDIS_VERSION(major, minor) ((uint16_t)((major) << 8 | (minor)))

/* --- exports: each file lists its own and registers them once --- */
#define NDIS_EXPORT_ENTRY(name, function, lowest, highest)                                                             \
    { "ndis.sys", #name, (void *)(function), lowest, highest, WINDOWS_7 },
#define NDIS_EXPORTS(table)                                                                                            \
    do {                                                                                                               \
        static const struct export exports_[] = { table(NDIS_EXPORT_ENTRY) };                                          \
        export_register(exports_, sizeof(exports_) / sizeof(exports_[0]));                                             \
    } while (0)
void attributes_exports(void);
void reset_exports(void);
void configuration_exports(void);
void device_exports(void);
void event_log_exports(void);
void ndis_lock_exports(void);
void memory_exports(void);
void miniport_exports(void);
void nbl_pool_exports(void);
void net_buffer_exports(void);
void oid_exports(void);
void poll_exports(void);
void ndis_processor_exports(void);
void status_exports(void);
void ndis_timer_exports(void);
void transfer_exports(void);
void work_item_exports(void);

/* --- handles (ndis.c) --- */
enum ndis_kind {
    NDIS_KIND_MINIPORT = 0x4e4d4e50,
    NDIS_KIND_ADAPTER,
    NDIS_KIND_NBL_POOL,
    NDIS_KIND_NB_POOL,
    NDIS_KIND_CONFIGURATION,
    NDIS_KIND_TIMER,
    NDIS_KIND_WORK_ITEM,
    NDIS_KIND_RW_LOCK,
    NDIS_KIND_DMA,
    NDIS_KIND_GENERIC,
    NDIS_KIND_OPEN,
    NDIS_KIND_POLL
};
struct ndis_object {
    uint32_t kind; /* 0 once it is gone */
    char what[60];
    struct ndis_object *next, *previous;
};
void ndis_object_add(struct ndis_object *object, enum ndis_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void ndis_object_remove(struct ndis_object *object);
/* The object behind a driver's handle, or the end by rule "ndis-handle". */
void *ndis_object_check(void *handle, enum ndis_kind kind, const char *function);
/* "NetP" from a pool tag; `text` has 5 bytes. */
const char *ndis_tag_text(uint32_t tag, char *text);
void *ndis_alloc(size_t bytes); /* zeroed host memory for the testbed's own records; never NULL */
/* UTF-16 to UTF-8, bytes written without the NUL that is always there. */
size_t ndis_utf8(char *text, size_t size, const uint16_t *wide, size_t units);
size_t ndis_utf16(uint16_t *wide, size_t most, const char *text);
const char *ndis_status_name(int32_t status); /* "NDIS_STATUS_FAILURE" or "unnamed" */

/* --- registered miniports (miniport.c) --- */
struct miniport {
    struct ndis_object object;
    struct miniport *next;
    struct DRIVER_OBJECT *driver_object;
    char service_key[256];
    void *driver_context;
    uint16_t version; /* NDIS_VERSION registered */
    struct NDIS_MINIPORT_DRIVER_CHARACTERISTICS handlers;
    struct NDIS_MINIPORT_PNP_CHARACTERISTICS pnp; /* handlers NULL when not set */
    uint32_t adapters;
};
struct miniport *miniport_of(struct DRIVER_OBJECT *driver_object);

/* --- record revisions (record.c) --- */
/* Type, revision and size of a record that a driver of that NDIS version gave, else rule "ndis-revision". */
void record_check(enum ndis_record record, const void *header, uint16_t version);
/* The header of a record that NDIS gives to a driver. */
#define NDIS_HEADER(field, type, revision, size)                                                                       \
    ((void)((field).Type = (type), (field).Revision = (uint8_t)(revision), (field).Size = (uint16_t)(size)))
bool ndis_version_exists(uint16_t version);
uint16_t ndis_version_played(void);

/* --- adapters --- */
enum adapter_state {
    ADAPTER_HALTED,
    ADAPTER_INITIALIZING,
    ADAPTER_PAUSED,
    ADAPTER_RESTARTING,
    ADAPTER_RUNNING,
    ADAPTER_PAUSING
};
enum { ADAPTER_RESETTING = 16 }; /* no state: what `waiting_for` says while a reset is on its way */
const char *adapter_state_name(enum adapter_state state);

/* Written by whoever runs on that processor, with relaxed atomics (a call at PASSIVE_LEVEL may be interrupted). */
struct adapter_processor {
    struct adapter_counters counts;
    uint64_t indicated, reclaimed; /* NBLs given to the protocol, and given back */
    uint64_t sent, completed;      /* NBLs given to the miniport, and given back */
    uint32_t busy;                 /* calls that are using the edge: edge_close waits for them */
} __attribute__((aligned(NDIS_LINE)));

enum { RSC_OFF_IPV4 = 1, RSC_OFF_IPV6 = 2 };

struct adapter {
    struct ndis_object object;
    /* immutable after adapter_add */
    struct miniport *miniport;
    struct DEVICE_OBJECT *physical;
    const struct package *package;
    struct DEVICE_OBJECT *functional;
    struct adapter_processor *processors;
    uint32_t processor_count; /* that there can ever be: the length of `processors` */
    void *context;            /* MiniportAdapterContext */
    void *add_device_context;
    uint32_t attribute_flags;
    bool has_registration, has_general, added;
    struct NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES general;
    uint32_t *oids, oid_count;
    /* the life: moved by adapter.c under its caller's single task, read anywhere */
    uint32_t state;
    uint32_t waiting_for; /* the completion that is expected: ADAPTER_PAUSING, ADAPTER_RESTARTING or 0 */
    struct nt_event moved;
    int32_t moved_status;
    uint64_t sent_before_pause;
    uint32_t life_busy; /* 1: somebody moves it */
    uint32_t power;
    bool restart_on_wake;
    bool addressing_reset; /* what a reset said that ended late */
    uint32_t hang_seconds; /* CheckForHangTimeInSeconds, 0: the usual */
    struct hang_watch *hang_watch;
    /* under lock */
    struct sched_lock lock;
    struct NDIS_OFFLOAD offload, hardware_offload;
    uint32_t offload_epoch; /* raised with each change; read without the lock */
    uint32_t rsc_off;       /* atomic: RSC_OFF_IPV..., where a request that switched it off is complete */
    struct NDIS_RECEIVE_SCALE_CAPABILITIES rss;
    bool has_rss;
    struct NDIS_LINK_STATE link;
    uint32_t link_changes;
    /* OIDs: one at a time, by whoever set oid_busy (a lock may not be held over a call of the driver) */
    uint32_t oid_busy;
    struct NDIS_OID_REQUEST *oid_pending;
    void *oid_id; /* RequestId of the one that is with the miniport, NULL: none */
    uint64_t oids_made;
    struct nt_event oid_done;
    int32_t oid_status;
    struct edge *edge; /* read by indications, written by edge_open and edge_close */
    struct raw *raw;   /* a test's protocol beside the edge, or NULL (raw.h) */
};
/* adapter_add, by what the driver and the device are to NDIS. */
struct adapter *adapter_create(struct DRIVER_OBJECT *owner, struct DEVICE_OBJECT *physical,
                               const struct package *package, char *error, size_t size);
struct adapter *adapter_check(void *handle, const char *function);
static inline uint32_t adapter_state(const struct adapter *adapter)
{
    return __atomic_load_n(&adapter->state, __ATOMIC_ACQUIRE);
}
static inline struct adapter_processor *adapter_here(struct adapter *adapter)
{
    return &adapter->processors[processor_current()];
}
#define COUNT(field, n) ((void)__atomic_fetch_add(&(field), (n), __ATOMIC_RELAXED))
int64_t adapter_outstanding_receives(const struct adapter *adapter);
int64_t adapter_outstanding_sends(const struct adapter *adapter);
void adapter_check_pause_complete(const struct adapter *adapter, const char *function);
void adapter_state_complete(struct adapter *adapter, uint32_t which, int32_t status, const char *function);
/* adapter_state.c, for the others: the steps of a life, and what a handler that returned PENDING completes. */
void adapter_move(struct adapter *adapter, enum adapter_state to);
void adapter_life_enter(struct adapter *adapter);
void adapter_life_leave(struct adapter *adapter);
int32_t adapter_initialize(struct adapter *adapter); /* adapter.c */
int32_t adapter_pause_for(struct adapter *adapter, uint32_t reason);
void adapter_halt(struct adapter *adapter, uint32_t action);
void adapter_expect(struct adapter *adapter, uint32_t which);
int32_t adapter_wait_moved(struct adapter *adapter, int32_t status, uint32_t which, const char *what);
uint64_t adapter_sends_started(const struct adapter *adapter);
uint64_t adapter_sends_left(const struct adapter *adapter,
                            uint64_t of); /* of the first `of` that were started, not yet back */
int32_t adapter_oid(struct adapter *adapter, struct NDIS_OID_REQUEST *request); /* sends a request made by the caller */
void adapter_take_offload(struct adapter *adapter, const struct NDIS_OFFLOAD *offload, bool hardware);

/* --- NBLs and NBs (nbl_pool.c, net_buffer.c) --- */
#define NBL_TAG_FREE      0x656572664c424e01ull
#define NBL_TAG_OWNED     0x6e776f4c424e02ull   /* with whoever allocated it */
#define NBL_TAG_SENT      0x746e65734c424e03ull /* with the miniport, until it completes the send */
#define NBL_TAG_INDICATED 0x64636e694c424e04ull /* with the protocol, until it is returned */
#define NBL_TAG_LENT      0x746e656c4c424e05ull /* with the protocol, until the indication returns */
static inline uint64_t nbl_tag(const struct NET_BUFFER_LIST *nbl)
{
    return (uint64_t)(uintptr_t)nbl->NdisReserved[0];
}
static inline void nbl_set_tag(struct NET_BUFFER_LIST *nbl, uint64_t tag)
{
    nbl->NdisReserved[0] = (void *)(uintptr_t)tag;
}
/* Whose the bits of an NBL's Flags are, and what they hold from the allocation on. */
#define NBL_FLAGS_OF_NDIS     0x00000ffcu
#define NBL_FLAGS_OF_PROTOCOL 0xfff00003u
#define NBL_FLAGS_GIVEN       0xa5a005a5u
const char *nbl_tag_name(uint64_t tag);
/* Out-of-band slots of an NBL: that NDIS of this version has, and of them those that are not NDIS's own. What lies
 * behind in the record is not the NBL's on that Windows: rule "ndis-slot". */
uint32_t nbl_slots(void);
uint32_t nbl_public_slots(void);
void nbl_check_end(const struct NET_BUFFER_LIST *nbl, const char *function);
struct nbl_pool;
struct nbl_pool *nbl_pool_create(const char *what, uint32_t tag, uint16_t context_size, bool with_net_buffer);
void nbl_pool_destroy(struct nbl_pool *pool, const char *function);
struct NET_BUFFER_LIST *nbl_create(struct nbl_pool *pool, struct MDL *mdl, uint32_t offset, size_t length);
void nbl_free(struct NET_BUFFER_LIST *nbl, const char *function);
void net_buffer_init(struct NET_BUFFER *nb, void *pool, struct MDL *mdl, uint32_t offset, size_t length);
/* The NB describes bytes that its MDLs have, and CurrentMdl agrees with DataOffset; else rule "ndis-nb". */
void net_buffer_check(const struct NET_BUFFER *nb, const char *function);
uint8_t net_buffer_ip_version(const struct NET_BUFFER *nb); /* of the frame, tagged or not; 0: another protocol */
void *ndis_info(const struct NET_BUFFER_LIST *nbl, uint32_t index);

/* --- the edge, as the adapter and the transfer functions call it --- */
void edge_receive_chain(struct edge *edge, struct NET_BUFFER_LIST *chain, uint32_t flags);
void edge_send_complete(struct edge *edge, struct NET_BUFFER_LIST *chain);
void edge_hold(struct edge *edge); /* no new send enters the miniport; returns when none is entering */
void edge_release(struct edge *edge);
/* Filter and multicast list once more, after a reset that lost them. */
void edge_restore_addressing(struct edge *edge);
void edge_return_late(struct edge *edge); /* everything the edge kept back for a moment goes to the miniport now */
/* Give indicated NBLs back to the miniport: one MiniportReturnNetBufferLists call. */
void adapter_return(struct adapter *adapter, struct NET_BUFFER_LIST *chain, uint32_t count);
/* What the miniport indicates and completes, by whichever way: the calls of NDIS's names, or a poll. */
void adapter_indicate(struct adapter *adapter, struct NET_BUFFER_LIST *chain, uint32_t count, uint32_t flags);
void adapter_send_done(struct adapter *adapter, struct NET_BUFFER_LIST *chain, uint32_t flags);
/* One MiniportSendNetBufferLists call, at DISPATCH_LEVEL. */
void adapter_send(struct adapter *adapter, struct NET_BUFFER_LIST *chain, uint32_t nbls, uint64_t bytes);

/* --- event log (event_log.c) and work items --- */
void event_log_add(const char *format, ...) __attribute__((format(printf, 1, 2)));
size_t event_log_count(void);
void event_log_since(size_t first, char *text, size_t size); /* "nothing" if so; then what the driver printed lately */
void event_log_clear(void);
void work_items_start(void);
void work_items_stop(void);

#endif
