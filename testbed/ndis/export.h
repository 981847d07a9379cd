/* SPDX-License-Identifier: BSD-2-Clause */
/* Exports of ndis.sys: each file lists its own in a table and registers them once. */
#ifndef TESTBED_NDIS_EXPORT_H
#define TESTBED_NDIS_EXPORT_H

#include "nt/export/export.h"

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
void control_device_exports(void);
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

#endif
