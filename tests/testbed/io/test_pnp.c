/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices, packages and what a driver may ask about them. */
#include "nt/io/pnp.h"

#include "inf_sample.h"
#include "nt/registry/registry.h"
#include "nt_run.h"

#define REV5 "XENVIF\\VEN_XP0001&DEV_NET&REV_09000005"
#define CLASS_KEY                                                                                                      \
    "\\Registry\\Machine\\System\\CurrentControlSet\\Control\\Class\\{4d36e972-e325-11ce-bfc1-08002be10318}"
#define SERVICES "\\Registry\\Machine\\System\\CurrentControlSet\\Services"

static const char *const hardware_ids[] = { REV5, "XENVIF\\VEN_XP0001&DEV_NET", NULL };
static const char *const compatible_ids[] = { "XENVIF\\DEV_NET", NULL };
static struct {
    uint16_t version, size;
    int references;
} bus;

static int32_t query_interface(void *context, const uint8_t guid[16], uint16_t version, void *interface, uint16_t size)
{
    CHECK(context == &bus);
    if (guid[0] != 7 || version != bus.version) {
        return STATUS_NOT_SUPPORTED;
    }
    if (size < bus.size) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    memset(interface, 0x55, bus.size);
    bus.references++;
    return STATUS_SUCCESS;
}

static const struct pdo_ops ops = { query_interface };

static struct device *make_pdo(const char *instance)
{
    struct pdo_ids ids = { REV5, hardware_ids, compatible_ids, instance, "slot 7" };

    return pdo_create(&ids, &ops, &bus);
}

static struct package *install(struct device *pdo, const char *from, const char *to, const char *const *set,
                               char *error, size_t size)
{
    char path[TEST_MAX_PATH];
    struct package *package = package_install(pdo, inf_write(path, from, to), set, error, size);

    unlink(path);
    return package;
}

static void expect_string(const char *key, const char *name, const char *expected)
{
    char text[300] = "";

    CHECK(registry_get_string(key, name, text, sizeof(text)));
    CHECK_STR(text, expected);
}

static void expect_dword(const char *key, const char *name, uint32_t expected)
{
    uint32_t number;

    CHECK(registry_get_dword(key, name, &number));
    CHECK_EQ(number, expected);
}

static void installed(void)
{
    struct device *pdo = make_pdo("0");
    char error[900] = "", text[100];
    struct package *package = install(pdo, NULL, NULL, NULL, error, sizeof(error));
    const char *key;
    uint8_t bytes[64];
    size_t size = sizeof(bytes);
    enum registry_type type;

    CHECK_STR(error, "");
    key = package->driver_key;
    CHECK_STR(package->service, "test");
    CHECK_STR(package->image_name, "test.sys");
    CHECK_STR(package->matched_id, REV5);
    CHECK_STR(package->description, "English Name");
    CHECK_STR(package->service_key, SERVICES "\\test");
    CHECK_STR(key, CLASS_KEY "\\0000");
    expect_string(package->service_key, "ImagePath", "\\SystemRoot\\System32\\drivers\\test.sys");
    expect_dword(package->service_key, "Start", 3);
    expect_string(package->service_key, "Group", "NDIS");
    expect_dword(SERVICES "\\EventLog\\System\\test", "TypesSupported", 7);
    expect_string(key, "*Speed", "1");
    expect_string(key, "Count", "8");
    CHECK(!registry_get_string(key, "Optional", text, sizeof(text)));
    expect_string(key, "DriverVersion", "10.0.0.7");
    expect_string(key, "ProviderName", "Some Vendor");
    expect_string(key, "BusType", "1");
    expect_dword(key, "*IfType", 6);
    expect_dword(key, "Characteristics", 0x84);
    expect_dword(key, "Dword", 0x81);
    expect_dword(key, "Keep", 5);
    expect_string(key, "Expand", "%SystemRoot%\\x");
    expect_string("\\Registry\\Machine\\Software\\TestVendor", "Path", "plain");
    CHECK(registry_get_value(key, "Multi", &type, bytes, &size));
    CHECK_EQ(type, REGISTRY_MULTI_SZ);
    CHECK_EQ(size, 2 * (4 + 4 + 6 + 1));
    size = sizeof(bytes);
    CHECK(registry_get_value(key, "Binary", &type, bytes, &size));
    CHECK_EQ(size, 3);
    CHECK_EQ(bytes[1], 0xad);
    CHECK(registry_get_string(key, "NetCfgInstanceId", text, sizeof(text)));
    CHECK_EQ(strlen(text), 38);
    expect_string(device_enum_key(pdo), "Service", "test");
    expect_string(device_enum_key(pdo), "Driver", "{4d36e972-e325-11ce-bfc1-08002be10318}\\0000");
    package_free(package);
    pdo_destroy(pdo);
}
TEST(an_installed_package_has_its_keys_and_values)
{
    CHECK_EQ(nt_run(installed, NULL), 0);
}

static void two_devices(void)
{
    static const char *const set[] = { "Count=4", NULL };
    struct device *first = make_pdo("0"), *second = make_pdo("1");
    char error[900] = "", a[64], b[64], c[64];
    struct package *one = install(first, NULL, NULL, set, error, sizeof(error));
    struct package *two = install(second, NULL, NULL, NULL, error, sizeof(error));
    struct package *again = install(first, NULL, NULL, NULL, error, sizeof(error));

    CHECK_STR(one->driver_key, CLASS_KEY "\\0000");
    CHECK_STR(two->driver_key, CLASS_KEY "\\0001");
    CHECK_STR(again->driver_key, CLASS_KEY "\\0000");
    expect_string(again->driver_key, "Count", "4");
    expect_string(two->driver_key, "Count", "8");
    CHECK(registry_get_string(one->driver_key, "NetCfgInstanceId", a, sizeof(a)));
    CHECK(registry_get_string(two->driver_key, "NetCfgInstanceId", b, sizeof(b)));
    CHECK(registry_get_string(again->driver_key, "NetCfgInstanceId", c, sizeof(c)));
    CHECK(strcmp(a, b) != 0);
    CHECK_STR(a, c);
    package_free(one);
    package_free(two);
    package_free(again);
    pdo_destroy(first);
    pdo_destroy(second);
}
TEST(a_second_device_gets_its_own_key_and_a_second_installation_keeps_values)
{
    CHECK_EQ(nt_run(two_devices, NULL), 0);
}

static void settings(void)
{
    static const struct {
        const char *set, *part;
    } wrong[] = {
        { "Nothing=1", "has no keyword Nothing: it has *Speed, Count, Optional" },
        { "*Speed=2", "the values are 0 (Slow, really), 1 (Fast)" },
        { "Count=5", "from 2 to 16 in steps of 2" },
        { "Count=18", "from 2 to 16" },
        { "Count=x", "from 2 to 16" },
        { "Optional=too long", "at most 5 characters" },
        { "Count", "not of the form KEYWORD=VALUE" },
        { "=4", "not of the form KEYWORD=VALUE" },
    };
    static const char *const good[] = { "*speed=0", "COUNT=16", "Optional=abc", NULL };
    struct device *pdo = make_pdo("0");
    struct package *package;
    char error[900] = "";

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const char *const set[] = { wrong[i].set, NULL };

        CHECK(install(pdo, NULL, NULL, set, error, sizeof(error)) == NULL);
        CHECK_CONTAINS(error, wrong[i].part);
    }
    package = install(pdo, NULL, NULL, good, error, sizeof(error));
    CHECK(package != NULL);
    expect_string(package->driver_key, "*Speed", "0");
    expect_string(package->driver_key, "Count", "16");
    expect_string(package->driver_key, "Optional", "abc");
    package_free(package);
    pdo_destroy(pdo);
}
TEST(settings_are_checked_as_device_manager_checks_them)
{
    CHECK_EQ(nt_run(settings, NULL), 0);
}

static void bad_packages(void)
{
    static const struct {
        const char *from, *to, *part;
    } bad[] = {
        { "test.sys\n[Params]", "other.sys\n[Params]", "copies no test.sys" },
        { "AddService=test,0x02,Service,Log", "AddService=test,0x02,Serviec,Log", "[Serviec], which is not there" },
        { "AddService=test,0x02,Service,Log", "AddService=test,0x00,Service,Log", "no AddService with flag 2" },
        { "ServiceType=%KERNEL%", "ServiceType=0x10", "no kernel driver" },
        { "AddReg=Params,More", "AddReg=Params,Moer", "[Moer], which is not there" },
        { "HKR,,Dword,0x00010001,0x81", "HKX,,Dword,0x00010001,0x81", "unknown registry root \"HKX\"" },
        { "HKR,,Dword,0x00010001,0x81", "HKR,,Dword,0x00010101,0x81", "unknown bits" },
        { "HKR,,Dword,0x00010001,0x81", "HKR,,Dword,0x00010001,many", "not a number" },
        { "HKR,,Binary,1,de,AD,01", "HKR,,Binary,1,de,xy", "not a byte" },
        { "4d36e972", "4d36e973", "is not the network adapters'" },
    };
    struct device *pdo = make_pdo("0");
    char error[900] = "";

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        CHECK(install(pdo, bad[i].from, bad[i].to, NULL, error, sizeof(error)) == NULL);
        CHECK_CONTAINS(error, bad[i].part);
    }
    pdo_destroy(pdo);
}
static void install_bus(void)
{
    struct device *pdo = make_pdo("0");
    char path[TEST_MAX_PATH], error[400] = "", key[300];
    struct package *package;

    inf_write(path, NULL, NULL);
    CHECK(package_install_bus(pdo, path, error, sizeof(error)) == NULL);
    CHECK_CONTAINS(error, "is not the system devices'");
    unlink(path);
    inf_write(path, "4d36e972", "4d36e97d");
    package = package_install_bus(pdo, path, error, sizeof(error));
    unlink(path);
    CHECK(package != NULL);
    CHECK_CONTAINS(package->driver_key, "{4d36e97d-e325-11ce-bfc1-08002be10318}\\0000");
    snprintf(key, sizeof(key), "%s", device_enum_key(pdo));
    expect_string(key, "Class", "System");
    CHECK(!registry_get_string(package->driver_key, "NetCfgInstanceId", key, sizeof(key)));
    package_free(package);
    pdo_destroy(pdo);
}

TEST(a_package_that_cannot_be_installed_is_refused_with_the_reason)
{
    CHECK_EQ(nt_run(bad_packages, NULL), 0);
}

TEST(a_bus_driver_is_installed_from_an_inf_of_its_class_alone)
{
    CHECK_EQ(nt_run(install_bus, NULL), 0);
}

static void interfaces(void)
{
    struct device *pdo = make_pdo("0");
    uint8_t guid[16] = { 7 }, other[16] = { 8 }, table[32] = { 0 };

    bus.version = 9;
    bus.size = 24;
    CHECK_EQ(pnp_query_interface(device_object(pdo), guid, 9, table, sizeof(table)), STATUS_SUCCESS);
    CHECK_EQ(table[23], 0x55);
    CHECK_EQ(table[24], 0);
    CHECK_EQ(bus.references, 1);
    CHECK_EQ(pnp_query_interface(device_object(pdo), guid, 8, table, sizeof(table)), STATUS_NOT_SUPPORTED);
    CHECK_EQ(pnp_query_interface(device_object(pdo), other, 9, table, sizeof(table)), STATUS_NOT_SUPPORTED);
    CHECK_EQ(pnp_query_interface(device_object(pdo), guid, 9, table, 8), STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(pnp_send(device_object(pdo), 0), STATUS_SUCCESS);
    pdo_destroy(pdo);
}
static void relations(void)
{
    enum { BUS_RELATIONS = 0 };
    struct device *pdo = make_pdo("0");
    uint64_t information = 0;

    CHECK_EQ(pnp_query_relations(device_object(pdo), BUS_RELATIONS, STATUS_SUCCESS, &information), STATUS_SUCCESS);
    CHECK_EQ(pnp_query_relations(device_object(pdo), BUS_RELATIONS, STATUS_NOT_SUPPORTED, &information),
             STATUS_NOT_SUPPORTED);
    CHECK_EQ(information, 0);
    pdo_destroy(pdo);
}
TEST(a_bus_leaves_the_status_of_relations_that_are_not_its_own_alone)
{
    CHECK_EQ(nt_run(relations, NULL), 0);
}

TEST(a_bus_answers_interface_queries)
{
    CHECK_EQ(nt_run(interfaces, NULL), 0);
}

static void properties(void)
{
    struct device *pdo = make_pdo("0");
    char error[900] = "", text[200];
    struct package *package = install(pdo, NULL, NULL, NULL, error, sizeof(error));
    uint16_t wide[200];
    uint32_t length;
    static const struct {
        uint32_t property;
        const char *expected;
    } known[] = {
        { 0, "English Name" }, { 7, "{4d36e972-e325-11ce-bfc1-08002be10318}\\0000" },
        { 8, "Some Vendor" },  { 10, "slot 7" },
        { 15, "XENVIF" },      { 1, REV5 },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        CHECK_EQ(CALL(int32_t, IoGetDeviceProperty, (void *, uint32_t, uint32_t, void *, uint32_t *),
                      device_object(pdo), known[i].property, sizeof(wide), wide, &length),
                 0);
        for (size_t k = 0; (text[k] = (char)wide[k]) != 0; k++) {
        }
        CHECK_STR(text, known[i].expected);
    }
    CHECK_EQ(CALL(int32_t, IoGetDeviceProperty, (void *, uint32_t, uint32_t, void *, uint32_t *), device_object(pdo), 7,
                  10, wide, &length),
             STATUS_BUFFER_TOO_SMALL);
    CHECK_EQ(length, 2 * 44);
    package_free(package);
    pdo_destroy(pdo);
}
TEST(a_driver_reads_the_properties_of_its_device)
{
    CHECK_EQ(nt_run(properties, NULL), 0);
}

static void forget(void)
{
    make_pdo("0");
}
TEST(a_device_left_behind_is_listed)
{
    struct leaks leaks = { 0 };

    CHECK_EQ(nt_run(forget, &leaks), 1);
    CHECK_CONTAINS(leaks.lines[0], "device");
}
