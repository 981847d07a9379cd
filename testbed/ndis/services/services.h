/* SPDX-License-Identifier: BSD-2-Clause */
/* The event log of ndis.sys, its work items, and the devices that miniports make for programs. */
#ifndef TESTBED_NDIS_SERVICES_SERVICES_H
#define TESTBED_NDIS_SERVICES_SERVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct DEVICE_OBJECT;
struct IRP;
struct NET_BUFFER_LIST;

void event_log_add(const char *format, ...) __attribute__((format(printf, 1, 2)));
size_t event_log_count(void);
void event_log_since(size_t first, char *text, size_t size); /* "nothing" if so; then what the driver printed lately */
void event_log_clear(void);
void work_items_start(void);
void work_items_stop(void);
bool control_device_is(struct DEVICE_OBJECT *object); /* NdisRegisterDeviceEx made it */
/* What NDIS calls after a request for a poll object whose handler hands all up at once, and nothing else: to measure.
 * The NBLs; NULL where it does not hand up all. */
struct NET_BUFFER_LIST *poll_run_bare(void *handle);
/* Whether simulated polls may come at PASSIVE_LEVEL and, once, elsewhere, as they do if nothing is said. */
void poll_vary(bool vary);
int32_t control_device_dispatch(struct DEVICE_OBJECT *object, struct IRP *irp);

#endif
