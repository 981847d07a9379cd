/* SPDX-License-Identifier: BSD-2-Clause */
/* The parts of rtl_start: each registers the exports of one file. */
#ifndef TESTBED_NT_RTL_RTL_H
#define TESTBED_NT_RTL_RTL_H

void rtl_bits_start(void);
void rtl_string_start(void);
void rtl_convert_start(void);
void rtl_version_start(void);
void rtl_registry_start(void);
void string_memory_start(void);
void string_print_start(void);

#endif
