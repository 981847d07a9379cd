/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PDO revisions XenVif has published and the interface versions each of them stands for. The INF
 * lists the same revisions; the testbed's PDO takes its identifiers from this table.
 *
 * XENVIF_REVISION_TABLE(Entry) expands Entry(Revision, Vif, Store, Suspend) once per revision, oldest first.
 */
#ifndef REVISION_H
#define REVISION_H

#define XENVIF_REVISION_TABLE(Entry)                                                                                   \
    Entry(0x0800000D, 8, 2, 1) Entry(0x09000000, 8, 2, 1) Entry(0x09000001, 8, 2, 1) Entry(0x09000002, 9, 2, 1)        \
        Entry(0x09000003, 10, 2, 1) Entry(0x09000004, 10, 2, 1) Entry(0x09000005, 10, 2, 1)

#endif
