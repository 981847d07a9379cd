/* SPDX-License-Identifier: BSD-2-Clause */
/* The processors that RSS uses on one adapter, best first, as NDIS chooses them from the adapter's standard keywords.
 */
#ifndef TESTBED_NDIS_ADAPTER_RSS_PROCESSORS_H
#define TESTBED_NDIS_ADAPTER_RSS_PROCESSORS_H

#include "ndis/adapter/adapter.h"
#include "nt/processor/topology.h"

struct rss_processors {
    struct PROCESSOR_NUMBER base, last; /* none below, none above */
    uint32_t most, profile;
    uint16_t node; /* preferred */
    uint32_t count, indexes[256];
};

void rss_processors_of(const struct adapter *adapter, struct rss_processors *set);
void rss_processor_exports(void);

#endif
