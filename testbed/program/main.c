/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The testbed program: two network namespaces joined only by the driver under test (or by nothing but a pair of pumps,
 * with --bypass). Runs until stdin is closed or it gets SIGINT or SIGTERM; reports what happens on stdout (report.h).
 * On a real Xen, SIGUSR1 has it get ready for its domain to be suspended, SIGUSR2 go on in the resumed one. A byte on
 * stdin switches the joining of received datagrams (URO): '+' on, '-' off.
 *
 * Exit status: 0 clean, 1 something was left behind or failed, 2 bad input, 3 a rule was broken (nt/check/rule.h).
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "program/bed.h"
#include "program/namespace.h"
#include "nt/check/debug.h"
#include "nt/check/debugger.h"
#include "nt/check/rule_context.h"
#include "nt/memory/guard.h"
#include "nt/trace/etw.h"
#include "nt/export/version.h"
#include "program/options.h"
#include "program/placement.h"
#include "program/pump.h"
#include "program/report.h"
#include "run/timeline.h"
#include "xen/real/libxen.h"

enum { EXIT_CLEAN = 0, EXIT_FAILED = 1, EXIT_BAD_INPUT = 2, MILLISECOND = 1000000, LAST_PACKETS_BYTES = 128 };

#define GUEST_TAP           "xen0"
#define WIRE_TAP            "wire0"
#define REAL_BACKEND_DEVICE "vif0.0"

static const uint8_t guest_mac[6] = { 0x00, 0x16, 0x3e, 0x5e, 0x00, 0x01 };
static const uint8_t wire_mac[6] = { 0x00, 0x16, 0x3e, 0x5e, 0x00, 0xfe };

static struct {
    struct options options;
    struct report_ports ports;
    struct pcap *pcap;
    uint32_t stop; /* futex word: 1 once it is to stop */
    int asked;     /* atomic: SIGUSR1 or SIGUSR2 came, looked at once a second */
    int uro;       /* atomic: '+' or '-' came, likewise */
    int signals;
    int status;
} program;

/* True: it was a signal to stop. */
static bool take_signal(void)
{
    struct signalfd_siginfo info;

    if (read(program.signals, &info, sizeof(info)) != sizeof(info) ||
        (info.ssi_signo != SIGUSR1 && info.ssi_signo != SIGUSR2)) {
        return true;
    }
    __atomic_store_n(&program.asked, (int)info.ssi_signo, __ATOMIC_RELEASE);
    return false;
}

/* Waits outside the scheduler for stdin to close or for a signal, then wakes the main task. */
static void watch_for_stop(void *unused)
{
    struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = program.signals, .events = POLLIN } };
    char byte;

    (void)unused;
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR) {
            break;
        }
        if ((fds[1].revents & POLLIN) != 0 && take_signal()) {
            break;
        }
        if (fds[0].revents != 0) {
            if (read(STDIN_FILENO, &byte, 1) <= 0) {
                break;
            }
            __atomic_store_n(&program.uro, byte, __ATOMIC_RELEASE);
        }
    }
    __atomic_store_n(&program.stop, 1, __ATOMIC_RELEASE);
    sched_wake(&program.stop, 1);
}

/* The domain is about to be suspended, or was resumed. False: it cannot go on. */
static bool follow_the_domain(struct bed *bed)
{
    int asked = __atomic_exchange_n(&program.asked, 0, __ATOMIC_ACQ_REL);
    char error[256];

    if (asked != 0 && !program.options.real_xen) {
        fprintf(stderr, "testbed: only a domain of a real Xen is suspended from outside\n");
    } else if (asked == SIGUSR1) {
        vif_suspend(bed->vif);
        report_suspended();
    } else if (asked == SIGUSR2) {
        if (!libxen_resume(bed->guest, error, sizeof(error)) || !vif_resume(bed->vif, error, sizeof(error))) {
            report_error(error);
            program.status = EXIT_FAILED;
            return false;
        }
        report_resumed(xen_domid(bed->guest));
    }
    return true;
}

static void switch_uro(struct bed *bed)
{
    int asked = __atomic_exchange_n(&program.uro, 0, __ATOMIC_ACQ_REL);

    if (bed != NULL && (asked == '+' || asked == '-')) {
        report_uro(asked == '+', bed_set_uro(bed, asked == '+'));
    }
}

/* The next thing that happens to a driver without a wire. False: it has not come back from it. */
static bool live_on(struct bed *bed, struct life *life)
{
    char error[200];

    if (program.ports.life == NULL || life_step(life, bed->adapter)) {
        return true;
    }
    snprintf(error, sizeof(error), "the driver did not %s", life->unable);
    report_error(error);
    program.status = EXIT_FAILED;
    return false;
}

static void report_until_stopped(struct bed *bed)
{
    static struct life life;
    struct placement placement = { .ports = &program.ports, .bed = bed };
    uint64_t start = sched_now(), next = start;

    program.ports.life = bed != NULL && bed->root != NULL && program.options.life ? &life : NULL;
    report_ready(&program.options, &program.ports, bed);
    if (program.options.gather) {
        placement_begin(&placement);
    }
    while (__atomic_load_n(&program.stop, __ATOMIC_ACQUIRE) == 0) {
        next += program.options.sample_ms * (uint64_t)MILLISECOND;
        while (__atomic_load_n(&program.stop, __ATOMIC_ACQUIRE) == 0 && sched_wait(&program.stop, 0, next)) {
        }
        report_status(&program.options, sched_now() - start, &program.ports, bed);
        if (!follow_the_domain(bed) || !live_on(bed, &life)) {
            break;
        }
        switch_uro(bed);
    }
    if (program.options.gather) {
        placement_end(&placement);
    }
    report_keep(sched_now() - start, &program.ports, bed);
}

static void run_bypass(void)
{
    const struct port_features all = { true, true, true, true };
    struct leaks leaks = { 0 };
    struct pump *pump;

    port_set_features(program.ports.guest, &all);
    port_set_features(program.ports.wire, &all);
    pump = pump_start_bypass(program.ports.guest, program.ports.wire, program.pcap);
    program.ports.bypass = pump;
    report_until_stopped(NULL);
    port_stop(program.ports.guest);
    port_stop(program.ports.wire);
    pump_join(pump);
    report_end(&leaks, &leaks);
}

/* The guest's stack sends no more than the driver advertises. A longer MTU than the keyword's is the backend's. */
static bool follow_mtu(struct bed *bed, char *error, size_t size)
{
    struct adapter_facts facts;

    adapter_facts(bed->adapter, &facts);
    if (bed->root != NULL && facts.mtu > program.options.mtu) {
        return true; /* a medium of its own may take more than the guest's stack sends */
    }
    return facts.mtu == program.options.mtu ||
           tap_set_mtu(program.ports.guest_name, program.ports.guest_netns, facts.mtu, error, size);
}

static void run_driver(void)
{
    const struct options *options = &program.options;
    struct topology topology = topology_of(options->processors, options->group_size);
    struct bed_options bed_options = {
        .driver_path = options->driver,
        .inf_path = options->inf,
        .xenvif_path = options->xenvif,
        .xenvif_inf = options->xenvif_inf,
        .set = options->settings,
        .processors = options->processors,
        .topology = &topology,
        .queues = options->queues,
        .release = options->release,
        .vif_version = options->vif,
        .mtu = options->mtu,
        .backend_without = options->backend_without,
        .backend_rate = options->backend_rate,
        .strict_grants = options->strict_grants,
        .real_xen = options->real_xen,
        .edge_buffers = options->edge_buffers,
        .guest_port = program.ports.guest,
        .wire_port = program.ports.wire,
        .pcap = program.pcap,
    };
    struct leaks leaks = { 0 };
    struct bed bed;
    char error[1024];

    if (!bed_start(&bed, &bed_options, error, sizeof(error))) {
        report_error(error);
        program.status = EXIT_BAD_INPUT;
        return;
    }
    if (!follow_mtu(&bed, error, sizeof(error))) {
        report_error(error);
        program.status = EXIT_FAILED;
    } else {
        report_until_stopped(&bed);
    }
    bed_stop(&bed, &leaks);
    report_end(&leaks, &bed.known);
    leaks_free(&bed.known);
    if (leaks.count != 0) {
        program.status = EXIT_FAILED;
    }
    leaks_free(&leaks);
}

static void main_task(void *unused)
{
    struct task *watcher = task_spawn("stop", 0, watch_for_stop, NULL);

    (void)unused;
    if (program.options.bypass) {
        run_bypass();
    } else {
        run_driver();
    }
    if (__atomic_load_n(&program.stop, __ATOMIC_ACQUIRE) == 0) {
        kill(getpid(), SIGTERM); /* ends the watcher: nobody else would */
    }
    task_join(watcher);
}

static void write_last_packets(void)
{
    pcap_write_kept(program.pcap);
}

/* The newest frames alone, for a run that fails. */
static bool keep_last_packets(char *error, size_t size)
{
    program.pcap = pcap_create(program.options.last_packets, error, size);
    if (program.pcap == NULL) {
        return false;
    }
    pcap_limit(program.pcap, LAST_PACKETS_BYTES, 0);
    if (pcap_keep_newest(program.pcap)) {
        rule_last = write_last_packets;
    }
    return true;
}

static bool open_capture(char *error, size_t size)
{
    if (program.options.pcap == NULL) {
        return program.options.last_packets == NULL || keep_last_packets(error, size);
    }
    program.pcap = pcap_create(program.options.pcap, error, size);
    if (program.pcap == NULL) {
        return false;
    }
    pcap_limit(program.pcap, program.options.pcap_bytes, program.options.pcap_limit * 1000000ull);
    program.ports.pcap = program.pcap;
    return true;
}

static bool open_edges(char *error, size_t size)
{
    const struct options *options = &program.options;
    struct report_ports *ports = &program.ports;

    ports->guest_name = GUEST_TAP;
    ports->wire_name = WIRE_TAP;
    if ((ports->guest_netns = namespace_create(error, size)) < 0 ||
        (ports->wire_netns = namespace_create(error, size)) < 0) {
        return false;
    }
    ports->guest = tap_create(GUEST_TAP, ports->guest_netns, options->queues, options->mtu, guest_mac, error, size);
    if (ports->guest == NULL) {
        return false;
    }
    if (options->real_xen) {
        ports->wire_name = REAL_BACKEND_DEVICE; /* moved into the wire's namespace by whoever acts as the toolstack */
        return open_capture(error, size);
    }
    ports->wire = tap_create(WIRE_TAP, ports->wire_netns, options->queues, options->mtu, wire_mac, error, size);
    if (ports->wire == NULL) {
        return false;
    }
    return open_capture(error, size);
}

static bool catch_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    signal(SIGPIPE, SIG_IGN);
    program.signals = sigprocmask(SIG_BLOCK, &set, NULL) == 0 ? signalfd(-1, &set, SFD_CLOEXEC) : -1;
    return program.signals >= 0;
}

int main(int argc, char **argv)
{
    struct sched_options live = { .kind = SCHED_LIVE, .seed = 1 };
    char error[1024];
    int failed;

    if (!options_parse(&program.options, argc, argv, error, sizeof(error))) {
        report_error(error);
        return EXIT_BAD_INPUT;
    }
    if (program.options.help) {
        options_help();
        return EXIT_CLEAN;
    }
    if (program.options.wait_for_debugger) {
        debugger_wait();
    }
    if (!catch_signals()) {
        report_error("signals cannot be received through a descriptor: use a kernel with signalfd");
        return EXIT_BAD_INPUT;
    }
    windows_simulate(program.options.windows);
    debug_verbose(program.options.verbose);
    etw_enable(program.options.trace, 0, 0);
    etw_show(program.options.trace);
    rule_be_lenient(program.options.lenient);
    guard_pages = program.options.guard_pages;
    timeline_open(program.options.timeline);
    if (!open_edges(error, sizeof(error))) {
        report_error(error);
        return EXIT_BAD_INPUT;
    }
    if (sched_run(&live, main_task, NULL) != 0 && program.status == EXIT_CLEAN) {
        program.status = EXIT_FAILED;
    }
    port_destroy(program.ports.guest);
    if (program.ports.wire != NULL) {
        port_destroy(program.ports.wire);
    }
    failed = program.pcap != NULL ? pcap_close(program.pcap) : 0;
    if (failed != 0) {
        fprintf(stderr, "testbed: the capture could not be written whole: %s\n", strerror(-failed));
        program.status = EXIT_FAILED;
    }
    return program.status;
}
