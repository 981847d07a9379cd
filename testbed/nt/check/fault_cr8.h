/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses to CR8 without a fault: what image/image_patch.c makes a driver's code jump to. */
#ifndef TESTBED_NT_CHECK_FAULT_CR8_H
#define TESTBED_NT_CHECK_FAULT_CR8_H

#include <stdbool.h>
#include <stdint.h>

bool fault_cr8_code(uint8_t *code, const uint8_t *site);

#endif
