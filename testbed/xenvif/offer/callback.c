/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the subscriber is called with, in the convention of the VIF version it took: 8 passes variable arguments, 9 a
 * record, 10 a longer record whose Pause it may set. For 8 and 9 XenVif itself pauses after a thousand packets without
 * an end of batch.
 *
 * Called without locks; packets at DISPATCH_LEVEL, link changes at PASSIVE_LEVEL.
 */
#include <limits.h>

#include "xenvif/offer/hostile.h"
#include "xenvif/state.h"
#include "run/order.h"

enum { MAX_QUEUED = 1024 };

typedef MS_CDECL void callback_variable(void *argument, uint32_t type, ...);
typedef MS_ABI void callback_record(void *argument, uint32_t type, void *parameters);

void callback_transmit(struct vif *vif, void *cookie, struct XENVIF_TRANSMITTER_PACKET_COMPLETION_INFO_V1 *completion)
{
    const struct subscriber *subscriber = &vif->subscriber;
    struct XENVIF_VIF_CALLBACK_PARAMETERS_V10 parameters;

    order_acquire(&vif->subscriber); /* what was done before Enable */
    order_acquire(cookie);
    hostile_completion(completion);
    if (subscriber->version == CALLBACK_VARIABLE) {
        DRIVER_CALL_VOID("TransmitterReturnPacket",
                         ((callback_variable *)subscriber->callback)(
                             subscriber->argument, XENVIF_TRANSMITTER_RETURN_PACKET, cookie, completion));
        return;
    }
    parameters.TransmitterReturnPacket.Cookie = cookie;
    parameters.TransmitterReturnPacket.Completion = completion;
    DRIVER_CALL_VOID(
        "TransmitterReturnPacket",
        ((callback_record *)subscriber->callback)(subscriber->argument, XENVIF_TRANSMITTER_RETURN_PACKET, &parameters));
}

static void receive_variable(const struct subscriber *subscriber, uint32_t queue, struct rx_packet *packet,
                             void *cookie, bool more)
{
    DRIVER_CALL_VOID("ReceiverQueuePacket",
                     ((callback_variable *)subscriber->callback)(
                         subscriber->argument, XENVIF_RECEIVER_QUEUE_PACKET, queue, packet->mdl, packet->offset,
                         packet->length, packet->checksum, (uint32_t)packet->mss, (uint32_t)packet->tci, &packet->info,
                         &packet->hash, (uint32_t)more, cookie));
}

/* Version 9 knows nothing of Pause: its record ends before it, and what lies there must survive. */
static bool receive_record(const struct subscriber *subscriber, uint32_t queue, struct rx_packet *packet, void *cookie,
                           bool more)
{
    struct XENVIF_VIF_CALLBACK_PARAMETERS_V10 parameters;

    parameters.ReceiverQueuePacket.Index = queue;
    parameters.ReceiverQueuePacket.Mdl = packet->mdl;
    parameters.ReceiverQueuePacket.Offset = packet->offset;
    parameters.ReceiverQueuePacket.Length = packet->length;
    parameters.ReceiverQueuePacket.Flags.Value = packet->checksum;
    parameters.ReceiverQueuePacket.MaximumSegmentSize = packet->mss;
    parameters.ReceiverQueuePacket.TagControlInformation = packet->tci;
    parameters.ReceiverQueuePacket.Info = &packet->info;
    parameters.ReceiverQueuePacket.Hash = &packet->hash;
    parameters.ReceiverQueuePacket.More = more;
    parameters.ReceiverQueuePacket.Cookie = cookie;
    parameters.ReceiverQueuePacket.Pause = 0;
    DRIVER_CALL_VOID("ReceiverQueuePacket", ((callback_record *)subscriber->callback)(
                                                subscriber->argument, XENVIF_RECEIVER_QUEUE_PACKET, &parameters));
    RULE(subscriber->version == CALLBACK_PAUSE || parameters.ReceiverQueuePacket.Pause == 0, "vif-record",
         "the callback wrote %s", "behind the version 9 parameter record");
    return parameters.ReceiverQueuePacket.Pause != 0;
}

bool callback_receive(struct vif *vif, uint32_t queue, struct rx_packet *packet, void *cookie, bool more)
{
    struct subscriber *subscriber = &vif->subscriber;

    order_acquire(subscriber);
    if (__builtin_expect(timeline_on, 0)) {
        timeline_packet(packet->flow, STEP_NEXT, LANE_RECEIVE_XENVIF, queue, "to the driver");
        timeline_known_as((uint64_t)(uintptr_t)packet->mdl, packet->flow);
    }
    if (subscriber->version == CALLBACK_PAUSE) {
        return receive_record(subscriber, queue, packet, cookie, more);
    }
    if (subscriber->version == CALLBACK_RECORD) {
        receive_record(subscriber, queue, packet, cookie, more);
    } else {
        receive_variable(subscriber, queue, packet, cookie, more);
    }
    subscriber->queued[queue] = more ? subscriber->queued[queue] + 1 : 0;
    if (subscriber->queued[queue] <= MAX_QUEUED) {
        return false;
    }
    subscriber->queued[queue] = 0;
    return true;
}

void callback_mac(struct vif *vif)
{
    struct subscriber *subscriber = &vif->subscriber;

    __atomic_add_fetch(&subscriber->in_mac, 1, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&subscriber->enabled, __ATOMIC_SEQ_CST)) {
        order_acquire(subscriber);
        if (subscriber->version == CALLBACK_VARIABLE) {
            DRIVER_CALL_VOID("MacStateChange", ((callback_variable *)subscriber->callback)(subscriber->argument,
                                                                                           XENVIF_MAC_STATE_CHANGE));
        } else {
            DRIVER_CALL_VOID("MacStateChange", ((callback_record *)subscriber->callback)(
                                                   subscriber->argument, XENVIF_MAC_STATE_CHANGE, NULL));
        }
    }
    order_release(&subscriber->in_mac);
    __atomic_sub_fetch(&subscriber->in_mac, 1, __ATOMIC_SEQ_CST);
    sched_wake(&subscriber->in_mac, UINT_MAX);
    __atomic_add_fetch(&subscriber->mac_count, 1, __ATOMIC_SEQ_CST);
    sched_wake(&subscriber->mac_count, UINT_MAX);
}
