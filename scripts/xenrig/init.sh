#!/bin/busybox sh
# SPDX-License-Identifier: BSD-2-Clause
# Domain 0's first process: modules, xenstore, then the agent on the second serial port.
mkdir -p /busybox
/bin/busybox --install -s /busybox
export PATH=/bin:/usr/sbin:/busybox
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm /run/lock /run/xen /run/xenstored /var/lock
mount -t tmpfs tmpfs /run
mkdir -p /run/xen /run/xenstored /run/netns /run/lock
dmesg -n 4
echo "rig: user space"
for module in $(cat /modules/order); do
    insmod "/modules/$module" || echo "rig: module $module does not load"
done
mount -t xenfs xenfs /proc/xen
ip link set lo up
xenstored --pid-file /run/xen/xenstored.pid
tries=0
until xenstore-read / > /dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -gt 100 ] && { echo "rig: xenstored does not answer"; poweroff -f; }
    usleep 50000
done
xen-init-dom0
echo "rig: xenstore"
bash /agent /dev/ttyS1 115200
sync
poweroff -f
