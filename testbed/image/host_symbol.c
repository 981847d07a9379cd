/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Names of the testbed's own functions for reports: from the symbol table of the program's file, which is mapped when
 * first asked. No memory is allocated, so that a report may be written at any time.
 */
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "image/image.h"

extern const uint8_t __executable_start[], etext[];

static const uint8_t *file;
static size_t file_size;

static const uint8_t *map_file(void)
{
    struct stat facts;
    int descriptor = file == NULL ? open("/proc/self/exe", O_RDONLY | O_CLOEXEC) : -1;
    if (descriptor >= 0 && fstat(descriptor, &facts) == 0) {
        void *memory = mmap(NULL, (size_t)facts.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
        if (memory != MAP_FAILED) {
            file = memory;
            file_size = (size_t)facts.st_size;
        }
    }
    if (descriptor >= 0) {
        close(descriptor);
    }
    return file;
}

/* The section header of the symbol table, or NULL. */
static const ElfW(Shdr) * symbol_table(const ElfW(Ehdr) * header)
{
    const ElfW(Shdr) *sections = (const ElfW(Shdr) *)(file + header->e_shoff);
    for (int i = 0; i < header->e_shnum; i++) {
        if (sections[i].sh_type == SHT_SYMTAB) {
            return &sections[i];
        }
    }
    return NULL;
}

const char *host_function(const void *address, const void **start)
{
    const uintptr_t at = (uintptr_t)address, base = (uintptr_t)__executable_start;
    if (at < base || at >= (uintptr_t)etext || map_file() == NULL) {
        return NULL;
    }
    const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)file;
    const ElfW(Shdr) *table = symbol_table(header);
    if (table == NULL || table->sh_offset + table->sh_size > file_size) {
        return NULL;
    }
    const ElfW(Sym) *symbols = (const ElfW(Sym) *)(file + table->sh_offset);
    const char *names = (const char *)(file + ((const ElfW(Shdr) *)(file + header->e_shoff))[table->sh_link].sh_offset);
    const uintptr_t value = header->e_type == ET_DYN ? at - base : at;
    for (size_t i = 0; i < table->sh_size / sizeof(symbols[0]); i++) {
        if (ELF64_ST_TYPE(symbols[i].st_info) == STT_FUNC && value - symbols[i].st_value < symbols[i].st_size) {
            *start = (const void *)(at - (value - symbols[i].st_value));
            return names + symbols[i].st_name;
        }
    }
    return NULL;
}
