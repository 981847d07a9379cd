/* SPDX-License-Identifier: BSD-2-Clause */
/* What the backend answers on the control ring, in the order of the table: later requests build on earlier ones. */
#include "conformance_bed.h"

#include <string.h>

#define NO_GRANT 0x00fffff0u

static const struct setup setup_two = { .queues = 2 };

enum argument { PLAIN, GRANTED, NOT_GRANTED };

static const struct {
    const char *name;
    uint16_t type;
    uint32_t a, b, c;
    enum argument argument; /* a is a grant reference */
    uint32_t fill;          /* every entry of the granted page */
} requests[] = {
    { "types before an algorithm", XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0, PLAIN, 0 },
    { "set types before an algorithm", XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 1, 0, 0, PLAIN, 0 },
    { "key before an algorithm", XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 0, 40, 0, GRANTED, 0x01020304 },
    { "mapping size", XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE, 0, 0, 0, PLAIN, 0 },
    { "unknown algorithm", XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 2, 0, 0, PLAIN, 0 },
    { "Toeplitz", XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ, 0, 0, PLAIN, 0 },
    { "types", XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0, PLAIN, 0 },
    { "set all types", XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 15, 0, 0, PLAIN, 0 },
    { "set an unknown type", XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 16, 0, 0, PLAIN, 0 },
    { "set no type", XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 0, 0, 0, PLAIN, 0 },
    { "key", XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 0, 40, 0, GRANTED, 0x01020304 },
    { "key of 41 bytes", XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 0, 41, 0, GRANTED, 0x01020304 },
    { "key of 16 bytes", XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 0, 16, 0, GRANTED, 0x01020304 },
    { "key of no bytes", XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 0, 0, 0, GRANTED, 0x01020304 },
    { "key, bad grant", XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 0, 40, 0, NOT_GRANTED, 0 },
    { "mapping before a size", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 0, 4, 0, GRANTED, 0 },
    { "mapping of 129", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 129, 0, 0, PLAIN, 0 },
    { "mapping of 0", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 0, 0, 0, PLAIN, 0 },
    { "mapping of 128", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 128, 0, 0, PLAIN, 0 },
    { "mapping of 100", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 100, 0, 0, PLAIN, 0 },
    { "all of the mapping", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 0, 100, 0, GRANTED, 1 },
    { "end of the mapping", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 0, 1, 99, GRANTED, 1 },
    { "beyond the mapping", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 0, 1, 100, GRANTED, 1 },
    { "more than the mapping", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 0, 101, 0, GRANTED, 1 },
    { "mapping with sizes that overflow", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 0, 2, 0xffffffff, GRANTED, 1 },
    { "nothing of the mapping", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 0, 0, 0, GRANTED, 1 },
    { "mapping to a queue that is none", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 0, 4, 0, GRANTED, 2 },
    { "mapping, bad grant", XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, 0, 4, 0, NOT_GRANTED, 0 },
    { "type 0", XEN_NETIF_CTRL_TYPE_INVALID, 0, 0, 0, PLAIN, 0 },
    { "static grants", XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE, 0, 0, 0, PLAIN, 0 },
    { "type 99", 99, 0, 0, 0, PLAIN, 0 },
    { "no algorithm", XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, XEN_NETIF_CTRL_HASH_ALGORITHM_NONE, 0, 0, PLAIN, 0 },
};

static void run_requests(struct bed *bed)
{
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        uint32_t *page = (uint32_t *)(void *)bed->argument_page, data = 0, status;

        for (uint32_t j = 0; j < 256; j++) {
            page[j] = requests[i].fill;
        }
        status = control_call(bed, requests[i].type,
                              requests[i].argument == GRANTED       ? bed->argument_ref
                              : requests[i].argument == NOT_GRANTED ? NO_GRANT
                                                                    : requests[i].a,
                              requests[i].b, requests[i].c, &data);
        saw(bed, "%s%s: ", i == 0 ? "" : "; ", requests[i].name);
        saw(bed, status == UINT32_MAX ? "no answer" : "%u", status);
        if (data != 0) {
            saw(bed, " with %u", data);
        }
    }
}

const struct conformance_case control_cases[] = {
    { "control: hash settings", &setup_two, run_requests },
    { NULL, NULL, NULL },
};
