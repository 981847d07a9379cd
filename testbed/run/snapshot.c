/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The snapshot of snapshot.h. A page that is mapped twice (guest memory, which backends see through a mapping of their
 * own) is one page: it is known by its file and its place there.
 *
 * What this file writes itself is in a mapping of its own. Not part of a snapshot are the host thread's stack, signal
 * stacks, and the thread's own block, which the kernel writes: of that, what matters follows from the task that runs.
 */
#include "run/snapshot.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "run/sched_choice.h"
#include "run/sched_switch.h"

enum {
    PAGE = 4096,
    MAX_REGIONS = 4096,
    MAX_PAGES = 16384,
    BUCKETS = 32768,
    MAX_STACKS = 256,
    MAX_EXCEPTED = 16,
    MAPS_BYTES = 1 << 20,
    STACKS_BYTES = 64 << 20
};

struct region {
    uint8_t *start, *end;
    uint64_t file, offset; /* of its first page; file 0: private */
};

struct page {
    uint8_t *at;
    uint64_t file, offset, hash; /* hash: of what is kept */
    uint8_t kept[PAGE];
};

struct saved_stack {
    void *sp;
    size_t bytes, at; /* where in `stacks` */
};

struct excepted {
    const uint8_t *start;
    size_t bytes;
};

struct snapshot {
    struct region regions[MAX_REGIONS];
    size_t region_count;
    struct page pages[MAX_PAGES];
    size_t page_count;
    uint32_t buckets[BUCKETS]; /* page + 1, by address */
    struct saved_stack stacks[MAX_STACKS];
    size_t stack_count, stack_bytes;
    struct excepted excepted[MAX_EXCEPTED];
    size_t excepted_count;
    struct sigaction before;
    void *sp; /* of the current task */
    uint64_t state;
    char maps[MAPS_BYTES];
    uint8_t saved[STACKS_BYTES];
};

bool snapshot_taken;
static struct snapshot *all;

static void fail(const char *what)
{
    fprintf(stderr, "testbed: a snapshot of the run: %s\n", what);
    abort();
}

static struct snapshot *need(void)
{
    if (all == NULL) {
        all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (all == MAP_FAILED) {
            fail("no memory");
        }
    }
    return all;
}

static uint64_t mixed(uint64_t value)
{
    value = (value ^ (value >> 32)) * 0xd6e8feb86659fd93u;
    value = (value ^ (value >> 32)) * 0xd6e8feb86659fd93u;
    return value ^ (value >> 32);
}

static uint64_t hash_bytes(const void *memory, size_t bytes, uint64_t seed)
{
    enum { LANES = 4 };
    uint64_t lanes[LANES] = { seed, seed + 1, seed + 2, seed + 3 }, word, sum = bytes;
    const uint8_t *at = memory;
    for (; bytes >= LANES * sizeof(word); bytes -= LANES * sizeof(word), at += LANES * sizeof(word)) {
        for (int i = 0; i < LANES; i++) {
            memcpy(&word, at + (size_t)i * sizeof(word), sizeof(word));
            word ^= lanes[i];
            lanes[i] = (word << 29 | word >> 35) * 0x9e3779b97f4a7c15u;
        }
    }
    for (; bytes >= sizeof(word); bytes -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        word ^= lanes[0];
        lanes[0] = (word << 29 | word >> 35) * 0x9e3779b97f4a7c15u;
    }
    for (int i = 0; i < LANES; i++) {
        sum = mixed(sum ^ lanes[i]);
    }
    return sum;
}

/* Of a page without what is excepted. */
static uint64_t hash_page(const uint8_t *at, const uint8_t *content)
{
    uint8_t copy[PAGE];
    bool copied = false;
    for (size_t i = 0; i < all->excepted_count; i++) {
        const struct excepted *one = &all->excepted[i];
        const uint8_t *from = one->start > at ? one->start : at,
                      *to = one->start + one->bytes < at + PAGE ? one->start + one->bytes : at + PAGE;
        if (from < to) {
            if (!copied) {
                memcpy(copy, content, PAGE);
                copied = true;
            }
            memset(copy + (from - at), 0, (size_t)(to - from));
        }
    }
    return hash_bytes(copied ? copy : content, PAGE, (uintptr_t)at);
}

/* --- the pages --- */

static struct region *region_of(const uint8_t *at)
{
    size_t low = 0, high = all->region_count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (at >= all->regions[middle].end) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < all->region_count && at >= all->regions[low].start ? &all->regions[low] : NULL;
}

static uint32_t *bucket_of(uint64_t file, uint64_t place)
{
    uint64_t at = mixed(file ^ place) % BUCKETS;
    for (;; at = (at + 1) % BUCKETS) {
        const uint32_t page = all->buckets[at];
        if (page == 0 || (all->pages[page - 1].file == file && all->pages[page - 1].offset == place)) {
            return &all->buckets[at];
        }
    }
}

/* It is about to be written. False: not a page of the snapshot. */
static bool keep(uint8_t *at)
{
    const struct region *region = region_of(at);
    if (region == NULL) {
        return false;
    }
    const uint64_t place = region->file != 0 ? region->offset + (uint64_t)(at - region->start) : (uintptr_t)at;
    uint32_t *bucket = bucket_of(region->file, place);
    if (*bucket == 0) {
        if (all->page_count == MAX_PAGES) {
            fail("too many pages are written");
        }
        struct page *page = &all->pages[all->page_count++];
        *bucket = (uint32_t)all->page_count;
        page->at = at;
        page->file = region->file;
        page->offset = place;
        memcpy(page->kept, at, PAGE);
        page->hash = hash_page(at, page->kept);
    }
    return true;
}

static void written(int number, siginfo_t *info, void *context)
{
    uint8_t *at = (uint8_t *)((uintptr_t)info->si_addr & ~(uintptr_t)(PAGE - 1));
    if (info->si_code == SEGV_ACCERR && keep(at)) {
        if (mprotect(at, PAGE, PROT_READ | PROT_WRITE) != 0) {
            fail("too many mappings");
        }
        return;
    }
    all->before.sa_sigaction(number, info, context);
}

void snapshot_opens(void *memory, size_t bytes)
{
    for (size_t offset = 0; offset < bytes && snapshot_taken; offset += PAGE) {
        if (!keep((uint8_t *)memory + offset)) {
            fail("memory is opened that nobody could write before");
        }
    }
}

/* --- the regions --- */

static void add_region(uint8_t *start, uint8_t *end, uint64_t file, uint64_t offset)
{
    while (start < end) {
        uint8_t *stop = start;
        const size_t stack = coroutine_stack_at(start);
        if (stack != 0) {
            start += stack;
            continue;
        }
        while (stop < end && coroutine_stack_at(stop) == 0) {
            stop += PAGE;
        }
        if (all->region_count == MAX_REGIONS) {
            fail("too many mappings");
        }
        all->regions[all->region_count++] = (struct region){ start, stop, file, offset };
        offset += (uint64_t)(stop - start);
        start = stop;
    }
}

/* Without what lies between `from` and `to`. */
static void add_without(uint8_t *start, uint8_t *end, uint64_t file, uint64_t offset, const uint8_t *const holes[][2],
                        size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (holes[i][0] < end && holes[i][1] > start) {
            if (holes[i][0] > start) {
                uint8_t *stop = start + (holes[i][0] - start);
                add_without(start, stop, file, offset, holes, count);
            }
            if (holes[i][1] < end) {
                uint8_t *next = start + (holes[i][1] - start);
                add_without(next, end, file, offset + (uint64_t)(next - start), holes, count);
            }
            return;
        }
    }
    add_region(start, end, file, offset);
}

__attribute__((target("fsgsbase"))) static const uint8_t *thread_block(void)
{
    const uint8_t *block;
#ifdef __x86_64__
    __asm__("movq %%fs:0, %0" : "=r"(block));
#else
    __asm__("movl %%gs:0, %0" : "=r"(block));
#endif
    return (const uint8_t *)((uintptr_t)block & ~(uintptr_t)(PAGE - 1));
}

static void find_regions(const uint8_t *apart, size_t bytes)
{
    enum { HOLES = 4, THREAD_PAGES = 3 };
    stack_t signal_stack;
    size_t used = 0;
    ssize_t got;
    const int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    while (file >= 0 && (got = read(file, all->maps + used, MAPS_BYTES - 1 - used)) > 0) {
        used += (size_t)got;
    }
    if (file < 0 || used == 0 || used == MAPS_BYTES - 1) {
        fail("/proc/self/maps cannot be read");
    }
    close(file);
    all->maps[used] = '\0';
    sigaltstack(NULL, &signal_stack);
    const uint8_t *alternate = signal_stack.ss_sp, *block = thread_block(), *mine = (const uint8_t *)all;
    const uint8_t *const holes[HOLES][2] = {
        { apart, apart + bytes },
        { mine, mine + ((sizeof(*all) + PAGE - 1) & ~(size_t)(PAGE - 1)) },
        { alternate, alternate + ((signal_stack.ss_size + PAGE - 1) & ~(size_t)(PAGE - 1)) },
        { block - THREAD_PAGES * PAGE, block + THREAD_PAGES * PAGE },
    };
    all->region_count = 0;
    for (char *line = all->maps; *line != '\0';) {
        uint64_t start, end, offset, file_number;
        unsigned major, minor;
        char rights[8], *next = strchr(line, '\n');
        *next = '\0';
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %" SCNu64, &start, &end, rights, &offset,
                   &major, &minor, &file_number) == 7 &&
            rights[1] == 'w' && strstr(line, "[stack]") == NULL && strstr(line, "[v") == NULL) {
            add_without((uint8_t *)start, (uint8_t *)end, rights[3] == 's' ? file_number : 0, offset, holes, HOLES);
        }
        line = next + 1;
    }
}

/* --- the stacks --- */

static void save_stack(void *argument, struct task *task, void *sp, void *stack)
{
    uint8_t *top = (uint8_t *)stack + COROUTINE_STACK_BYTES;
    sp = task == sched_current ? all->sp : sp;
    const size_t bytes = (size_t)(top - (uint8_t *)sp);
    (void)argument;
    if (all->stack_count == MAX_STACKS || all->stack_bytes + bytes > STACKS_BYTES) {
        fail("too many tasks");
    }
    memcpy(all->saved + all->stack_bytes, sp, bytes);
    all->stacks[all->stack_count++] = (struct saved_stack){ sp, bytes, all->stack_bytes };
    all->stack_bytes += bytes;
}

static void hash_stack(void *argument, struct task *task, void *sp, void *stack)
{
    (void)argument;
    sp = task == sched_current ? all->sp : sp;
    all->state += hash_bytes(sp, (size_t)((uint8_t *)stack + COROUTINE_STACK_BYTES - (uint8_t *)sp), task->id);
}

/* --- what others call --- */

void snapshot_take(void *sp, void *apart, size_t bytes)
{
    need()->sp = sp;
    all->stack_count = all->stack_bytes = all->page_count = 0;
    memset(all->buckets, 0, sizeof(all->buckets));
    sched_each_context(save_stack, NULL);
    struct sigaction action = { .sa_sigaction = written, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &all->before);
    snapshot_taken = true;
    find_regions(apart, bytes);
    for (size_t i = 0; i < all->region_count; i++) {
        const struct region *region = &all->regions[i];
        if (mprotect(region->start, (size_t)(region->end - region->start), PROT_READ) != 0) {
            fail("a mapping cannot be made read-only");
        }
    }
}

void snapshot_restore(void)
{
    for (size_t i = 0; i < all->page_count; i++) {
        memcpy(all->pages[i].at, all->pages[i].kept, PAGE);
    }
    for (size_t i = 0; i < all->stack_count; i++) {
        memcpy(all->stacks[i].sp, all->saved + all->stacks[i].at, all->stacks[i].bytes);
    }
}

void snapshot_end(void)
{
    for (size_t i = 0; i < all->region_count; i++) {
        const struct region *region = &all->regions[i];
        if (mprotect(region->start, (size_t)(region->end - region->start), PROT_READ | PROT_WRITE) != 0) {
            fail("a mapping cannot be made writable again");
        }
    }
    sigaction(SIGSEGV, &all->before, NULL);
    snapshot_taken = false;
}

uint64_t snapshot_state(void *sp)
{
    all->state = 0;
    all->sp = sp;
    for (size_t i = 0; i < all->page_count; i++) {
        const struct page *page = &all->pages[i];
        all->state += hash_page(page->at, page->at) - page->hash;
    }
    sched_each_context(hash_stack, NULL);
    return all->state;
}

void snapshot_except(const void *memory, size_t bytes)
{
    struct snapshot *mine = need();
    if (mine->excepted_count == MAX_EXCEPTED) {
        fail("too many exceptions");
    }
    mine->excepted[mine->excepted_count++] = (struct excepted){ memory, bytes };
}

size_t snapshot_pages(void)
{
    return all->page_count;
}
