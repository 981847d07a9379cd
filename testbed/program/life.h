/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver of a software device is put through while the guest's stack sends: it has no wire to the testbed, so
 * its life is what there is to see. One step a call, by the main task.
 */
#ifndef TESTBED_PROGRAM_LIFE_H
#define TESTBED_PROGRAM_LIFE_H

#include "ndis/ndis.h"

struct life {
    uint32_t step;
    uint32_t rounds;                 /* through all steps */
    uint32_t asked, answered;        /* queries of the OIDs that the driver lists */
    uint32_t pauses, sleeps, resets; /* each with its way back */
    const char *unable;              /* what could not be gone back from, or NULL */
};

/* False: the adapter does not work any more; `unable` says what it did not do. */
bool life_step(struct life *life, struct adapter *adapter);

#endif
