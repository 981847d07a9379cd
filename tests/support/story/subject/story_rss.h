/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RSS sets as a protocol makes them, and the packets of Microsoft's "Verifying the RSS Hash Calculation" with the
 * hashes that are published for them.
 */
#ifndef TESTS_STORY_RSS_H
#define TESTS_STORY_RSS_H

#include "story_watch.h"

enum { MAX_RSS_TABLE = 128, RSS_KEY = 40, RSS_VECTORS = 8 };

struct rss_vector {
    int version;
    uint8_t source[16], destination[16];
    uint16_t source_port, destination_port;
    uint32_t hash, hash_tcp; /* of the addresses, and with the ports */
};
extern const struct rss_vector rss_vectors[RSS_VECTORS];
extern const uint8_t rss_key[RSS_KEY];

/* OID_GEN_RECEIVE_SCALE_PARAMETERS of revision 2 or 3, with room behind it. */
struct rss_set {
    struct NDIS_RECEIVE_SCALE_PARAMETERS parameters;
    struct PROCESSOR_NUMBER table[MAX_RSS_TABLE];
    uint8_t key[RSS_KEY];
    uint8_t room[64];
};

#define RSS_ALL_TYPES (NDIS_HASH_IPV4 | NDIS_HASH_TCP_IPV4 | NDIS_HASH_IPV6 | NDIS_HASH_TCP_IPV6)

/* A valid set of revision 2: `entries` over the processors with indexes 0 ... `processors` - 1, backwards so that it
 * differs from the edge's own. */
void rss_fill(struct rss_set *set, uint32_t entries, uint32_t processors, uint32_t types);
int32_t rss_put(struct story *story, const struct rss_set *set, uint32_t size);

/* The vector's packet; its length. */
uint32_t rss_frame(const struct rss_vector *vector, bool tcp, uint8_t *bytes);
/* One packet arrives with the published hash on the processor that has the number `expected`. A network card picks the
 * port's queue by the same hash. */
void rss_expect_on(struct watch *watch, const struct rss_vector *vector, bool tcp, struct PROCESSOR_NUMBER expected,
                   uint32_t queue);
/* The same where the set's table of `entries` says. */
void rss_expect(struct watch *watch, const struct rss_vector *vector, bool tcp, const struct rss_set *set,
                uint32_t entries, uint32_t queue);

#endif
