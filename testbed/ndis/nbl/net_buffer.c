/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The data inside NET_BUFFERs: where it starts, moving the start, reading it in one piece, copying it, out-of-band
 * data. Any IRQL up to DISPATCH_LEVEL; the caller owns what it passes.
 */
#include <stdlib.h>

#include "ndis/export.h"
#include "ndis/nbl/nbl.h"

void *ndis_info(const struct NET_BUFFER_LIST *nbl, uint32_t index)
{
    return index < nbl_slots() ? nbl->NetBufferListInfo[index] : NULL;
}

void net_buffer_check(const struct NET_BUFFER *nb, const char *function)
{
    uint64_t need = (uint64_t)nb->DataOffset + nb->DataLength, have = 0;
    uint64_t start = 0;
    const struct MDL *mdl;
    bool met = false;

    for (mdl = nb->MdlChain; mdl != NULL && (have < need || !met); mdl = mdl->Next) {
        if (mdl == nb->CurrentMdl) {
            start = have + nb->CurrentMdlOffset;
            met = true;
        }
        have += mdl->ByteCount;
    }
    RULE(have >= need, "ndis-nb", "%s: an NB of %u bytes at offset %u, its MDLs have %llu", function, nb->DataLength,
         nb->DataOffset, (unsigned long long)have);
    RULE(nb->CurrentMdl == NULL ? nb->DataLength == 0 : met && start == nb->DataOffset, "ndis-nb",
         "%s: CurrentMdl and CurrentMdlOffset of an NB do not name the byte at DataOffset %u", function,
         nb->DataOffset);
}

static void place(struct NET_BUFFER *nb, uint32_t offset)
{
    size_t within = offset;

    nb->DataOffset = offset;
    nb->CurrentMdl = mdl_chain_at(nb->MdlChain, &within);
    nb->CurrentMdlOffset = (uint32_t)within;
}

typedef struct MDL *MS_ABI allocate_mdl_handler(uint32_t *);
typedef void MS_ABI free_mdl_handler(struct MDL *);

static int32_t MS_ABI retreat(struct NET_BUFFER *nb, uint32_t delta, uint32_t backfill, allocate_mdl_handler *allocate)
{
    if (nb->DataOffset >= delta) {
        place(nb, nb->DataOffset - delta);
    } else {
        uint32_t more = delta - nb->DataOffset + backfill, bytes = more;
        struct MDL *mdl =
            allocate != NULL ? DRIVER_CALL("NetBufferAllocateMdl", allocate(&bytes)) : mdl_create(malloc(more), more);

        if (mdl == NULL) {
            return (int32_t)NDIS_STATUS_RESOURCES;
        }
        mdl->Next = nb->MdlChain;
        nb->MdlChain = mdl;
        place(nb, backfill);
    }
    nb->DataLength += delta;
    return NDIS_STATUS_SUCCESS;
}

static void MS_ABI advance(struct NET_BUFFER *nb, uint32_t delta, uint8_t free_mdl, free_mdl_handler *release)
{
    RULE(delta <= nb->DataLength, "ndis-nb", "NdisAdvanceNetBufferDataStart by %u, the NB has %u bytes", delta,
         nb->DataLength);
    nb->DataLength -= delta;
    nb->DataOffset += delta;
    while (free_mdl && nb->MdlChain != NULL && nb->MdlChain->Next != NULL &&
           nb->DataOffset >= nb->MdlChain->ByteCount) {
        struct MDL *mdl = nb->MdlChain;

        nb->DataOffset -= mdl->ByteCount;
        nb->MdlChain = mdl->Next;
        mdl->Next = NULL;
        if (release != NULL) {
            DRIVER_CALL_VOID("NetBufferFreeMdl", release(mdl));
        } else {
            free(mdl_address(mdl));
            mdl_free(mdl);
        }
    }
    place(nb, nb->DataOffset);
}

static int32_t MS_ABI retreat_list(struct NET_BUFFER_LIST *nbl, uint32_t delta, uint32_t backfill,
                                   allocate_mdl_handler *allocate, free_mdl_handler *release)
{
    struct NET_BUFFER *nb, *undo;

    for (nb = nbl->FirstNetBuffer; nb != NULL; nb = nb->Next) {
        if (retreat(nb, delta, backfill, allocate) != NDIS_STATUS_SUCCESS) {
            for (undo = nbl->FirstNetBuffer; undo != nb; undo = undo->Next) {
                advance(undo, delta, 1, release);
            }
            return (int32_t)NDIS_STATUS_RESOURCES;
        }
    }
    return NDIS_STATUS_SUCCESS;
}

static void MS_ABI advance_list(struct NET_BUFFER_LIST *nbl, uint32_t delta, uint8_t free_mdl,
                                free_mdl_handler *release)
{
    struct NET_BUFFER *nb;

    for (nb = nbl->FirstNetBuffer; nb != NULL; nb = nb->Next) {
        advance(nb, delta, free_mdl, release);
    }
}

static void MS_ABI adjust(struct NET_BUFFER *nb)
{
    place(nb, nb->DataOffset);
}

uint32_t net_buffer_copy_out(const struct NET_BUFFER *nb, uint32_t offset, void *to, uint32_t length)
{
    size_t within = (size_t)nb->CurrentMdlOffset + offset;
    struct MDL *mdl = mdl_chain_at(nb->CurrentMdl, &within);
    uint32_t done = 0;

    while (done < length && mdl != NULL) {
        uint32_t part = mdl->ByteCount - (uint32_t)within;

        part = part < length - done ? part : length - done;
        memcpy((uint8_t *)to + done, (const uint8_t *)mdl_address(mdl) + within, part);
        done += part;
        within = 0;
        mdl = mdl->Next;
    }
    return done;
}

static void *MS_ABI data_buffer(struct NET_BUFFER *nb, uint32_t bytes, void *storage, uintptr_t align,
                                uint32_t align_offset)
{
    uint8_t *start;

    if (bytes == 0 || bytes > nb->DataLength) {
        return NULL;
    }
    start = (uint8_t *)mdl_address(nb->CurrentMdl) + nb->CurrentMdlOffset;
    if (nb->CurrentMdl->ByteCount - nb->CurrentMdlOffset >= bytes &&
        (align <= 1 || ((uintptr_t)start - align_offset) % align == 0)) {
        return start;
    }
    if (storage == NULL || net_buffer_copy_out(nb, 0, storage, bytes) != bytes) {
        return NULL;
    }
    return storage;
}

uint8_t net_buffer_ip_version(const struct NET_BUFFER *nb)
{
    enum { TYPE_AT = 12, TAG_BYTES = 4, TYPE_BYTES = 2 };
    uint8_t bytes[TYPE_AT + TAG_BYTES + TYPE_BYTES] = { 0 }, *type = bytes + TYPE_AT;

    (void)net_buffer_copy_out(nb, 0, bytes, sizeof(bytes));
    if (type[0] == 0x81 && type[1] == 0) {
        type += TAG_BYTES;
    }
    return type[0] == 0x08 && type[1] == 0 ? 4 : type[0] == 0x86 && type[1] == 0xdd ? 6 : 0;
}

static int32_t MS_ABI copy_net_buffer(struct NET_BUFFER *to, uint32_t to_offset, uint32_t bytes,
                                      struct NET_BUFFER *from, uint32_t from_offset, uint32_t *copied)
{
    size_t within = (size_t)to->CurrentMdlOffset + to_offset;
    struct MDL *mdl = mdl_chain_at(to->CurrentMdl, &within);

    *copied = 0;
    if (to_offset > to->DataLength || from_offset > from->DataLength) {
        return (int32_t)NDIS_STATUS_INVALID_PARAMETER;
    }
    bytes = bytes < to->DataLength - to_offset ? bytes : to->DataLength - to_offset;
    bytes = bytes < from->DataLength - from_offset ? bytes : from->DataLength - from_offset;
    while (*copied < bytes && mdl != NULL) {
        uint32_t part = mdl->ByteCount - (uint32_t)within;

        part = part < bytes - *copied ? part : bytes - *copied;
        part = net_buffer_copy_out(from, from_offset + *copied, (uint8_t *)mdl_address(mdl) + within, part);
        *copied += part;
        within = 0;
        mdl = mdl->Next;
    }
    return NDIS_STATUS_SUCCESS;
}

static void *MS_ABI pool_of(struct NET_BUFFER *nb)
{
    return nb->NdisPoolHandle;
}

static void MS_ABI copy_info(struct NET_BUFFER_LIST *to, struct NET_BUFFER_LIST *from)
{
    memcpy(to->NetBufferListInfo, from->NetBufferListInfo, nbl_slots() * sizeof(to->NetBufferListInfo[0]));
}

#define NET_BUFFER_EXPORTS(X)                                                                                          \
    X(NdisRetreatNetBufferDataStart, retreat, PASSIVE_LEVEL, DISPATCH_LEVEL)                                           \
    X(NdisAdvanceNetBufferDataStart, advance, PASSIVE_LEVEL, DISPATCH_LEVEL)                                           \
    X(NdisRetreatNetBufferListDataStart, retreat_list, PASSIVE_LEVEL, DISPATCH_LEVEL)                                  \
    X(NdisAdvanceNetBufferListDataStart, advance_list, PASSIVE_LEVEL, DISPATCH_LEVEL)                                  \
    X(NdisAdjustNetBufferCurrentMdl, adjust, PASSIVE_LEVEL, DISPATCH_LEVEL)                                            \
    X(NdisGetDataBuffer, data_buffer, PASSIVE_LEVEL, DISPATCH_LEVEL)                                                   \
    X(NdisCopyFromNetBufferToNetBuffer, copy_net_buffer, PASSIVE_LEVEL, DISPATCH_LEVEL)                                \
    X(NdisGetPoolFromNetBuffer, pool_of, PASSIVE_LEVEL, DISPATCH_LEVEL)                                                \
    X(NdisCopySendNetBufferListInfo, copy_info, PASSIVE_LEVEL, DISPATCH_LEVEL)                                         \
    X(NdisCopyReceiveNetBufferListInfo, copy_info, PASSIVE_LEVEL, DISPATCH_LEVEL)

void net_buffer_exports(void)
{
    NDIS_EXPORTS(NET_BUFFER_EXPORTS);
}
