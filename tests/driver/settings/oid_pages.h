/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * OID requests and the status that Microsoft's pages name for each. test_oid_pages.c makes them in this order, on one
 * adapter on which RSS is on, as TCP/IP leaves it; docs/oids.md shows them, and test_oid_table.py that it shows these.
 *
 * CASE(OID, kind of request, the case, status, page, what fills the buffer, its argument, since which NDIS 6.x)
 *
 * The page MiniportOidRequest speaks where an OID's own page names no status: a length that is not the OID's is
 * INVALID_LENGTH, a buffer without room BUFFER_TOO_SHORT, a value that cannot be INVALID_DATA.
 */
#ifndef TESTS_DRIVER_OID_PAGES_H
#define TESTS_DRIVER_OID_PAGES_H

/* clang-format off */
#define OID_PAGES(CASE)                                                                                                \
    CASE(OID_GEN_CURRENT_PACKET_FILTER, set, "directed and broadcast", SUCCESS, \
         "OID_GEN_CURRENT_PACKET_FILTER", number, 0x5, 20) \
    CASE(OID_GEN_CURRENT_PACKET_FILTER, set, "a type that was not offered", INVALID_DATA, \
         "MiniportOidRequest", number, 0x40, 20) \
    CASE(OID_GEN_CURRENT_PACKET_FILTER, set, "3 bytes", INVALID_LENGTH, \
         "MiniportOidRequest", zeros, 3, 20) \
    CASE(OID_GEN_CURRENT_PACKET_FILTER, query, "3 bytes", BUFFER_TOO_SHORT, \
         "MiniportOidRequest", zeros, 3, 20) \
    CASE(OID_GEN_CURRENT_LOOKAHEAD, set, "the frame size", SUCCESS, \
         "OID_GEN_CURRENT_LOOKAHEAD", number, 1500, 20) \
    CASE(OID_GEN_CURRENT_LOOKAHEAD, set, "more than the frame size", INVALID_DATA, \
         "MiniportOidRequest", number, 1501, 20) \
    CASE(OID_GEN_CURRENT_LOOKAHEAD, set, "8 bytes", INVALID_LENGTH, \
         "MiniportOidRequest", zeros, 8, 20) \
    CASE(OID_GEN_VLAN_ID, set, "none", SUCCESS, \
         "OID_GEN_VLAN_ID", number, 0, 20) \
    CASE(OID_GEN_VLAN_ID, set, "reserved bits", INVALID_DATA, \
         "OID_GEN_VLAN_ID", number, 0x1000, 20) \
    CASE(OID_GEN_VLAN_ID, set, "4095, which 802.1Q reserves", INVALID_DATA, \
         "MiniportOidRequest", number, 4095, 20) \
    CASE(OID_GEN_INTERRUPT_MODERATION, query, "its record", SUCCESS, \
         "OID_GEN_INTERRUPT_MODERATION", zeros, 12, 20) \
    CASE(OID_GEN_INTERRUPT_MODERATION, set, "on, although reported as not supported", INVALID_DATA, \
         "OID_GEN_INTERRUPT_MODERATION", moderation, 2, 20) \
    CASE(OID_GEN_INTERRUPT_MODERATION, set, "4 bytes", INVALID_LENGTH, \
         "MiniportOidRequest", zeros, 4, 20) \
    CASE(OID_GEN_LINK_PARAMETERS, set, "everything negotiated", SUCCESS, \
         "OID_GEN_LINK_PARAMETERS", link, LINK_NEGOTIATED, 20) \
    CASE(OID_GEN_LINK_PARAMETERS, set, "speed and duplex as they are", SUCCESS, \
         "OID_GEN_LINK_PARAMETERS", link, LINK_IN_FORCE, 20) \
    CASE(OID_GEN_LINK_PARAMETERS, set, "another speed", INVALID_DATA, \
         "MiniportOidRequest", link, LINK_OTHER_SPEED, 20) \
    CASE(OID_GEN_LINK_PARAMETERS, set, "half duplex", INVALID_DATA, \
         "MiniportOidRequest", link, LINK_HALF, 20) \
    CASE(OID_GEN_LINK_PARAMETERS, set, "pause frames", INVALID_DATA, \
         "MiniportOidRequest", link, LINK_PAUSE_FRAMES, 20) \
    CASE(OID_GEN_LINK_PARAMETERS, set, "revision 0", INVALID_DATA, \
         "MiniportOidRequest", link, LINK_REVISION_0, 20) \
    CASE(OID_GEN_LINK_PARAMETERS, set, "16 bytes", INVALID_LENGTH, \
         "MiniportOidRequest", zeros, 16, 20) \
    CASE(OID_GEN_LINK_PARAMETERS, query, "set only", NOT_SUPPORTED, \
         "OID_GEN_LINK_PARAMETERS", zeros, 64, 20) \
    CASE(OID_GEN_STATISTICS, query, "its record", SUCCESS, \
         "OID_GEN_STATISTICS", zeros, 152, 20) \
    CASE(OID_GEN_STATISTICS, query, "4 bytes", BUFFER_TOO_SHORT, \
         "MiniportOidRequest", zeros, 4, 20) \
    CASE(OID_GEN_XMIT_OK, query, "8 bytes", SUCCESS, \
         "OID_GEN_XMIT_OK", zeros, 8, 20) \
    CASE(OID_GEN_XMIT_OK, query, "4 bytes: the low half", SUCCESS, \
         "NDIS general statistics OIDs", zeros, 4, 20) \
    CASE(OID_GEN_XMIT_OK, query, "no bytes", BUFFER_TOO_SHORT, \
         "NDIS general statistics OIDs", zeros, 0, 20) \
    CASE(OID_GEN_TRANSMIT_QUEUE_LENGTH, query, "optional: not offered", NOT_SUPPORTED, \
         "OID_GEN_TRANSMIT_QUEUE_LENGTH", zeros, 8, 20) \
    CASE(OID_GEN_SUPPORTED_GUIDS, query, "the driver's own", SUCCESS, \
         "OID_GEN_SUPPORTED_GUIDS", zeros, 128, 20) \
    CASE(OID_802_3_MULTICAST_LIST, set, "32 addresses", SUCCESS, \
         "OID_802_3_MULTICAST_LIST", groups, 32, 20) \
    CASE(OID_802_3_MULTICAST_LIST, set, "33 addresses", MULTICAST_FULL, \
         "OID_802_3_MULTICAST_LIST", groups, 33, 20) \
    CASE(OID_802_3_MULTICAST_LIST, set, "a unicast address", MULTICAST_FULL, \
         "OID_802_3_MULTICAST_LIST", unicast, 1, 20) \
    CASE(OID_802_3_MULTICAST_LIST, set, "7 bytes", INVALID_LENGTH, \
         "MiniportOidRequest", zeros, 7, 20) \
    CASE(OID_802_3_MULTICAST_LIST, set, "none: the list is cleared", SUCCESS, \
         "OID_802_3_MULTICAST_LIST", zeros, 0, 20) \
    CASE(OID_802_3_ADD_MULTICAST_ADDRESS, set, "a group", SUCCESS, \
         "OID_802_3_ADD_MULTICAST_ADDRESS", groups, 1, 20) \
    CASE(OID_802_3_ADD_MULTICAST_ADDRESS, set, "the same again", SUCCESS, \
         "OID_802_3_ADD_MULTICAST_ADDRESS", groups, 1, 20) \
    CASE(OID_802_3_DELETE_MULTICAST_ADDRESS, set, "a group", SUCCESS, \
         "OID_802_3_DELETE_MULTICAST_ADDRESS", groups, 1, 20) \
    CASE(OID_802_3_DELETE_MULTICAST_ADDRESS, set, "one that is not there", MULTICAST_NOT_FOUND, \
         "OID_802_3_DELETE_MULTICAST_ADDRESS", groups, 1, 20) \
    CASE(OID_OFFLOAD_ENCAPSULATION, set, "Ethernet for both IP versions", SUCCESS, \
         "OID_OFFLOAD_ENCAPSULATION", encapsulation, ENCAPSULATE(1, 2), 20) \
    CASE(OID_OFFLOAD_ENCAPSULATION, set, "routed LLC/SNAP, which no offload has", INVALID_PARAMETER, \
         "OID_OFFLOAD_ENCAPSULATION", encapsulation, ENCAPSULATE(1, 16), 20) \
    CASE(OID_OFFLOAD_ENCAPSULATION, set, "bare IP", INVALID_PARAMETER, \
         "OID_OFFLOAD_ENCAPSULATION", encapsulation, ENCAPSULATE(1, 1), 20) \
    CASE(OID_OFFLOAD_ENCAPSULATION, set, "neither on nor off", INVALID_PARAMETER, \
         "OID_OFFLOAD_ENCAPSULATION", encapsulation, ENCAPSULATE(3, 2), 20) \
    CASE(OID_OFFLOAD_ENCAPSULATION, set, "off", SUCCESS, \
         "OID_OFFLOAD_ENCAPSULATION", encapsulation, ENCAPSULATE(2, 2), 20) \
    CASE(OID_OFFLOAD_ENCAPSULATION, set, "on again", SUCCESS, \
         "OID_OFFLOAD_ENCAPSULATION", encapsulation, ENCAPSULATE(1, 2), 20) \
    CASE(OID_OFFLOAD_ENCAPSULATION, set, "8 bytes", INVALID_LENGTH, \
         "MiniportOidRequest", zeros, 8, 20) \
    CASE(OID_OFFLOAD_ENCAPSULATION, query, "NDIS answers", NOT_SUPPORTED, \
         "OID_OFFLOAD_ENCAPSULATION", zeros, 64, 20) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "no change", SUCCESS, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(1, 8, 0), 20) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "UDP checksums over IPv6 off", SUCCESS, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(1, 8, 1), 20) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "UDP checksums over IPv6 on", SUCCESS, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(1, 8, 4), 20) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "a checksum setting that does not exist", INVALID_DATA, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(1, 5, 5), 20) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "a large send setting that does not exist", INVALID_DATA, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(1, 11, 3), 20) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "IPsec, version 1, on", INVALID_DATA, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(1, 10, 2), 20) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "IPsec, version 1, off", SUCCESS, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(1, 10, 1), 20) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "IPsec, version 2, on", INVALID_DATA, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(2, 20, 4), 20) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "offloads of encapsulated packets on", INVALID_DATA, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(3, 24, 1), 30) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "offloads of encapsulated packets off", SUCCESS, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(3, 24, 2), 30) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "UDP segmentation over IPv4 off", SUCCESS, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(5, 32, 1), 83) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "UDP segmentation over IPv4 on", SUCCESS, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(5, 32, 2), 83) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "a UDP segmentation setting that does not exist", INVALID_DATA, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(5, 33, 3), 83) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "UDP coalescing off", SUCCESS, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(6, 34, 1), 89) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "UDP coalescing on", SUCCESS, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(6, 34, 2), 89) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "a UDP coalescing setting that does not exist", INVALID_DATA, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(6, 34, 3), 89) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "type of another record", INVALID_DATA, \
         "OID_TCP_OFFLOAD_PARAMETERS", offload, OFFLOAD(1, 0, 1), 20) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, set, "8 bytes", INVALID_LENGTH, \
         "MiniportOidRequest", zeros, 8, 20) \
    CASE(OID_TCP_OFFLOAD_PARAMETERS, query, "not supported", NOT_SUPPORTED, \
         "OID_TCP_OFFLOAD_PARAMETERS", zeros, 64, 20) \
    CASE(OID_TCP_RSC_STATISTICS, query, "its record", SUCCESS, \
         "OID_TCP_RSC_STATISTICS", zeros, 40, 30) \
    CASE(OID_PM_PARAMETERS, set, "nothing is to wake", SUCCESS, \
         "OID_PM_PARAMETERS", wake, 0, 20) \
    CASE(OID_PM_PARAMETERS, set, "a magic packet is to wake", INVALID_PARAMETER, \
         "OID_PM_PARAMETERS", wake, 4, 20) \
    CASE(OID_PM_PARAMETERS, set, "ARP is to be answered asleep", INVALID_PARAMETER, \
         "OID_PM_PARAMETERS", wake, 8, 20) \
    CASE(OID_PM_PARAMETERS, set, "a link is to wake", INVALID_PARAMETER, \
         "OID_PM_PARAMETERS", wake, 12, 20) \
    CASE(OID_PM_PARAMETERS, set, "8 bytes", BUFFER_TOO_SHORT, \
         "OID_PM_PARAMETERS", zeros, 8, 20) \
    CASE(OID_PM_ADD_WOL_PATTERN, set, "no pattern is supported", NOT_SUPPORTED, \
         "OID_PM_ADD_WOL_PATTERN", zeros, 256, 20) \
    CASE(OID_PM_ADD_PROTOCOL_OFFLOAD, set, "no protocol is supported", NOT_SUPPORTED, \
         "OID_PM_ADD_PROTOCOL_OFFLOAD", zeros, 256, 20) \
    CASE(OID_PNP_CAPABILITIES, query, "reported with the attributes since 6.20", NOT_SUPPORTED, \
         "Reporting Power Management Capabilities", zeros, 64, 20) \
    CASE(OID_PNP_ENABLE_WAKE_UP, set, "older than 6.20", NOT_SUPPORTED, \
         "MiniportOidRequest", number, 1, 20) \
    CASE(OID_PNP_QUERY_POWER, query, "D3", SUCCESS, \
         "OID_PNP_QUERY_POWER", number, 4, 20) \
    CASE(OID_PNP_SET_POWER, set, "D3, while packets move", SUCCESS, \
         "OID_PNP_SET_POWER", number, 4, 20) \
    CASE(OID_PNP_SET_POWER, set, "D2", SUCCESS, \
         "OID_PNP_SET_POWER", number, 3, 20) \
    CASE(OID_PNP_SET_POWER, set, "D0", SUCCESS, \
         "OID_PNP_SET_POWER", number, 1, 20) \
    CASE(OID_PNP_SET_POWER, set, "a state that does not exist", INVALID_DATA, \
         "MiniportOidRequest", number, 99, 20) \
    CASE(OID_PNP_SET_POWER, set, "2 bytes", INVALID_LENGTH, \
         "MiniportOidRequest", zeros, 2, 20) \
    CASE(OID_GEN_RECEIVE_HASH, set, "on, while RSS is on", NOT_SUPPORTED, \
         "OID_GEN_RECEIVE_HASH", hash, HASH_ON, 20) \
    CASE(OID_GEN_RECEIVE_SCALE_PARAMETERS, set, "a table of 3 entries", INVALID_DATA, \
         "MiniportOidRequest", scale, SCALE_TABLE_OF_3, 20) \
    CASE(OID_GEN_RECEIVE_SCALE_PARAMETERS, set, "a hash of another function", INVALID_DATA, \
         "MiniportOidRequest", scale, SCALE_FUNCTION, 20) \
    CASE(OID_GEN_RECEIVE_SCALE_PARAMETERS, set, "a key past the end", INVALID_DATA, \
         "MiniportOidRequest", scale, SCALE_KEY, 20) \
    CASE(OID_GEN_RECEIVE_SCALE_PARAMETERS, set, "8 bytes", INVALID_LENGTH, \
         "MiniportOidRequest", zeros, 8, 20) \
    CASE(OID_GEN_RECEIVE_SCALE_PARAMETERS, set, "off", SUCCESS, \
         "OID_GEN_RECEIVE_SCALE_PARAMETERS", scale, SCALE_OFF, 20) \
    CASE(OID_GEN_RECEIVE_HASH, set, "of another function", INVALID_DATA, \
         "MiniportOidRequest", hash, HASH_FUNCTION, 20) \
    CASE(OID_GEN_RECEIVE_HASH, set, "on", SUCCESS, \
         "OID_GEN_RECEIVE_HASH", hash, HASH_ON, 20) \
    CASE(OID_GEN_RECEIVE_HASH, set, "8 bytes", INVALID_LENGTH, \
         "MiniportOidRequest", zeros, 8, 20) \
    CASE(OID_GEN_RECEIVE_SCALE_PARAMETERS, set, "on, while hashes are on", NOT_SUPPORTED, \
         "OID_GEN_RECEIVE_SCALE_PARAMETERS", scale, SCALE_ON, 20) \
    CASE(OID_GEN_RECEIVE_SCALE_PARAMETERS_V2, set, "on, while hashes are on", NOT_SUPPORTED, \
         "OID_GEN_RECEIVE_SCALE_PARAMETERS", scale_v2, SCALE_ON, 80) \
    CASE(OID_GEN_RECEIVE_HASH, set, "off", SUCCESS, \
         "OID_GEN_RECEIVE_HASH", hash, HASH_OFF, 20) \
    CASE(OID_GEN_RECEIVE_SCALE_PARAMETERS, set, "on", SUCCESS, \
         "OID_GEN_RECEIVE_SCALE_PARAMETERS", scale, SCALE_ON, 20) \
    CASE(OID_GEN_RECEIVE_SCALE_PARAMETERS, query, "NDIS answers", NOT_SUPPORTED, \
         "OID_GEN_RECEIVE_SCALE_PARAMETERS", zeros, 64, 20) \
    CASE(OID_GEN_RECEIVE_SCALE_PARAMETERS_V2, set, "no queues", INVALID_PARAMETER, \
         "OID_GEN_RECEIVE_SCALE_PARAMETERS_V2", scale_v2, SCALE_NO_QUEUES, 80) \
    CASE(OID_GEN_RECEIVE_SCALE_PARAMETERS_V2, set, "3 entries", INVALID_PARAMETER, \
         "OID_GEN_RECEIVE_SCALE_PARAMETERS_V2", scale_v2, SCALE_TABLE_OF_3, 80) \
    CASE(OID_GEN_RECEIVE_SCALE_PARAMETERS_V2, set, "a shorter table that the longer does not repeat", INVALID_DATA, \
         "OID_GEN_RECEIVE_SCALE_PARAMETERS_V2", scale_v2, SCALE_SHORTER, 80) \
    CASE(OID_GEN_RECEIVE_SCALE_PARAMETERS_V2, set, "one queue for a table of two processors", NO_QUEUES, \
         "OID_GEN_RECEIVE_SCALE_PARAMETERS_V2", scale_v2, SCALE_ONE_QUEUE, 80) \
    CASE(OID_GEN_RECEIVE_SCALE_PARAMETERS_V2, set, "8 bytes", INVALID_LENGTH, \
         "OID_GEN_RECEIVE_SCALE_PARAMETERS_V2", zeros, 8, 80) \
    CASE(OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES, move, "8 bytes", INVALID_LENGTH, \
         "OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES", zeros, 8, 80) \
    CASE(OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES, move, "type of another record", INVALID_PARAMETER, \
         "OID_GEN_RSS_SET_INDIRECTION_TABLE_ENTRIES", zeros, 64, 80)
/* clang-format on */

#endif
