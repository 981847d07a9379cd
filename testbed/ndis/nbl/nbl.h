/* SPDX-License-Identifier: BSD-2-Clause */
/* NBLs and NBs: who has one, its pool, its out-of-band slots. */
#ifndef TESTBED_NDIS_NBL_NBL_H
#define TESTBED_NDIS_NBL_NBL_H

#include "ndis/object.h"
#include "nt/memory/guard.h"

#define NBL_TAG_FREE      ((uintptr_t)0x656572664c424e01ull)
#define NBL_TAG_OWNED     ((uintptr_t)0x6e776f4c424e02ull)   /* with whoever allocated it */
#define NBL_TAG_SENT      ((uintptr_t)0x746e65734c424e03ull) /* with the miniport, until it completes the send */
#define NBL_TAG_INDICATED ((uintptr_t)0x64636e694c424e04ull) /* with the protocol, until it is returned */
#define NBL_TAG_LENT      ((uintptr_t)0x746e656c4c424e05ull) /* with the protocol, until the indication returns */
#define NBL_TAG_HIDDEN    ((uintptr_t)0x656469684c424e06ull) /* of none: what can not be read, with guard pages */
static inline uintptr_t nbl_tag(const struct NET_BUFFER_LIST *nbl)
{
    if (__builtin_expect(guard_pages, 0) && !guard_may_be_read(nbl)) {
        return NBL_TAG_HIDDEN;
    }
    return (uintptr_t)nbl->NdisReserved[0];
}
static inline void nbl_set_tag(struct NET_BUFFER_LIST *nbl, uintptr_t tag)
{
    nbl->NdisReserved[0] = (void *)tag;
}
/* Whose the bits of an NBL's Flags are, and what they hold from the allocation on. */
#define NBL_FLAGS_OF_NDIS     0x00000ffcu
#define NBL_FLAGS_OF_PROTOCOL 0xfff00003u
#define NBL_FLAGS_GIVEN       0xa5a005a5u
/* When it last changed hands, by watchdog_clock: for reports. On x86 there is room for milliseconds. */
enum { NBL_SINCE_SHIFT = sizeof(void *) == 8 ? 0 : 20 };
static inline uint64_t nbl_since(const struct NET_BUFFER_LIST *nbl)
{
    return (uint64_t)(uintptr_t)nbl->NdisReserved[1] << NBL_SINCE_SHIFT;
}
static inline void nbl_set_since(struct NET_BUFFER_LIST *nbl, uint64_t since)
{
    nbl->NdisReserved[1] = (void *)(uintptr_t)(since >> NBL_SINCE_SHIFT);
}
/* The miniport has no business with an NBL that it has handed over and not got back: until it is shown again its
 * pointers, and those of its NB, lead nowhere, and must be found so. With guard pages all of it is inaccessible. `why`
 * is for a report, kept by address: "which the miniport ...". The testbed reads Next before it hides an NBL. */
void nbl_hide(struct NET_BUFFER_LIST *nbl, const char *why);
bool nbl_is_hidden(const struct NET_BUFFER_LIST *nbl);
#define NBL_INDICATED "which the miniport has indicated and not got back"
#define NBL_COMPLETED "whose send the miniport has completed"
void nbl_show(struct NET_BUFFER_LIST *nbl, const char *meanwhile);
const char *nbl_tag_name(uintptr_t tag);
/* Out-of-band slots of an NBL: that NDIS of this version has, and of them those that are not NDIS's own. What lies
 * behind in the record is not the NBL's on that Windows: rule "ndis-slot". */
uint32_t nbl_slots(void);
uint32_t nbl_public_slots(void);
void nbl_check_end(const struct NET_BUFFER_LIST *nbl, const char *function);
struct nbl_pool;
struct nbl_pool *nbl_pool_create(const char *what, uint32_t tag, uint16_t context_size, bool with_net_buffer);
void nbl_pool_destroy(struct nbl_pool *pool, const char *function);
int64_t nbl_pool_out(const struct nbl_pool *pool); /* NBLs, or NBs, allocated and not freed */
struct NET_BUFFER_LIST *nbl_create(struct nbl_pool *pool, struct MDL *mdl, uint32_t offset, size_t length);
void nbl_free(struct NET_BUFFER_LIST *nbl, const char *function);
void net_buffer_init(struct NET_BUFFER *nb, void *pool, struct MDL *mdl, uint32_t offset, size_t length);
/* The NB describes bytes that its MDLs have, and CurrentMdl agrees with DataOffset; else rule "ndis-nb". */
void net_buffer_check(const struct NET_BUFFER *nb, const char *function);
/* Copies `length` bytes from byte `offset` of the data; returns how many there were. */
uint32_t net_buffer_copy_out(const struct NET_BUFFER *nb, uint32_t offset, void *to, uint32_t length);
uint8_t net_buffer_ip_version(const struct NET_BUFFER *nb); /* of the frame, tagged or not; 0: another protocol */
struct adapter;
/* nbl_joined.c: rule "ndis-uro". */
void nbl_check_joined(struct adapter *adapter, const struct NET_BUFFER_LIST *nbl, const char *function);
void *ndis_info(const struct NET_BUFFER_LIST *nbl, uint32_t index);

#endif
