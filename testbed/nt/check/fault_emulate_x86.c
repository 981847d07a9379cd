/* SPDX-License-Identifier: BSD-2-Clause */
/* No instruction of an x86 image is carried out for it: what faults is a mistake. */
#include "nt/check/fault_cr8.h"
#include "nt/check/fault_emulate.h"

bool fault_emulate(ucontext_t *context, uint64_t address)
{
    (void)context;
    (void)address;
    return false;
}

bool fault_cr8_code(uint8_t *code, const uint8_t *site)
{
    (void)code;
    (void)site;
    return false;
}
