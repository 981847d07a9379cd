/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Logging: see log.h. No state but what the functions below look up each time; installing is rare.
 */
#include "log.h"

#include "text.h"

#define CATEGORY_INSTALLER 0x00000008 // setupapi's TXTLOG_INSTALLER
#define SETUP_ERROR        (APPLICATION_ERROR_MASK | ERROR_SEVERITY_ERROR)
#define LINE_SIZE          400 // characters; longer lines are cut
#define MODULE_NAME        L"xennet_coinst"

typedef DWORDLONG(WINAPI *GET_THREAD_LOG_TOKEN)(VOID);
typedef VOID(WINAPIV *WRITE_TEXT_LOG)(DWORDLONG Token, DWORD Category, DWORD Flags, PCSTR Format, ...);

static VOID
WriteSetupLog(DWORD Level, PCWSTR Line)
{
    HMODULE Setup = GetModuleHandleW(L"setupapi.dll");
    GET_THREAD_LOG_TOKEN GetThreadLogToken;
    WRITE_TEXT_LOG WriteTextLog;
    char Bytes[2 * LINE_SIZE];

    if (Setup == NULL)
        return;
    GetThreadLogToken = (GET_THREAD_LOG_TOKEN)(ULONG_PTR)GetProcAddress(Setup, "SetupGetThreadLogToken");
    WriteTextLog = (WRITE_TEXT_LOG)(ULONG_PTR)GetProcAddress(Setup, "SetupWriteTextLog");
    if (GetThreadLogToken == NULL || WriteTextLog == NULL)
        return;
    if (WideCharToMultiByte(CP_ACP, 0, Line, -1, Bytes, (int)sizeof(Bytes), NULL, NULL) == 0)
        return;
    WriteTextLog(GetThreadLogToken(), CATEGORY_INSTALLER, Level, "%s", Bytes);
}

static VOID
StartLine(TEXT *Text, WCHAR *Line, const char *Function)
{
    WCHAR Letter[2] = {0, 0};

    TextStart(Text, Line, LINE_SIZE);
    TextAdd(Text, MODULE_NAME L": ");
    for (; *Function != 0; Function++) {
        Letter[0] = (WCHAR)*Function;
        TextAdd(Text, Letter);
    }
    TextAdd(Text, L": ");
}

static VOID
Write(DWORD Level, TEXT *Text)
{
    WriteSetupLog(Level, Text->Buffer);
    // A debugger shows lines where they end; the setup log ends them itself.
    if (Text->Length + 1 == Text->Size)
        Text->Length--;
    TextAdd(Text, L"\n");
    OutputDebugStringW(Text->Buffer);
}

_Use_decl_annotations_
VOID
LogText(DWORD Level, const char *Function, PCWSTR What)
{
    WCHAR Line[LINE_SIZE];
    TEXT Text;

    StartLine(&Text, Line, Function);
    TextAdd(&Text, What);
    Write(Level, &Text);
}

// As people know them: small ones decimal, the others hexadecimal.
static VOID
AddErrorNumber(TEXT *Text, DWORD Error)
{
    static const WCHAR Digits[] = L"0123456789abcdef";
    WCHAR Hex[11] = L"0x";
    int Index;

    if (Error <= 0xffff) {
        TextAddNumber(Text, Error);
        return;
    }
    for (Index = 0; Index < 8; Index++)
        Hex[2 + Index] = Digits[(Error >> (28 - 4 * Index)) & 0xf];
    TextAdd(Text, Hex);
}

// Windows' own text for an error, which ends its sentences with a line break. It knows setupapi's own errors, which
// are no system errors, as HRESULTs.
static VOID
AddErrorText(TEXT *Text, DWORD Error)
{
    WCHAR Message[160];
    DWORD Code = (Error & SETUP_ERROR) == SETUP_ERROR ? 0x800f0000 | (Error & 0xffff) : Error;
    DWORD Length = FormatMessageW(FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, NULL, Code, 0, Message,
                                  COUNT_OF(Message), NULL);

    while (Length > 0 && (Message[Length - 1] <= L' ' || Message[Length - 1] == L'.'))
        Length--;
    Message[Length] = 0;
    TextAdd(Text, Length > 0 ? Message : L"error");
    TextAdd(Text, L" (");
    AddErrorNumber(Text, Error);
    TextAdd(Text, L")");
}

_Use_decl_annotations_
DWORD
LogFailure(const char *Function, PCWSTR What, PCWSTR Subject, DWORD Error)
{
    WCHAR Line[LINE_SIZE];
    TEXT Text;

    StartLine(&Text, Line, Function);
    TextAdd(&Text, What);
    if (Subject != NULL) {
        TextAdd(&Text, L" ");
        TextAdd(&Text, Subject);
    }
    TextAdd(&Text, L": ");
    AddErrorText(&Text, Error);
    Write(LOG_ERROR, &Text);
    return Error;
}
