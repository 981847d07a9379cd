/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bus driver's image on the XenBus device: a small one, compiled here (tests/support/drivers/bus), that uses every
 * interface and every way of PnP and power. Over many seeds: devices come and go in xenstore, the machine migrates and
 * sleeps, and nothing is left behind.
 */
#include "busdriver/busdriver.h"

#include "image_fixture.h"
#include "nt/check/debug.h"
#include "nt/registry/registry.h"
#include "xen/embedded/backend.h"

enum { SEEDS = 40, PAGES = 256, QUEUES = 3, MAX_WORKERS = 8, SECOND = 1000000000 };

static const char imports[] = "ExAcquireSpinLockExclusive\nExAcquireSpinLockShared\nExAllocatePoolWithTag\nExFreePool\n"
                              "ExReleaseSpinLockExclusive\nExReleaseSpinLockShared\nIoAttachDeviceToDeviceStack\n"
                              "IoBuildSynchronousFsdRequest\nIoCreateDevice\nIoDeleteDevice\nIoDetachDevice\n"
                              "IoInvalidateDeviceRelations\nIofCallDriver\nIofCompleteRequest\n"
                              "KeAcquireSpinLockAtDpcLevel\nKeInitializeEvent\nKeReleaseSpinLockFromDpcLevel\n"
                              "KeSetEvent\nKeWaitForSingleObject\nMmAllocatePagesForMdl\nMmFreePagesFromMdl\n"
                              "ObReferenceObjectByHandle\nObfDereferenceObject\nObfReferenceObject\n"
                              "PoRequestPowerIrp\nPoSetPowerState\nPsCreateSystemThread\n"
                              "PsTerminateSystemThread\nPsThreadType DATA\nZwClose";

static const char inf[] = "[Version]\n"
                          "Signature = \"$Windows NT$\"\n"
                          "Class = System\n"
                          "ClassGUID = {4d36e97d-e325-11ce-bfc1-08002be10318}\n"
                          "Provider = Test\n"
                          "DriverVer = 01/01/2025,1.0.0.0\n"
                          "[Manufacturer]\n"
                          "Test = Models,NTamd64\n"
                          "[Models.NTamd64]\n"
                          "Bus = Install,XENBUS\\VEN_XP0002&DEV_VIF&REV_09000003\n"
                          "[Install]\n"
                          "CopyFiles = Files\n"
                          "[Files]\n"
                          "bus.sys\n"
                          "[Install.Services]\n"
                          "AddService = testbus,2,Service\n"
                          "[Service]\n"
                          "ServiceType = 1\n"
                          "StartType = 3\n"
                          "ErrorControl = 1\n"
                          "ServiceBinary = %12%\\bus.sys\n";

static struct {
    const char *image, *inf;
    void (*body)(struct busdriver *bus);
    struct xen_host *host;
    struct xen *guest, *dom0;
    char said[256];
} at;

static struct xen_vif_config vif(uint32_t handle)
{
    return (struct xen_vif_config){
        .guest = 1, .handle = handle, .mac = { 0, 0x16, 0x3e, 0, 0, (uint8_t)handle }, .vif_name = "vif1.0"
    };
}

static void plug(uint32_t handle)
{
    struct xen_vif_config config = vif(handle);

    CHECK_EQ(xen_toolstack_add_vif(at.host, &config), 0);
}

static void unplug(uint32_t handle)
{
    struct xen_vif_config config = vif(handle);

    CHECK_EQ(xen_toolstack_remove_vif(at.host, &config), 0);
}

static void machine(void *unused)
{
    struct xen_host_options host = { PAGES, 64, false };
    struct busdriver_options options = { at.image, at.inf, QUEUES, 1 };
    struct leaks leaks = { 0 };
    struct busdriver *bus;
    char error[600] = "";

    (void)unused;
    nt_start(2);
    at.host = xen_host_create(&host);
    at.dom0 = xen_domain_create(at.host, 0);
    at.guest = xen_domain_create(at.host, 1);
    plug(0);
    bus = busdriver_start(at.guest, &options, error, sizeof(error));
    if (bus == NULL) {
        test_fail(__FILE__, __LINE__, "%s", error);
    }
    at.body(bus);
    busdriver_stop(bus, &leaks);
    nt_leaks(&leaks);
    xen_leaks(at.guest, &leaks);
    for (size_t i = 0; i < leaks.count; i++) {
        fprintf(stderr, "# left behind: %s\n", leaks.lines[i]);
    }
    CHECK_EQ(leaks.count, 0);
    xen_domain_destroy(at.guest);
    xen_domain_destroy(at.dom0);
    xen_host_destroy(at.host);
    nt_stop();
}

/* `fault`: what the driver does wrong, as a definition for its compiler; "" nothing. */
static void build(const char *fault)
{
    char options[600];

    snprintf(options, sizeof(options),
             "--target=x86_64-w64-windows-gnu -fno-builtin -fms-extensions "
             "-isystem $(clang-16 -print-resource-dir)/include -isystem /usr/share/mingw-w64/include "
             "-isystem /usr/share/mingw-w64/include/ddk -D_WIN32_WINNT=0x0601 %s",
             fault);
    at.image = fixture_driver("bus", imports, options, "");
    fixture_write("bus.inf", inf, sizeof(inf) - 1);
    at.inf = fixture_path("bus.inf");
}

static void run(void (*body)(struct busdriver *bus), uint32_t usual)
{
    build("");
    at.body = body;
    for (uint32_t i = 0, seeds = test_seeds(usual); i < seeds; i++) {
        struct sched_options options = { .kind = SCHED_SIMULATED,
                                         .seed = test_seed_given() ? test_seed() : test_seed() + i };

        CHECK_EQ(sched_run(&options, machine, NULL), 0);
    }
}

/* --- found and identified --- */

static void identified(struct busdriver *bus)
{
    struct device *child = busdriver_child(bus, 0);
    uint32_t queues = 0;

    CHECK_STR(busdriver_name(bus), "bus.sys");
    CHECK_EQ(busdriver_children(bus), 1);
    CHECK_STR(device_instance_path(child), "TESTBUS\\NET\\0");
    CHECK_STR(device_ids(child)->hardware_ids[0], "TESTBUS\\NET");
    CHECK(busdriver_child(bus, 1) == NULL);
    CHECK_EQ(busdriver_vif_version(child), 0);
    CHECK(registry_get_dword("\\Registry\\Machine\\System\\CurrentControlSet\\Services\\testbus\\Parameters",
                             "FrontendMaxQueues", &queues));
    CHECK_EQ(queues, QUEUES);
}
TEST(every_interface_is_used_and_the_device_identified)
{
    run(identified, SEEDS);
}

/* --- hot plug --- */

static void devices_come_and_go(struct busdriver *bus)
{
    char error[300];

    plug(1);
    CHECK(busdriver_wait_children(bus, 2, 10ull * SECOND, error, sizeof(error)));
    plug(3);
    unplug(0);
    CHECK(busdriver_wait_children(bus, 2, 10ull * SECOND, error, sizeof(error)));
    while (strcmp(device_instance_path(busdriver_child(bus, 0)), "TESTBUS\\NET\\1") != 0 ||
           strcmp(device_instance_path(busdriver_child(bus, 1)), "TESTBUS\\NET\\3") != 0) {
        uint32_t never = 0;

        (void)sched_wait(&never, 0, sched_now() + SECOND / 100);
        CHECK(busdriver_wait_children(bus, 2, 10ull * SECOND, error, sizeof(error)));
    }
    CHECK(!busdriver_wait_children(bus, 4, SECOND / 10, error, sizeof(error)));
    CHECK_CONTAINS(error, "bus.sys lists 2 network devices, not 4");
    unplug(1);
    unplug(3);
    CHECK(busdriver_wait_children(bus, 0, 10ull * SECOND, error, sizeof(error)));
}
TEST(devices_come_and_go_with_xenstore)
{
    run(devices_come_and_go, SEEDS);
}

/* --- migration and sleep --- */

static void keep_line(void *unused, const char *line)
{
    (void)unused;
    if (strstr(line, "bus: children") != NULL) {
        snprintf(at.said, sizeof(at.said), "%s", strstr(line, "bus: children"));
    }
}

static uint32_t away_count;

static void away(void *context)
{
    CHECK(context == &away_count);
    away_count++;
}

static void away_and_back(struct busdriver *bus)
{
    away_count = 0;
    xenbus_on_suspend(busdriver_xenbus(bus), away, &away_count);
    xenbus_suspend_resume(busdriver_xenbus(bus));
    CHECK_EQ(busdriver_sleep(bus, false, away, &away_count), 0);
    CHECK_EQ(busdriver_sleep(bus, true, away, &away_count), 0);
    xenbus_suspend_resume(busdriver_xenbus(bus));
    CHECK_EQ(away_count, 4);
    xenbus_debug_request(busdriver_xenbus(bus));
    debug_each_line(keep_line, NULL);
    CHECK_CONTAINS(at.said, "bus: children 1 early 2 late 2 sleeps 2");
}
TEST(a_machine_that_migrates_and_sleeps_is_announced_to_the_bus_driver)
{
    run(away_and_back, SEEDS);
}

/* In the middle of a DPC, or with a spin lock, on any processor. */
static uint32_t inside, over, met;

static void work(void *unused)
{
    (void)unused;
    while (__atomic_load_n(&over, __ATOMIC_SEQ_CST) == 0) {
        uint32_t never = 0;
        uint8_t irql = irql_raise(DISPATCH_LEVEL);

        __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        (void)sched_wait(&never, 0, sched_now() + SECOND / 1000000);
        __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
        irql_lower(irql);
        (void)sched_wait(&never, 0, sched_now() + SECOND / 1000000);
    }
}

static void look(void *unused)
{
    uint32_t never = 0;

    (void)unused;
    CHECK_EQ(irql_current(), DISPATCH_LEVEL);
    for (uint32_t i = 0; i < 50; i++) {
        met += __atomic_load_n(&inside, __ATOMIC_SEQ_CST);
        (void)sched_wait(&never, 0, sched_now() + SECOND / 1000000);
    }
}

static void migrate_beside_work(struct busdriver *bus)
{
    struct task *tasks[MAX_WORKERS];
    uint32_t count = processor_count() < MAX_WORKERS ? processor_count() : MAX_WORKERS;

    inside = over = met = 0;
    for (uint32_t i = 0; i < count; i++) {
        tasks[i] = task_spawn("worker", i, work, NULL);
    }
    xenbus_on_suspend(busdriver_xenbus(bus), look, NULL);
    for (uint32_t i = 0; i < 5; i++) {
        xenbus_suspend_resume(busdriver_xenbus(bus));
    }
    __atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < count; i++) {
        task_join(tasks[i]);
    }
    CHECK_EQ(met, 0);
    CHECK_EQ(irql_current(), PASSIVE_LEVEL);
}
TEST(a_migration_holds_every_processor)
{
    run(migrate_beside_work, SEEDS);
}

TEST(the_same_image_runs_in_a_live_run)
{
    struct sched_options live = { .kind = SCHED_LIVE, .seed = 1 };

    run(identified, 1);
    at.body = away_and_back;
    CHECK_EQ(sched_run(&live, machine, NULL), 0);
}

/* --- rules --- */

static void started(struct busdriver *bus)
{
    (void)bus;
}

static void run_faulty(void *fault)
{
    struct sched_options options = { .kind = SCHED_SIMULATED, .seed = test_seed() };

    build(fault);
    at.body = started;
    (void)sched_run(&options, machine, NULL);
}

TEST(a_bus_driver_that_refuses_to_go_is_found)
{
    EXPECT_RULE("pnp", run_faulty, (void *)"-DREFUSES_TO_GO");
}

TEST(a_bus_driver_that_stays_on_the_stack_is_found)
{
    EXPECT_RULE("pnp", run_faulty, (void *)"-DSTAYS_ON_THE_STACK");
}
