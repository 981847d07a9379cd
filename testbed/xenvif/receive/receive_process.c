/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From what the backend sent to what the subscriber gets, as XenVif does it: headers pulled into a buffer of their own
 * with the payload's pages behind it, address filter, VLAN tag taken out, checksums looked at as far as the subscriber
 * wants it.
 *
 * Runs in the ring's DPC. Everything in the pages came from the backend: lengths are checked against the pages before
 * use.
 */
#include <string.h>

#include "xenvif/receive/receive_internal.h"
#include "xenvif/state.h"

#define FIRST_LOOK 192u

void process_drop(struct rx_ring *ring, struct rx_packet *packet)
{
    ring->statistics[XENVIF_RECEIVER_PACKETS_DROPPED]++;
    pool_packet_free(ring, packet);
}

static uint32_t peek(const struct rx_packet *packet, uint8_t *to, uint32_t most)
{
    uint32_t copied = 0;

    for (uint32_t i = 0; i < packet->page_count && copied < most; i++) {
        const struct MDL *mdl = packet->pages[i]->mdl;
        uint32_t piece = mdl->ByteCount < most - copied ? mdl->ByteCount : most - copied;

        memcpy(to + copied, mdl->MappedSystemVa, piece);
        copied += piece;
    }
    return copied;
}

static void link_pages(struct rx_packet *packet)
{
    struct MDL *last = packet->mdl;

    for (uint32_t i = 0; i < packet->page_count; i++) {
        last->Next = packet->pages[i]->mdl;
        last = last->Next;
    }
    last->Next = NULL;
}

/* `to` may be NULL: the bytes were copied already. */
void process_pull(struct rx_ring *ring, struct rx_packet *packet, uint8_t *to, uint32_t length)
{
    uint32_t empty = 0;

    while (length != 0 && empty < packet->page_count) {
        struct MDL *mdl = packet->pages[empty]->mdl;
        uint32_t piece = mdl->ByteCount < length ? mdl->ByteCount : length;

        if (to != NULL) {
            memcpy(to, mdl->MappedSystemVa, piece);
            to += piece;
        }
        mdl->MappedSystemVa = (uint8_t *)mdl->MappedSystemVa + piece;
        mdl->ByteOffset += piece;
        mdl->ByteCount -= piece;
        length -= piece;
        if (mdl->ByteCount == 0) {
            pool_page_free(ring, packet->pages[empty++]);
        }
    }
    packet->page_count = (uint16_t)(packet->page_count - empty);
    memmove(packet->pages, packet->pages + empty, packet->page_count * sizeof(packet->pages[0]));
    link_pages(packet);
}

static bool pull_headers(struct rx_ring *ring, struct rx_packet *packet, uint32_t backfill)
{
    uint8_t *headers = packet->headers + backfill;
    uint32_t room = RX_HEADER_BYTES - backfill, available = peek(packet, headers, FIRST_LOOK);
    enum packet_parse result = packet_parse(headers, available, packet->length, &packet->info);

    if (result == PACKET_MORE) {
        available = peek(packet, headers, room < MAX_HEADERS ? room : MAX_HEADERS);
        result = packet_parse(headers, available, packet->length, &packet->info);
    }
    if (result != PACKET_PARSED) {
        ring->statistics[XENVIF_RECEIVER_FRONTEND_ERRORS]++;
        return false;
    }
    packet->offset = backfill;
    packet->mdl->ByteCount = backfill + packet->info.Length;
    process_pull(ring, packet, NULL, packet->info.Length);
    return true;
}

static void strip_tag(const struct rx_settings *settings, struct rx_packet *packet)
{
    uint8_t *headers = packet->headers + packet->offset;

    if (packet->info.EthernetHeader.Length == ETHERNET_HEADER || !settings->options.OffloadTagManipulation) {
        return;
    }
    packet->tci = get16(headers + 14);
    packet->stripped = true;
    memmove(headers + VLAN_TAG_BYTES, headers, 12);
    packet->offset += VLAN_TAG_BYTES;
    packet->length -= VLAN_TAG_BYTES;
    packet_shift(&packet->info, -(int32_t)VLAN_TAG_BYTES);
}

/* XenVif moves the MDL over the bytes that are gone, or, until 2024-03, its mapped address alone. */
static void move_mdl(const struct rx_ring *ring, struct rx_packet *packet)
{
    if (!packet->stripped) {
        return;
    }
    packet->offset -= VLAN_TAG_BYTES;
    packet->mdl->MappedSystemVa = (uint8_t *)packet->mdl->MappedSystemVa + VLAN_TAG_BYTES;
    if (!ring->vif->release->strip_corrupts) {
        packet->mdl->ByteOffset += VLAN_TAG_BYTES;
        packet->mdl->ByteCount -= VLAN_TAG_BYTES;
    }
}

/* The verdict on a TCP or UDP checksum: 0 succeeded, 1 failed, 2 not validated; the places in XenVif's flags. */
static uint32_t judge_transport(const struct rx_settings *settings, struct rx_packet *packet, uint8_t *headers,
                                uint8_t *field)
{
    const struct XENVIF_PACKET_INFO_V2 *info = &packet->info;
    bool udp = info->UdpHeader.Length != 0, ipv4 = packet_ip_version(headers, info) == 4;
    bool wanted =
        udp ? (ipv4 ? settings->options.OffloadIpVersion4UdpChecksum : settings->options.OffloadIpVersion6UdpChecksum)
            : (ipv4 ? settings->options.OffloadIpVersion4TcpChecksum : settings->options.OffloadIpVersion6TcpChecksum);
    bool validated = (packet->flags & NETRXF_data_validated) != 0; /* csum_blank alone does not vouch for anything */
    uint32_t ip_end = ipv4 ? info->IpHeader.Offset + get16(headers + info->IpHeader.Offset + 2)
                           : info->IpHeader.Offset + 40u + get16(headers + info->IpHeader.Offset + 4);
    uint32_t payload = packet->length - info->Length;
    uint32_t verdict = 2;

    if (ip_end >= info->Length && ip_end - info->Length < payload) {
        payload = ip_end - info->Length; /* Ethernet padding is not summed */
    }
    if (wanted && (validated || (udp && ipv4 && get16(field) == 0))) {
        verdict = 0;
    } else if (wanted) {
        uint16_t expected = packet_transport_checksum(headers, info, packet->mdl->Next, 0, payload);

        verdict = get16(field) != expected && (expected != 0 || get16(field) != 0xffff);
    }
    /* Of UDP too what was summed up, zero as zero: no release writes ones instead, as RFC 768 has it. */
    if (settings->options.NeedChecksumValue && validated) {
        put16(field, packet_transport_checksum(headers, info, packet->mdl->Next, 0, payload));
    }
    return verdict;
}

static void judge_checksums(const struct rx_settings *settings, struct rx_packet *packet)
{
    const struct XENVIF_PACKET_INFO_V2 *info = &packet->info;
    uint8_t *headers = packet->headers + packet->offset;
    uint32_t verdict;

    packet->checksum = 0;
    if (packet_ip_version(headers, info) == 4) {
        verdict = 2;
        if (settings->options.OffloadIpVersion4HeaderChecksum) {
            verdict = get16(headers + info->IpHeader.Offset + 10) != packet_ip_checksum(headers, info);
        }
        packet->checksum |= 1u << verdict;
        packet->marks |= 1u << (MARK_IP_SUCCEEDED + verdict);
    }
    if (info->TcpHeader.Length != 0) {
        verdict = judge_transport(settings, packet, headers, headers + info->TcpHeader.Offset + 16);
        packet->checksum |= 1u << (3 + verdict);
        packet->marks |= 1u << (MARK_TCP_SUCCEEDED + verdict);
    } else if (info->UdpHeader.Length != 0) {
        verdict = judge_transport(settings, packet, headers, headers + info->UdpHeader.Offset + 6);
        packet->checksum |= 1u << (6 + verdict);
        packet->marks |= 1u << (MARK_UDP_SUCCEEDED + verdict);
    }
}

void process_finish(struct rx_ring *ring, const struct rx_settings *settings, struct rx_packet *packet)
{
    const struct XENVIF_PACKET_INFO_V2 *info = &packet->info;
    uint8_t version;

    strip_tag(settings, packet);
    version = packet_ip_version(packet->headers + packet->offset, info);
    packet->marks = (uint16_t)((info->EthernetHeader.Length > ETHERNET_HEADER) << MARK_TAGGED |
                               (info->LLCSnapHeader.Length != 0) << MARK_LLC | (version == 4) << MARK_IPV4 |
                               (version == 6) << MARK_IPV6 | (info->TcpHeader.Length != 0) << MARK_TCP |
                               (info->UdpHeader.Length != 0) << MARK_UDP | (packet->mss != 0) << MARK_GSO);
    judge_checksums(settings, packet);
    move_mdl(ring, packet);
    packet->next = NULL;
    *ring->last_ready = packet;
    ring->last_ready = &packet->next;
}

/* The first page of payload has less room before it than the subscriber wants: move it into one that has. */
static bool make_room(struct rx_ring *ring, const struct rx_settings *settings, struct rx_packet *packet)
{
    struct rx_page *page;
    uint32_t length;

    if (packet->page_count == 0 || packet->pages[0]->mdl->ByteOffset >= settings->backfill) {
        return true;
    }
    page = packet->page_count < RX_PAGES_PER_PACKET ? pool_page(ring) : NULL;
    if (page == NULL) {
        return false;
    }
    length = packet->pages[0]->mdl->ByteCount;
    if (length > XEN_PAGE_SIZE - settings->backfill) {
        length = XEN_PAGE_SIZE - settings->backfill;
    }
    page->mdl->ByteOffset = settings->backfill;
    page->mdl->MappedSystemVa = page->address + settings->backfill;
    page->mdl->ByteCount = length;
    process_pull(ring, packet, page->mdl->MappedSystemVa, length);
    memmove(packet->pages + 1, packet->pages, packet->page_count * sizeof(packet->pages[0]));
    packet->pages[0] = page;
    packet->page_count++;
    link_pages(packet);
    return true;
}

static void process_standard(struct rx_ring *ring, const struct rx_settings *settings, struct rx_packet *packet)
{
    uint32_t payload = packet->length - packet->info.Length;

    if (packet->length > settings->max_frame_bytes) {
        process_drop(ring, packet);
        return;
    }
    if (packet->info.LLCSnapHeader.Length != 0 && packet->mdl->ByteCount + payload <= RX_HEADER_BYTES) {
        process_pull(ring, packet, packet->headers + packet->mdl->ByteCount,
                     payload); /* old protocols want one piece */
        packet->mdl->ByteCount += payload;
    }
    if (!make_room(ring, settings, packet)) {
        process_drop(ring, packet);
        return;
    }
    process_finish(ring, settings, packet);
}

void process_packet(struct rx_ring *ring, const struct rx_settings *settings, struct rx_packet *packet)
{
    if (!pull_headers(ring, packet, settings->backfill) || !mac_allows(ring->vif, packet->headers + packet->offset)) {
        process_drop(ring, packet);
        return;
    }
    if (packet->mss != 0) {
        process_large(ring, settings, packet);
    } else {
        process_standard(ring, settings, packet);
    }
}
