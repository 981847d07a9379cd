/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What Device Manager's Advanced page sets, read once at start. keywords.ini has each keyword with its
 * default and range; the build makes the INF's lines and the table in config.c of it.
 */
#ifndef XENNET_CONFIG_H
#define XENNET_CONFIG_H

#include <ndis.h>
#include "ethernet.h"
#include "report.h"

typedef struct _XENNET_CONFIG {
    // 0 off, 1 transmit, 2 receive, 3 both
    ULONG Ipv4Checksum;
    ULONG Tcp4Checksum;
    ULONG Udp4Checksum;
    ULONG Tcp6Checksum;
    ULONG Udp6Checksum;
    // 0 off, 1 on
    ULONG Lso4; // both versions
    ULONG Lso6;
    ULONG Rsc4;
    ULONG Rsc6;
    ULONG Uso4;
    ULONG Uso6;
    ULONG Uro;
    ULONG NeedChecksumValue;
    ULONG Rss;
    // Counts
    ULONG RssQueues;
    ULONG ReceiveBuffers; // NBLs NDIS may hold at a time before they are indicated as scarce
    ULONG SegmentBuffers; // UDP segments that one processor has out at a time
    ULONG RssProcessors;
    // Between which NDIS chooses processors for RSS: it reads these itself, here they are only checked
    ULONG RssBaseNumber;
    ULONG RssBaseGroup;
    ULONG RssMaxNumber;
    ULONG RssMaxGroup;
    ULONG NumaNode; // 65535: any
    ULONG RssProfile;
    ULONG JumboPacket;       // bytes of a frame, Ethernet header included, tag and CRC not: upper limit
    ULONG PriorityVlan;      // 0 off, 1 priority, 2 VLAN, 3 both
    ULONG VlanId;            // 0: a member of no one VLAN
    ULONG SoftwareTimestamp; // 0 off, 1 receive, 2 send, 3 both, 4 tagged sends, 5 receive and tagged sends
    ULONG Poll;              // 0 off, 1 on where NDIS has it
    BOOLEAN HasAddress;
    ETHERNET_ADDRESS Address; // NetworkAddress
} XENNET_CONFIG;

// Missing keywords have their default; values out of range too, with a record in the event log.
_IRQL_requires_(PASSIVE_LEVEL)
NDIS_STATUS ConfigRead(_In_ const XENNET_REPORTER *Reporter, _Out_ XENNET_CONFIG *Config);

#endif
