/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Processors as Windows names them: up to 64 numbers in each group, not all of which need to be there, and a systemwide
 * index for each that is. The testbed works with indexes (nt.h); what a driver gives or gets in a PROCESSOR_NUMBER
 * passes here.
 *
 * Indexes are given at the start, group by group, and one after the other to processors that are added later, so
 * neither 64 times the group plus the number nor the order of numbers says anything about an index. Each group is a
 * NUMA node.
 */
#ifndef TESTBED_NT_PROCESSOR_TOPOLOGY_H
#define TESTBED_NT_PROCESSOR_TOPOLOGY_H

#include "nt/nt.h"

#define ALL_PROCESSOR_GROUPS 0xffff
#define NO_PROCESSOR         UINT32_MAX

enum { WINDOWS_GROUPS = sizeof(void *) == 8 ? MAX_GROUPS : 1 }; /* that there can be */

void topology_start(const struct topology *topology);
void topology_stop(void);

uint32_t processor_maximum(void); /* that there can ever be */
/* NO_PROCESSOR where nobody has that number now, or `reserved` is not 0. */
uint32_t processor_index(const struct PROCESSOR_NUMBER *number);
struct PROCESSOR_NUMBER processor_number(uint32_t index);

uint32_t group_count(void);
uint32_t group_maximum(uint16_t group); /* 0: no such group; of all with ALL_PROCESSOR_GROUPS */
uint32_t group_active_count(uint16_t group);
uint64_t group_active(uint16_t group); /* the numbers that are there */
/* Processors of the group with these numbers, at least one of which is there: the lowest index of them. */
uint32_t group_first(uint16_t group, uint64_t mask);

#endif
