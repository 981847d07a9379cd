/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Event tracing as a provider sees it: registration, enable callback, writing. Registration is PASSIVE_LEVEL, writing
 * any IRQL. Up to KEPT events stay while a session is enabled, the oldest going first. One lock around providers and
 * events; the driver's enable callback runs without it. A provider that is not unregistered is a leak.
 */
#include "nt/trace/etw.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/image.h"
#include "nt/areas.h"
#include "nt/export/register.h"
#include "nt/io/io_device.h"
#include "nt/nt.h"

enum {
    KEPT = 4096,
    MAX_PAYLOAD = 64 << 10,
    MAX_DESCRIPTORS = 128,
    WMI_REGISTER = 1,
    WMI_DEREGISTER = 2,
    WMI_REREGISTER = 3,
    WMI_UPDATE = 4
};

#define STATUS_INVALID_HANDLE ((int32_t)0xC0000008)

struct provider {
    struct provider *next;
    uint64_t handle;
    uint8_t guid[16];
    void *callback, *context;
};

struct EVENT_DESCRIPTOR {
    uint16_t Id;
    uint8_t Version, Channel, Level, Opcode;
    uint16_t Task;
    uint64_t Keyword;
};

struct EVENT_DATA_DESCRIPTOR {
    uint64_t Ptr;
    uint32_t Size, Reserved;
};

typedef MS_ABI void enable_callback(const uint8_t *source, uint32_t enabled, uint8_t level, uint64_t any, uint64_t all,
                                    void *filter, void *context);

static struct sched_lock lock;
static struct provider *providers;
static struct etw_event *events;
static uint64_t last_handle, written, first_kept, end_kept;
static int32_t wmi_registrations;
static bool enabled, shown;
static uint8_t enabled_level;
static uint64_t enabled_keywords;

void etw_enable(bool on, uint8_t level, uint64_t keywords)
{
    enabled = on;
    enabled_level = level;
    enabled_keywords = keywords;
}

void etw_show(bool on)
{
    shown = on;
}

uint64_t etw_written(void)
{
    return __atomic_load_n(&written, __ATOMIC_RELAXED);
}

void etw_each(void (*each)(void *context, const struct etw_event *event), void *context)
{
    for (uint64_t i = first_kept; i < end_kept; i++) {
        each(context, &events[i % KEPT]);
    }
}

static bool wanted(uint8_t level, uint64_t keyword)
{
    return enabled && (enabled_level == 0 || level <= enabled_level) &&
           (keyword == 0 || enabled_keywords == 0 || (keyword & enabled_keywords) != 0);
}

static struct provider *find(uint64_t handle)
{
    struct provider *provider = providers;

    while (provider != NULL && provider->handle != handle) {
        provider = provider->next;
    }
    return provider;
}

static int32_t write_event(uint64_t handle, const struct EVENT_DESCRIPTOR *descriptor, uint32_t count,
                           const struct EVENT_DATA_DESCRIPTOR *data)
{
    struct etw_event event = { .id = descriptor->Id,
                               .version = descriptor->Version,
                               .channel = descriptor->Channel,
                               .level = descriptor->Level,
                               .opcode = descriptor->Opcode,
                               .task = descriptor->Task,
                               .keyword = descriptor->Keyword };
    const struct provider *provider;
    uint8_t *payload = NULL;

    if (count > MAX_DESCRIPTORS) {
        return STATUS_INVALID_PARAMETER;
    }
    __atomic_add_fetch(&written, 1, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < count; i++) {
        event.size += data[i].Size;
    }
    if (wanted(descriptor->Level, descriptor->Keyword) && event.size <= MAX_PAYLOAD &&
        (payload = malloc(event.size + 1)) != NULL) {
        size_t at = 0;

        for (uint32_t i = 0; i < count; i++) {
            memcpy(payload + at, (void *)data[i].Ptr, data[i].Size);
            at += data[i].Size;
        }
        event.payload = payload;
        event.time = sched_now();
        if (shown) {
            char line[512];

            (void)etw_describe(&event, line, sizeof(line));
            fprintf(stderr, "trace: %s\n", line);
        }
    }
    sched_lock(&lock);
    provider = find(handle);
    if (provider != NULL && payload != NULL) {
        struct etw_event *slot;

        memcpy(event.provider, provider->guid, sizeof(event.provider));
        if (events == NULL) {
            events = calloc(KEPT, sizeof(*events));
        }
        if (end_kept - first_kept == KEPT) {
            first_kept++;
        }
        slot = &events[end_kept++ % KEPT];
        free((void *)(uintptr_t)slot->payload);
        *slot = event;
        payload = NULL;
    }
    sched_unlock(&lock);
    free(payload);
    return provider != NULL ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

/* --- what the driver calls --- */

static MS_ABI int32_t nt_EtwRegister(const uint8_t *guid, void *callback, void *context, uint64_t *handle)
{
    struct provider *provider = calloc(1, sizeof(*provider));

    if (provider == NULL) {
        return STATUS_NO_MEMORY;
    }
    memcpy(provider->guid, guid, sizeof(provider->guid));
    provider->callback = callback;
    provider->context = context;
    sched_lock(&lock);
    *handle = provider->handle = ++last_handle;
    provider->next = providers;
    providers = provider;
    sched_unlock(&lock);
    if (enabled && callback != NULL) {
        static const uint8_t source[16];

        DRIVER_CALL_VOID("enable callback",
                         ((enable_callback *)callback)(source, 1, enabled_level, enabled_keywords, 0, NULL, context));
    }
    return STATUS_SUCCESS;
}

static MS_ABI int32_t nt_EtwUnregister(uint64_t handle)
{
    struct provider *found = NULL;

    sched_lock(&lock);
    for (struct provider **at = &providers; *at != NULL; at = &(*at)->next) {
        if ((*at)->handle == handle) {
            found = *at;
            *at = found->next;
            break;
        }
    }
    sched_unlock(&lock);
    free(found);
    return found != NULL ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

static MS_ABI uint8_t nt_EtwEventEnabled(uint64_t handle, const struct EVENT_DESCRIPTOR *descriptor)
{
    return handle != 0 && wanted(descriptor->Level, descriptor->Keyword);
}

static MS_ABI uint8_t nt_EtwProviderEnabled(uint64_t handle, uint8_t level, uint64_t keyword)
{
    return handle != 0 && wanted(level, keyword);
}

static MS_ABI int32_t nt_EtwWrite(uint64_t handle, const struct EVENT_DESCRIPTOR *descriptor, const uint8_t *activity,
                                  uint32_t count, const struct EVENT_DATA_DESCRIPTOR *data)
{
    (void)activity;
    return write_event(handle, descriptor, count, data);
}

static MS_ABI int32_t nt_EtwWriteTransfer(uint64_t handle, const struct EVENT_DESCRIPTOR *descriptor,
                                          const uint8_t *activity, const uint8_t *related, uint32_t count,
                                          const struct EVENT_DATA_DESCRIPTOR *data)
{
    (void)activity, (void)related;
    return write_event(handle, descriptor, count, data);
}

static MS_ABI int32_t nt_EtwSetInformation(uint64_t handle, uint32_t class, void *information, uint32_t length)
{
    (void)class, (void)information, (void)length; /* traits of a manifest-free provider: nothing here reads them */
    return handle != 0 ? STATUS_SUCCESS : STATUS_INVALID_HANDLE;
}

static MS_ABI int32_t nt_IoWMIRegistrationControl(struct DEVICE_OBJECT *device, uint32_t action)
{
    device_of(device);
    action &= 0xffff;
    RULE(action >= WMI_REGISTER && action <= WMI_UPDATE, "parameter", "IoWMIRegistrationControl with action %u",
         action);
    if (action == WMI_REGISTER) {
        __atomic_add_fetch(&wmi_registrations, 1, __ATOMIC_RELAXED);
    } else if (action == WMI_DEREGISTER) {
        __atomic_sub_fetch(&wmi_registrations, 1, __ATOMIC_RELAXED);
    }
    return STATUS_SUCCESS;
}

#define ETW_EXPORTS(X)                                                                                                 \
    X("ntoskrnl.exe", EtwRegister, nt_EtwRegister, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                            \
    X("ntoskrnl.exe", EtwUnregister, nt_EtwUnregister, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)                        \
    X("ntoskrnl.exe", EtwEventEnabled, nt_EtwEventEnabled, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                       \
    X("ntoskrnl.exe", EtwProviderEnabled, nt_EtwProviderEnabled, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                 \
    X("ntoskrnl.exe", EtwWrite, nt_EtwWrite, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                                     \
    X("ntoskrnl.exe", EtwWriteTransfer, nt_EtwWriteTransfer, PASSIVE_LEVEL, HIGH_LEVEL, WINDOWS_7)                     \
    X("ntoskrnl.exe", EtwSetInformation, nt_EtwSetInformation, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_8_1)              \
    X("ntoskrnl.exe", IoWMIRegistrationControl, nt_IoWMIRegistrationControl, PASSIVE_LEVEL, PASSIVE_LEVEL, WINDOWS_7)

void etw_start(void)
{
    EXPORT_REGISTER(ETW_EXPORTS);
}

void etw_leaks(struct leaks *leaks)
{
    for (struct provider *provider = providers; provider != NULL; provider = provider->next) {
        leak_add(leaks, "event provider registration %llu", (unsigned long long)provider->handle);
    }
    if (wmi_registrations != 0) {
        leak_add(leaks, "%d WMI registrations", wmi_registrations);
    }
}

void etw_stop(void)
{
    while (providers != NULL) {
        struct provider *provider = providers;

        providers = provider->next;
        free(provider);
    }
    for (uint64_t i = 0; events != NULL && i < KEPT; i++) {
        free((void *)(uintptr_t)events[i].payload);
    }
    free(events);
    events = NULL;
    last_handle = written = first_kept = end_kept = 0;
    wmi_registrations = 0;
}
