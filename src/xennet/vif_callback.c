/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * XenVif's callbacks. Each version of VIF has a callback of its own, which ends in TransmitReturnPacket,
 * ReceiveQueuePacket or LinkStateChanged: versions 9 and 10 pass a record, to which 10 appends Pause; 8 passes the same
 * fields as variable arguments.
 *
 * IRQL: packets at DISPATCH, a change of the link at PASSIVE, perhaps before VifEnable returns; on any processor. No
 * locks: the provider serialises nothing, and neither do those who are called.
 */
#include <stdarg.h>

#include "vif_callback.h"
#include "adapter.h"
#include "debug.h"
#include "link.h"
#include "lock.h"
#include "receive.h"
#include "transmit.h"

// XENNET_RECEIVED_PACKET is the record that versions 9 and 10 pass.
#define VIF_SAME_MEMBER(_Ours, _Theirs)                                                                                \
    C_ASSERT(FIELD_OFFSET(XENNET_RECEIVED_PACKET, _Ours) ==                                                            \
             FIELD_OFFSET(XENVIF_VIF_CALLBACK_PARAMETERS_V9, ReceiverQueuePacket._Theirs));                            \
    C_ASSERT(RTL_FIELD_SIZE(XENNET_RECEIVED_PACKET, _Ours) ==                                                          \
             RTL_FIELD_SIZE(XENVIF_VIF_CALLBACK_PARAMETERS_V9, ReceiverQueuePacket._Theirs));                          \
    C_ASSERT(FIELD_OFFSET(XENVIF_VIF_CALLBACK_PARAMETERS_V10, ReceiverQueuePacket._Theirs) ==                          \
             FIELD_OFFSET(XENVIF_VIF_CALLBACK_PARAMETERS_V9, ReceiverQueuePacket._Theirs))

VIF_SAME_MEMBER(Queue, Index);
VIF_SAME_MEMBER(Mdl, Mdl);
VIF_SAME_MEMBER(Offset, Offset);
VIF_SAME_MEMBER(Length, Length);
VIF_SAME_MEMBER(Checksums, Flags);
VIF_SAME_MEMBER(MaximumSegmentSize, MaximumSegmentSize);
VIF_SAME_MEMBER(Tci, TagControlInformation);
VIF_SAME_MEMBER(Info, Info);
VIF_SAME_MEMBER(Hash, Hash);
VIF_SAME_MEMBER(More, More);
VIF_SAME_MEMBER(Cookie, Cookie);
C_ASSERT(FIELD_OFFSET(XENNET_RECEIVED_PACKET, Pause) ==
         FIELD_OFFSET(XENVIF_VIF_CALLBACK_PARAMETERS_V10, ReceiverQueuePacket.Pause));

// What comes now and then.
_IRQL_requires_max_(DISPATCH_LEVEL)
static RARELY_CALLED VOID
VifCallbackUncommon(XENNET_ADAPTER *Adapter, XENVIF_VIF_CALLBACK_TYPE Type)
{
    if (Type == XENVIF_MAC_STATE_CHANGE)
        LinkStateChanged(Adapter->Link);
    else
        DEBUG_ERROR("VIF callback of unknown type %u\n", (ULONG)Type);
}

// Each way ends in the call that it is for, so that no register has to be saved. The IRQL depends on the type:
// LOCK_PRIMITIVE, since annotations cannot express that.
LOCK_PRIMITIVE
_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID NTAPI
VifCallback9(PVOID Argument, XENVIF_VIF_CALLBACK_TYPE Type, XENVIF_VIF_CALLBACK_PARAMETERS_V9 *Parameters)
{
    XENNET_ADAPTER *Adapter = Argument;
    XENNET_RECEIVED_PACKET *Packet = (XENNET_RECEIVED_PACKET *)&Parameters->ReceiverQueuePacket;

    if (Type == XENVIF_RECEIVER_QUEUE_PACKET && Packet->Special == 0)
        ReceiveQueuePacket(Adapter->Receive, Packet);
    else if (Type == XENVIF_RECEIVER_QUEUE_PACKET)
        ReceiveQueueSpecial(Adapter->Receive, Packet);
    else if (Type == XENVIF_TRANSMITTER_RETURN_PACKET)
        TransmitReturnPacket(Adapter->Transmit, Parameters->TransmitterReturnPacket.Cookie,
                             Parameters->TransmitterReturnPacket.Completion);
    else
        VifCallbackUncommon(Adapter, Type);
}

LOCK_PRIMITIVE
_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID NTAPI
VifCallback10(PVOID Argument, XENVIF_VIF_CALLBACK_TYPE Type, XENVIF_VIF_CALLBACK_PARAMETERS_V10 *Parameters)
{
    // Version 9 has no Pause to write: it would land behind the provider's record.
    if (Type == XENVIF_RECEIVER_QUEUE_PACKET)
        Parameters->ReceiverQueuePacket.Pause = FALSE;
    VifCallback9(Argument, Type, (XENVIF_VIF_CALLBACK_PARAMETERS_V9 *)Parameters);
}

_IRQL_requires_max_(DISPATCH_LEVEL)
static VOID __cdecl VifCallback8(PVOID Argument, XENVIF_VIF_CALLBACK_TYPE Type, ...)
{
    XENVIF_VIF_CALLBACK_PARAMETERS_V9 Parameters;
    va_list Arguments;

    va_start(Arguments, Type);
    switch (Type) {
    case XENVIF_TRANSMITTER_RETURN_PACKET:
        Parameters.TransmitterReturnPacket.Cookie = va_arg(Arguments, PVOID);
        Parameters.TransmitterReturnPacket.Completion =
            va_arg(Arguments, XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *);
        break;

    case XENVIF_RECEIVER_QUEUE_PACKET:
        // Small integers travel as int; the flags are a 4-byte record and travel as one.
        Parameters.ReceiverQueuePacket.Index = va_arg(Arguments, ULONG);
        Parameters.ReceiverQueuePacket.Mdl = va_arg(Arguments, MDL *);
        Parameters.ReceiverQueuePacket.Offset = va_arg(Arguments, ULONG);
        Parameters.ReceiverQueuePacket.Length = va_arg(Arguments, ULONG);
        Parameters.ReceiverQueuePacket.Flags = va_arg(Arguments, XENVIF_PACKET_CHECKSUM_FLAGS_V1);
        Parameters.ReceiverQueuePacket.MaximumSegmentSize = (USHORT)va_arg(Arguments, int);
        Parameters.ReceiverQueuePacket.TagControlInformation = (USHORT)va_arg(Arguments, int);
        Parameters.ReceiverQueuePacket.Info = va_arg(Arguments, XENVIF_PACKET_INFO_V2 *);
        Parameters.ReceiverQueuePacket.Hash = va_arg(Arguments, XENVIF_PACKET_HASH_V2 *);
        Parameters.ReceiverQueuePacket.More = (BOOLEAN)va_arg(Arguments, int);
        Parameters.ReceiverQueuePacket.Cookie = va_arg(Arguments, PVOID);
        break;

    default:
        break;
    }
    va_end(Arguments);
    VifCallback9(Argument, Type, &Parameters);
}

const XENNET_VIF_CALLBACKS VifCallbacks = {VifCallback8, VifCallback9, VifCallback10};
