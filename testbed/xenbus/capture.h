/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What XenBus does around a suspend (its SyncCapture): every processor is at DISPATCH_LEVEL and held, so that nothing
 * of the machine is in the middle of a DPC or has a spin lock meanwhile. PASSIVE_LEVEL.
 */
#ifndef TESTBED_XENBUS_CAPTURE_H
#define TESTBED_XENBUS_CAPTURE_H

struct capture;
struct capture *capture_begin(void); /* the caller is at DISPATCH_LEVEL after it */
void capture_end(struct capture *capture);

#endif
