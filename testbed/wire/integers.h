/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Integers in bytes at any alignment: get16 and its like in network order, get_le16 and its like in the order of
 * Windows' files. The one family of them; whoever reads a packet or an image uses it.
 */
#ifndef TESTBED_WIRE_INTEGERS_H
#define TESTBED_WIRE_INTEGERS_H

#include <stdint.h>

static inline uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}
static inline uint32_t get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void put16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
static inline void put32(uint8_t *p, uint32_t v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xffff);
}

/* The testbed runs on little-endian machines alone, as the driver does. */
static inline uint16_t get_le16(const void *at)
{
    uint16_t v;
    __builtin_memcpy(&v, at, sizeof(v));
    return v;
}
static inline uint32_t get_le32(const void *at)
{
    uint32_t v;
    __builtin_memcpy(&v, at, sizeof(v));
    return v;
}
static inline uint64_t get_le64(const void *at)
{
    uint64_t v;
    __builtin_memcpy(&v, at, sizeof(v));
    return v;
}
static inline void put_le64(void *at, uint64_t v)
{
    __builtin_memcpy(at, &v, sizeof(v));
}

#endif
