/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What an image imports that was compiled with clang's -fsanitize=thread: a call in front of each plain or volatile
 * access, and calls in place of interlocked ones and of copying and filling. They are exported as data, so that they
 * are called straight: any IRQL, and a switch point only where the driver synchronizes by itself.
 */
#include <string.h>

#include "nt/race/race.h"
#include "nt/export/register.h"
#include "nt/nt.h"
#include "run/order.h"

#define FROM __builtin_return_address(0)

static MS_ABI void ignore(void)
{
}

#define ACCESSES(bytes)                                                                                                \
    static MS_ABI void read##bytes(const void *at)                                                                     \
    {                                                                                                                  \
        race_look(at, bytes, RACE_READ, FROM);                                                                         \
    }                                                                                                                  \
    static MS_ABI void write##bytes(const void *at)                                                                    \
    {                                                                                                                  \
        race_look(at, bytes, RACE_WRITE, FROM);                                                                        \
    }                                                                                                                  \
    static MS_ABI void volatile_read##bytes(const void *at)                                                            \
    {                                                                                                                  \
        sched_point("volatile read");                                                                                  \
        race_look(at, bytes, RACE_READ | RACE_MARKED, FROM);                                                           \
    }                                                                                                                  \
    static MS_ABI void volatile_write##bytes(const void *at)                                                           \
    {                                                                                                                  \
        sched_point("volatile write");                                                                                 \
        race_look(at, bytes, RACE_WRITE | RACE_MARKED, FROM);                                                          \
    }

ACCESSES(1)
ACCESSES(2)
ACCESSES(4)
ACCESSES(8)
ACCESSES(16)

static MS_ABI void *copy(void *to, const void *from, size_t bytes)
{
    race_look(from, bytes, RACE_READ, FROM);
    race_look(to, bytes, RACE_WRITE, FROM);
    return memmove(to, from, bytes);
}

static MS_ABI void *fill(void *to, int value, size_t bytes)
{
    race_look(to, bytes, RACE_WRITE, FROM);
    return memset(to, value, bytes);
}

/* Every interlocked operation of Windows is a full barrier on x86. In a live run it is done before anybody else's is
 * looked at: until order_close. */
static void interlocked(const void *at, size_t bytes, const void *from)
{
    sched_point("interlocked");
    order_open();
    order_acquire(at);
    race_look(at, bytes, RACE_WRITE | RACE_MARKED, from);
    order_release(at);
}

#define CHANGE(bits, name, builtin)                                                                                    \
    static MS_ABI uint##bits##_t name##bits(uint##bits##_t *at, uint##bits##_t value, int order)                       \
    {                                                                                                                  \
        (void)order;                                                                                                   \
        interlocked(at, bits / 8, FROM);                                                                               \
        const uint##bits##_t before = builtin(at, value, __ATOMIC_SEQ_CST);                                            \
        order_close();                                                                                                 \
        return before;                                                                                                 \
    }

#define ATOMICS(bits)                                                                                                  \
    CHANGE(bits, exchange, __atomic_exchange_n)                                                                        \
    CHANGE(bits, fetch_add, __atomic_fetch_add)                                                                        \
    CHANGE(bits, fetch_sub, __atomic_fetch_sub)                                                                        \
    CHANGE(bits, fetch_and, __atomic_fetch_and)                                                                        \
    CHANGE(bits, fetch_or, __atomic_fetch_or)                                                                          \
    CHANGE(bits, fetch_xor, __atomic_fetch_xor)                                                                        \
    static MS_ABI uint##bits##_t compare_exchange##bits(uint##bits##_t *at, uint##bits##_t expected,                   \
                                                        uint##bits##_t value, int order, int otherwise)                \
    {                                                                                                                  \
        (void)order;                                                                                                   \
        (void)otherwise;                                                                                               \
        interlocked(at, bits / 8, FROM);                                                                               \
        __atomic_compare_exchange_n(at, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                  \
        order_close();                                                                                                 \
        return expected;                                                                                               \
    }                                                                                                                  \
    static MS_ABI uint##bits##_t load##bits(const uint##bits##_t *at, int order)                                       \
    {                                                                                                                  \
        (void)order;                                                                                                   \
        sched_point("interlocked");                                                                                    \
        order_open();                                                                                                  \
        order_acquire(at);                                                                                             \
        race_look(at, bits / 8, RACE_READ | RACE_MARKED, FROM);                                                        \
        const uint##bits##_t value = __atomic_load_n(at, __ATOMIC_SEQ_CST);                                            \
        order_close();                                                                                                 \
        return value;                                                                                                  \
    }                                                                                                                  \
    static MS_ABI void store##bits(uint##bits##_t *at, uint##bits##_t value, int order)                                \
    {                                                                                                                  \
        (void)order;                                                                                                   \
        interlocked(at, bits / 8, FROM);                                                                               \
        __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                                                                 \
        order_close();                                                                                                 \
    }

ATOMICS(8)
ATOMICS(16)
ATOMICS(32)
ATOMICS(64)

static MS_ABI void fence(int order)
{
    static uint32_t everybody;

    (void)order;
    sched_point("barrier");
    order_acquire(&everybody);
    order_release(&everybody);
}

#define RACE_ACCESS_EXPORTS(X, bytes)                                                                                  \
    X(__tsan_read##bytes, read##bytes)                                                                                 \
    X(__tsan_write##bytes, write##bytes)                                                                               \
    X(__tsan_unaligned_read##bytes, read##bytes)                                                                       \
    X(__tsan_unaligned_write##bytes, write##bytes)                                                                     \
    X(__tsan_volatile_read##bytes, volatile_read##bytes)                                                               \
    X(__tsan_volatile_write##bytes, volatile_write##bytes)                                                             \
    X(__tsan_unaligned_volatile_read##bytes, volatile_read##bytes)                                                     \
    X(__tsan_unaligned_volatile_write##bytes, volatile_write##bytes)

#define RACE_ATOMIC_EXPORTS(X, bits)                                                                                   \
    X(__tsan_atomic##bits##_exchange, exchange##bits)                                                                  \
    X(__tsan_atomic##bits##_fetch_add, fetch_add##bits)                                                                \
    X(__tsan_atomic##bits##_fetch_sub, fetch_sub##bits)                                                                \
    X(__tsan_atomic##bits##_fetch_and, fetch_and##bits)                                                                \
    X(__tsan_atomic##bits##_fetch_or, fetch_or##bits)                                                                  \
    X(__tsan_atomic##bits##_fetch_xor, fetch_xor##bits)                                                                \
    X(__tsan_atomic##bits##_compare_exchange_val, compare_exchange##bits)                                              \
    X(__tsan_atomic##bits##_load, load##bits)                                                                          \
    X(__tsan_atomic##bits##_store, store##bits)

#define RACE_EXPORTS(X)                                                                                                \
    RACE_ACCESS_EXPORTS(X, 1)                                                                                          \
    RACE_ACCESS_EXPORTS(X, 2)                                                                                          \
    RACE_ACCESS_EXPORTS(X, 4)                                                                                          \
    RACE_ACCESS_EXPORTS(X, 8)                                                                                          \
    RACE_ACCESS_EXPORTS(X, 16)                                                                                         \
    RACE_ATOMIC_EXPORTS(X, 8)                                                                                          \
    RACE_ATOMIC_EXPORTS(X, 16)                                                                                         \
    RACE_ATOMIC_EXPORTS(X, 32)                                                                                         \
    RACE_ATOMIC_EXPORTS(X, 64)                                                                                         \
    X(__tsan_init, ignore)                                                                                             \
    X(__tsan_memcpy, copy)                                                                                             \
    X(__tsan_memmove, copy)                                                                                            \
    X(__tsan_memset, fill)                                                                                             \
    X(__tsan_atomic_thread_fence, fence)

#define RACE_EXPORT(exported, function)                                                                                \
    { RACE_MODULE, #exported, (void *)(function), EXPORT_DATA, EXPORT_DATA, WINDOWS_7 },

void race_exports(void)
{
    static const struct export table[] = { RACE_EXPORTS(RACE_EXPORT) };
    static bool done;

    if (!done) {
        done = true;
        export_register(table, sizeof(table) / sizeof(table[0]));
    }
}
