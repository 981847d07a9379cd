/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory over a suspend and resume of the domain (xen/real/libxen_resume.c), without any Xen: the two library calls it
 * needs are simulated here, with shared pages from anonymous files. Each sharing gives new pages, as gntalloc does.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "harness.h"
#include "run/sched.h"
#include "xen/real/libxen.h"

enum { WRITERS = 3, PAGES = 64, ROUNDS = 40 };

static uint32_t last_reference, refused_after;
static int newest_file = -1;

void *xengntshr_share_pages(xengntshr_handle *shared, uint32_t domid, int count, uint32_t *references, int writable)
{
    void *address;

    (void)shared;
    (void)domid;
    (void)writable;
    if (refused_after != 0 && --refused_after == 0) {
        return NULL;
    }
    newest_file = memfd_create("shared", 0);
    CHECK_EQ(ftruncate(newest_file, (off_t)count * XEN_PAGE_SIZE), 0);
    address = mmap(NULL, (size_t)count * XEN_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, newest_file, 0);
    for (int i = 0; i < count; i++) {
        references[i] = ++last_reference;
    }
    return address;
}

void *xs_read(struct xs_handle *store, xs_transaction_t t, const char *path, unsigned *length)
{
    (void)store;
    (void)t;
    CHECK_STR(path, "domid");
    *length = 1;
    return strdup("7");
}

struct writer {
    struct task *task;
    volatile uint64_t *word; /* in shared memory */
    uint64_t written;
    uint32_t *stop;
};

static void write_on(void *argument)
{
    struct writer *writer = argument;

    while (__atomic_load_n(writer->stop, __ATOMIC_RELAXED) == 0) {
        *writer->word += 1;
        writer->written++;
    }
}

/* As libxenstore's own thread: deaf to signals. */
static void wait_deaf(void *argument)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    while (__atomic_load_n((uint32_t *)argument, __ATOMIC_RELAXED) == 0) {
        (void)sched_wait(argument, 0, SCHED_FOREVER);
    }
}

static struct libxen_area *share(struct libxen *libxen, size_t pages)
{
    struct libxen_area *area = calloc(1, sizeof(*area) + pages * sizeof(area->references[0]));

    area->pages = pages;
    area->address = xengntshr_share_pages(NULL, 0, (int)pages, area->references, 1);
    area->next = libxen->areas;
    libxen->areas = area;
    return area;
}

static void resume_beside_writers(void *unused)
{
    static struct libxen libxen;
    static struct writer writers[WRITERS];
    static uint32_t stop;
    struct libxen_area *other = share(&libxen, 1), *area = share(&libxen, PAGES);
    uint8_t *address = area->address;
    struct task *deaf = task_spawn("deaf", 0, wait_deaf, &stop);
    char error[128];

    (void)unused;
    memset(other->address, 0xa5, XEN_PAGE_SIZE);
    for (uint32_t i = 0; i < WRITERS; i++) {
        writers[i].word = (void *)(address + (PAGES - 1 - i) * XEN_PAGE_SIZE);
        writers[i].stop = &stop;
        writers[i].task = task_spawn("writer", 0, write_on, &writers[i]);
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        uint32_t before = last_reference;

        CHECK(libxen_resume(&libxen.xen, error, sizeof(error)));
        CHECK(area->address == address);
        CHECK_EQ(area->references[0], before + 1);
        CHECK_EQ(other->references[0], before + PAGES + 1);
    }
    CHECK_EQ(libxen.xen.domid, 7);
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    sched_wake(&stop, UINT32_MAX);
    task_join(deaf);
    for (uint32_t i = 0; i < WRITERS; i++) {
        task_join(writers[i].task);
        CHECK(writers[i].written != 0);
        CHECK_EQ(*writers[i].word, writers[i].written); /* nothing was written to pages that were left behind */
    }
    for (uint32_t i = 0; i < XEN_PAGE_SIZE; i++) {
        CHECK_EQ(other->address[i], 0xa5);
    }
    other->address[5] = 1; /* reaches the pages that were shared last */
    CHECK_EQ(pread(newest_file, error, 6, 0), 6);
    CHECK_EQ(error[5], 1);
}

static void live(void (*body)(void *))
{
    const struct sched_options options = { .kind = SCHED_LIVE, .seed = 1 };

    CHECK_EQ(sched_run(&options, body, NULL), 0);
}

TEST(memory_keeps_what_is_in_it_and_what_is_written_meanwhile)
{
    live(resume_beside_writers);
}

static void refuse(void *unused)
{
    struct libxen libxen = { .areas = NULL };
    char error[128];

    (void)unused;
    share(&libxen, 2);
    share(&libxen, 3);
    libxen.grants = 1;
    CHECK(!libxen_resume(&libxen.xen, error, sizeof(error)));
    CHECK_CONTAINS(error, "grants or event channels were open");
    libxen.grants = 0;
    refused_after = 2;
    CHECK(!libxen_resume(&libxen.xen, error, sizeof(error)));
    CHECK_CONTAINS(error, "2 pages cannot be shared again");
}

TEST(what_cannot_be_resumed_is_reported)
{
    live(refuse);
}
