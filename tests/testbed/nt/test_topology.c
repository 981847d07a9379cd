/* SPDX-License-Identifier: BSD-2-Clause */
/* Processor groups: numbers, indexes and counts by each name that a driver can ask them by, DPCs, threads, and a
 * processor that comes. */
#include "nt_run.h"

#include "ndis/ndis.h"
#include "nt/processor/dpc.h"
#include "nt/processor/topology.h"

static void run_on(void *argument)
{
    void (**body)(void) = argument;

    (*body)();
    nt_stop();
}

struct on {
    void (*body)(void);
    struct topology topology;
};

static void on_task(void *argument)
{
    struct on *on = argument;

    nt_start_on(&on->topology);
    run_on(&on->body);
}

static void run(struct topology topology, void (*body)(void))
{
    struct on on = { body, topology };
    int kind;

    for (kind = SCHED_LIVE; kind <= SCHED_SIMULATED; kind++) {
        struct sched_options options = { .kind = (enum sched_kind)kind, .seed = test_seed() };

        CHECK_EQ(sched_run(&options, on_task, &on), 0);
    }
}

/* Group 0: numbers 0, 1, 3 of 4; group 1: number 2 of 3; group 2: none of 2 yet; group 3: 64 of 64. */
static const struct topology holes = { 4, { { 4, 0xb }, { 3, 0x4 }, { 2, 0 }, { 64, UINT64_MAX } } };

static struct PROCESSOR_NUMBER at(uint16_t group, uint8_t number)
{
    struct PROCESSOR_NUMBER made = { 0 };

    made.Group = group;
    made.Number = number;
    return made;
}

static uint32_t index_of(uint16_t group, uint8_t number)
{
    struct PROCESSOR_NUMBER asked = at(group, number);

    return CALL(uint32_t, KeGetProcessorIndexFromNumber, (struct PROCESSOR_NUMBER *), &asked);
}

static void names(void)
{
    struct PROCESSOR_NUMBER number;
    uint64_t mask = 0;
    uint32_t i;

    CHECK_EQ((CALL(uint32_t, KeQueryActiveProcessorCountEx, (uint16_t), 0xffff)), 68);
    CHECK_EQ((CALL(uint32_t, KeQueryMaximumProcessorCountEx, (uint16_t), 0xffff)), 73);
    CHECK_EQ((CALL(uint32_t, KeQueryActiveProcessorCountEx, (uint16_t), 0)), 3);
    CHECK_EQ((CALL(uint32_t, KeQueryMaximumProcessorCountEx, (uint16_t), 2)), 2);
    CHECK_EQ((CALL(uint32_t, KeQueryMaximumProcessorCountEx, (uint16_t), 4)), 0);
    CHECK_EQ((CALL(uint32_t, KeQueryActiveProcessorCount, (uint64_t *), &mask)), 3);
    CHECK_EQ(mask, 0xb);
    CHECK_EQ((CALL(uint64_t, KeQueryActiveProcessors, (void))), 0xb);
    CHECK_EQ((CALL(uint32_t, KeQueryMaximumProcessorCount, (void))), 4);
    CHECK_EQ((CALL(uint16_t, KeQueryActiveGroupCount, (void))), 3);
    CHECK_EQ((CALL(uint16_t, KeQueryMaximumGroupCount, (void))), 4);
    CHECK_EQ((CALL(uint64_t, KeQueryGroupAffinity, (uint16_t), 1)), 4);
    CHECK_EQ((CALL(uint16_t, KeQueryHighestNodeNumber, (void))), 3);
    CHECK_EQ(index_of(0, 3), 2);
    CHECK_EQ(index_of(1, 2), 3);
    CHECK_EQ(index_of(3, 63), 67);
    CHECK_EQ(index_of(0, 2), UINT32_MAX);
    CHECK_EQ(index_of(2, 0), UINT32_MAX);
    CHECK_EQ(index_of(4, 0), UINT32_MAX);
    CHECK_EQ(index_of(3, 64), UINT32_MAX);
    for (i = 0; i < 68; i++) {
        CHECK_EQ((CALL(int32_t, KeGetProcessorNumberFromIndex, (uint32_t, struct PROCESSOR_NUMBER *), i, &number)), 0);
        CHECK_EQ(index_of(number.Group, number.Number), i);
    }
    CHECK_EQ((CALL(int32_t, KeGetProcessorNumberFromIndex, (uint32_t, struct PROCESSOR_NUMBER *), 68, &number)),
             STATUS_INVALID_PARAMETER);
}
TEST(numbers_indexes_and_counts_agree_in_groups_with_holes)
{
    run(holes, names);
}

#define NDIS(result, name, parameters, ...) (((result MS_ABI(*) parameters)export_bind("ndis.sys", #name))(__VA_ARGS__))

static void ndis_names(void)
{
    struct PROCESSOR_NUMBER number = at(3, 63);
    union {
        struct NDIS_SYSTEM_PROCESSOR_INFO_EX info;
        uint8_t bytes[4096];
    } system;
    const struct NDIS_PROCESSOR_INFO_EX *processors = (const void *)(&system.info + 1);
    size_t size = sizeof(system.info);
    uint64_t mask = 0;

    ndis_start();
    CHECK_EQ((NDIS(int8_t, NdisSystemProcessorCount, (void))), 4);
    CHECK_EQ((NDIS(int8_t, NdisSystemActiveProcessorCount, (uint64_t *), &mask)), 3);
    CHECK_EQ(mask, 0xb);
    CHECK_EQ((NDIS(uint32_t, NdisGroupMaxProcessorCount, (uint16_t), 0xffff)), 73);
    CHECK_EQ((NDIS(uint32_t, NdisGroupActiveProcessorCount, (uint16_t), 3)), 64);
    CHECK_EQ((NDIS(uint64_t, NdisGroupActiveProcessorMask, (uint16_t), 1)), 4);
    CHECK_EQ((NDIS(uint16_t, NdisMaxGroupCount, (void))), 4);
    CHECK_EQ((NDIS(uint16_t, NdisActiveGroupCount, (void))), 3);
    CHECK_EQ((NDIS(uint32_t, NdisProcessorNumberToIndex, (struct PROCESSOR_NUMBER *), &number)), 67);
    CHECK_EQ((NDIS(int32_t, NdisProcessorIndexToNumber, (uint32_t, struct PROCESSOR_NUMBER *), 3, &number)), 0);
    CHECK_EQ(number.Group, 1);
    CHECK_EQ(number.Number, 2);
    CHECK((NDIS(int32_t, NdisGetProcessorInformationEx, (void *, void *, size_t *), NULL, &system, &size)) !=
          0); /* too short */
    CHECK((NDIS(int32_t, NdisGetProcessorInformationEx, (void *, void *, size_t *), NULL, &system, &size)) == 0);
    CHECK_EQ(system.info.NumberOfProcessors, 68);
    CHECK_EQ(processors[3].ProcNum.Group, 1);
    CHECK_EQ(processors[3].ProcNum.Number, 2);
    CHECK_EQ(processors[67].NodeId, 3);
    processor_pin(67);
    CHECK_EQ((NDIS(uint32_t, NdisCurrentProcessorIndex, (void))), 67);
    uint8_t old = irql_raise(DISPATCH_LEVEL);
    CHECK_EQ((NDIS(uint32_t, NdisCurrentGroupAndProcessor, (void))), 3u | 63u << 16);
    irql_lower(old);
    ndis_stop();
}
TEST(ndis_names_them_alike)
{
    run(holes, ndis_names);
}

static uint32_t ran_on;
static struct nt_event ran;

static MS_ABI void where(struct KDPC *dpc, void *context, void *first, void *second)
{
    (void)dpc, (void)context, (void)first, (void)second;
    ran_on = CALL(uint32_t, KeGetCurrentProcessorNumberEx, (struct PROCESSOR_NUMBER *), NULL);
    event_set(&ran);
}

static void one_dpc(uint16_t group, uint8_t number)
{
    struct PROCESSOR_NUMBER target = at(group, number);
    struct KDPC dpc;

    CALL(void, KeInitializeDpc, (struct KDPC *, void *, void *), &dpc, (void *)where, NULL);
    CHECK_EQ((CALL(int32_t, KeSetTargetProcessorDpcEx, (struct KDPC *, struct PROCESSOR_NUMBER *), &dpc, &target)), 0);
    event_init(&ran, false, false);
    CHECK((CALL(uint8_t, KeInsertQueueDpc, (struct KDPC *, void *, void *), &dpc, NULL, NULL)));
    event_wait(&ran, SCHED_FOREVER);
    CHECK_EQ(ran_on, index_of(group, number));
}

static void dpcs(void)
{
    struct PROCESSOR_NUMBER target = at(0, 2);
    struct KDPC dpc;

    one_dpc(0, 3);
    one_dpc(1, 2);
    one_dpc(3, 63);
    CALL(void, KeInitializeDpc, (struct KDPC *, void *, void *), &dpc, (void *)where, NULL);
    CHECK_EQ((CALL(int32_t, KeSetTargetProcessorDpcEx, (struct KDPC *, struct PROCESSOR_NUMBER *), &dpc, &target)),
             STATUS_INVALID_PARAMETER);
}
TEST(a_dpc_runs_on_the_number_it_is_aimed_at)
{
    run(holes, dpcs);
}

static void threads(void)
{
    struct GROUP_AFFINITY wanted = { 0 }, before;
    struct PROCESSOR_NUMBER here;

    wanted.Group = 3;
    wanted.Mask = 1ull << 40;
    CALL(void, KeSetSystemGroupAffinityThread, (struct GROUP_AFFINITY *, struct GROUP_AFFINITY *), &wanted, &before);
    CHECK_EQ(before.Mask, 0);
    CHECK_EQ((CALL(uint32_t, KeGetCurrentProcessorNumberEx, (struct PROCESSOR_NUMBER *), &here)), index_of(3, 40));
    CHECK_EQ(here.Group, 3);
    CHECK_EQ(here.Number, 40);
    CHECK_EQ((CALL(uint16_t, KeGetCurrentNodeNumber, (void))), 3);
    CALL(void, KeSetSystemAffinityThread, (uint64_t), 8); /* knows no groups: group 0 */
    CHECK_EQ(processor_current(), index_of(0, 3));
    CALL(void, KeRevertToUserGroupAffinityThread, (struct GROUP_AFFINITY *), &before);
}
TEST(a_thread_moves_between_groups)
{
    run(holes, threads);
}

static void nowhere(void)
{
    struct GROUP_AFFINITY wanted = { 0 };

    wanted.Group = 2; /* nobody is there */
    wanted.Mask = 3;
    CALL(void, KeSetSystemGroupAffinityThread, (struct GROUP_AFFINITY *, struct GROUP_AFFINITY *), &wanted, NULL);
}
static void nowhere_body(void *argument)
{
    (void)argument;
    run(holes, nowhere);
}
TEST(a_thread_cannot_move_to_processors_that_are_not_there)
{
    EXPECT_RULE("processor", nowhere_body, NULL);
}

static void newcomer(void)
{
    CHECK_EQ(index_of(2, 1), UINT32_MAX);
    CHECK_EQ(processor_add(2, 1), 68); /* behind all others, whatever its group */
    CHECK_EQ(processor_add(0, 2), 69);
    CHECK_EQ(index_of(2, 1), 68);
    CHECK_EQ(index_of(0, 2), 69);
    CHECK_EQ((CALL(uint32_t, KeQueryActiveProcessorCountEx, (uint16_t), 0xffff)), 70);
    CHECK_EQ((CALL(uint32_t, KeQueryMaximumProcessorCountEx, (uint16_t), 0xffff)), 73);
    CHECK_EQ((CALL(uint64_t, KeQueryGroupAffinity, (uint16_t), 0)), 0xf);
    one_dpc(2, 1);
    one_dpc(0, 2);
}
TEST(a_processor_that_comes_gets_the_next_index)
{
    run(holes, newcomer);
}

static void filled(void)
{
    CHECK_EQ(processor_count(), 96);
    CHECK_EQ(index_of(1, 47), 95);
    CHECK_EQ(index_of(1, 48), UINT32_MAX);
}
TEST(groups_are_filled_up_to_their_size)
{
    run(topology_of(96, 48), filled);
}

static void add_twice(void)
{
    processor_add(0, 1);
}
static void add_twice_body(void *argument)
{
    (void)argument;
    run(holes, add_twice);
}
TEST(a_processor_that_is_there_cannot_come)
{
    EXPECT_RULE("processor", add_twice_body, NULL);
}
