/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Installs a driver package for a device from its INF, as SetupAPI and the network class installer do: model, service
 * with its event log, driver key, device key. PASSIVE_LEVEL. A second installation for the same device keeps the driver
 * key and the values in it; a further device gets the next free one.
 *
 * Of the install section's relatives .HW and .Services are carried out. .CoInstallers, .Interfaces, .Wdf, .Events and
 * Include with Needs name other programs and other INFs of Windows; nothing of them reaches a running network driver,
 * so they are left.
 */
#include "nt/install/install.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "nt/io/pnp.h"
#include "nt/nt.h"
#include "nt/registry/registry.h"
#include "nt/rtl/utf.h"

/* Setup classes that drivers are installed for. */
static const struct setup_class {
    const char *guid, *name, *drivers; /* what the class's drivers are, for messages */
} network_class = { NET_CLASS, "Net", "network adapters" }, system_class = { SYSTEM_CLASS, "System", "system devices" };

struct installed {
    struct package package; /* first: package_free gets it */
    const struct setup_class *class;
    char service[128], service_key[256], driver_key[256], description[256], matched_id[256], image_name[128];
    char driver[128]; /* {class}\0000 */
    struct device *device;
    struct inf *inf;
    struct inf_model model;
    char *error;
    size_t size;
};

bool install_directory(const char *text, char *path, size_t size)
{
    static const struct {
        const char *number, *path;
    } directories[] = {
        { "%10%", "\\SystemRoot" },
        { "%11%", "\\SystemRoot\\System32" },
        { "%12%", "\\SystemRoot\\System32\\drivers" },
        { "%13%", "\\SystemRoot\\System32\\DriverStore\\FileRepository\\package" },
    };

    for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
        size_t length = strlen(directories[i].number);

        if (strncmp(text, directories[i].number, length) == 0) {
            snprintf(path, size, "%s%s", directories[i].path, text + length);
            return true;
        }
    }
    snprintf(path, size, "%s", text);
    return text[0] != '%';
}

static bool complain(struct installed *at, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool complain(struct installed *at, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(at->error, at->size, format, arguments);
    va_end(arguments);
    return false;
}

static void set_multi_string(const char *key, const char *name, const char *const *texts)
{
    uint16_t wide[4096];
    size_t used = 0;

    for (; texts != NULL && *texts != NULL && used < sizeof(wide) / 2 - 300; texts++) {
        used += utf16_from_utf8(wide + used, 256, *texts) + 1;
    }
    wide[used++] = 0;
    registry_set_value(key, name, REGISTRY_MULTI_SZ, wide, used * 2);
}

static uint32_t number_of(const struct inf *inf, const char *section, const char *key, uint32_t otherwise)
{
    uint32_t number;

    return inf_number(inf_field(inf_find(inf, section, key), 0), &number) ? number : otherwise;
}

/* --- service --- */

static bool install_event_log(struct installed *at, const struct inf_line *service)
{
    const char *section = inf_field(service, 3);
    const char *type = inf_field(service, 4), *name = inf_field(service, 5);
    char key[400];

    if (section[0] == 0) {
        return true;
    }
    if (inf_section(at->inf, section) == NULL) {
        return complain(at, "%s: line %u: AddService names the section [%s], which is not there: add it", at->inf->file,
                        service->number, section);
    }
    snprintf(key, sizeof(key), "%s\\Services\\EventLog\\%s\\%s", CURRENT_CONTROL_SET, type[0] != 0 ? type : "System",
             name[0] != 0 ? name : at->service);
    registry_create_key(key);
    return install_registry(at->inf, section, key, at->error, at->size);
}

static bool install_service(struct installed *at)
{
    char services[160];
    const struct inf_line *service = NULL;
    const char *section, *binary, *name;
    char path[300];
    uint32_t flags;

    snprintf(services, sizeof(services), "%s.Services", at->model.section);
    if (inf_section(at->inf, services) == NULL) {
        snprintf(services, sizeof(services), "%.120s.Services", at->model.install);
    }
    for (size_t i = 0; inf_section(at->inf, services) != NULL && i < inf_section(at->inf, services)->count; i++) {
        const struct inf_line *line = &inf_section(at->inf, services)->lines[i];

        if (line->key != NULL && strcasecmp(line->key, "AddService") == 0 && inf_number(inf_field(line, 1), &flags) &&
            (flags & 2) != 0) {
            service = line;
        }
    }
    if (service == NULL) {
        return complain(at, "%s: [%s] has no AddService with flag 2, the driver's own service: add it", at->inf->file,
                        services);
    }
    snprintf(at->service, sizeof(at->service), "%s", inf_field(service, 0));
    section = inf_field(service, 2);
    if (inf_section(at->inf, section) == NULL) {
        return complain(at, "%s: line %u: AddService names the section [%s], which is not there: add it", at->inf->file,
                        service->number, section);
    }
    binary = inf_field(inf_find(at->inf, section, "ServiceBinary"), 0);
    if (binary[0] == 0 || !install_directory(binary, path, sizeof(path))) {
        return complain(at, "%s: [%s] has no usable ServiceBinary (\"%s\"): name the driver, such as %%12%%\\x.sys",
                        at->inf->file, section, binary);
    }
    if (number_of(at->inf, section, "ServiceType", 0) != 1) {
        return complain(at, "%s: [%s] has ServiceType %s, which is no kernel driver: make it 1", at->inf->file, section,
                        inf_field(inf_find(at->inf, section, "ServiceType"), 0));
    }
    name = strrchr(path, '\\') != NULL ? strrchr(path, '\\') + 1 : path;
    snprintf(at->image_name, sizeof(at->image_name), "%s", name);
    snprintf(at->service_key, sizeof(at->service_key), "%s\\Services\\%s", CURRENT_CONTROL_SET, at->service);
    registry_set_dword(at->service_key, "Type", 1);
    registry_set_dword(at->service_key, "Start", number_of(at->inf, section, "StartType", 3));
    registry_set_dword(at->service_key, "ErrorControl", number_of(at->inf, section, "ErrorControl", 1));
    registry_set_string(at->service_key, "ImagePath", path);
    registry_set_string(at->service_key, "DisplayName", inf_field(inf_find(at->inf, section, "DisplayName"), 0));
    if (inf_find(at->inf, section, "LoadOrderGroup") != NULL) {
        registry_set_string(at->service_key, "Group", inf_field(inf_find(at->inf, section, "LoadOrderGroup"), 0));
    }
    if (inf_find(at->inf, section, "BootFlags") != NULL) {
        registry_set_dword(at->service_key, "BootFlags", number_of(at->inf, section, "BootFlags", 0));
    }
    return install_registry(at->inf, section, at->service_key, at->error, at->size) && install_event_log(at, service);
}

/* The driver's file must be among those that the install section copies. */
static bool check_files(struct installed *at)
{
    struct inf_section *install = inf_section(at->inf, at->model.section);

    for (size_t i = 0; i < install->count; i++) {
        if (install->lines[i].key == NULL || strcasecmp(install->lines[i].key, "CopyFiles") != 0) {
            continue;
        }
        for (size_t f = 0; f < install->lines[i].count; f++) {
            const char *list = install->lines[i].fields[f];
            struct inf_section *files = inf_section(at->inf, list);

            if (list[0] == '@' && strcasecmp(list + 1, at->image_name) == 0) {
                return true;
            }
            if (list[0] != '@' && files == NULL) {
                return complain(at, "%s: line %u: CopyFiles names the section [%s], which is not there: add it",
                                at->inf->file, install->lines[i].number, list);
            }
            for (size_t k = 0; files != NULL && k < files->count; k++) {
                if (strcasecmp(inf_field(&files->lines[k], 0), at->image_name) == 0) {
                    return true;
                }
            }
        }
    }
    return complain(at, "%s: [%s] copies no %s, which its service starts: add it to CopyFiles", at->inf->file,
                    at->model.section, at->image_name);
}

/* --- driver key --- */

static void choose_driver_key(struct installed *at)
{
    const char *enum_key = device_enum_key(at->device);

    if (!registry_get_string(enum_key, "Driver", at->driver, sizeof(at->driver))) {
        for (unsigned i = 0;; i++) {
            snprintf(at->driver, sizeof(at->driver), "%s\\%04u", at->class->guid, i);
            snprintf(at->driver_key, sizeof(at->driver_key), "%s\\Control\\Class\\%s", CURRENT_CONTROL_SET, at->driver);
            if (!registry_key_exists(at->driver_key)) {
                break;
            }
        }
    }
    snprintf(at->driver_key, sizeof(at->driver_key), "%s\\Control\\Class\\%s", CURRENT_CONTROL_SET, at->driver);
    registry_create_key(at->driver_key);
}

/* The interface's GUID stays the same for the same device path, run after run. */
static void set_instance_id(struct installed *at)
{
    uint64_t hash = 0xcbf29ce484222325ull;
    char guid[64];
    size_t none = 0;

    if (registry_get_value(at->driver_key, "NetCfgInstanceId", NULL, NULL, &none)) {
        return;
    }
    for (const char *c = device_instance_path(at->device); *c != 0; c++) {
        hash = (hash ^ (uint8_t)*c) * 0x100000001b3ull;
    }
    snprintf(guid, sizeof(guid), "{%08X-%04X-4%03X-8%03X-%012llX}", (uint32_t)hash, (unsigned)(hash >> 32) & 0xffff,
             (unsigned)(hash >> 48) & 0xfff, (unsigned)(hash >> 52) & 0xfff,
             (unsigned long long)(hash & 0xffffffffffffull));
    registry_set_string(at->driver_key, "NetCfgInstanceId", guid);
}

static bool install_driver_key(struct installed *at)
{
    static const char *const numbers[] = { "Characteristics", "*IfType", "*MediaType", "*PhysicalMediaType" };
    const struct inf_line *version = inf_find(at->inf, "Version", "DriverVer");
    uint32_t number;

    if (!install_registry(at->inf, at->model.section, at->driver_key, at->error, at->size)) {
        return false;
    }
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        const struct inf_line *line = inf_find(at->inf, at->model.section, numbers[i]);

        if (line != NULL && !inf_number(inf_field(line, 0), &number)) {
            return complain(at, "%s: line %u: %s is no number: correct it", at->inf->file, line->number, numbers[i]);
        }
        if (line != NULL) {
            registry_set_dword(at->driver_key, numbers[i], number);
        }
    }
    if (inf_find(at->inf, at->model.section, "BusType") != NULL) {
        registry_set_string(at->driver_key, "BusType", inf_field(inf_find(at->inf, at->model.section, "BusType"), 0));
    }
    registry_set_string(at->driver_key, "DriverDesc", at->description);
    registry_set_string(at->driver_key, "ProviderName", inf_field(inf_find(at->inf, "Version", "Provider"), 0));
    registry_set_string(at->driver_key, "DriverDate", inf_field(version, 0));
    registry_set_string(at->driver_key, "DriverVersion", inf_field(version, 1));
    registry_set_string(at->driver_key, "InfPath", at->inf->file);
    registry_set_string(at->driver_key, "InfSection", at->model.install);
    registry_set_string(at->driver_key, "InfSectionExt", at->model.extension);
    registry_set_string(at->driver_key, "MatchingDeviceId", at->matched_id);
    registry_set_string(at->driver_key, "ComponentId", at->matched_id);
    registry_set_string(at->driver_key, "DeviceInstanceID", device_instance_path(at->device));
    if (at->class == &network_class) {
        registry_set_dword(at->driver_key, "NetLuidIndex",
                           32768 + (uint32_t)strtoul(at->driver + strlen(at->driver) - 4, NULL, 10));
        set_instance_id(at);
        install_defaults(at->driver_key);
    }
    return true;
}

static bool install_device_key(struct installed *at)
{
    const struct pdo_ids *ids = device_ids(at->device);
    const char *key = device_enum_key(at->device);
    char section[160], parameters[600];

    registry_set_string(key, "DeviceDesc", at->description);
    registry_set_string(key, "Mfg", at->model.manufacturer);
    registry_set_string(key, "Class", at->class->name);
    registry_set_string(key, "ClassGUID", at->class->guid);
    registry_set_string(key, "Service", at->service);
    registry_set_string(key, "Driver", at->driver);
    registry_set_dword(key, "ConfigFlags", 0);
    if (ids->location != NULL) {
        registry_set_string(key, "LocationInformation", ids->location);
    }
    set_multi_string(key, "HardwareID", ids->hardware_ids);
    set_multi_string(key, "CompatibleIDs", ids->compatible_ids);
    snprintf(section, sizeof(section), "%s.HW", at->model.section);
    snprintf(parameters, sizeof(parameters), "%s\\Device Parameters", key);
    registry_create_key(parameters);
    return install_registry(at->inf, section, parameters, at->error, at->size);
}

static bool install(struct installed *at, const char *const *set)
{
    const struct pdo_ids *ids = device_ids(at->device);
    const char *class = inf_field(inf_find(at->inf, "Version", "ClassGUID"), 0);

    if (strcasecmp(class, at->class->guid) != 0) {
        return complain(at, "%s: ClassGUID \"%s\" is not the %s' %s: use a %s driver's INF", at->inf->file, class,
                        at->class->drivers, at->class->guid, at->class == &network_class ? "network" : "bus");
    }
    if (!inf_select(at->inf, ids->hardware_ids, ids->compatible_ids, &at->model, at->error, at->size)) {
        return false;
    }
    snprintf(at->description, sizeof(at->description), "%s", at->model.description);
    snprintf(at->matched_id, sizeof(at->matched_id), "%s", at->model.matched_id);
    if (!install_service(at) || !check_files(at)) {
        return false;
    }
    choose_driver_key(at);
    if (!install_driver_key(at) || !install_device_key(at)) {
        return false;
    }
    for (; set != NULL && *set != NULL; set++) {
        if (!install_set(at->driver_key, at->inf->file, *set, at->error, at->size)) {
            return false;
        }
    }
    return true;
}

static struct package *install_for(struct device *pdo, const struct setup_class *class, const char *inf_path,
                                   const char *const *set, char *error, size_t size)
{
    struct installed *at = calloc(1, sizeof(*at));
    bool good;

    if (at == NULL) {
        abort();
    }
    at->device = pdo;
    at->class = class;
    at->error = error;
    at->size = size;
    at->inf = inf_open(inf_path, error, size);
    good = at->inf != NULL && install(at, set);
    if (at->inf != NULL) {
        inf_close(at->inf);
    }
    if (!good) {
        free(at);
        return NULL;
    }
    at->package = (struct package){ at->service,     at->service_key, at->driver_key,
                                    at->description, at->matched_id,  at->image_name };
    return &at->package;
}

struct package *package_install(struct device *pdo, const char *inf_path, const char *const *set, char *error,
                                size_t size)
{
    return install_for(pdo, &network_class, inf_path, set, error, size);
}

struct package *package_install_bus(struct device *pdo, const char *inf_path, char *error, size_t size)
{
    return install_for(pdo, &system_class, inf_path, NULL, error, size);
}

void package_free(struct package *package)
{
    free(package);
}
