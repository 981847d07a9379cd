/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the events of report.h. Called by main.c's tasks, one at a time. */
#include "program/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nt/export/version.h"
#include "program/report_series.h"

static char *kept_counters;
static char **kept_log;
static size_t kept_log_count;

static void put_string(FILE *out, const char *text)
{
    const unsigned char *c;

    fputc('"', out);
    for (c = (const unsigned char *)text; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\') {
            fprintf(out, "\\%c", *c);
        } else if (*c < ' ') {
            fprintf(out, "\\u%04x", *c);
        } else {
            fputc(*c, out);
        }
    }
    fputc('"', out);
}

static void put_list(FILE *out, const char *name, char **lines, size_t count)
{
    size_t i;

    fprintf(out, ",\"%s\":[", name);
    for (i = 0; i < count; i++) {
        fputs(i == 0 ? "" : ",", out);
        put_string(out, lines[i]);
    }
    fputc(']', out);
}

struct remarks {
    FILE *out;
    const char *comma;
};

static void put_remark(void *context, const char *text)
{
    struct remarks *remarks = context;

    fputs(remarks->comma, remarks->out);
    put_string(remarks->out, text);
    remarks->comma = ",";
}

static uint64_t resident_kb(void)
{
    uint64_t total = 0, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "r");

    if (statm != NULL) {
        if (fscanf(statm, "%" SCNu64 " %" SCNu64, &total, &resident) != 2) {
            resident = 0;
        }
        fclose(statm);
    }
    return resident * (uint64_t)sysconf(_SC_PAGESIZE) / 1024;
}

static uint32_t queues_used(struct bed *bed)
{
    uint64_t tx[MAX_QUEUES] = { 0 }, rx[MAX_QUEUES] = { 0 };
    uint32_t q, used = 0;

    if (bed->vif == NULL) {
        struct vif_counters vif;

        bed_vif_counters(bed, &vif);
        return vif.queues; /* a bus driver's image does not report which of them it used */
    }
    vif_queue_packets(bed->vif, tx, rx, bed->options->queues);
    for (q = 0; q < bed->options->queues; q++) {
        used += tx[q] + rx[q] != 0;
    }
    return used;
}

/* What went through, without a driver too. */
static void moved(const struct report_ports *ports, struct bed *bed, struct adapter_counters *adapter)
{
    struct pump_counters bypass;

    if (bed != NULL) {
        adapter_counters(bed->adapter, adapter);
        return;
    }
    pump_counters(ports->bypass, &bypass);
    adapter->tx_packets = bypass.out_packets;
    adapter->tx_bytes = bypass.out_bytes;
    adapter->rx_packets = bypass.in_packets;
    adapter->rx_bytes = bypass.in_bytes;
}

void report_moved(const struct report_ports *ports, struct bed *bed, uint64_t *packets, uint64_t *bytes)
{
    struct adapter_counters adapter = { 0 };

    moved(ports, bed, &adapter);
    *packets = adapter.tx_packets + adapter.rx_packets;
    *bytes = adapter.tx_bytes + adapter.rx_bytes;
}

static void put_counters(FILE *out, uint64_t elapsed_ns, const struct report_ports *ports, struct bed *bed)
{
    struct adapter_counters adapter = { 0 };
    struct vif_counters vif = { 0 };
    struct netback_counters netback = { 0 };
    struct port_counters guest, wire = { 0 };
    uint32_t used = 0;

    port_counters(ports->guest, &guest);
    if (ports->wire != NULL) {
        port_counters(ports->wire, &wire);
    }
    moved(ports, bed, &adapter);
    if (bed != NULL) {
        bed_vif_counters(bed, &vif);
        if (bed->netback != NULL) {
            netback_counters(bed->netback, &netback);
        }
        used = queues_used(bed);
    }
    fprintf(out, "\"seconds\":%.3f", (double)elapsed_ns / 1e9);
#define PUT(name, value) fprintf(out, ",\"" name "\":%" PRIu64, (uint64_t)(value))
    PUT("tx_packets", adapter.tx_packets);
    PUT("tx_bytes", adapter.tx_bytes);
    PUT("rx_packets", adapter.rx_packets);
    PUT("rx_bytes", adapter.rx_bytes);
    PUT("tx_ndis_calls", adapter.tx_calls);
    PUT("tx_completion_calls", adapter.tx_completion_calls);
    PUT("rx_ndis_calls", adapter.rx_calls);
    PUT("rx_return_calls", adapter.rx_return_calls);
    PUT("tx_completed", adapter.tx_completions);
    PUT("tx_failed", adapter.tx_failed);
    PUT("rx_low_resources", adapter.rx_low_resources);
    PUT("tx_lso", adapter.tx_lso);
    PUT("tx_uso", adapter.tx_uso);
    PUT("tx_checksum", adapter.tx_checksum);
    PUT("rx_coalesced", adapter.rx_coalesced);
    PUT("rx_joined", adapter.rx_joined);
    PUT("rx_joined_datagrams", adapter.rx_joined_datagrams);
    PUT("rx_checksum_good", adapter.rx_checksum_good);
    PUT("doorbells", vif.tx_doorbells + vif.rx_doorbells);
    PUT("tx_gso", vif.tx_gso);
    PUT("rx_gso", vif.rx_gso);
    PUT("tx_bounced", vif.tx_bounced);
    PUT("backend_tx_errors", netback.tx_errors);
    PUT("backend_rx_dropped", netback.rx_dropped);
    PUT("backend_tx_csum_wrong", netback.tx_csum_wrong);
    PUT("guest_refused", guest.send_refused);
    PUT("wire_refused", wire.send_refused);
    PUT("pcap_left_out", pcap_left_out(ports->pcap));
    PUT("rule_remarks", rule_remarks());
    fputs(",\"remarks\":[", out);
    rule_each_remark(put_remark, &(struct remarks){ out, "" });
    fputc(']', out);
    if (bed != NULL && adapter.tx_failed != 0) {
        fprintf(out, ",\"tx_failure\":\"%s\"", adapter_send_failure(bed->adapter));
    }
    PUT("queues_used", used);
    PUT("resident_kb", resident_kb());
#undef PUT
}

static void put_life(FILE *out, const struct life *life)
{
    if (life != NULL) {
        fprintf(out,
                ",\"life\":{\"rounds\":%u,\"oids\":%u,\"oids_answered\":%u,\"pauses\":%u,\"sleeps\":%u,\"resets\":%u}",
                life->rounds, life->asked, life->answered, life->pauses, life->sleeps, life->resets);
    }
}

/* What XenNet counts by itself, by two OIDs of its own, which no other driver is asked for. The values
 * stand in the driver's order: whoever reads the report has their names. */
static void put_driver(FILE *out, struct bed *bed)
{
    enum { OID_COUNTERS = 0xff584e01, OID_QUEUES = 0xff584e02, COUNTERS = 64, QUEUE_VALUES = 1 + 2 * MAX_QUEUES };
    uint64_t counters[COUNTERS], queues[QUEUE_VALUES];
    uint32_t written, needed, i;

    if (bed == NULL || !adapter_has_own_oid(bed->adapter, OID_COUNTERS) ||
        adapter_query(bed->adapter, OID_COUNTERS, counters, sizeof(counters), &written, &needed) != 0) {
        return;
    }
    fputs(",\"driver_counters\":[", out);
    for (i = 0; i < written / sizeof(counters[0]); i++) {
        fprintf(out, "%s%" PRIu64, i == 0 ? "" : ",", counters[i]);
    }
    fputs("],\"driver_queues\":[", out);
    if (adapter_query(bed->adapter, OID_QUEUES, queues, sizeof(queues), &written, &needed) == 0) {
        for (i = 1; i + 1 < written / sizeof(queues[0]); i += 2) { /* behind how many there are */
            fprintf(out, "%s{\"rx_packets\":%" PRIu64 ",\"rx_bytes\":%" PRIu64 "}", i == 1 ? "" : ",", queues[i],
                    queues[i + 1]);
        }
    }
    fputc(']', out);
}

/* "xennet.sys 10.0.0.0": file name and the file version of its version resource (VS_FIXEDFILEINFO, found by its
 * signature). */
static const char *driver_title(const char *path)
{
    static const uint8_t signature[] = { 0xbd, 0x04, 0xef, 0xfe, 0x00, 0x00, 0x01, 0x00 };
    static char title[128];
    const char *slash = strrchr(path, '/');
    FILE *file = fopen(path, "rb");
    static uint8_t bytes[1 << 20];
    size_t size = file != NULL ? fread(bytes, 1, sizeof(bytes), file) : 0;
    const uint8_t *info = memmem(bytes, size, signature, sizeof(signature));
    uint32_t version[2] = { 0 };

    if (file != NULL) {
        fclose(file);
    }
    if (info != NULL && info + 16 <= bytes + size) {
        memcpy(version, info + 8, sizeof(version));
    }
    snprintf(title, sizeof(title), "%s %u.%u.%u.%u", slash != NULL ? slash + 1 : path, version[0] >> 16,
             version[0] & 0xffff, version[1] >> 16, version[1] & 0xffff);
    return title;
}

static void put_offloads(FILE *out, const struct adapter_facts *facts)
{
    const struct {
        bool has;
        const char *name;
    } all[] = {
        { facts->checksum_tx_ip4, "tx-ip4" },
        { facts->checksum_tx_tcp4, "tx-tcp4" },
        { facts->checksum_tx_tcp6, "tx-tcp6" },
        { facts->checksum_tx_udp4, "tx-udp4" },
        { facts->checksum_tx_udp6, "tx-udp6" },
        { facts->checksum_rx_ip4, "rx-ip4" },
        { facts->checksum_rx_tcp4, "rx-tcp4" },
        { facts->checksum_rx_tcp6, "rx-tcp6" },
        { facts->checksum_rx_udp4, "rx-udp4" },
        { facts->checksum_rx_udp6, "rx-udp6" },
        { facts->lso4, "lso4" },
        { facts->lso6, "lso6" },
        { facts->rsc4, "rsc4" },
        { facts->rsc6, "rsc6" },
        { facts->uso4, "uso4" },
        { facts->uso6, "uso6" },
        { facts->uro, "uro" },
        { facts->rss, "rss" },
    };
    const char *comma = "";
    size_t i;

    fputs(",\"offloads\":[", out);
    for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].has) {
            fprintf(out, "%s\"%s\"", comma, all[i].name);
            comma = ",";
        }
    }
    fputc(']', out);
}

static uint32_t vif_version(const struct options *options, const struct bed *bed)
{
    if (bed->root != NULL) {
        return 0;
    }
    return bed->bus != NULL ? busdriver_vif_version(bed_pdo(bed)) : options->vif;
}

void report_ready(const struct options *options, const struct report_ports *ports, struct bed *bed)
{
    struct adapter_facts facts = { .mtu = options->mtu };
    struct vif_counters vif = { .queues = options->queues };
    char mac[18];

    if (bed != NULL) {
        adapter_facts(bed->adapter, &facts);
        bed_vif_counters(bed, &vif);
    }
    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", facts.current_mac[0], facts.current_mac[1],
             facts.current_mac[2], facts.current_mac[3], facts.current_mac[4], facts.current_mac[5]);
    printf("{\"event\":\"ready\",\"guest_netns\":\"/proc/%d/fd/%d\",\"wire_netns\":\"/proc/%d/fd/%d\"", getpid(),
           ports->guest_netns, getpid(), ports->wire_netns);
    printf(",\"guest_tap\":\"%s\",\"wire_tap\":\"%s\",\"driver\":", ports->guest_name, ports->wire_name);
    put_string(stdout, bed != NULL ? driver_title(options->driver) : "none (bypass)");
    if (options->xenvif != NULL) {
        fputs(",\"xenvif\":", stdout);
        put_string(stdout, driver_title(options->xenvif));
    }
    printf(",\"windows\":\"%s\",\"ndis\":\"%u.%u\",\"vif\":%u,\"queues\":%u,\"mtu\":%u,\"mac\":\"%s\",\"link_mbps\":"
           "%" PRIu64,
           options->windows->title, facts.ndis_major, facts.ndis_minor, bed != NULL ? vif_version(options, bed) : 0,
           vif.queues, facts.mtu, mac, facts.link_speed_tx / 1000000);
    put_offloads(stdout, &facts);
    if (bed != NULL && bed->root != NULL) { /* no wire: what it is installed on */
        fputs(",\"root_device\":", stdout);
        put_string(stdout, bed->package->matched_id);
    }
    fputs("}\n", stdout);
    fflush(stdout);
}

void report_status(const struct options *options, uint64_t elapsed_ns, const struct report_ports *ports,
                   struct bed *bed)
{
    fputs("{\"event\":\"status\",", stdout);
    put_counters(stdout, elapsed_ns, ports, bed);
    report_series(stdout, options, bed);
    put_life(stdout, ports->life);
    fputs("}\n", stdout);
    fflush(stdout);
}

static void keep_line(void *context, const char *line)
{
    (void)context;
    kept_log = realloc(kept_log, (kept_log_count + 1) * sizeof(*kept_log));
    if (kept_log == NULL || (kept_log[kept_log_count++] = strdup(line)) == NULL) {
        fputs("testbed: no memory for the event log\n", stderr);
        exit(1);
    }
}

void report_keep(uint64_t elapsed_ns, const struct report_ports *ports, struct bed *bed)
{
    size_t size;
    FILE *out = open_memstream(&kept_counters, &size);

    if (out == NULL) {
        fputs("testbed: no memory for the last counters\n", stderr);
        exit(1);
    }
    put_counters(out, elapsed_ns, ports, bed);
    put_driver(out, bed);
    put_life(out, ports->life);
    fclose(out);
    if (bed != NULL) {
        ndis_event_log(keep_line, NULL);
    }
}

void report_end(const struct leaks *leaks, const struct leaks *known)
{
    size_t i;

    printf("{\"event\":\"end\",%s", kept_counters);
    put_list(stdout, "leaks", leaks->lines, leaks->count);
    put_list(stdout, "known_faults", known->lines, known->count);
    put_list(stdout, "event_log", kept_log, kept_log_count);
    fputs("}\n", stdout);
    fflush(stdout);
    for (i = 0; i < kept_log_count; i++) {
        free(kept_log[i]);
    }
    free(kept_log);
    free(kept_counters);
}

void report_suspended(void)
{
    puts("{\"event\":\"suspended\"}");
    fflush(stdout);
}

void report_uro(bool on, int32_t status)
{
    printf("{\"event\":\"uro\",\"on\":%s,\"status\":%d}\n", on ? "true" : "false", status);
    fflush(stdout);
}

void report_resumed(uint32_t domid)
{
    printf("{\"event\":\"resumed\",\"domid\":%u}\n", domid);
    fflush(stdout);
}

void report_error(const char *text)
{
    fputs("{\"event\":\"error\",\"text\":", stdout);
    put_string(stdout, text);
    fputs("}\n", stdout);
    fflush(stdout);
}
