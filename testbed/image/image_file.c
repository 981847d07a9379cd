/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Is this file a driver that can be mapped? Every reason why not is one sentence that names the file and what to do.
 * Nothing in the file is believed before it is checked against the file's size and the image's size.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "image/image_internal.h"
#include "wire/integers.h"

enum { DOS_HEADER_BYTES = 64, COFF_BYTES = 24, SECTION_BYTES = 40 };
enum { MACHINE_X64 = 0x8664, MACHINE_X86 = 0x14c, MACHINE_ARM64 = 0xaa64, MACHINE_ARM = 0x1c4 };
enum { SUBSYSTEM_NATIVE = 1, FLAG_EXECUTABLE = 2, FLAG_RELOCATIONS_STRIPPED = 1 };
#define IMAGE_MAX_BYTES (256u << 20)

#ifdef __x86_64__
enum { MACHINE = MACHINE_X64, MAGIC = 0x20b, BASE_AT = 24, DIRECTORIES_AT = 112 };
#else
enum { MACHINE = MACHINE_X86, MAGIC = 0x10b, BASE_AT = 28, DIRECTORIES_AT = 96 };
#endif

struct why {
    const char *path;
    char *error;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static bool refuse(const struct why *why, const char *format, ...)
{
    va_list arguments;
    int used = snprintf(why->error, why->size, "%s ", why->path);
    if (used > 0 && (size_t)used < why->size) {
        va_start(arguments, format);
        vsnprintf(why->error + used, why->size - (size_t)used, format, arguments);
        va_end(arguments);
    }
    return false;
}

static bool refuse_kind(const struct why *why, const uint8_t *file, size_t file_size)
{
    if (file_size >= 4 && memcmp(file, "\177ELF", 4) == 0) {
        return refuse(why, "is an ELF file (Linux), not a Windows driver: give the .sys file");
    }
    if (file_size >= 4 && memcmp(file, "MSCF", 4) == 0) {
        return refuse(why, "is a cabinet, not a Windows driver: unpack it and give the .sys file");
    }
    if (file_size >= 2 && memcmp(file, "PK", 2) == 0) {
        return refuse(why, "is a zip file, not a Windows driver: unpack it and give the .sys file");
    }
    size_t printable = 0, looked = file_size < 512 ? file_size : 512;
    for (size_t i = 0; i < looked; i++) {
        printable += (file[i] >= 0x20 && file[i] < 0x7f) || file[i] == '\t' || file[i] == '\r' || file[i] == '\n';
    }
    if (printable == looked) {
        return refuse(why, "is a text file, not a Windows driver: give the .sys file");
    }
    return refuse(why, "is not a Windows executable (no MZ header): give the .sys file of a driver");
}

static bool check_machine(const struct why *why, uint16_t machine)
{
    static const struct {
        uint16_t machine;
        const char *what;
    } others[] = {
        { MACHINE_X64, "a 64-bit (x64)" },
        { MACHINE_X86, "a 32-bit (x86)" },
        { MACHINE_ARM64, "an ARM64" },
        { MACHINE_ARM, "a 32-bit ARM" },
    };
    for (size_t i = 0; machine != MACHINE && i < sizeof(others) / sizeof(others[0]); i++) {
        if (others[i].machine == machine) {
            return refuse(
                why, "is %s driver; the testbed runs " IMAGE_ARCHITECTURE ": give the " IMAGE_ARCHITECTURE " build",
                others[i].what);
        }
    }
    if (machine != MACHINE) {
        return refuse(why,
                      "is for machine type %#x; the testbed runs " IMAGE_ARCHITECTURE ": give the " IMAGE_ARCHITECTURE
                      " build",
                      machine);
    }
    return true;
}

static bool parse_sections(struct image *image, const struct why *why, const uint8_t *table, size_t file_size)
{
    uint64_t end_before = image->header_size;
    for (uint32_t i = 0; i < image->section_count; i++, table += SECTION_BYTES) {
        struct section *section = &image->sections[i];
        memcpy(section->name, table, 8);
        section->virtual_size = get_le32(table + 8);
        section->address = get_le32(table + 12);
        section->file_size = get_le32(table + 16);
        section->file_offset = get_le32(table + 20);
        section->characteristics = get_le32(table + 36);
        if (section->virtual_size == 0) {
            section->virtual_size = section->file_size;
        }
        if (section->file_size != 0 && (uint64_t)section->file_offset + section->file_size > file_size) {
            return refuse(why,
                          "is truncated: its section %s ends at byte %llu, the file has %zu: build or copy it again",
                          section->name, (unsigned long long)section->file_offset + section->file_size, file_size);
        }
        if (section->address % PAGE != 0 || section->address < end_before ||
            (uint64_t)section->address + section->virtual_size > image->size) {
            return refuse(why, "is damaged: its section %s does not fit into the image: build or copy it again",
                          section->name);
        }
        end_before = (uint64_t)section->address + section->virtual_size;
    }
    return true;
}

static bool parse_optional(struct image *image, const struct why *why, const uint8_t *optional, size_t optional_size)
{
    if (get_le16(optional) != MAGIC) {
        return refuse(why,
                      "is damaged: an " IMAGE_ARCHITECTURE " image with a header of type %#x: build or copy it again",
                      get_le16(optional));
    }
    const uint16_t subsystem = get_le16(optional + 68);
    if (subsystem != SUBSYSTEM_NATIVE) {
        return refuse(why, "is not a driver: its subsystem is %u (%s), a driver's is 1 (native): give the .sys file",
                      subsystem, subsystem == 2 || subsystem == 3 ? "an ordinary program or DLL" : "something else");
    }
    image->entry = get_le32(optional + 16);
    image->preferred = get_address(optional + BASE_AT);
    image->size = get_le32(optional + 56);
    image->header_size = get_le32(optional + 60);
    if (get_le32(optional + 32) < PAGE) {
        return refuse(
            why, "cannot be mapped: its sections are aligned to %u bytes, less than a page: link it with /ALIGN:4096",
            get_le32(optional + 32));
    }
    if (image->size > IMAGE_MAX_BYTES || image->size < image->header_size || image->entry >= image->size) {
        return refuse(why,
                      "is damaged: its headers contradict each other (image %u bytes, headers %u, entry at %#x): build "
                      "or copy it again",
                      image->size, image->header_size, image->entry);
    }
    if (image->entry == 0) {
        return refuse(why, "has no entry point (DriverEntry), so it is no driver: give the .sys file");
    }
    uint32_t directories = get_le32(optional + DIRECTORIES_AT - 4);
    for (uint32_t i = 0; i < directories && i < DIRECTORIES && DIRECTORIES_AT + 8 * (i + 1) <= optional_size; i++) {
        image->directories[i].address = get_le32(optional + DIRECTORIES_AT + 8 * i);
        image->directories[i].size = get_le32(optional + DIRECTORIES_AT + 8 * i + 4);
    }
    return true;
}

bool image_parse(struct image *image, const uint8_t *file, size_t file_size, char *error, size_t size)
{
    const struct why why = { image->path, error, size };
    if (file_size == 0) {
        return refuse(&why, "is empty: build or copy it again");
    }
    if (file_size < 2 || memcmp(file, "MZ", 2) != 0) {
        return refuse_kind(&why, file, file_size);
    }
    const uint64_t header = file_size >= DOS_HEADER_BYTES ? get_le32(file + 0x3c) : 0;
    if (header == 0 || header + COFF_BYTES > file_size) {
        return refuse(&why, "is truncated: its headers go beyond the %zu bytes of the file: build or copy it again",
                      file_size);
    }
    const uint8_t *coff = file + header;
    if (memcmp(coff, "PE\0\0", 4) != 0) {
        return refuse(&why, "is not a Windows driver: an MZ program without PE header: give the .sys file");
    }
    if (!check_machine(&why, get_le16(coff + 4))) {
        return false;
    }
    const size_t optional_size = get_le16(coff + 20);
    const uint64_t sections = header + COFF_BYTES + optional_size;
    image->section_count = get_le16(coff + 6);
    if (optional_size < DIRECTORIES_AT || image->section_count > MAX_SECTIONS ||
        sections + image->section_count * SECTION_BYTES > file_size) {
        return refuse(&why, "is truncated: its headers go beyond the %zu bytes of the file: build or copy it again",
                      file_size);
    }
    image->relocatable = (get_le16(coff + 22) & FLAG_RELOCATIONS_STRIPPED) == 0;
    if ((get_le16(coff + 22) & FLAG_EXECUTABLE) == 0) {
        return refuse(&why, "was not linked without errors (its executable flag is clear): build it again");
    }
    if (!parse_optional(image, &why, coff + COFF_BYTES, optional_size)) {
        return false;
    }
    if (image->header_size > file_size) {
        return refuse(&why, "is truncated: its headers take %u bytes, the file has %zu: build or copy it again",
                      image->header_size, file_size);
    }
    return parse_sections(image, &why, file + sections, file_size);
}
