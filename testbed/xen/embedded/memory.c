/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory: one file in memory, mapped twice. Guests see it through `front`, readable and writable. Backends see it
 * through `back`, which starts out inaccessible: a backend that touches a page without a grant for it dies on the spot
 * (strict), or reached an address that no xen_map gave it (lazy, where pages open for good at the first map).
 *
 * Any task, any IRQL. memory_lock guards owners, the search position and the protection of the back mapping; ownership
 * is also read without it, by whoever owns the page.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "run/snapshot.h"
#include "xen/embedded/embedded.h"

int memory_start(struct xen_host *host)
{
    size_t pages = host->options.guest_pages, bytes = pages * XEN_PAGE_SIZE;

    host->memory = memfd_create("guest-memory", MFD_CLOEXEC);
    if (host->memory < 0 || ftruncate(host->memory, (off_t)bytes) < 0) {
        return -errno;
    }
    host->front = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, host->memory, 0);
    host->back = mmap(NULL, bytes, PROT_NONE, MAP_SHARED, host->memory, 0);
    if (host->front == MAP_FAILED || host->back == MAP_FAILED) {
        return -errno;
    }
    host->owners = calloc(pages, sizeof(*host->owners));
    host->readers = calloc(pages, sizeof(*host->readers));
    host->writers = calloc(pages, sizeof(*host->writers));
    host->opened = calloc(pages / PAGES_PER_OPENING + 1, 1);
    return host->owners && host->readers && host->writers && host->opened ? 0 : -ENOMEM;
}

void memory_stop(struct xen_host *host)
{
    size_t bytes = host->options.guest_pages * XEN_PAGE_SIZE;

    munmap(host->front, bytes);
    munmap(host->back, bytes);
    close(host->memory);
    free(host->owners);
    free(host->readers);
    free(host->writers);
    free(host->opened);
}

/* First page of a free run of `pages` pages at or after `from`, or `most` when there is none. */
static size_t find_run(const struct xen_host *host, size_t from, size_t most, size_t pages)
{
    size_t length = 0;

    for (size_t page = from; page < most; page++) {
        length = host->owners[page] == 0 ? length + 1 : 0;
        if (length == pages) {
            return page + 1 - pages;
        }
    }
    return most;
}

void *memory_alloc(struct xen *xen, size_t pages)
{
    struct domain *domain = domain_of(xen);
    struct xen_host *host = domain->host;
    size_t most = host->options.guest_pages, page;

    if (pages == 0 || pages > most) {
        return NULL;
    }
    sched_lock(&host->memory_lock);
    page = find_run(host, host->search, most, pages);
    if (page == most) {
        page = find_run(host, 0, most, pages);
    }
    if (page != most) {
        for (size_t i = 0; i < pages; i++) {
            host->owners[page + i] = (uint16_t)(xen->domid + 1);
        }
        host->search = page + pages;
        domain->pages += pages;
    }
    sched_unlock(&host->memory_lock);
    return page == most ? NULL : host->front + page * XEN_PAGE_SIZE;
}

/* Pages read as zero when they are handed out again. A large run goes out of the file; a smaller one is worth more
 * where it is: wiping it costs less than making it anew and mapping each of its pages twice. */
void memory_free(struct xen *xen, void *address, size_t pages, bool wiped)
{
    enum { LARGE_RUN = 512 };
    struct domain *domain = domain_of(xen);
    struct xen_host *host = domain->host;
    size_t offset = (size_t)((uint8_t *)address - host->front), page = offset / XEN_PAGE_SIZE;

    for (size_t i = 0; i < pages; i++) {
        if (!memory_owns(xen, host->front + (page + i) * XEN_PAGE_SIZE) || offset % XEN_PAGE_SIZE != 0) {
            fprintf(stderr, "xen_memory_free: %zu pages that domain %u does not own\n", pages, xen->domid);
            abort();
        }
    }
    if (!wiped && (pages < LARGE_RUN || snapshot_taken ||
                   fallocate(host->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                             (off_t)(pages * XEN_PAGE_SIZE)) < 0)) {
        memset(address, 0, pages * XEN_PAGE_SIZE);
    }
    sched_lock(&host->memory_lock);
    memset(host->owners + page, 0, pages * sizeof(*host->owners));
    if (page < host->search) {
        host->search = page;
    }
    domain->pages -= pages;
    sched_unlock(&host->memory_lock);
}

bool memory_owns(struct xen *xen, const void *address)
{
    const struct xen_host *host = domain_of(xen)->host;
    size_t offset = (size_t)((const uint8_t *)address - host->front); /* wraps to something huge below the mapping */

    return offset < host->options.guest_pages * XEN_PAGE_SIZE && host->owners[offset / XEN_PAGE_SIZE] == xen->domid + 1;
}

static void protect(struct xen_host *host, size_t page, size_t pages, int protection)
{
    if (mprotect(host->back + page * XEN_PAGE_SIZE, pages * XEN_PAGE_SIZE, protection) < 0) {
        perror("protecting guest memory from the backend");
        abort();
    }
}

static int wanted(const struct xen_host *host, size_t page)
{
    return host->writers[page] ? PROT_READ | PROT_WRITE : host->readers[page] ? PROT_READ : PROT_NONE;
}

static void change_cover(struct xen_host *host, size_t page, bool read_only, int by)
{
    uint16_t *count = read_only ? host->readers : host->writers;
    int before;

    sched_lock(&host->memory_lock);
    before = wanted(host, page);
    count[page] = (uint16_t)(count[page] + by);
    if (wanted(host, page) != before) {
        protect(host, page, 1, wanted(host, page));
    }
    sched_unlock(&host->memory_lock);
}

void memory_cover(struct xen_host *host, size_t page, bool read_only)
{
    change_cover(host, page, read_only, 1);
}

void memory_uncover(struct xen_host *host, size_t page, bool read_only)
{
    change_cover(host, page, read_only, -1);
}

void memory_open(struct xen_host *host, size_t page)
{
    size_t opening = page / PAGES_PER_OPENING, first = opening * PAGES_PER_OPENING, pages = PAGES_PER_OPENING;

    if (__atomic_load_n(&host->opened[opening], __ATOMIC_ACQUIRE)) {
        return;
    }
    if (first + pages > host->options.guest_pages) {
        pages = host->options.guest_pages - first;
    }
    snapshot_opens(host->front + first * XEN_PAGE_SIZE, pages * XEN_PAGE_SIZE);
    protect(host, first, pages, PROT_READ | PROT_WRITE);
    __atomic_store_n(&host->opened[opening], 1, __ATOMIC_RELEASE);
}
