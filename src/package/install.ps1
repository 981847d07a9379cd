# SPDX-License-Identifier: BSD-2-Clause
<#
.SYNOPSIS
Installs the @PRODUCT_NAME@ network driver, version @VERSION@ for @ARCHITECTURE@, from the folder of this script.

.DESCRIPTION
For @EDITION_WINDOWS@. Adds the package to the driver store and installs it on every network device of
XENVIF; then looks which driver each device really uses, and names the one that Windows prefers to this one. What
happens is written to a log file too.

A package that was signed with a test certificate installs only where Windows is in test-signing mode and trusts the
certificate; the script reports what is missing and changes neither of them on its own.

.PARAMETER Force
Puts this driver in the place of one that Windows prefers. uninstall.ps1 gives the devices back to it.

.PARAMETER TrustTestCertificate
Adds the test certificate beside this script (xennet.cer) to the trusted roots and publishers of this computer.

.PARAMETER LogPath
The log file. Default: xennet-install.log in the folder for temporary files.

.NOTES
Exit codes: 0 installed and in use, 3010 installed and a restart is needed, 1 not installed, 2 added but not in use on
every device, 3 added and no device of XENVIF is here. Needs PowerShell 2 or later.
#>
param(
    [switch] $Force,
    [switch] $TrustTestCertificate,
    [string] $LogPath = (Join-Path $env:TEMP 'xennet-install.log')
)

$ErrorActionPreference = 'Stop'
$Folder = Split-Path -Parent $MyInvocation.MyCommand.Path
$NotInUse = 2
$NoDevice = 3
. (Join-Path $Folder 'common.ps1')

function Stop-Install([string] $Text) {
    Write-Log "NOT INSTALLED: $Text"
    Write-Host "Log: $LogPath"
    exit 1
}

function Test-TestSigning {
    return ((Get-Value $Control 'SystemStartOptions') -match '(^|\s)TESTSIGNING(\s|$)')
}

function Test-Trusted($Certificate, [string] $StoreName) {
    $store = New-Object Security.Cryptography.X509Certificates.X509Store $StoreName, 'LocalMachine'
    $store.Open('ReadOnly')
    try {
        return ($store.Certificates.Find('FindByThumbprint', $Certificate.Thumbprint, $false).Count -ne 0)
    } finally {
        $store.Close()
    }
}

function Add-Trust($Certificate, [string] $StoreName) {
    $store = New-Object Security.Cryptography.X509Certificates.X509Store $StoreName, 'LocalMachine'
    $store.Open('ReadWrite')
    try {
        $store.Add($Certificate)
    } finally {
        $store.Close()
    }
    Write-Log "Added the test certificate $($Certificate.Thumbprint) to $StoreName"
}

function Assert-TestCertificate([string] $Path) {
    $certificate = New-Object Security.Cryptography.X509Certificates.X509Certificate2 $Path
    Write-Log "The package is signed with a test certificate: $($certificate.Subject), $($certificate.Thumbprint)"
    if (-not (Test-TestSigning)) {
        Stop-Install ('Windows is not in test-signing mode, and loads no driver with a test certificate. ' +
            'As administrator, run "bcdedit /set testsigning on" (with Secure Boot switched off), ' +
            'restart, and run this script again.')
    }
    foreach ($name in 'Root', 'TrustedPublisher') {
        if (Test-Trusted $certificate $name) { continue }
        if (-not $TrustTestCertificate) {
            Stop-Install ("The test certificate is not in this computer's $name store. " +
                'Run this script with -TrustTestCertificate to trust it, only on a machine meant for tests.')
        }
        Add-Trust $certificate $name
    }
}

function Assert-Signed([string] $Path) {
    $signature = Get-AuthenticodeSignature $Path
    Write-Log "Signature of $(Split-Path -Leaf $Path): $($signature.Status)"
    if ($signature.Status -ne 'Valid') {
        Stop-Install "the signature of $Path does not verify: $($signature.StatusMessage)"
    }
}

function Assert-Windows {
    $machine = Get-WindowsArchitecture
    if ($machine -ne '@ARCHITECTURE@') {
        Stop-Install "this package is for @ARCHITECTURE@ and this Windows is $machine."
    }
    $edition = 'windows7'
    $other = 'the one in the folder windows7'
    if ((Get-WindowsBuild) -ge $AddDriverBuild) {
        $edition = 'windows10'
        $other = 'the one beside the folder windows7'
    }
    if ($edition -ne '@EDITION@') {
        Stop-Install "this package is for @EDITION_WINDOWS@: use $other."
    }
}

function Add-Package([string] $Inf) {
    if ((Get-WindowsBuild) -ge $AddDriverBuild) {
        Invoke-Tool 'pnputil.exe' @('/add-driver', $Inf, '/install')
    } else {
        Invoke-Tool 'pnputil.exe' @('-i', '-a', $Inf)
    }
}

function Set-Driver([string] $Inf) {
    # Returns whether a restart is needed.
    $restart = $false
    Add-Setup
    foreach ($device in @(Get-XenDevice)) {
        if ($device.IsOwn) { continue }
        Write-Log "Replacing on $($device.Id): $(Get-DriverText $device)"
        $status = [XenNet.Setup]::Replace($device.HardwareId, $Inf)
        if ($status -eq $RestartNeeded) {
            $restart = $true
        } elseif ($status -ne 0) {
            Write-Log "It was not replaced: Windows' status is $status"
        }
    }
    return $restart
}

function Show-Driver {
    # Returns how many devices do not use this driver.
    $others = 0
    foreach ($device in @(Get-XenDevice)) {
        if (-not $device.IsOwn) {
            $others += 1
            Write-Log "NOT IN USE on $($device.Id), which uses $(Get-DriverText $device)"
        } elseif ($device.Problem -ne 0) {
            Write-Log ("In use on $($device.Id), which does not work: Device Manager shows code $($device.Problem) " +
                '(14: restart; 52: the signature is not trusted; others: see INSTALL.md)')
        } else {
            Write-Log "In use on $($device.Id): $(Get-DriverText $device)"
        }
    }
    return $others
}

try {
    Write-Log 'Installing @PRODUCT_NAME@ PV Network Device @VERSION@ (@ARCHITECTURE@)'
    if (-not (Test-Administrator)) {
        Stop-Install 'this needs an administrator: start PowerShell with "Run as administrator".'
    }
    Assert-Windows
    $inf = Join-Path $Folder 'xennet.inf'
    foreach ($name in 'xennet.inf', 'xennet.sys', 'xennet.cat') {
        if (-not (Test-Path (Join-Path $Folder $name))) {
            Stop-Install "$name is missing beside this script: unpack the whole package."
        }
    }
    $certificate = Join-Path $Folder 'xennet.cer'
    if (Test-Path $certificate) { Assert-TestCertificate $certificate }
    Assert-Signed (Join-Path $Folder 'xennet.sys')

    Add-Package $inf
    $status = $LASTEXITCODE
    # 259: added, but nothing changed: something better is in use, or nothing is there.
    if ($status -ne 0 -and $status -ne $RestartNeeded -and $status -ne 259) {
        Stop-Install ("pnputil ended with status $status. The reason stands in $env:SystemRoot\INF\setupapi.dev.log, " +
            'at the end; "revision mismatch" there is explained in docs/interfaces.md of the sources.')
    }
    $restart = ($status -eq $RestartNeeded)
    if ($Force -and (Set-Driver $inf)) { $restart = $true }
    if (@(Get-XenDevice).Count -eq 0) {
        Write-Log 'Added to the driver store; no device of XENVIF is here: install XenBus and XenVif'
        exit $NoDevice
    }
    $others = Show-Driver
    if ($restart) {
        Write-Log 'Installed; restart Windows to use it'
        exit $RestartNeeded
    }
    if ($others -ne 0) {
        Write-Log ('Added to the driver store, and not in use: Windows prefers what is named above. ' +
            'Run this script with -Force to put this driver in its place, or remove that package.')
        exit $NotInUse
    }
    Write-Log 'Installed'
    exit 0
} catch {
    Stop-Install "$_"
}
