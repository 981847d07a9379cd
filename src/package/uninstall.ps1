# SPDX-License-Identifier: BSD-2-Clause
<#
.SYNOPSIS
Removes the @PRODUCT_NAME@ network driver from the devices of XENVIF and from the driver store.

.DESCRIPTION
Removes every package in the driver store whose INF is xennet.inf, whatever its version, and the counters' names in
WMI. The network devices of XENVIF are left without a driver: have another way into this machine. What happens is
written to a log file too.

.PARAMETER LogPath
The log file. Default: xennet-uninstall.log in the folder for temporary files.

.NOTES
Exit codes: 0 removed or nothing to remove, 3010 removed and a restart is needed, 1 not removed.
Needs PowerShell 2 or later.
#>
param(
    [string] $LogPath = (Join-Path $env:TEMP 'xennet-uninstall.log')
)

$ErrorActionPreference = 'Stop'
$RestartNeeded = 3010
$DeleteDriverBuild = 14393  # Windows 10 1607

function Write-Log([string] $Text) {
    Write-Host $Text
    Add-Content -Path $LogPath -Value ('{0:yyyy-MM-dd HH:mm:ss} {1}' -f (Get-Date), $Text)
}

function Stop-Uninstall([string] $Text) {
    Write-Log "NOT REMOVED: $Text"
    Write-Host "Log: $LogPath"
    exit 1
}

function Test-Administrator {
    $identity = [Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object Security.Principal.WindowsPrincipal $identity
    return $principal.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
}

function Find-Package {
    # Windows copies an INF to oem<n>.inf and keeps its text. Ours names its catalog and its devices.
    $found = @()
    foreach ($file in Get-ChildItem (Join-Path $env:SystemRoot 'INF') -Filter 'oem*.inf') {
        $text = [IO.File]::ReadAllText($file.FullName)
        if ($text -match '(?im)^\s*CatalogFile\s*=\s*xennet\.cat\s*$' -and $text -match '(?i)XENVIF\\VEN_') {
            $found += $file.Name
        }
    }
    return $found
}

function Invoke-PnpUtil([string[]] $Arguments) {
    # From a 32-bit process on 64-bit Windows, System32 is reached as Sysnative.
    $tool = Join-Path $env:SystemRoot 'Sysnative\pnputil.exe'
    if (-not (Test-Path $tool)) { $tool = Join-Path $env:SystemRoot 'System32\pnputil.exe' }
    Write-Log "pnputil $($Arguments -join ' ')"
    & $tool $Arguments 2>&1 | ForEach-Object { if ("$_".Trim()) { Write-Log "  $_" } }
    return
}

function Remove-Subscription {
    # Where the INF wrote it, without a co-installer, nobody else removes it; XENVIF would go on refusing upgrades for
    # us.
    $key = 'HKLM:\SYSTEM\CurrentControlSet\Services\XENVIF\Interfaces\XENNET'
    if (Test-Path $key) {
        Write-Log "Removing the subscription $key"
        Remove-Item -Path $key -Recurse -Force
    }
}

function Remove-CounterClass {
    # What install.ps1 has mofcomp add. A class that is not there is no trouble.
    foreach ($name in 'XenNet_Counters', 'XenNet_Queues', 'XenNet_Information') {
        try {
            (New-Object Management.ManagementClass "root\wmi:$name").Delete()
            Write-Log "Removed the class $name from WMI"
        } catch {
            Write-Log "The class $name was not in WMI, or stays: $_"
        }
    }
}

try {
    Write-Log 'Removing @PRODUCT_NAME@ PV Network Device'
    if (-not (Test-Administrator)) {
        Stop-Uninstall 'this needs an administrator: start PowerShell with "Run as administrator".'
    }
    $packages = @(Find-Package)
    if ($packages.Count -eq 0) {
        Write-Log 'No package with xennet.inf is in the driver store'
        exit 0
    }
    $restart = $false
    foreach ($name in $packages) {
        if ([Environment]::OSVersion.Version.Build -ge $DeleteDriverBuild) {
            Invoke-PnpUtil @('/delete-driver', $name, '/uninstall', '/force')
        } else {
            Invoke-PnpUtil @('-f', '-d', $name)
        }
        $status = $LASTEXITCODE
        if ($status -eq $RestartNeeded) {
            $restart = $true
        } elseif ($status -ne 0) {
            Stop-Uninstall ("pnputil ended with status $status on $name; the reason stands in " +
                "$env:SystemRoot\INF\setupapi.dev.log, at the end.")
        }
    }
    Remove-Subscription
    Remove-CounterClass
    if ($restart) {
        Write-Log 'Removed; restart Windows to finish'
        exit $RestartNeeded
    }
    Write-Log 'Removed'
    exit 0
} catch {
    Stop-Uninstall "$_"
}
