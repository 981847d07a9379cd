/* SPDX-License-Identifier: BSD-2-Clause */
#include "image_fixture.h"

static char fixture_folder[TEST_MAX_PATH];

const char *fixture_path(const char *name)
{
    static char paths[8][TEST_MAX_PATH + 64];
    static unsigned next;
    if (fixture_folder[0] == '\0') {
        CHECK(mkdtemp(test_temporary(fixture_folder, "image.XXXXXX")) != NULL);
    }
    char *path = paths[next++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", fixture_folder, name);
    return path;
}

void fixture_write(const char *name, const void *bytes, size_t size)
{
    FILE *file = fopen(fixture_path(name), "w");
    CHECK(file != NULL);
    CHECK_EQ(fwrite(bytes, 1, size, file), size);
    CHECK_EQ(fclose(file), 0);
}

char *fixture_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "r");
    CHECK(file != NULL);
    char *bytes = malloc(1 << 20);
    *size = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    return bytes;
}

const char *fixture_driver(const char *name, const char *imports, const char *compiler, const char *linker)
{
    static const char script[] =
        "cd '%s' && printf 'LIBRARY ntoskrnl.exe\\nEXPORTS\\n%%s\\n' '%s' > nt.def && "
        "llvm-dlltool-16 -m i386:x86-64 -d nt.def -l nt.lib && "
        "sources='%s/tests/support/drivers' name=%s && "
        "if [ -d \"$sources/$name\" ]; then set -- \"$sources/$name/\"*.c; else set -- \"$sources/$name.c\"; fi && "
        "mkdir -p objects-$name && cd objects-$name && "
        "clang-16 --target=x86_64-pc-windows-msvc -O1 -g -gcodeview -ffreestanding -fasynchronous-unwind-tables "
        "-mno-stack-arg-probe %s -c \"$@\" && cd .. && "
        /* An address that is free under the address sanitizer, too: images without relocations need theirs. */
        "lld-link-16 /driver /base:0x200000000000 /subsystem:native /entry:DriverEntry /nodefaultlib /debug %s "
        "/out:$name.sys objects-$name/*.o nt.lib";
    char command[8192], file[64];
    const char *path;

    snprintf(file, sizeof(file), "%s.sys", name);
    path = fixture_path(file); /* makes the folder */
    snprintf(command, sizeof(command), script, fixture_folder, imports, test_root(), name, compiler, linker);
    CHECK_EQ(system(command), 0);
    return path;
}

void *fixture_resolve(const char *module, const char *name)
{
    return export_find(module, name) != NULL ? export_bind(module, name) : NULL;
}

void *fixture_resolve_any(const char *module, const char *name)
{
    return export_bind(module, name);
}
