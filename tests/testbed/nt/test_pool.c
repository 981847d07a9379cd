/* SPDX-License-Identifier: BSD-2-Clause */
/* Pool: what a driver gets, what is found when it forgets, and failing an allocation on purpose. */
#include "nt/memory/pool.h"

#include "nt/export/version.h"
#include "nt_run.h"

#define TAG 0x74736554 /* "Test" */

static void *take(uint32_t type, size_t bytes)
{
    return CALL(void *, ExAllocatePoolWithTag, (uint32_t, size_t, uint32_t), type, bytes, TAG);
}

static void give(void *block)
{
    CALL(void, ExFreePoolWithTag, (void *, uint32_t), block, TAG);
}

static void sizes(void)
{
    for (size_t bytes = 1; bytes <= 70000; bytes = bytes * 3 + 1) {
        uint8_t *block = take(512, bytes);

        CHECK(block != NULL);
        CHECK_EQ((uintptr_t)block % (bytes >= 4096 ? 4096 : 16), 0);
        memset(block, 1, bytes);
        give(block);
    }
}

TEST(blocks_of_all_sizes_are_aligned_and_can_be_written_to_the_last_byte)
{
    CHECK_EQ(nt_run(sizes, NULL), 0);
}

static void forget(void)
{
    take(0, 123);
    give(take(0, 124));
}

TEST(a_forgotten_block_is_listed_with_size_and_tag)
{
    struct leaks leaks = { 0 };

    CHECK_EQ(nt_run(forget, &leaks), 1);
    CHECK_CONTAINS(leaks.lines[0], "'Test' of 123 bytes");
    leaks_free(&leaks);
}

static void fail_third(void)
{
    uint64_t before = pool_requests();

    pool_fail_at(3);
    for (int i = 1; i <= 5; i++) {
        void *block = take(512, 64);

        CHECK_EQ(block == NULL, i == 3);
        if (block != NULL) {
            give(block);
        }
    }
    CHECK_EQ(pool_requests() - before, 5);
    CHECK(pool_alloc(10, TAG) != NULL); /* the testbed's own never fail */
}

TEST(exactly_the_wanted_allocation_fails)
{
    CHECK_EQ(nt_run(fail_third, NULL), 1);
}

static void zeroed(void)
{
    uint8_t *block = CALL(void *, ExAllocatePool2, (uint64_t, size_t, uint32_t), 0x40, 500, TAG);
    uint8_t sum = 0;

    for (int i = 0; i < 500; i++) {
        sum |= block[i];
    }
    CHECK_EQ(sum, 0);
    CALL(void, ExFreePool, (void *), block);
}

TEST(ExAllocatePool2_gives_zeroed_memory)
{
    CHECK_EQ(nt_run(zeroed, NULL), 0);
}

static void absent(void)
{
    CHECK(export_find("ntoskrnl.exe", "ExAllocatePool2") == NULL);
    CHECK(export_find("ntoskrnl.exe", "ExAllocatePoolWithTag") != NULL);
}

TEST(Windows_7_does_not_export_ExAllocatePool2)
{
    windows_simulate(windows_version_find("7"));
    CHECK_EQ(nt_run(absent, NULL), 0);
}

static void chain(void)
{
    static uint8_t bytes[300];
    struct MDL *first = mdl_create(bytes, 100), *second = mdl_create(bytes + 100, 200);
    size_t offset = 130;

    first->Next = second;
    CHECK(mdl_chain_at(first, &offset) == second);
    CHECK_EQ(offset, 30);
    CHECK(mdl_address(second) == bytes + 100);
    offset = 300;
    CHECK(mdl_chain_at(first, &offset) == NULL);
    mdl_free(first);
    mdl_free(second);
}

TEST(a_byte_of_an_mdl_chain_is_found)
{
    CHECK_EQ(nt_run(chain, NULL), 0);
}
