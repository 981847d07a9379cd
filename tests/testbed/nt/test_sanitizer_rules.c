/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a driver reports that was compiled with checks of addresses and undefined behaviour. The test calls what such a
 * driver imports. Addresses are checked in a testbed with sanitizers alone: ./test.py --sanitize test_sanitizer_rules
 */
#include "nt/check/sanitizer.h"
#include "nt/memory/pool.h"
#include "nt_run.h"

#define REPORT(name) ((MS_ABI void (*)(const void *))export_bind(SANITIZER_MODULE, name))

static void shifts_too_far(void)
{
    REPORT("__ubsan_handle_shift_out_of_bounds_minimal")(NULL);
}
static void shifts_too_far_and_ends(void)
{
    REPORT("__ubsan_handle_shift_out_of_bounds_minimal_abort")(NULL);
}
TEST(undefined_behaviour_is_reported)
{
    EXPECT_NT_RULE("undefined", shifts_too_far);
    EXPECT_NT_RULE("undefined", shifts_too_far_and_ends);
}

#if SANITIZER_HAS_ADDRESSES
static void reads_behind_a_block(void)
{
    uint8_t *block = pool_take(20, 0x74736574, POOL_BLOCK, false, NULL);

    CHECK(__asan_region_is_poisoned(block, 20) == NULL);
    CHECK(__asan_address_is_poisoned(block + 20));
    REPORT("__asan_report_load1_noabort")(block + 20);
}
static void writes_to_a_freed_block(void)
{
    uint8_t *block = pool_take(20, 0x74736574, POOL_BLOCK, false, NULL);

    pool_give(block, 0x74736574, POOL_BLOCK, "the test");
    CHECK(__asan_address_is_poisoned(block));
    REPORT("__asan_report_store8_noabort")(block);
}
TEST(addresses_that_are_not_the_drivers_are_reported)
{
    EXPECT_NT_RULE("address", reads_behind_a_block);
    EXPECT_NT_RULE("address", writes_to_a_freed_block);
}
#else
TEST(an_image_that_checks_addresses_is_refused_without_a_sanitizer)
{
    CHECK(export_find(SANITIZER_MODULE, "__asan_report_load1_noabort") == NULL);
}
#endif
