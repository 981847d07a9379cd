/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Carrying out an INF's sections on the registry, shared by install.c (which section for what), install_registry.c
 * (AddReg, DelReg) and install_params.c (Ndi\params).
 */
#ifndef TESTBED_NT_INSTALL_INSTALL_H
#define TESTBED_NT_INSTALL_INSTALL_H

#include "nt/install/inf.h"

#define CURRENT_CONTROL_SET "\\Registry\\Machine\\System\\CurrentControlSet"
#define NET_CLASS           "{4d36e972-e325-11ce-bfc1-08002be10318}"
#define SYSTEM_CLASS        "{4d36e97d-e325-11ce-bfc1-08002be10318}"

/* AddReg and DelReg of the install section, HKR meaning `relative`. False and one sentence when something cannot be
 * done. */
bool install_registry(const struct inf *inf, const char *section, const char *relative, char *error, size_t size);

/* The keywords' defaults of Ndi\params under `driver_key` become its values where it has none yet. */
void install_defaults(const char *driver_key);
/* One "KEYWORD=VALUE", checked against Ndi\params as Device Manager does. */
bool install_set(const char *driver_key, const char *inf_file, const char *setting, char *error, size_t size);

/* \SystemRoot\System32\drivers\x.sys for %12%\x.sys; false: a directory number that is not known. */
bool install_directory(const char *text, char *path, size_t size);

#endif
