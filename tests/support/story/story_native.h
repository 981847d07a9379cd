/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver alone, at full speed: from native_start on, what it calls for a packet (NDIS, kernel, VIF, control flow
 * guard) are stubs of a few instructions, the same for every driver, a change of the IRQL is none, and native_run
 * carries packets through it in a loop on one processor. Nothing of the testbed works any more after that: the child
 * process ends (native_end).
 */
#ifndef TESTS_STORY_NATIVE_H
#define TESTS_STORY_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "story.h"

struct native_load {
    struct NET_BUFFER_LIST *chain; /* to send; NULL: receive */
    void *large;                   /* what the first one asks for as a large send */
    uint32_t batch;
    const struct vif_inject *packet; /* to receive */
};

void native_start(struct story *story, bool polls); /* polls: NDIS's poll is switched on */
/* Ticks of the time stamp counter a packet, everything that the stubs and the loop take included. */
double native_run(struct story *story, const struct native_load *load, uint32_t packets);
_Noreturn void native_end(void);

#endif
