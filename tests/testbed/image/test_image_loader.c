/* SPDX-License-Identifier: BSD-2-Clause */
/* The PE loader: what it maps, and the sentence for every file that it cannot. */
#include "image_fixture.h"

#include <sys/mman.h>

#include "image/unwind.h"
#include "nt_run.h"

static const char plain_imports[] = "KeGetCurrentIrql\nKeAcquireSpinLockRaiseToDpc\nKeReleaseSpinLock";

static const char *plain(void)
{
    return fixture_driver("plain", plain_imports, "-Wno-unused-const-variable", "/section:INIT,ERD");
}

static struct image *must_load(const char *path)
{
    char error[4096] = "";
    struct image *image = image_load(path, fixture_resolve_any, error, sizeof(error));
    if (image == NULL) {
        test_fail(__FILE__, __LINE__, "%s", error);
    }
    return image;
}

static void run_entry(struct image *image, void **table)
{
    CHECK_EQ(((MS_ABI int32_t(*)(void **, void *))image_entry(image))(table, NULL), 0);
}

static void loads_and_runs(void)
{
    void *table[5];
    struct image *first = must_load(plain());
    struct image *second = must_load(fixture_path("plain.sys")); /* the preferred address is taken: relocated */
    run_entry(first, table);
    CHECK_EQ(((MS_ABI uint64_t(*)(uint64_t, uint64_t))table[0])(40, 2), 42);
    CHECK_EQ(((MS_ABI uint64_t(*)(void))table[1])(), DISPATCH_LEVEL * 16);
    uint64_t cookie = ((MS_ABI uint64_t(*)(void))table[2])();
    CHECK(cookie != 0x2B992DDFA232ull && cookie >> 48 == 0 && cookie != 0);
    CHECK_STR(((MS_ABI const char *(*)(void))table[3])(), "pointer");
    CHECK_EQ(((MS_ABI uint64_t(*)(void))table[4])(), 99);
    CHECK(image_find(table[0]) == first && image_contains(first, table[0]) && !image_contains(second, table[0]));
    CHECK_STR(image_name(first), "plain.sys");

    run_entry(second, table);
    CHECK(image_find(table[0]) == second);
    CHECK_STR(((MS_ABI const char *(*)(void))table[3])(), "pointer");
    CHECK(((MS_ABI uint64_t(*)(void))table[2])() != cookie);
    void *gone = table[0];
    image_unload(second);
    CHECK(image_find(gone) == NULL);
    image_unload(first);
}
TEST(image_is_mapped_relocated_bound_and_given_a_cookie)
{
    CHECK_EQ(nt_run(loads_and_runs, NULL), 0);
}

TEST(no_page_is_writable_and_executable)
{
    struct image *image = must_load(plain());
    FILE *maps = fopen("/proc/self/maps", "r");
    char line[512];
    int executable = 0;
    while (fgets(line, sizeof(line), maps)) {
        unsigned long start;
        char rights[8];
        CHECK_EQ(sscanf(line, "%lx-%*x %7s", &start, rights), 2);
        if (image_contains(image, (void *)start)) {
            CHECK(!(rights[1] == 'w' && rights[2] == 'x'));
            executable += rights[2] == 'x';
        }
    }
    fclose(maps);
    CHECK(executable > 0);
    image_unload(image);
}

static void expect_error(const char *path, const char *part)
{
    char error[4096] = "";
    CHECK(image_load(path, fixture_resolve_any, error, sizeof(error)) == NULL);
    CHECK_CONTAINS(error, path);
    CHECK_CONTAINS(error, part);
    CHECK(strchr(error, '\n') == NULL);
}

TEST(missing_file_is_reported)
{
    expect_error("/tmp/there/is/none.sys", "No such file or directory: build it");
}
TEST(directory_is_reported)
{
    expect_error("/tmp", "is not a file but a directory");
}

TEST(foreign_files_are_reported_by_kind)
{
    fixture_write("empty.sys", "", 0);
    expect_error(fixture_path("empty.sys"), "is empty");
    fixture_write("text.sys", "hello, world\n", 13);
    expect_error(fixture_path("text.sys"), "is a text file");
    expect_error("/proc/self/exe", "is an ELF file");
    fixture_write("zip.sys", "PK\3\4\0\0\0\0", 8);
    expect_error(fixture_path("zip.sys"), "is a zip file");
    fixture_write("binary.sys", "\0\1\2\3\4\5\6\7", 8);
    expect_error(fixture_path("binary.sys"), "no MZ header");
    fixture_write("short.sys", "MZ", 2);
    expect_error(fixture_path("short.sys"), "is truncated");
}

static void patched(const char *name, size_t offset_from_pe, const void *bytes, size_t count)
{
    size_t size;
    char *file = fixture_read(fixture_path("plain.sys"), &size);
    uint32_t header;
    memcpy(&header, file + 0x3c, 4);
    memcpy(file + header + offset_from_pe, bytes, count);
    fixture_write(name, file, size);
    free(file);
}

TEST(wrong_machine_subsystem_and_entry_are_reported)
{
    plain();
    patched("x86.sys", 4, "\x4c\x01", 2);
    expect_error(fixture_path("x86.sys"), "is a 32-bit (x86) driver; the testbed runs x64");
    patched("arm.sys", 4, "\x64\xaa", 2);
    expect_error(fixture_path("arm.sys"), "is an ARM64 driver; the testbed runs x64");
    patched("gui.sys", 24 + 68, "\2\0", 2);
    expect_error(fixture_path("gui.sys"), "is not a driver: its subsystem is 2");
    patched("entry.sys", 24 + 16, "\0\0\0\0", 4);
    expect_error(fixture_path("entry.sys"), "has no entry point");
    patched("imports.sys", 24 + 112 + 8, "\xf0\xff\xff\x0f", 4);
    expect_error(fixture_path("imports.sys"), "its imports point outside the image");
}

TEST(every_truncation_is_refused_or_loads_without_fault)
{
    size_t size;
    plain();
    char *file = fixture_read(fixture_path("plain.sys"), &size);
    for (size_t length = 0; length < size; length += 1 + length / 40) {
        fixture_write("cut.sys", file, length);
        expect_error(fixture_path("cut.sys"), "cut.sys");
    }
    free(file);
}

/* Whatever single byte of the headers or the first of each section is wrong: an error or an image, never a fault. */
TEST(damaged_bytes_never_fault_the_loader)
{
    size_t size;
    plain();
    char *file = fixture_read(fixture_path("plain.sys"), &size);
    for (size_t at = 2; at < size; at += at < 1024 ? 1 : 7) {
        char error[4096] = "", was = file[at];
        file[at] = (char)(was ^ 0xff);
        fixture_write("bad.sys", file, size);
        struct image *image = image_load(fixture_path("bad.sys"), fixture_resolve_any, error, sizeof(error));
        if (image != NULL) {
            image_unload(image);
        } else {
            CHECK(error[0] != '\0');
        }
        file[at] = was;
    }
    free(file);
}

static void unwinds_without_a_table(void)
{
    enum { CHARACTERISTICS = 36, DISCARDABLE_BYTE = CHARACTERISTICS + 3 };
    size_t size;
    char *file = fixture_read(plain(), &size), *section = memmem(file, size, ".pdata\0\0", 8);
    uint64_t stack[4] = { 0 };
    struct unwind_state state = { 0 };
    struct image *image;
    void *addresses[4];

    CHECK(section != NULL);
    section[DISCARDABLE_BYTE] |= 2;
    fixture_write("discards.sys", file, size);
    free(file);
    image = must_load(fixture_path("discards.sys"));
    image_discard_init(image);
    state.rip = (uint64_t)image_entry(image) + 1;
    state.registers[UNWIND_RSP] = state.registers[UNWIND_RBP] = (uint64_t)stack;
    CHECK_EQ(unwind_driver_frames(&state, addresses, 4), 1);
    image_unload(image);
}
TEST(unwind_tables_in_a_discarded_section_are_left_alone)
{
    CHECK_EQ(nt_run(unwinds_without_a_table, NULL), 0);
}

static void unknown_imports(void)
{
    const char *path = fixture_driver("unknown", "NoSuchOne\nNoSuchTwo\nKeGetCurrentIrql", "", "");
    char error[4096] = "";
    CHECK(image_load(path, fixture_resolve, error, sizeof(error)) == NULL);
    CHECK_CONTAINS(error, "imports 2 names that the simulated Windows does not export or the testbed does not have: "
                          "ntoskrnl.exe!NoSuchOne, ntoskrnl.exe!NoSuchTwo");
}
TEST(all_unknown_imports_are_listed)
{
    CHECK_EQ(nt_run(unknown_imports, NULL), 0);
}
