/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Makes the TAP device of tap.c: one descriptor per queue, attached in the wanted network namespace, MAC, MTU and link
 * set. The calling thread enters that namespace for the moment (a namespace belongs to a thread on Linux) and comes
 * back before it returns. Every failure becomes one sentence that says what is missing.
 */
#include "wire/tap_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TRANSMIT_QUEUE_LENGTH = 1000 };

static bool attach(struct tap *tap, const char *name, char *error, size_t size)
{
    struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
    int header = sizeof(struct virtio_net_hdr);
    uint32_t q;

    if (tap->port.queues > 1) {
        request.ifr_flags |= IFF_MULTI_QUEUE;
    }
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    for (q = 0; q < tap->port.queues; q++) {
        int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

        if (fd < 0 && (errno == ENOENT || errno == ENODEV || errno == ENXIO)) {
            snprintf(
                error, size,
                "/dev/net/tun is missing: load the kernel module tun (modprobe tun) or give this container the device");
            return false;
        }
        if (fd < 0) {
            snprintf(error, size, "/dev/net/tun cannot be opened (%s): run as root, with the device allowed",
                     strerror(errno));
            return false;
        }
        tap->queues[q].fd = fd;
        if (ioctl(fd, TUNSETIFF, &request) != 0) {
            if (errno == EPERM) {
                snprintf(error, size, "a TAP device cannot be made: the right CAP_NET_ADMIN is missing, run as root");
            } else if (errno == EBUSY) {
                snprintf(error, size, "the TAP device %s is in use by another process: end that or choose another name",
                         name);
            } else {
                snprintf(error, size,
                         "the TAP device %s cannot be made (%s): the kernel needs TUN/TAP with virtio-net headers and "
                         "several queues",
                         name, strerror(errno));
            }
            return false;
        }
        if (ioctl(fd, TUNSETVNETHDRSZ, &header) != 0) {
            snprintf(error, size,
                     "the kernel's TUN/TAP driver does not know virtio-net headers (%s): use Linux 3.0 or later",
                     strerror(errno));
            return false;
        }
        tap->queues[q].wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        if (tap->queues[q].wake < 0) {
            snprintf(error, size, "no descriptor left for the TAP device %s (%s): raise the limit of open files", name,
                     strerror(errno));
            return false;
        }
    }
    return true;
}

static bool configure(const char *name, uint32_t mtu, const uint8_t *mac, char *error, size_t size)
{
    struct ifreq request;
    const char *what = NULL;
    int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    memset(&request, 0, sizeof(request));
    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    if (control < 0) {
        what = "a control socket";
    }
    if (what == NULL && mac != NULL) {
        request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
        memcpy(request.ifr_hwaddr.sa_data, mac, 6);
        what = ioctl(control, SIOCSIFHWADDR, &request) != 0 ? "its MAC address" : NULL;
    }
    if (what == NULL) {
        request.ifr_mtu = (int)mtu;
        what = ioctl(control, SIOCSIFMTU, &request) != 0 ? "its MTU" : NULL;
    }
    if (what == NULL) {
        request.ifr_qlen = TRANSMIT_QUEUE_LENGTH;
        what = ioctl(control, SIOCSIFTXQLEN, &request) != 0 ? "its queue length" : NULL;
    }
    if (what == NULL) {
        what = ioctl(control, SIOCGIFFLAGS, &request) != 0 ? "its flags" : NULL;
    }
    if (what == NULL) {
        request.ifr_flags |= IFF_UP;
        what = ioctl(control, SIOCSIFFLAGS, &request) != 0 ? "its link up" : NULL;
    }
    if (what != NULL) {
        snprintf(error, size, "the TAP device %s refuses %s (MTU %u): %s", name, what, mtu, strerror(errno));
    }
    if (control >= 0) {
        close(control);
    }
    return what == NULL;
}

/* A descriptor of the thread's own namespace for `leave`; -1: that is the one wanted, or, with a sentence, it failed.
 */
static int enter(const char *name, int netns, char *error, size_t size)
{
    int home;

    error[0] = '\0';
    if (netns < 0) {
        return -1;
    }
    home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (home >= 0 && setns(netns, CLONE_NEWNET) == 0) {
        return home;
    }
    snprintf(error, size, "the network namespace for %s cannot be entered (%s): run as root, with /proc mounted", name,
             strerror(errno));
    if (home >= 0) {
        close(home);
    }
    return -1;
}

static bool leave(const char *name, int home, char *error, size_t size)
{
    bool left = home < 0 || setns(home, CLONE_NEWNET) == 0;

    if (!left) {
        snprintf(error, size, "the way back from the network namespace of %s is barred: %s", name, strerror(errno));
    }
    if (home >= 0) {
        close(home);
    }
    return left;
}

bool tap_open(struct tap *tap, const char *name, int netns, uint32_t mtu, const uint8_t *mac, char *error, size_t size)
{
    bool opened;
    int home;

    if (strlen(name) >= IFNAMSIZ) {
        snprintf(error, size, "the TAP name %s is longer than %d characters", name, IFNAMSIZ - 1);
        return false;
    }
    home = enter(name, netns, error, size);
    if (error[0] != '\0') {
        return false;
    }
    opened = attach(tap, name, error, size) && configure(name, mtu, mac, error, size);
    return leave(name, home, error, size) && opened;
}

bool tap_set_mtu(const char *name, int netns, uint32_t mtu, char *error, size_t size)
{
    int home = enter(name, netns, error, size);
    bool set;

    if (error[0] != '\0') {
        return false;
    }
    set = configure(name, mtu, NULL, error, size);
    return leave(name, home, error, size) && set;
}
