/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A coalesced packet for a subscriber that does not take it as it is: with NeedLargePacketSplit one segment is cut off
 * its front, without large packets at all it is cut into segments altogether. Each segment is a packet of its own with
 * copied headers and payload. Runs in the ring's DPC.
 */
#include <string.h>

#include "xenvif/receive/receive_internal.h"
#include "xenvif/state.h"

enum { FLAG_FIN = 0x01, FLAG_PSH = 0x08, FLAG_CWR = 0x80 };

static uint32_t headers_behind_ethernet(const struct XENVIF_PACKET_INFO_V2 *info)
{
    return info->Length - info->EthernetHeader.Length;
}

static void set_ip_length(uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info, uint32_t payload)
{
    uint8_t *ip = headers + info->IpHeader.Offset;
    uint32_t length = headers_behind_ethernet(info) + payload;

    if (ip[0] >> 4 == 4) {
        put16(ip + 2, length);
        put16(ip + 10, packet_ip_checksum(headers, info));
    } else {
        put16(ip + 4, length - info->IpHeader.Length);
    }
}

static bool copy_segment(struct rx_ring *ring, const struct rx_settings *settings, struct rx_packet *packet,
                         struct rx_packet *segment, uint32_t size)
{
    struct MDL *last = segment->mdl;

    while (size != 0) {
        struct rx_page *page = segment->page_count < RX_PAGES_PER_PACKET ? pool_page(ring) : NULL;
        uint32_t piece = XEN_PAGE_SIZE - settings->backfill;

        if (page == NULL) {
            return false;
        }
        piece = piece < size ? piece : size;
        page_used(page, settings->backfill + piece);
        page->mdl->ByteOffset = settings->backfill;
        page->mdl->MappedSystemVa = page->address + settings->backfill;
        page->mdl->ByteCount = piece;
        process_pull(ring, packet, page->mdl->MappedSystemVa, piece);
        segment->pages[segment->page_count++] = page;
        last->Next = page->mdl;
        last = page->mdl;
        size -= piece;
    }
    return true;
}

/* The first `size` bytes of payload become a packet; what stays gets the headers that follow it. NULL: no memory. */
static struct rx_packet *cut(struct rx_ring *ring, const struct rx_settings *settings, struct rx_packet *packet,
                             uint32_t size)
{
    const struct XENVIF_PACKET_INFO_V2 *info = &packet->info;
    uint8_t *rest = packet->headers + packet->offset, *headers, *ip = rest + info->IpHeader.Offset,
            *tcp = rest + info->TcpHeader.Offset;
    struct rx_packet *segment = pool_packet(ring);

    if (segment == NULL) {
        return NULL;
    }
    headers = segment->headers + packet->offset;
    memcpy(headers, rest, info->Length);
    segment->info = *info;
    segment->hash = packet->hash;
    segment->flags = packet->flags;
    segment->offset = packet->offset;
    segment->length = info->Length + size;
    segment->mdl->ByteCount = segment->offset + info->Length;
    if (!copy_segment(ring, settings, packet, segment, size)) {
        pool_packet_free(ring, segment);
        return NULL;
    }
    headers[info->TcpHeader.Offset + 13] &= (uint8_t) ~(FLAG_PSH | FLAG_FIN);
    set_ip_length(headers, info, size);
    packet->length -= size;
    if (ip[0] >> 4 == 4) {
        put16(ip + 4, get16(ip + 4) + 1u);
    }
    put32(tcp + 4, get32(tcp + 4) + size);
    tcp[13] &= (uint8_t)~FLAG_CWR;
    set_ip_length(rest, info, packet->length - info->Length);
    return segment;
}

void process_large(struct rx_ring *ring, const struct rx_settings *settings, struct rx_packet *packet)
{
    bool ipv4 = packet_ip_version(packet->headers + packet->offset, &packet->info) == 4, whole;
    uint32_t left = packet->length - packet->info.Length;

    if (packet->info.TcpHeader.Length == 0 || !(packet->flags & NETRXF_data_validated) || left == 0) {
        ring->statistics[XENVIF_RECEIVER_FRONTEND_ERRORS]++;
        process_drop(ring, packet);
        return;
    }
    whole = ipv4 ? settings->options.OffloadIpVersion4LargePacket : settings->options.OffloadIpVersion6LargePacket;
    if (whole && !settings->options.NeedLargePacketSplit) {
        process_finish(ring, settings, packet);
        return;
    }
    for (uint32_t cuts = 0; left > packet->mss && (!whole || cuts == 0); cuts++) {
        struct rx_packet *segment = cut(ring, settings, packet, packet->mss);

        if (segment == NULL) {
            process_drop(ring, packet);
            return;
        }
        process_finish(ring, settings, segment);
        left -= packet->mss;
    }
    if (!whole || left < packet->mss) {
        packet->mss = 0;
    }
    process_finish(ring, settings, packet);
}
