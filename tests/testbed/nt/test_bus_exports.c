/* SPDX-License-Identifier: BSD-2-Clause */
/* What a bus driver imports and a miniport does not: SHA-1, loaded modules with netio.sys, strings, data. */

#include "nt/rtl/utf.h"
#include "nt_run.h"

enum { OBJECT_BYTES = 256, DIGEST_BYTES = 20, MODULE_BYTES = 272 };

#define BCRYPT(result, name, parameters, ...)                                                                          \
    (((result MS_ABI(*) parameters)export_bind("ksecdd.sys", #name))(__VA_ARGS__))

static void *provider(uint32_t flags)
{
    void *algorithm = NULL;

    CHECK_EQ(BCRYPT(int32_t, BCryptOpenAlgorithmProvider, (void **, const uint16_t *, const uint16_t *, uint32_t),
                    &algorithm, u"SHA1", NULL, flags),
             0);
    return algorithm;
}

static uint32_t property(void *algorithm, const uint16_t *name)
{
    uint32_t value = 0, got = 0;

    CHECK_EQ(BCRYPT(int32_t, BCryptGetProperty, (void *, const uint16_t *, void *, uint32_t, uint32_t *, uint32_t),
                    algorithm, name, &value, sizeof(value), &got, 0),
             0);
    CHECK_EQ(got, 4);
    return value;
}

static void *new_hash(void *algorithm, void *object, uint32_t size)
{
    void *hash = NULL;
    int32_t status = BCRYPT(int32_t, BCryptCreateHash, (void *, void **, void *, uint32_t, void *, uint32_t, uint32_t),
                            algorithm, &hash, object, size, NULL, 0, 0);

    CHECK_EQ(status, size >= OBJECT_BYTES ? 0 : STATUS_BUFFER_TOO_SMALL);
    return hash;
}

static void digest(void)
{
    /* FIPS 180: the digest of "abc" */
    static const uint8_t expected[DIGEST_BYTES] = { 0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e,
                                                    0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d };
    static uint64_t object[OBJECT_BYTES / 8];
    void *algorithm = provider(1), *hash;
    uint8_t got[DIGEST_BYTES];

    CHECK_EQ(property(algorithm, u"ObjectLength"), OBJECT_BYTES);
    CHECK_EQ(property(algorithm, u"HashDigestLength"), DIGEST_BYTES);
    CHECK(new_hash(algorithm, object, OBJECT_BYTES - 1) == NULL);
    hash = new_hash(algorithm, object, OBJECT_BYTES);
    irql_raise(DISPATCH_LEVEL);
    CHECK_EQ(BCRYPT(int32_t, BCryptHashData, (void *, const void *, uint32_t, uint32_t), hash, "a", 1, 0), 0);
    irql_lower(PASSIVE_LEVEL);
    CHECK_EQ(BCRYPT(int32_t, BCryptHashData, (void *, const void *, uint32_t, uint32_t), hash, "bc", 2, 0), 0);
    CHECK_EQ(BCRYPT(int32_t, BCryptFinishHash, (void *, void *, uint32_t, uint32_t), hash, got, DIGEST_BYTES, 0), 0);
    CHECK_EQ(memcmp(got, expected, DIGEST_BYTES), 0);
    CHECK_EQ(BCRYPT(int32_t, BCryptHashData, (void *, const void *, uint32_t, uint32_t), hash, "d", 1, 0),
             (int32_t)0xC0000008);
    CHECK_EQ(BCRYPT(int32_t, BCryptDestroyHash, (void *), hash), 0);
    CHECK_EQ(BCRYPT(int32_t, BCryptCloseAlgorithmProvider, (void *, uint32_t), algorithm, 0), 0);
    CHECK_EQ(BCRYPT(int32_t, BCryptCloseAlgorithmProvider, (void *, uint32_t), algorithm, 0), (int32_t)0xC0000008);
}
TEST(sha1_of_a_known_text)
{
    CHECK_EQ(nt_run(digest, NULL), 0);
}

static void passive_provider(void)
{
    static uint64_t object[OBJECT_BYTES / 8];
    void *algorithm = provider(0);

    irql_raise(DISPATCH_LEVEL);
    new_hash(algorithm, object, OBJECT_BYTES);
}
TEST(provider_for_passive_level_used_at_dispatch_is_reported)
{
    EXPECT_NT_RULE("irql", passive_provider);
}

static void open_and_forget(void)
{
    provider(1);
}
TEST(provider_not_closed_is_listed)
{
    CHECK_EQ(nt_run(open_and_forget, NULL), 1);
}

/* --- modules --- */

struct module {
    uint8_t *base;
    uint32_t size;
    uint16_t name;
    char path[256];
};

/* As a driver walks it: DOS header, optional header, export directory, a name's ordinal, the function. */
static void *lookup(uint8_t *base, const char *name)
{
    const uint8_t *optional = base + *(uint32_t *)(base + 0x3c) + 24;
    const uint32_t *directory = (const uint32_t *)(base + *(const uint32_t *)(optional + 112));
    const uint32_t *functions = (const uint32_t *)(base + directory[7]),
                   *names = (const uint32_t *)(base + directory[8]);
    const uint16_t *ordinals = (const uint16_t *)(base + directory[9]);

    for (uint32_t i = 0; i < directory[6]; i++) {
        if (strcmp((const char *)base + names[i], name) == 0) {
            return base + functions[ordinals[i]];
        }
    }
    return NULL;
}

static uint8_t *find_netio(void)
{
    static struct module modules[8];
    uint32_t size = 0;

    CHECK_EQ(CALL(int32_t, RtlQueryModuleInformation, (uint32_t *, uint32_t, void *), &size, MODULE_BYTES, NULL), 0);
    CHECK(size != 0 && size % MODULE_BYTES == 0 && size <= sizeof(modules));
    size -= 1;
    CHECK_EQ(CALL(int32_t, RtlQueryModuleInformation, (uint32_t *, uint32_t, void *), &size, MODULE_BYTES, modules),
             STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(CALL(int32_t, RtlQueryModuleInformation, (uint32_t *, uint32_t, void *), &size, MODULE_BYTES, modules), 0);
    for (uint32_t i = 0; i < size / MODULE_BYTES; i++) {
        if (strcasecmp(modules[i].path + modules[i].name, "netio.sys") == 0) {
            return modules[i].base;
        }
    }
    test_fail(__FILE__, __LINE__, "netio.sys is not among the modules");
}

static uint32_t notified;

static MS_ABI void changed(void *context, void *row, uint32_t type)
{
    CHECK(context == &notified && row == NULL);
    CHECK_EQ(type, 3);
    notified++;
}

typedef MS_ABI int32_t get_table(void **table);
typedef MS_ABI void free_table(void *table);
typedef MS_ABI int32_t notify(uint16_t family, void *callback, void *context, uint8_t initial, void **handle);
typedef MS_ABI int32_t cancel(void *handle);

static void addresses(void)
{
    uint8_t *netio = find_netio();
    void *table = NULL, *handle = NULL;

    CHECK(lookup(netio, "NoSuchFunction") == NULL);
    CHECK_EQ(((get_table *)lookup(netio, "GetIfTable2"))(&table), 0);
    CHECK_EQ(*(uint32_t *)table, 0);
    ((free_table *)lookup(netio, "FreeMibTable"))(table);
    CHECK_EQ(((notify *)lookup(netio, "NotifyUnicastIpAddressChange"))(0, changed, &notified, 1, &handle), 0);
    CHECK_EQ(notified, 1);
    CHECK_EQ(((cancel *)lookup(netio, "CancelMibChangeNotify2"))(handle), 0);
}
TEST(netio_is_found_among_the_modules_and_works)
{
    CHECK_EQ(nt_run(addresses, NULL), 0);
}

static void cancel_twice(void)
{
    uint8_t *netio = find_netio();
    void *handle = NULL;

    ((notify *)lookup(netio, "NotifyUnicastIpAddressChange"))(0, changed, &notified, 0, &handle);
    ((cancel *)lookup(netio, "CancelMibChangeNotify2"))(handle);
    ((cancel *)lookup(netio, "CancelMibChangeNotify2"))(handle);
}
TEST(notification_cancelled_twice_is_reported)
{
    EXPECT_NT_RULE("callback", cancel_twice);
}

static void never_cancelled(void)
{
    void *handle;

    ((notify *)lookup(find_netio(), "NotifyUnicastIpAddressChange"))(0, changed, &notified, 0, &handle);
}
TEST(notification_never_cancelled_is_listed)
{
    CHECK_EQ(nt_run(never_cancelled, NULL), 1);
}

/* --- strings and data --- */

static struct UNICODE_STRING narrow(const char *text)
{
    struct UNICODE_STRING string = { .Buffer = (void *)(uintptr_t)text };

    string.Length = string.MaximumLength = (uint16_t)strlen(text);
    return string;
}

static int32_t compare(const char *a, const char *b, uint8_t fold)
{
    struct UNICODE_STRING p = narrow(a), q = narrow(b);

    return CALL(int32_t, RtlCompareString, (void *, void *, uint8_t), &p, &q, fold);
}

static void strings(void)
{
    struct wide_string from, to;
    struct UNICODE_STRING made = { 0 };

    CHECK_EQ(compare("vif", "vif", 0), 0);
    CHECK(compare("vif", "VIF", 0) > 0);
    CHECK_EQ(compare("vif", "VIF", 1), 0);
    CHECK(compare("vi", "vif", 0) < 0);
    wide_of(&from, "aBc");
    wide_of(&to, "");
    CHECK_EQ(CALL(int32_t, RtlUpcaseUnicodeString, (void *, void *, uint8_t), &to.string, &from.string, 0), 0);
    CHECK_EQ(memcmp(to.text, u"ABC", 6), 0);
    to.string.MaximumLength = 4;
    CHECK_EQ(CALL(int32_t, RtlUpcaseUnicodeString, (void *, void *, uint8_t), &to.string, &from.string, 0),
             (int32_t)0x80000005);
    CHECK_EQ(CALL(int32_t, RtlUpcaseUnicodeString, (void *, void *, uint8_t), &made, &from.string, 1), 0);
    CHECK_EQ(made.Length, 6);
    CHECK_EQ(memcmp(made.Buffer, u"ABC", 8), 0);
    CALL(void, RtlFreeUnicodeString, (void *), &made);
}
TEST(strings_are_compared_and_upcased)
{
    CHECK_EQ(nt_run(strings, NULL), 0);
}

static void data(void)
{
    CHECK_EQ(*(uint32_t *)export_bind("ntoskrnl.exe", "InitSafeBootMode"), 0);
    CHECK(*(void **)export_bind("ntoskrnl.exe", "PsThreadType") != NULL);
    CHECK(!export_is_trampoline(export_bind("ntoskrnl.exe", "PsThreadType")));
}
TEST(data_is_imported_by_its_address)
{
    CHECK_EQ(nt_run(data, NULL), 0);
}

static MS_ABI void no_thread(void *unused)
{
    (void)unused;
}

static void thread_of_another_type(void)
{
    void *handle, *object;

    CALL(int32_t, PsCreateSystemThread, (void **, uint32_t, void *, void *, void *, void *, void *), &handle, 0, NULL,
         NULL, NULL, no_thread, NULL);
    CALL(int32_t, ObReferenceObjectByHandle, (void *, uint32_t, void *, int8_t, void **, void *), handle, 0, &notified,
         0, &object, NULL);
}
TEST(object_referenced_as_another_type_is_reported)
{
    EXPECT_NT_RULE("thread", thread_of_another_type);
}
