/* SPDX-License-Identifier: BSD-2-Clause */
/* The built INFs on every Windows that the testbed simulates: which section each device gets, and what that writes. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "harness.h"
#include "nt/install/inf.h"
#include "nt/io/pnp.h"
#include "nt/registry/registry.h"
#include "nt/export/version.h"
#include "nt_run.h"

#include "../include/revision.h"

#define SERVICES "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\"

struct expected {
    uint32_t revision, vif, store, suspend;
};

#define ROW(revision, vif, store, suspend) { revision, vif, store, suspend },
static const struct expected revisions[] = { XENVIF_REVISION_TABLE(ROW) };
static const char *const vendors[] = { "XP0001", "XP0002", "XPC000", "XS0001", "XS0002",
                                       "XSC000", "XN0001", "XN0002", "XNC000" };
enum { REVISIONS = sizeof(revisions) / sizeof(revisions[0]), VENDORS = sizeof(vendors) / sizeof(vendors[0]) };

static const char *built_inf(const char *folder)
{
    static char path[4096];

    snprintf(path, sizeof(path), "%s/xennet/%s/xennet.inf", test_root(), folder);
    if (access(path, R_OK) != 0) {
        test_skip("xennet/x64 has no built driver: run ./build.py free");
    }
    return path;
}

static void id_of(char *id, size_t size, const char *vendor, uint32_t revision)
{
    snprintf(id, size, "XENVIF\\VEN_%s&DEV_NET&REV_%08X", vendor, revision);
}

static bool is_old(const struct windows_version *windows)
{
    return windows->major < 10;
}

static const char *package_of(const struct windows_version *windows)
{
    return built_inf(is_old(windows) ? "windows7/x64" : "x64");
}

static const char *section_of(const struct windows_version *windows)
{
    return windows->build < 19041   ? "XenNet_Inst"
           : windows->build < 22000 ? "XenNet_Inst_19041"
           : windows->build < 25398 ? "XenNet_Inst_22000"
           : windows->build < 26100 ? "XenNet_Inst_Isolated"
                                    : "XenNet_Inst_26100";
}

TEST(every_device_and_revision_gets_its_section_on_every_windows)
{
    char error[6000] = "";

    for (const struct windows_version *windows = windows_versions; windows->name != NULL; windows++) {
        struct inf *inf = inf_open(package_of(windows), error, sizeof(error));

        CHECK_STR(error, "");
        windows_simulate(windows);
        for (int i = 0; i < VENDORS * REVISIONS; i++) {
            const struct expected *revision = &revisions[i % REVISIONS];
            char id[64];
            const char *const ids[] = { id, NULL };
            struct inf_model model;

            id_of(id, sizeof(id), vendors[i / REVISIONS], revision->revision);
            CHECK(inf_select(inf, ids, NULL, &model, error, sizeof(error)));
            CHECK_STR(model.section, section_of(windows));
        }
        inf_close(inf);
    }
}

TEST(no_windows_takes_the_package_for_the_others)
{
    char error[6000] = "", id[64];
    const char *const ids[] = { id, NULL };

    id_of(id, sizeof(id), "XP0001", revisions[0].revision);
    for (const struct windows_version *windows = windows_versions; windows->name != NULL; windows++) {
        struct inf *inf = inf_open(built_inf(is_old(windows) ? "x64" : "windows7/x64"), error, sizeof(error));
        struct inf_model model;

        windows_simulate(windows);
        CHECK(!inf_select(inf, ids, NULL, &model, error, sizeof(error)));
        CHECK_CONTAINS(error, is_old(windows) ? "has no models for x64" : "no model for");
        inf_close(inf);
    }
}

TEST(a_provider_of_all_revisions_gets_the_newest)
{
    char error[900] = "", id[REVISIONS][64];
    const char *ids[REVISIONS + 1] = { NULL };
    struct inf *inf = inf_open(built_inf("x64"), error, sizeof(error));
    struct inf_model model;

    for (int i = 0; i < REVISIONS; i++) {
        id_of(id[i], sizeof(id[i]), "XSC000", revisions[REVISIONS - 1 - i].revision);
        ids[i] = id[i];
    }
    windows_simulate(windows_version_find("11-24h2"));
    CHECK(inf_select(inf, ids, ids, &model, error, sizeof(error)));
    CHECK_STR(model.matched_id, id[0]);
    inf_close(inf);
}

TEST(a_device_of_an_older_provider_gets_nothing)
{
    static const char *const ids[] = { "XENVIF\\VEN_XP0001&DEV_NET&REV_0800000C", "XENVIF\\VEN_XP0001&DEV_NET",
                                       "XENDEVICE", NULL };
    char error[6000] = "";
    struct inf *inf = inf_open(built_inf("x64"), error, sizeof(error));
    struct inf_model model;

    CHECK(!inf_select(inf, ids, ids, &model, error, sizeof(error)));
    CHECK_CONTAINS(error, "REV_0800000C");
    inf_close(inf);
}

static int32_t no_interface(void *context, const uint8_t guid[16], uint16_t version, void *interface, uint16_t size)
{
    (void)context, (void)guid, (void)version, (void)interface, (void)size;
    return (int32_t)0xc00000bb;
}

static const struct pdo_ops ops = { no_interface };
static const struct expected *installing;

static void install_and_look(void)
{
    char error[900] = "", id[64], text[300];
    const char *const ids[] = { id, NULL };
    struct pdo_ids names = { id, ids, ids, "0", "0" };
    uint32_t number = 0;
    struct device *pdo;
    struct package *package;

    id_of(id, sizeof(id), "XS0002", installing->revision);
    pdo = pdo_create(&names, &ops, NULL);
    package = package_install(pdo, package_of(windows_simulated()), NULL, error, sizeof(error));
    CHECK_STR(error, "");
    CHECK(package != NULL);
    CHECK(registry_get_string(package->driver_key, "*RSS", text, sizeof(text)));
    CHECK(registry_get_dword(package->service_key, "BootFlags", &number));
    CHECK_EQ(number, 0x81);
    CHECK(!registry_key_exists(SERVICES "XENVIF")); /* another driver's; of old Windows the co-installer writes it */
    CHECK(registry_get_string(SERVICES "EventLog\\System\\xennet", "EventMessageFile", text, sizeof(text)));
    CHECK_CONTAINS(text, "\\xennet.sys;%SystemRoot%\\System32\\netevent.dll");
    package_free(package);
    pdo_destroy(pdo);
}

TEST(an_installation_writes_no_key_of_another_driver)
{
    built_inf("x64");
    for (const struct windows_version *windows = windows_versions; windows->name != NULL; windows++) {
        for (size_t i = 0; i < REVISIONS; i++) {
            installing = &revisions[i];
            windows_simulate(windows);
            CHECK_EQ(nt_run(install_and_look, NULL), 0);
        }
    }
}
