/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver's line in xenstore: in the first free place of drivers/, whatever stands in the others; one line for two
 * adapters; written again after each migration, whichever adapter is notified; gone with the last adapter, and the
 * others' lines untouched.
 */
#include "story.h"
#include "story_presence.h"
#include "story_watch.h"

#include <stdio.h>
#include <stdlib.h>

enum { SECOND = 1000000000 };

static const char *read_line(struct story *story, uint32_t index)
{
    static char text[8][256];
    char path[64], *value;

    snprintf(path, sizeof(path), "drivers/%u", index);
    if (xen_store_read(story->bed.guest, 0, path, &value) != 0) {
        return NULL;
    }
    snprintf(text[index % 8], sizeof(text[0]), "%s", value);
    free(value);
    return text[index % 8];
}

static bool is_ours(const char *line)
{
    return line != NULL && strstr(line, " XENNET ") != NULL && strchr(line, '.') != NULL;
}

/* As a toolstack reads it (Xen's xenstore-paths, DISTRIBUTION): three words or four with one blank between them,
 * vendor, product and a version that sorts; what follows is text for people. */
static void parse(const char *line)
{
    const char *place = line;
    uint32_t word, number;
    size_t length;

    for (word = 0; word < 2; word++) {
        length = strspn(place, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_");
        CHECK(length != 0 && place[length] == ' ');
        CHECK(word == 0 || (length == 6 && memcmp(place, "XENNET", 6) == 0));
        place += length + 1;
    }
    for (number = 0; number < 4; number++) {
        length = strspn(place, "0123456789");
        CHECK(length != 0 && length <= 5);
        place += length;
        CHECK(number == 3 || *place++ == '.');
    }
    CHECK(*place == 0 || strcmp(place, " (DEBUG)") == 0);
}

static uint32_t count_ours(struct story *story)
{
    uint32_t i, found = 0;

    for (i = 0; i <= 255; i++) {
        found += is_ours(read_line(story, i));
    }
    return found;
}

static void put(struct story *story, uint32_t index, const char *line)
{
    char path[64];

    snprintf(path, sizeof(path), "drivers/%u", index);
    CHECK_EQ(xen_store_printf(story->bed.guest, 0, path, "%s", line), 0);
}

static void again(struct story *story)
{
    struct bed *bed = &story->bed;
    char error[512];

    bed->adapter = adapter_add(bed->driver, bed_pdo(bed), bed->package, error, sizeof(error));
    if (bed->adapter == NULL) {
        test_fail(__FILE__, __LINE__, "the adapter did not start: %s", error);
    }
    CHECK_EQ(adapter_restart(bed->adapter), NDIS_STATUS_SUCCESS);
}

static void words(struct story *story)
{
    parse(read_line(story, 1));
    story_count("%s", read_line(story, 1));
}

TEST(a_toolstack_reads_vendor_product_and_version_from_the_line)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED, .seed = test_seed(), .body = words });
}

static void places(struct story *story)
{
    edge_close(story->bed.edge);
    story->bed.edge = NULL;
    CHECK(strstr(read_line(story, 0), " XENVIF ") != NULL); /* XenVif was first */
    CHECK(is_ours(read_line(story, 1)));
    adapter_remove(story->bed.adapter);
    CHECK_EQ(count_ours(story), 0); /* the last adapter took it away */

    put(story, 0, "somebody XENVBD 9.0.0 1");
    put(story, 1, "somebody XENIFACE 9.0.0 3");
    put(story, 3, "somebody XENVIF 9.0.0 2");
    put(story, 10, "somebody else");
    CHECK_EQ(xen_store_printf(story->bed.guest, 0, "drivers/02", "%s", "no index"), 0);
    CHECK_EQ(xen_store_printf(story->bed.guest, 0, "drivers/text", "%s", "no index"), 0);
    again(story);
    CHECK(is_ours(read_line(story, 2)));
    CHECK_EQ(count_ours(story), 1);

    /* A place in front of it becomes free: the line stays the only one, after a migration that keeps the store too. */
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, "drivers/1"), 0);
    CHECK_EQ(bed_migrate(&story->bed), 0);
    CHECK(is_ours(read_line(story, 2)));
    CHECK_EQ(count_ours(story), 1);

    adapter_remove(story->bed.adapter);
    CHECK_EQ(count_ours(story), 0);
    CHECK_STR(read_line(story, 0), "somebody XENVBD 9.0.0 1");
    CHECK_STR(read_line(story, 3), "somebody XENVIF 9.0.0 2");
    CHECK_STR(read_line(story, 10), "somebody else");
    again(story);
    CHECK(is_ours(read_line(story, 2))); /* XenVif's line is the one before it since the migration */
    story_count("first free place, one line, gone with the last adapter, others' lines untouched");
}

TEST(the_drivers_line_takes_the_first_free_place_and_goes_with_the_last_adapter)
{
    story_everywhere(&(struct story_plan){ .body = places }, 5);
}

/* An index of one, two and three digits is written and found as people write it, and with all taken there is no line.
 */
static void indexes(struct story *story)
{
    static const uint32_t all[] = { 7, 9, 10, 11, 42, 99, 100, 101, 110, 199, 205, 255 };

    edge_close(story->bed.edge);
    story->bed.edge = NULL;
    adapter_remove(story->bed.adapter);
    for (uint32_t i = 0, next = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        for (; next < all[i]; next++) {
            put(story, next, "somebody else");
        }
        again(story);
        CHECK(is_ours(read_line(story, all[i])));
        CHECK_EQ(count_ours(story), 1);
        CHECK_EQ(xen_store_remove(story->bed.guest, 0, "drivers/3"), 0); /* a hole before the line */
        CHECK_EQ(bed_migrate(&story->bed), 0);
        CHECK(is_ours(read_line(story, all[i])));
        CHECK_EQ(count_ours(story), 1);
        put(story, 3, "somebody else");
        adapter_remove(story->bed.adapter);
        CHECK_EQ(count_ours(story), 0);
    }
    put(story, 255, "somebody else");
    again(story);
    CHECK_EQ(count_ours(story), 0);
}

TEST(the_drivers_line_has_an_index_of_up_to_three_digits)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED, .seed = test_seed(), .body = indexes });
}

/* Nobody else has a line, as behind a XenVif that writes none. */
static void alone(struct story *story)
{
    edge_close(story->bed.edge);
    story->bed.edge = NULL;
    adapter_remove(story->bed.adapter);
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, "drivers"), 0);
    again(story);
    CHECK(is_ours(read_line(story, 0)));
    CHECK_EQ(count_ours(story), 1);
    adapter_remove(story->bed.adapter);
    CHECK_EQ(count_ours(story), 0);
    again(story);
}

TEST(the_drivers_line_alone_is_the_first_one)
{
    story_once(alone, 1);
}

/* It wakes up on another host, whose xenstore has no drivers/, and goes on to a third. */
static void hibernated(struct story *story)
{
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD3), NDIS_STATUS_SUCCESS);
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, "drivers"), 0);
    CHECK_EQ(bed_sleep(&story->bed, true, NULL, NULL), 0);
    CHECK_EQ(adapter_set_power(story->bed.adapter, NdisDeviceStateD0), NDIS_STATUS_SUCCESS);
    CHECK_EQ(count_ours(story), 1);
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, "drivers"), 0);
    CHECK_EQ(bed_migrate(&story->bed), 0);
    CHECK_EQ(count_ours(story), 1);
}

TEST(the_drivers_line_is_written_again_after_hibernation)
{
    story_run(&(struct story_plan){ .kind = SCHED_SIMULATED,
                                    .seed = test_seed(),
                                    .stand_in = "XenVif's scan thread uses STORE after it was released for D3",
                                    .edge_buffers = 16,
                                    .body = hibernated });
}

/* --- two adapters --- */

static void two(struct story *story)
{
    struct xen_vif_config config = story->bed.vif_config;
    struct vif_options options = { .release = story->options.release,
                                   .version = story->options.vif_version,
                                   .queues = 1,
                                   .vendor = "XP0002",
                                   .handle = 1 };
    struct netback_options backend;
    struct port *port = memory_port_create(1, 16);
    struct package *package;
    struct netback *netback;
    struct adapter *second;
    struct vif *vif;
    char error[512];
    uint32_t round;

    (void)STORY_STAND_IN(story); /* an image takes the second device for its own */
    config.handle = 1;
    config.vif_name = "vif1.1";
    config.mac[5] = 2;
    xen_toolstack_add_vif(story->bed.host, &config);
    backend = (struct netback_options){ .vif = config, .queues = 1, .mtu = 1500, .speed_mbps = 1000 };
    netback = netback_create(story->bed.dom0, port, &backend);
    vif = vif_create(story->bed.guest, &options);
    package = package_install(vif_pdo(vif), story->options.inf_path, NULL, error, sizeof(error));
    CHECK(netback != NULL && package != NULL);
    second = adapter_add(story->bed.driver, vif_pdo(vif), package, error, sizeof(error));
    CHECK(second != NULL);
    CHECK_EQ(count_ours(story), 1);
    for (round = 0; round < 20; round++) {
        CHECK_EQ(xen_store_remove(story->bed.guest, 0, "drivers"), 0); /* the new host's store has no such line */
        if (round % 3 == 0) {
            put(story, 0, "somebody faster");
        }
        CHECK_EQ(vif_suspend_resume(round % 2 == 0 ? vif : STORY_STAND_IN(story)), 0);
        CHECK_EQ(count_ours(story), 1);
        CHECK(is_ours(read_line(story, round % 3 == 0 ? 2 : 1)));
    }
    edge_close(story->bed.edge);
    story->bed.edge = NULL;
    adapter_remove(story->bed.adapter);
    CHECK_EQ(count_ours(story), 1); /* the second still needs it */
    CHECK_EQ(vif_suspend_resume(vif), 0);
    CHECK_EQ(count_ours(story), 1);
    adapter_remove(second);
    CHECK_EQ(count_ours(story), 0);
    again(story);
    package_free(package);
    vif_destroy(vif);
    netback_destroy(netback);
    port_destroy(port);
    story_count("two adapters: 21 migrations, the line written again by the one that heard, gone with the last");
}

TEST(after_a_migration_either_of_two_adapters_writes_the_line_again)
{
    story_everywhere(&(struct story_plan){ .body = two }, 5);
}

static void two_adapters(struct story *story)
{
    struct xen_vif_config config = story->bed.vif_config;
    struct vif_options options = { .version = 10, .queues = 1, .vendor = "XP0002", .handle = 1 };
    struct netback_options backend;
    struct port *port = memory_port_create(1, 16);
    struct package *package;
    struct netback *netback;
    struct adapter *second;
    struct vif *vif;
    char error[512];

    config.handle = 1;
    config.vif_name = "vif1.1";
    config.mac[5] = 2;
    xen_toolstack_add_vif(story->bed.host, &config);
    backend = (struct netback_options){ .vif = config, .queues = 1, .mtu = 1500, .speed_mbps = 1000 };
    netback = netback_create(story->bed.dom0, port, &backend);
    vif = vif_create(story->bed.guest, &options);
    package = package_install(vif_pdo(vif), story->options.inf_path, NULL, error, sizeof(error));
    CHECK(netback != NULL && package != NULL);
    second = adapter_add(story->bed.driver, vif_pdo(vif), package, error, sizeof(error));
    if (second == NULL) {
        test_fail(__FILE__, __LINE__, "no second adapter: %s", error);
    }
    CHECK_EQ(presence_driver_lines(story), 1); /* one driver, one line */
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, "drivers"), 0);
    CHECK_EQ(presence_driver_lines(story), 0);
    CHECK_EQ(vif_suspend_resume(vif), 0); /* the second adapter's callback alone writes it again */
    CHECK_EQ(presence_driver_lines(story), 1);
    CHECK_EQ(xen_store_remove(story->bed.guest, 0, "drivers"), 0);
    CHECK_EQ(bed_migrate(&story->bed), 0); /* and so does the first's */
    CHECK_EQ(presence_driver_lines(story), 1);
    adapter_remove(second);
    CHECK_EQ(presence_driver_lines(story), 1); /* the first still needs it */
    package_free(package);
    vif_destroy(vif);
    (void)netback_wait_connected(netback, false, 5ull * SECOND);
    port_stop(port);
    netback_destroy(netback);
    port_destroy(port);
    xen_toolstack_remove_vif(story->bed.host, &config);
}

TEST(the_version_is_published_again_after_migration_by_each_of_two_adapters)
{
    story_once(two_adapters, 1);
}
