/* SPDX-License-Identifier: BSD-2-Clause */
/* A signal's registers by names that both architectures have. */
#ifndef TESTBED_NT_CHECK_REGISTERS_H
#define TESTBED_NT_CHECK_REGISTERS_H

#include <ucontext.h>

#ifdef __x86_64__
enum { REGISTER_CODE = REG_RIP, REGISTER_STACK = REG_RSP, REGISTER_COUNT = REG_RCX };
/* In the order in which instructions number them. */
#define GENERAL_REGISTERS                                                                                              \
    {                                                                                                                  \
        REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11,      \
            REG_R12, REG_R13, REG_R14, REG_R15                                                                         \
    }
#else
enum { REGISTER_CODE = REG_EIP, REGISTER_STACK = REG_ESP, REGISTER_COUNT = REG_ECX };
#define GENERAL_REGISTERS                                                                                              \
    {                                                                                                                  \
        REG_EAX, REG_ECX, REG_EDX, REG_EBX, REG_ESP, REG_EBP, REG_ESI, REG_EDI                                         \
    }
#endif

#endif
