# SPDX-License-Identifier: BSD-2-Clause
<#
.SYNOPSIS
Installs the @PRODUCT_NAME@ network driver, version @VERSION@ for @ARCHITECTURE@, from the folder of this script.

.DESCRIPTION
Adds the package to the driver store and installs it on every network device of XENVIF. On Windows 10 1607 and later
with pnputil /add-driver, before that with pnputil -i -a. Names the driver's own counters in WMI (root\wmi, xennet.mof).
What happens is written to a log file too.

A package that was signed with a test certificate installs only where Windows is in test-signing mode and trusts the
certificate; the script reports what is missing and changes neither of them on its own.

.PARAMETER TrustTestCertificate
Adds the test certificate beside this script (xennet.cer) to the trusted roots and publishers of this computer.

.PARAMETER LogPath
The log file. Default: xennet-install.log in the folder for temporary files.

.NOTES
Exit codes: 0 installed, 3010 installed and a restart is needed, 1 not installed. Needs PowerShell 2 or later.
#>
param(
    [switch] $TrustTestCertificate,
    [string] $LogPath = (Join-Path $env:TEMP 'xennet-install.log')
)

$ErrorActionPreference = 'Stop'
$Folder = Split-Path -Parent $MyInvocation.MyCommand.Path
$RestartNeeded = 3010
$AddDriverBuild = 14393     # Windows 10 1607

function Write-Log([string] $Text) {
    Write-Host $Text
    Add-Content -Path $LogPath -Value ('{0:yyyy-MM-dd HH:mm:ss} {1}' -f (Get-Date), $Text)
}

function Stop-Install([string] $Text) {
    Write-Log "NOT INSTALLED: $Text"
    Write-Host "Log: $LogPath"
    exit 1
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

function Test-TestSigning {
    $options = (Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control').SystemStartOptions
    return ($options -match '(^|\s)TESTSIGNING(\s|$)')
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

function Get-SystemTool([string] $Path) {
    # From a 32-bit process on 64-bit Windows, System32 is reached as Sysnative.
    $tool = Join-Path $env:SystemRoot "Sysnative\$Path"
    if (Test-Path $tool) { return $tool }
    return (Join-Path $env:SystemRoot "System32\$Path")
}

function Invoke-PnpUtil([string[]] $Arguments) {
    Write-Log "pnputil $($Arguments -join ' ')"
    & (Get-SystemTool 'pnputil.exe') $Arguments 2>&1 | ForEach-Object { if ("$_".Trim()) { Write-Log "  $_" } }
    return
}

function Add-CounterClass {
    # Gives the driver's own counters their names in WMI. The driver works without them, so a failure is reported only.
    try {
        $mof = Join-Path $Folder 'xennet.mof'
        Write-Log "mofcomp -N:root\wmi $mof"
        & (Get-SystemTool 'wbem\mofcomp.exe') '-N:root\wmi' $mof |
            ForEach-Object { if ("$_".Trim()) { Write-Log "  $_" } }
        if ($LASTEXITCODE -ne 0) {
            Write-Log "The counters have no names in WMI: mofcomp ended with status $LASTEXITCODE"
        }
    } catch {
        Write-Log "The counters have no names in WMI: $_"
    }
}

try {
    Write-Log 'Installing @PRODUCT_NAME@ PV Network Device @VERSION@ (@ARCHITECTURE@)'
    if (-not (Test-Administrator)) {
        Stop-Install 'this needs an administrator: start PowerShell with "Run as administrator".'
    }
    $machine = Get-WindowsArchitecture
    if ($machine -ne '@ARCHITECTURE@') {
        Stop-Install "this package is for @ARCHITECTURE@ and this Windows is $machine."
    }
    $inf = Join-Path $Folder 'xennet.inf'
    foreach ($name in 'xennet.inf', 'xennet.sys', 'xennet.cat', 'xennet.mof') {
        if (-not (Test-Path (Join-Path $Folder $name))) {
            Stop-Install "$name is missing beside this script: unpack the whole package."
        }
    }
    $certificate = Join-Path $Folder 'xennet.cer'
    if (Test-Path $certificate) { Assert-TestCertificate $certificate }
    Assert-Signed (Join-Path $Folder 'xennet.sys')

    if ([Environment]::OSVersion.Version.Build -ge $AddDriverBuild) {
        Invoke-PnpUtil @('/add-driver', $inf, '/install')
    } else {
        Invoke-PnpUtil @('-i', '-a', $inf)
    }
    $status = $LASTEXITCODE
    if ($status -eq 0 -or $status -eq $RestartNeeded) { Add-CounterClass }
    if ($status -eq $RestartNeeded) {
        Write-Log 'Installed; restart Windows to use it'
        exit $RestartNeeded
    }
    # 259: added, but no device here takes it, or none needs it.
    if ($status -eq 259) {
        Write-Log 'Added to the driver store; no device of XENVIF is here that would take a newer driver'
        exit 0
    }
    if ($status -ne 0) {
        Stop-Install ("pnputil ended with status $status. The reason stands in $env:SystemRoot\INF\setupapi.dev.log, " +
            'at the end; "revision mismatch" there is explained in docs/interfaces.md of the sources.')
    }
    Write-Log 'Installed'
    exit 0
} catch {
    Stop-Install "$_"
}
