/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process has to do after its domain was suspended and resumed as another one. Its channels must have been
 * closed before: the kernel forgets their ports meanwhile. Its watches live on, the kernel sets them again. Its pages
 * are still there, but the new domain's grant table is empty and gntalloc shares only pages that it makes: each area is
 * shared anew, filled from the old one and moved to its address, while no other thread of the process runs, as no
 * processor does in a real resume.
 *
 * Called by the main task at PASSIVE_LEVEL, with no grant and no channel open.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "xen/real/libxen.h"

#define STOP_SIGNAL   (SIGRTMIN + 4)
#define MAX_THREADS   512
#define STOP_PATIENCE 60 /* seconds */

static struct {
    uint32_t stopped, go; /* atomic; `go` is a futex word */
} world;

static void stand_still(int number)
{
    int kept = errno;

    (void)number;
    __atomic_add_fetch(&world.stopped, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&world.go, __ATOMIC_SEQ_CST) == 0) {
        sched_wait(&world.go, 0, SCHED_FOREVER);
    }
    __atomic_sub_fetch(&world.stopped, 1, __ATOMIC_SEQ_CST);
    errno = kept;
}

enum hearing { HEARS, DEAF, UNDECIDED };

/* Does a thread take the signal? libxenstore's reader blocks all signals for good, and sleeps; it never touches what is
 * moved here. A thread that is just being started blocks them too, and runs. */
static enum hearing hearing(pid_t thread)
{
    char path[48], text[4096];
    const char *mask, *state;
    ssize_t length;
    int file;

    snprintf(path, sizeof(path), "/proc/self/task/%d/status", (int)thread);
    file = open(path, O_RDONLY | O_CLOEXEC);
    length = file >= 0 ? read(file, text, sizeof(text) - 1) : -1;
    close(file);
    if (length < 0) {
        return UNDECIDED; /* it has just ended, and will not be found again */
    }
    text[length] = '\0';
    mask = strstr(text, "SigBlk:");
    state = strstr(text, "State:");
    if (mask == NULL || (strtoull(mask + 7, NULL, 16) & (1ull << (STOP_SIGNAL - 1))) == 0) {
        return HEARS;
    }
    return state != NULL && state[7] == 'S' ? DEAF : UNDECIDED;
}

struct signalled {
    pid_t threads[MAX_THREADS];
    size_t count;
};

/* True: look again. */
static bool signal_thread(pid_t thread, struct signalled *signalled)
{
    enum hearing heard;

    for (size_t i = 0; i < signalled->count; i++) {
        if (signalled->threads[i] == thread) {
            return false;
        }
    }
    if (thread <= 0 || thread == syscall(SYS_gettid)) {
        return false;
    }
    heard = hearing(thread);
    if (heard == HEARS && signalled->count < MAX_THREADS && syscall(SYS_tgkill, getpid(), thread, STOP_SIGNAL) == 0) {
        signalled->threads[signalled->count++] = thread;
    }
    return heard != DEAF;
}

/* Signal every thread that was not signalled yet. True: there were some, so look again: they may have started others.
 */
static bool signal_threads(struct signalled *signalled)
{
    struct {
        uint64_t inode;
        int64_t offset;
        uint16_t length;
        uint8_t type;
        char name[];
    } *entry; /* getdents64(2) */
    static _Alignas(8) char buffer[8192];
    int folder = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool again = false;
    long length;

    while (folder >= 0 && (length = syscall(SYS_getdents64, folder, buffer, sizeof(buffer))) > 0) {
        for (long at = 0; at < length; at += entry->length) {
            entry = (void *)(buffer + at);
            again = signal_thread((pid_t)atoi(entry->name), signalled) || again;
        }
    }
    close(folder);
    return again;
}

/* No malloc and no lock of the testbed until world_go: its holder may stand still. */
static bool world_stop(void)
{
    struct sigaction action = { .sa_handler = stand_still, .sa_flags = SA_RESTART | SA_ONSTACK };
    uint64_t deadline = sched_now() + STOP_PATIENCE * 1000000000ull;
    static struct signalled signalled;

    signalled.count = 0;
    sigaction(STOP_SIGNAL, &action, NULL);
    __atomic_store_n(&world.go, 0, __ATOMIC_SEQ_CST);
    while (signal_threads(&signalled) || __atomic_load_n(&world.stopped, __ATOMIC_SEQ_CST) < signalled.count) {
        if (sched_now() > deadline) {
            return false;
        }
        usleep(1000);
    }
    return true;
}

static void world_go(void)
{
    __atomic_store_n(&world.go, 1, __ATOMIC_SEQ_CST);
    sched_wake(&world.go, UINT32_MAX);
    while (__atomic_load_n(&world.stopped, __ATOMIC_SEQ_CST) != 0) {
        usleep(1000);
    }
}

/* Share as many pages as the area has; its references are those of the new pages from here on. */
static void *share_again(struct libxen *libxen, struct libxen_area *area)
{
    return xengntshr_share_pages(libxen->shared, libxen->peer, (int)area->pages, area->references, 1);
}

static bool move_areas(struct libxen *libxen, uint8_t **fresh)
{
    struct libxen_area *area;
    size_t i = 0;

    for (area = libxen->areas; area != NULL; area = area->next, i++) {
        size_t bytes = area->pages * XEN_PAGE_SIZE;

        memcpy(fresh[i], area->address, bytes);
        if (mremap(fresh[i], bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, area->address) != area->address) {
            return false;
        }
    }
    return true;
}

static bool share_areas(struct libxen *libxen, char *error, size_t size)
{
    struct libxen_area *area;
    uint8_t **fresh;
    size_t count = 0;
    bool moved;

    for (area = libxen->areas; area != NULL; area = area->next) {
        count++;
    }
    fresh = calloc(count + 1, sizeof(*fresh));
    if (fresh == NULL) {
        snprintf(error, size, "no memory");
        return false;
    }
    count = 0;
    for (area = libxen->areas; area != NULL; area = area->next) {
        fresh[count] = share_again(libxen, area);
        if (fresh[count++] == NULL) {
            snprintf(error, size, "%zu pages cannot be shared again after the resume (%s)", area->pages,
                     strerror(errno));
            free(fresh);
            return false;
        }
    }
    if (!world_stop()) {
        world_go();
        snprintf(error, size, "the threads of the testbed did not stand still for the resume");
        free(fresh);
        return false;
    }
    moved = move_areas(libxen, fresh);
    world_go();
    free(fresh);
    if (!moved) {
        snprintf(error, size, "shared pages cannot be moved to where they were (%s)", strerror(errno));
    }
    return moved;
}

bool libxen_resume(struct xen *xen, char *error, size_t size)
{
    struct libxen *libxen = (struct libxen *)xen;
    bool good;

    if (__atomic_load_n(&libxen->grants, __ATOMIC_RELAXED) != 0 || libxen->events != NULL) {
        snprintf(error, size, "grants or event channels were open over the suspend: they are lost");
        return false;
    }
    sched_lock(&libxen->memory_lock);
    good = share_areas(libxen, error, size);
    sched_unlock(&libxen->memory_lock);
    return good && libxen_read_domid(libxen, error, size);
}
