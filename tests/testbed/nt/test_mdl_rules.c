/* SPDX-License-Identifier: BSD-2-Clause */
/* What MDLs do, and each rule about them broken on purpose. */
#include "nt/export/version.h"
#include "nt/memory/guard.h"
#include "nt/memory/mdl.h"

#include "nt_run.h"

static uint8_t bytes[20000] __attribute__((aligned(4096)));

#define NO_EXECUTE 0x40000000u /* MdlMappingNoExecute */

static struct MDL *make(void *address, uint32_t length)
{
    return CALL(struct MDL *, IoAllocateMdl, (void *, uint32_t, uint8_t, uint8_t, void *), address, length, 0, 0, NULL);
}

static void drop(struct MDL *mdl)
{
    CALL(void, IoFreeMdl, (struct MDL *), mdl);
}
static void build(struct MDL *mdl)
{
    CALL(void, MmBuildMdlForNonPagedPool, (struct MDL *), mdl);
}
static void lock(struct MDL *mdl)
{
    CALL(void, MmProbeAndLockPages, (struct MDL *, int8_t, uint32_t), mdl, 0, 1);
}
static void *map(struct MDL *mdl)
{
    return CALL(void *, MmMapLockedPagesSpecifyCache, (struct MDL *, int8_t, uint32_t, void *, uint32_t, uint32_t), mdl,
                0, 1, NULL, 0, 16 | NO_EXECUTE);
}
static void unmap(void *address, struct MDL *mdl)
{
    CALL(void, MmUnmapLockedPages, (void *, struct MDL *), address, mdl);
}
static struct MDL *pages(size_t count)
{
    return CALL(struct MDL *, MmAllocatePagesForMdlEx, (int64_t, int64_t, int64_t, size_t, uint32_t, uint32_t), 0, -1,
                0, count, 1, 0);
}
static void free_pages(struct MDL *mdl)
{
    CALL(void, MmFreePagesFromMdl, (struct MDL *), mdl);
}

static void nonpaged(void)
{
    struct MDL *mdl = make(bytes + 100, 5000);

    CHECK_EQ(mdl->ByteOffset, 100);
    CHECK_EQ(mdl->ByteCount, 5000);
    CHECK_EQ(mdl->Size, 48 + 2 * 8);
    build(mdl);
    CHECK(mdl->MappedSystemVa == bytes + 100);
    CHECK_EQ(mdl_frames(mdl)[0], (uintptr_t)bytes >> 12);
    CHECK_EQ(mdl_frames(mdl)[1], ((uintptr_t)bytes >> 12) + 1);
    drop(mdl);
}
TEST(an_mdl_for_nonpaged_pool_has_its_frames_and_address)
{
    CHECK_EQ(nt_run(nonpaged, NULL), 0);
}

static void allocated(void)
{
    struct MDL *mdl = pages(4097);
    uint8_t *at = map(mdl);

    CHECK_EQ(mdl->ByteCount, 8192);
    CHECK_EQ(at[0] | at[8191], 0);
    memset(at, 7, 8192);
    unmap(at, mdl);
    free_pages(mdl);
    CALL(void, ExFreePool, (void *), mdl);
}
TEST(allocated_pages_are_zero_and_can_be_mapped)
{
    CHECK_EQ(nt_run(allocated, NULL), 0);
}

static void partial(void)
{
    struct MDL *source = make(bytes, 16000), *target = make(bytes, 16000);

    build(source);
    CALL(void, IoBuildPartialMdl, (struct MDL *, struct MDL *, void *, uint32_t), source, target, bytes + 5000, 100);
    CHECK(target->MappedSystemVa == bytes + 5000);
    CHECK_EQ(target->ByteCount, 100);
    CHECK_EQ(target->ByteOffset, 5000 - 4096);
    CHECK_EQ(mdl_frames(target)[0], ((uintptr_t)bytes >> 12) + 1);
    drop(target);
    drop(source);
}
TEST(a_partial_mdl_describes_its_part)
{
    CHECK_EQ(nt_run(partial, NULL), 0);
}

static void forget(void)
{
    make(bytes, 10);
}
TEST(a_forgotten_mdl_is_listed)
{
    struct leaks leaks = { 0 };

    CHECK_EQ(nt_run(forget, &leaks), 1);
    CHECK_CONTAINS(leaks.lines[0], "MDL");
}

static void free_locked(void)
{
    struct MDL *mdl = make(bytes, 10);

    lock(mdl);
    drop(mdl);
}
TEST(an_mdl_freed_while_locked_is_found)
{
    EXPECT_NT_RULE("mdl", free_locked);
}

static void lock_twice(void)
{
    struct MDL *mdl = make(bytes, 10);

    lock(mdl);
    lock(mdl);
}
TEST(pages_locked_twice_are_found)
{
    EXPECT_NT_RULE("mdl", lock_twice);
}

static void map_unlocked(void)
{
    map(make(bytes, 10));
}
TEST(a_map_of_pages_not_locked_is_found)
{
    EXPECT_NT_RULE("mdl", map_unlocked);
}

static void map_twice(void)
{
    struct MDL *mdl = pages(1);

    map(mdl);
    map(mdl);
}
TEST(a_second_map_is_found)
{
    EXPECT_NT_RULE("mdl", map_twice);
}

static void unmap_other(void)
{
    struct MDL *mdl = pages(1);

    unmap((uint8_t *)map(mdl) + 1, mdl);
}
TEST(an_unmap_of_another_address_is_found)
{
    EXPECT_NT_RULE("mdl", unmap_other);
}

static void free_mapped(void)
{
    struct MDL *mdl = pages(1);

    map(mdl);
    free_pages(mdl);
}
TEST(pages_freed_while_mapped_are_found)
{
    EXPECT_NT_RULE("mdl", free_mapped);
}

static void record_first(void)
{
    CALL(void, ExFreePool, (void *), pages(1));
}
TEST(an_mdl_freed_before_its_pages_is_found)
{
    EXPECT_NT_RULE("mdl", record_first);
}

static void free_pages_record(void)
{
    drop(pages(1));
}
TEST(IoFreeMdl_of_allocated_pages_is_found)
{
    EXPECT_NT_RULE("mdl", free_pages_record);
}

static void too_far(void)
{
    struct MDL *source = make(bytes, 100), *target = make(bytes, 100);

    build(source);
    CALL(void, IoBuildPartialMdl, (struct MDL *, struct MDL *, void *, uint32_t), source, target, bytes + 90, 20);
}
TEST(a_partial_mdl_past_its_source_is_found)
{
    EXPECT_NT_RULE("mdl", too_far);
}

static void empty(void)
{
    make(bytes, 0);
}
TEST(an_empty_mdl_is_found)
{
    EXPECT_NT_RULE("mdl", empty);
}

static void map_with(const char *windows, uint32_t priority)
{
    windows_simulate(windows_version_find(windows));
    CALL(void *, MmMapLockedPagesSpecifyCache, (struct MDL *, int8_t, uint32_t, void *, uint32_t, uint32_t), pages(1),
         0, 1, NULL, 0, priority);
}
static void executable_on_8_1(void)
{
    map_with("8.1", 16);
}
static void flags_on_7(void)
{
    map_with("7", 16 | NO_EXECUTE);
}
TEST(a_map_that_can_be_executed_is_found)
{
    EXPECT_NT_RULE("mdl-execute", executable_on_8_1);
    EXPECT_NT_RULE("mdl-execute", flags_on_7);
}

/* --- memory of exactly as many bytes as an MDL has (guard_take_exact) --- */

static uint8_t volatile *exact;
static int64_t touched;
static void touch(void)
{
    exact = guard_take_exact(100, "an exact block", touched > 0);
    (void)exact[touched];
}
TEST(a_byte_behind_or_before_an_exact_block_is_reported)
{
    touched = 100;
    EXPECT_NT_RULE("access", touch);
    touched = -1;
    EXPECT_NT_RULE("access", touch);
}
static void write_beside(void)
{
    uint8_t *at_end = guard_take_exact(100, "an exact block", true), *first = guard_take_exact(5000, "another", false);

    CHECK_EQ((uintptr_t)(at_end + 100) % MDL_PAGE, 0);
    CHECK_EQ((uintptr_t)first % MDL_PAGE, 0);
    memset(at_end, 1, 100);
    memset(first, 1, 5000);
    CHECK_EQ(guard_written_beside(at_end), 0);
    CHECK_EQ(guard_written_beside(first), 0);
    at_end[-3] = 0;
    first[5001] = 0;
    CHECK_EQ(guard_written_beside(at_end), -3);
    CHECK_EQ(guard_written_beside(first), 2);
}
TEST(bytes_that_are_written_beside_an_exact_block_are_found)
{
    nt_run(write_beside, NULL);
}
