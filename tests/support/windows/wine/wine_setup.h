/* SPDX-License-Identifier: BSD-2-Clause */
/* What the two files of the Wine test program share: see wine_setup.c. */
#ifndef TESTS_WINE_SETUP_H
#define TESTS_WINE_SETUP_H

#include <windows.h>

/* Which of the co-installer's calls fail, and what others say. */
struct fault {
    unsigned calls, fail_call; /* the n-th call that can fail does; 0: none */
    DWORD fail_error;
    WCHAR fail_path[300]; /* every open, create and delete of a path with this in it fails; "": none */
    BOOL has_text_log;
    ULONG device_status, device_problem;
};

extern struct fault fault;

void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *narrow(const WCHAR *text);

void replace_imports(HMODULE module);
LONG CALLBACK on_exception(EXCEPTION_POINTERS *exception);

#endif
