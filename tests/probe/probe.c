/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Asks a XenVif (probe.h) and prints the answers, as a test with options of its own; scripts/check/probe.py compares
 * them.
 *
 *   probe --like RELEASE                                              the stand-in, as that release
 *   probe --xenvif FILE --xenvif-inf FILE --inf FILE --vif N          an image, and the driver's INF
 *   probe ... --without N                                             the backend lacks this feature
 */
#include "probe.h"

#include <stdarg.h>
#include <stdlib.h>

#include "nt/check/rule.h"
#include "nt/export/version.h"
#include "xenvif/offer/release.h"

static struct vif_bed_options options;

void probe_answer(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("answer: ", stdout);
    vprintf(format, arguments);
    va_end(arguments);
    puts("");
    fflush(stdout);
}

/* FNV-1a. */
uint32_t probe_fingerprint(const uint8_t *bytes, uint32_t size)
{
    uint32_t hash = 2166136261u;

    for (uint32_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * 16777619u;
    }
    return hash;
}

void probe_wait(uint32_t milliseconds)
{
    sched_sleep((uint64_t)milliseconds * (SECOND / 1000));
}

void probe_options(struct probe *probe, uint16_t value)
{
    ((vb_options *)probe->bed.vifi.ReceiverSetOffloadOptions)(&probe->bed.vifi,
                                                              (struct XENVIF_VIF_OFFLOAD_OPTIONS_V1){ .Value = value });
}

static void seen(struct vif_bed *bed, uint32_t type, const struct XENVIF_VIF_CALLBACK_PARAMETERS_V10 *p)
{
    struct probe *probe = (struct probe *)bed;

    if (type == XENVIF_TRANSMITTER_RETURN_PACKET) {
        probe->completion =
            *(const struct XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *)p->TransmitterReturnPacket.Completion;
    } else if (type == XENVIF_RECEIVER_QUEUE_PACKET && bed->received_count < VIF_BED_PACKETS) {
        probe->received_at[bed->received_count] = irql_current();
    } else if (type == XENVIF_MAC_STATE_CHANGE) {
        probe->mac_changes++;
        probe->mac_changes_below_dispatch += irql_current() < DISPATCH_LEVEL;
    }
}

static int32_t enable(struct probe *probe)
{
    return ((vb_enable *)probe->bed.vifi.Enable)(&probe->bed.vifi, vb_callback_of(&probe->bed), &probe->bed);
}

static void bind(struct probe *probe)
{
    struct vif_bed *bed = &probe->bed;

    CHECK_EQ(pnp_query_interface(device_object(vb_pdo(bed)), vb_guid(), (uint16_t)bed->version, &bed->vifi,
                                 sizeof(bed->vifi)),
             0);
    CHECK_EQ(((vb_acquire *)bed->vifi.Acquire)(&bed->vifi), 0);
    probe->state = "connected";
}

static void ask_versions(struct probe *probe)
{
    for (uint16_t version = 1; version < 12; version++) {
        struct XENVIF_VIF_INTERFACE_V10 table = { 0 };
        const int32_t status =
            pnp_query_interface(device_object(vb_pdo(&probe->bed)), vb_guid(), version, &table, sizeof(table));

        probe_answer("VIF version %u: %s", version, status == 0 ? "answered" : "refused");
    }
}

static void ask_all(struct probe *probe)
{
    struct vif_bed *bed = &probe->bed;

    ask_versions(probe);
    bind(probe);
    probe_queries(probe);
    vb_filter_all(bed);
    probe_answer("enable: %#x", (uint32_t)enable(probe));
    probe_answer("enable again: %#x", (uint32_t)enable(probe));
    probe_wait(500);
    probe_answer("link changes after enable: %s, %s", probe->mac_changes != 0 ? "some" : "none",
                 probe->mac_changes_below_dispatch != 0 ? "below DISPATCH_LEVEL" : "at DISPATCH_LEVEL");
    probe->state = "enabled";
    bed->keep = true;
    probe_queries(probe);
    probe_received(probe);
    probe_sent(probe);
    probe_batch(probe);
    probe_statistics(probe);
    probe_filter(probe);
    probe_hash(probe);
    probe_mac(probe);
    ((vb_release *)bed->vifi.Disable)(&bed->vifi);
    probe->state = "disabled";
    probe_queries(probe);
    probe_sent_while_disabled(probe);
    ((vb_release *)bed->vifi.Release)(&bed->vifi);
}

/* What is offered when the backend lacks a feature. */
static void ask_lacking(struct probe *probe)
{
    int32_t status;

    bind(probe);
    probe_queries(probe);
    status = enable(probe);
    probe_answer("enable: %#x", (uint32_t)status);
    probe->state = "enabled";
    probe_queries(probe);
    if (status == 0) {
        ((vb_release *)probe->bed.vifi.Disable)(&probe->bed.vifi);
    }
    ((vb_release *)probe->bed.vifi.Release)(&probe->bed.vifi);
}

static void main_task(void *argument)
{
    void (*const *ask)(struct probe *probe) = argument;
    struct probe *probe = calloc(1, sizeof(*probe));

    rule_be_lenient(true); /* what a release does not refuse is its answer */
    vb_start(&probe->bed, &options);
    probe->bed.seen = seen;
    (*ask)(probe);
    vb_stop(&probe->bed);
    free(probe);
}

static void run(void (*ask)(struct probe *probe))
{
    const struct sched_options simulated = { .kind = SCHED_SIMULATED, .seed = 1 };

    CHECK_EQ(sched_run(&simulated, main_task, &ask), 0);
}

bool test_option(const char *name, const char *value)
{
    if (strcmp(name, "--like") == 0) {
        options.release = vif_release_find(value);
        return options.release != NULL;
    }
    if (strcmp(name, "--xenvif") == 0) {
        options.xenvif = value;
    } else if (strcmp(name, "--xenvif-inf") == 0) {
        options.xenvif_inf = value;
    } else if (strcmp(name, "--inf") == 0) {
        options.inf = value;
    } else if (strcmp(name, "--vif") == 0) {
        options.version = (uint32_t)atoi(value);
    } else if (strcmp(name, "--without") == 0) {
        options.without = 1u << atoi(value);
    } else {
        return false;
    }
    return true;
}

TEST(every_question_has_an_answer)
{
    CHECK(options.release != NULL || (options.xenvif != NULL && options.xenvif_inf != NULL && options.inf != NULL));
    options.queues = 2;
    if (options.version == 0) {
        options.version = options.release != NULL ? options.release->newest : 10;
    }
    windows_simulate(windows_version_find("10-22h2"));
    rule_be_lenient(true);
    run(options.without != 0 ? ask_lacking : ask_all);
}
