/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An image compiled with -fsanitize-coverage has a byte for each edge, a table of their places, and calls at each
 * comparison. libFuzzer gets the first two where they lie in the mapped image, and the calls by imports, which are
 * exported as data so that nothing switches there.
 */
#include <string.h>

#include "fuzz.h"
#include "nt/export/export.h"

#define MODULE "fuzzed.sys"
/* What stands at the ends of each section (toolchain/fuzz/sections.c). */
enum { COUNTER_MARK = 8, COUNTER_END = 1, PLACE_MARK = 8 };

void __sanitizer_cov_8bit_counters_init(uint8_t *start, uint8_t *stop);
void __sanitizer_cov_pcs_init(const uintptr_t *start, const uintptr_t *stop);

static MS_ABI void ignore(void)
{
}

#define COMPARISON(name, type)                                                                                         \
    void __sanitizer_cov_trace_##name(type a, type b);                                                                 \
    static MS_ABI void name(type a, type b)                                                                            \
    {                                                                                                                  \
        __sanitizer_cov_trace_##name(a, b);                                                                            \
    }

COMPARISON(cmp1, uint8_t)
COMPARISON(cmp2, uint16_t)
COMPARISON(cmp4, uint32_t)
COMPARISON(cmp8, uint64_t)
COMPARISON(const_cmp1, uint8_t)
COMPARISON(const_cmp2, uint16_t)
COMPARISON(const_cmp4, uint32_t)
COMPARISON(const_cmp8, uint64_t)

void __sanitizer_cov_trace_switch(uint64_t value, uint64_t *cases);
static MS_ABI void trace_switch(uint64_t value, uint64_t *cases)
{
    __sanitizer_cov_trace_switch(value, cases);
}

#define EXPORT(name, function)                                                                                         \
    { MODULE, "__sanitizer_cov_" name, (void *)(function), EXPORT_DATA, EXPORT_DATA, WINDOWS_7 },

void fuzz_exports(void)
{
    static const struct export table[] = {
        EXPORT("8bit_counters_init", ignore) EXPORT("pcs_init", ignore) EXPORT("trace_switch", trace_switch)
            EXPORT("trace_cmp1", cmp1) EXPORT("trace_cmp2", cmp2) EXPORT("trace_cmp4", cmp4) EXPORT("trace_cmp8", cmp8)
                EXPORT("trace_const_cmp1", const_cmp1) EXPORT("trace_const_cmp2", const_cmp2)
                    EXPORT("trace_const_cmp4", const_cmp4) EXPORT("trace_const_cmp8", const_cmp8)
    };

    export_register(table, sizeof(table) / sizeof(table[0]));
}

void fuzz_watch_image(const struct image *image)
{
    uint8_t *counters, *places;
    size_t counter_bytes, place_bytes;

    if (!image_named_section(image, ".SCOV", (void **)&counters, &counter_bytes) ||
        !image_named_section(image, ".SCOVP", (void **)&places, &place_bytes) ||
        (place_bytes - 2 * PLACE_MARK) / (2 * sizeof(uintptr_t)) != counter_bytes - COUNTER_MARK - COUNTER_END) {
        fuzz_fail("%s was not compiled for fuzzing", image_path(image));
    }
    __sanitizer_cov_8bit_counters_init(counters + COUNTER_MARK, counters + counter_bytes - COUNTER_END);
    __sanitizer_cov_pcs_init((const uintptr_t *)(places + PLACE_MARK),
                             (const uintptr_t *)(places + place_bytes - PLACE_MARK));
}
