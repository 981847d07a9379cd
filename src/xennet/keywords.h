/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The keywords that hold a number, once: config.c makes the driver's table of these lines, and the build the parameters
 * of the INF (scripts/inf/template.py), so a keyword stands on one line.
 *
 *   KEYWORD(name, field of XENNET_CONFIG, default, minimum, maximum, step, what Device Manager shows: choices or
 * Number)
 *
 * What is shown has its text in the INF's [Strings]: the keyword itself under its name without the asterisk.
 */
#ifndef KEYWORDS_H
#define KEYWORDS_H

/* clang-format off */
#define KEYWORDS(KEYWORD) \
    KEYWORD("*IPChecksumOffloadIPv4", Ipv4Checksum, 3, 0, 3, 1, Directions) \
    KEYWORD("*TCPChecksumOffloadIPv4", Tcp4Checksum, 3, 0, 3, 1, Directions) \
    KEYWORD("*UDPChecksumOffloadIPv4", Udp4Checksum, 3, 0, 3, 1, Directions) \
    KEYWORD("*TCPChecksumOffloadIPv6", Tcp6Checksum, 3, 0, 3, 1, Directions) \
    KEYWORD("*UDPChecksumOffloadIPv6", Udp6Checksum, 3, 0, 3, 1, Directions) \
    KEYWORD("*LsoV1IPv4", LsoV1, 1, 0, 1, 1, Switch) \
    KEYWORD("*LsoV2IPv4", Lso4, 1, 0, 1, 1, Switch) \
    KEYWORD("*LsoV2IPv6", Lso6, 1, 0, 1, 1, Switch) \
    KEYWORD("*RscIPv4", Rsc4, 1, 0, 1, 1, Switch) \
    KEYWORD("*RscIPv6", Rsc6, 1, 0, 1, 1, Switch) \
    KEYWORD("NeedChecksumValue", NeedChecksumValue, 1, 0, 1, 1, Switch) \
    KEYWORD("*RSS", Rss, 1, 0, 1, 1, Switch) \
    KEYWORD("*NumRssQueues", RssQueues, 16, 1, 64, 1, Number) \
    KEYWORD("*MaxRssProcessors", RssProcessors, 64, 1, 64, 1, Number) \
    KEYWORD("*RssBaseProcNumber", RssBaseNumber, 0, 0, 63, 1, Number) \
    KEYWORD("*RssBaseProcGroup", RssBaseGroup, 0, 0, 31, 1, Number) \
    KEYWORD("*NumaNodeId", NumaNode, 65535, 0, 65535, 1, Number) \
    KEYWORD("*RSSProfile", RssProfile, 3, 1, 5, 1, Profiles) \
    KEYWORD("*ReceiveBuffers", ReceiveBuffers, 4096, 256, 16384, 64, Number) \
    KEYWORD("*JumboPacket", JumboPacket, 65549, 590, 65549, 1, Number) \
    KEYWORD("*PriorityVLANTag", PriorityVlan, 3, 0, 3, 1, Tags) \
    KEYWORD("VlanId", VlanId, 0, 0, 4094, 1, Number) \
    KEYWORD("*NdisPoll", Poll, 0, 0, 1, 1, Switch)
/* clang-format on */

#endif
