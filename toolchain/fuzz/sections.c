/* SPDX-License-Identifier: BSD-2-Clause */
/* The ends of the sections that clang's -fsanitize-coverage fills, under the names that each object refers to. */

__attribute__((section(".SCOV$CA"), used)) unsigned long long __start___sancov_cntrs = 0;
__attribute__((section(".SCOV$CZ"), used)) unsigned char __stop___sancov_cntrs = 0;
__attribute__((section(".SCOVP$A"), used)) const unsigned long long __start___sancov_pcs = 0;
__attribute__((section(".SCOVP$Z"), used)) const unsigned long long __stop___sancov_pcs = 0;
