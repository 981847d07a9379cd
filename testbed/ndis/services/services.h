/* SPDX-License-Identifier: BSD-2-Clause */
/* The event log of ndis.sys, and its work items. */
#ifndef TESTBED_NDIS_SERVICES_SERVICES_H
#define TESTBED_NDIS_SERVICES_SERVICES_H

#include <stddef.h>

void event_log_add(const char *format, ...) __attribute__((format(printf, 1, 2)));
size_t event_log_count(void);
void event_log_since(size_t first, char *text, size_t size); /* "nothing" if so; then what the driver printed lately */
void event_log_clear(void);
void work_items_start(void);
void work_items_stop(void);

#endif
