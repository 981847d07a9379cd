/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of loaded modules (AuxKlibQueryModuleInformation), and netio.sys, which drivers look up in it. */
#ifndef TESTBED_NT_MODULE_MODULE_H
#define TESTBED_NT_MODULE_MODULE_H

#include <stdint.h>

/* `path` as Windows has it: \SystemRoot\system32\drivers\x.sys. Both must stay until module_stop. */
void module_add(const char *path, void *base, uint32_t size);

void netio_start(void);

#endif
