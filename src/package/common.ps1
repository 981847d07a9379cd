# SPDX-License-Identifier: BSD-2-Clause
# What install.ps1 and uninstall.ps1 share; they read it from their own folder. PowerShell 2 and later.
#
# A device's driver is read where Windows keeps it: Win32_PnPEntity lists the devices that are present, the registry has
# the driver key of each with INF, provider, date and version.

$RestartNeeded = 3010
$AddDriverBuild = 14393     # Windows 10 1607: pnputil /add-driver, /delete-driver
$NetClass = '{4d36e972-e325-11ce-bfc1-08002be10318}'
$Control = 'HKLM:\SYSTEM\CurrentControlSet\Control'
$Services = 'HKLM:\SYSTEM\CurrentControlSet\Services'
$Mark = '@MARK@'

function Write-Log([string] $Text) {
    Write-Host $Text
    Add-Content -Path $LogPath -Value ('{0:yyyy-MM-dd HH:mm:ss} {1}' -f (Get-Date), $Text)
}

function Test-Administrator {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object Security.Principal.WindowsPrincipal $identity
    return $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

function Get-WindowsArchitecture {
    # A 32-bit PowerShell on 64-bit Windows has the real one in the second variable.
    $name = $env:PROCESSOR_ARCHITECTURE
    if ($env:PROCESSOR_ARCHITEW6432) { $name = $env:PROCESSOR_ARCHITEW6432 }
    switch ($name) {
        'AMD64' { return 'x64' }
        'x86' { return 'x86' }
        default { return $name }
    }
}

function Get-WindowsBuild {
    return [Environment]::OSVersion.Version.Build
}

function Get-SystemTool([string] $Path) {
    # From a 32-bit process on 64-bit Windows, System32 is reached as Sysnative.
    $tool = Join-Path $env:SystemRoot "Sysnative\$Path"
    if (Test-Path $tool) { return $tool }
    return (Join-Path $env:SystemRoot "System32\$Path")
}

function Invoke-Tool([string] $Path, [string[]] $Arguments) {
    # What it prints goes to the log; its status is in $LASTEXITCODE. A line on its error output is no exception.
    $ErrorActionPreference = 'Continue'
    Write-Log "$(Split-Path -Leaf $Path) $($Arguments -join ' ')"
    & (Get-SystemTool $Path) $Arguments 2>&1 | ForEach-Object { if ("$_".Trim()) { Write-Log "  $_" } }
}

function Test-Own([string] $Inf) {
    # Windows copies an INF to oem<n>.inf and keeps its text. Ours has a mark, whatever its version and company.
    if (-not $Inf) { return $false }
    $path = Join-Path $env:SystemRoot "INF\$Inf"
    if (-not (Test-Path $path)) { return $false }
    return ([IO.File]::ReadAllText($path)).Contains($Mark)
}

function Get-OwnPackage {
    foreach ($file in @(Get-ChildItem (Join-Path $env:SystemRoot 'INF') -Filter 'oem*.inf')) {
        if (Test-Own $file.Name) { $file.Name }
    }
}

function Get-Value([string] $Key, [string] $Name) {
    # A value of the registry, or nothing.
    if (-not (Test-Path $Key)) { return $null }
    return (Get-ItemProperty -Path $Key).$Name
}

function Get-XenDevice {
    # Each network device of XENVIF that is present, with the driver that it uses.
    foreach ($device in @(Get-WmiObject Win32_PnPEntity -Filter "PNPDeviceID LIKE 'XENVIF\\%'")) {
        if (-not $device) { continue }
        $enum = "HKLM:\SYSTEM\CurrentControlSet\Enum\$($device.PNPDeviceID)"
        $driver = Get-Value $enum 'Driver'
        $key = "$Control\Class\$driver"
        $inf = $null
        if ($driver) { $inf = Get-Value $key 'InfPath' }
        New-Object PSObject -Property @{
            Id = $device.PNPDeviceID
            HardwareId = @(Get-Value $enum 'HardwareID')[0]
            Problem = $device.ConfigManagerErrorCode
            Inf = $inf
            IsOwn = (Test-Own $inf)
            Title = "$(Get-Value $key 'DriverDesc')"
            Provider = "$(Get-Value $key 'ProviderName')"
            Version = "$(Get-Value $key 'DriverVersion')"
            Date = "$(Get-Value $key 'DriverDate')"
            Interface = "$(Get-Value $key 'NetCfgInstanceId')"
        }
    }
}

function Get-DriverText($Device) {
    if (-not $Device.Inf) { return 'no driver' }
    return ("'$($Device.Title)' of $($Device.Provider), version $($Device.Version) of $($Device.Date) " +
        "($($Device.Inf))")
}

function Add-Setup {
    # What pnputil cannot do: put a driver in place of a better one, and before Windows 10 1607 take one off a device.
    Add-Type -TypeDefinition @'
using System;
using System.Runtime.InteropServices;

namespace XenNet
{
    public static class Setup
    {
        [StructLayout(LayoutKind.Sequential)]
        struct DevInfo
        {
            public uint Size;
            public Guid Class;
            public uint Instance;
            public IntPtr Reserved;
        }

        const uint Force = 1;
        const int Restart = 3010;

        [DllImport("newdev.dll", CharSet = CharSet.Unicode, SetLastError = true)]
        static extern bool UpdateDriverForPlugAndPlayDevicesW(IntPtr window, string id, string inf, uint flags,
            out bool restart);
        [DllImport("newdev.dll", SetLastError = true)]
        static extern bool DiUninstallDevice(IntPtr window, IntPtr set, ref DevInfo device, uint flags,
            out bool restart);
        [DllImport("setupapi.dll", SetLastError = true)]
        static extern IntPtr SetupDiCreateDeviceInfoList(IntPtr type, IntPtr window);
        [DllImport("setupapi.dll", CharSet = CharSet.Unicode, SetLastError = true)]
        static extern bool SetupDiOpenDeviceInfoW(IntPtr set, string id, IntPtr window, uint flags,
            ref DevInfo device);
        [DllImport("setupapi.dll")]
        static extern bool SetupDiDestroyDeviceInfoList(IntPtr set);
        [DllImport("cfgmgr32.dll", CharSet = CharSet.Unicode)]
        static extern int CM_Locate_DevNodeW(out uint node, string id, uint flags);
        [DllImport("cfgmgr32.dll")]
        static extern int CM_Reenumerate_DevNode(uint node, uint flags);

        static int Result(bool good, bool restart)
        {
            return !good ? Marshal.GetLastWin32Error() : restart ? Restart : 0;
        }

        public static int Replace(string hardwareId, string inf)
        {
            bool restart;
            bool good = UpdateDriverForPlugAndPlayDevicesW(IntPtr.Zero, hardwareId, inf, Force, out restart);
            return Result(good, restart);
        }

        public static int Remove(string id)
        {
            bool restart = false;
            int result;
            DevInfo device = new DevInfo();
            IntPtr set = SetupDiCreateDeviceInfoList(IntPtr.Zero, IntPtr.Zero);
            device.Size = (uint)Marshal.SizeOf(typeof(DevInfo));
            bool good = SetupDiOpenDeviceInfoW(set, id, IntPtr.Zero, 0, ref device);
            if (good) good = DiUninstallDevice(IntPtr.Zero, set, ref device, 0, out restart);
            result = Result(good, restart);
            SetupDiDestroyDeviceInfoList(set);
            return result;
        }

        public static int Rescan()
        {
            uint root;
            int result = CM_Locate_DevNodeW(out root, null, 0);
            return result != 0 ? result : CM_Reenumerate_DevNode(root, 0);
        }
    }
}
'@
}
