/* SPDX-License-Identifier: BSD-2-Clause */
/* The hash of toeplitz.h. Called for each frame by the backend when the frontend set a hash, and by whoever acts as a
 * stack. */
#include "wire/toeplitz.h"

#include <string.h>

#include "wire/parse.h"

uint32_t toeplitz(const uint8_t key[TOEPLITZ_KEY_BYTES], const uint8_t *input, size_t length)
{
    uint64_t window = 0; /* the upper half holds the 32 key bits under the current input bit */
    uint32_t hash = 0;
    size_t i;

    for (i = 0; i < 8; i++) {
        window = window << 8 | key[i];
    }
    for (i = 0; i < length; i++) {
        uint32_t byte = input[i], bit;

        for (bit = 0; bit < 8; bit++) {
            hash ^= (uint32_t)(window >> 32) & (0u - (byte >> 7 & 1));
            byte <<= 1;
            window <<= 1;
        }
        window |= i + 8 < TOEPLITZ_KEY_BYTES ? key[i + 8] : 0;
    }
    return hash;
}

enum flow_hash frame_flow_hash(const struct frame *frame, const uint8_t key[TOEPLITZ_KEY_BYTES], uint32_t kinds,
                               uint32_t *value)
{
    struct layout layout;
    uint8_t input[36];
    uint32_t addresses;
    bool tcp;
    enum flow_hash plain, with_ports;

    *value = 0;
    if (!frame_parse(frame, &layout) || layout.version == 0) {
        return FLOW_HASH_NONE;
    }
    tcp = layout.protocol == PROTOCOL_TCP && layout.transport != 0 && !layout.fragment;
    if (layout.version == 4) {
        plain = FLOW_HASH_IPV4;
        with_ports = FLOW_HASH_IPV4_TCP;
        addresses = 8;
        memcpy(input, layout.headers + layout.network + 12, addresses);
    } else {
        plain = FLOW_HASH_IPV6;
        with_ports = FLOW_HASH_IPV6_TCP;
        addresses = 32;
        memcpy(input, layout.headers + layout.network + 8, addresses);
    }
    if (tcp && (kinds & with_ports) != 0) {
        memcpy(input + addresses, layout.headers + layout.transport, 4);
        *value = toeplitz(key, input, addresses + 4);
        return with_ports;
    }
    if ((kinds & plain) != 0) {
        *value = toeplitz(key, input, addresses);
        return plain;
    }
    return FLOW_HASH_NONE;
}
