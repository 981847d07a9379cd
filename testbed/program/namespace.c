/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes the namespaces of namespace.h. Called by main.c before any other thread exists. */
#include "program/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OWN_NETWORK "/proc/thread-self/ns/net"

int namespace_create(char *error, size_t size)
{
    int made = -1, home = open(OWN_NETWORK, O_RDONLY | O_CLOEXEC);

    if (home < 0) {
        snprintf(error, size, "%s cannot be opened (%s): mount /proc and use a kernel with network namespaces",
                 OWN_NETWORK, strerror(errno));
        return -1;
    }
    if (unshare(CLONE_NEWNET) != 0) {
        snprintf(error, size, "a network namespace cannot be made (%s): %s", strerror(errno),
                 errno == EPERM ? "run as root" : "use a kernel with network namespaces (CONFIG_NET_NS)");
    } else {
        made = open(OWN_NETWORK, O_RDONLY | O_CLOEXEC);
        if (made < 0) {
            snprintf(error, size, "%s cannot be opened (%s)", OWN_NETWORK, strerror(errno));
        }
        if (setns(home, CLONE_NEWNET) != 0) {
            snprintf(error, size, "cannot go back to the own network namespace (%s)", strerror(errno));
            close(made);
            made = -1;
        }
    }
    close(home);
    return made;
}
