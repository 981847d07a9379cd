/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nothing of an x86 image is replaced: there is no CR8, calls of the kernel raise and lower the IRQL. A driver that
 * spins with `pause` on memory of its own would hang in a simulated run; xennet.sys has no such loop. Pageable code is
 * out of reach in simulated runs only, where pages are taken away.
 */
#include "image/image_internal.h"

void image_patch(struct image *image)
{
    (void)image;
}

void image_patch_free(struct image *image)
{
    (void)image;
}

bool image_patch_wants_room(const struct image *image, const uint8_t *file)
{
    (void)image;
    (void)file;
    return false;
}

const void *image_pageable_stub(const void *entry)
{
    (void)entry;
    return NULL;
}

const void *image_pageable_origin(const void *address)
{
    (void)address;
    return NULL;
}
