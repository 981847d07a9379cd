/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ksecdd.sys' BCrypt, as far as a network bus driver uses it: SHA-1 of a buffer (XenVif makes a device's container ID
 * of it). The digest itself is libnettle's. Rules: a provider that was not opened for DISPATCH_LEVEL is used at
 * PASSIVE_LEVEL only (Microsoft, BCryptOpenAlgorithmProvider). Handles that are none, and a finished hash that is fed,
 * fail.
 */
#include <nettle/sha1.h>
#include <string.h>

#include "nt/areas.h"
#include "nt/export/register.h"
#include "nt/nt.h"
#include "nt/rtl/rtl.h"
#include "nt/rtl/utf.h"

enum { PROVIDER_DISPATCH = 1, OBJECT_BYTES = 256, HASH_OPEN = 0x68736148, HASH_DONE = 0x656e6f44 };

#define STATUS_INVALID_HANDLE ((int32_t)0xC0000008)

struct algorithm {
    uint8_t highest; /* IRQL */
};

struct hash {
    uint32_t kind;
    const struct algorithm *algorithm;
    struct sha1_ctx context;
};
_Static_assert(sizeof(struct hash) <= OBJECT_BYTES, "the object that the caller gives");

static struct algorithm sha1[2] = { { PASSIVE_LEVEL }, { DISPATCH_LEVEL } };
static uint32_t algorithms_open;

static bool is_algorithm(const struct algorithm *algorithm)
{
    return algorithm == &sha1[0] || algorithm == &sha1[1];
}

static void check_irql(const struct algorithm *algorithm, const char *function)
{
    RULE(irql_current() <= algorithm->highest, "irql", "%s called at IRQL %u with a provider for %s", function,
         irql_current(), "PASSIVE_LEVEL");
}

static bool is(const uint16_t *wide, const char *text)
{
    char narrow[40];

    utf8_from_utf16(narrow, sizeof(narrow), wide, utf16_length(wide));
    return strcmp(narrow, text) == 0;
}

static MS_ABI int32_t nt_BCryptOpenAlgorithmProvider(struct algorithm **algorithm, const uint16_t *id,
                                                     const uint16_t *implementation, uint32_t flags)
{
    (void)implementation;
    if ((flags & ~(uint32_t)PROVIDER_DISPATCH) != 0 || !is(id, "SHA1")) {
        return STATUS_NOT_SUPPORTED;
    }
    __atomic_add_fetch(&algorithms_open, 1, __ATOMIC_RELAXED);
    *algorithm = &sha1[flags & PROVIDER_DISPATCH];
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_BCryptCloseAlgorithmProvider(struct algorithm *algorithm, uint32_t flags)
{
    (void)flags;
    if (!is_algorithm(algorithm) || __atomic_load_n(&algorithms_open, __ATOMIC_RELAXED) == 0) {
        return STATUS_INVALID_HANDLE;
    }
    __atomic_sub_fetch(&algorithms_open, 1, __ATOMIC_RELAXED);
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_BCryptGetProperty(const struct algorithm *algorithm, const uint16_t *name, void *value,
                                           uint32_t size, uint32_t *got, uint32_t flags)
{
    uint32_t number;

    (void)flags;
    if (!is_algorithm(algorithm)) {
        return STATUS_INVALID_HANDLE;
    }
    check_irql(algorithm, "BCryptGetProperty");
    if (is(name, "ObjectLength")) {
        number = OBJECT_BYTES;
    } else if (is(name, "HashDigestLength")) {
        number = SHA1_DIGEST_SIZE;
    } else {
        return STATUS_NOT_SUPPORTED;
    }
    *got = sizeof(number);
    if (size < sizeof(number)) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    memcpy(value, &number, sizeof(number));
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_BCryptCreateHash(const struct algorithm *algorithm, struct hash **made, struct hash *object,
                                          uint32_t size, const void *secret, uint32_t secret_size, uint32_t flags)
{
    (void)flags;
    RULE(secret == NULL && secret_size == 0, "unsupported", "BCryptCreateHash with a %s", "secret");
    if (!is_algorithm(algorithm)) {
        return STATUS_INVALID_HANDLE;
    }
    check_irql(algorithm, "BCryptCreateHash");
    if (size < OBJECT_BYTES) {
        return STATUS_BUFFER_TOO_SMALL;
    }
    object->kind = HASH_OPEN;
    object->algorithm = algorithm;
    sha1_init(&object->context);
    *made = object;
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_BCryptHashData(struct hash *hash, const uint8_t *data, uint32_t size, uint32_t flags)
{
    (void)flags;
    if (hash->kind != HASH_OPEN) {
        return STATUS_INVALID_HANDLE;
    }
    check_irql(hash->algorithm, "BCryptHashData");
    sha1_update(&hash->context, size, data);
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_BCryptFinishHash(struct hash *hash, uint8_t *digest, uint32_t size, uint32_t flags)
{
    (void)flags;
    if (hash->kind != HASH_OPEN) {
        return STATUS_INVALID_HANDLE;
    }
    if (size != SHA1_DIGEST_SIZE) {
        return STATUS_INVALID_PARAMETER;
    }
    check_irql(hash->algorithm, "BCryptFinishHash");
    sha1_digest(&hash->context, SHA1_DIGEST_SIZE, digest);
    hash->kind = HASH_DONE;
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_BCryptDestroyHash(struct hash *hash)
{
    if (hash->kind != HASH_OPEN && hash->kind != HASH_DONE) {
        return STATUS_INVALID_HANDLE;
    }
    hash->kind = 0;
    return STATUS_SUCCESS;
}

#define UP_TO(X, name, highest) X("ksecdd.sys", name, nt_##name, PASSIVE_LEVEL, highest, WINDOWS_7)
#define BCRYPT_EXPORTS(X)                                                                                              \
    UP_TO(X, BCryptOpenAlgorithmProvider, PASSIVE_LEVEL)                                                               \
    UP_TO(X, BCryptCloseAlgorithmProvider, PASSIVE_LEVEL)                                                              \
    UP_TO(X, BCryptGetProperty, DISPATCH_LEVEL)                                                                        \
    UP_TO(X, BCryptCreateHash, DISPATCH_LEVEL)                                                                         \
    UP_TO(X, BCryptHashData, DISPATCH_LEVEL)                                                                           \
    UP_TO(X, BCryptFinishHash, DISPATCH_LEVEL)                                                                         \
    UP_TO(X, BCryptDestroyHash, DISPATCH_LEVEL)

void bcrypt_start(void)
{
    EXPORT_REGISTER(BCRYPT_EXPORTS);
}

void bcrypt_stop(void)
{
    algorithms_open = 0;
}

void bcrypt_leaks(struct leaks *leaks)
{
    if (algorithms_open != 0) {
        leak_add(leaks, "%u BCrypt algorithm providers not closed", algorithms_open);
    }
}
