# SPDX-License-Identifier: BSD-2-Clause
<#
.SYNOPSIS
Removes the @PRODUCT_NAME@ network driver from the devices of XENVIF and from the driver store.

.DESCRIPTION
Removes every package of this driver, whatever its version, and no other; Windows then gives each device to the next
best driver that it has. Without one the device is left without a network: have another way into this machine. Also
removed are the subscription with XENVIF, the counters' names in WMI and the test certificate, even if no package is
left. What happens is written to a log file too.

Windows may forget a device's addresses. Static ones are named first, and with -KeepAddresses saved and set again.

.PARAMETER KeepAddresses
Saves static addresses, gateways and name servers, and sets them again on the driver that comes in this one's place. Of
IPv6 from Windows 8 on.

.PARAMETER RestoreAddresses
Removes nothing: sets what an earlier -KeepAddresses saved, after a restart or after another driver was installed.

.PARAMETER AddressPath
The file with the saved addresses. Default: xennet-addresses.txt in the folder ProgramData.

.PARAMETER LogPath
The log file. Default: xennet-uninstall.log in the folder for temporary files.

.NOTES
Exit codes: 0 removed or nothing to remove, 3010 removed and a restart is needed, 1 not removed, 4 removed, but
addresses could not be set. Needs PowerShell 2 or later.
#>
param(
    [switch] $KeepAddresses,
    [switch] $RestoreAddresses,
    [string] $AddressPath = (Join-Path $env:ProgramData 'xennet-addresses.txt'),
    [string] $LogPath = (Join-Path $env:TEMP 'xennet-uninstall.log')
)

$ErrorActionPreference = 'Stop'
$Folder = Split-Path -Parent $MyInvocation.MyCommand.Path
$AddressesLost = 4
. (Join-Path $Folder 'common.ps1')

function Stop-Uninstall([string] $Text) {
    Write-Log "NOT REMOVED: $Text"
    Write-Host "Log: $LogPath"
    exit 1
}

function Get-ConnectionName($Device) {
    return (Get-Value "$Control\Network\$NetClass\$($Device.Interface)\Connection" 'Name')
}

function Get-Address($Device) {
    # Lines of device, kind and value for what was set by hand.
    $key = "$Services\Tcpip\Parameters\Interfaces\$($Device.Interface)"
    if ((Get-Value $key 'EnableDHCP') -eq 0) {
        $masks = @(Get-Value $key 'SubnetMask')
        $place = 0
        foreach ($address in @(Get-Value $key 'IPAddress')) {
            if ($address) { "$($Device.Id)`tipv4`t$address`t$($masks[$place])" }
            $place += 1
        }
        foreach ($gateway in @(Get-Value $key 'DefaultGateway')) {
            if ($gateway) { "$($Device.Id)`tgateway`t$gateway" }
        }
    }
    $servers = Get-Value $key 'NameServer'
    if ($servers) {
        foreach ($server in ($servers -split '[ ,]+')) { "$($Device.Id)`tdns`t$server" }
    }
    $name = Get-ConnectionName $Device
    if ($name -and (Get-Command Get-NetIPAddress -ErrorAction SilentlyContinue)) {
        $found = @(Get-NetIPAddress -InterfaceAlias $name -AddressFamily IPv6 -PrefixOrigin Manual `
                -ErrorAction SilentlyContinue)
        foreach ($address in $found) {
            if ($address) { "$($Device.Id)`tipv6`t$($address.IPAddress)`t$($address.PrefixLength)" }
        }
    }
}

function Set-Address([string] $Line, $Devices) {
    # Returns whether it was set.
    $field = $Line -split "`t"
    $device = $Devices | Where-Object { $_.Id -eq $field[0] }
    if (-not $device) {
        Write-Log "Not set: $($field[1]) $($field[2]): the device $($field[0]) is not here"
        return $false
    }
    $name = Get-ConnectionName $device
    if (-not $name) {
        Write-Log "Not set: $($field[1]) $($field[2]): the device $($field[0]) has no driver"
        return $false
    }
    switch ($field[1]) {
        'ipv4' { $words = @('ipv4', 'add', 'address', "name=$name", "address=$($field[2])", "mask=$($field[3])") }
        'gateway' { $words = @('ipv4', 'add', 'address', "name=$name", "gateway=$($field[2])", 'gwmetric=1') }
        'dns' { $words = @('ipv4', 'add', 'dnsservers', "name=$name", "address=$($field[2])", 'validate=no') }
        'ipv6' { $words = @('ipv6', 'add', 'address', "interface=$name", "address=$($field[2])/$($field[3])") }
    }
    Invoke-Tool 'netsh.exe' (@('interface') + $words)
    return ($LASTEXITCODE -eq 0)
}

function Restore-Address {
    # Returns how many could not be set; what could be set is taken off the file.
    $devices = @(Get-XenDevice)
    $left = @()
    foreach ($line in @(Get-Content $AddressPath)) {
        if (-not (Set-Address $line $devices)) { $left += $line }
    }
    if ($left.Count -eq 0) {
        Remove-Item -Path $AddressPath
    } else {
        Set-Content -Path $AddressPath -Value $left
        Write-Log "$($left.Count) addresses are still in ${AddressPath}: run uninstall.ps1 -RestoreAddresses later"
    }
    return $left.Count
}

function Save-Address($Devices) {
    # Returns how many there are; those of an earlier run that were not set are kept.
    $lines = @()
    foreach ($device in $Devices) {
        foreach ($line in @(Get-Address $device)) {
            if (-not $line) { continue }
            $field = $line -split "`t"
            Write-Log "Static on $($device.Id): $($field[1]) $($field[2])"
            $lines += $line
        }
    }
    if ($lines.Count -eq 0) { return 0 }
    if (-not $KeepAddresses) {
        Write-Log 'Windows may forget these addresses with the driver: run with -KeepAddresses to have them set again'
        return 0
    }
    if (Test-Path $AddressPath) {
        $lines = @(Get-Content $AddressPath | Where-Object { $lines -notcontains $_ }) + $lines
    }
    Set-Content -Path $AddressPath -Value $lines
    Write-Log "Saved to $AddressPath"
    return $lines.Count
}

function Remove-Package([string] $Name) {
    # Returns whether a restart is needed.
    if ((Get-WindowsBuild) -ge $AddDriverBuild) {
        Invoke-Tool 'pnputil.exe' @('/delete-driver', $Name, '/uninstall', '/force')
    } else {
        Invoke-Tool 'pnputil.exe' @('-f', '-d', $Name)
    }
    $status = $LASTEXITCODE
    if ($status -ne 0 -and $status -ne $RestartNeeded) {
        Stop-Uninstall ("pnputil ended with status $status on $Name; the reason stands in " +
            "$env:SystemRoot\INF\setupapi.dev.log, at the end.")
    }
    return ($status -eq $RestartNeeded)
}

function Remove-Device($Devices) {
    # Before Windows 10 1607 pnputil takes a package out of the store and leaves its driver on the devices: they are
    # removed, and found again when the package is gone. Returns whether a restart is needed.
    $restart = $false
    foreach ($device in $Devices) {
        Write-Log "Removing the driver from $($device.Id)"
        $status = [XenNet.Setup]::Remove($device.Id)
        if ($status -eq $RestartNeeded) {
            $restart = $true
        } elseif ($status -ne 0) {
            Stop-Uninstall "Windows' status is $status on $($device.Id)"
        }
    }
    return $restart
}

function Remove-Subscription {
    # The co-installer's, or that of an earlier version's INF. XENVIF would go on refusing upgrades for us.
    $key = "$Services\XENVIF\Interfaces\XENNET"
    if (Test-Path $key) {
        Write-Log "Removing the subscription $key"
        Remove-Item -Path $key -Recurse -Force
    }
}

function Remove-CounterClass {
    # Windows adds them from the driver, an earlier version had mofcomp add them. One that is not there is no trouble.
    foreach ($name in 'XenNet_Counters', 'XenNet_Queues', 'XenNet_Information') {
        try {
            (New-Object Management.ManagementClass "root\wmi:$name").Delete()
            Write-Log "Removed the class $name from WMI"
        } catch {
            Write-Log "The class $name is not in WMI"
        }
    }
}

function Remove-TestCertificate {
    # What install.ps1 -TrustTestCertificate added, of any build.
    foreach ($name in 'Root', 'TrustedPublisher') {
        $store = New-Object Security.Cryptography.X509Certificates.X509Store $name, 'LocalMachine'
        $store.Open('ReadWrite')
        try {
            foreach ($certificate in @($store.Certificates)) {
                if ($certificate.Subject -match 'XenNet test certificate$' -and
                    $certificate.Subject -eq $certificate.Issuer) {
                    $store.Remove($certificate)
                    Write-Log "Removed the test certificate $($certificate.Thumbprint) from $name"
                }
            }
        } finally {
            $store.Close()
        }
    }
}

try {
    if (-not (Test-Administrator)) {
        Stop-Uninstall 'this needs an administrator: start PowerShell with "Run as administrator".'
    }
    if ($RestoreAddresses) {
        if (-not (Test-Path $AddressPath)) {
            Write-Log "No addresses were saved in $AddressPath"
            exit 0
        }
        if ((Restore-Address) -ne 0) { exit $AddressesLost }
        exit 0
    }
    Write-Log 'Removing @PRODUCT_NAME@ PV Network Device'
    $packages = @(Get-OwnPackage)
    $devices = @(Get-XenDevice | Where-Object { $_.IsOwn })
    $saved = Save-Address $devices
    $restart = $false
    $isOld = ((Get-WindowsBuild) -lt $AddDriverBuild)
    if ($isOld -and $devices.Count -ne 0) {
        Add-Setup
        $restart = Remove-Device $devices
    }
    foreach ($name in $packages) {
        if (Remove-Package $name) { $restart = $true }
    }
    if ($packages.Count -eq 0) { Write-Log 'No package of this driver is in the driver store' }
    if ($isOld -and $devices.Count -ne 0) { [void] [XenNet.Setup]::Rescan() }
    Remove-Subscription
    Remove-CounterClass
    Remove-TestCertificate
    foreach ($device in @(Get-XenDevice)) { Write-Log "$($device.Id) uses $(Get-DriverText $device)" }
    if ($restart) {
        Write-Log 'Removed; restart Windows to finish'
        if ($saved -ne 0) { Write-Log 'Then run uninstall.ps1 -RestoreAddresses' }
        exit $RestartNeeded
    }
    if ($saved -ne 0 -and (Restore-Address) -ne 0) { exit $AddressesLost }
    Write-Log 'Removed'
    exit 0
} catch {
    Stop-Uninstall "$_"
}
