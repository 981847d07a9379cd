/* SPDX-License-Identifier: BSD-2-Clause */
/* What the ring macros of Xen's headers order memory with: included before them by both ends of a ring. */
#ifndef TESTBED_XEN_BARRIER_H
#define TESTBED_XEN_BARRIER_H

#define mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#endif
