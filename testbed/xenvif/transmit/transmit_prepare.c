/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One packet of the subscriber made into netif requests. Headers are copied into a page of the ring's own, where the
 * tag is inserted and lengths and checksums are completed, as XenVif does, so that the subscriber's memory is never
 * written. The payload is granted where it lies, page by page; when it lies outside grantable memory or in too many
 * pieces it is copied.
 *
 * Called by transmit.c with the ring's lock held; allocates nothing. What the subscriber may never ask for breaks rules
 * "vif-packet" (a chain shorter than the packet) and "vif-offload" (options that do not fit the packet or were not
 * offered).
 */
#include <string.h>

#include "nt/memory/mdl.h"
#include "xenvif/state.h"
#include "xenvif/transmit/transmit_internal.h"

#define FIRST_LOOK 192u /* enough for nearly all headers */

/* --- pages and grants --- */

bool prepare_buffer(struct tx_ring *ring, struct tx_fragment *fragment)
{
    struct vif *vif = ring->vif;
    uint16_t buffer;

    if (ring->buffers_free_count == 0) {
        return false;
    }
    buffer = ring->buffers_free[ring->buffers_free_count - 1];
    if (ring->buffer_references[buffer] == 0 &&
        xen_grant(vif->xen, vif->frontend.backend_domid, ring->buffers + (size_t)buffer * XEN_PAGE_SIZE, true,
                  &ring->buffer_references[buffer]) < 0) {
        ring->buffer_references[buffer] = 0;
        return false;
    }
    if (--ring->buffers_free_count < ring->min_buffers_free) {
        ring->min_buffers_free = ring->buffers_free_count;
    }
    *fragment = (struct tx_fragment){ ring->buffer_references[buffer], 0, 0, buffer, NO_INDEX };
    return true;
}

static uint8_t *buffer_address(const struct tx_ring *ring, const struct tx_fragment *fragment)
{
    return ring->buffers + (size_t)fragment->buffer * XEN_PAGE_SIZE;
}

/* Grant the page for reading. The same pages come again and again, so grants are kept by page; an entry in use by
 * another page makes this grant a passing one. */
static bool grant_page(struct tx_ring *ring, const uint8_t *page, struct tx_fragment *fragment)
{
    struct vif *vif = ring->vif;
    struct tx_cached *entry;
    uint32_t index = (uint32_t)((uintptr_t)page / XEN_PAGE_SIZE) % TX_CACHED_GRANTS;

    fragment->buffer = NO_INDEX;
    fragment->cached = NO_INDEX;
    if (vif->options.grant_per_packet) {
        return xen_grant(vif->xen, vif->frontend.backend_domid, page, true, &fragment->reference) == 0;
    }
    entry = &ring->cache[index];
    if (entry->page != page) {
        if (entry->page != NULL && (entry->uses != 0 || xen_ungrant(vif->xen, entry->reference) < 0)) {
            return xen_grant(vif->xen, vif->frontend.backend_domid, page, true, &fragment->reference) == 0;
        }
        entry->page = NULL;
        if (xen_grant(vif->xen, vif->frontend.backend_domid, page, true, &entry->reference) < 0) {
            return false;
        }
        entry->page = page;
        if (!entry->listed) {
            entry->listed = true;
            ring->cached[ring->cached_count++] = (uint16_t)index;
        }
    }
    entry->uses++;
    fragment->cached = (uint16_t)index;
    fragment->reference = entry->reference;
    return true;
}

void prepare_release(struct tx_ring *ring, const struct tx_fragment *fragment)
{
    if (fragment->buffer != NO_INDEX) {
        ring->buffers_free[ring->buffers_free_count++] = fragment->buffer;
    } else if (fragment->cached != NO_INDEX) {
        ring->cache[fragment->cached].uses--;
    } else if (fragment->reference != 0) {
        xen_ungrant(ring->vif->xen, fragment->reference);
    }
}

void prepare_undo(struct tx_ring *ring, const struct tx_plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++) {
        prepare_release(ring, &plan->fragments[i]);
    }
}

/* --- headers --- */

static uint32_t copy_out(struct MDL *mdl, uint32_t offset, uint8_t *to, uint32_t length)
{
    uint32_t copied = 0;

    while (mdl != NULL && copied < length) {
        if (offset >= mdl->ByteCount) {
            offset -= mdl->ByteCount;
        } else {
            uint32_t here = mdl->ByteCount - offset < length - copied ? mdl->ByteCount - offset : length - copied;

            memcpy(to + copied, (const uint8_t *)mdl_map(mdl) + offset, here);
            copied += here;
            offset = 0;
        }
        mdl = mdl->Next;
    }
    return copied;
}

static uint32_t copy_headers(struct MDL *mdl, uint32_t offset, uint32_t length, uint8_t *to, uint32_t most)
{
    uint32_t wanted = length < most ? length : most, copied = copy_out(mdl, offset, to, wanted);

    RULE(copied == wanted, "vif-packet", "a packet of %u bytes runs past the end of its MDL chain", length);
    return wanted;
}

void transmit_look(struct MDL *mdl, uint32_t offset, uint32_t length, uint8_t headers[MAX_HEADERS],
                   struct XENVIF_PACKET_INFO_V2 *info)
{
    uint32_t first = mdl != NULL && mdl->ByteCount > offset ? mdl->ByteCount - offset : FIRST_LOOK;
    uint32_t copied = copy_headers(mdl, offset, length, headers, first < FIRST_LOOK ? first : FIRST_LOOK);

    /* Headers in an MDL of their own are all that is looked at: the payload may be in another processor's cache. */
    if (packet_parse(headers, copied, length, info) == PACKET_MORE) {
        copied = copy_headers(mdl, offset, length, headers, MAX_HEADERS);
        packet_parse(headers, copied, length, info);
    }
}

static void insert_tag(struct tx_packet *packet, uint8_t *headers, struct XENVIF_PACKET_INFO_V2 *info)
{
    memmove(headers + 16, headers + 12, info->Length - 12);
    put16(headers + 12, 0x8100);
    put16(headers + 14, packet->tci);
    packet_shift(info, VLAN_TAG_BYTES);
    packet->sent += VLAN_TAG_BYTES;
}

/* The lengths in the headers become those of the whole packet; what must be offloaded with it is. */
static void prepare_large(struct tx_packet *packet, uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info,
                          struct tx_plan *plan)
{
    uint8_t *ip = headers + info->IpHeader.Offset, version = packet_ip_version(headers, info);
    uint32_t length = info->IpOptions.Length + info->TcpHeader.Length + info->TcpOptions.Length + packet->payload;
    uint8_t asked = packet->options.OffloadIpVersion4LargePacket ? 4 : 6;

    RULE(info->TcpHeader.Length != 0 && version == asked, "vif-offload",
         "IPv%u large packet without IPv%u and TCP headers", asked, asked);
    RULE(packet->mss != 0 && packet->mss <= packet->payload, "vif-offload",
         "large packet of %u bytes payload with MSS %u", packet->payload, packet->mss);
    if (version == 4) {
        put16(ip + 2, info->IpHeader.Length + length);
        packet->options.OffloadIpVersion4HeaderChecksum = 1;
        packet->options.OffloadIpVersion4TcpChecksum = 1;
    } else {
        put16(ip + 4, length);
        packet->options.OffloadIpVersion6TcpChecksum = 1;
    }
    if (packet->mss != packet->payload) {
        plan->gso_type = version == 4 ? XEN_NETIF_GSO_TYPE_TCPV4 : XEN_NETIF_GSO_TYPE_TCPV6;
        plan->mss = packet->mss;
        plan->extras++;
    }
    packet->marks |= 1u << MARK_GSO;
}

static void prepare_checksums(struct tx_packet *packet, uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info,
                              struct tx_plan *plan)
{
    bool tcp = packet->options.OffloadIpVersion4TcpChecksum || packet->options.OffloadIpVersion6TcpChecksum;
    bool udp = packet->options.OffloadIpVersion4UdpChecksum || packet->options.OffloadIpVersion6UdpChecksum;

    if (packet_ip_version(headers, info) == 4) {
        if (packet->options.OffloadIpVersion4HeaderChecksum) {
            put16(headers + info->IpHeader.Offset + 10, packet_ip_checksum(headers, info));
        }
        packet->marks |= 1u << MARK_IP_UNKNOWN;
    }
    if (info->TcpHeader.Length != 0) {
        if (tcp) {
            put16(headers + info->TcpHeader.Offset + 16, packet_pseudo_sum(headers, info, packet->payload));
        }
        packet->marks |= 1u << MARK_TCP_UNKNOWN;
    }
    if (info->UdpHeader.Length != 0) {
        if (udp) {
            put16(headers + info->UdpHeader.Offset + 6, packet_pseudo_sum(headers, info, packet->payload));
        }
        packet->marks |= 1u << MARK_UDP_UNKNOWN;
    }
    if (tcp || udp) {
        RULE((tcp && info->TcpHeader.Length != 0) || (udp && info->UdpHeader.Length != 0), "vif-offload",
             "%s checksum asked for a packet that is not a whole %s packet", tcp ? "TCP" : "UDP", tcp ? "TCP" : "UDP");
        plan->flags |= NETTXF_csum_blank | NETTXF_data_validated;
    }
}

static void mark_headers(struct tx_packet *packet, const uint8_t *headers, const struct XENVIF_PACKET_INFO_V2 *info)
{
    uint8_t version = packet_ip_version(headers, info);

    if (version == 4 && packet->options.OffloadTagManipulation) {
        version = 6; /* as XenVif counts a packet into which it puts a tag */
    }
    packet->type = mac_type(headers);
    packet->marks = (uint16_t)((info->EthernetHeader.Length > ETHERNET_HEADER) << MARK_TAGGED |
                               (info->LLCSnapHeader.Length != 0) << MARK_LLC | (version == 4) << MARK_IPV4 |
                               (version == 6) << MARK_IPV6 | (info->TcpHeader.Length != 0) << MARK_TCP |
                               (info->UdpHeader.Length != 0) << MARK_UDP);
}

/* --- payload --- */

/* False: it cannot be granted as it lies. What was granted is in the plan. */
static bool grant_payload(struct tx_ring *ring, const struct tx_packet *packet, uint32_t skip, struct tx_plan *plan)
{
    const struct MDL *mdl = packet->mdl;
    uint32_t offset = packet->offset + skip, left = packet->payload;

    while (left != 0) {
        const uint8_t *at;
        uint32_t here;

        RULE(mdl != NULL, "vif-packet", "a packet of %u bytes runs past the end of its MDL chain", packet->length);
        if (offset >= mdl->ByteCount) {
            offset -= mdl->ByteCount;
            mdl = mdl->Next;
            continue;
        }
        at = (const uint8_t *)(mdl_frames(mdl)[0] * MDL_PAGE) + mdl->ByteOffset + offset; /* whether mapped or not */
        here = mdl->ByteCount - offset < left ? mdl->ByteCount - offset : left;
        left -= here;
        while (here != 0) {
            struct tx_fragment *fragment = &plan->fragments[plan->count];
            uint32_t in_page = (uint32_t)((uintptr_t)at % XEN_PAGE_SIZE);
            uint32_t piece = XEN_PAGE_SIZE - in_page < here ? XEN_PAGE_SIZE - in_page : here;

            if (plan->count == TX_MAX_FRAGMENTS || !xen_memory_owns(ring->vif->xen, at) ||
                !grant_page(ring, at - in_page, fragment)) {
                return false;
            }
            fragment->offset = (uint16_t)in_page;
            fragment->size = (uint16_t)piece;
            plan->count++;
            at += piece;
            here -= piece;
        }
        offset = 0;
        mdl = mdl->Next;
    }
    return true;
}

/* Behind the headers in their page, then in pages of its own. */
static bool copy_payload(struct tx_ring *ring, const struct tx_packet *packet, uint32_t skip, struct tx_plan *plan,
                         uint32_t padding)
{
    uint32_t done = 0;

    while (done < packet->payload + padding) {
        struct tx_fragment *fragment = &plan->fragments[plan->count - 1];
        uint32_t room = XEN_PAGE_SIZE - fragment->size, data = packet->payload > done ? packet->payload - done : 0;
        uint32_t piece = data < room ? data : room, zeros = data <= room && padding < room - piece ? padding : 0;
        uint8_t *to = buffer_address(ring, fragment) + fragment->size;
        uint32_t copied = copy_out(packet->mdl, packet->offset + skip + done, to, piece);

        RULE(copied == piece, "vif-packet", "a packet of %u bytes runs past the end of its MDL chain", packet->length);
        memset(to + piece, 0, zeros);
        fragment->size = (uint16_t)(fragment->size + piece + zeros);
        done += piece + zeros;
        if (done < packet->payload + padding) {
            if (plan->count == TX_MAX_FRAGMENTS || !prepare_buffer(ring, &plan->fragments[plan->count])) {
                return false;
            }
            plan->count++;
        }
    }
    return true;
}

static void plan_hash(const struct tx_packet *packet, struct tx_plan *plan)
{
    if (packet->hash.Algorithm == XENVIF_PACKET_HASH_ALGORITHM_TOEPLITZ &&
        packet->hash.Type != XENVIF_PACKET_HASH_TYPE_NONE) {
        plan->hash_type = (uint8_t)(packet->hash.Type - XENVIF_PACKET_HASH_TYPE_IPV4 + _XEN_NETIF_CTRL_HASH_TYPE_IPV4);
        plan->hash_value = packet->hash.Value;
        plan->extras++;
    }
}

bool prepare_packet(struct tx_ring *ring, struct tx_packet *packet, struct tx_plan *plan)
{
    struct tx_fragment *first = &plan->fragments[0];
    struct XENVIF_PACKET_INFO_V2 info;
    uint32_t skip, padding = 0;
    uint8_t *headers;
    bool done;

    /* All but the fragments, of which `count` count. */
    plan->count = plan->extras = plan->hash_value = 0;
    plan->flags = plan->mss = 0;
    plan->gso_type = XEN_NETIF_GSO_TYPE_NONE;
    plan->hash_type = NO_HASH;
    if (!prepare_buffer(ring, first)) {
        return false;
    }
    plan->count = 1;
    headers = buffer_address(ring, first);
    transmit_look(packet->mdl, packet->offset, packet->length, headers, &info);
    if (info.Length == 0) {
        prepare_undo(ring, plan);
        return false;
    }
    skip = info.Length;
    packet->payload = packet->length - skip;
    packet->sent = packet->length;
    mark_headers(packet, headers, &info);
    if (packet->options.OffloadTagManipulation) {
        insert_tag(packet, headers, &info);
    }
    if (packet->options.OffloadIpVersion4LargePacket || packet->options.OffloadIpVersion6LargePacket) {
        prepare_large(packet, headers, &info, plan);
    }
    prepare_checksums(packet, headers, &info, plan);
    plan_hash(packet, plan);
    if (packet->sent > UINT16_MAX ||
        (plan->gso_type == 0 && packet->sent > ring->vif->mac.mtu + ETHERNET_HEADER + VLAN_TAG_BYTES)) {
        prepare_undo(ring, plan);
        return false;
    }
    first->size = (uint16_t)info.Length;
    if (packet->sent < MIN_ETHERNET_PACKET) {
        padding = MIN_ETHERNET_PACKET - packet->sent;
        packet->sent = MIN_ETHERNET_PACKET;
        packet->padding = (uint16_t)padding;
        done = copy_payload(ring, packet, skip, plan, padding);
    } else {
        done = grant_payload(ring, packet, skip, plan);
        if (!done) {
            while (plan->count > 1) {
                prepare_release(ring, &plan->fragments[--plan->count]);
            }
            ring->bounced++;
            done = copy_payload(ring, packet, skip, plan, 0);
        }
    }
    if (!done) {
        prepare_undo(ring, plan);
        return false;
    }
    first->size = (uint16_t)packet->sent; /* netif: the first request has the whole packet's size */
    return true;
}
