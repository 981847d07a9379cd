# SPDX-License-Identifier: BSD-2-Clause
"""A simulated Windows for the package's scripts: what powershell.py asks for when a script looks or acts.

It has a registry, files, devices with a driver each, a driver store whose packages rank, certificates, WMI classes, and
the programs pnputil and netsh. What a script calls and is not here stops the test. Every act is in `log`.
"""

import datetime
import re

from tests.support.windows.powershell import Exit, Thrown, plain
from tests.support.windows.powershell_parser import Unknown

FOLDER = "C:\\package"
ROOT = "C:\\Windows"
NET_CLASS = "{4d36e972-e325-11ce-bfc1-08002be10318}"
CONTROL = "HKLM:\\SYSTEM\\CurrentControlSet\\Control"
SERVICES = "HKLM:\\SYSTEM\\CurrentControlSet\\Services"
ENUM = "HKLM:\\SYSTEM\\CurrentControlSet\\Enum"
OWN_TEXT = "; the text of our INF, with its mark\n"


class Package:
    """A driver package; the lower the rank, the sooner Windows takes it."""

    def __init__(self, title, rank, text, version="1.0.0.0"):
        self.title, self.rank, self.text, self.version = title, rank, text, version


class Device:
    def __init__(self, name, interface):
        self.id = f"XENVIF\\VEN_XP0001&DEV_NET&REV_09000005\\{name}"
        self.interface = interface
        self.inf = None      # of the store
        self.problem = 28


class Certificate:
    def __init__(self, subject, issuer=None):
        self.members = {"Subject": subject, "Issuer": issuer or subject, "Thumbprint": f"T-{subject[-4:]}"}


class Store:
    """An X509Store, opened."""

    def __init__(self, scene, name):
        self.scene, self.name = scene, name
        self.held = scene.certificates.setdefault(name, [])


class Static:
    def __init__(self, name):
        self.name = name


class Scene:
    def __init__(self, scripts, build=19045, architecture="AMD64"):
        self.scripts = scripts               # {file name: text}
        self.build, self.log, self.printed = build, [], []
        self.environment = {"TEMP": "C:\\Temp", "SystemRoot": ROOT, "ProgramData": "C:\\ProgramData",
                            "PROCESSOR_ARCHITECTURE": architecture}
        self.administrator, self.signature = True, "Valid"
        self.registry = {CONTROL: {"SystemStartOptions": " NOEXECUTE=OPTIN"}}
        self.files = {}                      # path: lines
        self.certificates, self.classes = {}, set()
        self.store, self.devices = {}, []    # {oem<n>.inf: Package}, [Device]
        self.package = None                  # the one in the script's folder
        self.names = {}                      # of connections, by interface
        self.manual = {}                     # {connection: [(address, length)]} of IPv6
        self.forget_addresses = True
        self.restart, self.refuse, self.netsh_status = False, None, 0

    # --- devices and packages ---

    def add_device(self, name="0", interface="{IF-0}"):
        device = Device(name, interface)
        self.devices.append(device)
        self.names[interface] = f"Ethernet {name}"
        self.registry[f"{ENUM}\\{device.id}"] = {"HardwareID": [device.id.rsplit("\\", 1)[0], "XENDEVICE"]}
        return device

    def add_package(self, package):
        for name, held in self.store.items():
            if held is package:
                return name
        name = f"oem{len(self.store) + 1}.inf"
        self.store[name] = package
        self.files[f"{ROOT}\\INF\\{name}"] = package.text.split("\n")
        return name

    def give(self, device, inf):
        """A device gets a driver, or none."""
        enum = self.registry[f"{ENUM}\\{device.id}"]
        number = self.devices.index(device)
        key = f"{CONTROL}\\Class\\{NET_CLASS}\\{number:04}"
        device.inf, device.problem = inf, 0 if inf else 28
        if inf is None:
            enum.pop("Driver", None)
            self.registry.pop(key, None)
            return
        package = self.store[inf]
        enum["Driver"] = f"{NET_CLASS}\\{number:04}"
        self.registry[key] = {"InfPath": inf, "DriverDesc": package.title, "ProviderName": "Company",
                              "DriverVersion": package.version, "DriverDate": "1-1-2026",
                              "NetCfgInstanceId": device.interface}
        self.registry[f"{CONTROL}\\Network\\{NET_CLASS}\\{device.interface}\\Connection"] = {
            "Name": self.names[device.interface]}

    def best(self):
        return min(self.store, key=lambda name: self.store[name].rank, default=None)

    def rank_all(self):
        """What Windows does after a package came: each device gets the best. True where something changed."""
        changed = [device for device in self.devices if device.inf != self.best()]
        for device in changed:
            self.give(device, self.best())
        return bool(changed)

    def set_static(self, device, addresses, masks, gateways=(), servers=""):
        self.registry[f"{SERVICES}\\Tcpip\\Parameters\\Interfaces\\{device.interface}"] = {
            "EnableDHCP": 0, "IPAddress": list(addresses), "SubnetMask": list(masks),
            "DefaultGateway": list(gateways), "NameServer": servers}

    # --- programs ---

    def native(self, path, words):
        name = path.rsplit("\\", 1)[1]
        self.log.append(" ".join([name, *words]))
        if name == "netsh.exe":
            return self.netsh_status, ["Ok."]
        if name != "pnputil.exe":
            raise Unknown(f"the program {path}")
        return self.pnputil(words)

    def pnputil(self, words):
        new = self.build >= 14393
        if new != words[0].startswith("/"):
            return 1, ["unknown option"]
        if self.refuse is not None:
            return self.refuse, ["failed"]
        if words[0] in ("/add-driver", "-i"):
            self.add_package(self.package)
            changed = self.rank_all()
            return (3010 if self.restart and changed else 0 if changed else 259), ["Added"]
        name = words[1] if words[0] == "/delete-driver" else words[2]
        del self.store[name]
        del self.files[f"{ROOT}\\INF\\{name}"]
        if words[0] == "/delete-driver":
            for device in [device for device in self.devices if device.inf == name]:
                self.give(device, self.best())
                self.forget(device)
        return (3010 if self.restart else 0), ["Deleted"]

    def forget(self, device):
        if self.forget_addresses:
            device.interface += "'"
            self.names[device.interface] = self.names[device.interface[:-1]]
            self.give(device, device.inf)

    def replace(self, hardware_id, inf):
        self.log.append(f"replace {hardware_id} {inf}")
        if self.refuse is not None:
            return self.refuse
        for device in self.devices:
            self.give(device, self.add_package(self.package))
        return 3010 if self.restart else 0

    def remove(self, device_id):
        self.log.append(f"remove {device_id}")
        device = next(device for device in self.devices if device.id == device_id)
        self.give(device, None)
        self.forget(device)
        return self.refuse or (3010 if self.restart else 0)

    def rescan(self):
        self.log.append("rescan")
        for device in self.devices:
            if device.inf is None:
                self.give(device, self.best())
        return 0

    # --- what scripts see of .NET ---

    def read_script(self, path):
        return self.scripts[path.rsplit("\\", 1)[1]]

    @staticmethod
    def static(name):
        return Static(name)

    def member(self, of, name):
        if of is None:
            return None
        if isinstance(of, Static):
            found = {("Environment", "OSVersion"): {"Version": {"Build": self.build}},
                     ("Security.Principal.WindowsBuiltInRole", "Administrator"): "Administrator"}
            return found[of.name, name]
        if isinstance(of, Store):
            return {"Certificates": of.held}[name]
        if isinstance(of, list) and name == "Count":
            return len(of)
        if isinstance(of, list) and len(of) == 1:
            return self.member(of[0], name)
        if isinstance(of, Certificate):
            return of.members[name]
        if isinstance(of, dict):
            return next((value for key, value in of.items() if key.lower() == name.lower()), None)
        raise Unknown(f".{name} of {of!r}")

    def call(self, of, name, given):
        if isinstance(of, Static):
            known = {("Security.Principal.WindowsIdentity", "GetCurrent"): lambda: "identity",
                     ("IO.File", "ReadAllText"): lambda path: "\n".join(self.files[path]),
                     ("XenNet.Setup", "Replace"): self.replace, ("XenNet.Setup", "Remove"): self.remove,
                     ("XenNet.Setup", "Rescan"): self.rescan}
            if of.name == "XenNet.Setup" and "Add-Type" not in self.log:
                raise Thrown("cannot find type [XenNet.Setup]")
            return known[of.name, name](*given)
        if isinstance(of, Store):
            return self.store_call(of, name, given)
        if isinstance(of, str) and name in ("Trim", "Contains"):
            return of.strip() if name == "Trim" else given[0] in of
        if of == ("principal",) and name == "IsInRole":
            return self.administrator
        if isinstance(of, tuple) and of[0] == "class" and name == "Delete":
            if of[1] not in self.classes:
                raise Thrown("not found")
            return self.classes.remove(of[1])
        if isinstance(of, list) and name == "Find":
            return [each for each in of if each.members["Thumbprint"] == given[1]]
        raise Unknown(f".{name}() of {of!r}")

    def store_call(self, store, name, given):
        if name in ("Open", "Close"):
            self.log.append(f"{name} {store.name} {' '.join(given)}".strip())
        elif name == "Add":
            store.held.append(given[0])
        elif name == "Remove":
            store.held.remove(given[0])
        else:
            raise Unknown(f"X509Store.{name}")

    # --- commands ---

    def command(self, name, values, flags, where):
        known = getattr(self, "run_" + name.lower().replace("-", "_"), None)
        if known is None:
            raise Unknown(f"{where}: the command {name}")
        flags = {flag.lower(): value for flag, value in flags.items()}
        return known(values, flags)

    def run_write_host(self, values, _flags):
        self.printed.append(plain(values[0]))

    def run_add_content(self, _values, flags):
        self.files.setdefault(flags["path"], []).append(flags["value"])

    def run_set_content(self, _values, flags):
        found = flags["value"]
        self.files[flags["path"]] = list(found) if isinstance(found, list) else [found]

    def run_get_content(self, values, _flags):
        found = list(self.files[values[0]])
        return found[0] if len(found) == 1 else found

    @staticmethod
    def run_get_date(_values, _flags):
        return datetime.datetime(2026, 1, 2, 3, 4, 5)

    @staticmethod
    def run_join_path(values, _flags):
        return values[0].rstrip("\\") + "\\" + values[1]

    @staticmethod
    def run_split_path(values, flags):
        if "leaf" in flags:
            return plain(flags["leaf"]).rsplit("\\", 1)[-1]
        return plain(flags["parent"]).rsplit("\\", 1)[0]

    def run_test_path(self, values, _flags):
        path = values[0].lower()
        return any(found.lower() == path or found.lower().startswith(path + "\\")
                   for found in (*self.files, *self.registry))

    def run_get_itemproperty(self, values, flags):
        path = (flags.get("path") or values[0]).lower()
        return next((value for key, value in self.registry.items() if key.lower() == path), {})

    def run_get_childitem(self, values, flags):
        form = re.escape(flags["filter"]).replace(r"\*", ".*")
        found = [path.rsplit("\\", 1)[1] for path in self.files if path.startswith(values[0] + "\\")]
        return [{"Name": name} for name in sorted(found) if re.fullmatch(form, name)]

    def run_remove_item(self, _values, flags):
        path = flags["path"]
        if path in self.files:
            del self.files[path]
        for key in [key for key in self.registry if key == path or key.startswith(path + "\\")]:
            del self.registry[key]
        self.log.append(f"remove {path}")

    def run_get_wmiobject(self, values, flags):
        if (values, flags) != (["Win32_PnPEntity"], {"filter": "PNPDeviceID LIKE 'XENVIF\\\\%'"}):
            raise Unknown(f"Get-WmiObject {values} {flags}")
        return [{"PNPDeviceID": device.id, "ConfigManagerErrorCode": device.problem} for device in self.devices]

    def run_new_object(self, values, flags):
        if values[0] == "PSObject":
            return dict(flags["property"])
        name, given = values[0], values[1:]
        if name == "Security.Principal.WindowsPrincipal":
            return ("principal",)
        if name.endswith("X509Store"):
            return Store(self, given[0][0])
        if name.endswith("X509Certificate2"):
            return Certificate("CN=Company XenNet test certificate")
        if name == "Management.ManagementClass":
            return ("class", given[0].split(":")[1])
        raise Unknown(f"New-Object {name}")

    def run_get_authenticodesignature(self, _values, _flags):
        return {"Status": self.signature, "StatusMessage": "the reason"}

    def run_add_type(self, _values, flags):
        assert "class Setup" in flags["typedefinition"]
        self.log.append("Add-Type")

    def run_get_command(self, values, _flags):
        return values[0] if self.build >= 9200 else None

    def run_get_netipaddress(self, _values, flags):
        return [{"IPAddress": address, "PrefixLength": length}
                for address, length in self.manual.get(flags["interfacealias"], [])]

    @staticmethod
    def format(form, values):
        """PowerShell's -f for what the scripts use: a date and text."""
        date, text = values
        assert form == "{0:yyyy-MM-dd HH:mm:ss} {1}"
        return f"{date:%Y-%m-%d %H:%M:%S} {text}"


__all__ = ["Exit", "Scene", "Package", "Certificate"]
