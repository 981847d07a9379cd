/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What XenVif and the driver exchange for a packet, under names of the driver's own. The layouts are those of XenVif's
 * newest records, so that nothing is copied; vif_callback.c has the proof, and translates for the oldest version.
 */
#ifndef XENNET_VIF_PACKET_H
#define XENNET_VIF_PACKET_H

#include <ndis.h>
#include "vif_interface.h"

typedef XENVIF_PACKET_CHECKSUM_FLAGS_V1 XENNET_PACKET_CHECKSUMS; // of a received packet: right, wrong, or unknown
typedef XENVIF_PACKET_HEADER_V1 XENNET_PACKET_HEADER;            // where one header of it lies
typedef XENVIF_PACKET_INFO_V2 XENNET_PACKET_INFO;                // where its headers lie
typedef XENVIF_PACKET_HASH_V2 XENNET_PACKET_HASH;
typedef XENVIF_VIF_OFFLOAD_OPTIONS_V1 XENNET_OFFLOAD_OPTIONS; // what is to be done to a packet
typedef XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 XENNET_COMPLETION;

// A packet that XenVif hands over. Nothing of it can be trusted before receive_packet.c has checked it.
typedef struct _XENNET_RECEIVED_PACKET {
    ULONG Queue;
    MDL *Mdl;
    ULONG Offset; // of the packet in the first MDL
    ULONG Length; // of the packet over the whole chain
    XENNET_PACKET_CHECKSUMS Checksums;
    union {
        struct {
            USHORT MaximumSegmentSize; // non-zero: several segments coalesced
            USHORT Tci;                // of the tag that XenVif took out, or 0
        };
        ULONG Special; // either
    };
    XENNET_PACKET_INFO *Info;
    XENNET_PACKET_HASH *Hash;
    BOOLEAN More;  // more packets follow for this processor
    PVOID Cookie;  // XenVif's name for the packet
    BOOLEAN Pause; // version 10 only, for ReceiveQueuePacket to set: hold further packets for a moment
} XENNET_RECEIVED_PACKET;

#endif
