/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grant tables. An entry is one 64-bit word, changed by compare-and-exchange alone, so that granting, mapping and
 * ending a grant take no lock and two sides can race as they can on a real machine:
 *
 *   bits 0-7    GTF_permit_access, GTF_readonly, GTF_reading, GTF_writing as in grant_table.h
 *   bits 8-23   the domain that may use it
 *   bits 24-39  how many times it is mapped now
 *   bits 40-63  page number in guest memory
 *
 * Any task, any IRQL; nothing is allocated after grant_start.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <xen/grant_table.h>

#include "xen/embedded/embedded.h"

enum { PEER_SHIFT = 8, PINS_SHIFT = 24, PAGE_SHIFT = 40, LISTED_LEAKS = 8 };

#define ONE_PIN (1ull << PINS_SHIFT)
#define NONE    UINT32_MAX

static uint32_t pins_of(uint64_t entry)
{
    return (uint32_t)(entry >> PINS_SHIFT) & 0xffff;
}

int grant_start(struct grant_table *table, uint32_t size)
{
    table->entries = calloc(size, sizeof(*table->entries));
    table->next = calloc(size, sizeof(*table->next));
    table->size = size;
    if (table->entries == NULL || table->next == NULL || size <= GRANT_REFERENCES_RESERVED) {
        grant_stop(table);
        return -ENOMEM;
    }
    for (uint32_t i = GRANT_REFERENCES_RESERVED; i < size; i++) {
        table->next[i] = i + 1 < size ? i + 1 : NONE;
    }
    table->free = GRANT_REFERENCES_RESERVED;
    return 0;
}

void grant_stop(struct grant_table *table)
{
    free(table->entries);
    free(table->next);
    table->entries = NULL;
    table->next = NULL;
}

static uint32_t take_reference(struct grant_table *table)
{
    uint64_t old = __atomic_load_n(&table->free, __ATOMIC_ACQUIRE);

    for (;;) {
        uint32_t reference = (uint32_t)old;
        uint64_t new;

        if (reference == NONE) {
            return NONE;
        }
        new = ((old >> 32) + 1) << 32 | __atomic_load_n(&table->next[reference], __ATOMIC_RELAXED);
        if (__atomic_compare_exchange_n(&table->free, &old, new, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            return reference;
        }
    }
}

static void give_reference(struct grant_table *table, uint32_t reference)
{
    uint64_t old = __atomic_load_n(&table->free, __ATOMIC_ACQUIRE), new;

    do {
        __atomic_store_n(&table->next[reference], (uint32_t)old, __ATOMIC_RELAXED);
        new = ((old >> 32) + 1) << 32 | reference;
    } while (!__atomic_compare_exchange_n(&table->free, &old, new, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
}

int grant_begin(struct xen *xen, uint16_t peer, const void *page, bool read_only, uint32_t *reference)
{
    struct domain *domain = domain_of(xen);
    struct xen_host *host = domain->host;
    size_t number = (size_t)((const uint8_t *)page - host->front) / XEN_PAGE_SIZE;
    uint64_t entry;

    if (!memory_owns(xen, page)) {
        return -EINVAL;
    }
    *reference = take_reference(&domain->grants);
    if (*reference == NONE) {
        return -ENOSPC;
    }
    if (host->options.strict) {
        memory_cover(host, number, read_only);
    }
    entry = GTF_permit_access | (read_only ? GTF_readonly : 0) | (uint64_t)peer << PEER_SHIFT |
            (uint64_t)number << PAGE_SHIFT;
    __atomic_store_n(&domain->grants.entries[*reference], entry, __ATOMIC_RELEASE);
    return 0;
}

int grant_end(struct xen *xen, uint32_t reference)
{
    struct domain *domain = domain_of(xen);
    struct grant_table *table = &domain->grants;
    uint64_t entry;

    if (reference >= table->size) {
        return -EINVAL;
    }
    entry = __atomic_load_n(&table->entries[reference], __ATOMIC_ACQUIRE);
    do {
        if (!(entry & GTF_permit_access)) {
            return -EINVAL;
        }
        if (pins_of(entry) != 0) {
            return -EBUSY;
        }
    } while (
        !__atomic_compare_exchange_n(&table->entries[reference], &entry, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    if (domain->host->options.strict) {
        memory_uncover(domain->host, (size_t)(entry >> PAGE_SHIFT), entry & GTF_readonly);
    }
    give_reference(table, reference);
    return 0;
}

int xen_map(struct xen *backend, uint16_t domid, uint32_t reference, bool write, void **page)
{
    struct xen_host *host = domain_of(backend)->host;
    struct domain *domain = host_domain(host, domid);
    uint64_t entry, new;

    if (domain == NULL || reference >= domain->grants.size) {
        return -ENOENT;
    }
    entry = __atomic_load_n(&domain->grants.entries[reference], __ATOMIC_ACQUIRE);
    do {
        if (!(entry & GTF_permit_access)) {
            return -ENOENT;
        }
        if ((uint16_t)(entry >> PEER_SHIFT) != backend->domid) {
            return -EACCES;
        }
        if (write && (entry & GTF_readonly)) {
            return -EPERM;
        }
        if (pins_of(entry) == 0xffff) {
            return -ENOSPC;
        }
        new = (entry + ONE_PIN) | GTF_reading | (write ? GTF_writing : 0);
    } while (!__atomic_compare_exchange_n(&domain->grants.entries[reference], &entry, new, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
    if (!host->options.strict) {
        memory_open(host, (size_t)(entry >> PAGE_SHIFT));
    }
    *page = host->back + (entry >> PAGE_SHIFT) * XEN_PAGE_SIZE;
    return 0;
}

void xen_unmap(struct xen *backend, uint16_t domid, uint32_t reference)
{
    struct domain *domain = host_domain(domain_of(backend)->host, domid);
    uint64_t entry, new;

    if (domain == NULL || reference >= domain->grants.size) {
        return;
    }
    entry = __atomic_load_n(&domain->grants.entries[reference], __ATOMIC_ACQUIRE);
    do {
        if (pins_of(entry) == 0) {
            return;
        }
        new = entry - ONE_PIN;
        if (pins_of(new) == 0) {
            new &= ~(uint64_t)(GTF_reading | GTF_writing);
        }
    } while (!__atomic_compare_exchange_n(&domain->grants.entries[reference], &entry, new, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_ACQUIRE));
}

void grant_leaks(struct domain *domain, struct leaks *leaks)
{
    const struct grant_table *table = &domain->grants;
    uint32_t count = 0;

    for (uint32_t i = 0; i < table->size; i++) {
        uint64_t entry = table->entries[i];

        if ((entry & GTF_permit_access) && ++count <= LISTED_LEAKS) {
            leak_add(leaks, "domain %u: grant %u of page %u to domain %u, mapped %u times", domain->xen.domid, i,
                     (uint32_t)(entry >> PAGE_SHIFT), (uint16_t)(entry >> PEER_SHIFT), pins_of(entry));
        }
    }
    if (count > LISTED_LEAKS) {
        leak_add(leaks, "domain %u: %u more grants", domain->xen.domid, count - LISTED_LEAKS);
    }
}
