/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The driver's own counters, asked for with two OIDs of its own or, on Windows, through WMI by the GUIDs below. Both
 * answer with 64-bit values in the order given here; new counters are added at the end.
 *
 *   XENNET_OID_COUNTERS   one value per line of XENNET_COUNTERS, summed over all processors
 *   XENNET_OID_QUEUES     how many values follow, and for each queue the packets and the bytes received on it
 *
 * XENNET_COUNTERS(X): X(name, side of the driver, member of that side's record).
 */
#ifndef XENNET_COUNTERS_H
#define XENNET_COUNTERS_H

#define XENNET_OID_COUNTERS 0xFF584E01
#define XENNET_OID_QUEUES   0xFF584E02

// {0B0E3D6C-6C0B-4E53-8A9E-58454E4E4501} and ...02
#define XENNET_GUID_COUNTERS                                                                                           \
    {                                                                                                                  \
        0x0b0e3d6c, 0x6c0b, 0x4e53,                                                                                    \
        {                                                                                                              \
            0x8a, 0x9e, 0x58, 0x45, 0x4e, 0x4e, 0x45, 0x01                                                             \
        }                                                                                                              \
    }
#define XENNET_GUID_QUEUES                                                                                             \
    {                                                                                                                  \
        0x0b0e3d6c, 0x6c0b, 0x4e53,                                                                                    \
        {                                                                                                              \
            0x8a, 0x9e, 0x58, 0x45, 0x4e, 0x4e, 0x45, 0x02                                                             \
        }                                                                                                              \
    }

#define XENNET_COUNTERS(X)                                                                                             \
    X(SendDropState, Transmit, Drops[XENNET_TRANSMIT_DROP_STATE])                                                      \
    X(SendDropOffload, Transmit, Drops[XENNET_TRANSMIT_DROP_OFFLOAD])                                                  \
    X(SendDropLength, Transmit, Drops[XENNET_TRANSMIT_DROP_LENGTH])                                                    \
    X(SendDropQueue, Transmit, Drops[XENNET_TRANSMIT_DROP_QUEUE])                                                      \
    X(SendDropBackend, Transmit, Drops[XENNET_TRANSMIT_DROP_BACKEND])                                                  \
    X(ReceiveDropState, Receive, Drops[XENNET_RECEIVE_DROP_STATE])                                                     \
    X(ReceiveDropResources, Receive, Drops[XENNET_RECEIVE_DROP_RESOURCES])                                             \
    X(ReceiveDropVlan, Receive, Drops[XENNET_RECEIVE_DROP_VLAN])                                                       \
    X(ReceiveDropQueue, Receive, Drops[XENNET_RECEIVE_DROP_QUEUE])                                                     \
    X(ReceiveDropLength, Receive, Drops[XENNET_RECEIVE_DROP_LENGTH])                                                   \
    X(ReceiveDropBuffer, Receive, Drops[XENNET_RECEIVE_DROP_BUFFER])                                                   \
    X(ReceiveDropHeader, Receive, Drops[XENNET_RECEIVE_DROP_HEADER])                                                   \
    X(ReceiveDropSegment, Receive, Drops[XENNET_RECEIVE_DROP_SEGMENT])                                                 \
    X(ReceiveDropChecksum, Receive, Drops[XENNET_RECEIVE_DROP_CHECKSUM])                                               \
    X(SendCalls, Transmit, NdisCalls)                                                                                  \
    X(SendLists, Transmit, Lists)                                                                                      \
    X(SendListsCompleted, Transmit, ListsCompleted)                                                                    \
    X(ReceiveCalls, Receive, NdisCalls)                                                                                \
    X(ReceivePackets, Receive, Packets)                                                                                \
    X(ReceiveScarcePackets, Receive, ScarcePackets)                                                                    \
    X(ReceiveCoalescedPackets, Receive, CoalescedPackets)                                                              \
    X(ReceiveCoalescedSegments, Receive, CoalescedSegments)                                                            \
    X(ReceiveCoalescedOctets, Receive, CoalescedOctets)                                                                \
    X(SendStalls, Transmit, Stalls)                                                                                    \
    X(ReceiveJoinedPackets, Receive, JoinedPackets)                                                                    \
    X(ReceiveJoinedDatagrams, Receive, JoinedDatagrams)

#endif
