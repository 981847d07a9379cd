/* SPDX-License-Identifier: BSD-2-Clause */
/* What receive_connect.c needs of receive.c. */
#ifndef TESTBED_XENVIF_RECEIVE_RECEIVE_H
#define TESTBED_XENVIF_RECEIVE_RECEIVE_H

#include "xenvif/internal.h"

void receive_flush(
    struct rx_ring *ring); /* PASSIVE: no DPC of the ring runs or is queued, as long as nothing queues one */
/* Takes in what the subscriber gave back; in the ring's DPC or with none about. */
void receive_drain(struct rx_ring *ring);

#endif
