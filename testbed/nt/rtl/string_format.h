/* SPDX-License-Identifier: BSD-2-Clause */
/* printf as the Windows kernel has it: the sizes h l ll w I I32 I64, %ws %S %wZ %Z %p, no floating point. */
#ifndef TESTBED_NT_RTL_STRING_FORMAT_H
#define TESTBED_NT_RTL_STRING_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "run/ms_abi.h"

struct formatted {
    size_t length;    /* units it takes, without NUL */
    bool has_unicode; /* %ws, %S, %C, %wZ ...: not allowed above PASSIVE_LEVEL in DbgPrint */
};

/* At most `most` units are written, no NUL among them. */
struct formatted format_narrow(char *out, size_t most, const char *format, ms_va_list arguments);
struct formatted format_wide(uint16_t *out, size_t most, const uint16_t *format, ms_va_list arguments);

#endif
