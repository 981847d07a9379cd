/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Groups, numbers and indexes (topology.h). Readers take no lock: an entry is complete before the count that includes
 * it is raised, and processors only ever come.
 */
#include "nt/processor/topology.h"

#include <string.h>

#include "nt/areas.h"
#include "nt/nt.h"
#include "nt/processor/irql.h"

static struct topology simulated;
static uint64_t active[MAX_GROUPS];
static uint32_t maximum;
static struct PROCESSOR_NUMBER numbers[MAX_PROCESSORS];
static uint32_t indexes[MAX_GROUPS][MAX_GROUP]; /* plus one; 0: not there */
static struct sched_lock adding;

struct topology topology_of(uint32_t wanted, uint32_t group_size)
{
    struct topology topology = { 0 };

    while (wanted != 0 && topology.groups < MAX_GROUPS) {
        uint32_t here = wanted < group_size ? wanted : group_size;

        topology.group[topology.groups].maximum = here;
        topology.group[topology.groups++].active = here == 64 ? UINT64_MAX : (1ull << here) - 1;
        wanted -= here;
    }
    return topology;
}

static void describe(uint16_t group, uint8_t number, uint32_t index)
{
    numbers[index] = (struct PROCESSOR_NUMBER){ 0 };
    numbers[index].Group = group;
    numbers[index].Number = number;
}

/* From now on the number means that processor: the last step of making one. */
static void publish(uint32_t index)
{
    const struct PROCESSOR_NUMBER *number = &numbers[index];

    __atomic_store_n(&indexes[number->Group][number->Number], index + 1, __ATOMIC_RELEASE);
    __atomic_fetch_or(&active[number->Group], 1ull << number->Number, __ATOMIC_RELEASE);
}

void topology_start(const struct topology *topology)
{
    uint32_t index = 0;

    simulated = *topology;
    maximum = 0;
    memset(active, 0, sizeof(active));
    memset(indexes, 0, sizeof(indexes));
    RULE(simulated.groups >= 1 && simulated.groups <= WINDOWS_GROUPS, "processor",
         "%u processor groups wanted, 1 to %u can be simulated", simulated.groups, WINDOWS_GROUPS);
    for (uint16_t g = 0; g < simulated.groups; g++) {
        const struct processor_group *group = &simulated.group[g];

        RULE(group->maximum >= 1 && group->maximum <= MAX_GROUP &&
                 (group->maximum == MAX_GROUP || group->active >> group->maximum == 0),
             "processor", "group %u has room for %u processors and those of mask %#llx", g, group->maximum,
             (unsigned long long)group->active);
        maximum += group->maximum;
        RULE(maximum <= MAX_PROCESSORS, "processor", "%u processors wanted, 1 to %u can be simulated", maximum,
             MAX_PROCESSORS);
        for (uint8_t number = 0; number < group->maximum; number++) {
            if ((group->active >> number & 1) != 0) {
                describe(g, number, index);
                publish(index++);
            }
        }
    }
    RULE(simulated.group[0].active != 0, "processor", "no processor in group %u: Windows starts on one", 0);
    irql_start(index);
}

void topology_stop(void)
{
    irql_stop();
}

uint32_t processor_add(uint16_t group, uint8_t number)
{
    RULE(group < simulated.groups && number < simulated.group[group].maximum &&
             (group_active(group) >> number & 1) == 0,
         "processor", "processor %u of group %u cannot be added", number, group);
    sched_lock(&adding);
    uint32_t index = processor_count();
    irql_add(index);
    describe(group, number, index);
    dpc_add(index);
    irql_count(index + 1);
    publish(index);
    sched_unlock(&adding);
    return index;
}

uint32_t processor_maximum(void)
{
    return maximum;
}

uint32_t processor_index(const struct PROCESSOR_NUMBER *number)
{
    if (number->Group >= simulated.groups || number->Number >= MAX_GROUP || number->Reserved != 0) {
        return NO_PROCESSOR;
    }
    return __atomic_load_n(&indexes[number->Group][number->Number], __ATOMIC_ACQUIRE) - 1; /* 0 becomes NO_PROCESSOR */
}

struct PROCESSOR_NUMBER processor_number(uint32_t index)
{
    return numbers[index];
}

uint32_t group_count(void)
{
    return simulated.groups;
}

uint32_t group_maximum(uint16_t group)
{
    return group == ALL_PROCESSOR_GROUPS ? maximum : group < simulated.groups ? simulated.group[group].maximum : 0;
}

uint64_t group_active(uint16_t group)
{
    return group < simulated.groups ? __atomic_load_n(&active[group], __ATOMIC_ACQUIRE) : 0;
}

uint32_t group_active_count(uint16_t group)
{
    return group == ALL_PROCESSOR_GROUPS ? processor_count() : (uint32_t)__builtin_popcountll(group_active(group));
}

uint32_t group_first(uint16_t group, uint64_t mask)
{
    struct PROCESSOR_NUMBER number = { 0 };
    uint32_t first = NO_PROCESSOR;

    number.Group = group;
    for (mask &= group_active(group); mask != 0; mask &= mask - 1) {
        number.Number = (uint8_t)__builtin_ctzll(mask);
        uint32_t index = processor_index(&number);
        first = index < first ? index : first;
    }
    return first;
}
