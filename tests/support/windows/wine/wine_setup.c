/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A Windows program for Wine that does what Windows' device installer does, step by step and with the real setupapi,
 * around the real co-installer. tests/support/windows/wine_bed.py starts it; it takes one command per line on its
 * standard input, fields separated by tabs, and answers with lines of the same form.
 *
 * Wine lacks setupapi's text log and calls no co-installer a second time. So the program loads the co-installer that
 * the INF registered, calls it before and after Windows' own work as Windows does, and stands in for some of its
 * imports: the text log, whose lines it prints, and registry functions and allocations, which it can let fail.
 */
#define UNICODE
#include "wine_setup.h"

#include <setupapi.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef DWORD(CALLBACK *COINSTALLER)(DI_FUNCTION, HDEVINFO, SP_DEVINFO_DATA *, COINSTALLER_CONTEXT_DATA *);

enum { MAX_FIELDS = 8, MAX_LINE = 16384 };

struct device {
    HDEVINFO set;
    SP_DEVINFO_DATA data;
};

static const GUID net_class = { 0x4d36e972, 0xe325, 0x11ce, { 0xbf, 0xc1, 0x08, 0x00, 0x2b, 0xe1, 0x03, 0x18 } };

void say(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

static WCHAR *wide(const char *text)
{
    static WCHAR buffers[8][2048];
    static unsigned turn;
    WCHAR *to = buffers[turn++ % 8];

    MultiByteToWideChar(CP_UTF8, 0, text, -1, to, 2048);
    return to;
}

const char *narrow(const WCHAR *text)
{
    static char buffers[8][4096];
    static unsigned turn;
    char *to = buffers[turn++ % 8];

    WideCharToMultiByte(CP_UTF8, 0, text, -1, to, 4096, NULL, NULL);
    return to;
}

/* --- devices --- */

static BOOL open_device(struct device *device, const char *instance)
{
    device->set = SetupDiCreateDeviceInfoList(NULL, NULL);
    device->data.cbSize = sizeof(device->data);
    if (!SetupDiOpenDeviceInfoW(device->set, wide(instance), NULL, 0, &device->data)) {
        say("error\tno device %s: %lu", instance, GetLastError());
        SetupDiDestroyDeviceInfoList(device->set);
        return FALSE;
    }
    return TRUE;
}

static void close_device(struct device *device)
{
    SetupDiDestroyDeviceInfoList(device->set);
}

/* IDs are separated by blanks. */
static BOOL set_ids(struct device *device, const char *ids)
{
    WCHAR list[2048];
    int length = MultiByteToWideChar(CP_UTF8, 0, ids, -1, list, 2046);

    for (int i = 0; i < length; i++) {
        list[i] = list[i] == L' ' ? 0 : list[i];
    }
    list[length] = 0;
    return SetupDiSetDeviceRegistryPropertyW(device->set, &device->data, SPDRP_HARDWAREID, (BYTE *)list,
                                             (length + 1) * sizeof(WCHAR));
}

static void change_ids(const char *instance, const char *ids)
{
    struct device device;

    if (open_device(&device, instance)) {
        if (!set_ids(&device, ids)) {
            say("error\tcannot set IDs: %lu", GetLastError());
        }
        close_device(&device);
    }
}

static void create_device(const char *ids)
{
    struct device device;
    WCHAR instance[200];

    device.set = SetupDiCreateDeviceInfoList(&net_class, NULL);
    device.data.cbSize = sizeof(device.data);
    if (!SetupDiCreateDeviceInfoW(device.set, L"XENVIF", &net_class, NULL, NULL, DICD_GENERATE_ID, &device.data) ||
        !set_ids(&device, ids) || !SetupDiCallClassInstaller(DIF_REGISTERDEVICE, device.set, &device.data) ||
        !SetupDiGetDeviceInstanceIdW(device.set, &device.data, instance, 200, NULL)) {
        say("error\tcannot create a device: %lu", GetLastError());
    } else {
        say("device\t%s", narrow(instance));
    }
    close_device(&device);
}

static void set_property(const char *instance, const char *property, const char *text)
{
    struct device device;
    WCHAR *value = wide(text);

    if (open_device(&device, instance)) {
        if (!SetupDiSetDeviceRegistryPropertyW(device.set, &device.data, (DWORD)atoi(property), (BYTE *)value,
                                               (DWORD)(wcslen(value) + 1) * sizeof(WCHAR))) {
            say("error\tcannot set property %s: %lu", property, GetLastError());
        }
        close_device(&device);
    }
}

static BOOL select_driver(struct device *device, const char *inf)
{
    SP_DEVINSTALL_PARAMS_W params = { .cbSize = sizeof(params) };
    SP_DRVINFO_DATA_W driver = { .cbSize = sizeof(driver) };

    SetupDiGetDeviceInstallParamsW(device->set, &device->data, &params);
    params.Flags |= DI_ENUMSINGLEINF | DI_QUIETINSTALL;
    wcscpy(params.DriverPath, wide(inf));
    if (!SetupDiSetDeviceInstallParamsW(device->set, &device->data, &params) ||
        !SetupDiBuildDriverInfoList(device->set, &device->data, SPDIT_COMPATDRIVER)) {
        say("error\tcannot list drivers: %lu", GetLastError());
        return FALSE;
    }
    if (!SetupDiCallClassInstaller(DIF_SELECTBESTCOMPATDRV, device->set, &device->data) ||
        !SetupDiGetSelectedDriverW(device->set, &device->data, &driver)) {
        say("selected\tnone");
        return FALSE;
    }
    say("selected\t%s", narrow(driver.Description));
    return TRUE;
}

static COINSTALLER load_coinstaller(struct device *device, HMODULE *module)
{
    WCHAR list[300] = L"";
    DWORD size = sizeof(list) - sizeof(WCHAR);
    HKEY key = SetupDiOpenDevRegKey(device->set, &device->data, DICS_FLAG_GLOBAL, 0, DIREG_DRV, KEY_READ);
    WCHAR *comma;
    COINSTALLER entry;

    *module = NULL;
    if (key == INVALID_HANDLE_VALUE || RegQueryValueExW(key, L"CoInstallers32", NULL, NULL, (BYTE *)list, &size) != 0 ||
        (comma = wcschr(list, L',')) == NULL) {
        say("coinstaller\tnone");
        return NULL;
    }
    RegCloseKey(key);
    *comma = 0;
    *module = LoadLibraryW(list);
    entry = *module == NULL ? NULL : (COINSTALLER)GetProcAddress(*module, narrow(comma + 1));
    if (entry == NULL) {
        say("error\tcannot load %s: %lu", narrow(list), GetLastError());
        return NULL;
    }
    replace_imports(*module);
    say("coinstaller\t%s", narrow(list));
    return entry;
}

static void say_reboot(struct device *device)
{
    SP_DEVINSTALL_PARAMS_W params = { .cbSize = sizeof(params) };

    SetupDiGetDeviceInstallParamsW(device->set, &device->data, &params);
    say("reboot\t%d", (params.Flags & (DI_NEEDREBOOT | DI_NEEDRESTART)) != 0);
}

/* One step as Windows takes it: the co-installer, the default, and the co-installer again if it asked for that. */
static DWORD step(DI_FUNCTION function, struct device *device, COINSTALLER entry, BOOL (*work)(struct device *),
                  const char *result)
{
    COINSTALLER_CONTEXT_DATA context = { .InstallResult = NO_ERROR };
    DWORD before = entry != NULL ? entry(function, device->set, &device->data, &context) : NO_ERROR, error;

    say("before\t%lu", before);
    if (before != NO_ERROR && before != ERROR_DI_POSTPROCESSING_REQUIRED) {
        return before;
    }
    error = result != NULL ? (DWORD)strtoul(result, NULL, 0) : work(device) ? NO_ERROR : GetLastError();
    say("windows\t%lu", error);
    if (before == ERROR_DI_POSTPROCESSING_REQUIRED) {
        context.PostProcessing = TRUE;
        context.InstallResult = error;
        error = entry(function, device->set, &device->data, &context);
        say("after\t%lu", error);
    }
    return error;
}

static BOOL do_install(struct device *device)
{
    return SetupDiInstallDevice(device->set, &device->data);
}
static BOOL do_remove(struct device *device)
{
    return SetupDiRemoveDevice(device->set, &device->data);
}
static BOOL do_nothing(struct device *device)
{
    return device != NULL;
}

/* `result`: do not install, but say that this came out. */
static void install(const char *instance, const char *inf, const char *result)
{
    struct device device;
    COINSTALLER entry;
    HMODULE module = NULL;

    if (!open_device(&device, instance)) {
        return;
    }
    if (select_driver(&device, inf)) {
        if (!SetupDiInstallDriverFiles(device.set, &device.data) ||
            !SetupDiRegisterCoDeviceInstallers(device.set, &device.data)) {
            say("error\tcannot copy or register: %lu", GetLastError());
        }
        entry = load_coinstaller(&device, &module);
        fault.calls = 0;
        step(DIF_INSTALLDEVICE, &device, entry, do_install, result);
        say("calls\t%u", fault.calls);
        say_reboot(&device);
        if (module != NULL) {
            FreeLibrary(module);
        }
    }
    close_device(&device);
}

/* The device again, without a driver chosen for it. */
static void call(const char *instance, DI_FUNCTION function, BOOL (*work)(struct device *), const char *result)
{
    struct device device;
    COINSTALLER entry;
    HMODULE module = NULL;

    if (open_device(&device, instance)) {
        entry = load_coinstaller(&device, &module);
        fault.calls = 0;
        step(function, &device, entry, work, result);
        say("calls\t%u", fault.calls);
        say_reboot(&device);
        if (module != NULL) {
            FreeLibrary(module);
        }
        close_device(&device);
    }
}

/* Everything by Wine's own setupapi, which loads the co-installers itself. */
static void install_by_setupapi(const char *instance, const char *inf)
{
    static const DI_FUNCTION steps[] = { DIF_INSTALLDEVICEFILES, DIF_REGISTER_COINSTALLERS, DIF_INSTALLINTERFACES,
                                         DIF_INSTALLDEVICE };
    struct device device;

    if (!open_device(&device, instance)) {
        return;
    }
    if (select_driver(&device, inf)) {
        for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
            SetLastError(0);
            BOOL good = SetupDiCallClassInstaller(steps[i], device.set, &device.data);

            say("step\t%u\t%lu", (unsigned)steps[i], good ? 0 : GetLastError());
        }
    }
    close_device(&device);
}

/* --- registry --- */

static void dump(HKEY parent, const WCHAR *path)
{
    static BYTE data[8192];
    WCHAR name[300], below[600];
    DWORD size, length, type;
    HKEY key;

    if (RegOpenKeyExW(parent, path, 0, KEY_READ, &key) != 0) {
        return;
    }
    say("key\t%s", narrow(path));
    for (DWORD i = 0;
         length = 300, size = sizeof(data), RegEnumValueW(key, i, name, &length, NULL, &type, data, &size) == 0; i++) {
        printf("value\t%s\t%s\t%lu\t", narrow(path), narrow(name), type);
        for (DWORD k = 0; k < size; k++) {
            printf("%02x", data[k]);
        }
        putchar('\n');
    }
    for (DWORD i = 0; length = 300, RegEnumKeyExW(key, i, name, &length, NULL, NULL, NULL, NULL) == 0; i++) {
        _snwprintf(below, 600, L"%ls\\%ls", path, name);
        dump(parent, below);
    }
    RegCloseKey(key);
}

static void set_registry(const char *path, const char *name, const char *type, const char *hex)
{
    BYTE data[2048];
    DWORD size = 0;
    HKEY key;

    if (RegCreateKeyExW(HKEY_LOCAL_MACHINE, wide(path), 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, NULL) != 0) {
        say("error\tcannot create %s", path);
        return;
    }
    for (; type != NULL && hex[0] != 0 && hex[1] != 0; hex += 2) {
        char byte[3] = { hex[0], hex[1], 0 };

        data[size++] = (BYTE)strtoul(byte, NULL, 16);
    }
    if (type != NULL) {
        RegSetValueExW(key, wide(name), 0, (DWORD)atoi(type), data, size);
    }
    RegCloseKey(key);
}

static void command(char **field, int count)
{
    const char *verb = field[0];

#define IS(name, least) (strcmp(verb, name) == 0 && count > (least))
    if (IS("create", 1)) {
        create_device(field[1]);
    } else if (IS("ids", 2)) {
        change_ids(field[1], field[2]);
    } else if (IS("property", 3)) {
        set_property(field[1], field[2], field[3]);
    } else if (IS("install", 2)) {
        install(field[1], field[2], count > 3 ? field[3] : NULL);
    } else if (IS("setupapi", 2)) {
        install_by_setupapi(field[1], field[2]);
    } else if (IS("remove", 1)) {
        call(field[1], DIF_REMOVE, do_remove, count > 2 ? field[2] : NULL);
    } else if (IS("dif", 2)) {
        call(field[1], (DI_FUNCTION)atoi(field[2]), do_nothing, count > 3 ? field[3] : NULL);
    } else if (IS("fail", 2)) {
        fault.fail_call = (unsigned)atoi(field[1]);
        fault.fail_error = (DWORD)atoi(field[2]);
    } else if (IS("deny", 1)) {
        wcscpy(fault.fail_path, wide(field[1]));
        fault.fail_error = ERROR_ACCESS_DENIED;
    } else if (IS("status", 2)) {
        fault.device_status = strtoul(field[1], NULL, 0);
        fault.device_problem = strtoul(field[2], NULL, 0);
    } else if (IS("textlog", 1)) {
        fault.has_text_log = atoi(field[1]) != 0;
    } else if (IS("dump", 1)) {
        dump(HKEY_LOCAL_MACHINE, wide(field[1]));
    } else if (IS("set", 4)) {
        set_registry(field[1], field[2], field[3], field[4]);
    } else if (IS("key", 1)) {
        set_registry(field[1], NULL, NULL, NULL);
    } else if (IS("delete", 1)) {
        RegDeleteTreeW(HKEY_LOCAL_MACHINE, wide(field[1]));
    } else {
        say("error\tunknown command %s with %d fields", verb, count);
    }
}

/* The entry point: there is no C runtime but msvcrt.dll, and that starts by itself. */
void start(void);
void start(void)
{
    static char line[MAX_LINE];

    AddVectoredExceptionHandler(1, on_exception);
    say("ready");
    while (fgets(line, sizeof(line), stdin) != NULL) {
        char *field[MAX_FIELDS] = { line };
        int count = 1;

        line[strcspn(line, "\r\n")] = 0;
        for (char *at = line; count < MAX_FIELDS && (at = strchr(at, '\t')) != NULL; count++) {
            *at++ = 0;
            field[count] = at;
        }
        command(field, count);
        say("done");
    }
    ExitProcess(0);
}
