/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps the sections of a coverage profile in the image, each with a word of its own in front. */

__attribute__((section(".lprfd$A"), used)) unsigned long long ProfileData = 0;
__attribute__((section(".lprfc$A"), used)) unsigned long long ProfileCounters = 0;
/* llvm-cov passes over one byte of this section in a PE. */
__attribute__((section(".lprfn$A"), used)) const unsigned char ProfileNames = 0;
int __llvm_profile_runtime;
