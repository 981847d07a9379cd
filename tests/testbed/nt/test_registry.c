/* SPDX-License-Identifier: BSD-2-Clause */
/* The registry, from inside and through the functions a driver calls. */
#include "nt/registry/registry.h"

#include "nt_run.h"

#define ROOT "\\Registry\\Machine\\Software\\Test"

static void count_name(void *context, const char *name)
{
    strcat(context, name);
    strcat(context, ",");
}

static void plain(void)
{
    char text[100];
    uint32_t number;

    registry_set_string(ROOT "\\Sub", "Name", "v\xc3\xa4lue");
    registry_set_dword(ROOT, "Number", 77);
    CHECK(registry_get_string("\\REGISTRY\\machine\\SOFTWARE\\test\\sub", "NAME", text, sizeof(text)));
    CHECK_STR(text, "v\xc3\xa4lue");
    CHECK(registry_get_dword(ROOT, "number", &number));
    CHECK_EQ(number, 77);
    CHECK(!registry_get_dword(ROOT "\\Sub", "Name", &number));
    CHECK(!registry_get_string(ROOT, "Nothing", text, sizeof(text)));
    registry_delete_value(ROOT, "Number");
    CHECK(!registry_get_dword(ROOT, "Number", &number));
    registry_delete_key(ROOT);
    CHECK(!registry_key_exists(ROOT "\\Sub"));
    CHECK(registry_key_exists("\\Registry\\Machine\\Software"));
}
TEST(values_are_found_whatever_the_case_of_their_names)
{
    CHECK_EQ(nt_run(plain, NULL), 0);
}

static void order(void)
{
    char names[100] = "";

    registry_create_key(ROOT "\\b");
    registry_create_key(ROOT "\\A");
    registry_create_key(ROOT "\\ab");
    registry_create_key(ROOT "\\C");
    registry_create_key(ROOT "\\a");
    registry_each_key(ROOT, count_name, names);
    CHECK_STR(names, "A,ab,b,C,");
}
TEST(subkeys_come_in_the_order_of_their_names)
{
    CHECK_EQ(nt_run(order, NULL), 0);
}

static void *open(void *base, const char *path, int32_t expected)
{
    struct wide_string name;
    struct OBJECT_ATTRIBUTES attributes = { 0 };
    void *handle = NULL;

    attributes.Length = sizeof(attributes);
    attributes.RootDirectory = base;
    attributes.ObjectName = wide_of(&name, path);
    CHECK_EQ(CALL(int32_t, ZwOpenKey, (void **, uint32_t, struct OBJECT_ATTRIBUTES *), &handle, 0x20019, &attributes),
             expected);
    return handle;
}

static void close(void *handle)
{
    CHECK_EQ(CALL(int32_t, ZwClose, (void *), handle), 0);
}

static int32_t query(void *handle, const char *value, uint32_t class, void *buffer, uint32_t room, uint32_t *length)
{
    struct wide_string name;

    return CALL(int32_t, ZwQueryValueKey, (void *, struct UNICODE_STRING *, uint32_t, void *, uint32_t, uint32_t *),
                handle, wide_of(&name, value), class, buffer, room, length);
}

static void driver_side(void)
{
    uint32_t partial[8], length;
    void *top, *sub;

    registry_set_dword(ROOT "\\Sub", "Number", 5);
    open(NULL, ROOT "\\Nothing", STATUS_OBJECT_NAME_NOT_FOUND);
    top = open(NULL, ROOT, 0);
    sub = open(top, "sub", 0);
    CHECK_EQ(query(sub, "Number", 2, partial, sizeof(partial), &length), 0);
    CHECK_EQ(length, 16);
    CHECK_EQ(partial[1], 4);
    CHECK_EQ(partial[2], 4);
    CHECK_EQ(partial[3], 5);
    CHECK_EQ(query(sub, "Number", 2, partial, 13, &length), (int32_t)0x80000005);
    CHECK_EQ(length, 16);
    CHECK_EQ(query(sub, "Number", 2, partial, 4, &length), STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(query(sub, "Nothing", 2, partial, sizeof(partial), &length), STATUS_OBJECT_NAME_NOT_FOUND);
    CHECK_EQ(query(sub, "Number", 1, partial, sizeof(partial), &length), (int32_t)0x80000005);
    CHECK_EQ(length, 32 + 4); /* five numbers, six letters, padding, data */
    CHECK_EQ(CALL(int32_t, ZwEnumerateKey, (void *, uint32_t, uint32_t, void *, uint32_t, uint32_t *), top, 0, 0,
                  partial, sizeof(partial), &length),
             0);
    CHECK_EQ(partial[3], 6);
    CHECK_EQ(CALL(int32_t, ZwEnumerateKey, (void *, uint32_t, uint32_t, void *, uint32_t, uint32_t *), top, 1, 0,
                  partial, sizeof(partial), &length),
             (int32_t)0x8000001A);
    CHECK_EQ(CALL(int32_t, ZwDeleteKey, (void *), sub), 0);
    CHECK_EQ(query(sub, "Number", 2, partial, sizeof(partial), &length), (int32_t)0xC000017C);
    close(sub);
    close(top);
}
TEST(a_driver_reads_enumerates_and_deletes_through_handles)
{
    CHECK_EQ(nt_run(driver_side, NULL), 0);
}

static void forget(void)
{
    registry_create_key(ROOT);
    open(NULL, ROOT, 0);
}
TEST(a_key_left_open_is_listed)
{
    struct leaks leaks = { 0 };

    CHECK_EQ(nt_run(forget, &leaks), 1);
    CHECK_CONTAINS(leaks.lines[0], ROOT);
}

struct query_table {
    void *routine;
    uint32_t flags;
    uint16_t *name;
    void *context;
    uint32_t type;
    void *data;
    uint32_t length;
};

static void tables(void)
{
    uint32_t number = 0, fallback = 9, other = 0;
    struct UNICODE_STRING text = { 0 };
    struct wide_string top, a, b, c;
    struct query_table table[] = {
        { NULL, 0x20, wide_of(&a, "Number")->Buffer, &number, 0, NULL, 0 },
        { NULL, 0x20, wide_of(&b, "Missing")->Buffer, &other, 4, &fallback, 4 },
        { NULL, 0x20, wide_of(&c, "Text")->Buffer, &text, 0, NULL, 0 },
        { 0 },
    };

    registry_set_dword(ROOT, "Number", 5);
    registry_set_string(ROOT, "Text", "abc");
    CHECK_EQ(CALL(int32_t, RtlQueryRegistryValues, (uint32_t, uint16_t *, struct query_table *, void *, void *), 0,
                  wide_of(&top, ROOT)->Buffer, table, NULL, NULL),
             0);
    CHECK_EQ(number, 5);
    CHECK_EQ(other, 9);
    CHECK_EQ(text.Length, 6);
    CALL(void, ExFreePool, (void *), text.Buffer);
}
TEST(a_query_table_is_answered_with_values_and_defaults)
{
    CHECK_EQ(nt_run(tables, NULL), 0);
}
