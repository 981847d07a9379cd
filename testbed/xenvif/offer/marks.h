/* SPDX-License-Identifier: BSD-2-Clause */
/* What a packet counts for in the statistics of XenVif. */
#ifndef TESTBED_XENVIF_OFFER_MARKS_H
#define TESTBED_XENVIF_OFFER_MARKS_H

enum {
    MARK_TAGGED,
    MARK_LLC,
    MARK_IPV4,
    MARK_IPV6,
    MARK_TCP,
    MARK_UDP,
    MARK_GSO,
    MARK_IP_SUCCEEDED,
    MARK_IP_FAILED,
    MARK_IP_UNKNOWN,
    MARK_TCP_SUCCEEDED,
    MARK_TCP_FAILED,
    MARK_TCP_UNKNOWN,
    MARK_UDP_SUCCEEDED,
    MARK_UDP_FAILED,
    MARK_UDP_UNKNOWN
}; /* in the order of XenVif's statistics */

#endif
