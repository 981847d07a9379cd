/* SPDX-License-Identifier: BSD-2-Clause */
/* How a file of nt/ registers its table of exports, once per process. */
#ifndef TESTBED_NT_EXPORT_REGISTER_H
#define TESTBED_NT_EXPORT_REGISTER_H

#include "nt/export/export.h"

#define EXPORT_ENTRY(image, name, function, lowest, highest, since)                                                    \
    { image, #name, (void *)(function), lowest, highest, since },
/* EXPORT_REGISTER(POOL_EXPORTS), where POOL_EXPORTS(X) is the module's table. */
#define EXPORT_REGISTER(table)                                                                                         \
    do {                                                                                                               \
        static const struct export exports_[] = { table(EXPORT_ENTRY) };                                               \
        static bool registered_;                                                                                       \
        if (!registered_) {                                                                                            \
            registered_ = true;                                                                                        \
            export_register(exports_, sizeof(exports_) / sizeof(exports_[0]));                                         \
        }                                                                                                              \
    } while (0)

#endif
