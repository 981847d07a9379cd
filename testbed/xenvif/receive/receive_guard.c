/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Received packets under --guard-pages: while the subscriber has one, each of its MDLs describes a copy of its bytes
 * between inaccessible pages, in turn against the one behind and the one in front. What is given back is inaccessible
 * from then on. Called where a packet is handed over and where it comes back, on any processor.
 */
#include <string.h>

#include "nt/memory/guard.h"
#include "nt/memory/mdl.h"
#include "nt/nt.h"
#include "xenvif/receive/receive_internal.h"

static uint32_t turn;

void receive_guard(struct rx_packet *packet)
{
    for (struct MDL *mdl = packet->mdl; mdl != NULL; mdl = mdl->Next) {
        const bool at_end = __atomic_add_fetch(&turn, 1, __ATOMIC_RELAXED) % 2 != 0;
        uint8_t *copy = mdl->ByteCount != 0 ? guard_take_exact(mdl->ByteCount, "received data", at_end) : NULL;

        if (copy != NULL) {
            memcpy(copy, mdl->MappedSystemVa, mdl->ByteCount);
            mdl_aim(mdl, copy, mdl->ByteCount);
        }
    }
}

static void give_back(struct MDL *mdl, uint8_t *own)
{
    const int64_t beside = mdl->MappedSystemVa != own ? guard_written_beside(mdl->MappedSystemVa) : 0;

    RULE(beside == 0, "mdl", "the driver wrote %lld bytes %s the %u of an MDL of a received packet",
         (long long)(beside < 0 ? -beside : beside), beside < 0 ? "before" : "behind", mdl->ByteCount);
    if (mdl->MappedSystemVa != own) {
        guard_give(mdl->MappedSystemVa, guard_caller());
        mdl_aim(mdl, own, mdl->ByteCount);
    }
}

void receive_unguard(struct rx_packet *packet)
{
    give_back(packet->mdl, packet->headers);
    for (uint32_t i = 0; i < packet->page_count; i++) {
        give_back(packet->pages[i]->mdl, packet->pages[i]->address);
    }
}
