/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The releases of XenVif that the stand-in can behave like (`--xenvif-like NAME`). Releases differ in what a driver
 * above them meets; each difference is one field here and one column of the table in release.c, and the stand-in's code
 * asks `vif->release->FIELD` where the difference is. What all releases have in common is no field: the stand-in does
 * that.
 *
 * `strict`, the default, takes of every column the value that is hardest on the driver and still leaves the feature
 * there to be tested: it refuses what some release refuses, but never lacks a feature that some release has.
 */
#ifndef TESTBED_XENVIF_RELEASE_H
#define TESTBED_XENVIF_RELEASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Disable with requests at a backend whose state is Connected. */
enum vif_disable {
    VIF_DISABLE_LOOPS,  /* waits at DISPATCH_LEVEL until the last response is there, for ever if need be */
    VIF_DISABLE_RESETS, /* since 2021-07: waits 100 ms, begins the shared page anew and answers its own requests;
                           Linux's netback then finds an impossible number of requests and disables the device for good
                         */
};

/* What goes over the control ring when the subscriber changes how received packets are hashed (control.c). */
enum vif_hash {
    VIF_HASH_NONE_IS_TOEPLITZ, /* NONE asks for Toeplitz with a table of one entry: all on queue 0 */
    VIF_HASH_UNTRANSLATED, /* the backend gets XenVif's number of the algorithm: Toeplitz is one that it does not know
                            */
    VIF_HASH_WHEN_ENABLED, /* nothing at all until enabled, Enable itself included, and success all the same */
    VIF_HASH_PLAIN,        /* NONE and UNSPECIFIED switch hashing off, and that has to be answered */
};

enum vif_device_id {
    VIF_DEVICE_ID_REVISION, /* XENVIF\VEN_XP0002&DEV_NET&REV_08000001, the newest revision: until 2023-09 */
    VIF_DEVICE_ID_VENDOR,   /* XENVIF\VEN_XP0002&DEV_NET */
    VIF_DEVICE_ID_PREFIX,   /* XENVIF\VEN_XP&DEV_NET: since 2025-08 */
};

struct vif_release {
    const char *name;
    uint32_t oldest, newest;  /* VIF interface versions: --vif may be one of them, the default is the newest */
    enum vif_disable disable; /* transmit_poll.c */
    bool reconnects;          /* frontend.c: connects again to a backend that went to Closing or away and comes back; no
                                 release does, but without it nothing that comes after a backend can be tested */
    bool writes_checksums;    /* receive.c: what the backend left blank, asked or not (its own default) */
    bool threaded_receive;    /* receive.c: callbacks come from a threaded DPC, at PASSIVE_LEVEL between two packets; in
                                 simulated runs */
    bool strip_corrupts; /* receive_process.c: a tag taken out moves the MDL's mapped address and nothing else (until
                            2024-03) */
    enum vif_device_id device_id; /* pdo.c */
    bool enable_needs_control;    /* frontend_connect.c: Enable fails at a backend without control ring */
    enum vif_hash hash;
    bool hashes_when_enabled;     /* interface.c: what the backend can hash is answered only while enabled */
    bool queue_is_index;          /* interface.c: in a table of processors the index is the queue, until 2022-03 */
    uint32_t control_patience_ms; /* control.c: how long each request waits, at DISPATCH_LEVEL; 0: for ever */
};

/* NULL: no release of that name. */
const struct vif_release *vif_release_find(const char *name);
extern const struct vif_release vif_releases[]; /* a row without a name ends it; the first is the default */

/* False and one sentence in `error`: the release does not offer this version of VIF. */
bool vif_release_offers(const struct vif_release *release, uint32_t version, char *error, size_t size);

#endif
